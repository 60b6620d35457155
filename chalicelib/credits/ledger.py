"""The ledger: every movement of an organization's credit, in one sequence, chained by hashes, never changed.

**The chain.** Each entry carries the hash of the one before it, and a hash of its own over all its other fields.
Whoever has the entries can check them with nothing but Python's standard library::

    fields = {name: entry.get(name) for name in (
        "seq", "kind", "grant", "amount", "balance", "effective_at", "recorded_at",
        "invoice", "note", "by_day", "previous_hash")}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode("utf-8")).hexdigest() == entry["hash"]

Amounts in that text (``amount``, ``balance`` and the values of ``by_day``) are whole numbers of minor units: the API
shows ``"-15.00"``, the text has ``-1500``, which is what is left without the point. Instants are written as the API
shows them: ``2026-01-31T23:59:59Z``, with six digits more when there are any. What an entry does not have is ``null``.
The ``previous_hash`` of the first entry is 64 zeros, ``balance`` is that of the entry before plus ``amount``.

**What a chain does not show.** Whoever can write the whole ledger can make it anew from some place on, with right
hashes and a right head. What was noted elsewhere shows it: each finalized invoice keeps seq and hash of the entry that
was the last then (a ``KeptHead``).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from chalicelib.shared import strict_json
from chalicelib.shared.time import format_instant
from chalicelib.shared.values import dataclass

NO_HASH = "0" * 64


class EntryKind(StrEnum):
    """What an entry books: ``grant``, ``carried`` and ``reversal`` add, the others take away."""

    GRANT = "grant"
    CARRIED = "carried"
    DRAWDOWN = "drawdown"
    REVERSAL = "reversal"
    EXPIRY = "expiry"
    VOID = "void"


ADDING = frozenset({EntryKind.GRANT, EntryKind.CARRIED, EntryKind.REVERSAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDraft:
    """A movement that has no place in the ledger yet. ``amount_minor`` is signed and never 0.

    ``by_day`` shares the amount, without its sign, out over the local days of usage that were paid.
    """

    kind: EntryKind
    grant: str
    amount_minor: int
    effective_at: datetime
    invoice: str | None = None
    note: str | None = None
    by_day: Mapping[date, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(EntryDraft):
    """A movement at its place. ``balance_minor`` is the sum of all entries up to this one; ``seq`` counts from 1."""

    seq: int
    balance_minor: int
    recorded_at: datetime
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """Where the ledger ends: the last entry's seq, hash and balance; 0, zeros and 0 while it is empty."""

    seq: int = 0
    hash: str = NO_HASH
    balance_minor: int = 0


EMPTY = LedgerHead()


@dataclass(frozen=True, slots=True)
class KeptHead:
    """What an invoice says about the ledger: the hash of the entry that was the last when it was finalized."""

    seq: int
    hash: str
    invoice: str


class Wrong(StrEnum):
    """What is wrong with a ledger; the first of these that shows is named.

    ``entry``: an entry is not what its place wants. ``end``: the ledger does not end where its head says. ``invoice``:
    an invoice knows another entry at its place. ``balances``: a stored balance is not what the entries add up to.
    """

    ENTRY = "entry"
    END = "end"
    INVOICE = "invoice"
    BALANCES = "balances"


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking entries found.

    ``checked`` is the last entry that is right: checking goes on after it. ``first_invalid_seq`` is the first place in
    the sequence where another entry would have to be; ``None`` also where only balances are wrong. ``invoice`` is the
    one that knows better, ``grants`` those whose balances are wrong, where that can be told.
    """

    checked: LedgerHead
    first_invalid_seq: int | None = None
    wrong: Wrong | None = None
    invoice: str | None = None
    grants: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Tell whether everything that was checked is right."""
        return self.wrong is None


def append(
    head: LedgerHead, drafts: Sequence[EntryDraft], recorded_at: datetime
) -> tuple[tuple[Entry, ...], LedgerHead]:
    """Give drafts their places behind the head, in their order; answers the entries and the new head."""
    entries: list[Entry] = []
    for draft in drafts:
        entry = _placed(head, draft, recorded_at)
        entries.append(entry)
        head = LedgerHead(entry.seq, entry.hash, entry.balance_minor)
    return tuple(entries), head


def _placed(head: LedgerHead, draft: EntryDraft, recorded_at: datetime) -> Entry:
    assert draft.amount_minor != 0, f"{draft} moves nothing"
    assert (draft.amount_minor > 0) == (draft.kind in ADDING), f"{draft} has the wrong sign"
    entry = Entry(
        kind=draft.kind,
        grant=draft.grant,
        amount_minor=draft.amount_minor,
        effective_at=draft.effective_at,
        invoice=draft.invoice,
        note=draft.note,
        by_day=draft.by_day,
        seq=head.seq + 1,
        balance_minor=head.balance_minor + draft.amount_minor,
        recorded_at=recorded_at,
        previous_hash=head.hash,
        hash="",
    )
    return replace(entry, hash=entry_hash(entry))


def hashed_fields(entry: Entry) -> dict[str, Any]:
    """Give the JSON object that an entry's hash is made of: all its fields but the hash itself."""
    by_day = entry.by_day
    return {
        "seq": entry.seq,
        "kind": entry.kind.value,
        "grant": entry.grant,
        "amount": entry.amount_minor,
        "balance": entry.balance_minor,
        "effective_at": format_instant(entry.effective_at),
        "recorded_at": format_instant(entry.recorded_at),
        "invoice": entry.invoice,
        "note": entry.note,
        "by_day": None if by_day is None else {day.isoformat(): minor for day, minor in by_day.items()},
        "previous_hash": entry.previous_hash,
    }


def entry_hash(entry: Entry) -> str:
    """Make the SHA-256 of an entry's canonical text, in lower-case hexadecimal digits."""
    return hashlib.sha256(strict_json.canonical(hashed_fields(entry)).encode()).hexdigest()


def verify(
    entries: Iterable[Entry],
    *,
    after: LedgerHead | None = None,
    kept_heads: Mapping[int, Sequence[KeptHead]] | None = None,
) -> Verification:
    """Check entries in their order, one by one, beginning after one that is known to be right.

    Stops at the first that is not what its place wants (another seq, a broken chain, a wrong sign, balance or hash) or
    not what an invoice keeps; ``kept_heads`` are by seq.
    """
    checked = after or EMPTY
    for entry in entries:
        if not _follows(checked, entry):
            return Verification(checked, checked.seq + 1, Wrong.ENTRY)
        reached = LedgerHead(entry.seq, entry.hash, entry.balance_minor)
        contradiction = find_contradiction(reached, kept_heads.get(entry.seq, ()) if kept_heads else ())
        if contradiction is not None:
            return Verification(checked, entry.seq, Wrong.INVOICE, contradiction.invoice)
        checked = reached
    return Verification(checked)


def find_contradiction(checked: LedgerHead, kept_heads: Iterable[KeptHead]) -> KeptHead | None:
    """Find the first kept head that is not the entry that was checked; ``None`` when all of them are."""
    return next((one for one in kept_heads if (one.seq, one.hash) != (checked.seq, checked.hash)), None)


def _follows(checked: LedgerHead, entry: Entry) -> bool:
    return (
        entry.seq == checked.seq + 1
        and entry.previous_hash == checked.hash
        and entry.amount_minor != 0
        and (entry.amount_minor > 0) == (entry.kind in ADDING)
        and entry.balance_minor == checked.balance_minor + entry.amount_minor
        and entry.hash == entry_hash(entry)
    )


def verify_end(verification: Verification, head: LedgerHead) -> Verification:
    """Check that the ledger ends at its head, once its last entry has been checked.

    A chain alone does not show that its last entries are gone, or that it was made anew from some place on.
    """
    checked = verification.checked
    if not verification.is_valid or checked == head:
        return verification
    if checked.seq == head.seq:
        return Verification(checked, max(head.seq, 1), Wrong.END)
    # Too short: the next is missing. Too long: the first one beyond the head should not be.
    return Verification(checked, min(checked.seq, head.seq) + 1, Wrong.END)
