"""Organizations that were billed by a real server: every kind of line, credit, taxes, payments, late usage."""

import json
from typing import Any

from tests.local.running import Running

STARTS, ISSUED, NOW = "2026-01-05T00:00:00Z", "2026-02-03T00:00:00Z", "2026-02-10T12:00:00Z"
SELLER = {"legal_name": "Meter <b>Works</b> GmbH", "address": "Hafen 1\nHamburg", "tax_id": "DE 1"}
_MONTH = {"currency": "USD", "billing_period": "month"}
_TIERS = [{"up_to": "1000", "unit_price": "0.02"}, {"up_to": None, "unit_price": "0.01", "flat_fee": "2"}]
PLAN: dict[str, Any] = _MONTH | {
    "key": "port",
    "name": "Port",
    "discount_percent": "10",
    "charges": [
        {
            "key": "tokens",
            "name": "Tokens",
            "type": "usage",
            "meter": "tokens",
            "prices_by": {
                "dimension": "model",
                "prices": {"llama-70b": {"model": "graduated", "tiers": _TIERS}},
                "default": {"model": "per_unit", "unit_price": "0.005"},
            },
        },
        {
            "key": "jobs",
            "name": "Jobs",
            "type": "usage",
            "meter": "jobs",
            "model": "per_unit",
            "unit_price": "0.1",
            "minimum": "25",
        },
        {
            "key": "store",
            "name": "Storage",
            "type": "usage",
            "meter": "store",
            "model": "package",
            "package_size": "100",
            "package_price": "3",
            "maximum": "10",
        },
        {"key": "base", "name": "Base fee", "type": "recurring", "amount": "49", "timing": "advance"},
        {"key": "care", "name": "Care", "type": "recurring", "amount": "20", "timing": "arrears"},
    ],
}
_METERS: list[dict[str, Any]] = [
    {
        "key": "tokens",
        "aggregation": "sum",
        "value": "tokens",
        "dimensions": {"model": "model", "kind": "kind"},
        "unit": "token",
    },
    {"key": "jobs", "aggregation": "count", "unit": "job"},
    {"key": "store", "aggregation": "sum", "value": "gb", "unit": "GB"},
]


def set_clock(server: Running, now: str) -> None:
    """Set the clock of the server and run what is due."""
    server.post("/_local/clock", {"now": now})
    server.post("/_local/jobs/all", {})


def use(server: Running, organization: str, time: str, **uses: Any) -> None:
    """Send one event of each given type, with its data."""
    events = [
        {"id": f"{kind}{time}", "source": "test", "type": kind, "subject": organization, "time": time, "data": content}
        for kind, content in uses.items()
    ]
    server.post("/v1/events", events)


def bill(server: Running) -> None:
    """Tell the story of the organization ``harbor``: January is issued and partly paid, February is a draft."""
    assert server.client.send("PUT", "/v1/settings", json.dumps({"seller": SELLER}).encode()).status == 200
    for meter in _METERS:
        server.post("/v1/meters", meter | {"name": str(meter["key"]).title(), "event_type": meter["key"]})
    server.post("/v1/plans", PLAN)
    open_organization(
        server, "harbor", tax_rates=[{"name": "VAT", "percent": "19"}, {"name": "Port", "percent": "1.5"}]
    )
    server.post("/v1/organizations/harbor/credits/grants", {"name": "Welcome", "amount": "12.34"})
    server.post("/v1/organizations/harbor/credits/grants", {"name": "Second <i>grant</i>", "amount": "20"})
    subscribe(server, "harbor")
    for day in (10, 12, 20):
        moment = f"2026-01-{day}T10:00:00Z"
        server.post("/_local/clock", {"now": moment})
        use(server, "harbor", moment, tokens={"tokens": 700 + day, "model": "llama-70b", "kind": "in"}, jobs={})
        use(server, "harbor", f"2026-01-{day}T09:00:00Z", tokens={"tokens": 90, "model": "tiny", "kind": "out"})
        use(server, "harbor", f"2026-01-{day}T08:00:00Z", store={"gb": "250.5"})
    set_clock(server, ISSUED)
    server.post("/_local/clock", {"now": NOW})
    january = f"/v1/invoices/{invoice_of(server, 'harbor', period='2026-01')['id']}"
    server.post(f"{january}/payments", {"amount": "20", "reference": "wrong"})
    server.post(f"{january}/payments/pay_1/reverse", {"reason": "bounced"})
    server.post(f"{january}/payments", {"amount": "30", "reference": "wire 1"})
    note = {"lines": [{"line": "fee-care", "amount": "5"}], "reason": "outage", "to": "credit"}
    server.post(f"{january}/credit-notes", note)
    use(server, "harbor", "2026-01-25T10:00:00Z", tokens={"tokens": 40, "model": "tiny", "kind": "in"})
    use(server, "harbor", "2026-02-08T10:00:00Z", tokens={"tokens": 1500, "model": "llama-70b", "kind": "in"}, jobs={})


def open_organization(server: Running, organization: str, **details: Any) -> None:
    """Make an organization in Berlin."""
    known = {"id": organization, "name": organization.title(), "timezone": "Europe/Berlin"}
    server.post("/v1/organizations", known | details)


def subscribe(server: Running, organization: str, plan: str = "port") -> None:
    """Subscribe it from now on."""
    server.post(f"/v1/organizations/{organization}/subscriptions", {"plan": plan})


def invoices_of(server: Running, organization: str) -> list[dict[str, Any]]:
    """List its invoices as the history shows them."""
    found: list[dict[str, Any]] = server.get(f"/v1/organizations/{organization}/invoices")["data"]
    return found


def invoice_of(server: Running, organization: str, *, period: str) -> dict[str, Any]:
    """Find the invoice with the usage of the period that ends in a month."""
    return next(one for one in invoices_of(server, organization) if one["period"]["end"].startswith(period))


def sell(server: Running, organization: str, name: str = "Setup", *, price: str = "100") -> dict[str, Any]:
    """Issue a one-off invoice."""
    line = {"name": name, "quantity": "1", "unit_price": price}
    sold: dict[str, Any] = server.post(f"/v1/organizations/{organization}/invoices", {"lines": [line]})
    return sold
