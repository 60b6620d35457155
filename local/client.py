"""A client of the HTTP API for the commands here: one connection, patient with a busy or restarting server."""

import http.client
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_RETRIED = frozenset({429, 502, 503, 504})
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 20.0
_TIMEOUT_S = 60


class Unreachable(Exception):
    """The server did not answer, or only that it is busy, for as long as the client was patient."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the API answered; ``content`` is the JSON body, ``None`` where there is none."""

    status: int
    content: Any
    text: str

    def problem(self) -> str:
        """Say in one line what the API refused."""
        if not isinstance(self.content, Mapping):
            return f"HTTP {self.status}"
        faults = "; ".join(f"{fault['pointer']} {fault['detail']}" for fault in self.content.get("errors", [])[:5])
        return f"HTTP {self.status}: {self.content.get('detail', '')} {faults}".strip()


class Client:
    """Sends requests with one key. ``patience_s`` bounds how long one request is tried again."""

    def __init__(self, url: str, key: str, *, patience_s: float = 300, sleep: Callable[[float], None] = time.sleep):
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url} is not the address of a server")
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        self.patience_s, self._sleep = patience_s, sleep
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> Reply:
        """Read something."""
        return self.send("GET", path)

    def post(self, path: str, body: Any) -> Reply:
        """Send a JSON value."""
        return self.send("POST", path, json.dumps(body).encode())

    def send(self, method: str, path: str, body: bytes | None = None) -> Reply:
        """Send one request until it is answered; raises ``Unreachable``.

        A busy server (429, 502 to 504) is asked again after the time it names, a broken connection after a pause that
        doubles. Every request of this package may be sent twice.
        """
        waited, pause = 0.0, _FIRST_PAUSE_S
        while True:
            reply, wanted_s = self._attempt(method, path, body)
            if isinstance(reply, Reply):
                return reply
            wait = wanted_s if wanted_s is not None else pause * random.uniform(0.5, 1)  # noqa: S311 - only spreads
            if waited + wait > self.patience_s:
                raise Unreachable(f"{method} {path}: {reply}")
            self._sleep(wait)
            waited, pause = waited + wait, min(pause * 2, _LONGEST_PAUSE_S)

    def _attempt(self, method: str, path: str, body: bytes | None) -> tuple[Reply | str, float | None]:
        headers = self._headers | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            if self._connection is None:
                kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
                self._connection = kind(self._host, self._port, timeout=_TIMEOUT_S)
            self._connection.request(method, self._prefix + path, body, headers)
            answer = self._connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return f"no answer ({type(error).__name__}: {error})", None
        if answer.status in _RETRIED:
            return f"the server answers {answer.status}", _retry_after(answer.headers.get("Retry-After"))
        return Reply(answer.status, _content(text), text), None

    def close(self) -> None:
        """Close the connection; the next request opens one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _retry_after(header: str | None) -> float | None:
    return min(int(header), 120) if header is not None and header.isascii() and header.isdigit() else None


def _content(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
