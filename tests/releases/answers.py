"""Everything that the API answers about what is stored, by the question: to compare one release with another."""

from collections.abc import Iterator
from typing import Any

from tests.client import ApiClient

RANGE = {"from_": "2025-12-01", "to": "2026-03-11"}
# Drawn, not stored: how they look may change with a release.
DOCUMENTS = ("html", "pdf", "csv")
# What a list goes on with is sealed anew each time.
_ALL = {"limit": 200}

Question = tuple[str, dict[str, Any]]


def ask_everything(client: ApiClient) -> dict[str, Any]:
    """Ask all questions; gives the bodies of the answers by question, each as JSON."""
    answers: dict[str, Any] = {}
    for path, query in _questions(client):
        answer = client.get(path, **query)
        assert answer.status_code == 200, f"{path}: {answer.body!r}"
        shown = "&".join(f"{name.rstrip('_')}={value}" for name, value in sorted(query.items()))
        answers[f"{path}?{shown}" if shown else path] = answer.json_body
    return answers


def ask_documents(client: ApiClient) -> dict[str, bytes]:
    """Draw every invoice in every way; gives the bytes by path."""
    found = {}
    for invoice in client.get("/v1/invoices", **_ALL).json_body["data"]:
        for kind in DOCUMENTS:
            path = f"/v1/invoices/{invoice['id']}/{kind}"
            answer = client.get(path, headers={"Accept": "application/pdf" if kind == "pdf" else "*/*"})
            assert answer.status_code == 200, f"{path}: {answer.body!r}"
            found[path] = answer.body
    return found


def _questions(client: ApiClient) -> Iterator[Question]:
    for path in ("/v1/settings", "/v1/session"):
        yield path, {}
    for path in ("/v1/organizations", "/v1/meters", "/v1/plans", "/v1/api-keys", "/v1/invoices"):
        yield path, _ALL
    for plan in client.get("/v1/plans", **_ALL).json_body["data"]:
        yield f"/v1/plans/{plan['key']}/versions/1", {}
    for organization in client.get("/v1/organizations", **_ALL).json_body["data"]:
        yield from _about_an_organization(client, organization["id"])


def _about_an_organization(client: ApiClient, organization: str) -> Iterator[Question]:
    of = f"/v1/organizations/{organization}"
    yield of, {}
    yield f"{of}/usage", {**RANGE, "include_zero": "true", "spend": "true"}
    yield f"{of}/usage", {**RANGE, "meter": "tokens", "group_by": "model", "window": "month"}
    yield f"{of}/usage", {"from_": "2026-03-05", "to": "2026-03-11", "window": "quarter_hour", "meter": "tokens"}
    yield f"{of}/events", {**RANGE, **_ALL}
    yield "/v1/ingestion", {**RANGE, "organization": organization}
    for name in ("subscriptions", "invoices", "credits/grants", "credits/schedule", "credits/holds"):
        yield f"{of}/{name}", _ALL
    yield f"{of}/credits/ledger", {**_ALL, "include_pending": "true"}
    yield f"{of}/credits/usage", {**RANGE, **_ALL}
    yield f"{of}/credits", {}
    yield f"{of}/credits/verify", {}
    for invoice in client.get(f"{of}/invoices", **_ALL).json_body["data"]:
        yield f"/v1/invoices/{invoice['id']}", {}
        for line in invoice["lines"]:
            if line["kind"] == "usage":
                yield f"/v1/invoices/{invoice['id']}/lines/{line['id']}", {}
        for note in invoice["credit_notes"]:
            yield f"/v1/credit-notes/{note['id']}", {}


def differences(recorded: Any, answered: Any, place: str = "") -> list[str]:
    """List where an answer is not what was recorded. Fields that are new are no difference; nothing may be missing."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        return [
            one
            for name, value in recorded.items()
            for one in differences(value, answered.get(name, "missing"), f"{place}/{name}")
        ]
    if isinstance(recorded, list) and isinstance(answered, list) and len(recorded) == len(answered):
        return [
            one
            for number, (before, after) in enumerate(zip(recorded, answered, strict=True))
            for one in differences(before, after, f"{place}/{number}")
        ]
    return [] if recorded == answered else [f"{place}: {recorded!r} was recorded, {answered!r} is answered"]
