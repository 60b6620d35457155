"""Credit while drafts are open, through the public API: what they draw stays theirs, also when a grant is voided.

One usage charge at 0.01 a token, used since the first of January; a grant of 10.00 from then on.
"""

from typing import Any

import pytest

from chalicelib.credits import claim_service
from chalicelib.invoices.claiming import DraftClaims
from tests.catalog.problems import code_of
from tests.client import ApiClient
from tests.invoices.driving import (
    add_meter,
    add_organization,
    add_plan,
    body_of,
    run,
    send,
    set_clock,
    subscribe,
)

CREDITS = "/v1/organizations/acme/credits"
NOTHING = {"settled": 0, "entries": 0, "failed": 0, "left": 0}


@pytest.fixture
def acme(client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> ApiClient:
    monkeypatch.setattr(claim_service._source, "_taken", [DraftClaims()])
    set_clock("2026-01-01")
    add_organization(client)
    add_meter(client)
    add_plan(client)
    subscribe(client)
    return client


def give(client: ApiClient, **terms: Any) -> str:
    sent = {"name": "Start", "amount": "10.00", **terms}
    return str(body_of(client.post(f"{CREDITS}/grants", sent), 201)["id"])


def hold(client: ApiClient, amount: str, expires_in: int = 3600) -> Any:
    return client.post(f"{CREDITS}/holds", {"amount": amount, "expires_in": expires_in, "reference": "job"})


def void(client: ApiClient, grant: str) -> Any:
    return client.post(f"{CREDITS}/grants/{grant}/void", {"reason": "a mistake"})


def standing(client: ApiClient) -> dict[str, str]:
    """Give the amounts of the one grant that are not zero, and check that they add up, as those of the summary do."""
    [grant] = body_of(client.get(f"{CREDITS}/grants"))["data"]
    summary = body_of(client.get(CREDITS))
    names = ("consumed", "pending", "expired", "voided", "held", "remaining")
    cents = {name: int(grant[name].replace(".", "")) for name in names}
    assert sum(cents.values()) == 1000
    assert all(grant[name] == summary[name] for name in names), (grant, summary)
    return {name: grant[name] for name in names if cents[name]}


def ledger(client: ApiClient) -> list[tuple[str, str, str | None]]:
    shown = body_of(client.get(f"{CREDITS}/ledger"))["data"]
    return [(one["kind"], one["amount"], one["note"]) for one in shown]


def test_what_drafts_draw_cannot_be_held(acme: ApiClient) -> None:
    give(acme)
    set_clock("2026-01-10")
    send(acme, "a", "2026-01-05T00:00:00Z", 400)
    assert code_of(hold(acme, "6.01")) == "insufficient-credit"
    assert hold(acme, "6.00").status_code == 201
    assert standing(acme) == {"pending": "4.00", "held": "6.00"}
    send(acme, "b", "2026-01-06T00:00:00Z", 100)
    # What comes after a hold is due in money until it is given back.
    assert standing(acme) == {"pending": "4.00", "held": "6.00"}
    set_clock("2026-01-10T01:00:00Z")
    assert standing(acme) == {"pending": "5.00", "remaining": "5.00"}


def test_a_void_leaves_to_drafts_what_was_used_before_and_is_booked_after_them(acme: ApiClient) -> None:
    grant = give(acme)
    set_clock("2026-01-10")
    send(acme, "a", "2026-01-05T00:00:00Z", 400)
    body_of(hold(acme, "1.00"), 201)
    shown = body_of(void(acme, grant))
    assert (shown["status"], shown["pending"], shown["voided"], shown["held"]) == ("voided", "4.00", "5.00", "1.00")
    assert standing(acme) == {"pending": "4.00", "voided": "5.00", "held": "1.00"}
    assert code_of(void(acme, grant)) == "conflict"
    assert code_of(acme.post(f"{CREDITS}/grants/{grant}/expiry", {"expires_at": None})) == "conflict"
    send(acme, "late", "2026-01-09T23:00:00Z", 200)
    send(acme, "after", "2026-01-10T00:00:00Z", 50)
    set_clock("2026-01-20")
    assert standing(acme) == {"pending": "6.00", "voided": "4.00"}
    assert run(acme, "settle_credits", "2026-02-01")["entries"] == 0
    assert ledger(acme) == [("grant", "10.00", None)]
    assert run(acme, "run_billing", "2026-02-02")["finalized"] == 1
    assert standing(acme) == {"consumed": "6.00", "voided": "4.00"}
    assert run(acme, "settle_credits")["entries"] == 1
    assert ledger(acme) == [("void", "-4.00", "a mistake"), ("drawdown", "-6.00", None), ("grant", "10.00", None)]
    assert standing(acme) == {"consumed": "6.00", "voided": "4.00"}
    assert run(acme, "settle_credits") == NOTHING


def test_an_expiry_that_has_passed_may_move_until_it_is_booked(acme: ApiClient) -> None:
    grant = give(acme, expires_at="2026-01-08T00:00:00Z")
    set_clock("2026-01-10")
    send(acme, "a", "2026-01-09T00:00:00Z", 300)
    assert standing(acme) == {"expired": "10.00"}
    assert run(acme, "settle_credits")["entries"] == 0
    body_of(acme.post(f"{CREDITS}/grants/{grant}/expiry", {"expires_at": "2026-01-20T00:00:00Z"}))
    assert standing(acme) == {"pending": "3.00", "remaining": "7.00"}
    run(acme, "run_billing", "2026-02-02")
    assert run(acme, "settle_credits")["entries"] == 1
    assert standing(acme) == {"consumed": "3.00", "expired": "7.00"}
    assert code_of(acme.post(f"{CREDITS}/grants/{grant}/expiry", {"expires_at": None})) == "conflict"


def test_a_grant_of_which_drafts_draw_everything_cannot_be_voided(acme: ApiClient) -> None:
    grant = give(acme)
    set_clock("2026-01-10")
    send(acme, "a", "2026-01-05T00:00:00Z", 1000)
    assert standing(acme) == {"pending": "10.00"}
    assert code_of(void(acme, grant)) == "conflict"


def test_a_grant_ends_and_waits_only_for_drafts_of_usage_from_before(acme: ApiClient) -> None:
    give(acme, effective_at="2026-01-10T00:00:00Z", expires_at="2026-02-01T00:00:00Z")
    assert run(acme, "settle_credits", "2026-02-01")["entries"] == 0
    run(acme, "run_billing", "2026-02-02")
    # January is closed; February's draft has no usage from before its own beginning, but late usage of January.
    assert run(acme, "settle_credits")["entries"] == 1
    assert standing(acme) == {"expired": "10.00"}


def test_drafts_draw_the_same_whichever_of_them_is_asked_for(acme: ApiClient) -> None:
    """Two drafts that may be finalized from the same instant on: January's and February's, both made again."""
    for name, day in (("a", "2026-01-05"), ("b", "2026-02-05")):
        set_clock(f"{day}T12:00:00Z")
        send(acme, name, f"{day}T10:00:00Z", 1000)
    for now in ("2026-02-05T12:00:00Z", "2026-03-03"):
        run(acme, "rollup_usage", now)
        run(acme, "run_billing")
    drafts = ["inv_acme.1p0.1", "inv_acme.1p1.1"]
    for place in (0, 1):
        body_of(acme.post(f"/v1/invoices/inv_acme.1p{place}.0/void", {"reason": "x", "regenerate": True}))
    give(acme, effective_at="2026-01-01T00:00:00Z", applies_to="all")
    listed = {one["id"]: one for one in body_of(acme.get("/v1/organizations/acme/invoices", status="draft"))["data"]}
    alone = {name: body_of(acme.get(f"/v1/invoices/{name}")) for name in drafts}
    assert len({alone[name]["finalizes_at"] for name in drafts}) == 1
    assert [alone[name]["credits_applied"] for name in drafts] == ["10.00", "0.00"]
    assert alone == {name: listed[name] for name in drafts}
    assert standing(acme) == {"pending": "10.00"}
