"""Deploying and destroying a stage, against an AWS on this machine: its real tables, and one small function."""

import argparse
import io
import json
import shlex
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.catalog.store import key_keys
from infra.deploy import Account, Wanted, deploy, make_admin_key
from infra.destroy import StageHoldsItems, add_arguments, destroy, run
from infra.names import name_of
from infra.stack import WAIT, Plan, Stack, StackFailed
from infra.tables import table_names, table_resources
from local.stack_aws import ACCOUNT, REGION, LocalAws

CODE = """
import os
def create_api_key(payload, context):
    if payload.get("role") != "admin":
        raise ValueError("only admins here")
    return {"secret": "mf_" + os.environ["SECRET"]}
"""


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with LocalAws(tmp_path_factory.mktemp("aws")) as aws, pytest.MonkeyPatch.context() as patch:
        patch.setitem(WAIT, "Delay", 0.05)
        yield Account(
            id=ACCOUNT,
            region=REGION,
            cloudformation=aws.client("cloudformation"),
            s3=aws.client("s3"),
            functions=aws.client("lambda"),
            dynamodb=aws.client("dynamodb"),
            queues=aws.client("sqs"),
        )


@pytest.fixture
def stage(request: pytest.FixtureRequest, account: Account) -> Iterator[str]:
    """A stage of a test's own, which is gone afterwards."""
    name = f"s{abs(hash(request.node.name)) % 10**8}"
    yield name
    destroy(name, account, with_items=True)


def template(stage: str, **function: Any) -> dict[str, Any]:
    properties = {
        "FunctionName": name_of(stage, "create_api_key"),
        "Runtime": "python3.11",
        "Handler": "app.create_api_key",
        "CodeUri": "./bundle.zip",
        "Environment": {"Variables": {"SECRET": {"Ref": "SigningSecret"}}},
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
    }
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {
            "SigningSecret": {"Type": "String", "NoEcho": True, "MinLength": 32},
            "FrameAncestors": {"Type": "String", "Default": "'self'"},
        },
        "Resources": {
            **table_resources(stage),
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}},
            },
            "CreateApiKey": {"Type": "AWS::Serverless::Function", "Properties": {**properties, **function}},
        },
        "Outputs": {"Url": {"Value": "https://api.example.com"}, "Secret": {"Value": {"Ref": "FrameAncestors"}}},
    }


def wanted(stage: str, folder: Path, *, of: Mapping[str, Any] | None = None, **options: Any) -> Wanted:
    bundle = folder / "bundle.zip"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as opened:
        opened.writestr(zipfile.ZipInfo("app.py"), CODE)
    bundle.write_bytes(content.getvalue())
    return Wanted(stage=stage, bundle=bundle, template=of or template(stage), parameters={}, **options)


def yes(plan: Plan) -> bool:
    return True


def keep(shown: list[Plan]) -> Callable[[Plan], bool]:
    """Agree to every plan, and keep it."""

    def agree(plan: Plan) -> bool:
        shown.append(plan)
        return True

    return agree


def tables_of(account: Account, stage: str) -> list[str]:
    names = account.dynamodb.list_tables()["TableNames"]
    return sorted(name for name in names if name.startswith(name_of(stage, "")))


def test_a_first_deployment_shows_its_plan_and_gives_an_admin_key(
    account: Account, stage: str, tmp_path: Path
) -> None:
    shown: list[Plan] = []
    found = deploy(wanted(stage, tmp_path), account, keep(shown))
    assert found is not None
    assert found["Url"] == "https://api.example.com"
    # A secret of 48 random bytes was made.
    assert len(found["AdminKey"]) == len("mf_") + 64
    lines = shown[0].lines()
    assert shown[0].creates
    assert any(line.startswith("+ CreateApiKey") and line.endswith("AWS::Lambda::Function") for line in lines)
    assert tables_of(account, stage) == sorted(name_of(stage, table) for table in table_names())


def test_nothing_is_made_without_agreement(account: Account, stage: str, tmp_path: Path) -> None:
    assert deploy(wanted(stage, tmp_path), account, lambda plan: False) is None
    assert Stack(account.cloudformation, f"meterfold-{stage}").find() is None
    assert tables_of(account, stage) == []


def test_deploying_again_keeps_the_secret_and_asks_nothing(account: Account, stage: str, tmp_path: Path) -> None:
    first = deploy(wanted(stage, tmp_path), account, yes)
    again = deploy(wanted(stage, tmp_path, new_admin_key=True), account, lambda plan: pytest.fail(f"asks {plan}"))
    assert first is not None
    assert again is not None
    # The function's key is made of the secret.
    assert again["AdminKey"] == first["AdminKey"]
    other = deploy(wanted(stage, tmp_path, new_secret=True, new_admin_key=True), account, yes)
    assert other is not None
    assert other["AdminKey"] != first["AdminKey"]
    assert len(other["AdminKey"]) == len(first["AdminKey"])


def test_a_change_shows_what_is_changed_and_no_key_is_made(account: Account, stage: str, tmp_path: Path) -> None:
    deploy(wanted(stage, tmp_path), account, yes)
    shown: list[Plan] = []
    changed = wanted(stage, tmp_path, of=template(stage, Timeout=20))
    found = deploy(changed, account, keep(shown))
    assert found is not None
    assert "AdminKey" not in found
    assert [(action, name) for action, name, _, _ in shown[0].changes] == [("Modify", "CreateApiKey")]
    made = account.functions.get_function_configuration(FunctionName=name_of(stage, "create_api_key"))
    assert made["Timeout"] == 20


def test_a_stack_that_cannot_be_made_says_why_and_the_next_try_begins_anew(
    account: Account, stage: str, tmp_path: Path
) -> None:
    of = template(stage)
    of["Resources"]["Broken"] = {"Type": "AWS::CloudFront::Function", "Properties": {"Name": "broken"}}
    broken = wanted(stage, tmp_path, of=of)
    with pytest.raises(StackFailed) as refusal:
        deploy(broken, account, yes)
    assert "Broken" in refusal.value.reasons[0]
    found = deploy(wanted(stage, tmp_path), account, yes)
    assert found is not None
    assert "AdminKey" in found


def test_a_template_that_is_refused_says_why(account: Account, stage: str, tmp_path: Path) -> None:
    of = template(stage)
    of["Resources"]["Broken"] = {"Type": "AWS::Nowhere::Thing", "Properties": {}}
    with pytest.raises(StackFailed, match="AWS::Nowhere::Thing"):
        deploy(wanted(stage, tmp_path, of=of), account, yes)


def test_tables_that_outlived_their_stack_are_taken_over_with_their_items(
    account: Account, stage: str, tmp_path: Path
) -> None:
    deploy(wanted(stage, tmp_path), account, yes)
    table = name_of(stage, "catalog")
    account.dynamodb.put_item(TableName=table, Item={"pk": {"S": "settings"}, "sk": {"S": "here"}})
    Stack(account.cloudformation, f"meterfold-{stage}").delete()
    assert table in tables_of(account, stage)
    assert deploy(wanted(stage, tmp_path), account, yes) is not None
    kept = account.dynamodb.get_item(TableName=table, Key={"pk": {"S": "settings"}, "sk": {"S": "here"}})
    assert "Item" in kept


def test_destroy_refuses_while_a_table_holds_items(account: Account, stage: str, tmp_path: Path) -> None:
    deploy(wanted(stage, tmp_path), account, yes)
    table = name_of(stage, "invoices")
    account.dynamodb.put_item(TableName=table, Item={"pk": {"S": "acme"}, "sk": {"S": "inv#1"}})
    with pytest.raises(StageHoldsItems) as refusal:
        destroy(stage, account)
    assert refusal.value.names == [table]
    assert Stack(account.cloudformation, f"meterfold-{stage}").find() is not None
    assert len(tables_of(account, stage)) == len(table_names())
    account.dynamodb.delete_item(TableName=table, Key={"pk": {"S": "acme"}, "sk": {"S": "inv#1"}})
    assert destroy(stage, account) == [name_of(stage, name) for name in table_names()]
    assert Stack(account.cloudformation, f"meterfold-{stage}").find() is None
    assert tables_of(account, stage) == []
    assert destroy(stage, account) == []


def test_what_comes_in_while_the_stack_goes_keeps_its_tables(
    account: Account, stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(wanted(stage, tmp_path), account, yes)
    table, delete = name_of(stage, "usage-events"), Stack.delete

    def late(stack: Stack) -> None:
        account.dynamodb.put_item(TableName=table, Item={"pk": {"S": "acme"}, "sk": {"S": "late"}})
        delete(stack)

    monkeypatch.setattr(Stack, "delete", late)
    with pytest.raises(StageHoldsItems):
        destroy(stage, account)
    assert len(tables_of(account, stage)) == len(table_names())


def test_a_function_that_fails_gives_no_key(account: Account, stage: str, tmp_path: Path) -> None:
    of = template(stage, Environment={"Variables": {}})
    with pytest.raises(StackFailed, match="no admin key"):
        deploy(wanted(stage, tmp_path, of=of), account, yes)
    deploy(wanted(stage, tmp_path), account, yes)
    assert make_admin_key(account.functions, stage).startswith("mf_")


def test_the_template_that_is_deployed_takes_the_uploaded_bundle(account: Account, stage: str, tmp_path: Path) -> None:
    deploy(wanted(stage, tmp_path), account, yes)
    bucket = f"meterfold-bundles-{ACCOUNT}-{REGION}"
    keys = [one["Key"] for one in account.s3.list_objects_v2(Bucket=bucket)["Contents"]]
    stored = [account.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys if key.endswith(".json")]
    code = [json.loads(one)["Resources"]["CreateApiKey"]["Properties"]["CodeUri"] for one in stored]
    assert {one["Bucket"] for one in code} == {bucket}
    assert {one["Key"] for one in code} <= set(keys)
    assert account.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]["BlockPublicAcls"]


def test_a_deployment_that_was_interrupted_is_made_good_by_the_next(
    account: Account, stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(stack: Stack, until: str) -> None:
        wait(stack, until)
        raise KeyboardInterrupt

    wait = Stack._wait
    with monkeypatch.context() as patch:
        patch.setattr(Stack, "_wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            deploy(wanted(stage, tmp_path), account, yes)
    found = deploy(wanted(stage, tmp_path, new_admin_key=True), account, lambda plan: pytest.fail(f"asks {plan}"))
    assert found is not None
    assert "AdminKey" in found
    made = account.cloudformation.describe_stacks(StackName=f"meterfold-{stage}")["Stacks"][0]
    assert made["EnableTerminationProtection"]


def test_every_change_set_takes_over_tables_that_are_there(
    account: Account, stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update that was rolled back leaves its new tables behind, and the next update must not stumble over them."""
    asked: list[dict[str, Any]] = []
    create = account.cloudformation.create_change_set

    def note(**said: Any) -> Any:
        asked.append(said)
        return create(**said)

    monkeypatch.setattr(account.cloudformation, "create_change_set", note)
    deploy(wanted(stage, tmp_path), account, yes)
    deploy(wanted(stage, tmp_path, of=template(stage, Timeout=20)), account, yes)
    assert [(one["ChangeSetType"], one["ImportExistingResources"]) for one in asked] == [
        ("CREATE", True),
        ("UPDATE", True),
    ]


def test_api_keys_alone_keep_no_stage(account: Account, stage: str, tmp_path: Path) -> None:
    deploy(wanted(stage, tmp_path), account, yes)
    table = name_of(stage, "catalog")
    for name in ("key_1", "key_2"):
        pk, sk = key_keys(name)
        account.dynamodb.put_item(TableName=table, Item={"pk": {"S": pk}, "sk": {"S": sk}})
    account.dynamodb.put_item(TableName=table, Item={"pk": {"S": "meters"}, "sk": {"S": "#version"}})
    with pytest.raises(StageHoldsItems):
        destroy(stage, account)
    account.dynamodb.delete_item(TableName=table, Key={"pk": {"S": "meters"}, "sk": {"S": "#version"}})
    assert table in destroy(stage, account)


@pytest.mark.parametrize("queue", ["usage-events", "usage-events-dead-letters", "failed-invocations"])
def test_destroy_refuses_while_a_queue_holds_events(account: Account, stage: str, tmp_path: Path, queue: str) -> None:
    deploy(wanted(stage, tmp_path), account, yes)
    name = name_of(stage, queue)
    url = account.queues.create_queue(QueueName=name)["QueueUrl"]
    account.queues.send_message(QueueUrl=url, MessageBody="an event")
    # Whoever receives it now has not stored it yet.
    account.queues.receive_message(QueueUrl=url, VisibilityTimeout=600)
    with pytest.raises(StageHoldsItems) as refusal:
        destroy(stage, account)
    assert refusal.value.names == [name]
    assert Stack(account.cloudformation, f"meterfold-{stage}").find() is not None
    account.queues.delete_queue(QueueUrl=url)
    assert destroy(stage, account)


def asked_to_destroy(stage: str, *words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(["--stage", stage, *words]))


def test_destroy_shows_where_and_asks(
    account: Account, stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("infra.destroy.connect", lambda region: account)
    assert asked_to_destroy(stage, "--yes") == 1
    framers = "'self' https://acme.example"
    assert f"There is no meterfold-{stage} in account {ACCOUNT}, {REGION}." in capsys.readouterr().err
    deploy(replace(wanted(stage, tmp_path), parameters={"FrameAncestors": framers}), account, yes)
    for said in ("", "yes"):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{said}\n"))
        assert asked_to_destroy(stage) == 1
        assert "Nothing was changed." in capsys.readouterr().err
    assert len(tables_of(account, stage)) == len(table_names())
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{stage}\n"))
    assert asked_to_destroy(stage) == 0
    told = capsys.readouterr().err
    assert f"meterfold-{stage} in account {ACCOUNT}, {REGION}, and its {len(table_names())} tables" in told
    command = shlex.split(told.splitlines()[-1].partition(": ")[2])
    assert command[:3] == ["make", "deploy", f"STAGE={stage}"]
    assert shlex.split(command[3].removeprefix("ARGS=")) == ["--parameter", f"FrameAncestors={framers}"]
    assert "SigningSecret" not in told
    assert tables_of(account, stage) == []


def test_tables_of_another_shape_are_not_taken_over(account: Account, stage: str, tmp_path: Path) -> None:
    name = name_of(stage, "catalog")
    key = {"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}
    texts = [{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")]
    account.dynamodb.create_table(
        TableName=name, KeySchema=key, AttributeDefinitions=texts, BillingMode="PAY_PER_REQUEST"
    )
    with pytest.raises(StackFailed) as refusal:
        deploy(wanted(stage, tmp_path), account, yes)
    assert refusal.value.reasons == [name]
    assert Stack(account.cloudformation, f"meterfold-{stage}").find() is None


def test_a_pipeline_is_given_no_admin_key_that_it_would_print(account: Account, stage: str, tmp_path: Path) -> None:
    found = deploy(wanted(stage, tmp_path, new_admin_key=False), account, yes)
    assert found is not None
    assert "AdminKey" not in found
