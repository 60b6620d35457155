"""A small deployment, and an API document that knows what is in it: random requests then often name real things."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from moto import mock_aws

import app
from chalicelib.catalog.store import find_key, forget_definitions
from chalicelib.platform import auth
from chalicelib.platform.tables import create_tables
from chalicelib.shared.clock import clock
from tests.client import ApiClient
from tests.conftest import NOON

# In everything that belongs to the other organization: it must not be in any answer to a caller bound to acme.
MARK = "kestrel"

KNOWN: Mapping[str, list[str]] = {
    "org": ["acme", "other"],
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
}


def grounded(node: Any) -> Any:
    """Offer the known values, beside all others, wherever a parameter or a property has a known name."""
    if isinstance(node, list):
        return [grounded(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {name: grounded(child) for name, child in node.items() if not _is_long(name, child)}
    if node.get("in") in ("path", "query"):
        made["schema"] = _offering(node["name"], made["schema"])
    if isinstance(node.get("properties"), dict):
        made["properties"] = {name: _offering(name, each) for name, each in made["properties"].items()}
    return made


def _is_long(name: str, child: Any) -> bool:
    """Tell whether a bound would have schemathesis send thousands of things: tests of their own do that."""
    return name == "maxItems" and isinstance(child, int) and child > 1000


def _offering(name: str, schema: Any) -> Any:
    if name not in KNOWN or not isinstance(schema, dict) or schema.get("type") in ("object", "array", "integer"):
        return schema
    return {"anyOf": [{"enum": KNOWN[name]}, schema]}


@dataclass(frozen=True, slots=True)
class Deployment:
    """Credentials of a deployment with two organizations."""

    admin: str
    bound: str


@contextmanager
def deployed() -> Iterator[Deployment]:
    """Open a deployment at noon of 15 January 2026: organizations, meters, and events of both organizations."""
    auth.use_key_source(find_key)
    forget_definitions()
    clock.set(NOON)
    with mock_aws():
        create_tables()
        nobody = ApiClient(app.app, None)
        admin = nobody.make_key("admin")
        _fill(nobody.as_holder_of(admin))
        yield Deployment(admin, nobody.make_key("read", "acme"))
    clock.set(None)
    forget_definitions()


def _fill(client: ApiClient) -> None:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme"})
    client.post("/v1/organizations", {"id": "other", "name": f"{MARK} holdings", "email": f"{MARK}@example.com"})
    counting = {"event_type": "call", "dimensions": {"model": "model"}}
    client.post("/v1/meters", {"key": "calls", "name": "Calls", "aggregation": "count", **counting})
    client.post("/v1/meters", {"key": "tokens", "name": "Tokens", "aggregation": "sum", "value": "tokens", **counting})
    charge = {"key": "calls", "name": "Calls", "type": "usage", "meter": "calls", "model": "per_unit"}
    plan = {"currency": "USD", "billing_period": "month", "charges": [{**charge, "unit_price": "1"}]}
    client.post("/v1/plans", {"key": "pro", "name": "Pro", **plan})
    # Nobody is subscribed to it, so nobody who is bound may see it.
    client.post("/v1/plans", {"key": "other", "name": f"{MARK} plan", **plan})
    events = [
        {"subject": "acme", "id": "e1", "source": "fuzz", "data": {"model": "a", "tokens": 7}},
        {"subject": "other", "id": MARK, "source": MARK, "data": {"model": MARK, "tokens": 5}},
    ]
    sent = [{**event, "type": "call", "time": KNOWN["time"][0]} for event in events]
    assert client.post("/v1/events", sent).json_body == {"accepted": 2}
