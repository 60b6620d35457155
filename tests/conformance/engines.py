"""The engines side by side in one process, each with the app's tables and calls of the SDK: for comparing answers."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from botocore.session import get_session

from chalicelib.platform.connection import client
from chalicelib.platform.settings import settings
from chalicelib.platform.tables import table_definitions
from local.engine import EmbeddedDynamo
from tests import direct_moto
from tests.conformance.dynamodb_local import ADDRESS, Database
from tests.faults import store as fault_store
from tests.faults.store import import_tables

Arguments = dict[str, Any]
Send = Callable[[str, Arguments], Any]

MOTO, EMBEDDED, DYNAMODB_LOCAL = "moto", "embedded", "dynamodb-local"
# AWS's own engine is compared with where somebody has started it.
PRESENT = (MOTO, EMBEDDED, DYNAMODB_LOCAL) if ADDRESS in os.environ else (MOTO, EMBEDDED)
# Belongs to the process or to the text of an answer, not to what was done.
_NOT_COMPARED = ("ResponseMetadata", "ConsumedCapacity", "ItemCollectionMetrics")


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine: ``send`` makes a call as the app's client would, ``empty`` gives all tables anew."""

    name: str
    send: Send
    empty: Callable[[], None]


@contextmanager
def open_engines() -> Iterator[list[Engine]]:
    """Open every engine that is present; the app's own client is on none of them afterwards."""
    import_tables()
    opened = {MOTO: _open_moto, EMBEDDED: _open_embedded, DYNAMODB_LOCAL: _open_dynamodb_local}
    with ExitStack() as stack:
        yield [stack.enter_context(opened[name]()) for name in PRESENT]


@contextmanager
def _open_moto() -> Iterator[Engine]:
    with direct_moto.open_tables():
        yield Engine(MOTO, client()._make_api_call, direct_moto._make_tables)


@contextmanager
def _open_embedded() -> Iterator[Engine]:
    with fault_store._read_once(), EmbeddedDynamo() as engine:
        send = fault_store.ShortWay(engine)
        for definition in table_definitions():
            send("CreateTable", definition)

        def empty() -> None:
            for definition in table_definitions():
                send("DeleteTable", {"TableName": definition["TableName"]})
                send("CreateTable", definition)

        yield Engine(EMBEDDED, send, empty)


@contextmanager
def _open_dynamodb_local() -> Iterator[Engine]:
    opened = Database(f"scripts{os.environ.get('PYTEST_XDIST_WORKER', '')}")
    send = opened.way_of(get_session().create_client("dynamodb", region_name=settings.region))
    opened.make_tables()
    yield Engine(DYNAMODB_LOCAL, send, lambda: opened.put_back({}))


def answered(send: Send, operation: str, arguments: Arguments) -> Arguments:
    """Give what an engine answers: an error by its code, its cancellation reasons and the items that come with it."""
    try:
        answer = dict(send(operation, arguments))
    except ClientError as fault:
        return _refused(fault.response)
    return {name: value for name, value in answer.items() if name not in _NOT_COMPARED and value not in ({}, [], None)}


def _refused(response: Mapping[str, Any]) -> Arguments:
    shown: Arguments = {"refused": response["Error"]["Code"]}
    if response.get("Item"):
        shown["Item"] = response["Item"]
    if "CancellationReasons" in response:
        shown["reasons"] = [_reason(each) for each in response["CancellationReasons"]]
    return shown


def _reason(given: Mapping[str, Any]) -> Arguments:
    shown: Arguments = {"code": given.get("Code", "None")}
    return {**shown, "Item": given["Item"]} if given.get("Item") else shown
