"""A caller that is bound to one organization learns nothing of another, wherever it names it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from chalice.test import HTTPResponse

import app
from chalicelib.platform.http import registered_routes
from tests.client import ApiClient
from tests.fuzz.known import MARK, Deployment

TIME = "2026-01-15T11:50:00Z"
EVENT = {"id": "new", "source": "s", "type": "call", "subject": "{org}", "time": TIME, "data": {"model": "a"}}
PLAN = {"name": "Mine", "currency": "USD", "billing_period": "month", "charges": []}
CORRECTION = {"organization": "{org}", "source": MARK, "id": MARK, "time": TIME, "reason": "test"}


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that names ``{org}`` wherever its route can; ``refused`` is its status for every bound caller."""

    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    refused: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


PUBLIC_OR_OWN = Ask()
INVOICE, SUBSCRIPTION = {"invoice": "inv_{org}.1p0.0"}, {"subscription": "sub_{org}.1"}
GLOBAL = 403

ROUTES: Mapping[str, Ask] = {
    "GET /health": PUBLIC_OR_OWN,
    "GET /openapi.json": PUBLIC_OR_OWN,
    "GET /problems/{code}": Ask(variables={"code": "{org}"}),
    "GET /console": PUBLIC_OR_OWN,
    "GET /console/assets/{name}": Ask(variables={"name": "{org}"}),
    "GET /v1/api-keys": Ask(refused=GLOBAL),
    "POST /v1/api-keys": Ask({"name": "mine", "role": "read", "organization": "{org}"}, refused=GLOBAL),
    "DELETE /v1/api-keys/{key}": Ask(refused=GLOBAL, variables={"key": "key_of_{org}"}),
    "POST /v1/events": Ask([EVENT]),
    "POST /v1/events/amend": Ask({**CORRECTION, "data": {"model": "b"}}),
    "POST /v1/events/void": Ask(CORRECTION),
    "GET /v1/health": Ask(refused=GLOBAL),
    "GET /v1/ingestion": Ask(query={"organization": "{org}"}),
    "GET /v1/credit-notes/{note}": Ask(variables={"note": "cn_{org}.1"}),
    "GET /v1/invoices": Ask(query={"organization": "{org}"}, refused=GLOBAL),
    "GET /v1/invoices/{invoice}": Ask(variables=INVOICE),
    "POST /v1/invoices/{invoice}/credit-notes": Ask(
        {"lines": [{"line": "fee-support", "amount": "1"}], "reason": MARK, "to": "refund"}, variables=INVOICE
    ),
    "POST /v1/invoices/{invoice}/finalize": Ask(variables={"invoice": "inv_{org}.1p1.0"}),
    "GET /v1/invoices/{invoice}/lines/{line}": Ask(variables={"invoice": "inv_{org}.1p1.0", "line": "usage-calls"}),
    "POST /v1/invoices/{invoice}/payments": Ask({"amount": "1", "reference": MARK}, variables=INVOICE),
    "POST /v1/invoices/{invoice}/payments/{payment}/reverse": Ask(
        {"reason": MARK}, variables={"invoice": "inv_{org}.0o1.0", "payment": "pay_1"}
    ),
    "POST /v1/invoices/{invoice}/uncollectible": Ask({"reason": MARK}, variables=INVOICE),
    "POST /v1/invoices/{invoice}/void": Ask({"reason": MARK, "regenerate": True}, variables=INVOICE),
    "GET /v1/invoices/{invoice}/csv": Ask(variables=INVOICE),
    "GET /v1/invoices/{invoice}/html": Ask(variables=INVOICE),
    "GET /v1/invoices/{invoice}/pdf": Ask(variables=INVOICE),
    "GET /v1/meters": PUBLIC_OR_OWN,
    "POST /v1/meters": Ask({"key": "m", "name": "M", "event_type": "t", "aggregation": "count"}, refused=GLOBAL),
    "GET /v1/meters/{meter}": Ask(variables={"meter": "{org}"}),
    "PATCH /v1/meters/{meter}": Ask({"name": "M"}, refused=GLOBAL, variables={"meter": "calls"}),
    "POST /v1/meters/{meter}/archive": Ask(refused=GLOBAL, variables={"meter": "calls"}),
    "GET /v1/organizations": Ask(query={"q": "{org}"}, refused=GLOBAL),
    "POST /v1/organizations": Ask({"id": "{org}", "name": "Mine"}, refused=GLOBAL),
    "GET /v1/organizations/{org}": Ask(),
    "PATCH /v1/organizations/{org}": Ask({"name": "Mine"}),
    "POST /v1/organizations/{org}/authorize": Ask({"amount": "1"}),
    "GET /v1/organizations/{org}/credits": Ask(),
    "GET /v1/organizations/{org}/credits/grants": Ask(),
    "POST /v1/organizations/{org}/credits/grants": Ask({"name": MARK, "amount": "1"}),
    "POST /v1/organizations/{org}/credits/grants/{grant}/expiry": Ask(
        {"expires_at": None}, variables={"grant": "gr_of_{org}"}
    ),
    "POST /v1/organizations/{org}/credits/grants/{grant}/void": Ask(
        {"reason": MARK}, variables={"grant": "gr_of_{org}"}
    ),
    "GET /v1/organizations/{org}/credits/holds": Ask(),
    "POST /v1/organizations/{org}/credits/holds": Ask({"amount": "1", "expires_in": 60, "reference": MARK}),
    "POST /v1/organizations/{org}/credits/holds/{hold}/release": Ask(
        variables={"hold": "hold_001768482000000000_0123456789abother"}
    ),
    "GET /v1/organizations/{org}/credits/ledger": Ask(),
    "GET /v1/organizations/{org}/credits/schedule": Ask(),
    "GET /v1/organizations/{org}/credits/usage": Ask(query={"from": "2026-01-01", "to": "2026-01-16"}),
    "GET /v1/organizations/{org}/credits/verify": Ask(),
    "GET /v1/organizations/{org}/events": Ask(query={"source": MARK}),
    "GET /v1/organizations/{org}/invoices": Ask(),
    "POST /v1/organizations/{org}/invoices": Ask({"lines": [{"name": MARK, "quantity": 1, "unit_price": 1}]}),
    "GET /v1/organizations/{org}/invoices/current": Ask(),
    "POST /v1/organizations/{org}/portal-links": Ask(),
    "GET /v1/organizations/{org}/subscriptions": Ask(),
    "POST /v1/organizations/{org}/subscriptions": Ask({"plan": "pro"}),
    "GET /v1/organizations/{org}/usage": Ask(query={"filter[model]": MARK, "meter": "tokens", "group_by": "model"}),
    "GET /v1/plans": PUBLIC_OR_OWN,
    "POST /v1/plans": Ask({"key": "{org}", **PLAN}, refused=GLOBAL),
    "GET /v1/plans/{plan}": Ask(variables={"plan": "{org}"}),
    "POST /v1/plans/{plan}/versions": Ask(PLAN, refused=GLOBAL, variables={"plan": "{org}"}),
    "GET /v1/plans/{plan}/versions/{version}": Ask(variables={"plan": "{org}", "version": "1"}),
    "GET /v1/session": PUBLIC_OR_OWN,
    "GET /v1/settings": Ask(refused=GLOBAL),
    "PUT /v1/settings": Ask({}, refused=GLOBAL),
    "GET /v1/subscriptions/{subscription}": Ask(variables=SUBSCRIPTION),
    "PATCH /v1/subscriptions/{subscription}": Ask({"spend_cap": "1"}, variables=SUBSCRIPTION),
    "POST /v1/subscriptions/{subscription}/cancel": Ask({"at": "now"}, variables=SUBSCRIPTION),
    "POST /v1/subscriptions/{subscription}/change": Ask({"plan": "pro", "at": "now"}, variables=SUBSCRIPTION),
    "POST /v1/subscriptions/{subscription}/resume": Ask(variables=SUBSCRIPTION),
}
CREDENTIALS = ("admin", "ingest", "read", "portal")
# What nobody needs who only sends events.
FOR_READERS = {"GET /v1/plans"}


def test_every_route_is_asked() -> None:
    assert sorted(ROUTES) == sorted(f"{spec.method} {spec.path}" for spec in registered_routes())


@pytest.fixture(scope="module")
def callers(deployment: Deployment) -> dict[str, ApiClient]:
    """Give a client for each kind of credential that is bound to acme, and an unbound admin."""
    admin = ApiClient(app.app, deployment.admin)
    link = admin.post("/v1/organizations/acme/portal-links").json_body["url"]
    made = {role: admin.as_holder_of(admin.make_key(role, "acme")) for role in ("admin", "ingest", "read")}
    return {**made, "portal": admin.as_holder_of(link.partition("#token=")[2]), "unbound": admin}


def send(caller: ApiClient, route: str, org: str) -> HTTPResponse:
    ask = ROUTES[route]
    method, path = route.split(" ")
    for name, value in {**ask.variables, "org": org}.items():
        path = path.replace(f"{{{name}}}", value.replace("{org}", org))
    body = None if ask.body is None else json.loads(json.dumps(ask.body).replace("{org}", org))
    query: dict[str, Any] = {name: value.replace("{org}", org) for name, value in ask.query.items()}
    return caller.request(method, path, body=body, **query)


@pytest.mark.usefixtures("_nothing_changes")
@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("route", [route for route in ROUTES if ROUTES[route] is not PUBLIC_OR_OWN])
def test_another_organization_is_like_one_that_does_not_exist(
    callers: dict[str, ApiClient], route: str, credential: str
) -> None:
    theirs = send(callers[credential], route, "other")
    nobodys = send(callers[credential], route, "nobody")
    assert theirs.status_code == nobodys.status_code >= 400
    assert theirs.body.replace(b"other", b"nobody") == nobodys.body
    assert MARK not in theirs.body.decode()
    refused = ROUTES[route].refused
    assert refused is None or theirs.status_code == refused


@pytest.mark.parametrize(
    "route",
    [
        "GET /v1/credit-notes/{note}",
        "GET /v1/invoices",
        "GET /v1/invoices/{invoice}",
        "GET /v1/invoices/{invoice}/html",
        "GET /v1/invoices/{invoice}/lines/{line}",
        "GET /v1/organizations",
        "GET /v1/organizations/{org}",
        "GET /v1/organizations/{org}/credits/grants",
        "GET /v1/organizations/{org}/credits/holds",
        "GET /v1/organizations/{org}/events",
        "GET /v1/organizations/{org}/invoices",
        "GET /v1/organizations/{org}/invoices/current",
        "GET /v1/organizations/{org}/usage",
        "GET /v1/plans",
        "GET /v1/plans/{plan}",
        "GET /v1/plans/{plan}/versions/{version}",
    ],
)
def test_the_same_request_of_an_unbound_admin_finds_it(callers: dict[str, ApiClient], route: str) -> None:
    assert MARK in send(callers["unbound"], route, "other").body.decode()


@pytest.mark.usefixtures("_nothing_changes")
@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("route", [route for route in ROUTES if ROUTES[route] is PUBLIC_OR_OWN])
def test_what_everybody_may_read_names_no_organization(
    callers: dict[str, ApiClient], route: str, credential: str
) -> None:
    answer = send(callers[credential], route, "other")
    assert answer.status_code == (403 if credential == "ingest" and route in FOR_READERS else 200)
    assert MARK not in answer.body.decode()


@pytest.mark.usefixtures("_nothing_changes")
def test_filters_of_an_own_list_reach_nothing_of_others(callers: dict[str, ApiClient]) -> None:
    reader = callers["read"]
    assert reader.get("/v1/organizations/acme/events", source=MARK).json_body["data"] == []
    question = {"meter": "tokens", "group_by": "model", "filter[model]": MARK}
    [usage] = reader.get("/v1/organizations/acme/usage", **question).json_body["data"]
    assert (usage["total"], usage["windows"]) == ("0", [])
    [tokens] = reader.get("/v1/organizations/acme/usage", meter="tokens").json_body["data"]
    assert tokens["total"] == "7"
    days = [day for day in reader.get("/v1/ingestion").json_body["data"] if day["accepted"]]
    assert [day["accepted"] for day in days] == [1]


def test_cursors_of_others_do_not_open(callers: dict[str, ApiClient], deployment: Deployment) -> None:
    admin = callers["unbound"]
    theirs = admin.as_holder_of(admin.make_key("read", "other"))
    second = {"id": "second", "source": MARK, "type": "call", "subject": "other", "time": TIME, "data": {}}
    assert admin.post("/v1/events", second).status_code == 202
    events = theirs.get("/v1/organizations/other/events", limit=1).json_body["next_cursor"]
    # Their reader would see priced meters only, of which there are none.
    sender = admin.as_holder_of(admin.make_key("ingest", "other"))
    meters = sender.get("/v1/meters", limit=1).json_body["next_cursor"]
    assert theirs.get("/v1/organizations/other/events", limit=1, cursor=events).status_code == 200
    for credential in ("admin", "read", "portal"):
        caller = callers[credential]
        for path, cursor in [("/v1/organizations/acme/events", events), ("/v1/meters", meters)]:
            answer = caller.get(path, limit=1, cursor=cursor)
            assert (answer.status_code, answer.json_body["type"]) == (400, "/problems/invalid-cursor"), path
        assert caller.get("/v1/organizations/other/events", limit=1, cursor=events).status_code == 404


@pytest.mark.usefixtures("_nothing_changes")
def test_invoices_and_subscriptions_of_others_are_reached_by_no_filter_and_no_cursor(
    callers: dict[str, ApiClient],
) -> None:
    admin, reader = callers["unbound"], callers["read"]
    own = "/v1/organizations/acme"
    for query in ({"invoice": "inv_other.1p0.0"}, {"invoice": "inv_other.1p1.0", "line": "usage-calls"}):
        assert admin.get("/v1/organizations/other/events", **query).status_code == 200
        for path in (f"{own}/events", "/v1/organizations/other/events"):
            assert reader.get(path, **query).status_code == 404
    for theirs in ("invoices", "subscriptions"):
        cursor = admin.get(f"/v1/organizations/other/{theirs}", limit=1).json_body["next_cursor"] or "none"
        answer = reader.get(f"{own}/{theirs}", limit=1, cursor=cursor)
        assert (answer.status_code, answer.json_body["type"]) == (400, "/problems/invalid-cursor")
        shown = reader.get(f"{own}/{theirs}").json_body["data"]
        assert {one["organization"] for one in shown} == {"acme"}


def test_an_idempotency_key_is_of_one_caller(callers: dict[str, ApiClient]) -> None:
    admin, headers = callers["unbound"], {"Idempotency-Key": "same"}
    theirs = admin.as_holder_of(admin.make_key("admin", "other"))
    made = theirs.post("/v1/organizations/other/portal-links", {"name": MARK}, headers=headers)
    own = callers["admin"].post("/v1/organizations/acme/portal-links", {"name": "me"}, headers=headers)
    assert (made.status_code, own.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in own.headers
    refused = callers["admin"].post("/v1/organizations/other/portal-links", {"name": MARK}, headers=headers)
    assert refused.status_code == 404


def test_a_key_of_another_organization_cannot_be_revoked_by_a_bound_admin(callers: dict[str, ApiClient]) -> None:
    admin = callers["unbound"]
    theirs = admin.make_key("read", "other")
    key_id = next(key["id"] for key in admin.get("/v1/api-keys").json_body["data"] if key["organization"] == "other")
    assert callers["admin"].delete(f"/v1/api-keys/{key_id}").status_code == 403
    assert admin.as_holder_of(theirs).get("/v1/session").json_body["organization"] == "other"
