"""Answers about credit that a test makes up."""

from collections.abc import Mapping
from typing import Any

from tests.console.fake_api import NOW, ORGANIZATION, SESSION, Answers, FakeApi, listed

CREDITS = "organizations/acme/credits"
EMPTY_BALANCE: dict[str, Any] = {
    **dict.fromkeys(("allocated", "consumed", "pending", "expired", "voided", "held", "remaining"), "0.00"),
    **dict.fromkeys(("scheduled", "unbooked", "ledger_balance"), "0.00"),
    "expiring_soon": [],
    "depletes_on": None,
    "as_of": NOW,
}
BALANCE: dict[str, Any] = {
    **EMPTY_BALANCE,
    "allocated": "500.00",
    "consumed": "250.00",
    "pending": "60.00",
    "expired": "80.00",
    "voided": "50.00",
    "held": "20.00",
    "remaining": "40.00",
    "scheduled": "100.00",
    "ledger_balance": "220.00",
}
LONG_NAME = "Credit of the very long name " + "Donaudampfschifffahrtsgesellschaft" * 4
ARABIC_NAME = "رصيد الترويج للربع الأول"
MARKUP = '<img src=x onerror="document.title=1"><b>bold</b>'
HUGE = "123456789012345678.00"
HASH = "ab" * 32


def grant(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Make a grant that is active and untouched."""
    return {
        "id": f"gr_{number}",
        "name": f"Grant {number}",
        "amount": "100.00",
        **dict.fromkeys(("consumed", "pending", "expired", "voided", "held"), "0.00"),
        "remaining": "100.00",
        "effective_at": "2026-01-01T00:00:00Z",
        "expires_at": "2026-12-31T00:00:00Z",
        "priority": 50,
        "cost_basis": "0",
        "applies_to": None,
        "recurrence": None,
        "status": "active",
        "created_at": "2026-01-01T00:00:00Z",
        "invoice": None,
        **changes,
    }


def entry(seq: int = 1, **changes: Any) -> dict[str, Any]:
    """Make an entry of the ledger that books a grant."""
    return {
        "seq": seq,
        "kind": "grant",
        "grant": "gr_1",
        "amount": "100.00",
        "balance": "100.00",
        "effective_at": "2026-01-01T00:00:00Z",
        "recorded_at": "2026-01-01T00:00:00Z",
        "invoice": None,
        "note": None,
        "hash": HASH,
        "previous_hash": "0" * 64,
        "pending": False,
        **changes,
    }


def pending_entry(**changes: Any) -> dict[str, Any]:
    """Make what a draft draws."""
    unbooked = dict.fromkeys(("seq", "balance", "recorded_at", "hash", "previous_hash"))
    drawn = {"kind": "drawdown", "amount": "-60.00", "invoice": "inv_acme.1p0.0", "pending": True}
    return {**entry(), **unbooked, **drawn, "by_day": {"2026-01-19": "60.00"}, **changes}


def ahead(kind: str = "expires", **changes: Any) -> dict[str, Any]:
    """Make something that lies ahead."""
    return {"at": "2026-12-31T00:00:00Z", "kind": kind, "grant": "gr_1", "amount": "100.00", **changes}


def paid(day: str = "2026-01-19", **changes: Any) -> dict[str, Any]:
    """Make what a grant paid on a day."""
    return {"day": day, "charge": "training", "grant": "gr_1", "amount": "60.00", "pending": True, **changes}


def hold(**changes: Any) -> dict[str, Any]:
    """Make an open hold."""
    return {
        "id": "hold_1",
        "amount": "20.00",
        "reference": "job 4711",
        "status": "open",
        "created_at": NOW,
        "expires_at": "2026-01-21T10:42:00Z",
        "released_at": None,
        "grants": [{"grant": "gr_1", "amount": "20.00"}],
        **changes,
    }


def verified(entries: int = 3, **changes: Any) -> dict[str, Any]:
    """Make what checking a ledger answers: all of it is right."""
    return {
        "entries": entries,
        "valid": True,
        "first_invalid_seq": None,
        "wrong": None,
        "wrong_invoice": None,
        "wrong_grants": [],
        "head_hash": HASH,
        "checked_to": entries,
        "next_cursor": None,
        **changes,
    }


def credits_api(*, role: str = "read", **answers: Any) -> FakeApi:
    """Make an API whose organization has no credit, but for what is named: balance, grants, ledger and so on."""
    api = FakeApi()
    api.on("session", {**SESSION, "role": role})
    api.on("organizations/acme/subscriptions", listed())
    api.on("meters", listed())
    empty: dict[str, Any] = {"balance": EMPTY_BALANCE, "verify": verified(0, head_hash=None)}
    for name in ("balance", "grants", "ledger", "schedule", "usage", "holds", "verify"):
        path = CREDITS if name == "balance" else f"{CREDITS}/{name}"
        api.on(path, answers.get(name, empty.get(name, listed())))
    return api


def _whole_ledger() -> list[dict[str, Any]]:
    """Make an entry of each kind, newest first, and a pending one before them."""
    kinds = ("grant", "carried", "drawdown", "reversal", "expiry", "void")
    entries = [entry(seq, kind=kind, grant=f"gr_{seq}") for seq, kind in enumerate(kinds, start=1)]
    entries[0].update(amount=HUGE, balance=f"-{HUGE}", note=MARKUP)
    entries[1].update(note=LONG_NAME, invoice="inv_acme.1p0.0", by_day={"2026-01-01": HUGE})
    return [pending_entry(), *reversed(entries)]


WHOLE_LEDGER = _whole_ledger()


def whole_api(**changes: Any) -> FakeApi:
    """Make an API with some of everything: each status, each kind, long and foreign names, markup, 18 digits."""
    statuses = ("active", "depleted", "expired", "voided", "scheduled")
    grants = [grant(number, status=status) for number, status in enumerate(statuses, start=1)]
    grants[0].update(name=LONG_NAME, amount=HUGE, consumed=HUGE, remaining="0.00", cost_basis="0.000000000001")
    grants[1].update(name=ARABIC_NAME, applies_to={"charges": [MARKUP, "training"]}, held="20.00")
    grants[2].update(name=MARKUP, applies_to="all", recurrence={"every": "month", "count": 12}, expired="100.00")
    soon = [
        {"grant": f"gr_{number}", "amount": "10.00", "expires_at": "2026-01-25T00:00:00Z"} for number in range(1, 6)
    ]
    answers: dict[str, Any] = {
        "balance": {**BALANCE, "allocated": HUGE, "consumed": HUGE, "expiring_soon": soon, "depletes_on": "2026-01-24"},
        "grants": listed(*grants),
        "ledger": listed(*WHOLE_LEDGER),
        "schedule": listed(ahead("effective", grant="gr_2"), ahead("recurs", grant="gr_3.7"), ahead(amount=HUGE)),
        "usage": listed(paid(grant="gr_1"), paid(charge=MARKUP, grant="gr_2", amount=HUGE), paid(charge=None)),
        "holds": listed(hold(amount=HUGE, reference=MARKUP), hold(id="hold_2", reference=ARABIC_NAME)),
        "verify": verified(1_234_567),
        **changes,
    }
    return credits_api(role="admin", **answers)


def with_plan(api: FakeApi) -> FakeApi:
    """Add a subscription to a plan with a charge that is priced by a dimension, and one that is not."""
    subscription = {"id": "sub_1", "plan": "scale", "version": 2, "status": "active", "overrides": {}}
    api.on("organizations/acme/subscriptions", listed(subscription))
    by_model = {"dimension": "model", "prices": {"large": {"model": "per_unit", "unit_price": "2"}}}
    charges = [
        {"key": "inference", "name": "Inference", "type": "usage", "meter": "tokens", "prices_by": by_model},
        {"key": "training", "name": MARKUP, "type": "usage", "meter": "hours", "unit_price": "2"},
        {"key": "platform", "name": "Platform", "type": "recurring", "amount": "10.00"},
    ]
    api.on("plans/scale/versions/2", {"key": "scale", "version": 2, "charges": charges})
    api.on("meters", listed({"key": "tokens", "unit": "token"}, {"key": "hours", "unit": None}))
    return api


def paged(rows: list[dict[str, Any]]) -> Answers:
    """Answer a list in pages, as the API does."""

    def page(query: Mapping[str, list[str]]) -> dict[str, Any]:
        start, limit = int(query.get("cursor", ["0"])[0]), int(query["limit"][0])
        end = start + limit
        return listed(*rows[start:end], next_cursor=str(end) if end < len(rows) else None)

    return page


ORGANIZATION_OF_MANY_WORDS = {**ORGANIZATION, "name": LONG_NAME, "timezone": "America/New_York"}
