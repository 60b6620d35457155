"""Empty tables on DynamoDB Local, as fast as tests need them: they are created once in a process, then emptied."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.platform.tables import client, table_definitions
from tests.conformance.short_way import Arguments, ShortWay, Wire

ADDRESS = "METERFOLD_DYNAMODB_LOCAL"
_BATCH = 25
# Queues and functions are moto's on every engine.
_THE_REST: Any = {"core": {"mock_credentials": False, "passthrough": {"urls": [r"http://127\.0\.0\.1"]}}}

Contents = dict[str, dict[str, dict[str, Any]]]


class Database:
    """One database of DynamoDB Local; each credential has its own."""

    def __init__(self, credential: str) -> None:
        self._wire = Wire(os.environ[ADDRESS], credential)
        # What another run of the same process name left is not known, so it goes.
        for name in self.send("ListTables", {})["TableNames"]:
            self.send("DeleteTable", {"TableName": name})
        self._made: dict[str, Any] = {}

    def send(self, operation: str, request: Arguments) -> Arguments:
        """Carry out a call whose request and answer are those of the wire; no fault is expected."""
        status, _, body = self._wire.post(operation, json.dumps(request).encode())
        answer: Arguments = json.loads(body)
        assert status == 200, answer
        return answer

    def way_of(self, dynamodb: Any) -> ShortWay:
        """Give a client its way to this database."""
        return ShortWay(dynamodb, self._wire)

    def make_tables(self) -> None:
        """Give every table of the imported models, empty.

        Time-to-live stays off: the tests' clock stands in the past, and what has expired is deleted within seconds.
        """
        wanted = {definition["TableName"]: definition for definition in table_definitions()}
        for name, definition in self._made.items():
            if wanted.get(name) != definition:
                self.send("DeleteTable", {"TableName": name})
        self._made = {name: made for name, made in self._made.items() if wanted.get(name) == made}
        self.put_back({})
        for name in wanted.keys() - self._made.keys():
            self.send("CreateTable", wanted[name])
        self._made = wanted

    def contents(self) -> Contents:
        """Give every item of every table as it is on the wire, by table and key."""
        return {name: dict(self._items(name)) for name in self._made}

    def _items(self, table: str) -> Iterator[tuple[str, dict[str, Any]]]:
        begin: Arguments = {}
        while True:
            page = self.send("Scan", {"TableName": table, "ConsistentRead": True, **begin})
            yield from keyed(page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            begin = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def put_back(self, before: Contents) -> None:
        """Make the contents what they were; nothing but the difference is written."""
        for table, found in self.contents().items():
            wanted = before.get(table, {})
            writes = [{"PutRequest": {"Item": item}} for key, item in wanted.items() if found.get(key) != item]
            gone = [found[key] for key in found.keys() - wanted.keys()]
            writes += [{"DeleteRequest": {"Key": {"pk": item["pk"], "sk": item["sk"]}}} for item in gone]
            for start in range(0, len(writes), _BATCH):
                answer = self.send("BatchWriteItem", {"RequestItems": {table: writes[start : start + _BATCH]}})
                assert not answer["UnprocessedItems"]


def keyed(items: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Walk items with their keys as text."""
    for item in items:
        yield json.dumps([item["pk"], item["sk"]]), item


_database: list[Database] = []


def database() -> Database:
    """Give the one database of this process."""
    if not _database:
        _database.append(Database(os.environ["AWS_ACCESS_KEY_ID"]))
    return _database[0]


@contextmanager
def open_tables() -> Iterator[None]:
    """Give every table, empty, to which the app's client has a short way."""
    with mock_aws(config=_THE_REST), pytest.MonkeyPatch.context() as patch:
        dynamodb = client()
        way = database().way_of(dynamodb)
        patch.setattr(dynamodb, "_make_api_call", way)
        database().make_tables()
        yield
