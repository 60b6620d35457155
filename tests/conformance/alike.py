"""Limits and rules of DynamoDB that the app rests on, and that every engine here has: each with its one answer."""

from collections.abc import Iterator
from uuid import uuid4

from tests.conformance.asking import (
    DONE,
    Ask,
    batched,
    call,
    key,
    listed,
    number,
    put,
    put_if,
    putting,
    query,
    stored,
    text,
    transact,
    update,
    write_batch,
)
from tests.conformance.engines import Send
from tests.conformance.storage_scripts import CATALOG, CREDITS

REFUSED = "ValidationException"
FAILED = "ConditionalCheckFailedException"
_LONG = text("x" * 300_000)
# Its key and the name of its attribute take ten bytes of the 400 KB.
_TOO_LARGE = text("x" * (400 * 1024 - 10 + 1))


def _number(value: str) -> Ask:
    return lambda send: f"{put(send, n=number(value))} {stored(send, 'n')}"


def _condition(stored_value: str, condition: str, value: str) -> Ask:
    return lambda send: f"{put(send, v=number(stored_value))} {put_if(send, condition, number(value))}"


def _bounded(condition: str, **values: str) -> Ask:
    named = {f":{name}": text(value) for name, value in values.items()}
    return lambda send: f"{put(send)} {query(send, f'pk = :p AND {condition}', values=named)}"


def _token_of_a_cancelled_one(send: Send) -> str:
    """A transaction that was cancelled does not use up its token."""
    token, wanted = uuid4().hex, putting("a")
    wanted["Put"]["ConditionExpression"] = "attribute_not_exists(pk)"
    before = [put(send), transact(send, wanted, token=token)]
    call(send, "DeleteItem", TableName=CREDITS, Key=key())
    return " ".join([*before, transact(send, wanted, token=token)])


def _in_utf8_order(send: Send) -> str:
    for sort in ("\U0001d11e", "\uff5a", "é", "~", "a"):
        put(send, sort)
    asked = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": text("acme")}}
    return "".join(item["sk"]["S"] for item in send("Query", {"TableName": CREDITS, **asked})["Items"])


def _in_order_of_numbers(send: Send) -> str:
    for place, at in enumerate(("10", "9", "100", "-1", "2.5")):
        put(send, f"{place}", due_key=text("j"), due_at=number(at))
    asked = {"KeyConditionExpression": "due_key = :p", "ExpressionAttributeValues": {":p": text("j")}}
    items = send("Query", {"TableName": CREDITS, "IndexName": "due", **asked})["Items"]
    return " ".join(item["due_at"]["N"] for item in items)


def _without_half_a_key(send: Send) -> str:
    put(send, due_key=text("j"))
    asked = {"KeyConditionExpression": "due_key = :p", "ExpressionAttributeValues": {":p": text("j")}}
    return str(send("Query", {"TableName": CREDITS, "IndexName": "due", **asked})["Count"])


def _filtered(send: Send) -> str:
    """A limit counts what is read, not what a filter keeps."""
    for place in range(9):
        put(send, f"{place}", **({"r": number("1")} if place % 3 == 0 else {}))
    page = {"Limit": 2, "FilterExpression": "attribute_exists(r)"}
    asked = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": text("acme")}, **page}
    answer = send("Query", {"TableName": CREDITS, **asked})
    return f"{answer['Count']} of {answer['ScannedCount']}"


def _changing_a_key(send: Send) -> str:
    return f"{put(send)} {update(send, 'SET pk = :x', x=text('b'))} {update(send, 'REMOVE sk')}"


def _in_a_transaction(send: Send) -> str:
    """A transaction that holds an item over 400 KB writes nothing."""
    return f"{transact(send, putting('a', x=_TOO_LARGE), putting('b'))} {stored(send, 'pk', 'b')}"


def _read_too_many(send: Send) -> str:
    keys = [key(str(place)) for place in range(101)]
    return call(send, "BatchGetItem", RequestItems={CREDITS: {"Keys": keys}})


def _read_twice(send: Send) -> str:
    return call(send, "BatchGetItem", RequestItems={CREDITS: {"Keys": [key(), key()]}})


def _puts(count: int) -> Ask:
    return lambda send: transact(send, *(putting(str(place)) for place in range(count)))


def _two_tables(send: Send) -> str:
    return transact(send, putting("a"), putting("a", CATALOG))


def _twice(send: Send) -> str:
    return transact(send, putting("a"), {"Delete": {"TableName": CREDITS, "Key": key("a")}})


def _empty_keys(send: Send) -> Iterator[str]:
    yield put(send, "")
    yield put(send, "a", CREDITS, "")
    yield write_batch(send, batched(""))
    yield transact(send, putting(""), putting("b"))
    yield call(send, "GetItem", TableName=CREDITS, Key=key(""))


def _grown_too_large(send: Send) -> str:
    return f"{put(send, x=_LONG)} {update(send, 'SET y = :y', y=text('y' * 120_000))}"


_38 = "9" * 38
# What is asked, in words; how; and the answer.
ALIKE: tuple[tuple[str, Ask, str], ...] = (
    ("a number of 38 digits comes back", _number(_38), f"{DONE} {_38}"),
    ("a number of 38 digits and zeros comes back", _number(f"{_38}000"), f"{DONE} {_38}000"),
    ("the smallest number comes back", _number(f"0.{'0' * 129}1"), f"{DONE} 0.{'0' * 129}1"),
    ("a smaller one is refused", _number("1E-131"), f"{REFUSED} absent"),
    ("what is no number is refused", _number("NaN"), f"{REFUSED} absent"),
    ("an empty number is refused", _number(""), f"{REFUSED} absent"),
    ("numbers are compared as numbers", _condition("1.0", "v = :v", "1"), f"{DONE} {DONE}"),
    ("all 38 digits count when compared", _condition(f"{_38[:-1]}8", "v = :v", _38), f"{DONE} {FAILED}"),
    ("all 38 digits count in an order", _condition(f"{_38[:-1]}8", "v < :v", _38), f"{DONE} {DONE}"),
    ("what is absent is not less", lambda send: put_if(send, "v < :v", number("1")), FAILED),
    ("an empty text comes back", lambda send: put(send, x=text("")) + stored(send, "x"), DONE),
    ("empty bytes come back", lambda send: put(send, x={"B": b""}) + stored(send, "x"), f"{DONE}b''"),
    ("an item over 400 KB is refused", lambda send: put(send, x=_TOO_LARGE), REFUSED),
    ("an item that grows over 400 KB is refused", _grown_too_large, f"{DONE} {REFUSED}"),
    ("with it its batch", lambda send: write_batch(send, batched("a", x=_TOO_LARGE), batched("b")), REFUSED),
    ("with it its transaction", _in_a_transaction, f"{REFUSED} absent"),
    ("empty keys are refused", lambda send: " ".join(dict.fromkeys(_empty_keys(send))), REFUSED),
    ("an empty key of an index is refused", listed(list_kind="k", list_name=""), REFUSED),
    ("a partition key has at most 2,048 bytes", lambda send: put(send, "a", CREDITS, "p" * 2048), DONE),
    ("a longer one is refused", lambda send: put(send, "a", CREDITS, "p" * 2049), REFUSED),
    ("a sort key has at most 1,024 bytes", lambda send: put(send, "s" * 1024), DONE),
    ("a longer sort key is refused", lambda send: put(send, "s" * 1025), REFUSED),
    ("sort keys are in the order of UTF-8", _in_utf8_order, "a~é\uff5a\U0001d11e"),
    ("numbers in an index are in their order", _in_order_of_numbers, "-1 2.5 9 10 100"),
    ("an item with half the key of an index is not in it", _without_half_a_key, "0"),
    ("an empty bound is refused", _bounded("sk > :b", b=""), f"{DONE} {REFUSED}"),
    ("an empty prefix is refused", _bounded("begins_with(sk, :b)", b=""), f"{DONE} {REFUSED}"),
    ("a limit counts what is read", _filtered, "1 of 2"),
    ("keys cannot be changed", _changing_a_key, f"{DONE} {REFUSED} {REFUSED}"),
    ("an update makes the item that is not there", lambda send: update(send, "REMOVE x") + stored(send, "sk"), "donea"),
    ("a value that is not used is refused", lambda send: update(send, "SET x = :x", x=text(""), y=text("")), REFUSED),
    ("100 writes are a transaction", _puts(100), DONE),
    ("101 are not", _puts(101), REFUSED),
    ("one key of two tables is two items", _two_tables, DONE),
    ("two writes of one item are refused", _twice, REFUSED),
    (
        "a cancelled transaction leaves its token",
        _token_of_a_cancelled_one,
        f"{DONE} TransactionCanceledException ConditionalCheckFailed {DONE}",
    ),
    ("100 keys are a batch to read, 101 are not", _read_too_many, REFUSED),
    ("a key twice in a batch to read is refused", _read_twice, REFUSED),
)
