"""The draft invoice: a pure function of counters, plans and what was billed before (docs/rules.md 3 and 4).

It is computed on every read and never stored. Finalizing writes exactly what was computed, so the last draft and the
invoice are the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime

from chalicelib.catalog.meters import Meter
from chalicelib.catalog.organizations import Organization
from chalicelib.catalog.plans import Plan
from chalicelib.catalog.settings import Seller
from chalicelib.catalog.subscriptions import Period
from chalicelib.credits.drawdown import Drawn
from chalicelib.invoices.draft_lines import (
    Days,
    LatePeriod,
    LatePlace,
    LineMaker,
    Shares,
    adjusted_fee,
    adjusted_id,
    billed_amounts,
    billed_elsewhere_lines,
    discount_line,
    fee_line,
    late_lines,
    plan_minimum_line,
    returned_fee,
)
from chalicelib.invoices.drawn_amounts import (
    DrawnByLine,
    elsewhere_paid,
    elsewhere_with_drawn,
    late_paid,
    late_with_drawn,
    with_usage_drawn,
)
from chalicelib.invoices.invoice import Content, Interval, Invoice, Line, Party, PlanVersion
from chalicelib.invoices.line_credits import add_up, drawn_of
from chalicelib.invoices.numbering import InvoiceKind, invoice_number
from chalicelib.invoices.period_rating import RatedPeriod, advance_fees
from chalicelib.invoices.period_record import Billed, BilledFee, PeriodRecord
from chalicelib.invoices.progress import OpenDraft
from chalicelib.invoices.totals import complete
from chalicelib.shared.values import dataclass


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
    what it takes off because other invoices billed it, ``late`` what it brings of closed periods; each with what
    grants pay of it.
    """

    open_draft: OpenDraft
    invoice: Invoice
    inputs: DraftInputs
    amounts: Mapping[str, Billed] = field(default_factory=dict)
    fees: Mapping[int, Mapping[str, BilledFee]] = field(default_factory=dict)
    elsewhere: Mapping[str, Billed] = field(default_factory=dict)
    late: Mapping[LatePlace, Mapping[str, Billed]] = field(default_factory=dict)

    @property
    def takes_late_usage(self) -> bool:
        """Tell whether the late usage of all closed periods belongs on it."""
        return self.inputs.takes_late_usage

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to bill: then its period is closed without an invoice."""
        return not self.invoice.content.lines


def draw_up(inputs: DraftInputs) -> tuple[Line, ...]:
    """Make the lines of a draft, before credit pays anything of them."""
    lines = list(_lines(inputs))
    percents = frozenset(plan.discount_percent for plan in _plans(inputs) if plan.discount_percent)
    off = discount_line(lines, interval_of(inputs), percents=percents)
    return tuple(lines) if off is None else (*lines, off)


def compose(inputs: DraftInputs, lines: Sequence[Line]) -> Draft:
    """Put a draft together from the lines that ``draw_up`` made, with what credit pays of them."""
    interval = interval_of(inputs)
    all_lines, taxes = complete(lines, inputs.organization.tax_rates, interval)
    drawn = {line.id: drawn_of(line.credits) for line in lines if line.credits}
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
        amounts={}
        if inputs.rated is None
        else with_usage_drawn(inputs.rated, billed_amounts(inputs.rated, inputs.days), drawn),
        fees=_fees(inputs, drawn),
        elsewhere=_elsewhere(inputs, drawn),
        late={late.place: late_with_drawn(late, drawn) for late in inputs.late},
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
        if service.record.advance[key].difference_minor(0):
            yield returned_fee(key, service.record.advance[key], interval, number=number)


def _elsewhere_lines(inputs: DraftInputs, rated: RatedPeriod) -> Iterator[Line]:
    if not inputs.draft.is_reopened or inputs.record is None:
        return
    numbers = {one.invoice: invoice_number(inputs.organization.id, one.number) for one in inputs.record.late}
    yield from billed_elsewhere_lines(inputs.record, rated, numbers)


def _elsewhere(inputs: DraftInputs, drawn: DrawnByLine) -> dict[str, Billed]:
    if not inputs.draft.is_reopened or inputs.record is None or inputs.rated is None:
        return {}
    return elsewhere_with_drawn(inputs.record, inputs.rated, drawn)


def _own_number(inputs: DraftInputs, record: PeriodRecord) -> str | None:
    return None if record.own is None else invoice_number(inputs.organization.id, record.own.number)


def _fees(inputs: DraftInputs, drawn: DrawnByLine) -> dict[int, dict[str, BilledFee]]:
    """Tell which advance fees stand charged, once this draft is an invoice, for the service periods it is about."""
    return {service.period.number: _charged(service, inputs.draft.ref.id, drawn) for service in inputs.services}


def _charged(service: ServicePeriod, invoice: str, drawn: DrawnByLine) -> dict[str, BilledFee]:
    number, charged = service.period.number, dict[str, BilledFee]()
    for fee in advance_fees(service.period, service.plan):
        key, line = fee.charge.key, fee_line(fee, number=number).id
        before = service.record.advance.get(key, BilledFee(invoice=invoice, line=line, net_minor=0))
        charged[key] = _moved(before, fee.fee.net_minor, drawn.get(line, ()))
    returned = {key: _moved(fee, 0, ()) for key, fee in service.record.advance.items() if key not in charged}
    return {
        key: replace(fee, drawn=add_up(fee.drawn, drawn.get(adjusted_id(key, number), ())))
        for key, fee in {**charged, **returned}.items()
    }


def _moved(fee: BilledFee, due_minor: int, drawn: Sequence[Drawn]) -> BilledFee:
    net_minor = fee.net_minor + fee.difference_minor(due_minor)
    return replace(fee, net_minor=net_minor, drawn=add_up(fee.drawn, drawn))


def paid_before(inputs: DraftInputs) -> dict[str, tuple[Drawn, ...]]:
    """Tell what grants had paid for what the draft's lines take back, by id of the line."""
    found: dict[str, tuple[Drawn, ...]] = {}
    for service in inputs.services:
        number = service.period.number
        found.update((adjusted_id(key, number), fee.drawn) for key, fee in service.record.advance.items())
    for late in inputs.late:
        found.update(late_paid(late))
    if inputs.draft.is_reopened and inputs.record is not None and inputs.rated is not None:
        found.update(elsewhere_paid(inputs.record, inputs.rated))
    kept = {name: tuple(one for one in drawn if one.amount_minor > 0) for name, drawn in found.items()}
    return {name: drawn for name, drawn in kept.items() if drawn}


def _plans(inputs: DraftInputs) -> list[Plan]:
    return [*inputs.plans, *(service.plan for service in inputs.services)]


def _plan_version(inputs: DraftInputs) -> PlanVersion | None:
    plans = _plans(inputs)
    if not plans:
        return None
    own = inputs.plans[-1] if inputs.plans else plans[-1]
    return PlanVersion(own.key, own.version)


def interval_of(inputs: DraftInputs) -> Interval:
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
