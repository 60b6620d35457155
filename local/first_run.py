"""What a local server needs before it serves: an admin key, its settings, and demo data where that is wanted.

All of it is asked of the app as anyone would: the first key by the direct function, the rest by routes.
"""

import json
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from chalice.app import Chalice

from chalicelib.shared.clock import clock
from chalicelib.shared.time import format_instant, parse_instant
from local.gateway import Gateway, lambda_context
from local.home import Home
from local.http_server import HttpRequest
from local.jobs import Jobs

ADMIN_KEY = "admin-key"
DEMO_UNTIL, DEMO_EDITION = "demo-until", "demo-edition"
# A folder with the demo of another edition gets this one beside what is there.
_EDITION = "2"


class Operator:
    """Calls the app's routes in the process with an admin key."""

    def __init__(self, gateway: Gateway, key: str) -> None:
        self._gateway = gateway
        self._headers = {"authorization": [f"Bearer {key}"], "content-type": ["application/json"]}

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Give status and JSON of one request."""
        sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self._gateway.answer(HttpRequest(method, path, self._headers, sent))
        return answer.status, json.loads(answer.body) if answer.body else None

    def find(self, path: str) -> Any:
        """Give the JSON of something that may not exist; ``None`` where it does not."""
        status, content = self.ask("GET", path)
        if status not in (200, 404):
            raise RuntimeError(f"GET {path} answered {status}: {json.dumps(content)[:1000]}")
        return content if status == 200 else None

    def require(self, method: str, path: str, body: Any = None) -> Any:
        """Give the JSON of one request that must succeed."""
        status, content = self.ask(method, path, body)
        if status >= 300:
            raise RuntimeError(f"{method} {path} answered {status}: {json.dumps(content)[:1000]}")
        return content


def prepare(app: Chalice, home: Home, *, demo: bool) -> str:
    """Make the data ready and give the admin key, which is made once for kept data."""
    gateway = Gateway(app)
    key = home.read(ADMIN_KEY)
    if key is None or Operator(gateway, key).ask("GET", "/v1/session")[0] != 200:
        is_new = key is None
        key = _first_key(app)
        if is_new:
            _create_unknown_organizations(Operator(gateway, key))
        home.keep(ADMIN_KEY, key)
    if demo:
        _bring_demo_up_to_date(app, Operator(gateway, key), home)
    return key


def _first_key(app: Chalice) -> str:
    made = app.handler_map["create_api_key"](
        {"name": "Local server", "role": "admin"}, lambda_context("create_api_key")
    )
    secret: str = made["secret"]
    return secret


def _create_unknown_organizations(operator: Operator) -> None:
    settings = operator.require("GET", "/v1/settings")
    operator.require("PUT", "/v1/settings", settings | {"create_unknown_organizations": True})


def _bring_demo_up_to_date(app: Chalice, operator: Operator, home: Home) -> None:
    """Live through what happened since an earlier start, up to the current hour; the clock is then as it was."""
    from local import demo, demo_history

    until = clock.now().replace(minute=0, second=0, microsecond=0)
    kept = home.read(DEMO_UNTIL) if home.read(DEMO_EDITION) == _EDITION else None
    since = parse_instant(kept) if kept is not None else until - timedelta(days=demo.DAYS)
    if since >= until:
        return
    stood_at = clock.now() if clock.is_set() else None
    try:
        if kept is None:
            demo_history.begin(operator, since)
            _keep_progress(home, since)
            home.keep(DEMO_EDITION, _EDITION)
        demo_history.live_through(operator, Jobs(app), (since, until), partial(_keep_progress, home))
    finally:
        clock.set(stood_at)


def _keep_progress(home: Home, until: datetime) -> None:
    home.keep(DEMO_UNTIL, format_instant(until))
