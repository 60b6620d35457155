"""A stand-in for the API that the importer talks to: it keeps events by identity and can be told to fail."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chalicelib.shared.time import parse_instant
from local.http_server import HttpAnswer, HttpRequest


def _answer(status: int, content: Any = None, **headers: str) -> HttpAnswer:
    return HttpAnswer(status, tuple(headers.items()), json.dumps(content).encode())


@dataclass
class FakeApi:
    """Answers like the API; ``failures`` are sent first, one per request for events."""

    now: str = "2023-11-16T19:30:00Z"
    meters: list[dict[str, Any]] = field(default_factory=list)
    failures: list[HttpAnswer] = field(default_factory=list)
    refuse_after: int | None = None
    requests: list[int] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    events: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    create_unknown: bool = True

    def answer(self, request: HttpRequest) -> HttpAnswer:
        parts = urlsplit(request.target)
        if request.header("authorization") != "Bearer key":
            return _answer(401, {"detail": "no"})
        if parts.path == "/v1/events":
            return self._take(json.loads(request.body), parts.query)
        if parts.path.endswith("/events"):
            return self._search(parse_qs(parts.query))
        known = {
            "/v1/session": {"role": "admin"},
            "/v1/settings": {"late_limit_days": 35, "create_unknown_organizations": self.create_unknown},
            "/v1/meters": {"data": self.meters, "next_cursor": None},
            "/_local/clock": {"now": self.now},
        }
        return _answer(200, known[parts.path]) if parts.path in known else _answer(404, {"detail": "no"})

    def _take(self, sent: list[dict[str, Any]], query: str) -> HttpAnswer:
        if self.failures:
            return self.failures.pop()
        if self.refuse_after is not None and len(self.requests) >= self.refuse_after:
            return _answer(422, {"detail": "no more", "errors": []})
        self.requests.append(len(sent))
        self.queries.append(query)
        for event in sent:
            self.events.setdefault((event["source"], event["id"]), event)
        return _answer(202, {"accepted": len(sent)})

    def _search(self, query: dict[str, list[str]]) -> HttpAnswer:
        start, end = parse_instant(query["from"][0]), parse_instant(query["to"][0])
        found = [event for event in self.events.values() if start <= parse_instant(event["time"]) < end]
        return _answer(200, {"data": found, "next_cursor": None})
