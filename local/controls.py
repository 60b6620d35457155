"""The routes that exist only on the local server, under ``/_local``: clock, jobs, queues and direct functions."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from chalice.app import Chalice

from chalicelib.shared import strict_json
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import DomainError, Fault, Forbidden, InvalidInput, Malformed, NotFound
from chalicelib.shared.time import format_instant, parse_instant
from local.gateway import lambda_context
from local.http_server import HttpAnswer, HttpRequest
from local.jobs import Jobs
from local.lambda_events import queue_event
from local.problems import refused, wrong_method

PREFIX = "/_local/"


class Controls:
    """Drives what on AWS a schedule, a queue or a caller with IAM drives."""

    def __init__(self, app: Chalice, jobs: Jobs) -> None:
        self._app = app
        self._jobs = jobs
        self._routes: Mapping[str, Callable[[str, HttpRequest], HttpAnswer]] = {
            "clock": self._set_clock,
            "jobs": self._run_jobs,
            "queues": self._receive,
            "functions": self._invoke,
        }

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Answer a request under ``/_local``. A page of another site may not send one."""
        kind, _, name = request.target.partition("?")[0].removeprefix(PREFIX).rstrip("/").partition("/")
        route = self._routes.get(kind)
        if route is None or "/" in name or (kind == "clock") == bool(name):
            return refused(NotFound("No local route has this path."))
        if request.method == "GET" and kind == "clock":
            return _json({"now": format_instant(clock.now())})
        if request.method != "POST":
            return wrong_method("POST")
        origin = request.header("origin")
        if origin is not None and urlsplit(origin).netloc != request.header("host"):
            return refused(Forbidden("Local routes are not for pages of other sites."))
        try:
            return route(name, request)
        except DomainError as error:
            return refused(error)

    def _set_clock(self, _name: str, request: HttpRequest) -> HttpAnswer:
        body = strict_json.parse(request.body)
        if not isinstance(body, dict) or set(body) != {"now"} or not isinstance(body["now"], str | None):
            raise InvalidInput('The body must be {"now": instant} or {"now": null}.', [Fault("/now", "is missing")])
        try:
            clock.set(parse_instant(body["now"]) if body["now"] is not None else None)
        except ValueError as error:
            raise InvalidInput("The clock cannot be set.", [Fault("/now", str(error))]) from None
        return _json({"now": format_instant(clock.now())})

    def _run_jobs(self, name: str, _request: HttpRequest) -> HttpAnswer:
        names = self._jobs.names if name == "all" else [name]
        if name != "all" and name not in self._jobs.names:
            raise NotFound(f"There is no job {name}; there are: {', '.join(self._jobs.names)}.")
        return _json({"now": format_instant(clock.now()), "jobs": {one: self._jobs.run(one) for one in names}})

    def _receive(self, name: str, request: HttpRequest) -> HttpAnswer:
        handlers = [source.name for source in self._app.event_sources if getattr(source, "queue", None) == name]
        if not handlers:
            raise NotFound(f"There is no queue {name}.")
        event = queue_event(name, [request.body.decode("utf-8", "replace")])
        failed = self._app.handler_map[handlers[0]](event, lambda_context(handlers[0]))
        return _json(failed or {"batchItemFailures": []})

    def _invoke(self, name: str, request: HttpRequest) -> HttpAnswer:
        if name not in {function.name for function in self._app.pure_lambda_functions}:
            raise NotFound(f"There is no function {name}.")
        try:
            payload = json.loads(request.body or b"{}")  # as Lambda reads it
        except ValueError as error:
            raise Malformed(f"The payload is not JSON: {error}.") from None
        return _json(self._app.handler_map[name](payload, lambda_context(name)))


def _json(value: Any) -> HttpAnswer:
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return HttpAnswer(200, headers, json.dumps(value).encode())
