"""May this job start: what it would add to the draft, and whether a cap and the credit allow that (docs/rules.md 5.9).

Nothing is reserved: a hold does that. The estimate is what the charge's lines would come to with so much more quantity,
after its cap and the discount, less what they come to now.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from chalicelib.catalog.plans import UsageCharge
from chalicelib.catalog.subscriptions import Payment
from chalicelib.credits.drawdown import is_open_at
from chalicelib.credits.grants import Allocation, drawdown_key
from chalicelib.invoices.period_rating import RatedPeriod, RatedUsage, terms_of
from chalicelib.invoices.rating import rate_charge
from chalicelib.shared.numbers import EXACT
from chalicelib.shared.time import QuarterHour, quarter_hour_of
from chalicelib.shared.values import dataclass


class Refusal(StrEnum):
    """Why a job may not start."""

    NO_SUBSCRIPTION = "no-subscription"
    INSUFFICIENT_CREDIT = "insufficient-credit"
    SPEND_CAP = "spend-cap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """More usage to be estimated: of a charge or of a meter, so much of it, with values of dimensions by name."""

    charge: str | None = None
    meter: str | None = None
    quantity: Decimal
    dimensions: Mapping[str, str]

    def names(self, charge: UsageCharge) -> bool:
        """Tell whether a charge is meant."""
        return charge.key == self.charge if self.charge is not None else charge.meter == self.meter


@dataclass(frozen=True, slots=True)
class Estimate:
    """What more usage would add to a charge; ``None`` stands for an amount that is of no charge in particular."""

    charge: str | None
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a subscription allows: ``spent_minor`` of the cap is what usage comes to in the current period."""

    payment: Payment
    spend_cap_minor: int | None
    spent_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """Whether a job may start. ``estimated_minor`` is ``None`` where nothing can be estimated."""

    refusal: Refusal | None
    estimated_minor: int | None
    remaining_minor: int
    remaining_after_minor: int


def priced_now(rated: RatedPeriod, wanted: Metered, at: QuarterHour) -> list[RatedUsage]:
    """List the charges that price a quarter-hour, and that are meant."""
    return [
        usage
        for usage in rated.usage
        if wanted.names(usage.charge) and any(one.start <= at < one.end for one in usage.priced.ranges)
    ]


def needed_dimensions(charges: Sequence[UsageCharge], wanted: Metered) -> set[str]:
    """Name the dimensions that decide what usage costs: without their values there is no estimate.

    Who names a charge means usage that passes its filter.
    """
    filtered = {name for charge in charges for name in charge.filter} if wanted.charge is None else set()
    return filtered | {charge.prices_by.dimension for charge in charges if charge.prices_by is not None}


def estimate(usage: RatedUsage, wanted: Metered) -> Estimate:
    """Estimate what more usage adds to a charge; what its filter leaves out costs nothing."""
    charge = usage.charge
    given = wanted.dimensions
    if any(name in given and given[name] not in values for name, values in charge.filter.items()):
        return Estimate(charge.key, 0)
    group = None if charge.prices_by is None else given[charge.prices_by.dimension]
    quantities = {line.group: line.quantity for line in usage.rated.lines}
    known = quantities.get(group, Decimal(0))
    after = rate_charge(terms_of(usage.priced), {**quantities, group: EXACT.add(known, wanted.quantity)})
    before_minor = sum(line.net_minor for line in usage.rated.lines)
    return Estimate(charge.key, sum(line.net_minor for line in after.lines) - before_minor)


def spent_minor(rated: RatedPeriod | None) -> int:
    """Add up the usage charges of a period after the discount, before credits and tax."""
    return 0 if rated is None else sum(line.net_minor for usage in rated.usage for line in usage.rated.lines)


def decide(
    terms: Terms, estimates: Sequence[Estimate], remaining: Sequence[tuple[Allocation, int]], now: datetime
) -> Authorization:
    """Decide whether a job may start; ``remaining`` are grants with what remains of each."""
    open_now = _open_now(remaining, now)
    covering = [(one, minor) for one, minor in open_now if any(_covers(one, each) for each in estimates)]
    remaining_minor = sum(minor for _, minor in covering)
    estimated_minor = sum(each.amount_minor for each in estimates)
    return Authorization(
        refusal=_refusal(terms, estimates, covering),
        estimated_minor=estimated_minor,
        remaining_minor=remaining_minor,
        remaining_after_minor=max(0, remaining_minor - max(0, estimated_minor)),
    )


def _open_now(remaining: Sequence[tuple[Allocation, int]], now: datetime) -> list[tuple[Allocation, int]]:
    """Keep the grants that would pay for usage of now, in the order of drawdown."""
    at = quarter_hour_of(now)
    found = [
        (one, minor) for one, minor in remaining if one.grant.has_begun(now) and minor > 0 and is_open_at(one.grant, at)
    ]
    return sorted(found, key=lambda pair: drawdown_key(pair[0].grant))


def _covers(one: Allocation, each: Estimate) -> bool:
    if each.charge is None:
        return not one.grant.is_restricted
    return one.grant.covers(each.charge, is_usage=True)


def _refusal(
    terms: Terms, estimates: Sequence[Estimate], remaining: Sequence[tuple[Allocation, int]]
) -> Refusal | None:
    estimated_minor = sum(each.amount_minor for each in estimates)
    if terms.spend_cap_minor is not None and terms.spent_minor + estimated_minor > terms.spend_cap_minor:
        return Refusal.SPEND_CAP
    if terms.payment is Payment.PREPAID and not _is_covered(estimates, remaining):
        return Refusal.INSUFFICIENT_CREDIT
    return None


def _is_covered(estimates: Sequence[Estimate], remaining: Sequence[tuple[Allocation, int]]) -> bool:
    """Tell whether grants pay all estimates, each charge from the grants that take it, in the order of drawdown."""
    left = {one.grant.id: minor for one, minor in remaining}
    for each in estimates:
        missing_minor = max(0, each.amount_minor)
        for one, _ in remaining:
            if _covers(one, each):
                taken_minor = min(missing_minor, left[one.grant.id])
                left[one.grant.id] -= taken_minor
                missing_minor -= taken_minor
        if missing_minor:
            return False
    return True
