"""A ledger is exported whole, and what was exported is checked by the command beside it."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from local.__main__ import main
from local.http_server import HttpAnswer, HttpRequest, Server
from local.problems import unreadable
from local.verify_ledger import main as verify
from tests.credits.tampering import ENTRIES, HEAD, shown

NEWEST_FIRST = shown(ENTRIES)[::-1]


class LedgerApi:
    """Answers pages of three entries, one of them empty; may be told to fail."""

    def __init__(self) -> None:
        self.failures: list[HttpAnswer] = []
        self.paths: list[str] = []

    def answer(self, request: HttpRequest) -> HttpAnswer:
        parts = urlsplit(request.target)
        self.paths.append(parts.path)
        if self.failures:
            return self.failures.pop()
        if request.header("authorization") != "Bearer key":
            return HttpAnswer(401, (), json.dumps({"detail": "who are you"}).encode())
        first = int(parse_qs(parts.query).get("cursor", ["0"])[0])
        found = [] if first == 3 and self.paths.count(parts.path) == 2 else NEWEST_FIRST[first : first + 3]
        more = first + len(found) < len(NEWEST_FIRST)
        body: dict[str, Any] = {"data": found, "next_cursor": str(first + len(found)) if more else None}
        return HttpAnswer(200, (), json.dumps(body).encode())


@pytest.fixture
def api() -> LedgerApi:
    return LedgerApi()


@pytest.fixture
def url(api: LedgerApi) -> Iterator[str]:
    server = Server(("127.0.0.1", 0), api.answer, unreadable)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.url
    server.stop()


def export(url: str, *more: str, key: str = "key", organization: str = "acme") -> int:
    return main(["export-ledger", "--url", url, "--key", key, "--organization", organization, *more])


def test_a_ledger_is_exported_and_checked_in_two_commands(
    api: LedgerApi, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ledger.jsonl"
    assert export(url, "--out", str(out)) == 0
    assert [json.loads(line) for line in out.read_text().splitlines()] == NEWEST_FIRST
    assert set(api.paths) == {"/v1/organizations/acme/credits/ledger"}
    assert verify([str(out), "--head", f"{HEAD.seq}:{HEAD.hash}"]) == 0
    assert capsys.readouterr().out.endswith("VALID\n")


def test_without_a_file_it_goes_to_standard_output(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(url) == 0
    said = capsys.readouterr()
    assert [json.loads(line) for line in said.out.splitlines()] == NEWEST_FIRST
    assert said.err == "exported 8 entries\n"


def test_what_is_refused_leaves_no_file(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(url, "--out", str(tmp_path / "ledger.jsonl"), key="other") == 1
    assert list(tmp_path.iterdir()) == []
    assert "who are you" in capsys.readouterr().err


def test_the_name_of_an_organization_is_one_segment_of_the_path(api: LedgerApi, url: str) -> None:
    assert export(url, organization="a/b?c") == 0
    assert set(api.paths) == {"/v1/organizations/a%2Fb%3Fc/credits/ledger"}
