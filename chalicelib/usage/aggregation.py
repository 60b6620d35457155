"""How the events of a meter become a quantity: states that merge (docs/rules.md 2.5 and 2.6).

Each aggregation has a state for a stretch of time: ``add`` makes one from the rows of a quarter-hour, ``merge`` joins
two of the same meter, ``value`` gives the exact quantity. Merging is associative, so a day is the merge of its
quarter-hours and a period of its days. All states but the time-weighted one commute as well; a time-weighted state is
joined in the order of time.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from chalicelib.catalog.meters import Aggregation
from chalicelib.shared.numbers import EXACT, round_fraction, show_decimal
from chalicelib.shared.values import dataclass

ZERO = Decimal(0)
MICROS_PER_HOUR = 3_600_000_000

State = TypeVar("State")


class Row(NamedTuple):
    """What a meter takes from one event: when (microseconds), who, and the value as a number or a text."""

    micros: int
    source: str
    id: str
    value: Any


class Aggregator(Protocol[State]):
    """One aggregation's algebra. ``reads`` tells what it takes from an event."""

    reads: str

    def add(self, rows: Sequence[Any]) -> State:
        """Make the state of some rows, at least one: plain values, or ``Row``s when ``reads`` is ``row``."""

    def merge(self, one: State, other: State) -> State:
        """Join two states; the time-weighted ones of different stretches of time."""

    def value(self, state: State) -> Decimal:
        """Give the quantity of a state, exact or rounded once."""

    def encode(self, state: State) -> Any:
        """Turn a state into strings, integers and lists of them."""

    def decode(self, stored: Any) -> State:
        """Read back what ``encode`` gives."""


def exact_sum(numbers: Iterable[Decimal]) -> Decimal:
    """Add up numbers exactly; none come to zero."""
    with localcontext(EXACT):
        return sum(numbers, ZERO)


class _Count:
    reads = "nothing"

    def add(self, rows: Sequence[Any]) -> int:
        return len(rows)

    def merge(self, one: int, other: int) -> int:
        return one + other

    def value(self, state: int) -> Decimal:
        return Decimal(state)

    def encode(self, state: int) -> Any:
        return state

    def decode(self, stored: Any) -> int:
        return int(stored)


class _Sum:
    reads = "number"

    def add(self, rows: Sequence[Decimal]) -> Decimal:
        return exact_sum(rows)

    def merge(self, one: Decimal, other: Decimal) -> Decimal:
        return EXACT.add(one, other)

    def value(self, state: Decimal) -> Decimal:
        return state

    def encode(self, state: Decimal) -> Any:
        return show_decimal(state)

    def decode(self, stored: Any) -> Decimal:
        return Decimal(stored)


class _Max(_Sum):
    def add(self, rows: Sequence[Decimal]) -> Decimal:
        return max(rows)

    def merge(self, one: Decimal, other: Decimal) -> Decimal:
        return max(one, other)


class _Min(_Sum):
    def add(self, rows: Sequence[Decimal]) -> Decimal:
        return min(rows)

    def merge(self, one: Decimal, other: Decimal) -> Decimal:
        return min(one, other)


class _Average:
    """Sum and count: the quotient is rounded once, when it is shown."""

    reads = "number"

    def add(self, rows: Sequence[Decimal]) -> tuple[Decimal, int]:
        return exact_sum(rows), len(rows)

    def merge(self, one: tuple[Decimal, int], other: tuple[Decimal, int]) -> tuple[Decimal, int]:
        return EXACT.add(one[0], other[0]), one[1] + other[1]

    def value(self, state: tuple[Decimal, int]) -> Decimal:
        return round_fraction(Fraction(state[0]) / state[1])

    def encode(self, state: tuple[Decimal, int]) -> Any:
        return [show_decimal(state[0]), state[1]]

    def decode(self, stored: Any) -> tuple[Decimal, int]:
        return Decimal(stored[0]), stored[1]


class _UniqueCount:
    reads = "text"

    def add(self, rows: Sequence[str]) -> frozenset[str]:
        return frozenset(rows)

    def merge(self, one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
        return one | other

    def value(self, state: frozenset[str]) -> Decimal:
        return Decimal(len(state))

    def encode(self, state: frozenset[str]) -> Any:
        return sorted(state)

    def decode(self, stored: Any) -> frozenset[str]:
        return frozenset(stored)


class _Latest:
    """The value of the greatest (time, source, id)."""

    reads = "row"

    def add(self, rows: Sequence[Row]) -> Row:
        return max(rows)

    def merge(self, one: Row, other: Row) -> Row:
        return max(one, other)

    def value(self, state: Row) -> Decimal:
        return cast(Decimal, state.value)

    def encode(self, state: Row) -> Any:
        return [state.micros, state.source, state.id, show_decimal(state.value)]

    def decode(self, stored: Any) -> Row:
        return Row(stored[0], stored[1], stored[2], Decimal(stored[3]))


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of one dimension combination over a stretch of time, without what was before.

    From ``first`` to ``last`` (microseconds since 1970) the integral is ``integral`` (level x microseconds); ``level``
    holds from ``last`` on.
    """

    first: int
    integral: Decimal
    last: int
    level: Decimal

    def quantity(self, *, carried: Decimal, start: int, end: int) -> Fraction:
        """Integrate over ``[start, end)`` in level-hours; ``carried`` is the level at ``start``."""
        return level_hours(self.area(carried=carried, start=start, end=end))

    def area(self, *, carried: Decimal, start: int, end: int) -> Decimal:
        """Integrate over ``[start, end)`` exactly in level x microseconds; ``carried`` is the level at ``start``.

        Where the clock went back behind ``last``, the last level does not hold yet: it takes nothing away.
        """
        whole = EXACT.add(self.integral, EXACT.multiply(carried, Decimal(self.first - start)))
        return EXACT.add(whole, EXACT.multiply(self.level, Decimal(max(0, end - self.last))))


def level_hours(area: Decimal) -> Fraction:
    """Turn level x microseconds into level-hours, exactly."""
    return Fraction(area) / MICROS_PER_HOUR


class _TimeWeighted:
    """Levels that hold until the next one. Of events at one instant the greatest (source, id) holds on."""

    reads = "row"

    def add(self, rows: Sequence[Row]) -> Levels:
        ordered = sorted(rows)
        state = Levels(ordered[0].micros, ZERO, ordered[0].micros, ordered[0].value)
        for row in ordered[1:]:
            state = self.merge(state, Levels(row.micros, ZERO, row.micros, row.value))
        return state

    def merge(self, one: Levels, other: Levels) -> Levels:
        if other.first < one.first:
            one, other = other, one
        assert one.last <= other.first, "time-weighted states of one combination never overlap"
        between = EXACT.multiply(one.level, Decimal(other.first - one.last))
        integral = EXACT.add(EXACT.add(one.integral, between), other.integral)
        return Levels(one.first, integral, other.last, other.level)

    def value(self, state: Levels) -> Decimal:
        raise AssertionError(f"the quantity of {state} depends on the level before and the end: use quantity()")

    def encode(self, state: Levels) -> Any:
        return [state.first, show_decimal(state.integral), state.last, show_decimal(state.level)]

    def decode(self, stored: Any) -> Levels:
        return Levels(stored[0], Decimal(stored[1]), stored[2], Decimal(stored[3]))


_AGGREGATORS: dict[Aggregation, Aggregator[Any]] = {
    Aggregation.COUNT: _Count(),
    Aggregation.SUM: _Sum(),
    Aggregation.MAX: _Max(),
    Aggregation.MIN: _Min(),
    Aggregation.AVERAGE: _Average(),
    Aggregation.UNIQUE_COUNT: _UniqueCount(),
    Aggregation.LATEST: _Latest(),
    Aggregation.TIME_WEIGHTED: _TimeWeighted(),
}


def aggregator(aggregation: Aggregation) -> Aggregator[Any]:
    """Find the algebra of an aggregation."""
    return _AGGREGATORS[aggregation]
