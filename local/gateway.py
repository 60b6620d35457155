"""API Gateway on this machine: turns a request into the event of a REST proxy integration and calls the app.

Chalice's own local gateway differs from API Gateway in ways that matter here, so the event is built anew: header names
are matched whatever their case, path variables and parameters are decoded once, repeated parameters and headers keep
all their values, literal routes win over variables, an empty body is ``None``, and a compressed body is unpacked. A
path that no route knows is a 404 problem, as the deployed gateway's responses make it. Several threads may answer at a
time: the app keeps each request to its own.

Answers of some size leave compressed for clients that accept it, as ``minimum_compression_size`` has it there.

One difference stays: bytes that are not UTF-8 arrive as they were sent (the deployed gateway replaces them), so the
app can refuse them.
"""

import base64
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote

from chalice.app import Chalice
from chalice.local import LambdaContext

from chalicelib.shared.errors import Malformed, NotFound
from local.compression import packed, unpacked
from local.http_server import HttpAnswer, HttpRequest
from local.problems import refused

_MEMORY_MB = 1024
_ROUTE_TIMEOUT_S = 29
_LONGEST_TIMEOUT_S = 900


def lambda_context(function_name: str, timeout_s: int = _LONGEST_TIMEOUT_S) -> LambdaContext:
    """Make the context that Lambda would pass to a function."""
    return LambdaContext(function_name, _MEMORY_MB, max_runtime_ms=timeout_s * 1000)


class RouteTable:
    """Finds the route of a path; a literal segment wins over a variable one."""

    def __init__(self, routes: Sequence[str]) -> None:
        self._by_length: dict[int, list[tuple[str, list[str]]]] = {}
        for route in sorted(routes, key=lambda route: [_is_variable(segment) for segment in route.split("/")]):
            segments = route.split("/")
            self._by_length.setdefault(len(segments), []).append((route, segments))

    def find(self, path: str) -> tuple[str, dict[str, str]] | None:
        """Give the route and its decoded variables; one slash at the end is ignored."""
        sent = (path.removesuffix("/") or "/").split("/")
        for route, segments in self._by_length.get(len(sent), ()):
            if all(own == there or (_is_variable(own) and there) for own, there in zip(segments, sent, strict=True)):
                variables = zip(segments, sent, strict=True)
                return route, {own[1:-1]: unquote(there) for own, there in variables if _is_variable(own)}
        return None


def _is_variable(segment: str) -> bool:
    return segment.startswith("{")


class Gateway:
    """Answers requests with the routes of one app."""

    def __init__(self, app: Chalice) -> None:
        self._app = app
        self._routes = RouteTable(list(app.routes))
        self._binary_types = frozenset(app.api.binary_types)

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Answer one request with the app's route, or with the problem that API Gateway would answer."""
        path, _, query = request.target.partition("?")
        found = self._routes.find(path)
        if found is None:
            return refused(NotFound("No route has this path."))
        route, variables = found
        if request.method == "OPTIONS" and "OPTIONS" not in self._app.routes[route]:
            return HttpAnswer(204, (("Allow", ", ".join([*self._app.routes[route], "OPTIONS"])),))
        body = unpacked(request)
        if body is None:
            return refused(Malformed("The body is not compressed as Content-Encoding says, or too large."))
        event = self._event(request, route, body)
        event["pathParameters"] = variables or None
        event["multiValueQueryStringParameters"] = parse_qs(query, keep_blank_values=True) or None
        return packed(_answer_of(self._app(event, lambda_context("local", _ROUTE_TIMEOUT_S))), request)

    def _event(self, request: HttpRequest, route: str, body: bytes) -> dict[str, Any]:
        headers = {name: values[-1] for name, values in request.headers.items()}
        binary = headers.get("content-type", "").partition(";")[0].strip().lower() in self._binary_types
        path = request.target.partition("?")[0]
        return {
            "resource": route,
            "path": path,
            "httpMethod": request.method,
            "headers": headers,
            "multiValueHeaders": request.headers,
            "stageVariables": None,
            "requestContext": {
                "httpMethod": request.method,
                "resourcePath": route,
                "path": path,
                "stage": "local",
                "requestId": str(uuid.uuid4()),
                "identity": {"sourceIp": request.client, "userAgent": headers.get("user-agent")},
            },
            "body": (base64.b64encode(body).decode() if binary else body) if body else None,
            "isBase64Encoded": binary and bool(body),
        }


def _answer_of(response: Mapping[str, Any]) -> HttpAnswer:
    body = response.get("body") or b""
    if response.get("isBase64Encoded"):
        body = base64.b64decode(body)
    headers = [(name, str(value)) for name, value in (response.get("headers") or {}).items()]
    for name, values in (response.get("multiValueHeaders") or {}).items():
        headers += [(name, str(value)) for value in values]
    if "content-type" not in {name.lower() for name, _ in headers} and body:
        headers.append(("Content-Type", "application/json"))
    kept = tuple((name, value) for name, value in headers if name.lower() != "content-length")
    return HttpAnswer(response["statusCode"], kept, body if isinstance(body, bytes) else body.encode())
