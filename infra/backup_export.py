"""Export every table of a stage into files: JSON lines with exact numbers and bytes, and a manifest with their hashes.

Items are read as they stand when they are reached, one table after the other. What is written meanwhile may be in one
table and not in another, so a stage that is in use is restored to an instant first (``restore``), and the copy is
exported. ``verify`` finds what does not belong together.
"""

import argparse
import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.arguments import stage_name
from infra.aws import dynamodb_client
from infra.backup_items import write_line
from infra.backup_manifest import Manifest, TableFile
from infra.safekeeping import TablesMissing, require_tables, stage_tables, walk_items

__all__ = ["add_arguments", "export_stage", "run"]


def export_stage(dynamodb: Any, stage: str, folder: Path) -> Manifest:
    """Export every table into a folder that is not there yet, or is empty.

    Raises ``TablesMissing`` and ``FileExistsError``.
    """
    tables = stage_tables(stage)
    require_tables(dynamodb, list(tables.values()))
    # Names and addresses of people are in there.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty.")
    began_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    files = {table: _export_table(dynamodb, name, folder / f"{table}.jsonl") for table, name in tables.items()}
    manifest = Manifest(stage, began_at, files)
    manifest.write(folder)
    return manifest


def _export_table(dynamodb: Any, name: str, path: Path) -> TableFile:
    hashed, items = hashlib.sha256(), 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for item in walk_items(dynamodb, name):
            line = write_line(item)
            file.write(line)
            hashed.update(line.encode())
            items += 1
    return TableFile(path.name, items, hashed.hexdigest())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command line takes."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to: a folder that is not there, or empty")
    parser.add_argument("--stage", type=stage_name, required=True, help="name of the stage")
    parser.add_argument("--region", help="instead of AWS_REGION")


def run(options: argparse.Namespace) -> int:
    """Export from the command line; answers the exit code."""
    try:
        manifest = export_stage(dynamodb_client(options.region), options.stage, options.folder)
    except (TablesMissing, FileExistsError) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    for table, file in manifest.tables.items():
        print(f"{table}: {file.items} items", file=sys.stderr)
    return 0
