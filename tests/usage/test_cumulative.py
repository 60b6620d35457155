"""Cumulative quantities and those of days are what a plain list of events gives (compared with ``naive``)."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.catalog.meters import Aggregation, Meter
from chalicelib.shared.numbers import show_decimal
from chalicelib.shared.time import QuarterHour, microseconds, parse_instant, quarter_hour_of
from chalicelib.usage import cumulative
from chalicelib.usage.aggregation import Levels
from chalicelib.usage.counters import REST, Counters, merge_counters, merge_states
from chalicelib.usage.cumulative import CountedPeriod, Quantities, Selection, Values, cumulate, quantities_by_day
from chalicelib.usage.ranges import Range, day_of, day_range
from tests.usage import build, naive
from tests.usage.naive import QUARTER_HOUR, Record
from tests.usage.test_fold_naive import DAY, FIRST, METERS, RECORDS, as_meter, packed

UTC = ZoneInfo("UTC")
# Two days, of which the first quarter-hours belong to a day before: levels carry in from there.
WHOLE = Range(FIRST + 1, FIRST + 2 * DAY)
EDGES = [FIRST + at for at in (1, 2, 40, 41, 95, 97, 100, 101)]
BOUNDS = sorted({*EDGES, FIRST + DAY, WHOLE.end})
RANGES = st.lists(st.lists(st.sampled_from(BOUNDS), min_size=2, max_size=2, unique=True), max_size=3).map(
    lambda pairs: [Range(*sorted(pair)) for pair in pairs]
)


def counted(
    of: Meter, counters: Mapping[QuarterHour, Counters], *, edges: Sequence[QuarterHour] = EDGES, now: int | None = None
) -> CountedPeriod:
    """Gather what a period holds as a reader does: days as one part, but those with an edge inside."""
    split = {day_of(edge, UTC) for edge in edges if day_range(day_of(edge, UTC), UTC).start != edge}
    inside = {at: one for at, one in sorted(counters.items()) if at in WHOLE}
    parts: list[tuple[Range, Any]] = []
    for day in sorted({day_of(at, UTC) for at in inside}):
        of_day = {at: one for at, one in inside.items() if day_of(at, UTC) == day}
        if day in split:
            parts += [(Range(at, at + 1), one) for at, one in of_day.items()]
        else:
            parts.append((day_range(day, UTC), merge_counters(list(of_day.values()), build.catalog(of))))
    before = [one.meters.get(of.key, {}) for at, one in sorted(counters.items()) if at < WHOLE.start]
    levels = merge_states(of.aggregation, before) if of.aggregation is Aggregation.TIME_WEIGHTED else {}
    return CountedPeriod(
        meter=of,
        zone=UTC,
        whole=WHOLE,
        parts=[(span, one.meters[of.key]) for span, one in parts if of.key in one.meters],
        carried={key: state.level for key, state in levels.items() if isinstance(state, Levels)},
        until=WHOLE.end * QUARTER_HOUR if now is None else now,
    )


def expected(
    records: list[Record], of: dict[str, Any], selection: Selection, *, start: int, end: int, now: int
) -> dict[Values, Fraction]:
    """Compute the quantity of ``[start, end)`` within the ranges, by group, from the list; zeros are left out."""
    places = [list(of["dimensions"]).index(name) for name in selection.by]
    groups: dict[Values, list[list[Record]]] = {}
    for combination, events in naive.groups(records, of).items():
        named = dict(zip(of["dimensions"], combination, strict=True))
        if all(named.get(name, "") in wanted for name, wanted in selection.filters.items()):
            groups.setdefault(tuple(combination[place] for place in places), []).append(events)
    covered = [
        at for at in range(start, end, QUARTER_HOUR) if any(at // QUARTER_HOUR in one for one in selection.ranges)
    ]
    found = {}
    for group, lists in groups.items():
        if of["aggregation"] == "time_weighted":
            exact = sum((_levels(events, of, covered, now) for events in lists), Fraction(0))
        else:
            inside = [one for events in lists for one in events if one["at"] // QUARTER_HOUR * QUARTER_HOUR in covered]
            exact = naive.quantity(inside, of) if inside else Fraction(0)
        if shown := naive.shown(exact, of):
            found[group] = shown
    return found


def _levels(events: list[Record], of: dict[str, Any], covered: list[int], now: int) -> Fraction:
    return sum(
        (
            naive.level_hours(events, of, start=start, end=min(start + QUARTER_HOUR, now))
            for start in covered
            if start < now
        ),
        Fraction(0),
    )


def nonzero(row: Mapping[Values, Decimal]) -> dict[Values, Fraction]:
    return {group: Fraction(quantity) for group, quantity in row.items() if quantity}


def at_cuts(found: Quantities, cuts: Sequence[QuarterHour]) -> list[dict[Values, Fraction]]:
    return [nonzero({group: row[place] for group, row in found.groups.items()}) for place in range(len(cuts))]


SELECTIONS = st.builds(
    lambda ranges, by, filters: (ranges, by, filters),
    RANGES,
    st.integers(0, 2),
    st.sampled_from([{}, {}, {"model": frozenset({"a", ""})}, {"kind": frozenset({"x"})}]),
)
NOWS = st.sampled_from([WHOLE.end, WHOLE.end, FIRST + 96, FIRST + 41]).map(lambda at: at * QUARTER_HOUR + 7)


def chosen(of: dict[str, Any], picked: tuple[Any, int, Mapping[str, frozenset[str]]]) -> Selection:
    ranges, by, filters = picked
    return Selection(ranges=ranges, by=tuple(of["dimensions"])[:by], filters=filters)


def held_until(records: list[Record], now: int) -> list[Record]:
    """Keep what has happened: what lies ahead of now is not there yet."""
    return [one for one in records if one["at"] <= now]


@pytest.mark.parametrize("aggregation", list(Aggregation))
@settings(max_examples=60)
@given(records=RECORDS, of=METERS, picked=SELECTIONS, now=NOWS)
def test_the_quantity_before_each_cut_is_that_of_the_plain_list(
    aggregation: Aggregation, records: list[Record], of: dict[str, Any], picked: Any, now: int
) -> None:
    records = held_until(records, now)
    plain, made, selection = {**of, "aggregation": aggregation.value}, as_meter(aggregation, of), chosen(of, picked)
    period = counted(made, build.fold_all(packed(records, 3), build.catalog(made)), now=now)
    found = at_cuts(cumulate(period, selection, BOUNDS), BOUNDS)
    start = WHOLE.start * QUARTER_HOUR
    for row, cut in zip(found, BOUNDS, strict=True):
        assert row == expected(records, plain, selection, start=start, end=cut * QUARTER_HOUR, now=now)


@pytest.mark.parametrize("aggregation", list(Aggregation))
@settings(max_examples=40)
@given(records=RECORDS, of=METERS, picked=SELECTIONS, now=NOWS)
def test_the_quantity_of_each_day_is_that_of_the_plain_list(
    aggregation: Aggregation, records: list[Record], of: dict[str, Any], picked: Any, now: int
) -> None:
    records = held_until(records, now)
    plain, made, selection = {**of, "aggregation": aggregation.value}, as_meter(aggregation, of), chosen(of, picked)
    period = counted(made, build.fold_all(packed(records, 3), build.catalog(made)), now=now)
    found = quantities_by_day(period, selection)
    for day in (date(2026, 1, 15), date(2026, 1, 16)):
        span = day_range(day, UTC)
        inside = {"start": max(span.start, WHOLE.start) * QUARTER_HOUR, "end": span.end * QUARTER_HOUR}
        assert nonzero(found.get(day, {})) == expected(records, plain, selection, **inside, now=now)


@pytest.mark.parametrize("aggregation", list(Aggregation))
@settings(max_examples=30)
@given(records=RECORDS, of=METERS, ranges=RANGES)
def test_reading_a_day_whole_or_by_quarter_hours_tells_the_same(
    aggregation: Aggregation, records: list[Record], of: dict[str, Any], ranges: list[Range]
) -> None:
    made = as_meter(aggregation, of)
    counters = build.fold_all(packed(records, 3), build.catalog(made))
    whole_days = [Range(max(WHOLE.start, FIRST), FIRST + DAY), Range(FIRST + DAY, FIRST + 2 * DAY)]
    selection = Selection(ranges=whole_days[: len(ranges)], by=tuple(of["dimensions"]))
    cuts = [FIRST + DAY, FIRST + 2 * DAY]
    # The first day is cut by the period itself, so only the second can be read whole.
    coarse = cumulate(counted(made, counters, edges=[FIRST + 1]), selection, cuts)
    assert coarse == cumulate(counted(made, counters), selection, cuts)


LEVELS = [
    build.event("a", "2026-01-15T00:00:00Z", gb=10),
    build.event("b", "2026-01-15T10:00:00Z", gb=20),
    build.event("c", "2026-01-15T10:15:00Z", gb=100),
]


def levels(*, now: str = "2026-01-17T00:00:00Z", archived_at: str | None = None) -> CountedPeriod:
    of = build.meter("time_weighted", key="storage", value="gb", archived_at=archived_at)
    counters = build.fold_all(build.partitions(LEVELS), build.catalog(of))
    return counted(of, counters, now=microseconds(parse_instant(now)))


def at(text: str) -> QuarterHour:
    return quarter_hour_of(parse_instant(text))


def shown(found: Quantities, group: Values = ()) -> list[str]:
    return [show_decimal(quantity) for quantity in found.groups[group]]


def test_a_level_carries_through_a_gap_that_does_not_count() -> None:
    ranges = [Range(FIRST + 1, at("2026-01-15T10:00:00Z")), Range(at("2026-01-16T00:00:00Z"), FIRST + 2 * DAY)]
    cuts = [at("2026-01-15T10:00:00Z"), at("2026-01-15T10:15:00Z"), at("2026-01-16T00:00:00Z"), FIRST + 2 * DAY]
    # 10 for 9.75 hours; nothing in the gap, although the level rises in it; then 100 for a day.
    assert shown(cumulate(levels(), Selection(ranges=ranges), cuts)) == ["97.5", "97.5", "97.5", "2497.5"]


def test_levels_count_up_to_now_and_to_the_end_of_the_meter() -> None:
    selection, cuts = Selection(ranges=[WHOLE]), [FIRST + DAY, FIRST + 2 * DAY]
    to_noon = ["277.5", "277.5"]  # 10 x 9.75 + 20 x 0.25 + 100 x 1.75
    assert shown(cumulate(levels(now="2026-01-15T12:00:00Z"), selection, cuts)) == to_noon
    assert shown(cumulate(levels(archived_at="2026-01-15T12:00:00Z"), selection, cuts)) == to_noon


def test_a_cumulative_integral_is_rounded_once_and_not_slice_by_slice() -> None:
    of = build.meter("time_weighted", key="storage", value="gb")
    trace = build.event("a", "2026-01-15T00:15:00Z", gb=build.number("1e-12"))
    period = counted(of, build.fold_all(build.partitions([trace]), build.catalog(of)))
    quarters = [FIRST + 1 + n for n in range(1, 7)]
    # A quarter of an hour is 0.25 of the last place: each slice alone would be rounded to nothing.
    rounded = ["0", "0.000000000001", "0.000000000001", "0.000000000001", "0.000000000001", "0.000000000002"]
    assert shown(cumulate(period, Selection(ranges=[WHOLE]), quarters)) == rounded


def sums(*states: Mapping[Any, Decimal], split: bool = False) -> CountedPeriod:
    of = build.meter(dimensions={"model": "model"})
    size = 1 if split else DAY
    parts = [
        (Range(FIRST + DAY + place * size, FIRST + DAY + (place + 1) * size), one) for place, one in enumerate(states)
    ]
    return CountedPeriod(meter=of, zone=UTC, whole=WHOLE, parts=parts, carried={}, until=0)


def test_without_dimensions_to_keep_apart_there_is_one_group_even_without_usage() -> None:
    nothing = Quantities({(): (Decimal(0), Decimal(0))}, has_rest=False)
    assert cumulate(sums(), Selection(ranges=[WHOLE]), [FIRST + 2, FIRST + 3]) == nothing
    assert cumulate(sums({("a",): Decimal(1)}), Selection(ranges=[]), [FIRST + 2, FIRST + 2 * DAY]) == nothing
    assert cumulate(sums(), Selection(ranges=[WHOLE], by=("model",)), [FIRST + 2]).groups == {}


def test_a_group_with_usage_of_zero_is_listed_and_one_without_usage_is_not() -> None:
    selection = Selection(ranges=[WHOLE], by=("model",))
    found = cumulate(sums({("b",): Decimal(0), ("a",): Decimal(2)}), selection, [FIRST + DAY, FIRST + 2 * DAY])
    assert list(found.groups.items()) == [(("a",), (Decimal(0), Decimal(2))), (("b",), (Decimal(0), Decimal(0)))]


def test_the_rest_counts_in_the_whole_and_in_no_group_and_passes_no_filter_and_is_told() -> None:
    period, cut = sums({("a",): Decimal(5), REST: Decimal(100)}), [FIRST + 2 * DAY]
    whole = cumulate(period, Selection(ranges=[WHOLE]), cut)
    assert (shown(whole), whole.has_rest) == (["105"], True)
    apart = cumulate(period, Selection(ranges=[WHOLE], by=("model",)), cut)
    assert (dict(apart.groups), apart.has_rest) == ({("a",): (Decimal(5),)}, True)
    filtered = cumulate(period, Selection(ranges=[WHOLE], filters={"model": frozenset({"a"})}), cut)
    assert (shown(filtered), filtered.has_rest) == (["5"], True)


def test_a_rest_outside_the_ranges_is_none() -> None:
    period = sums({REST: Decimal(100)})
    assert not cumulate(period, Selection(ranges=[Range(FIRST + 1, FIRST + DAY)]), [FIRST + DAY]).has_rest
    assert cumulate(period, Selection(ranges=[Range(FIRST + DAY, FIRST + 2 * DAY)]), [FIRST + DAY]).has_rest


def test_a_day_read_by_quarter_hours_has_a_rest_exactly_when_the_whole_day_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cumulative, "MAX_COMBINATIONS", 3)
    selection, cut = Selection(ranges=[WHOLE]), [FIRST + 2 * DAY]
    first = {(name,): Decimal(1) for name in "abc"}
    assert not cumulate(sums(first, first, split=True), selection, cut).has_rest
    assert cumulate(sums(first, {("d",): Decimal(1)}, split=True), selection, cut).has_rest


def test_ranges_that_meet_are_one_so_that_a_day_may_span_both() -> None:
    period = sums({("a",): Decimal(5)})
    noon = FIRST + DAY + 48
    met = Selection(ranges=[Range(noon, WHOLE.end), Range(FIRST + 1, noon)])
    assert shown(cumulate(period, met, [WHOLE.end])) == ["5"]
    with pytest.raises(AssertionError):
        cumulate(period, Selection(ranges=[Range(noon, WHOLE.end)]), [WHOLE.end])
    with pytest.raises(AssertionError):
        cumulate(period, met, [noon])


def test_a_range_outside_the_period_is_a_mistake() -> None:
    with pytest.raises(AssertionError):
        cumulate(sums(), Selection(ranges=[Range(WHOLE.start - 1, WHOLE.end)]), [WHOLE.end])
    with pytest.raises(AssertionError):
        cumulate(sums(), Selection(ranges=[Range(WHOLE.start, WHOLE.end + 1)]), [WHOLE.end])


def test_a_level_of_zero_is_usage_where_it_is_set_and_not_where_it_is_carried() -> None:
    of = build.meter("time_weighted", key="storage", value="gb", dimensions={"disk": "disk"})
    events = [build.event("a", "2026-01-15T00:00:00Z", disk="a", gb=0), build.event("b", disk="b", gb=0)]
    period = counted(of, build.fold_all(build.partitions(events), build.catalog(of)))
    found = cumulate(period, Selection(ranges=[WHOLE], by=("disk",)), [WHOLE.end])
    assert dict(found.groups) == {("b",): (Decimal(0),)}
