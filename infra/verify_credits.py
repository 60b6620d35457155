"""Whether an organization's credit is whole: the ledger's chain to its end, the wallet's sums, what invoices drew."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from chalicelib.catalog.organizations import Organization
from chalicelib.credits import service as credits_service
from chalicelib.credits.balance_service import read_balance
from chalicelib.credits.ledger import EntryKind
from chalicelib.credits.service import Recorded
from chalicelib.credits.verify_service import VerifyPlace, verify_ledger
from chalicelib.credits.wallet import assert_sound
from chalicelib.invoices.invoice import Invoice, InvoiceStatus
from infra.verify_invoices import read_invoices
from infra.verify_report import Report

__all__ = ["check_credits"]

_ENTRIES_AT_ONCE = 1000
# An invoice and a grant: what was drawn for them, less what came back, in minor units.
_Drawn = Counter[tuple[str, str]]


def check_credits(organization: Organization, invoices: Iterable[Invoice], now: datetime, report: Report) -> None:
    """Check the ledger, then the wallet, then that both say of each invoice what the invoice says.

    Invoices and ledger are not read at one instant: only what differs in two looks is wrong.
    """
    if not _check_ledger(organization.id, report):
        return
    _check_sums(organization, now, report)
    different = _different(organization.id, invoices)
    if different:
        different &= _different(organization.id, read_invoices(organization.id))
    for invoice, grant, booked, shown in sorted(different):
        what = f"{invoice}: the ledger drew {booked} of {grant} for it, and its lines show {shown}"
        report.add(organization.id, f"{what} (minor units)")


def _different(organization: str, invoices: Iterable[Invoice]) -> set[tuple[str, str, int, int]]:
    """List invoice, grant, what the ledger drew and what lines show, where the two differ."""
    shown, booked = _shown(invoices), _booked(organization)
    return {(*place, booked[place], shown[place]) for place in {*booked, *shown} if booked[place] != shown[place]}


def _check_ledger(organization: str, report: Report) -> bool:
    """Walk the ledger to its end, as the API verifies it; tells whether it is right."""
    place: VerifyPlace | None = VerifyPlace()
    checked = 0
    while place is not None:
        found = verify_ledger(organization, place)
        checked, wrong = found.verification.checked.seq, found.verification.wrong
        if wrong is not None:
            seq, invoice, grants = (
                found.verification.first_invalid_seq,
                found.verification.invoice,
                found.verification.grants,
            )
            named = [f"seq {seq}"] * (seq is not None) + [invoice] * (invoice is not None) + list(grants)
            report.add(organization, f"ledger: {wrong.value} is wrong: {', '.join(map(str, named)) or 'as a whole'}")
            return False
        place = found.place
    report.looked_at["ledger_entries"] += checked
    return True


def _check_sums(organization: Organization, now: datetime, report: Report) -> None:
    """Check that every grant is within its amount, and that the sums add up with what drafts draw."""
    wallet = credits_service.read_wallet(organization.id, currency=organization.currency, now=now)
    report.looked_at["grants"] += len(wallet.allocations)
    try:
        assert_sound(wallet)
        read_balance(organization.id, now)
    except AssertionError as fault:
        report.add(organization.id, f"wallet: its sums do not hold: {fault}")


def _booked(organization: str) -> _Drawn:
    drawn: _Drawn = Counter()
    before: int | None = None
    while True:
        entries, before = credits_service.list_entries(organization, Recorded(), before=before, limit=_ENTRIES_AT_ONCE)
        for one in entries:
            if one.kind in (EntryKind.DRAWDOWN, EntryKind.REVERSAL):
                drawn[str(one.invoice), one.grant] -= one.amount_minor
        if before is None:
            return drawn


def _shown(invoices: Iterable[Invoice]) -> _Drawn:
    drawn: _Drawn = Counter()
    for invoice in invoices:
        for grant, minor in _drawn_by(invoice):
            drawn[invoice.id, grant] += minor
    return drawn


def _drawn_by(invoice: Invoice) -> Iterator[tuple[str, int]]:
    """Walk what lines draw, and what credit notes gave back of it; a void invoice gave back everything."""
    if invoice.status is InvoiceStatus.VOID:
        return
    for line in invoice.content.lines:
        yield from ((credit.grant, credit.amount_minor) for credit in line.credits)
    for note in invoice.standing.credit_notes:
        for noted in note.lines:
            yield from ((credit.grant, -credit.amount_minor) for credit in noted.reversed)
