"""Ranges of time: the windows that a caller asked for, and which stored counters cover them.

All bounds are quarter-hours, half-open. A local day begins at the first quarter-hour at or after its first instant.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from chalicelib.shared.time import (
    ONE_DAY,
    QuarterHour,
    ceil_quarter_hour,
    days_between,
    local_day_of,
    local_day_start,
    quarter_hour_start,
)

QUARTER_HOURS_PER_DAY = 96


class Window(StrEnum):
    """How a range is cut."""

    QUARTER_HOUR = "quarter_hour"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Quarter-hours ``[start, end)``."""

    start: QuarterHour
    end: QuarterHour

    def __contains__(self, quarter_hour: object) -> bool:
        return isinstance(quarter_hour, int) and self.start <= quarter_hour < self.end

    @property
    def is_empty(self) -> bool:
        """Tell whether no quarter-hour lies in it."""
        return self.start >= self.end

    @property
    def start_at(self) -> datetime:
        """Give its first instant."""
        return quarter_hour_start(self.start)

    @property
    def end_at(self) -> datetime:
        """Give the first instant after it."""
        return quarter_hour_start(self.end)


def day_range(day: date, zone: ZoneInfo) -> Range:
    """Give the quarter-hours of a local day."""
    return Range(_day_starts(day, zone), _day_starts(day + ONE_DAY, zone))


def days_range(first: date, end: date, zone: ZoneInfo) -> Range:
    """Give the quarter-hours of the local days ``[first, end)``."""
    return Range(_day_starts(first, zone), _day_starts(end, zone))


def _day_starts(day: date, zone: ZoneInfo) -> QuarterHour:
    return ceil_quarter_hour(local_day_start(day, zone))


def day_of(quarter_hour: QuarterHour, zone: ZoneInfo) -> date:
    """Name the local day that a quarter-hour belongs to."""
    return local_day_of(quarter_hour_start(quarter_hour), zone)


def cut(whole: Range, window: Window, zone: ZoneInfo) -> list[Range]:
    """Cut a range into its windows in a time zone; the first and the last may be parts of one."""
    bounds = [bound for bound in _bounds(whole, window, zone) if whole.start < bound < whole.end]
    edges = [whole.start, *bounds, whole.end]
    return [Range(start, end) for start, end in itertools.pairwise(edges) if start < end]


def _bounds(whole: Range, window: Window, zone: ZoneInfo) -> Iterator[QuarterHour]:
    if window is Window.QUARTER_HOUR:
        yield from range(whole.start, whole.end)
    elif window is Window.HOUR:
        yield from _hour_starts(whole, zone)
    else:
        first, end = day_of(whole.start, zone), day_of(whole.end, zone) + ONE_DAY
        for day in days_between(first, end):
            if window is Window.DAY or day.day == 1:
                yield _day_starts(day, zone)


def _hour_starts(whole: Range, zone: ZoneInfo) -> Iterator[QuarterHour]:
    """Walk the quarter-hours where the clock shows a new hour, or jumps into one (Lord Howe skips half an hour)."""
    before_hour = None
    for quarter_hour in range(whole.start, whole.end):
        local = quarter_hour_start(quarter_hour).astimezone(zone)
        if local.minute == 0 or local.hour != before_hour:
            yield quarter_hour
        before_hour = local.hour


def whole_days(whole: Range, zone: ZoneInfo) -> tuple[date, date]:
    """Name the local days ``[first, end)`` that lie entirely in a range; ``first == end`` when none does."""
    if whole.is_empty:
        day = day_of(whole.start, zone)
        return day, day
    first = day_of(whole.start, zone)
    if _day_starts(first, zone) < whole.start:
        first += ONE_DAY
    end = day_of(whole.end, zone)
    return first, max(first, end)


def runs_of_days(days: Sequence[date]) -> list[tuple[date, date]]:
    """Join days, given in order, into runs ``[first, end)`` without gaps."""
    runs: list[tuple[date, date]] = []
    for day in days:
        if runs and runs[-1][1] == day:
            runs[-1] = (runs[-1][0], day + ONE_DAY)
        else:
            runs.append((day, day + ONE_DAY))
    return runs


def before(whole: Range, zone: ZoneInfo) -> Range:
    """Give the range of the same length before: as many local days when it is made of whole ones."""
    first, end = whole_days(whole, zone)
    if first < end and days_range(first, end, zone) == whole:
        return days_range(first - (end - first), first, zone)
    return Range(whole.start - (whole.end - whole.start), whole.start)
