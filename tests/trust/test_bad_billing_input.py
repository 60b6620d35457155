"""Bad bodies, amounts, ids, instants, tiers and cursors sent to subscriptions and invoices: exact, quick, harmless."""

from typing import Any

import pytest

import app
from tests.client import ApiClient
from tests.fuzz.known import Deployment
from tests.trust.test_bad_input import ODD_NUMBERS, UNREADABLE, cursor_of, quickly, refused

OWN = "/v1/organizations/acme"
SUBSCRIPTIONS, INVOICES, ALL = f"{OWN}/subscriptions", f"{OWN}/invoices", "/v1/invoices"
SUBSCRIPTION, INVOICE, ENDED = "/v1/subscriptions/sub_acme.1", f"{ALL}/inv_acme.0o2.0", f"{ALL}/inv_acme.1p0.0"
IDLE = "/v1/organizations/idle/subscriptions"
BODIES = [
    ("POST", SUBSCRIPTIONS),
    ("PATCH", SUBSCRIPTION),
    ("POST", f"{SUBSCRIPTION}/change"),
    ("POST", f"{SUBSCRIPTION}/cancel"),
    ("POST", INVOICES),
    ("POST", f"{INVOICE}/payments"),
    ("POST", f"{ALL}/inv_acme.0o1.0/payments/pay_1/reverse"),
    ("POST", f"{INVOICE}/void"),
    ("POST", f"{INVOICE}/uncollectible"),
    ("POST", f"{INVOICE}/credit-notes"),
]
SOLD: dict[str, Any] = {"name": "Setup", "quantity": 1, "unit_price": 1}
NOTE: dict[str, Any] = {"reason": "no", "to": "refund"}

pytestmark = pytest.mark.usefixtures("_nothing_changes")


@pytest.fixture(scope="module")
def admin(deployment: Deployment) -> ApiClient:
    return ApiClient(app.app, deployment.admin)


def invalid(admin: ApiClient, path: str, body: Any, *places: str, method: str = "POST") -> None:
    refused(quickly(admin, method, path, body=body), 422, "invalid-input", *places)


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_a_body_that_cannot_be_read_is_malformed(admin: ApiClient, method: str, path: str) -> None:
    for raw in UNREADABLE.values():
        refused(quickly(admin, method, path, body=raw), 400, "malformed")


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_a_body_that_is_no_object_is_invalid(admin: ApiClient, method: str, path: str) -> None:
    for raw in (b"[]", b"null", b"1", b'"text"', b"true", b"1E+1000000"):
        refused(quickly(admin, method, path, body=raw), 422, "invalid-input", "")


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_an_unknown_field_is_named(admin: ApiClient, method: str, path: str) -> None:
    for name in ("unknown", "Plan", "amount ", "", "a/b", "a~b", "__class__"):
        sent = quickly(admin, method, path, body={name: 1})
        assert (sent.status_code, sent.json_body["type"]) == (422, "/problems/invalid-input")
        pointer = "/" + name.replace("~", "~0").replace("/", "~1")
        assert {"pointer": pointer, "detail": "is not known here"} in sent.json_body["errors"]


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_a_body_has_at_most_a_megabyte_and_one_content_type(admin: ApiClient, method: str, path: str) -> None:
    refused(quickly(admin, method, path, body=b'{"unknown": ""}'.ljust(1_000_001)), 413, "too-large")
    for media in ("text/plain", "application/xml", ""):
        sent = quickly(admin, method, path, body=b'{"plan": "pro"}', headers={"Content-Type": media})
        refused(sent, 415, "unsupported-media-type")


@pytest.mark.parametrize("number", [*sorted(ODD_NUMBERS), "-1", "-0.01", None, True, [], {}])
def test_an_odd_number_is_no_amount(admin: ApiClient, number: Any) -> None:
    invalid(admin, f"{INVOICE}/payments", {"amount": number, "reference": "r"}, "/amount")
    invalid(admin, INVOICES, {"lines": [SOLD, {**SOLD, "quantity": number}]}, "/lines/1/quantity")
    invalid(admin, INVOICES, {"lines": [{**SOLD, "unit_price": number}]}, "/lines/0/unit_price")
    taken = {"lines": [{"line": "one-off-1", "amount": number}]}
    invalid(admin, f"{INVOICE}/credit-notes", {**NOTE, **taken}, "/lines/0/amount")
    if number is not None:
        invalid(admin, IDLE, {"plan": "pro", "spend_cap": number}, "/spend_cap")
        invalid(admin, SUBSCRIPTION, {"spend_cap": number}, "/spend_cap", method="PATCH")


@pytest.mark.parametrize("number", ["1E+1000000", "1e400", "9" * 39, "9" * 5000, "-1", "0.1234567890123", "0"])
def test_an_odd_json_number_is_no_amount(admin: ApiClient, number: str) -> None:
    raw = b'{"reference": "r", "amount": ' + number.encode() + b"}"
    refused(quickly(admin, "POST", f"{INVOICE}/payments", body=raw), 422, "invalid-input", "/amount")


def test_an_amount_is_no_finer_than_its_currency(admin: ApiClient) -> None:
    invalid(admin, f"{INVOICE}/payments", {"amount": "1.001", "reference": "r"}, "/amount")
    invalid(
        admin, f"{INVOICE}/credit-notes", {**NOTE, "lines": [{"line": "one-off-1", "amount": 0.001}]}, "/lines/0/amount"
    )
    invalid(admin, IDLE, {"plan": "pro", "spend_cap": "0.005"}, "/spend_cap")
    invalid(admin, SUBSCRIPTION, {"spend_cap": "0.005"}, "/spend_cap", method="PATCH")


def test_every_fault_is_named_at_once(admin: ApiClient) -> None:
    lines = [{"line": "", "amount": "x"}, {"line": "x" * 201, "amount": "0"}, {"amount": "1"}]
    places = ["/lines/0/line", "/lines/0/amount", "/lines/1/line", "/lines/1/amount", "/lines/2/line", "/reason", "/to"]
    invalid(admin, f"{INVOICE}/credit-notes", {"lines": lines}, *places)
    invalid(admin, IDLE, {"plan": "P", "version": 0, "start": "x", "end": 1, "anchor": "", "trial_days": -1}, *PLACES)


PLACES = ["/plan", "/version", "/start", "/end", "/anchor", "/trial_days"]


@pytest.mark.parametrize("lines", [None, {}, "x", [], [None], ["x"], [SOLD] * 1_001])
def test_lines_are_a_list_of_1_to_1_000_objects(admin: ApiClient, lines: Any) -> None:
    sent = admin.post(INVOICES, {"lines": lines})
    assert (sent.status_code, sent.json_body["type"]) == (422, "/problems/invalid-input")
    assert all(fault["pointer"].startswith("/lines") for fault in sent.json_body["errors"])


@pytest.mark.parametrize("text", ["", "a\x00", "a\x1b", "\x85", "x" * 2001, None, 1, [], {}])
def test_a_reason_is_text_without_control_characters(admin: ApiClient, text: Any) -> None:
    for action in ("void", "uncollectible"):
        invalid(admin, f"{INVOICE}/{action}", {"reason": text}, "/reason")
    if text is None or not isinstance(text, str) or len(text) != 2001:
        invalid(admin, f"{INVOICE}/payments", {"amount": 1, "reference": text}, "/reference")


@pytest.mark.parametrize("regenerate", ["true", 1, 0, None, [], {}])
def test_regenerate_is_true_or_false(admin: ApiClient, regenerate: Any) -> None:
    invalid(admin, f"{INVOICE}/void", {"reason": "no", "regenerate": regenerate}, "/regenerate")


ODD_INSTANTS = [
    *("2026-01-01T00:00:00", "2026-01-01", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T23:59:60Z"),
    *("9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "2026-01-01T00:00:00+24:00"),
    *("٢٠٢٦-01-01T00:00:00Z", "2026-1-1T00:00:00Z", "today", "", " now", "NOW", 1767225600, [], {}, True),
]


@pytest.mark.parametrize("instant", ODD_INSTANTS)
def test_an_instant_exists_and_has_an_offset(admin: ApiClient, instant: Any) -> None:
    invalid(admin, f"{SUBSCRIPTION}/cancel", {"at": instant}, "/at")
    invalid(admin, f"{SUBSCRIPTION}/change", {"plan": "pro", "at": instant}, "/at")
    invalid(admin, IDLE, {"plan": "pro", "start": instant, "end": instant}, "/start", "/end")
    invalid(admin, f"{INVOICE}/payments", {"amount": 1, "reference": "r", "paid_at": instant}, "/paid_at")


@pytest.mark.parametrize("instant", [one for one in ODD_INSTANTS if isinstance(one, str)])
def test_an_instant_of_a_filter_exists_and_has_an_offset(admin: ApiClient, instant: str) -> None:
    refused(quickly(admin, "GET", ALL, from_=instant, to=instant), 422, "invalid-input", "/query/from", "/query/to")


TIERED = {"model": "graduated", "unit_price": None}


@pytest.mark.parametrize(
    "tiers",
    [
        *(None, [], {}, "x", [None], [{}], [{"up_to": "10", "unit_price": "1"}]),
        [{"up_to": None, "unit_price": "1"}, {"up_to": None, "unit_price": "1"}],
        [{"up_to": "10", "unit_price": "1"}, {"up_to": "5", "unit_price": "1"}, {"up_to": None, "unit_price": "1"}],
        [{"up_to": "10", "unit_price": "1"}, {"up_to": "10", "unit_price": "1"}, {"up_to": None, "unit_price": "1"}],
        [{"up_to": "0", "unit_price": "1"}, {"up_to": None, "unit_price": "1"}],
        [{"up_to": "1E+1000000", "unit_price": "1"}, {"up_to": None, "unit_price": "1"}],
        [{"up_to": None, "unit_price": "-1"}],
        [{"up_to": None, "unit_price": "1" * 39}],
        [{"up_to": None, "unit_price": "1", "flat_fee": "٣"}],
        [{"up_to": None, "unit_price": "1", "free": True}],
    ],
)
def test_odd_tiers_of_overrides_are_pointed_at_inside_the_overrides(admin: ApiClient, tiers: Any) -> None:
    overrides = {"charges": {"calls": {**TIERED, "tiers": tiers}}}
    for method, path, body in [("POST", IDLE, {"plan": "pro"}), ("PATCH", SUBSCRIPTION, {})]:
        sent = quickly(admin, method, path, body={**body, "overrides": overrides})
        assert (sent.status_code, sent.json_body["type"]) == (422, "/problems/invalid-input")
        places = [fault["pointer"] for fault in sent.json_body["errors"]]
        assert places
        assert all(place.startswith("/overrides/charges/calls/") for place in places), places


@pytest.mark.parametrize(
    ("overrides", "place"),
    [
        ([], "/overrides"),
        ("x", "/overrides"),
        ({"charges": []}, "/overrides/charges"),
        ({"charges": {"calls": []}}, "/overrides/charges/calls"),
        ({"charges": {"a/b~c": {}}}, "/overrides/charges/a~1b~0c"),
        ({"charges": {"calls": {"key": "other"}}}, "/overrides/charges/calls/key"),
        ({"charges": {"calls": {"unit_price": "NaN"}}}, "/overrides/charges/calls/unit_price"),
        ({"minimum": "1_000"}, "/overrides/minimum"),
        ({"minimum": "1.001"}, "/overrides/minimum"),
        ({"discount_percent": "100.1"}, "/overrides/discount_percent"),
        ({"net_days": "30"}, "/overrides/net_days"),
        ({"grace_hours": 0}, "/overrides/grace_hours"),
    ],
)
def test_odd_overrides_are_pointed_at(admin: ApiClient, overrides: Any, place: str) -> None:
    invalid(admin, IDLE, {"plan": "pro", "overrides": overrides}, place)
    invalid(admin, SUBSCRIPTION, {"overrides": overrides}, place, method="PATCH")


ODD_IDS = [
    *("%23", "acme", "inv_acme", "sub_acme", "inv_acme.1p0.0%23", "inv_acme%2F1p0.0", "inv_acme.01p0.0"),
    *("inv_acme.1p0", "INV_ACME.1P0.0", "sub_acme.0", "sub_acme.1%00", "cn_acme.0", "x" * 256, "%C3%A9", "..%2F.."),
]


@pytest.mark.parametrize("name", ODD_IDS)
def test_what_is_no_id_is_not_found(admin: ApiClient, name: str) -> None:
    for path in (f"{ALL}/{name}", f"{ALL}/{name}/csv", f"{ALL}/{name}/lines/x", f"/v1/credit-notes/{name}"):
        refused(quickly(admin, "GET", path), 404, "not-found")
    refused(quickly(admin, "POST", f"{ALL}/{name}/finalize"), 404, "not-found")
    refused(quickly(admin, "POST", f"{ALL}/{name}/void", body={"reason": "no"}), 404, "not-found")
    refused(quickly(admin, "GET", f"/v1/subscriptions/{name}"), 404, "not-found")
    refused(quickly(admin, "POST", f"/v1/subscriptions/{name}/cancel", body={"at": "now"}), 404, "not-found")


@pytest.mark.parametrize("name", ["pay_0", "pay_01", "pay_2", "1", "%23", "x" * 256, "%00"])
def test_what_is_no_payment_is_not_found(admin: ApiClient, name: str) -> None:
    path = f"{ALL}/inv_acme.0o1.0/payments/{name}/reverse"
    refused(quickly(admin, "POST", path, body={"reason": "no"}), 404, "not-found")


LISTS = [SUBSCRIPTIONS, INVOICES, ALL]


@pytest.mark.parametrize("path", LISTS)
def test_a_list_refuses_odd_parameters(admin: ApiClient, path: str) -> None:
    for limit in ("0", "201", "-1", "1.0", "1e1", "٣", "", "x", "9" * 400):
        refused(quickly(admin, "GET", path, limit=limit), 422, "invalid-input", "/query/limit")
    refused(quickly(admin, "GET", path, unknown="1"), 422, "invalid-input", "/query/unknown")
    for cursor in ("", "x", "=", "null", "\x00", "ключ", "a" * 3999, "../.."):
        refused(quickly(admin, "GET", path, cursor=cursor), 400, "invalid-cursor")


def test_a_cursor_opens_its_own_list_alone(admin: ApiClient) -> None:
    made = {path: cursor_of(admin, path) for path in (INVOICES, ALL)}
    assert all(cursor != "None" for cursor in made.values())
    for path, cursor in [(SUBSCRIPTIONS, made[INVOICES]), (INVOICES, made[ALL]), (ALL, made[INVOICES])]:
        refused(quickly(admin, "GET", path, cursor=cursor), 400, "invalid-cursor")
    refused(quickly(admin, "GET", INVOICES, cursor=made[INVOICES], status="void"), 400, "invalid-cursor")
    for break_it in (lambda one: one[:-1], lambda one: one + "A", lambda one: "A" + one[1:], str.swapcase):
        refused(quickly(admin, "GET", ALL, cursor=break_it(made[ALL])), 400, "invalid-cursor")


@pytest.mark.parametrize("status", ["", "Draft", "open", "draft,void", "%00"])
def test_a_status_is_one_of_the_known_ones(admin: ApiClient, status: str) -> None:
    for path in (INVOICES, ALL):
        refused(quickly(admin, "GET", path, status=status), 422, "invalid-input", "/query/status")
        refused(quickly(admin, "GET", path, payment_status=status), 422, "invalid-input", "/query/payment_status")


@pytest.mark.parametrize("organization", ["", "A", "a#b", "a/b", "x" * 65])
def test_an_organization_of_a_filter_has_the_form_of_one(admin: ApiClient, organization: str) -> None:
    refused(quickly(admin, "GET", ALL, organization=organization), 422, "invalid-input", "/query/organization")


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "\x7f"])
def test_an_idempotency_key_is_short_and_visible(admin: ApiClient, key: str) -> None:
    for path, body in [
        (f"{INVOICE}/void", {"reason": "no"}),
        (INVOICES, {"lines": [SOLD]}),
        (f"{ENDED}/finalize", None),
    ]:
        sent = quickly(admin, "POST", path, body=body, headers={"Idempotency-Key": key})
        refused(sent, 422, "invalid-input", "/headers/idempotency-key")
