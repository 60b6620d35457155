"""Invoices as JSON text, as they are stored, and back: exact, and the same text for the same invoice.

An invoice is three texts: its head and content never change once it is finalized, its standing does. Fields at their
defaults are left out, and fields that this release does not know are ignored: another release may have written them.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from chalicelib.invoices.invoice import (
    Content,
    CreditedLine,
    CreditNote,
    CreditTo,
    DimensionShare,
    Interval,
    Invoice,
    InvoicePayment,
    LedgerHead,
    Line,
    LineCredit,
    LineKind,
    Origin,
    Party,
    PlanVersion,
    Standing,
    TaxAmount,
    TierAmount,
)
from chalicelib.shared import strict_json
from chalicelib.shared.numbers import show_decimal
from chalicelib.shared.time import format_instant, parse_instant

_Stored = dict[str, Any]


def write_head(invoice: Invoice) -> str:
    """Write all of an invoice but its content and its standing."""
    head = invoice.ledger_head
    return _text(
        id=invoice.id,
        organization=invoice.organization,
        currency=invoice.currency,
        number=invoice.number,
        issued_at=_instant(invoice.issued_at),
        due_at=_instant(invoice.due_at),
        finalizes_at=_instant(invoice.finalizes_at),
        late_usage_until=_instant(invoice.late_usage_until),
        ledger_head=None if head is None else {"seq": head.seq, "hash": head.hash},
        blocked=list(invoice.blocked),
        as_of=format_instant(invoice.as_of),
    )


def read_invoice(*, head: str, content: str, standing: str) -> Invoice:
    """Read what ``write_head``, ``write_content`` and ``write_standing`` wrote of one invoice."""
    stored: _Stored = json.loads(head)
    ledger = stored.get("ledger_head")
    return Invoice(
        id=stored["id"],
        organization=stored["organization"],
        currency=stored["currency"],
        content=read_content(content),
        standing=read_standing(standing),
        number=stored.get("number"),
        issued_at=_find_instant(stored, "issued_at"),
        due_at=_find_instant(stored, "due_at"),
        finalizes_at=_find_instant(stored, "finalizes_at"),
        late_usage_until=_find_instant(stored, "late_usage_until"),
        ledger_head=None if ledger is None else LedgerHead(ledger["seq"], ledger["hash"]),
        blocked=tuple(stored.get("blocked", ())),
        as_of=parse_instant(stored["as_of"]),
    )


def write_content(content: Content) -> str:
    """Write what of an invoice never changes."""
    plan = content.plan
    return _text(
        lines=[_line(line) for line in content.lines],
        taxes=[_tax(tax) for tax in content.taxes],
        period=_interval(content.period),
        plan=None if plan is None else {"key": plan.key, "version": plan.version},
        # In their order, which is the order they are shown in.
        seller=dict(content.seller.fields),
        buyer=dict(content.buyer.fields),
    )


def read_content(text: str) -> Content:
    """Read what ``write_content`` wrote."""
    stored: _Stored = json.loads(text)
    plan = stored.get("plan")
    return Content(
        lines=tuple(_read_line(one) for one in stored.get("lines", ())),
        taxes=tuple(_read_tax(one) for one in stored.get("taxes", ())),
        period=_read_interval(stored["period"]),
        plan=None if plan is None else PlanVersion(plan["key"], plan["version"]),
        seller=Party(stored["seller"]),
        buyer=Party(stored["buyer"]),
    )


def write_standing(standing: Standing) -> str:
    """Write what of an invoice may change."""
    return _text(
        payments=[_payment(one) for one in standing.payments],
        credit_notes=[_note(one) for one in standing.credit_notes],
        uncollectible_reason=standing.uncollectible_reason,
        void_reason=standing.void_reason,
        voided_at=_instant(standing.voided_at),
        regenerated=standing.regenerated,
        is_overdue=standing.is_overdue,
    )


def read_standing(text: str) -> Standing:
    """Read what ``write_standing`` wrote."""
    stored: _Stored = json.loads(text)
    return Standing(
        payments=tuple(_read_payment(one) for one in stored.get("payments", ())),
        credit_notes=tuple(_read_note(one) for one in stored.get("credit_notes", ())),
        uncollectible_reason=stored.get("uncollectible_reason"),
        void_reason=stored.get("void_reason"),
        voided_at=_find_instant(stored, "voided_at"),
        regenerated=stored.get("regenerated", False),
        is_overdue=stored.get("is_overdue", False),
    )


def write_credit_note(note: CreditNote) -> str:
    """Write a credit note, as its own item holds it."""
    return strict_json.dump(_note(note))


def read_credit_note(text: str) -> CreditNote:
    """Read what ``write_credit_note`` wrote."""
    return _read_note(json.loads(text))


def _line(line: Line) -> _Stored:
    return _object(
        id=line.id,
        kind=line.kind.value,
        charge=line.charge,
        name=line.name,
        service_period=_interval(line.service_period),
        quantity=_decimal(line.quantity),
        amount=line.amount_minor,
        net=line.net_minor,
        meter=line.meter,
        unit=line.unit,
        unit_price=_decimal(line.unit_price),
        group=None if line.group is None else _sorted(line.group),
        tiers=[_tier(one) for one in line.tiers],
        credits=[_credit(one) for one in line.credits],
        origin=None if line.origin is None else _origin(line.origin),
        formula=line.formula or None,
        by_day=_sorted({day.isoformat(): show_decimal(some) for day, some in line.by_day.items()}) or None,
        by_dimension=[_share(one) for one in line.by_dimension],
    )


def _read_line(stored: _Stored) -> Line:
    origin = stored.get("origin")
    return Line(
        id=stored["id"],
        kind=LineKind(stored["kind"]),
        charge=stored.get("charge"),
        name=stored["name"],
        service_period=_read_interval(stored["service_period"]),
        quantity=_find_decimal(stored, "quantity"),
        amount_minor=stored["amount"],
        net_minor=stored["net"],
        meter=stored.get("meter"),
        unit=stored.get("unit"),
        unit_price=_find_decimal(stored, "unit_price"),
        group=stored.get("group"),
        tiers=tuple(_read_tier(one) for one in stored.get("tiers", ())),
        credits=tuple(_read_credit(one) for one in stored.get("credits", ())),
        origin=None if origin is None else _read_origin(origin),
        formula=stored.get("formula", ""),
        by_day={date.fromisoformat(day): Decimal(some) for day, some in stored.get("by_day", {}).items()},
        by_dimension=tuple(_read_share(one) for one in stored.get("by_dimension", ())),
    )


def _share(share: DimensionShare) -> list[Any]:
    return [None if share.dimensions is None else _sorted(share.dimensions), show_decimal(share.quantity)]


def _read_share(stored: list[Any]) -> DimensionShare:
    return DimensionShare(stored[0], Decimal(stored[1]))


def _tier(tier: TierAmount) -> _Stored:
    return _object(
        first=show_decimal(tier.first),
        last=_decimal(tier.last),
        quantity=_fraction(tier.quantity),
        unit_price=show_decimal(tier.unit_price),
        flat_fee=_fraction(tier.flat_fee),
        amount=_fraction(tier.amount),
    )


def _read_tier(stored: _Stored) -> TierAmount:
    return TierAmount(
        first=Decimal(stored["first"]),
        last=_find_decimal(stored, "last"),
        quantity=Fraction(stored["quantity"]),
        unit_price=Decimal(stored["unit_price"]),
        flat_fee=Fraction(stored["flat_fee"]),
        amount=Fraction(stored["amount"]),
    )


def _origin(origin: Origin) -> _Stored:
    return _object(invoice=origin.invoice, number=origin.number, period=_interval(origin.period))


def _read_origin(stored: _Stored) -> Origin:
    return Origin(stored.get("invoice"), stored.get("number"), _read_interval(stored["period"]))


def _credit(credit: LineCredit) -> _Stored:
    by_day = {day.isoformat(): minor for day, minor in sorted(credit.by_day.items())}
    return {"grant": credit.grant, "name": credit.name, "amount": credit.amount_minor, "by_day": by_day}


def _read_credit(stored: _Stored) -> LineCredit:
    by_day = {date.fromisoformat(day): minor for day, minor in stored.get("by_day", {}).items()}
    return LineCredit(stored["grant"], stored["name"], stored["amount"], by_day)


def _tax(tax: TaxAmount) -> _Stored:
    return {"name": tax.name, "percent": show_decimal(tax.percent), "amount": tax.amount_minor}


def _read_tax(stored: _Stored) -> TaxAmount:
    return TaxAmount(stored["name"], Decimal(stored["percent"]), stored["amount"])


def _payment(payment: InvoicePayment) -> _Stored:
    return _object(
        id=payment.id,
        amount=payment.amount_minor,
        paid_at=format_instant(payment.paid_at),
        reference=payment.reference,
        reversed_at=_instant(payment.reversed_at),
        reversal_reason=payment.reversal_reason,
    )


def _read_payment(stored: _Stored) -> InvoicePayment:
    return InvoicePayment(
        id=stored["id"],
        amount_minor=stored["amount"],
        paid_at=parse_instant(stored["paid_at"]),
        reference=stored["reference"],
        reversed_at=_find_instant(stored, "reversed_at"),
        reversal_reason=stored.get("reversal_reason"),
    )


def _note(note: CreditNote) -> _Stored:
    return _object(
        number=note.number,
        invoice=note.invoice,
        lines=[_credited(one) for one in note.lines],
        reason=note.reason,
        to=note.to.value,
        issued_at=format_instant(note.issued_at),
        taxes=[_tax(one) for one in note.taxes],
        credited=note.credited_minor,
        refunded=note.refunded_minor,
        granted=note.granted_minor,
        grant=note.grant,
    )


def _credited(line: CreditedLine) -> _Stored:
    return _object(line=line.line, amount=line.amount_minor, reversed=[_credit(one) for one in line.reversed])


def _read_credited(stored: _Stored) -> CreditedLine:
    back = tuple(_read_credit(one) for one in stored.get("reversed", ()))
    return CreditedLine(stored["line"], stored["amount"], back)


def _read_note(stored: _Stored) -> CreditNote:
    return CreditNote(
        number=stored["number"],
        invoice=stored["invoice"],
        lines=tuple(_read_credited(one) for one in stored.get("lines", ())),
        reason=stored["reason"],
        to=CreditTo(stored["to"]),
        issued_at=parse_instant(stored["issued_at"]),
        taxes=tuple(_read_tax(one) for one in stored.get("taxes", ())),
        credited_minor=stored["credited"],
        refunded_minor=stored["refunded"],
        granted_minor=stored["granted"],
        grant=stored.get("grant"),
    )


def _text(**fields: Any) -> str:
    return strict_json.dump(_object(**fields))


def _object(**fields: Any) -> _Stored:
    """Leave out what reads back as a default; 0, an empty text and an empty object are values."""
    return {name: value for name, value in fields.items() if not (value is None or value is False or value == [])}


def _sorted(texts: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(texts.items()))


def _interval(interval: Interval) -> list[str]:
    return [format_instant(interval.start_at), format_instant(interval.end_at)]


def _read_interval(stored: list[str]) -> Interval:
    start, end = stored
    return Interval(parse_instant(start), parse_instant(end))


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)


def _find_instant(stored: _Stored, name: str) -> datetime | None:
    return None if name not in stored else parse_instant(stored[name])


def _decimal(number: Decimal | None) -> str | None:
    return None if number is None else show_decimal(number)


def _find_decimal(stored: _Stored, name: str) -> Decimal | None:
    return None if name not in stored else Decimal(stored[name])


def _fraction(exact: Fraction) -> str:
    return f"{exact.numerator}/{exact.denominator}"
