"""The app's one client on an embedded engine of its own, whose contents can be kept, put back and read as a whole.

The engine has real conditions, transactions with tokens, and consumed capacity. It runs in this process, so a case
costs milliseconds and thousands of them fit into a test run.
"""

import base64
import importlib
import importlib.util
import json
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ministack.services import dynamodb

from chalicelib.platform.connection import client, disconnect
from chalicelib.platform.tables import create_tables, table_definitions
from local.engine import EmbeddedDynamo
from tests.conformance.engine_choice import ENGINE
from tests.faults.tap import Reply, Request, Tap

Item = dict[str, dict[str, Any]]
# Table to partition key to sort key to item, as the engine keeps them.
Contents = dict[str, dict[str, dict[str, Item]]]


class FaultStore:
    """An engine, the tap on the app's client, and the tables' contents."""

    def __init__(self, engine: EmbeddedDynamo, tap: Tap) -> None:
        self.tap = tap
        self._engine = engine
        self._names = [definition["TableName"] for definition in table_definitions()]

    def contents(self) -> Contents:
        """Give all items of all tables; not to be changed."""
        return {name: self._engine._table(name)["items"] for name in self._names}

    def keep(self) -> "Kept":
        """Keep every byte of every table."""
        ordered = {
            name: {pk: dict(sorted(items.items())) for pk, items in sorted(partitions.items()) if items}
            for name, partitions in self.contents().items()
        }
        return Kept(repr(ordered), pickle.dumps(ordered))

    def put_back(self, kept: "Kept") -> None:
        """Make the tables what they were when they were kept."""
        contents: Contents = pickle.loads(kept.pickled)  # noqa: S301 - our own bytes
        for name, partitions in contents.items():
            table = self._engine._table(name)
            table["items"].clear()
            table["items"].update(partitions)
            self._engine._engine._items_replaced(table)
        self._engine._partitions.clear()


@dataclass(frozen=True)
class Kept:
    """All tables at one moment: equal exactly when every byte is."""

    text: str
    pickled: bytes = field(compare=False, repr=False)


def as_read(item: Item) -> Item:
    """Give an item as the client reads it: the engine keeps bytes as the text of the wire."""
    read: Item = json.loads(json.dumps(item), object_hook=_with_bytes)
    return read


def _with_bytes(value: dict[str, Any]) -> dict[str, Any]:
    """Give a value as the client reads it, where it is bytes."""
    text = value.get("B")
    return {"B": base64.b64decode(text)} if isinstance(text, str) else value


class ShortWay:
    """Carries a call from the client to the engine as JSON, past the SDK's serializers: four times as fast."""

    def __init__(self, engine: EmbeddedDynamo) -> None:
        self._engine = engine

    def __call__(self, operation: str, request: Request) -> Reply:
        body = json.dumps(request, default=_as_text).encode()
        status, _, content = self._engine.execute(operation, body)
        answer: Reply = json.loads(content, object_hook=_with_bytes)
        if status == 200:
            return answer
        code = str(answer.pop("__type", "")).rpartition("#")[2]
        error = {"Code": code, "Message": answer.pop("message", "")}
        raise ClientError({**answer, "Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}, operation)


def _as_text(value: Any) -> str:
    assert isinstance(value, bytes | bytearray)
    return base64.b64encode(value).decode()


def import_tables() -> None:
    """Import every domain's models, so that their tables are created."""
    importlib.import_module("chalicelib.platform.idempotency")
    for domain in ("catalog", "usage", "credits", "invoices"):
        if importlib.util.find_spec(f"chalicelib.{domain}.tables") is not None:
            importlib.import_module(f"chalicelib.{domain}.tables")


@cache
def _engine_readers() -> tuple[Callable[[str], Any], Callable[[str, str], Any]]:
    """Give what reads expressions for the engine, so that each text is read once: the app has a few hundred."""
    return lru_cache(maxsize=None)(dynamodb._tokenize), lru_cache(maxsize=None)(dynamodb._condition_syntax_error)


@contextmanager
def _read_once() -> Iterator[None]:
    tokenize, find_error = _engine_readers()
    with pytest.MonkeyPatch.context() as patch:
        # The engine goes through tokens by a position of its own: it changes no list of them.
        patch.setattr(dynamodb, "_tokenize", tokenize)
        patch.setattr(dynamodb, "_condition_syntax_error", find_error)
        yield


@contextmanager
def open_store() -> Iterator[FaultStore]:
    """Give the app a store of its own, empty, with every table; the client is forgotten afterwards."""
    import_tables()
    disconnect()
    if ENGINE == "dynamodb-local":
        from tests.conformance.fault_store import open_remote

        with open_remote() as opened:
            yield opened
    else:
        with _open_embedded() as opened:
            yield opened
    disconnect()


@contextmanager
def _open_embedded() -> Iterator[FaultStore]:
    with _read_once(), EmbeddedDynamo() as engine:
        engine.attach(client())
        create_tables()
        yield FaultStore(engine, Tap(client(), ShortWay(engine)))
