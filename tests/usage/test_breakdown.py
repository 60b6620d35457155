"""From states to what a caller sees: groups, top and rest, filters."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.catalog.meters import Aggregation
from chalicelib.shared.numbers import show_decimal
from chalicelib.usage.breakdown import Breakdown, Group, Grouping, Measured, break_down
from chalicelib.usage.counters import REST
from chalicelib.usage.events import Event
from chalicelib.usage.ranges import Range, Window
from tests.usage.build import event, measure, meter, number

DAYS = {"start": "2026-01-15T00:00:00Z", "end": "2026-01-17T00:00:00Z"}
MODEL = {"model": "model"}
BY_MODEL = Grouping(by=("model",))


def used(model: str, tokens: str, day: int = 15, **more: Any) -> Event:
    return event(f"{model}{tokens}{day}{more}", f"2026-01-{day}T12:00:00Z", model=model, tokens=number(tokens), **more)


def days(aggregation: str, events: list[Event], grouping: Grouping, **more: str) -> Breakdown:
    of = meter(aggregation, dimensions={"model": "model", "kind": "kind"})
    return measure(of, events, **DAYS, window=Window.DAY, grouping=grouping, now=more.get("now"))


def shown(found: Breakdown) -> list[dict[Group, str]]:
    """Show the quantities of each day by group."""
    rows: dict[Range, dict[Group, str]] = {}
    for one in found.windows:
        rows.setdefault(one.window, {})[one.group] = show_decimal(one.quantity)
    return list(rows.values())


def test_without_groups_every_window_is_listed_zero_or_not() -> None:
    found = days("sum", [used("a", "5")], Grouping())
    assert shown(found) == [{(): "5"}, {(): "0"}]
    assert shown(days("sum", [], Grouping())) == [{(): "0"}, {(): "0"}]


def test_with_groups_only_those_with_usage_are_listed() -> None:
    found = days("sum", [used("a", "5"), used("b", "0"), used("b", "1", 16)], BY_MODEL)
    assert shown(found) == [{("a",): "5"}, {("b",): "1"}]
    assert found.total == 6


def test_the_top_groups_by_total_are_shown_and_the_others_as_one() -> None:
    events = [used("a", "5"), used("b", "9", 16), used("c", "1"), used("c", "5", 16), used("d", "1")]
    found = days("sum", events, Grouping(by=("model",), top=2))
    assert shown(found) == [{("c",): "1", None: "6"}, {("b",): "9", ("c",): "5"}]
    assert found.total == 21


def test_groups_of_equal_totals_come_by_name() -> None:
    events = [used(model, "5") for model in "dbca"]
    assert shown(days("sum", events, Grouping(by=("model",), top=3))) == [
        {("a",): "5", ("b",): "5", ("c",): "5", None: "5"}
    ]


def test_totals_are_compared_exactly_beyond_28_digits() -> None:
    events = [used("a", "100000000000000000e13"), used("b", "100000000000000000e13"), used("b", "1")]
    assert ("b",) in shown(days("sum", events, Grouping(by=("model",), top=1)))[0]


def test_as_many_groups_as_asked_for_leave_no_rest_and_one_more_does() -> None:
    events = [used(model, "5") for model in "ab"]
    assert shown(days("sum", events, Grouping(by=("model",), top=2))) == [{("a",): "5", ("b",): "5"}]
    assert shown(days("sum", events, Grouping(by=("model",), top=1))) == [{("a",): "5", None: "5"}]


def test_a_group_that_totals_zero_but_was_used_is_no_rest() -> None:
    events = [used("a", "5"), used("a", "-5", 16), used("b", "1")]
    assert shown(days("sum", events, BY_MODEL)) == [{("b",): "1", ("a",): "5"}, {("a",): "-5"}]
    events = [used("a", "5"), used("a", "0", 16), used("b", "1")]
    assert shown(days("latest", events, BY_MODEL)) == [{("b",): "1", ("a",): "5"}]


@pytest.mark.parametrize(("aggregation", "top", "rest", "total"), [
    ("sum", "24", "6", "30"), ("count", "3", "3", "6"), ("max", "9", "4", "9"), ("min", "7", "1", "1"),
    ("average", "8", "2", "5"), ("unique_count", "3", "2", "5"), ("latest", "9", "4", "4"),
])  # fmt: skip
def test_a_rest_is_the_quantity_of_its_events_and_not_a_sum_of_groups(
    aggregation: str, top: str, rest: str, total: str
) -> None:
    events = [
        event(f"e{at}", f"2026-01-15T12:0{at}:00Z", model=model, tokens=tokens)
        for at, (model, tokens) in enumerate(zip("aaabcc", [7, 8, 9, 1, 1, 4], strict=True))
    ]
    found = days(aggregation, events, Grouping(by=("model",), top=1))
    assert shown(found) == [{("a",): top, None: rest}]
    assert show_decimal(found.total) == total


def test_grouping_by_two_dimensions_keeps_their_order() -> None:
    events = [used("a", "5", kind="x"), used("a", "1", kind="y"), used("b", "3")]
    assert shown(days("sum", events, Grouping(by=("kind", "model")))) == [
        {("x", "a"): "5", ("", "b"): "3", ("y", "a"): "1"}
    ]


def test_a_dimension_that_the_meter_does_not_have_is_empty() -> None:
    assert shown(days("sum", [used("a", "5")], Grouping(by=("color",)))) == [{("",): "5"}]
    assert days("sum", [used("a", "5")], Grouping(filters={"color": frozenset({"red"})})).total == 0


def test_filters_keep_the_values_asked_for_and_all_must_match() -> None:
    events = [used("a", "5", kind="x"), used("a", "1", kind="y"), used("b", "3", kind="x"), used("", "7", kind="x")]
    wanted = {"model": frozenset({"a", "b"}), "kind": frozenset({"x"})}
    assert days("sum", events, Grouping(filters=wanted)).total == 8
    assert days("sum", events, Grouping(filters={"model": frozenset({""})})).total == 7


def crowded(states: Mapping[Any, Decimal]) -> Measured:
    of = meter(dimensions=MODEL)
    return Measured(of, [(Range(0, 96), states)], {}, 0)


def test_what_fell_out_of_a_day_counts_in_the_total_and_in_the_rest_and_passes_no_filter() -> None:
    states = {("a",): Decimal(5), ("b",): Decimal(1), REST: Decimal(100)}
    assert break_down(crowded(states), Grouping()).total == 106
    assert shown(break_down(crowded(states), Grouping(by=("model",), top=1))) == [{("a",): "5", None: "101"}]
    assert break_down(crowded(states), Grouping(filters={"model": frozenset({"a", ""})})).total == 5


def levels(*rows: tuple[str, str, str]) -> list[Event]:
    return [event(f"e{time}{model}", time, model=model, tokens=number(tokens)) for time, model, tokens in rows]


LEVELS = levels(
    ("2026-01-14T00:00:00Z", "a", "10"), ("2026-01-15T12:00:00Z", "b", "1"), ("2026-01-16T12:00:00Z", "a", "0")
)


def test_levels_are_carried_into_the_range_by_group() -> None:
    found = days("time_weighted", LEVELS, BY_MODEL)
    assert shown(found) == [{("a",): "240", ("b",): "12"}, {("a",): "120", ("b",): "24"}]
    assert found.total == 240 + 12 + 120 + 24


def test_levels_end_at_now_in_every_group() -> None:
    found = days("time_weighted", LEVELS, BY_MODEL, now="2026-01-15T18:00:00Z")
    assert shown(found) == [{("a",): "180", ("b",): "6"}]


def test_a_rest_of_levels_is_their_sum() -> None:
    found = days("time_weighted", LEVELS, Grouping(by=("model",), top=1))
    assert shown(found) == [{("a",): "240", None: "12"}, {("a",): "120", None: "24"}]
    assert days("time_weighted", LEVELS, Grouping(filters={"model": frozenset({"b"})})).total == 36


def test_thirds_of_level_hours_are_rounded_once_and_not_by_combination() -> None:
    rows = [
        (f"2026-01-15T12:00:00.00000{at}Z", model, tokens) for model in "abc" for at, tokens in ((0, "1"), (1, "0"))
    ]
    found = days("time_weighted", levels(*rows), Grouping())
    assert show_decimal(found.total) == "0.000000000833"


@pytest.mark.parametrize("aggregation", list(Aggregation))
def test_groups_of_additive_quantities_add_up_to_the_total(aggregation: Aggregation) -> None:
    events = [used(model, str(tokens), day) for model in "abcd" for tokens in (1, 4) for day in (15, 16)]
    found = days(aggregation, events, Grouping(by=("model",), top=2))
    added = sum((one.quantity for one in found.windows), Decimal(0))
    assert (added == found.total) == aggregation.is_additive
