"""The draft invoice: a pure function of counters, plans and what was billed before (docs/rules.md 3 and 4).

It is computed on every read and never stored. Finalizing writes exactly what was computed, so the last draft and the
invoice are the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib.catalog.meters import Meter
from chalicelib.catalog.organizations import Organization
from chalicelib.catalog.plans import Plan
from chalicelib.catalog.settings import Seller
from chalicelib.catalog.subscriptions import Period
from chalicelib.invoices.draft_lines import (
    Days,
    LatePeriod,
    LineMaker,
    Shares,
    adjusted_fee,
    billed_amounts,
    billed_elsewhere_lines,
    discount_line,
    fee_line,
    late_lines,
    plan_minimum_line,
    returned_fee,
)
from chalicelib.invoices.invoice import Content, Interval, Invoice, Line, Party, PlanVersion
from chalicelib.invoices.numbering import InvoiceKind, invoice_number
from chalicelib.invoices.period_rating import RatedPeriod, advance_fees
from chalicelib.invoices.period_record import Billed, BilledFee, PeriodRecord
from chalicelib.invoices.progress import OpenDraft
from chalicelib.invoices.totals import complete


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePeriod:
    """A period whose advance fee a draft charges or adjusts, the plan it begins with, and what was charged before."""

    period: Period
    plan: Plan
    record: PeriodRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftInputs:
    """Everything a draft is made of.

    ``rated`` is the draft's own period with the ``record`` of it and, by charge and group, the quantities by local
    ``days`` and the ``shares`` of dimension values where they are wanted. ``services`` are the service periods whose
    advance fees it charges or adjusts, ``late`` the closed periods that it brings late usage of, if it
    ``takes_late_usage`` at all.
    """

    draft: OpenDraft
    organization: Organization
    seller: Seller
    meters: Mapping[str, Meter]
    now: datetime
    rated: RatedPeriod | None = None
    plans: Sequence[Plan] = ()
    record: PeriodRecord | None = None
    days: Mapping[str, Days] = field(default_factory=dict)
    shares: Mapping[str, Shares] = field(default_factory=dict)
    services: Sequence[ServicePeriod] = ()
    late: Sequence[LatePeriod] = ()
    takes_late_usage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A draft with what finalizing it has to remember.

    ``amounts`` is what its own period comes to, ``fees`` the advance fees by service period and charge, ``elsewhere``
    what it takes off because other invoices billed it.
    """

    open_draft: OpenDraft
    invoice: Invoice
    inputs: DraftInputs
    amounts: Mapping[str, Billed] = field(default_factory=dict)
    fees: Mapping[int, Mapping[str, BilledFee]] = field(default_factory=dict)
    elsewhere: Mapping[str, Billed] = field(default_factory=dict)

    @property
    def takes_late_usage(self) -> bool:
        """Tell whether the late usage of all closed periods belongs on it."""
        return self.inputs.takes_late_usage

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to bill: then its period is closed without an invoice."""
        return not self.invoice.content.lines


def compose(inputs: DraftInputs) -> Draft:
    """Put a draft together."""
    lines = list(_lines(inputs))
    interval = _interval(inputs)
    percents = frozenset(plan.discount_percent for plan in _plans(inputs) if plan.discount_percent)
    off = discount_line(lines, interval, percents=percents)
    rates = inputs.organization.tax_rates
    all_lines, taxes = complete([*lines, *([off] if off is not None else [])], rates, interval)
    content = Content(
        lines=all_lines,
        taxes=taxes,
        period=interval,
        plan=_plan_version(inputs),
        seller=seller_party(inputs.seller),
        buyer=buyer_party(inputs.organization),
    )
    invoice = Invoice(
        id=inputs.draft.ref.id,
        organization=inputs.organization.id,
        currency=inputs.organization.currency,
        content=content,
        finalizes_at=inputs.draft.finalizes_at,
        blocked=_blocked(inputs),
        as_of=inputs.now,
    )
    return Draft(
        open_draft=inputs.draft,
        invoice=invoice,
        inputs=inputs,
        amounts={} if inputs.rated is None else billed_amounts(inputs.rated, inputs.days),
        fees=_fees(inputs),
        elsewhere=_elsewhere(inputs),
    )


def _lines(inputs: DraftInputs) -> Iterator[Line]:
    if inputs.rated is not None:
        maker = LineMaker(inputs.meters, inputs.days, inputs.shares)
        for usage in inputs.rated.usage:
            yield from maker.usage_lines(usage)
        yield from (fee_line(fee) for fee in inputs.rated.arrears if fee.fee.amount_minor)
    for service in inputs.services:
        yield from _fee_lines(service)
    if inputs.rated is not None:
        minimum = plan_minimum_line(inputs.rated)
        yield from () if minimum is None else (minimum,)
        yield from _elsewhere_lines(inputs, inputs.rated)
    for late in inputs.late:
        yield from late_lines(late, inputs.meters, _own_number(inputs, late.record))


def _fee_lines(service: ServicePeriod) -> Iterator[Line]:
    """Charge the advance fees of a service period, or the difference to what was charged for it before."""
    number, due = service.period.number, advance_fees(service.period, service.plan)
    for fee in due:
        billed = service.record.advance.get(fee.charge.key)
        if billed is not None:
            adjusted = adjusted_fee(fee, billed, number=number)
            yield from () if adjusted is None else (adjusted,)
        elif fee.fee.amount_minor:
            yield fee_line(fee, number=number)
    interval = Interval(service.period.start_at, service.period.end_at)
    for key in sorted(service.record.advance.keys() - {fee.charge.key for fee in due}):
        if service.record.advance[key].net_minor:
            yield returned_fee(key, service.record.advance[key], interval, number=number)


def _elsewhere_lines(inputs: DraftInputs, rated: RatedPeriod) -> Iterator[Line]:
    if not inputs.draft.is_reopened or inputs.record is None:
        return
    numbers = {one.invoice: invoice_number(inputs.organization.id, one.number) for one in inputs.record.late}
    yield from billed_elsewhere_lines(inputs.record, rated, numbers)


def _elsewhere(inputs: DraftInputs) -> dict[str, Billed]:
    if not inputs.draft.is_reopened or inputs.record is None:
        return {}
    return {key: -billed for key, billed in inputs.record.billed_elsewhere().items()}


def _own_number(inputs: DraftInputs, record: PeriodRecord) -> str | None:
    return None if record.own is None else invoice_number(inputs.organization.id, record.own.number)


def _fees(inputs: DraftInputs) -> dict[int, dict[str, BilledFee]]:
    """Tell which advance fees stand charged, once this draft is an invoice, for the service periods it is about."""
    return {service.period.number: _charged(service, inputs.draft.ref.id) for service in inputs.services}


def _charged(service: ServicePeriod, invoice: str) -> dict[str, BilledFee]:
    charged = {}
    for fee in advance_fees(service.period, service.plan):
        key, line = fee.charge.key, fee_line(fee, number=service.period.number).id
        before = service.record.advance.get(key, BilledFee(invoice=invoice, line=line, net_minor=0))
        charged[key] = replace(before, net_minor=fee.fee.net_minor)
    returned = {key: replace(fee, net_minor=0) for key, fee in service.record.advance.items() if key not in charged}
    return {**charged, **returned}


def _plans(inputs: DraftInputs) -> list[Plan]:
    return [*inputs.plans, *(service.plan for service in inputs.services)]


def _plan_version(inputs: DraftInputs) -> PlanVersion | None:
    plans = _plans(inputs)
    if not plans:
        return None
    own = inputs.plans[-1] if inputs.plans else plans[-1]
    return PlanVersion(own.key, own.version)


def _interval(inputs: DraftInputs) -> Interval:
    """Give the period an invoice shows: its own, that of the fee, or the time in which late usage came."""
    if inputs.rated is not None:
        return Interval(inputs.rated.period.start_at, inputs.rated.period.end_at)
    if inputs.draft.ref.kind is InvoiceKind.ADVANCE and inputs.services:
        period = inputs.services[-1].period
        return Interval(period.start_at, period.end_at)
    ends = [late.period.end_at for late in inputs.late]
    first = min(ends, default=inputs.draft.finalizes_at)
    return Interval(min(first, inputs.draft.finalizes_at), max(first, inputs.draft.finalizes_at))


def _blocked(inputs: DraftInputs) -> tuple[str, ...]:
    rated = [*([inputs.rated] if inputs.rated is not None else []), *(late.rated for late in inputs.late)]
    reasons = [reason for one in rated for usage in one.usage for reason in usage.blocked]
    return tuple(dict.fromkeys(reasons))


def seller_party(seller: Seller) -> Party:
    """Show who sells, as the settings have it now."""
    return Party({"legal_name": seller.legal_name, "address": seller.address, "tax_id": seller.tax_id})


def buyer_party(organization: Organization) -> Party:
    """Show who buys, as the organization is now."""
    names = ("name", "legal_name", "address", "email", "tax_id", "purchase_order", "invoice_note")
    return Party({name: getattr(organization, name) for name in names})
