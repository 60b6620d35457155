"""Plans and subscriptions in real tables, with periods that are closed as the billing run would close them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from chalicelib.catalog import plan_service, service, subscription_service
from chalicelib.catalog.subscriptions import (
    BillingProgress,
    Payment,
    Phase,
    Run,
    SettlingPeriod,
    Subscription,
    Subscriptions,
    Terms,
)
from chalicelib.catalog.timeline import find_period
from chalicelib.platform.writes import commit
from chalicelib.shared.billing_periods import Anchor, PeriodUnit
from chalicelib.shared.time import parse_instant, quarter_hour_of

LATE_LIMIT = timedelta(days=35)


def add_plan(key: str = "pro", *, meters: Sequence[str] = (), **more: Any) -> Terms:
    """Publish a plan that prices some meters at a cent each."""
    price = {"type": "usage", "model": "per_unit", "unit_price": "0.01"}
    charges = [{"key": meter, "name": meter, "meter": meter, **price} for meter in meters]
    content = {"name": key, "currency": "USD", "billing_period": "month", "charges": charges, **more}
    now = parse_instant("2025-01-01T00:00:00Z")
    commit(plan_service.version_writes(plan_service.new_version(content, key=key, version=1, now=now)))
    return Terms(key, 1)


def subscribe(organization: str, start: str, *, meters: Sequence[str] = (), **plan: Any) -> Subscription:
    """Subscribe an organization to a monthly plan of its own from an instant on."""
    read = subscription_service.read_subscriptions(organization)
    number, start_at = len(read.subscriptions) + 1, parse_instant(start)
    terms = add_plan(f"{organization}-{number}", meters=meters, **plan)
    phases = (Phase(start_at, terms),)
    made = Subscription(
        organization=organization,
        number=number,
        timezone=service.get_organization(organization).timezone,
        start_at=start_at,
        trial_end_at=None,
        end_at=None,
        metered_from=quarter_hour_of(start_at),
        runs=(Run(start_at=start_at, unit=PeriodUnit.MONTH, anchor=Anchor.CALENDAR, first_period=0, phases=phases),),
        payment=Payment.POSTPAID,
        spend_cap_minor=None,
        created_at=start_at,
    )
    put(read, made)
    return made


def put(read: Subscriptions, changed: Subscription) -> None:
    """Store a subscription."""
    commit(subscription_service.subscription_writes(read, [changed], due_at=None))


def close_periods(subscription: Subscription, count: int, *, settled: int = 0) -> Subscription:
    """Close the first periods of a subscription; the first ``settled`` of them take no late usage any more."""
    settling = []
    for number in range(settled, count):
        period = find_period(subscription, number)
        assert period is not None
        until = period.end_at + LATE_LIMIT
        settling.append(SettlingPeriod(number=number, start=period.start, end=period.end, late_usage_until=until))
    closed = replace(subscription, progress=BillingProgress(next_period=count, settling=tuple(settling)))
    put(subscription_service.read_subscriptions(subscription.organization), closed)
    return closed


def touched(organization: str) -> list[int]:
    """List the periods whose counters were noted as written after they had been closed."""
    subscriptions = subscription_service.read_subscriptions(organization).subscriptions
    return [period.number for one in subscriptions for period in one.progress.settling if period.touched]
