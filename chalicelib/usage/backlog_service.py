"""What the usage jobs have still to do: dirty marks that wait for the rollup, meters that still count past events."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial

from chalicelib.catalog import service as catalog_service
from chalicelib.platform.together import read_each, together
from chalicelib.shared.values import dataclass
from chalicelib.usage import store
from chalicelib.usage.store import SHARDS, Mark

MOST_MARKS_A_SHARD = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkBacklog:
    """The dirty marks that were read: all of them, and those whose quarter-hour has closed, which wait.

    ``has_more``: a shard has more than were read, and the oldest may be among those. Marks lie by organization, so to
    find the oldest all must be read.
    """

    dirty: int
    waiting: int
    has_more: bool
    oldest: Mark | None


@dataclass(frozen=True, slots=True)
class CountingBacklog:
    """The meters that still count past events, and how far that has got: the organization done last, the next day."""

    meters: Sequence[str] = ()
    after: str | None = None
    day: date | None = None


def read_mark_backlog(now: datetime) -> MarkBacklog:
    """Tell what waits for the rollup; of each shard at most ``MOST_MARKS_A_SHARD`` are read, strongly consistent."""
    found = read_each(partial(store.first_marks_of_shard, limit=MOST_MARKS_A_SHARD), range(SHARDS))
    marks = [mark for read, _ in found for mark in read]
    waiting = [mark for mark in marks if mark.waits_since <= now]
    return MarkBacklog(
        dirty=len(marks),
        waiting=len(waiting),
        has_more=any(has_more for _, has_more in found),
        oldest=min(waiting, key=lambda mark: (mark.waits_since, mark.organization), default=None),
    )


def read_counting_backlog() -> CountingBacklog:
    """Tell which meters still count past events."""
    catalog, place = together(catalog_service.meter_catalog, catalog_service.find_counting_place)
    meters = sorted(key for key, meter in catalog.meters.items() if not meter.counted)
    return CountingBacklog(meters, place.after, place.day) if meters and place is not None else CountingBacklog(meters)
