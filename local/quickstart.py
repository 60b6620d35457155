"""From nothing to a line of an invoice, each call shown as the curl command it is, with its real answer.

Safe to run again: what exists is found as it is, and another event is sent.
"""

import json
import shlex
import sys
from datetime import UTC, datetime
from typing import Any

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
_PLAN = {
    "key": "quickstart",
    "name": "Quickstart",
    "currency": "USD",
    "billing_period": "month",
    "charges": [
        {
            "key": "tokens",
            "name": "Tokens",
            "type": "usage",
            "meter": _METER["key"],
            "model": "graduated",
            "tiers": [{"up_to": "1000", "unit_price": "0.002"}, {"up_to": None, "unit_price": "0.001"}],
        }
    ],
}
_SUBSCRIPTIONS = f"/v1/organizations/{_ORGANIZATION['id']}/subscriptions"
_LINE = "usage-tokens"


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

    def is_subscribed(self) -> bool:
        """Tell whether there is a subscription that has not ended, without showing that."""
        reply = self._client.get(_SUBSCRIPTIONS)
        return reply.status == 200 and any(one["status"] != "ended" for one in reply.content["data"])

    def now(self) -> datetime:
        """Tell the server's now: a local server's clock may be set."""
        reply = self._client.get("/_local/clock")
        return datetime.fromisoformat(reply.content["now"]) if reply.status == 200 else datetime.now(UTC)


def quickstart(url: str, key: str) -> int:
    """Go from an organization to a line of its draft, call by call; gives the exit code."""
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
    shell.step("What it costs: a plan, whose versions never change", "POST", "/v1/plans", _PLAN)
    if shell.is_subscribed():
        shell.step("Who pays it since when: the subscription that is there already", "GET", _SUBSCRIPTIONS)
    else:
        shell.step("Who pays it from now on: a subscription", "POST", _SUBSCRIPTIONS, {"plan": _PLAN["key"]})
    shell.step("What happened: an event; sent twice it counts once", "POST", "/v1/events", _event(shell.now()))
    current = f"/v1/organizations/{_ORGANIZATION['id']}/invoices/current"
    draft = shell.step("What is owed: the draft of this month, computed as you read it", "GET", current).content
    line = f"/v1/invoices/{draft['id']}/lines/{_LINE}"
    explained = shell.step("Why: the line with its tiers, its days, its events", "GET", line).content
    print(f"\n# {_told(explained, draft['currency'])}\n# Run this again to add another event.")


def _event(now: datetime) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"completion-{now:%Y%m%d%H%M%S%f}",
        "source": "quickstart",
        "type": _METER["event_type"],
        "subject": _ORGANIZATION["id"],
        "time": format_instant(now),
        "data": {"model": "llama-70b", "tokens": 1250},
    }


def _told(explained: Any, currency: str) -> str:
    line = explained["line"]
    return (
        f"The draft's line: {line['name']}, {line['quantity']} {line['unit']}s, {line['amount']} {currency}"
        f" = {explained['formula']}"
    )
