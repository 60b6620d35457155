"""The draft while events still arrive, in any order and some of them twice: always what plain sums and prices give."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from chalicelib.shared.clock import Clock
from chalicelib.shared.time import format_instant
from tests.client import ApiClient
from tests.invoices.driving import run

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
# (up to, price of a unit) by kind of token; None is no bound.
TIERS: dict[str, list[tuple[int | None, str]]] = {
    "input": [(20_000, "0.0025"), (60_000, "0.00175"), (None, "0.00111")],
    "output": [(5_000, "0.01"), (None, "0.0075")],
}
_BATCHES, _BATCH = 8, 40


def price_cents(kind: str, tokens: int) -> int:
    """Price tokens tier by tier, exactly, and round once, halves up: nothing of the product is used."""
    total, below = Fraction(0), 0
    for bound, unit_price in TIERS[kind]:
        top = tokens if bound is None else min(tokens, bound)
        total += max(0, top - below) * Fraction(unit_price)
        below = max(below, top)
    return int(total * 100 + Fraction(1, 2))


def trace(chance: random.Random) -> list[dict[str, Any]]:
    """Draw requests of a month, each an event for its input and one for its output."""
    found = []
    for number in range(_BATCHES * _BATCH // 2):
        at = BEGIN + timedelta(days=3 * chance.randrange(10), hours=10, seconds=chance.randrange(1800))
        for kind, most in (("input", 900), ("output", 300)):
            content = {"kind": kind, "tokens": chance.randrange(1, most)}
            named = {"id": f"{number}-{kind}", "source": "trace", "type": "inference", "subject": "acme"}
            found.append({**named, "time": format_instant(at), "data": content})
    chance.shuffle(found)
    return found


def prepare(client: ApiClient) -> None:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme"})
    meter = {"key": "tokens", "name": "Tokens", "event_type": "inference", "aggregation": "sum", "value": "tokens"}
    client.post("/v1/meters", {**meter, "dimensions": {"kind": "kind"}})
    prices = {
        kind: {"tiers": [{"up_to": None if up is None else str(up), "unit_price": price} for up, price in tiers]}
        for kind, tiers in TIERS.items()
    }
    charge = {"key": "tokens", "name": "Tokens", "type": "usage", "meter": "tokens", "model": "graduated"}
    charges = [{**charge, "prices_by": {"dimension": "kind", "prices": prices}}]
    plan = {"key": "llm", "name": "LLM", "currency": "USD", "billing_period": "month", "charges": charges}
    assert client.post("/v1/plans", plan).status_code == 201
    assert client.post("/v1/organizations/acme/subscriptions", {"plan": "llm"}).status_code == 201


def shown(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def assert_is_right(client: ApiClient, sent: Sequence[dict[str, Any]]) -> None:
    """Compare the draft with the sums over the events that were sent."""
    tokens = {kind: sum(one["data"]["tokens"] for one in sent if one["data"]["kind"] == kind) for kind in TIERS}
    draft = client.get("/v1/organizations/acme/invoices/current").json_body
    lines = {line["group"]["kind"]: (line["quantity"], line["amount"]) for line in draft["lines"]}
    right = {kind: (str(count), shown(price_cents(kind, count))) for kind, count in tokens.items() if count}
    assert lines == right
    assert draft["total"] == shown(sum(price_cents(kind, count) for kind, count in tokens.items()))


def test_a_draft_is_right_to_the_cent_while_events_arrive_and_is_what_gets_finalized(
    client: ApiClient, clock: Clock
) -> None:
    chance = random.Random(7)
    clock.set(BEGIN)
    prepare(client)
    clock.set(BEGIN + timedelta(days=30, hours=12))
    events, sent = trace(chance), list[dict[str, Any]]()
    for number, start in enumerate(range(0, len(events), _BATCH)):
        batch = events[start : start + _BATCH]
        # Some requests are repeated, as one is whose answer was lost.
        for _ in range(chance.randint(1, 2)):
            assert client.post("/v1/events", batch).status_code == 202
        sent += batch
        if number % 3 == 1:
            run(client, "rollup_usage")
        assert_is_right(client, sent)
    clock.set(datetime(2026, 2, 2, tzinfo=UTC))
    draft = client.get("/v1/invoices/inv_acme.1p0.0").json_body
    assert draft["status"] == "draft"
    run(client, "run_billing")
    invoice = client.get("/v1/invoices/inv_acme.1p0.0").json_body
    assert invoice["number"] == "ACME-000001"
    for name in ("lines", "subtotal", "discount", "taxes", "total", "period", "plan", "seller", "buyer"):
        assert invoice[name] == draft[name], name
