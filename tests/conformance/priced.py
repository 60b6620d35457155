"""The calls that the app makes, in every case that costs otherwise, and what engines tell that is not the rules'."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.conformance.asking import key, number, putting, text
from tests.conformance.capacity import Cost, find, read_each, read_together, writes_of, written
from tests.conformance.engines import DYNAMODB_LOCAL, EMBEDDED, Send
from tests.conformance.storage_scripts import CATALOG, CREDITS, INVOICES

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Priced:
    """A call, the items that are there before it, and the units that an engine tells where it is not the rules'."""

    what: str
    operation: str
    request: Arguments
    before: Sequence[Arguments] = ()
    told_otherwise: Mapping[str, Fraction] = field(default_factory=dict)


def _other(*, embedded: str | None = None, dynamodb_local: str | None = None) -> Mapping[str, Fraction]:
    given = {EMBEDDED: embedded, DYNAMODB_LOCAL: dynamodb_local}
    return {name: Fraction(units) for name, units in given.items() if units is not None}


def _put(table: str = CREDITS, sort: str = "a", /, **attributes: Any) -> Arguments:
    return {"TableName": table, "Item": {**key(sort), **attributes}}


def _keyed(table: str = CREDITS, sort: str = "a", /, **more: Any) -> Arguments:
    return {"TableName": table, "Key": key(sort), **more}


def _set(table: str = CREDITS, sort: str = "a", /, **values: Any) -> Arguments:
    sets = ", ".join(f"{name} = :{name}" for name in values)
    named = {f":{name}": value for name, value in values.items()}
    return _keyed(table, sort, UpdateExpression=f"SET {sets}", ExpressionAttributeValues=named)


def _checking(sort: str, condition: str = "attribute_exists(pk)") -> Arguments:
    return {"ConditionCheck": _keyed(CREDITS, sort, ConditionExpression=condition)}


def _transaction(*writes: Arguments) -> Arguments:
    return {"TransactItems": list(writes)}


def _partition(**options: Any) -> Arguments:
    values = {"ExpressionAttributeValues": {":p": text("acme")}}
    return {"TableName": INVOICES, "KeyConditionExpression": "pk = :p", "ConsistentRead": True, **values, **options}


def _index(table: str, index: str, partition: str) -> Arguments:
    values = {"ExpressionAttributeValues": {":p": text("j")}}
    return {"TableName": table, "IndexName": index, "KeyConditionExpression": f"{partition} = :p", **values}


def _size(size: int) -> Arguments:
    """Write an attribute of so many bytes without its name."""
    return {"x": text("x" * size)}


# A key and the name of the attribute take ten bytes.
_KB, _OVER_KB, _3_KB, _9_KB = _size(1014), _size(1015), _size(2500), _size(9000)
_DUE = {"due_key": text("j"), "due_at": number("5")}
_LATER = {"due_key": text("j"), "due_at": number("6")}
_NAMED = {"list_kind": text("j"), "list_name": text("n")}
_RENAMED = {"list_kind": text("j"), "list_name": text("m")}
_THREE = [_put(INVOICES, "1", **_3_KB), _put(INVOICES, "2", **_3_KB), _put(INVOICES, "9", **_9_KB)]

WRITES = (
    Priced("put of 1,024 bytes", "PutItem", _put(**_KB)),
    Priced("put of 1,025 bytes", "PutItem", _put(**_OVER_KB)),
    Priced("put of a small item over one of 3 KB", "PutItem", _put(), [_put(**_3_KB)]),
    Priced("put, due", "PutItem", _put(**_DUE)),
    Priced("put of 3 KB, due", "PutItem", _put(**_3_KB, **_DUE)),
    Priced("put over one with the same due key", "PutItem", _put(**_KB, **_DUE), [_put(**_3_KB, **_DUE)]),
    Priced("put over one with another due key", "PutItem", _put(**_LATER), [_put(**_DUE)]),
    Priced("put over one that was due", "PutItem", _put(), [_put(**_DUE)]),
    Priced("put of 3 KB, listed", "PutItem", _put(CATALOG, **_3_KB, **_NAMED)),
    Priced("small put over 3 KB, listed", "PutItem", _put(CATALOG, **_NAMED), [_put(CATALOG, **_3_KB, **_NAMED)]),
    Priced("the same put again, listed", "PutItem", _put(CATALOG, **_NAMED), [_put(CATALOG, **_NAMED)]),
    Priced("put of 3 KB, renamed", "PutItem", _put(CATALOG, **_3_KB, **_RENAMED), [_put(CATALOG, **_3_KB, **_NAMED)]),
    Priced("update of an item of 3 KB", "UpdateItem", _set(y=number("1")), [_put(**_3_KB)]),
    Priced("update of an item of 3 KB, then due", "UpdateItem", _set(**_DUE), [_put(**_3_KB)]),
    Priced("delete of 3 KB, listed and due", "DeleteItem", _keyed(CATALOG), [_put(CATALOG, **_3_KB, **_NAMED, **_DUE)]),
    Priced("delete of what is not there", "DeleteItem", _keyed()),
    Priced(
        "batch: put of 3 KB, put that is due, delete",
        "BatchWriteItem",
        {
            "RequestItems": {
                CREDITS: [
                    {"PutRequest": {"Item": {**key("a"), **_3_KB}}},
                    {"PutRequest": {"Item": {**key("b"), **_DUE}}},
                    {"DeleteRequest": {"Key": key("c")}},
                ]
            }
        },
        [_put(CREDITS, "c", **_3_KB)],
    ),
)
TRANSACTIONS = (
    Priced(
        "transaction: a small put",
        "TransactWriteItems",
        _transaction(putting("a")),
        (),
        _other(dynamodb_local="4"),
    ),
    Priced("transaction: two small puts", "TransactWriteItems", _transaction(putting("a"), putting("b"))),
    Priced(
        "transaction: three small puts",
        "TransactWriteItems",
        _transaction(putting("a"), putting("b"), putting("c")),
        (),
        _other(dynamodb_local="4"),
    ),
    Priced(
        "transaction: puts of 1 KB and 3 KB",
        "TransactWriteItems",
        _transaction(putting("a"), putting("b", **_3_KB)),
        (),
        _other(dynamodb_local="16"),
    ),
    Priced(
        "transaction: a put that is due",
        "TransactWriteItems",
        _transaction(putting("a", **_DUE)),
        (),
        _other(dynamodb_local="8"),
    ),
    Priced(
        "transaction: puts into two tables, with indexes",
        "TransactWriteItems",
        _transaction(putting("a", **_DUE), putting("b", CATALOG, **_3_KB, **_NAMED, **_DUE)),
        (),
        _other(dynamodb_local="36"),
    ),
    Priced(
        "transaction: update of 3 KB",
        "TransactWriteItems",
        _transaction({"Update": _set(y=number("1"))}),
        [_put(**_3_KB)],
        _other(dynamodb_local="12"),
    ),
    Priced(
        "transaction: delete of 3 KB",
        "TransactWriteItems",
        _transaction({"Delete": _keyed()}),
        [_put(**_3_KB)],
        _other(dynamodb_local="12"),
    ),
    Priced(
        "transaction: check of 3 KB",
        "TransactWriteItems",
        _transaction(_checking("a")),
        [_put(**_3_KB)],
        _other(dynamodb_local="4"),
    ),
    Priced(
        "transaction: check of what is not there",
        "TransactWriteItems",
        _transaction(_checking("a", "attribute_not_exists(pk)")),
        (),
        _other(dynamodb_local="4"),
    ),
)
READS = (
    Priced("get of 3 KB", "GetItem", _keyed(INVOICES, "1", ConsistentRead=True), _THREE),
    Priced("get of 3 KB that may be stale", "GetItem", _keyed(INVOICES, "1"), _THREE),
    Priced("get of 9 KB", "GetItem", _keyed(INVOICES, "9", ConsistentRead=True), _THREE, _other(embedded="1")),
    Priced(
        "get of the key of 9 KB",
        "GetItem",
        _keyed(INVOICES, "9", ConsistentRead=True, ProjectionExpression="pk"),
        _THREE,
        _other(embedded="1"),
    ),
    Priced("get of what is not there", "GetItem", _keyed(INVOICES, "none", ConsistentRead=True)),
    Priced("query of 14 KB", "Query", _partition(), _THREE, _other(embedded="1")),
    Priced(
        "query of the last two items, 12 KB",
        "Query",
        _partition(Limit=2, ScanIndexForward=False),
        _THREE,
        _other(embedded="1"),
    ),
    Priced("query of the keys of 14 KB", "Query", _partition(ProjectionExpression="pk"), _THREE, _other(embedded="1")),
    Priced(
        "query of 14 KB that a filter drops",
        "Query",
        _partition(FilterExpression="attribute_exists(nothing)"),
        _THREE,
        _other(embedded="1"),
    ),
    Priced("query of nothing", "Query", _partition(), (), _other(dynamodb_local="0")),
    Priced("query of an index of keys", "Query", _index(CATALOG, "due", "due_key"), [_put(CATALOG, **_9_KB, **_DUE)]),
    Priced(
        "query of an index of whole items of 9 KB",
        "Query",
        _index(CATALOG, "list", "list_kind"),
        [_put(CATALOG, **_9_KB, **_NAMED)],
        _other(embedded="1/2"),
    ),
    Priced(
        "batch of 3 KB, 9 KB and what is not there",
        "BatchGetItem",
        {"RequestItems": {INVOICES: {"Keys": [key("1"), key("9"), key("none")], "ConsistentRead": True}}},
        _THREE,
        _other(dynamodb_local="4"),
    ),
    Priced(
        "transaction that reads 3 KB, 9 KB and what is not there",
        "TransactGetItems",
        {"TransactItems": [{"Get": _keyed(INVOICES, sort)} for sort in ("1", "9", "none")]},
        _THREE,
        _other(embedded="6"),
    ),
)
PRICED = (*WRITES, *TRANSACTIONS, *READS)


def cost_by_rules(send: Send, case: Priced) -> Cost:
    """Carry out what comes before and the call itself, and tell what the call costs by the rules."""
    for request in case.before:
        send("PutItem", request)
    targets = list(writes_of(case.operation, case.request))
    if not targets:
        return Cost(_read_cost(send, case))
    before = [find(send, table, item_key) for table, item_key, _ in targets]
    send(case.operation, case.request)
    after = [find(send, table, item_key) for table, item_key, _ in targets]
    costs = [
        written(table, old, new, in_transaction=in_transaction)
        for (table, _, in_transaction), old, new in zip(targets, before, after, strict=True)
    ]
    indexes: dict[str, Fraction] = {}
    for cost in costs:
        for name, units in cost.indexes:
            indexes[name] = indexes.get(name, Fraction(0)) + units
    return Cost(sum((cost.table for cost in costs), Fraction(0)), tuple(sorted(indexes.items())))


def _read_cost(send: Send, case: Priced) -> Fraction:
    request = case.request
    if case.operation == "GetItem":
        item = find(send, request["TableName"], request["Key"])
        return read_each([item], is_consistent=request.get("ConsistentRead", False))
    if case.operation == "BatchGetItem":
        keys = [(table, one) for table, asked in request["RequestItems"].items() for one in asked["Keys"]]
        return read_each([find(send, table, one) for table, one in keys])
    if case.operation == "TransactGetItems":
        asked = [each["Get"] for each in request["TransactItems"]]
        return 2 * read_each([find(send, one["TableName"], one["Key"]) for one in asked])
    whole = {name: value for name, value in request.items() if name not in ("ProjectionExpression", "FilterExpression")}
    return read_together(send("Query", whole)["Items"], is_consistent=request.get("ConsistentRead", False))
