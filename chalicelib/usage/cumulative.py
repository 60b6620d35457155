"""From what was counted in a period to the quantities that are priced: cumulative ones at given cuts, and each day's.

A cumulative quantity is the quantity of all usage before a cut, and never a sum of quantities: states merge from cut to
cut, and a time-weighted quantity is one exact integral that is rounded where it is shown. What lies between the ranges
does not count, but levels carry on through it.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import date
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from chalicelib.catalog.meters import Aggregation, Meter
from chalicelib.shared.numbers import EXACT, round_fraction
from chalicelib.shared.time import ONE_DAY, QuarterHour, days_between, microseconds
from chalicelib.shared.values import dataclass
from chalicelib.usage.aggregation import ZERO, aggregator, level_hours
from chalicelib.usage.breakdown import GroupOf, Levels_by_combination, grouped_by, passing
from chalicelib.usage.counters import MAX_COMBINATIONS, REST, Combination, States, merge_states
from chalicelib.usage.ranges import Range, day_of, day_range

# The values of the dimensions that usage is kept apart by, in their order.
Values = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedPeriod:
    """What was counted for one meter in ``whole``.

    ``parts`` are in the order of time and do not overlap, each within a local day of ``zone``; no bound of a range and
    no cut lies inside one. ``carried`` are the levels at the start of ``whole``; levels hold until ``until``
    (microseconds), which is now.
    """

    meter: Meter
    zone: ZoneInfo
    whole: Range
    parts: Sequence[tuple[Range, States]]
    carried: Levels_by_combination
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which usage: that of the union of ``ranges`` with the values that ``filters`` accept, kept apart ``by`` some."""

    ranges: Sequence[Range]
    filters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quantities:
    """Cumulative quantities by group, one for each cut.

    Listed are the groups with usage in the ranges, in order; without dimensions to keep apart the one group ``()``.
    ``has_rest`` tells that some day had more combinations than are kept apart: groups and filters are not exact then,
    the quantity of all still is.
    """

    groups: Mapping[Values, tuple[Decimal, ...]]
    has_rest: bool


def cumulate(counted: CountedPeriod, selection: Selection, cuts: Sequence[QuarterHour]) -> Quantities:
    """Compute the quantity of all selected usage before each cut; ``cuts`` rise."""
    tally, at_cut = _tally(counted, selection), dict[QuarterHour, Mapping[Values, Decimal]]()
    wanted = frozenset(cuts)
    for step in _steps(counted, selection, [*cuts]):
        tally.add(step)
        if step.span.end in wanted:
            at_cut[step.span.end] = tally.quantities()
    rows = [at_cut.get(cut, {}) for cut in cuts]
    groups = set[Values]().union(*rows) | (set() if selection.by else {()})
    quantities = {group: tuple(row.get(group, ZERO) for row in rows) for group in sorted(groups)}
    return Quantities(quantities, _has_rest(counted, selection))


def quantities_by_day(counted: CountedPeriod, selection: Selection) -> dict[date, Mapping[Values, Decimal]]:
    """Compute each local day's own quantity of the selected usage by group; days without usage are left out."""
    tally, by_day = _tally(counted, selection), dict[date, Mapping[Values, Decimal]]()
    bounds = [day_range(day, counted.zone).start for day in _days(counted)]
    walk = itertools.groupby(_steps(counted, selection, bounds), lambda step: day_of(step.span.start, counted.zone))
    for day, steps in walk:
        for step in steps:
            tally.add(step)
        if quantities := tally.quantities():
            by_day[day] = quantities
        tally.clear()
    return by_day


def _days(counted: CountedPeriod) -> Iterator[date]:
    """Walk the local days of the period."""
    if not counted.whole.is_empty:
        last = day_of(counted.whole.end - 1, counted.zone)
        yield from days_between(day_of(counted.whole.start, counted.zone), last + ONE_DAY)


@dataclass(frozen=True, slots=True)
class _Step:
    """A stretch between two bounds, with the parts in it; ``counts`` tells whether it lies in a range."""

    span: Range
    parts: Sequence[States]
    counts: bool


def _steps(counted: CountedPeriod, selection: Selection, bounds: Iterable[QuarterHour]) -> Iterator[_Step]:
    """Walk the period from bound to bound, in the order of time, up to the last bound."""
    ranges, start = _joined(selection.ranges), counted.whole.start
    assert all(start <= one.start and one.end <= counted.whole.end for one in ranges), "a range lies outside the period"
    of_ranges = (bound for one in ranges for bound in (one.start, one.end))
    edges = sorted({start, *(bound for bound in (*bounds, *of_ranges) if bound > start)})
    place = 0
    for span in itertools.starmap(Range, itertools.pairwise(edges)):
        inside = []
        while place < len(counted.parts) and counted.parts[place][0].start < span.end:
            part, states = counted.parts[place]
            assert part.start >= span.start, f"{part} is cut by a bound"
            assert part.end <= span.end, f"{part} is cut by a bound"
            inside.append(states)
            place += 1
        yield _Step(span, inside, counts=any(one.start <= span.start and span.end <= one.end for one in ranges))


def _joined(ranges: Iterable[Range]) -> list[Range]:
    """Join ranges that meet or overlap."""
    joined: list[Range] = []
    for one in sorted(one for one in ranges if not one.is_empty):
        if joined and one.start <= joined[-1].end:
            joined[-1] = Range(joined[-1].start, max(joined[-1].end, one.end))
        else:
            joined.append(one)
    return joined


class _Tally(Protocol):
    """Adds up steps, given in the order of time."""

    def add(self, step: _Step) -> None:
        """Take the next step: its usage if it counts, its levels in any case."""

    def quantities(self) -> Mapping[Values, Decimal]:
        """Give the quantity of each group that was used since the last ``clear``."""

    def clear(self) -> None:
        """Forget the usage so far; levels hold on."""


def _tally(counted: CountedPeriod, selection: Selection) -> _Tally:
    groups = _Groups(counted.meter, selection)
    if counted.meter.aggregation is Aggregation.TIME_WEIGHTED:
        return _Areas(counted, groups)
    return _Merged(counted.meter.aggregation, groups)


class _Groups:
    """Tells which group a combination counts for: ``None`` for one that is filtered out, or has no values any more."""

    def __init__(self, meter: Meter, selection: Selection) -> None:
        self._passes = passing(meter, selection.filters)
        self._group_of: GroupOf = grouped_by(meter, selection.by) if selection.by else lambda _: ()

    def find(self, combination: Combination) -> Values | None:
        """Find the group of a combination."""
        return self._group_of(combination) if self._passes(combination) else None


class _Merged:
    """Merges the states of each group."""

    def __init__(self, aggregation: Aggregation, groups: _Groups) -> None:
        self._aggregation = aggregation
        self._algebra = aggregator(aggregation)
        self._groups = groups
        self._states: dict[Values, Any] = {}
        self._quantities: dict[Values, Decimal] = {}

    def add(self, step: _Step) -> None:
        if not step.counts:
            return
        touched = set()
        for states in step.parts:
            for combination, state in states.items():
                group = self._groups.find(combination)
                if group is not None:
                    known = self._states.get(group)
                    self._states[group] = state if known is None else self._algebra.merge(known, state)
                    touched.add(group)
        self._quantities.update((group, self._algebra.value(self._states[group])) for group in touched)

    def quantities(self) -> Mapping[Values, Decimal]:
        return dict(self._quantities)

    def clear(self) -> None:
        self._states.clear()
        self._quantities.clear()


class _Areas:
    """Integrates the levels of each group, exactly.

    It keeps the sum of a group's levels, so that a stretch costs no more than the combinations that change in it.
    """

    def __init__(self, counted: CountedPeriod, groups: _Groups) -> None:
        archived_at = counted.meter.archived_at
        self._until = counted.until if archived_at is None else min(counted.until, microseconds(archived_at))
        self._groups = groups
        self._levels: dict[Combination, Decimal] = {}
        self._sums: dict[Values, Decimal] = {}
        self._areas: dict[Values, Decimal] = {}
        self._used: set[Values] = set()
        for combination, level in counted.carried.items():
            group = groups.find(combination)
            if group is not None:
                self._change_level(combination, group, level)

    def add(self, step: _Step) -> None:
        start, end = microseconds(step.span.start_at), min(microseconds(step.span.end_at), self._until)
        if end <= start:
            return
        if step.counts:
            for held_by, level in self._sums.items():
                self._widen(held_by, EXACT.multiply(level, Decimal(end - start)))
        for combination, state in merge_states(Aggregation.TIME_WEIGHTED, step.parts).items():
            group = self._groups.find(combination)
            if group is None:
                continue
            if step.counts:
                carried = self._levels.get(combination, ZERO)
                held = EXACT.multiply(carried, Decimal(end - start))
                self._widen(group, EXACT.subtract(state.area(carried=carried, start=start, end=end), held))
                self._used.add(group)
            self._change_level(combination, group, state.level)

    def _widen(self, group: Values, area: Decimal) -> None:
        self._areas[group] = EXACT.add(self._areas.get(group, ZERO), area)

    def _change_level(self, combination: Combination, group: Values, level: Decimal) -> None:
        before = self._levels.get(combination, ZERO)
        self._sums[group] = EXACT.add(self._sums.get(group, ZERO), EXACT.subtract(level, before))
        self._levels[combination] = level

    def quantities(self) -> Mapping[Values, Decimal]:
        rounded = {group: round_fraction(level_hours(area)) for group, area in self._areas.items()}
        return {group: quantity for group, quantity in rounded.items() if quantity or group in self._used}

    def clear(self) -> None:
        self._areas.clear()
        self._used.clear()


def _has_rest(counted: CountedPeriod, selection: Selection) -> bool:
    """Tell whether a day has, in the ranges, more combinations than are kept apart when it is merged."""
    if counted.meter.aggregation is Aggregation.TIME_WEIGHTED:
        return False
    inside = (pair for pair in counted.parts if any(pair[0].start in one for one in selection.ranges))
    by_day = itertools.groupby(inside, lambda pair: day_of(pair[0].start, counted.zone))
    return any(_is_crowded([states for _, states in pairs]) for _, pairs in by_day)


def _is_crowded(parts: Sequence[States]) -> bool:
    combinations = set[Combination]().union(*parts)
    return REST in combinations or len(combinations) > MAX_COMBINATIONS
