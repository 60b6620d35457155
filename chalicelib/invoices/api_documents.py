"""The documents of an invoice over HTTP."""

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.invoices import document_service, invoice_service
from chalicelib.invoices.document_csv_service import render_csv
from chalicelib.invoices.document_html import CONTENT_SECURITY_POLICY
from chalicelib.platform.answers import PDF
from chalicelib.platform.csv_text import CSV
from chalicelib.platform.http import READ, Answer, Request, Routes

HTML = "text/html"

routes = Routes("invoices")


@routes.get(
    "/v1/invoices/{invoice}/html", roles={READ}, scope="any", answers={200: None}, also={HTML: {"type": "string"}}
)
def read_invoice_html(request: Request) -> Answer:
    """Show an invoice or a draft as a printable page: no script, nothing from outside."""
    document = _document(request)
    headers = {"Content-Type": f"{HTML}; charset=utf-8", "Content-Security-Policy": CONTENT_SECURITY_POLICY}
    return Answer(document_service.make_html(document.json, document.timezone), headers=headers, media_type=HTML)


@routes.get(
    "/v1/invoices/{invoice}/pdf",
    roles={READ},
    scope="any",
    answers={200: None},
    also={PDF: {"type": "string", "format": "binary"}},
    problems=("malformed",),
)
def read_invoice_pdf(request: Request) -> Answer:
    """Give an invoice or a draft as a PDF.

    Send ``Accept: application/pdf``: API Gateway gives bytes only to who asks for them by their type.
    """
    document = _document(request)
    body = document_service.make_pdf(document.json, document.timezone)
    return Answer(body, headers=_as_file(document.json, "inline", "pdf"), media_type=PDF)


@routes.get(
    "/v1/invoices/{invoice}/csv", roles={READ}, scope="any", answers={200: None}, also={CSV: {"type": "string"}}
)
def read_invoice_csv(request: Request) -> Answer:
    """Give the lines, credits and taxes of an invoice or a draft as CSV; ``amount`` adds up to the total."""
    document = _document(request)
    return Answer(render_csv(document.json), headers=_as_file(document.json, "attachment", "csv"), media_type=CSV)


def _document(request: Request) -> invoice_service.InvoiceDocument:
    bound_to = request.caller.organization
    return invoice_service.get_invoice_document(request.path["invoice"], bound_to=bound_to, now=request.now)


def _as_file(invoice: Mapping[str, Any], place: str, ending: str) -> dict[str, str]:
    """Name the file after the invoice's number, or a draft's id, in characters that every system takes."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", invoice.get("number") or invoice["id"])
    return {"Content-Disposition": f'{place}; filename="{name}.{ending}"'}
