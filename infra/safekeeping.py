"""What keeps a table safe and is no part of making it: the end of items, recovery, and protection from deletion.

The template says this of the tables it makes. Tables that are restored or imported are made here, and a deployment
takes them over afterwards.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.catalog.store import key_keys
from chalicelib.platform.settings import settings
from chalicelib.platform.tables import table_definitions, ttl_attributes
from infra.names import name_of
from infra.tables import table_names

__all__ = [
    "TablesMissing",
    "differing_tables",
    "existing_tables",
    "holds_items",
    "holds_more_than_keys",
    "make_table",
    "protect_table",
    "require_tables",
    "stage_tables",
    "walk_items",
]

Sleep = Callable[[float], None]

# DynamoDB prepares backups of a new table for a while, and refuses recovery until then.
_UNREADY = {"ContinuousBackupsUnavailableException", "ResourceInUseException"}
_ATTEMPTS, _PAUSE_S = 120, 5


class TablesMissing(Exception):
    """Tables are not there, or not as they should be; the text says which."""


def stage_tables(stage: str) -> dict[str, str]:
    """Name the tables of a stage in AWS, by their short names."""
    return {table: name_of(stage, table) for table in table_names()}


def existing_tables(dynamodb: Any, names: Sequence[str]) -> list[str]:
    """List those of some tables that exist."""
    return [name for name in names if _exists(dynamodb, name)]


def require_tables(dynamodb: Any, names: Sequence[str]) -> None:
    """Raise ``TablesMissing`` unless all of some tables exist."""
    missing = set(names) - set(existing_tables(dynamodb, names))
    if missing:
        raise TablesMissing(f"There is no {', no '.join(sorted(missing))}.")


def holds_items(dynamodb: Any, name: str) -> bool:
    """Look for one item. A table's own count is up to six hours old; a scan of one item reads one item."""
    found = dynamodb.scan(TableName=name, Limit=1, Select="COUNT", ConsistentRead=True)
    return bool(found["Count"]) or "LastEvaluatedKey" in found


def holds_more_than_keys(dynamodb: Any, catalog: str) -> bool:
    """Tell whether a table of the catalog holds anything but API keys, of which the first deployment makes one."""
    keys = {":keys": {"S": key_keys("")[0]}}
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=catalog,
        ConsistentRead=True,
        FilterExpression="NOT begins_with(pk, :keys)",
        ExpressionAttributeValues=keys,
    )
    return any(page["Count"] for page in pages)


def differing_tables(dynamodb: Any, stage: str) -> list[str]:
    """Name the tables of a stage that have other keys or indexes than the models say."""
    wanted = {name_of(stage, name): _definition_of(name) for name in table_names()}
    there = existing_tables(dynamodb, list(wanted))
    found = {name: dynamodb.describe_table(TableName=name)["Table"] for name in there}
    return [name for name in there if _shape(found[name]) != _shape(wanted[name])]


def _definition_of(table: str) -> dict[str, Any]:
    return next(one for one in table_definitions() if one["TableName"] == settings.table_name(table))


def _shape(table: Mapping[str, Any]) -> Any:
    """Give what a table is found by: its keys, and its indexes with theirs and what they hold."""
    indexes = {
        one["IndexName"]: (_key(one["KeySchema"]), one["Projection"]["ProjectionType"])
        for one in table.get("GlobalSecondaryIndexes", [])
    }
    return _key(table["KeySchema"]), indexes


def _key(schema: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {one["KeyType"]: one["AttributeName"] for one in schema}


def walk_items(dynamodb: Any, name: str) -> Iterator[dict[str, Any]]:
    """Walk every item of a table."""
    for page in dynamodb.get_paginator("scan").paginate(TableName=name, ConsistentRead=True):
        yield from page["Items"]


def _exists(dynamodb: Any, name: str) -> bool:
    try:
        dynamodb.describe_table(TableName=name)
    except ClientError as fault:
        if fault.response["Error"]["Code"] == "ResourceNotFoundException":
            return False
        raise
    return True


def make_table(dynamodb: Any, stage: str, table: str) -> None:
    """Make an empty table as its models define it, and wait until it is there."""
    dynamodb.create_table(**{**_definition_of(table), "TableName": name_of(stage, table)})
    dynamodb.get_waiter("table_exists").wait(TableName=name_of(stage, table))


def protect_table(dynamodb: Any, stage: str, table: str, *, sleep: Sleep = time.sleep) -> None:
    """Turn on what is off of expiry, recovery and protection. Safe to repeat."""
    name = name_of(stage, table)
    attribute = ttl_attributes().get(settings.table_name(table))
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"]
    if attribute is not None and expiry == "DISABLED":
        wanted = {"Enabled": True, "AttributeName": attribute}
        _insist(lambda: dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=wanted), sleep)
    recovery = {"PointInTimeRecoveryEnabled": True}
    _insist(
        lambda: dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery), sleep
    )
    _insist(lambda: dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True), sleep)
    dynamodb.get_waiter("table_exists").wait(TableName=name)


def _insist(ask: Callable[[], Any], sleep: Sleep) -> None:
    for _ in range(_ATTEMPTS):
        try:
            ask()
        except ClientError as fault:
            if fault.response["Error"]["Code"] not in _UNREADY:
                raise
            sleep(_PAUSE_S)
        else:
            return
    raise TablesMissing("DynamoDB does not get ready; run the command again.")
