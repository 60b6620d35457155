"""Voids an invoice and undoes what rests on it (docs/rules.md 4.6), in one transaction.

Its drawdowns go back into their grants, the grants it made are withdrawn, advance fees and late usage of other periods
go back to the open draft. Its own period becomes a draft again, or is given up.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from chalicelib.catalog import subscription_service
from chalicelib.catalog.subscriptions import SettlingPeriod, Subscription
from chalicelib.catalog.timeline import find_period
from chalicelib.credits import service as credits_service
from chalicelib.credits import wallet
from chalicelib.credits.drawdown import Drawn
from chalicelib.invoices import credit_moves, finalization, lifecycle, store
from chalicelib.invoices.commands import Done, get_finalized, open_billing_of
from chalicelib.invoices.draft_lines import find_late_place, find_service_period
from chalicelib.invoices.finalization import Records
from chalicelib.invoices.invoice import Invoice, Line
from chalicelib.invoices.line_credits import add_up, credits_drawn, drawn_of, is_covered, negated
from chalicelib.invoices.numbering import InvoiceKind, InvoiceRef
from chalicelib.invoices.paid_places import PaidPlace, find_paid_place
from chalicelib.invoices.period_record import BilledFee, PeriodRecord, PeriodState
from chalicelib.invoices.progress import give_fees_back, period_ref, reopen, settle_again, waive
from chalicelib.invoices.reader import Billing
from chalicelib.invoices.totals import carried_minor
from chalicelib.platform.outbox import outbox_write
from chalicelib.platform.writes import Write
from chalicelib.shared.errors import Conflict


def void(ref: InvoiceRef, reason: str, *, regenerate: bool, now: datetime) -> Done:
    """Void an invoice; it keeps its number. With ``regenerate`` its period is a draft again, under another attempt.

    Raises ``Conflict`` with payments or credit notes, and when credit that it carried has been drawn.
    """
    stored = get_finalized(ref, now)
    changed = lifecycle.void(stored.invoice, reason, regenerate=regenerate, now=now)
    if changed == stored.invoice:
        return Done(changed)
    billing = open_billing_of(ref, now)
    undoing = _Undoing(billing, ref, changed, regenerate=regenerate)
    event = {**finalization.invoice_event(changed), "regenerate": regenerate}
    writes = (
        store.standing_write(stored, changed),
        *undoing.writes(),
        # A credit note may have changed the same records: it changes the head.
        store.head_check(billing.head),
        *_wallet_writes(billing, changed),
        outbox_write("invoice.voided", event, organization=changed.organization, now=now),
    )
    assert len(writes) < finalization.MOST_ITEMS, f"{len(writes)} items in the transaction of a void"
    return Done(changed, writes)


class _Undoing:
    """What a void changes of subscriptions and records."""

    def __init__(self, billing: Billing, ref: InvoiceRef, invoice: Invoice, *, regenerate: bool) -> None:
        self._billing, self._ref, self._invoice = billing, ref, invoice
        self._regenerate = regenerate
        self._subscriptions = {one.number: one for one in billing.subscriptions.subscriptions}
        self._records = Records(billing)
        self._refuse_what_came_back()
        self._undo_fees()
        self._undo_late_usage()
        if ref.kind is InvoiceKind.PERIOD:
            self._undo_period()

    def writes(self) -> tuple[Write, ...]:
        """Make the writes; the subscriptions are written in any case, so that no finalization runs beside the void."""
        known = {one.number: one for one in self._billing.subscriptions.subscriptions}
        changed = [one for number, one in self._subscriptions.items() if known[number] != one]
        if not self._billing.subscriptions.version:
            return tuple(self._records.writes())
        due_at = finalization.due_after(self._billing, changed)
        subscribed = subscription_service.subscription_writes(self._billing.subscriptions, changed, due_at=due_at)
        return (*subscribed, *self._records.writes())

    def _refuse_what_came_back(self) -> None:
        """Refuse when another invoice gave back credit that paid this one: it would come back twice."""
        drawn: dict[PaidPlace, tuple[Drawn, ...]] = {}
        for line in self._invoice.content.lines:
            place = find_paid_place(self._ref, line) if line.credits else None
            if place is not None:
                drawn[place.whole] = add_up(drawn.get(place.whole, ()), credits_drawn(line))
        for place, paid in drawn.items():
            if not is_covered(paid, pool=place.paid(self._billing.record_of(place.ref))):
                raise Conflict("Another invoice gave back credit that paid this one: void that invoice first.")

    def _subscription(self) -> Subscription:
        return self._subscriptions[self._ref.subscription]

    def _undo_fees(self) -> None:
        """Send advance fees, and what corrected earlier ones, back to the open draft."""
        lines = [line for line in self._invoice.content.lines if find_service_period(line) is not None]
        numbers = sorted({number for line in lines if (number := find_service_period(line)) is not None})
        for number in numbers:
            mine = [line for line in lines if find_service_period(line) == number]
            without = partial(_without_fees, mine, self._invoice.id)
            self._records.change(period_ref(self._subscription(), number), without)
        if numbers:
            self._subscriptions[self._ref.subscription] = give_fees_back(self._subscription(), numbers)

    def _undo_late_usage(self) -> None:
        """Have the late usage that it brought billed by the open draft."""
        found = dict.fromkeys(place for line in self._invoice.content.lines if (place := find_late_place(line)))
        for late in found:
            subscription, number = self._subscriptions[late.subscription], late.period
            ref = period_ref(subscription, number)
            record = self._billing.record_of(ref)
            self._records.change(ref, lambda one: one.without_late(self._invoice.id))
            if record.state is not PeriodState.WAIVED and not _is_open(subscription, number):
                again = _settling(subscription, record, number)
                self._subscriptions[late.subscription] = settle_again(subscription, again)

    def _undo_period(self) -> None:
        subscription, number = self._subscription(), self._ref.number
        state = PeriodState.OPEN if self._regenerate else PeriodState.WAIVED
        self._records.change(self._ref, lambda one: replace(one.without_late(self._invoice.id), own=None, state=state))
        if not self._regenerate:
            self._subscriptions[subscription.number] = waive(subscription, number)
            return
        period = find_period(subscription, number)
        assert period is not None, "a period that was invoiced exists"
        grace = timedelta(hours=self._billing.plans.of(period.parts[-1].terms).grace_hours)
        attempt = self._ref.attempt + 1
        self._subscriptions[subscription.number] = reopen(
            subscription, number, attempt=attempt, finalizes_at=self._billing.now + grace
        )


def _without_fees(lines: list[Line], invoice: str, record: PeriodRecord) -> PeriodRecord:
    """Take what some lines of an invoice charged or corrected off the advance fees of a service period.

    What other invoices charged or gave back of a fee stands, also when the fee itself goes: the rest makes up for it.
    """
    advance = dict(record.advance)
    for line in lines:
        assert line.charge is not None, "a fee has a charge"
        fee = advance.pop(line.charge, BilledFee(invoice=invoice, line=line.id, net_minor=0))
        left_minor = fee.net_minor - line.net_minor
        drawn = add_up(fee.drawn, negated(drawn_of(line.credits)))
        if left_minor or drawn:
            advance[line.charge] = replace(fee, net_minor=left_minor, drawn=drawn)
    return replace(record, advance=advance)


def _is_open(subscription: Subscription, number: int) -> bool:
    progress = subscription.progress
    return number >= progress.next_period or number in {one.number for one in progress.reopened}


def _settling(subscription: Subscription, record: PeriodRecord, number: int) -> SettlingPeriod:
    period = find_period(subscription, number)
    assert period is not None, "a closed period exists"
    assert record.late_usage_until is not None, "a closed period says until when late usage is taken"
    return SettlingPeriod(
        number=number, start=period.start, end=period.end, late_usage_until=record.late_usage_until, touched=True
    )


def _wallet_writes(billing: Billing, invoice: Invoice) -> tuple[Write, ...]:
    """Give credit back to the grants that paid, and withdraw the grants that the invoice made."""
    before, lines, now = billing.wallet, invoice.content.lines, billing.now
    if not credit_moves.moves_of(lines) and not carried_minor(lines):
        return ()
    reason = f"invoice {invoice.id} was voided"
    after = credit_moves.unbook(before, invoice.id, lines, reason=reason, now=now)
    made = [one.grant.id for one in before.allocations.values() if one.grant.source.invoice == invoice.id]
    after = wallet.withdraw_grants(after, made, reason=reason, invoice=invoice.id, recorded_at=now)
    return credits_service.wallet_writes(before, after)
