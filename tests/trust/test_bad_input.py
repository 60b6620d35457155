"""Bad bodies, numbers, ids, times, cursors and credentials: the exact problem, at once, and nothing has changed."""

import base64
import time
from typing import Any

import jwt
import pytest
from chalice.test import HTTPResponse

import app
from chalicelib.platform.keys import Role, make_key
from chalicelib.platform.portal import issue_portal_token
from chalicelib.platform.settings import settings
from tests.client import ApiClient
from tests.conftest import NOON
from tests.fuzz.known import Deployment

LONGEST_MS = 50
ORGANIZATIONS, METERS, KEYS, SETTINGS = "/v1/organizations", "/v1/meters", "/v1/api-keys", "/v1/settings"
BODIES = [
    ("POST", ORGANIZATIONS),
    ("PATCH", f"{ORGANIZATIONS}/acme"),
    ("POST", METERS),
    ("PATCH", f"{METERS}/calls"),
    ("POST", KEYS),
    ("PUT", SETTINGS),
]
METER = {"key": "new", "name": "New", "event_type": "call", "aggregation": "count"}

pytestmark = pytest.mark.usefixtures("_nothing_changes")


@pytest.fixture(scope="module")
def admin(deployment: Deployment) -> ApiClient:
    return ApiClient(app.app, deployment.admin)


def refused(sent: HTTPResponse, status: int, code: str, *places: str) -> None:
    assert (sent.status_code, sent.headers["Content-Type"]) == (status, "application/problem+json"), sent.body
    assert sent.json_body["type"] == f"/problems/{code}"
    assert sent.json_body["status"] == status
    assert {fault["pointer"] for fault in sent.json_body["errors"]} == set(places)


def quickly(admin: ApiClient, method: str, path: str, **options: Any) -> HTTPResponse:
    """Send a request twice; the shorter one must not have cost more than its share of the processor."""
    costs = []
    for _ in range(2):
        begun_ns = time.process_time_ns()
        sent = admin.request(method, path, **options)
        costs.append((time.process_time_ns() - begun_ns) // 10**6)
    assert min(costs) < LONGEST_MS
    return sent


UNREADABLE = {
    "nothing": b"",
    "half an object": b"{",
    "two values": b"{} {}",
    "a comment": b"{} // x",
    "NaN": b'{"name": NaN}',
    "infinity": b'{"name": -Infinity}',
    "a name twice": b'{"name": "a", "name": "b"}',
    "half a surrogate pair": b'{"name": "\\ud800"}',
    "a byte that is no UTF-8": b'{"name": "\xff"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"name": "a"}',
    "17 levels": b'{"name": ' + b"[" * 16 + b"]" * 16 + b"}",
    "100,000 levels": b"[" * 100_000,
    "a bare control character": b'{"name": "a\x01"}',
}


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize(("method", "path"), BODIES)
def test_a_body_that_cannot_be_read_is_malformed(admin: ApiClient, method: str, path: str, raw: bytes) -> None:
    refused(quickly(admin, method, path, body=raw), 400, "malformed")


@pytest.mark.parametrize(("size", "status", "code"), [(1_000_000, 422, "invalid-input"), (1_000_001, 413, "too-large")])
@pytest.mark.parametrize(("method", "path"), BODIES)
def test_a_body_has_at_most_a_megabyte(
    admin: ApiClient, method: str, path: str, size: int, status: int, code: str
) -> None:
    sent = quickly(admin, method, path, body=b'{"unknown": ""}'.ljust(size))
    assert (sent.status_code, sent.json_body["type"]) == (status, f"/problems/{code}")


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"text"', b"true", b"1E+1000000"])
@pytest.mark.parametrize(("method", "path"), BODIES)
def test_a_body_that_is_no_object_is_invalid(admin: ApiClient, method: str, path: str, raw: bytes) -> None:
    refused(quickly(admin, method, path, body=raw), 422, "invalid-input", "")


@pytest.mark.parametrize("name", ["unknown", "Name", "name ", "", "a/b", "a~b", "__class__", "\u202e"])
@pytest.mark.parametrize(("method", "path"), BODIES)
def test_an_unknown_field_is_named(admin: ApiClient, method: str, path: str, name: str) -> None:
    sent = quickly(admin, method, path, body={name: 1})
    assert (sent.status_code, sent.json_body["type"]) == (422, "/problems/invalid-input")
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    assert {"pointer": pointer, "detail": "is not known here"} in sent.json_body["errors"]


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json", ""])
@pytest.mark.parametrize(("method", "path"), BODIES)
def test_another_content_type_is_refused(admin: ApiClient, method: str, path: str, media: str) -> None:
    sent = quickly(admin, method, path, body=b'{"name": "a"}', headers={"Content-Type": media})
    refused(sent, 415, "unsupported-media-type")


ODD_NUMBERS = {
    *(
        "1E+1000000",
        "1e2",
        "NaN",
        "Infinity",
        "-Infinity",
        "٣",
        "１",
        "1_000",
        "1,5",
        "0x1",
        "+1",
        " 1",
        "1 ",
        "1.",
        ".5",
    ),
    *("01", "--1", "", "1" * 39, "0.1234567890123", "1\n", "½"),
}


@pytest.mark.parametrize("number", sorted(ODD_NUMBERS))
def test_an_odd_number_is_no_percentage(admin: ApiClient, number: str) -> None:
    sent = quickly(admin, "PATCH", f"{ORGANIZATIONS}/acme", body={"tax_rates": [{"name": "VAT", "percent": number}]})
    refused(sent, 422, "invalid-input", "/tax_rates/0/percent")


@pytest.mark.parametrize(
    "number", ["1E+1000000", "1E-1000000", "1e2", "1" * 39, "9" * 4301, "-0.5", "1.0", "-1", "0", "401"]
)
def test_an_odd_number_is_no_count_of_days(admin: ApiClient, number: str) -> None:
    sent = quickly(admin, "PUT", SETTINGS, body=b'{"late_limit_days": ' + number.encode() + b"}")
    refused(sent, 422, "invalid-input", "/late_limit_days")


@pytest.mark.parametrize("value", ["35", True, None, [], {}, [35]])
def test_what_is_no_number_is_no_count_of_days(admin: ApiClient, value: Any) -> None:
    refused(quickly(admin, "PUT", SETTINGS, body={"late_limit_days": value}), 422, "invalid-input", "/late_limit_days")


@pytest.mark.parametrize("value", ["true", "", 0, 1, None, [], {}])
def test_a_switch_is_true_or_false(admin: ApiClient, value: Any) -> None:
    sent = quickly(admin, "PUT", SETTINGS, body={"create_unknown_organizations": value})
    refused(sent, 422, "invalid-input", "/create_unknown_organizations")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "a" * 65,
        "a" * 256,
        "A",
        "-a",
        "#version",
        "a#b",
        "a/b",
        "a.b",
        "a b",
        "a\x00",
        "a\n",
        "é",
        "а",
        None,
        1,
        [],
        {},
    ],
)
def test_an_id_or_key_is_short_and_plain(admin: ApiClient, key: Any) -> None:
    refused(quickly(admin, "POST", METERS, body={**METER, "key": key}), 422, "invalid-input", "/key")
    refused(quickly(admin, "POST", ORGANIZATIONS, body={"id": key, "name": "A"}), 422, "invalid-input", "/id")
    if key is not None:
        body = {"name": "A", "role": "read", "organization": key}
        refused(quickly(admin, "POST", KEYS, body=body), 422, "invalid-input", "/organization")


@pytest.mark.parametrize("role", ["", "Admin", "owner", "admin ", None, 1, [], {}, ["admin"]])
def test_a_role_is_one_of_three(admin: ApiClient, role: Any) -> None:
    refused(quickly(admin, "POST", KEYS, body={"name": "A", "role": role}), 422, "invalid-input", "/role")


@pytest.mark.parametrize(
    "instant",
    [
        *("2026-01-01T00:00:00", "2026-01-01", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T23:59:60Z"),
        *("9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "2026-01-01T00:00:00+24:00"),
        *(
            "2026-01-01T00:00:00.Z",
            "٢٠٢٦-01-01T00:00:00Z",
            "2026-1-1T00:00:00Z",
            "now",
            "",
            "2026-01-15T12:00:00.000001Z",
        ),
        *(1767225600, "null", [], {}, True),
    ],
)
def test_an_instant_exists_has_an_offset_and_does_not_lie_ahead(admin: ApiClient, instant: Any) -> None:
    refused(quickly(admin, "POST", METERS, body={**METER, "count_from": instant}), 422, "invalid-input", "/count_from")


@pytest.mark.parametrize(
    ("change", "places"),
    [
        ({"aggregation": "median"}, {"/aggregation"}),
        ({"aggregation": []}, {"/aggregation"}),
        ({"aggregation": "sum"}, {"/value"}),
        ({"value": "a"}, {"/value"}),
        ({"aggregation": "sum", "value": "a..b"}, {"/value"}),
        ({"aggregation": "sum", "value": ["a"]}, {"/value"}),
        ({"aggregation": "sum", "value": ".".join("a" * 16)}, {"/value"}),
        ({"dimensions": {"A": "a"}}, {"/dimensions/A"}),
        ({"dimensions": {"a/b": "a"}}, {"/dimensions/a~1b"}),
        ({"dimensions": {"a": "a."}}, {"/dimensions/a"}),
        ({"dimensions": ["a"]}, {"/dimensions"}),
        ({"dimensions": {f"d{number}": "a" for number in range(17)}}, {"/dimensions"}),
        ({"filter": {"a": []}}, {"/filter/a"}),
        ({"filter": {"a": "b"}}, {"/filter/a"}),
        ({"filter": {"a": [1]}}, {"/filter/a/0"}),
        ({"filter": {"a": ["x" * 201]}}, {"/filter/a/0"}),
        ({"filter": {"a": ["\x00"]}}, {"/filter/a/0"}),
        ({"filter": {"a..b": ["x"]}}, {"/filter/a..b"}),
        ({"strict": "true"}, {"/strict"}),
        ({"unit": ""}, {"/unit"}),
        ({"event_type": "a\x85"}, {"/event_type"}),
        ({"event_type": "x" * 256}, {"/event_type"}),
        ({"version": 1}, {"/version"}),
        ({"name": "\t", "strict": None, "unit": 1, "aggregation": "sum"}, {"/name", "/strict", "/unit", "/value"}),
    ],
)
def test_a_wrong_definition_names_every_place(admin: ApiClient, change: dict[str, Any], places: set[str]) -> None:
    refused(quickly(admin, "POST", METERS, body={**METER, **change}), 422, "invalid-input", *places)


LISTS = [ORGANIZATIONS, METERS, KEYS]


def cursor_of(admin: ApiClient, path: str, **query: Any) -> str:
    return str(admin.get(path, limit=1, **query).json_body["next_cursor"])


@pytest.mark.parametrize("path", LISTS[:2])
@pytest.mark.parametrize(
    "break_it", [lambda one: one[:-1], lambda one: one + "A", lambda one: "A" + one[1:], str.swapcase]
)
def test_a_cursor_that_was_touched_does_not_open(admin: ApiClient, path: str, break_it: Any) -> None:
    broken = break_it(cursor_of(admin, path))
    refused(quickly(admin, "GET", path, cursor=broken), 400, "invalid-cursor")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "cursor", ["", "x", "=", "null", "\x00", "ключ", "a" * 3999, base64.urlsafe_b64encode(b"0" * 40).decode(), "../.."]
)
def test_what_is_no_cursor_does_not_open(admin: ApiClient, path: str, cursor: str) -> None:
    refused(quickly(admin, "GET", path, cursor=cursor), 400, "invalid-cursor")


def test_a_cursor_of_another_list_or_search_does_not_open(admin: ApiClient) -> None:
    made = {path: cursor_of(admin, path) for path in LISTS[:2]}
    refused(quickly(admin, "GET", METERS, cursor=made[ORGANIZATIONS]), 400, "invalid-cursor")
    refused(quickly(admin, "GET", ORGANIZATIONS, cursor=made[METERS]), 400, "invalid-cursor")
    refused(quickly(admin, "GET", ORGANIZATIONS, cursor=made[ORGANIZATIONS], q="a"), 400, "invalid-cursor")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.0", "1e1", "٣", "", "x", "9" * 400, ["1", "2"]])
def test_a_limit_is_1_to_200(admin: ApiClient, path: str, limit: Any) -> None:
    refused(quickly(admin, "GET", path, limit=limit), 422, "invalid-input", "/query/limit")


@pytest.mark.parametrize("path", [*LISTS, SETTINGS, "/v1/session", f"{METERS}/calls", f"{ORGANIZATIONS}/acme"])
def test_an_unknown_parameter_is_named(admin: ApiClient, path: str) -> None:
    refused(quickly(admin, "GET", path, unknown="1"), 422, "invalid-input", "/query/unknown")


@pytest.mark.parametrize(
    "value", ["%00", "a%0Ab", "x" * 256, "%23version", "%2E%2E", "acme%20", "ACME", "%C3%A9", "%7B%7D"]
)
@pytest.mark.parametrize("path", [METERS, ORGANIZATIONS])
def test_a_path_that_names_nothing_is_not_found(admin: ApiClient, path: str, value: str) -> None:
    refused(quickly(admin, "GET", f"{path}/{value}"), 404, "not-found")
    refused(quickly(admin, "PATCH", f"{path}/{value}", body={"name": "A"}), 404, "not-found")


@pytest.mark.parametrize("value", ["key_0123456789abcdefghjk", "acme", "%00", "x" * 256, "%23"])
def test_what_is_no_key_cannot_be_revoked(admin: ApiClient, value: str) -> None:
    refused(quickly(admin, "DELETE", f"{KEYS}/{value}"), 404, "not-found")


def token(**claims: Any) -> str:
    made, _ = issue_portal_token("acme", name=None, now=NOON, expires_in_s=3600)
    read = jwt.decode(made, options={"verify_signature": False})
    return jwt.encode({**read, **claims}, settings.signing_key("portal"))


# Some are made by chance, so they go by their names.
BAD_CREDENTIALS = {
    "nothing": "",
    "one character": "x",
    "a prefix": "mf_admin_",
    "another checksum": "mf_admin_0123456789abcdefghjk_" + "0" * 36,
    "null": "null",
    "not ASCII": "é",
    "three parts": "a.b.c",
    "empty parts": "..",
    "10,000 characters": "x" * 10_000,
    "an unknown key": make_key(Role.ADMIN, "key_0123456789abcdefghjk").secret,
    "a key in the other case": make_key(Role.ADMIN, "key_0123456789abcdefghjk").secret.swapcase(),
    "an unsigned token": jwt.encode({"sub": "acme"}, "", algorithm="none"),
    "a token that has just ended": token(exp=int(NOON.timestamp())),
    "a token of more than a day": token(exp=int(NOON.timestamp()) + 86_401),
    "a token for something else": token(aud="cursor"),
    "a cut token": token()[:-1],
}


@pytest.mark.parametrize("credential", BAD_CREDENTIALS.values(), ids=BAD_CREDENTIALS)
def test_a_bad_credential_gets_one_and_the_same_answer(admin: ApiClient, credential: str) -> None:
    sent = quickly(admin.as_holder_of(credential), "GET", ORGANIZATIONS)
    refused(sent, 401, "unauthenticated")
    assert sent.body == admin.as_holder_of(None).get(ORGANIZATIONS).body
    assert sent.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "\x7f"])
@pytest.mark.parametrize(("path", "body"), [(ORGANIZATIONS, {"id": "new", "name": "A"}), (METERS, METER)])
def test_an_idempotency_key_is_short_and_visible(admin: ApiClient, path: str, body: Any, key: str) -> None:
    sent = quickly(admin, "POST", path, body=body, headers={"Idempotency-Key": key})
    refused(sent, 422, "invalid-input", "/headers/idempotency-key")
