"""Which line of which invoice bills an event, and which events a line bills: what event search shows.

Events are told apart by when they were received: an invoice has those that were there when it was read, the others of
its period are late usage.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from chalicelib.catalog.plans import UsageCharge
from chalicelib.catalog.subscriptions import Period, Subscription
from chalicelib.catalog.timeline import find_period, find_period_of
from chalicelib.invoices.commands import open_billing_of
from chalicelib.invoices.draft_lines import LatePlace, find_late_place, line_id
from chalicelib.invoices.invoice import Line, LineKind
from chalicelib.invoices.invoice_service import get_invoice
from chalicelib.invoices.numbering import InvoiceKind, InvoiceRef, find_invoice_ref
from chalicelib.invoices.opening import open_billing
from chalicelib.invoices.period_rating import PricedCharge
from chalicelib.invoices.period_record import PeriodRecord, PeriodState
from chalicelib.invoices.progress import find_late_draft, find_open_draft, period_ref
from chalicelib.invoices.reader import Billing
from chalicelib.shared.errors import NotFound
from chalicelib.shared.values import dataclass
from chalicelib.usage.billed import BilledOn, CountedEvent, LineScope


class Attribution:
    """Knows which lines bill which events: the source that event search asks."""

    def find_lines(
        self, organization: str, *, invoice: str, line: str | None, now: datetime
    ) -> Sequence[LineScope] | None:
        """Tell what an invoice bills, or one line of it; ``None`` when there is none of that name here."""
        ref = find_invoice_ref(invoice)
        if ref is None or ref.organization != organization:
            return None
        try:
            lines = get_invoice(ref, now).content.lines
        except NotFound:
            return None
        wanted = [one for one in lines if line in (None, one.id)]
        if line is not None and not wanted:
            return None
        billing = open_billing_of(ref, now)
        found = (_scope_of(billing, ref, one) for one in wanted)
        return [scope for scope in found if scope is not None]

    def billed_on(self, organization: str, events: Sequence[CountedEvent], now: datetime) -> Sequence[BilledOn | None]:
        """Tell where each of some events is billed, in their order; ``None`` where no line bills it."""
        billing = open_billing(organization, now)
        places = [_find_place(billing, event) for event in events]
        found = [place for place in places if place is not None]
        billing.load_records([period_ref(one.subscription, one.period.number).name for one in found])
        return [
            None if place is None else _find_line(billing, place, event)
            for place, event in zip(places, events, strict=True)
        ]


def _scope_of(billing: Billing, ref: InvoiceRef, line: Line) -> LineScope | None:
    if line.kind is LineKind.LATE_USAGE:
        return _late_scope(billing, ref, line)
    if line.kind is not LineKind.USAGE or ref.kind is not InvoiceKind.PERIOD:
        return None
    subscription = _subscription(billing, ref.subscription)
    period = find_period(subscription, ref.number)
    assert period is not None, "a period that has an invoice exists"
    until = billing.record(subscription, ref.number).reads.get(ref.attempt)
    value = None if line.group is None else next(iter(line.group.values()))
    for priced in billing.priced(period):
        if line_id("usage", charge=priced.charge.key, part=priced.part, group=value) == line.id:
            return _scope(priced, line.group, received_from=None, received_until=until)
    return None


def _late_scope(billing: Billing, ref: InvoiceRef, line: Line) -> LineScope | None:
    place = find_late_place(line)
    if place is None:
        return None
    subscription = _subscription(billing, place.subscription)
    period = find_period(subscription, place.period)
    assert period is not None, "a period with late usage exists"
    record = billing.record(subscription, place.period)
    until = next((late.read_id for late in record.late if late.invoice == ref.id), None)
    # What was seen before: by any attempt at the period's own invoice, and by earlier invoices with late usage of it.
    seen = [*record.reads.values(), *(late.read_id for late in record.late)]
    since = max((read_id for read_id in seen if until is None or read_id < until), default=None)
    for priced in billing.priced(period):
        if isinstance(priced.charge, UsageCharge) and place.line_id(priced.charge.key, priced.part) == line.id:
            return _scope(priced, None, received_from=since, received_until=until)
    return None


def _scope(
    priced: PricedCharge, group: Mapping[str, str] | None, *, received_from: str | None, received_until: str | None
) -> LineScope:
    charge = priced.charge
    assert isinstance(charge, UsageCharge), "events are billed by usage charges"
    filters = dict(charge.filter)
    for name, value in (group or {}).items():
        filters[name] = filters.get(name, frozenset({value})) & {value}
    return LineScope(
        meter=charge.meter,
        ranges=priced.ranges,
        filters=filters,
        received_from=received_from,
        received_until=received_until,
    )


def _subscription(billing: Billing, number: int) -> Subscription:
    return next(one for one in billing.subscriptions.subscriptions if one.number == number)


@dataclass(frozen=True, slots=True)
class _Place:
    """The period that an event's usage belongs to."""

    subscription: Subscription
    period: Period


def _find_place(billing: Billing, event: CountedEvent) -> _Place | None:
    for subscription in billing.subscriptions.subscriptions:
        period = find_period_of(subscription, event.quarter_hour)
        if period is not None:
            return _Place(subscription, period)
    return None


def _find_line(billing: Billing, place: _Place, event: CountedEvent) -> BilledOn | None:
    priced = _find_priced(billing.priced(place.period), event)
    if priced is None:
        return None
    charge, number = priced.charge, place.period.number
    usage_line = line_id("usage", charge=charge.key, part=priced.part, group=_value(charge, event))
    late_line = LatePlace(place.subscription.number, number).line_id(charge.key, priced.part)
    invoice = _open_invoice(place)
    if invoice is not None:
        return BilledOn(invoice.id, usage_line)
    record = billing.record(place.subscription, number)
    if record.own is not None and event.sort_id < record.own.read_id:
        return BilledOn(record.own.invoice, usage_line)
    late = _late_invoice(billing, record, event)
    return None if late is None else BilledOn(late, late_line)


def _open_invoice(place: _Place) -> InvoiceRef | None:
    """Name the draft of a period that is not closed."""
    progress, number = place.subscription.progress, place.period.number
    if number >= progress.next_period:
        return period_ref(place.subscription, number)
    again = next((one for one in progress.reopened if one.number == number), None)
    return None if again is None else period_ref(place.subscription, number, attempt=again.attempt)


def _late_invoice(billing: Billing, record: PeriodRecord, event: CountedEvent) -> str | None:
    """Name the later invoice, or the draft, that bills an event which its period's own invoice has not seen."""
    if record.state is PeriodState.WAIVED:
        return None
    seen = next((late.invoice for late in record.late if event.sort_id < late.read_id), None)
    if seen is not None:
        return seen
    drafts = billing.open_drafts()
    taking = find_open_draft(drafts) or find_late_draft(billing.subscriptions.subscriptions, billing.now)
    return None if taking is None else taking.ref.id


def _find_priced(priced: Sequence[PricedCharge], event: CountedEvent) -> PricedCharge | None:
    """Find the first charge that prices an event."""
    for one in priced:
        charge = one.charge
        if isinstance(charge, UsageCharge) and _scope(one, None, received_from=None, received_until=None).takes(event):
            by = charge.prices_by
            if by is None or by.default is not None or _value(charge, event) in by.prices:
                return one
    return None


def _value(charge: object, event: CountedEvent) -> str | None:
    """Give the value of the dimension that a charge prices by."""
    if not isinstance(charge, UsageCharge) or charge.prices_by is None:
        return None
    return event.meters[charge.meter].get(charge.prices_by.dimension, "")
