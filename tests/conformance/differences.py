"""Every difference between the engines that was found: how it shows, and what AWS documents or was measured to do.

A test asks each of them again, so that none stays listed when it has gone. ``docs/engines.md`` has the same table.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

from tests.conformance.asking import (
    DONE,
    Ask,
    batched,
    call,
    in_index,
    key,
    listed,
    number,
    put,
    putting,
    query,
    stored,
    text,
    transact,
    update,
    write_batch,
)
from tests.conformance.engines import DYNAMODB_LOCAL, EMBEDDED, MOTO, Send
from tests.conformance.storage_scripts import CREDITS

REFUSED = "ValidationException"
_BIG = text("x" * 300_000)
_38 = "12345678901234567890123456789012345678"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: what each engine answers, in the order moto, embedded, DynamoDB Local, and what AWS does.

    ``matters`` says whether the app could notice.
    """

    what: str
    ask: Ask
    answers: tuple[str, str, str]
    aws: str
    matters: str

    @property
    def by_engine(self) -> Mapping[str, str]:
        """Give the answers by engine."""
        return dict(zip((MOTO, EMBEDDED, DYNAMODB_LOCAL), self.answers, strict=True))


def _number(value: str) -> Ask:
    return lambda send: f"{put(send, n=number(value))} {stored(send, 'n')}"


def _projected_number(send: Send) -> str:
    put(send, n=number("0.0000001"))
    asked = {"TableName": CREDITS, "Key": key(), "ProjectionExpression": "n"}
    return str(send("GetItem", asked)["Item"]["n"]["N"])


def _nested_number(send: Send) -> str:
    put(send, x={"L": [number("1.0")]})
    item = send("GetItem", {"TableName": CREDITS, "Key": key()})["Item"]
    return str(item["x"]["L"][0]["N"])


def _again(send: Send) -> str:
    token, new = uuid4().hex, putting("a")
    new["Put"]["ConditionExpression"] = "attribute_not_exists(pk)"
    return f"{transact(send, new, token=token)} {transact(send, new, token=token)}"


def _other_content(send: Send) -> str:
    token = uuid4().hex
    return f"{transact(send, putting('a'), token=token)} {transact(send, putting('b'), token=token)}"


def _at_the_limit(send: Send) -> str:
    for sort in "ab":
        put(send, sort)
    return query(send, Limit=2)


def _nine(send: Send, condition: str = "pk = :p", **options: object) -> str:
    for place in range(9):
        put(send, f"{place}", x=_BIG)
    return query(send, condition, **options)


def _nine_in_an_index(send: Send) -> str:
    for place in range(9):
        put(send, f"{place}", x=_BIG, due_key=text("j"), due_at=number("1"))
    return in_index(send)


def _too_many_bytes(send: Send) -> str:
    return transact(send, *(putting(str(place), x=text("x" * 390_000)) for place in range(11)))


def _checked_and_put(send: Send) -> str:
    absent = {"ConditionExpression": "attribute_not_exists(pk)"}
    return transact(send, putting("a"), {"ConditionCheck": {"TableName": CREDITS, "Key": key(), **absent}})


def _grown_in_a_transaction(send: Send) -> str:
    put(send, x=_BIG)
    values = {"ExpressionAttributeValues": {":y": text("y" * 120_000)}}
    grow = {"TableName": CREDITS, "Key": key(), "UpdateExpression": "SET y = :y", **values}
    return transact(send, {"Update": grow}, putting("b"))


def _key_in_a_transaction(send: Send) -> str:
    values = {"ExpressionAttributeValues": {":x": text("b")}}
    move = {"TableName": CREDITS, "Key": key(), "UpdateExpression": "SET pk = :x", **values}
    return transact(send, {"Update": move}, putting("b"))


def _index_type_by_update(send: Send) -> str:
    return f"{put(send)} {update(send, 'SET due_at = :x', x=text('x'))}"


def _added(send: Send) -> str:
    put(send, n=number(_38))
    return f"{update(send, 'ADD n :x', x=number('1'))} {stored(send, 'n')}"


def _shown(send: Send) -> str:
    values = {"ExpressionAttributeValues": {":x": number("1")}, "ReturnValues": "UPDATED_NEW"}
    asked = {"TableName": CREDITS, "Key": key(), "UpdateExpression": "SET x = :x", **values}
    return " ".join(sorted(send("UpdateItem", asked)["Attributes"]))


def _ranged(condition: str, **values: str) -> Ask:
    named = {f":{name}": text(value) for name, value in values.items()}
    return lambda send: f"{put(send)}; {query(send, f'pk = :p AND {condition}', values=named)}"


def _filtered_by_key(send: Send) -> str:
    return f"{put(send)}; {query(send, FilterExpression='sk = :s', values={':s': text('a')})}"


def _from_another_partition(send: Send) -> str:
    return query(send, ExclusiveStartKey=key("a", "other"))


def _other_type(send: Send) -> str:
    return call(send, "GetItem", TableName=CREDITS, Key={"pk": text("acme"), "sk": number("1")})


def _many(send: Send) -> Iterator[str]:
    yield write_batch(send, *(batched(str(place)) for place in range(26)))
    yield write_batch(send, batched("a"), {"DeleteRequest": {"Key": key("a")}})


def _over_16_mb(send: Send) -> str:
    for place in range(48):
        put(send, f"{place:02}", x=text("x" * 390_000))
    asked = {"Keys": [key(f"{place:02}") for place in range(48)], "ConsistentRead": True}
    return str(len(send("BatchGetItem", {"RequestItems": {CREDITS: asked}})["Responses"][CREDITS]))


def _at_once(send: Send) -> str:
    """Eight writers send transactions on one item at the same time."""
    with ThreadPoolExecutor(8) as pool:
        outcomes = pool.map(lambda _: transact(send, putting("a"), putting("b")), range(160))
        return " ".join(sorted(set(outcomes)))


def _malformed(send: Send) -> str:
    return call(
        send, "PutItem", TableName=CREDITS, Item=key(), ConditionExpression="attribute_not_exists pk"
    ) + ", " + update(send, "SET #x = :x", x=text(""))


NEVER_SENT = "no: never sent"
_TAKEN = f"{DONE}; 1"
_NOT_TAKEN = f"{DONE}; {REFUSED}"
_MISMATCH = f"{DONE} IdempotentParameterMismatchException"
_CANCELLED = "TransactionCanceledException"

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "a number of 39 digits",
        _number("1" * 39),
        (f"{DONE} {'1' * 39}", f"{REFUSED} absent", f"{REFUSED} absent"),
        f"{REFUSED} absent",
        "no: `DecimalAttribute` refuses it first",
    ),
    Difference(
        "a number of 1E+126",
        _number("1E126"),
        (f"{DONE} 1E126", f"{REFUSED} absent", f"{REFUSED} absent"),
        f"{REFUSED} absent",
        "no: `DecimalAttribute` refuses it first",
    ),
    Difference(
        "how 1.50 comes back",
        _number("1.50"),
        (f"{DONE} 1.50", f"{DONE} 1.5", f"{DONE} 1.5"),
        f"{DONE} 1.5",
        "no: numbers are written without zeros at the end, and read as numbers",
    ),
    Difference(
        "how 0.0000001 comes back in a part of its item",
        _projected_number,
        ("1E-7", "0.0000001", "0.0000001"),
        "0.0000001",
        "no: numbers are read as numbers",
    ),
    Difference(
        "how 1.0 inside a list comes back",
        _nested_number,
        ("1.0", "1", "1.0"),
        "1",
        "no: no item of the app has a list or a map",
    ),
    Difference(
        "a transaction sent again with its token",
        _again,
        (f"{DONE} {_CANCELLED} ConditionalCheckFailed", f"{DONE} {DONE}", f"{DONE} {DONE}"),
        f"{DONE} {DONE}",
        "yes: a lost answer counts on it; shown on the other two",
    ),
    Difference(
        "a token with other writes",
        _other_content,
        (f"{DONE} {DONE}", _MISMATCH, _MISMATCH),
        _MISMATCH,
        "no: each transaction has a new token",
    ),
    Difference(
        "a token of 37 characters",
        lambda send: transact(send, putting("a"), token="t" * 37),
        (DONE, REFUSED, REFUSED),
        REFUSED,
        "no: tokens have 36",
    ),
    Difference(
        "pages of two items with a limit of two",
        _at_the_limit,
        ("2", "2 0", "2 0"),
        "2 0",
        "in the ledger alone: its last page may have a cursor to an empty one",
    ),
    Difference(
        "pages of nine items of 300 KB",
        _nine,
        ("3 3 3", "3 3 3", "4 4 1"),
        "3 3 3",
        "no: pages are read to the end",
    ),
    Difference(
        "the same when a filter keeps none",
        lambda send: _nine(send, FilterExpression="attribute_exists(nothing)"),
        ("3 3 3", "3 3 3", "9"),
        "3 3 3",
        "no: empty pages are read past; shown by rules of the fault suites",
    ),
    Difference(
        "the first page of nine such items in an index of keys",
        _nine_in_an_index,
        ("3", "9", "4"),
        "9",
        "no: pages are read to the end",
    ),
    Difference(
        "a batch that reads 48 items of 390 KB",
        _over_16_mb,
        ("43", "48", "43"),
        "43",
        "no: what is unprocessed is asked for again",
    ),
    Difference(
        "a transaction of over 4 MB",
        _too_many_bytes,
        (DONE, REFUSED, REFUSED),
        REFUSED,
        "no: pages are written before, a transaction holds no more than one item of them",
    ),
    Difference(
        "a put and a check of one item in a transaction",
        _checked_and_put,
        (REFUSED, REFUSED, f"{_CANCELLED} None ConditionalCheckFailed"),
        REFUSED,
        NEVER_SENT,
    ),
    Difference(
        "an item that a transaction makes too large",
        _grown_in_a_transaction,
        (REFUSED, f"{_CANCELLED} ValidationError None", f"{_CANCELLED} ValidationError None"),
        f"{_CANCELLED} ValidationError None",
        "no: items have bounds of their own, far below",
    ),
    Difference(
        "a key that a transaction changes",
        _key_in_a_transaction,
        (REFUSED, DONE, f"{_CANCELLED} ValidationError"),
        REFUSED,
        NEVER_SENT,
    ),
    Difference(
        "an index key of another type, put",
        lambda send: put(send, due_key=text("j"), due_at=text("x")),
        (DONE, REFUSED, REFUSED),
        REFUSED,
        NEVER_SENT,
    ),
    Difference(
        "an index key of another type, by update",
        _index_type_by_update,
        (f"{DONE} {REFUSED}", f"{DONE} {REFUSED}", f"{DONE} {DONE}"),
        f"{DONE} {REFUSED}",
        NEVER_SENT,
    ),
    Difference(
        "a sort key of an index with 1,025 bytes",
        listed(list_kind="k", list_name="x" * 1025),
        (REFUSED, DONE, REFUSED),
        REFUSED,
        "no: names are cut",
    ),
    Difference(
        "26 writes in a batch; a put and a delete of one item",
        lambda send: " ".join(_many(send)),
        (f"{DONE} {DONE}", f"{REFUSED} {REFUSED}", f"{REFUSED} {REFUSED}"),
        f"{REFUSED} {REFUSED}",
        "no: batches have at most 25 different items",
    ),
    Difference(
        "`SET x = :x REMOVE x`",
        lambda send: update(send, "SET x = :x REMOVE x", x=text("")),
        (REFUSED, DONE, REFUSED),
        REFUSED,
        NEVER_SENT,
    ),
    Difference(
        "`ADD` to a number of 38 digits",
        _added,
        (f"{DONE} {_38[:-1]}9", f"{DONE} 12345678901234567890123456790000000000", f"{DONE} {_38[:-1]}9"),
        f"{DONE} {_38[:-1]}9",
        "no: the app adds by itself, in one condition with the write",
    ),
    Difference(
        "`UPDATED_NEW` of a new item",
        _shown,
        ("pk sk x", "x", "x"),
        "x",
        NEVER_SENT,
    ),
    Difference(
        "`BETWEEN` whose first bound is the greater",
        _ranged("sk BETWEEN :b AND :a", a="a", b="b"),
        (f"{DONE}; 0", _NOT_TAKEN, _NOT_TAKEN),
        _NOT_TAKEN,
        "yes: a range that is empty must not be asked for; shown on the other two",
    ),
    Difference(
        "two conditions on a sort key",
        _ranged("sk > :a AND sk < :b", a="0", b="b"),
        (_TAKEN, _NOT_TAKEN, _NOT_TAKEN),
        _NOT_TAKEN,
        NEVER_SENT,
    ),
    Difference(
        "`<>` on a sort key",
        _ranged("sk <> :b", b="b"),
        (f"{DONE}; breaks: AssertionError", _TAKEN, _NOT_TAKEN),
        _NOT_TAKEN,
        NEVER_SENT,
    ),
    Difference(
        "a filter by a key",
        _filtered_by_key,
        (_TAKEN, _TAKEN, _NOT_TAKEN),
        _NOT_TAKEN,
        NEVER_SENT,
    ),
    Difference(
        "a page that begins in another partition",
        _from_another_partition,
        ("0", REFUSED, REFUSED),
        REFUSED,
        "no: cursors are sealed with what they belong to",
    ),
    Difference(
        "a key of another type",
        _other_type,
        (DONE, REFUSED, REFUSED),
        REFUSED,
        NEVER_SENT,
    ),
    Difference(
        "a value twice in a set",
        lambda send: put(send, x={"SS": ["a", "a"]}),
        (DONE, REFUSED, REFUSED),
        REFUSED,
        NEVER_SENT,
    ),
    Difference(
        "an expression that is none, a name that is not given",
        _malformed,
        ("breaks: ValueError, breaks: KeyError", f"{REFUSED}, {REFUSED}", f"{REFUSED}, {REFUSED}"),
        f"{REFUSED}, {REFUSED}",
        NEVER_SENT,
    ),
    Difference(
        "transactions on one item at the same time",
        _at_once,
        (DONE, DONE, DONE),
        f"{DONE} {_CANCELLED} TransactionConflict",
        "yes: conflicts are sent again; shown by rules of the fault suites",
    ),
    Difference(
        "an item in its index, asked at once",
        lambda send: f"{put(send, due_key=text('j'), due_at=number('1'))} {in_index(send)}",
        (f"{DONE} 1", f"{DONE} 1", f"{DONE} 1"),
        f"{DONE} 0 or 1",
        "yes: jobs read the item itself before they decide",
    ),
)
