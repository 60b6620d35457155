"""Billing periods: the local days on which they begin, always derived from their anchor (docs/rules.md 1.2).

A ``calendar`` anchor begins periods on Mondays and on the first of a month, quarter or year; an ``anniversary`` anchor
on the weekday or the day of the month of its own day, clipped to the month: 31 January, 28 February, 31 March.
"""

from datetime import date, timedelta
from enum import StrEnum


class PeriodUnit(StrEnum):
    """How long a billing period is."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Anchor(StrEnum):
    """Where billing periods begin."""

    CALENDAR = "calendar"
    ANNIVERSARY = "anniversary"


_MONTHS = {PeriodUnit.MONTH: 1, PeriodUnit.QUARTER: 3, PeriodUnit.YEAR: 12}
_WEEK = timedelta(days=7)


def anchor_day(start: date, unit: PeriodUnit, anchor: Anchor) -> date:
    """Give the day that the periods of a subscription are counted from: the first day of the period of its start."""
    if anchor is Anchor.ANNIVERSARY:
        return start
    if unit is PeriodUnit.WEEK:
        return start - timedelta(days=start.weekday())
    months = _MONTHS[unit]
    return date(start.year, (start.month - 1) // months * months + 1, 1)


def period_start(anchor: date, unit: PeriodUnit, number: int) -> date:
    """Give the first day of a period: ``number`` 0 begins on the anchor day, and ends where number 1 begins."""
    if unit is PeriodUnit.WEEK:
        return anchor + number * _WEEK
    return add_months(anchor, number * _MONTHS[unit])


def add_months(day: date, months: int) -> date:
    """Go some months on, to the same day of the month or the last one that month has."""
    place = day.year * 12 + day.month - 1 + months
    year, month = divmod(place, 12)
    return date(year, month + 1, min(day.day, _days_of(year, month + 1)))


def _days_of(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - date(year, month, 1)).days


def period_number(anchor: date, unit: PeriodUnit, *, day: date) -> int:
    """Tell which period a day lies in, counted from the anchor day; negative before it."""
    if unit is PeriodUnit.WEEK:
        return (day - anchor) // _WEEK
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    number = months // _MONTHS[unit]
    # Clipped days make the month alone undecided: the day may lie before that period's first one.
    return number if period_start(anchor, unit, number) <= day else number - 1
