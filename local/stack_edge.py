"""The edge of API Gateway on this machine: what lies between a client and the stage that ministack serves.

An address with the stage first, ``X-Forwarded-*``, bodies unpacked and answers packed, at most 10 MB: AWS does all of
it before a route is looked for, and ministack none.
"""

import http.client
from collections.abc import Mapping

from chalicelib.platform.answers import Answer
from chalicelib.platform.problems import gateway_problem
from local.compression import packed, unpacked
from local.http_server import HttpAnswer, HttpRequest, Server, Unreadable

_WAIT_S = 60
# Of one connection each, or of what the server writes itself.
_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
_UNPACKED = {"content-encoding"}


class Edge:
    """Passes requests on to one stage of one API."""

    def __init__(self, *, port: int, api: str, stage: str) -> None:
        self._port = port
        self._stage = f"/{stage}"
        self._api = f"/_aws/execute-api/{api}"

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Answer as the stage does; an address of no stage is refused as by AWS."""
        path = request.target.partition("?")[0]
        if path != self._stage and not path.startswith(f"{self._stage}/"):
            return HttpAnswer(403, (("Content-Type", "application/json"),), b'{"message":"Forbidden"}')
        body = unpacked(request)
        if body is None:
            return _sent(gateway_problem(400))
        return packed(self._passed_on(request, body), request)

    def _passed_on(self, request: HttpRequest, body: bytes) -> HttpAnswer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_WAIT_S)
        try:
            connection.putrequest(
                request.method, f"{self._api}{request.target}", skip_host=True, skip_accept_encoding=True
            )
            for name, value in _headers_of(request):
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answered = connection.getresponse()
            kept = tuple((name, value) for name, value in answered.getheaders() if name.lower() not in _NOT_PASSED_ON)
            return HttpAnswer(answered.status, kept, answered.read())
        except OSError:
            return _sent(gateway_problem(504))
        finally:
            connection.close()


def _headers_of(request: HttpRequest) -> list[tuple[str, str]]:
    passed: Mapping[str, list[str]] = {
        **request.headers,
        "x-forwarded-for": [request.client],
        "x-forwarded-proto": ["http"],
    }
    left_out = _NOT_PASSED_ON | _UNPACKED
    return [(name, value) for name, values in passed.items() if name not in left_out for value in values]


def unreadable(fault: Unreadable) -> HttpAnswer:
    """Answer a request that could not be read off the wire."""
    return _sent(gateway_problem(fault.status))


def _sent(problem: Answer) -> HttpAnswer:
    headers = (("Content-Type", problem.media_type), ("Cache-Control", "no-store"), *problem.headers.items())
    return HttpAnswer(problem.status, headers, problem.content())


def listen(port: int) -> Server:
    """Take a port of this machine, 0 for a free one; raises ``OSError`` when it is taken."""
    return Server(("127.0.0.1", port), lambda _request: _sent(gateway_problem(503)), unreadable)
