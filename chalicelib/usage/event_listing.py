"""What became of the events of a quarter-hour, event by event: the pure part of event search.

Events are listed newest first: by time, then by when they were received. An event's state needs the whole quarter-hour,
because what came first decides about what came later.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any, NamedTuple

from chalicelib.catalog.meters import Meter, MeterCatalog, Path
from chalicelib.shared.time import microseconds
from chalicelib.shared.values import dataclass
from chalicelib.usage.billed import CountedEvent, LineScope
from chalicelib.usage.events import Event, EventState
from chalicelib.usage.fold import Place, Resolved, resolve
from chalicelib.usage.matching import Match, dimensions_of, is_for, matches, meters_by_type
from chalicelib.usage.segments import Segment, SegmentKind, Shape


class Position(NamedTuple):
    """Where an event stands in its quarter-hour: it stays there whatever arrives later."""

    micros: int
    sort_id: str
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events to list: times in ``[start, end)`` in microseconds, ``None`` is any.

    ``dimensions`` are accepted values by name of a dimension of ``meter``. With ``scopes`` only events are listed that
    one of them bills; none of them bills nothing.
    """

    start: int
    end: int
    type: str | None = None
    source: str | None = None
    id: str | None = None
    meter: Meter | None = None
    dimensions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    scopes: Sequence[LineScope] | None = None

    def bounds(self) -> tuple[int, int]:
        """Give the first and the end of the times that count: those of the meter too."""
        if self.meter is None:
            return self.start, self.end
        ends = self.meter.archived_at
        return (
            max(self.start, microseconds(self.meter.count_from)),
            self.end if ends is None else min(self.end, microseconds(ends)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEvent:
    """An event as it was received, but for the data: those that count.

    An amended event has its ``original`` data too. ``reason`` is that of the void or the amend.
    """

    event: Event
    position: Position
    received_at_micros: int
    state: EventState
    meters: Sequence[Match]
    original: Mapping[str, Any] | None = None
    reason: str | None = None


def list_events(
    segments: Sequence[Segment], wanted: Wanted, lister: "Lister", *, below: Position | None = None
) -> Iterator[ListedEvent]:
    """List the wanted events of a quarter-hour, newest first, those after ``below`` when it is given.

    ``segments`` are all of the quarter-hour, in the order of their sort ids.
    """
    resolved = resolve(segments)
    for position, place in _places(resolved, wanted, below):
        listed = lister.show(_Row(resolved, place, position))
        if _is_wanted(listed.event, wanted) and _is_billed(listed, wanted.scopes):
            yield listed


def _places(resolved: Resolved, wanted: Wanted, below: Position | None) -> list[tuple[Position, Place]]:
    """Find the rows that may be wanted, newest first, by columns alone: no event is put together yet."""
    amended = {resolved.first[identity] for identity in resolved.amended_by}
    found = [
        (Position(segment.micros[row], segment.sort_id, row), (at, row))
        for at, segment in enumerate(resolved.segments)
        if segment.kind is SegmentKind.EVENTS
        for row in _rows(segment, wanted, {row for place, row in amended if place == at})
    ]
    kept = found if below is None else [one for one in found if one[0] < below]
    kept.sort(reverse=True)
    return kept


def _rows(segment: Segment, wanted: Wanted, amended: set[int]) -> Sequence[int]:
    types = {wanted.type, wanted.meter.event_type if wanted.meter is not None else None} - {None}
    rows: Sequence[int] = range(segment.rows)
    if types:
        shapes = [shape for shape in segment.shapes if types == {shape.type}]
        rows = [row for shape in shapes for row in _rows_of(shape, _conditions(wanted), amended)]
    if wanted.source is not None:
        rows = [row for row in rows if segment.sources[row] == wanted.source]
    if wanted.id is not None:
        rows = [row for row in rows if segment.ids[row] == wanted.id]
    micros, (start, end) = segment.micros, wanted.bounds()
    return [row for row in rows if start <= micros[row] < end]


def _conditions(wanted: Wanted) -> list[tuple[Path, frozenset[str]]]:
    """List where in the data which values are wanted."""
    if wanted.meter is None:
        return []
    paths = {one.name: one.path for one in wanted.meter.dimensions}
    filters = [(one.path, one.values) for one in wanted.meter.filters]
    return [*filters, *((paths[name], accepted) for name, accepted in wanted.dimensions.items())]


def _rows_of(shape: Shape, conditions: Sequence[tuple[Path, frozenset[str]]], amended: set[int]) -> list[int]:
    """Keep the rows whose data pass, and those that have other data by now."""
    places: Sequence[int] = range(len(shape.rows))
    for path, accepted in conditions:
        texts = shape.scalars(path)
        if texts is not None:
            places = [place for place in places if (texts[place] or "") in accepted]
        elif "" not in accepted:
            places = ()
    passing = {shape.rows[place] for place in places}
    return [row for row in shape.rows if row in passing or row in amended]


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

    def show(self, row: _Row) -> ListedEvent:
        """Show one row: the event, what became of it, and the meters it is for."""
        resolved, received = row.resolved, row.segment.event(row.place[1], self._organization)
        state = resolved.fate(row.place)
        event, original, reason = received, None, None
        if state is EventState.AMENDED:
            at, amended_row = resolved.amended_by[received.identity]
            event = replace(received, data=resolved.segments[at].event(amended_row, self._organization).data)
            original, reason = received.data, resolved.segments[at].reason
        elif state is EventState.VOIDED:
            reason = resolved.segments[resolved.voided_by[received.identity][0]].reason
        found = matches(event, self._meters.get(event.type, ()))
        return ListedEvent(
            event=event,
            position=row.position,
            received_at_micros=row.segment.received_at,
            state=EventState.UNMATCHED if state is EventState.COUNTED and not found else state,
            meters=found,
            original=original,
            reason=reason,
        )


def counted_event(listed: ListedEvent) -> CountedEvent | None:
    """Give what billing needs to know of an event; ``None`` for one that no meter counts."""
    meters = [match.meter for match in listed.meters if match.usable]
    if listed.state not in (EventState.COUNTED, EventState.AMENDED) or not meters:
        return None
    return CountedEvent(
        time=listed.event.time,
        quarter_hour=listed.event.quarter_hour,
        sort_id=listed.position.sort_id,
        meters={meter.key: dimensions_of(meter, listed.event) for meter in meters},
    )


def _is_billed(listed: ListedEvent, scopes: Sequence[LineScope] | None) -> bool:
    if scopes is None:
        return True
    counted = counted_event(listed) if scopes else None
    return counted is not None and any(scope.takes(counted) for scope in scopes)


def _is_wanted(event: Event, wanted: Wanted) -> bool:
    """Tell whether the wanted meter is for an event, with the wanted values of its dimensions."""
    meter = wanted.meter
    if meter is None:
        return True
    if not is_for(meter, event):
        return False
    values = dimensions_of(meter, event) if wanted.dimensions else {}
    return all(values[name] in accepted for name, accepted in wanted.dimensions.items())
