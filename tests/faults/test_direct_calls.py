"""The short way to moto that most tests take: it answers, refuses and keeps what the whole SDK and plain moto do."""

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models.table import Table

from chalicelib.platform.tables import client, create_tables, disconnect, table_name
from tests import direct_moto
from tests.direct_moto import DIRECT, open_tables

Call = tuple[str, dict[str, Any]]

CREDITS, CATALOG = table_name("credits"), table_name("catalog")


def key(name: str, partition: str = "acme") -> dict[str, Any]:
    return {"pk": {"S": partition}, "sk": {"S": name}}


def stored(name: str, partition: str = "acme", **more: Any) -> dict[str, Any]:
    return {**key(name, partition), **more}


def of(name: str, **more: Any) -> dict[str, Any]:
    return {"TableName": CREDITS, "Key": key(name), **more}


def put(name: str, **more: Any) -> dict[str, Any]:
    return {"TableName": CREDITS, "Item": stored(name, **more)}


def adding(name: str, amount: str, **more: Any) -> dict[str, Any]:
    values = {":n": {"N": amount}}
    return of(name, UpdateExpression="SET v = v + :n", ExpressionAttributeValues=values, **more)


def partition(name: str = "acme", **more: Any) -> dict[str, Any]:
    values = {":p": {"S": name}, **more.pop("values", {})}
    condition = " AND ".join(["pk = :p", *more.pop("also", ())])
    return {"TableName": CREDITS, "KeyConditionExpression": condition, "ExpressionAttributeValues": values, **more}


NESTED: dict[str, Any] = {
    "list": {"L": [{"S": "a"}, {"N": "-1.50"}, {"L": []}, {"M": {"deep": {"B": b"\x00\xff"}}}]},
    "map": {"M": {"flag": {"BOOL": True}, "none": {"NULL": True}, "empty": {"S": ""}, "raw": {"B": b""}}},
    "sets": {"M": {"texts": {"SS": ["a", "b"]}, "numbers": {"NS": ["1", "2"]}}},
    "raw": {"B": b"bytes \x00\xff"},
    "n": {"N": "12345678901234567890.12345678"},
    "text": {"S": "ß€𝄞"},
}
IS_NEW = {"ConditionExpression": "attribute_not_exists(pk)"}
IS_THERE = {"ConditionExpression": "attribute_exists(pk)"}
SHOWN = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
COUNTED = {"ReturnConsumedCapacity": "TOTAL"}

WRITES: Sequence[Call] = [
    ("PutItem", put("a", v={"N": "1"}, **NESTED)),
    ("PutItem", {**put("a", v={"N": "2"}), **IS_NEW}),
    ("PutItem", {**put("a", v={"N": "2"}), **IS_NEW, **SHOWN}),
    ("PutItem", {**put("b", v={"N": "3"}), **IS_NEW, **COUNTED, "ReturnValues": "ALL_OLD"}),
    ("PutItem", {**put("b", v={"N": "4"}), "ReturnValues": "ALL_OLD"}),
    ("PutItem", {"TableName": CREDITS, "Item": {"pk": {"S": "acme"}}}),
    ("PutItem", {"TableName": "nothing", "Item": stored("a")}),
    ("PutItem", put("", v={"N": "1"})),
    ("PutItem", put("long", text={"S": "x" * 410_000})),
    ("PutItem", put("wrong", n={"N": "no number"})),
    ("PutItem", put("wrong", n={"S": 1})),
    ("UpdateItem", adding("a", "5")),
    ("UpdateItem", {**adding("a", "5"), "ReturnValues": "ALL_NEW", **IS_THERE}),
    ("UpdateItem", {**adding("none", "5"), **IS_THERE, **SHOWN}),
    ("UpdateItem", of("new", UpdateExpression="SET v = :n", ExpressionAttributeValues={":n": {"N": "7"}})),
    ("UpdateItem", of("a", UpdateExpression="REMOVE #t", ExpressionAttributeNames={"#t": "text"})),
    ("UpdateItem", of("a", UpdateExpression="SET")),
    ("DeleteItem", of("new", **IS_THERE, ReturnValues="ALL_OLD")),
    ("DeleteItem", of("new", **IS_THERE)),
    ("BatchWriteItem", {"RequestItems": {CREDITS: [{"PutRequest": {"Item": stored(f"m{n}")}} for n in range(9)]}}),
    ("BatchWriteItem", {"RequestItems": {CREDITS: [{"DeleteRequest": {"Key": key("m8")}}] * 2}}),
    ("BatchWriteItem", {"RequestItems": {CREDITS: [{"PutRequest": {"Item": stored("a", "other")}}]}, **COUNTED}),
    ("PutItem", {"TableName": CATALOG, "Item": stored("subscriptions", due_key={"S": "1"}, due_at={"N": "2"})}),
]

TRANSACTIONS: Sequence[Call] = [
    ("TransactWriteItems", {"TransactItems": items})
    for items in (
        [{"Put": {**put("t1"), **IS_NEW}}, {"Update": adding("a", "1", **IS_THERE)}, {"Delete": of("m7")}],
        # All but the last would succeed: nothing of it stays.
        [{"Update": adding("a", "100")}, {"Put": put("b")}, {"Delete": of("m6")}, {"Put": {**put("t1"), **IS_NEW}}],
        [{"Put": {**put("t1"), **IS_NEW, **SHOWN}}, {"ConditionCheck": of("b", **IS_THERE)}],
        [{"ConditionCheck": of("none", **IS_THERE)}, {"Put": {**put("only"), "TableName": CATALOG}}],
        [{"Put": put("twice")}, {"Delete": of("twice")}],
        [{"Update": adding("a", "3")}, {"Update": adding("none", "3")}],
        [{"Put": put(f"many{n}", v={"N": str(n)})} for n in range(100)],
        [{"Put": put(f"more{n}")} for n in range(101)],
    )
]

READS: Sequence[Call] = [
    *(("GetItem", of(name, ConsistentRead=True)) for name in ("a", "b", "none", "t1", "m6", "m7")),
    ("GetItem", of("a", ProjectionExpression="v, #n", ExpressionAttributeNames={"#n": "n"}, **COUNTED)),
    ("GetItem", {"TableName": CREDITS, "Key": {"pk": {"S": "acme"}}}),
    ("Query", partition(ConsistentRead=True)),
    ("Query", partition("nobody", **COUNTED)),
    ("Query", partition("other")),
    ("Query", partition(Limit=3)),
    ("Query", partition(Limit=3, ExclusiveStartKey=key("m2"))),
    ("Query", partition(Limit=3, ExclusiveStartKey=key("m2"), ScanIndexForward=False)),
    ("Query", partition(also=["begins_with(sk, :m)"], values={":m": {"S": "m"}}, Select="COUNT")),
    ("Query", partition(also=["sk BETWEEN :a AND :b"], values={":a": {"S": "b"}, ":b": {"S": "m3"}})),
    ("Query", partition(also=["sk > :a"], values={":a": {"S": "m3"}}, ProjectionExpression="sk")),
    ("Query", partition(FilterExpression="v > :v", values={":v": {"N": "3"}})),
    ("Query", partition(also=["other = :v"], values={":v": {"N": "3"}})),
    ("Query", {**partition("1"), "IndexName": "due", "TableName": CATALOG, "KeyConditionExpression": "due_key = :p"}),
    ("BatchGetItem", {"RequestItems": {CREDITS: {"Keys": [key("a"), key("none")]}, CATALOG: {"Keys": [key("only")]}}}),
    ("BatchGetItem", {"RequestItems": {CREDITS: {"Keys": [key("a")] * 2}}}),
    ("Scan", {"TableName": CREDITS}),
    ("Scan", {"TableName": CATALOG}),
]

CALLS = [*WRITES, *TRANSACTIONS, *READS]


def answered(call: Callable[..., Any], operation: str, arguments: dict[str, Any]) -> Any:
    """Give an answer or an error; what belongs to a connection alone is left out."""
    try:
        answer = call(operation, arguments)
    except ClientError as fault:
        answer = {"raised": type(fault).__name__, **fault.response}
    metadata = answer.pop("ResponseMetadata")
    return {**answer, "status": metadata["HTTPStatusCode"], "retried": metadata["RetryAttempts"]}


def whole_way() -> list[Any]:
    with mock_aws():
        disconnect()
        create_tables()
        return [answered(client()._make_api_call, *call) for call in CALLS]


def short_way() -> list[Any]:
    with open_tables():
        return [answered(client()._make_api_call, *call) for call in CALLS]


def test_every_answer_and_error_is_that_of_the_whole_way() -> None:
    for call, whole, short in zip(CALLS, whole_way(), short_way(), strict=True):
        assert short == whole, call
    assert {operation for operation, _ in CALLS} == DIRECT


def test_what_was_read_is_not_what_is_stored(tables: None) -> None:
    """A caller that changes what it read changes nothing for others."""
    dynamodb = client()
    dynamodb.put_item(**put("a", **NESTED))
    read = dynamodb.get_item(**of("a"))["Item"]
    read["list"]["L"].append({"S": "more"})
    read["map"]["M"].clear()
    read["sets"]["M"]["texts"]["SS"].clear()
    assert dynamodb.get_item(**of("a"))["Item"] == stored("a", **NESTED)


def test_tables_are_empty_each_time_and_the_same_as_created() -> None:
    described = []
    for _ in range(2):
        with open_tables():
            assert client().scan(TableName=CREDITS)["Items"] == []
            client().put_item(**put("a"))
            shown = [client().describe_table(TableName=name)["Table"] for name in client().list_tables()["TableNames"]]
            kept = [client().describe_time_to_live(TableName=table["TableName"]) for table in shown]
            described.append([(one["TableName"], one["KeySchema"], one["GlobalSecondaryIndexes"]) for one in shown])
            assert any(one["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED" for one in kept)
    assert described[0] == described[1]
    assert Table.query is direct_moto._query
