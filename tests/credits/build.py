"""Grants, movements and wallets as the credits' tests write them: dates of 2026, amounts in cents."""

from datetime import UTC, datetime
from typing import Any

from chalicelib.credits.grants import Grant
from chalicelib.credits.wallet import Movement, Wallet, add_grants, void_grant

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


def at(day: str) -> datetime:
    """Read ``01-31`` or ``01-31T12:30`` of 2026, UTC."""
    return datetime.fromisoformat(f"2026-{day}").replace(tzinfo=UTC)


def grant(name: str = "gr_a", amount_minor: int = 1500, **terms: Any) -> Grant:
    """Make a grant that has been there since the first of January, unless it says otherwise."""
    given = {"effective_at": JANUARY, "created_at": JANUARY, **terms}
    return Grant(id=name, name=name, amount_minor=amount_minor, **given)


def wallet(*grants: Grant, recorded_at: datetime = JANUARY) -> Wallet:
    """Make a wallet of grants that were all added at once."""
    return add_grants(Wallet(organization="acme", currency="USD"), grants, recorded_at=recorded_at)


def movement(name: str = "gr_a", amount_minor: int = 100, **said: Any) -> Movement:
    """Make a movement of an invoice."""
    given = {"invoice": "inv_1", "effective_at": at("02-01"), **said}
    return Movement(grant=name, amount_minor=amount_minor, **given)


def void_at_once(one: Wallet, name: str = "gr_a", *, reason: str = "x", recorded_at: datetime) -> Wallet:
    """Void a grant that no draft draws from or may still claim."""
    return void_grant(one, name, pending_minor=0, waits=False, reason=reason, recorded_at=recorded_at)
