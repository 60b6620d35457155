"""Events as clients send them, an organization and meters to send them to, and what is stored afterwards."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalice.test import HTTPResponse

from chalicelib.platform.tables import client as dynamodb
from chalicelib.platform.tables import table_definitions
from chalicelib.shared.time import format_instant
from tests.client import ApiClient

TIME = "2026-01-15T11:59:00Z"


def event(name: str = "e1", time: str | datetime = TIME, **more: Any) -> dict[str, Any]:
    """Write an event; its data are the keywords that are no attributes."""
    names = ("source", "type", "subject", "data", "traceparent")
    attributes: dict[str, Any] = {key: more.pop(key) for key in names if key in more}
    at = time if isinstance(time, str) else format_instant(time)
    return {
        "id": name,
        "source": "gateway",
        "type": "llm",
        "subject": "acme",
        "time": at,
        "data": more or {"tokens": 7},
        **attributes,
    }


def add_organization(client: ApiClient, organization: str = "acme", **more: Any) -> None:
    """Create an organization."""
    made = client.post("/v1/organizations", {"id": organization, "name": organization, **more})
    assert made.status_code == 201, made.body


def add_meter(client: ApiClient, key: str = "tokens", aggregation: str = "sum", **more: Any) -> None:
    """Create a meter of the type ``llm``; all but counts read ``tokens``."""
    value = {} if aggregation == "count" else {"value": "tokens"}
    body = {"key": key, "name": key, "event_type": "llm", "aggregation": aggregation, **value, **more}
    made = client.post("/v1/meters", body)
    assert made.status_code == 201, made.body


def accepted(answer: HTTPResponse) -> int:
    """Give how many events were stored."""
    assert answer.status_code == 202, answer.body
    count: int = answer.json_body["accepted"]
    return count


def total(client: ApiClient, meter: str = "tokens", organization: str = "acme") -> str:
    """Ask for a meter's total of the last 30 days."""
    answer = client.get(f"/v1/organizations/{organization}/usage", meter=meter)
    assert answer.status_code == 200, answer.body
    shown: str = answer.json_body["data"][0]["total"]
    return shown


def listed(client: ApiClient, organization: str = "acme", **query: Any) -> list[dict[str, Any]]:
    """List events; all of them unless the limit is smaller."""
    answer = client.get(f"/v1/organizations/{organization}/events", **query)
    assert answer.status_code == 200, answer.body
    rows: list[dict[str, Any]] = answer.json_body["data"]
    return rows


def states(client: ApiClient, **query: Any) -> dict[str, str]:
    """Tell what became of each event, by id."""
    return {row["id"]: row["state"] for row in listed(client, **query)}


def problem(answer: HTTPResponse) -> tuple[int, str, list[str]]:
    """Give status, code and the places of the faults of a refusal."""
    body: Mapping[str, Any] = answer.json_body
    assert answer.headers["Content-Type"] == "application/problem+json"
    places = [fault["pointer"] for fault in body["errors"]]
    return answer.status_code, body["type"].removeprefix("/problems/"), places


def everything() -> dict[str, list[Any]]:
    """Give every stored item, in a fixed order: to show that nothing changed."""
    stored = {}
    for definition in table_definitions():
        name = definition["TableName"]
        items = dynamodb().scan(TableName=name)["Items"]
        stored[name] = sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))
    return stored
