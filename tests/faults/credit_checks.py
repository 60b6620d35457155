"""What must hold of an organization's credit at any moment, between grants, ledger, holds, drafts and invoices.

Each sum is made here anew, from what is stored: what a grant consumed three times over, from the ledger, from the lines
of invoices with their credit notes, and from what the records of periods remember.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from chalicelib.credits import balance_service, hold_store
from chalicelib.credits import service as credits_service
from chalicelib.credits.drawdown import Drawn
from chalicelib.credits.holds import Hold, HoldStatus
from chalicelib.credits.ledger import Entry, EntryKind
from chalicelib.credits.service import Recorded
from chalicelib.credits.summary import Summary
from chalicelib.credits.verify_service import VerifyPlace, verify_ledger
from chalicelib.credits.wallet import Wallet, assert_sound, caught_up
from chalicelib.invoices.invoice import Invoice, InvoiceStatus, Line, LineCredit
from chalicelib.invoices.numbering import InvoiceRef
from chalicelib.invoices.opening import open_billing
from chalicelib.invoices.paid_places import PaidPlace, find_paid_place
from chalicelib.invoices.period_record import PeriodRecord
from chalicelib.shared.clock import clock

_MOVING = (EntryKind.DRAWDOWN, EntryKind.REVERSAL)
_GIVING = (EntryKind.GRANT, EntryKind.CARRIED)
# An invoice, a grant and a local day: what was drawn for them, less what came back.
Moved = Counter[tuple[str, str, date]]


def read_entries(organization: str) -> list[Entry]:
    """Read the whole ledger, oldest first."""
    found: list[Entry] = []
    before: int | None = None
    while True:
        read, before = credits_service.list_entries(organization, Recorded(), before=before, limit=1000)
        found += read
        if before is None:
            return found[::-1]


def read_holds(organization: str, now: datetime) -> list[Hold]:
    """Read all holds, the latest end first."""
    found, _ = hold_store.list_holds(organization, None, ended_until=now, before=None, limit=1000)
    return found


def check_credit(organization: str, invoices: Sequence[Invoice]) -> None:
    """Assert everything that must hold of credit whose invoices, void ones too, are these."""
    now = clock.now()
    held = credits_service.read_wallet(organization, currency="USD", now=now)
    if not held.head.version:
        assert not any(line.credits for one in invoices for line in one.content.lines), "paid without a grant"
        return
    assert_sound(held)
    entries = read_entries(organization)
    _check_ledger(organization, held, entries)
    _check_grants(held, entries)
    _check_heads(entries, invoices)
    _check_drawn(entries, invoices)
    _check_held(held, read_holds(organization, now), now)
    summary = balance_service.read_balance(organization, now).summary
    _check_summary(summary)
    # Where nothing is drawn and nothing was, no line of a draft has any credit.
    is_drawn = summary.pending_minor or summary.consumed_minor
    drafts = [draft.invoice for draft in open_billing(organization, now).drafts()] if is_drawn else []
    for line in (line for one in (*invoices, *drafts) for line in one.content.lines):
        _check_line(line)


def _check_ledger(organization: str, held: Wallet, entries: Sequence[Entry]) -> None:
    """Assert that the ledger is whole, and that at every seq its balance is the sum of the entries up to there."""
    place: VerifyPlace | None = VerifyPlace()
    while place is not None:
        page = verify_ledger(organization, place)
        assert page.verification.is_valid
        place = page.place
    balance_minor = 0
    for seq, one in enumerate(entries, 1):
        balance_minor += one.amount_minor
        assert (one.seq, one.balance_minor) == (seq, balance_minor), f"{one} after {balance_minor}"
        assert balance_minor >= 0, f"{one} leaves less than nothing"
    assert (held.head.seq, held.head.ledger.balance_minor) == (len(entries), balance_minor)


def _check_grants(held: Wallet, entries: Sequence[Entry]) -> None:
    """Assert that what became of each grant is what its entries say."""
    sums: dict[str, Counter[EntryKind]] = defaultdict(Counter)
    for one in entries:
        sums[one.grant][one.kind] += one.amount_minor
    assert set(sums) == set(held.allocations), "every grant is in the ledger, and no other"
    for name, allocation in held.allocations.items():
        said, balance = sums[name], allocation.balance
        assert sum(said[kind] for kind in _GIVING) == allocation.grant.amount_minor, f"{name} was booked as {said}"
        assert balance.consumed_minor == -sum(said[kind] for kind in _MOVING), f"{balance} of {name} after {said}"
        gone = (balance.expired_minor, balance.voided_minor)
        assert gone == (-said[EntryKind.EXPIRY], -said[EntryKind.VOID]), f"{balance} of {name} after {said}"


def _check_heads(entries: Sequence[Entry], invoices: Iterable[Invoice]) -> None:
    hashes = {one.seq: one.hash for one in entries}
    for one in invoices:
        head = one.ledger_head
        assert head is None or hashes[head.seq] == head.hash, f"{one.id} names {head}"


def _check_drawn(entries: Iterable[Entry], invoices: Iterable[Invoice]) -> None:
    """Assert that the ledger moved for each invoice, grant and day what lines show, less what notes gave back."""
    booked: Moved = Counter()
    for one in entries:
        if one.kind in _MOVING:
            assert one.invoice is not None, f"{one} names no invoice"
            assert one.by_day is not None, f"{one} names no day"
            sign = 1 if one.kind is EntryKind.DRAWDOWN else -1
            assert sum(one.by_day.values()) == -sign * one.amount_minor, f"{one} by day"
            for day, minor in one.by_day.items():
                booked[one.invoice, one.grant, day] += sign * minor
    shown: Moved = Counter()
    for invoice in invoices:
        if invoice.status is not InvoiceStatus.VOID:
            for sign, credit in _moved_by(invoice):
                for day, minor in credit.by_day.items():
                    shown[invoice.id, credit.grant, day] += sign * minor
    _equal(booked, shown, "is booked, and invoices show")


def _moved_by(invoice: Invoice) -> Iterator[tuple[int, LineCredit]]:
    """Walk what lines draw (1), and what credit notes took back from them (-1)."""
    for line in invoice.content.lines:
        yield from ((1, credit) for credit in line.credits)
    for note in invoice.standing.credit_notes:
        for noted in note.lines:
            yield from ((-1, credit) for credit in noted.reversed)


def _equal(one: Counter[Any], other: Counter[Any], words: str) -> None:
    found, wanted = ({key: minor for key, minor in each.items() if minor} for each in (one, other))
    assert found == wanted, f"{found} {words} {wanted}"


def _check_line(line: Line) -> None:
    """Assert that credit pays no more of a line than its net, and that nothing comes back beyond what is taken back."""
    paid_minor = sum(credit.amount_minor for credit in line.credits)
    low, high = sorted((0, line.net_minor))
    assert low <= paid_minor <= high, f"{paid_minor} of {line.net_minor} is paid on {line.id}"
    assert all(sum(credit.by_day.values()) == credit.amount_minor for credit in line.credits), f"{line.credits}"


def _check_held(held: Wallet, holds: Iterable[Hold], now: datetime) -> None:
    """Assert that what grants hold is what open holds hold, grant by grant."""
    one = caught_up(held, now)
    assert_sound(one)
    parts: Counter[str] = Counter()
    for each in holds:
        if each.status(now, holds_until=one.head.holds_until) is HoldStatus.OPEN:
            parts.update({part.grant: part.amount_minor for part in each.parts})
    kept = Counter({name: each.balance.held_minor for name, each in one.allocations.items()})
    _equal(kept, parts, "is kept for")


def _check_summary(summary: Summary) -> None:
    """Assert both sums of a summary, and that nothing but pending and unbooked may be negative."""
    gone_minor = summary.consumed_minor + summary.expired_minor + summary.voided_minor
    kept_minor = summary.remaining_minor + summary.held_minor + summary.pending_minor
    assert summary.allocated_minor == gone_minor + kept_minor, f"{summary}"
    assert summary.ledger_balance_minor == kept_minor + summary.scheduled_minor + summary.unbooked_minor, f"{summary}"
    shown = (
        *(summary.allocated_minor, summary.consumed_minor, summary.expired_minor, summary.voided_minor),
        *(summary.held_minor, summary.remaining_minor, summary.scheduled_minor, summary.ledger_balance_minor),
    )
    assert all(minor >= 0 for minor in shown), f"{summary}"


def check_remembered(standing: Iterable[tuple[InvoiceRef, Invoice]], records: Mapping[str, PeriodRecord]) -> None:
    """Assert that records remember, place by place, what grants paid of the lines there and did not get back."""
    shown: Moved = Counter()
    places: dict[str, PaidPlace] = {}
    for ref, invoice in standing:
        by_line = {line.id: find_paid_place(ref, line) for line in invoice.content.lines}
        moved = [(line.id, 1, credit) for line in invoice.content.lines for credit in line.credits]
        for note in invoice.standing.credit_notes:
            moved += [(noted.line, -1, credit) for noted in note.lines for credit in noted.reversed]
        for line, sign, credit in moved:
            place = by_line[line]
            if place is not None:
                name = _name(place)
                places[name] = place
                for day, minor in credit.by_day.items():
                    shown[name, credit.grant, day] += sign * minor
    remembered: Moved = Counter()
    for name, place in places.items():
        for one in place.paid(records[place.ref.name]):
            assert one.amount_minor > 0, f"{name} remembers {one}"
            remembered[name, one.grant, one.day] += one.amount_minor
    _equal(remembered, shown, "is remembered, and invoices show")
    _check_nothing_else(records, set(places))


def _name(place: PaidPlace) -> str:
    return _name_of(place.ref.name, place.key, is_fee=place.part.value == "fee")


def _name_of(record: str, key: str, *, is_fee: bool) -> str:
    return f"{record} {'fee' if is_fee else 'charge'} {key}"


def _check_nothing_else(records: Mapping[str, PeriodRecord], known: set[str]) -> None:
    """Assert that no record remembers credit at a place where no line shows any."""
    for name, record in records.items():
        drawn: dict[str, tuple[Drawn, ...]] = {
            **{_name_of(name, key, is_fee=False): one.drawn for key, one in record.billed().items()},
            **{_name_of(name, key, is_fee=True): one.drawn for key, one in record.advance.items()},
        }
        more = {place: paid for place, paid in drawn.items() if paid and place not in known}
        assert not more, f"{more} is remembered, and no line shows it"
