"""Reading invoices: one by its id, drafts beside stored ones, lists of one organization and of all."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import chain, islice
from typing import Any, TypeAlias

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.timeline import find_period_at
from chalicelib.invoices import store
from chalicelib.invoices.commands import finalized_meanwhile, no_such_invoice, open_billing_of
from chalicelib.invoices.invoice import CreditNote, Invoice, InvoiceStatus, PaymentStatus
from chalicelib.invoices.lifecycle import payment_status
from chalicelib.invoices.numbering import InvoiceRef, find_credit_note_ref, find_invoice_ref
from chalicelib.invoices.opening import open_billing
from chalicelib.invoices.progress import period_ref
from chalicelib.invoices.shown import show_invoice
from chalicelib.invoices.store import Listed
from chalicelib.platform.together import together
from chalicelib.shared.errors import NotFound
from chalicelib.shared.time import microseconds
from chalicelib.shared.values import dataclass

# So that a page of very long invoices stays an answer that fits.
MOST_LINES_A_PAGE = 3_000
_END_OF_TIME = 1 << 60


def get_ref(invoice_id: str, *, bound_to: str | None) -> InvoiceRef:
    """Read an invoice's id; raises ``NotFound`` for what is none, and for one of another organization."""
    ref = find_invoice_ref(invoice_id)
    if ref is None or (bound_to is not None and ref.organization != bound_to):
        raise no_such_invoice()
    return ref


def get_invoice(ref: InvoiceRef, now: datetime, *, explain: bool = False) -> Invoice:
    """Read an invoice, or compute its draft; with ``explain`` lines have their quantities by day. ``NotFound``."""
    stored = store.find_invoice(ref)
    if stored is not None:
        return stored.invoice
    draft = open_billing_of(ref, now).find_draft(ref, explain=explain)
    return finalized_meanwhile(ref).invoice if draft is None else draft.invoice


@dataclass(frozen=True, slots=True)
class InvoiceDocument:
    """An invoice as the API shows it, with what a printed page needs beside it."""

    json: dict[str, Any]
    timezone: str


def get_invoice_document(invoice_id: str, *, bound_to: str | None, now: datetime) -> InvoiceDocument:
    """Read an invoice to print it; raises ``NotFound``."""
    ref = get_ref(invoice_id, bound_to=bound_to)
    invoice = get_invoice(ref, now)
    zone = catalog_service.get_organization(ref.organization).timezone
    return InvoiceDocument(show_invoice(invoice, now), zone)


def get_current_draft(organization: str, now: datetime) -> Invoice:
    """Compute the draft whose period contains now; raises ``NotFound`` when there is none."""
    billing = open_billing(organization, now)
    for subscription in billing.subscriptions.subscriptions:
        period = find_period_at(subscription, now)
        draft = None if period is None else billing.find_draft(period_ref(subscription, period.number))
        if draft is not None:
            return draft.invoice
    raise NotFound("There is no draft: no billing period holds this instant.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which invoices to list; ``None`` is any. Times are of issue, ``[start, end)``."""

    status: InvoiceStatus | None = None
    payment_status: PaymentStatus | None = None
    start: datetime | None = None
    end: datetime | None = None

    def takes(self, invoice: Invoice, now: datetime) -> bool:
        """Tell whether an invoice is wanted."""
        return (
            self.status in (None, invoice.status)
            and self.payment_status in (None, payment_status(invoice, now))
            and (self.start is None or (invoice.issued_at is not None and self.start <= invoice.issued_at))
            and (self.end is None or (invoice.issued_at is not None and invoice.issued_at < self.end))
        )

    @property
    def may_be_draft(self) -> bool:
        """Tell whether drafts are wanted, which take computing."""
        return self.status in (None, InvoiceStatus.DRAFT) and (self.payment_status, self.start, self.end) == (None,) * 3

    @property
    def states(self) -> Sequence[str]:
        """Name the states of the index that may hold wanted invoices."""
        if self.status is InvoiceStatus.VOID:
            return ("void",)
        if self.payment_status is not None:
            return ("paid",) if self.payment_status is PaymentStatus.PAID else ("open",)
        return ("open", "paid") if self.status is InvoiceStatus.FINALIZED else store.STATES


# How far an organization's list got: the number of an invoice, or a draft by when it is finalized and by its name.
Place: TypeAlias = int | tuple[int, str]


@dataclass(frozen=True, slots=True)
class InvoicePage:
    """Some invoices; ``last`` is where the next page begins behind, ``None`` when nothing follows."""

    invoices: Sequence[Invoice]
    last: Place | None


def list_of_organization(
    organization: str, wanted: Wanted, *, limit: int, after: Place | None, now: datetime
) -> InvoicePage:
    """List an organization's invoices, newest first, its drafts on top; ``after`` is the ``last`` of the page before.

    A draft that is finalized between two pages is listed once, as an invoice if it was not seen as a draft.
    """
    below = after if isinstance(after, int) else None
    drafts = _drafts(organization, wanted, after, now) if below is None and wanted.may_be_draft else []
    if wanted.status is InvoiceStatus.DRAFT:
        return _page(iter(drafts), limit=limit)
    stored = (one.invoice for one in store.list_invoices(organization, below=below))
    return _page(chain(drafts, (one for one in stored if wanted.takes(one, now))), limit=limit)


def _drafts(organization: str, wanted: Wanted, after: Place | None, now: datetime) -> list[Invoice]:
    """List the drafts behind a place, the one that is finalized last coming first."""
    found = [one.invoice for one in open_billing(organization, now).drafts()]
    left = [one for one in found if wanted.takes(one, now) and (not isinstance(after, tuple) or _key(one) < after)]
    return sorted(left, key=_key, reverse=True)


def _key(draft: Invoice) -> tuple[int, str]:
    ref = find_invoice_ref(draft.id)
    assert ref is not None, "a draft has the id of an invoice"
    assert draft.finalizes_at is not None, "a draft says when it is finalized"
    # Padded, so that the tenth period comes behind the ninth.
    return microseconds(draft.finalizes_at), f"{ref.subscription:09}.{ref.number:09}.{ref.id}"


def _page(kept: Iterator[Invoice], *, limit: int) -> InvoicePage:
    """Take invoices up to the limit, or up to as many lines as an answer holds; one more tells if any follow."""
    taken: list[Invoice] = []
    lines = 0
    for invoice in kept:
        if len(taken) == limit or (taken and lines > MOST_LINES_A_PAGE):
            last = taken[-1]
            return InvoicePage(taken, _key(last) if last.number is None else last.number)
        taken.append(invoice)
        lines += len(invoice.content.lines)
    return InvoicePage(taken, None)


# How far each part of the index, a state and a shard, has been listed.
Places = Mapping[str, Listed]


def list_of_all(wanted: Wanted, *, limit: int, after: Places, now: datetime) -> tuple[list[Invoice], Places | None]:
    """List stored invoices of all organizations, newest first: found by an index that is eventually consistent.

    Answers a page with how far it got, ``None`` when nothing follows. A page may be short.
    """
    parts = [store.status_key(state, shard) for state in wanted.states for shard in range(store.STATUS_SHARDS)]
    bounds = (
        0 if wanted.start is None else microseconds(wanted.start),
        _END_OF_TIME if wanted.end is None else microseconds(wanted.end),
    )
    found = together(*(partial(_listed, part, bounds, limit + 1, after.get(part)) for part in parts))
    merged = list(islice(heapq.merge(*found, key=lambda pair: -pair[1].issued_micros), limit + 1))
    page = merged[:limit]
    read = store.read_listed([listed for _, listed in page])
    invoices = [one.invoice for one in read if wanted.takes(one.invoice, now)]
    return invoices, {**after, **dict(page)} if len(merged) > limit else None


def _listed(part: str, bounds: tuple[int, int], limit: int, after: Listed | None) -> list[tuple[str, Listed]]:
    return [(part, one) for one in store.list_by_state(part, bounds=bounds, limit=limit, after=after)]


def get_credit_note(note_id: str, *, bound_to: str | None) -> tuple[CreditNote, str, int]:
    """Read a credit note with its organization and the number of its invoice; raises ``NotFound``."""
    found = find_credit_note_ref(note_id)
    if found is not None and bound_to in (None, found[0]):
        stored = store.find_credit_note(*found)
        if stored is not None:
            return stored[0], found[0], stored[1]
    raise NotFound("There is no such credit note.")
