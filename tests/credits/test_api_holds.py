"""Holds over HTTP: credit put aside and given back, listed, and never more than there is."""

from collections.abc import Sequence
from typing import Any

import pytest
from chalice.test import HTTPResponse

from chalicelib.credits import hold_store
from chalicelib.platform import retries, writes
from chalicelib.platform.writes import Lost, Write, commit
from chalicelib.shared.clock import Clock
from tests.catalog.conftest import Storage, storage  # noqa: F401 - a fixture
from tests.catalog.problems import code_of, faults_of
from tests.client import ApiClient
from tests.credits.build import at

CREDITS = "/v1/organizations/acme/credits"
HOLDS = f"{CREDITS}/holds"
GRANTS = f"{CREDITS}/grants"


@pytest.fixture
def acme(client: ApiClient) -> ApiClient:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme"})
    return client


def give(client: ApiClient, amount: str = "10.00", **more: Any) -> str:
    return str(client.post(GRANTS, {"name": "Start", "amount": amount, **more}).json_body["id"])


def ask(client: ApiClient, amount: Any = "4.00", expires_in: Any = 3600, **more: Any) -> HTTPResponse:
    sent = {"amount": amount, "expires_in": expires_in, "reference": "job-1", **more}
    return client.post(HOLDS, {name: value for name, value in sent.items() if value is not ...})


def make(client: ApiClient, *said: Any, **more: Any) -> Any:
    made = ask(client, *said, **more)
    assert made.status_code == 201, made.body
    return made.json_body


def release(client: ApiClient, hold: str) -> HTTPResponse:
    return client.post(f"{HOLDS}/{hold}/release")


def listed(client: ApiClient, **query: Any) -> list[str]:
    return [one["reference"] for one in client.get(HOLDS, **query).json_body["data"]]


def amounts(client: ApiClient) -> tuple[str, str]:
    shown = client.get(CREDITS).json_body
    return shown["held"], shown["remaining"]


def test_a_hold_is_shown_with_what_it_takes_of_each_grant(acme: ApiClient) -> None:
    first, second = give(acme, "3.00"), give(acme, "10.00")
    made = make(acme)
    assert made.pop("id").startswith("hold_")
    assert made == {
        "amount": "4.00",
        "reference": "job-1",
        "status": "open",
        "created_at": "2026-01-15T12:00:00Z",
        "expires_at": "2026-01-15T13:00:00Z",
        "released_at": None,
        "grants": [{"grant": first, "amount": "3.00"}, {"grant": second, "amount": "1.00"}],
    }
    assert amounts(acme) == ("4.00", "9.00")
    shown = acme.get(GRANTS).json_body["data"]
    assert [(one["held"], one["remaining"]) for one in shown] == [("3.00", "0.00"), ("1.00", "9.00")]
    assert len(acme.get(f"{CREDITS}/ledger").json_body["data"]) == 2


def test_more_than_remains_is_refused_and_nothing_is_held(acme: ApiClient) -> None:
    assert code_of(ask(acme, "0.01")) == "insufficient-credit"
    give(acme)
    refused = ask(acme, "10.01")
    assert (refused.status_code, code_of(refused)) == (409, "insufficient-credit")
    assert (amounts(acme), listed(acme)) == (("0.00", "10.00"), [])
    make(acme, "10.00")
    assert amounts(acme) == ("10.00", "0.00")


def test_a_release_gives_back_once(acme: ApiClient, clock: Clock) -> None:
    give(acme)
    hold = make(acme)["id"]
    make(acme, "1.00")
    clock.set(at("01-15T12:30"))
    released = release(acme, hold)
    assert (released.status_code, released.json_body["status"]) == (200, "released")
    assert released.json_body["released_at"] == "2026-01-15T12:30:00Z"
    clock.set(at("01-15T12:40"))
    assert release(acme, hold).json_body == released.json_body
    assert amounts(acme) == ("1.00", "9.00")


def test_a_hold_ends_by_itself_and_reads_see_it_at_once(acme: ApiClient, clock: Clock) -> None:
    give(acme)
    hold = make(acme, expires_in=1)["id"]
    clock.set(at("01-15T12:00:00.999999"))
    assert (amounts(acme), listed(acme, status="open")) == (("4.00", "6.00"), ["job-1"])
    clock.set(at("01-15T12:00:01"))
    assert (amounts(acme), listed(acme, status="open")) == (("0.00", "10.00"), [])
    ended = release(acme, hold).json_body
    assert (ended["status"], ended["released_at"]) == ("expired", None)
    make(acme, "10.00")
    assert amounts(acme) == ("10.00", "0.00")
    assert release(acme, hold).json_body == ended


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"amount": "0"}, "/amount"),
        ({"amount": "-1"}, "/amount"),
        ({"amount": "0.001"}, "/amount"),
        ({"amount": ...}, "/amount"),
        ({"expires_in": 0}, "/expires_in"),
        ({"expires_in": 31 * 86_400 + 1}, "/expires_in"),
        ({"expires_in": "60"}, "/expires_in"),
        ({"expires_in": 1.5}, "/expires_in"),
        ({"expires_in": ...}, "/expires_in"),
        ({"reference": " "}, "/reference"),
        ({"reference": "x" * 201}, "/reference"),
        ({"reference": ...}, "/reference"),
        ({"scope": "all"}, "/scope"),
    ],
)
def test_a_wrong_field_of_a_hold_is_named(acme: ApiClient, said: dict[str, Any], pointer: str) -> None:
    give(acme)
    assert faults_of(ask(acme, **said)) == {pointer}
    assert listed(acme) == []


@pytest.mark.parametrize("said", [{"expires_in": 1}, {"expires_in": 31 * 86_400}, {"amount": 4}, {"reference": "ü"}])
def test_the_last_right_value_of_a_field_is_taken(acme: ApiClient, said: dict[str, Any]) -> None:
    give(acme)
    assert ask(acme, **said).status_code == 201


@pytest.mark.parametrize("hold", ["hold_1", "x", "hold_001767225600000000_0123456789abcdefg"])
def test_a_hold_that_does_not_exist_is_not_found(acme: ApiClient, hold: str) -> None:
    assert code_of(release(acme, hold)) == "not-found"


def test_a_hold_of_another_organization_is_not_found(acme: ApiClient) -> None:
    acme.post("/v1/organizations", {"id": "other", "name": "Other"})
    give(acme)
    hold = make(acme)["id"]
    assert code_of(acme.post(f"/v1/organizations/other/credits/holds/{hold}/release")) == "not-found"
    assert acme.get("/v1/organizations/other/credits/holds").json_body["data"] == []
    assert code_of(acme.get("/v1/organizations/nobody/credits/holds")) == "not-found"


def several(client: ApiClient, clock: Clock) -> None:
    """Make holds a to f that end one after the other; b and e are released, a has expired at half past one."""
    give(client)
    holds = [make(client, "1.00", 3600 * number, reference=name)["id"] for number, name in enumerate("abcdef", 1)]
    release(client, holds[1])
    release(client, holds[4])
    clock.set(at("01-15T13:30"))


def test_holds_are_listed_latest_end_first_by_status(acme: ApiClient, clock: Clock) -> None:
    several(acme, clock)
    assert listed(acme) == ["f", "e", "d", "c", "b", "a"]
    assert listed(acme, status="open") == ["f", "d", "c"]
    assert listed(acme, status="released") == ["e", "b"]
    assert listed(acme, status="expired") == ["a"]
    assert faults_of(acme.get(HOLDS, status="gone")) == {"/query/status"}


@pytest.mark.parametrize("seen_at_once", [1, 2, 1000])
@pytest.mark.parametrize(
    ("asked", "wanted"),
    [({}, "fedcba"), ({"status": "open"}, "fdc"), ({"status": "released"}, "eb"), ({"status": "expired"}, "a")],
)
def test_pages_of_holds_leave_none_out(
    acme: ApiClient, clock: Clock, monkeypatch: pytest.MonkeyPatch, seen_at_once: int, *, asked: Any, wanted: str
) -> None:
    monkeypatch.setattr(hold_store, "_SEEN_AT_ONCE", seen_at_once)
    several(acme, clock)
    found, cursor = "", None
    while True:
        page = acme.get(HOLDS, limit=1, **asked, **({"cursor": cursor} if cursor else {})).json_body
        found += "".join(one["reference"] for one in page["data"])
        cursor = page["next_cursor"]
        assert len(page["data"]) <= 1
        if cursor is None:
            break
    assert found == wanted


def test_a_hold_and_a_void_at_once_never_take_the_same_credit(
    acme: ApiClient,
    storage: Storage,  # noqa: F811
) -> None:
    grant = give(acme)
    storage.before_write(lambda: acme.post(f"{GRANTS}/{grant}/void", {"reason": "x"}))
    assert code_of(ask(acme)) == "insufficient-credit"
    assert amounts(acme) == ("0.00", "0.00")


def test_of_two_holds_at_once_both_are_held_as_far_as_it_goes(
    acme: ApiClient,
    storage: Storage,  # noqa: F811
) -> None:
    give(acme)
    storage.before_write(lambda: make(acme, "6.00", reference="first"))
    assert code_of(ask(acme, "6.00")) == "insufficient-credit"
    assert (listed(acme), amounts(acme)) == (["first"], ("6.00", "4.00"))


def test_of_two_releases_at_once_one_gives_back(
    acme: ApiClient,
    storage: Storage,  # noqa: F811
) -> None:
    give(acme)
    make(acme, "4.00")
    hold = make(acme, "4.00")["id"]
    storage.before_write(lambda: release(acme, hold))
    assert release(acme, hold).json_body["status"] == "released"
    assert amounts(acme) == ("4.00", "6.00")


def test_a_hold_is_made_once_for_an_idempotency_key(acme: ApiClient) -> None:
    give(acme)
    sent = {"amount": "4.00", "expires_in": 60, "reference": "job"}
    first, second = (acme.post(HOLDS, sent, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, first.body) == (second.status_code, second.body)
    assert amounts(acme) == ("4.00", "6.00")


@pytest.mark.parametrize("role", ["read", "ingest", "admin"])
def test_who_runs_the_work_holds_and_releases_and_readers_see_it(acme: ApiClient, role: str) -> None:
    give(acme)
    caller = acme.as_holder_of(acme.make_key(role, "acme"))
    assert ask(caller).status_code == (403 if role == "read" else 201)
    hold = make(acme)["id"]
    assert release(caller, hold).status_code == (403 if role == "read" else 200)
    assert caller.get(HOLDS).status_code == (403 if role == "ingest" else 200)


def test_a_hold_is_decided_again_more_often_than_others_can_get_in_first(
    acme: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(acme)
    lost = [0]

    def lose(wanted: Sequence[Write]) -> None:
        if lost[0]:
            lost[0] -= 1
            raise Lost([0])
        commit(wanted)

    monkeypatch.setattr(writes, "commit", lose)
    monkeypatch.setattr(retries, "sleep", lambda seconds: None)
    lost[0] = 39
    assert ask(acme, "1.00").status_code == 201
    lost[0] = 40
    assert ask(acme, "1.00").status_code == 503
    lost[0] = 8
    assert acme.post("/v1/organizations", {"id": "other", "name": "Other"}).status_code == 503
    assert lost == [0]
