"""The store of the fault suites on DynamoDB Local."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.platform.connection import client
from tests.conformance.dynamodb_local import Database, database, keyed, open_tables
from tests.faults.store import Contents, FaultStore, Item, Kept
from tests.faults.tap import Tap


class RemoteStore(FaultStore):
    """The tap on the app's client, and the contents of the tables of another process."""

    def __init__(self, opened: Database, tap: Tap) -> None:
        self.tap = tap
        self._database = opened
        self._seen: tuple[int, Contents] | None = None

    def contents(self) -> Contents:
        """Give all items of all tables; they are read again when something may have been written."""
        if self._seen is None or self._seen[0] != self.tap.written:
            self._seen = self.tap.written, self._read()
        return self._seen[1]

    def _read(self) -> Contents:
        found: Contents = {}
        for name, items in self._database.contents().items():
            of_table = found.setdefault(name, {})
            for item in items.values():
                of_table.setdefault(item["pk"]["S"], {})[item["sk"]["S"]] = item
        return found

    def put_back(self, kept: Kept) -> None:
        """Make the tables what they were when they were kept."""
        before: Contents = pickle.loads(kept.pickled)  # noqa: S301 - our own bytes
        self._seen = None
        self._database.put_back({name: _flat(partitions) for name, partitions in before.items()})


def _flat(partitions: dict[str, dict[str, Item]]) -> dict[str, Item]:
    return dict(keyed(item for items in partitions.values() for item in items.values()))


@contextmanager
def open_remote() -> Iterator[FaultStore]:
    """Give the app empty tables on DynamoDB Local, with the tap on its client."""
    with open_tables():
        yield RemoteStore(database(), Tap(client(), client()._make_api_call))
