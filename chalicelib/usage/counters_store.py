"""Counters in DynamoDB: a header for each stretch of time, and pages where it would pass 300 KB.

A header is written on condition that it has seen more than what stands there: segments and definitions only grow.
Pages are written first, under the fold's id, and mean nothing until a header names that id; readers take only the pages
their header names, and read again when those have gone. Replaced pages are deleted last. A header that has seen just as
much changes nothing: else one whose answer was lost, sent again after an equal one took its place, would name pages
that are deleted.

Damaged counters are the exception: ``replace_counters`` writes whatever they say they have seen, on condition that the
very header stands there that was read first (see ``mending_service``).
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from enum import StrEnum
from typing import Any

from chalicelib.catalog.meters import MeterCatalog
from chalicelib.platform.connection import connection
from chalicelib.platform.reads import ItemKey, Query, find, find_many, first, walk, write_batch
from chalicelib.platform.retries import CONDITION_FAILED, code_of
from chalicelib.shared.errors import Busy
from chalicelib.shared.time import ONE_DAY, QuarterHour, format_quarter_hour, parse_day, parse_quarter_hour
from chalicelib.shared.values import dataclass
from chalicelib.usage.counters import Counters, Health, decode, decode_health, encode
from chalicelib.usage.ranges import Range
from chalicelib.usage.tables import CountersItem

PAGE_BYTES = 300_000
_READ_AGAIN = 5
# What reading an item of ours can raise when it is not as we write them.
_UNREADABLE = (zlib.error, ValueError, KeyError, TypeError, IndexError, ArithmeticError)

# A condition on what stands in the place of a header, and the values that it names.
_Condition = tuple[str, Mapping[str, Any]]


class Kind(StrEnum):
    """What stretch of time an item covers: the first part of its sort key."""

    QUARTER_HOUR = "q"
    DAY = "d"
    DAY_LEVELS = "l"
    MONTH_LEVELS = "m"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whose counters, and of when: a quarter-hour, a local day or a local month."""

    organization: str
    kind: Kind
    name: str

    @property
    def sort_key(self) -> str:
        """Give the sort key of the header."""
        return f"{self.kind}#{self.name}"


def quarter_hour_stretch(organization: str, quarter_hour: QuarterHour) -> Stretch:
    """Name the counters of a quarter-hour."""
    return Stretch(organization, Kind.QUARTER_HOUR, format_quarter_hour(quarter_hour))


def day_stretch(organization: str, kind: Kind, day: date) -> Stretch:
    """Name the counters of a local day, or the levels of its month."""
    return Stretch(organization, kind, day.strftime("%Y-%m") if kind is Kind.MONTH_LEVELS else day.isoformat())


def read_quarter_hours(organization: str, whole: Range, catalog: MeterCatalog) -> dict[QuarterHour, Counters]:
    """Read the stored counters of the quarter-hours in a range, by quarter-hour, in order."""
    low = quarter_hour_stretch(organization, whole.start)
    last = quarter_hour_stretch(organization, whole.end - 1)
    return {parse_quarter_hour(name): counters for name, counters in _read(low, last, catalog).items()}


def find_quarter_hour(organization: str, start: QuarterHour) -> QuarterHour | None:
    """Find the first quarter-hour at or after ``start`` that has stored counters."""
    low = quarter_hour_stretch(organization, start)
    # ":" sorts after the digits that every name begins with.
    within = CountersItem.sk.between(low.sort_key, f"{Kind.QUARTER_HOUR}#:")
    item = first(Query(model=CountersItem, pk=organization, within=within, attributes=("pk", "sk")))
    return None if item is None else parse_quarter_hour(item.sk.split("#")[1])


def read_days(
    organization: str, kind: Kind, days: tuple[date | None, date], catalog: MeterCatalog
) -> dict[date, Counters]:
    """Read the stored counters or levels of the days (or months that begin) in ``[first, end)``, in order.

    Without a first day it reads from the beginning.
    """
    first_day, end = days
    low = Stretch(organization, kind, "0") if first_day is None else day_stretch(organization, kind, first_day)
    # Months are asked for up to the first day of one, so the day before is in the last of them.
    found = _read(low, day_stretch(organization, kind, end - ONE_DAY), catalog)
    return {_day(name): counters for name, counters in found.items()}


def _day(name: str) -> date:
    return parse_day(name if len(name) > len("2026-01") else f"{name}-01")


def _read(low: Stretch, last: Stretch, catalog: MeterCatalog) -> dict[str, Counters]:
    """Read the headers between two sort keys with their pages; ``~`` sorts after the pages of the last one."""
    within = CountersItem.sk.between(low.sort_key, f"{last.sort_key}~")
    headers: dict[str, CountersItem] = {}
    pages: dict[str, bytes] = {}
    for item in walk(Query(model=CountersItem, pk=low.organization, within=within)):
        if _is_page(item.sk):
            pages[item.sk] = item.blob
        else:
            headers[item.sk.partition("#")[2]] = item
    return {
        name: _complete(Stretch(low.organization, low.kind, name), header, pages, catalog)
        for name, header in headers.items()
    }


def _is_page(sort_key: str) -> bool:
    """Tell a page (``q#<name>#<fold id>#<page>``) from a header (``q#<name>``)."""
    return sort_key.count("#") > 1


def _complete(stretch: Stretch, header: CountersItem, pages: Mapping[str, bytes], catalog: MeterCatalog) -> Counters:
    """Put a header and its pages together; where pages are missing a newer header has replaced it: read again."""
    for _ in range(_READ_AGAIN):
        keys = _page_keys(stretch.sort_key, header.fold_id or "", int(header.pages or 0))
        if all(key in pages for key in keys):
            return _decoded(header, b"".join(pages[key] for key in keys) if keys else header.blob, catalog)
        header = CountersItem.get(stretch.organization, stretch.sort_key)
        pages = _read_pages(stretch, header.fold_id or "")
    raise Busy("The counters are being written faster than they can be read; try again.")


def _decoded(header: CountersItem, blob: bytes, catalog: MeterCatalog) -> Counters:
    segments, definitions = int(header.segments), int(header.definitions)
    counters = decode(blob, segments=segments, definitions=definitions, catalog=catalog)
    return replace(counters, kept_until_s=int(header.kept_until_s or 0))


@dataclass(frozen=True, slots=True)
class Stored:
    """A header as it was read; ``counters`` is ``None`` when it or its pages cannot be read."""

    stretch: Stretch
    header: CountersItem
    counters: Counters | None


def find_stored(stretch: Stretch, catalog: MeterCatalog) -> Stored | None:
    """Find what is stored for a stretch, whether it can be read or not."""
    header = find(CountersItem, (stretch.organization, stretch.sort_key))
    if header is None:
        return None
    try:
        blob = header.blob
        if header.fold_id is not None:
            pages = _read_pages(stretch, header.fold_id)
            blob = b"".join(pages[key] for key in _page_keys(stretch.sort_key, header.fold_id, int(header.pages)))
        return Stored(stretch, header, _decoded(header, blob, catalog))
    except _UNREADABLE:
        return Stored(stretch, header, None)


def _read_pages(stretch: Stretch, fold_id: str) -> dict[str, bytes]:
    within = CountersItem.sk.startswith(f"{stretch.sort_key}#{fold_id}#")
    return {item.sk: item.blob for item in walk(Query(model=CountersItem, pk=stretch.organization, within=within))}


def _page_keys(sort_key: str, fold_id: str, pages: int) -> list[str]:
    return [f"{sort_key}#{fold_id}#{page:03}" for page in range(pages)]


@dataclass(frozen=True, slots=True)
class Replaced:
    """What stored counters stand in place of: the attributes of a header; ``None`` where that cannot be told."""

    header: Mapping[str, Any] | None

    def find_health(self) -> Health | None:
        """Tell the health of those counters, of none that all is 0; ``None`` when it lay in pages, or is not known."""
        if self.header is None or self.header.get("p"):
            return None
        try:
            return decode_health(self.header["b"]["B"]) if self.header else Health()
        except _UNREADABLE:
            return None


def put_counters(stretch: Stretch, counters: Counters, catalog: MeterCatalog, fold_id: str) -> Replaced | None:
    """Store counters that have seen more segments or later definitions than what stands there, and no less of either.

    Tells what they replaced, ``None`` when they were not stored: writing the same again changes nothing. Raises
    ``Busy``.
    """
    header, keys = _put_pages(stretch, counters, catalog, fold_id)
    return _without_old_pages(header, keys, _put_header(header))


def replace_counters(stored: Stored, counters: Counters, catalog: MeterCatalog, fold_id: str) -> bool:
    """Store counters in the place of what was read there, whatever that has seen; tells whether it still stood there.

    They must have been made from what was read after it. Raises ``Busy``.
    """
    header, keys = _put_pages(stored.stretch, counters, catalog, fold_id)
    replaced = _put_header(header, _stands_there(stored.header))
    return _without_old_pages(header, keys, replaced) is not None


def _put_pages(
    stretch: Stretch, counters: Counters, catalog: MeterCatalog, fold_id: str
) -> tuple[CountersItem, list[str]]:
    """Write the pages that counters need; answers their header, and the keys of the pages."""
    blob = encode(counters, catalog)
    chunks = [] if len(blob) <= PAGE_BYTES else [blob[at : at + PAGE_BYTES] for at in range(0, len(blob), PAGE_BYTES)]
    keys = _page_keys(stretch.sort_key, fold_id, len(chunks))
    write_batch([CountersItem(stretch.organization, key, blob=chunk) for key, chunk in zip(keys, chunks, strict=True)])
    header = CountersItem(
        stretch.organization,
        stretch.sort_key,
        segments=counters.segments,
        definitions=counters.definitions,
        fold_id=fold_id if chunks else None,
        pages=len(chunks) or None,
        blob=None if chunks else blob,
        kept_until_s=counters.kept_until_s or None,
    )
    return header, keys


def _without_old_pages(header: CountersItem, keys: Sequence[str], replaced: Replaced | None) -> Replaced | None:
    """Delete the pages that no header names: the new ones of a header that was refused, or those it replaced."""
    old = replaced.header or {} if replaced is not None else {}
    old_fold = old.get("f", {}).get("S")
    if replaced is None:
        _delete_pages(header.pk, keys)
    elif old_fold not in (None, header.fold_id):
        _delete_pages(header.pk, _page_keys(header.sk, old_fold, int(old.get("p", {"N": "0"})["N"])))
    return replaced


def _has_seen_less(header: CountersItem) -> _Condition:
    """Nothing stands there, or what has seen no more of either, and less of one."""
    return (
        "attribute_not_exists(pk) OR (g < :segments AND v <= :definitions) OR (g <= :segments AND v < :definitions)",
        {
            ":segments": {"N": str(int(header.segments))},
            ":definitions": {"N": str(int(header.definitions))},
        },
    )


def _stands_there(header: CountersItem) -> _Condition:
    """Exactly this header stands there: each of its attributes as it was read."""
    found = header.serialize()
    parts = [f"{name} = :{name}" if name in found else f"attribute_not_exists({name})" for name in _OF_A_HEADER]
    return " AND ".join(parts), {f":{name}": found[name] for name in _OF_A_HEADER if name in found}


_OF_A_HEADER = ("g", "v", "f", "p", "e", "b")


def _put_header(header: CountersItem, condition: _Condition | None = None) -> Replaced | None:
    """Write a header on a condition, ``_has_seen_less`` by default; ``None`` when it was not written."""
    expression, values = condition or _has_seen_less(header)
    request: dict[str, Any] = {
        "TableName": CountersItem.Meta.table_name,
        "Item": header.serialize(),
        "ConditionExpression": expression,
        "ExpressionAttributeValues": values,
        "ReturnValues": "ALL_OLD",
        "ReturnConsumedCapacity": "TOTAL",
    }
    reply = connection().ask("PutItem", request)
    if reply.fault is None:
        return Replaced(reply.content.get("Attributes", {}))
    if code_of(reply.fault) in CONDITION_FAILED:
        return Replaced(None) if reply.may_be_applied and _is_stored(header) else None
    raise reply.fault


def _is_stored(header: CountersItem) -> bool:
    """Tell whether a header in pages stands there: then the answer that was lost was a success."""
    stored = find(CountersItem, (header.pk, header.sk))
    return stored is not None and bool(header.fold_id) and stored.fold_id == header.fold_id


def _delete_pages(organization: str, keys: Sequence[str]) -> None:
    write_batch(deletes=[ItemKey(CountersItem, (organization, key)) for key in keys])


def read_kept_until(stretches: Sequence[Stretch]) -> list[int]:
    """Read until when all segments are there that each stretch's counters have seen; 0 where none are stored."""
    found = find_many([ItemKey(CountersItem, (one.organization, one.sort_key)) for one in stretches])
    return [int(item.kept_until_s or 0) if isinstance(item, CountersItem) else 0 for item in found]
