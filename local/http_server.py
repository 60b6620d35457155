"""A threaded HTTP/1.1 server in front of one function: request in, answer out.

It keeps connections open, sends each answer in one packet, bounds what it reads, and survives whatever arrives:
a request that cannot be read gets a problem and loses its connection, never its thread.
"""

import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase

logger = logging.getLogger("local")

MAX_BODY_BYTES = 10 * 1024 * 1024
_MAX_DRAINED_BYTES = 8 * MAX_BODY_BYTES
_MAX_CHUNK_LINE = 1024
_IDLE_S = 75
_STOP_S = 10


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it came: header names in lower case, every value in order; ``target`` is not decoded."""

    method: str
    target: str
    headers: dict[str, list[str]] = field(default_factory=dict)
    body: bytes = b""
    client: str = "127.0.0.1"

    def header(self, name: str) -> str | None:
        """Give the last value of a header by its lower-case name."""
        values = self.headers.get(name)
        return values[-1] if values else None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer; the server adds its length, date and connection headers."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Unreadable(Exception):
    """A request whose body or framing cannot be read; carries the status of its problem."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


Respond = Callable[[HttpRequest], HttpAnswer]
Refuse = Callable[[Unreadable], HttpAnswer]


def _too_large() -> Unreadable:
    return Unreadable(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body has more than {MAX_BODY_BYTES} bytes.")


def _malformed(detail: str) -> Unreadable:
    return Unreadable(HTTPStatus.BAD_REQUEST, detail)


def _drain(stream: BufferedIOBase, length: int) -> None:
    """Read what a client goes on sending, so that it sees the answer and not a broken connection."""
    left = min(length, _MAX_DRAINED_BYTES)
    while left > 0 and (piece := stream.read(min(left, 65536))):
        left -= len(piece)


def _read_length(stream: BufferedIOBase, header: str) -> bytes:
    if not (header.isascii() and header.isdigit()) or len(header) > 18:
        raise _malformed("Content-Length must be a number of bytes.")
    length = int(header)
    if length > MAX_BODY_BYTES:
        _drain(stream, length)
        raise _too_large()
    body = stream.read(length)
    if len(body) != length:
        raise _malformed("The body is shorter than its Content-Length.")
    return body


def _chunk_size(stream: BufferedIOBase) -> int:
    text = stream.readline(_MAX_CHUNK_LINE).split(b";")[0].strip()
    try:
        size = int(text, 16)
    except ValueError:
        raise _malformed("A chunk of the body has no size.") from None
    if size < 0:
        raise _malformed("A chunk of the body has no size.")
    return size


def _read_chunks(stream: BufferedIOBase) -> bytes:
    chunks: list[bytes] = []
    total = 0
    while size := _chunk_size(stream):
        total += size
        if total > MAX_BODY_BYTES:
            raise _too_large()
        chunks.append(stream.read(size))
        if len(chunks[-1]) != size or stream.readline(_MAX_CHUNK_LINE).strip():
            raise _malformed("A chunk of the body has another size than it says.")
    while stream.readline(_MAX_CHUNK_LINE).strip():
        pass  # trailers
    return b"".join(chunks)


class Server(ThreadingHTTPServer):
    """Serves one function; ``refuse`` words the answer to a request that cannot be read."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], respond: Respond, refuse: Refuse) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.respond, self.refuse = respond, refuse
        self.is_stopping = False
        self._busy = 0
        self._idle = threading.Condition()
        super().__init__(address, _Connection)

    @property
    def url(self) -> str:
        """The address a client on this machine uses, with the port that was really taken."""
        host, port = self.server_address[:2]
        name = str(host)
        name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(name, f"[{name}]" if ":" in name else name)
        return f"http://{name}:{port}"

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Answer one request; ``stop`` waits for it, and refuses those that come later."""
        with self._idle:
            if self.is_stopping:
                return self.refuse(Unreadable(HTTPStatus.SERVICE_UNAVAILABLE, "The server is stopping."))
            self._busy += 1
        try:
            return self.respond(request)
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    def stop(self) -> None:
        """Take no more connections and wait, at most ten seconds, for requests that are being answered."""
        self.shutdown()
        with self._idle:
            self.is_stopping = True
            self._idle.wait_for(lambda: self._busy == 0, timeout=_STOP_S)
        self.server_close()


class _Connection(BaseHTTPRequestHandler):
    """One connection of one client, in a thread of its own."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    disable_nagle_algorithm = True

    def __getattr__(self, name: str) -> object:
        # The base class calls do_<METHOD>: every method is answered the same way.
        if name.startswith("do_"):
            return self._exchange
        raise AttributeError(name)

    def _exchange(self) -> None:
        try:
            request = self._read()
        except Unreadable as unreadable:
            self.close_connection = True
            self._write(self.server.refuse(unreadable))
            return
        except (TimeoutError, ConnectionError):
            self.close_connection = True
            return
        answer = self.server.answer(request)
        self.close_connection = self.close_connection or self.server.is_stopping
        self._write(answer)

    def _read(self) -> HttpRequest:
        headers: dict[str, list[str]] = {}
        for name, value in self.headers.items():
            headers.setdefault(name.lower(), []).append(value)
        return HttpRequest(
            method=self.command,
            target=self.path,
            headers=headers,
            body=self._read_body(headers),
            client=self.client_address[0],
        )

    def _read_body(self, headers: dict[str, list[str]]) -> bytes:
        lengths, codings = headers.get("content-length", []), headers.get("transfer-encoding", [])
        if codings:
            if lengths or [coding.strip().lower() for coding in codings] != ["chunked"]:
                raise _malformed("The body must be sent with a Content-Length, or chunked, not both.")
            return _read_chunks(self.rfile)
        if len(set(lengths)) > 1:
            raise _malformed("Content-Length comes with two values.")
        return _read_length(self.rfile, lengths[0].strip()) if lengths else b""

    def _write(self, answer: HttpAnswer) -> None:
        has_body = answer.status >= 200 and answer.status not in (204, 304)
        lines = [f"HTTP/1.1 {answer.status} {_reason(answer.status)}", f"Date: {formatdate(usegmt=True)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        if has_body:
            lines.append(f"Content-Length: {len(answer.body)}")
        if self.close_connection:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        try:
            self.wfile.write(head + answer.body if has_body and self.command != "HEAD" else head)
        except (TimeoutError, ConnectionError):
            self.close_connection = True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request line or header that the base class cannot read."""
        del explain
        self.close_connection = True
        self.command = getattr(self, "command", None) or "GET"
        status = HTTPStatus(code) if 400 <= code < 500 else HTTPStatus.BAD_REQUEST
        self._write(self.server.refuse(Unreadable(status, message or "The request cannot be read.")))

    def log_message(self, template: str, *values: object) -> None:
        """Leave a line for whoever asked for debugging."""
        logger.debug(template, *values)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
