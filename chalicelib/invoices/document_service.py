"""The documents of an invoice: the layout drawn with the seller's logo as it is today."""

from collections.abc import Mapping
from typing import Any

from chalicelib.catalog import service as catalog
from chalicelib.invoices.document_html import render_html
from chalicelib.invoices.document_layout import lay_out

Json = Mapping[str, Any]


def make_html(invoice: Json, timezone: str) -> str:
    """Make the printable page of an invoice as the API shows it; ``timezone`` names the organization's."""
    return render_html(lay_out(invoice, timezone), catalog.find_logo())


def make_pdf(invoice: Json, timezone: str) -> bytes:
    """Make the PDF of an invoice as the API shows it; ``timezone`` names the organization's."""
    # Only here: no other request needs the renderer.
    from chalicelib.invoices.document_pdf_service import render_pdf

    return render_pdf(lay_out(invoice, timezone), catalog.find_logo())
