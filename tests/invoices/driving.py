"""Drives billing through the public API: organizations, plans and events as clients send them, jobs as schedules run.

It is one organization unless told otherwise: ``acme``, in USD and UTC, with the meter ``tokens`` that adds up ``n`` by
``model``. Everything is accepted or the test fails; ``refused`` reads a refusal.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from chalice.test import HTTPResponse

from chalicelib.shared.clock import clock
from chalicelib.shared.time import parse_instant
from local.lambda_events import scheduled_event
from tests.client import ApiClient

INVOICES = "/v1/organizations/acme/invoices"
SCHEDULED = scheduled_event(datetime(2026, 1, 1, tzinfo=UTC))
CENT: dict[str, Any] = {
    "key": "tokens",
    "name": "Tokens",
    "type": "usage",
    "meter": "tokens",
    "model": "per_unit",
    "unit_price": "0.01",
}


def fee(key: str, amount: str, timing: str) -> dict[str, Any]:
    """Write a recurring charge."""
    return {"key": key, "name": key.title(), "type": "recurring", "amount": amount, "timing": timing}


def set_clock(instant: str) -> None:
    """Set the domain's clock; ``2026-01-31`` is midnight in UTC."""
    clock.set(parse_instant(instant if "T" in instant else f"{instant}T00:00:00Z"))


def body_of(answer: HTTPResponse, status: int = 200) -> Any:
    """Give the body of an answer that must have a status."""
    assert answer.status_code == status, answer.body
    return answer.json_body


def refused(answer: HTTPResponse) -> tuple[int, str, set[str]]:
    """Give status, code and the places of the faults of a refusal."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.body
    body: Mapping[str, Any] = answer.json_body
    return answer.status_code, body["type"].removeprefix("/problems/"), {one["pointer"] for one in body["errors"]}


def add_organization(client: ApiClient, organization: str = "acme", **more: Any) -> None:
    """Create an organization."""
    body_of(client.post("/v1/organizations", {"id": organization, "name": organization, **more}), 201)


def add_meter(client: ApiClient, key: str = "tokens", aggregation: str = "sum", **more: Any) -> None:
    """Create a meter of events of its own type; all but counts read ``n``."""
    value = {} if aggregation == "count" else {"value": "n"}
    shape = {"event_type": key, "aggregation": aggregation, "dimensions": {"model": "model", "kind": "kind"}}
    body_of(client.post("/v1/meters", {"key": key, "name": key, **shape, **value, **more}), 201)


def add_plan(client: ApiClient, charges: Iterable[Mapping[str, Any]] = (CENT,), key: str = "pro", **more: Any) -> None:
    """Publish a monthly plan."""
    body = {"key": key, "name": key, "currency": "USD", "billing_period": "month", "charges": list(charges), **more}
    body_of(client.post("/v1/plans", body), 201)


def subscribe(client: ApiClient, organization: str = "acme", plan: str = "pro", **more: Any) -> Any:
    """Subscribe an organization."""
    return body_of(client.post(f"/v1/organizations/{organization}/subscriptions", {"plan": plan, **more}), 201)


def send(client: ApiClient, name: str, time: str, n: str | int = 1, *, organization: str = "acme", **more: Any) -> None:
    """Send an event whose other data are the keywords; ``type`` is the meter's key."""
    kind = more.pop("type", "tokens")
    event = {"id": name, "source": "tests", "type": kind, "subject": organization, "time": time}
    body_of(client.post("/v1/events", [{**event, "data": {"n": n, **more}}]), 202)


def run(client: ApiClient, job: str, now: str | None = None) -> Any:
    """Run a schedule, at an instant if one is given."""
    if now is not None:
        set_clock(now)
    return client.invoke(job, SCHEDULED)


def listed(client: ApiClient, path: str = INVOICES, **query: Any) -> list[dict[str, Any]]:
    """List one page of invoices."""
    found: list[dict[str, Any]] = body_of(client.get(path, **query))["data"]
    return found


def walked(client: ApiClient, path: str = INVOICES, **query: Any) -> list[list[dict[str, Any]]]:
    """Walk all pages of a list, which must come to an end."""
    pages: list[list[dict[str, Any]]] = []
    cursor = None
    while len(pages) < 100:
        found = body_of(client.get(path, **query, **({} if cursor is None else {"cursor": cursor})))
        pages.append(found["data"])
        cursor = found["next_cursor"]
        if cursor is None:
            return pages
    raise AssertionError("the list goes on for ever")


def invoice(client: ApiClient, name: str) -> Any:
    """Read an invoice of acme by its short name: ``1p0.0``."""
    return body_of(client.get(f"/v1/invoices/inv_acme.{name}"))


def lines(shown: Mapping[str, Any]) -> dict[str, tuple[str | None, str, str]]:
    """Give the lines of an invoice by id: quantity, amount and net."""
    return {line["id"]: (line["quantity"], line["amount"], line["net"]) for line in shown["lines"]}


def act(client: ApiClient, name: str, action: str, body: Any = None, **options: Any) -> HTTPResponse:
    """Do something with an invoice of acme."""
    return client.post(f"/v1/invoices/inv_acme.{name}/{action}", body, **options)


def sell(client: ApiClient, organization: str = "acme", *, amount: str = "10.00") -> Any:
    """Issue a one-off invoice of one line."""
    body = {"lines": [{"name": "Setup", "quantity": 1, "unit_price": amount}]}
    return body_of(client.post(f"/v1/organizations/{organization}/invoices", body), 201)
