"""Reads what an organization's billing rests on, in the order that makes it right, and computes drafts from it.

The order: dirty marks (with the organization and the meters), then subscriptions and heads, then plans, then records of
what was billed and counters, then segments of dirty quarter-hours. Whoever deletes a mark has stored the counters and
noted them on the subscriptions before, so a closed period with neither a mark nor a note has no usage that was not
billed; and what a finalization read is still so when it commits, because it makes sure of the versions.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from chalicelib.catalog import subscription_service
from chalicelib.catalog.organizations import Organization
from chalicelib.catalog.settings import BillingSettings
from chalicelib.catalog.subscriptions import Period, SettlingPeriod, Subscription, Subscriptions
from chalicelib.catalog.timeline import find_period
from chalicelib.credits.drawdown import Drawdowns, PayableDraft, draw_down, paying, window_cuts
from chalicelib.credits.grants import Allocation
from chalicelib.credits.wallet import Wallet, caught_up
from chalicelib.invoices import store
from chalicelib.invoices.draft import (
    Draft,
    DraftInputs,
    ServicePeriod,
    compose,
    draw_up,
    interval_of,
    paid_before,
)
from chalicelib.invoices.draft_lines import Days, LatePeriod, Shares, billed_amounts
from chalicelib.invoices.explanation import days_of, shares_of
from chalicelib.invoices.invoice import Interval, Line
from chalicelib.invoices.numbering import InvoiceKind, InvoiceRef
from chalicelib.invoices.payable import Cutting, UsageSlices, payable_draft, slice_usage, with_credits
from chalicelib.invoices.period_rating import PricedCharge, RatedPeriod, price_parts, rate_period
from chalicelib.invoices.period_record import PeriodRecord
from chalicelib.invoices.progress import (
    OpenDraft,
    Plans,
    after_closing,
    claims_from,
    find_fee_draft,
    find_late_draft,
    find_open_draft,
    open_drafts,
    period_ref,
)
from chalicelib.invoices.store import InvoicesHead
from chalicelib.platform.together import read_each, together
from chalicelib.shared.time import quarter_hour_of
from chalicelib.usage.period_usage import PeriodUsage, read_period
from chalicelib.usage.ranges import Range
from chalicelib.usage.reader import CountersReader

# So that the transaction of one invoice stays small, however many closed periods late usage came for at once.
MOST_LATE_PERIODS = 5


@dataclass(frozen=True, slots=True)
class _Rating:
    """A period rated, with its quantities by local day and by dimension value where they were wanted.

    ``slices`` are those of its usage lines, where a grant may pay for any.
    """

    rated: RatedPeriod
    days: Mapping[str, Days]
    shares: Mapping[str, Shares]
    slices: UsageSlices = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BareDraft:
    """A draft before credit pays anything of it, and what credit may pay."""

    inputs: DraftInputs
    lines: tuple[Line, ...]
    payable: PayableDraft


@dataclass
class Billing:
    """One organization's billing as of ``now``. It lives for one request or one transaction of the billing run.

    ``read_id`` is a sort id from before anything was read: events received under a smaller one were seen. ``due_at`` is
    when the billing run looks at the organization next, as it is stored. ``at_once`` is a draft that is about to be
    invoiced beside those that are open.
    """

    usage: CountersReader
    settings: BillingSettings
    subscriptions: Subscriptions
    head: InvoicesHead
    wallet: Wallet
    plans: Plans
    now: datetime
    read_id: str
    due_at: datetime | None = None
    at_once: OpenDraft | None = None
    _records: dict[str, PeriodRecord] = field(default_factory=dict)
    _late: list[LatePeriod] | None = None
    _open: list[OpenDraft] | None = None
    _credit: Wallet | None = None
    _bare: dict[tuple[str, bool], BareDraft] = field(default_factory=dict)

    @property
    def organization(self) -> Organization:
        """Give the organization."""
        return self.usage.organization

    def after(self, changed: Subscription, at_once: OpenDraft) -> "Billing":
        """Give the billing as it is once a subscription has changed and a draft is invoiced with that."""
        moved = after_closing(changed, at_once, late_usage_until=self.now, now=self.now)
        return replace(
            self,
            subscriptions=subscription_service.with_changes(self.subscriptions, [moved]),
            at_once=at_once,
            _late=None,
            _open=None,
            _bare={},
        )

    def open_drafts(self) -> list[OpenDraft]:
        """List the drafts that exist now, the one that is finalized first coming first."""
        if self._open is None:
            subscriptions = self.subscriptions.subscriptions
            self._open = open_drafts(subscriptions, self.plans, self.now)
            find_other = find_late_draft if find_open_draft(self._open) is None else find_fee_draft
            other = find_other(subscriptions, self.now)
            self._open += [] if other is None else [other]
        return self._open

    def drafts(self) -> list[Draft]:
        """Compute every draft; one of late usage alone only when there is some."""
        return self.drafts_and_taken()[0]

    def drafts_and_taken(self) -> tuple[list[Draft], Mapping[str, int]]:
        """Compute every draft, and how much of what is left of each grant by id they rest on."""
        computed, taken = self._compose(self.open_drafts(), explain=False)
        late = InvoiceKind.LATE_USAGE
        return [one for one in computed if one.open_draft.ref.kind is not late or not one.is_empty], taken

    def find_draft(self, ref: InvoiceRef, *, explain: bool = False) -> Draft | None:
        """Compute the draft of a reference; ``None`` when there is none."""
        found = next((one for one in self.open_drafts() if one.ref == ref), None)
        if found is None:
            return None
        draft = self.draft(found, explain=explain)
        return None if found.ref.kind is InvoiceKind.LATE_USAGE and draft.is_empty else draft

    def draft(self, open_draft: OpenDraft, *, explain: bool = False) -> Draft:
        """Compute a draft; with ``explain`` its lines have their quantities by day, as finalizing keeps them."""
        (draft,), _ = self._compose([open_draft], explain=explain)
        return draft

    def _compose(self, wanted: Sequence[OpenDraft], *, explain: bool) -> tuple[list[Draft], Mapping[str, int]]:
        """Compute drafts with what credit pays of them: what one draws is not there for another.

        Answers also what they take of each grant. The order is the same whichever drafts are asked for; what is issued
        at once comes before what waits.
        """
        grants = self.paying(wanted)
        known, open_drafts = {one.ref for one in wanted}, self.open_drafts()
        at_once = [one for one in wanted if one not in open_drafts]
        first = {one.ref for one in at_once}
        ordered = [*at_once, *(one for one in open_drafts if one.ref not in first and (grants or one.ref in known))]
        bare = dict(zip((one.ref for one in ordered), self._bare_drafts(ordered, known, explain=explain), strict=True))
        outcome = draw_down([one.payable for one in bare.values()], grants)
        return [self._composed(bare[one.ref], outcome.lines) for one in wanted], outcome.taken

    def _bare_drafts(
        self, drafts: Sequence[OpenDraft], explained: Collection[InvoiceRef], *, explain: bool
    ) -> list[BareDraft]:
        return together(*(partial(self._bare_draft, one, explain=explain and one.ref in explained) for one in drafts))

    def _bare_draft(self, open_draft: OpenDraft, *, explain: bool) -> BareDraft:
        key = (open_draft.ref.id, explain)
        if key not in self._bare:
            self._bare[key] = self._read_draft(open_draft, explain=explain)
        return self._bare[key]

    def _composed(self, bare: BareDraft, drawdowns: Drawdowns) -> Draft:
        lines = with_credits(bare.payable.invoice, bare.lines, drawdowns, self._grant_names())
        return compose(bare.inputs, lines)

    def _grant_names(self) -> dict[str, str]:
        return {name: one.grant.name for name, one in self.credit().allocations.items()}

    def credit(self) -> Wallet:
        """Give the wallet as it is now, with what has happened by itself since it was written."""
        if self._credit is None:
            self._credit = caught_up(self.wallet, self.now)
        return self._credit

    def paying(self, drafts: Sequence[OpenDraft] = ()) -> list[Allocation]:
        """List the grants that may pay for anything on the open drafts, and on ``drafts`` that are not among them."""
        if not self.wallet.allocations:
            return []
        subscriptions = self.subscriptions.subscriptions
        since = [claims_from(one, subscriptions) for one in (*drafts, *self.open_drafts())]
        return paying(
            self.credit().allocations.values(), since=min(since, default=quarter_hour_of(self.now)), now=self.now
        )

    def pay(self, invoice: str, lines: Sequence[Line], period: Interval) -> tuple[Line, ...]:
        """Let credit pay lines of an invoice that is issued at once, beside what the open drafts draw."""
        grants = self.paying()
        if not grants:
            return tuple(lines)
        own = payable_draft(invoice, lines, period, usage={}, paid={}, zone=self.usage.zone)
        bare = self._bare_drafts(self.open_drafts(), (), explain=False)
        outcome = draw_down([own, *(one.payable for one in bare)], grants)
        return with_credits(invoice, lines, outcome.lines, self._grant_names())

    def _read_draft(self, open_draft: OpenDraft, *, explain: bool) -> BareDraft:
        subscription, period = open_draft.subscription, open_draft.period
        takes_late = self._takes_late_usage(open_draft)
        charged = [find_period(subscription, number) for number in open_draft.advance]
        services = [one for one in charged if one is not None]
        own = [] if period is None else [period]
        names = [period_ref(subscription, one.number).name for one in (*services, *own)]
        names += [period_ref(one, late.number).name for one, late in self._changed_periods()] if takes_late else []
        rating = self._read(names, period, explain=explain, takes_late=takes_late)
        record = None if period is None else self.record(subscription, period.number)
        if period is not None and record is not None and self._corrects_own_fee(open_draft, record):
            services = [period, *services]
        inputs = DraftInputs(
            draft=open_draft,
            organization=self.organization,
            seller=self.settings.seller,
            meters=self.usage.catalog.meters,
            now=self.now,
            rated=None if rating is None else rating.rated,
            plans=() if period is None else self.plans.of_period(period),
            record=record,
            days={} if rating is None else rating.days,
            shares={} if rating is None else rating.shares,
            services=[self._service_period(subscription, one) for one in services],
            late=self._late_periods_of_one_invoice() if takes_late else [],
            takes_late_usage=takes_late,
        )
        return self._drawn_up(inputs, {} if rating is None else rating.slices)

    def _drawn_up(self, inputs: DraftInputs, slices: UsageSlices) -> BareDraft:
        lines = draw_up(inputs)
        payable = payable_draft(
            inputs.draft.ref.id,
            lines,
            interval_of(inputs),
            usage=slices,
            paid=paid_before(inputs),
            zone=self.usage.zone,
        )
        return BareDraft(inputs, lines, payable)

    def _read(self, names: Sequence[str], period: Period | None, *, explain: bool, takes_late: bool) -> _Rating | None:
        """Read at the same time what a draft rests on: records, its period's usage, that of changed closed periods."""
        changed = self._changed_periods() if takes_late and self._late is None else []
        _, rating, *again = together(
            partial(self.load_records, names),
            lambda: None if period is None else self.rate(period, explain=explain, cut=True),
            *([partial(read_each, self._rate_closed, changed)] if changed else []),
        )
        if takes_late and self._late is None:
            ratings: Sequence[_Rating] = again[0] if again else ()
            self._late = [self._late_period(*pair, rated) for pair, rated in zip(changed, ratings, strict=True)]
        own: _Rating | None = rating
        return own

    def _corrects_own_fee(self, open_draft: OpenDraft, record: PeriodRecord) -> bool:
        """Tell whether a draft looks again at its own period's advance fee: not when any draft carries that anyway."""
        period = open_draft.period
        assert period is not None, "only a period has a fee of its own"
        drafts = [*self.open_drafts(), *([] if self.at_once is None else [self.at_once])]
        own = [one for one in drafts if one.subscription.number == open_draft.subscription.number]
        is_carried = any(period.number in one.advance for one in (open_draft, *own))
        return bool(record.advance) and not open_draft.is_reopened and not is_carried

    def _takes_late_usage(self, open_draft: OpenDraft) -> bool:
        taking = find_open_draft(self.open_drafts())
        return open_draft.ref.kind is InvoiceKind.LATE_USAGE if taking is None else taking == open_draft

    def _service_period(self, subscription: Subscription, period: Period) -> ServicePeriod:
        plan = self.plans.of(period.parts[0].terms)
        return ServicePeriod(period=period, plan=plan, record=self.record(subscription, period.number))

    def load_records(self, names: Sequence[str]) -> None:
        """Read the records of some names in one round trip, those that were not read yet."""
        missing = [name for name in names if name not in self._records]
        if missing:
            self._records.update(store.read_records(self.organization.id, missing))

    def record(self, subscription: Subscription, number: int) -> PeriodRecord:
        """Give the record of a period."""
        return self.record_of(period_ref(subscription, number))

    def record_of(self, ref: InvoiceRef) -> PeriodRecord:
        """Give the record of whatever has an invoice of its own."""
        self.load_records([ref.name])
        return self._records[ref.name]

    def rate(self, period: Period, *, explain: bool, cut: bool = False) -> _Rating:
        """Rate a period as of now; with ``explain`` also by local day, with ``cut`` in slices that grants may pay."""
        plans = self.plans.of_period(period)
        grants = self.paying() if cut else []
        bounds = {bound for bound in window_cuts(grants) if period.start < bound < period.end}
        figures = self.figures(period, sorted(bounds))
        rated = rate_period(period, plans, figures)
        cutting = Cutting(zone=self.usage.zone, bounds=bounds, now=self.now)
        explained = rated.usage if explain else ()
        return _Rating(
            rated,
            days={one.priced.key: days_of(one.priced, figures) for one in explained},
            shares={one.priced.key: shares_of(one.priced, figures) for one in explained},
            slices=slice_usage(rated, figures, cutting) if grants else {},
        )

    def figures(self, period: Period, edges: Sequence[int] = ()) -> PeriodUsage:
        """Read the usage of a period, to be cut where its parts begin and at ``edges``."""
        bounds = {bound for part in period.parts for bound in (part.start, part.end)}
        charges = [charge for plan in self.plans.of_period(period) for charge in plan.usage_charges]
        meters = sorted({charge.meter for charge in charges})
        return read_period(self.usage, Range(period.start, period.end), bounds.union(edges), meters)

    def priced(self, period: Period) -> list[PricedCharge]:
        """List the charges of a period with the quarter-hours that each of them prices."""
        return price_parts(period, self.plans.of_period(period))

    def _changed_periods(self) -> list[tuple[Subscription, SettlingPeriod]]:
        """List the closed periods that may have late usage, the one that settles first coming first.

        Usage of before a period may change it too: the level of a time-weighted meter holds on.
        """
        found = [
            (subscription, one)
            for subscription in self.subscriptions.subscriptions
            for one in subscription.progress.settling
            if not one.waived and (one.touched or any(dirty < one.end for dirty in self.usage.dirty[:1]))
        ]
        return sorted(found, key=lambda pair: (pair[1].late_usage_until, pair[0].number))

    def _rate_closed(self, changed: tuple[Subscription, SettlingPeriod]) -> _Rating:
        """Rate a closed period that may have late usage again."""
        subscription, settling = changed
        return self.rate(_closed_period(subscription, settling), explain=True)

    def _late_periods_of_one_invoice(self) -> list[LatePeriod]:
        """Keep as many closed periods as one invoice can bring late usage of, and all that turn out to have none."""
        found = self._late or []
        taken = [one for one in found if one.differences()][:MOST_LATE_PERIODS]
        return [one for one in found if one in taken or not one.differences()]

    def _late_period(self, subscription: Subscription, settling: SettlingPeriod, rating: _Rating) -> LatePeriod:
        return LatePeriod(
            subscription=subscription,
            period=_closed_period(subscription, settling),
            rated=rating.rated,
            record=self.record(subscription, settling.number),
            amounts=billed_amounts(rating.rated, rating.days),
        )

    def settled_numbers(self, subscription: Subscription, billed: Sequence[LatePeriod]) -> list[int]:
        """Name the settling periods with nothing left to bill: those ``billed`` now, and those without a change."""
        changed = {(one.number, period.number) for one, period in self._changed_periods()}
        taken = {(one.subscription.number, one.period.number) for one in billed}
        return [
            one.number
            for one in subscription.progress.settling
            if (subscription.number, one.number) not in changed - taken
        ]

    def late_usage_until(self, period: Period) -> datetime:
        """Tell until when late usage of a period is taken."""
        return period.end_at + timedelta(days=self.settings.late_limit_days)


def _closed_period(subscription: Subscription, settling: SettlingPeriod) -> Period:
    period = find_period(subscription, settling.number)
    assert period is not None, "a closed period exists"
    return period
