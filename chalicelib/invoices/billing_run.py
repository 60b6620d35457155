"""The billing run: closes what is due, organization by organization, and marks what has become overdue.

It does no work that a read would miss: drafts exist without it, periods end by themselves. It writes only what is
missing, each invoice in a transaction of its own, so running it twice, at once, late or after a crash changes nothing.
What cannot be billed right is blocked and reported, not billed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from chalicelib.platform.due_runs import HasTime, add_counts, guarded, list_all_due, run_each
from chalicelib.platform.outbox import outbox_write
from chalicelib.platform.writes import CONTENDED_ATTEMPTS, Effect, Write, run_command

_NOTHING = "nothing"
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
    """List the organizations with something due, shard by shard."""
    shards = subscription_service.SHARDS
    return list_all_due(lambda shard: subscription_service.list_due(now, shard=shard), shards=shards, now=now)


def bill_all(organizations: Sequence[str], now: datetime, has_time: HasTime) -> BillingReport:
    """Bill some organizations, as long as the time lasts; one that fails does not stop the others."""
    bill_one = partial(bill_organization, now=now, has_time=has_time)
    return run_each(organizations, bill_one, has_time, report=BillingReport, fault=_FAULT)


def bill_organization(organization: str, now: datetime, has_time: HasTime) -> BillingReport:
    """Close every draft of an organization that is due, the one that was due first coming first."""
    report, blocked = BillingReport(), 0
    while has_time():
        outcome: _Outcome = run_command(partial(_close_next, organization, now), attempts=CONTENDED_ATTEMPTS).body
        blocked = outcome.blocked
        if outcome.kind != _NOTHING:
            report += BillingReport(finalized=1) if outcome.kind == "finalized" else BillingReport(skipped=1)
        if outcome.is_last:
            break
    return report + BillingReport(blocked=blocked)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one step did, how many drafts stood blocked when it looked, and whether there is nothing left to do."""

    kind: str
    blocked: int
    is_last: bool


def _close_next(organization: str, now: datetime) -> Effect:
    billing = open_billing(organization, now)
    blocked = 0
    held: set[int] = set()
    for one in billing.open_drafts():
        if one.finalizes_at > now or one.subscription.number in held:
            continue
        draft = billing.draft(one, explain=True)
        if draft.invoice.blocked:
            _report_blocked(draft.invoice)
            blocked += 1
            held.add(one.subscription.number)
        elif not _is_nothing(billing, draft):
            closing = finalization.close(billing, draft)
            kind = "skipped" if closing.invoice is None else "finalized"
            is_last = closing.due_at is None or closing.due_at > now
            return Effect(Answer(_Outcome(kind, blocked, is_last)), closing.writes)
    return Effect(Answer(_Outcome(_NOTHING, blocked, is_last=True)), () if blocked else _due_again(billing))


def _is_nothing(billing: Billing, draft: Draft) -> bool:
    """Tell whether closing late usage alone would change nothing: there is none, and nothing has settled."""
    if draft.open_draft.ref.kind is not InvoiceKind.LATE_USAGE or draft.open_draft.advance or not draft.is_empty:
        return False
    settling = [one for each in billing.subscriptions.subscriptions for one in each.progress.settling]
    return not any(settles_at(one) <= billing.now for one in settling)


def _report_blocked(invoice: Invoice) -> None:
    logging.count("BlockedInvoices")
    logging.log("invoice blocked", organization=invoice.organization, invoice=invoice.id, reason=invoice.blocked[0])


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
