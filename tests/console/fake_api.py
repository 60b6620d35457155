"""Answers of the API that a test makes up: states that are hard to bring about, or take thousands of rows."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route

NOW = "2026-01-20T10:42:00Z"
Answers = Callable[[Mapping[str, list[str]]], Any]

SESSION: dict[str, Any] = {
    "role": "read",
    "organization": "acme",
    "name": "Ada",
    "expires_at": "2026-01-20T18:00:00Z",
    "as_of": NOW,
}
ORGANIZATION: dict[str, Any] = {
    "id": "acme",
    "name": "Acme",
    "currency": "USD",
    "timezone": "UTC",
    "email": None,
    "address": None,
    "legal_name": None,
    "tax_id": None,
    "purchase_order": None,
    "invoice_note": None,
    "tax_rates": [],
    "created_at": "2025-01-01T00:00:00Z",
}


def listed(*items: Any, next_cursor: str | None = None) -> dict[str, Any]:
    """Make a page of a list."""
    return {"data": list(items), "next_cursor": next_cursor}


def problem(status: int, code: str, detail: str, *errors: tuple[str, str]) -> "Refusal":
    """Make an answer that refuses."""
    faults = [{"pointer": pointer, "detail": reason} for pointer, reason in errors]
    return Refusal(status, {
        "type": f"/problems/{code}",
        "title": "The server says no.",
        "status": status,
        "detail": detail,
        "errors": faults,
    })


@dataclass(frozen=True, slots=True)
class Refusal:
    """A problem as the API words it."""

    status: int
    body: dict[str, Any]


# Without slots: Playwright keeps something of its own on the owner of a handler.
@dataclass
class FakeApi:
    """Answers by path: the first pattern that matches the whole path after ``/v1/``, the latest one first.

    ``asked`` lists what was asked for: method, path, query and body. A path that no pattern knows is a 404 problem.
    """

    asked: list[tuple[str, str, dict[str, list[str]], Any]] = field(default_factory=list)
    _answers: list[tuple[str, re.Pattern[str], Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.on("session", SESSION)
        self.on("organizations/acme", ORGANIZATION)

    def on(self, pattern: str, answer: Any, *, method: str = "GET") -> None:
        """Answer a path (a regular expression) with JSON, a ``Refusal``, or a function of the query that gives one.

        The answer ``None`` never comes: the page goes on waiting for it.
        """
        self._answers.insert(0, (method, re.compile(pattern), answer))

    def serve(self, page: Page) -> None:
        """Stand in for the API of a page; its files still come from the server."""
        page.route(re.compile(r"/v1/"), self._answer)

    def _answer(self, route: Route) -> None:
        request = route.request
        parts = urlsplit(request.url)
        path, query = parts.path.partition("/v1/")[2], parse_qs(parts.query)
        body = json.loads(request.post_data) if request.post_data else None
        self.asked.append((request.method, path, query, body))
        answer: Any = problem(404, "not-found", f"Nothing is at {path}.")
        for method, pattern, known in self._answers:
            if method == request.method and pattern.fullmatch(path):
                answer = known(query) if callable(known) else known
                break
        if answer is None:
            return
        if isinstance(answer, Refusal):
            route.fulfill(status=answer.status, content_type="application/problem+json", body=json.dumps(answer.body))
        elif isinstance(answer, str):
            route.fulfill(status=200, content_type="text/csv", body=answer)
        else:
            route.fulfill(status=200, json=answer)
