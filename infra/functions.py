"""The functions: how much memory and time each has, what its environment says, and what wakes it.

``chalice package`` knows the handlers, the schedules and the batch sizes, from ``app.py``; what it has no words for is
set here. Memory buys processor time: at 1769 MB a function has one whole processor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.names import Resource, Resources, arn_of, logical_id, name_of

API = "api"
LOGS_KEPT_DAYS = 30
FAILED_INVOCATIONS = "failed-invocations"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnceMore:
    """What becomes of an invocation that nobody waits for and that failed.

    ``dead_letters`` is the queue that keeps it, with its payload, when Lambda gives up.
    """

    retries: int
    longest_s: int
    dead_letters: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """The settings of one function; ``environment`` comes on top of what all functions have."""

    timeout_s: int
    memory_mb: int = 1024
    environment: Mapping[str, Any] = field(default_factory=dict)
    once_more: OnceMore | None = None


def _queue_url(queue: str) -> dict[str, Any]:
    return {"Ref": f"{logical_id(queue)}Queue"}


# By the names of app.py; the one that answers HTTP is ``api``.
FUNCTIONS: Mapping[str, Function] = {
    API: Function(
        # API Gateway waits 29 seconds.
        timeout_s=29,
        environment={
            "METERFOLD_SIGNING_SECRET": {"Ref": "SigningSecret"},
            "METERFOLD_FRAME_ANCESTORS": {"Ref": "FrameAncestors"},
            # Empty: links carry the address that the request was sent to. The function cannot name its own API, which
            # names the function; and API Gateway passes on no Host but those it serves.
            "METERFOLD_PUBLIC_URL": {"Ref": "PublicUrl"},
        },
    ),
    "create_api_key": Function(timeout_s=29),
    # Whoever does not wait for the answer loses no event: after three tries it is kept.
    "ingest_events": Function(
        timeout_s=60, once_more=OnceMore(retries=2, longest_s=6 * 3600, dead_letters=FAILED_INVOCATIONS)
    ),
    "credit_balance": Function(timeout_s=29),
    "authorize_usage": Function(timeout_s=29),
    "refold_usage": Function(timeout_s=60),
    "receive_events": Function(timeout_s=60),
    # A run that failed is made good by the next one, so it is not repeated when that is near.
    "rollup_usage": Function(
        timeout_s=290,
        memory_mb=1769,
        environment={"METERFOLD_ROLLUP_QUEUE_URL": _queue_url("rollup-shards")},
        once_more=OnceMore(retries=0, longest_s=240),
    ),
    "rollup_shards": Function(timeout_s=290, memory_mb=1769),
    "run_billing": Function(
        timeout_s=890,
        memory_mb=1769,
        environment={"METERFOLD_BILLING_QUEUE_URL": _queue_url("billing")},
        once_more=OnceMore(retries=1, longest_s=1800),
    ),
    "bill_organizations": Function(timeout_s=290, memory_mb=1769),
    "settle_credits": Function(timeout_s=890, memory_mb=1769, once_more=OnceMore(retries=1, longest_s=1800)),
}


def log_group_id(name: str) -> str:
    """Give the logical id of a function's log group."""
    return f"{logical_id(name)}Logs"


def role_id(name: str) -> str:
    """Give the logical id of a function's role."""
    return f"{logical_id(name)}Role"


def log_group_resources(stage: str) -> Resources:
    """Define a log group for each function, which Lambda would make without an end to what it keeps."""
    return {
        log_group_id(name): {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {
                "LogGroupName": f"/aws/lambda/{name_of(stage, name)}",
                "RetentionInDays": LOGS_KEPT_DAYS,
            },
        }
        for name in FUNCTIONS
    }


def function_resource(name: str, packaged: Mapping[str, Any], *, stage: str, architecture: str) -> Resource:
    """Finish a function that chalice packaged: its handler and runtime stay, everything else is ours."""
    function = FUNCTIONS[name]
    properties: dict[str, Any] = {
        "FunctionName": name_of(stage, name),
        "Runtime": packaged["Runtime"],
        "Handler": packaged["Handler"],
        "CodeUri": packaged["CodeUri"],
        "Architectures": [architecture],
        "MemorySize": function.memory_mb,
        "Timeout": function.timeout_s,
        "Tracing": "Active",
        "Role": arn_of(role_id(name)),
        "LoggingConfig": {"LogGroup": {"Ref": log_group_id(name)}},
        "Environment": {"Variables": {"METERFOLD_STAGE": stage, **function.environment}},
    }
    if function.once_more is not None:
        properties["EventInvokeConfig"] = _invoke_config(function.once_more)
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


def _invoke_config(once_more: OnceMore) -> dict[str, Any]:
    config: dict[str, Any] = {
        "MaximumRetryAttempts": once_more.retries,
        "MaximumEventAgeInSeconds": once_more.longest_s,
    }
    if once_more.dead_letters is not None:
        queue = arn_of(f"{logical_id(once_more.dead_letters)}Queue")
        config["DestinationConfig"] = {"OnFailure": {"Type": "SQS", "Destination": queue}}
    return config
