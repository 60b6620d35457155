"""What an operator does with invoices over HTTP: finalize, pay, void, give up, credit, one-off."""

from chalicelib.catalog import service as catalog_service
from chalicelib.invoices import commands, invoice_service, voiding
from chalicelib.invoices.commands import Done, OneOffLine
from chalicelib.invoices.crediting import WantedNote, issue_credit_note
from chalicelib.invoices.models import (
    CreditNoteAnswer,
    InvoiceAnswer,
    NewCreditNote,
    NewInvoice,
    NewPayment,
    ReasonBody,
    VoidBody,
)
from chalicelib.invoices.numbering import InvoiceRef
from chalicelib.invoices.shown import show_credit_note, show_invoice
from chalicelib.platform.http import ADMIN, Answer, Effect, Request, Routes
from chalicelib.platform.writes import CONTENDED_ATTEMPTS

routes = Routes("invoices")

_PROBLEMS = ("not-found", "conflict")


def _ref(request: Request) -> InvoiceRef:
    return invoice_service.get_ref(request.path["invoice"], bound_to=request.caller.organization)


def _effect(done: Done, request: Request, status: int = 200) -> Effect:
    return Effect(Answer(show_invoice(done.invoice, request.now), status), done.writes)


@routes.post(
    "/v1/invoices/{invoice}/finalize",
    roles={ADMIN},
    scope="any",
    answers={200: InvoiceAnswer},
    problems=_PROBLEMS,
    attempts=CONTENDED_ATTEMPTS,
)
def finalize_invoice(request: Request) -> Effect:
    """Finalize a draft now, without waiting for its grace; its period must have ended."""
    return _effect(commands.finalize(_ref(request), request.now), request)


@routes.post(
    "/v1/invoices/{invoice}/payments",
    roles={ADMIN},
    scope="any",
    body=NewPayment,
    answers={200: InvoiceAnswer},
    problems=_PROBLEMS,
)
def pay_invoice(request: Request) -> Effect:
    """Add a payment, of all that is due or of a part; its reference is used once on an invoice."""
    body: NewPayment = request.body
    done = commands.pay(_ref(request), body.amount, paid_at=body.paid_at, reference=body.reference, now=request.now)
    return _effect(done, request)


@routes.post(
    "/v1/invoices/{invoice}/payments/{payment}/reverse",
    roles={ADMIN},
    scope="any",
    body=ReasonBody,
    answers={200: InvoiceAnswer},
    problems=_PROBLEMS,
)
def reverse_payment(request: Request) -> Effect:
    """Take a payment back, so that its amount is due again."""
    done = commands.reverse_payment(_ref(request), request.path["payment"], reason=request.body.reason, now=request.now)
    return _effect(done, request)


@routes.post(
    "/v1/invoices/{invoice}/void",
    roles={ADMIN},
    scope="any",
    body=VoidBody,
    answers={200: InvoiceAnswer},
    problems=_PROBLEMS,
    attempts=CONTENDED_ATTEMPTS,
)
def void_invoice(request: Request) -> Effect:
    """Void an invoice, which keeps its number; with ``regenerate`` its period becomes a draft again."""
    body: VoidBody = request.body
    done = voiding.void(_ref(request), body.reason, regenerate=body.regenerate, now=request.now)
    return _effect(done, request)


@routes.post(
    "/v1/invoices/{invoice}/uncollectible",
    roles={ADMIN},
    scope="any",
    body=ReasonBody,
    answers={200: InvoiceAnswer},
    problems=_PROBLEMS,
)
def mark_invoice_uncollectible(request: Request) -> Effect:
    """Give up on what is due; it can still be paid."""
    return _effect(commands.mark_uncollectible(_ref(request), request.body.reason, request.now), request)


@routes.post(
    "/v1/invoices/{invoice}/credit-notes",
    roles={ADMIN},
    scope="any",
    body=NewCreditNote,
    answers={201: CreditNoteAnswer},
    problems=_PROBLEMS,
    attempts=CONTENDED_ATTEMPTS,
)
def create_credit_note(request: Request) -> Effect:
    """Take back a part of an invoice, line by line, net of tax; the tax follows."""
    body: NewCreditNote = request.body
    wanted = WantedNote([(line.line, line.amount) for line in body.lines], body.reason, body.to)
    done = issue_credit_note(_ref(request), wanted, request.now)
    invoice = done.invoice
    assert invoice.number is not None
    shown = show_credit_note(
        done.note,
        organization=invoice.organization,
        currency=invoice.currency,
        invoice_number=invoice.number,
    )
    return Effect(Answer(shown, 201), done.writes)


@routes.post(
    "/v1/organizations/{org}/invoices",
    roles={ADMIN},
    body=NewInvoice,
    answers={201: InvoiceAnswer},
    problems=("not-found",),
    attempts=CONTENDED_ATTEMPTS,
)
def create_one_off_invoice(request: Request) -> Effect:
    """Invoice something at once that no plan charges."""
    body: NewInvoice = request.body
    catalog_service.get_organization(request.path["org"])
    sold = [OneOffLine(line.name, line.quantity, line.unit_price) for line in body.lines]
    done = commands.issue_one_off(request.path["org"], sold, net_days=body.net_days, now=request.now)
    return _effect(done, request, 201)
