"""Real servers in processes of their own."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local.client import Client, Reply

# The demo of two days instead of 100.
_SHORT_DEMO = "demo.DAYS = 2"
# All its days, of customers that use much once a week.
SPARSE_DEMO = (
    "from dataclasses import replace; demo.CUSTOMERS = tuple(replace(one, hours=range(12, 14), "
    "weekdays=range(1, 2), requests=one.requests * 100, jobs=1) for one in demo.CUSTOMERS)"
)
_COMMAND = "import sys; from local import demo; {demo}; from local.__main__ import main; sys.exit(main())"


@dataclass(frozen=True, slots=True)
class Running:
    """A server that is ready, and a client of it."""

    process: subprocess.Popen[str]
    ready: dict[str, str]
    client: Client

    def get(self, path: str) -> Any:
        """Read something that must be there."""
        return self._content(self.client.get(path))

    def post(self, path: str, body: Any) -> Any:
        """Send something that must be taken."""
        return self._content(self.client.post(path, body))

    def _content(self, reply: Reply) -> Any:
        # A server of a long test run closes connections that rest; the next request opens one.
        self.client.close()
        assert reply.status < 300, reply.text
        return reply.content

    def kill(self) -> None:
        """End the process at once, wherever it is."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def command(*arguments: object, demo: str = _SHORT_DEMO) -> list[str]:
    """Give the command line of ``python -m local`` with a smaller demo."""
    return [sys.executable, "-c", _COMMAND.format(demo=demo), *map(str, arguments)]


@contextmanager
def serving(*arguments: object, port: int = 0, demo: str = _SHORT_DEMO) -> Iterator[Running]:
    """Start a server, on a free port unless one is named, and stop it as a person would."""
    words = command("serve", "--port", port, *arguments, demo=demo)
    started = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stderr is not None
    line = started.stdout.readline()
    assert line, started.stderr.read()
    ready = json.loads(line)
    client = Client(ready["url"], ready["admin_key"], patience_s=0)
    try:
        yield Running(started, ready, client)
    finally:
        client.close()
        started.send_signal(signal.SIGTERM)
        started.communicate(timeout=20)
