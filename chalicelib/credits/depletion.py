"""When credit runs out, at the pace of the last days: remaining ÷ mean daily drawdown (docs/rules.md 5)."""

from datetime import date, timedelta

from chalicelib.shared.time import LAST_YEAR

PACE_DAYS = 7


def pace_start(today: date) -> date:
    """Give the first of the last full local days, whose end is ``today``."""
    return today - timedelta(days=PACE_DAYS)


def find_depletion(*, remaining_minor: int, drawn_minor: int, today: date) -> date | None:
    """Give the local day on which credit runs out that is drawn on at the pace of the last full days.

    ``drawn_minor`` is their sum, not their mean. ``None`` when nothing remains or nothing was drawn, and when the day
    lies beyond the year 9998.
    """
    if remaining_minor <= 0 or drawn_minor <= 0:
        return None
    days = remaining_minor * PACE_DAYS // drawn_minor
    latest = date(LAST_YEAR, 12, 31)
    return today + timedelta(days=days) if days <= (latest - today).days else None
