"""Whether an organization's invoices are whole: numbers without gaps, each found by its id, each adding up."""

from collections.abc import Iterator, Sequence

from chalicelib.invoices import store
from chalicelib.invoices.invoice import Invoice, InvoiceStatus
from chalicelib.invoices.numbering import find_invoice_ref
from infra.verify_report import Report

__all__ = ["check_invoices", "read_invoices"]


def check_invoices(organization: str, report: Report) -> list[Invoice]:
    """Check all invoices of an organization, and answer them."""
    head = store.read_head(organization)
    invoices = _below(head)
    report.looked_at["invoices"] += len(invoices)
    for what in (*_gaps(head, invoices), *_lost(organization, invoices)):
        report.add(organization, what)
    for invoice in invoices:
        for what in _wrong_sums(invoice):
            report.add(organization, f"{invoice.id}: {what}")
    return invoices


def read_invoices(organization: str) -> list[Invoice]:
    """Read all invoices of an organization as they are now."""
    return _below(store.read_head(organization))


def _below(head: store.InvoicesHead) -> list[Invoice]:
    """Read the invoices that a head counts: one that was finalized since has a number beyond."""
    return [one.invoice for one in store.list_invoices(head.organization, below=head.next_number)]


def _gaps(head: store.InvoicesHead, invoices: Sequence[Invoice]) -> Iterator[str]:
    numbers = sorted(invoice.number or 0 for invoice in invoices)
    yield from _missing("invoice", numbers, head.next_number)
    notes = sorted(
        note.number
        for invoice in invoices
        for note in invoice.standing.credit_notes
        if note.number < head.next_credit_note
    )
    yield from _missing("credit note", notes, head.next_credit_note)
    for number in notes:
        if store.find_credit_note(head.organization, number) is None:
            yield f"credit note {number} is named by its invoice, and is missing"


def _missing(kind: str, numbers: Sequence[int], following: int) -> Iterator[str]:
    wanted = range(1, following)
    if list(numbers) != list(wanted):
        gaps = sorted(set(wanted) - set(numbers))
        yield f"{kind} numbers: {f'{gaps} missing' if gaps else f'{list(numbers)}, one twice'}; the next is {following}"


def _lost(organization: str, invoices: Sequence[Invoice]) -> Iterator[str]:
    """Find invoices that their id does not lead to."""
    refs = {invoice.id: find_invoice_ref(invoice.id) for invoice in invoices}
    records = store.read_records(organization, [ref.name for ref in refs.values() if ref is not None])
    for invoice in invoices:
        ref = refs[invoice.id]
        if ref is None or records[ref.name].numbers.get(ref.attempt) != invoice.number:
            yield f"{invoice.id} has the number {invoice.number}, and its record does not know it"


def _wrong_sums(invoice: Invoice) -> Iterator[str]:
    lines, standing = invoice.content.lines, invoice.standing
    # A discount's amount is negative, and what credit pays is no money.
    net_minor = sum(line.amount_minor - sum(one.amount_minor for one in line.credits) for line in lines)
    total_minor = net_minor + sum(tax.amount_minor for tax in invoice.content.taxes)
    if invoice.content.total_minor != total_minor or total_minor < 0:
        yield f"its lines and taxes come to {total_minor}, and its total is {invoice.content.total_minor} (minor units)"
    paid_minor = sum(one.amount_minor for one in standing.payments if one.reversed_at is None)
    noted_minor = sum(note.credited_minor for note in standing.credit_notes)
    if paid_minor + noted_minor > total_minor or (invoice.status is InvoiceStatus.VOID and paid_minor):
        yield f"{paid_minor} were paid and {noted_minor} taken back of {total_minor} (minor units)"
