"""Rates the usage of one billing period: which charge prices which quarter-hours, and what its lines come to.

When a plan changed inside the period, each part is rated by its own version; parts in which a charge and its discount
are defined alike are rated as one, so that tiers go on (docs/rules.md 3.8).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from chalicelib.catalog.plans import Charge, Plan, RecurringCharge, Timing, UsageCharge
from chalicelib.catalog.subscriptions import Part, Period
from chalicelib.invoices.invoice import Interval
from chalicelib.invoices.proration import covered_share
from chalicelib.invoices.rating import ChargeTerms, RatedCharge, RatedFee, rate_charge, rate_recurring
from chalicelib.shared.money import round_whole
from chalicelib.shared.time import QuarterHour
from chalicelib.shared.values import dataclass
from chalicelib.usage.aggregation import exact_sum
from chalicelib.usage.cumulative import Quantities
from chalicelib.usage.ranges import Range

# What the plan's own minimum is called among the charges of a period.
PLAN_MINIMUM = "#minimum"
# The groups of a charge that prices all values alike.
WHOLE = None


class UsageFigures(Protocol):
    """What a period's usage can tell: quantities up to an instant."""

    def quantities(
        self,
        meter: str,
        *,
        ranges: Sequence[Range],
        cuts: Sequence[QuarterHour],
        filters: Mapping[str, frozenset[str]],
        by: tuple[str, ...],
    ) -> Quantities:
        """Give the cumulative quantity at each cut, by group."""

    def is_counting(self, meter: str) -> bool:
        """Tell whether events that were stored before the meter was created may be missing still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedCharge:
    """A charge over the parts of a period that define it alike; ``part`` is the place of the first of them.

    ``ranges`` are its quarter-hours, neighbours joined; ``days`` of ``full_days`` are covered.
    """

    charge: Charge
    part: int
    plan: Plan
    ranges: tuple[Range, ...]
    days: int
    full_days: int
    interval: Interval

    @property
    def key(self) -> str:
        """Name it within its period: stable, because periods only ever grow more parts at their end."""
        return f"{self.charge.key}#{self.part}"

    @property
    def factor(self) -> Fraction:
        """Give the share of the full period that it covers."""
        return covered_share(days=self.days, full_days=self.full_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedUsage:
    """A usage charge with its lines; ``blocked`` says why they cannot be relied on."""

    priced: PricedCharge
    charge: UsageCharge
    rated: RatedCharge
    blocked: tuple[str, ...] = ()

    @property
    def net_minor(self) -> int:
        """Give what it comes to: its lines after the discount, and what lifts them to its minimum."""
        return sum(line.net_minor for line in self.rated.lines) + self.rated.minimum_minor

    @property
    def quantity(self) -> Decimal:
        """Add up the quantities of its lines."""
        return exact_sum(line.quantity for line in self.rated.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedRecurring:
    """A recurring charge of a period with its fee."""

    priced: PricedCharge
    charge: RecurringCharge
    fee: RatedFee


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedPeriod:
    """All charges of a period in the plan's order. ``minimum_minor`` is the plan minimum, prorated."""

    period: Period
    usage: tuple[RatedUsage, ...]
    arrears: tuple[RatedRecurring, ...]
    advance: tuple[RatedRecurring, ...]
    minimum_minor: int

    @property
    def lift_minor(self) -> int:
        """Give what lifts the period's own charges, its advance fees too, to the plan minimum."""
        charged = sum(one.net_minor for one in self.usage)
        charged += sum(one.fee.net_minor for one in (*self.arrears, *self.advance))
        return max(0, self.minimum_minor - charged)


def price_parts(period: Period, plans: Sequence[Plan]) -> list[PricedCharge]:
    """Share out a period among the charges of its parts' plans, one for each definition of each charge."""
    found: list[PricedCharge] = []
    for place, (part, plan) in enumerate(zip(period.parts, plans, strict=True)):
        for charge in plan.charges:
            known = next((at for at, one in enumerate(found) if _is_same(one, charge, plan)), None)
            if known is None:
                found.append(_begun(charge, plan, place, period))
            else:
                found[known] = _longer(found[known], part)
    return found


def _is_same(one: PricedCharge, charge: Charge, plan: Plan) -> bool:
    return one.charge == charge and one.plan.discount_percent == plan.discount_percent


def _begun(charge: Charge, plan: Plan, place: int, period: Period) -> PricedCharge:
    part = period.parts[place]
    return PricedCharge(
        charge=charge,
        part=place,
        plan=plan,
        ranges=(Range(part.start, part.end),),
        days=part.days,
        full_days=period.full_days,
        interval=Interval(part.start_at, part.end_at),
    )


def _longer(one: PricedCharge, part: Part) -> PricedCharge:
    last = one.ranges[-1]
    joined = (*one.ranges[:-1], Range(last.start, part.end))
    apart = (*one.ranges, Range(part.start, part.end))
    return PricedCharge(
        charge=one.charge,
        part=one.part,
        plan=one.plan,
        ranges=joined if last.end == part.start else apart,
        days=one.days + part.days,
        full_days=one.full_days,
        interval=Interval(one.interval.start_at, part.end_at),
    )


def rate_period(period: Period, plans: Sequence[Plan], figures: UsageFigures) -> RatedPeriod:
    """Rate everything that a period charges; quantities are those up to its end, as far as they are known."""
    priced = price_parts(period, plans)
    return RatedPeriod(
        period=period,
        usage=tuple(
            rate_usage(one, figures, until=period.end) for one in priced if isinstance(one.charge, UsageCharge)
        ),
        arrears=tuple(rate_fee(one) for one in priced if _has_timing(one.charge, Timing.ARREARS)),
        advance=tuple(rate_fee(one) for one in priced if _has_timing(one.charge, Timing.ADVANCE)),
        minimum_minor=plan_minimum(period, plans),
    )


def _has_timing(charge: Charge, timing: Timing) -> bool:
    return isinstance(charge, RecurringCharge) and charge.timing is timing


def rate_usage(priced: PricedCharge, figures: UsageFigures, *, until: QuarterHour) -> RatedUsage:
    """Rate a usage charge from the quantities up to ``until``."""
    charge, measured = _usage_charge(priced), _measure(priced, figures, (until,))
    return RatedUsage(
        priced=priced,
        charge=charge,
        rated=_rate_each(priced, measured, cuts=1)[0],
        blocked=_reasons(charge, is_counting=figures.is_counting(charge.meter), has_rest=measured.has_rest),
    )


def rate_at(priced: PricedCharge, figures: UsageFigures, cuts: Sequence[QuarterHour]) -> dict[QuarterHour, RatedCharge]:
    """Rate a usage charge from its beginning up to each of some quarter-hours, which rise."""
    return dict(zip(cuts, _rate_each(priced, _measure(priced, figures, cuts), cuts=len(cuts)), strict=True))


def _usage_charge(priced: PricedCharge) -> UsageCharge:
    assert isinstance(priced.charge, UsageCharge), "only usage has quantities"
    return priced.charge


def _measure(priced: PricedCharge, figures: UsageFigures, cuts: Sequence[QuarterHour]) -> Quantities:
    charge = _usage_charge(priced)
    by = () if charge.prices_by is None else (charge.prices_by.dimension,)
    return figures.quantities(charge.meter, ranges=priced.ranges, cuts=cuts, filters=charge.filter, by=by)


def _rate_each(priced: PricedCharge, measured: Quantities, *, cuts: int) -> list[RatedCharge]:
    """Rate the quantities at each cut, in their order.

    A group that is first seen after a cut does not exist at it: no fee of its price is due yet.
    """
    terms = terms_of(priced)
    by_value = terms.charge.prices_by is not None
    groups = {group[0] if by_value else WHOLE: quantities for group, quantities in measured.groups.items()}
    return [
        rate_charge(
            terms, {group: each[place] for group, each in groups.items() if each[place] != 0 or place == cuts - 1}
        )
        for place in range(cuts)
    ]


def terms_of(priced: PricedCharge) -> ChargeTerms:
    """Give what rating needs to know of a usage charge."""
    assert isinstance(priced.charge, UsageCharge)
    plan = priced.plan
    return ChargeTerms(
        charge=priced.charge, currency=plan.currency, discount_percent=plan.discount_percent, factor=priced.factor
    )


def _reasons(charge: UsageCharge, *, is_counting: bool, has_rest: bool) -> tuple[str, ...]:
    reasons = []
    if is_counting:
        reasons.append(f"The meter {charge.meter} is still counting events that were stored before it.")
    if has_rest and (charge.filter or charge.prices_by is not None):
        reasons.append(
            f"The charge {charge.key} prices by a dimension of the meter {charge.meter}, which has more combinations "
            "in a day than are kept apart."
        )
    return tuple(reasons)


def rate_fee(priced: PricedCharge) -> RatedRecurring:
    """Rate a recurring charge by the local days that it covers."""
    assert isinstance(priced.charge, RecurringCharge)
    fee = rate_recurring(priced.charge, priced.plan.discount_percent, days=priced.days, full_days=priced.full_days)
    return RatedRecurring(priced=priced, charge=priced.charge, fee=fee)


def advance_fees(period: Period, plan: Plan) -> list[RatedRecurring]:
    """Rate the advance fees of a period, which are those of the plan that it begins with, over all its covered days."""
    whole = Interval(period.start_at, period.end_at)
    return [
        rate_fee(
            PricedCharge(
                charge=charge,
                part=0,
                plan=plan,
                ranges=(Range(period.start, period.end),),
                days=period.days,
                full_days=period.full_days,
                interval=whole,
            )
        )
        for charge in plan.recurring_charges(Timing.ADVANCE)
    ]


def plan_minimum(period: Period, plans: Sequence[Plan]) -> int:
    """Give a period's plan minimum in minor units: each part's by its covered days, rounded once."""
    exact = sum(
        (
            (plan.minimum_minor or 0) * covered_share(days=part.days, full_days=period.full_days)
            for part, plan in zip(period.parts, plans, strict=True)
        ),
        Fraction(0),
    )
    return round_whole(exact)
