"""A small deployment, and an API document that knows what is in it: random requests then often name real things."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import app
from chalicelib.catalog.store import find_key, forget_definitions
from chalicelib.credits import hold_service
from chalicelib.credits.holding import HoldTerms
from chalicelib.platform import auth
from chalicelib.platform.connection import client as dynamodb
from chalicelib.platform.tables import table_name
from chalicelib.platform.writes import commit
from chalicelib.shared.clock import clock
from tests.client import ApiClient
from tests.conformance.engine_choice import open_tables
from tests.conftest import NOON

# In everything that belongs to the other organization: it must not be in any answer to a caller bound to acme.
MARK = "kestrel"

KNOWN: Mapping[str, list[str]] = {
    "org": ["acme", "other", "idle"],
    "organization": ["acme", "other"],
    "subject": ["acme", "other"],
    "meter": ["calls", "tokens"],
    "plan": ["pro", "other"],
    "version": ["1", "2"],
    "currency": ["USD"],
    "code": ["busy", "not-found"],
    "id": ["e1", MARK],
    "source": ["fuzz", MARK],
    "type": ["call", MARK],
    "time": ["2026-01-15T11:50:00Z", "2026-01-15T12:00:00+00:00"],
    "from": ["2026-01-15T11:00:00Z", "2026-01-14"],
    "to": ["2026-01-15T12:00:00Z", "2026-01-16"],
    "timezone": ["UTC", "Asia/Kathmandu"],
    "value": ["tokens"],
    "subscription": ["sub_acme.1", "sub_other.1"],
    "invoice": ["inv_acme.0o2.0", "inv_acme.1p0.0", "inv_acme.1p1.0", "inv_acme.0o1.0", "inv_other.1p0.0"],
    "line": ["one-off-1", "fee-support", "usage-calls"],
    "payment": ["pay_1"],
    "note": ["cn_acme.1", "cn_other.1"],
    "hold": ["hold_001768482000000000_0123456789abcacme", "hold_001768482000000000_0123456789abother"],
    "amount": ["1", "0.01"],
    "paid_at": ["2026-01-15T12:00:00Z"],
    "start": ["2026-03-01T00:00:00Z"],
    "end": ["2026-04-01T00:00:00Z"],
}


# Right as a whole, where requests made at random hardly ever are.
RIGHT: Mapping[str, Any] = {
    "/v1/organizations/{org}/subscriptions": {"plan": "pro", "start": "2026-03-01T00:00:00Z"},
    "/v1/organizations/{org}/authorize": {"amount": "1"},
    "/v1/organizations/{org}/credits/holds": {"amount": "1", "expires_in": 60, "reference": "job"},
    "/v1/subscriptions/{subscription}/change": {"plan": "other", "at": "now"},
    "/v1/invoices/{invoice}/credit-notes": {
        "lines": [{"line": "one-off-1", "amount": "1"}],
        "reason": "goodwill",
        "to": "credit",
    },
}


def exemplified(document: Any) -> Any:
    """Offer the known values wherever they fit, and right bodies as examples."""
    made = grounded(document)
    for path, body in RIGHT.items():
        [content] = made["paths"][path]["post"]["requestBody"]["content"].values()
        content["examples"] = {"right": {"value": body}}
    return made


def grounded(node: Any) -> Any:
    """Offer the known values, beside all others, wherever a parameter or a property has a known name."""
    if isinstance(node, list):
        return [grounded(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {name: grounded(child) for name, child in node.items() if not _is_long(name, child)}
    if node.get("in") in ("path", "query"):
        made["schema"] = _offering(node["name"], made["schema"])
    if node.get("in") == "path" and node["name"] in KNOWN:
        made["example"] = KNOWN[node["name"]][0]
    if isinstance(node.get("properties"), dict):
        made["properties"] = {name: _offering(name, each) for name, each in made["properties"].items()}
    return made


def _is_long(name: str, child: Any) -> bool:
    """Tell whether a bound would have schemathesis send thousands of things: tests of their own do that."""
    return name == "maxItems" and isinstance(child, int) and child > 1000


def _offering(name: str, schema: Any) -> Any:
    if name not in KNOWN or not isinstance(schema, dict) or schema.get("type") in ("object", "array", "integer"):
        return schema
    if "$ref" in schema or "enum" in schema:
        # It lists all its values itself.
        return schema
    return {"anyOf": [{"enum": KNOWN[name]}, schema]}


@dataclass(frozen=True, slots=True)
class Deployment:
    """Credentials of a deployment with two organizations, and one more that has nothing."""

    admin: str
    bound: str


@contextmanager
def deployed() -> Iterator[Deployment]:
    """Open a deployment at noon of 15 January 2026: two organizations with events, subscriptions and invoices."""
    auth.use_key_source(find_key)
    forget_definitions()
    clock.set(NOON)
    with open_tables():
        nobody = ApiClient(app.app, None)
        admin = nobody.make_key("admin")
        _fill(nobody.as_holder_of(admin))
        yield Deployment(admin, nobody.make_key("read", "acme"))
    clock.set(None)
    forget_definitions()


def _fill(client: ApiClient) -> None:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme"})
    client.post("/v1/organizations", {"id": "other", "name": f"{MARK} holdings", "email": f"{MARK}@example.com"})
    client.post("/v1/organizations", {"id": "idle", "name": "Idle"})
    counting = {"event_type": "call", "dimensions": {"model": "model"}}
    client.post("/v1/meters", {"key": "calls", "name": "Calls", "aggregation": "count", **counting})
    client.post("/v1/meters", {"key": "tokens", "name": "Tokens", "aggregation": "sum", "value": "tokens", **counting})
    usage = {"key": "calls", "name": "Calls", "type": "usage", "meter": "calls", "model": "per_unit", "unit_price": "1"}
    support = {"key": "support", "name": "Support", "type": "recurring", "amount": "310", "timing": "arrears"}
    plan = {"currency": "USD", "billing_period": "month", "charges": [usage, support]}
    client.post("/v1/plans", {"key": "pro", "name": "Pro", **plan})
    # Nobody is subscribed to it, so nobody who is bound may see it.
    client.post("/v1/plans", {"key": "other", "name": f"{MARK} plan", **plan})
    events = [
        {"subject": "acme", "id": "e1", "source": "fuzz", "data": {"model": "a", "tokens": 7}},
        {"subject": "other", "id": MARK, "source": MARK, "data": {"model": MARK, "tokens": 5}},
    ]
    sent = [{**event, "type": "call", "time": KNOWN["time"][0]} for event in events]
    assert client.post("/v1/events", sent).json_body == {"accepted": 2}
    for organization in ("acme", "other"):
        _bill(client, organization)
    assert client.post("/v1/invoices/inv_other.1p0.0/finalize").status_code == 200


def _bill(client: ApiClient, organization: str) -> None:
    """Subscribe an organization from December to February, give it credit, and sell it something twice.

    The first time it pays in part.
    """
    of = f"/v1/organizations/{organization}"
    wanted = {"plan": "pro", "start": "2025-12-20T00:00:00Z", "end": "2026-03-01T00:00:00Z"}
    assert client.post(f"{of}/subscriptions", wanted).status_code == 201
    given = {"name": MARK if organization == "other" else "ours", "amount": "5", "recurrence": {"every": "month"}}
    assert client.post(f"{of}/credits/grants", given).status_code == 201
    for _ in range(2):
        sold = {"name": "Setup", "quantity": 1, "unit_price": "500"}
        assert client.post(f"{of}/invoices", {"lines": [sold]}).status_code == 201
    first = f"/v1/invoices/inv_{organization}.0o1.0"
    mark = MARK if organization == "other" else "ours"
    assert client.post(f"{first}/payments", {"amount": "2", "reference": mark}).status_code == 200
    taken = {"lines": [{"line": "one-off-1", "amount": "3"}], "reason": mark, "to": "credit"}
    assert client.post(f"{first}/credit-notes", taken).status_code == 201
    _hold(organization, mark)


def _hold(organization: str, mark: str) -> None:
    """Hold credit for an hour; the id is one of ``KNOWN``."""
    terms = HoldTerms(
        amount_minor=100,
        lasts=timedelta(hours=1),
        reference=mark,
        sort_id=f"{'0123456789abcdef'[: 17 - len(organization)]}{organization}",
    )
    made = hold_service.make_hold(organization, terms, now=NOON)
    assert made.shown.hold.id in KNOWN["hold"]
    commit(made.writes)


Stored = dict[str, dict[str, Any]]


def stored() -> Stored:
    """Give every item that commands use up, by table and key; events stay, so that corrections find some."""
    found = {}
    for name in map(table_name, ("catalog", "invoices", "credits")):
        pages = dynamodb().get_paginator("scan").paginate(TableName=name)
        found[name] = {f"{item['pk']}{item['sk']}": item for page in pages for item in page["Items"]}
    return found


def put_back(before: Stored) -> None:
    """Undo what was written since, so that each operation is tried on the same things, in any order."""
    for name, items in stored().items():
        for key, item in items.items():
            if key not in before[name]:
                dynamodb().delete_item(TableName=name, Key={part: item[part] for part in ("pk", "sk")})
        for key, item in before[name].items():
            if items.get(key) != item:
                dynamodb().put_item(TableName=name, Item=item)
    forget_definitions()
