"""Segments: the events of one request, organization and quarter-hour, packed into columns.

A segment is one stored item. Packing by column makes 500 events of 240 bytes fit into about 12 KB, so that storing
them costs a few write units instead of thousands; unpacking touches only the columns that someone asks for.

Layout: ``ids`` is either ``0`` and 16 bytes for each id (all of them canonical UUIDs), or ``1`` and the zlib-packed
JSON list. ``columns`` is zlib-packed JSON::

    {"s": [sources], "S": codes, "t": "microseconds in the quarter-hour, each less the one before",
     "h": [[type, [path, …]], …], "H": codes, "d": [[column, …] for each shape]}

A *shape* is a type with the paths of its data's leaves; a row has the values of its shape's columns. Codes are one
character a row. A column is ``["c", text]`` (the same in all rows), ``["k", [texts], codes]`` (few different),
``["n", "1,2.5"]`` (number literals), ``["s", [strings]]`` or ``["j", [texts]]``, where a text is a value's JSON.
"""

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from chalicelib.shared.numbers import JsonNumber
from chalicelib.shared.retention import RETENTION
from chalicelib.shared.strict_json import canonical, dump
from chalicelib.shared.time import QUARTER_HOUR_S, QuarterHour, instant_of, microseconds, quarter_hour_start
from chalicelib.usage.events import Event, Identity

MAX_PACKED_BYTES = 300_000

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# One printable character for each code; neither the quote nor the backslash, which JSON would escape.
_CODES = "".join(chr(code) for code in range(35, 127) if code != 92)
_CODE_OF = {char: place for place, char in enumerate(_CODES)}
_LEVEL = 6

Path = tuple[str, ...]
# (type, paths into the data, canonical values there): equal exactly when type and data are.
Fingerprint = tuple[str, tuple[Path, ...], tuple[str, ...]]


class SegmentKind(StrEnum):
    """What the rows of a segment do: report usage, take an event back, or replace its data."""

    EVENTS = "events"
    VOID = "void"
    AMEND = "amend"


@dataclass(frozen=True, slots=True)
class Packed:
    """The two blobs of a segment, ready to be stored."""

    ids: bytes
    columns: bytes
    rows: int

    @property
    def size(self) -> int:
        """Count the bytes of both blobs."""
        return len(self.ids) + len(self.columns)


def expiry_s(quarter_hour: QuarterHour, received_micros: int) -> int:
    """Tell when a segment expires, in seconds since 1970: the retention after its quarter-hour or its receipt."""
    later = max(quarter_hour * QUARTER_HOUR_S, received_micros // 10**6)
    return later + RETENTION // timedelta(seconds=1)


def pack(events: Sequence[Event]) -> Packed:
    """Pack events of one organization and one quarter-hour, in their order. At least one event."""
    base = microseconds(quarter_hour_start(events[0].quarter_hour))
    leaves = [_flatten(event) for event in events]
    shape_keys = [(event.type, tuple(path for path, _ in row)) for event, row in zip(events, leaves, strict=True)]
    shapes = list(dict.fromkeys(shape_keys))
    by_shape: dict[tuple[str, tuple[Path, ...]], list[list[tuple[Path, Any]]]] = {shape: [] for shape in shapes}
    for shape, row in zip(shape_keys, leaves, strict=True):
        by_shape[shape].append(row)
    sources = list(dict.fromkeys(event.source for event in events))
    document = {
        "s": sources,
        "S": _codes([event.source for event in events], sources),
        "t": _deltas([microseconds(event.time) - base for event in events]),
        "h": [[kind, [list(path) for path in paths]] for kind, paths in shapes],
        "H": _codes(shape_keys, shapes),
        "d": [_columns(rows) for rows in by_shape.values()],
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Packed(_pack_ids([event.id for event in events]), zlib.compress(text.encode(), _LEVEL), len(events))


def split(events: Sequence[Event]) -> list[tuple[Sequence[Event], Packed]]:
    """Pack events of one quarter-hour into as few segments as the size limit allows, in their order.

    A single event never exceeds the limit: ingest refuses one above 100 KB.
    """
    packed = pack(events)
    if packed.size <= MAX_PACKED_BYTES or len(events) == 1:
        return [(events, packed)]
    half = len(events) // 2
    return split(events[:half]) + split(events[half:])


def _flatten(event: Event) -> list[tuple[Path, Any]]:
    leaves: list[tuple[Path, Any]] = []
    _flatten_into(leaves, ("data",), event.data)
    if event.extensions:
        _flatten_into(leaves, ("extensions",), event.extensions)
    return leaves


def _flatten_into(leaves: list[tuple[Path, Any]], path: Path, value: Any) -> None:
    if isinstance(value, dict) and value:
        for name, child in value.items():
            _flatten_into(leaves, (*path, name), child)
    else:
        leaves.append((path, value))


def _codes(rows: Sequence[Any], distinct: Sequence[Any]) -> str | list[int]:
    """Give each row's place in ``distinct``: nothing when there is one, characters when they suffice, else numbers."""
    if len(distinct) == 1:
        return ""
    place = {value: at for at, value in enumerate(distinct)}
    if len(distinct) <= len(_CODES):
        return "".join(_CODES[place[row]] for row in rows)
    return [place[row] for row in rows]


def _places(codes: str | list[int], rows: int) -> list[int]:
    if codes == "":
        return [0] * rows
    return [_CODE_OF[char] for char in codes] if isinstance(codes, str) else codes


def _deltas(offsets: Sequence[int]) -> str:
    return ",".join(str(offset - before) for before, offset in zip([0, *offsets], offsets, strict=False))


def _columns(rows: Sequence[Sequence[tuple[Path, Any]]]) -> list[list[Any]]:
    return [_column([row[place][1] for row in rows]) for place in range(len(rows[0]))]


def _column(values: Sequence[Any]) -> list[Any]:
    texts = [value.text if isinstance(value, JsonNumber) else dump(value) for value in values]
    distinct = list(dict.fromkeys(texts))
    if len(distinct) == 1:
        return ["c", texts[0]]
    if len(distinct) <= min(len(_CODES), len(texts) // 2):
        return ["k", distinct, _codes(texts, distinct)]
    if all(isinstance(value, JsonNumber) for value in values):
        return ["n", ",".join(texts)]
    if all(isinstance(value, str) for value in values):
        return ["s", list(values)]
    return ["j", texts]


def _pack_ids(ids: Sequence[str]) -> bytes:
    if all(_UUID.fullmatch(text) for text in ids):
        return b"0" + bytes.fromhex("".join(ids).replace("-", ""))
    text = json.dumps(ids, ensure_ascii=False, separators=(",", ":"))
    return b"1" + zlib.compress(text.encode(), _LEVEL)


def _unpack_ids(blob: bytes) -> list[str]:
    if blob[:1] == b"1":
        ids: list[str] = json.loads(zlib.decompress(blob[1:]))
        return ids
    h = blob[1:].hex()
    return [
        f"{h[at : at + 8]}-{h[at + 8 : at + 12]}-{h[at + 12 : at + 16]}-{h[at + 16 : at + 20]}-{h[at + 20 : at + 32]}"
        for at in range(0, len(h), 32)
    ]


@dataclass(frozen=True)
class Shape:
    """The rows of a segment that have one type and the same paths: a column for each path."""

    type: str
    rows: Sequence[int]
    _columns: Mapping[Path, list[Any]]

    def scalars(self, path: Path) -> list[str | None] | None:
        """Give the values at a path into ``data`` as text, a row each; ``None`` when no row has the path.

        A string is itself, a number its literal, a boolean ``true`` or ``false``; anything else is ``None``.
        """
        column = self._columns.get(("data", *path))
        if column is None:
            return None
        kind = column[0]
        if kind == "n":
            return list(column[1].split(","))
        if kind == "s":
            return list(column[1])
        if kind == "c":
            return [_scalar(column[1])] * len(self.rows)
        if kind == "k":
            known = dict(zip(_CODES, map(_scalar, column[1]), strict=False))
            return [known[char] for char in column[2]]
        return [_scalar(text) for text in column[1]]

    def document(self, at: int) -> dict[str, Any]:
        """Rebuild ``{"data": …, "extensions"?: …}`` of the row at a place of this shape, literals kept."""
        made: dict[str, Any] = {"data": {}}
        for path, texts in self._texts.items():
            target = made
            for name in path[:-1]:
                target = target.setdefault(name, {})
            target[path[-1]] = read_text(texts[at])
        return made

    def fingerprint(self, at: int) -> Fingerprint:
        """Give type and data of the row at a place, in a form that is equal exactly when they are."""
        paths, columns = self._leaves
        return self.type, paths, tuple([texts[at] for texts in columns])

    @cached_property
    def _texts(self) -> Mapping[Path, Sequence[str]]:
        return {path: _texts(column, len(self.rows)) for path, column in self._columns.items()}

    @cached_property
    def _leaves(self) -> tuple[tuple[Path, ...], Sequence[Sequence[str]]]:
        """Give the paths into ``data`` in order, and the canonical text of each row's value at each."""
        paths = tuple(sorted(path for path in self._columns if path[0] == "data"))
        return paths, [[_canonical_text(text) for text in self._texts[path]] for path in paths]


def _texts(column: list[Any], rows: int) -> list[str]:
    kind = column[0]
    if kind == "c":
        return [column[1]] * rows
    if kind == "k":
        distinct: list[str] = column[1]
        return [distinct[_CODE_OF[char]] for char in column[2]]
    if kind == "n":
        return str(column[1]).split(",")
    texts: list[str] = column[1]
    return [dump(text) for text in texts] if kind == "s" else texts


def _canonical_text(text: str) -> str:
    """Sort the keys of objects; every other value has one text only."""
    return canonical(read_text(text)) if text[0] in "[{" else text


def _scalar(text: str) -> str | None:
    if text[0] == '"':
        value: str = json.loads(text)
        return value
    return None if text[0] in "[{" or text == "null" else text


def read_text(text: str) -> Any:
    """Read a value's JSON text back; numbers as literals."""
    return json.loads(text, parse_int=JsonNumber, parse_float=JsonNumber)


@dataclass(frozen=True)
class Segment:
    """A stored segment, unpacked on demand. ``sort_id`` orders the segments of a quarter-hour by when they came."""

    sort_id: str
    kind: SegmentKind
    quarter_hour: QuarterHour
    received_at: int
    packed: Packed
    reason: str | None = None

    @property
    def rows(self) -> int:
        """Count the rows."""
        return self.packed.rows

    @property
    def kept_until_s(self) -> int:
        """Tell when it expires, in seconds since 1970: the retention after its quarter-hour or its receipt."""
        return expiry_s(self.quarter_hour, self.received_at)

    @cached_property
    def _document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(zlib.decompress(self.packed.columns))
        return document

    @cached_property
    def ids(self) -> list[str]:
        """List the ids, a row each."""
        return _unpack_ids(self.packed.ids)

    @cached_property
    def sources(self) -> list[str]:
        """List the sources, a row each."""
        sources: list[str] = self._document["s"]
        if len(sources) == 1:
            return sources * self.rows
        return [sources[place] for place in _places(self._document["S"], self.rows)]

    @cached_property
    def identities(self) -> list[Identity]:
        """List (source, id), a row each."""
        return list(zip(self.sources, self.ids, strict=True))

    @cached_property
    def micros(self) -> list[int]:
        """List the times in microseconds since 1970, a row each."""
        at = microseconds(quarter_hour_start(self.quarter_hour))
        times = []
        for delta in map(int, self._document["t"].split(",")):
            at += delta
            times.append(at)
        return times

    @cached_property
    def shapes(self) -> list[Shape]:
        """List the shapes; every row is in exactly one."""
        document = self._document
        if len(document["h"]) == 1:
            rows: list[Sequence[int]] = [range(self.rows)]
        else:
            lists: list[list[int]] = [[] for _ in document["h"]]
            for row, place in enumerate(_places(document["H"], self.rows)):
                lists[place].append(row)
            rows = list(lists)
        return [
            Shape(kind, places, {tuple(path): column for path, column in zip(paths, columns, strict=True)})
            for (kind, paths), places, columns in zip(document["h"], rows, document["d"], strict=True)
        ]

    @cached_property
    def _place(self) -> dict[int, tuple[Shape, int]]:
        return {row: (shape, at) for shape in self.shapes for at, row in enumerate(shape.rows)}

    def event(self, row: int, organization: str) -> Event:
        """Rebuild the event of a row."""
        shape, at = self._place[row]
        document = shape.document(at)
        return Event(
            organization=organization,
            source=self.sources[row],
            id=self.ids[row],
            type=shape.type,
            time=instant_of(self.micros[row]),
            data=document["data"],
            extensions=document.get("extensions", {}),
        )

    def fingerprint(self, row: int) -> Fingerprint:
        """Give what makes a second event of the same identity a duplicate rather than a conflict: type and data."""
        shape, at = self._place[row]
        return shape.fingerprint(at)
