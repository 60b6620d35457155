"""Invoices over HTTP: lists, the current draft, one invoice, the explanation of a line, credit notes."""

from collections.abc import Mapping
from typing import Any

from chalicelib.catalog import service as catalog_service
from chalicelib.invoices import invoice_service
from chalicelib.invoices.explaining import explain_line
from chalicelib.invoices.invoice import InvoiceStatus
from chalicelib.invoices.invoice_service import Wanted
from chalicelib.invoices.models import (
    AllInvoicesQuery,
    CreditNoteAnswer,
    ExplanationAnswer,
    InvoiceAnswer,
    InvoiceList,
    InvoiceQuery,
)
from chalicelib.invoices.shown import show_credit_note, show_invoice
from chalicelib.invoices.store import Listed
from chalicelib.platform.http import READ, Answer, Request, Routes
from chalicelib.shared.errors import Fault, InvalidInput

routes = Routes("invoices")


@routes.get(
    "/v1/organizations/{org}/invoices",
    roles={READ},
    query=InvoiceQuery,
    answers={200: InvoiceList},
    problems=("not-found",),
)
def list_invoices(request: Request) -> Answer:
    """List an organization's invoices, newest first; the drafts are computed now and come on top of the first page."""
    return _list_of(request, request.path["org"], _wanted(request.query))


def _wanted(query: InvoiceQuery) -> Wanted:
    return Wanted(status=query.status, payment_status=query.payment_status)


def _list_of(request: Request, organization: str, wanted: Wanted) -> Answer:
    catalog_service.get_organization(organization)
    position = request.position()
    after = (position[0], position[1]) if isinstance(position, list) else position
    page = invoice_service.list_of_organization(
        organization, wanted, limit=request.query.limit, after=after, now=request.now
    )
    last = list(page.last) if isinstance(page.last, tuple) else page.last
    return request.list_answer([show_invoice(one, request.now) for one in page.invoices], last)


@routes.get("/v1/invoices", roles={READ}, query=AllInvoicesQuery, answers={200: InvoiceList}, problems=("not-found",))
def list_all_invoices(request: Request) -> Answer:
    """List the invoices of all organizations, newest first: found by an index that may be a moment behind."""
    query: AllInvoicesQuery = request.query
    if query.from_ is not None and query.to is not None and query.from_ >= query.to:
        raise InvalidInput("The range is empty.", [Fault("/query/to", "must lie after from")])
    wanted = Wanted(status=query.status, payment_status=query.payment_status, start=query.from_, end=query.to)
    if query.organization is not None:
        return _list_of(request, query.organization, wanted)
    if query.status is InvoiceStatus.DRAFT:
        fault = Fault("/query/status", "drafts are computed for one organization: name it")
        raise InvalidInput("Drafts of all organizations are not listed.", [fault])
    after = {part: Listed(*place) for part, place in (request.position() or {}).items()}
    found, places = invoice_service.list_of_all(wanted, limit=request.query.limit, after=after, now=request.now)
    shown = [show_invoice(one, request.now) for one in found]
    return request.list_answer(shown, None if places is None else _position(places))


def _position(places: Mapping[str, Listed]) -> dict[str, Any]:
    return {part: [one.issued_micros, one.organization, one.sort_key] for part, one in sorted(places.items())}


@routes.get(
    "/v1/organizations/{org}/invoices/current", roles={READ}, answers={200: InvoiceAnswer}, problems=("not-found",)
)
def get_current_invoice(request: Request) -> Answer:
    """Compute the draft whose billing period holds this instant."""
    return Answer(show_invoice(invoice_service.get_current_draft(request.path["org"], request.now), request.now))


@routes.get("/v1/invoices/{invoice}", roles={READ}, scope="any", answers={200: InvoiceAnswer}, problems=("not-found",))
def get_invoice(request: Request) -> Answer:
    """Show an invoice, or compute the draft that has its id."""
    ref = invoice_service.get_ref(request.path["invoice"], bound_to=request.caller.organization)
    return Answer(show_invoice(invoice_service.get_invoice(ref, request.now), request.now))


@routes.get(
    "/v1/invoices/{invoice}/lines/{line}",
    roles={READ},
    scope="any",
    answers={200: ExplanationAnswer},
    problems=("not-found",),
)
def explain_invoice_line(request: Request) -> Answer:
    """Explain a line: its formula and tiers, its quantity by day and by dimension, and where its events are."""
    ref = invoice_service.get_ref(request.path["invoice"], bound_to=request.caller.organization)
    return Answer(explain_line(ref, request.path["line"], request.now))


@routes.get(
    "/v1/credit-notes/{note}", roles={READ}, scope="any", answers={200: CreditNoteAnswer}, problems=("not-found",)
)
def get_credit_note(request: Request) -> Answer:
    """Show a credit note."""
    note, organization, number = invoice_service.get_credit_note(
        request.path["note"], bound_to=request.caller.organization
    )
    currency = catalog_service.get_organization(organization).currency
    return Answer(show_credit_note(note, organization=organization, currency=currency, invoice_number=number))
