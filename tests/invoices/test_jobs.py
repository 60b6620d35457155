"""The scheduled billing run: here or through the queue, twice or late, past what is blocked and what fails."""

import json
from typing import Any

import boto3
import pytest

from chalicelib.invoices import billing_run, jobs, store
from chalicelib.invoices.opening import open_billing
from chalicelib.platform import queues
from chalicelib.platform.connection import client as dynamodb
from chalicelib.platform.settings import settings
from chalicelib.platform.tables import table_name
from chalicelib.shared.clock import clock
from tests.client import ApiClient
from tests.invoices.driving import (
    CENT,
    act,
    add_meter,
    add_organization,
    add_plan,
    body_of,
    fee,
    invoice,
    listed,
    run,
    sell,
    send,
    set_clock,
    subscribe,
)
from tests.usage.sent import everything
from tests.usage.test_jobs import Event, Message

SUPPORT = fee("support", "5.00", "arrears")
NAMES = ["one", "two", "three"]


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    set_clock("2026-01-01")
    add_meter(client)
    add_plan(client, [SUPPORT])
    return client


@pytest.fixture
def subscribed(api: ApiClient) -> ApiClient:
    """Three organizations whose January is due on 2 February."""
    for name in NAMES:
        add_organization(api, name)
        subscribe(api, name)
    return api


def told(**counts: int) -> dict[str, int]:
    """Write what a run tells: what is not named is 0."""
    names = ("finalized", "skipped", "blocked", "overdue", "failed", "left", "sent")
    return {**dict.fromkeys(names, 0), **counts}


def events(kind: str) -> list[dict[str, Any]]:
    """List the events of a kind that wait to be delivered."""
    found = dynamodb().scan(TableName=table_name("outbox"))["Items"]
    return [item for item in found if kind in json.dumps(item, default=str)]


def test_nothing_is_due_before_the_grace_is_over(subscribed: ApiClient) -> None:
    assert run(subscribed, "run_billing", "2026-02-01T23:59:59Z") == told()
    assert run(subscribed, "run_billing", "2026-02-02T00:00:00Z") == told(finalized=3)


def test_running_again_changes_nothing(subscribed: ApiClient) -> None:
    run(subscribed, "run_billing", "2026-02-02")
    before = everything()
    assert run(subscribed, "run_billing") == told()
    assert everything() == before


def test_a_late_run_closes_every_period_that_it_missed_in_order(subscribed: ApiClient) -> None:
    assert run(subscribed, "run_billing", "2026-05-02")["finalized"] == 4 * len(NAMES)
    numbers = {one["id"]: one["number"] for one in listed(subscribed, "/v1/organizations/one/invoices")}
    assert [numbers[f"inv_one.1p{number}.0"] for number in range(4)] == [f"ONE-{place:06}" for place in range(1, 5)]


def test_a_period_without_usage_is_closed_without_an_invoice(api: ApiClient) -> None:
    add_organization(api)
    add_plan(api, [CENT], "usage-only")
    subscribe(api, plan="usage-only")
    assert run(api, "run_billing", "2026-02-02") == told(skipped=1)
    assert [one["id"] for one in listed(api)] == ["inv_acme.1p1.0"]
    assert run(api, "run_billing") == told()


def queue_of(monkeypatch: pytest.MonkeyPatch, *, alone: int) -> str:
    """Give the job a queue, and let it bill so many organizations itself and put two in a message."""
    url: str = boto3.client("sqs", region_name=settings.region).create_queue(QueueName="billing")["QueueUrl"]

    class WithQueue:
        billing_queue_url = url

    monkeypatch.setattr(jobs, "settings", WithQueue)
    monkeypatch.setattr(jobs, "ALONE", alone)
    monkeypatch.setattr(jobs, "A_MESSAGE", 2)
    queues._client.cache_clear()
    return url


def taken(url: str) -> list[list[str]]:
    """Take every message from a queue: the organizations that each names."""
    sqs, bodies = boto3.client("sqs", region_name=settings.region), []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        bodies += [json.loads(one["Body"])["organizations"] for one in found]
        for one in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    queues._client.cache_clear()
    return bodies


def bill(*groups: list[str]) -> None:
    jobs.bill_organizations(Event(*(Message({"organizations": group}) for group in groups), left_ms=[90_000]))


def issued(api: ApiClient) -> list[str]:
    return sorted(one["id"] for one in listed(api, "/v1/invoices"))


ALL_OF_JANUARY = sorted(f"inv_{name}.1p0.0" for name in NAMES)


def test_when_many_are_due_they_go_to_the_queue_and_are_billed_from_there(
    subscribed: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = queue_of(monkeypatch, alone=2)
    assert run(subscribed, "run_billing", "2026-02-02") == told(sent=3)
    assert issued(subscribed) == []
    messages = taken(url)
    assert sorted(map(len, messages)) == [1, 2]
    assert sorted(name for group in messages for name in group) == sorted(NAMES)
    bill(*messages)
    assert issued(subscribed) == ALL_OF_JANUARY


def test_few_are_billed_by_the_run_itself_though_there_is_a_queue(
    subscribed: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = queue_of(monkeypatch, alone=3)
    assert run(subscribed, "run_billing", "2026-02-02") == told(finalized=3)
    assert taken(url) == []


def test_without_a_queue_a_run_bills_however_many_are_due(
    subscribed: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "ALONE", 1)
    assert run(subscribed, "run_billing", "2026-02-02") == told(finalized=3)


def test_a_message_that_comes_twice_or_late_bills_once(subscribed: ApiClient) -> None:
    set_clock("2026-02-02")
    bill(NAMES, NAMES)
    assert issued(subscribed) == ALL_OF_JANUARY
    before = everything()
    bill(["one", "one"])
    bill(["two"], ["gone"])
    assert everything() == before


def test_a_run_whose_time_is_up_tells_how_many_are_left_and_the_next_one_bills_them(subscribed: ApiClient) -> None:
    set_clock("2026-02-02")
    report = jobs.run_billing(Event(left_ms=[90_000, 90_000, 90_000, 0]))
    assert (report["finalized"], report["left"]) == (1, 2)
    assert run(subscribed, "run_billing")["finalized"] == 2


def test_an_organization_that_fails_does_not_stop_the_others(
    subscribed: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(organization: str, now: Any) -> Any:
        if organization == "two":
            raise RuntimeError("a fault of the program")
        return open_billing(organization, now)

    monkeypatch.setattr(billing_run, "open_billing", failing)
    assert run(subscribed, "run_billing", "2026-02-02") == told(finalized=2, failed=1)
    monkeypatch.undo()
    assert run(subscribed, "run_billing") == told(finalized=1)
    assert issued(subscribed) == ALL_OF_JANUARY


def blocked_by_counting(api: ApiClient, name: str) -> None:
    """Subscribe an organization to a meter that has events of before it was created to count."""
    add_organization(api, name)
    send(api, "e1", "2026-01-01T00:00:00Z", 100, organization=name, type="late-meter")
    run(api, "rollup_usage", "2026-01-02")
    add_meter(api, "late-meter")
    add_plan(api, [{**CENT, "meter": "late-meter"}], "counting")
    subscribe(api, name, "counting", start="2026-01-01T00:00:00Z")


def test_a_blocked_draft_is_counted_and_does_not_stop_the_others(subscribed: ApiClient) -> None:
    blocked_by_counting(subscribed, "slow")
    assert run(subscribed, "run_billing", "2026-02-02") == told(finalized=3, blocked=1)
    [draft] = [one for one in listed(subscribed, "/v1/organizations/slow/invoices") if one["id"] == "inv_slow.1p0.0"]
    assert (draft["status"], len(draft["blocked"])) == ("draft", 1)
    answer = subscribed.post("/v1/invoices/inv_slow.1p0.0/finalize")
    assert (answer.status_code, answer.json_body["type"]) == (409, "/problems/conflict")
    # It stays due: once the meter has counted, the next run issues it.
    run(subscribed, "rollup_usage")
    assert run(subscribed, "run_billing") == told(finalized=1)
    assert listed(subscribed, "/v1/organizations/slow/invoices", status="finalized")[0]["total"] == "1.00"


def test_no_later_period_is_closed_before_a_blocked_one(api: ApiClient) -> None:
    blocked_by_counting(api, "slow")
    assert run(api, "run_billing", "2026-03-02") == told(blocked=1)
    run(api, "rollup_usage")
    assert run(api, "run_billing") == told(finalized=1, skipped=1)


def overdue(api: ApiClient) -> None:
    """Issue an invoice of 10.00 that is due at the end of 31 January."""
    add_organization(api)
    sell(api)
    assert invoice(api, "0o1.0")["due_at"] == "2026-02-01T00:00:00Z"


def test_an_invoice_is_marked_overdue_once_with_one_event(api: ApiClient) -> None:
    overdue(api)
    assert run(api, "run_billing", "2026-01-31T23:59:59Z")["overdue"] == 0
    assert run(api, "run_billing", "2026-02-01T00:00:00Z")["overdue"] == 1
    assert run(api, "run_billing", "2026-02-05T00:00:00Z")["overdue"] == 0
    assert len(events("invoice.overdue")) == 1


def test_an_index_that_still_lists_a_marked_invoice_marks_it_no_second_time(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    overdue(api)
    run(api, "run_billing", "2026-02-05")
    monkeypatch.setattr(store, "list_overdue", lambda now, *, shard: [("acme", 1)])
    assert run(api, "run_billing")["overdue"] == 0
    assert len(events("invoice.overdue")) == 1


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("payments", {"amount": "10.00", "reference": "r"}),
        ("void", {"reason": "wrong"}),
        ("credit-notes", {"lines": [{"line": "one-off-1", "amount": "10.00"}], "reason": "no", "to": "credit"}),
    ],
)
def test_an_invoice_with_nothing_due_never_becomes_overdue(api: ApiClient, action: str, body: Any) -> None:
    overdue(api)
    assert act(api, "0o1.0", action, body).status_code < 300
    assert run(api, "run_billing", "2026-02-05") == told()
    assert events("invoice.overdue") == []


def test_an_uncollectible_invoice_is_marked_without_an_event(api: ApiClient) -> None:
    overdue(api)
    body_of(act(api, "0o1.0", "uncollectible", {"reason": "bankrupt"}))
    run(api, "run_billing", "2026-02-05")
    assert invoice(api, "0o1.0")["payment_status"] == "uncollectible"
    assert events("invoice.overdue") == []
    assert run(api, "run_billing")["overdue"] == 0


def test_an_invoice_whose_payment_is_taken_back_after_it_was_due_is_marked_then(api: ApiClient) -> None:
    overdue(api)
    body_of(act(api, "0o1.0", "payments", {"amount": "10.00", "reference": "r"}))
    run(api, "run_billing", "2026-02-05")
    body_of(act(api, "0o1.0", "payments/pay_1/reverse", {"reason": "bounced"}))
    assert run(api, "run_billing")["overdue"] == 1
    assert len(events("invoice.overdue")) == 1


def test_an_invoice_that_cannot_be_marked_does_not_stop_the_others(
    subscribed: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        sell(subscribed, name)
    marked = billing_run._mark_one

    def failing(organization: str, number: int, now: Any) -> Any:
        if organization == "two":
            raise RuntimeError("a fault of the program")
        return marked(organization, number, now)

    monkeypatch.setattr(billing_run, "_mark_one", failing)
    report = run(subscribed, "run_billing", "2026-02-01T00:00:00Z")
    assert (report["overdue"], report["failed"]) == (2, 1)


def test_the_run_takes_the_time_of_the_domains_clock(subscribed: ApiClient) -> None:
    run(subscribed, "run_billing", "2026-02-02T03:00:00Z")
    [shown] = [one for one in listed(subscribed, "/v1/invoices") if one["organization"] == "one"]
    assert shown["issued_at"] == "2026-02-02T03:00:00Z"
    assert clock.now().isoformat() == "2026-02-02T03:00:00+00:00"
