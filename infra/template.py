"""The template: what ``chalice package`` writes, merged with all that it has no words for.

Whatever both say, ours replaces whole: two intrinsics merged into each other would leave both. A resource of chalice's
that is not named here is an error, so a new kind of event source cannot slip by without its queue and its policy.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from infra import awake
from infra.dashboard import dashboard_resources
from infra.functions import API, FAILED_INVOCATIONS, FUNCTIONS, function_resource, log_group_resources
from infra.gateway import api_resource
from infra.names import Resource, Resources, arn_of, logical_id, name_of
from infra.policies import role_resources
from infra.queues import QUEUES, bus_resources, event_source, queue_id, queue_resources
from infra.tables import table_id, table_names, table_resources
from infra.watching import CONDITIONS, watching_resources
from infra.watching import PARAMETERS as OF_WATCHING

__all__ = ["ARCHITECTURES", "PARAMETERS", "function_ids", "merged_template", "with_code"]

ARCHITECTURES = ("arm64", "x86_64")
_API_ID = "RestAPI"
# Chalice's one role for all functions; each has its own.
_LEFT_OUT = {"DefaultRole"}

PARAMETERS: Mapping[str, Any] = {
    "SigningSecret": {
        "Type": "String",
        "NoEcho": True,
        "MinLength": 32,
        "Description": "Seals cursors and portal links; at least 32 characters, kept from one deployment to the next.",
    },
    "PublicUrl": {
        "Type": "String",
        "Default": "",
        "Description": "Address in links, where it is not the one that a request was sent to, such as of a proxy.",
    },
    "FrameAncestors": {
        "Type": "String",
        "Default": "'self'",
        "Description": "Which pages may embed the console, as the directive frame-ancestors of a policy has it.",
    },
    "EventBusName": {
        "Type": "String",
        "Default": "default",
        "Description": "The event bus whose events of the detail-type usage are counted. Two stages need two.",
    },
    **awake.PARAMETERS,
    **OF_WATCHING,
}


def merged_template(chalice_template: Mapping[str, Any], *, stage: str, architecture: str = "arm64") -> dict[str, Any]:
    """Merge the SAM template of ``chalice package`` with our resources, for one stage.

    ``architecture`` is that of the bundle: ``arm64`` or ``x86_64``.
    """
    assert architecture in ARCHITECTURES, f"Lambda has {' and '.join(ARCHITECTURES)}, not {architecture}"
    packaged = chalice_template["Resources"]
    resources = {name: _merged(one, stage, architecture) for name, one in packaged.items() if name not in _LEFT_OUT}
    names = function_ids(chalice_template)
    assert set(names) == set(FUNCTIONS), "app.py and infra/functions.py name other functions"
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": chalice_template["Transform"],
        "Description": f"Meterfold, stage {stage}: usage billing that is empty when idle.",
        "Parameters": dict(PARAMETERS),
        "Conditions": {**awake.CONDITIONS, **CONDITIONS},
        "Resources": {
            **resources,
            **_without_clash(
                resources,
                table_resources(stage),
                queue_resources(stage),
                bus_resources(stage),
                log_group_resources(stage),
                role_resources(),
                watching_resources(stage),
                dashboard_resources(stage),
            ),
        },
        "Outputs": _outputs(names, resources),
    }


def with_code(template: Mapping[str, Any], code: Mapping[str, str] | str) -> dict[str, Any]:
    """Let every function of a template take its code from a file, or from ``{"Bucket": …, "Key": …}``."""
    return {
        **template,
        "Resources": {
            name: {**one, "Properties": {**one["Properties"], "CodeUri": code if isinstance(code, str) else dict(code)}}
            if one["Type"] == "AWS::Serverless::Function"
            else one
            for name, one in template["Resources"].items()
        },
    }


def function_ids(template: Mapping[str, Any]) -> dict[str, str]:
    """Find the logical id of each function of a template, by the function's name."""
    return {
        _function_name(one): name
        for name, one in template["Resources"].items()
        if one["Type"] == "AWS::Serverless::Function"
    }


def _function_name(function: Resource) -> str:
    """Name a function: ``app.ingest_events`` is ``ingest_events``, and ``app.app`` answers HTTP."""
    name = str(function["Properties"]["Handler"]).removeprefix("app.")
    return API if name == "app" else name


def _merged(packaged: Resource, stage: str, architecture: str) -> Resource:
    kind, properties = packaged["Type"], packaged["Properties"]
    if kind == "AWS::Serverless::Api":
        return api_resource(properties, stage)
    if kind == "AWS::Lambda::Permission":
        return dict(packaged)
    assert kind == "AWS::Serverless::Function", f"nobody has said what becomes of a {kind}"
    name = _function_name(packaged)
    function = function_resource(name, properties, stage=stage, architecture=architecture)
    if "Events" in properties:
        sources = properties["Events"].items()
        function["Properties"]["Events"] = {place: _source(one, stage, name) for place, one in sources}
    return function


def _source(packaged: Resource, stage: str, function: str) -> dict[str, Any]:
    kind, properties = packaged["Type"], packaged["Properties"]
    if kind == "SQS":
        return event_source(_queue_of(function), properties)
    assert kind == "Schedule", f"nobody has said how a {kind} wakes a function"
    once_more = FUNCTIONS[function].once_more
    assert once_more is not None, f"{function} is woken by a schedule: say what becomes of a run that failed"
    return {
        "Type": "Schedule",
        "Properties": {
            "Name": name_of(stage, function),
            "Schedule": properties["Schedule"],
            "State": dict(awake.STATE),
            "RetryPolicy": {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": once_more.longest_s},
        },
    }


def _queue_of(function: str) -> str:
    return next(name for name, queue in QUEUES.items() if queue.receiver == function)


def _without_clash(packaged: Resources, *ours: Resources) -> Resources:
    found: Resources = {}
    for part in ours:
        taken = (found.keys() | packaged.keys()) & part.keys()
        assert not taken, f"defined twice: {', '.join(sorted(taken))}"
        found |= part
    return found


def _outputs(functions: Mapping[str, str], resources: Resources) -> dict[str, Any]:
    stage_name = next(one["Properties"]["StageName"] for name, one in resources.items() if name == _API_ID)
    host = f"https://${{{_API_ID}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{stage_name}"
    shown: dict[str, Any] = {
        "ApiId": {"Ref": _API_ID},
        "Url": {"Fn::Sub": host},
        "ConsoleUrl": {"Fn::Sub": f"{host}/console"},
        **{f"{logical_id(name)}Function": arn_of(functions[name]) for name in functions},
        **{f"{queue_id(name)}Url": {"Ref": queue_id(name)} for name in _queue_names()},
        **{f"{table_id(name)}Name": {"Ref": table_id(name)} for name in table_names()},
    }
    return {name: {"Value": value} for name, value in shown.items()}


def _queue_names() -> Iterable[str]:
    return [*QUEUES, FAILED_INVOCATIONS]
