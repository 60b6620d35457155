"""Grants, balances and ledger entries as they are stored, and back: exact, the same text for the same thing."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from chalicelib.credits.grants import (
    Allocation,
    AppliesTo,
    Balance,
    Grant,
    Scope,
    Source,
    SourceKind,
    first_id,
    occurrence_number,
    occurrence_of,
)
from chalicelib.credits.holds import HeldPart
from chalicelib.credits.ledger import Entry, EntryKind
from chalicelib.credits.recurrence import Every, Recurrence
from chalicelib.shared import strict_json
from chalicelib.shared.numbers import show_decimal
from chalicelib.shared.time import format_instant, instant_of, microseconds, parse_instant

MAX_PACKED_BYTES = 300_000
_MICRO = timedelta(microseconds=1)
_UNREADABLE = (zlib.error, ValueError, TypeError, AttributeError, OverflowError, LookupError)


class UnreadableEntries(ValueError):
    """What is stored as ledger entries is none: somebody has changed it."""


class UnreadableBalances(ValueError):
    """What is stored as balances of grants is none: somebody has changed it."""


def write_terms(grant: Grant) -> str:
    """Write the terms that a grant was made with; how it ended is kept with its balance."""
    recurrence = grant.recurrence
    return strict_json.dump(
        {
            "id": grant.id,
            "name": grant.name,
            "amount_minor": grant.amount_minor,
            "effective_at": format_instant(grant.effective_at),
            "created_at": format_instant(grant.created_at),
            "expires_at": None if grant.expires_at is None else format_instant(grant.expires_at),
            "priority": grant.priority,
            "cost_basis": show_decimal(grant.cost_basis),
            "applies_to": grant.applies_to.value if isinstance(grant.applies_to, Scope) else sorted(grant.applies_to),
            "recurrence": None if recurrence is None else _write_recurrence(recurrence),
            "source": [grant.source.kind.value, grant.source.invoice],
        }
    )


def _write_recurrence(recurrence: Recurrence) -> list[Any]:
    lasts = None if recurrence.lasts is None else recurrence.lasts // _MICRO
    return [recurrence.every.value, recurrence.timezone, recurrence.count, lasts]


def read_terms(text: str) -> Grant:
    """Read what ``write_terms`` wrote."""
    stored: dict[str, Any] = json.loads(text)
    kind, invoice = stored["source"]
    return Grant(
        id=stored["id"],
        name=stored["name"],
        amount_minor=stored["amount_minor"],
        effective_at=parse_instant(stored["effective_at"]),
        created_at=parse_instant(stored["created_at"]),
        expires_at=None if stored["expires_at"] is None else parse_instant(stored["expires_at"]),
        priority=stored["priority"],
        cost_basis=Decimal(stored["cost_basis"]),
        applies_to=_read_scope(stored["applies_to"]),
        recurrence=None if stored["recurrence"] is None else _read_recurrence(*stored["recurrence"]),
        source=Source(SourceKind(kind), invoice),
    )


def _read_scope(stored: Any) -> AppliesTo:
    return Scope(stored) if isinstance(stored, str) else frozenset(stored)


def _read_recurrence(every: str, *rest: Any) -> Recurrence:
    timezone, count, lasts = rest
    window = None if lasts is None else lasts * _MICRO
    return Recurrence(every=Every(every), timezone=timezone, count=count, lasts=window)


def pack_balances(allocations: Iterable[Allocation]) -> bytes:
    """Pack what happened to grants, in their order.

    Id, balance, end and expiry as they are now (microseconds), and why it was voided if it was.
    """
    return _pack([_write_row(one) for one in allocations])


def _write_row(one: Allocation) -> list[Any]:
    grant = one.grant
    reason = [] if grant.void_reason is None else [grant.void_reason]
    return [grant.id, *astuple(one.balance), _micros(grant.ended_at), _micros(grant.expires_at), *reason]


def unpack_balances(blob: bytes, terms: Mapping[str, Grant]) -> list[Allocation] | None:
    """Read what ``pack_balances`` packed; ``None`` when the terms of a grant are missing.

    ``terms`` are those of grants by id; later occurrences have none of their own. Raises ``UnreadableBalances``.
    """
    try:
        rows = _unpack(blob)
        return [_read_row(row, terms) for row in rows] if all(first_id(row[0]) in terms for row in rows) else None
    except _UNREADABLE as fault:
        raise UnreadableBalances(str(fault)) from fault


def _read_row(row: Sequence[Any], terms: Mapping[str, Grant]) -> Allocation:
    grant, consumed, expired, voided, held, ended, expires, *reason = row
    first, number = terms[first_id(grant)], occurrence_number(grant)
    made = occurrence_of(first, number) if number else first
    terms_now = replace(
        made,
        ended_at=_instant(ended),
        expires_at=_instant(expires),
        void_reason=reason[0] if reason else None,
    )
    return Allocation(terms_now, Balance(consumed, expired, voided, held))


def write_parts(parts: Iterable[HeldPart]) -> str:
    """Write what a hold holds of each grant, in its order."""
    return strict_json.dump([[part.grant, part.amount_minor] for part in parts])


def read_parts(text: str) -> tuple[HeldPart, ...]:
    """Read what ``write_parts`` wrote."""
    return tuple(HeldPart(grant, minor) for grant, minor in json.loads(text))


def pack_entries(entries: Sequence[Entry]) -> list[tuple[int, bytes]]:
    """Pack entries, in their order, into as few items as their size allows; each with the seq of its first entry."""
    packed = _pack([_write_entry(entry) for entry in entries])
    if len(packed) <= MAX_PACKED_BYTES or len(entries) == 1:
        return [(entries[0].seq, packed)]
    half = len(entries) // 2
    return pack_entries(entries[:half]) + pack_entries(entries[half:])


def unpack_entries(blob: bytes) -> list[Entry]:
    """Read what ``pack_entries`` packed; raises ``UnreadableEntries``."""
    try:
        return [_read_entry(*row) for row in _unpack(blob)]
    except _UNREADABLE as fault:
        raise UnreadableEntries(str(fault)) from fault


def _write_entry(entry: Entry) -> list[Any]:
    by_day = entry.by_day
    return [
        entry.seq,
        entry.kind.value,
        entry.grant,
        entry.amount_minor,
        entry.balance_minor,
        microseconds(entry.effective_at),
        microseconds(entry.recorded_at),
        entry.invoice,
        entry.note,
        None if by_day is None else {day.isoformat(): minor for day, minor in sorted(by_day.items())},
        entry.previous_hash,
        entry.hash,
    ]


def _read_entry(*row: Any) -> Entry:
    seq, kind, grant, amount_minor, balance_minor, effective, recorded, invoice, note, by_day, previous, own = row
    return Entry(
        seq=seq,
        kind=EntryKind(kind),
        grant=grant,
        amount_minor=amount_minor,
        balance_minor=balance_minor,
        effective_at=instant_of(effective),
        recorded_at=instant_of(recorded),
        invoice=invoice,
        note=note,
        by_day=None if by_day is None else {date.fromisoformat(day): minor for day, minor in by_day.items()},
        previous_hash=previous,
        hash=own,
    )


def _pack(rows: Sequence[Any]) -> bytes:
    return zlib.compress(strict_json.dump(rows).encode(), 9)


def _unpack(blob: bytes) -> list[Any]:
    rows: list[Any] = json.loads(zlib.decompress(blob))
    return rows


def _micros(instant: datetime | None) -> int | None:
    return None if instant is None else microseconds(instant)


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else instant_of(micros)
