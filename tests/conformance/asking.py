"""Short questions to an engine, each on empty tables, with an answer that fits into a table of the documents."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tests.conformance.engines import Send, answered
from tests.conformance.storage_scripts import CATALOG, CREDITS

Arguments = dict[str, Any]
Ask = Callable[[Send], str]

DONE = "done"


def text(value: str) -> Arguments:
    """Write a text."""
    return {"S": value}


def number(value: str) -> Arguments:
    """Write a number."""
    return {"N": value}


def key(sort: str = "a", partition: str = "acme") -> Arguments:
    """Write a key."""
    return {"pk": text(partition), "sk": text(sort)}


def call(send: Send, operation: str, **arguments: Any) -> str:
    """Make a call: ``done``, or the code of its fault with the reasons of its writes."""
    try:
        answer = answered(send, operation, arguments)
    except (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError) as broken:
        return f"breaks: {type(broken).__name__}"
    if "refused" not in answer:
        return DONE
    reasons = " ".join(each["code"] for each in answer.get("reasons", ()))
    return f"{answer['refused']} {reasons}".rstrip()


def put(
    send: Send, sort: str = "a", table: str = CREDITS, partition: str = "acme", /, **attributes: Any
) -> str:
    """Put an item."""
    return call(send, "PutItem", TableName=table, Item={**key(sort, partition), **attributes})


def put_if(send: Send, condition: str, value: Arguments) -> str:
    """Put an item on a condition about ``:v``."""
    values = {"ExpressionAttributeValues": {":v": value}}
    return call(send, "PutItem", TableName=CREDITS, Item=key(), ConditionExpression=condition, **values)


def update(send: Send, expression: str, *, table: str = CREDITS, **values: Arguments) -> str:
    """Update an item; values are named without their colon."""
    named = {f":{name}": value for name, value in values.items()}
    given = {"ExpressionAttributeValues": named} if named else {}
    return call(send, "UpdateItem", TableName=table, Key=key(), UpdateExpression=expression, **given)


def transact(send: Send, *writes: Arguments, token: str | None = None) -> str:
    """Write several items at once, with a token of its own unless one is given."""
    return call(send, "TransactWriteItems", TransactItems=list(writes), ClientRequestToken=token or uuid4().hex)


def putting(sort: str, table: str = CREDITS, /, **attributes: Any) -> Arguments:
    """Write a put of a transaction."""
    return {"Put": {"TableName": table, "Item": {**key(sort), **attributes}}}


def write_batch(send: Send, *writes: Arguments) -> str:
    """Write several items in a batch."""
    return call(send, "BatchWriteItem", RequestItems={CREDITS: list(writes)})


def batched(sort: str, /, **attributes: Any) -> Arguments:
    """Write a put of a batch."""
    return {"PutRequest": {"Item": {**key(sort), **attributes}}}


def stored(send: Send, name: str, sort: str = "a", table: str = CREDITS) -> str:
    """Read an attribute back as its text, ``absent`` when it is not there."""
    answer = send("GetItem", {"TableName": table, "Key": key(sort), "ConsistentRead": True})
    value = answer.get("Item", {}).get(name, {"": "absent"})
    return str(next(iter(value.values())))


def query(send: Send, condition: str = "pk = :p", **options: Any) -> str:
    """Query the credits of ``acme``: how many items are on each page, or the code of the fault."""
    values = {":p": text("acme"), **options.pop("values", {})}
    asked = {"TableName": CREDITS, "KeyConditionExpression": condition, "ExpressionAttributeValues": values, **options}
    pages: list[str] = []
    while True:
        outcome = call(send, "Query", **asked)
        if outcome != DONE:
            return " ".join([*pages, outcome])
        page = send("Query", asked)
        pages.append(str(page["ScannedCount"]))
        if not page.get("LastEvaluatedKey"):
            return " ".join(pages)
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def in_index(send: Send, index: str = "due", partition: str = "due_key", table: str = CREDITS) -> str:
    """Query an index: how many items are on its first page."""
    asked = {"KeyConditionExpression": f"{partition} = :p", "ExpressionAttributeValues": {":p": text("j")}}
    return str(send("Query", {"TableName": table, "IndexName": index, **asked})["Count"])


def listed(sort: str = "a", **keys: str) -> Ask:
    """Ask for a put into the catalog with keys of its index ``list``."""
    return lambda send: put(send, sort, CATALOG, **{name: text(value) for name, value in keys.items()})
