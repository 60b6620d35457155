"""What became of the events of a quarter-hour, event by event: the pure part of event search.

Events are listed newest first: by time, then by when they were received. An event's state needs the whole quarter-hour,
because what came first decides about what came later.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from chalicelib.catalog.meters import Meter, MeterCatalog
from chalicelib.usage.events import Event, EventState
from chalicelib.usage.fold import Place, Resolved, resolve
from chalicelib.usage.matching import Match, dimensions_of, is_for, matches, meters_by_type
from chalicelib.usage.segments import Segment, SegmentKind


class Position(NamedTuple):
    """Where an event stands in its quarter-hour: it stays there whatever arrives later."""

    micros: int
    sort_id: str
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events to list: times in ``[start, end)`` in microseconds, ``None`` is any.

    ``dimensions`` are accepted values by name of a dimension of ``meter``.
    """

    start: int
    end: int
    type: str | None = None
    source: str | None = None
    id: str | None = None
    meter: Meter | None = None
    dimensions: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEvent:
    """An event as it was received, but for the data: those that count.

    An amended event has its ``original`` data too. ``reason`` is that of the void or the amend.
    """

    event: Event
    received_at_micros: int
    state: EventState
    meters: Sequence[Match]
    original: Mapping[str, Any] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A row that was looked at: ``listed`` is ``None`` when it is not wanted."""

    position: Position
    listed: ListedEvent | None


def look_through(
    segments: Sequence[Segment], wanted: Wanted, lister: "Lister", *, below: Position | None = None
) -> Iterator[Seen]:
    """Look at the events of a quarter-hour, newest first, those after ``below`` when it is given.

    ``segments`` are all of the quarter-hour, in the order of their sort ids. Rows that cannot be wanted are left out
    where that is known without their data.
    """
    resolved = resolve(segments)
    for position, place in _places(segments, wanted, below):
        yield Seen(position, lister.list_wanted(_Row(resolved, place, position), wanted))


def _places(segments: Sequence[Segment], wanted: Wanted, below: Position | None) -> list[tuple[Position, Place]]:
    """Find the rows that may be wanted by what needs no data, newest first."""
    found = [
        (Position(segment.micros[row], segment.sort_id, row), (at, row))
        for at, segment in enumerate(segments)
        if segment.kind is SegmentKind.EVENTS
        for row in _rows(segment, wanted)
    ]
    kept = found if below is None else [one for one in found if one[0] < below]
    kept.sort(reverse=True)
    return kept


def _rows(segment: Segment, wanted: Wanted) -> Sequence[int]:
    rows: Sequence[int] = range(segment.rows)
    types = {wanted.type, wanted.meter.event_type if wanted.meter is not None else None} - {None}
    if types:
        rows = [row for shape in segment.shapes if types == {shape.type} for row in shape.rows]
    if wanted.source is not None:
        rows = [row for row in rows if segment.sources[row] == wanted.source]
    if wanted.id is not None:
        rows = [row for row in rows if segment.ids[row] == wanted.id]
    micros = segment.micros
    return [row for row in rows if wanted.start <= micros[row] < wanted.end]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of an events segment in its quarter-hour."""

    resolved: Resolved
    place: Place
    position: Position

    @property
    def segment(self) -> Segment:
        return self.resolved.segments[self.place[0]]


class Lister:
    """Lists events of one organization with its meters."""

    def __init__(self, organization: str, catalog: MeterCatalog) -> None:
        self._organization = organization
        self._meters = meters_by_type(catalog)

    def list_wanted(self, row: _Row, wanted: Wanted) -> ListedEvent | None:
        """List one row: the event, what became of it, and the meters it is for; ``None`` when it is not wanted."""
        resolved, received = row.resolved, row.segment.event(row.place[1], self._organization)
        state = resolved.fate(row.place)
        event, original, reason = received, None, None
        if state is EventState.AMENDED:
            at, amended_row = resolved.amended_by[received.identity]
            event = replace(received, data=resolved.segments[at].event(amended_row, self._organization).data)
            original, reason = received.data, resolved.segments[at].reason
        elif state is EventState.VOIDED:
            reason = resolved.segments[resolved.voided_by[received.identity][0]].reason
        if not _is_wanted(event, wanted):
            return None
        found = matches(event, self._meters.get(event.type, ()))
        return ListedEvent(
            event=event,
            received_at_micros=row.segment.received_at,
            state=EventState.UNMATCHED if state is EventState.COUNTED and not found else state,
            meters=found,
            original=original,
            reason=reason,
        )


def _is_wanted(event: Event, wanted: Wanted) -> bool:
    """Tell whether the wanted meter is for an event, with the wanted values of its dimensions."""
    meter = wanted.meter
    if meter is None:
        return True
    if not is_for(meter, event):
        return False
    values = dimensions_of(meter, event) if wanted.dimensions else {}
    return all(values[name] in accepted for name, accepted in wanted.dimensions.items())
