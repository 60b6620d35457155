"""What a local server needs before it serves: an admin key and its settings.

All of it is asked of the app as anyone would: the first key by the direct function, the rest by routes.
"""

import json
from typing import Any

from chalice.app import Chalice

from local.demo import Refused
from local.gateway import Gateway, lambda_context
from local.home import Home
from local.http_server import HttpRequest

ADMIN_KEY = "admin-key"


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
            raise Refused(f"GET {path} answered {status}: {json.dumps(content)[:1000]}")
        return content if status == 200 else None

    def require(self, method: str, path: str, body: Any = None) -> Any:
        """Give the JSON of one request that must succeed."""
        status, content = self.ask(method, path, body)
        if status >= 300:
            raise Refused(f"{method} {path} answered {status}: {json.dumps(content)[:1000]}")
        return content


def prepare(app: Chalice, home: Home) -> str:
    """Make the data ready and give the admin key, which is made once for kept data."""
    gateway = Gateway(app)
    key = home.read(ADMIN_KEY)
    if key is None or Operator(gateway, key).ask("GET", "/v1/session")[0] != 200:
        is_new = key is None
        key = _first_key(app)
        if is_new:
            _create_unknown_organizations(Operator(gateway, key))
        home.keep(ADMIN_KEY, key)
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
