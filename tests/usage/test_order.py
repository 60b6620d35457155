"""The order of arrival changes nothing but who of the same identity came first."""

from collections.abc import Sequence
from itertools import permutations
from random import Random

import pytest

from chalicelib.catalog.meters import Aggregation, Meter, MeterCatalog
from chalicelib.usage.counters import Counters, encode
from chalicelib.usage.events import Event
from chalicelib.usage.fold import fold
from chalicelib.usage.segments import Segment
from tests.usage.build import amend, catalog, day_of_counters, event, fold_all, meter, number, partitions, segment, void

AT = "2026-01-15T12:03:00Z"
EVENTS = [
    event("e1", AT, tokens=3, model="a"),
    event("e2", AT, tokens=number("2.5"), model="a"),
    event("e1", AT, source="other", tokens=number("-1"), model="b"),
    event("e4", "2026-01-15T12:14:59.999999Z", tokens="3", model="b"),
    event("e5", "2026-01-15T12:00:00Z", tokens=number("1e-30"), model="a"),
]
ORDERS = list(permutations(EVENTS))


def meters_of(aggregation: Aggregation) -> MeterCatalog:
    of: Sequence[Meter] = (
        meter(aggregation, key="all"),
        meter(aggregation, key="by_model", dimensions={"model": "model"}),
        meter(aggregation, key="filtered", filters={"model": ["b"]}),
    )
    return catalog(*of)


def stored(counters: Counters, of: MeterCatalog) -> tuple[int, bytes]:
    return counters.segments, encode(counters, of)


@pytest.mark.parametrize("aggregation", list(Aggregation))
def test_a_request_each_in_any_order_folds_to_the_same_bytes(aggregation: Aggregation) -> None:
    of = meters_of(aggregation)
    folded = {stored(fold([segment(one) for one in order], of), of) for order in ORDERS}
    assert len(ORDERS) == 120
    assert len(folded) == 1


@pytest.mark.parametrize("aggregation", list(Aggregation))
def test_one_request_in_any_order_folds_to_the_same_bytes(aggregation: Aggregation) -> None:
    of = meters_of(aggregation)
    assert len({stored(fold([segment(*order)], of), of) for order in ORDERS}) == 1


@pytest.mark.parametrize("aggregation", list(Aggregation))
def test_corrections_hold_wherever_they_stand_among_the_requests(aggregation: Aggregation) -> None:
    of = meters_of(aggregation)
    records = [
        segment(EVENTS[0], EVENTS[4]),
        segment(EVENTS[1], EVENTS[2]),
        segment(EVENTS[0], EVENTS[3]),
        void(EVENTS[1]),
        amend(EVENTS[0], tokens=9, model="b"),
    ]
    assert len({stored(fold(order, of), of) for order in permutations(records)}) == 1


@pytest.mark.parametrize("aggregation", list(Aggregation))
def test_duplicates_change_nothing_wherever_they_come(aggregation: Aggregation) -> None:
    of = meters_of(aggregation)
    rng = Random(5)
    plain = fold([segment(*EVENTS)], of).meters
    for _ in range(60):
        order = [*EVENTS, *rng.choices(EVENTS, k=6)]
        rng.shuffle(order)
        requests = [segment(*order[start : start + 3]) for start in range(0, len(order), 3)]
        assert fold(requests, of).meters == plain


def test_of_a_conflict_the_first_received_counts_in_either_order() -> None:
    of = meters_of(Aggregation.SUM)
    one, other = event("e1", tokens=1), event("e1", tokens=2)
    sums = [
        fold([segment(first), segment(second)], of).meters["all"][()] for first, second in permutations([one, other])
    ]
    assert sums == [1, 2]


@pytest.mark.parametrize("aggregation", list(Aggregation))
def test_any_cut_of_a_day_merges_to_the_same_day(aggregation: Aggregation) -> None:
    of = meters_of(aggregation)
    rng = Random(11)
    day: list[Event] = [
        event(f"e{at}", f"2026-01-15T{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}Z",
              tokens=rng.randrange(9), model=rng.choice("abc"))
        for at in range(60)
    ]  # fmt: skip
    found = set()
    for _ in range(20):
        rng.shuffle(day)
        counters = fold_all(partitions(day), of)
        cut = rng.choice(sorted(counters))
        halves = [{at: one for at, one in counters.items() if (at < cut) == early} for early in (True, False)]
        merged = day_of_counters({n: day_of_counters(half, of) for n, half in enumerate(halves)}, of)
        assert merged == day_of_counters(counters, of)
        found.add(stored(merged, of))
    assert len(found) == 1


def test_rows_of_a_segment_are_received_in_their_order_and_segments_in_theirs() -> None:
    of = meters_of(Aggregation.SUM)
    first, second, third = (event("e1", tokens=tokens) for tokens in (1, 2, 4))

    def counted(*segments: Segment) -> object:
        return fold(segments, of).meters["all"][()]

    assert counted(segment(first, second), segment(third)) == 1
    assert counted(segment(second, first), segment(third)) == 2
    assert counted(segment(third), segment(first, second)) == 4
