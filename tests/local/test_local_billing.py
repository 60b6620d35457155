"""On this machine billing is what it is when deployed: schedules and queue close drafts, and the demo has a past."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chalicelib.shared.clock import Clock
from local.demo import Asks, Refused
from local.demo_history import _take, mornings
from local.demo_story import Step
from tests.local.running import SPARSE_DEMO, Running, serving

PLAN = {
    "key": "calls",
    "name": "Calls",
    "currency": "USD",
    "billing_period": "month",
    "charges": [
        {"key": "calls", "name": "Calls", "type": "usage", "meter": "calls", "model": "per_unit", "unit_price": "0.25"}
    ],
}


def _set_clock(server: Running, now: str) -> None:
    server.post("/_local/clock", {"now": now})


def _subscribe(server: Running, *organizations: str) -> None:
    server.post("/v1/meters", {"key": "calls", "name": "Calls", "event_type": "call", "aggregation": "count"})
    server.post("/v1/plans", PLAN)
    for organization in organizations:
        server.post("/v1/organizations", {"id": organization, "name": organization})
        server.post(f"/v1/organizations/{organization}/subscriptions", {"plan": "calls"})


def _call(server: Running, organization: str, number: int, time: str) -> None:
    event = {"id": str(number), "source": "test", "type": "call", "subject": organization, "time": time, "data": {}}
    server.post("/v1/events", event)


def _standing(server: Running, organization: str) -> list[tuple[Any, ...]]:
    invoices = server.get(f"/v1/organizations/{organization}/invoices?status=finalized")["data"]
    return [(one["number"], one["total"], one["payment_status"], one["issued_at"]) for one in invoices]


def test_the_billing_schedule_closes_a_period_once_its_grace_is_over() -> None:
    with serving("--data", "memory", "--clock", "2026-01-10T00:00:00Z") as server:
        _subscribe(server, "acme")
        _call(server, "acme", 1, "2026-01-10T00:00:00Z")
        _set_clock(server, "2026-02-01T23:59:59Z")
        jobs = server.post("/_local/jobs/all", {})["jobs"]
        assert list(jobs) == ["rollup_usage", "run_billing", "settle_credits"]
        assert (jobs["run_billing"]["finalized"], _standing(server, "acme")) == (0, [])
        _set_clock(server, "2026-02-02T00:00:00Z")
        assert server.post("/_local/jobs/run_billing", {})["jobs"]["run_billing"]["finalized"] == 1
        assert _standing(server, "acme") == [("ACME-000001", "0.25", "unpaid", "2026-02-02T00:00:00Z")]
        assert server.post("/_local/jobs/run_billing", {})["jobs"]["run_billing"]["finalized"] == 0


def test_a_message_of_the_billing_queue_bills_the_organizations_that_it_names() -> None:
    with serving("--data", "memory", "--clock", "2026-01-10T00:00:00Z") as server:
        _subscribe(server, "acme", "other")
        for organization in ("acme", "other"):
            _call(server, organization, 1, "2026-01-10T00:00:00Z")
        _set_clock(server, "2026-02-02T00:00:00Z")
        sent = server.post("/_local/queues/billing", {"organizations": ["acme"]})
        assert sent == {"batchItemFailures": []}
        assert [len(_standing(server, organization)) for organization in ("acme", "other")] == [1, 0]


CUSTOMERS = ("acme-ai", "nordlicht", "kaiso")


def _demo(server: Running) -> dict[str, Any]:
    """Read what the demo shows of invoices and credit."""
    invoices = {one: server.get(f"/v1/organizations/{one}/invoices?limit=200")["data"] for one in CUSTOMERS}
    credit = {one: server.get(f"/v1/organizations/{one}/credits/grants?limit=200")["data"] for one in CUSTOMERS}
    holds = server.get("/v1/organizations/acme-ai/credits/holds")["data"]
    return {"invoices": invoices, "grants": credit, "holds": holds}


def test_the_demo_has_invoices_and_grants_in_every_state_and_going_through_it_again_keeps_them(tmp_path: Path) -> None:
    arguments = ("--data", tmp_path, "--demo", "--clock", "2026-03-10T10:20:00Z")
    with serving(*arguments, demo=SPARSE_DEMO) as server:
        assert server.get("/_local/clock")["now"] == "2026-03-10T10:20:00Z"
        first = _demo(server)
        _invoices_are_in_every_state(first["invoices"])
        _grants_are_in_every_state(first["grants"])
        assert {one["status"]: one["amount"] for one in first["holds"]} == {"open": "250.00", "released": "120.00"}
        _events_are_in_every_state(server)
        assert server.get("/v1/meters/training_jobs")["archived_at"] == "2026-01-09T10:20:00Z"
        assert server.get("/v1/organizations/acme-ai/credits/verify")["valid"] is True
        server.kill()
    (tmp_path / "demo-until").unlink()
    with serving(*arguments, demo=SPARSE_DEMO) as server:
        assert _demo(server) == first


def _invoices_are_in_every_state(invoices: dict[str, Any]) -> None:
    def having(field: str) -> set[str]:
        return {customer for customer, issued in invoices.items() if any(one[field] for one in issued)}

    states = {(one["status"], one["payment_status"]) for issued in invoices.values() for one in issued}
    paid = {("finalized", status) for status in ("unpaid", "partly_paid", "paid", "overdue", "uncollectible")}
    assert states == {("draft", None), ("void", None)} | paid
    assert [one["blocked"] for issued in invoices.values() for one in issued if one["status"] == "draft"] == [[]] * 3
    assert having("credit_notes") == {"acme-ai"}
    acme = invoices["acme-ai"]
    assert [[payment["reversed"] for payment in one["payments"]] for one in acme].count([True, False]) == 1
    late = [line["origin"] for one in acme for line in one["lines"] if line["kind"] == "late_usage"]
    assert "ACME-AI-000008" in {origin["number"] for origin in late}
    again = [one["id"] for one in invoices["nordlicht"] if one["id"].startswith("inv_nordlicht.1p0.")]
    assert again == ["inv_nordlicht.1p0.1", "inv_nordlicht.1p0.0"]


def _grants_are_in_every_state(grants: dict[str, Any]) -> None:
    acme = {(one["name"], one["status"]): one for one in grants["acme-ai"]}
    assert {status for _, status in acme} == {"active", "scheduled", "depleted", "expired", "voided"}
    assert acme["Training commitment", "active"]["applies_to"] == {"charges": ["training"]}
    assert acme["Prepaid balance", "active"]["cost_basis"] == "0.9"
    assert acme["Evaluation allowance", "expired"]["recurrence"] == {"every": "month", "count": None}
    assert acme["Conference voucher", "active"]["expires_at"] == "2026-03-19T10:20:00Z"
    assert acme["Storage migration credit", "active"]["expires_at"] == "2026-04-24T10:20:00Z"
    left = [acme["Evaluation pilot", "expired"]["expired"], acme["Partner promotion", "voided"]["voided"]]
    assert "0.00" not in [*left, acme["Prepaid balance", "active"]["consumed"]]
    assert grants["kaiso"] == []


def _events_are_in_every_state(server: Running) -> None:
    days = server.get("/v1/ingestion?organization=acme-ai&from=2026-02-15&to=2026-03-10")["data"]
    assert [sum(day[state] for day in days) for state in ("voided", "amended")] == [1, 1]
    days += server.get("/v1/ingestion?organization=acme-ai&from=2025-12-05&to=2026-02-15")["data"]
    assert all(any(day[state] for day in days) for state in ("duplicates", "conflicts", "unmatched", "unusable"))


def test_the_demo_stops_on_the_mornings_after_a_grace_and_at_its_end() -> None:
    since, until = datetime(2026, 2, 25, 5, tzinfo=UTC), datetime(2026, 3, 3, 10, tzinfo=UTC)
    stops = [datetime(2026, 3, 2, 6, tzinfo=UTC), datetime(2026, 3, 3, 6, tzinfo=UTC), until]
    assert list(mornings(since, until)) == stops
    assert list(mornings(stops[0], stops[1])) == stops[1:2]


def test_a_step_of_the_demo_that_is_refused_is_told_and_the_next_is_taken(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = datetime(2026, 3, 1, 5, tzinfo=UTC), datetime(2026, 3, 1, 6, tzinfo=UTC)
    taken = []

    def refuse(_operator: Asks) -> None:
        raise Refused("POST /v1/meters answered 409")

    def take(_operator: Asks) -> None:
        taken.append(clock.now())

    _take(Nobody(), [Step(first, refuse), Step(second, take)])
    assert taken == [second]
    assert [record.getMessage() for record in caplog.records] == ["demo data: POST /v1/meters answered 409"]


class Nobody:
    """Is asked for nothing."""

    def find(self, path: str) -> Any:
        raise AssertionError(path)

    def require(self, method: str, path: str, body: Any = None) -> Any:
        raise AssertionError((method, path, body))
