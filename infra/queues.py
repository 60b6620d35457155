"""The queues with their dead letters, what receives from each, and the rule that puts the bus's events into one.

A message is invisible six times as long as its function may run, and as a batch may be waited for, as Lambda asks for:
a batch that is throttled is tried again before others see it. Dead letters are kept longer than any queue keeps a
message, because they keep the age that they came with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.usage.envelope import BUS_DETAIL_TYPE
from infra import awake
from infra.functions import FAILED_INVOCATIONS, FUNCTIONS
from infra.names import Resource, Resources, arn_of, logical_id, name_of

_DAY_S = 86_400
_LONGEST_WINDOW_S = 10
DEAD_LETTERS_KEPT_S = 14 * _DAY_S
USAGE_EVENTS = "usage-events"
_RULE = "UsageRule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue and how its function receives from it.

    ``tries`` is how often a message is received before it is a dead letter. ``at_once`` is how many batches are worked
    on side by side, ``None`` where there are never many: to keep to it Lambda polls with five instead of two, all day.
    ``reports_failures``: the function names the messages of a batch that failed, and only they come again; a function
    that raises instead must take one message at a time.
    """

    receiver: str
    kept_s: int
    tries: int
    at_once: int | None
    reports_failures: bool = False


QUEUES: Mapping[str, Queue] = {
    USAGE_EVENTS: Queue(receiver="receive_events", kept_s=7 * _DAY_S, tries=5, at_once=10, reports_failures=True),
    # What is older than a day has been done by the schedules meanwhile. There are sixteen shards.
    "rollup-shards": Queue(receiver="rollup_shards", kept_s=_DAY_S, tries=3, at_once=None),
    "billing": Queue(receiver="bill_organizations", kept_s=_DAY_S, tries=3, at_once=16),
}


def queue_id(queue: str) -> str:
    """Give the logical id of a queue."""
    return f"{logical_id(queue)}Queue"


def dead_letters_id(queue: str) -> str:
    """Give the logical id of the dead letters of a queue."""
    return f"{logical_id(queue)}DeadLetters"


def dead_letters_of(queue: str) -> str:
    """Name the queue of the dead letters of a queue."""
    return f"{queue}-dead-letters"


def queue_resources(stage: str) -> Resources:
    """Define every queue of a stage with its dead letters, and the queue of invocations that failed."""
    found: Resources = {queue_id(FAILED_INVOCATIONS): _dead_letters(stage, FAILED_INVOCATIONS)}
    for name, queue in QUEUES.items():
        found[dead_letters_id(name)] = _dead_letters(stage, dead_letters_of(name))
        found[queue_id(name)] = {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": name_of(stage, name),
                "SqsManagedSseEnabled": True,
                "VisibilityTimeout": 6 * FUNCTIONS[queue.receiver].timeout_s + _LONGEST_WINDOW_S,
                "MessageRetentionPeriod": queue.kept_s,
                "RedrivePolicy": {
                    "deadLetterTargetArn": arn_of(dead_letters_id(name)),
                    "maxReceiveCount": queue.tries,
                },
            },
        }
    return {name: {**one, "DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"} for name, one in found.items()}


def _dead_letters(stage: str, name: str) -> Resource:
    return {
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "QueueName": name_of(stage, name),
            "SqsManagedSseEnabled": True,
            "MessageRetentionPeriod": DEAD_LETTERS_KEPT_S,
        },
    }


def event_source(queue: str, packaged: Mapping[str, Any]) -> dict[str, Any]:
    """Finish the event source that chalice packaged: its batch stays, the queue becomes ours."""
    own = QUEUES[queue]
    properties: dict[str, Any] = {
        "Queue": arn_of(queue_id(queue)),
        "BatchSize": packaged["BatchSize"],
    }
    if own.at_once is not None:
        properties["ScalingConfig"] = {"MaximumConcurrency": own.at_once}
    window_s = packaged["MaximumBatchingWindowInSeconds"]
    assert window_s <= _LONGEST_WINDOW_S, f"{queue}: messages would be seen again while a batch of them is gathered"
    if window_s:
        properties["MaximumBatchingWindowInSeconds"] = window_s
    if own.reports_failures:
        properties["FunctionResponseTypes"] = ["ReportBatchItemFailures"]
    return {"Type": "SQS", "Properties": properties}


def bus_resources(stage: str) -> Resources:
    """Define the rule that sends what the event bus carries as ``usage`` to the queue, and let it.

    What EventBridge cannot send for a day becomes a dead letter too.
    """
    return {
        _RULE: {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Name": name_of(stage, "usage"),
                "Description": "Usage events of the bus, to the queue that stores them.",
                "EventBusName": {"Ref": "EventBusName"},
                "EventPattern": {"detail-type": [BUS_DETAIL_TYPE]},
                "State": dict(awake.STATE),
                "Targets": [
                    {
                        "Id": USAGE_EVENTS,
                        "Arn": arn_of(queue_id(USAGE_EVENTS)),
                        "InputPath": "$.detail",
                        "DeadLetterConfig": {"Arn": arn_of(dead_letters_id(USAGE_EVENTS))},
                    }
                ],
            },
        },
        **_let_rule_send("UsageRulePolicy", queue_id(USAGE_EVENTS)),
        **_let_rule_send("UsageRuleDeadLettersPolicy", dead_letters_id(USAGE_EVENTS)),
    }


def _let_rule_send(policy: str, queue: str) -> Resources:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn_of(queue),
        "Condition": {"ArnEquals": {"aws:SourceArn": arn_of(_RULE)}},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {
        policy: {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": queue}], "PolicyDocument": document},
        }
    }
