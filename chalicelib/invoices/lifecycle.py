"""What may happen to a finalized invoice: payments, their reversal, void, uncollectible (docs/rules.md 4.4 and 4.6).

Each command gives a new invoice, or the same one when it has happened before in the same way, so that repeating is
safe; another way is a ``Conflict``. The content of an invoice is never touched.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from chalicelib.invoices.invoice import (
    CreditNote,
    Invoice,
    InvoicePayment,
    InvoiceStatus,
    PaymentStatus,
    Standing,
)
from chalicelib.invoices.numbering import InvoiceKind, find_invoice_ref
from chalicelib.shared.errors import Conflict, Fault, InvalidInput, NotFound
from chalicelib.shared.money import show_money
from chalicelib.shared.time import ONE_DAY, local_day_of, local_day_start

# Clocks of payment providers differ a little from ours.
CLOCK_TOLERANCE = timedelta(minutes=5)

IndexState: TypeAlias = Literal["open", "paid", "void"]


def payment_status(invoice: Invoice, now: datetime) -> PaymentStatus | None:
    """Tell what has been paid; ``None`` for a draft and a void invoice. From ``due_at`` on, unpaid is overdue."""
    if invoice.status is not InvoiceStatus.FINALIZED:
        return None
    if invoice.due_minor == 0:
        return PaymentStatus.PAID
    if invoice.standing.uncollectible_reason is not None:
        return PaymentStatus.UNCOLLECTIBLE
    if invoice.due_at is not None and now >= invoice.due_at:
        return PaymentStatus.OVERDUE
    return PaymentStatus.PARTLY_PAID if invoice.paid_minor > 0 else PaymentStatus.UNPAID


def due_at(issued_at: datetime, net_days: int, zone: ZoneInfo) -> datetime:
    """Give the end, exclusive, of the local day that lies ``net_days`` after the one on which it was issued."""
    return local_day_start(local_day_of(issued_at, zone) + (net_days + 1) * ONE_DAY, zone)


def index_state(invoice: Invoice) -> IndexState:
    """Tell where a finalized invoice is listed: ``paid`` when nothing is due, whoever paid or credited it."""
    assert invoice.status is not InvoiceStatus.DRAFT, "drafts are not stored"
    if invoice.status is InvoiceStatus.VOID:
        return "void"
    return "paid" if invoice.due_minor == 0 else "open"


def given_back_minor(note: CreditNote) -> int:
    """Tell how much of what was paid a note gave back, as a refund or as a grant, its tax included."""
    to_grants_minor = sum(credit.amount_minor for credit in note.reversed)
    return note.net_minor - to_grants_minor + note.tax_minor - note.credited_minor


def require_finalized(invoice: Invoice) -> None:
    """Refuse a draft and a void invoice; raises ``Conflict``."""
    if invoice.status is InvoiceStatus.DRAFT:
        raise Conflict("The invoice is a draft: it has to be finalized first.")
    if invoice.status is InvoiceStatus.VOID:
        raise Conflict("The invoice is void.")


def add_payment(invoice: Invoice, amount_minor: int, *, paid_at: datetime, reference: str, now: datetime) -> Invoice:
    """Add a payment. A reference is used once: with the same amount it changes nothing, with another it is refused.

    Raises ``Conflict`` for a draft, a void invoice, a reference of another or a reversed payment, and for more than is
    due; ``InvalidInput`` for an amount of 0 or below and for a ``paid_at`` without offset or ahead of the clock.
    """
    require_finalized(invoice)
    known = next((one for one in invoice.standing.payments if one.reference == reference), None)
    if known is not None:
        _refuse_other_payment(known, amount_minor)
        return invoice
    _refuse_faults(amount_minor, paid_at=paid_at, now=now)
    if amount_minor > invoice.due_minor:
        raise Conflict(f"Only {_shown(invoice.due_minor, invoice)} is due.")
    payments = invoice.standing.payments
    added = InvoicePayment(
        id=f"pay_{len(payments) + 1}", amount_minor=amount_minor, paid_at=paid_at, reference=reference
    )
    return _with(invoice, replace(invoice.standing, payments=(*payments, added)))


def _refuse_other_payment(known: InvoicePayment, amount_minor: int) -> None:
    if known.reversed_at is not None:
        raise Conflict(f"The payment with this reference, {known.id}, was reversed: use another reference.")
    if known.amount_minor != amount_minor:
        raise Conflict(f"There is a payment with this reference, {known.id}, and another amount.")


def _refuse_faults(amount_minor: int, *, paid_at: datetime, now: datetime) -> None:
    faults = []
    if amount_minor <= 0:
        faults.append(Fault("/amount", "must be above 0"))
    if paid_at.tzinfo is None:
        faults.append(Fault("/paid_at", "must carry an offset such as Z or +02:00"))
    elif paid_at > now + CLOCK_TOLERANCE:
        faults.append(Fault("/paid_at", "lies in the future"))
    if faults:
        raise InvalidInput("The payment cannot be added.", faults)


def reverse_payment(invoice: Invoice, payment_id: str, *, reason: str, now: datetime) -> Invoice:
    """Take a payment back, so that its amount is due again; for the same reason again it changes nothing.

    Raises ``NotFound``, and ``Conflict`` when it was reversed for another reason or when credit notes have given back
    more than would remain paid.
    """
    payment = next((one for one in invoice.standing.payments if one.id == payment_id), None)
    if payment is None:
        raise NotFound("There is no such payment on this invoice.")
    if payment.reversed_at is not None:
        if payment.reversal_reason != reason:
            raise Conflict("The payment was reversed already, for another reason.")
        return invoice
    returned_minor = sum(map(given_back_minor, invoice.standing.credit_notes))
    if invoice.paid_minor - payment.amount_minor < returned_minor:
        raise Conflict(f"Credit notes gave back {_shown(returned_minor, invoice)}; less than that would remain paid.")
    undone = replace(payment, reversed_at=now, reversal_reason=reason)
    payments = tuple(undone if one.id == payment_id else one for one in invoice.standing.payments)
    return _with(invoice, replace(invoice.standing, payments=payments))


def mark_overdue(invoice: Invoice) -> Invoice:
    """Note that its due instant has passed unpaid, so that no job looks for that again."""
    return _with(invoice, replace(invoice.standing, is_overdue=True))


def mark_uncollectible(invoice: Invoice, reason: str) -> Invoice:
    """Give up on what is due, which can still be paid; for the same reason again it changes nothing.

    Raises ``Conflict`` for a draft, a void invoice, another reason than before, and when nothing is due.
    """
    require_finalized(invoice)
    before = invoice.standing.uncollectible_reason
    if before is not None:
        if before != reason:
            raise Conflict("The invoice was marked uncollectible already, for another reason.")
        return invoice
    if invoice.due_minor == 0:
        raise Conflict("Nothing is due on the invoice.")
    return _with(invoice, replace(invoice.standing, uncollectible_reason=reason))


def void(invoice: Invoice, reason: str, *, regenerate: bool, now: datetime) -> Invoice:
    """Declare an invoice void; it keeps its number. In the same way again it changes nothing.

    ``regenerate`` makes a new draft for its period, and so exists for invoices of a period alone. Raises ``Conflict``
    for that, for a draft, and when there are credit notes or payments that were not reversed.
    """
    if invoice.status is InvoiceStatus.VOID:
        if (invoice.standing.void_reason, invoice.standing.regenerated) != (reason, regenerate):
            raise Conflict("The invoice is void already, for another reason or with another choice of regenerate.")
        return invoice
    require_finalized(invoice)
    if any(one.reversed_at is None for one in invoice.standing.payments):
        raise Conflict("The invoice has payments: reverse them first.")
    if invoice.standing.credit_notes:
        raise Conflict("The invoice has credit notes, which stay.")
    if regenerate and not _is_of_period(invoice):
        raise Conflict("Only the invoice of a billing period can be regenerated.")
    return _with(invoice, replace(invoice.standing, void_reason=reason, voided_at=now, regenerated=regenerate))


def _is_of_period(invoice: Invoice) -> bool:
    ref = find_invoice_ref(invoice.id)
    return ref is not None and ref.kind is InvoiceKind.PERIOD


def _with(invoice: Invoice, standing: Standing) -> Invoice:
    return replace(invoice, standing=standing)


def _shown(minor: int, invoice: Invoice) -> str:
    return f"{show_money(minor, invoice.currency)} {invoice.currency}"
