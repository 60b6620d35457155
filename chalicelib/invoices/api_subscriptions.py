"""Subscriptions over HTTP. They are served here because an advance fee is invoiced in the transaction of its cause."""

from typing import Any

from chalicelib.catalog import plan_service, subscription_service
from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.subscription_answers import show_subscription
from chalicelib.catalog.subscription_changes import NewSubscription
from chalicelib.catalog.subscriptions import Subscription
from chalicelib.catalog.timeline import current_terms
from chalicelib.invoices import subscribing
from chalicelib.invoices.opening import open_billing
from chalicelib.invoices.subscribing import Subscribed, Target
from chalicelib.invoices.subscription_models import (
    CancelBody,
    ChangeBody,
    NewSubscriptionBody,
    SubscriptionAnswer,
    SubscriptionList,
    SubscriptionPatch,
)
from chalicelib.platform.http import ADMIN, READ, Answer, Effect, ListQuery, Request, Routes
from chalicelib.shared.errors import check_all

routes = Routes("invoices")


@routes.post(
    "/v1/organizations/{org}/subscriptions",
    roles={ADMIN},
    body=NewSubscriptionBody,
    answers={201: SubscriptionAnswer},
    problems=("not-found", "conflict"),
)
def create_subscription(request: Request) -> Effect:
    """Subscribe an organization to a plan; an advance fee of a period that has begun is invoiced at once."""
    body: NewSubscriptionBody = request.body
    billing = open_billing(request.path["org"], request.now)
    currency = billing.organization.currency
    (terms, plan), cap_minor = check_all(
        lambda: subscribing.find_terms(body.plan, body.version, body.overrides),
        lambda: subscribing.cap_minor(body.spend_cap, currency),
    )
    wanted = NewSubscription(
        organization=billing.organization,
        plan=plan,
        terms=terms,
        start_at=body.start,
        end_at=body.end,
        anchor=body.anchor,
        trial_days=body.trial_days,
        payment=body.payment,
        spend_cap_minor=cap_minor,
    )
    return _effect(subscribing.subscribe(billing, wanted), request, 201)


def _effect(done: Subscribed, request: Request, status: int = 200) -> Effect:
    return Effect(Answer(show_subscription(done.subscription, done.plan, request.now), status), done.writes)


@routes.get(
    "/v1/organizations/{org}/subscriptions",
    roles={READ},
    query=ListQuery,
    answers={200: SubscriptionList},
    problems=("not-found",),
)
def list_subscriptions(request: Request) -> Answer:
    """List an organization's subscriptions, the latest first."""
    organization = catalog_service.get_organization(request.path["org"])
    stored = subscription_service.read_subscriptions(organization.id).subscriptions
    below = request.position()
    rest = [one for one in reversed(stored) if below is None or one.number < below]
    page = rest[: request.query.limit]
    shown = _show_all(page, request)
    return request.list_answer(shown, page[-1].number if len(rest) > len(page) else None)


def _show_all(page: list[Subscription], request: Request) -> list[dict[str, Any]]:
    plans = plan_service.effective_plans([current_terms(one, request.now) for one in page])
    return [show_subscription(one, plan, request.now) for one, plan in zip(page, plans, strict=True)]


@routes.get(
    "/v1/subscriptions/{subscription}",
    roles={READ},
    scope="any",
    answers={200: SubscriptionAnswer},
    problems=("not-found",),
)
def get_subscription(request: Request) -> Answer:
    """Show a subscription."""
    billing, found = subscribing.open_subscription(_target(request))
    plan = billing.plans.of(current_terms(found, request.now))
    return Answer(show_subscription(found, plan, request.now))


def _target(request: Request) -> Target:
    return Target(request.path["subscription"], request.now, request.caller.organization)


@routes.patch(
    "/v1/subscriptions/{subscription}",
    roles={ADMIN},
    scope="any",
    body=SubscriptionPatch,
    answers={200: SubscriptionAnswer},
    problems=("not-found", "conflict"),
)
def change_subscription_terms(request: Request) -> Effect:
    """Change the spend cap at once, and overrides from the next period on; only what is sent."""
    body: SubscriptionPatch = request.body
    sent = {name: getattr(body, name) for name in body.model_fields_set}
    return _effect(subscribing.change_terms(_target(request), sent), request)


@routes.post(
    "/v1/subscriptions/{subscription}/change",
    roles={ADMIN},
    scope="any",
    body=ChangeBody,
    answers={200: SubscriptionAnswer},
    problems=("not-found", "conflict"),
)
def change_subscription_plan(request: Request) -> Effect:
    """Change the plan: now, at the period's end, or at an instant."""
    body: ChangeBody = request.body
    return _effect(subscribing.change(_target(request), body.plan, body.version, at=body.at), request)


@routes.post(
    "/v1/subscriptions/{subscription}/cancel",
    roles={ADMIN},
    scope="any",
    body=CancelBody,
    answers={200: SubscriptionAnswer},
    problems=("not-found", "conflict"),
)
def cancel_subscription(request: Request) -> Effect:
    """End a subscription: now, with its period, or at an instant."""
    return _effect(subscribing.end(_target(request), at=request.body.at), request)


@routes.post(
    "/v1/subscriptions/{subscription}/resume",
    roles={ADMIN},
    scope="any",
    answers={200: SubscriptionAnswer},
    problems=("not-found", "conflict"),
)
def resume_subscription(request: Request) -> Effect:
    """Take back a change or an end that lies ahead."""
    return _effect(subscribing.take_back(_target(request)), request)
