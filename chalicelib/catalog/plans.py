"""What a plan is: the charges that turn quantities into money (docs/rules.md, section 3). Versions never change.

Amounts of money are whole minor units of the plan's currency; prices of units and fees of tiers are exact decimals in
major units, because they may be finer than the currency.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from chalicelib.shared.billing_periods import PeriodUnit
from chalicelib.shared.values import dataclass

ZERO = Decimal(0)


class PriceModel(StrEnum):
    """How a quantity becomes an amount."""

    PER_UNIT = "per_unit"
    GRADUATED = "graduated"
    VOLUME = "volume"
    PACKAGE = "package"


class Timing(StrEnum):
    """Whether a recurring charge is for the coming period or for the one that ends."""

    ADVANCE = "advance"
    ARREARS = "arrears"


@dataclass(frozen=True, slots=True)
class Tier:
    """Units up to a bound, included; ``None`` is no bound. ``flat_fee`` is due once when units fall into the tier."""

    up_to: Decimal | None
    unit_price: Decimal = ZERO
    flat_fee: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A model with what it needs: ``unit_price``, or ``tiers``, or ``package_size`` with ``package_price``.

    ``included`` units come off first.
    """

    model: PriceModel
    unit_price: Decimal = ZERO
    tiers: tuple[Tier, ...] = ()
    package_size: Decimal = ZERO
    package_price: Decimal = ZERO
    included: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class PricesBy:
    """A price for each value of one dimension; ``default`` prices the values that are not listed, if it is there."""

    dimension: str
    prices: Mapping[str, Price]
    default: Price | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageCharge:
    """A price on the quantity of a meter: ``price``, or ``prices_by`` a dimension, never both.

    ``filter`` restricts it to values of dimensions. ``minimum_minor`` and ``maximum_minor`` bound what its lines add
    up to.
    """

    key: str
    name: str
    meter: str
    price: Price | None = None
    prices_by: PricesBy | None = None
    filter: Mapping[str, frozenset[str]] = field(default_factory=dict)
    minimum_minor: int | None = None
    maximum_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurringCharge:
    """A fee for each period; with ``prorate`` only the covered days of a shorter one are charged."""

    key: str
    name: str
    amount_minor: int
    timing: Timing
    prorate: bool = True


Charge: TypeAlias = UsageCharge | RecurringCharge


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One version of a plan, with a subscription's overrides applied where there are any.

    ``discount_percent`` is 10 for 10 %. ``grace_hours`` after its end a period is finalized; an invoice is due
    ``net_days`` after the local day on which it was issued.
    """

    key: str
    version: int
    name: str
    currency: str
    billing_period: PeriodUnit
    charges: tuple[Charge, ...]
    minimum_minor: int | None
    discount_percent: Decimal
    usage_history_days: int
    net_days: int
    grace_hours: int
    created_at: datetime

    @property
    def usage_charges(self) -> tuple[UsageCharge, ...]:
        """List the charges on usage, in the plan's order."""
        return tuple(charge for charge in self.charges if isinstance(charge, UsageCharge))

    def recurring_charges(self, timing: Timing) -> tuple[RecurringCharge, ...]:
        """List the recurring charges of one timing, in the plan's order."""
        return tuple(
            charge for charge in self.charges if isinstance(charge, RecurringCharge) and charge.timing is timing
        )
