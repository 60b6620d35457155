"""From cumulative quantities to lines (docs/rules.md 3.2 to 3.4, 3.9 and 5.3).

One usage charge gives its lines in a fixed order: gross (rounded once), then what the maximum leaves, then what the
discount leaves. What a stretch of time adds is the difference of two such ratings, so the slices of any split add up to
the whole, whatever the model, the cap or the meter; a slice may be negative.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from chalicelib.catalog.plans import ZERO, Price, PricesBy, RecurringCharge, UsageCharge
from chalicelib.invoices.invoice import TierAmount
from chalicelib.invoices.pricing import price_quantity
from chalicelib.invoices.proration import fee_share, prorate_included, prorate_minor
from chalicelib.shared.money import round_minor, round_whole
from chalicelib.shared.values import dataclass

# By value of the dimension that prices differ by; by ``None`` where one price is for all.
Quantities: TypeAlias = Mapping[str | None, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeTerms:
    """What rates a usage charge in one part: ``factor`` is days covered over days of the full period, from 0 to 1.

    ``discount_percent`` is the plan's: 10 for 10 %.
    """

    charge: UsageCharge
    currency: str
    discount_percent: Decimal
    factor: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedLine:
    """One line. ``gross_minor`` is ``exact`` (major units) rounded; the maximum leaves ``payable_minor`` of it.

    ``net_minor`` is what the discount leaves of that. ``group`` is the value of the dimension that prices differ by.
    """

    group: str | None
    quantity: Decimal
    price: Price
    gross_minor: int
    payable_minor: int
    net_minor: int
    tiers: tuple[TierAmount, ...]
    exact: Fraction

    @property
    def is_empty(self) -> bool:
        """Tell whether an invoice leaves it out: nothing was used and no fee is due."""
        return self.quantity == 0 and self.exact == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedCharge:
    """The lines of a charge, with what its bounds and the discount do to their sum.

    ``cap_minor`` (never above 0) is what the maximum takes away. ``minimum_minor`` (never below 0) is what lifts the
    payable lines to the minimum; it gets no discount. ``discount_minor`` is what the discount takes from the lines.
    """

    lines: tuple[RatedLine, ...]
    cap_minor: int
    minimum_minor: int
    discount_minor: int


@dataclass(frozen=True, slots=True)
class RatedFee:
    """A recurring fee, prorated and rounded, and what the discount leaves of it."""

    amount_minor: int
    net_minor: int


@dataclass(frozen=True, slots=True)
class SliceLine:
    """What a stretch of time adds to a line; negative where more usage costs less, or where a line loses to the cap."""

    group: str | None
    gross_minor: int
    net_minor: int


def rate_charge(terms: ChargeTerms, quantities: Quantities) -> RatedCharge:
    """Rate a charge from what was used since the charge's time began.

    With one price there is always one line, and a missing quantity is 0. With ``prices_by`` a line each: the listed
    values in the plan's order, then the others that are keys of ``quantities`` by name, if there is a default; but
    none for which nothing was used and no fee is due.
    """
    lines: list[RatedLine] = []
    left_minor = _bound(terms.charge.maximum_minor, terms.factor)
    for group, price in _priced_groups(terms.charge, quantities):
        line = _rate_line(terms, (group, price), quantities.get(group, ZERO), left_minor)
        if terms.charge.prices_by is None or not line.is_empty:
            lines.append(line)
        left_minor = None if left_minor is None else left_minor - line.payable_minor
    payable_minor = sum(line.payable_minor for line in lines)
    minimum_minor = _bound(terms.charge.minimum_minor, terms.factor) or 0
    return RatedCharge(
        lines=tuple(lines),
        cap_minor=payable_minor - sum(line.gross_minor for line in lines),
        minimum_minor=max(0, minimum_minor - payable_minor),
        discount_minor=payable_minor - sum(line.net_minor for line in lines),
    )


def rate_recurring(charge: RecurringCharge, discount_percent: Decimal, *, days: int, full_days: int) -> RatedFee:
    """Rate the fee of a service period of which some local days are covered."""
    amount_minor = prorate_minor(charge.amount_minor, fee_share(charge, days=days, full_days=full_days))
    return RatedFee(amount_minor, discounted(amount_minor, discount_percent))


def discounted(payable_minor: int, discount_percent: Decimal) -> int:
    """Tell what a discount leaves, rounded once, ties away from zero: a negative amount mirrors the positive one."""
    return round_whole(payable_minor * (1 - Fraction(discount_percent) / 100))


def slice_charge(terms: ChargeTerms, *, at_start: Quantities | None, at_end: Quantities) -> list[SliceLine]:
    """Tell what a stretch of time adds to each line, from the cumulative quantities at its start and at its end.

    ``at_start=None`` is where the charge's time begins: nothing is due yet, not even a first tier's flat fee.
    """
    before = None if at_start is None else rate_charge(terms, at_start)
    return slice_rated(terms.charge, before=before, after=rate_charge(terms, at_end))


def slice_rated(charge: UsageCharge, *, before: RatedCharge | None, after: RatedCharge) -> list[SliceLine]:
    """Subtract two ratings of a charge, line by line, in the order of its lines; ``before=None`` is nothing at all.

    A line that only one of them has counts as 0 in the other.
    """
    old = {line.group: line for line in before.lines} if before is not None else {}
    new = {line.group: line for line in after.lines}
    listed = [] if charge.prices_by is None else list(charge.prices_by.prices)
    place = {group: (at, "") for at, group in enumerate(listed)}
    groups = sorted(old.keys() | new.keys(), key=lambda group: place.get(group or "", (len(listed), group or "")))
    return [_difference(group, old=old.get(group), new=new.get(group)) for group in groups]


def split_by_share(amount_minor: int, shares: Sequence[tuple[str, Decimal]]) -> dict[str, int]:
    """Spread an amount over names in proportion to their shares: largest remainder, ties by name.

    The parts add up to the amount, in the order of ``shares``; a negative amount is spread as its positive one. A
    negative share counts as 0, as a negative quantity is rated as 0. When no share is above 0, the first by name gets
    everything. Without names nobody gets anything.
    """
    weights = {name: max(Fraction(0), Fraction(share)) for name, share in shares}
    assert len(weights) == len(shares), "a name occurs twice"
    if not weights:
        return {}
    whole = sum(weights.values())
    if whole == 0:
        return {name: amount_minor if name == min(weights) else 0 for name in weights}
    exact = {name: abs(amount_minor) * weight / whole for name, weight in weights.items()}
    parts = {name: part.numerator // part.denominator for name, part in exact.items()}
    by_remainder = sorted(weights, key=lambda name: (parts[name] - exact[name], name))
    for name in by_remainder[: abs(amount_minor) - sum(parts.values())]:
        parts[name] += 1
    return {name: -part if amount_minor < 0 else part for name, part in parts.items()}


def _bound(amount_minor: int | None, factor: Fraction) -> int | None:
    return None if amount_minor is None else prorate_minor(amount_minor, factor)


def _priced_groups(charge: UsageCharge, quantities: Quantities) -> Iterator[tuple[str | None, Price]]:
    """List which groups have a price, in the order of their lines."""
    if charge.prices_by is not None:
        yield from _priced_values(charge.prices_by, quantities)
    else:
        assert charge.price is not None, f"{charge.key} has no price"
        yield None, charge.price


def _priced_values(prices_by: PricesBy, quantities: Quantities) -> Iterator[tuple[str, Price]]:
    yield from prices_by.prices.items()
    if prices_by.default is not None:
        others = {group for group in quantities if group is not None} - prices_by.prices.keys()
        yield from ((group, prices_by.default) for group in sorted(others))


def _rate_line(
    terms: ChargeTerms, priced_by: tuple[str | None, Price], quantity: Decimal, left_minor: int | None
) -> RatedLine:
    """Rate one line, of which at most ``left_minor`` is still payable; ``None`` is no maximum."""
    group, price = priced_by
    included = prorate_included(price, terms.factor)
    priced = price_quantity(price, Fraction(quantity), included=included, first_flat=terms.factor)
    gross_minor = round_minor(priced.amount, terms.currency)
    payable_minor = gross_minor if left_minor is None else min(gross_minor, left_minor)
    return RatedLine(
        group=group,
        quantity=quantity,
        price=price,
        gross_minor=gross_minor,
        payable_minor=payable_minor,
        net_minor=discounted(payable_minor, terms.discount_percent),
        tiers=priced.tiers,
        exact=priced.amount,
    )


def _difference(group: str | None, *, old: RatedLine | None, new: RatedLine | None) -> SliceLine:
    gross_minor = (new.gross_minor if new else 0) - (old.gross_minor if old else 0)
    net_minor = (new.net_minor if new else 0) - (old.net_minor if old else 0)
    return SliceLine(group, gross_minor, net_minor)
