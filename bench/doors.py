"""The entries of the app, called in this process as AWS calls them: HTTP, schedules, queues, direct invocation."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import app
from chalicelib.platform.http import registered_routes
from chalicelib.shared.clock import clock
from local.gateway import Gateway, lambda_context
from local.http_server import HttpRequest
from local.lambda_events import queue_event, scheduled_event


class Refused(Exception):
    """A request that had to succeed did not; carries the answer."""


class Doors:
    """Sends requests with a key, and invokes functions. ``last`` names the entry that was used last."""

    def __init__(self) -> None:
        self._gateway = Gateway(app.app)
        self.key: str | None = None
        self.last = ""

    def request(
        self,
        route: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **variables: Any,
    ) -> Any:
        """Send a request to a route such as ``GET /v1/plans/{plan}``; gives the answer's JSON, or its bytes."""
        self.last = route
        method, _, path = route.partition(" ")
        target = path.format(**variables) + (f"?{urlencode(query, doseq=True)}" if query else "")
        given = {"authorization": f"Bearer {self.key}", "accept": "application/pdf, */*", **(headers or {})}
        sent = b"" if body is None else json.dumps(body).encode()
        if sent:
            given["content-type"] = "application/json"
        answer = self._gateway.answer(HttpRequest(method, target, {name: [one] for name, one in given.items()}, sent))
        if answer.status >= 400:
            raise Refused(route, answer.status, answer.body.decode())
        return _content(answer.body)

    def run(self, schedule: str) -> Any:
        """Let a schedule fire."""
        return self.invoke(schedule, scheduled_event(clock.now()))

    def receive(self, function: str, bodies: Sequence[Any]) -> Any:
        """Give the function of a queue a batch of messages; raises ``Refused`` when it names one that failed."""
        answer = self.invoke(function, queue_event(function, [json.dumps(body) for body in bodies]))
        if answer and answer["batchItemFailures"]:
            raise Refused(function, answer)
        return answer

    def invoke(self, function: str, payload: Any) -> Any:
        """Invoke a function by its name in ``app.py``."""
        self.last = function
        return app.app.handler_map[function](payload, lambda_context(function))


def all_doors() -> list[str]:
    """Name every entry that may reach the storage: routes that need a credential, and functions."""
    routes = [f"{spec.method} {spec.path}" for spec in registered_routes() if spec.scope != "public"]
    functions: list[Any] = [*app.app.pure_lambda_functions, *app.app.event_sources]
    return routes + [str(function.name) for function in functions]


def _content(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body
