"""Requests to the app as a client of the public API sends them, through Chalice's own test client."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from chalice.app import Chalice
from chalice.test import Client, HTTPResponse


class ApiClient:
    """Sends requests with one key; ``as_holder_of`` gives the same for another key."""

    def __init__(self, app: Chalice, key: str | None) -> None:
        self._app = app
        self._client = Client(app)
        self.key = key

    def as_holder_of(self, key: str | None) -> "ApiClient":
        """Give a client that sends another key, or none."""
        return ApiClient(self._app, key)

    def make_key(self, role: str, organization: str | None = None) -> str:
        """Make a key by the direct function, as the first one is made, and give its secret."""
        payload = {"name": f"{role} of the tests", "role": role}
        if organization is not None:
            payload["organization"] = organization
        made = self._client.lambda_.invoke("create_api_key", payload).payload
        return str(made["secret"])

    def invoke(self, function: str, payload: Any) -> Any:
        """Invoke a direct function, a schedule or a queue's handler."""
        return self._client.lambda_.invoke(function, payload).payload

    def request(
        self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None, **query: Any
    ) -> HTTPResponse:
        """Send a request. ``body`` goes as JSON unless it is bytes; a parameter that is a list is repeated."""
        sent = {"Authorization": f"Bearer {self.key}"} if self.key is not None else {}
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        if raw:
            sent["Content-Type"] = "application/json"
        question = urlencode({name.rstrip("_"): value for name, value in query.items()}, doseq=True)
        target = f"{path}?{question}" if question else path
        return self._client.http.request(method, target, headers={**sent, **(headers or {})}, body=raw)

    def get(self, path: str, **options: Any) -> HTTPResponse:
        """Read; ``from`` is written ``from_``."""
        return self.request("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> HTTPResponse:
        """Create, or do."""
        return self.request("POST", path, body=body, **options)

    def put(self, path: str, body: Any, **options: Any) -> HTTPResponse:
        """Replace."""
        return self.request("PUT", path, body=body, **options)

    def patch(self, path: str, body: Any, **options: Any) -> HTTPResponse:
        """Change some fields."""
        return self.request("PATCH", path, body=body, **options)

    def delete(self, path: str, **options: Any) -> HTTPResponse:
        """Delete."""
        return self.request("DELETE", path, **options)
