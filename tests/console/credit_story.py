"""Organizations with credit on a real server: a month that is finalized, and one that is going on."""

from typing import Any

from tests.console.conftest import NOON
from tests.local.running import Running

BEGIN = "2025-12-01T00:00:00Z"


def publish_plan(server: Running, name: str) -> None:
    """Publish meters and a plan with usage charges for 2 an hour, and for tokens by model, and a fee."""
    hours = {"key": f"{name}_hours", "event_type": f"{name}.job", "value": "hours", "unit": "hour"}
    tokens = {
        "key": f"{name}_tokens",
        "event_type": f"{name}.call",
        "value": "tokens",
        "dimensions": {"model": "model"},
    }
    for meter in (hours, tokens):
        server.post("/v1/meters", {"name": meter["key"], "aggregation": "sum", **meter})
    by_model = {
        "dimension": "model",
        "prices": {"large": {"model": "per_unit", "unit_price": "0.03"}},
        "default": {"model": "per_unit", "unit_price": "0.01"},
    }
    charges: list[dict[str, Any]] = [
        {"key": "training", "name": "Training", "type": "usage", "meter": hours["key"], "model": "per_unit"},
        {"key": "inference", "name": "Inference", "type": "usage", "meter": tokens["key"], "prices_by": by_model},
        {"key": "platform", "name": "Platform", "type": "recurring", "amount": "10", "timing": "arrears"},
    ]
    charges[0]["unit_price"] = "2"
    plan = {"key": name, "name": name, "currency": "USD", "billing_period": "month", "charges": charges}
    server.post("/v1/plans", plan)


def open_organization(server: Running, name: str, *, start: str, timezone: str = "Europe/Berlin") -> str:
    """Create an organization that is subscribed to the plan of the same name; gives the path of its credit."""
    server.post("/v1/organizations", {"id": name, "name": f"{name} Ltd", "timezone": timezone})
    server.post(f"/v1/organizations/{name}/subscriptions", {"plan": name, "start": start})
    return f"/v1/organizations/{name}/credits"


def use_hours(server: Running, name: str, hours: str, *, at: str) -> None:
    """Send an event of the meter that costs 2 an hour."""
    event = {"id": f"{at} {hours}", "source": "tests", "type": f"{name}.job", "subject": name, "time": at}
    server.post("/v1/events", {"events": [{**event, "data": {"hours": hours}}]})


def give(server: Running, path: str, name: str, amount: str, **terms: Any) -> Any:
    """Give an organization credit."""
    return server.post(f"{path}/grants", {"name": name, "amount": amount, **terms})


def tell_story(server: Running, name: str) -> str:
    """Let an organization have grants in every state, and its server's clock stand at noon of 20 January.

    December drew 110.00 and was finalized, January draws; there is a hold.
    """
    server.post("/_local/clock", {"now": BEGIN})
    publish_plan(server, name)
    path = open_organization(server, name, start=BEGIN)
    give(server, path, "Launch", "50", priority=1)
    give(server, path, "Pack", "500", expires_at="2026-01-28T00:00:00Z", priority=40, cost_basis="0.8")
    give(server, path, "Winter", "80", expires_at="2025-12-20T00:00:00Z", priority=90)
    give(server, path, "Monthly", "25", recurrence={"every": "month", "count": 4}, priority=60)
    give(server, path, "Spring", "100", effective_at="2026-03-01T00:00:00Z")
    give(server, path, "Training only", "30", applies_to={"charges": ["training"]}, priority=95)
    mistake = give(server, path, "Mistake", "70", applies_to="all")
    server.post(f"{path}/grants/{mistake['id']}/void", {"reason": "was meant for another one"})
    server.post("/_local/clock", {"now": "2025-12-15T00:00:00Z"})
    use_hours(server, name, "40", at="2025-12-10T09:00:00Z")
    use_hours(server, name, "15", at="2025-12-14T23:30:00Z")
    for now in ("2026-01-05T00:00:00Z", NOON):
        server.post("/_local/clock", {"now": now})
        server.post("/_local/jobs/all", {})
    use_hours(server, name, "7.5", at="2026-01-15T09:00:00Z")
    use_hours(server, name, "12.25", at="2026-01-20T09:00:00Z")
    server.post(f"{path}/holds", {"amount": "20.10", "expires_in": 86400, "reference": "job 4711"})
    return path
