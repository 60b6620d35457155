from typing import Any

import pytest

from chalicelib.platform.connection import client
from chalicelib.platform.http import ADMIN, INGEST, READ
from chalicelib.platform.problems import PROBLEMS, gateway_problem, problem_of_status
from chalicelib.platform.tables import table_name
from chalicelib.shared.clock import Clock
from tests.platform.conftest import Script, cancelled, service_fault
from tests.platform.shop import Shop

BOXES = "/v1/organizations/acme/boxes"


def boxes() -> list[Any]:
    return client().scan(TableName=table_name("boxes"))["Items"]  # type: ignore[no-any-return]


def test_a_created_thing_is_answered_and_stored(shop: Shop) -> None:
    sent = shop("POST", BOXES, {"key": "a", "weight": 1.5})
    assert sent.status == 201
    assert sent.headers["Cache-Control"] == "no-store"
    assert sent.headers["X-Content-Type-Options"] == "nosniff"
    assert boxes()[0]["weight"] == {"N": "1.5"}


def test_every_fault_of_query_headers_and_body_is_named_at_once(shop: Shop) -> None:
    body = {
        "key": "Not a slug",
        "size": 1.5,
        "weight": "1e5",
        "filled_at": "2026-01-01T00:00:00",
        "label": "tab\there",
        "parts": [{"name": "ok", "weight": "1"}, {"weight": "01", "a/b~c": 1}],
        "scope": 5,
        "extra": None,
    }
    sent = shop("POST", f"{BOXES}?limit=5&other=1", body, headers={"idempotency_key": "a b"})
    assert (sent.status, sent.code) == (422, "invalid-input")
    assert set(sent.faults) == {
        "/query/limit",
        "/query/other",
        "/headers/idempotency-key",
        "/key",
        "/size",
        "/weight",
        "/filled_at",
        "/label",
        "/parts/1/name",
        "/parts/1/weight",
        "/parts/1/a~1b~0c",
        "/scope",
        "/extra",
    }
    assert sent.faults["/parts/1/name"] == "is required"
    assert boxes() == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "malformed"),
        ("{", "malformed"),
        ('{"key": NaN}', "malformed"),
        ('{"key": "a", "key": "b"}', "malformed"),
        ('{"key": "\\ud800"}', "malformed"),
        ('{"key": ' + "[" * 17 + "]" * 17 + "}", "malformed"),
        ("[" * 100_000, "malformed"),
        (" " * 1_000_001, "too-large"),
        ("[]", "invalid-input"),
        ("null", "invalid-input"),
        ("1", "invalid-input"),
        ('"text"', "invalid-input"),
        ('{"key": "a", "size": 1E+1000000}', "invalid-input"),
        ('{"key": "a", "size": "1"}', "invalid-input"),
        ('{"key": "a", "size": true}', "invalid-input"),
        ('{"key": "a", "weight": 0.1234567890123}', "invalid-input"),
        ('{"key": "a", "weight": "٣"}', "invalid-input"),
        ('{"key": "a", "weight": "1_000"}', "invalid-input"),
    ],
)
def test_a_bad_body_has_its_problem_and_changes_nothing(shop: Shop, body: str, code: str) -> None:
    sent = shop("POST", BOXES, body)
    assert sent.code == code
    assert boxes() == []


@pytest.mark.parametrize("body", ["\ud800", "not base64"])
def test_bytes_that_are_no_text_are_malformed(shop: Shop, body: str) -> None:
    assert shop("POST", BOXES, body, isBase64Encoded=body == "not base64").code == "malformed"
    assert shop("POST", BOXES, "/w==", isBase64Encoded=True).code == "malformed"


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ("limit=0", {"/query/limit"}),
        ("limit=201", {"/query/limit"}),
        ("limit=1.0", {"/query/limit"}),
        ("limit=٣", {"/query/limit"}),
        ("limit=", {"/query/limit"}),
        ("limit=5&limit=6", {"/query/limit"}),
        ("deep=yes&deep2=1", {"/query/deep", "/query/deep2"}),
        ("filter=a", {"/query/filter"}),
        ("filter[]=a", {"/query/filter[]"}),
        ("filter[a=a", {"/query/filter[a"}),
        ("state[x]=a", {"/query/state[x]"}),
        ("state=a&state=b", {"/query/state"}),
        ("state=" + "x" * 4001, {"/query/state"}),
        ("limit=200&deep=true&meter=a&meter=b&filter[model]=a&filter[model]=b&filter[a/b]=c&state=", set()),
    ],
)
def test_query_parameters_are_strict(shop: Shop, query: str, faults: set[str]) -> None:
    sent = shop("GET", f"{BOXES}?{query}")
    assert sent.status == (422 if faults else 200)
    if faults:
        assert set(sent.faults) == faults


def test_a_route_without_parameters_or_body_takes_none(shop: Shop) -> None:
    shop("POST", BOXES, {"key": "a"})
    assert set(shop("GET", "/v1/session?x=1").faults) == {"/query/x"}
    assert set(shop("POST", f"{BOXES}/a/open", {"x": 1}).faults) == {""}
    assert shop("POST", f"{BOXES}/a/open", {}).status == 200
    assert shop("GET", "/v1/session", "ignored", headers={"content_type": "text/plain"}).status == 200


@pytest.mark.parametrize(
    ("role", "method", "target", "status"),
    [
        (READ, "GET", BOXES, 200),
        (INGEST, "GET", BOXES, 200),
        (ADMIN, "GET", BOXES, 200),
        (READ, "POST", BOXES, 403),
        (INGEST, "POST", BOXES, 403),
        (INGEST, "GET", "/v1/global", 403),
        (READ, "POST", "/v1/raw", 403),
        (INGEST, "POST", "/v1/raw", 202),
        (ADMIN, "POST", "/v1/raw", 202),
    ],
)
def test_roles_come_before_the_body(shop: Shop, role: Any, method: str, target: str, status: int) -> None:
    sent = shop(method, target, "{" if status == 403 else None, key=shop.key(role))
    assert sent.status == status


def test_a_bound_caller_sees_only_its_own_organization(shop: Shop) -> None:
    bound = shop.key(ADMIN, "acme")
    assert shop("GET", BOXES, key=bound).status == 200
    other = shop("GET", "/v1/organizations/other/boxes", key=bound)
    assert (other.status, other.json["detail"]) == (404, "There is no such organization.")
    assert shop("POST", "/v1/organizations/other/boxes", {"key": "a"}, key=bound).code == "not-found"
    assert shop("GET", "/v1/global", key=bound).code == "forbidden"
    assert shop("GET", "/v1/session", key=bound).json["organization"] == "acme"
    assert boxes() == []


@pytest.mark.parametrize("value", ["x" * 256, "a\x00b", "a\nb"])
def test_a_path_that_can_name_nothing_is_not_found(shop: Shop, value: str) -> None:
    shop.admin = shop.key(ADMIN)
    assert shop("GET", f"/v1/organizations/{value}/boxes").code == "not-found"


def test_chalices_own_refusals_are_problems(shop: Shop) -> None:
    method = shop("DELETE", BOXES)
    assert (method.status, method.code) == (405, "method-not-allowed")
    assert set(method.headers["Allow"].split(", ")) == {"GET", "POST"}
    media = shop("POST", BOXES, "key=a", headers={"content-type": "application/x-www-form-urlencoded"})
    assert (media.status, media.code) == (415, "unsupported-media-type")
    assert "Allow" not in media.headers


def test_all_listed_media_types_pass(shop: Shop) -> None:
    for media in ("application/json", "application/cloudevents+json", "application/json; charset=utf-8"):
        assert shop("POST", "/v1/raw", "x" * 3_999_999, headers={"content-type": media}).status == 202
    assert shop("POST", "/v1/raw", "x" * 4_000_001).code == "too-large"


@pytest.mark.parametrize("how", ["raise", "decimal", "float"])
def test_an_unexpected_fault_tells_nothing(shop: Shop, how: str) -> None:
    sent = shop("GET", f"/v1/broken/{how}")
    assert (sent.status, sent.code) == (500, "internal-error")
    assert sent.json["detail"] == "The fault has been logged."
    assert sent.json["errors"] == []


def test_an_answer_that_lambda_cannot_carry_is_a_problem(shop: Shop) -> None:
    assert shop("GET", "/v1/broken/large").code == "range-too-large"


def test_throttled_storage_is_busy_with_a_time_to_wait(shop: Shop, script: Script) -> None:
    script.forever = service_fault("ThrottlingException")
    for sent in (shop("GET", BOXES), shop("POST", BOXES, {"key": "a"})):
        assert (sent.status, sent.code) == (503, "busy")
        assert sent.headers["Retry-After"] == "1"


def test_a_table_that_is_missing_is_not_named(shop: Shop, script: Script) -> None:
    script.forever = service_fault("ResourceNotFoundException")
    sent = shop("GET", BOXES)
    assert (sent.status, sent.code) == (500, "internal-error")
    assert b"meterfold" not in sent.body


def test_a_lost_race_is_decided_again(shop: Shop, script: Script) -> None:
    shop("POST", BOXES, {"key": "a"})
    script.steps += [None, None, ("before", cancelled("None", "ConditionalCheckFailed"))]
    assert shop("POST", f"{BOXES}/a/open", headers={"idempotency-key": "1"}).status == 200
    assert script.operations().count("TransactWriteItems") == 2


def test_now_is_the_domains_clock(shop: Shop, clock: Clock) -> None:
    assert shop("GET", "/v1/session").json["now"] == "2026-01-15T12:00:00+00:00"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 415, 429, 500, 502, 503, 504])
def test_the_gateways_own_errors_are_problems(status: int) -> None:
    answer = gateway_problem(status)
    assert answer.media_type == "application/problem+json"
    assert answer.json_value()["type"].removeprefix("/problems/") in PROBLEMS
    if status != 502:
        assert answer.status == status
    assert problem_of_status(status, "x").status == answer.status
    assert ("Retry-After" in answer.headers) == (status in {429, 503})
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_an_unknown_path_is_not_found() -> None:
    answer = gateway_problem(403, is_unknown_path=True)
    assert answer.status == 404
    assert answer.json_value()["type"] == "/problems/not-found"
