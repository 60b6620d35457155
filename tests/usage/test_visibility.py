"""What an organization's own callers see of its usage: by the history of its plan, and by what its plans price."""

from typing import Any

import pytest

from tests.client import ApiClient
from tests.usage import sent, subscribed

USAGE, EVENTS, INGESTION = "/v1/organizations/acme/usage", "/v1/organizations/acme/events", "/v1/ingestion"


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    """Give a client of an organization in UTC whose plan shows five days and prices two of four meters."""
    sent.add_organization(client)
    for key in ("tokens", "idle"):
        sent.add_meter(client, key, event_type="llm" if key == "tokens" else "other")
    sent.add_meter(client, "used")
    sent.add_meter(client, "strange", event_type="other")
    sent.accepted(client.post("/v1/events", [sent.event("e1"), sent.event("old", "2026-01-10T12:00:00Z")]))
    subscribed.subscribe("acme", "2026-01-01T00:00:00Z", meters=["tokens", "idle"], usage_history_days=5)
    return client


@pytest.fixture
def own(api: ApiClient) -> ApiClient:
    return api.as_holder_of(api.make_key("read", "acme"))


def meters(caller: ApiClient, **query: Any) -> dict[str, bool]:
    answer = caller.get(USAGE, **query)
    assert answer.status_code == 200, answer.body
    return {one["meter"]: one["billable"] for one in answer.json_body["data"]}


def test_own_callers_see_priced_meters_and_those_they_have_used(api: ApiClient, own: ApiClient) -> None:
    assert meters(own, include_zero="true") == {"idle": True, "tokens": True, "used": False}
    assert meters(own) == {"tokens": True, "used": False}
    assert meters(own, meter="idle") == {"idle": True}
    assert sent.problem(own.get(USAGE, meter="strange")) == (422, "invalid-input", ["/query/meter"])
    everything = {"idle": True, "strange": False, "tokens": True, "used": False}
    assert meters(api, include_zero="true") == everything


def test_events_are_searched_by_priced_meters_too(own: ApiClient) -> None:
    assert own.get(EVENTS, meter="idle").json_body["data"] == []
    assert sent.problem(own.get(EVENTS, meter="strange")) == (422, "invalid-input", ["/query/meter"])


@pytest.mark.parametrize("path", [USAGE, EVENTS, INGESTION])
def test_the_history_is_that_of_the_plan_at_its_first_day_and_the_one_before(
    api: ApiClient, own: ApiClient, path: str
) -> None:
    assert own.get(path, from_="2026-01-11").status_code == 200
    assert sent.problem(own.get(path, from_="2026-01-10T23:45:00Z")) == (403, "history-limit", ["/query/from"])
    assert own.get(path).status_code == 200
    bound_admin = api.as_holder_of(api.make_key("admin", "acme"))
    assert sent.problem(bound_admin.get(path, from_="2026-01-10")) == (403, "history-limit", ["/query/from"])
    named = {"organization": "acme"} if path == INGESTION else {}
    assert api.get(path, from_="2026-01-10", **named).status_code == 200


def test_the_default_range_is_no_longer_than_the_history(api: ApiClient, own: ApiClient) -> None:
    assert own.get(USAGE).json_body["from"] == "2026-01-11T00:00:00Z"
    assert api.get(USAGE).json_body["from"] == "2025-12-17T00:00:00Z"
    assert len(own.get(INGESTION).json_body["data"]) == 5
    assert [row["id"] for row in own.get(EVENTS).json_body["data"]] == ["e1"]
    assert [row["id"] for row in api.get(EVENTS).json_body["data"]] == ["e1", "old"]


def test_a_default_range_that_ends_before_the_history_is_refused_as_such(own: ApiClient) -> None:
    for path in (USAGE, EVENTS, INGESTION):
        assert sent.problem(own.get(path, to="2026-01-11")) == (403, "history-limit", ["/query/from"])


def test_the_comparison_may_look_further_back(own: ApiClient) -> None:
    (tokens,) = own.get(USAGE, meter="tokens", compare="previous").json_body["data"]
    assert (tokens["total"], tokens["previous_total"]) == ("7", "7")


def test_a_long_history_does_not_make_the_default_longer(api: ApiClient) -> None:
    sent.add_organization(api, "globex")
    subscribed.subscribe("globex", "2026-01-01T00:00:00Z", usage_history_days=365)
    own = api.as_holder_of(api.make_key("read", "globex"))
    path = "/v1/organizations/globex/usage"
    assert own.get(path).json_body["from"] == "2025-12-17T00:00:00Z"
    assert own.get(path, from_="2025-01-16").status_code == 200
    assert own.get(path, from_="2025-01-15").status_code == 403
