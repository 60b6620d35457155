"""Closes drafts: decides, from what was read, the one transaction that makes an invoice or closes a period without one.

The transaction has the invoice, the head with the next number, the subscriptions with their progress, the records of
what was billed, the wallet, and the outbox event: at most 25 items for any invoice and any wallet. Each read that the
invoice rests on is made sure of by a version in it, so running twice, at once or after a crash bills once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from chalicelib.catalog import subscription_service
from chalicelib.catalog.subscriptions import Subscription
from chalicelib.credits import service as credits_service
from chalicelib.credits import wallet
from chalicelib.credits.grants import Grant, Source, SourceKind, invoice_credit
from chalicelib.invoices import credit_moves, store
from chalicelib.invoices.draft import Draft
from chalicelib.invoices.invoice import Invoice, LedgerHead
from chalicelib.invoices.lifecycle import due_at
from chalicelib.invoices.numbering import InvoiceKind, InvoiceRef, invoice_number
from chalicelib.invoices.period_record import Billed, BilledFee, PeriodRecord, PeriodState
from chalicelib.invoices.period_record import Billing as PeriodBilling
from chalicelib.invoices.progress import after_closing, after_settling, next_due, period_ref
from chalicelib.invoices.reader import Billing
from chalicelib.invoices.totals import carried_minor
from chalicelib.platform import logging
from chalicelib.platform.outbox import outbox_write
from chalicelib.platform.writes import Write
from chalicelib.shared.clock import clock
from chalicelib.shared.ids import sort_ids
from chalicelib.shared.money import show_money
from chalicelib.shared.time import format_instant, zone_of
from chalicelib.shared.values import dataclass

MOST_ITEMS = 25
DEFAULT_NET_DAYS = 30
_CARRIED = "Carried from {number}"


@dataclass(frozen=True, slots=True)
class Closing:
    """What closing a draft writes; ``invoice`` is ``None`` for a period that had nothing to bill.

    ``due_at`` is when the billing run has to look at the organization again.
    """

    invoice: Invoice | None
    writes: tuple[Write, ...]
    due_at: datetime | None


def close(billing: Billing, draft: Draft, changed: Sequence[Subscription] = ()) -> Closing:
    """Decide how a draft is closed; it must not be blocked.

    ``changed`` are subscriptions that the same transaction creates or changes.
    """
    assert not draft.invoice.blocked, "a blocked draft is not closed"
    with logging.traced("finalize", organization=billing.organization.id, invoice=draft.invoice.id):
        return _closing(billing, draft, changed)


def _closing(billing: Billing, draft: Draft, changed: Sequence[Subscription]) -> Closing:
    subscriptions = _progressed(billing, draft, changed)
    again_at = due_after(billing, subscriptions)
    subscribed = subscription_service.subscription_writes(billing.subscriptions, subscriptions, due_at=again_at)
    if draft.is_empty:
        return Closing(None, (*subscribed, *_skip_writes(billing, draft)), again_at)
    invoice, moved = _issued(billing, draft)
    writes = (*issue_writes(billing, invoice), *subscribed, *_record_writes(billing, draft, invoice), *moved)
    assert len(writes) < MOST_ITEMS, f"{len(writes)} items in the transaction of one invoice"
    return Closing(invoice, writes, again_at)


def _progressed(billing: Billing, draft: Draft, changed: Sequence[Subscription]) -> list[Subscription]:
    """Move every subscription on that the draft is about: its own, and those with late usage on it."""
    by_number = {one.number: one for one in billing.subscriptions.subscriptions}
    by_number.update((one.number, one) for one in changed)
    own = draft.open_draft.subscription.number
    period = draft.open_draft.period
    until = billing.now if period is None else billing.late_usage_until(period)
    is_late_alone = draft.open_draft.ref.kind is InvoiceKind.LATE_USAGE and not draft.open_draft.advance
    if not (draft.is_empty and is_late_alone):
        by_number[own] = after_closing(by_number[own], draft.open_draft, late_usage_until=until, now=billing.now)
    if draft.takes_late_usage:
        for one in billing.subscriptions.subscriptions:
            billed = billing.settled_numbers(one, draft.inputs.late)
            by_number[one.number] = after_settling(by_number[one.number], billed=billed, now=billing.now)
    known = {one.number: one for one in billing.subscriptions.subscriptions}
    return [one for number, one in sorted(by_number.items()) if known.get(number) != one]


def due_after(billing: Billing, changed: Iterable[Subscription]) -> datetime | None:
    """Tell when the billing run has to look again once some subscriptions have changed."""
    by_number = {one.number: one for one in (*billing.subscriptions.subscriptions, *changed)}
    return next_due(list(by_number.values()), billing.plans, billing.now)


def _net_days(draft: Draft) -> int:
    """Give the days that an invoice has to be paid: its own plan's, else that of what it is about."""
    own = [*draft.inputs.plans[-1:], *(one.plan for one in draft.inputs.services)]
    late = [usage.priced.plan for one in draft.inputs.late for usage in one.rated.usage]
    return next((plan.net_days for plan in (*own, *late)), DEFAULT_NET_DAYS)


def _issued(billing: Billing, draft: Draft) -> tuple[Invoice, tuple[Write, ...]]:
    """Give a draft its number and dates; answers it with the writes of the wallet."""
    organization = billing.organization
    zone = zone_of(organization.timezone)
    period = draft.open_draft.period
    invoice = replace(
        draft.invoice,
        number=billing.head.next_number,
        issued_at=billing.now,
        due_at=due_at(billing.now, _net_days(draft), zone),
        late_usage_until=None if period is None else billing.late_usage_until(period),
    )
    return with_wallet(billing, invoice)


def with_wallet(billing: Billing, invoice: Invoice) -> tuple[Invoice, tuple[Write, ...]]:
    """Move the credit that an invoice draws, gets back and carries, and name the ledger's head on it.

    Answers the wallet's writes too: a check where nothing moves.
    """
    before, organization = billing.wallet, billing.organization
    after = credit_moves.book(
        before, invoice.id, invoice.content.lines, zone=zone_of(organization.timezone), now=billing.now
    )
    minor = carried_minor(invoice.content.lines)
    if minor:
        name = _CARRIED.format(number=invoice_number(organization.id, invoice.number or 0))
        source = Source(SourceKind.CARRIED, invoice.id)
        grant = grant_of_invoice(minor, name=name, source=source, now=billing.now)
        after = wallet.add_grants(after, [grant], recorded_at=billing.now)
    ledger = LedgerHead(after.head.seq, after.head.hash) if after.head.seq else None
    return replace(invoice, ledger_head=ledger), credits_service.wallet_writes(before, after)


def grant_of_invoice(minor: int, *, name: str, source: Source, now: datetime) -> Grant:
    """Make the grant of what an invoice or a credit note gives back as credit: paid for, spent first, on any line."""
    made = f"gr_{sort_ids.next(clock.real_ns())}"
    return invoice_credit(id=made, name=name, amount_minor=minor, source=source, now=now)


def issue_writes(billing: Billing, invoice: Invoice, *, one_offs: int = 0) -> tuple[Write, ...]:
    """Make the writes of the invoice itself: the item, the next number, the event."""
    head = billing.head
    after = replace(head, next_number=head.next_number + 1, next_one_off=head.next_one_off + one_offs)
    event = invoice_event(invoice)
    return (
        store.creation_write(invoice),
        store.head_write(head, after),
        outbox_write("invoice.finalized", event, organization=invoice.organization, now=billing.now),
    )


def invoice_event(invoice: Invoice) -> dict[str, object]:
    """Tell about an invoice in an event: what it is and what it comes to."""
    assert invoice.number is not None
    return {
        "invoice": invoice.id,
        "number": invoice_number(invoice.organization, invoice.number),
        "currency": invoice.currency,
        "total": show_money(invoice.content.total_minor, invoice.currency),
        "amount_due": show_money(invoice.due_minor, invoice.currency),
        "due_at": None if invoice.due_at is None else format_instant(invoice.due_at),
    }


def _skip_writes(billing: Billing, draft: Draft) -> tuple[Write, ...]:
    """Note that a period was closed without an invoice; late usage alone leaves nothing.

    A credit note on a fee of the period changes the same record, and the head: so that is checked.
    """
    if draft.open_draft.period is None:
        return ()
    record = billing.record_of(draft.open_draft.ref)
    skipped = replace(
        record,
        state=PeriodState.SKIPPED,
        plan=draft.invoice.content.plan,
        period=draft.invoice.content.period,
        late_usage_until=billing.late_usage_until(draft.open_draft.period),
    )
    checked = (store.head_check(billing.head),) if record.advance else ()
    return (store.record_write(billing.organization.id, skipped), *checked)


def _record_writes(billing: Billing, draft: Draft, invoice: Invoice) -> list[Write]:
    """Make the writes of every record that this invoice changes, each once."""
    ref, number = draft.open_draft.ref, invoice.number
    assert number is not None
    records = Records(billing)
    records.change(ref, lambda record: replace(record, numbers={**record.numbers, ref.attempt: number}))
    if draft.open_draft.period is not None:
        reads = {**billing.record_of(ref).reads, ref.attempt: billing.read_id}
        records.change(ref, lambda record: replace(record, reads=reads))
        records.change(ref, lambda record: _closed(record, billing, draft, invoice))
    for period, fees in draft.fees.items():
        service = period_ref(draft.open_draft.subscription, period)
        if fees:
            records.change(service, partial(_with_fees, fees))
    for late in draft.inputs.late:
        if differences := draft.late[late.place]:
            billed = _billed_on(invoice, billing.read_id, differences)
            records.change(period_ref(late.subscription, late.period.number), partial(_with_late, billed))
    return records.writes()


class Records:
    """The records that a transaction changes, each written once however often it changes."""

    def __init__(self, billing: Billing) -> None:
        self._billing = billing
        self._changed: dict[str, PeriodRecord] = {}

    def change(self, ref: InvoiceRef, make: Callable[[PeriodRecord], PeriodRecord]) -> None:
        """Change the record of a reference."""
        before = self._changed.get(ref.name) or self._billing.record_of(ref)
        self._changed[ref.name] = make(before)

    def writes(self) -> list[Write]:
        """Make the writes."""
        return [store.record_write(self._billing.organization.id, record) for record in self._changed.values()]


def _closed(record: PeriodRecord, billing: Billing, draft: Draft, invoice: Invoice) -> PeriodRecord:
    """Say what an invoice billed for its own period, and what it took off because others had."""
    elsewhere = (_billed_on(invoice, billing.read_id, draft.elsewhere),) if draft.elsewhere else ()
    return replace(
        record,
        state=PeriodState.INVOICED,
        plan=invoice.content.plan,
        period=invoice.content.period,
        late_usage_until=invoice.late_usage_until,
        own=_billed_on(invoice, billing.read_id, draft.amounts),
        late=(*record.late, *elsewhere),
    )


def _with_fees(fees: Mapping[str, BilledFee], record: PeriodRecord) -> PeriodRecord:
    return replace(record, advance={**record.advance, **fees})


def _with_late(billed: PeriodBilling, record: PeriodRecord) -> PeriodRecord:
    return replace(record, late=(*record.late, billed))


def _billed_on(invoice: Invoice, read_id: str, amounts: Mapping[str, Billed]) -> PeriodBilling:
    assert invoice.number is not None
    return PeriodBilling(invoice=invoice.id, number=invoice.number, read_id=read_id, amounts=amounts)
