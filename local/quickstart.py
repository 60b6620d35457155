"""The API in four calls, each shown as the curl command it is and with its real answer. Safe to run again."""

import json
import shlex
import sys
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from chalicelib.shared.time import format_instant
from local.client import Client, Reply, Unreachable

DONE, FAILED = 0, 1
_ORGANIZATION = {"id": "quickstart", "name": "Quickstart Ltd", "currency": "USD", "timezone": "Europe/Berlin"}
_METER = {
    "key": "quickstart_tokens",
    "name": "Tokens",
    "event_type": "quickstart.completion",
    "aggregation": "sum",
    "value": "tokens",
    "dimensions": {"model": "model"},
    "unit": "token",
}


class _Refused(Exception):
    """The server refused a step; its answer has been shown."""


class _Shell:
    """Sends requests and prints them as curl commands with their answers."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._client = Client(url, key, patience_s=5)

    def step(self, title: str, method: str, path: str, body: Any = None) -> Reply:
        """Carry out one request and show it; raises ``_Refused``."""
        words = ["curl", "-s", *(["-X", method] if method != "GET" else []), f"{self._url}{path}"]
        command = f'{shlex.join(words)} \\\n  -H "Authorization: Bearer $KEY"'
        if body is not None:
            command += f" \\\n  -H 'Content-Type: application/json' \\\n  -d {shlex.quote(json.dumps(body))}"
        print(f"\n# {title}\n{command}\n")
        reply = self._client.send(method, path, None if body is None else json.dumps(body).encode())
        print(json.dumps(reply.content, indent=2, ensure_ascii=False))
        if reply.status >= 300:
            raise _Refused
        return reply

    def now(self) -> datetime:
        """Tell the server's now: a local server's clock may be set."""
        reply = self._client.get("/_local/clock")
        return datetime.fromisoformat(reply.content["now"]) if reply.status == 200 else datetime.now(UTC)


def quickstart(url: str, key: str) -> int:
    """Create an organization and a meter, send an event, read the usage; gives the exit code."""
    try:
        _run(_Shell(url, key), key)
    except (Unreachable, ValueError) as error:
        print(error, file=sys.stderr)
        return FAILED
    except _Refused:
        print("The server refused this step.", file=sys.stderr)
        return FAILED
    return DONE


def _run(shell: _Shell, key: str) -> None:
    print(f"# The key these calls use\nKEY={shlex.quote(key)}")
    shell.step("Who pays: an organization, in its time zone", "POST", "/v1/organizations", _ORGANIZATION)
    shell.step("What counts: a meter over the events of one type", "POST", "/v1/meters", _METER)
    now = shell.now()
    event = {
        "specversion": "1.0",
        "id": f"completion-{now:%Y%m%d%H%M%S%f}",
        "source": "quickstart",
        "type": _METER["event_type"],
        "subject": _ORGANIZATION["id"],
        "time": format_instant(now),
        "data": {"model": "llama-70b", "tokens": 1250},
    }
    shell.step("What happened: an event; sent twice it counts once", "POST", "/v1/events", event)
    query = urlencode({"meter": _METER["key"], "group_by": "model"})
    usage = shell.step("What was used: it is there at once", "GET", f"/v1/organizations/quickstart/usage?{query}")
    total = usage.content["data"][0]["total"]
    print(f"\n# Used in the last 30 days: {total} {_METER['unit']}s. Run this again to add another event.")
