"""The packaged template, run whole: each door of the deployed service does what it says, under the policies it has."""

import gzip
import json
import sysconfig
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

import app
from chalicelib.usage.store import shard_of
from local.gateway import Gateway
from local.http_server import HttpRequest
from local.stack import STACK
from tests.stack.doors import Doors, ago, event, until

REFUSED = "AccessDeniedException"


def organization(doors: Doors, name: str, plan: str | None = None, **subscription: Any) -> str:
    """Create an organization with a subscription."""
    doors.post("/v1/organizations", {"id": name, "name": name.title()})
    if plan is not None:
        doors.post(f"/v1/organizations/{name}/subscriptions", {"plan": plan, **subscription})
    return name


def finalized(doors: Doors, name: str) -> list[dict[str, Any]]:
    """List the invoices of an organization that will not change any more."""
    found: list[dict[str, Any]] = doors.get(f"/v1/organizations/{name}/invoices?status=finalized")["data"]
    return found


def test_http_counts_and_bills_what_was_sent(doors: Doors) -> None:
    acme = organization(doors, "acme", "pro")
    assert doors.get("/health") == {"status": "ok"}
    sent = [event(f"e{number}", acme, 2) for number in range(100)]
    assert doors.post("/v1/events", sent) == {"accepted": 100}
    assert doors.post("/v1/events", {"events": sent[:10]}) == {"accepted": 10}
    assert doors.total(acme) == "200"
    draft = doors.get(f"/v1/organizations/{acme}/invoices/current")
    assert (draft["status"], draft["total"], draft["lines"][0]["quantity"]) == ("draft", "2.00", "200")


def test_a_pdf_comes_through_as_the_bytes_that_were_written(doors: Doors) -> None:
    beta = organization(doors, "beta", "pro")
    draft = doors.get(f"/v1/organizations/{beta}/invoices/current")["id"]
    answer = doors.ask("GET", f"/v1/invoices/{draft}/pdf", Accept="application/pdf")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.body.startswith(b"%PDF-1.7")
    assert answer.body.rstrip().endswith(b"%%EOF")
    refused = doors.ask("GET", f"/v1/invoices/{draft}/pdf")
    assert (refused.status, refused.content["type"]) == (400, "/problems/malformed")


def test_the_console_and_its_files_are_served_below_the_stage(doors: Doors) -> None:
    page = doors.send("GET", "/console")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    names = [part.partition('"')[0] for part in page.body.decode().split('src="')[1:]]
    assert names
    for name in names:
        script = doors.send("GET", f"/{name.lstrip('./')}")
        assert (script.status, script.headers["content-type"].partition(";")[0]) == (200, "text/javascript"), name
    organization(doors, "gamma")
    link = doors.post("/v1/organizations/gamma/portal-links")["url"]
    assert link.startswith(f"{doors.url}/console#token=")


@pytest.mark.parametrize("is_signed_in", [True, False])
def test_an_unknown_path_is_the_same_problem_as_on_the_local_server(doors: Doors, is_signed_in: bool) -> None:
    headers = {"Authorization": f"Bearer {doors.admin_key}"} if is_signed_in else {}
    answer = doors.send("GET", "/v2/nothing", headers=headers)
    local = Gateway(app.app).answer(HttpRequest("GET", "/v2/nothing"))
    assert (answer.status, answer.content) == (local.status, json.loads(local.body))
    expected = {name.lower(): value for name, value in local.headers}
    assert {name: answer.headers[name] for name in expected} == expected


def test_what_api_gateway_and_the_app_refuse_are_problems(doors: Doors) -> None:
    key = {"Authorization": f"Bearer {doors.admin_key}"}
    huge = b"[" + b" " * 10_600_000 + b"]"
    refusals = [
        (401, doors.send("GET", "/v1/session")),
        (405, doors.send("PUT", "/health")),
        (413, doors.send("POST", "/v1/events", huge, headers={**key, "Content-Type": "application/json"})),
        (413, doors.send("POST", "/v1/events", huge[-5_000_000:], headers={**key, "Content-Type": "application/json"})),
        (415, doors.send("POST", "/v1/events", b"<xml/>", headers={**key, "Content-Type": "text/xml"})),
    ]
    for status, answer in refusals:
        assert (answer.status, answer.content["status"]) == (status, status), answer
        assert answer.headers["content-type"] == "application/problem+json", answer
    assert "GET" in refusals[1][1].headers["allow"]
    assert doors.send("GET", "/health", stage="/v1").status == 403


def test_bodies_travel_compressed_both_ways(doors: Doors) -> None:
    delta = organization(doors, "delta")
    packed = gzip.compress(json.dumps([event("e1", delta, 7)]).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert doors.send("POST", "/v1/events", packed, headers={**headers, **_key(doors)}).status == 202
    answer = doors.send("GET", "/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.body))["openapi"]
    assert doors.total(delta) == "7"


def _key(doors: Doors) -> dict[str, str]:
    return {"Authorization": f"Bearer {doors.admin_key}"}


def test_usage_events_of_the_bus_are_counted_and_others_are_not(doors: Doors) -> None:
    name = organization(doors, "zeta")
    sent = [
        ("usage", event("one", name, 1)),
        ("order", event("other", name, 10)),
        ("usage", {"events": [event("list", name, 100), event("more", name, 1000)]}),
    ]
    entries = [{"Source": "shop", "DetailType": kind, "Detail": json.dumps(detail)} for kind, detail in sent]
    assert doors.events.put_events(Entries=entries)["FailedEntryCount"] == 0
    assert until(lambda: doors.total(name) == "1101")


@pytest.fixture
def impatient(doors: Doors) -> Iterator[str]:
    """Let the queue give up soon: as deployed it tries a message five times in half an hour. Gives its address."""
    url = doors.queue_url("usage-events")
    read = doors.queues.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout", "RedrivePolicy"])
    kept: dict[str, str] = read["Attributes"]
    twice = json.dumps({**json.loads(kept["RedrivePolicy"]), "maxReceiveCount": 2})
    doors.queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "10", "RedrivePolicy": twice})
    yield url
    doors.queues.set_queue_attributes(QueueUrl=url, Attributes=kept)


def test_messages_of_the_queue_are_stored_and_bad_ones_become_dead_letters(doors: Doors, impatient: str) -> None:
    name = organization(doors, "epsilon")
    bodies = [
        json.dumps(event("one", name, 1)),
        "no JSON",
        json.dumps({"events": [event("list", name, 10), event("old", name, 100, hours=3)]}),
        json.dumps(event("nobody", "no-such-organization", 1000)),
    ]
    entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)]
    assert len(doors.queues.send_message_batch(QueueUrl=impatient, Entries=entries)["Successful"]) == 4
    assert until(lambda: doors.total(name) == "111")
    assert {doors.take("usage-events-dead-letters") for _ in range(2)} == {bodies[1], bodies[3]}


def test_functions_are_invoked_by_their_names(doors: Doors) -> None:
    name = organization(doors, "eta", "pro")
    answer = doors.invoke("ingest_events", {"events": [event("one", name, 5), {"id": "no event"}]})
    assert answer["accepted"] == 1
    assert [one["index"] for one in answer["rejected"]] == [1]
    doors.invoke("ingest_events", {"events": [event("nobody-waits", name, 50)]}, waits=False)
    assert until(lambda: doors.total(name) == "55")
    allowed = doors.invoke("authorize_usage", {"organization": name, "meter": "tokens", "quantity": "3"})
    assert (allowed["allowed"], allowed["estimated_amount"]) == (True, "0.03")
    doors.post(f"/v1/organizations/{name}/credits/grants", {"name": "Welcome", "amount": "5"})
    balance = doors.invoke("credit_balance", {"organization": name})
    assert (balance["allocated"], balance["remaining"]) == ("5.00", "4.45")
    made = doors.invoke("create_api_key", {"name": "reader", "role": "read", "organization": name})
    session = doors.send("GET", "/v1/session", headers={"Authorization": f"Bearer {made['secret']}"})
    assert session.content["organization"] == name


def test_an_invocation_that_nobody_waited_for_and_that_failed_is_kept(doors: Doors) -> None:
    payload = {"lost": [event("kept", "nobody", 1)]}
    doors.invoke("ingest_events", payload, waits=False)
    kept = json.loads(doors.take("failed-invocations"))
    assert kept["requestPayload"] == payload


def test_the_schedules_roll_up_bill_and_settle(doors: Doors) -> None:
    name = organization(doors, "theta", "weekly", start=ago(days=15))
    doors.post("/v1/events", [event("first", name, 100, days=14), event("second", name, 200, days=2)])
    grant = {"name": "Trial", "amount": "1", "expires_at": ago(days=-1)}
    doors.post(f"/v1/organizations/{name}/credits/grants", grant)
    rules = {one["Name"]: one for one in doors.events.list_rules(NamePrefix=f"{STACK}-")["Rules"]}
    rates = {"rollup_usage": "rate(5 minutes)", "run_billing": "rate(1 hour)", "settle_credits": "rate(1 hour)"}
    assert {one["State"] for one in rules.values()} == {"ENABLED"}
    for job, rate in rates.items():
        rule = rules[f"{STACK}-{job}"]
        assert (rule["ScheduleExpression"], rule["State"]) == (rate, "ENABLED")
        fire(doors, rule["Name"], job)
    invoices = until(partial(finalized, doors, name))
    assert until(lambda: doors.get("/v1/health")["rollup"]["waiting"]["count"] == 0)
    assert {one["number"] is not None for one in invoices} == {True}
    assert doors.total(name) == "300"


def test_many_due_organizations_are_billed_by_functions_side_by_side(doors: Doors) -> None:
    names = [organization(doors, f"many-{number}", "weekly", start=ago(days=8)) for number in range(26)]
    doors.post("/v1/events", [event("e1", name, 100, days=7) for name in names])
    assert doors.invoke("run_billing", scheduled("run_billing"))["sent"] >= 26
    for name in names:
        (invoice,) = until(partial(finalized, doors, name))
        assert invoice["total"] == "1.00"


def test_a_shard_that_a_message_names_is_rolled_up(doors: Doors) -> None:
    name = organization(doors, "iota")
    doors.post("/v1/events", [event("e1", name, 100, hours=2)])
    behind = doors.get("/v1/health")["rollup"]["waiting"]["count"]
    message = json.dumps({"shard": shard_of(name)})
    doors.queues.send_message(QueueUrl=doors.queue_url("rollup-shards"), MessageBody=message)
    assert until(lambda: doors.get("/v1/health")["rollup"]["waiting"]["count"] < behind)
    assert doors.total(name) == "100"


def test_every_module_of_a_function_comes_from_its_zip(doors: Doors) -> None:
    files = doors.invoke(doors.probe("list_imported", role_of="api"), {})
    standard = sysconfig.get_path("stdlib")
    others = [name for name in files if not name.startswith(standard) or "site-packages" in name]
    (folder,) = {name.partition("/code/")[0] for name in others if "/code/" in name}
    assert [name for name in others if not name.startswith(folder)] == []
    packages = {name.partition("/code/")[2].partition("/")[0].partition(".")[0] for name in others}
    assert {"app", "chalicelib", "chalice", "pynamodb", "botocore", "pydantic", "pydantic_core"} <= packages


def test_a_function_is_refused_what_its_role_does_not_allow(doors: Doors) -> None:
    key = {"pk": {"S": "org#x"}, "sk": {"S": "profile"}}
    catalog, outbox = {"TableName": f"{STACK}-catalog"}, {"TableName": f"{STACK}-outbox"}
    shards, billing = (doors.queue_url(name) for name in ("rollup-shards", "billing"))
    calls = [
        ("dynamodb", "get_item", {**catalog, "Key": key}, "authorize_usage", "done"),
        ("dynamodb", "get_item", {**outbox, "Key": key}, "authorize_usage", REFUSED),
        ("dynamodb", "get_item", {"TableName": "meterfold-other-catalog", "Key": key}, "authorize_usage", REFUSED),
        ("dynamodb", "put_item", {**catalog, "Item": key}, "authorize_usage", REFUSED),
        ("dynamodb", "scan", catalog, "authorize_usage", REFUSED),
        ("dynamodb", "scan", catalog, "rollup_usage", REFUSED),
        ("dynamodb", "delete_table", catalog, "rollup_usage", REFUSED),
        ("sqs", "send_message", {"QueueUrl": shards, "MessageBody": '{"shard": 0}'}, "rollup_usage", "done"),
        ("sqs", "send_message", {"QueueUrl": billing, "MessageBody": "{}"}, "rollup_usage", "AccessDenied"),
    ]
    for role in ("authorize_usage", "rollup_usage"):
        mine = [one for one in calls if one[3] == role]
        told = doors.invoke(doors.probe("attempt", role_of=role), [one[:3] for one in mine])
        assert told == [one[4] for one in mine], role


def fire(doors: Doors, rule: str, job: str) -> None:
    """Do what the rule does when its time has come: invoke its target with a scheduled event, and wait for nothing."""
    (target,) = doors.events.list_targets_by_rule(Rule=rule)["Targets"]
    assert target["Arn"].endswith(f":function:{STACK}-{job}")
    doors.functions.invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=json.dumps(scheduled(rule)))


def scheduled(rule: str) -> dict[str, Any]:
    """Write the event of a schedule as EventBridge does."""
    named = {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}, "resources": [rule]}
    return {**named, "version": "0", "id": "1", "account": "0", "region": "us-east-1", "time": ago()}
