"""The algebra of quantities: what each aggregation gives, and that its states merge (docs/rules.md 2.5 and 2.6)."""

from decimal import Decimal
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.catalog.meters import Aggregation
from chalicelib.shared.numbers import show_decimal
from chalicelib.usage.aggregation import Levels, Row, aggregator
from chalicelib.usage.ranges import Window
from tests.usage.build import event, measure, meter, number, through_json, total

OTHERS = [one for one in Aggregation if one is not Aggregation.TIME_WEIGHTED]
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**6), max_value=10**6)
ROWS = st.lists(
    st.builds(
        Row, st.integers(0, 9), st.sampled_from("ab"), st.integers(0, 99).map(str), NUMBERS
    ),
    min_size=1, max_size=12, unique_by=lambda row: row[:3],
)  # fmt: skip


def taken(aggregation: Aggregation, rows: list[Row]) -> list[Any]:
    reads = aggregator(aggregation).reads
    if reads == "row":
        return list(rows)
    return [str(row.value) if reads == "text" else row.value for row in rows]


@pytest.mark.parametrize("aggregation", OTHERS)
@given(rows=ROWS, cuts=st.sets(st.integers(1, 11)))
def test_merging_any_parts_in_any_order_gives_what_one_fold_gives(
    aggregation: Aggregation, rows: list[Row], cuts: set[int]
) -> None:
    algebra = aggregator(aggregation)
    values = taken(aggregation, rows)
    edges = [0, *sorted(cut for cut in cuts if cut < len(values)), len(values)]
    parts = [algebra.add(values[start:end]) for start, end in pairwise(edges)]
    whole = algebra.add(values)
    assert reduce(algebra.merge, parts) == whole
    assert reduce(algebra.merge, reversed(parts)) == whole
    assert reduce(lambda later, earlier: algebra.merge(earlier, later), reversed(parts)) == whole


@pytest.mark.parametrize("aggregation", list(Aggregation))
@given(rows=ROWS)
def test_states_survive_being_stored(aggregation: Aggregation, rows: list[Row]) -> None:
    algebra = aggregator(aggregation)
    state = algebra.add(taken(aggregation, rows))
    assert algebra.decode(through_json(algebra.encode(state))) == state


@pytest.mark.parametrize("aggregation", list(Aggregation))
@given(rows=ROWS)
def test_equal_states_are_stored_alike_whatever_the_order_of_their_rows(
    aggregation: Aggregation, rows: list[Row]
) -> None:
    algebra = aggregator(aggregation)
    stored = [algebra.encode(algebra.add(taken(aggregation, order))) for order in (rows, rows[::-1])]
    assert stored[0] == stored[1]


@given(rows=ROWS, cuts=st.sets(st.integers(1, 9)))
def test_levels_of_any_stretches_in_the_order_of_time_merge_to_the_whole(rows: list[Row], cuts: set[int]) -> None:
    algebra = aggregator(Aggregation.TIME_WEIGHTED)
    edges = [0, *sorted(cuts), 10]
    pieces = [[row for row in rows if start <= row.micros < end] for start, end in pairwise(edges)]
    parts = [algebra.add(piece) for piece in pieces if piece]
    whole = algebra.add(rows)
    assert reduce(algebra.merge, parts) == whole
    assert reduce(lambda later, earlier: algebra.merge(earlier, later), reversed(parts)) == whole
    assert reduce(algebra.merge, reversed(parts)) == whole


@pytest.mark.parametrize(("aggregation", "quantity"), [
    ("count", "4"), ("sum", "6.3"), ("max", "5"), ("min", "-0.7"), ("average", "1.575"), ("unique_count", "3"),
    ("latest", "5"),
])  # fmt: skip
def test_quantities_of_a_few_events(aggregation: str, quantity: str) -> None:
    events = [
        event("e1", "2026-01-15T12:00:00Z", tokens=1),
        event("e2", "2026-01-15T12:05:00Z", tokens=number("-0.7")),
        event("e3", "2026-01-15T15:00:00Z", tokens=5),
        event("e4", "2026-01-14T12:00:00Z", tokens="1"),
    ]
    assert total(meter(aggregation), events, start="2026-01-14T00:00:00Z", end="2026-01-16T00:00:00Z") == quantity


@pytest.mark.parametrize("aggregation", [one.value for one in Aggregation])
def test_without_an_event_every_quantity_is_zero(aggregation: str) -> None:
    assert total(meter(aggregation), [], start="2026-01-14T00:00:00Z", end="2026-01-16T00:00:00Z") == "0"


def test_sums_are_exact_where_floats_and_28_digits_are_not() -> None:
    tenth = [event(f"e{at}", tokens=number("0.1")) for at in range(10)]
    assert total(meter(), tenth, start="2026-01-15T12:00:00Z", end="2026-01-15T12:15:00Z") == "1"
    wide = [
        event("e1", tokens=number("999999999999999999e30")),
        event("e2", tokens=number("0.000000000000000000000000000001")),
    ]
    shown = total(meter(), wide, start="2026-01-15T12:00:00Z", end="2026-01-15T12:15:00Z")
    assert shown == "9" * 18 + "0" * 30 + "." + "0" * 29 + "1"


@pytest.mark.parametrize(("values", "mean"), [
    (["1", "1", "0"], "0.666666666667"), (["-1", "-1", "0"], "-0.666666666667"), (["1", "2"], "1.5"), (["0", "0"], "0"),
    (["0.000000000001", "0"], "0.000000000001"), (["-0.000000000001", "0"], "-0.000000000001"),
])  # fmt: skip
def test_averages_are_rounded_once_ties_away_from_zero(values: list[str], mean: str) -> None:
    events = [event(f"e{at}", tokens=number(value)) for at, value in enumerate(values)]
    assert total(meter("average"), events, start="2026-01-15T00:00:00Z", end="2026-01-16T00:00:00Z") == mean


def test_an_average_of_days_is_not_the_average_of_their_averages() -> None:
    events = [event("e1", tokens=1), event("e2", tokens=1), event("e3", "2026-01-16T12:00:00Z", tokens=4)]
    found = measure(
        meter("average"), events, start="2026-01-15T00:00:00Z", end="2026-01-17T00:00:00Z", window=Window.DAY
    )
    assert [show_decimal(one.quantity) for one in found.windows] == ["1", "4"]
    assert show_decimal(found.total) == "2"


@pytest.mark.parametrize(("values", "distinct"), [
    (["1", number("1")], 1), (["1", number("1.0")], 2), (["1.0", number("1.0"), number("1.00")], 2),
    ([True, "true"], 1), ([True, False], 2), (["", "a"], 2), (["a", "A"], 2), (["é", "e\u0301"], 2),
    ([None, [], {}, ["a"], {"a": "b"}], 0), (["a", "a", "a"], 1), (["NaN", number("1E+1000000")], 2),
])  # fmt: skip
def test_unique_count_compares_literals_as_text(values: list[Any], distinct: int) -> None:
    events = [event(f"e{at}", user=value) for at, value in enumerate(values)]
    of = meter("unique_count", value="user")
    assert total(of, events, start="2026-01-15T00:00:00Z", end="2026-01-16T00:00:00Z") == str(distinct)


def test_of_latest_events_at_one_instant_the_greatest_source_then_id_holds() -> None:
    at = "2026-01-15T12:00:00Z"
    events = [
        event("z", at, source="a", tokens=1),
        event("a", at, source="b", tokens=2),
        event("b", at, source="b", tokens=3),
    ]
    for order in (events, events[::-1], [events[1], events[2], events[0]]):
        assert total(meter("latest"), order, start="2026-01-15T00:00:00Z", end="2026-01-16T00:00:00Z") == "3"


GB = meter("time_weighted", key="storage", value="gb", event_type="storage")


def level(time: str, gb: str, name: str = "", source: str = "disk", **more: Any) -> Any:
    return event(name or time, time, source=source, type="storage", gb=number(gb), **more)


def test_ten_gigabytes_from_noon_to_noon_are_240_gigabyte_hours() -> None:
    events = [level("2026-01-15T12:00:00Z", "10"), level("2026-01-16T12:00:00Z", "0")]
    found = measure(GB, events, start="2026-01-15T00:00:00Z", end="2026-01-18T00:00:00Z", window=Window.DAY)
    assert [show_decimal(one.quantity) for one in found.windows] == ["120", "120", "0"]
    assert show_decimal(found.total) == "240"


def test_a_level_carries_on_over_days_without_events() -> None:
    events = [level("2026-01-01T12:00:00Z", "10")]
    found = measure(GB, events, start="2026-01-10T00:00:00Z", end="2026-01-13T00:00:00Z", window=Window.DAY)
    assert [show_decimal(one.quantity) for one in found.windows] == ["240", "240", "240"]


def test_a_level_holds_until_now_and_not_beyond() -> None:
    asked = {"start": "2026-01-15T00:00:00Z", "end": "2026-01-17T00:00:00Z"}
    events = [level("2026-01-15T12:00:00Z", "10")]
    assert total(GB, events, **asked, now="2026-01-15T12:00:00Z") == "0"
    assert total(GB, events, **asked, now="2026-01-15T13:30:00Z") == "15"
    assert total(GB, events, **asked, now="2026-01-18T00:00:00Z") == "360"


def test_a_clock_set_back_takes_nothing_away() -> None:
    events = [level("2026-01-15T10:00:00Z", "10"), level("2026-01-15T14:00:00Z", "1000")]
    asked = {"start": "2026-01-15T00:00:00Z", "end": "2026-01-16T00:00:00Z"}
    assert total(GB, events, **asked, now="2026-01-15T13:00:00Z") == "40"


@pytest.mark.parametrize(("day", "following", "hours"), [
    ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", "23"), ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", "25"),
])  # fmt: skip
def test_a_level_of_one_over_a_changing_day_is_as_many_hours_as_it_has(day: str, following: str, hours: str) -> None:
    events = [level("2026-01-01T00:00:00Z", "1")]
    found = measure(GB, events, start=day, end=following, window=Window.DAY, zone="Europe/Berlin")
    assert [show_decimal(one.quantity) for one in found.windows] == [hours]


def test_of_levels_at_one_instant_the_greatest_source_then_id_holds_on() -> None:
    at = "2026-01-15T12:00:00Z"
    events = [level(at, "1", "z", "a"), level(at, "2", "a", "b"), level(at, "3", "b", "b")]
    for order in (events, events[::-1], [events[1], events[2], events[0]]):
        assert total(GB, order, start="2026-01-15T12:00:00Z", end="2026-01-15T13:00:00Z") == "3"


def test_each_combination_has_a_level_of_its_own() -> None:
    of = meter("time_weighted", key="storage", value="gb", event_type="storage", dimensions={"disk": "disk"})
    events = [
        level("2026-01-15T00:00:00Z", "10", "1", disk="a"),
        level("2026-01-15T06:00:00Z", "100", "2", disk="b"),
        level("2026-01-15T12:00:00Z", "0", "3", disk="a"),
    ]
    assert total(of, events, start="2026-01-15T00:00:00Z", end="2026-01-16T00:00:00Z") == str(10 * 12 + 100 * 18)


def test_level_hours_are_rounded_once() -> None:
    events = [level("2026-01-15T12:00:00Z", "1"), level("2026-01-15T12:00:00.000001Z", "0")]
    found = total(GB, events, start="2026-01-15T12:00:00Z", end="2026-01-15T13:00:00Z")
    assert found == "0.000000000278"
    three = [level(f"2026-01-15T12:00:0{at}.00000{part}Z", gb) for at in range(3) for part, gb in ((0, "1"), (1, "0"))]
    assert total(GB, three, start="2026-01-15T12:00:00Z", end="2026-01-15T13:00:00Z") == "0.000000000833"


def test_levels_end_with_their_meter() -> None:
    of = meter("time_weighted", key="storage", value="gb", event_type="storage", archived_at="2026-01-15T18:00:00Z")
    events = [level("2026-01-15T12:00:00Z", "10"), level("2026-01-15T19:00:00Z", "1000")]
    found = measure(of, events, start="2026-01-15T00:00:00Z", end="2026-01-18T00:00:00Z", window=Window.DAY)
    assert [show_decimal(one.quantity) for one in found.windows] == ["60", "0", "0"]


def test_a_level_from_before_the_meter_counts_does_not_carry_in() -> None:
    of = meter("time_weighted", key="storage", value="gb", event_type="storage", count_from="2026-01-15T12:05:00Z")
    events = [level("2026-01-15T12:00:00Z", "10"), level("2026-01-15T13:00:00Z", "1")]
    assert total(of, events, start="2026-01-15T12:00:00Z", end="2026-01-15T15:00:00Z") == "2"


def test_negative_levels_count_as_they_are() -> None:
    events = [level("2026-01-15T12:00:00Z", "-2"), level("2026-01-15T13:00:00Z", "1")]
    assert total(GB, events, start="2026-01-15T12:00:00Z", end="2026-01-15T14:00:00Z") == "-1"


def test_overlapping_levels_of_one_combination_are_a_bug() -> None:
    algebra = aggregator(Aggregation.TIME_WEIGHTED)
    one = Levels(0, Decimal(5), 5, Decimal(1))
    with pytest.raises(AssertionError, match="never overlap"):
        algebra.merge(one, Levels(3, Decimal(0), 4, Decimal(1)))
    with pytest.raises(AssertionError, match="depends on the level before"):
        algebra.value(one)


def test_the_integral_is_exact_for_the_widest_levels() -> None:
    algebra = aggregator(Aggregation.TIME_WEIGHTED)
    widest = Decimal("9" * 18 + "e30")
    year = 31_536_000_000_000
    state = algebra.add([Row(0, "a", "1", widest), Row(year, "a", "2", Decimal("1e-60"))])
    found = state.quantity(carried=Decimal(0), start=0, end=2 * year)
    assert found == (Fraction(widest) + Fraction(1, 10**60)) * 8760
