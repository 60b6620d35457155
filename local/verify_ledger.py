"""Check an exported credits ledger with nothing but Python's standard library: ``python verify_ledger.py FILE…``.

This file stands alone: copy it where you like, read it whole, and trust no server. It takes the entries as the API
shows them (``GET /v1/organizations/{org}/credits/ledger``), oldest or newest first: as JSON lines, as a JSON list, or
as saved pages (``{"data": […]}``); several files are read one after the other, ``-`` is standard input. Lines are read
one by one, so a million entries need no more memory than two; other JSON is read whole.

What is checked, entry by entry: ``seq`` counts from 1 without gaps; ``previous_hash`` is the hash of the entry before
(64 zeros for the first); ``hash`` is the SHA-256 of the other fields, as ``hash_of`` makes it; ``balance`` is that of
the entry before plus ``amount``; ``amount`` has the sign of its kind. What is pending is not in the ledger yet: rows
with ``"pending": true`` and without a seq are passed over.

A chain that was made anew from some place on has right hashes too. Note seq and hash of ``ledger_head`` from your
invoices and give them as ``--head SEQ:HASH``: then it shows.

Exit code 0: valid. 1: not valid, with the first place that is wrong. 2: not readable as a ledger.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

VALID, INVALID, UNREADABLE = 0, 1, 2
NO_HASH = "0" * 64
ADDING = ("grant", "carried", "reversal")
KINDS = (*ADDING, "drawdown", "expiry", "void")

# One way to write each amount: no plus, no leading zeros, no exponent.
_AMOUNT = re.compile(r"-?(?:0|[1-9][0-9]{0,35})(?:\.([0-9]{1,12}))?", re.ASCII)
_HEAD = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})", re.ASCII)
_SOMETHING = re.compile(r"\S")
_HASHED = ("seq", "kind", "grant", "effective_at", "recorded_at", "invoice", "note", "previous_hash")


class UnreadableLedger(Exception):
    """What was given is no ledger at all."""


class _BadEntry(Exception):
    """An entry cannot be what it says."""


@dataclass(frozen=True)
class Row:
    """An entry as it was read; ``fault`` says what is wrong with it, whatever stands before it.

    Amounts are minor units; ``digits`` is how many digits they had after the point, ``None`` when that is not clear.
    """

    seq: int | None
    hash: Any
    previous_hash: Any
    kind: Any = None
    amount: int = 0
    balance: int = 0
    digits: int | None = None
    fault: str | None = None


class Bad(NamedTuple):
    """The first place that is wrong, and why."""

    seq: int
    why: str


def read_row(entry: Mapping[str, Any], digits: int | None) -> Row:
    """Read an entry and make its hash; what is wrong with it is noted. ``digits`` are the currency's, if known."""
    place = entry["seq"] if type(entry.get("seq")) is int else None
    own, previous, kind = entry.get("hash"), entry.get("previous_hash"), entry.get("kind")
    try:
        shown = _digits_of(entry, digits)
        amount, balance = _minor(entry["amount"]), _minor(entry["balance"])
        fault = _fault_of(entry, amount)
    except (_BadEntry, UnicodeEncodeError) as bad:
        return Row(place, own, previous, fault=str(bad))
    return Row(place, own, previous, kind=kind, amount=amount, balance=balance, digits=shown, fault=fault)


def _fault_of(entry: Mapping[str, Any], amount: int) -> str | None:
    kind = entry.get("kind")
    if type(entry.get("seq")) is not int:
        return "its seq is not a whole number"
    if entry.get("pending", False) is not False:
        return "it says that it is pending, but has a place"
    if kind not in KINDS:
        return f"there is no kind {_short(kind)}"
    if not amount or (amount > 0) != (kind in ADDING):
        return f"its amount has the wrong sign for a {kind}"
    return None if hash_of(entry) == entry.get("hash") else "its hash is not that of its fields"


def hash_of(entry: Mapping[str, Any]) -> str:
    """Make the hash of an entry from its other fields.

    The text that is hashed is JSON with sorted names and without spaces, amounts as whole minor units, ``null`` for
    what the entry does not have, in UTF-8.
    """
    by_day = entry.get("by_day")
    fields: dict[str, Any] = {name: entry.get(name) for name in _HASHED}
    fields["amount"], fields["balance"] = _minor(entry["amount"]), _minor(entry["balance"])
    fields["by_day"] = None if by_day is None else {day: _minor(amount) for day, amount in by_day.items()}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _minor(amount: str) -> int:
    """Turn an amount into minor units: ``"-15.00"`` is -1500. Its form has been checked."""
    return int(amount.replace(".", ""))


def _digits_of(entry: Mapping[str, Any], wanted: int | None) -> int:
    """Tell how many digits the amounts have after the point: all the same, or it is not what was exported."""
    by_day = entry.get("by_day")
    if by_day is not None and not isinstance(by_day, dict):
        raise _BadEntry("its by_day is not an object")
    found = {_digits(amount) for amount in (entry.get("amount"), entry.get("balance"), *(by_day or {}).values())}
    if len(found) > 1 or (wanted is not None and wanted not in found):
        raise _BadEntry("its amounts have not all the same number of digits after the point, or not the currency's")
    return found.pop()


def _digits(amount: Any) -> int:
    form = _AMOUNT.fullmatch(amount) if isinstance(amount, str) else None
    if form is None or (amount.startswith("-") and not amount.strip("-0.")):
        raise _BadEntry(f"{_short(amount)} is not an amount")
    return len(form[1] or "")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


class Start(NamedTuple):
    """The seq before the first entry. In a part of a ledger what stands there is not known: it is taken on trust."""

    seq: int = 0

    def before(self, row: Row) -> Row:
        """Give the row before the first one."""
        if not self.seq:
            return Row(0, NO_HASH, None)
        return Row(self.seq, row.previous_hash, None, balance=row.balance - row.amount)


def fault_between(before: Row, row: Row) -> str | None:
    """Say why an entry does not follow the one before it; ``None`` when it does."""
    place = (before.seq or 0) + 1
    if row.seq is None:
        return row.fault
    if row.seq > place:
        gap = f"entry {place} is" if row.seq == place + 1 else f"entries {place} to {row.seq - 1} are"
        return f"{gap} missing: {row.seq} comes next"
    if row.seq != place:
        return f"entry {row.seq} stands where {place} belongs"
    if row.fault is not None:
        return row.fault
    if row.previous_hash != before.hash:
        return "its previous_hash is not the hash of the entry before"
    if before.digits is not None and row.digits != before.digits:
        return "its amounts have another number of digits after the point than those before"
    return None if row.balance == before.balance + row.amount else "its balance is not the one before plus its amount"


@dataclass
class Reading:
    """Rows read as oldest first, or as newest first. ``bad`` is the first place that is wrong, ``newest`` the last row.

    Against their order, a row is judged once the one before it is known, and what is wrong further down counts.
    """

    start: Start
    heads: Mapping[int, str]
    is_newest_first: bool
    bad: Bad | None = None
    newest: Row | None = None
    _last: Row | None = None

    def take(self, row: Row) -> None:
        """Judge a row as far as its neighbours are known."""
        if not self.is_newest_first and self.bad is None:
            self.bad = self._judge(self._last or self.start.before(row), row)
            self.newest = row
        if self.is_newest_first and self._last is not None:
            self.bad = self._judge(row, self._last) or self.bad
        self.newest, self._last = self.newest or row, row

    def end(self) -> None:
        """Judge the first entry, if it came last; then whether an entry is missing at the end that was noted."""
        if self.is_newest_first and self._last is not None:
            self.bad = self._judge(self.start.before(self._last), self._last) or self.bad
        reached = self.start.seq if self.newest is None else self.newest.seq or 0
        beyond = [seq for seq in self.heads if seq > reached]
        if self.bad is None and beyond:
            self.bad = Bad(reached + 1, f"the ledger ends before it, but entry {min(beyond)} was noted")

    def _judge(self, before: Row, row: Row) -> Bad | None:
        """Judge a row behind the one before it, and by what was noted elsewhere about its place."""
        place, fault = (before.seq or 0) + 1, fault_between(before, row)
        if fault is not None:
            return Bad(place, fault)
        # A note about the entry before a part of a ledger says what its first previous_hash must be.
        for seq, own in ((before.seq or 0, before.hash), (row.seq or 0, row.hash)):
            if self.heads.get(seq, own) != own:
                return Bad(place, f"entry {seq} was noted with the hash {self.heads[seq]}")
        return None


@dataclass
class Counted:
    """What went by: how many rows, in which direction, and the sums by kind."""

    rows: int = 0
    pending: int = 0
    steps: int = 0
    first: Row | None = None
    last: Row | None = None
    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def take(self, row: Row) -> None:
        """Count a row, and whether it is a step up or down."""
        self.steps += _step(self.last, row)
        self.first, self.last, self.rows = self.first or row, row, self.rows + 1
        if row.kind in KINDS:
            self.sums[row.kind] += row.amount

    @property
    def is_newest_first(self) -> bool:
        """Tell in which order most rows came; where that is not clear, the first and the last decide."""
        return (self.steps or (_step(self.first, self.last) if self.last else 0)) < 0


def _step(before: Row | None, row: Row) -> int:
    if before is None or before.seq is None or row.seq is None:
        return 0
    return (row.seq > before.seq) - (row.seq < before.seq)


def check(
    entries: Iterable[Mapping[str, Any]], digits: int | None, heads: Mapping[int, str], start: Start
) -> tuple[Counted, Reading]:
    """Check entries, oldest or newest first, holding two of them at a time. ``heads`` are noted hashes by seq."""
    readings = [Reading(start, heads, is_newest_first) for is_newest_first in (False, True)]
    counted = Counted()
    for entry in entries:
        if entry.get("pending") is True and entry.get("seq") is None:
            counted.pending += 1
            continue
        row = read_row(entry, digits)
        counted.take(row)
        for each in readings:
            each.take(row)
    found = readings[counted.is_newest_first]
    found.end()
    return counted, found


def read_files(names: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Read the entries of files, one after the other; raises ``UnreadableLedger``."""
    for name in names:
        try:
            if name == "-":
                yield from _entries(sys.stdin.buffer)
            else:
                with Path(name).open("rb") as stream:
                    yield from _entries(stream)
        except OSError as error:
            raise UnreadableLedger(f"{name}: {error.strerror or error}") from None
        except (ValueError, RecursionError, UnreadableLedger) as fault:
            raise UnreadableLedger(f"{name}: {fault}") from None


def _entries(stream: BinaryIO) -> Iterator[Mapping[str, Any]]:
    """Read JSON lines; when the first line is no JSON by itself, everything as JSON documents."""
    lines = (line for line in stream if line.strip())
    for place, line in enumerate(lines):
        try:
            document = _DECODER.decode(line.decode("utf-8-sig"))
        except ValueError:
            if place:
                raise
            yield from _documents((line + stream.read()).decode("utf-8-sig"))
            return
        yield from _entries_in(document)


def _documents(text: str) -> Iterator[Mapping[str, Any]]:
    """Read JSON documents that stand one behind the other."""
    at = 0
    while rest := _SOMETHING.search(text, at):
        document, at = _DECODER.raw_decode(text, rest.start())
        yield from _entries_in(document)


def _entries_in(document: Any) -> Iterator[Mapping[str, Any]]:
    """Give the entries of a document: an entry, a list of them, or a page."""
    if isinstance(document, dict) and isinstance(document.get("data"), list):
        document = document["data"]
    for entry in document if isinstance(document, list) else [document]:
        if not isinstance(entry, dict) or not entry.keys() & {"seq", "hash", "pending"}:
            raise UnreadableLedger(f"{_short(entry)} is not a ledger entry")
        yield entry


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise UnreadableLedger("a name comes twice in one object")
    return made


# Numbers with a point are no part of a ledger: they stay text, and then nothing takes them for a whole number.
_DECODER = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_float=str, parse_constant=str)


def show(minor: int, digits: int) -> str:
    """Show minor units as the API does."""
    text = str(abs(minor)).rjust(digits + 1, "0")
    return ("-" if minor < 0 else "") + (f"{text[:-digits]}.{text[-digits:]}" if digits else text)


def report(counted: Counted, found: Reading) -> Iterator[str]:
    """Say in lines what was checked and what was found."""
    order = "newest first" if found.is_newest_first else "oldest first"
    yield f"read: {counted.rows} entries, {order}; {counted.pending} pending rows passed over"
    if found.bad is not None:
        yield f"NOT VALID: first wrong place: seq {found.bad.seq}: {found.bad.why}"
        return
    yield "checked: seq without gaps, every hash, the chain, signs, the running balance"
    if found.start.seq:
        noted = "as noted" if found.start.seq in found.heads else "taken on trust, with the balance before it"
        yield f"begins at seq {found.start.seq + 1}: its previous_hash is {noted}"
    yield f"heads noted elsewhere: {len(found.heads)} given" + (", all right" if found.heads else "")
    if found.newest is not None:
        digits = found.newest.digits or 0
        yield f"last seq: {found.newest.seq}"
        yield f"last hash: {found.newest.hash}"
        yield f"balance: {show(found.newest.balance, digits)}"
        yield from (f"sum of {kind}: {show(counted.sums[kind], digits)}" for kind in KINDS)
    yield "VALID"


def _head(text: str) -> tuple[int, str]:
    form = _HEAD.fullmatch(text)
    if form is None:
        raise argparse.ArgumentTypeError("must be SEQ:HASH, with 64 hexadecimal digits in lower case")
    return int(form[1]), form[2]


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="verify_ledger.py", description="Check an exported credits ledger.")
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="JSON lines, a JSON list, or saved pages; - is standard input")
    add("--currency-digits", type=_whole, metavar="N", help="digits of amounts after the point (as the entries have)")
    add("--head", type=_head, action="append", default=[], metavar="SEQ:HASH", help="ledger_head of an invoice")
    add("--from-seq", type=_whole, default=1, metavar="N", help="the export begins at this entry (1)")
    return parser


def _noted(parser: argparse.ArgumentParser, heads: Sequence[tuple[int, str]], start: Start) -> dict[int, str]:
    noted: dict[int, str] = {}
    for seq, own in heads:
        if noted.setdefault(seq, own) != own:
            parser.error(f"--head: entry {seq} was noted with two hashes")
        if seq < start.seq:
            parser.error(f"--head: entry {seq} comes before --from-seq, so it cannot be checked")
    return noted


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the files that were named, say what was found, and give the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    start = Start(max(options.from_seq, 1) - 1)
    heads = _noted(parser, options.head, start)
    try:
        counted, found = check(read_files(options.files), options.currency_digits, heads, start)
    except UnreadableLedger as fault:
        print(f"NOT READABLE: {fault}", file=sys.stderr)
        return UNREADABLE
    print("\n".join(report(counted, found)))
    return INVALID if found.bad else VALID


if __name__ == "__main__":
    sys.exit(main())
