"""A file is imported whole, once, whatever happens on the way."""

import json
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from local.http_server import HttpAnswer, Server
from local.import_check import Check
from local.importer import BAD_USE, FAILED, SENT, WOULD_BE_REFUSED, Import, ImportOptions, batches
from local.problems import unreadable
from local.rows import BadRow, Columns, Row, RowReader, Target
from tests.local.fake_api import FakeApi

TARGET = Target(type="inference", subject="acme", source="import")
HEADER = "TIMESTAMP,Tokens,Model"


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def url(api: FakeApi) -> Iterator[str]:
    server = Server(("127.0.0.1", 0), api.answer, unreadable)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.url
    server.stop()


def _lines(count: int) -> list[str]:
    start = datetime(2023, 11, 16, 18, 15, 46, tzinfo=UTC)
    times = (start + timedelta(seconds=n // 2) for n in range(count))
    return [f"{time:%Y-%m-%d %H:%M:%S}.6805900,{n % 3}.5,llama" for n, time in enumerate(times)]


def _file(folder: Path, lines: list[str], name: str = "trace.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def _options(url: str, path: Path, **more: Any) -> ImportOptions:
    values = {"batch_size": 10, "patience_s": 5} | more
    return ImportOptions(file=path, url=url, key="key", target=TARGET, columns=Columns(), **values)


def _run(options: ImportOptions) -> tuple[int, str]:
    with (options.file.parent / "told").open("w+") as told:
        code = Import(options, Console(file=told, soft_wrap=True, highlight=False)).run()
        told.seek(0)
        return code, told.read()


def _tokens(api: FakeApi) -> Decimal:
    return sum((Decimal(str(event["data"]["Tokens"])) for event in api.events.values()), Decimal(0))


def test_every_row_becomes_one_event_with_its_literal_values(api: FakeApi, url: str, tmp_path: Path) -> None:
    path = _file(tmp_path, ["2023-11-16 18:15:46.6805900,0.30,llama", "2023-11-16T20:15:46+01:00,,12 apples"])
    assert _run(_options(url, path))[0] == SENT
    first, second = api.events.values()
    assert first["time"] == "2023-11-16T18:15:46.680590Z"
    assert first["data"] == {"Tokens": 0.3, "Model": "llama"}
    assert (second["time"], second["data"]) == ("2023-11-16T19:15:46Z", {"Model": "12 apples"})
    reader = RowReader(path, Columns(data=(("Tokens", "n"),)), TARGET)
    assert next(row.text for row in reader.rows() if isinstance(row, Row)).endswith('"data":{"n":0.30}}')


def test_equal_rows_are_different_events(api: FakeApi, url: str, tmp_path: Path) -> None:
    _run(_options(url, _file(tmp_path, ["2023-11-16 18:15:46,1,a"] * 3)))
    assert len(api.events) == 3


def test_a_second_run_and_a_shuffled_file_add_nothing(api: FakeApi, url: str, tmp_path: Path) -> None:
    lines = _lines(95)
    assert _run(_options(url, _file(tmp_path, lines)))[0] == SENT
    once = dict(api.events)
    assert (len(once), _tokens(api)) == (95, sum(Decimal(f"{n % 3}.5") for n in range(95)))
    random.Random(1).shuffle(lines)
    assert _run(_options(url, _file(tmp_path, lines, "shuffled.csv"), batch_size=7))[0] == SENT
    assert _run(_options(url, _file(tmp_path, lines)))[0] == SENT
    assert api.events == once
    assert list(tmp_path.glob("*.import.json")) == []


def test_an_interrupted_import_goes_on_behind_what_the_server_has(api: FakeApi, url: str, tmp_path: Path) -> None:
    options = _options(url, _file(tmp_path, _lines(95)))
    api.refuse_after = 4
    assert _run(options)[0] == FAILED
    api.refuse_after = None
    code, told = _run(options)
    assert (code, len(api.events)) == (SENT, 95)
    assert "Going on after 40 rows" in told
    assert sum(api.requests) == 95


def test_an_import_begins_again_when_the_server_lost_the_last_event(api: FakeApi, url: str, tmp_path: Path) -> None:
    options = _options(url, _file(tmp_path, _lines(95)))
    api.refuse_after = 4
    _run(options)
    api.refuse_after = None
    for identity in list(api.events)[-3:]:
        del api.events[identity]
    code, told = _run(options)
    assert (code, len(api.events)) == (SENT, 95)
    assert "beginning again" in told


def test_a_busy_server_is_asked_again_when_it_says(api: FakeApi, url: str, tmp_path: Path) -> None:
    busy = [HttpAnswer(status, (("Retry-After", "0"),), b"{}") for status in (429, 503, 502)]
    api.failures = [*busy, HttpAnswer(503, (), b"")]
    assert _run(_options(url, _file(tmp_path, _lines(20))))[0] == SENT
    assert len(api.events) == 20


def test_a_server_that_is_not_there_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.importer._FIRST_PATIENCE_S", 0)
    code, told = _run(_options("http://127.0.0.1:9", _file(tmp_path, _lines(1))))
    assert code == FAILED
    assert "The same command goes on" in told


BAD_LINES = [
    ("2023-11-16 18:15:46,1", "has 2 cells"),
    ("yesterday,1,a", "must be an RFC 3339 instant"),
    ("2023-02-30 10:00:00,1,a", "is not a date and time that exists"),
    (",1,a", "has no time"),
    ("2023-11-16 19:35:00.000001,1,a", "/time lies after 2023-11-16T19:35:00Z"),
    ("2023-10-12 19:29:59.999999,1,a", "/time lies before 2023-10-12T19:30:00Z"),
    ("2023-11-16 18:15:46,many,a", "/data/Tokens must be a value that the meter tokens can use"),
]
GOOD_LINES = ["2023-11-16 19:35:00,1,a", "2023-10-12 19:30:00,1,a"]
STRICT = {
    "key": "tokens",
    "name": "Tokens",
    "event_type": "inference",
    "aggregation": "sum",
    "value": "Tokens",
    "dimensions": {},
    "filter": {"Model": ["a"]},
    "unit": None,
    "strict": True,
    "count_from": "2023-01-01T00:00:00Z",
    "created_at": "2023-01-01T00:00:00Z",
    "archived_at": None,
    "version": 1,
}


def test_what_would_be_refused_is_told_before_anything_is_sent(api: FakeApi, url: str, tmp_path: Path) -> None:
    api.meters = [STRICT, STRICT | {"key": "other", "event_type": "another"}]
    options = _options(url, _file(tmp_path, [*GOOD_LINES, *(line for line, _ in BAD_LINES)]))
    code, told = _run(options)
    assert (code, api.requests) == (WOULD_BE_REFUSED, [])
    for line, (_, reason) in enumerate(BAD_LINES, 4):
        assert any(shown.startswith(f"line {line}: ") and reason in shown for shown in told.splitlines()), told
    assert "9 rows: 2 good" in told
    assert _run(replace(options, skip_invalid=True))[0] == SENT
    assert (len(api.events), api.queries) == (2, ["partial=true"])


def test_backfill_takes_old_rows_and_says_so_to_the_server(api: FakeApi, url: str, tmp_path: Path) -> None:
    assert _run(_options(url, _file(tmp_path, ["2023-01-01 00:00:00,1,a"]), backfill=True))[0] == SENT
    assert api.queries == ["backfill=true"]


def test_rows_that_a_lenient_meter_cannot_use_are_counted_and_sent(api: FakeApi, url: str, tmp_path: Path) -> None:
    api.meters = [STRICT | {"strict": False}]
    code, told = _run(_options(url, _file(tmp_path, ["2023-11-16 18:15:46,many,a"])))
    assert (code, len(api.events)) == (SENT, 1)
    assert "meter tokens cannot use 1 rows" in told


def test_at_most_twenty_refused_rows_are_shown(url: str, tmp_path: Path) -> None:
    _, told = _run(_options(url, _file(tmp_path, ["never,1,a"] * 25)))
    assert told.count("line ") == 20
    assert "… and 5 more" in told


def test_a_wrong_key_and_an_unknown_organization_are_told_at_once(api: FakeApi, url: str, tmp_path: Path) -> None:
    options = _options(url, _file(tmp_path, _lines(1)))
    assert _run(replace(options, key="other")) == (WOULD_BE_REFUSED, "The server does not know this key.\n")
    api.create_unknown = False
    assert "no organization acme" in _run(options)[1]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", Columns()),
        (HEADER, Columns()),
        ("a,b\n1,2\n", Columns()),
        (f"{HEADER}\n2023-11-16 18:15:46,1,a\n", Columns(id="Id")),
        (f"{HEADER}\n2023-11-16 18:15:46,1,a\n", Columns(data=(("Count", "n"),))),
        ("time,time\n1,2\n", Columns()),
    ],
)
def test_a_file_that_cannot_be_imported_is_bad_use(url: str, tmp_path: Path, text: str, columns: Columns) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    assert _run(replace(_options(url, path), columns=columns))[0] == BAD_USE


def test_json_lines_keep_nested_data_and_the_type_of_their_values(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    lines = [
        '{"time": "2023-11-16T18:15:46Z", "n": 7, "usage": {"out": 1e-07, "kind": "12"}}',
        "[1]",
        '{"time": 1}',
        "{",
    ]
    path.write_text("\n".join(lines))
    row, *bad = list(RowReader(path, Columns(id="n"), TARGET).rows())
    assert isinstance(row, Row)
    assert row.id == "7"
    assert row.text.endswith('"data":{"usage":{"out":1e-07,"kind":"12"}}}')
    assert json.loads(row.text)["subject"] == "acme"
    assert [one.line for one in bad if isinstance(one, BadRow)] == [2, 3, 4]


def test_bytes_that_are_not_utf_8_are_a_refused_row(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(f"{HEADER}\n2023-11-16 18:15:46,1,".encode() + b"\xff\n")
    assert list(RowReader(path, Columns(), TARGET).rows()) == [BadRow(2, "is not UTF-8")]


def test_a_batch_holds_at_most_500_quarter_hours_and_the_bytes_of_a_request() -> None:
    start = datetime(2023, 1, 1, tzinfo=UTC)
    spread = [Row(n, start + n * timedelta(minutes=15), {"id": n}, "{}") for n in range(1001)]
    assert [len(batch.rows) for batch in batches(spread, Check(), 10_000)] == [500, 500, 1]
    large = [Row(n, start, {"id": n}, "x" * 1_000_000) for n in range(7)]
    assert [len(batch.rows) for batch in batches(large, Check(), 10_000)] == [3, 3, 1]
