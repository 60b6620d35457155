"""The merged template: what chalice packaged, with everything that it has no words for, and nothing that costs idle."""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint

import app
from chalicelib.platform.answers import BINARY_TYPES
from chalicelib.platform.settings import read_settings
from chalicelib.platform.tables import table_definitions, ttl_attributes
from infra.functions import API, FUNCTIONS, log_group_id
from infra.names import name_of
from infra.policies import TABLES
from infra.queues import DEAD_LETTERS_KEPT_S, QUEUES, dead_letters_id, queue_id
from infra.tables import table_id, table_names
from infra.template import function_ids, merged_template, with_code
from tests.house.sources import text_of
from tests.infra.packaged import ROOT, chalice_template

STAGE = "demo"
TEMPLATE: Mapping[str, Any] = merged_template(chalice_template(), stage=STAGE)
RESOURCES: Mapping[str, Any] = TEMPLATE["Resources"]
IDS = function_ids(TEMPLATE)

# Every kind of resource there is, and what it costs while nothing happens.
FREE_WHEN_IDLE = {
    # By request and by the time that one takes; a version's code up to 75 GB is free.
    "AWS::Serverless::Function",
    "AWS::Lambda::Permission",
    # By request.
    "AWS::Serverless::Api",
    # On demand: by unit read or written; the bytes that lie there, and once more for recovery.
    "AWS::DynamoDB::Table",
    # By request; Lambda's polling of an empty queue is 0.10 to 0.26 dollars a month.
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    # By event put on the bus by its owner; rules and schedules are free.
    "AWS::Events::Rule",
    # By the bytes written.
    "AWS::Logs::LogGroup",
    "AWS::IAM::Role",
    # The first three of an account; alarms cost ten cents a month for each metric, so a parameter leaves them out.
    "AWS::CloudWatch::Dashboard",
    "AWS::CloudWatch::Alarm",
    "AWS::XRay::SamplingRule",
}
FIXED_CAPACITY = re.compile(
    r"Provisioned|Reserved|WarmThroughput|OnDemandThroughput|Vpc|Subnet|SecurityGroup|CacheCluster|KeepAlive|SnapStart"
)


def walk(node: Any) -> Iterator[dict[str, Any]]:
    """Give every object of a template."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(child)


def of_kind(kind: str) -> dict[str, Any]:
    return {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == kind}


def function(name: str) -> dict[str, Any]:
    found: dict[str, Any] = RESOURCES[IDS[name]]["Properties"]
    return found


def faults_of(template: Mapping[str, Any]) -> list[str]:
    found = lint(json.dumps(template), config=ManualArgs(regions=["us-east-1"]))
    return [f"{one.rule.id} {one.message} at {'/'.join(map(str, one.path or []))}" for one in found]


def test_cfn_lint_finds_nothing_in_the_template_nor_in_what_sam_makes_of_it() -> None:
    assert faults_of(TEMPLATE) == []
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": "long"}}
    assert faults_of({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Queue": queue}})


def test_every_kind_of_resource_is_free_while_nothing_happens() -> None:
    assert {one["Type"] for one in RESOURCES.values()} <= FREE_WHEN_IDLE
    fixed = {key for node in walk(TEMPLATE) for key in node if FIXED_CAPACITY.search(key)}
    assert fixed == set()
    assert {one["Condition"] for one in RESOURCES.values() if one["Type"] == "AWS::CloudWatch::Alarm"} == {"AlarmsOn"}
    assert {one["BillingMode"] for one in of_kind("AWS::DynamoDB::Table").values()} == {"PAY_PER_REQUEST"}


def test_an_intrinsic_stands_alone() -> None:
    intrinsics = [node for node in walk(TEMPLATE) if any(key == "Ref" or key.startswith("Fn::") for key in node)]
    assert len(intrinsics) > 100
    assert [node for node in intrinsics if len(node) != 1] == []


def test_whatever_is_referred_to_is_there() -> None:
    known = {*RESOURCES, *TEMPLATE["Parameters"], "RestAPIId"}
    named = {str(node["Ref"]) for node in walk(TEMPLATE) if "Ref" in node}
    named |= {node["Fn::GetAtt"][0] for node in walk(TEMPLATE) if "Fn::GetAtt" in node}
    written = " ".join(json.dumps(node["Fn::Sub"]) for node in walk(TEMPLATE) if "Fn::Sub" in node)
    named |= set(re.findall(r"\$\{(\w+)[.}]", written))
    assert {name for name in named if not name.startswith("AWS::")} <= known


def test_merging_changes_nothing_that_it_was_given_and_gives_the_same_again() -> None:
    packaged = chalice_template()
    kept = copy.deepcopy(packaged)
    assert merged_template(packaged, stage=STAGE) == TEMPLATE
    assert packaged == kept


def test_what_nobody_has_spoken_of_is_refused() -> None:
    packaged = chalice_template()
    packaged["Resources"]["Topic"] = {"Type": "AWS::SNS::Topic", "Properties": {}}
    with pytest.raises(AssertionError, match="AWS::SNS::Topic"):
        merged_template(packaged, stage=STAGE)
    packaged = chalice_template()
    packaged["Resources"]["IngestEvents"]["Properties"]["Handler"] = "app.unheard_of"
    with pytest.raises(KeyError, match="unheard_of"):
        merged_template(packaged, stage=STAGE)


def physical_names(stage: str) -> set[str]:
    template = merged_template(chalice_template(), stage=stage)
    named = re.compile(r"(Function|Table|Queue|LogGroup|Alarm|Dashboard|)Name")
    return {
        value
        for one in template["Resources"].values()
        for node in [one["Properties"], *walk(one["Properties"].get("Events", {}))]
        for key, value in node.items()
        if named.fullmatch(key) and isinstance(value, str)
    }


def test_stages_side_by_side_share_no_name() -> None:
    one, other = physical_names("one"), physical_names("other")
    assert len(one) > 30
    assert not one & other
    assert {name for name in one if "meterfold-one-" not in name} == set()


def test_the_template_fits_where_cloudformation_reads_it() -> None:
    assert len(json.dumps(TEMPLATE)) < 1_000_000
    assert len(RESOURCES) < 500
    assert len(TEMPLATE["Outputs"]) < 200


def test_every_table_that_a_function_may_use_is_there_in_a_process_that_has_imported_nothing() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "from infra.tables import table_names; print(*table_names())"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(told.stdout.split()) == {place.partition("/")[0] for one in TABLES.values() for place in one}


@pytest.mark.parametrize("table", table_names())
def test_a_table_is_what_the_models_say_and_safe(table: str) -> None:
    resource = RESOURCES[table_id(table)]
    properties = resource["Properties"]
    (definition,) = [one for one in table_definitions() if one["TableName"].endswith(f"test-{table}")]
    assert {name: properties[name] for name in definition} == {**definition, "TableName": name_of(STAGE, table)}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["DeletionProtectionEnabled"] is True
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
    expiring = ttl_attributes().get(definition["TableName"])
    expiry = None if expiring is None else {"AttributeName": expiring, "Enabled": True}
    assert properties.get("TimeToLiveSpecification") == expiry


def test_the_tables_that_expire_are_the_ones_that_must() -> None:
    expiring = [name for name, one in of_kind("AWS::DynamoDB::Table").items() if "TimeToLiveSpecification" in one]
    assert sorted(expiring) == ["OutboxTable", "UsageEventsTable"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_lambda_finds_the_function_of_every_handler(name: str) -> None:
    module, _, attribute = function(name)["Handler"].partition(".")
    assert module == app.__name__
    assert callable(getattr(app, attribute))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_its_name_its_role_and_a_log_that_ends(name: str) -> None:
    properties = function(name)
    assert properties["FunctionName"] == name_of(STAGE, name)
    assert properties["Role"] == {"Fn::GetAtt": [f"{''.join(map(str.capitalize, name.split('_')))}Role", "Arn"]}
    assert properties["Tracing"] == "Active"
    assert properties["Architectures"] == ["arm64"]
    assert properties["LoggingConfig"] == {"LogGroup": {"Ref": log_group_id(name)}}
    log = RESOURCES[log_group_id(name)]
    assert log["Properties"]["LogGroupName"] == f"/aws/lambda/{name_of(STAGE, name)}"
    assert (log["Properties"]["RetentionInDays"], log["DeletionPolicy"]) == (30, "Delete")


def test_the_environment_says_all_that_the_settings_read_and_each_only_where_it_is_needed() -> None:
    read: set[str] = set()

    class Recorded(dict[str, str]):
        def get(self, key: str, default: Any = None) -> Any:
            read.add(key)
            return default

    read_settings(Recorded())
    environments = {name: function(name)["Environment"]["Variables"] for name in FUNCTIONS}
    ours = {name for name in read if name.startswith("METERFOLD_")}
    assert {key for one in environments.values() for key in one} == ours - {"METERFOLD_LOG_LEVEL"}
    assert {one["METERFOLD_STAGE"] for one in environments.values()} == {STAGE}
    holders = {
        key: sorted(name for name, one in environments.items() if key in one) for key in ours - {"METERFOLD_STAGE"}
    }
    assert holders == {
        "METERFOLD_LOG_LEVEL": [],
        "METERFOLD_SIGNING_SECRET": [API],
        "METERFOLD_PUBLIC_URL": [API],
        "METERFOLD_FRAME_ANCESTORS": [API],
        "METERFOLD_ROLLUP_QUEUE_URL": ["rollup_usage"],
        "METERFOLD_BILLING_QUEUE_URL": ["run_billing"],
    }


def test_the_secret_is_a_parameter_that_nobody_reads_back() -> None:
    secret = TEMPLATE["Parameters"]["SigningSecret"]
    assert (secret["NoEcho"], secret["MinLength"]) == (True, 32)
    assert "Default" not in secret


AWAKE_OR_NOT = {"Fn::If": ["Awake", "ENABLED", "DISABLED"]}


def test_a_copy_of_a_stage_can_be_made_that_does_nothing_by_itself() -> None:
    assert TEMPLATE["Parameters"]["Schedules"]["Default"] == "on"
    assert TEMPLATE["Conditions"]["Awake"] == {"Fn::Equals": [{"Ref": "Schedules"}, "on"]}
    assert RESOURCES["UsageRule"]["Properties"]["State"] == AWAKE_OR_NOT


def test_the_runbook_tells_every_parameter_and_its_default() -> None:
    page = text_of("docs/runbook/deploy-and-upgrade.md") or ""
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    assert rows.keys() == TEMPLATE["Parameters"].keys()
    for name, parameter in TEMPLATE["Parameters"].items():
        default = parameter.get("Default")
        assert not default or rows[name] == f"`{default}`", name


def test_schedules_wake_what_they_must_and_no_run_is_repeated_into_the_next() -> None:
    rates = {}
    for name in FUNCTIONS:
        for source in function(name).get("Events", {}).values():
            if source["Type"] == "Schedule":
                rates[name] = source["Properties"]["Schedule"]
                assert source["Properties"]["Name"] == name_of(STAGE, name)
                assert source["Properties"]["State"] == AWAKE_OR_NOT
    assert rates == {"rollup_usage": "rate(5 minutes)", "run_billing": "rate(1 hour)", "settle_credits": "rate(1 hour)"}
    for name, rate in rates.items():
        longest_s = function(name)["EventInvokeConfig"]["MaximumEventAgeInSeconds"]
        assert longest_s < {"rate(5 minutes)": 300, "rate(1 hour)": 3600}[rate]
        assert function(name)["Timeout"] < {"rate(5 minutes)": 300, "rate(1 hour)": 3600}[rate]


def test_events_that_nobody_waits_for_are_kept_when_they_cannot_be_stored() -> None:
    config = function("ingest_events")["EventInvokeConfig"]
    destination = {"Type": "SQS", "Destination": {"Fn::GetAtt": ["FailedInvocationsQueue", "Arn"]}}
    assert config["DestinationConfig"] == {"OnFailure": destination}
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (2, 21_600)


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_gives_its_function_time_and_keeps_what_fails(name: str) -> None:
    own, queue = QUEUES[name], RESOURCES[queue_id(name)]["Properties"]
    (source,) = function(own.receiver)["Events"].values()
    properties = source["Properties"]
    assert source["Type"] == "SQS"
    assert properties["Queue"] == {"Fn::GetAtt": [queue_id(name), "Arn"]}
    window_s = properties.get("MaximumBatchingWindowInSeconds", 0)
    assert 6 * function(own.receiver)["Timeout"] + window_s <= queue["VisibilityTimeout"] <= 43_200
    # A flood of messages must leave other functions their share; of shards there are sixteen.
    assert ("ScalingConfig" in properties) == (name != "rollup-shards")
    assert 2 <= properties.get("ScalingConfig", {}).get("MaximumConcurrency", 2) <= 100
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": [dead_letters_id(name), "Arn"]}
    dead = RESOURCES[dead_letters_id(name)]["Properties"]
    assert queue["MessageRetentionPeriod"] < dead["MessageRetentionPeriod"] == DEAD_LETTERS_KEPT_S == 14 * 86_400
    reports = properties.get("FunctionResponseTypes") == ["ReportBatchItemFailures"]
    # Who does not tell which messages failed has all of a batch come again.
    assert reports == (own.receiver == "receive_events")
    assert reports or properties["BatchSize"] == 1


def test_every_queue_is_encrypted_by_sqs_itself() -> None:
    assert {one["SqsManagedSseEnabled"] for one in of_kind("AWS::SQS::Queue").values()} == {True}


def test_the_bus_sends_usage_to_the_queue_and_alone_may() -> None:
    (rule,) = of_kind("AWS::Events::Rule").values()
    assert rule["EventPattern"] == {"detail-type": ["usage"]}
    (target,) = rule["Targets"]
    assert (target["Arn"], target["InputPath"]) == ({"Fn::GetAtt": ["UsageEventsQueue", "Arn"]}, "$.detail")
    policies = of_kind("AWS::SQS::QueuePolicy").values()
    assert sorted(str(one["Queues"]) for one in policies) == [
        "[{'Ref': 'UsageEventsDeadLetters'}]",
        "[{'Ref': 'UsageEventsQueue'}]",
    ]
    for one in policies:
        (statement,) = one["PolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert (statement["Effect"], statement["Action"]) == ("Allow", "sqs:SendMessage")
        assert statement["Resource"] == {"Fn::GetAtt": [one["Queues"][0]["Ref"], "Arn"]}
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["UsageRule", "Arn"]}}}


def test_code_is_taken_from_where_it_was_uploaded() -> None:
    uploaded = with_code(TEMPLATE, {"Bucket": "bundles", "Key": "one.zip"})
    places = {
        json.dumps(one["Properties"].pop("CodeUri"))
        for one in copy.deepcopy(uploaded["Resources"]).values()
        if one["Type"] == "AWS::Serverless::Function"
    }
    assert places == {'{"Bucket": "bundles", "Key": "one.zip"}'}
    assert uploaded["Outputs"] == TEMPLATE["Outputs"]


def test_the_outputs_say_where_everything_is() -> None:
    outputs = TEMPLATE["Outputs"]
    assert outputs["Url"]["Value"]["Fn::Sub"].endswith("${AWS::URLSuffix}/api")
    assert len([name for name in outputs if name.endswith("Function")]) == len(FUNCTIONS)
    assert len([name for name in outputs if name.endswith("TableName")]) == len(table_names())
    assert {f"{queue_id(name)}Url" for name in (*QUEUES, "failed-invocations")} <= set(outputs)


def test_binary_answers_are_in_the_definition_of_the_api() -> None:
    (api,) = of_kind("AWS::Serverless::Api").values()
    types = api["DefinitionBody"]["x-amazon-apigateway-binary-media-types"]
    assert set(BINARY_TYPES) <= set(types)
    assert sorted(types) == sorted(app.app.api.binary_types)
