"""Which drafts are open now, what each of them carries, and when something is due: pure functions of subscriptions.

A period has a draft from its first instant until it is closed. A period whose invoice was voided to be made again has
one too. The *open draft* of an organization, which late usage goes to, is the one that is finalized first among those
of periods that were never closed; where there is none, late usage gets a draft of its own.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.catalog.plans import Plan, Timing
from chalicelib.catalog.subscriptions import (
    BillingProgress,
    Period,
    ReopenedPeriod,
    SettlingPeriod,
    Subscription,
    Terms,
)
from chalicelib.catalog.timeline import find_period, periods_from
from chalicelib.invoices.numbering import InvoiceKind, InvoiceRef
from chalicelib.shared.time import QuarterHour, quarter_hour_of, quarter_hour_start
from chalicelib.shared.values import dataclass

# A request that was judged just before a period stopped taking late usage may still be writing what it accepted.
SETTLING_MARGIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDraft:
    """A draft that exists now. ``period`` is what it bills; none for an advance fee at once and for late usage alone.

    ``advance`` numbers the service periods whose advance fees it carries.
    """

    ref: InvoiceRef
    subscription: Subscription
    period: Period | None
    finalizes_at: datetime
    advance: tuple[int, ...] = ()
    is_reopened: bool = False

    @property
    def is_regular(self) -> bool:
        """Tell whether it bills a period that was never closed."""
        return self.period is not None and not self.is_reopened


class Plans:
    """The plans of some terms, as they were read."""

    def __init__(self, found: Sequence[tuple[Terms, Plan]]) -> None:
        self._found = list(found)

    def add(self, terms: Terms, plan: Plan) -> None:
        """Take terms along that a subscription is about to get."""
        self._found.append((terms, plan))

    def of(self, terms: Terms) -> Plan:
        """Give the plan of terms that were asked for."""
        return next(plan for known, plan in self._found if known == terms)

    def of_period(self, period: Period) -> tuple[Plan, ...]:
        """Give the plan of each part of a period."""
        return tuple(self.of(part.terms) for part in period.parts)


def terms_of_all(subscription: Subscription) -> list[Terms]:
    """List every set of terms that a subscription has or will have."""
    return [phase.terms for run in subscription.runs for phase in run.phases]


def finalizes_at(period: Period, plans: Plans) -> datetime:
    """Give the instant from which a period may be finalized: its end and the grace of the plan that it ends with."""
    return period.end_at + timedelta(hours=plans.of(period.parts[-1].terms).grace_hours)


def open_drafts(subscriptions: Sequence[Subscription], plans: Plans, now: datetime) -> list[OpenDraft]:
    """List the drafts of all subscriptions but those of late usage alone, in the order in which they are finalized."""
    found = [draft for one in subscriptions for draft in _of_subscription(one, plans, now)]
    # Of equal instants the earlier period stays first, as a name would not have it: 1p10 is less than 1p9.
    return sorted(found, key=lambda draft: draft.finalizes_at)


def _of_subscription(subscription: Subscription, plans: Plans, now: datetime) -> Iterator[OpenDraft]:
    progress = subscription.progress
    yield from _first_fee(subscription, plans, now)
    missing = progress.advance_missing
    earliest_at = subscription.start_at
    for period in periods_from(subscription, progress.next_period, until=now + timedelta(microseconds=1)):
        following = period.number + 1
        carried = (following,) if following >= progress.advance_until else ()
        # In order, whatever graces the plans have: closing a period closes all before it.
        earliest_at = max(earliest_at, finalizes_at(period, plans))
        yield OpenDraft(
            ref=period_ref(subscription, period.number),
            subscription=subscription,
            period=period,
            finalizes_at=earliest_at,
            advance=(*missing, *carried),
        )
        missing = ()
    for reopened in progress.reopened:
        again = find_period(subscription, reopened.number)
        assert again is not None, "a period that was invoiced exists"
        yield OpenDraft(
            ref=period_ref(subscription, reopened.number, attempt=reopened.attempt),
            subscription=subscription,
            period=again,
            finalizes_at=reopened.finalizes_at,
            is_reopened=True,
        )


def _first_fee(subscription: Subscription, plans: Plans, now: datetime) -> Iterator[OpenDraft]:
    """Give the draft of the first advance fee where the subscription itself could not bring it: it began later."""
    first = find_period(subscription, 0)
    if first is not None and first.start_at <= now and _waits_for_first_fee(subscription, first, plans):
        ref = advance_ref(subscription, 0)
        yield OpenDraft(ref=ref, subscription=subscription, period=None, finalizes_at=first.start_at, advance=(0,))


def _waits_for_first_fee(subscription: Subscription, first: Period, plans: Plans) -> bool:
    """Tell whether the advance fee of the first period is on no invoice yet."""
    fees = plans.of(first.parts[0].terms).recurring_charges(Timing.ADVANCE)
    return subscription.progress.advance_until == 0 and bool(fees)


def period_ref(subscription: Subscription, number: int, *, attempt: int = 0) -> InvoiceRef:
    """Name the invoice of a period."""
    return _ref(subscription, InvoiceKind.PERIOD, number, attempt=attempt)


def advance_ref(subscription: Subscription, number: int, *, attempt: int = 0) -> InvoiceRef:
    """Name the invoice of the advance fee of a service period that is invoiced at once."""
    return _ref(subscription, InvoiceKind.ADVANCE, number, attempt=attempt)


def late_usage_ref(subscription: Subscription) -> InvoiceRef:
    """Name the next invoice of late usage alone."""
    return _ref(subscription, InvoiceKind.LATE_USAGE, subscription.progress.late_invoices)


def _ref(subscription: Subscription, kind: InvoiceKind, number: int, *, attempt: int = 0) -> InvoiceRef:
    return InvoiceRef(
        organization=subscription.organization,
        subscription=subscription.number,
        kind=kind,
        number=number,
        attempt=attempt,
    )


def claims_from(draft: OpenDraft, subscriptions: Sequence[Subscription]) -> QuarterHour:
    """Tell from which quarter-hour on a draft may claim credit: the first that anything on it may lie in."""
    starts = [] if draft.period is None else [draft.period.start_at]
    services = (find_period(draft.subscription, number) for number in draft.advance)
    starts += [service.start_at for service in services if service is not None]
    if draft.ref.kind is InvoiceKind.LATE_USAGE:
        settling = (period for one in subscriptions for period in one.progress.settling)
        starts += [quarter_hour_start(period.end) for period in settling]
    return quarter_hour_of(min(starts, default=draft.finalizes_at))


def find_open_draft(drafts: Sequence[OpenDraft]) -> OpenDraft | None:
    """Find the draft that late usage goes to."""
    return next((draft for draft in drafts if draft.is_regular), None)


def find_late_draft(subscriptions: Sequence[Subscription], now: datetime) -> OpenDraft | None:
    """Find the draft of late usage alone, for when there is no open draft; ``None`` where nothing settles."""
    settling = [one for one in subscriptions if one.progress.settling or one.progress.advance_missing]
    if not settling:
        return None
    until = min((period.late_usage_until for one in settling for period in one.progress.settling), default=now)
    last = settling[-1]
    return OpenDraft(
        ref=late_usage_ref(last),
        subscription=last,
        period=None,
        finalizes_at=until,
        advance=last.progress.advance_missing,
    )


def find_fee_draft(subscriptions: Sequence[Subscription], now: datetime) -> OpenDraft | None:
    """Find the draft of advance fees that came back to a subscription which has no draft to take them any more."""
    waiting = next((one for one in subscriptions if _waits_for_fees(one)), None)
    if waiting is None:
        return None
    return OpenDraft(
        ref=late_usage_ref(waiting),
        subscription=waiting,
        period=None,
        finalizes_at=now,
        advance=waiting.progress.advance_missing,
    )


def _waits_for_fees(subscription: Subscription) -> bool:
    progress = subscription.progress
    return bool(progress.advance_missing) and find_period(subscription, progress.next_period) is None


def next_due(subscriptions: Sequence[Subscription], plans: Plans, now: datetime) -> datetime | None:
    """Tell when the billing run has to look at an organization again; ``None`` for never.

    What settles needs no visit of its own while a period is still to be closed: the next invoice takes it along.
    """
    found = [at for one in subscriptions for at in _due(one, plans)]
    if not any(find_period(one, one.progress.next_period) for one in subscriptions):
        settling = [period for one in subscriptions for period in one.progress.settling]
        found += [settles_at(one) if one.late_usage_until <= now else one.late_usage_until for one in settling]
    found += [now for one in subscriptions if _waits_for_fees(one)]
    return min(found, default=None)


def _due(subscription: Subscription, plans: Plans) -> Iterator[datetime]:
    progress = subscription.progress
    yield from (one.finalizes_at for one in progress.reopened)
    following = find_period(subscription, progress.next_period)
    if following is not None:
        yield finalizes_at(following, plans)
    first = find_period(subscription, 0)
    if first is not None and _waits_for_first_fee(subscription, first, plans):
        yield first.start_at


def settles_at(period: SettlingPeriod) -> datetime:
    """Tell from when on nothing that was accepted for a closed period can still be on its way."""
    return period.late_usage_until + SETTLING_MARGIN


def after_closing(
    subscription: Subscription, draft: OpenDraft, *, late_usage_until: datetime, now: datetime
) -> Subscription:
    """Move on after a draft's period was closed, invoiced or not: it settles while late usage may come."""
    progress = subscription.progress
    if draft.period is not None:
        closed = SettlingPeriod(
            number=draft.period.number,
            start=draft.period.start,
            end=draft.period.end,
            late_usage_until=late_usage_until,
        )
        settling = progress.settling
        if now < settles_at(closed):
            settling = tuple(sorted((*settling, closed), key=lambda one: one.number))
        progress = replace(
            progress,
            next_period=max(progress.next_period, draft.period.number + 1),
            settling=settling,
            reopened=tuple(one for one in progress.reopened if one.number != draft.period.number),
        )
    if draft.ref.kind is InvoiceKind.LATE_USAGE:
        progress = replace(progress, late_invoices=progress.late_invoices + 1)
    return replace(subscription, progress=_with_fees(progress, draft.advance))


def _with_fees(progress: BillingProgress, numbers: Sequence[int]) -> BillingProgress:
    """Note that the advance fees of some service periods are on an invoice; those left out before them are missing."""
    until = max([progress.advance_until, *(number + 1 for number in numbers)])
    open_numbers = {*progress.advance_missing, *range(progress.advance_until, until)}
    return replace(progress, advance_until=until, advance_missing=tuple(sorted(open_numbers - set(numbers))))


def after_settling(subscription: Subscription, *, billed: Collection[int], now: datetime) -> Subscription:
    """Note the closed periods of which everything seen has been ``billed``; drop those of them that have settled."""
    left = tuple(
        replace(one, touched=False) if one.number in billed else one
        for one in subscription.progress.settling
        if now < settles_at(one) or one.number not in billed
    )
    return replace(subscription, progress=replace(subscription.progress, settling=left))


def reopen(subscription: Subscription, number: int, *, attempt: int, finalizes_at: datetime) -> Subscription:
    """Make a closed period a draft again, under another attempt."""
    progress = subscription.progress
    again = ReopenedPeriod(number=number, attempt=attempt, finalizes_at=finalizes_at)
    return replace(
        subscription,
        progress=replace(
            progress,
            settling=tuple(one for one in progress.settling if one.number != number),
            reopened=(*progress.reopened, again),
        ),
    )


def waive(subscription: Subscription, number: int) -> Subscription:
    """Give a closed period up: while it settles it still takes events, but they are billed no more."""
    progress = subscription.progress
    settling = tuple(replace(one, waived=True) if one.number == number else one for one in progress.settling)
    return replace(subscription, progress=replace(progress, settling=settling))


def settle_again(subscription: Subscription, period: SettlingPeriod) -> Subscription:
    """Have a closed period rated again for the open draft: late usage that was on a voided invoice."""
    progress = subscription.progress
    others = [one for one in progress.settling if one.number != period.number]
    settling = tuple(sorted([*others, replace(period, touched=True)], key=lambda one: one.number))
    return replace(subscription, progress=replace(progress, settling=settling))


def give_fees_back(subscription: Subscription, numbers: Sequence[int]) -> Subscription:
    """Note that the advance fees of some service periods are on no invoice any more."""
    progress = subscription.progress
    missing = tuple(sorted({*progress.advance_missing, *numbers}))
    return replace(subscription, progress=replace(progress, advance_missing=missing))
