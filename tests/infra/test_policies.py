"""The policies: each function may do what it does, and nothing else.

Paths that between them call everything run here for every function, while answers of writes are lost and reads are
torn, so that what is called only then is seen too. What each called is compared with what its role allows. That no
other test calls more is seen by running it under ``allowed``: see ``tests/infra/called.py``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from chalice.test import TestEventsClient as Events

import app
from chalicelib.catalog.meters import Aggregation
from chalicelib.invoices import store as invoices_store
from chalicelib.platform import idempotency
from chalicelib.platform.settings import settings
from chalicelib.shared.errors import DomainError
from chalicelib.usage import counters_store
from infra.functions import FUNCTIONS, log_group_id, role_id
from infra.queues import QUEUES, queue_id
from infra.tables import table_id, table_names
from infra.template import merged_template
from tests.client import ApiClient
from tests.faults import billing
from tests.faults.paths import PATHS, UNKNOWN, Deed, Path, Refused, Served, Unavailable, plain, serve
from tests.faults.paths_billing import BILLING_PATHS
from tests.faults.tap import Call, Reply, Send
from tests.faults.world import ACME, NOON, World, beginning, event, fresh_process, go_back, open_world
from tests.fuzz.known import deployed
from tests.infra.called import Made, allowed, noting
from tests.infra.packaged import chalice_template
from tests.trust.test_isolation import ROUTES, send

RESOURCES: Mapping[str, Any] = merged_template(chalice_template(), stage=settings.stage)["Resources"]
# X-Ray has no resources; nothing else may be allowed everywhere.
EVERYWHERE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# What Lambda does in the name of a function: receive its messages, write its log, keep what it gave up.
OF_LAMBDA = {
    *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    *("logs:CreateLogStream", "logs:PutLogEvents"),
}
ITEMS = {"GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"}


class Mishaps:
    """Loses the first answer of each write, and gives counters back without their pages once.

    Nobody can tell then whether a write was carried out, and counters seem to have been written anew meanwhile.
    """

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, call: Call, send: Send) -> Reply:
        reply = send(call.request)
        asked = json.dumps([call.operation, call.request], sort_keys=True, default=str)
        if asked in self._seen:
            return reply
        self._seen.add(asked)
        if call.writes:
            raise ReadTimeoutError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com/")
        if call.operation == "Query" and "counters" in call.request["TableName"]:
            return {**reply, "Items": [one for one in reply["Items"] if one["sk"]["S"].count("#") < 2]}
        return reply


def torn_wallets(call: Call, send: Send) -> Reply:
    """Give wallets back without their balances, as if they did not add up."""
    reply = send(call.request)
    if call.operation != "BatchGetItem":
        return reply
    found = {
        table: [one for one in items if not one["sk"]["S"].startswith("wallet#")]
        for table, items in reply["Responses"].items()
    }
    return {**reply, "Responses": found}


def invoked(*functions: tuple[str, Any]) -> Deed:
    """Invoke functions, each in a process that remembers nothing, whatever becomes of the others."""

    def do(served: Served) -> None:
        for name, payload in functions:
            fresh_process()
            attempt(_invocation(name, payload), served)

    return do


def _invocation(name: str, payload: Any) -> Deed:
    return lambda served: served.api.invoke(name, payload)


def attempt(deed: Deed, served: Served) -> None:
    """Do something that may be refused: what was called until then counts."""
    try:
        deed(served)
    except (Refused, Unavailable, DomainError):
        return


def _scheduled(job: str) -> tuple[str, Any]:
    return job, Events(app.app).generate_cw_event("aws.events", "Scheduled Event", {}, [], "us-east-1")


def _message(function: str, *bodies: Any) -> tuple[str, Any]:
    return function, Events(app.app).generate_sqs_event([json.dumps(body) for body in bodies])


SCHEDULED = invoked(*map(_scheduled, ("rollup_usage", "run_billing", "settle_credits")))
QUEUED = invoked(
    _message("rollup_shards", *({"shard": shard} for shard in range(16))),
    _message("bill_organizations", {"organizations": [ACME]}),
)
DIRECT = invoked(
    ("create_api_key", {"name": "k", "role": "read", "organization": ACME}),
    ("credit_balance", {"organization": ACME}),
    ("authorize_usage", {"organization": ACME, "amount": "1"}),
    ("authorize_usage", {"organization": ACME, "meter": "sum", "quantity": "1"}),
    ("refold_usage", {"organization": ACME, "from": "2026-01-12", "to": "2026-01-15"}),
    ("refold_usage", {"organization": ACME, "from": "2024-11-02", "to": "2024-11-05"}),
)
UNHEARD_OF = invoked(
    ("ingest_events", {"events": plain(UNKNOWN)}),
    _message("receive_events", *plain(replace(UNKNOWN, organization="unknown-too"))),
)


def _fee_for_nothing(served: Served) -> None:
    """Let a week that was paid in advance end without anything more to bill."""
    billing.bill(served.world)
    billing.change(served.world, billing.SEATS)
    billing.cancel(served.world, at="period_end")
    billing.at(served.world, billing.MONDAY + timedelta(days=15))


USED = {
    **{name: PATHS[name] for name in ("counting past events", "events by the queue", "events by direct invocation")},
    "repeat what was done once": PATHS["repeat what was done once"],
    "events of an unknown organization": Path(
        prepare=PATHS["events of an unknown organization"].prepare, do=UNHEARD_OF
    ),
}
SOLD = {
    **{
        name: BILLING_PATHS[name]
        for name in (
            "settle a hold and a grant that waits",
            "sell once for credit",
            "roll up usage of a week that is due",
            "finalize by hand what several grants pay",
            "void an invoice with late usage",
            "void an invoice that gave credit back",
            "settle a grant that has ended",
        )
    },
    "a fee for nothing": Path(prepare=_fee_for_nothing, do=DIRECT),
}


def used(world: World) -> Served:
    """Serve a world with meters of three kinds and usage, some of it rolled up."""
    world.organization(ACME)
    for aggregation in (Aggregation.SUM, Aggregation.LATEST, Aggregation.TIME_WEIGHTED):
        world.meter(aggregation)
    world.count_past()
    world.received(event("ancient", NOON - timedelta(days=438), v=2), event("early", NOON.replace(hour=8), v=4))
    world.roll_up()
    world.received(event("late", NOON.replace(hour=11), v=16, model="b"))
    return serve(world)


def sold(world: World) -> Served:
    """Serve a world with a subscription whose last week is due."""
    billing.prepare(world)
    return serve(world)


def walk(served: Served, paths: Mapping[str, Path]) -> None:
    """Go the paths, and from where each begins let everything run that runs by itself or is asked directly."""
    begun = beginning(served.world)
    for path in paths.values():
        for deed in (path.do, SCHEDULED, QUEUED, DIRECT):
            for rule in (Mishaps(), torn_wallets):
                go_back(served.world, begun)
                path.prepare(served)
                with served.world.store.tap.under(rule):
                    attempt(deed, served)


def ask_every_route() -> None:
    """Ask every route for what is there, as an admin."""
    with deployed() as opened:
        admin = ApiClient(app.app, opened.admin)
        for route in ROUTES:
            if not route.startswith("DELETE"):
                send(admin, route, "other")
        admin.get("/v1/invoices")
        admin.post("/v1/events", plain(event("old", NOON - timedelta(days=438), v=1)), backfill="true")


@pytest.fixture(scope="module")
def made() -> Iterator[set[Made]]:
    """Let everything run, with pages and parts so small that all of them are used."""
    with pytest.MonkeyPatch.context() as patch, noting() as notes:
        patch.setattr(counters_store, "PAGE_BYTES", 20)
        patch.setattr(invoices_store, "PAGE_BYTES", 60)
        patch.setattr(idempotency, "_PART_BYTES", 60)
        for begin, paths in ((used, USED), (sold, SOLD)):
            with open_world() as world:
                walk(begin(world), paths)
        ask_every_route()
        yield notes.made


def statements(function: str) -> list[dict[str, Any]]:
    (policy,) = RESOURCES[role_id(function)]["Properties"]["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def about(statement: Mapping[str, Any]) -> str:
    """Write what a statement is about: a logical id, with the index where there is one, or what stands there."""
    resource = statement["Resource"]
    if isinstance(resource, str):
        return resource
    assert list(resource) in (["Fn::Sub"], ["Fn::GetAtt"])
    if "Fn::GetAtt" in resource:
        name, attribute = resource["Fn::GetAtt"]
        assert attribute == "Arn"
        return str(name)
    return re.sub(r"^\$\{(\w+)\.Arn\}", r"\1", resource["Fn::Sub"])


def granted() -> set[Made]:
    """Read from the roles what every function may do to tables and indexes."""
    stored = {table_id(name): name for name in table_names()}
    found = set()
    for function in FUNCTIONS:
        for statement in statements(function):
            table, _, index = about(statement).partition("/index/")
            if table in stored:
                place = f"{stored[table]}/{index}" if index else stored[table]
                found |= {Made(function, place, action) for action in statement["Action"]}
    return found


def test_no_function_calls_what_it_may_not(made: set[Made]) -> None:
    assert sorted(made - granted()) == []


def test_no_function_may_do_what_it_does_not(made: set[Made]) -> None:
    assert sorted(granted() - made) == []


def test_the_table_of_rights_is_what_the_roles_say() -> None:
    assert granted() == allowed()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_names_calls_on_items_and_only_things_of_its_stage(function: str) -> None:
    for statement in statements(function):
        assert set(statement) == {"Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        for action in statement["Action"]:
            assert "*" not in action
            service, _, call = action.partition(":")
            assert service in {"dynamodb", "sqs", "logs", "xray"}
            assert service != "dynamodb" or call in {*ITEMS, "BatchWriteItem"}, "no scan and no administration"
        resource = about(statement)
        if "*" in resource:
            assert (resource, set(statement["Action"])) == ("*", EVERYWHERE)
        else:
            assert resource.partition("/")[0] in RESOURCES


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_reaches_only_its_own_queues_and_its_own_log(function: str) -> None:
    reached = {about(one): set(one["Action"]) for one in statements(function) if one["Action"][0][:3] != "dyn"}
    assert reached.pop("*") == EVERYWHERE
    assert reached.pop(log_group_id(function)) == {"logs:CreateLogStream", "logs:PutLogEvents"}
    for name, queue in QUEUES.items():
        if queue.receiver == function:
            assert reached.pop(queue_id(name)) == {one for one in OF_LAMBDA if one.startswith("sqs")}
    sent_to = {value["Ref"] for key, value in FUNCTIONS[function].environment.items() if key.endswith("QUEUE_URL")}
    once_more = FUNCTIONS[function].once_more
    if once_more is not None and once_more.dead_letters is not None:
        sent_to.add(queue_id(once_more.dead_letters))
    assert reached == {name: {"sqs:SendMessage"} for name in sent_to}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_is_taken_on_by_lambda_alone(function: str) -> None:
    (statement,) = RESOURCES[role_id(function)]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }


def test_only_the_roles_of_functions_and_the_rule_of_the_bus_have_rights() -> None:
    kinds = {name for name, one in RESOURCES.items() if one["Type"].startswith("AWS::IAM")}
    assert kinds == {role_id(function) for function in FUNCTIONS}
