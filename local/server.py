"""The app, its schedules and the local routes behind one address of this machine."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import replace

from chalice.app import Chalice

from local.controls import PREFIX, Controls
from local.gateway import Gateway
from local.http_server import HttpAnswer, HttpRequest, Server
from local.jobs import Jobs
from local.problems import failed, unreadable

logger = logging.getLogger("local")


def listen(host: str, port: int) -> Server:
    """Take an address; port 0 takes a free one. Connections wait until a ``LocalServer`` starts.

    Raises ``OSError`` when the address is taken.
    """
    return Server((host, port), lambda _request: failed(), unreadable)


class LocalServer:
    """Serves one app until it is stopped.

    ``aliases`` are other words for keys: a request that carries one is served as if it carried the key.
    """

    def __init__(self, app: Chalice, listener: Server, *, aliases: Mapping[str, str] | None = None) -> None:
        self.jobs = Jobs(app)
        self._gateway = Gateway(app)
        self._controls = Controls(app, self.jobs)
        self._aliases = {f"Bearer {alias}": f"Bearer {key}" for alias, key in (aliases or {}).items()}
        self._server = listener
        listener.respond = self._answer

    @property
    def url(self) -> str:
        """Where a client on this machine finds the server."""
        return self._server.url

    def start(self) -> None:
        """Serve from now on, in threads of its own, and run the schedules."""
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="server", daemon=True).start()
        self.jobs.start()

    def stop(self) -> None:
        """Start nothing new and wait for what is being answered."""
        self.jobs.stop()
        self._server.stop()

    def _answer(self, request: HttpRequest) -> HttpAnswer:
        try:
            if request.target.startswith(PREFIX):
                return self._controls.answer(request)
            return self._gateway.answer(self._with_key(request))
        except Exception:
            logger.exception("%s %s failed", request.method, request.target)
            return failed()

    def _with_key(self, request: HttpRequest) -> HttpRequest:
        key = self._aliases.get(request.header("authorization") or "")
        return request if key is None else replace(request, headers=request.headers | {"authorization": [key]})
