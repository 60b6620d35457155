"""Segments: the events of one request, organization and quarter-hour, packed into columns.

A segment is one stored item. Packing by column makes 500 events of 240 bytes fit into about 12 KB, so that storing
them costs a few write units instead of thousands; unpacking touches only the columns that someone asks for.

Layout: ``ids`` as ``event_ids.py`` packs them. ``columns`` is zlib-packed JSON, and after it planes (``planes.py``)::

    {"s": [sources], "S": codes, "t": "microseconds in the quarter-hour, each less the one before",
     "h": [[type, [path, …]], …], "H": codes, "d": [[column, …] for each shape]}

A *shape* is a type with the paths of its data's leaves; a row has the values of its shape's columns. Codes are one
character a row. A column is ``["c", text]`` (the same in all rows), ``["k", [texts], codes]`` (few different),
``["i", *integers]`` (whole numbers), ``["n", "1,2.5"]`` (number literals), ``["s", [strings]]`` or ``["j", [texts]]``,
where a text is a value's JSON. Of more than a few rows, integers are planes and named as ``integers.py`` does, codes of
a column are a plane, ``[start, length]``, and ``t`` is ``[unit, *integers]``: multiples of so many microseconds.
"""

import itertools
import json
import math
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from operator import itemgetter
from typing import Any, TypeVar

from chalicelib.shared.numbers import JsonNumber
from chalicelib.shared.retention import RETENTION
from chalicelib.shared.strict_json import canonical, dump
from chalicelib.shared.time import QUARTER_HOUR_S, QuarterHour, instant_of, microseconds, quarter_hour_start
from chalicelib.shared.values import dataclass
from chalicelib.usage.event_ids import pack_ids, unpack_ids
from chalicelib.usage.events import Event, Identity
from chalicelib.usage.integers import add_integers, read_integers
from chalicelib.usage.planes import Planes, read_plane

MAX_PACKED_BYTES = 300_000

# One printable character for each code; neither the quote nor the backslash, which JSON would escape.
_CODES = "".join(chr(code) for code in range(35, 127) if code != 92)
_CODE_OF = {char: place for place, char in enumerate(_CODES)}
_LEVEL = 6
# Whole numbers of a usual size, written as they are written back.
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
# Planes of so few numbers are no shorter than their text.
_FEW = 16
_PATH_OF = itemgetter(0)

Text = TypeVar("Text", str, str | None)
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
    shape_keys = [(event.type, tuple(map(_PATH_OF, row))) for event, row in zip(events, leaves, strict=True)]
    shapes = list(dict.fromkeys(shape_keys))
    by_shape: dict[tuple[str, tuple[Path, ...]], list[list[tuple[Path, Any]]]] = {shape: [] for shape in shapes}
    for shape, row in zip(shape_keys, leaves, strict=True):
        by_shape[shape].append(row)
    sources = list(dict.fromkeys(event.source for event in events))
    planes = Planes()
    document = {
        "s": sources,
        "S": _codes([event.source for event in events], sources),
        "t": _times([microseconds(event.time) - base for event in events], planes),
        "h": [[kind, [list(path) for path in paths]] for kind, paths in shapes],
        "H": _codes(shape_keys, shapes),
        "d": [_columns(rows, planes) for rows in by_shape.values()],
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    columns = zlib.compress(text.encode(), _LEVEL) + planes.packed
    return Packed(pack_ids([event.id for event in events]), columns, len(events))


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
    if not isinstance(value, dict) or not value:
        leaves.append((path, value))
        return
    for name, child in value.items():
        # Most children are leaves, of millions of events: they take no call.
        if isinstance(child, dict):
            _flatten_into(leaves, (*path, name), child)
        else:
            leaves.append(((*path, name), child))


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


def _times(offsets: Sequence[int], planes: Planes) -> str | list[Any]:
    deltas = [offset - before for before, offset in zip([0, *offsets], offsets, strict=False)]
    unit = math.gcd(*deltas) or 1
    where = add_integers([delta // unit for delta in deltas], planes) if len(deltas) > _FEW else None
    return ",".join(map(str, deltas)) if where is None else [unit, *where]


def _columns(rows: Sequence[Sequence[tuple[Path, Any]]], planes: Planes) -> list[list[Any]]:
    return [_column([row[place][1] for row in rows], planes) for place in range(len(rows[0]))]


def _column(values: Sequence[Any], planes: Planes) -> list[Any]:
    texts = [value.text if isinstance(value, JsonNumber) else dump(value) for value in values]
    distinct = list(dict.fromkeys(texts))
    if len(distinct) == 1:
        return ["c", texts[0]]
    if len(distinct) <= min(len(_CODES), len(texts) // 2):
        if len(texts) <= _FEW:
            return ["k", distinct, _codes(texts, distinct)]
        place, start = {text: at for at, text in enumerate(distinct)}, len(planes.packed)
        return ["k", distinct, [start, planes.add(bytes([place[text] for text in texts]))]]
    if all(isinstance(value, JsonNumber) for value in values):
        is_whole = len(texts) > _FEW and all(map(_WHOLE.fullmatch, texts))
        where = add_integers(list(map(int, texts)), planes) if is_whole else None
        return ["n", ",".join(texts)] if where is None else ["i", *where]
    if all(isinstance(value, str) for value in values):
        return ["s", list(values)]
    return ["j", texts]


@dataclass(frozen=True)
class Shape:
    """The rows of a segment that have one type and the same paths: a column for each path."""

    type: str
    rows: Sequence[int]
    _columns: Mapping[Path, list[Any]]
    _planes: bytes

    def scalars(self, path: Path) -> list[str | None] | None:
        """Give the values at a path into ``data`` as text, a row each; ``None`` when no row has the path.

        A string is itself, a number its literal, a boolean ``true`` or ``false``; anything else is ``None``.
        """
        column = self._columns.get(("data", *path))
        if column is None:
            return None
        kind = column[0]
        if kind in ("i", "n"):
            return list(self._numbers(column))
        if kind == "s":
            return list(column[1])
        if kind == "c":
            return [_scalar(column[1])] * len(self.rows)
        if kind == "k":
            return self._chosen(list(map(_scalar, column[1])), column[2])
        return list(map(_scalar, self._texts_of(column)))

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
        return {path: self._texts_of(column) for path, column in self._columns.items()}

    @cached_property
    def _leaves(self) -> tuple[tuple[Path, ...], Sequence[Sequence[str]]]:
        """Give the paths into ``data`` in order, and the canonical text of each row's value at each."""
        paths = tuple(sorted(path for path in self._columns if path[0] == "data"))
        return paths, [[_canonical_text(text) for text in self._texts[path]] for path in paths]

    def _texts_of(self, column: list[Any]) -> Sequence[str]:
        kind = column[0]
        if kind == "c":
            return [column[1]] * len(self.rows)
        if kind == "k":
            return self._chosen(column[1], column[2])
        if kind in ("i", "n"):
            return self._numbers(column)
        if kind not in ("s", "j"):
            raise ValueError(f"a later release wrote a column of the kind {kind}")
        texts: list[str] = column[1]
        return [dump(text) for text in texts] if kind == "s" else texts

    def _numbers(self, column: list[Any]) -> Sequence[str]:
        if column[0] == "n":
            return str(column[1]).split(",")
        _, *where = column
        start: int = where[0]
        if start not in self._integers:
            self._integers[start] = list(map(str, read_integers(where, self._planes, count=len(self.rows))))
        return self._integers[start]

    def _chosen(self, distinct: list[Text], codes: str | list[int]) -> list[Text]:
        """Give the text of each row, by codes or by the plane that holds them."""
        if isinstance(codes, str):
            return [distinct[_CODE_OF[char]] for char in codes]
        start, length = codes
        if start not in self._codes:
            self._codes[start] = read_plane(self._planes, start, length, count=len(self.rows))
        return [distinct[place] for place in self._codes[start]]

    # What was read, by where it begins: several meters read one column.

    @cached_property
    def _integers(self) -> dict[int, list[str]]:
        return {}

    @cached_property
    def _codes(self) -> dict[int, bytes]:
        return {}


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
    def _parts(self) -> tuple[dict[str, Any], bytes]:
        """Give the document, and the planes that follow it."""
        unpacking = zlib.decompressobj()
        document: dict[str, Any] = json.loads(unpacking.decompress(self.packed.columns))
        return document, unpacking.unused_data

    @cached_property
    def ids(self) -> list[str]:
        """List the ids, a row each."""
        return unpack_ids(self.packed.ids, self.rows)

    @cached_property
    def sources(self) -> list[str]:
        """List the sources, a row each."""
        document, _ = self._parts
        sources: list[str] = document["s"]
        if len(sources) == 1:
            return sources * self.rows
        return [sources[place] for place in _places(document["S"], self.rows)]

    @cached_property
    def identities(self) -> list[Identity]:
        """List (source, id), a row each."""
        return list(zip(self.sources, self.ids, strict=True))

    @cached_property
    def micros(self) -> list[int]:
        """List the times in microseconds since 1970, a row each."""
        start = microseconds(quarter_hour_start(self.quarter_hour))
        return [start + offset for offset in itertools.accumulate(self._deltas())]

    def _deltas(self) -> Iterable[int]:
        document, planes = self._parts
        if isinstance(document["t"], str):
            return map(int, document["t"].split(","))
        unit, *where = document["t"]
        return [unit * delta for delta in read_integers(where, planes, count=self.rows)]

    @cached_property
    def shapes(self) -> list[Shape]:
        """List the shapes; every row is in exactly one."""
        document, planes = self._parts
        if len(document["h"]) == 1:
            rows: list[Sequence[int]] = [range(self.rows)]
        else:
            lists: list[list[int]] = [[] for _ in document["h"]]
            for row, place in enumerate(_places(document["H"], self.rows)):
                lists[place].append(row)
            rows = list(lists)
        return [
            Shape(kind, places, {tuple(path): column for path, column in zip(paths, columns, strict=True)}, planes)
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
