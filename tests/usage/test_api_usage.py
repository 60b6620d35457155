"""The usage query over HTTP: ranges, windows, groups, limits, faults, who may see what, CSV."""

import csv
import io
from typing import Any

import pytest
from chalice.test import HTTPResponse

from chalicelib.shared.clock import Clock
from chalicelib.shared.time import parse_instant
from chalicelib.usage import query as query_service
from local.lambda_events import scheduled_event
from tests.client import ApiClient
from tests.usage import sent
from tests.usage.sent import event

USAGE = "/v1/organizations/acme/usage"


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    """Give a client of an organization in Berlin with three meters and five events of 14 and 15 January."""
    sent.add_organization(client, timezone="Europe/Berlin")
    sent.add_meter(client, dimensions={"model": "model", "kind": "kind"}, unit="tokens")
    sent.add_meter(client, "requests", "count", dimensions={"model": "model"})
    sent.add_meter(client, "idle", event_type="other")
    events = [
        event("e1", "2026-01-13T23:00:00Z", tokens=100, model="large", kind="input"),
        event("e2", "2026-01-14T22:59:59.999999Z", tokens=10, model="small", kind="input"),
        event("e3", "2026-01-14T23:00:00Z", tokens="1.5", model="=1+1", kind="output"),
        event("e4", "2026-01-15T11:00:00Z", tokens=1, model="large", kind="output"),
        event("e5", "2026-01-15T11:59:00Z", tokens=3, model="large"),
    ]
    assert sent.accepted(client.post("/v1/events", events)) == 5
    return client


def asked(api: ApiClient, **query: Any) -> dict[str, Any]:
    answer = api.get(USAGE, **query)
    assert answer.status_code == 200, answer.body
    found: dict[str, Any] = answer.json_body
    return found


def meter_of(answer: dict[str, Any], key: str = "tokens") -> dict[str, Any]:
    return next(one for one in answer["data"] if one["meter"] == key)


def refused(answer: HTTPResponse, status: int, code: str) -> list[str]:
    assert (answer.status_code, answer.json_body["type"]) == (status, f"/problems/{code}"), answer.body
    return [fault["pointer"] for fault in answer.json_body["errors"]]


def test_the_default_is_the_last_30_local_days_with_today(api: ApiClient) -> None:
    answer = asked(api)
    assert (answer["from"], answer["to"]) == ("2025-12-16T23:00:00Z", "2026-01-15T23:00:00Z")
    assert (answer["window"], answer["timezone"], answer["as_of"]) == ("day", "Europe/Berlin", "2026-01-15T12:00:00Z")
    tokens = meter_of(answer)
    assert (tokens["total"], tokens["unit"], tokens["aggregation"]) == ("115.5", "tokens", "sum")
    assert len(tokens["windows"]) == 30
    assert [one["value"] for one in tokens["windows"][-3:]] == ["0", "110", "5.5"]
    assert all(one["group"] is None for one in tokens["windows"])


def test_meters_without_usage_come_only_when_asked_for(api: ApiClient) -> None:
    assert [one["meter"] for one in asked(api)["data"]] == ["requests", "tokens"]
    assert [one["meter"] for one in asked(api, include_zero="true")["data"]] == ["idle", "requests", "tokens"]
    idle = asked(api, meter="idle")["data"]
    assert [(one["meter"], one["total"], len(one["windows"])) for one in idle] == [("idle", "0", 30)]


def test_bounds_are_widened_to_quarter_hours_and_told(api: ApiClient) -> None:
    answer = asked(api, from_="2026-01-15T11:14:59Z", to="2026-01-15T11:45:01Z", window="quarter_hour")
    assert (answer["from"], answer["to"]) == ("2026-01-15T11:00:00Z", "2026-01-15T12:00:00Z")
    assert [one["value"] for one in meter_of(answer)["windows"]] == ["1", "0", "0", "3"]


def test_local_days_mean_their_first_instants_in_the_zone_asked_for(api: ApiClient) -> None:
    berlin = asked(api, from_="2026-01-14", to="2026-01-15")
    assert (berlin["from"], berlin["to"], meter_of(berlin)["total"]) == (
        "2026-01-13T23:00:00Z",
        "2026-01-14T23:00:00Z",
        "110",
    )
    utc = asked(api, from_="2026-01-14", to="2026-01-15", timezone="UTC")
    assert (utc["from"], meter_of(utc)["total"]) == ("2026-01-14T00:00:00Z", "11.5")


def test_groups_are_the_top_by_total_and_the_rest_as_one(api: ApiClient) -> None:
    tokens = meter_of(asked(api, group_by="model,kind", top="2", window="month", from_="2026-01-01"))
    assert tokens["windows"] == [
        window({"model": "large", "kind": "input"}, "100"),
        window({"model": "small", "kind": "input"}, "10"),
        {**window(None, "5.5"), "rest": True},
    ]
    assert tokens["total"] == "115.5"


def window(group: dict[str, str] | None, value: str) -> dict[str, Any]:
    return {"start": "2025-12-31T23:00:00Z", "end": "2026-01-15T23:00:00Z", "group": group, "value": value}


def test_a_missing_dimension_is_the_empty_string(api: ApiClient) -> None:
    grouped = meter_of(asked(api, group_by="kind", window="month", from_="2026-01-15"))
    assert {one["group"]["kind"]: one["value"] for one in grouped["windows"]} == {"": "3", "output": "2.5"}


def test_filters_join_values_of_one_dimension_and_narrow_over_several(api: ApiClient) -> None:
    either = asked(api, **{"filter[model]": ["large", "small"]})
    assert meter_of(either)["total"] == "114"
    both = asked(api, **{"filter[model]": ["large", "small"], "filter[kind]": "input"})
    assert [(one["meter"], one["total"]) for one in both["data"]] == [("tokens", "110")]


def test_compare_adds_the_total_of_as_many_days_before(api: ApiClient) -> None:
    tokens = meter_of(asked(api, from_="2026-01-15", to="2026-01-16", compare="previous"))
    assert (tokens["total"], tokens["previous_total"]) == ("5.5", "110")


def test_spend_is_null_where_no_charge_prices_a_meter(api: ApiClient) -> None:
    tokens = meter_of(asked(api, spend="true"))
    assert tokens["spend"] is None
    assert {one["spend"] for one in tokens["windows"]} == {None}
    assert "spend" not in meter_of(asked(api))


def test_csv_has_a_column_for_each_dimension_and_escapes_what_a_spreadsheet_would_run(api: ApiClient) -> None:
    answer = api.get(
        USAGE,
        headers={"Accept": "text/csv"},
        meter="tokens",
        group_by="model",
        window="month",
        from_="2026-01-15",
        spend="true",
    )
    assert answer.headers["Content-Type"] == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.body.decode(), newline="")))
    bounds = ["2026-01-14T23:00:00Z", "2026-01-15T23:00:00Z"]
    assert rows == [
        ["meter", "start", "end", "model", "value", "spend"],
        ["tokens", *bounds, "large", "4", ""],
        ["tokens", *bounds, "'=1+1", "1.5", ""],
    ]


def quantities(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [{name: shown for name, shown in one.items() if name != "counting"} for one in answer["data"]]


def test_the_same_question_has_the_same_answer_after_the_rollup(api: ApiClient, clock: Clock) -> None:
    clock.set(parse_instant("2026-01-15T13:00:00Z"))
    questions: list[dict[str, Any]] = [
        {},
        {"group_by": "model,kind", "window": "hour", "from_": "2026-01-14"},
        {"timezone": "Asia/Tokyo", "from_": "2026-01-10"},
    ]
    before = [quantities(asked(api, **question)) for question in questions]
    report = api.invoke("rollup_usage", scheduled_event(clock.now()))
    assert report["rollup"] == {"rolled_up": 5, "left": 0, "unfinished": ()}
    assert [quantities(asked(api, **question)) for question in questions] == before


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({"window": "week"}, ["/query/window"]),
        ({"timezone": "Mars/Base"}, ["/query/timezone"]),
        ({"from": "2026-02-30"}, ["/query/from"]),
        ({"from": "2026-01-01T00:00:00"}, ["/query/from"]),
        ({"from": "2026-01-15", "to": "2026-01-15"}, ["/query/to"]),
        ({"top": "0"}, ["/query/top"]),
        ({"top": "51"}, ["/query/top"]),
        ({"group_by": "model,model"}, ["/query/group_by"]),
        ({"group_by": ""}, ["/query/group_by"]),
        ({"group_by": "colour"}, ["/query/group_by"]),
        ({"meter": "requests", "group_by": "kind"}, ["/query/group_by"]),
        ({"filter[colour]": "red"}, ["/query/filter[colour]"]),
        ({"meter": ["tokens", "nope"]}, ["/query/meter"]),
        ({"meter": "nope", "from": "2026-01-15", "to": "2026-01-14"}, ["/query/to", "/query/meter"]),
        ({"compare": "next"}, ["/query/compare"]),
        ({"include_zero": "yes"}, ["/query/include_zero"]),
        ({"limit": "5"}, ["/query/limit"]),
        ({"window": "week", "top": "x", "unknown": "1"}, ["/query/unknown", "/query/window", "/query/top"]),
    ],
)
def test_every_fault_of_a_query_is_named(api: ApiClient, query: dict[str, Any], pointers: list[str]) -> None:
    assert refused(api.request("GET", USAGE, **query), 422, "invalid-input") == pointers


@pytest.mark.parametrize(
    ("query", "is_refused"),
    [
        ({"window": "quarter_hour", "from": "2026-01-01", "to": "2026-01-08"}, False),
        ({"window": "quarter_hour", "from": "2026-01-01", "to": "2026-01-09"}, True),
        ({"window": "hour", "from": "2026-01-01", "to": "2026-02-01"}, False),
        ({"window": "hour", "from": "2026-01-01", "to": "2026-02-02"}, True),
        ({"timezone": "Asia/Tokyo", "from": "2026-01-01", "to": "2026-02-01"}, False),
        ({"timezone": "Asia/Tokyo", "from": "2026-01-01", "to": "2026-02-02"}, True),
        ({"window": "month", "from": "2024-01-01", "to": "2026-12-01"}, False),
        ({"window": "month", "from": "1971-01-01", "to": "9900-01-01"}, True),
    ],
)
def test_ranges_have_limits_by_window_and_time_zone(api: ApiClient, query: dict[str, Any], is_refused: bool) -> None:
    answer = api.request("GET", USAGE, **query)
    assert answer.status_code == (422 if is_refused else 200), answer.body
    if is_refused:
        refused(answer, 422, "range-too-large")


def test_an_organizations_own_callers_see_90_days_and_no_more(api: ApiClient) -> None:
    own = api.as_holder_of(api.make_key("read", "acme"))
    # Today and the 89 days before it.
    assert own.get(USAGE, from_="2025-10-18").status_code == 200
    assert refused(own.get(USAGE, from_="2025-10-17"), 403, "history-limit") == ["/query/from"]
    assert own.get(USAGE, from_="2025-10-18", to="2026-01-16", compare="previous").status_code == 200
    assert api.get(USAGE, from_="2025-10-17").status_code == 200


def test_an_organizations_own_callers_see_the_meters_it_has_used(api: ApiClient) -> None:
    own = api.as_holder_of(api.make_key("read", "acme"))
    assert [one["meter"] for one in asked(own, include_zero="true")["data"]] == ["requests", "tokens"]
    earlier = asked(own, include_zero="true", from_="2026-01-01", to="2026-01-02")
    assert [(one["meter"], one["total"]) for one in earlier["data"]] == [("requests", "0"), ("tokens", "0")]
    assert refused(own.get(USAGE, meter="idle"), 422, "invalid-input") == ["/query/meter"]


def test_another_organizations_caller_learns_nothing(api: ApiClient) -> None:
    sent.add_organization(api, "globex")
    other = api.as_holder_of(api.make_key("read", "globex"))
    unknown = other.get("/v1/organizations/nobody/usage")
    answer = other.get(USAGE)
    assert (answer.status_code, answer.body) == (404, unknown.body)
    assert other.get("/v1/organizations/globex/usage").json_body["data"] == []


def test_a_key_that_only_ingests_may_not_read_usage(api: ApiClient) -> None:
    assert api.as_holder_of(api.make_key("ingest")).get(USAGE).status_code == 403


def test_a_meter_that_is_still_counting_says_so(api: ApiClient) -> None:
    sent.add_meter(api, "largest", "max")
    told = {one["meter"]: one["counting"] for one in asked(api, include_zero="true")["data"]}
    assert told["largest"]


def test_a_level_set_long_ago_stays_visible_to_its_organization(api: ApiClient, clock: Clock) -> None:
    sent.add_meter(api, "storage", "time_weighted", event_type="disk")
    disk = {**event("d1", "2026-01-15T00:00:00Z", tokens=10), "type": "disk"}
    sent.accepted(api.post("/v1/events", disk))
    clock.set(parse_instant("2026-06-15T12:00:00Z"))
    own = api.as_holder_of(api.make_key("read", "acme"))
    day = {"from_": "2026-06-14", "to": "2026-06-15"}
    for query in ({}, {"include_zero": "true"}, {"meter": ["storage"]}):
        assert [(one["meter"], one["total"]) for one in asked(own, **day, **query)["data"]] == [("storage", "240")]


def test_an_answer_that_would_be_too_large_is_refused_before_it_is_made(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_service, "MAX_ROWS", 30)
    assert api.get(USAGE, meter="tokens").status_code == 200
    refused(api.get(USAGE, meter=["tokens", "requests"]), 422, "range-too-large")
