"""The billing run: closes what is due, organization by organization, and marks what has become overdue.

It does no work that a read would miss: drafts exist without it, periods end by themselves. It writes only what is
missing, each invoice in a transaction of its own, so running it twice, at once, late or after a crash changes nothing.
What cannot be billed right is blocked and reported, not billed.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from chalicelib.catalog import subscription_service
from chalicelib.invoices import finalization, store
from chalicelib.invoices.draft import Draft
from chalicelib.invoices.invoice import Invoice, PaymentStatus
from chalicelib.invoices.lifecycle import mark_overdue, payment_status
from chalicelib.invoices.numbering import InvoiceKind
from chalicelib.invoices.opening import open_billing
from chalicelib.invoices.progress import settles_at
from chalicelib.invoices.reader import Billing
from chalicelib.platform import logging
from chalicelib.platform.answers import Answer
from chalicelib.platform.due_runs import Due, HasTime, add_counts, guarded, list_all_due, run_each
from chalicelib.platform.metrics import Metric
from chalicelib.platform.outbox import outbox_write
from chalicelib.platform.writes import CONTENDED_ATTEMPTS, Effect, Write, run_command
from chalicelib.shared.values import dataclass

_FAULT = "an organization cannot be billed"


@dataclass(frozen=True, slots=True)
class BillingReport:
    """What a run did: invoices finalized, periods closed without one, drafts blocked, invoices marked overdue.

    ``failed`` counts organizations and invoices that could not be worked on, ``left`` those there was no time for.
    """

    finalized: int = 0
    skipped: int = 0
    blocked: int = 0
    overdue: int = 0
    failed: int = 0
    left: int = 0

    def __add__(self, other: "BillingReport") -> "BillingReport":
        found: BillingReport = add_counts(self, other)
        return found


def list_due(now: datetime) -> Iterator[str]:
    """List the organizations with something due, shard by shard, and measure how late the oldest is."""
    shards = subscription_service.SHARDS
    for due in list_all_due(partial(_list_due_since, now), shards=shards, now=now):
        logging.count(Metric.BILLING_LAG, due.late_s(now))
        yield due.organization


def _list_due_since(now: datetime, shard: int) -> Iterator[Due]:
    return subscription_service.list_due_since(now, shard=shard)


def bill_all(organizations: Sequence[str], now: datetime, has_time: HasTime) -> BillingReport:
    """Bill some organizations, as long as the time lasts; one that fails does not stop the others."""
    bill_one = partial(bill_organization, now=now, has_time=has_time)
    return run_each(organizations, bill_one, has_time, report=BillingReport, fault=_FAULT)


def bill_organization(organization: str, now: datetime, has_time: HasTime) -> BillingReport:
    """Close every draft of an organization that is due, the one that was due first coming first."""
    report = BillingReport()
    blocked: tuple[Invoice, ...] = ()
    while has_time():
        with logging.traced("close next draft", organization=organization):
            outcome: _Outcome = run_command(partial(_close_next, organization, now), attempts=CONTENDED_ATTEMPTS).body
        blocked = outcome.blocked
        report += BillingReport(finalized=int(outcome.finalized is not None), skipped=int(outcome.is_skipped))
        _report_finalized(outcome.finalized)
        if outcome.is_last:
            break
    _report_blocked(blocked)
    return report + BillingReport(blocked=len(blocked))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one step did: the invoice it made, or a period it closed without one, or neither.

    ``blocked`` are the drafts that stood blocked when it looked; ``is_last``: there is nothing left to do.
    """

    finalized: Invoice | None = None
    is_skipped: bool = False
    blocked: tuple[Invoice, ...] = ()
    is_last: bool = True


def _close_next(organization: str, now: datetime) -> Effect:
    with logging.traced("read billing"):
        billing = open_billing(organization, now)
    blocked: list[Invoice] = []
    held: set[int] = set()
    for one in billing.open_drafts():
        if one.finalizes_at > now or one.subscription.number in held:
            continue
        with logging.traced("rate", invoice=one.ref.id):
            draft = billing.draft(one, explain=True)
        if draft.invoice.blocked:
            blocked.append(draft.invoice)
            held.add(one.subscription.number)
        elif not _is_nothing(billing, draft):
            closing = finalization.close(billing, draft)
            is_last = closing.due_at is None or closing.due_at > now
            outcome = _Outcome(closing.invoice, closing.invoice is None, tuple(blocked), is_last)
            return Effect(Answer(outcome), closing.writes)
    return Effect(Answer(_Outcome(blocked=tuple(blocked))), () if blocked else _due_again(billing))


def _is_nothing(billing: Billing, draft: Draft) -> bool:
    """Tell whether closing late usage alone would change nothing: there is none, and nothing has settled."""
    if draft.open_draft.ref.kind is not InvoiceKind.LATE_USAGE or draft.open_draft.advance or not draft.is_empty:
        return False
    settling = [one for each in billing.subscriptions.subscriptions for one in each.progress.settling]
    return not any(settles_at(one) <= billing.now for one in settling)


def _report_finalized(invoice: Invoice | None) -> None:
    if invoice is not None:
        logging.count(Metric.INVOICES_FINALIZED)
        logging.log("invoice finalized", organization=invoice.organization, invoice=invoice.id)


def _report_blocked(invoices: Sequence[Invoice]) -> None:
    logging.count(Metric.BLOCKED_INVOICES, len(invoices))
    for one in invoices:
        logging.log("invoice blocked", organization=one.organization, invoice=one.id, reason=one.blocked[0])


def _due_again(billing: Billing) -> tuple[Write, ...]:
    """Set anew when an organization is due, where that is stored otherwise: it was listed, and had nothing to do."""
    due_at = finalization.due_after(billing, ())
    if due_at == billing.due_at or not billing.subscriptions.version:
        return ()
    return subscription_service.subscription_writes(billing.subscriptions, (), due_at=due_at)


def mark_all_overdue(now: datetime, has_time: HasTime) -> BillingReport:
    """Mark the invoices that have become overdue, so that their list needs no computation and events tell of them."""
    report = BillingReport()
    for shard in range(store.DUE_SHARDS):
        for organization, number in store.list_overdue(now, shard=shard):
            if not has_time():
                return report + BillingReport(left=1)
            work = partial(_mark, organization, number, now)
            report += guarded(organization, work, report=BillingReport, fault=_FAULT)
    return report


def _mark(organization: str, number: int, now: datetime) -> BillingReport:
    marked: int = run_command(partial(_mark_one, organization, number, now)).body
    return BillingReport(overdue=marked)


def _mark_one(organization: str, number: int, now: datetime) -> Effect:
    stored = store.get_invoice(organization, number)
    invoice = stored.invoice
    if invoice.standing.is_overdue or invoice.due_at is None or invoice.due_at > now or invoice.due_minor == 0:
        return Effect(Answer(0))
    writes: list[Write] = [store.standing_write(stored, mark_overdue(invoice))]
    if payment_status(invoice, now) is PaymentStatus.OVERDUE:
        event: dict[str, Any] = finalization.invoice_event(invoice)
        writes.append(outbox_write("invoice.overdue", event, organization=organization, now=now))
    return Effect(Answer(1), tuple(writes))
