"""What a quantity costs under one price, exactly (docs/rules.md 3.1): the four models, with included units and tiers.

Nothing is rounded here. A part shorter than the full period lowers two things only, and the caller says how far: the
included units and the first tier's flat fee.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from math import ceil

from chalicelib.catalog.plans import Price, PriceModel, Tier
from chalicelib.invoices.invoice import TierAmount
from chalicelib.shared.values import dataclass

NOTHING = Fraction(0)


@dataclass(frozen=True, slots=True)
class Priced:
    """An exact amount in major units.

    ``tiers`` has the tiers that units fell into or whose flat fee is due, in order; none for per_unit and package.
    """

    amount: Fraction
    tiers: tuple[TierAmount, ...] = ()


@dataclass(frozen=True, slots=True)
class _Step:
    """A tier with its bounds ``(first, last]`` and the flat fee that is due when units fall into it."""

    first: Decimal
    last: Decimal | None
    unit_price: Decimal
    flat_fee: Fraction


def price_quantity(price: Price, quantity: Fraction, *, included: Fraction, first_flat: Fraction) -> Priced:
    """Price a quantity; a negative one is priced as 0.

    ``included`` is how many units come off first. ``first_flat``, from 0 to 1, is the share of the first tier's flat
    fee that is due; it is due without any units too. In a list of tiers without an open end the last tier goes on.
    """
    units = billable_units(quantity, included=included)
    if price.model is PriceModel.PER_UNIT:
        return Priced(units * Fraction(price.unit_price))
    if price.model is PriceModel.PACKAGE:
        return Priced(ceil(units / Fraction(price.package_size)) * Fraction(price.package_price))
    steps = list(_steps(price.tiers, first_flat))
    tiers = _graduated(steps, units) if price.model is PriceModel.GRADUATED else _volume(steps, units)
    return Priced(sum((tier.amount for tier in tiers), NOTHING), tiers)


def billable_units(quantity: Fraction, *, included: Fraction) -> Fraction:
    """Tell how many units are left to price after the included ones, never less than 0."""
    return max(NOTHING, quantity - included)


def _steps(tiers: tuple[Tier, ...], first_flat: Fraction) -> Iterator[_Step]:
    first = Decimal(0)
    for place, tier in enumerate(tiers, 1):
        flat_fee = Fraction(tier.flat_fee) * (first_flat if place == 1 else 1)
        last = None if place == len(tiers) else tier.up_to
        yield _Step(first, last, tier.unit_price, flat_fee)
        first = tier.up_to if tier.up_to is not None else first


def _graduated(steps: list[_Step], units: Fraction) -> tuple[TierAmount, ...]:
    """Price each unit in its own tier."""
    inside = [(step, _units_in(step, units)) for step in steps]
    return tuple(
        _tier_amount(step, some) for place, (step, some) in enumerate(inside) if some or (place == 0 and step.flat_fee)
    )


def _units_in(step: _Step, units: Fraction) -> Fraction:
    top = units if step.last is None else min(units, Fraction(step.last))
    return max(NOTHING, top - Fraction(step.first))


def _volume(steps: list[_Step], units: Fraction) -> tuple[TierAmount, ...]:
    """Price all units in the tier that their total falls in; a total of 0 falls in the first."""
    step = next(step for step in steps if step.last is None or units <= Fraction(step.last))
    return (_tier_amount(step, units),) if units or step.flat_fee else ()


def _tier_amount(step: _Step, units: Fraction) -> TierAmount:
    return TierAmount(
        first=step.first,
        last=step.last,
        quantity=units,
        unit_price=step.unit_price,
        flat_fee=step.flat_fee,
        amount=units * Fraction(step.unit_price) + step.flat_fee,
    )
