"""Folding, merging and breaking down give what a plain list of events gives (compared with ``naive``)."""

from collections.abc import Mapping
from dataclasses import astuple
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.catalog.meters import Aggregation, Meter
from chalicelib.shared.numbers import JsonNumber
from chalicelib.shared.time import QuarterHour, format_instant, instant_of
from chalicelib.usage.breakdown import Grouping, break_down
from chalicelib.usage.counters import HEALTH_FIELDS, Counters
from chalicelib.usage.events import Event
from chalicelib.usage.ranges import Range, Window, cut
from chalicelib.usage.segments import Segment, SegmentKind
from tests.usage import build, naive
from tests.usage.build import LONG_AGO
from tests.usage.naive import QUARTER_HOUR, Number, Record

DAY = 96
FIRST = 20_468 * DAY  # the quarter-hour that 2026-01-15 begins with
START = FIRST * QUARTER_HOUR

LITERALS = ["0", "1", "-1", "2", "2.5", "0.30000000000000004", "1e-07", "7E2", "999999999999999999"]
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(LITERALS).map(Number),
    st.sampled_from([*LITERALS, "many", "NaN", "", "1x"]),
    st.sampled_from([None, True, [], {}]),
)
MODELS = st.sampled_from(["a", "b", "", Number("1"), "1", None])
DATA = st.fixed_dictionaries(
    {},
    optional={
        "tokens": VALUES,
        "model": st.fixed_dictionaries({}, optional={"name": MODELS}),
        "kind": st.sampled_from("xy"),
    },
)
# Few identities in few quarter-hours, so that duplicates, conflicts and corrections meet.
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "op": st.sampled_from(["event"] * 6 + ["void", "amend"]),
            "source": st.sampled_from(["s", "t"]),
            "id": st.sampled_from(["1", "2", "3", "4"]),
            "type": st.sampled_from(["llm"] * 4 + ["gpu"]),
            "at": st.builds(
                lambda quarter_hour, offset: START + quarter_hour * QUARTER_HOUR + offset,
                st.sampled_from([0, 1, 40, 95, 96, 100]),
                st.sampled_from([0, 1, 300_000_000, 899_999_999]),
            ),
            "data": DATA,
        }
    ),
    max_size=40,
)
METERS = st.fixed_dictionaries(
    {
        "type": st.just("llm"),
        "value": st.just("tokens"),
        "dimensions": st.sampled_from([{}, {"model": "model.name"}, {"model": "model.name", "kind": "kind"}]),
        "filter": st.sampled_from([{}, {}, {"kind": ["x"]}, {"model.name": ["a", "1", ""]}]),
        "from": st.sampled_from([0, 0, START + 100_000_000, START + 40 * QUARTER_HOUR]),
        "until": st.sampled_from([None, None, START + 95 * QUARTER_HOUR + 300_000_000, START + 97 * QUARTER_HOUR]),
    }
)


def as_read(value: Any) -> Any:
    if isinstance(value, Number):
        return JsonNumber(str(value))
    return {name: as_read(child) for name, child in value.items()} if isinstance(value, dict) else value


def as_event(record: Record, at: int) -> Event:
    data = as_read(record["data"])
    return Event(
        organization="acme",
        source=record["source"],
        id=record["id"],
        type=record["type"],
        time=instant_of(at),
        data=data,
    )


def amended_as(record: Record, records: list[Record]) -> Record:
    """Give a correction the type of the event it corrects, as whoever writes it reads that event first."""
    known = next((one for one in records if one["op"] == "event" and naive.who(one) == naive.who(record)), record)
    return {**record, "type": known["type"]}


def packed(records: list[Record], batch: int) -> dict[QuarterHour, list[Segment]]:
    """Pack records in the order received: runs of events of a quarter-hour into one segment of at most ``batch``."""
    kinds = {"event": SegmentKind.EVENTS, "void": SegmentKind.VOID, "amend": SegmentKind.AMEND}
    runs: dict[QuarterHour, list[tuple[SegmentKind, list[Event]]]] = {}
    for one in records:
        record = one if one["op"] == "event" else amended_as(one, records)
        kind = kinds[record["op"]]
        made = runs.setdefault(record["at"] // QUARTER_HOUR, [])
        if not made or made[-1][0] is not kind or kind is not SegmentKind.EVENTS or len(made[-1][1]) >= batch:
            made.append((kind, []))
        made[-1][1].append(as_event(record, record["at"]))
    return {
        quarter_hour: [build.segment(*events, sort_id=f"{at:04}", kind=kind) for at, (kind, events) in enumerate(made)]
        for quarter_hour, made in runs.items()
    }


def as_meter(aggregation: Aggregation, of: dict[str, Any]) -> Meter:
    return build.meter(
        aggregation,
        value=of["value"],
        dimensions=of["dimensions"],
        filters=of["filter"],
        count_from=format_instant(max(instant_of(of["from"]), LONG_AGO)),
        archived_at=None if of["until"] is None else format_instant(instant_of(of["until"])),
    )


def quantities(of: Meter, counters: Mapping[QuarterHour, Counters], windows: list[Range]) -> list[dict[Any, Fraction]]:
    """Give the quantity of each combination in each window, and last in the whole range."""
    apart = Grouping(by=tuple(dimension.name for dimension in of.dimensions), top=10_000)
    found: list[dict[Any, Fraction]] = []
    for some in [*([window] for window in windows), windows]:
        chosen = build.measured(of, counters, [Range(some[0].start, some[-1].end)])
        found.append({one.group: Fraction(one.quantity) for one in break_down(chosen, apart).windows if one.quantity})
    return found


@pytest.mark.parametrize("aggregation", list(Aggregation))
@settings(max_examples=60)
@given(records=RECORDS, of=METERS, batch=st.sampled_from([1, 3, 100]))
def test_quantities_by_day_and_combination_are_those_of_the_plain_list(
    aggregation: Aggregation, records: list[Record], of: dict[str, Any], batch: int
) -> None:
    plain = {**of, "aggregation": aggregation.value}
    made = as_meter(aggregation, of)
    counters = build.fold_all(packed(records, batch), build.catalog(made))
    days = [Range(FIRST, FIRST + DAY), Range(FIRST + DAY, FIRST + 2 * DAY)]
    bounds = [*((day.start, day.end) for day in days), (days[0].start, days[-1].end)]
    for found, (start, end) in zip(quantities(made, counters, days), bounds, strict=True):
        exact = naive.quantities(records, plain, start=start * QUARTER_HOUR, end=end * QUARTER_HOUR)
        assert found == {group: shown for group, one in exact.items() if (shown := naive.shown(one, plain))}


@settings(max_examples=200)
@given(records=RECORDS, batch=st.sampled_from([1, 2, 5, 100]))
def test_health_is_that_of_the_plain_list(records: list[Record], batch: int) -> None:
    of = build.catalog(build.meter(), build.meter("count", key="gpu", event_type="gpu"))
    counted = build.day_of_counters(build.fold_all(packed(records, batch), of), of).health
    plain = {"type": "llm", "aggregation": "sum", "value": "tokens", "filter": {}, "from": 0, "until": None}
    unusable = sum(not naive.is_usable(record, plain) for record in naive.matching(records, plain))
    expected = {**naive.health(records), "unmatched": 0, "unusable": unusable}
    assert dict(zip(HEALTH_FIELDS, astuple(counted), strict=True)) == expected


@pytest.mark.parametrize("aggregation", list(Aggregation))
@settings(max_examples=40)
@given(records=RECORDS, of=METERS)
def test_windows_of_quarter_hours_and_hours_and_days_tell_the_same_story(
    aggregation: Aggregation, records: list[Record], of: dict[str, Any]
) -> None:
    made = as_meter(aggregation, of)
    counters = build.fold_all(packed(records, 3), build.catalog(made))
    whole = Range(FIRST, FIRST + 2 * DAY)
    totals = set()
    for window in (Window.QUARTER_HOUR, Window.HOUR, Window.DAY, Window.MONTH):
        windows = cut(whole, window, ZoneInfo("Asia/Kathmandu"))
        totals.add(break_down(build.measured(made, counters, windows), Grouping()).total)
    assert len(totals) == 1


def test_the_first_quarter_hour_is_the_one_meant() -> None:
    assert format_instant(instant_of(START)) == "2026-01-15T00:00:00Z"
