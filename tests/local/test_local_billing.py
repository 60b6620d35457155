"""On this machine billing is what it is when deployed: schedules and queue close drafts, and the demo has a past."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local import demo
from local.demo_history import mornings
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


def test_the_demo_has_paid_overdue_and_late_invoices_and_a_kill_keeps_them(tmp_path: Path) -> None:
    arguments = ("--data", tmp_path, "--demo", "--clock", "2026-03-10T10:20:00Z")
    with serving(*arguments, demo=SPARSE_DEMO) as server:
        assert server.get("/_local/clock")["now"] == "2026-03-10T10:20:00Z"
        first = {customer: _standing(server, customer) for customer in ("acme-ai", "nordlicht", "kaiso")}
        draft = server.get("/v1/organizations/acme-ai/invoices/current")
        late = [line for line in draft["lines"] if line["kind"] == "late_usage"]
        assert [line["origin"]["number"] for line in late] == ["ACME-AI-000002"]
        assert (draft["status"], draft["blocked"]) == ("draft", [])
        assert draft["seller"]["legal_name"] is not None
        grants = server.get("/v1/organizations/acme-ai/credits/grants")["data"]
        assert [(grant["name"], grant["effective_at"]) for grant in grants] == [
            ("Launch credit", "2026-02-02T10:00:00Z")
        ]
        server.kill()
    assert [one[0] for one in first["acme-ai"]] == ["ACME-AI-000002", "ACME-AI-000001"]
    assert [one[2] for one in first["acme-ai"]] == ["unpaid", "paid"]
    assert [one[0] for one in first["nordlicht"]] == ["NORDLICHT-000001"]
    assert {one[2] for one in first["kaiso"]} == {"paid", "overdue", "unpaid"}
    with serving(*arguments, demo=SPARSE_DEMO) as server:
        assert {customer: _standing(server, customer) for customer in first} == first


def test_the_demo_stops_on_the_mornings_after_a_grace_and_at_its_end() -> None:
    since, until = datetime(2026, 2, 25, 5, tzinfo=UTC), datetime(2026, 3, 3, 10, tzinfo=UTC)
    stops = [datetime(2026, 3, 2, 6, tzinfo=UTC), datetime(2026, 3, 3, 6, tzinfo=UTC), until]
    assert list(mornings(since, until)) == stops
    assert list(mornings(stops[0], stops[1])) == stops[1:2]


def test_late_jobs_of_the_demo_arrive_on_the_fourth_once() -> None:
    fourth = datetime(2026, 3, 4, tzinfo=UTC)
    second = timedelta(seconds=1)
    arrived = demo.late_events(fourth, fourth + second)
    assert [event["time"] for event in arrived] == ["2026-02-28T22:00:00Z", "2026-02-28T21:00:00Z"]
    assert demo.late_events(fourth - second, fourth) == []
    assert demo.late_events(fourth + second, fourth + timedelta(days=30)) == []
