"""What changes a subscription: each change gives another subscription, or says why it cannot be (docs/rules.md 3.8).

A change of plan splits the period in two parts where it can: where both plans have the same billing period and neither
has fees in advance. Otherwise the period closes at the change and another run begins. What lies ahead is part of the
subscription as soon as it is decided and takes effect by itself. At most one change of plan is scheduled at a time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from chalicelib.catalog.organizations import Organization
from chalicelib.catalog.plans import Plan, Timing
from chalicelib.catalog.subscriptions import Payment, Period, Phase, Run, Subscription, Subscriptions, Terms
from chalicelib.catalog.timeline import current_terms, find_current, find_period_at, has_ended, terms_at
from chalicelib.shared.billing_periods import Anchor
from chalicelib.shared.errors import Conflict, Fault, InvalidInput, NotFound
from chalicelib.shared.time import (
    QuarterHour,
    ceil_quarter_hour,
    local_day_of,
    local_day_start,
    quarter_hour_of,
    zone_of,
)
from chalicelib.shared.values import dataclass

When: TypeAlias = Literal["now", "period_end"] | datetime

# Whatever lies farther ahead is a mistake.
MAX_AHEAD = timedelta(days=36_525)
MAX_TRIAL_DAYS = 730
_MOMENT = timedelta(microseconds=1)
_TOO_FAR = "must lie within the next hundred years"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubscription:
    """A subscription to be made: ``plan`` is the plan of ``terms``, with their overrides.

    ``start_at`` is now where it is left out. With ``trial_days`` the first period begins so many local days after the
    day of the start.
    """

    organization: Organization
    plan: Plan
    terms: Terms
    start_at: datetime | None = None
    end_at: datetime | None = None
    anchor: Anchor = Anchor.CALENDAR
    trial_days: int = 0
    payment: Payment = Payment.POSTPAID
    spend_cap_minor: int | None = None


def new_subscription(
    existing: Subscriptions, wanted: NewSubscription, *, late_limit_days: int, now: datetime
) -> Subscription:
    """Make a subscription, which gets the next number of its organization.

    Raises ``InvalidInput`` with every fault, and ``Conflict`` where another subscription that is not over is active or
    will be.
    """
    start_at = wanted.start_at or now
    begun = [one for one in existing.subscriptions if one.end_at is None or one.end_at > one.start_at]
    over = [one.end_at for one in begun if one.end_at is not None and one.end_at <= now]
    faults = list(_faults(wanted, start_at=start_at, earliest=now - timedelta(days=late_limit_days), now=now))
    if any(start_at < end_at for end_at in over):
        faults.append(Fault("/start", "must not lie before the end of an earlier subscription"))
    if faults:
        raise InvalidInput("The subscription cannot be like this.", faults)
    if any(_meets(wanted, start_at, one) for one in begun if not has_ended(one, now)):
        raise Conflict("Another subscription is active in that time.")
    earlier = [ceil_quarter_hour(one.end_at) for one in begun if one.end_at is not None and one.end_at <= start_at]
    # The quarter-hour of the start belongs to an earlier subscription that ended within it.
    metered_from = max([quarter_hour_of(start_at), *earlier])
    number = max((one.number for one in existing.subscriptions), default=0) + 1
    return _made(wanted, start_at, number=number, metered_from=metered_from, now=now)


def _faults(wanted: NewSubscription, *, start_at: datetime, earliest: datetime, now: datetime) -> Iterator[Fault]:
    if wanted.plan.currency != wanted.organization.currency:
        yield Fault("/plan", f"must be a plan in {wanted.organization.currency}, the currency of the organization")
    if start_at < earliest:
        yield Fault("/start", "must not lie farther back than usage is accepted")
    if start_at - now > MAX_AHEAD:
        yield Fault("/start", _TOO_FAR)
    if wanted.end_at is not None and wanted.end_at <= start_at:
        yield Fault("/end", "must lie after the start")
    if wanted.end_at is not None and wanted.end_at - now > MAX_AHEAD:
        yield Fault("/end", _TOO_FAR)
    if not 0 <= wanted.trial_days <= MAX_TRIAL_DAYS:
        yield Fault("/trial_days", f"must lie between 0 and {MAX_TRIAL_DAYS}")


def _meets(wanted: NewSubscription, start_at: datetime, other: Subscription) -> bool:
    """Tell whether two subscriptions share a moment, or the later one's first quarter-hour."""
    if start_at >= other.start_at:
        return other.end_at is None or start_at < other.end_at
    return wanted.end_at is None or ceil_quarter_hour(wanted.end_at) > other.metered_from


def _made(
    wanted: NewSubscription, start_at: datetime, *, number: int, metered_from: QuarterHour, now: datetime
) -> Subscription:
    trial_end_at = _trial_end(wanted, start_at)
    first_at = trial_end_at or start_at
    run = Run(
        start_at=first_at,
        unit=wanted.plan.billing_period,
        anchor=wanted.anchor,
        first_period=0,
        phases=(Phase(first_at, wanted.terms),),
    )
    return Subscription(
        organization=wanted.organization.id,
        number=number,
        timezone=wanted.organization.timezone,
        start_at=start_at,
        trial_end_at=trial_end_at,
        end_at=wanted.end_at,
        metered_from=metered_from,
        runs=(run,),
        payment=wanted.payment,
        spend_cap_minor=wanted.spend_cap_minor,
        created_at=now,
    )


def _trial_end(wanted: NewSubscription, start_at: datetime) -> datetime | None:
    if not wanted.trial_days:
        return None
    zone = zone_of(wanted.organization.timezone)
    return local_day_start(local_day_of(start_at, zone) + timedelta(days=wanted.trial_days), zone)


def get_subscription(subscriptions: Subscriptions, number: int) -> Subscription:
    """Give one subscription of an organization; raises ``NotFound``."""
    found = next((one for one in subscriptions.subscriptions if one.number == number), None)
    if found is None:
        raise NotFound("There is no such subscription.")
    return found


def _invalid(pointer: str, detail: str) -> InvalidInput:
    return InvalidInput("The subscription cannot be like this.", [Fault(pointer, detail)])


def find_scheduled_change(subscription: Subscription, now: datetime) -> Phase | None:
    """Find the change of plan that lies ahead; ``None`` where only overrides change, or nothing does."""
    before = terms_at(subscription, now)
    ahead = (phase for phase in _later_phases(subscription) if phase.start_at > now)
    return next((phase for phase in ahead if not _is_same_plan(phase.terms, before)), None)


def _later_phases(subscription: Subscription) -> list[Phase]:
    """List all phases but the one that the subscription begins with."""
    return [phase for run in subscription.runs for phase in run.phases][1:]


def _is_same_plan(one: Terms, other: Terms) -> bool:
    return (one.plan, one.version) == (other.plan, other.version)


def change_at(subscription: Subscription, at: When, *, now: datetime) -> datetime:
    """Tell when a change of plan takes effect: never before the first period begins.

    Raises ``Conflict`` when the subscription has ended or ends before that, ``InvalidInput`` for an instant that is
    past, too far ahead or not before the end.
    """
    _refuse_ended(subscription, now)
    if isinstance(at, datetime):
        _refuse_instant(at, now)
    instant = max(_instant_of(subscription, at, now), subscription.runs[0].start_at)
    if subscription.end_at is not None and instant >= subscription.end_at:
        if isinstance(at, datetime):
            raise _invalid("/at", "must lie before the end of the subscription")
        raise Conflict("The subscription ends before the change would take effect.")
    return instant


def _instant_of(subscription: Subscription, at: When, now: datetime) -> datetime:
    if isinstance(at, datetime):
        return at
    current = find_current(subscription, now) if at == "period_end" else None
    return now if current is None else current.end_at


def _refuse_ended(subscription: Subscription, now: datetime) -> None:
    if has_ended(subscription, now):
        raise Conflict("The subscription has ended.")


def _refuse_instant(at: datetime, now: datetime) -> None:
    if at < now:
        raise _invalid("/at", "must not lie in the past")
    if at - now > MAX_AHEAD:
        raise _invalid("/at", _TOO_FAR)


def changed_terms(subscription: Subscription, *, plan: str, version: int, now: datetime) -> Terms:
    """Give the terms that a change of plan leads to: overrides stay with their plan and end with another one.

    Overrides that were to hold from the next period on belong to it already.
    """
    current = current_terms(subscription, now)
    latest = subscription.runs[-1].phases[-1].terms
    kept = latest if latest.plan == current.plan else current
    return Terms(plan, version, kept.overrides if kept.plan == plan else {})


def change_plan(
    subscription: Subscription, to: Terms, *, plan_now: Plan, plan_then: Plan, at: When, now: datetime
) -> Subscription:
    """Change the plan of a subscription; replaces a change that lies ahead.

    ``plan_now`` is the plan of ``current_terms``, ``plan_then`` that of ``to``. Before the first period the terms
    simply change. Raises ``Conflict`` or ``InvalidInput`` where ``change_at`` does, when nothing would change, and for
    a plan in another currency.
    """
    instant = change_at(subscription, at, now=now)
    if _is_same_plan(to, current_terms(subscription, now)):
        raise Conflict("The subscription has this plan already.")
    if plan_then.currency != plan_now.currency:
        raise _invalid("/plan", f"must be a plan in {plan_now.currency}")
    base = without_scheduled(subscription, now)
    first = base.runs[0]
    if instant == first.start_at:
        return replace(base, runs=(_begin(first, instant, to, plan_then),))
    period = _open_period(base, instant)
    if _splits(base, period, instant, (plan_now, plan_then)):
        return with_phase(base, Phase(instant, to))
    number = period.number if instant == period.start_at else period.number + 1
    following = replace(_begin(first, instant, to, plan_then), first_period=number)
    return replace(base, runs=(*(run for run in base.runs if run.start_at < instant), following))


def without_scheduled(subscription: Subscription, now: datetime) -> Subscription:
    """Take away every change that lies ahead; how the subscription begins stays."""
    first, *others = subscription.runs
    begun = [first, *(run for run in others if run.start_at <= now)]
    return replace(subscription, runs=tuple(replace(run, phases=_begun_phases(run, now)) for run in begun))


def _begun_phases(run: Run, now: datetime) -> tuple[Phase, ...]:
    return (run.phases[0], *(phase for phase in run.phases[1:] if phase.start_at <= now))


def _begin(like: Run, start_at: datetime, terms: Terms, plan: Plan) -> Run:
    return Run(
        start_at=start_at,
        unit=plan.billing_period,
        anchor=like.anchor,
        first_period=like.first_period,
        phases=(Phase(start_at, terms),),
    )


def _open_period(subscription: Subscription, instant: datetime) -> Period:
    period = find_period_at(subscription, instant)
    assert period is not None, "an instant between the first period and the end"
    if period.number < subscription.progress.next_period:
        raise Conflict("The period is closed already.")
    return period


def _splits(subscription: Subscription, period: Period, instant: datetime, plans: tuple[Plan, Plan]) -> bool:
    """Tell whether the run goes on: the unit stays, and no fee that was charged in advance has to be given back."""
    run = subscription.runs[-1]
    if plans[1].billing_period is not run.unit:
        return False
    if not any(plan.recurring_charges(Timing.ADVANCE) for plan in plans):
        return True
    return instant == period.start_at and period.number >= subscription.progress.advance_until


def with_phase(subscription: Subscription, phase: Phase) -> Subscription:
    """Let other terms begin in the last run; they replace what begins there or later."""
    *others, run = subscription.runs
    kept = tuple(one for one in run.phases if one.start_at < phase.start_at)
    return replace(subscription, runs=(*others, replace(run, phases=(*kept, phase))))


def change_details(subscription: Subscription, sent: Mapping[str, Any], *, now: datetime) -> Subscription:
    """Change what was sent of ``spend_cap_minor`` (``None`` for no cap) and ``overrides`` (in place of all others).

    The cap holds at once, overrides from the next period on. Raises ``Conflict`` when the subscription has ended, and
    for overrides when it ends with the period or a change of plan lies ahead.
    """
    _refuse_ended(subscription, now)
    changed = subscription
    if "spend_cap_minor" in sent:
        changed = replace(changed, spend_cap_minor=sent["spend_cap_minor"])
    return _override(changed, sent["overrides"] or {}, now) if "overrides" in sent else changed


def _override(subscription: Subscription, overrides: Mapping[str, Any], now: datetime) -> Subscription:
    if find_scheduled_change(subscription, now) is not None:
        raise Conflict("A change of plan is scheduled; take it back first.")
    base = without_scheduled(subscription, now)
    current = terms_at(base, now)
    if overrides == current.overrides:
        return base
    terms = replace(current, overrides=overrides)
    first = base.runs[0]
    if now < first.start_at:
        return replace(base, runs=(replace(first, phases=(Phase(first.start_at, terms),)),))
    period = find_period_at(base, now)
    assert period is not None, "a subscription that has begun and not ended"
    if period.end_at == base.end_at:
        raise Conflict("The subscription ends with this period; overrides would hold from the next one on.")
    return with_phase(base, Phase(period.end_at, terms))


def cancel(subscription: Subscription, *, at: When, now: datetime) -> Subscription:
    """End a subscription now, with its period (or trial), or at an instant; one that is scheduled never begins.

    An end that is set may come closer, never later. Raises ``Conflict`` when it has ended, ends before that, or the
    period is closed; ``InvalidInput`` for an instant that is past or too far ahead.
    """
    _refuse_ended(subscription, now)
    if isinstance(at, datetime):
        _refuse_instant(at, now)
    instant = max(_instant_of(subscription, at, now), subscription.start_at)
    if instant <= now and _has_just_begun(subscription, instant):
        # What has begun lasts, however shortly: what was charged for that period comes back there.
        instant += _MOMENT
    if subscription.end_at is not None and instant > subscription.end_at:
        raise Conflict("The subscription ends before that already.")
    if instant >= subscription.runs[0].start_at and instant != subscription.end_at:
        _open_period(subscription, instant)
    return replace(subscription, end_at=instant)


def _has_just_begun(subscription: Subscription, instant: datetime) -> bool:
    """Tell whether the subscription begins at an instant, or a period of it whose fees are on an invoice."""
    if instant == subscription.start_at:
        return True
    period = find_period_at(subscription, instant)
    return period is not None and period.start_at == instant and period.number < subscription.progress.advance_until


def resume(subscriptions: Subscriptions, number: int, *, now: datetime) -> Subscription:
    """Take back what lies ahead: a change of plan, and an end.

    Raises ``NotFound``, or ``Conflict`` when there is nothing to take back, when the subscription has ended, and when
    another one begins after its end.
    """
    subscription = get_subscription(subscriptions, number)
    _refuse_ended(subscription, now)
    change = find_scheduled_change(subscription, now)
    if change is None and subscription.end_at is None:
        raise Conflict("Nothing is scheduled that could be taken back.")
    if subscription.end_at is not None:
        _refuse_follower(subscriptions, subscription, now)
    resumed = replace(subscription, end_at=None)
    return resumed if change is None else _without_change(resumed, change.terms, now)


def _refuse_follower(subscriptions: Subscriptions, subscription: Subscription, now: datetime) -> None:
    following = (one for one in subscriptions.subscriptions if one.start_at > subscription.start_at)
    if any(not has_ended(one, now) for one in following):
        raise Conflict("Another subscription begins when this one ends.")


def _without_change(subscription: Subscription, dropped: Terms, now: datetime) -> Subscription:
    """Take a change of plan back; overrides that waited for the next period when it came go on waiting for it."""
    base, current = without_scheduled(subscription, now), current_terms(subscription, now)
    if dropped.plan != current.plan or dropped.overrides == current.overrides:
        return base
    return _override(base, dropped.overrides, now)
