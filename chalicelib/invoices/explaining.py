"""Explains a line: down to the quantity of each day and dimension value, and to where its events are listed."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from chalicelib.invoices.invoice import DimensionShare, Invoice, Line, LineCredit, LineKind
from chalicelib.invoices.invoice_service import get_invoice
from chalicelib.invoices.numbering import InvoiceRef
from chalicelib.invoices.shown import show_line
from chalicelib.shared.errors import NotFound
from chalicelib.shared.money import show_money
from chalicelib.shared.numbers import show_decimal

_OF_EVENTS = (LineKind.USAGE, LineKind.LATE_USAGE)


def explain_line(ref: InvoiceRef, line_id: str, now: datetime) -> dict[str, Any]:
    """Explain a line of an invoice or a draft as JSON; raises ``NotFound``."""
    invoice = get_invoice(ref, now, explain=True)
    line = next((one for one in invoice.content.lines if one.id == line_id), None)
    if line is None:
        raise NotFound("There is no such line on this invoice.")
    shown = show_line(line, invoice.currency)
    return {
        "line": shown,
        "formula": line.formula or show_money(line.amount_minor, invoice.currency),
        "tiers": shown["tiers"],
        "by_day": {day.isoformat(): show_decimal(quantity) for day, quantity in sorted(line.by_day.items())},
        "by_dimension": [_show_share(share) for share in line.by_dimension],
        "credits": [_show_credit(credit, invoice.currency) for credit in line.credits],
        "events_url": _events_url(invoice, line),
    }


def _show_credit(credit: LineCredit, currency: str) -> dict[str, Any]:
    by_day = {day.isoformat(): show_money(minor, currency) for day, minor in sorted(credit.by_day.items())}
    return {"grant": credit.grant, "name": credit.name, "by_day": by_day}


def _show_share(share: DimensionShare) -> dict[str, Any]:
    dimensions = None if share.dimensions is None else dict(share.dimensions)
    return {"dimensions": dimensions, "rest": dimensions is None, "quantity": show_decimal(share.quantity)}


def _events_url(invoice: Invoice, line: Line) -> str | None:
    if line.kind not in _OF_EVENTS or line.meter is None:
        return None
    question = urlencode({"invoice": invoice.id, "line": line.id})
    return f"/v1/organizations/{invoice.organization}/events?{question}"
