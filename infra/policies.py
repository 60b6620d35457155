"""What each function may do: a role of its own, with the calls that it makes and no other.

The table below is the policy. Nothing in it reads a whole table, changes or deletes one, or names a thing of another
stage. The calls inside a transaction are allowed one by one, as AWS asks for. ``tests/infra/test_policies.py`` runs
every function, and compares what it called with what it may.
"""

from collections.abc import Mapping
from typing import Any

from infra.functions import FUNCTIONS, log_group_id, role_id
from infra.names import Resources, arn_of
from infra.queues import QUEUES, queue_id
from infra.tables import table_id

# Function, table or index, calls.
TABLES: Mapping[str, Mapping[str, str]] = {
    "api": {
        "catalog": "GetItem BatchGetItem Query PutItem DeleteItem ConditionCheckItem",
        "catalog/list": "Query",
        "catalog/due": "Query",
        "credits": "GetItem BatchGetItem Query PutItem ConditionCheckItem",
        "credits/due": "Query",
        "invoices": "GetItem BatchGetItem Query PutItem UpdateItem ConditionCheckItem BatchWriteItem",
        "invoices/by_status": "Query",
        "outbox": "GetItem BatchGetItem PutItem",
        "usage-counters": "GetItem BatchGetItem Query",
        "usage-events": "Query BatchWriteItem",
    },
    "create_api_key": {"catalog": "GetItem BatchGetItem PutItem"},
    "ingest_events": {
        "catalog": "GetItem BatchGetItem Query PutItem",
        "usage-events": "BatchWriteItem",
    },
    "receive_events": {
        "catalog": "GetItem BatchGetItem Query PutItem",
        "usage-events": "BatchWriteItem",
    },
    "credit_balance": {
        "catalog": "GetItem BatchGetItem Query",
        "credits": "GetItem BatchGetItem Query",
        "invoices": "BatchGetItem Query",
        "usage-counters": "GetItem Query",
        "usage-events": "Query",
    },
    "authorize_usage": {
        "catalog": "GetItem BatchGetItem Query",
        "credits": "GetItem BatchGetItem Query",
        "invoices": "BatchGetItem",
        "usage-counters": "GetItem Query",
        "usage-events": "Query",
    },
    "refold_usage": {
        "catalog": "BatchGetItem",
        "usage-counters": "BatchGetItem",
        "usage-events": "Query BatchWriteItem",
    },
    "rollup_usage": {
        "catalog": "GetItem BatchGetItem Query PutItem UpdateItem DeleteItem",
        "usage-counters": "GetItem Query PutItem BatchWriteItem",
        "usage-events": "GetItem Query DeleteItem",
    },
    "rollup_shards": {
        "catalog": "GetItem BatchGetItem Query UpdateItem",
        "usage-counters": "GetItem Query PutItem BatchWriteItem",
        "usage-events": "GetItem Query DeleteItem",
    },
    "run_billing": {
        "catalog": "GetItem BatchGetItem Query PutItem",
        "catalog/due": "Query",
        "credits": "GetItem BatchGetItem Query PutItem ConditionCheckItem",
        "invoices": "GetItem BatchGetItem PutItem UpdateItem ConditionCheckItem BatchWriteItem",
        "invoices/due": "Query",
        "outbox": "PutItem",
        "usage-counters": "GetItem Query",
        "usage-events": "Query",
    },
    "bill_organizations": {
        "catalog": "GetItem BatchGetItem Query PutItem",
        "credits": "GetItem BatchGetItem Query PutItem ConditionCheckItem",
        "invoices": "BatchGetItem PutItem ConditionCheckItem BatchWriteItem",
        "outbox": "PutItem",
        "usage-counters": "GetItem Query",
        "usage-events": "Query",
    },
    "settle_credits": {
        "catalog": "GetItem BatchGetItem Query ConditionCheckItem",
        "credits": "GetItem BatchGetItem Query PutItem",
        "credits/due": "Query",
        "invoices": "BatchGetItem",
        "usage-events": "Query",
    },
}

# The queues a function sends to.
SENDS_TO: Mapping[str, str] = {"rollup_usage": "rollup-shards", "run_billing": "billing"}

_RECEIVE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_SEND = ("sqs:SendMessage",)
_WRITE_LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")
# X-Ray knows no resources: AWS takes nothing but "*" here.
_TRACE = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")


def role_resources() -> Resources:
    """Define a role for each function, which only Lambda takes on."""
    return {role_id(name): _role(name) for name in FUNCTIONS}


def _role(function: str) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            },
            "Policies": [
                {
                    "PolicyName": function,
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": _statements(function)},
                }
            ],
        },
    }


def _statements(function: str) -> list[dict[str, Any]]:
    found = [
        _allow([f"dynamodb:{call}" for call in calls.split()], _stored(place))
        for place, calls in TABLES[function].items()
    ]
    found += [_allow(_RECEIVE, arn_of(queue_id(name))) for name, one in QUEUES.items() if one.receiver == function]
    if function in SENDS_TO:
        found.append(_allow(_SEND, arn_of(queue_id(SENDS_TO[function]))))
    once_more = FUNCTIONS[function].once_more
    if once_more is not None and once_more.dead_letters is not None:
        # Lambda sends what failed, as the function.
        found.append(_allow(_SEND, arn_of(queue_id(once_more.dead_letters))))
    return [*found, _allow(_WRITE_LOGS, arn_of(log_group_id(function))), _allow(_TRACE, "*")]


def _stored(place: str) -> dict[str, Any]:
    """Refer to a table, or to an index of it, which is a resource of its own."""
    table, _, index = place.partition("/")
    return {"Fn::Sub": f"${{{table_id(table)}.Arn}}/index/{index}"} if index else arn_of(table_id(table))


def _allow(actions: list[str] | tuple[str, ...], resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}
