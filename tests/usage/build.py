"""Builders for the core of usage: meters, events, segments, and the way from events to quantities without a store."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.catalog.meters import Aggregation, Dimension, Filter, Meter, MeterCatalog, parse_path
from chalicelib.shared.numbers import JsonNumber, show_decimal
from chalicelib.shared.time import QuarterHour, ceil_quarter_hour, microseconds, parse_instant, quarter_hour_of
from chalicelib.usage.aggregation import Levels
from chalicelib.usage.breakdown import Breakdown, Grouping, Measured, break_down
from chalicelib.usage.counters import Combination, Counters, merge_counters, merge_states
from chalicelib.usage.events import Event
from chalicelib.usage.fold import fold
from chalicelib.usage.ranges import Range, Window, cut
from chalicelib.usage.segments import Segment, SegmentKind, pack

NOON = "2026-01-15T12:00:00Z"
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


def number(literal: str) -> JsonNumber:
    """Make a JSON number of a literal."""
    return JsonNumber(literal)


def meter(
    aggregation: str = "sum",
    *,
    key: str = "tokens",
    value: str = "tokens",
    dimensions: Mapping[str, str] | None = None,
    filters: Mapping[str, Sequence[str]] | None = None,
    event_type: str = "llm",
    count_from: str | None = None,
    archived_at: str | None = None,
) -> Meter:
    """Make a meter; dimensions and filters are written as in a request."""
    return Meter(
        key=key,
        name=key,
        event_type=event_type,
        aggregation=Aggregation(aggregation),
        value=None if aggregation == "count" else parse_path(value),
        dimensions=tuple(Dimension(name, parse_path(path)) for name, path in (dimensions or {}).items()),
        filters=tuple(Filter(path, parse_path(path), frozenset(wanted)) for path, wanted in (filters or {}).items()),
        unit=None,
        strict=False,
        count_from=parse_instant(count_from) if count_from else LONG_AGO,
        archived_at=parse_instant(archived_at) if archived_at else None,
        version=1,
        counted=True,
        created_at=LONG_AGO,
    )


def catalog(*meters: Meter, version: int = 1) -> MeterCatalog:
    """Make a catalog of some meters."""
    return MeterCatalog(version, {one.key: one for one in meters})


def event(name: str = "e1", time: str = NOON, *, source: str = "gateway", type: str = "llm", **data: Any) -> Event:  # noqa: A002
    """Make an event; its data are the keywords, whole numbers among them as JSON numbers."""
    return Event(organization="acme", source=source, id=name, type=type, time=parse_instant(time), data=as_read(data))


def as_read(value: Any) -> Any:
    """Turn Python values into what the strict reader gives; a float is none of them."""
    if isinstance(value, Mapping):
        return {name: as_read(child) for name, child in value.items()}
    if isinstance(value, list):
        return [as_read(child) for child in value]
    assert not isinstance(value, float)
    return JsonNumber(str(value)) if isinstance(value, int) and not isinstance(value, bool) else value


def segment(*events: Event, sort_id: str = "s1", kind: SegmentKind = SegmentKind.EVENTS) -> Segment:
    """Pack events of one quarter-hour into a stored segment."""
    assert len({one.quarter_hour for one in events}) == 1
    return Segment(sort_id, kind, events[0].quarter_hour, microseconds(events[0].time), pack(events))


def void(of: Event, sort_id: str = "v") -> Segment:
    """Make the record that takes an event back."""
    return segment(replace(of, data={}), sort_id=sort_id, kind=SegmentKind.VOID)


def amend(of: Event, sort_id: str = "a", **data: Any) -> Segment:
    """Make the record that replaces an event's data."""
    return segment(replace(of, data=as_read(data)), sort_id=sort_id, kind=SegmentKind.AMEND)


def partitions(events: Sequence[Event]) -> dict[QuarterHour, list[Segment]]:
    """Pack events as requests of one event each, in the order they are given."""
    made: dict[QuarterHour, list[Segment]] = defaultdict(list)
    for at, one in enumerate(events):
        made[one.quarter_hour].append(segment(one, sort_id=f"{at:09}"))
    return made


def fold_all(parts: Mapping[QuarterHour, Sequence[Segment]], of: MeterCatalog) -> dict[QuarterHour, Counters]:
    """Fold every quarter-hour, in the order of time."""
    return {quarter_hour: fold(parts[quarter_hour], of) for quarter_hour in sorted(parts)}


def measured(
    of: Meter, counters: Mapping[QuarterHour, Counters], windows: Sequence[Range], *, now: datetime | None = None
) -> Measured:
    """Gather what a breakdown needs: the states of each window, and the levels before the first."""
    states = [(window, merge_states(of.aggregation, _states(of, counters, window))) for window in windows]
    carried: dict[Combination, Decimal] = {}
    if of.aggregation is Aggregation.TIME_WEIGHTED:
        earlier = merge_states(of.aggregation, _states(of, counters, Range(0, windows[0].start)))
        carried = {combination: state.level for combination, state in earlier.items() if isinstance(state, Levels)}
    return Measured(of, states, carried, microseconds(now or windows[-1].end_at))


def _states(of: Meter, counters: Mapping[QuarterHour, Counters], window: Range) -> list[Any]:
    return [one.meters[of.key] for at, one in sorted(counters.items()) if at in window and of.key in one.meters]


def measure(
    of: Meter,
    events: Sequence[Event],
    *,
    start: str,
    end: str,
    window: Window | None = None,
    zone: str = "UTC",
    grouping: Grouping | None = None,
    now: str | None = None,
) -> Breakdown:
    """Go the whole way from events to the quantities of a range: pack, fold, merge, break down."""
    whole = Range(quarter_hour_of(parse_instant(start)), ceil_quarter_hour(parse_instant(end)))
    windows = [whole] if window is None else cut(whole, window, ZoneInfo(zone))
    counters = fold_all(partitions(events), catalog(of))
    chosen = measured(of, counters, windows, now=parse_instant(now) if now else None)
    return break_down(chosen, grouping or Grouping())


def total(of: Meter, events: Sequence[Event], **asked: Any) -> str:
    """Show the total of a range."""
    return show_decimal(measure(of, events, **asked).total)


def quantity_of(of: Meter, segments: Sequence[Segment]) -> str:
    """Show what one quarter-hour's segments come to for a meter, all dimensions together."""
    counters = fold(segments, catalog(of))
    quarter_hour = segments[0].quarter_hour
    window = Range(quarter_hour, quarter_hour + 1)
    return show_decimal(break_down(measured(of, {quarter_hour: counters}, [window]), Grouping()).total)


def by_combination(of: Meter, segments: Sequence[Segment]) -> dict[Combination, Any]:
    """Give the states of a meter after folding one quarter-hour."""
    return dict(fold(segments, catalog(of)).meters.get(of.key, {}))


def day_of_counters(counters: Mapping[QuarterHour, Counters], of: MeterCatalog) -> Counters:
    """Merge quarter-hours into one stretch."""
    return merge_counters([counters[at] for at in sorted(counters)], of)


def through_json(value: Any) -> Any:
    """Write a value as JSON text and read it back."""
    return json.loads(json.dumps(value))
