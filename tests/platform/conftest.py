"""What the platform's tests share: calls that fail as told, and pauses that take no time."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from chalicelib.platform import retries
from chalicelib.platform.connection import client as dynamodb
from tests.platform.shop import Shop, open_shop

Step = Callable[[Callable[[], Any]], Any]


def service_fault(code: str, status: int = 400, **more: Any) -> ClientError:
    error = {"Code": code, "Message": "told to fail"}
    return ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}, **more}, "Test")


def cancelled(*reasons: str) -> ClientError:
    listed = [{"Code": reason} for reason in reasons]
    return service_fault("TransactionCanceledException", CancellationReasons=listed)


class Script:
    """Breaks the next calls: before they are sent, or after they were applied and the answer was lost."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, Exception] | None] = []
        self.forever: Exception | None = None
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.pauses_s: list[Any] = []
        self.meanwhile: Callable[[], object] | None = None

    def refuse(self, *faults: Exception) -> None:
        self.steps += [("before", fault) for fault in faults]

    def lose_answer(self) -> None:
        self.steps.append(("after", ConnectionClosedError(endpoint_url="https://dynamodb")))

    def operations(self) -> list[str]:
        return [operation for operation, _ in self.calls]

    def call(self, send: Callable[..., Any], operation: str, arguments: dict[str, Any]) -> Any:
        self.calls.append((operation, arguments))
        if self.forever is not None:
            raise self.forever
        step = self.steps.pop(0) if self.steps else None
        if step is not None and step[0] == "before":
            raise step[1]
        if step is None and self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        answer = send(operation, arguments)
        if step is not None:
            raise step[1]
        return answer


@pytest.fixture
def script(tables: None, monkeypatch: pytest.MonkeyPatch) -> Script:
    made = Script()
    client = dynamodb()
    send = client._make_api_call
    monkeypatch.setattr(client, "_make_api_call", lambda operation, arguments: made.call(send, operation, arguments))
    monkeypatch.setattr(retries, "sleep", made.pauses_s.append)
    return made



@pytest.fixture
def shop(tables: None) -> Shop:
    return open_shop()
