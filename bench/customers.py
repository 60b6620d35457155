"""What is billed in the bench: a plan of ten charges, one for each meter, and organizations that subscribe to it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bench.workload import METER_KEYS, ORGANIZATION
from chalicelib.catalog import plan_service
from chalicelib.catalog.subscription_changes import NewSubscription
from chalicelib.invoices import subscribing
from chalicelib.invoices.opening import open_billing
from chalicelib.platform.answers import Answer
from chalicelib.platform.writes import Effect, commit, run_command

PLAN = "ten"
_TIERS = [{"up_to": "1000", "unit_price": "0.02"}, {"up_to": "100000", "unit_price": "0.01"}]
_MODELS: Sequence[Mapping[str, Any]] = (
    {"model": "per_unit", "unit_price": "0.000125"},
    {"model": "graduated", "tiers": [*_TIERS, {"up_to": None, "unit_price": "0.005"}]},
    {"model": "volume", "tiers": [*_TIERS, {"up_to": None, "unit_price": "0.004"}]},
    {"model": "package", "package_size": "1000", "package_price": "0.5"},
)

Charge = Mapping[str, Any]


def ten_charges() -> list[Charge]:
    """Price each of the ten meters, the four models in turn."""
    return [
        {"key": key, "name": key, "type": "usage", "meter": key, **_MODELS[place % len(_MODELS)]}
        for place, key in enumerate(METER_KEYS)
    ]


def advance_fee() -> Charge:
    """Charge a fee for the coming period."""
    return {"key": "base", "name": "Base fee", "type": "recurring", "amount": "49", "timing": "advance"}


def publish_plan(key: str, charges: Sequence[Charge], now: datetime) -> None:
    """Publish the first version of a monthly plan in dollars."""
    sent = {"name": key, "currency": "USD", "billing_period": "month", "charges": charges}
    commit(plan_service.version_writes(plan_service.new_version(sent, key=key, version=1, now=now)))


def subscribe(plan: str, now: datetime, organization: str = ORGANIZATION) -> None:
    """Subscribe an organization to a plan from now on, by calendar months."""
    run_command(lambda: _subscribed(plan, now, organization))


def _subscribed(plan: str, now: datetime, organization: str) -> Effect:
    billing = open_billing(organization, now)
    terms, found = subscribing.find_terms(plan, None, None)
    wanted = NewSubscription(organization=billing.organization, plan=found, terms=terms)
    return Effect(Answer(), subscribing.subscribe(billing, wanted).writes)
