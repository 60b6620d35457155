"""The fold: all segments of a quarter-hour and the meters' definitions in, the counters of the quarter-hour out.

It is a pure function, so it may run again at any time, twice at once, or after a crash, and gives the same counters.

What it decides (docs/rules.md): of the events with one identity the first received counts (segments in the order
of their sort ids, rows in theirs); a later one is a duplicate when type and data are the same and a conflict when not.
A void takes the identity back for good. An amend replaces the data and keeps the time; the last one holds. An event
that no meter matches (by type, filter and time) is unmatched; one whose value a meter cannot use is unusable for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chalicelib.catalog.meters import Aggregation, Meter, MeterCatalog
from chalicelib.shared.numbers import read_event_number
from chalicelib.shared.time import microseconds, quarter_hour_start
from chalicelib.usage.aggregation import Row, aggregator
from chalicelib.usage.counters import Combination, Counters, Health, definitions_number
from chalicelib.usage.events import EventState, Identity
from chalicelib.usage.segments import Segment, SegmentKind, Shape

Place = tuple[int, int]  # (segment, row)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What became of every row of a quarter-hour, before any meter looks at it.

    ``rows`` holds, for each segment, the rows whose data counts: all of them (``None``) or some. A row of an amend
    stands in for the event it replaces. ``states`` names the rows that do not simply count.
    """

    segments: Sequence[Segment]
    rows: Sequence[Sequence[int] | None]
    states: Mapping[Place, EventState]
    first: Mapping[Identity, Place]
    amended_by: Mapping[Identity, Place]
    voided_by: Mapping[Identity, Place]

    def micros(self, at: int) -> Sequence[int]:
        """List when the events of a segment's rows happened. An amended event keeps the time that came first."""
        segment = self.segments[at]
        if segment.kind is not SegmentKind.AMEND:
            return segment.micros
        return [
            self.segments[self.first[identity][0]].micros[self.first[identity][1]] if identity in self.first else own
            for identity, own in zip(segment.identities, segment.micros, strict=True)
        ]

    def fate(self, place: Place) -> EventState:
        """Tell what became of the event of a row."""
        return self.states.get(place, EventState.COUNTED)


def resolve(segments: Sequence[Segment]) -> Resolved:
    """Drop duplicates and conflicts and apply voids and amends. ``segments`` are in the order of their sort ids."""
    first: dict[Identity, Place] = {}
    states: dict[Place, EventState] = {}
    for at, segment in enumerate(segments):
        if segment.kind is SegmentKind.EVENTS:
            _first_received(segments, at, first, states)
    voided_by = _last_of(segments, SegmentKind.VOID, first)
    amended_by = _last_of(segments, SegmentKind.AMEND, first)
    for identity in amended_by:
        states[first[identity]] = EventState.AMENDED
    for identity in voided_by:
        states[first[identity]] = EventState.VOIDED
    live_amends: list[set[int]] = [set() for _ in segments]
    for identity, (at, row) in amended_by.items():
        if identity not in voided_by:
            live_amends[at].add(row)
    dropped: list[set[int]] = [set() for _ in segments]
    for at, row in states:
        dropped[at].add(row)
    rows = [_counting_rows(segment, dropped[at], live_amends[at]) for at, segment in enumerate(segments)]
    return Resolved(segments, rows, states, first, amended_by, voided_by)


def _first_received(
    segments: Sequence[Segment], at: int, first: dict[Identity, Place], states: dict[Place, EventState]
) -> None:
    segment = segments[at]
    identities = segment.identities
    if first.keys().isdisjoint(identities):
        fresh = {identity: (at, row) for row, identity in enumerate(identities)}
        if len(fresh) == len(identities):
            first.update(fresh)
            return
    for row, identity in enumerate(identities):
        original = first.setdefault(identity, (at, row))
        if original != (at, row):
            same = segments[original[0]].fingerprint(original[1]) == segment.fingerprint(row)
            states[at, row] = EventState.DUPLICATE if same else EventState.CONFLICT


def _last_of(segments: Sequence[Segment], kind: SegmentKind, first: Mapping[Identity, Place]) -> dict[Identity, Place]:
    return {
        identity: (at, row)
        for at, segment in enumerate(segments)
        if segment.kind is kind
        for row, identity in enumerate(segment.identities)
        if identity in first
    }


def _counting_rows(segment: Segment, dropped: set[int], live_amends: set[int]) -> Sequence[int] | None:
    if segment.kind is SegmentKind.VOID:
        return ()
    if segment.kind is SegmentKind.AMEND:
        return sorted(live_amends)
    return [row for row in range(segment.rows) if row not in dropped] if dropped else None


@dataclass(slots=True)
class _Gathered:
    """What a meter has taken from the rows so far, by dimension combination."""

    meter: Meter
    values: dict[Combination, list[Any]] = field(default_factory=dict)
    unusable: set[Place] = field(default_factory=set)


def fold(segments: Sequence[Segment], catalog: MeterCatalog, *, levels_until: datetime | None = None) -> Counters:
    """Compute the counters of a quarter-hour. ``segments`` are all of it, in the order of their sort ids.

    Events may be a few minutes ahead of now. A level that begins after ``levels_until`` does not hold yet and is left
    out; only a live fold of an open quarter-hour gives it.
    """
    resolved = resolve(segments)
    gathered = {key: _Gathered(meter) for key, meter in catalog.meters.items()}
    unmatched = _gather_all(gathered.values(), resolved)
    types = {shape.type for segment in segments for shape in segment.shapes}
    states = {
        key: _states(one, levels_until)
        for key, one in gathered.items()
        if one.values or _leaves_a_trace(one.meter, types)
    }
    unusable = len(set().union(*(one.unusable for one in gathered.values())))
    health = replace(_health(resolved), unmatched=unmatched, unusable=unusable)
    kept_until_s = min((segment.kept_until_s for segment in segments), default=0)
    return Counters(len(segments), definitions_number(catalog.version), health, states, kept_until_s)


def _gather_all(gathered: Iterable[_Gathered], resolved: Resolved) -> int:
    """Give every counting row to the meters of its type; answers how many rows none of them matches."""
    by_type: dict[str, list[_Gathered]] = {}
    for one in gathered:
        by_type.setdefault(one.meter.event_type, []).append(one)
    unmatched = 0
    for at, segment in enumerate(resolved.segments):
        kept = resolved.rows[at]
        if kept is not None and not kept:
            continue
        wanted = None if kept is None else set(kept)
        for shape in segment.shapes:
            places = _places_of(shape, wanted)
            matched: set[int] = set()
            for one in by_type.get(shape.type, ()):
                matched.update(_gather(one, _Block(at, resolved, shape), places))
            unmatched += len(places) - len(matched)
    return unmatched


def _places_of(shape: Shape, wanted: set[int] | None) -> Sequence[int]:
    """List the places of a shape whose rows count."""
    if wanted is None:
        return range(len(shape.rows))
    return [place for place, row in enumerate(shape.rows) if row in wanted]


@dataclass(frozen=True, slots=True)
class _Block:
    """The rows of one shape of one segment; ``at`` is the segment's place in the partition."""

    at: int
    resolved: Resolved
    shape: Shape

    @property
    def segment(self) -> Segment:
        return self.resolved.segments[self.at]

    @property
    def micros(self) -> Sequence[int]:
        """List when the events of the segment's rows happened, in microseconds since 1970."""
        return self.resolved.micros(self.at)


def _gather(one: _Gathered, block: _Block, places: Sequence[int]) -> Sequence[int]:
    """Take a meter's values from the rows of a block; answers the places whose events it matches."""
    meter = one.meter
    places = _passing_filters(meter, block.shape, _in_time(meter, block, places))
    if not places:
        return ()
    values = _values(meter, block, places)
    combinations = _combinations(meter, block.shape, places)
    for place, combination, value in zip(places, combinations, values, strict=True):
        if value is None:
            one.unusable.add((block.at, block.shape.rows[place]))
        elif combination in one.values:
            one.values[combination].append(value)
        else:
            one.values[combination] = [value]
    return places


def _in_time(meter: Meter, block: _Block, places: Sequence[int]) -> Sequence[int]:
    """Keep the rows within ``[count_from, archived_at)``; nearly always all, which the quarter-hour alone tells."""
    segment, shape = block.segment, block.shape
    begins, ends = meter.count_from, meter.archived_at
    if begins <= quarter_hour_start(segment.quarter_hour) and (
        ends is None or quarter_hour_start(segment.quarter_hour + 1) <= ends
    ):
        return places
    low = microseconds(begins)
    high = None if ends is None else microseconds(ends)
    micros = block.micros
    return [
        place
        for place in places
        if low <= micros[shape.rows[place]] and (high is None or micros[shape.rows[place]] < high)
    ]


def _passing_filters(meter: Meter, shape: Shape, places: Sequence[int]) -> Sequence[int]:
    for condition in meter.filters:
        texts = shape.scalars(condition.path)
        if texts is None:
            return places if "" in condition.values else ()
        places = [place for place in places if (texts[place] or "") in condition.values]
    return places


def _combinations(meter: Meter, shape: Shape, places: Sequence[int]) -> Sequence[Combination]:
    """Give the dimension combination of each row; a missing dimension is the empty string."""
    if not meter.dimensions:
        return [()] * len(places)
    columns = []
    for dimension in meter.dimensions:
        texts = shape.scalars(dimension.path)
        columns.append([""] * len(places) if texts is None else [texts[place] or "" for place in places])
    return list(zip(*columns, strict=True))


def _values(meter: Meter, block: _Block, places: Sequence[int]) -> Sequence[Any]:
    """Give what the meter's aggregation reads of each row; ``None`` where it cannot use the event."""
    segment, shape = block.segment, block.shape
    reads = aggregator(meter.aggregation).reads
    if reads == "nothing":
        return [1] * len(places)
    assert meter.value is not None
    texts = shape.scalars(meter.value)
    if texts is None:
        return [None] * len(places)
    picked = texts if len(places) == len(texts) else [texts[place] for place in places]
    if reads == "text":
        return picked
    numbers = [None if text is None else read_event_number(text) for text in picked]
    if reads == "number":
        return numbers
    micros = block.micros
    return [
        None if number is None else Row(micros[row], segment.sources[row], segment.ids[row], number)
        for number, row in zip(numbers, (shape.rows[place] for place in places), strict=True)
    ]


def _states(one: _Gathered, levels_until: datetime | None) -> dict[Combination, Any]:
    algebra = aggregator(one.meter.aggregation)
    values = one.values
    if levels_until is not None and one.meter.aggregation is Aggregation.TIME_WEIGHTED:
        values = _holding(values, microseconds(levels_until))
    return {combination: algebra.add(taken) for combination, taken in values.items()}


def _holding(values: Mapping[Combination, list[Row]], until: int) -> dict[Combination, list[Row]]:
    """Keep the levels that have begun by ``until``."""
    begun = {combination: [row for row in rows if row.micros <= until] for combination, rows in values.items()}
    return {combination: rows for combination, rows in begun.items() if rows}


def _leaves_a_trace(meter: Meter, types: set[str]) -> bool:
    """Keep a time-weighted meter, even without states, where events of its type were ever received.

    Whoever stores levels beside the day can then tell "no levels any more" from "never any levels".
    """
    return meter.aggregation is Aggregation.TIME_WEIGHTED and meter.event_type in types


def _health(resolved: Resolved) -> Health:
    fates = list(resolved.states.values())
    received = sum(segment.rows for segment in resolved.segments if segment.kind is SegmentKind.EVENTS)
    return Health(
        accepted=received,
        duplicates=fates.count(EventState.DUPLICATE),
        conflicts=fates.count(EventState.CONFLICT),
        voided=fates.count(EventState.VOIDED),
        amended=fates.count(EventState.AMENDED),
        unmatched=0,
        unusable=0,
    )


def is_usable(meter: Meter, scalar: str | None) -> bool:
    """Tell whether a meter can use an event's value, given as text (``None`` when missing or not a scalar)."""
    if meter.aggregation is Aggregation.COUNT:
        return True
    if scalar is None:
        return False
    return meter.aggregation is Aggregation.UNIQUE_COUNT or read_event_number(scalar) is not None
