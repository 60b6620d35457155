"""How a subscription is shown, and what its terms let its organization see."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from chalicelib.catalog.plans import Plan
from chalicelib.catalog.subscription_changes import find_scheduled_change
from chalicelib.catalog.subscriptions import Phase, Subscription, Subscriptions, Terms
from chalicelib.catalog.timeline import (
    Span,
    current_terms,
    find_current,
    find_previous,
    has_ended,
    run_at,
    status_of,
)
from chalicelib.shared.money import show_money
from chalicelib.shared.time import format_instant

DEFAULT_HISTORY_DAYS = 90


def show_subscription(subscription: Subscription, plan_now: Plan, now: datetime) -> dict[str, Any]:
    """Show a subscription as it is now; ``plan_now`` is the plan of its ``current_terms``."""
    terms = current_terms(subscription, now)
    cap_minor = subscription.spend_cap_minor
    return {
        "id": subscription.id,
        "organization": subscription.organization,
        "plan": terms.plan,
        "version": terms.version,
        "status": status_of(subscription, now).value,
        "start": format_instant(subscription.start_at),
        "end": _shown(subscription.end_at),
        "trial_end": _shown(subscription.trial_end_at),
        "anchor": run_at(subscription, now).anchor.value,
        "billing_period": plan_now.billing_period.value,
        "payment": subscription.payment.value,
        "spend_cap": None if cap_minor is None else show_money(cap_minor, plan_now.currency),
        "overrides": dict(terms.overrides),
        "current_period": _shown_span(find_current(subscription, now)),
        "previous_period": _shown_span(find_previous(subscription, now)),
        "scheduled_change": _shown_change(subscription, now),
        "usage_history_days": plan_now.usage_history_days,
        "created_at": format_instant(subscription.created_at),
        "history": list(_history(subscription, now)),
    }


def _shown(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)


def _shown_span(span: Span | None) -> dict[str, str] | None:
    return None if span is None else {"start": format_instant(span.start_at), "end": format_instant(span.end_at)}


def _shown_change(subscription: Subscription, now: datetime) -> dict[str, Any] | None:
    """Show the change that lies ahead, unless the subscription ends before it."""
    change = find_scheduled_change(subscription, now)
    if change is None or not _takes_effect(subscription, change):
        return None
    return {"plan": change.terms.plan, "version": change.terms.version, "at": format_instant(change.start_at)}


def _takes_effect(subscription: Subscription, phase: Phase) -> bool:
    return subscription.end_at is None or phase.start_at < subscription.end_at


def _history(subscription: Subscription, now: datetime) -> Iterator[dict[str, Any]]:
    """List the plan versions that have held, one after the other; the first one from the start on, as in a trial."""
    first, *later = [phase for run in subscription.runs for phase in run.phases]
    begun = [phase for phase in later if phase.start_at <= now and _takes_effect(subscription, phase)]
    shown = None
    for start_at, terms in [(subscription.start_at, first.terms), *((one.start_at, one.terms) for one in begun)]:
        if (terms.plan, terms.version) != shown:
            shown = terms.plan, terms.version
            yield {"plan": terms.plan, "version": terms.version, "from": format_instant(start_at)}


def list_terms(subscriptions: Subscriptions) -> list[Terms]:
    """List all terms that any subscription has, had or will have, each once."""
    phases = (phase for one in subscriptions.subscriptions for run in one.runs for phase in run.phases)
    found: list[Terms] = []
    for phase in phases:
        if phase.terms not in found:
            found.append(phase.terms)
    return found


def find_subscription_at(subscriptions: Subscriptions, now: datetime) -> Subscription | None:
    """Find the subscription that has begun and not ended; there is at most one."""
    begun = (one for one in subscriptions.subscriptions if one.start_at <= now)
    return next((one for one in begun if not has_ended(one, now)), None)


def find_history_terms(subscriptions: Subscriptions, now: datetime) -> Terms | None:
    """Find the terms that decide how far back usage is shown: of the current subscription, else of the last one."""
    current = find_subscription_at(subscriptions, now)
    if current is not None:
        return current_terms(current, now)
    ended = [(one.end_at, one) for one in subscriptions.subscriptions if one.end_at is not None and one.end_at <= now]
    if not ended:
        return None
    return current_terms(max(ended, key=lambda pair: pair[0])[1], now)


def priced_meters(plans: Iterable[Plan]) -> frozenset[str]:
    """Name the meters that a charge of any of these plans prices."""
    return frozenset(charge.meter for plan in plans for charge in plan.usage_charges)
