"""What became of the events of each day."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.shared.clock import Clock
from chalicelib.shared.time import format_instant
from tests.client import ApiClient
from tests.conftest import NOON
from tests.usage import sent, stored

PATH = "/v1/ingestion"
NOTHING = {"accepted": 0, "duplicates": 0, "conflicts": 0, "voided": 0, "amended": 0, "unmatched": 0, "unusable": 0}
MICRO = timedelta(microseconds=1)


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    sent.add_organization(client)
    sent.add_organization(client, "globex")
    sent.add_meter(client)
    return client


def send(api: ApiClient, *events: dict[str, Any]) -> None:
    assert sent.accepted(api.post("/v1/events", list(events))) == len(events)


def ask(api: ApiClient, **query: Any) -> dict[str, Any]:
    answer = api.get(PATH, **{"organization": "acme", **query})
    assert answer.status_code == 200, answer.body
    found: dict[str, Any] = answer.json_body
    return found


def day(api: ApiClient, name: str = "2026-01-15") -> dict[str, int]:
    """Give the counts of a day that are not zero."""
    (found,) = [one for one in ask(api)["data"] if one["day"] == name]
    return {kind: count for kind, count in found.items() if kind != "day" and count}


def correct(api: ApiClient, action: str, name: str, **more: Any) -> None:
    body = {"organization": "acme", "source": "gateway", "time": sent.TIME, "id": name, "reason": "a test", **more}
    assert api.post(f"/v1/events/{action}", body).status_code == 202


def test_every_kind_is_counted(api: ApiClient) -> None:
    send(api, *(sent.event(name, tokens=1) for name in ("a", "b", "c", "d")))
    send(
        api,
        sent.event("a", tokens=1),
        sent.event("b", tokens=2),
        sent.event("e", type="x"),
        sent.event("f", tokens="x"),
    )
    correct(api, "void", "c")
    correct(api, "amend", "d", data={"tokens": 5})
    assert day(api) == {
        "accepted": 8,
        "duplicates": 1,
        "conflicts": 1,
        "voided": 1,
        "amended": 1,
        "unmatched": 1,
        "unusable": 1,
    }


def test_the_counts_are_right_in_the_next_answer_rolled_up_or_not(api: ApiClient) -> None:
    for n in range(1, 4):
        send(api, sent.event(f"e{n}"))
        assert day(api) == {"accepted": n}
        stored.roll("2026-01-15T12:15:00Z")
        assert day(api) == {"accepted": n}
    correct(api, "void", "e1")
    assert day(api) == {"accepted": 3, "voided": 1}


def test_the_list_and_the_counts_agree(api: ApiClient) -> None:
    send(api, *(sent.event(f"e{n % 5}", tokens=n % 3, type=("llm", "other")[n % 4 == 0]) for n in range(20)))
    correct(api, "void", "e1")
    correct(api, "amend", "e2", data={"tokens": "x"})
    states = [row["state"] for row in sent.listed(api)]
    counted = day(api)
    for state, kind in (("duplicate", "duplicates"), ("conflict", "conflicts"), ("voided", "voided")):
        assert states.count(state) == counted[kind]
    assert states.count("amended") == counted["amended"]
    assert len(states) == counted["accepted"]


def test_all_days_of_the_range_are_listed_in_order(api: ApiClient) -> None:
    send(api, sent.event("e1", "2026-01-13T00:00:00Z"), sent.event("e2", "2026-01-12T23:59:59.999999Z"))
    assert ask(api, from_="2026-01-12", to="2026-01-15") == {
        "data": [
            {"day": "2026-01-12", **NOTHING, "accepted": 1},
            {"day": "2026-01-13", **NOTHING, "accepted": 1},
            {"day": "2026-01-14", **NOTHING},
        ],
        "next_cursor": None,
        "warnings": [],
    }


def test_the_default_is_the_last_thirty_days_with_today(api: ApiClient) -> None:
    days = [one["day"] for one in ask(api)["data"]]
    assert (days[0], days[-1], len(days)) == ("2025-12-17", "2026-01-15", 30)


def test_days_are_local_ones(client: ApiClient) -> None:
    sent.add_organization(client, timezone="America/New_York")
    send(client, sent.event("e1", "2026-01-15T04:59:59Z"), sent.event("e2", "2026-01-15T05:00:00Z"))
    assert day(client, "2026-01-14") == {"accepted": 1, "unmatched": 1}
    assert day(client, "2026-01-15") == {"accepted": 1, "unmatched": 1}


def test_instants_stand_for_the_days_that_hold_them(api: ApiClient) -> None:
    for to in ("2026-01-14T00:00:00.000001Z", "2026-01-15T00:00:00Z"):
        days = ask(api, from_="2026-01-13T23:59:59Z", to=to)["data"]
        assert [one["day"] for one in days] == ["2026-01-13", "2026-01-14"]


def test_a_meter_with_many_combinations_gives_a_warning(api: ApiClient) -> None:
    sent.add_meter(api, "by_user", dimensions={"user": "user"})
    send(api, *(sent.event(f"e{n}", user=f"u{n}", tokens=1) for n in range(1_000)))
    assert ask(api)["warnings"] == []
    send(api, sent.event("more", user="one more", tokens=1))
    (warning,) = ask(api)["warnings"]
    assert (warning["day"], warning["meter"], warning["combinations"]) == ("2026-01-15", "by_user", 1_001)


def test_the_organization_is_required_of_callers_that_are_not_bound(api: ApiClient) -> None:
    assert sent.problem(api.get(PATH)) == (422, "invalid-input", ["/query/organization"])
    assert sent.problem(api.get(PATH, organization="No")) == (422, "invalid-input", ["/query/organization"])
    assert sent.problem(api.get(PATH, organization="nobody")) == (404, "not-found", [])


def test_bound_callers_see_their_own(api: ApiClient) -> None:
    send(api, sent.event("e1"), sent.event("e2", subject="globex"), sent.event("e3", subject="globex"))
    bound = api.as_holder_of(api.make_key("read", "globex"))
    assert bound.get(PATH).json_body["data"][-1]["accepted"] == 2
    assert bound.get(PATH, organization="globex").json_body == bound.get(PATH).json_body
    foreign, unknown = bound.get(PATH, organization="acme"), bound.get(PATH, organization="nobody")
    assert sent.problem(foreign) == (404, "not-found", [])
    assert foreign.body == unknown.body


def test_bound_callers_see_ninety_days(api: ApiClient) -> None:
    bound = api.as_holder_of(api.make_key("read", "acme"))
    assert len(bound.get(PATH, from_="2025-10-18").json_body["data"]) == 90
    assert sent.problem(bound.get(PATH, from_="2025-10-17")) == (403, "history-limit", ["/query/from"])
    assert len(ask(api, from_="2025-10-17")["data"]) == 91


@pytest.mark.parametrize(
    ("query", "code", "place"),
    [
        ({"from_": "2026-01-15", "to": "2026-01-15"}, "invalid-input", "/query/to"),
        ({"from_": "soon"}, "invalid-input", "/query/from"),
        ({"from_": "2022-01-01"}, "range-too-large", "/query/from"),
        ({"window": "day"}, "invalid-input", "/query/window"),
    ],
)
def test_questions_with_faults_are_refused(api: ApiClient, query: dict[str, str], code: str, place: str) -> None:
    assert sent.problem(api.get(PATH, organization="acme", **query)) == (422, code, [place])


def test_the_largest_range_is_answered(api: ApiClient) -> None:
    start = NOON.date() - timedelta(days=1_099)
    assert len(ask(api, from_=start.isoformat())["data"]) == 1_100


def test_sending_keys_may_not_ask(api: ApiClient) -> None:
    sender = api.as_holder_of(api.make_key("ingest"))
    assert sent.problem(sender.get(PATH, organization="acme")) == (403, "forbidden", [])


def test_an_event_of_tomorrow_is_counted_tomorrow(api: ApiClient, clock: Clock) -> None:
    midnight = NOON + timedelta(hours=12)
    clock.set(midnight - MICRO)
    send(api, sent.event("e1", format_instant(midnight)))
    assert day(api) == {}
    clock.set(midnight)
    assert day(api, "2026-01-16") == {"accepted": 1}
