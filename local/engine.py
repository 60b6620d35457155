"""The embedded DynamoDB: ministack's engine called in the process, with every write mirrored to a file.

A botocore hook answers the client's requests, so there is no socket and no credential. One lock makes executing a call
and mirroring it one step: what was answered is kept. Every engine has an AWS account of its own, so several live side
by side in one process. Time-to-live is never enabled: expired items stay until their owner ignores them.
"""

import itertools
import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

import botocore
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from local.mirror import Mirror
from local.partitions import Partitions, queried_partition
from local.wire import Item, KeySchema, key_schema_of, written_keys

REGION = "us-east-1"
_MUTATING = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
_NO_SORT = "__no_sort__"
_accounts = itertools.count(1)
# The engine's tables are one structure of its module, shared by all accounts.
_engine_lock = threading.RLock()


def use_no_aws_account() -> None:
    """Give this process credentials that belong to nobody, so that nothing here can reach a real account."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        os.environ.pop(name, None)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ[name] = "local"
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        os.environ[name] = REGION
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


def _ministack() -> ModuleType:
    """Import the engine when it is first used; it logs nothing below warnings."""
    logging.getLogger("dynamodb").setLevel(logging.WARNING)
    from ministack.services import dynamodb

    module: ModuleType = dynamodb
    return module


class _Body:
    """The body of an answer as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_options: object) -> Iterator[bytes]:
        yield self._content


class EmbeddedDynamo:
    """A DynamoDB in this process: in memory, or kept in a folder.

    Use as a context manager, or call ``close``; closing forgets the tables but not the folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Open an engine; ``None`` keeps nothing. Raises ``FolderInUse`` where another one has the folder."""
        self._mirror = Mirror(folder) if folder is not None else None
        self._account = f"{next(_accounts):012d}"
        self._engine = _ministack()
        self._schemas: dict[str, KeySchema] = {}
        self._partitions = Partitions()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self.close()

    def attach(self, client: Any) -> None:
        """Answer every DynamoDB request of a botocore client from now on; nothing is signed or sent."""
        client.meta.events.register_last("before-send.dynamodb", self._answer)
        client.meta.events.register_first("choose-signer.dynamodb", _unsigned)

    def detach(self, client: Any) -> None:
        """Give a client its network back."""
        client.meta.events.unregister("before-send.dynamodb", self._answer)
        client.meta.events.unregister("choose-signer.dynamodb", _unsigned)

    def execute(self, action: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Carry out one request of the wire and mirror what it wrote; gives status, headers and body."""
        request = json.loads(body)
        if action == "UpdateTimeToLive":
            return 200, {}, json.dumps({"TimeToLiveSpecification": request["TimeToLiveSpecification"]}).encode()
        with _engine_lock:
            with self._narrowed(action, request):
                status, headers, answer = self._run(action, body)
            if status == 200:
                self._follow(action, request)
        return status, headers, answer if isinstance(answer, bytes) else answer.encode()

    def _run(self, action: str, body: bytes) -> tuple[int, dict[str, str], bytes | str]:
        from ministack.core.responses import request_scope

        call = self._engine.handle_request("POST", "/", {"x-amz-target": f"DynamoDB_20120810.{action}"}, body, {})
        with request_scope(self._account, REGION):
            try:
                call.send(None)
            except StopIteration as finished:
                result: tuple[int, dict[str, str], bytes | str] = finished.value
                return result
        raise RuntimeError("the engine waited for something")

    def _follow(self, action: str, request: Mapping[str, Any]) -> None:
        if action == "CreateTable":
            self._schemas[request["TableName"]] = key_schema_of(request)
            self._fill(request["TableName"])
        elif action == "DeleteTable":
            self._forget(request["TableName"])
        elif action in _MUTATING:
            self._keep(action, request)

    def _fill(self, name: str) -> None:
        if self._mirror is None:
            return
        table = self._table(name)
        for item in self._mirror.load(name):
            partition, sort = self._place(name, item)
            table["items"].setdefault(partition, {})[sort] = item
        self._engine._items_replaced(table)

    def _forget(self, name: str) -> None:
        del self._schemas[name]
        self._partitions.clear()
        if self._mirror is not None:
            self._mirror.forget(name)

    def _keep(self, action: str, request: Mapping[str, Any]) -> None:
        rows: dict[tuple[str, str], Item | None] = {}
        for name, key in written_keys(action, request, self._schemas):
            partition, sort = self._place(name, key)
            item = self._table(name)["items"].get(partition, {}).get(sort)
            self._partitions.keep(name, partition, sort, present=item is not None)
            rows[name, json.dumps(key, sort_keys=True)] = item
        if self._mirror is not None and rows:
            self._mirror.save(rows)

    def _table(self, name: str) -> dict[str, Any]:
        table: dict[str, Any] = self._engine._tables.get_scoped(self._account, REGION, name)
        return table

    def _place(self, name: str, key: Item) -> tuple[str, str]:
        schema = self._schemas[name]
        sort = _only_value(key[schema.sort]) if schema.sort is not None else _NO_SORT
        return _only_value(key[schema.partition]), sort

    @contextmanager
    def _narrowed(self, action: str, request: Mapping[str, Any]) -> Iterator[None]:
        """Let the engine see only the items of a partition that a query of a table (not of an index) may read."""
        schema = self._schemas.get(request.get("TableName", "")) if action == "Query" else None
        partition = queried_partition(request, schema) if schema is not None else None
        if schema is None or partition is None:
            yield
            return
        table = self._table(request["TableName"])
        whole = table["items"]
        items = whole.get(partition, {})
        asked_for = self._partitions.asked_for(request, schema, partition, items)
        table["items"] = {partition: {sort: items[sort] for sort in asked_for}}
        try:
            yield
        finally:
            table["items"] = whole

    def _answer(self, request: AWSPreparedRequest, **_event: object) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        action = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        body = request.body if isinstance(request.body, bytes) else request.body.encode()
        status, headers, content = self.execute(action, body)
        return AWSResponse(request.url, status, headers, _Body(content))

    def close(self) -> None:
        """Forget the tables and let others use the folder."""
        with _engine_lock:
            for name in list(self._schemas):
                self._run("DeleteTable", json.dumps({"TableName": name}).encode())
            self._schemas.clear()
            self._partitions.clear()
            if self._mirror is not None:
                self._mirror.close()
                self._mirror = None


def _only_value(attribute: Mapping[str, str]) -> str:
    return next(iter(attribute.values()))


def _unsigned(**_event: object) -> object:
    return botocore.UNSIGNED
