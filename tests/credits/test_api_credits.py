"""Credits over HTTP: grants made, listed, voided and given another end; the summary, the ledger and its check."""

from typing import Any

import pytest
from chalice.test import HTTPResponse

from chalicelib.credits import api_grants, service
from chalicelib.credits.tables import EntriesItem
from chalicelib.credits.wallet import draw
from chalicelib.platform.reads import read_page
from chalicelib.platform.writes import commit
from chalicelib.shared.clock import Clock
from tests.catalog.conftest import Storage, storage  # noqa: F401 - a fixture
from tests.catalog.problems import code_of, faults_of
from tests.client import ApiClient
from tests.credits.build import JANUARY, at, movement

CREDITS = "/v1/organizations/acme/credits"
GRANTS = f"{CREDITS}/grants"
ZERO = dict.fromkeys(("consumed", "pending", "expired", "voided", "held"), "0.00")


@pytest.fixture
def acme(client: ApiClient) -> ApiClient:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme", "timezone": "Europe/Berlin"})
    return client


def make(client: ApiClient, name: str = "Start", amount: str = "15.00", **more: Any) -> Any:
    made = client.post(GRANTS, {"name": name, "amount": amount, **more})
    assert made.status_code == 201, made.body
    return made.json_body


def draw_cents(grant: str, cents: int) -> None:
    before = service.read_wallet("acme", currency="USD", now=JANUARY)
    drawn = draw(before, [movement(grant, cents)], recorded_at=at("01-15T13:00"))
    commit(service.wallet_writes(before, drawn))


def names(client: ApiClient, **query: Any) -> list[str]:
    return [one["name"] for one in client.get(GRANTS, **query).json_body["data"]]


def ledger(client: ApiClient, **query: Any) -> list[tuple[str, str, str]]:
    found = client.get(f"{CREDITS}/ledger", **query).json_body["data"]
    return [(one["kind"], one["amount"], one["balance"]) for one in found]


def test_a_grant_has_defaults_and_is_shown_as_it_was_made(acme: ApiClient) -> None:
    made = make(acme)
    assert made.pop("id").startswith("gr_")
    assert made == {
        **ZERO,
        "name": "Start",
        "amount": "15.00",
        "remaining": "15.00",
        "effective_at": "2026-01-15T12:00:00Z",
        "expires_at": None,
        "priority": 50,
        "cost_basis": "0",
        "applies_to": None,
        "recurrence": None,
        "status": "active",
        "created_at": "2026-01-15T12:00:00Z",
        "invoice": None,
    }


@pytest.mark.parametrize(
    "said",
    [
        {"applies_to": "all", "priority": 0, "cost_basis": "0.85"},
        {"applies_to": {"charges": ["base", "tokens"]}, "priority": 100},
        {"effective_at": "2020-01-01T00:00:00Z", "expires_at": "2026-01-31T23:00:00.000001Z"},
        {"recurrence": {"every": "week", "count": 52}},
    ],
)
def test_what_is_said_of_a_grant_is_shown(acme: ApiClient, said: dict[str, Any]) -> None:
    made = make(acme, **said)
    assert {name: made[name] for name in said} == said
    assert acme.get(GRANTS).json_body["data"] == [made]


def test_a_grant_is_in_the_currency_of_its_organization(client: ApiClient) -> None:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme", "currency": "JPY"})
    assert make(client, amount="1200")["remaining"] == "1200"
    assert faults_of(client.post(GRANTS, {"name": "x", "amount": "0.5"})) == {"/amount"}


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"amount": "0"}, "/amount"),
        ({"amount": "-1"}, "/amount"),
        ({"amount": "0.001"}, "/amount"),
        ({"amount": "1e3"}, "/amount"),
        ({"amount": None}, "/amount"),
        ({"name": " "}, "/name"),
        ({"priority": -1}, "/priority"),
        ({"priority": 101}, "/priority"),
        ({"priority": "5"}, "/priority"),
        ({"cost_basis": "-0.01"}, "/cost_basis"),
        ({"effective_at": "2026-01-15T12:00:00"}, "/effective_at"),
        ({"expires_at": "2026-01-15T12:00:00Z"}, "/expires_at"),
        ({"effective_at": "2026-02-01T00:00:00Z", "expires_at": "2026-01-31T00:00:00Z"}, "/expires_at"),
        ({"applies_to": "usage"}, "/applies_to"),
        ({"applies_to": {"charges": []}}, "/applies_to/charges"),
        ({"applies_to": {"charges": ["A b"]}}, "/applies_to/charges/0"),
        ({"applies_to": {"charge": ["a"]}}, "/applies_to/charge"),
        ({"recurrence": {"every": "day"}}, "/recurrence/every"),
        ({"recurrence": {"every": "week", "count": 0}}, "/recurrence/count"),
        ({"recurrence": {"count": 2}}, "/recurrence/every"),
        ({"recurrence": {"every": "week"}, "effective_at": "2024-11-01T11:59:59Z"}, "/effective_at"),
        ({"recurrence": {"every": "week"}, "effective_at": "9000-01-01T00:00:00Z"}, "/effective_at"),
        ({"rollover": True}, "/rollover"),
    ],
)
def test_a_wrong_field_of_a_grant_is_named_and_nothing_is_stored(
    acme: ApiClient, said: dict[str, Any], pointer: str
) -> None:
    assert pointer in faults_of(acme.post(GRANTS, {"name": "Start", "amount": "15.00", **said}))
    assert acme.get(GRANTS).json_body["data"] == []


@pytest.mark.parametrize(
    "said",
    [
        {"amount": "0.01"},
        {"amount": 15},
        {"amount": "999999999999999999.99", "priority": 0},
        {"expires_at": "2026-01-15T12:00:00.000001Z"},
        {"recurrence": {"every": "week"}, "effective_at": "2024-11-01T12:00:00Z"},
        {"recurrence": {"every": "year"}, "effective_at": "8999-12-31T23:59:59Z"},
        {"recurrence": {"every": "year"}, "expires_at": "9998-12-31T23:59:59Z"},
    ],
)
def test_the_last_right_value_of_a_field_is_taken(acme: ApiClient, said: dict[str, Any]) -> None:
    assert acme.post(GRANTS, {"name": "Start", "amount": "15.00", **said}).status_code == 201
    assert acme.get(GRANTS).status_code == acme.get(CREDITS).status_code == 200


def test_every_fault_of_a_grant_is_named_at_once(acme: ApiClient) -> None:
    sent = {"name": "", "amount": "0", "priority": 200, "applies_to": 7, "x": 1}
    assert faults_of(acme.post(GRANTS, sent)) == {"/name", "/amount", "/priority", "/applies_to", "/x"}
    meant = {"name": "x", "amount": "0.001", "effective_at": "2020-01-01T00:00:00Z", "recurrence": {"every": "week"}}
    sent = {**meant, "expires_at": "2019-01-01T00:00:00Z"}
    assert faults_of(acme.post(GRANTS, sent)) == {"/amount", "/effective_at", "/expires_at"}


def test_grants_are_listed_in_the_order_of_drawdown_at_any_page_size(acme: ApiClient) -> None:
    make(acme, "sixth", cost_basis="0.5")
    make(acme, "fifth", applies_to={"charges": ["a"]}, cost_basis="0.50")
    make(acme, "fourth")
    make(acme, "third", expires_at="2026-03-01T00:00:00Z", cost_basis="9")
    make(acme, "second", expires_at="2026-02-01T00:00:00Z")
    make(acme, "first", priority=1)
    ordered = ["first", "second", "third", "fourth", "fifth", "sixth"]
    assert names(acme) == ordered
    for limit in (1, 2, 4):
        found, cursor = [], None
        while True:
            page = acme.get(GRANTS, limit=limit, **({"cursor": cursor} if cursor else {})).json_body
            found += [one["name"] for one in page["data"]]
            cursor = page["next_cursor"]
            assert len(page["data"]) <= limit
            if cursor is None:
                break
        assert found == ordered


def test_a_recurring_grant_lasts_to_the_next_one_and_later_ones_come_by_themselves(
    acme: ApiClient, clock: Clock
) -> None:
    made = make(acme, recurrence={"every": "month"}, effective_at="2026-01-31T12:00:00Z")
    assert (made["status"], made["expires_at"]) == ("scheduled", "2026-02-28T12:00:00Z")
    clock.set(at("03-31T10:59:59"))
    assert [one["id"] for one in acme.get(GRANTS).json_body["data"]] == [made["id"], f"{made['id']}.1"]
    clock.set(at("03-31T11:00"))
    shown = acme.get(GRANTS).json_body["data"]
    assert [(one["status"], one["effective_at"]) for one in shown] == [
        ("expired", "2026-01-31T12:00:00Z"),
        ("expired", "2026-02-28T12:00:00Z"),
        # Noon in UTC is 13:00 in Berlin; since 29 March that is 11:00.
        ("active", "2026-03-31T11:00:00Z"),
    ]
    assert [one["recurrence"] for one in shown] == [{"every": "month", "count": None}, None, None]
    assert ledger(acme) == [("grant", "15.00", "15.00")]


def test_reads_write_nothing_and_the_next_command_books_what_has_begun(acme: ApiClient, clock: Clock) -> None:
    make(acme, recurrence={"every": "week", "count": 3})
    clock.set(at("02-20"))
    before = acme.get(CREDITS).json_body
    assert (before["allocated"], before["expired"], before["unbooked"]) == ("45.00", "45.00", "15.00")
    assert before["ledger_balance"] == "15.00"
    make(acme, "Other", "1.00")
    assert ledger(acme) == [
        *(("grant", "1.00", "46.00"), ("grant", "15.00", "45.00")),
        *(("grant", "15.00", "30.00"), ("grant", "15.00", "15.00")),
    ]
    after = acme.get(CREDITS).json_body
    assert (after["allocated"], after["unbooked"], after["ledger_balance"]) == ("46.00", "45.00", "46.00")


def test_a_void_shows_and_books_what_was_left(acme: ApiClient) -> None:
    grant = make(acme)["id"]
    draw_cents(grant, 400)
    voided = acme.post(f"{GRANTS}/{grant}/void", {"reason": "a mistake"})
    assert voided.status_code == 200
    shown = voided.json_body
    assert (shown["status"], shown["consumed"], shown["voided"], shown["remaining"]) == (
        *("voided", "4.00"),
        *("11.00", "0.00"),
    )
    assert acme.get(GRANTS).json_body["data"] == [shown]
    assert ledger(acme)[0] == ("void", "-11.00", "0.00")
    assert acme.get(f"{CREDITS}/ledger").json_body["data"][0]["note"] == "a mistake"
    assert code_of(acme.post(f"{GRANTS}/{grant}/void", {"reason": "again"})) == "conflict"


def test_a_grant_that_has_expired_cannot_be_voided(acme: ApiClient, clock: Clock) -> None:
    grant = make(acme, expires_at="2026-01-20T00:00:00Z")["id"]
    clock.set(at("01-20"))
    assert code_of(acme.post(f"{GRANTS}/{grant}/void", {"reason": "x"})) == "conflict"


def test_a_void_needs_a_reason(acme: ApiClient) -> None:
    grant = make(acme)["id"]
    assert faults_of(acme.post(f"{GRANTS}/{grant}/void", {})) == {"/reason"}


def test_an_expiry_is_changed_to_now_later_or_never_but_not_to_the_past(acme: ApiClient) -> None:
    grant = make(acme, expires_at="2026-02-01T00:00:00Z")["id"]

    def change(to: str | None) -> HTTPResponse:
        return acme.post(f"{GRANTS}/{grant}/expiry", {"expires_at": to})

    assert change("2026-03-01T00:00:00Z").json_body["expires_at"] == "2026-03-01T00:00:00Z"
    assert change(None).json_body["expires_at"] is None
    assert faults_of(change("2026-01-15T11:59:59Z")) == {"/expires_at"}
    assert faults_of(acme.post(f"{GRANTS}/{grant}/expiry", {})) == {"/expires_at"}
    assert acme.get(GRANTS).json_body["data"][0]["status"] == "active"
    # It begins and ends at this instant: that is no window.
    assert faults_of(change("2026-01-15T12:00:00Z")) == {"/expires_at"}


def test_an_expiry_of_now_ends_the_grant_at_once(acme: ApiClient, clock: Clock) -> None:
    grant = make(acme)["id"]
    clock.set(at("01-16"))
    ended = acme.post(f"{GRANTS}/{grant}/expiry", {"expires_at": "2026-01-16T00:00:00Z"}).json_body
    assert (ended["status"], ended["expired"], ended["remaining"]) == ("expired", "15.00", "0.00")


def test_the_expiry_of_a_voided_grant_stays(acme: ApiClient) -> None:
    grant = make(acme)["id"]
    acme.post(f"{GRANTS}/{grant}/void", {"reason": "x"})
    assert code_of(acme.post(f"{GRANTS}/{grant}/expiry", {"expires_at": None})) == "conflict"


@pytest.mark.parametrize("grant", ["gr_nothing", "gr_nothing.1", "x"])
def test_a_grant_that_does_not_exist_is_not_found(acme: ApiClient, grant: str) -> None:
    assert code_of(acme.post(f"{GRANTS}/{grant}/void", {"reason": "x"})) == "not-found"
    assert code_of(acme.post(f"{GRANTS}/{grant}/expiry", {"expires_at": None})) == "not-found"


def test_a_grant_of_another_organization_is_not_found(acme: ApiClient) -> None:
    acme.post("/v1/organizations", {"id": "other", "name": "Other"})
    grant = make(acme)["id"]
    theirs = f"/v1/organizations/other/credits/grants/{grant}/void"
    assert code_of(acme.post(theirs, {"reason": "x"})) == "not-found"
    assert acme.get("/v1/organizations/other/credits/ledger").json_body["data"] == []


@pytest.mark.parametrize("path", ["", "/grants", "/ledger", "/verify"])
def test_an_organization_that_does_not_exist_has_no_credits(client: ApiClient, path: str) -> None:
    assert code_of(client.get(CREDITS + path)) == "not-found"


def test_the_summary_of_an_organization_without_grants_is_nothing(acme: ApiClient) -> None:
    shown = acme.get(CREDITS).json_body
    assert shown == {
        **ZERO,
        **dict.fromkeys(("allocated", "remaining", "scheduled", "unbooked", "ledger_balance"), "0.00"),
        "expiring_soon": [],
        "depletes_on": None,
        "as_of": "2026-01-15T12:00:00Z",
    }
    assert acme.get(f"{CREDITS}/verify").json_body == {
        "entries": 0,
        "valid": True,
        "first_invalid_seq": None,
        "wrong": None,
        "wrong_invoice": None,
        "wrong_grants": [],
        "head_hash": None,
        "checked_to": 0,
        "next_cursor": None,
    }


def test_the_summary_shows_what_is_left_what_comes_and_what_expires_soon(acme: ApiClient) -> None:
    soon = make(acme, "Soon", "7.00", expires_at="2026-02-14T12:00:00Z")["id"]
    make(acme, "Coming", "3.00", effective_at="2026-06-01T00:00:00Z")
    draw_cents(soon, 200)
    shown = acme.get(CREDITS).json_body
    assert (shown["allocated"], shown["consumed"], shown["remaining"]) == ("7.00", "2.00", "5.00")
    assert (shown["scheduled"], shown["ledger_balance"], shown["unbooked"]) == ("3.00", "8.00", "0.00")
    assert shown["expiring_soon"] == [{"grant": soon, "amount": "5.00", "expires_at": "2026-02-14T12:00:00Z"}]


def test_the_ledger_is_listed_newest_first_with_its_chain(acme: ApiClient) -> None:
    first, second = make(acme)["id"], make(acme, amount="1.00")["id"]
    newest, oldest = acme.get(f"{CREDITS}/ledger").json_body["data"]
    assert (newest["seq"], newest["grant"], newest["previous_hash"]) == (2, second, oldest["hash"])
    assert oldest == {
        "seq": 1,
        "kind": "grant",
        "grant": first,
        "amount": "15.00",
        "balance": "15.00",
        "effective_at": "2026-01-15T12:00:00Z",
        "recorded_at": "2026-01-15T12:00:00Z",
        "invoice": None,
        "note": None,
        "hash": oldest["hash"],
        "previous_hash": "0" * 64,
        "pending": False,
    }
    page = acme.get(f"{CREDITS}/ledger", limit=1).json_body
    assert page["data"] == [newest]
    assert acme.get(f"{CREDITS}/ledger", limit=1, cursor=page["next_cursor"]).json_body["data"] == [oldest]


def test_days_of_the_ledger_are_those_of_the_organization(acme: ApiClient, clock: Clock) -> None:
    clock.set(at("01-19T22:59:59"))
    make(acme, amount="1.00")
    clock.set(at("01-19T23:00"))  # the 20th in Berlin
    make(acme, amount="2.00")
    assert ledger(acme, from_="2026-01-20", to="2026-01-21") == [("grant", "2.00", "3.00")]
    assert ledger(acme, to="2026-01-20") == [("grant", "1.00", "1.00")]
    assert ledger(acme, from_="2026-01-19T23:00:00Z", include_pending="true") == [("grant", "2.00", "3.00")]
    assert faults_of(acme.get(f"{CREDITS}/ledger", from_="2026-01-20", to="2026-01-20")) == {"/query/to"}
    assert faults_of(acme.get(f"{CREDITS}/ledger", from_="yesterday")) == {"/query/from"}


def test_a_sound_ledger_is_valid_and_a_changed_one_is_not(acme: ApiClient) -> None:
    make(acme)
    make(acme)
    hashes = [one["hash"] for one in acme.get(f"{CREDITS}/ledger").json_body["data"]]
    found = acme.get(f"{CREDITS}/verify").json_body
    assert found == {
        "entries": 2,
        "valid": True,
        "first_invalid_seq": None,
        "wrong": None,
        "wrong_invoice": None,
        "wrong_grants": [],
        "head_hash": hashes[0],
        "checked_to": 2,
        "next_cursor": None,
    }
    EntriesItem("acme", "entries#000000000002").delete()
    found = acme.get(f"{CREDITS}/verify").json_body
    assert (found["valid"], found["first_invalid_seq"], found["checked_to"]) == (False, 2, 1)


def test_checking_goes_on_with_the_cursor(acme: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    make(acme)
    make(acme)
    monkeypatch.setattr("chalicelib.credits.store.read_page", lambda query: read_page(query, limit=1))
    page = acme.get(f"{CREDITS}/verify").json_body
    assert (page["checked_to"], page["valid"]) == (1, True)
    page = acme.get(f"{CREDITS}/verify", cursor=page["next_cursor"]).json_body
    assert (page["checked_to"], page["entries"], page["valid"]) == (2, 2, True)


def test_of_two_grants_made_at_once_both_are_kept(acme: ApiClient, storage: Storage) -> None:  # noqa: F811
    storage.before_write(lambda: make(acme, "other", "2.00"))
    make(acme, "mine", "1.00")
    assert sorted(names(acme)) == ["mine", "other"]
    assert ledger(acme) == [("grant", "1.00", "3.00"), ("grant", "2.00", "2.00")]


def test_a_grant_is_made_once_for_an_idempotency_key(acme: ApiClient) -> None:
    sent, headers = {"name": "Start", "amount": "15.00"}, {"Idempotency-Key": "k"}
    first, second = (acme.post(GRANTS, sent, headers=headers) for _ in range(2))
    assert (first.status_code, first.body) == (second.status_code, second.body)
    assert len(names(acme)) == 1


def test_a_void_and_a_drawdown_at_once_never_take_more_than_there_is(
    acme: ApiClient,
    storage: Storage,  # noqa: F811
) -> None:
    grant = make(acme)["id"]
    storage.before_write(lambda: draw_cents(grant, 1000))
    assert acme.post(f"{GRANTS}/{grant}/void", {"reason": "x"}).json_body["voided"] == "5.00"
    assert ledger(acme)[0] == ("void", "-5.00", "0.00")


def test_there_is_a_most_of_grants(acme: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_grants, "MAX_GRANTS", 2)
    make(acme)
    make(acme)
    assert code_of(acme.post(GRANTS, {"name": "x", "amount": "1"})) == "conflict"


def test_there_is_a_most_of_grants_that_go_on_recurring(acme: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_grants, "MAX_SERIES", 2)
    make(acme, recurrence={"every": "month", "count": 1})
    first = make(acme, recurrence={"every": "month"})["id"]
    make(acme, recurrence={"every": "week", "count": 2})
    monthly = {"name": "x", "amount": "1", "recurrence": {"every": "month"}}
    assert code_of(acme.post(GRANTS, monthly)) == "conflict"
    make(acme)
    assert acme.post(f"{GRANTS}/{first}/void", {"reason": "x"}).status_code == 200
    assert acme.post(GRANTS, monthly).status_code == 201


@pytest.mark.parametrize("role", ["read", "ingest", "admin"])
def test_only_an_admin_changes_credits_and_readers_see_them(acme: ApiClient, role: str) -> None:
    caller = acme.as_holder_of(acme.make_key(role, "acme"))
    assert caller.post(GRANTS, {"name": "x", "amount": "1"}).status_code == (201 if role == "admin" else 403)
    for path in ("", "/grants", "/ledger", "/verify"):
        assert caller.get(CREDITS + path).status_code == (403 if role == "ingest" else 200)
