"""From the states in a range's windows to the quantities that a caller asked for: groups, filters, top and rest.

Non-additive quantities are never added up: a group, a rest or a total is the value of its merged states. A
time-weighted quantity carries each combination's level from window to window and is rounded once, at the end.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from chalicelib.catalog.meters import Aggregation, Meter
from chalicelib.shared.numbers import round_fraction
from chalicelib.shared.time import microseconds
from chalicelib.shared.values import dataclass
from chalicelib.usage.aggregation import ZERO, Levels, aggregator
from chalicelib.usage.counters import Combination, States, merge_states
from chalicelib.usage.ranges import Range

# The values of the dimensions that a caller groups by; None stands for the rest beyond the top.
Group = tuple[str, ...] | None
Levels_by_combination = Mapping[Combination, Decimal]


@dataclass(frozen=True, slots=True)
class Grouping:
    """What a caller wants to see apart: dimensions to group by, values to keep, how many groups."""

    by: tuple[str, ...] = ()
    filters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    top: int = 10


@dataclass(frozen=True, slots=True)
class WindowQuantity:
    """The quantity of one window, or of one group in it."""

    window: Range
    group: Group
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The quantities of one meter in a range: the total, and the windows in the order of time."""

    total: Decimal
    windows: Sequence[WindowQuantity]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was counted for one meter: its states in each window, and the levels before the first one.

    ``until`` (microseconds) is where levels end: now, or the end of the range when that is earlier.
    """

    meter: Meter
    windows: Sequence[tuple[Range, States]]
    carried: Levels_by_combination
    until: int


def break_down(measured: Measured, grouping: Grouping) -> Breakdown:
    """Compute a meter's total and its quantities by window and group.

    Without a grouping each window is listed once, zero or not; with one only the groups with usage are, the ``top``
    ones by their total and the rest as one.
    """
    kept = _keeping(measured, grouping)
    quantities = _time_weighted if measured.meter.aggregation is Aggregation.TIME_WEIGHTED else _merged
    whole = quantities(kept, lambda _: ())
    total = whole.totals.get((), ZERO)
    if not grouping.by:
        windows = [
            WindowQuantity(window, (), row.get((), ZERO))
            for (window, _), row in zip(kept.windows, whole.by_window, strict=True)
        ]
        return Breakdown(total, windows)
    group_of = grouped_by(measured.meter, grouping.by)
    shown = _top(quantities(kept, group_of), grouping.top)
    named = frozenset(shown)
    by_window = quantities(kept, lambda combination: _shown(group_of(combination), named)).by_window
    order = {group: place for place, group in enumerate([*shown, None])}
    windows = [
        WindowQuantity(window, group, quantity)
        for (window, _), row in zip(kept.windows, by_window, strict=True)
        for group, quantity in sorted(row.items(), key=lambda pair: order[pair[0]])
        if quantity != 0
    ]
    return Breakdown(total, windows)


@dataclass(frozen=True, slots=True)
class _Quantities:
    """Quantities by group: one mapping for each window, and one over the whole range."""

    by_window: Sequence[Mapping[Group, Decimal]]
    totals: Mapping[Group, Decimal]


GroupOf = Callable[[Combination], Group]


def _merged(measured: Measured, group_of: GroupOf) -> _Quantities:
    aggregation = measured.meter.aggregation
    algebra = aggregator(aggregation)
    regrouped = [_regroup(aggregation, states, group_of) for _, states in measured.windows]
    by_window = [{group: algebra.value(state) for group, state in states.items()} for states in regrouped]
    totals = {group: algebra.value(state) for group, state in merge_states(aggregation, regrouped).items()}
    return _Quantities(by_window, totals)


def _regroup(aggregation: Aggregation, states: States, group_of: GroupOf) -> dict[Group, Any]:
    return merge_states(aggregation, ({group_of(combination): state} for combination, state in states.items()))


def _time_weighted(measured: Measured, group_of: GroupOf) -> _Quantities:
    """Integrate each combination over each window, carrying its level on, and add up the groups exactly.

    Levels end with their meter: once it is archived no event could ever lower them.
    """
    levels = dict(measured.carried)
    archived_at = measured.meter.archived_at
    until = measured.until if archived_at is None else min(measured.until, microseconds(archived_at))
    exact: list[dict[Group, Fraction]] = []
    for window, states in measured.windows:
        start = microseconds(window.start_at)
        end = min(microseconds(window.end_at), until)
        row: dict[Group, Fraction] = {}
        if end <= start:
            exact.append(row)
            continue
        for combination in {**levels, **states}:
            quantity = _integral(states.get(combination), levels.get(combination, ZERO), start=start, end=end)
            group = group_of(combination)
            row[group] = row.get(group, Fraction(0)) + quantity
        levels.update((combination, state.level) for combination, state in states.items())
        exact.append(row)
    totals: dict[Group, Fraction] = {}
    for row in exact:
        for group, quantity in row.items():
            totals[group] = totals.get(group, Fraction(0)) + quantity
    return _Quantities([_rounded(row) for row in exact], _rounded(totals))


def _integral(state: Levels | None, carried: Decimal, *, start: int, end: int) -> Fraction:
    if state is None:
        return Levels(start, ZERO, start, carried).quantity(carried=ZERO, start=start, end=end)
    return state.quantity(carried=carried, start=start, end=end)


def _rounded(row: Mapping[Group, Fraction]) -> dict[Group, Decimal]:
    return {group: round_fraction(quantity) for group, quantity in row.items()}


def _keeping(measured: Measured, grouping: Grouping) -> Measured:
    """Drop the combinations that the filters exclude."""
    if not grouping.filters:
        return measured
    passes = passing(measured.meter, grouping.filters)
    windows = [
        (window, {combination: state for combination, state in states.items() if passes(combination)})
        for window, states in measured.windows
    ]
    carried = {combination: level for combination, level in measured.carried.items() if passes(combination)}
    return Measured(measured.meter, windows, carried, measured.until)


def passing(meter: Meter, filters: Mapping[str, frozenset[str]]) -> Callable[[Combination], bool]:
    """Give what tells whether a combination has only accepted values; the rest has none, and passes no filter."""
    names = [dimension.name for dimension in meter.dimensions]

    def passes(combination: Combination) -> bool:
        if combination is None:
            return not filters
        values = dict(zip(names, combination, strict=True))
        return all(values.get(name, "") in wanted for name, wanted in filters.items())

    return passes


def grouped_by(meter: Meter, by: Sequence[str]) -> GroupOf:
    """Give what names the group of a combination: its values of some dimensions, ``None`` for the rest."""
    names = [dimension.name for dimension in meter.dimensions]
    places = [names.index(name) if name in names else None for name in by]

    def group_of(combination: Combination) -> Group:
        if combination is None:
            return None
        return tuple("" if place is None else combination[place] for place in places)

    return group_of


def _top(quantities: _Quantities, count: int) -> list[Group]:
    """Name the greatest groups by their total; one that was used in some window has usage even if it totals zero."""
    used = {group for row in (*quantities.by_window, quantities.totals) for group, quantity in row.items() if quantity}
    named = [(quantities.totals[group], group) for group in used if group is not None]
    # copy_negate() is exact, where a minus sign would round to the 28 digits of the default context.
    named.sort(key=lambda pair: (pair[0].copy_negate(), pair[1]))
    return [group for _, group in named[:count]]


def _shown(group: Group, shown: frozenset[Group]) -> Group:
    return group if group in shown else None
