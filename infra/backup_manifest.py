"""What an export holds: its manifest names each file with how many items it has and its SHA-256.

``read_export`` checks all of it before anybody uses any of it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.backup_items import Item, LineDamaged, read_line

__all__ = ["ExportDamaged", "Manifest", "TableFile", "items_of", "read_export"]

FORMAT = "meterfold-export-1"
MANIFEST = "manifest.json"


class ExportDamaged(Exception):
    """The export is not whole, or not as it was written; each line of the text says where."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """The items of one table: the file in the export's folder, how many it holds, and its SHA-256."""

    file: str
    items: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was exported from which stage, and when that began; tables by their short names."""

    stage: str
    began_at: str
    tables: Mapping[str, TableFile]

    def write(self, folder: Path) -> None:
        """Write it into the export's folder: the last thing, so an export without it did not end."""
        document = {"format": FORMAT, **asdict(self)}
        (folder / MANIFEST).write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _read_manifest(folder: Path) -> Manifest:
    try:
        document: Any = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ExportDamaged(f"{folder} has no {MANIFEST}: it is no export, or one that did not end.") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ExportDamaged(f"{folder} is no export of a kind that is known here.")
    try:
        tables = {table: TableFile(**file) for table, file in document["tables"].items()}
        return Manifest(document["stage"], document["began_at"], tables)
    except (KeyError, TypeError, AttributeError):
        raise ExportDamaged(f"{folder / MANIFEST} is not as it was written.") from None


def read_export(folder: Path) -> Manifest:
    """Read the manifest and every line of every file; raises ``ExportDamaged`` with everything that is wrong."""
    manifest = _read_manifest(folder)
    faults = [fault for table in manifest.tables for fault in _faults(folder, table, manifest.tables[table])]
    if faults:
        raise ExportDamaged("\n".join(faults))
    return manifest


def _faults(folder: Path, table: str, file: TableFile) -> Iterator[str]:
    hashed, items = hashlib.sha256(), 0
    try:
        with (folder / file.file).open("rb") as lines:
            for number, line in enumerate(lines, 1):
                hashed.update(line)
                items += 1
                try:
                    read_line(line.decode())
                except (LineDamaged, UnicodeDecodeError) as fault:
                    yield f"{table}: line {number}: {fault}"
    except OSError:
        yield f"{table}: there is no {file.file}"
        return
    if items != file.items:
        yield f"{table}: {items} items instead of {file.items}"
    if hashed.hexdigest() != file.sha256:
        yield f"{table}: {file.file} is not the file that was exported"


def items_of(folder: Path, file: TableFile) -> Iterator[Item]:
    """Walk the items of a table."""
    with (folder / file.file).open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            yield read_line(line)
