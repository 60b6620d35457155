"""The lines of what was rated: usage with cap and minimum, fees, late usage (docs/rules.md 3.2 to 3.6 and 4.5).

A line's id says what it charges and stays the same from the draft's first instant to the invoice, whatever else comes
to stand on it.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from chalicelib.catalog.meters import Meter
from chalicelib.catalog.plans import PriceModel
from chalicelib.catalog.subscriptions import Period, Subscription
from chalicelib.invoices.formulas import minimum_formula, recurring_formula, usage_formula
from chalicelib.invoices.invoice import DimensionShare, Interval, Line, LineKind, Origin
from chalicelib.invoices.period_rating import PLAN_MINIMUM, RatedPeriod, RatedRecurring, RatedUsage, terms_of
from chalicelib.invoices.period_record import NOTHING, Billed, BilledFee, PeriodRecord
from chalicelib.invoices.rating import RatedLine
from chalicelib.shared.money import show_money
from chalicelib.shared.values import dataclass

_GROUP_CHARS = 12
_ADJUSTED = "adjusted"
_SERVICE_PERIOD = re.compile(r"\.p([0-9]+)$")
_PART = re.compile(r"\.([0-9]+)(?:~[0-9a-f]+)?$")
_LATE_PERIOD = re.compile(r"late-([0-9]+)p([0-9]+)[-~]")
# No key of a charge has this character.
_MINIMUM = "~minimum"

# The quantity of each local day, by group of a charge.
Days: TypeAlias = Mapping[str | None, Mapping[date, Decimal]]
# The quantities of the greatest combinations of dimension values, by group of a charge.
Shares: TypeAlias = Mapping[str | None, tuple[DimensionShare, ...]]


def line_id(kind: str, *, charge: str, part: int = 0, group: str | None = None) -> str:
    """Make a line's id: ``usage-tokens``; a later part and a group of dimension values are told apart behind it."""
    text = f"{kind}-{charge}" + (f".{part}" if part else "")
    return text if group is None else f"{text}~{hashlib.sha256(group.encode()).hexdigest()[:_GROUP_CHARS]}"


@dataclass(frozen=True, slots=True)
class LatePlace:
    """Which closed period late usage belongs to: the number of its subscription, and its own."""

    subscription: int
    period: int

    def line_id(self, charge: str | None, part: int = 0) -> str:
        """Make the id of its line for a charge; ``None`` is the plan's minimum."""
        prefix = f"late-{self.subscription}p{self.period}"
        return f"{prefix}{_MINIMUM}" if charge is None else line_id(prefix, charge=charge, part=part)


@dataclass(frozen=True, slots=True)
class LineMaker:
    """Makes the lines of a period. ``days`` and ``shares`` explain the charges that are to be explained, by group."""

    meters: Mapping[str, Meter]
    days: Mapping[str, Days]
    shares: Mapping[str, Shares]

    def usage_lines(self, usage: RatedUsage) -> Iterator[Line]:
        """Make the lines of a usage charge, its cap and its minimum."""
        charge, rated, part = usage.charge, usage.rated, usage.priced.part
        for line in rated.lines:
            if not line.is_empty:
                yield self._usage_line(usage, line)
        if rated.cap_minor:
            yield _line(
                LineKind.CAP,
                line_id("cap", charge=charge.key, part=part),
                charge=charge.key,
                name=f"{charge.name}: maximum",
                interval=usage.priced.interval,
                amount_minor=rated.cap_minor,
                net_minor=0,
            )
        if rated.minimum_minor:
            yield _line(
                LineKind.MINIMUM,
                line_id("minimum", charge=charge.key, part=part),
                charge=charge.key,
                name=f"{charge.name}: minimum",
                interval=usage.priced.interval,
                amount_minor=rated.minimum_minor,
                net_minor=rated.minimum_minor,
                formula=minimum_formula(terms_of(usage.priced), rated),
            )

    def _usage_line(self, usage: RatedUsage, line: RatedLine) -> Line:
        charge, meter = usage.charge, self.meters[usage.charge.meter]
        by = charge.prices_by
        return Line(
            id=line_id("usage", charge=charge.key, part=usage.priced.part, group=line.group),
            kind=LineKind.USAGE,
            charge=charge.key,
            name=charge.name,
            service_period=usage.priced.interval,
            quantity=line.quantity,
            amount_minor=line.gross_minor,
            net_minor=line.net_minor,
            meter=meter.key,
            unit=meter.unit,
            unit_price=line.price.unit_price if line.price.model is PriceModel.PER_UNIT else None,
            group=None if by is None or line.group is None else {by.dimension: line.group},
            tiers=line.tiers,
            formula=usage_formula(terms_of(usage.priced), line),
            by_day=self.days.get(usage.priced.key, {}).get(line.group, {}),
            by_dimension=self.shares.get(usage.priced.key, {}).get(line.group, ()),
        )


def _line(
    kind: LineKind,
    name_id: str,
    *,
    charge: str | None,
    name: str,
    interval: Interval,
    amount_minor: int,
    net_minor: int,
    quantity: Decimal | None = None,
    formula: str = "",
) -> Line:
    return Line(
        id=name_id,
        kind=kind,
        charge=charge,
        name=name,
        service_period=interval,
        quantity=quantity,
        amount_minor=amount_minor,
        net_minor=net_minor,
        formula=formula,
    )


def fee_line(fee: RatedRecurring, *, number: int | None = None) -> Line:
    """Make the line of a recurring charge; ``number`` is the service period of one that is charged in advance."""
    charge, priced = fee.charge, fee.priced
    advance = "" if number is None else f".p{number}"
    return _line(
        LineKind.RECURRING,
        line_id("fee", charge=charge.key, part=priced.part) + advance,
        charge=charge.key,
        name=charge.name,
        interval=priced.interval,
        quantity=Decimal(1),
        amount_minor=fee.fee.amount_minor,
        net_minor=fee.fee.net_minor,
        formula=recurring_formula(
            charge,
            priced.plan.currency,
            priced.plan.discount_percent,
            days=priced.days,
            full_days=priced.full_days,
        ),
    )


def adjusted_id(charge: str, number: int) -> str:
    """Make the id of the line that corrects the advance fee of a service period."""
    return f"{line_id(_ADJUSTED, charge=charge)}.p{number}"


def adjusted_fee(fee: RatedRecurring, billed: BilledFee, *, number: int) -> Line | None:
    """Make the line that brings an advance fee to what is due now; ``None`` when that was charged.

    It is net of the discount that was given first, so it takes no other.
    """
    difference_minor = billed.difference_minor(fee.fee.net_minor)
    if difference_minor == 0:
        return None
    return _line(
        LineKind.RECURRING,
        adjusted_id(fee.charge.key, number),
        charge=fee.charge.key,
        name=f"{fee.charge.name}: {'unused part' if difference_minor < 0 else 'further part'}",
        interval=fee.priced.interval,
        amount_minor=difference_minor,
        net_minor=difference_minor,
    )


def returned_fee(charge: str, billed: BilledFee, interval: Interval, *, number: int) -> Line:
    """Make the line that gives an advance fee back whose charge the period no longer has."""
    return _line(
        LineKind.RECURRING,
        adjusted_id(charge, number),
        charge=charge,
        name=f"{charge}: unused part",
        interval=interval,
        amount_minor=billed.difference_minor(0),
        net_minor=billed.difference_minor(0),
    )


def find_service_period(line: Line) -> int | None:
    """Find the number of the service period whose advance fee a line charges or corrects; ``None`` for other lines."""
    found = _SERVICE_PERIOD.search(line.id) if line.kind is LineKind.RECURRING else None
    return None if found is None else int(found[1])


def charge_key_of(line: Line) -> str:
    """Name the charge of a period that a line of usage, late or not, is about: as ``PricedCharge.key`` does."""
    found = _PART.search(line.id)
    return f"{line.charge}#{found[1] if found else 0}"


def find_late_place(line: Line) -> LatePlace | None:
    """Find the closed period that a line brings late usage of; ``None`` for other lines."""
    found = _LATE_PERIOD.match(line.id) if line.kind is LineKind.LATE_USAGE else None
    return None if found is None else LatePlace(int(found[1]), int(found[2]))


def plan_minimum_line(rated: RatedPeriod) -> Line | None:
    """Make the line that lifts a period to its plan's minimum; ``None`` when nothing is missing."""
    if rated.lift_minor == 0:
        return None
    return _line(
        LineKind.MINIMUM,
        "minimum",
        charge=None,
        name="Plan minimum",
        interval=Interval(rated.period.start_at, rated.period.end_at),
        amount_minor=rated.lift_minor,
        net_minor=rated.lift_minor,
    )


def discount_line(lines: Sequence[Line], interval: Interval, *, percents: frozenset[Decimal]) -> Line | None:
    """Make the one line that sums up what the discount takes from usage and recurring lines; ``None`` for nothing."""
    kinds = (LineKind.USAGE, LineKind.CAP, LineKind.RECURRING)
    off_minor = sum(line.amount_minor - line.net_minor for line in lines if line.kind in kinds)
    if off_minor == 0:
        return None
    percent = f" {next(iter(percents)):f} %" if len(percents) == 1 else ""
    return _line(
        LineKind.DISCOUNT,
        "discount",
        charge=None,
        name=f"Discount{percent}",
        interval=interval,
        amount_minor=-off_minor,
        net_minor=0,
    )


def billed_amounts(rated: RatedPeriod, days: Mapping[str, Days]) -> dict[str, Billed]:
    """Tell what a period comes to now, by charge: the measure that late usage is compared by."""
    found = {
        usage.priced.key: Billed(usage.net_minor, usage.quantity, _all_groups(days.get(usage.priced.key, {})))
        for usage in rated.usage
    }
    return {**found, PLAN_MINIMUM: Billed(rated.lift_minor)}


def _all_groups(days: Days) -> dict[date, Decimal]:
    total = NOTHING
    for by_day in days.values():
        total += Billed(0, Decimal(0), by_day)
    return dict(total.by_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatePeriod:
    """A closed period rated again: what it comes to ``now``, and the record of what was billed for it."""

    subscription: Subscription
    period: Period
    rated: RatedPeriod
    record: PeriodRecord
    amounts: Mapping[str, Billed]

    @property
    def interval(self) -> Interval:
        """Give its bounds."""
        return Interval(self.period.start_at, self.period.end_at)

    @property
    def place(self) -> LatePlace:
        """Give its place among the closed periods."""
        return LatePlace(self.subscription.number, self.period.number)

    @property
    def currency(self) -> str:
        """Give the currency of its plans."""
        usage = [one.priced for one in self.rated.usage]
        fees = [one.priced for one in (*self.rated.arrears, *self.rated.advance)]
        return next(priced.plan.currency for priced in (*usage, *fees))

    def differences(self) -> dict[str, Billed]:
        """Tell by charge what is to be billed now, more or less than was; charges without a difference are left out.

        Never less than what was billed and has not been taken back by credit notes.
        """
        billed = self.record.billed()
        found = {key: _difference_of(amount, billed.get(key, NOTHING)) for key, amount in self.amounts.items()}
        return {key: amount for key, amount in found.items() if amount.net_minor != 0}


def _difference_of(now: Billed, billed: Billed) -> Billed:
    change = now + -billed
    return replace(change, net_minor=max(change.net_minor, -billed.outstanding_minor), noted_minor=0)


def late_lines(late: LatePeriod, meters: Mapping[str, Meter], number: str | None) -> Iterator[Line]:
    """Make the lines of late usage of a closed period; ``number`` is that of its own invoice, shown as the origin."""
    own = late.record.own
    origin = Origin(None if own is None else own.invoice, number, late.interval)
    place = late.place
    usages = {usage.priced.key: usage for usage in late.rated.usage}
    for key, difference in late.differences().items():
        usage = usages.get(key)
        meter = None if usage is None else meters[usage.charge.meter]
        yield Line(
            id=place.line_id(None) if usage is None else place.line_id(usage.charge.key, usage.priced.part),
            kind=LineKind.LATE_USAGE,
            charge=None if usage is None else usage.charge.key,
            name="Late usage: " + ("plan minimum" if usage is None else usage.charge.name),
            service_period=late.interval if usage is None else usage.priced.interval,
            quantity=None if usage is None else difference.quantity,
            amount_minor=difference.net_minor,
            net_minor=difference.net_minor,
            meter=None if meter is None else meter.key,
            unit=None if meter is None else meter.unit,
            origin=origin,
            formula=_difference(late, key),
            by_day=difference.by_day,
        )


def _difference(late: LatePeriod, key: str) -> str:
    """Say what a charge of a closed period comes to by now, and what was billed of it."""
    currency = late.currency
    now_minor, billed = late.amounts[key].net_minor, late.record.billed().get(key, NOTHING)
    change_minor = now_minor - billed.net_minor
    told = f"{show_money(now_minor, currency)} by now less {show_money(billed.net_minor, currency)} billed"
    told += f" = {show_money(change_minor, currency)}"
    if change_minor >= -billed.outstanding_minor:
        return told
    left, noted = (show_money(minor, currency) for minor in (-billed.outstanding_minor, billed.noted_minor))
    return f"{told}, at most {left}: credit notes took {noted}"


def elsewhere_id(place: int, usage: RatedUsage | None) -> str:
    """Make the id of the line that takes off what the invoice at a place in the record billed; by charge."""
    prefix = f"elsewhere-{place}"
    if usage is None:
        return f"{prefix}{_MINIMUM}"
    return line_id(prefix, charge=usage.charge.key, part=usage.priced.part)


def billed_elsewhere_lines(record: PeriodRecord, rated: RatedPeriod, numbers: Mapping[str, str]) -> Iterator[Line]:
    """Make the lines that take off an invoice made again what other invoices billed for its period as late usage.

    ``numbers`` has the numbers of those invoices by id.
    """
    interval = Interval(rated.period.start_at, rated.period.end_at)
    charges = {usage.priced.key: usage for usage in rated.usage}
    for place, billing in enumerate(record.late):
        origin = Origin(billing.invoice, numbers.get(billing.invoice), interval)
        for key, billed in billing.amounts.items():
            if billed.net_minor == 0:
                continue
            usage = charges.get(key)
            name = "plan minimum" if usage is None else usage.charge.name
            yield Line(
                id=elsewhere_id(place, usage),
                kind=LineKind.LATE_USAGE,
                charge=None if usage is None else usage.charge.key,
                name=f"Billed as late usage already: {name}",
                service_period=interval,
                quantity=None if usage is None else billed.quantity.copy_negate(),
                amount_minor=-billed.net_minor,
                net_minor=-billed.net_minor,
                meter=None if usage is None else usage.charge.meter,
                origin=origin,
            )
