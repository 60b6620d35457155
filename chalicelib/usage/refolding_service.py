"""Marks the quarter-hours of a range dirty, so that the rollup folds them again: when counters are not to be trusted.

A mark more is never wrong: until it goes, every reader folds that quarter-hour itself, and the rollup makes sure that
what is stored in the end is the fold of all that is there. So this may run twice, at once with anything, or stop
anywhere. Nothing else is written here.
"""

from collections.abc import Callable
from datetime import datetime

from chalicelib.shared.time import ONE_DAY, QuarterHour, days_between, zone_of
from chalicelib.shared.values import dataclass
from chalicelib.usage import expiry, store
from chalicelib.usage.ranges import Range, day_of, day_range
from chalicelib.usage.refolding_store import list_quarter_hours

MAX_DAYS = 31
_UTC = zone_of("UTC")


@dataclass(frozen=True, slots=True)
class Marked:
    """How many quarter-hours were marked, and where to go on; ``None`` when the whole range is done."""

    marked: int
    next_from: QuarterHour | None = None


def mark_range(organization: str, whole: Range, now: datetime, *, has_time: Callable[[], bool]) -> Marked:
    """Mark every quarter-hour of a range that has segments: of at most 31 UTC days, and while the time lasts.

    Those that have lost segments to their expiry, or soon will, are left alone: they could not be folded as they were.
    Raises ``Busy``.
    """
    first, end = day_of(whole.start, _UTC), day_of(whole.end - 1, _UTC) + ONE_DAY
    marked = 0
    for number, day in enumerate(days_between(first, end)):
        if number and (number == MAX_DAYS or not has_time()):
            return Marked(marked, day_range(day, _UTC).start)
        found = [(organization, at) for at in list_quarter_hours(organization, day) if at in whole]
        closed = expiry.closed_pairs(found, now)
        open_ = [pair for pair in found if pair not in closed]
        store.put_marks(open_, marked_at=now)
        marked += len(open_)
    return Marked(marked)
