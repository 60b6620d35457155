"""The tap on the app's one botocore client: numbers every call to DynamoDB and lets a rule decide what becomes of it.

A rule is called with the call and ``send``, which carries the call out. It may send, send another request, answer
without sending, or raise before or after it has sent: a fault, or a ``Crash``, which nothing in the app can catch.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Request = dict[str, Any]
Reply = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One call to DynamoDB: its number since the tap began to count, from 0."""

    number: int
    operation: str
    request: Request

    @property
    def writes(self) -> bool:
        """Tell whether it may change something."""
        return self.operation not in ("GetItem", "Query", "BatchGetItem")


Send = Callable[[Request], Reply]
Rule = Callable[[Call, Send], Reply]
Way = Callable[[str, Request], Reply]


class Crash(BaseException):
    """The process died here."""


class Tap:
    """Stands in front of a client. Without a rule everything passes; ``way`` may carry the calls for it."""

    def __init__(self, client: Any, way: Way | None = None) -> None:
        self.calls: list[Call] = []
        # How many calls that may change something were carried out so far.
        self.written = 0
        self._rules: list[Rule] = []
        self._counting = threading.Lock()
        self._send: Way = way or client._make_api_call
        client._make_api_call = self._called

    def _called(self, operation: str, request: Request) -> Reply:
        with self._counting:
            call = Call(len(self.calls), operation, request)
            self.calls.append(call)

        def send(sent: Request) -> Reply:
            self.written += call.writes
            return self._send(operation, sent)

        if not self._rules:
            return send(request)
        return self._rules[-1](call, send)

    @contextmanager
    def under(self, rule: Rule) -> Iterator[None]:
        """Put every call under a rule, and count the calls from 0."""
        self.restart()
        self._rules.append(rule)
        try:
            yield
        finally:
            self._rules.pop()

    def restart(self) -> None:
        """Count the calls from 0 again."""
        self.calls = []
