"""The app as a WSGI application: what schemathesis sends goes through the local gateway, in this process."""

import gzip
import io
from collections.abc import Callable, Iterable, Mapping
from http.client import responses
from typing import Any

from chalice.app import Chalice

from chalicelib.platform import logging
from local.gateway import Gateway
from local.http_server import HttpAnswer, HttpRequest

# A request has 1,024 bytes in all: on Lambda the counts of one that stores events and is throttled take 405 of them.
MOST_BYTES_A_LINE = logging.MOST_BYTES_A_REQUEST - 405
StartResponse = Callable[[str, list[tuple[str, str]]], object]


class Bridge:
    """Answers WSGI requests with the routes of an app."""

    def __init__(self, app: Chalice) -> None:
        self._gateway = Gateway(app)

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        answer = self._logging_little(_request(environ))
        # Who tests a WSGI application reads answers as they are; every other HTTP client unpacks them.
        is_packed = ("Content-Encoding", "gzip") in answer.headers
        headers = [header for header in answer.headers if header[0] != "Content-Encoding"]
        start_response(f"{answer.status} {responses.get(answer.status, '')}", headers)
        return [gzip.decompress(answer.body) if is_packed else answer.body]


    def _logging_little(self, request: HttpRequest) -> HttpAnswer:
        """Answer a request, and see that it logs one short line, whatever was sent."""
        stream = io.StringIO()
        before = logging.write_to(stream)
        try:
            answer = self._gateway.answer(request)
        finally:
            logging.write_to(before)
        written = stream.getvalue()
        assert written.count("\n") <= 1, written
        assert len(written.encode()) <= MOST_BYTES_A_LINE, written
        return answer


def _request(environ: Mapping[str, Any]) -> HttpRequest:
    path, query = environ["REQUEST_URI"].partition("?")[0], environ["QUERY_STRING"]
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): [value]
        for name, value in environ.items()
        if name.startswith("HTTP_") or (name == "CONTENT_TYPE" and value)
    }
    return HttpRequest(
        method=environ["REQUEST_METHOD"],
        target=f"{path}?{query}" if query else path,
        headers=headers,
        body=environ["wsgi.input"].read(),
    )
