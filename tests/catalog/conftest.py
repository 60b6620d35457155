"""What the catalog's tests share: what was asked of the storage, and somebody else who writes first."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from chalicelib.platform.connection import client as dynamodb

WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")


class Storage:
    """Notes every call to the storage.

    ``before_write`` arranges what somebody else does just before the next write,
    ``lose_next_answer`` breaks the connection after the next such call was carried out.
    """

    def __init__(self) -> None:
        self.operations: list[str] = []
        self._others: list[Callable[[], object]] = []
        self._lost = ""

    def before_write(self, act: Callable[[], object]) -> None:
        self._others.append(act)

    def lose_next_answer(self, operation: str) -> None:
        self._lost = operation

    def call(self, send: Callable[..., Any], operation: str, arguments: dict[str, Any]) -> Any:
        if operation in WRITES and self._others:
            self._others.pop(0)()
        self.operations.append(operation)
        answer = send(operation, arguments)
        if operation == self._lost:
            self._lost = ""
            raise ConnectionClosedError(endpoint_url="https://dynamodb")
        return answer


@pytest.fixture
def storage(tables: None, monkeypatch: pytest.MonkeyPatch) -> Storage:
    made = Storage()
    client = dynamodb()
    send = client._make_api_call
    monkeypatch.setattr(client, "_make_api_call", lambda operation, arguments: made.call(send, operation, arguments))
    return made
