"""Event search: what was received, newest first, with what became of it, straight from the segments.

It reads them strongly consistent, so an event that was acknowledged is in the next answer. A quarter-hour is read whole
even if it is a large one; beyond that a page stops early and says where to go on.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from chalicelib.catalog.meters import MeterCatalog
from chalicelib.shared.strict_json import dump
from chalicelib.shared.time import ONE_DAY, QuarterHour, instant_of, quarter_hour_of, quarter_hour_start
from chalicelib.usage import store
from chalicelib.usage.event_listing import ListedEvent, Lister, Position, Wanted, list_events
from chalicelib.usage.segments import Segment

# One round trip reads up to 1 MB, so a page may read one more than this.
MAX_READ_BYTES = 7_000_000
MAX_ANSWER_BYTES = 3_500_000
MAX_DAYS = 100
# Key, attribute names and numbers of a stored segment.
_ITEM_BYTES = 130


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where a search goes on: in the quarter-hours before ``before``, in the last of them after ``below``."""

    before: QuarterHour
    below: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSearch:
    """What to look for, how many at most, and where to go on."""

    organization: str
    wanted: Wanted
    limit: int
    bookmark: Bookmark | None = None

    @property
    def first(self) -> QuarterHour:
        """Name the earliest quarter-hour that may hold wanted events."""
        return quarter_hour_of(instant_of(self.wanted.start))

    @property
    def before(self) -> QuarterHour:
        """Name the quarter-hour after the last one to look into."""
        end = quarter_hour_of(instant_of(self.wanted.end - 1)) + 1
        return end if self.bookmark is None else min(end, self.bookmark.before)

    @property
    def below(self) -> Position | None:
        """Give the last position that was listed of the first quarter-hour to look into."""
        is_inside = self.bookmark is not None and self.before == self.bookmark.before
        return self.bookmark.below if self.bookmark is not None and is_inside else None


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some of the events, and where to go on; ``None`` when there are no more. It may be short or empty."""

    events: Sequence[ListedEvent]
    bookmark: Bookmark | None


def search_events(search: EventSearch, catalog: MeterCatalog) -> EventPage:
    """Find events, newest first. Nothing is read for what bills no events."""
    if search.wanted.scopes is not None and not search.wanted.scopes:
        return EventPage([], None)
    page, walk = _Page(search.limit), _Walk(search)
    lister = Lister(search.organization, catalog)
    for quarter_hour, segments in walk.partitions():
        below = search.below if quarter_hour == search.before - 1 else None
        for listed in list_events(segments, search.wanted, lister, below=below):
            if page.is_full:
                return EventPage(page.events, page.bookmark())
            page.add(listed)
    return EventPage(page.events, walk.bookmark)


@dataclass(slots=True)
class _Page:
    """The events found so far, up to a number and a size."""

    limit: int
    events: list[ListedEvent] = field(default_factory=list)
    size: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.events) >= self.limit or self.size > MAX_ANSWER_BYTES

    def add(self, listed: ListedEvent) -> None:
        self.size += len(dump([listed.event.data, listed.event.extensions, listed.original]).encode())
        self.events.append(listed)

    def bookmark(self) -> Bookmark:
        """Go on after the last event."""
        last = self.events[-1]
        return Bookmark(last.event.quarter_hour + 1, last.position)


class _Walk:
    """Reads quarter-hours from the last to the first, each whole, until enough bytes or days have been read."""

    def __init__(self, search: EventSearch) -> None:
        self._search = search
        self._left = MAX_READ_BYTES
        self._first_read: QuarterHour | None = None
        self._cut_off: QuarterHour | None = None
        self.bookmark: Bookmark | None = None

    def partitions(self) -> Iterator[tuple[QuarterHour, list[Segment]]]:
        """Walk the quarter-hours; afterwards ``bookmark`` tells whether some are left."""
        days = _days(self._search)
        for day in days[:MAX_DAYS]:
            found = store.read_segments_back(self._search.organization, day, before=self._before(day))
            for quarter_hour, group in itertools.groupby(self._metered(found), key=lambda one: one.quarter_hour):
                if quarter_hour < self._search.first:
                    return
                segments = list(group)
                if quarter_hour != self._cut_off:
                    yield quarter_hour, segments[::-1]
            if self._cut_off is not None:
                self.bookmark = Bookmark(self._cut_off + 1)
                return
        if len(days) > MAX_DAYS:
            self.bookmark = Bookmark(_first_of(days[MAX_DAYS - 1]))

    def _before(self, day: date) -> QuarterHour | None:
        """Leave out what comes after the search on its last day."""
        before = self._search.before
        return before if _first_of(day) <= before < _first_of(day + ONE_DAY) else None

    def _metered(self, found: Iterator[tuple[Segment, int]]) -> Iterator[Segment]:
        """Pass segments on until the bytes are spent; the first quarter-hour that is read is read whole."""
        for segment, size in found:
            self._left -= size + _ITEM_BYTES
            if self._first_read is None:
                self._first_read = segment.quarter_hour
            if self._left < 0 and segment.quarter_hour != self._first_read:
                self._cut_off = segment.quarter_hour
                return
            yield segment


def _days(search: EventSearch) -> list[date]:
    """List the UTC days to look into, the last one first."""
    last = quarter_hour_start(search.before - 1).date()
    first = quarter_hour_start(search.first).date()
    return [last - offset * ONE_DAY for offset in range((last - first).days + 1)]


def _first_of(day: date) -> QuarterHour:
    return quarter_hour_of(datetime(day.year, day.month, day.day, tzinfo=UTC))
