"""What a release left: the items of all its tables, what its API answered about them, and the keys to ask with."""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.backup_items import Item, read_line, write_line

FOLDER = Path(__file__).parent
_ANSWERS = "answers.json.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release as it was recorded.

    ``once`` is a request that was made with an idempotency key, with its answer. ``secret`` is what signed then.
    """

    version: str
    now: str
    admin_key: str
    portal_token: str
    secret: str
    once: Mapping[str, Any]
    answers: Mapping[str, Any]

    def stored_items(self) -> Iterator[tuple[str, Item]]:
        """Walk all items with the short names of their tables."""
        for path in sorted((FOLDER / self.version).glob("*.jsonl.gz")):
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                for line in lines:
                    yield path.name.removesuffix(".jsonl.gz"), read_line(line)


def versions() -> list[str]:
    """List the releases that were recorded."""
    return sorted(path.parent.name for path in FOLDER.glob(f"*/{_ANSWERS}"))


def read_release(version: str) -> Release:
    """Read a release."""
    document = json.loads(gzip.decompress((FOLDER / version / _ANSWERS).read_bytes()))
    return Release(version=version, **document)


def write_release(release: Release, tables: Mapping[str, Sequence[Item]]) -> None:
    """Write a release: equal ones as equal bytes."""
    folder = FOLDER / release.version
    folder.mkdir(exist_ok=True)
    for table, items in tables.items():
        lines = sorted(write_line(item) for item in items)
        _write(folder / f"{table}.jsonl.gz", "".join(lines))
    document = {
        "now": release.now,
        "admin_key": release.admin_key,
        "portal_token": release.portal_token,
        "secret": release.secret,
        "once": release.once,
        "answers": release.answers,
    }
    _write(folder / _ANSWERS, json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1))


def _write(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
