"""The app on an embedded DynamoDB in this process, with every unit that a call consumes added up."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from bench.sizes import item_bytes
from chalicelib.catalog import store as catalog_store
from chalicelib.catalog import tables as catalog_tables
from chalicelib.credits import tables as credits_tables
from chalicelib.invoices import tables as invoices_tables
from chalicelib.platform import idempotency, outbox, together
from chalicelib.platform.connection import client, disconnect
from chalicelib.platform.tables import create_tables
from chalicelib.usage import tables as usage_tables
from local.engine import EmbeddedDynamo, use_no_aws_account

_READS = frozenset({"GetItem", "BatchGetItem", "Query", "TransactGetItems"})
_READ_UNIT_BYTES = 4096
_DIRTY = "dirty#"
Request = dict[str, Any]
Answer = dict[str, Any]
# Their models define the tables.
TABLES = (catalog_tables, usage_tables, invoices_tables, credits_tables, idempotency, outbox)


@dataclass
class Bill:
    """What the calls of a stretch of code consumed.

    ``round_trips`` counts those that wait for one another: of reads made at the same time the longest chain counts.
    ``items`` are those of the greatest transaction. ``cancelled`` counts transactions that somebody else was faster
    than: their units, which DynamoDB asks for too, are not among these. ``kept_items`` counts the items that were put,
    ``kept_bytes`` what they weigh, without dirty marks, which do not stay. ``engine_cpu_s`` is the CPU of the calls,
    ``sdk_cpu_s`` the SDK's own part of it.
    """

    write_units: float = 0
    read_units: float = 0
    calls: int = 0
    round_trips: int = 0
    items: int = 0
    cancelled: int = 0
    kept_items: int = 0
    kept_bytes: int = 0
    engine_cpu_s: float = 0
    sdk_cpu_s: float = 0


class Meter:
    """Stands in front of the app's client, asks every call for its capacity and writes it on the open bill."""

    def __init__(self, engine: EmbeddedDynamo) -> None:
        self._bill = Bill()
        self._lock = threading.Lock()
        self._executing = threading.local()
        self._execute = engine.execute
        engine.execute = self._executed  # type: ignore[method-assign]
        found = client()
        self._send = found._make_api_call
        found._make_api_call = self._called

    def _executed(self, action: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Let the engine work, and remember for how long: the rest of a call is the SDK's."""
        started = time.thread_time()
        try:
            return self._execute(action, body)
        finally:
            self._executing.cpu_s = time.thread_time() - started

    def _called(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        started = time.thread_time()
        try:
            answer: dict[str, Any] = self._send(operation, {**request, "ReturnConsumedCapacity": "TOTAL"})
        except ClientError:
            with self._lock:
                self._bill.cancelled += operation == "TransactWriteItems"
            raise
        sdk_cpu_s = time.thread_time() - started - self._executing.cpu_s
        with self._lock:
            self._write_down(operation, request, answer)
            self._bill.sdk_cpu_s += sdk_cpu_s
            self._bill.engine_cpu_s += time.thread_time() - started
        return answer

    def _write_down(self, operation: str, request: dict[str, Any], answer: dict[str, Any]) -> None:
        bill = self._bill
        bill.calls += 1
        bill.round_trips += 1
        bill.items = max(bill.items, len(request.get("TransactItems", ())))
        if operation in _READS:
            bill.read_units += read_units(operation, *self._whole(operation, request, answer))
        else:
            consumed = answer["ConsumedCapacity"]
            bill.write_units += sum(each["CapacityUnits"] for each in (consumed if _is_list(consumed) else [consumed]))
            for item in _put_items(operation, request):
                if not item["pk"]["S"].startswith(_DIRTY):
                    bill.kept_items += 1
                    bill.kept_bytes += item_bytes(item)

    def _whole(self, operation: str, request: Request, answer: Answer) -> tuple[Request, Answer]:
        """Give a read of parts of items as one of whole items: it is paid like that."""
        if "ProjectionExpression" not in request:
            return request, answer
        whole = {name: value for name, value in request.items() if name != "ProjectionExpression"}
        return whole, self._send(operation, whole)

    @contextmanager
    def bill(self) -> Iterator[Bill]:
        """Write what happens inside on a new bill."""
        before, self._bill = self._bill, Bill()
        try:
            yield self._bill
        finally:
            self._bill = before

    def one_after_the_other(self, outcomes: list[Any]) -> None:
        """Make calls that the app makes at the same time, and count only the longest chain of round trips."""
        begun = self._bill.round_trips
        chains = []
        for outcome in outcomes:
            self._bill.round_trips = begun
            outcome.run()
            chains.append(self._bill.round_trips)
        self._bill.round_trips = max(chains, default=begun)


def _put_items(operation: str, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """List the items that a call puts whole."""
    if operation == "PutItem":
        yield request["Item"]
    elif operation == "TransactWriteItems":
        yield from (one["Put"]["Item"] for one in request["TransactItems"] if "Put" in one)
    elif operation == "BatchWriteItem":
        asked = [one for requests in request["RequestItems"].values() for one in requests]
        yield from (one["PutRequest"]["Item"] for one in asked if "PutRequest" in one)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def read_units(operation: str, request: dict[str, Any], answer: dict[str, Any]) -> float:
    """Count the units of a read by DynamoDB's rule, because the engine answers 1 whatever was read.

    A unit is 4 KB begun: of a query over all its items together, of single items each by itself; half of it when the
    read is not strongly consistent.
    """
    assert "ProjectionExpression" not in request, "an item that is read in part is paid in whole"
    assert "FilterExpression" not in request, "what a filter drops is paid too"
    if operation == "BatchGetItem":
        assert all(asked["ConsistentRead"] for asked in request["RequestItems"].values())
        keys = sum(len(asked["Keys"]) for asked in request["RequestItems"].values())
        sizes = [item_bytes(item) for items in answer["Responses"].values() for item in items]
        return sum(map(_units_of, sizes)) + keys - len(sizes)
    found = answer.get("Items", [answer["Item"]] if "Item" in answer else [])
    units = _units_of(sum(map(item_bytes, found)))
    return units if request.get("ConsistentRead") else units / 2


def _units_of(size: int) -> int:
    return max(1, -(-size // _READ_UNIT_BYTES))


@contextmanager
def open_store() -> Iterator[Meter]:
    """Give the app an empty store in memory, and a meter of what it consumes."""
    use_no_aws_account()
    disconnect()
    catalog_store.forget_definitions()
    at_once = together.run_all
    with EmbeddedDynamo() as engine:
        engine.attach(client())
        create_tables()
        meter = Meter(engine)
        together.run_all = meter.one_after_the_other
        try:
            yield meter
        finally:
            together.run_all = at_once
            disconnect()
            catalog_store.forget_definitions()
