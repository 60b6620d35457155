"""Invoices and credit notes as the API shows them: money with the currency's digits, everything else exactly."""

from datetime import datetime
from fractions import Fraction
from typing import Any

from chalicelib.invoices import numbering
from chalicelib.invoices.invoice import (
    Content,
    CreditNote,
    Interval,
    Invoice,
    InvoicePayment,
    Line,
    LineCredit,
    Origin,
    TaxAmount,
    TierAmount,
)
from chalicelib.invoices.lifecycle import payment_status
from chalicelib.shared.money import show_money
from chalicelib.shared.numbers import round_fraction, show_decimal
from chalicelib.shared.time import format_instant


def show_invoice(invoice: Invoice, now: datetime) -> dict[str, Any]:
    """Show an invoice or a draft as JSON; ``now`` decides whether it is overdue."""
    status = payment_status(invoice, now)
    return {
        "id": invoice.id,
        "number": None if invoice.number is None else numbering.invoice_number(invoice.organization, invoice.number),
        "organization": invoice.organization,
        "status": invoice.status.value,
        "payment_status": None if status is None else status.value,
        "currency": invoice.currency,
        "period": _interval(invoice.content.period),
        "issued_at": _instant(invoice.issued_at),
        "due_at": _instant(invoice.due_at),
        "finalizes_at": _instant(invoice.finalizes_at),
        "lines": [show_line(line, invoice.currency) for line in invoice.content.lines],
        **_totals(invoice.content, invoice.currency),
        **_standing(invoice),
        "void_reason": invoice.standing.void_reason,
        "late_usage_until": _instant(invoice.late_usage_until),
        **_names(invoice.content),
        "ledger_head": _ledger_head(invoice),
        "blocked": [{"reason": reason} for reason in invoice.blocked],
        "as_of": format_instant(invoice.as_of),
    }


def _totals(content: Content, currency: str) -> dict[str, Any]:
    return {
        "subtotal": show_money(content.subtotal_minor, currency),
        "discount": show_money(content.discount_minor, currency),
        "credits_applied": show_money(content.credits_minor, currency),
        "tax": show_money(content.tax_minor, currency),
        "taxes": [_tax(tax, currency) for tax in content.taxes],
        "total": show_money(content.total_minor, currency),
    }


def _standing(invoice: Invoice) -> dict[str, Any]:
    return {
        "amount_paid": show_money(invoice.paid_minor, invoice.currency),
        "amount_credited": show_money(invoice.credited_minor, invoice.currency),
        "amount_refunded": show_money(invoice.refunded_minor, invoice.currency),
        "amount_due": show_money(invoice.due_minor, invoice.currency),
        "payments": [_payment(payment, invoice.currency) for payment in invoice.standing.payments],
        "credit_notes": [_note(note, invoice) for note in invoice.standing.credit_notes],
    }


def _names(content: Content) -> dict[str, Any]:
    plan = content.plan
    return {
        "plan": None if plan is None else {"key": plan.key, "version": plan.version},
        "seller": dict(content.seller.fields),
        "buyer": dict(content.buyer.fields),
    }


def _ledger_head(invoice: Invoice) -> dict[str, Any] | None:
    head = invoice.ledger_head
    return None if head is None else {"seq": head.seq, "hash": head.hash}


def show_line(line: Line, currency: str) -> dict[str, Any]:
    """Show a line as JSON; ``quantity`` and ``unit_price`` are null where a line has none."""
    return {
        "id": line.id,
        "kind": line.kind.value,
        "charge": line.charge,
        "name": line.name,
        "meter": line.meter,
        "unit": line.unit,
        "group": None if line.group is None else dict(line.group),
        "service_period": _interval(line.service_period),
        "quantity": None if line.quantity is None else show_decimal(line.quantity),
        "unit_price": None if line.unit_price is None else show_decimal(line.unit_price),
        "amount": show_money(line.amount_minor, currency),
        "net": show_money(line.net_minor, currency),
        "tiers": [_tier(tier) for tier in line.tiers],
        "credits": [_credit(credit, currency) for credit in line.credits],
        "origin": None if line.origin is None else _origin(line.origin),
    }


def _tier(tier: TierAmount) -> dict[str, Any]:
    return {
        "from": show_decimal(tier.first),
        "to": None if tier.last is None else show_decimal(tier.last),
        "quantity": _exact(tier.quantity),
        "unit_price": show_decimal(tier.unit_price),
        "flat_fee": _exact(tier.flat_fee),
        "amount": _exact(tier.amount),
    }


def _credit(credit: LineCredit, currency: str) -> dict[str, Any]:
    return {"grant": credit.grant, "name": credit.name, "amount": show_money(credit.amount_minor, currency)}


def _origin(origin: Origin) -> dict[str, Any]:
    return {"invoice": origin.invoice, "number": origin.number, "period": _interval(origin.period)}


def _payment(payment: InvoicePayment, currency: str) -> dict[str, Any]:
    return {
        "id": payment.id,
        "amount": show_money(payment.amount_minor, currency),
        "paid_at": format_instant(payment.paid_at),
        "reference": payment.reference,
        "reversed": payment.reversed_at is not None,
    }


def _note(note: CreditNote, invoice: Invoice) -> dict[str, Any]:
    """Show a credit note as the invoice lists it."""
    return {
        "id": numbering.credit_note_id(invoice.organization, note.number),
        "number": numbering.credit_note_number(invoice.organization, note.number),
        "net": show_money(note.net_minor, invoice.currency),
        "tax": show_money(note.tax_minor, invoice.currency),
        "to": note.to.value,
        "issued_at": format_instant(note.issued_at),
    }


def show_credit_note(note: CreditNote, *, organization: str, currency: str, invoice_number: int) -> dict[str, Any]:
    """Show a credit note as JSON. ``invoice_number`` is the number of its invoice."""
    return {
        "id": numbering.credit_note_id(organization, note.number),
        "number": numbering.credit_note_number(organization, note.number),
        "organization": organization,
        "invoice": note.invoice,
        "invoice_number": numbering.invoice_number(organization, invoice_number),
        "currency": currency,
        "lines": [{"line": one.line, "amount": show_money(one.amount_minor, currency)} for one in note.lines],
        "reason": note.reason,
        "to": note.to.value,
        "net": show_money(note.net_minor, currency),
        "tax": show_money(note.tax_minor, currency),
        "taxes": [_tax(tax, currency) for tax in note.taxes],
        "amount_credited": show_money(note.credited_minor, currency),
        "refund": show_money(note.refunded_minor, currency),
        "granted": show_money(note.granted_minor, currency),
        "grant": note.grant,
        "reversed": [
            {"grant": credit.grant, "amount": show_money(credit.amount_minor, currency)} for credit in note.reversed
        ],
        "issued_at": format_instant(note.issued_at),
    }


def _tax(tax: TaxAmount, currency: str) -> dict[str, Any]:
    return {"name": tax.name, "percent": show_decimal(tax.percent), "amount": show_money(tax.amount_minor, currency)}


def _interval(interval: Interval) -> dict[str, str]:
    return {"start": format_instant(interval.start_at), "end": format_instant(interval.end_at)}


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)


def _exact(exact: Fraction) -> str:
    """Show a fraction exactly where 12 places do, else rounded to them."""
    return show_decimal(round_fraction(exact))
