"""What a DynamoDB request on the wire writes: the keys it names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Item = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class KeySchema:
    """The key attributes of a table; ``sort`` is ``None`` where there is no sort key."""

    partition: str
    sort: str | None
    texts: bool
    """Both are strings, so sort keys are in the order of their text."""

    def key_of(self, item: Item) -> Item:
        """Take the key out of an item."""
        return {name: item[name] for name in (self.partition, self.sort) if name is not None}


def key_schema_of(definition: Mapping[str, Any]) -> KeySchema:
    """Read the key schema out of a ``CreateTable`` request."""
    names = {element["KeyType"]: element["AttributeName"] for element in definition["KeySchema"]}
    types = {attribute["AttributeName"]: attribute["AttributeType"] for attribute in definition["AttributeDefinitions"]}
    texts = all(types.get(name) == "S" for name in names.values())
    return KeySchema(partition=names["HASH"], sort=names.get("RANGE"), texts=texts)


def written_keys(
    action: str, request: Mapping[str, Any], schemas: Mapping[str, KeySchema]
) -> Iterator[tuple[str, Item]]:
    """Walk (table, key) of every item that a request may have written; nothing for a request that only reads."""
    if action == "PutItem":
        yield request["TableName"], schemas[request["TableName"]].key_of(request["Item"])
    elif action in ("UpdateItem", "DeleteItem"):
        yield request["TableName"], request["Key"]
    elif action == "BatchWriteItem":
        yield from _batch_keys(request["RequestItems"], schemas)
    elif action == "TransactWriteItems":
        yield from _transaction_keys(request["TransactItems"], schemas)


def _batch_keys(
    writes: Mapping[str, Sequence[Mapping[str, Any]]], schemas: Mapping[str, KeySchema]
) -> Iterator[tuple[str, Item]]:
    for table, requests in writes.items():
        for one in requests:
            put = one.get("PutRequest")
            yield table, schemas[table].key_of(put["Item"]) if put else one["DeleteRequest"]["Key"]


def _transaction_keys(
    writes: Sequence[Mapping[str, Any]], schemas: Mapping[str, KeySchema]
) -> Iterator[tuple[str, Item]]:
    for one in writes:
        if put := one.get("Put"):
            yield put["TableName"], schemas[put["TableName"]].key_of(put["Item"])
        elif write := one.get("Update") or one.get("Delete"):
            yield write["TableName"], write["Key"]
