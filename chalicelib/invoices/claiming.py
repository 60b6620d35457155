"""Tells the credits what open drafts claim from them, and what finalized invoices drew: the source that they ask."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime

from chalicelib.catalog import subscription_service
from chalicelib.catalog.organizations import Organization
from chalicelib.credits.claim_service import ReadClaims
from chalicelib.credits.claims import Claim, Claimant, Claims
from chalicelib.invoices import store
from chalicelib.invoices.invoice import Invoice, InvoiceStatus, LineCredit
from chalicelib.invoices.opening import open_billing
from chalicelib.invoices.progress import claims_from
from chalicelib.invoices.reader import Billing
from chalicelib.shared.time import local_day_start, zone_of


class DraftClaims:
    """The source: it computes all drafts of an organization, which draw on its credit together."""

    def read(self, organization: str, now: datetime) -> ReadClaims:
        """Read the wallet with what open drafts draw from it."""
        billing = open_billing(organization, now)
        # Without a grant that may pay there is nothing to compute, unless credit that was drawn comes back.
        drafts, taken = billing.drafts_and_taken() if billing.wallet.allocations else ([], {})
        drawn = [claim for draft in drafts for claim in claims_of(draft.invoice)]
        return _read(billing, sorted(drawn, key=lambda claim: claim.day), taken)

    def read_claimants(self, organization: str, now: datetime) -> ReadClaims:
        """Read the wallet, and which drafts are open."""
        return _read(open_billing(organization, now), (), {})

    def list_paid(self, organization: Organization, *, start: date, end: date) -> Sequence[Claim]:
        """List what grants paid on finalized invoices for the local days ``[start, end)``, less what came back.

        No day is paid for by an invoice that was issued before it.
        """
        since = local_day_start(start, zone_of(organization.timezone))
        found = []
        for stored in store.list_invoices(organization.id, below=None):
            invoice = stored.invoice
            if invoice.issued_at is not None and invoice.issued_at < since:
                break
            if invoice.status is not InvoiceStatus.VOID:
                found += [claim for claim in claims_of(invoice) if start <= claim.day < end]
        return found


def _read(billing: Billing, drawn: Sequence[Claim], taken: Mapping[str, int]) -> ReadClaims:
    subscriptions = billing.subscriptions.subscriptions
    claimants = [
        Claimant(invoice=one.ref.id, since=claims_from(one, subscriptions), finalizes_at=one.finalizes_at)
        for one in billing.open_drafts()
    ]
    return ReadClaims(
        organization=billing.organization,
        claims=Claims(wallet=billing.wallet, drawn=tuple(drawn), claimants=tuple(claimants), taken=taken),
        checks=(subscription_service.subscriptions_check(billing.subscriptions),),
    )


def claims_of(invoice: Invoice) -> Iterator[Claim]:
    """List what grants pay of an invoice's lines, less what credit notes gave back to them."""
    charges = {line.id: line.charge for line in invoice.content.lines}
    for line in invoice.content.lines:
        yield from _claims(invoice.id, line.charge, line.credits, line=line.id)
    for note in invoice.standing.credit_notes:
        for noted in note.lines:
            for claim in _claims(invoice.id, charges[noted.line], noted.reversed, line=noted.line):
                yield _negated(claim)


def _claims(invoice: str, charge: str | None, paid: Sequence[LineCredit], *, line: str) -> Iterator[Claim]:
    for credit in paid:
        for day, minor in credit.by_day.items():
            yield Claim(invoice=invoice, line=line, charge=charge, grant=credit.grant, day=day, amount_minor=minor)


def _negated(claim: Claim) -> Claim:
    return Claim(
        invoice=claim.invoice,
        line=claim.line,
        charge=claim.charge,
        grant=claim.grant,
        day=claim.day,
        amount_minor=-claim.amount_minor,
    )
