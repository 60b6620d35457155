"""Commands on subscriptions: those that owe an advance fee at once are written together with its invoice.

A new subscription whose first period has begun, and a change that begins another period now, charge their advance fees
in the same transaction; the unused part of a fee that was charged before comes back on the same invoice.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from chalicelib.catalog import plan_service, subscription_service
from chalicelib.catalog.plan_content import PlanVersion
from chalicelib.catalog.plans import Plan
from chalicelib.catalog.subscription_changes import (
    NewSubscription,
    When,
    cancel,
    change_details,
    change_plan,
    changed_terms,
    get_subscription,
    new_subscription,
    resume,
)
from chalicelib.catalog.subscriptions import Subscription, Terms
from chalicelib.catalog.timeline import current_terms, find_period
from chalicelib.invoices import finalization
from chalicelib.invoices.numbering import find_subscription_ref
from chalicelib.invoices.opening import open_billing
from chalicelib.invoices.progress import OpenDraft, advance_ref
from chalicelib.invoices.reader import Billing
from chalicelib.platform.outbox import outbox_write
from chalicelib.platform.writes import Write
from chalicelib.shared.errors import Fault, InvalidInput, NotFound
from chalicelib.shared.money import to_minor
from chalicelib.shared.values import dataclass


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription as a command leaves it, its plan now, and what has to be written for that."""

    subscription: Subscription
    plan: Plan
    writes: tuple[Write, ...]


def no_such_subscription() -> NotFound:
    """Say that there is no such subscription: the same words whether it is unknown or somebody else's."""
    return NotFound("There is no such subscription.")


def find_terms(plan: str, version: int | None, overrides: Mapping[str, Any] | None) -> tuple[Terms, Plan]:
    """Read the terms that a body names, with the plan they come to; raises ``InvalidInput`` with every fault."""
    found = _version(plan, version)
    terms = plan_service.accept_overrides(found, overrides) if overrides else Terms(found.key, found.version)
    return terms, plan_service.effective_plan(terms)


def _version(plan: str, version: int | None) -> PlanVersion:
    try:
        return plan_service.get_plan_version(plan, version)
    except NotFound:
        field = "/plan" if version is None else "/version"
        detail = "there is no such plan" if version is None else "there is no such version of the plan"
        raise InvalidInput("The subscription cannot be like this.", [Fault(field, detail)]) from None


def subscribe(billing: Billing, wanted: NewSubscription) -> Subscribed:
    """Make a subscription; the advance fee of a first period that has begun is invoiced at once."""
    late_limit = billing.settings.late_limit_days
    made = new_subscription(billing.subscriptions, wanted, late_limit_days=late_limit, now=billing.now)
    billing.plans.add(wanted.terms, wanted.plan)
    return _written(billing, made, "subscription.created", begins=0)


def _written(billing: Billing, changed: Subscription, event: str, *, begins: int | None = None) -> Subscribed:
    """Make the writes of a changed subscription; ``begins`` is the period that may begin with it now."""
    told = outbox_write(event, {"subscription": changed.id}, organization=changed.organization, now=billing.now)
    begun = None if begins is None else find_period(changed, begins)
    if begun is not None and begun.start_at <= billing.now:
        fee = _fee_draft(billing, changed, begun.number)
        # It draws beside the drafts that there are then: the fee of a period that no longer comes claims nothing.
        draft = billing.after(changed, fee).draft(fee)
        writes = finalization.close(billing, draft, [changed]).writes
    else:
        due_at = finalization.due_after(billing, [changed])
        writes = subscription_service.subscription_writes(billing.subscriptions, [changed], due_at=due_at)
    plan = billing.plans.of(current_terms(changed, billing.now))
    return Subscribed(changed, plan, (*writes, told))


def _fee_draft(billing: Billing, subscription: Subscription, number: int) -> OpenDraft:
    """Give the draft of the fees due at once: of a period that begins now, and what comes back of the one before."""
    before = billing.record(subscription, number - 1).advance if number else {}
    # A second change at the same instant begins the same period again, and has an invoice of its own.
    attempt = len(billing.record_of(advance_ref(subscription, number)).numbers)
    return OpenDraft(
        ref=advance_ref(subscription, number, attempt=attempt),
        subscription=subscription,
        period=None,
        finalizes_at=billing.now,
        advance=(number - 1, number) if before else (number,),
    )


@dataclass(frozen=True, slots=True)
class Target:
    """Which subscription a command is for, at which instant; a caller ``bound_to`` an organization sees its own."""

    id: str
    now: datetime
    bound_to: str | None = None


def open_subscription(target: Target) -> tuple[Billing, Subscription]:
    """Read the billing of a subscription's organization, and the subscription; raises ``NotFound``."""
    found = find_subscription_ref(target.id)
    if found is None or target.bound_to not in (None, found[0]):
        raise no_such_subscription()
    try:
        billing = open_billing(found[0], target.now)
        return billing, get_subscription(billing.subscriptions, found[1])
    except NotFound:
        raise no_such_subscription() from None


def change(target: Target, plan: str, version: int | None, *, at: When) -> Subscribed:
    """Change the plan of a subscription: inside the period, at its end, or at an instant."""
    billing, subscription = open_subscription(target)
    now = target.now
    found = _version(plan, version)
    to = changed_terms(subscription, plan=found.key, version=found.version, now=now)
    plan_then = plan_service.effective_plan(to)
    faults = plan_service.override_faults(found, to.overrides) if to.overrides else []
    if faults:
        raise InvalidInput("The overrides of the subscription do not fit that version of the plan.", faults)
    plan_now = billing.plans.of(current_terms(subscription, now))
    changed = change_plan(subscription, to, plan_now=plan_now, plan_then=plan_then, at=at, now=now)
    billing.plans.add(to, plan_then)
    run = changed.runs[-1]
    # A run whose only terms are the new ones begins with the change; one that goes on has got another phase.
    is_new = run not in subscription.runs and len(run.phases) == 1 and run.start_at <= now
    return _written(billing, changed, "subscription.changed", begins=run.first_period if is_new else None)


def end(target: Target, *, at: When) -> Subscribed:
    """Cancel a subscription: now, with its period, or at an instant."""
    return _command(target, lambda _, one: cancel(one, at=at, now=target.now), "subscription.cancelled")


def take_back(target: Target) -> Subscribed:
    """Undo a change or an end that lies ahead."""

    def undo(billing: Billing, one: Subscription) -> Subscription:
        return resume(billing.subscriptions, one.number, now=target.now)

    return _command(target, undo, "subscription.resumed")


def change_terms(target: Target, sent: Mapping[str, Any]) -> Subscribed:
    """Change what was sent: ``spend_cap`` (in major units) at once, ``overrides`` from the next period on."""

    def patch(billing: Billing, one: Subscription) -> Subscription:
        fields: dict[str, Any] = {}
        if "spend_cap" in sent:
            fields["spend_cap_minor"] = cap_minor(sent["spend_cap"], billing.organization.currency)
        if "overrides" in sent:
            terms = _overridden(current_terms(one, target.now), sent["overrides"] or {})
            billing.plans.add(terms, plan_service.effective_plan(terms))
            fields["overrides"] = terms.overrides
        return change_details(one, fields, now=target.now)

    return _command(target, patch, "subscription.changed")


def _overridden(terms: Terms, overrides: Mapping[str, Any]) -> Terms:
    if not overrides:
        return replace(terms, overrides={})
    return plan_service.accept_overrides(plan_service.get_plan_version(terms.plan, terms.version), overrides)


def cap_minor(spend_cap: Decimal | None, currency: str) -> int | None:
    """Turn a spend cap into minor units; raises ``InvalidInput`` when it is finer than the currency."""
    if spend_cap is None:
        return None
    try:
        return to_minor(spend_cap, currency)
    except ValueError as fault:
        raise InvalidInput("The request has a fault.", [Fault("/spend_cap", str(fault))]) from None


def _command(target: Target, decide: Callable[[Billing, Subscription], Subscription], event: str) -> Subscribed:
    billing, subscription = open_subscription(target)
    changed = decide(billing, subscription)
    if changed == subscription:
        return Subscribed(subscription, billing.plans.of(current_terms(subscription, target.now)), ())
    return _written(billing, changed, event)
