"""What a call costs by DynamoDB's rules, from the sizes of the items it reads, replaces and leaves behind.

A write unit is 1 KB begun, of the greater of the item before and after; in a transaction twice that, and a check costs
like a write. Each index of the table that the write changes is paid beside it, in a transaction too only once: where an
entry stays, the greater of the two; where it moves, the old one and the new one. A read unit is 4 KB begun, half of it
when the read may be stale: of single items each by itself, of a query all of a page together, before any filter.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from bench.sizes import Item, item_bytes
from chalicelib.platform.tables import table_definitions
from tests.conformance.engines import Send

Arguments = dict[str, Any]

_WRITTEN_KB = 1024
_READ_BYTES = 4096


def _units(size: int, unit: int) -> int:
    return max(1, -(-size // unit))


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call costs of a table and of its indexes; ``unindexed`` leaves out what costs nothing."""

    table: Fraction
    indexes: tuple[tuple[str, Fraction], ...] = ()

    @property
    def total(self) -> Fraction:
        """Add up the table and its indexes."""
        return self.table + sum(units for _, units in self.indexes)


def written(table: str, before: Item | None, after: Item | None, *, in_transaction: bool = False) -> Cost:
    """Tell what it costs to leave an item of a table as it is after a write; ``None`` is no item."""
    size = max(item_bytes(item) if item is not None else 0 for item in (before, after))
    units = _units(size, _WRITTEN_KB) * (2 if in_transaction else 1)
    found = ((index["IndexName"], _index_units(index, before, after)) for index in _indexes(table))
    return Cost(Fraction(units), tuple((name, Fraction(cost)) for name, cost in found if cost))


def _indexes(table: str) -> list[Arguments]:
    (definition,) = (each for each in table_definitions() if each["TableName"] == table)
    return list(definition.get("GlobalSecondaryIndexes", ()))


def _index_units(index: Arguments, before: Item | None, after: Item | None) -> int:
    old, new = (_entry(index, item) for item in (before, after))
    if old == new:
        return 0
    entries = [entry for entry in (old, new) if entry is not None]
    keys = [[entry[each["AttributeName"]] for each in index["KeySchema"]] for entry in entries]
    sizes = [item_bytes(entry) for entry in entries]
    if len(entries) == 2 and keys[0] == keys[1]:
        sizes = [max(sizes)]
    return sum(_units(size, _WRITTEN_KB) for size in sizes)


def _entry(index: Arguments, item: Item | None) -> Item | None:
    """Give what an index holds of an item; ``None`` when it has not all of its keys."""
    keys = [each["AttributeName"] for each in index["KeySchema"]]
    if item is None or not set(keys) <= set(item):
        return None
    if index["Projection"]["ProjectionType"] == "ALL":
        return item
    return {name: item[name] for name in (*keys, "pk", "sk")}


def read_each(items: Sequence[Item | None], *, is_consistent: bool = True) -> Fraction:
    """Tell what it costs to read single items; one that is not there costs as much as a small one."""
    units = sum(_units(item_bytes(item) if item is not None else 0, _READ_BYTES) for item in items)
    return Fraction(units) if is_consistent else Fraction(units, 2)


def read_together(items: Sequence[Item], *, is_consistent: bool = True) -> Fraction:
    """Tell what it costs to read a page of a query; an empty one costs as much as one small item."""
    units = _units(sum(map(item_bytes, items)), _READ_BYTES)
    return Fraction(units) if is_consistent else Fraction(units, 2)


def told(answer: Arguments) -> Fraction | None:
    """Give the units that an engine tells in all; ``None`` when it tells none."""
    consumed = answer.get("ConsumedCapacity")
    if not consumed:
        return None
    listed = consumed if isinstance(consumed, list) else [consumed]
    return sum((Fraction(str(each["CapacityUnits"])) for each in listed), Fraction(0))


def told_of_indexes(answer: Arguments) -> dict[str, Fraction]:
    """Give the units that an engine tells of each index."""
    consumed = answer["ConsumedCapacity"]
    listed = consumed if isinstance(consumed, list) else [consumed]
    return {
        name: Fraction(str(units["CapacityUnits"]))
        for each in listed
        for name, units in each.get("GlobalSecondaryIndexes", {}).items()
        if units["CapacityUnits"]
    }


def find(send: Send, table: str, key: Item) -> Item | None:
    """Read an item as an engine has it."""
    item: Item | None = send("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True}).get("Item")
    return item


Told = Callable[[Arguments], Fraction | None]


def writes_of(operation: str, request: Arguments) -> Iterator[tuple[str, Item, bool]]:
    """Walk the items that a call writes or checks: table, key, and whether a transaction does it."""
    if operation in ("PutItem", "UpdateItem", "DeleteItem"):
        yield request["TableName"], _key_of(request), False
    elif operation == "BatchWriteItem":
        for table, writes in request["RequestItems"].items():
            for write in writes:
                ((_, one),) = write.items()
                yield table, _key_of(one), False
    elif operation == "TransactWriteItems":
        for write in request["TransactItems"]:
            ((_, one),) = write.items()
            yield one["TableName"], _key_of(one), True


def _key_of(request: Arguments) -> Item:
    whole = request.get("Item") or request["Key"]
    return {name: whole[name] for name in ("pk", "sk")}
