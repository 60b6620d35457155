"""Commands on invoices: finalize, pay, give up, credit, one-off. Each decides from fresh reads and answers its writes.

Whoever runs one (a route, with its idempotency record) runs it again when somebody else wrote first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from chalicelib.invoices import finalization, lifecycle, store
from chalicelib.invoices.draft import buyer_party, seller_party
from chalicelib.invoices.finalization import Records
from chalicelib.invoices.invoice import Content, Interval, Invoice, Line, LineKind
from chalicelib.invoices.numbering import InvoiceKind, InvoiceRef
from chalicelib.invoices.opening import open_billing
from chalicelib.invoices.progress import OpenDraft
from chalicelib.invoices.reader import Billing
from chalicelib.invoices.store import StoredInvoice
from chalicelib.invoices.totals import complete
from chalicelib.platform.outbox import outbox_write
from chalicelib.platform.writes import Write
from chalicelib.shared.errors import Conflict, Fault, InvalidInput, NotFound
from chalicelib.shared.money import round_minor, show_money, to_minor
from chalicelib.shared.numbers import show_decimal
from chalicelib.shared.time import ONE_DAY, local_day_of, local_day_start, zone_of
from chalicelib.shared.values import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """An invoice as a command leaves it, and what has to be written for that; nothing when it was so before."""

    invoice: Invoice
    writes: tuple[Write, ...] = ()


def no_such_invoice() -> NotFound:
    """Say that there is no such invoice: the same words whether it is unknown or somebody else's."""
    return NotFound("There is no such invoice.")


def open_billing_of(ref: InvoiceRef, now: datetime) -> Billing:
    """Read the billing of an invoice's organization; raises ``NotFound`` as for an unknown invoice."""
    try:
        return open_billing(ref.organization, now)
    except NotFound:
        raise no_such_invoice() from None


def get_finalized(ref: InvoiceRef, now: datetime) -> StoredInvoice:
    """Read a finalized invoice to change it; raises ``NotFound``, and ``Conflict`` for a draft."""
    stored = store.find_invoice(ref)
    if stored is not None:
        return stored
    if any(one.ref == ref for one in open_billing_of(ref, now).open_drafts()):
        raise Conflict("The invoice is a draft: it has to be finalized first.")
    return finalized_meanwhile(ref)


def finalized_meanwhile(ref: InvoiceRef) -> StoredInvoice:
    """Look again for an invoice that was neither stored nor, later, a draft: it may have been finalized in between.

    Raises ``NotFound``.
    """
    stored = store.find_invoice(ref)
    if stored is None:
        raise no_such_invoice()
    return stored


def finalize(ref: InvoiceRef, now: datetime) -> Done:
    """Finalize a draft before its grace is over; one that is finalized already is answered as it is.

    Raises ``Conflict`` while its period lasts, while an earlier period is open, when it is blocked or empty.
    """
    stored = store.find_invoice(ref)
    if stored is not None:
        lifecycle.require_finalized(stored.invoice)
        return Done(stored.invoice)
    billing = open_billing_of(ref, now)
    draft = billing.find_draft(ref, explain=True)
    if draft is None:
        return Done(finalized_meanwhile(ref).invoice)
    _refuse_early(draft.open_draft, now)
    if draft.invoice.blocked:
        raise Conflict(f"The draft is blocked: {draft.invoice.blocked[0]}")
    if draft.is_empty:
        raise Conflict("There is nothing to bill: the period is closed without an invoice.")
    closing = finalization.close(billing, draft)
    assert closing.invoice is not None, "a draft with lines becomes an invoice"
    return Done(closing.invoice, closing.writes)


def _refuse_early(one: OpenDraft, now: datetime) -> None:
    if one.period is not None and now < one.period.end_at:
        raise Conflict("The period has not ended: its grace can be skipped, the period cannot.")
    if one.is_regular and one.period is not None and one.period.number != one.subscription.progress.next_period:
        raise Conflict("An earlier period of the subscription is still a draft: finalize that first.")


def pay(ref: InvoiceRef, amount: Decimal, *, paid_at: datetime | None, reference: str, now: datetime) -> Done:
    """Add a payment, in major units; one with the same reference and amount was added before."""
    stored = get_finalized(ref, now)
    (amount_minor,) = read_minor({"/amount": amount}, stored.invoice.currency)
    changed = lifecycle.add_payment(stored.invoice, amount_minor, paid_at=paid_at or now, reference=reference, now=now)
    return _changed(stored, changed, "invoice.paid" if changed.due_minor == 0 else "invoice.payment_added", now=now)


def read_minor(amounts: Mapping[str, Decimal], currency: str) -> list[int]:
    """Turn amounts into minor units; raises ``InvalidInput`` naming, by pointer, each that is finer than that."""
    found, faults = [], []
    for pointer, amount in amounts.items():
        try:
            found.append(to_minor(amount, currency))
        except ValueError as fault:
            faults.append(Fault(pointer, str(fault)))
    if faults:
        raise InvalidInput("Amounts are finer than the currency.", faults)
    return found


def reverse_payment(ref: InvoiceRef, payment: str, *, reason: str, now: datetime) -> Done:
    """Take a payment back."""
    stored = get_finalized(ref, now)
    changed = lifecycle.reverse_payment(stored.invoice, payment, reason=reason, now=now)
    return _changed(stored, changed, "invoice.payment_reversed", now=now)


def mark_uncollectible(ref: InvoiceRef, reason: str, now: datetime) -> Done:
    """Give up on what is due."""
    stored = get_finalized(ref, now)
    return _changed(stored, lifecycle.mark_uncollectible(stored.invoice, reason), "invoice.uncollectible", now=now)


def _changed(stored: StoredInvoice, changed: Invoice, event: str, *, now: datetime) -> Done:
    if changed == stored.invoice:
        return Done(changed)
    told = outbox_write(event, finalization.invoice_event(changed), organization=changed.organization, now=now)
    return Done(changed, (store.standing_write(stored, changed), told))


@dataclass(frozen=True, slots=True)
class OneOffLine:
    """Something sold once: a quantity at a price, in major units."""

    name: str
    quantity: Decimal
    unit_price: Decimal


def issue_one_off(organization: str, wanted: Sequence[OneOffLine], *, net_days: int, now: datetime) -> Done:
    """Invoice something at once that no plan charges."""
    billing = open_billing(organization, now)
    number = billing.head.next_one_off
    ref = InvoiceRef(organization=organization, subscription=0, kind=InvoiceKind.ONE_OFF, number=number)
    zone = zone_of(billing.organization.timezone)
    today = local_day_of(now, zone)
    interval = Interval(local_day_start(today, zone), local_day_start(today + ONE_DAY, zone))
    currency = billing.organization.currency
    # It is sold now: credit that was given earlier today pays for it, credit that comes later does not.
    span = Interval(now, interval.end_at)
    sold = [_one_off_line(place, line, span, currency) for place, line in enumerate(wanted, start=1)]
    paid = billing.pay(ref.id, sold, interval)
    lines, taxes = complete(paid, billing.organization.tax_rates, interval)
    invoice = Invoice(
        id=ref.id,
        organization=organization,
        currency=currency,
        content=Content(
            lines=lines,
            taxes=taxes,
            period=interval,
            plan=None,
            seller=seller_party(billing.settings.seller),
            buyer=buyer_party(billing.organization),
        ),
        number=billing.head.next_number,
        issued_at=now,
        due_at=lifecycle.due_at(now, net_days, zone),
        as_of=now,
    )
    issued, moved = finalization.with_wallet(billing, invoice)
    records = Records(billing)
    records.change(ref, lambda record: replace(record, numbers={ref.attempt: billing.head.next_number}))
    return Done(issued, (*finalization.issue_writes(billing, issued, one_offs=1), *records.writes(), *moved))


def _one_off_line(place: int, line: OneOffLine, interval: Interval, currency: str) -> Line:
    exact = Fraction(line.quantity) * Fraction(line.unit_price)
    amount_minor = round_minor(exact, currency)
    return Line(
        id=f"one-off-{place}",
        kind=LineKind.ONE_OFF,
        charge=None,
        name=line.name,
        service_period=interval,
        quantity=line.quantity,
        amount_minor=amount_minor,
        net_minor=amount_minor,
        unit_price=line.unit_price,
        formula=(
            f"{show_decimal(line.quantity)} x {show_decimal(line.unit_price)} = {show_money(amount_minor, currency)}"
        ),
    )
