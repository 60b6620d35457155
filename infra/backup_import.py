"""Import an export into the tables of another stage, which are made where they are not there yet.

Every hash is checked before the first item is written. Tables that hold anything are refused, unless an import that
stopped is to go on (``--again``): then all that they hold must be in the export, and what is not there is written. A
deployment of the stage takes the tables over afterwards.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.arguments import stage_name
from infra.aws import dynamodb_client
from infra.backup_items import Item, place_of, write_line
from infra.backup_manifest import ExportDamaged, Manifest, TableFile, items_of, read_export
from infra.names import name_of
from infra.safekeeping import (
    TablesMissing,
    existing_tables,
    holds_items,
    make_table,
    protect_table,
    stage_tables,
    walk_items,
)

__all__ = ["ItemsDiffer", "TablesHoldItems", "add_arguments", "import_stage", "run"]

# How many items are on their way at once: each is a call of its own, because it has a condition.
_AT_ONCE = 16
_BATCH = 500


class TablesHoldItems(Exception):
    """Tables hold items already; the text names them."""


class ItemsDiffer(Exception):
    """An item is there, and is another than the export's; the text names it."""


def import_stage(dynamodb: Any, folder: Path, stage: str, *, again: bool = False) -> Manifest:
    """Import an export; ``again`` goes on with an import that stopped. Answers the export's manifest.

    Raises ``ExportDamaged``, ``TablesMissing``, ``TablesHoldItems`` and ``ItemsDiffer`` before anything is written, and
    ``ItemsDiffer`` also when somebody else writes meanwhile.
    """
    manifest = read_export(folder)
    tables = stage_tables(stage)
    if set(manifest.tables) != set(tables):
        raise TablesMissing(f"The export has {sorted(manifest.tables)}, and this release {sorted(tables)}.")
    there = existing_tables(dynamodb, list(tables.values()))
    full = [name for name in there if holds_items(dynamodb, name)]
    if full and not again:
        raise TablesHoldItems(f"These tables hold items: {', '.join(full)}.")
    for table, name in tables.items():
        if name in full:
            _refuse_strangers(dynamodb, folder, manifest.tables[table], name)
    for table, name in tables.items():
        if name not in there:
            make_table(dynamodb, stage, table)
    for table, file in manifest.tables.items():
        _import_table(dynamodb, folder, file, name_of(stage, table))
    for table in tables:
        protect_table(dynamodb, stage, table)
    return manifest


def _refuse_strangers(dynamodb: Any, folder: Path, file: TableFile, name: str) -> None:
    """Refuse a table that holds what is not in the export, before anything is written: it is another stage's."""
    known = {_digest(item) for item in items_of(folder, file)}
    for item in walk_items(dynamodb, name):
        if _digest(item) not in known:
            raise ItemsDiffer(f"{name}: {place_of(item)} is there, and is not as in the export.")


def _digest(item: Item) -> bytes:
    """Stand for an item: tables hold more than fits into memory."""
    return hashlib.sha256(write_line(item).encode()).digest()


def _import_table(dynamodb: Any, folder: Path, file: TableFile, name: str) -> None:
    items = items_of(folder, file)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        while batch := list(islice(items, _BATCH)):
            # The results are asked for, so that what failed is raised here.
            list(threads.map(lambda item: _put(dynamodb, name, item), batch))


def _put(dynamodb: Any, name: str, item: Item) -> None:
    try:
        dynamodb.put_item(TableName=name, Item=item, ConditionExpression="attribute_not_exists(pk)")
    except ClientError as fault:
        if fault.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        _refuse_another(dynamodb, name, item)


def _refuse_another(dynamodb: Any, name: str, item: Item) -> None:
    key = {part: item[part] for part in ("pk", "sk")}
    stored = dynamodb.get_item(TableName=name, Key=key, ConsistentRead=True).get("Item", {})
    if write_line(stored) != write_line(item):
        raise ItemsDiffer(f"{name}: {place_of(item)} is there, and is another.") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command line takes."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="what export wrote")
    parser.add_argument("--stage", type=stage_name, required=True, help="name of the stage to import into")
    parser.add_argument("--again", action="store_true", help="go on with an import that stopped")
    parser.add_argument("--region", help="instead of AWS_REGION")


def run(options: argparse.Namespace) -> int:
    """Import from the command line; answers the exit code."""
    dynamodb = dynamodb_client(options.region)
    try:
        manifest = import_stage(dynamodb, options.folder, options.stage, again=options.again)
    except (ExportDamaged, TablesMissing, TablesHoldItems, ItemsDiffer) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    for line in _told(manifest):
        print(line, file=sys.stderr)
    return 0


def _told(manifest: Manifest) -> Iterator[str]:
    for table, file in manifest.tables.items():
        yield f"{table}: {file.items} items"
    yield f"From {manifest.stage}, {manifest.began_at}. Check it: python -m infra verify --stage …"
