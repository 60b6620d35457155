"""What the operators' health tells: what waits, since when, and which job is later than it may be."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.service import CountingPlace
from chalicelib.platform import due_runs
from chalicelib.platform.connection import client as dynamodb
from chalicelib.platform.metrics import BILLING_MAY_LAG_S, ROLLUP_MAY_LAG_S
from chalicelib.shared.time import parse_instant
from chalicelib.usage import backlog_service
from tests.client import ApiClient
from tests.counted import Counted, counting
from tests.invoices.driving import add_meter, add_organization, add_plan, body_of, fee, run, send, set_clock, subscribe
from tests.invoices.test_jobs import blocked_by_counting

SUPPORT = fee("support", "5.00", "arrears")
NOTHING = {"count": 0, "more": False}


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    set_clock("2026-01-01")
    add_meter(client)
    add_organization(client)
    add_plan(client, [SUPPORT])
    return client


def health(api: ApiClient, now: str | None = None) -> Any:
    if now is not None:
        set_clock(now)
    return body_of(api.get("/v1/health"))


def later(instant: str, seconds: int) -> str:
    return (parse_instant(instant) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def test_where_nothing_waits_all_is_well(api: ApiClient) -> None:
    assert health(api) == {
        "state": "ok",
        "behind": [],
        "rollup": {"dirty": NOTHING, "waiting": NOTHING, "oldest": None, "lag_s": 0},
        "billing": {"due": NOTHING, "oldest": [], "lag_s": 0},
        "settling": {"due": NOTHING, "oldest": [], "lag_s": 0},
        "counting": {"meters": [], "after_organization": None, "day": None},
        "as_of": "2026-01-01T00:00:00Z",
    }


def test_an_open_quarter_hour_is_dirty_and_a_closed_one_waits(api: ApiClient) -> None:
    send(api, "e1", "2026-01-01T00:00:00Z")
    assert health(api)["rollup"] == {
        "dirty": {"count": 1, "more": False},
        "waiting": NOTHING,
        "oldest": None,
        "lag_s": 0,
    }
    closed = health(api, "2026-01-01T00:15:30Z")
    assert closed["rollup"] == {
        "dirty": {"count": 1, "more": False},
        "waiting": {"count": 1, "more": False},
        "oldest": {
            "organization": "acme",
            "quarter_hour": "2026-01-01T00:00:00Z",
            "since": "2026-01-01T00:15:00Z",
        },
        "lag_s": 30,
    }
    run(api, "rollup_usage")
    assert health(api)["rollup"]["dirty"] == NOTHING


def test_the_rollup_is_behind_when_a_mark_waits_longer_than_it_may(api: ApiClient) -> None:
    send(api, "e1", "2026-01-01T00:00:00Z")
    since = "2026-01-01T00:15:00Z"
    assert health(api, later(since, ROLLUP_MAY_LAG_S))["state"] == "ok"
    found = health(api, later(since, ROLLUP_MAY_LAG_S + 1))
    assert (found["state"], found["behind"]) == (
        "behind",
        [
            {
                "reason": "rollup",
                "since": since,
                "lag_s": ROLLUP_MAY_LAG_S + 1,
                "allowed_s": ROLLUP_MAY_LAG_S,
                "page": "docs/alarms/rollup-behind.md",
            }
        ],
    )


def test_a_late_event_waits_only_since_it_came(api: ApiClient) -> None:
    set_clock("2026-01-20")
    send(api, "e1", "2026-01-02T00:00:00Z")
    assert health(api, "2026-01-20T00:01:00Z")["rollup"]["lag_s"] == 60


def test_billing_is_behind_when_an_organization_is_due_longer_than_it_may_be(api: ApiClient) -> None:
    add_organization(api, "beta")
    subscribe(api)
    subscribe(api, "beta")
    due = "2026-02-02T00:00:00Z"
    assert health(api, later(due, -1))["billing"]["due"] == NOTHING
    found = health(api, later(due, BILLING_MAY_LAG_S))
    assert found["billing"]["due"] == {"count": 2, "more": False}
    assert found["billing"]["oldest"] == [{"organization": name, "since": due} for name in ("acme", "beta")]
    assert found["state"] == "ok"
    found = health(api, later(due, BILLING_MAY_LAG_S + 1))
    assert [one["reason"] for one in found["behind"]] == ["billing"]
    run(api, "run_billing")
    assert health(api)["state"] == "ok"


def test_a_wallet_with_something_to_book_is_due(api: ApiClient) -> None:
    body_of(
        api.post(
            "/v1/organizations/acme/credits/grants",
            {"name": "g", "amount": "5", "expires_at": "2026-01-10T00:00:00Z"},
        ),
        201,
    )
    assert health(api, "2026-01-09T23:59:59Z")["settling"]["due"] == NOTHING
    settling = health(api, "2026-01-10T00:00:05Z")["settling"]
    assert settling == {
        "due": {"count": 1, "more": False},
        "oldest": [{"organization": "acme", "since": "2026-01-10T00:00:00Z"}],
        "lag_s": 5,
    }


def test_a_meter_that_counts_past_events_is_named_with_its_place(api: ApiClient) -> None:
    add_meter(api, "slow")
    catalog_service.save_counting_place(CountingPlace(2, "aaa", parse_instant("2026-01-01T00:00:00Z").date()))
    assert health(api)["counting"] == {"meters": ["slow"], "after_organization": "aaa", "day": "2026-01-01"}


def test_no_more_than_a_bounded_number_is_read(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_service, "MOST_MARKS_A_SHARD", 2)
    set_clock("2026-01-01T01:00:00Z")
    for minute in (0, 15, 30):
        send(api, f"e{minute}", f"2026-01-01T00:{minute:02}:00Z")
    found = health(api, "2026-01-01T01:00:01Z")["rollup"]
    assert (found["dirty"], found["waiting"]) == ({"count": 2, "more": True},) * 2


def test_all_reads_are_queries_with_a_limit_and_consistent_but_for_the_indexes(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []
    send_call = dynamodb()._make_api_call

    def call(name: str, sent: dict[str, Any]) -> Any:
        asked.append((name, sent))
        return send_call(name, sent)

    health(api)
    monkeypatch.setattr(dynamodb(), "_make_api_call", call)
    health(api)
    queries = [sent for name, sent in asked if name == "Query" and ("IndexName" in sent or "dirty#" in str(sent))]
    assert len(queries) == 16 + 16 + 16
    assert all("Limit" in sent for sent in queries)
    assert all(sent["ConsistentRead"] for sent in queries if "IndexName" not in sent)
    assert {name for name, _ in asked} <= {"Query", "GetItem", "BatchGetItem"}
    assert len(asked) <= 48 + 4


@pytest.fixture
def counted(capsys: pytest.CaptureFixture[str]) -> Iterator[Counted]:
    """Give what jobs that are invoked count: they send it themselves."""

    def taken() -> dict[str, int]:
        found: dict[str, int] = {}
        for line in capsys.readouterr().out.splitlines():
            sent = json.loads(line)
            found |= {one["Name"]: int(sent[one["Name"]][0]) for one in sent["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
        return found

    with counting():
        yield taken


def test_the_billing_run_tells_how_late_it_is_what_it_made_and_what_is_blocked(
    api: ApiClient, counted: Counted
) -> None:
    subscribe(api)
    blocked_by_counting(api, "slow")
    counted()
    assert run(api, "run_billing", "2026-02-01T23:59:59Z")["finalized"] == 0
    assert counted() == {}
    assert run(api, "run_billing", "2026-02-02T00:10:00Z")["finalized"] == 1
    assert counted() == {"BillingLag": 600, "InvoicesFinalized": 1, "BlockedInvoices": 1}
    run(api, "run_billing", "2026-02-02T01:10:00Z")
    assert counted() == {"BillingLag": 4200, "BlockedInvoices": 1}


def test_an_idle_system_sends_no_metric(api: ApiClient, counted: Counted) -> None:
    subscribe(api)
    counted()
    for hour in range(3):
        for job in ("rollup_usage", "run_billing", "settle_credits"):
            run(api, job, f"2026-01-02T0{hour}:00:00Z")
    assert counted() == {}


def test_due_organizations_are_put_together_in_order_over_all_shards() -> None:
    due = [due_runs.Due(f"o{number}", parse_instant(f"2026-01-{30 - number:02}T00:00:00Z")) for number in range(12)]
    found = due_runs.read_due_backlog(lambda shard: (due[shard::3], shard == 1), shards=3)
    assert (found.count, found.has_more, len(found.oldest)) == (12, True, 10)
    assert [one.organization for one in found.oldest[:2]] == ["o11", "o10"]
