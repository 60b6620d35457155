"""The embedded engine answers boto as DynamoDB does."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.stores import client_of, open_engine


def _item(sk: str, **more: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": "a"}, "sk": {"S": sk}} | {name: {"S": value} for name, value in more.items()}


def _put(client: Any, sk: str, **more: str) -> None:
    client.put_item(TableName="things", Item=_item(sk, **more))


def _query(client: Any, condition: str, values: dict[str, str], **options: Any) -> list[str]:
    answer = client.query(
        TableName="things",
        KeyConditionExpression=condition,
        ExpressionAttributeNames={"#0": "pk", "#1": "sk"} if "#1" in condition else {"#0": "pk"},
        ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
        ConsistentRead=True,
        **options,
    )
    return [item["sk"]["S"] for item in answer["Items"]]


def test_a_failed_condition_is_refused_and_shows_the_item_that_was_there(client: Any) -> None:
    _put(client, "1", name="first")
    with pytest.raises(ClientError) as refused:
        client.put_item(
            TableName="things",
            Item=_item("1", name="second"),
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert refused.value.response["Item"]["name"] == {"S": "first"}


def test_a_cancelled_transaction_writes_nothing_and_tells_the_reason_of_each_write(client: Any) -> None:
    _put(client, "1")
    put = {"TableName": "things", "ConditionExpression": "attribute_not_exists(pk)"}
    with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
        client.transact_write_items(TransactItems=[{"Put": put | {"Item": _item(sk)}} for sk in ("1", "2")])
    reasons = cancelled.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["ConditionalCheckFailed", "None"]
    assert _query(client, "#0 = :0", {":0": "a"}) == ["1"]


def test_a_transaction_sent_again_with_its_token_writes_once(client: Any) -> None:
    add = {
        "TableName": "things",
        "Key": _item("1"),
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    for _ in range(2):
        client.transact_write_items(TransactItems=[{"Update": add}], ClientRequestToken="once")
    assert client.get_item(TableName="things", Key=_item("1"))["Item"]["n"] == {"N": "1"}


def test_a_number_of_39_digits_is_refused(client: Any) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        client.put_item(TableName="things", Item=_item("1") | {"n": {"N": "1" * 39}})


def test_capacity_is_told_by_the_size_written(client: Any) -> None:
    answer = client.put_item(TableName="things", Item=_item("1", name="x" * 2500), ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 3


@pytest.mark.parametrize(
    ("condition", "values", "found"),
    [
        ("#0 = :0", {}, ["d#1", "q#1", "q#2", "q#3", "r"]),
        ("(#0 = :0 AND #1 = :1)", {":1": "q#2"}, ["q#2"]),
        ("(#0 = :0 AND #1 BETWEEN :1 AND :2)", {":1": "q#1", ":2": "q#2"}, ["q#1", "q#2"]),
        ("(#0 = :0 AND begins_with (#1, :1))", {":1": "q#"}, ["q#1", "q#2", "q#3"]),
        ("#0 = :0 AND #1 < :1", {":1": "q#2"}, ["d#1", "q#1"]),
        ("#0 = :0 AND #1 <= :1", {":1": "q#2"}, ["d#1", "q#1", "q#2"]),
        ("#0 = :0 AND #1 > :1", {":1": "q#2"}, ["q#3", "r"]),
        ("#0 = :0 AND #1 >= :1", {":1": "q#2"}, ["q#2", "q#3", "r"]),
    ],
)
def test_a_query_finds_what_its_condition_names(
    client: Any, condition: str, values: dict[str, str], found: list[str]
) -> None:
    for sk in ("q#2", "d#1", "q#4", "r", "q#1"):
        _put(client, sk)
    _query(client, condition, {":0": "a"} | values)
    client.delete_item(TableName="things", Key=_item("q#4"))
    _put(client, "q#3")
    assert _query(client, condition, {":0": "a"} | values) == found
    assert _query(client, condition, {":0": "a"} | values, ScanIndexForward=False) == found[::-1]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_pages_of_a_query_join_to_the_whole(client: Any, limit: int, forward: bool) -> None:
    keys = [f"q#{n}" for n in range(7)]
    for sk in ["d", *keys, "r"]:
        _put(client, sk)
    pages = client.get_paginator("query").paginate(
        TableName="things",
        KeyConditionExpression="pk = :0 AND begins_with(sk, :1)",
        ExpressionAttributeValues={":0": {"S": "a"}, ":1": {"S": "q#"}},
        ScanIndexForward=forward,
        PaginationConfig={"PageSize": limit},
    )
    found = [item["sk"]["S"] for page in pages for item in page["Items"]]
    assert found == (keys if forward else keys[::-1])


def test_an_index_is_queried_by_its_own_keys(client: Any) -> None:
    _put(client, "1", kind="x")
    _put(client, "2")
    answer = client.query(
        TableName="things",
        IndexName="by_kind",
        KeyConditionExpression="kind = :kind",
        ExpressionAttributeValues={":kind": {"S": "x"}},
    )
    assert [item["sk"]["S"] for item in answer["Items"]] == ["1"]


def test_a_query_of_an_unknown_value_is_refused_as_on_aws(client: Any) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        _query(client, "#0 = :0 AND #1 > :1", {":0": "a"})


def test_two_engines_of_one_process_share_nothing(client: Any) -> None:
    _put(client, "1")
    with open_engine() as other:
        assert _query(client_of(other), "#0 = :0", {":0": "a"}) == []
    assert _query(client, "#0 = :0", {":0": "a"}) == ["1"]


def test_time_to_live_is_accepted_and_never_enabled(client: Any) -> None:
    client.update_time_to_live(
        TableName="things", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )
    status = client.describe_time_to_live(TableName="things")["TimeToLiveDescription"]["TimeToLiveStatus"]
    assert status == "DISABLED"
