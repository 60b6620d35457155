"""Which stored items a call touches: two calls that touch none in common give the same whichever comes first."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tests.faults.tap import Call, Request

LAST = "\U0010ffff"
_COMPARED = re.compile(r"(#?\w+)\s*(<=|>=|=|<|>)\s*(:\w+)")
_BETWEEN = re.compile(r"(#?\w+)\s+BETWEEN\s+(:\w+)\s+AND\s+(:\w+)")
_BEGINS = re.compile(r"begins_with\s*\(\s*(#?\w+)\s*,\s*(:\w+)\s*\)")


class Touch(NamedTuple):
    """A stretch of sort keys of one partition, both ends included; no partition means the whole table."""

    table: str
    partition: str | None
    low: str
    high: str
    writes: bool


Footprint = Sequence[Touch]


def depend(one: Footprint, other: Footprint) -> bool:
    """Tell whether the order of two calls may matter: one writes what the other reads or writes."""
    return any(
        (a.writes or b.writes)
        and a.table == b.table
        and (a.partition is None or b.partition is None or a.partition == b.partition)
        and a.low <= b.high
        and b.low <= a.high
        for a in one
        for b in other
    )


def point(name: str, *, writes: bool) -> Footprint:
    """Make the footprint of something that is not a call: it has a name of its own that others may touch too."""
    return [Touch(f"<{name}>", name, "", LAST, writes)]


def footprint(call: Call) -> Footprint:
    """Tell what a call touches; when in doubt more, never less."""
    return list(_touches(call.operation, call.request))


def _touches(operation: str, request: Request) -> Iterator[Touch]:
    if operation == "Query":
        yield _queried(request)
    elif operation == "BatchGetItem":
        for table, asked in request["RequestItems"].items():
            yield from (_item(table, key, writes=False) for key in asked["Keys"])
    elif operation == "BatchWriteItem":
        for table, requests in request["RequestItems"].items():
            yield from (_item(table, _written(one), writes=True) for one in requests)
    elif operation == "TransactWriteItems":
        for one in request["TransactItems"]:
            (kind, write), *_ = one.items()
            yield _item(write["TableName"], write.get("Item") or write["Key"], writes=kind != "ConditionCheck")
    else:
        yield _item(request["TableName"], request.get("Item") or request["Key"], writes=operation != "GetItem")


def _written(one: Request) -> Request:
    key: Request = one["PutRequest"]["Item"] if "PutRequest" in one else one["DeleteRequest"]["Key"]
    return key


def _item(table: str, key: Request, *, writes: bool) -> Touch:
    sort = key["sk"]["S"]
    return Touch(table, key["pk"]["S"], sort, sort, writes)


def _queried(request: Request) -> Touch:
    table = request["TableName"]
    if "IndexName" in request:
        return Touch(table, None, "", LAST, writes=False)
    condition = request["KeyConditionExpression"]
    partition, low, high = None, "", LAST
    for name, operator, value in _COMPARED.findall(condition):
        if _name(request, name) == "pk":
            partition = _text(request, value)
        elif operator in ("=", ">", ">="):
            low = _text(request, value)
            high = low if operator == "=" else high
        else:
            high = _text(request, value)
    for _, first, last in _BETWEEN.findall(condition):
        low, high = _text(request, first), _text(request, last)
    for _, prefix in _BEGINS.findall(condition):
        low, high = _text(request, prefix), _text(request, prefix) + LAST
    start = request.get("ExclusiveStartKey")
    if start is not None and request.get("ScanIndexForward", True):
        low = max(low, start["sk"]["S"])
    elif start is not None:
        high = min(high, start["sk"]["S"])
    return Touch(table, partition, low, high, writes=False)


def _name(request: Request, word: str) -> str:
    return str(request.get("ExpressionAttributeNames", {}).get(word, word))


def _text(request: Request, word: str) -> str:
    value: dict[str, Any] = request["ExpressionAttributeValues"][word]
    return str(value["S"])
