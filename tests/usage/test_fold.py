"""The fold decides what counts: duplicates, conflicts, voids, amends, unmatched and unusable (docs/rules.md)."""

import time
from dataclasses import astuple, replace
from typing import Any

import pytest

from chalicelib.catalog.meters import Meter
from chalicelib.shared.time import parse_instant
from chalicelib.usage.counters import HEALTH_FIELDS, Health
from chalicelib.usage.events import EventState
from chalicelib.usage.fold import fold, is_usable, resolve
from chalicelib.usage.segments import Segment
from tests.usage.build import amend, as_read, by_combination, catalog, event, meter, number, quantity_of, segment, void

SUM = meter()


def health(segments: list[Segment], *meters: Meter) -> dict[str, int]:
    """Show what is not zero of a quarter-hour's health."""
    counted = fold(segments, catalog(*(meters or (SUM,)))).health
    return {name: count for name, count in zip(HEALTH_FIELDS, astuple(counted), strict=True) if count}


def test_nothing_folds_to_nothing() -> None:
    counters = fold([], catalog(SUM))
    assert (counters.segments, counters.health, dict(counters.meters)) == (0, Health(), {})


def test_the_same_event_again_is_a_duplicate_and_counts_once() -> None:
    again = [segment(event("e1", tokens=5)), segment(event("e1", tokens=5))]
    assert quantity_of(SUM, again) == "5"
    assert health(again) == {"accepted": 2, "duplicates": 1}


def test_the_same_event_twice_in_one_request_counts_once() -> None:
    once = [segment(event("e1", tokens=5), event("e2", tokens=1), event("e1", tokens=5))]
    assert quantity_of(SUM, once) == "6"
    assert health(once) == {"accepted": 3, "duplicates": 1}


@pytest.mark.parametrize(
    "other",
    [
        event("e1", tokens=6),
        event("e1", tokens="5"),
        event("e1", tokens=number("5.0")),
        event("e1", tokens=5, model="a"),
        event("e1"),
        event("e1", type="gpu", tokens=5),
    ],
)
def test_the_same_identity_with_other_type_or_data_is_a_conflict_and_never_counts(other: Any) -> None:
    both = [segment(event("e1", tokens=5)), segment(other)]
    assert quantity_of(SUM, both) == "5"
    assert health(both) == {"accepted": 2, "conflicts": 1}


def test_in_one_request_the_first_by_index_is_first() -> None:
    assert quantity_of(SUM, [segment(event("e1", tokens=7), event("e1", tokens=5))]) == "7"
    assert quantity_of(SUM, [segment(event("e1", tokens=5), event("e1", tokens=7))]) == "5"


def test_extensions_and_the_order_of_keys_make_no_conflict() -> None:
    both = [segment(event("e1", a=1, b={"c": 1, "d": 2})), segment(event("e1", b={"d": 2, "c": 1}, a=1))]
    assert health(both, meter("count")) == {"accepted": 2, "duplicates": 1}


@pytest.mark.parametrize("other", [
    event("e2", tokens=5), event("e1", source="another", tokens=5), event("E1", tokens=5), event("e1 ", tokens=5),
    event("gateway", source="e1", tokens=5),
], ids=["id", "source", "case", "space", "swapped"])  # fmt: skip
def test_another_source_or_id_is_another_event(other: Any) -> None:
    assert quantity_of(SUM, [segment(event("e1", tokens=5), other)]) == "10"


def test_a_separator_in_source_or_id_makes_no_two_events_one() -> None:
    events = [
        event("b#c", source="a", tokens=1),
        event("c", source="a#b", tokens=1),
        event("#c", source="a#b", tokens=1),
    ]
    assert quantity_of(SUM, [segment(*events)]) == "3"


def test_another_time_in_the_quarter_hour_makes_no_other_event_and_the_first_received_counts() -> None:
    late = event("e1", "2026-01-15T12:10:00Z", tokens=5)
    early = event("e1", "2026-01-15T12:01:00Z", tokens=5)
    between = event("e2", "2026-01-15T12:05:00Z", tokens=1)
    assert quantity_of(meter("latest"), [segment(late), segment(early, between)]) == "5"
    assert quantity_of(meter("latest"), [segment(early, between), segment(late)]) == "1"
    assert health([segment(late), segment(early)]) == {"accepted": 2, "duplicates": 1}


def test_a_void_takes_an_event_back() -> None:
    first = event("e1", tokens=5)
    taken = [segment(first, event("e2", tokens=1)), void(first)]
    assert quantity_of(SUM, taken) == "1"
    assert health(taken) == {"accepted": 2, "voided": 1}


def test_a_voided_identity_stays_voided() -> None:
    first = event("e1", tokens=5)
    again = [segment(first), void(first), segment(first), segment(event("e1", tokens=9)), amend(first, tokens=7)]
    assert quantity_of(SUM, again) == "0"
    assert health(again) == {"accepted": 3, "duplicates": 1, "conflicts": 1, "voided": 1}


def test_two_voids_are_one() -> None:
    first = event("e1", tokens=5)
    assert health([segment(first), void(first, "v1"), void(first, "v2")]) == {"accepted": 1, "voided": 1}


def test_a_record_about_an_unknown_event_does_nothing() -> None:
    stray = [segment(event("e1", tokens=5)), void(event("e2")), amend(event("e3"), tokens=9)]
    assert quantity_of(SUM, stray) == "5"
    assert health(stray) == {"accepted": 1}


def test_an_amend_replaces_the_data() -> None:
    first = event("e1", tokens=5, model="a")
    changed = [segment(first, event("e2", tokens=1)), amend(first, tokens=7)]
    assert quantity_of(SUM, changed) == "8"
    assert health(changed) == {"accepted": 2, "amended": 1}


def test_the_last_amend_holds() -> None:
    first = event("e1", tokens=5)
    assert quantity_of(SUM, [segment(first), amend(first, "a1", tokens=7), amend(first, "a2", tokens=6)]) == "6"


def test_an_amend_moves_an_event_to_other_dimensions() -> None:
    of = meter(dimensions={"model": "model"})
    first = event("e1", tokens=5, model="a")
    assert by_combination(of, [segment(first), amend(first, tokens=5, model="b")]) == {("b",): 5}


def test_an_amend_into_or_out_of_a_filter_decides_whether_it_counts() -> None:
    of = meter(filters={"kind": ["output"]})
    first, second = event("e1", tokens=5, kind="output"), event("e2", tokens=3, kind="input")
    changed = [
        segment(first, second),
        amend(first, "a1", tokens=5, kind="input"),
        amend(second, "a2", tokens=3, kind="output"),
    ]
    assert quantity_of(of, changed) == "3"


def test_an_amend_makes_an_event_usable_and_another_makes_it_unusable() -> None:
    bad, good = event("e1", tokens="many"), event("e2", tokens=3)
    changed = [segment(bad, good), amend(bad, "a1", tokens=4), amend(good, "a2", tokens=None)]
    assert quantity_of(SUM, changed) == "4"
    assert health(changed) == {"accepted": 2, "amended": 2, "unusable": 1}


def test_after_an_amend_the_original_again_is_a_duplicate_and_the_new_data_a_conflict() -> None:
    first = event("e1", tokens=5)
    again = [segment(first), amend(first, tokens=7), segment(first), segment(event("e1", tokens=7))]
    assert quantity_of(SUM, again) == "7"
    assert health(again) == {"accepted": 3, "duplicates": 1, "conflicts": 1, "amended": 1}


def test_an_amend_of_an_event_sent_twice_counts_once() -> None:
    first = event("e1", tokens=5)
    assert quantity_of(SUM, [segment(first), segment(first), amend(first, tokens=7), segment(first)]) == "7"


def test_an_amended_event_keeps_its_time() -> None:
    first = event("e1", "2026-01-15T12:01:00Z", tokens=5)
    later = event("e2", "2026-01-15T12:05:00Z", tokens=1)
    said = event("e1", "2026-01-15T12:10:00Z")
    assert quantity_of(meter("latest"), [segment(first, later), amend(said, tokens=7)]) == "1"


def test_a_void_wins_over_an_amend_whichever_came_last() -> None:
    first = event("e1", tokens=5)
    assert quantity_of(SUM, [segment(first), void(first, "1"), amend(first, "2", tokens=7)]) == "0"
    assert quantity_of(SUM, [segment(first), amend(first, "1", tokens=7), void(first, "2")]) == "0"


def test_the_fate_of_every_row_is_told() -> None:
    first, second, third = event("e1", tokens=1), event("e2", tokens=2), event("e3", tokens=3)
    rows = segment(first, second, third, first, event("e2", tokens=9))
    found = resolve([rows, void(second), amend(third, tokens=4)])
    assert [found.fate((0, row)) for row in range(5)] == [
        EventState.COUNTED, EventState.VOIDED, EventState.AMENDED, EventState.DUPLICATE, EventState.CONFLICT,
    ]  # fmt: skip


def test_an_event_that_no_meter_matches_is_unmatched() -> None:
    of = meter(filters={"kind": ["output"]}, count_from="2026-01-15T12:05:00Z")
    events = [
        event("other type", "2026-01-15T12:06:00Z", type="gpu", tokens=1, kind="output"),
        event("other kind", "2026-01-15T12:06:00Z", tokens=1, kind="input"),
        event("too early", "2026-01-15T12:04:59Z", tokens=1, kind="output"),
        event("counts", "2026-01-15T12:06:00Z", tokens=1, kind="output"),
    ]
    assert health([segment(*events)], of) == {"accepted": 4, "unmatched": 3}
    assert health([segment(*events)], of, meter("count", key="requests")) == {"accepted": 4, "unmatched": 1}


@pytest.mark.parametrize(
    "value", [None, "", "many", "NaN", "-Infinity", True, [], {}, [1], {"a": 1}, number("1E+1000000"), "1_000", " 1"]
)
def test_a_value_that_a_meter_cannot_use_is_stored_and_listed(value: Any) -> None:
    rows = [segment(event("e1", tokens=value), event("e2", tokens=1))]
    assert quantity_of(SUM, rows) == "1"
    assert health(rows) == {"accepted": 2, "unusable": 1}
    assert quantity_of(meter("count"), rows) == "2"


def test_an_event_that_two_meters_cannot_use_is_unusable_once() -> None:
    rows = [segment(event("e1"))]
    assert health(rows, SUM, meter("max", key="most"), meter("count", key="requests")) == {"accepted": 1, "unusable": 1}


@pytest.mark.parametrize(("aggregation", "scalar", "usable"), [
    ("count", None, True), ("sum", "1.5", True), ("sum", "many", False), ("sum", None, False),
    ("unique_count", "many", True), ("unique_count", "", True), ("unique_count", None, False),
    ("time_weighted", "3", True), ("latest", "NaN", False),
])  # fmt: skip
def test_usable_is_what_the_fold_uses(aggregation: str, scalar: str | None, usable: bool) -> None:
    of = meter(aggregation)
    assert is_usable(of, scalar) == usable
    assert bool(by_combination(of, [segment(event("e1", tokens=scalar))])) == usable


def test_the_first_instant_of_a_meter_counts_and_its_end_does_not() -> None:
    of = meter("count", count_from="2026-01-15T12:03:00Z", archived_at="2026-01-15T12:07:00Z")
    times = ["12:02:59.999999", "12:03:00", "12:06:59.999999", "12:07:00"]
    counted = [quantity_of(of, [segment(event("e1", f"2026-01-15T{time}Z"))]) for time in times]
    assert counted == ["0", "1", "1", "0"]


@pytest.mark.parametrize(
    ("of", "counted"),
    [
        (meter("count", count_from="2026-01-15T12:00:00Z"), "1"),
        (meter("count", count_from="2026-01-15T12:15:00Z"), "0"),
        (meter("count", archived_at="2026-01-15T12:15:00Z"), "1"),
        (meter("count", archived_at="2026-01-15T12:00:00Z"), "0"),
    ],
)
def test_bounds_on_a_quarter_hour_are_exact(of: Meter, counted: str) -> None:
    assert quantity_of(of, [segment(event())]) == counted


def test_values_and_dimensions_are_paths_into_the_data() -> None:
    of = meter(value="usage.output", dimensions={"model": "model.name", "kind": "kind"})
    rows = segment(
        event("e1", usage={"output": 5}, model={"name": "a"}, kind="x"),
        event("e2", usage={"output": "6"}, model="a", kind="x"),
        event("e3", usage={"output": 7}, model={"name": None}, kind=[1]),
        replace(event("e4"), data=as_read({"usage.output": 9, "usage": 3})),
        event("e5", usage={"output": 1}, model={"name": number("1.0")}, kind=True),
    )
    assert by_combination(of, [rows]) == {("a", "x"): 5, ("", "x"): 6, ("", ""): 7, ("1.0", "true"): 1}


@pytest.mark.parametrize("odd", ["a#b", "a|b", '["a","b"]', '"', "\x00", "é", "null", "None", "a,b"])
def test_odd_dimension_values_stay_apart(odd: str) -> None:
    of = meter(dimensions={"one": "one", "two": "two"})
    rows = segment(
        event("e1", one=odd, two="x", tokens=1),
        event("e2", one="x", two=odd, tokens=2),
        event("e3", one=odd + "x", two="", tokens=4),
    )
    assert by_combination(of, [rows]) == {(odd, "x"): 1, ("x", odd): 2, (odd + "x", ""): 4}


def test_a_filter_for_the_empty_string_takes_what_is_missing() -> None:
    of = meter("count", filters={"kind": ["", "output"]})
    rows = segment(event("e1"), event("e2", kind="output"), event("e3", kind="input"), event("e4", kind=None))
    assert quantity_of(of, [rows]) == "3"


def test_levels_ahead_of_now_do_not_hold_yet() -> None:
    of = meter("time_weighted")
    now = "2026-01-15T12:05:00Z"
    rows = [
        segment(
            event("e1", "2026-01-15T12:01:00Z", tokens=1),
            event("at", now, tokens=2),
            event("e3", "2026-01-15T12:05:00.000001Z", tokens=3),
        )
    ]
    live = fold(rows, catalog(of), levels_until=parse_instant(now))
    assert live.meters["tokens"][()].level == 2
    assert fold(rows, catalog(of)).meters["tokens"][()].level == 3
    assert live.health == fold(rows, catalog(of)).health


def test_only_levels_look_at_now() -> None:
    rows = [segment(event("e1", "2026-01-15T12:10:00Z", tokens=3))]
    for aggregation in ("count", "sum", "latest", "max"):
        of = meter(aggregation)
        assert fold(rows, catalog(of), levels_until=parse_instant("2026-01-15T12:05:00Z")) == fold(rows, catalog(of))


def test_levels_that_are_all_gone_leave_a_trace_and_other_quantities_none() -> None:
    first = event("e1", tokens=1)
    gone = fold([segment(first), void(first)], catalog(meter("time_weighted"), meter(key="sum")))
    assert dict(gone.meters) == {"tokens": {}}


def test_counters_tell_how_many_segments_and_which_meters_they_saw() -> None:
    first = event("e1", tokens=1)
    folded = [fold([segment(first), void(first)], catalog(SUM, version=version)) for version in (7, 8)]
    assert [one.segments for one in folded] == [2, 2]
    assert folded[0].definitions < folded[1].definitions


def test_a_meter_that_is_added_counts_what_is_stored_and_changes_no_other() -> None:
    rows = [segment(event("e1", tokens=5), event("e2", tokens=1))]
    before, after = fold(rows, catalog(SUM)), fold(rows, catalog(SUM, meter("count", key="requests"), version=2))
    assert after.meters["tokens"] == before.meters["tokens"]
    assert after.meters["requests"] == {(): 2}


def test_folding_again_gives_the_same() -> None:
    first = event("e1", tokens=5, model="a")
    rows = [segment(first, event("e2", tokens=1)), void(first), segment(first)]
    assert fold(rows, catalog(SUM)) == fold(rows, catalog(SUM))


def test_a_batch_sent_twice_takes_no_time_per_row_squared() -> None:
    rows = [
        segment(*(event(f"e{at}", tokens=at, model=f"m{at % 7}") for at in range(5000)), sort_id=f"s{n}")
        for n in (1, 2)
    ]
    began = time.process_time()
    assert fold(rows, catalog(SUM)).health.duplicates == 5000
    assert time.process_time() - began < 2


def test_thousands_of_shapes_take_no_time_per_row_squared() -> None:
    rows = [segment(*(replace(event(f"e{at % 2999}"), data={f"key{at % 2999}": "x"}) for at in range(3000)))]
    began = time.process_time()
    assert fold(rows, catalog(meter("count"))).health.duplicates == 1
    assert time.process_time() - began < 2


def test_thousands_of_segments_take_no_time_per_segment_squared() -> None:
    once = [segment(event(f"e{at}", tokens=1), sort_id=f"{at:05}") for at in range(2000)]
    began = time.process_time()
    assert fold([*once, *once], catalog(SUM)).health.duplicates == 2000
    assert time.process_time() - began < 2
