"""Subscriptions and plans for tests, in as few words as each test needs."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from chalicelib.catalog.organizations import Organization
from chalicelib.catalog.plans import Plan, Price, PriceModel, RecurringCharge, Timing, UsageCharge
from chalicelib.catalog.subscription_changes import NewSubscription, new_subscription
from chalicelib.catalog.subscriptions import (
    Payment,
    Period,
    Phase,
    Run,
    Subscription,
    Subscriptions,
    Terms,
)
from chalicelib.shared.billing_periods import Anchor, PeriodUnit
from chalicelib.shared.time import format_instant, parse_instant, quarter_hour_of

MONTH, CALENDAR, ANNIVERSARY = PeriodUnit.MONTH, Anchor.CALENDAR, Anchor.ANNIVERSARY
BASIC, PRO = Terms("basic", 1), Terms("pro", 1)


def at(text: str) -> datetime:
    """Read ``2026-01-31`` (midnight UTC), ``2026-01-31T10:07`` or a whole instant."""
    return parse_instant(text + {10: "T00:00:00Z", 16: ":00Z"}.get(len(text), ""))


def run(start: str, *phases: Phase, unit: PeriodUnit = MONTH, anchor: Anchor = CALENDAR, first: int = 0) -> Run:
    begun = phases or (Phase(at(start), BASIC),)
    return Run(start_at=at(start), unit=unit, anchor=anchor, first_period=first, phases=begun)


def subscribed(*runs: Run, timezone: str = "UTC", **fields: Any) -> Subscription:
    """Make a subscription that begins with its first run, or in a trial before it where ``start_at`` is given."""
    start_at = fields.pop("start_at", runs[0].start_at)
    made: dict[str, Any] = {
        "organization": "acme",
        "number": 1,
        "trial_end_at": runs[0].start_at if start_at < runs[0].start_at else None,
        "end_at": None,
        "metered_from": quarter_hour_of(start_at),
        "payment": Payment.POSTPAID,
        "spend_cap_minor": None,
        "created_at": start_at,
    }
    return Subscription(timezone=timezone, start_at=start_at, runs=runs, **(made | fields))


def subscription(start: str, *, unit: PeriodUnit = MONTH, anchor: Anchor = CALENDAR, **fields: Any) -> Subscription:
    return subscribed(run(start, unit=unit, anchor=anchor), **fields)


def together(*made: Subscription, version: int = 1) -> Subscriptions:
    return Subscriptions(organization="acme", version=version, subscriptions=made)


def plan(key: str = "basic", version: int = 1, *, unit: PeriodUnit = MONTH, **fields: Any) -> Plan:
    usage = UsageCharge(key="calls", name="Calls", meter="api_calls", price=Price(model=PriceModel.PER_UNIT))
    made: dict[str, Any] = {
        "name": key,
        "currency": "USD",
        "charges": (usage,),
        "minimum_minor": None,
        "discount_percent": Decimal(0),
        "usage_history_days": 90,
        "net_days": 30,
        "grace_hours": 24,
        "created_at": at("2026-01-01"),
    }
    return Plan(key=key, version=version, billing_period=unit, **(made | fields))


def plan_with_fee(key: str, timing: Timing = Timing.ADVANCE, *, unit: PeriodUnit = MONTH) -> Plan:
    fee = RecurringCharge(key="base", name="Base", amount_minor=3000, timing=timing)
    return plan(key, unit=unit, charges=(fee,))


def organization(timezone: str = "UTC", currency: str = "USD") -> Organization:
    return Organization(id="acme", name="Acme", currency=currency, timezone=timezone, created_at=at("2025-01-01"))


def made(existing: Sequence[Subscription] = (), *, now: str, timezone: str = "UTC", **fields: Any) -> Subscription:
    """Make a new subscription to the basic plan as a request would."""
    wanted = NewSubscription(organization=organization(timezone), plan=plan(), terms=BASIC, **fields)
    return new_subscription(together(*existing), wanted, late_limit_days=35, now=at(now))


def shown(period: Period | None) -> tuple[str, str] | None:
    """Show a period's exact bounds."""
    return None if period is None else (format_instant(period.start_at), format_instant(period.end_at))


def days_of(period: Period) -> str:
    """Show the local days of a period, each part for itself, and how many the full period has."""
    parts = [f"{part.first_on:%d %b}-{part.end_on:%d %b} {part.days}" for part in period.parts]
    return ", ".join(parts) + f" of {period.full_days}"
