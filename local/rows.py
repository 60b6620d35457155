"""Rows of a CSV or JSON-lines file as usage events.

Numbers stay the literals they are in the file: a cell that has the form of a JSON number is sent as that number, any
other cell as text, an empty cell not at all. An instant without an offset is read as UTC.

Without an id column the id of an event is a digest of the row and how often the row came before, so the same file in
any order, whole, in part or twice names the same events.
"""

import csv
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from chalicelib.shared import strict_json
from chalicelib.shared.errors import InvalidInput
from chalicelib.shared.numbers import JsonNumber
from chalicelib.shared.time import format_instant, parse_instant

TIME_COLUMNS = ("time", "timestamp")
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_HAS_OFFSET = re.compile(r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$")
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")


class BadFile(Exception):
    """The file cannot be imported at all; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns become what; ``data`` pairs columns with names, and is ``None`` for all the others as they are."""

    time: str | None = None
    id: str | None = None
    data: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What every event of a file has in common."""

    type: str
    subject: str
    source: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row and the event it becomes; ``text`` is the event as it is sent."""

    line: int
    time: datetime
    event: Mapping[str, Any]
    text: str

    @property
    def id(self) -> str:
        """The event's id."""
        return str(self.event["id"])


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that cannot be an event."""

    line: int
    reason: str


class RowReader:
    """Reads one file as events, as often as it is asked to and always the same."""

    def __init__(self, path: Path, columns: Columns, target: Target) -> None:
        """Look at the file's columns; raises ``BadFile``."""
        self._path, self._target = path, target
        self._is_json = path.suffix.lower() in _JSON_SUFFIXES
        try:
            names = self._names()
        except (OSError, csv.Error) as error:
            raise BadFile(f"{path} cannot be read: {error}.") from None
        self._time = columns.time or _time_column(names)
        self._id = columns.id
        self._data = columns.data
        used = [self._time, *([self._id] if self._id else []), *(column for column, _ in self._data or ())]
        missing = [] if self._is_json else [name for name in used if name not in names]
        if missing:
            raise BadFile(f"{path} has no column {', '.join(missing)}; it has {', '.join(names)}.")

    def _names(self) -> Sequence[str]:
        for _, fields in self._lines():
            if isinstance(fields, Mapping):
                return list(fields)
        raise BadFile(f"{self._path} holds no rows.")

    def rows(self) -> Iterator[Row | BadRow]:
        """Walk the rows in the order of the file."""
        seen: Counter[bytes] = Counter()
        for line, fields in self._lines():
            if isinstance(fields, str):
                yield BadRow(line, fields)
                continue
            try:
                yield self._row(line, fields, seen)
            except ValueError as error:
                yield BadRow(line, str(error))

    def _row(self, line: int, fields: Mapping[str, Any], seen: Counter[bytes]) -> Row:
        values = self._values(fields)
        time_text = fields.get(self._time)
        if not isinstance(time_text, str) or not time_text.strip():
            raise ValueError(f"{self._time}: has no time")
        try:
            time = _instant(time_text.strip())
        except ValueError as error:
            raise ValueError(f"{self._time}: {time_text!r} {error}") from None
        own_id = self._own_id(fields) if self._id else _digest_id(f"{time_text}\n{strict_json.canonical(values)}", seen)
        event = self._event(time, own_id, values)
        text = strict_json.dump(event)
        if not text.isascii():
            _refuse_broken(text)
        return Row(line, time, event, text)

    def _values(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        if self._data is None:
            reserved = (self._time, self._id)
            pairs = [(name, value) for name, value in fields.items() if name not in reserved]
        else:
            pairs = [(name, fields.get(column, "")) for column, name in self._data]
        if self._is_json:
            return {name: value for name, value in pairs if value != ""}
        return {name: _literal(value) for name, value in pairs if value != ""}

    def _own_id(self, fields: Mapping[str, Any]) -> str:
        value = fields.get(self._id or "")
        text = value.text if isinstance(value, JsonNumber) else value
        if not isinstance(text, str):
            raise ValueError(f"{self._id}: has no id")
        return text

    def _event(self, time: datetime, own_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": own_id,
            "source": self._target.source,
            "type": self._target.type,
            "subject": self._target.subject,
            "time": format_instant(time),
            "data": values,
        }

    def _lines(self) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
        with self._path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            yield from _json_lines(file) if self._is_json else _csv_lines(file)


def _json_lines(file: Iterator[str]) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    for line, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            fields = strict_json.parse(text.encode("utf-8", "surrogatepass"))
        except InvalidInput as refused:
            yield line, refused.detail
            continue
        yield line, fields if isinstance(fields, dict) else "is not a JSON object"


def _csv_lines(file: Iterator[str]) -> Iterator[tuple[int, Mapping[str, str] | str]]:
    reader = csv.reader(file)
    names = next(reader, [])
    if len(set(names)) != len(names):
        raise BadFile("Two columns of the file have the same name.")
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, str(error)
            continue
        if len(cells) == len(names):
            yield reader.line_num, dict(zip(names, cells, strict=True))
        elif cells:
            yield reader.line_num, f"has {len(cells)} cells; the first line names {len(names)} columns"


def _time_column(names: Sequence[str]) -> str:
    found = [name for name in names if name.lower() in TIME_COLUMNS]
    if not found:
        raise BadFile(f"No column is called time or timestamp; name one with --time-column: {', '.join(names)}.")
    return found[0]


def _instant(text: str) -> datetime:
    return parse_instant(text if _HAS_OFFSET.search(text) else f"{text}Z")


def _literal(cell: str) -> str | JsonNumber:
    return JsonNumber(cell) if _JSON_NUMBER.fullmatch(cell) else cell


def _refuse_broken(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("is not UTF-8") from None


def _digest_id(content: str, seen: Counter[bytes]) -> str:
    digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest()[:16]
    seen[digest] += 1
    return f"{digest.hex()}-{seen[digest]}"


def file_digest(path: Path) -> str:
    """Give the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def key_of(path: Path, *parts: object) -> str:
    """Name one import of one file: the same file with the same words has the same key."""
    return hashlib.sha256(json.dumps([file_digest(path), *map(str, parts)]).encode()).hexdigest()[:32]
