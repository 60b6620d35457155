"""A long ledger of credits: what a page of it costs wherever it lies, and how it is checked in constant memory.

Its entries are chained as any others, ten to a stored item as an invoice that draws on ten grants writes them, and
written in batches. ``python -m bench.ledger 1000000`` measures one of a million entries.
"""

import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from unittest.mock import patch

from bench.billing import Figures, shown
from bench.store import Bill, Meter, open_store
from bench.workload import NOON, ORGANIZATION
from chalicelib.credits import service
from chalicelib.credits.api_ledger import show_entry
from chalicelib.credits.grants import Allocation, Balance, Grant
from chalicelib.credits.ledger import EMPTY, Entry, EntryDraft, EntryKind, LedgerHead, append
from chalicelib.credits.records import pack_entries
from chalicelib.credits.service import Recorded
from chalicelib.credits.tables import EntriesItem
from chalicelib.credits.verify_service import VerifyPlace, verify_ledger
from chalicelib.credits.wallet import Wallet, totals_of
from chalicelib.platform.reads import write_batch
from chalicelib.platform.settings import settings
from chalicelib.platform.writes import commit
from local import verify_ledger as command

ENTRIES = 100_000
_GRANTS = 100
_AMOUNT_MINOR = 10**12
_A_TRANSACTION = 10
_BATCH = 25
_PAGE = 50
# 1 MB of entries, the head three times, a page of balances, 1 MB of invoices: nothing grows with the ledger.
MOST_READ_UNITS_A_PART = 600
MOST_COMMAND_BYTES = 64_000_000
MOST_GROWTH = 1.5
# A process begins with the memory of the one that starts it, which is great here: a small one starts the command.
_LAUNCHER = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


@dataclass(frozen=True, slots=True)
class _Written:
    """A ledger as it was written, with the file that it was exported to."""

    head: LedgerHead
    items: int
    file: Path


def measure_ledger(entries: int = ENTRIES) -> Figures:
    """Measure listing and checking a stored ledger of so many entries, and the command on its export."""
    secret = replace(settings, signing_secret=settings.signing_secret or "of the bench alone " * 2)
    with tempfile.TemporaryDirectory() as folder, open_store() as meter:
        written = _write(entries, Path(folder) / "ledger.jsonl")
        with patch("chalicelib.credits.verify_service.settings", secret):
            listed, verified = _listed(meter, entries), _verified(meter, entries)
        checked = _commanded(written)
    return {
        "entries": entries,
        "items": written.items,
        "list": listed,
        "verify": verified,
        "command": checked,
        "pass": listed["pass"] and verified["pass"] and checked["pass"],
    }


def _write(entries: int, file: Path) -> _Written:
    head, items, waiting = EMPTY, 0, list[EntriesItem]()
    with file.open("w", encoding="utf-8") as stream:
        for drafts in _transactions(entries):
            made, head = append(head, drafts, NOON)
            waiting.append(_item(made))
            stream.writelines(json.dumps(show_entry(entry, "USD")) + "\n" for entry in made)
            if len(waiting) == _BATCH or head.seq == entries:
                write_batch(waiting)
                items, waiting = items + len(waiting), []
    _write_wallet(head, entries)
    return _Written(head, items, file)


def _item(entries: Sequence[Entry]) -> EntriesItem:
    [(seq, blob)] = pack_entries(entries)
    return EntriesItem(ORGANIZATION, f"entries#{seq:012}", entries=blob)


def _transactions(entries: int) -> Iterator[list[EntryDraft]]:
    """Give the entries of each transaction: the grants one by one, then invoices that draw."""
    for place in range(_GRANTS):
        yield [_draft(EntryKind.GRANT, _name(place), _AMOUNT_MINOR, None)]
    for first in range(_GRANTS, entries, _A_TRANSACTION):
        drawn = range(first, min(first + _A_TRANSACTION, entries))
        yield [_draft(EntryKind.DRAWDOWN, _name(place), -_drawn_minor(place), f"inv_{first}") for place in drawn]


def _name(place: int) -> str:
    return f"gr_{place % _GRANTS:017}"


def _drawn_minor(place: int) -> int:
    return 100 + place % 900


def _draft(kind: EntryKind, grant: str, minor: int, invoice: str | None) -> EntryDraft:
    by_day = None if invoice is None else {date(2026, 1, 5): -minor - 40, date(2026, 1, 6): 40}
    return EntryDraft(kind=kind, grant=grant, amount_minor=minor, effective_at=NOON, invoice=invoice, by_day=by_day)


def _write_wallet(head: LedgerHead, entries: int) -> None:
    drawn = [0] * _GRANTS
    for place in range(_GRANTS, entries):
        drawn[place % _GRANTS] += _drawn_minor(place)
    made = (
        Allocation(
            Grant(id=_name(place), name="bench", amount_minor=_AMOUNT_MINOR, effective_at=NOON, created_at=NOON),
            Balance(consumed_minor=drawn[place]),
        )
        for place in range(_GRANTS)
    )
    allocations = {one.grant.id: one for one in made}
    empty = Wallet(organization=ORGANIZATION, currency="USD")
    full = replace(empty.head, ledger=head, totals=totals_of(allocations.values()), grants=_GRANTS)
    # More terms than a transaction takes: in batches, but for the head and the balances.
    *terms, last = service.wallet_writes(empty, replace(empty, head=full, allocations=allocations))
    for first in range(0, len(terms), _BATCH):
        commit(terms[first : first + _BATCH])
    commit([last])


def _listed(meter: Meter, entries: int) -> Figures:
    """List a page at the newest end, in the middle, and at the oldest end."""
    found: Figures = {}
    for name, before in (("first", None), ("middle", entries // 2), ("last", _PAGE + 1)):
        with meter.bill() as bill:
            page, _ = service.list_entries(ORGANIZATION, Recorded(), before=before, limit=_PAGE)
        assert len(page) == _PAGE
        found[name] = shown(bill)
    trips = {figures["round_trips"] for figures in found.values()}
    most = max(figures["read_units"] for figures in found.values())
    return found | {"targets": {"round_trips": 1, "read_units": _PAGE}, "pass": trips == {1} and most <= _PAGE}


def _verified(meter: Meter, entries: int) -> Figures:
    """Check the ledger part by part, once for what it costs and once for the memory of each part."""
    started = time.process_time()
    bills = list(_parts(meter, entries))
    seconds = time.process_time() - started
    tracemalloc.start()
    try:
        peaks = [_peak() for _ in _parts(meter, entries)]
    finally:
        tracemalloc.stop()
    units = max(bill.read_units for bill in bills)
    first, most = max(peaks[:2]), max(peaks)
    return {
        "parts": len(bills),
        "most_read_units_a_part": units,
        "most_round_trips_a_part": max(bill.round_trips for bill in bills),
        "cpu_s_with_the_engine": round(seconds, 1),
        "peak_mb_of_the_first_parts": round(first / 1e6, 1),
        "peak_mb": round(most / 1e6, 1),
        "targets": {"read_units_a_part": MOST_READ_UNITS_A_PART, "growth": MOST_GROWTH},
        "pass": units <= MOST_READ_UNITS_A_PART and most <= MOST_GROWTH * first,
    }


def _parts(meter: Meter, entries: int) -> Iterator[Bill]:
    """Check the whole ledger, each part from what the one before it left behind."""
    place: VerifyPlace | None = VerifyPlace()
    while place is not None:
        with meter.bill() as bill:
            page = verify_ledger(ORGANIZATION, place)
        assert page.verification.is_valid, page.verification
        place = page.place
        yield bill
    assert page.verification.checked.seq == entries


def _peak() -> int:
    """Give the most memory that was held since the last time, beyond what is held now."""
    now, most = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    return most - now


def _commanded(written: _Written) -> Figures:
    """Run the command on the export, as a process of its own."""
    head = f"{written.head.seq}:{written.head.hash}"
    called = [sys.executable, "-I", command.__file__, str(written.file), "--head", head]
    started = time.perf_counter()
    ran = subprocess.run([sys.executable, "-I", "-c", _LAUNCHER, *called], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    # Kilobytes on Linux, bytes on macOS.
    peak = int(ran.stdout.splitlines()[-1]) * (1 if sys.platform == "darwin" else 1024)
    return {
        "file_mb": round(written.file.stat().st_size / 1e6, 1),
        "seconds": round(seconds, 1),
        "peak_rss_mb": round(peak / 1e6, 1),
        "targets": {"exit_code": command.VALID, "peak_rss_mb": MOST_COMMAND_BYTES / 1e6},
        "pass": ran.returncode == command.VALID and peak <= MOST_COMMAND_BYTES,
    }


if __name__ == "__main__":
    json.dump(measure_ledger(int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES), sys.stdout, indent=2)
    sys.stdout.write("\n")
