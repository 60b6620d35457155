"""Counters of days: merging, the limit of combinations, and how they are stored (docs/rules.md 2.7)."""

from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.catalog.meters import Aggregation
from chalicelib.usage.aggregation import Row
from chalicelib.usage.counters import (
    EMPTY,
    MAX_COMBINATIONS,
    REST,
    Counters,
    Health,
    add_health,
    decode,
    definitions_number,
    encode,
    limit_combinations,
    merge_counters,
    merge_states,
)
from chalicelib.usage.fold import fold
from tests.usage.build import catalog, day_of_counters, event, fold_all, meter, partitions, segment

ODD = ["", "a#b", "|", '["a"]', '"', "\\", "null", "é", "😀", "\x00"]


def test_definitions_order_by_code_then_by_meters() -> None:
    numbers = [definitions_number(meters, code_version=code) for code in (1, 2) for meters in (0, 1, 999_999_999)]
    assert numbers == sorted(set(numbers))
    with pytest.raises(AssertionError):
        definitions_number(10**9)


def test_a_day_adds_up_what_its_quarter_hours_saw() -> None:
    of = catalog(meter(), version=3)
    parts = [Counters(2, 10, Health(accepted=5, voided=1)), Counters(1, 7, Health(accepted=1, unusable=1))]
    day = merge_counters(parts, of)
    assert (day.segments, day.definitions) == (3, 17)
    assert day.health == Health(accepted=6, voided=1, unusable=1)
    assert merge_counters([], of) == EMPTY
    assert add_health([]) == Health()


def test_a_meter_that_the_catalog_does_not_know_is_left_out() -> None:
    part = Counters(1, 1, Health(), {"tokens": {(): Decimal(5)}, "unknown": {(): 1}})
    assert dict(merge_counters([part], catalog(meter())).meters) == {"tokens": {(): Decimal(5)}}


def test_a_quarter_hour_without_a_meter_merges_with_one_that_has_it() -> None:
    of = catalog(meter(), meter("count", key="requests"))
    parts = [Counters(1, 1, Health(), {"tokens": {(): Decimal(5)}}), Counters(1, 1, Health(), {"requests": {(): 2}})]
    assert dict(merge_counters(parts, of).meters) == {"tokens": {(): Decimal(5)}, "requests": {(): 2}}


def states_of(quantities: dict[str, int]) -> dict[Any, Decimal]:
    return {(name,): Decimal(quantity) for name, quantity in quantities.items()}


def test_up_to_the_limit_every_combination_is_kept_and_one_more_makes_a_rest() -> None:
    three = states_of({"a": 1, "b": 2, "c": 3})
    assert limit_combinations(Aggregation.SUM, three, 3) == three
    assert limit_combinations(Aggregation.SUM, three, 2) == {("c",): 3, ("b",): 2, REST: 1}


def test_the_greatest_by_quantity_then_by_name_are_kept_whatever_came_first() -> None:
    quantities = {"a": 2, "b": 1, "c": 2, "d": 2, "e": -5}
    for order in permutations(quantities):
        kept = limit_combinations(Aggregation.SUM, states_of({name: quantities[name] for name in order}), 2)
        assert kept == {("a",): 2, ("c",): 2, REST: 2 + 1 - 5}


def test_quantities_are_compared_exactly_beyond_28_digits() -> None:
    states: dict[Any, Decimal] = {("a",): Decimal("1" + "0" * 30), ("b",): Decimal("1" + "0" * 29 + "1")}
    assert limit_combinations(Aggregation.SUM, states, 1) == {("b",): states["b",], REST: states["a",]}


def test_a_rest_that_is_there_takes_in_what_falls_out() -> None:
    states = {**states_of({"a": 1, "b": 2}), REST: Decimal(10)}
    assert limit_combinations(Aggregation.SUM, states, 2) == states
    assert limit_combinations(Aggregation.SUM, states, 1) == {("b",): 2, REST: 11}


@pytest.mark.parametrize(("aggregation", "rest", "total"), [
    (Aggregation.MAX, 2, 3), (Aggregation.MIN, 1, 1), (Aggregation.COUNT, 3, 6),
])  # fmt: skip
def test_the_rest_is_the_merge_of_what_fell_out(aggregation: Aggregation, rest: int, total: int) -> None:
    states = states_of({"a": 1, "b": 2, "c": 3})
    kept = limit_combinations(aggregation, states, 1)
    assert kept == {("c",): 3, REST: rest}
    whole = merge_states(aggregation, ({(): one} for one in kept.values()))
    assert whole == {(): total}


def test_levels_are_never_merged_into_a_rest() -> None:
    states: dict[Any, int] = {(str(at),): at for at in range(5)}
    assert limit_combinations(Aggregation.TIME_WEIGHTED, states, 2) is states


@pytest.mark.parametrize(("combinations", "has_rest"), [(MAX_COMBINATIONS, False), (MAX_COMBINATIONS + 1, True)])
def test_a_day_keeps_ten_thousand_combinations(combinations: int, has_rest: bool) -> None:
    of = catalog(meter(dimensions={"model": "model"}))
    half = combinations // 2
    parts = [
        Counters(1, 1, Health(), {"tokens": states_of({f"m{at}": at + 1 for at in range(start, end)})})
        for start, end in ((0, half), (half, combinations))
    ]
    states = merge_counters(parts, of).meters["tokens"]
    assert (REST in states) == has_rest
    assert len(states) - has_rest == MAX_COMBINATIONS
    assert sum(states.values()) == combinations * (combinations + 1) // 2
    assert not has_rest or states[REST] == 1


def test_the_rest_is_chosen_by_the_day_and_not_by_a_quarter_hour() -> None:
    """Small in the first quarter-hour and great in the day: it must not fall out early."""
    of = catalog(meter(dimensions={"model": "model"}))
    crowd = {f"m{at}": 5 for at in range(MAX_COMBINATIONS)}
    parts = [Counters(1, 1, Health(), {"tokens": states_of(one)}) for one in ({**crowd, "late": 1}, {"late": 100})]
    states = merge_counters(parts, of).meters["tokens"]
    assert states["late",] == 101
    assert states[REST] == 5


def everything() -> tuple[Any, Any]:
    """Fold a day that uses every aggregation, with odd dimension values."""
    of = catalog(*(meter(one, key=one.value, dimensions={"model": "model"}) for one in Aggregation))
    events = [
        event(f"e{at}", f"2026-01-15T{at:02}:07:00Z", source=odd or "s", model=odd, tokens=at)
        for at, odd in enumerate(ODD)
    ]
    return day_of_counters(fold_all(partitions(events), of), of), of


def test_counters_survive_being_stored() -> None:
    day, of = everything()
    assert len(day.meters) == len(Aggregation)
    again = decode(encode(day, of), segments=day.segments, definitions=day.definitions, catalog=of)
    assert again == day


def test_a_rest_survives_being_stored_and_stays_apart_from_the_empty_combination() -> None:
    of = catalog(meter(dimensions={"model": "model"}))
    day = Counters(1, 1, Health(), {"tokens": {REST: Decimal(3), ("",): Decimal(2)}})
    assert decode(encode(day, of), segments=1, definitions=1, catalog=of) == day


def test_equal_counters_are_stored_as_equal_bytes() -> None:
    day, of = everything()
    turned = {key: dict(reversed(list(states.items()))) for key, states in reversed(list(day.meters.items()))}
    assert encode(replace(day, meters=turned), of) == encode(day, of)


def test_stored_counters_of_a_meter_that_is_not_known_are_left_out() -> None:
    day, of = everything()
    fewer = catalog(of.meters["sum"])
    again = decode(encode(day, of), segments=1, definitions=1, catalog=fewer)
    assert list(again.meters) == ["sum"]


@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-3, 3)), max_size=4), min_size=3, max_size=3))
def test_merging_days_is_associative(parts: list[list[tuple[str, int]]]) -> None:
    one, two, three = (states_of(dict(part)) for part in parts)
    left = merge_states(Aggregation.SUM, [merge_states(Aggregation.SUM, [one, two]), three])
    right = merge_states(Aggregation.SUM, [one, merge_states(Aggregation.SUM, [two, three])])
    assert left == right == merge_states(Aggregation.SUM, [three, two, one])


def test_merging_changes_none_of_its_parts() -> None:
    of = catalog(meter("latest"))
    parts = [fold([segment(event("e1", tokens=1))], of), fold([segment(event("e2", tokens=2))], of)]
    before = [dict(part.meters["tokens"]) for part in parts]
    merged = merge_counters(parts, of)
    assert [dict(part.meters["tokens"]) for part in parts] == before
    assert isinstance(merged.meters["tokens"][()], Row)
