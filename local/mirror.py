"""The kept copy of the embedded store: one SQLite row per item, committed with each write.

A committed row survives a kill of the process at any instant; SQLite's write-ahead log is not forced to the disk on
each commit, so a power failure may lose the last moments.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.wire import Item

FILE_NAME = "meterfold.sqlite3"
_SCHEMA = """
create table if not exists items (
    table_name text not null, item_key text not null, item text not null, primary key (table_name, item_key)
)
"""


class FolderInUse(Exception):
    """Another server keeps its data in this folder."""


class Mirror:
    """Keeps the items of one store in a folder that no other process may use at the same time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(folder / FILE_NAME, check_same_thread=False, timeout=0, isolation_level=None)
        self._unsaved: dict[tuple[str, str], Item | None] = {}
        try:
            for pragma in ("locking_mode = exclusive", "journal_mode = wal", "synchronous = normal"):
                self._database.execute(f"pragma {pragma}")
            self._database.execute("begin exclusive")
            self._database.execute(_SCHEMA)
            self._database.execute("commit")
        except sqlite3.OperationalError as error:
            self._database.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise FolderInUse(f"Another server is running on the data in {folder}.") from None
            raise

    def save(self, rows: Mapping[tuple[str, str], Item | None]) -> None:
        """Write items by (table, key) in one commit; ``None`` deletes.

        What could not be written (a full disk) stays queued and goes with the next commit.
        """
        self._unsaved.update(rows)
        self._database.execute("begin")
        try:
            for (table, key), item in self._unsaved.items():
                self._write(table, key, item)
            self._database.execute("commit")
        except sqlite3.Error:
            if self._database.in_transaction:
                self._database.execute("rollback")
            raise
        self._unsaved.clear()

    def _write(self, table: str, key: str, item: Item | None) -> None:
        if item is None:
            self._database.execute("delete from items where table_name = ? and item_key = ?", (table, key))
            return
        text = json.dumps(item, ensure_ascii=False, separators=(",", ":"))
        self._database.execute("insert or replace into items values (?, ?, ?)", (table, key, text))

    def load(self, table: str) -> Iterator[Item]:
        """Walk all kept items of a table."""
        for (text,) in self._database.execute("select item from items where table_name = ?", (table,)):
            yield json.loads(text)

    def forget(self, table: str) -> None:
        """Drop all kept items of a table."""
        self._database.execute("delete from items where table_name = ?", (table,))

    def close(self) -> None:
        """Fold the log into the file and let others use the folder."""
        self._database.close()
