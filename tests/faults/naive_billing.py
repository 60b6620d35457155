"""What usage costs by the plain rules: weeks from Monday to Monday in UTC, two prices, each charge rounded once.

It is written apart from the product: who was subscribed to which prices from when until when is a list that the tests
keep, and what was used is added up from the books.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from chalicelib.catalog.meters import Meter
from tests.faults.naive import Books, quantity

A_WEEK = timedelta(days=7)
_A_MONDAY = datetime(2025, 12, 1, tzinfo=UTC)
_QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Prices:
    """A price for each unit, and beside it one for the units up to a bound and another for those beyond; in cents.

    ``fee`` is due for each whole week, in advance, a seventh of it for each day.
    """

    unit: Fraction
    bound: int
    below: Fraction
    above: Fraction
    fee: int = 0

    def cost_minor(self, used: Fraction) -> int:
        """Rate a quantity by both charges."""
        low = min(used, Fraction(self.bound))
        return _rounded(used * self.unit) + _rounded(low * self.below + (used - low) * self.above)


def _rounded(cents: Fraction) -> int:
    assert cents >= 0
    return (2 * cents.numerator + cents.denominator) // (2 * cents.denominator)


@dataclass(frozen=True, slots=True)
class Sold:
    """Prices that hold for an organization from an instant until another, ``None`` for no end.

    Stretches of one ``chain`` share their weeks: what is sold at the same prices in one week is rated together.
    """

    organization: str
    prices: Prices
    start: datetime
    chain: int
    end: datetime | None = None


@dataclass(slots=True)
class Sales:
    """Everything that was sold, the latest last, and the stretches of time that were given away.

    ``subscribed`` counts the subscriptions that were acknowledged, ``paid`` lists invoice and reference of payments.
    """

    sold: list[Sold] = field(default_factory=list)
    waived: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    subscribed: int = 0
    paid: list[tuple[str, str]] = field(default_factory=list)

    def copy(self) -> "Sales":
        """Give a copy that goes its own way."""
        return Sales(list(self.sold), list(self.waived), self.subscribed, list(self.paid))

    def subscribe(self, organization: str, prices: Prices, start: datetime) -> None:
        """Note that prices hold from an instant on."""
        self.sold.append(Sold(organization, prices, start, self._next_chain()))
        self.subscribed += 1

    def _next_chain(self) -> int:
        return self.sold[-1].chain + 1 if self.sold else 0

    def _last(self, organization: str) -> int:
        return max(place for place, one in enumerate(self.sold) if one.organization == organization)

    def change(self, organization: str, prices: Prices, start: datetime) -> None:
        """Note that other prices hold from an instant on, for as long as those before would have.

        The week goes on where one price follows another; where a fee begins or ends, another week begins.
        """
        place = self._last(organization)
        before = self.sold[place]
        self.sold[place] = replace(before, end=start)
        chain = self._next_chain() if before.prices.fee or prices.fee else before.chain
        self.sold.append(Sold(organization, prices, start, chain, before.end))

    def stop(self, organization: str, end: datetime) -> None:
        """Note that nothing is sold from an instant on."""
        place = self._last(organization)
        self.sold[place] = replace(self.sold[place], end=end)

    def gave_away(self, organization: str, start: datetime, end: datetime) -> bool:
        """Tell whether a stretch of time was given away."""
        return any(name == organization and first <= start and end <= last for name, first, last in self.waived)

    def units(self, organization: str, until: datetime) -> Iterator[tuple[Sold, datetime, datetime]]:
        """Walk what is rated by itself: each week of all that was sold, those that begin before ``until``."""
        for one in self.sold:
            end = min(until, one.end or until)
            start = one.start
            while one.organization == organization and start < end:
                monday = _A_MONDAY + ((start - _A_MONDAY) // A_WEEK + 1) * A_WEEK
                yield one, start, min(monday, end)
                start = monday


def usage_minor(books: Books, sales: Sales, meter: Meter, *, organization: str, until: datetime) -> int:
    """Rate all usage of an organization before ``until``, in cents, before tax."""
    used: dict[tuple[int, int, Prices], Fraction] = defaultdict(Fraction)
    for one, start, end in sales.units(organization, until):
        if not sales.gave_away(organization, start, end):
            week = (start - _A_MONDAY) // A_WEEK
            some = quantity(books, organization, meter, start=_ceiled(start), end=_ceiled(end), now=until)
            used[one.chain, week, one.prices] += Fraction(some)
    return sum(prices.cost_minor(some) for (_, _, prices), some in used.items())


def _ceiled(instant: datetime) -> datetime:
    return _A_MONDAY - (_A_MONDAY - instant) // _QUARTER * _QUARTER


def fees_minor(sales: Sales, *, organization: str, until: datetime) -> int:
    """Add up the fees of the weeks that begin before ``until``, by the days of each that are covered."""
    total = 0
    for one, start, end in sales.units(organization, until):
        total += _rounded(Fraction(one.prices.fee * (end.date() - start.date()).days, 7))
    return total
