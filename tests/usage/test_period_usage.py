"""Reading the usage of a period: the same as the usage query, beside dirty quarter-hours too, in three round trips."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.catalog.meters import Aggregation
from chalicelib.platform import together
from chalicelib.platform.connection import client as dynamodb
from chalicelib.shared.numbers import show_decimal
from chalicelib.shared.time import QuarterHour, format_instant, parse_instant, quarter_hour_of, zone_of
from chalicelib.usage.breakdown import Breakdown, Grouping
from chalicelib.usage.period_usage import PeriodUsage, read_period
from chalicelib.usage.query import UsageQuestion, measure_usage
from chalicelib.usage.ranges import Range, Window, day_of, day_range, days_range
from chalicelib.usage.reader import CountersReader
from tests.usage.build import event, meter
from tests.usage.stored import add_meter, add_organization, reader, roll, send

NOW = "2026-11-04T12:07:00Z"
# Clocks go back on 1 November in New York, and on 25 October in Berlin; Lord Howe moves by half an hour on 4 October.
ZONES = ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe"]
FIRST, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 4, 12, 10, tzinfo=UTC)
KEYS = [aggregation.value for aggregation in Aggregation]


def at(text: str) -> QuarterHour:
    return quarter_hour_of(parse_instant(text))


def fill(zone: str, *, rolled_up: bool) -> None:
    """Store 160 events of five weeks for eight meters; with ``rolled_up`` some came after the rollup."""
    add_organization("acme", zone)
    for key in KEYS:
        add_meter(meter(key, key=key, dimensions={"model": "model", "kind": "kind"}))
    chance = random.Random(zone)
    span = (END - FIRST) // timedelta(microseconds=1)
    made = [
        event(
            f"e{n}",
            format_instant(FIRST + timedelta(microseconds=chance.randrange(span))),
            tokens=chance.randrange(-5, 100),
            model=chance.choice(["large", "small", "mixed"]),
            kind=chance.choice(["input", "output"]),
        )
        for n in range(160)
    ]
    send(*made[:150], now=NOW)
    if rolled_up:
        roll(NOW)
    send(*made[150:], now=NOW)


def read(whole: Range, edges: Sequence[QuarterHour] = ()) -> PeriodUsage:
    return read_period(reader(NOW), whole, edges, KEYS)


def measured(opened: CountersReader, whole: Range, window: Window, **grouping: Any) -> dict[str, Breakdown]:
    question = UsageQuestion(
        whole=whole, window=window, zone=opened.zone, meters=tuple(KEYS), grouping=Grouping(**grouping)
    )
    return {one.meter.key: one.breakdown for one in measure_usage(opened, question)}


def total(opened: CountersReader, whole: Range, **grouping: Any) -> dict[str, Decimal]:
    return {key: one.total for key, one in measured(opened, whole, Window.MONTH, **grouping).items()}


@pytest.mark.parametrize(("zone", "rolled_up"), [(ZONES[0], False), *((zone, True) for zone in ZONES)])
def test_quantities_are_those_of_the_usage_query(engine: None, zone: str, rolled_up: bool) -> None:
    fill(zone, rolled_up=rolled_up)
    opened = reader(NOW)
    month = days_range(date(2026, 10, 1), date(2026, 11, 8), zone_of(zone))
    cut_off = Range(at("2026-10-03T07:15:00Z"), at("2026-11-02T21:45:00Z"))
    edges = [cut_off.start, at("2026-10-25T01:15:00Z"), at("2026-11-01T05:30:00Z"), cut_off.end]
    usage = read_period(opened, month, edges, KEYS)
    for whole in (month, cut_off):
        cuts = [day_range(day, zone_of(zone)).start for day in (date(2026, 10, 5), date(2026, 11, 1))]
        cuts.append(whole.end)
        asked = [total(opened, Range(whole.start, end)) for end in cuts]
        some = {"kind": frozenset({"input"})}
        grouped = measured(opened, whole, Window.MONTH, by=("model",), filters=some)
        for key in KEYS:
            found = usage.quantities(key, ranges=[whole], cuts=cuts, filters={}, by=())
            assert [list(found.groups[()]), found.has_rest] == [[one[key] for one in asked], False]
            apart = usage.quantities(key, ranges=[whole], cuts=[whole.end], filters=some, by=("model",))
            # A month has several windows: only what is listed once is the quantity of the whole range.
            assert set(apart.groups) == {one.group for one in grouped[key].windows}
    for model in ("large", "mixed"):
        of_model = total(opened, cut_off, filters={**some, "model": frozenset({model})})
        for key in KEYS:
            found = usage.quantities(key, ranges=[cut_off], cuts=[cut_off.end], filters=some, by=("model",))
            assert found.groups[model,] == (of_model[key],)


@pytest.mark.parametrize("zone", ZONES)
def test_the_days_are_those_of_the_usage_query(engine: None, zone: str) -> None:
    fill(zone, rolled_up=True)
    whole = Range(at("2026-10-03T07:15:00Z"), at("2026-11-05T21:45:00Z"))
    opened, usage = reader(NOW), read(whole)
    for key, breakdown in measured(opened, whole, Window.DAY).items():
        by_day = usage.by_day(key, ranges=[whole], filters={}, by=())
        asked = {day_of(one.window.start, opened.zone): one.quantity for one in breakdown.windows if one.quantity}
        assert {day: row[()] for day, row in by_day.items() if row[()]} == asked


def test_several_ranges_are_one_quantity(engine: None) -> None:
    fill(ZONES[0], rolled_up=True)
    ranges = [
        Range(at("2026-10-02T10:00:00Z"), at("2026-10-05T10:30:00Z")),
        Range(at("2026-10-09T04:00:00Z"), at("2026-10-12T04:00:00Z")),
    ]
    edges = [bound for one in ranges for bound in (one.start, one.end)]
    usage = read(days_range(date(2026, 10, 1), date(2026, 11, 1), zone_of(ZONES[0])), edges)
    parts = [total(reader(NOW), one) for one in ranges]
    for key in ("sum", "count", "time_weighted"):
        (found,) = usage.quantities(key, ranges=ranges, cuts=[ranges[1].end], filters={}, by=()).groups[()]
        assert abs(found - parts[0][key] - parts[1][key]) <= (Decimal("1e-12") if key == "time_weighted" else 0)
    (greatest,) = usage.quantities("max", ranges=ranges, cuts=[ranges[1].end], filters={}, by=()).groups[()]
    assert greatest == max(one["max"] for one in parts)


def test_the_edges_may_be_anywhere_and_change_no_quantity(engine: None) -> None:
    fill(ZONES[1], rolled_up=True)
    whole = days_range(date(2026, 10, 1), date(2026, 11, 1), zone_of(ZONES[1]))
    chance = random.Random(1)
    edges = sorted(chance.randrange(whole.start - 50, whole.end + 50) for _ in range(40))
    selection: dict[str, Any] = {"ranges": [whole], "cuts": [whole.end], "filters": {}, "by": ("model",)}
    plain, split = read(whole), read(whole, edges)
    for key in KEYS:
        assert plain.quantities(key, **selection) == split.quantities(key, **selection)
        by_day = split.by_day(key, ranges=[whole], filters={}, by=("kind",))
        assert by_day == plain.by_day(key, ranges=[whole], filters={}, by=("kind",))


def test_a_period_ahead_is_empty_and_levels_do_not_reach_into_it(engine: None) -> None:
    fill(ZONES[1], rolled_up=True)
    ahead = days_range(date(2027, 1, 1), date(2027, 2, 1), zone_of(ZONES[1]))
    usage = read(ahead)
    for key in KEYS:
        found = usage.quantities(key, ranges=[ahead], cuts=[ahead.start + 96, ahead.end], filters={}, by=())
        assert [show_decimal(one) for one in found.groups[()]] == ["0", "0"]
    nothing = read(Range(ahead.start, ahead.start))
    assert nothing.by_day("sum", ranges=[], filters={}, by=()) == {}


def test_a_period_that_lies_in_one_day_is_read_by_quarter_hours(engine: None) -> None:
    fill(ZONES[1], rolled_up=True)
    whole = Range(at("2026-10-10T05:15:00Z"), at("2026-10-10T20:00:00Z"))
    usage = read(whole)
    for key, asked in total(reader(NOW), whole).items():
        assert usage.quantities(key, ranges=[whole], cuts=[whole.end], filters={}, by=()).groups[()] == (asked,)


def test_what_is_acknowledged_is_in_the_next_answer_and_a_counting_meter_is_told(engine: None) -> None:
    fill("UTC", rolled_up=True)
    whole = days_range(date(2026, 11, 1), date(2026, 12, 1), zone_of("UTC"))
    before = read(whole).quantities("count", ranges=[whole], cuts=[whole.end], filters={}, by=()).groups[()][0]
    send(event("late", "2026-11-02T12:00:00Z"), now=NOW)
    add_meter(meter("count", key="new"), counted=False)
    usage = read_period(reader(NOW), whole, [], ["count", "new"])
    assert usage.quantities("count", ranges=[whole], cuts=[whole.end], filters={}, by=()).groups[()] == (before + 1,)
    assert (usage.is_counting("new"), usage.is_counting("count")) == (True, False)
    assert usage.as_of == parse_instant(NOW)


class RoundTrips:
    """Counts round trips that wait for one another: those made side by side are one after the longest of them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.waited = 0
        self.calls = 0
        call = dynamodb()._make_api_call

        def count(operation: str, arguments: Any) -> Any:
            self.waited += 1
            self.calls += 1
            return call(operation, arguments)

        patch.setattr(dynamodb(), "_make_api_call", count)
        patch.setattr(together, "run_all", self.side_by_side)

    def side_by_side(self, outcomes: Sequence[Any]) -> None:
        begun, ends = self.waited, []
        for outcome in outcomes:
            self.waited = begun
            outcome.run()
            ends.append(self.waited)
        self.waited = max(ends)

    def of(self, act: Callable[[], Any]) -> int:
        self.waited = 0
        act()
        return self.waited


def test_no_period_waits_for_more_than_marks_then_counters_and_levels_then_segments(
    engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill("UTC", rolled_up=True)
    roll(NOW)
    opened = reader(NOW)
    trips = RoundTrips(monkeypatch)
    whole = Range(at("2026-10-10T05:15:00Z"), at("2026-11-20T20:00:00Z"))
    edges = [at("2026-10-20T05:15:00Z"), at("2026-10-28T05:15:00Z")]
    assert trips.of(lambda: read_period(opened, whole, edges, KEYS)) == 2
    # Dirty: before the period in its day, in its month and the month before; inside it, split days and others.
    days = ["09-30", "10-01", "10-10", "10-12", "10-20", "10-21", "11-01"]
    send(*(event(f"late{day}", f"2026-{day}T04:00:00Z") for day in days), now=NOW)
    again = reader(NOW)
    assert trips.of(lambda: read_period(again, whole, edges, KEYS)) == 3
    assert trips.calls > 3
