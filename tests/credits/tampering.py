"""A ledger with an entry of every kind, and every way to tamper with it, each with the first place that is wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from chalicelib.credits.api_ledger import show_entry
from chalicelib.credits.grants import Source, SourceKind
from chalicelib.credits.ledger import EMPTY, Entry, EntryDraft, EntryKind, LedgerHead, append, entry_hash
from chalicelib.credits.wallet import Wallet, book_ended, draw, reverse, withdraw_grants
from tests.credits.build import JANUARY, at, grant, movement, wallet

BY_DAY = {date(2026, 1, 5): 900, date(2026, 1, 12): 100}
CARRIED = Source(SourceKind.CARRIED, "inv_0")


def steps() -> list[Wallet]:
    """Give a wallet as it grows; each step is a transaction."""
    made = wallet(grant("gr_a", 1500, expires_at=at("02-10")), grant("gr_b", 500), grant("gr_c", 200, source=CARRIED))
    drawn = [movement("gr_a", 1000, by_day=BY_DAY), movement("gr_b", 100)]
    found = [made, draw(made, drawn, recorded_at=at("02-01T01:02:03"))]
    found.append(reverse(found[-1], [movement("gr_a", 40, note="too “much”\n")], recorded_at=at("02-02")))
    found.append(withdraw_grants(found[-1], ["gr_c"], reason="x", invoice="inv_0", recorded_at=at("02-03")))
    found.append(book_ended(found[-1], ["gr_a"], recorded_at=at("02-11")))
    return found


def _finished() -> Wallet:
    return steps()[-1]


WALLET = _finished()
ENTRIES: tuple[Entry, ...] = WALLET.appended
HEAD = WALLET.head.ledger

# What each field is changed to.
OTHER: dict[str, Any] = {
    "seq": 99,
    "kind": EntryKind.CARRIED,
    "grant": "gr_z",
    "amount_minor": 1,
    "balance_minor": 12345,
    "effective_at": at("06-01"),
    "recorded_at": at("06-01"),
    "invoice": "inv_9",
    "note": "another",
    "by_day": {date(2026, 1, 5): 1000},
    "previous_hash": "f" * 64,
    "hash": "e" * 64,
}
# Nothing but the hash says what these are.
FREE = ("grant", "effective_at", "recorded_at", "invoice", "note", "by_day")

# What the last entry, an expiry that leaves 4.00, cannot be although its hash is right.
WRONG_WITH_A_RIGHT_HASH: list[dict[str, Any]] = [
    {"seq": 9},
    {"balance_minor": 401},
    {"kind": EntryKind.REVERSAL},
    {"amount_minor": 0, "balance_minor": 940},
    {"amount_minor": 60, "balance_minor": 1000},
    {"previous_hash": "0" * 64},
]


@dataclass(frozen=True)
class Tampered:
    """Entries that somebody tampered with; ``wrong`` is the first place where another entry belongs."""

    how: str
    entries: Sequence[Entry]
    wrong: int

    @property
    def exported(self) -> int | None:
        """Give what is wrong for who notes the last entry, but cannot know that it is the last."""
        hashes = [entry.hash for entry in self.entries]
        if hashes[: len(ENTRIES)] == [entry.hash for entry in ENTRIES] and self.entries[-1] == made_up(HEAD):
            return None
        # One with a right hash in the place of the last: the note tells them apart.
        return len(ENTRIES) if self.how == f"one more behind {len(ENTRIES) - 1}" else self.wrong


def rehashed(entry: Entry) -> Entry:
    """Give an entry the hash that its fields make."""
    return replace(entry, hash=entry_hash(entry))


def made_up(before: LedgerHead) -> Entry:
    """Make an entry that fits behind another one in every way."""
    draft = EntryDraft(kind=EntryKind.REVERSAL, grant="gr_b", amount_minor=7, effective_at=JANUARY, invoice="inv_1")
    return append(before, [draft], JANUARY)[0][0]


def head_at(place: int) -> LedgerHead:
    """Give the ledger's head as it was behind so many entries."""
    return (
        LedgerHead(ENTRIES[place - 1].seq, ENTRIES[place - 1].hash, ENTRIES[place - 1].balance_minor)
        if place
        else EMPTY
    )


def tamperings() -> Iterator[Tampered]:
    """Give every tampered ledger."""
    for place, entry in enumerate(ENTRIES):
        before, behind = ENTRIES[:place], ENTRIES[place + 1 :]
        yield from _changed(place)
        yield Tampered(f"without {place + 1}", [*before, *behind], place + 1)
        yield Tampered(f"{place + 1} twice", [*before, entry, entry, *behind], place + 2)
        yield Tampered(f"{place + 1} again at the end", [*ENTRIES, entry], len(ENTRIES) + 1)
        if behind:
            yield Tampered(f"{place + 1} for the next", [*before, behind[0], entry, *behind[1:]], place + 1)
    for place in range(len(ENTRIES) + 1):
        more = made_up(head_at(place))
        # It fits in itself: the next one does not, or the end.
        wrong = min(place + 2, len(ENTRIES) + 1)
        yield Tampered(f"one more behind {place}", [*ENTRIES[:place], more, *ENTRIES[place:]], wrong)
        odd = replace(more, balance_minor=1)
        yield Tampered(f"a wrong one behind {place}", [*ENTRIES[:place], odd, *ENTRIES[place:]], place + 1)


def _changed(place: int) -> Iterator[Tampered]:
    """Change each field of an entry, and again with the hash that it has then."""
    entry, before, behind = ENTRIES[place], ENTRIES[:place], ENTRIES[place + 1 :]
    for name, value in OTHER.items():
        changed = replace(entry, **{name: value})
        if changed == entry:
            continue
        yield Tampered(f"{name} of {place + 1}", [*before, changed, *behind], place + 1)
        if name in FREE:
            anew = [*before, rehashed(changed), *behind]
            yield Tampered(f"{name} of {place + 1}, hashed anew", anew, min(place + 2, len(ENTRIES)))


def rewritten(place: int) -> tuple[list[Entry], LedgerHead]:
    """Make the ledger anew from a place on: another note there, right hashes behind it, and the head they have."""
    drafts = [
        EntryDraft(
            kind=entry.kind,
            grant=entry.grant,
            amount_minor=entry.amount_minor,
            effective_at=entry.effective_at,
            invoice=entry.invoice,
            note="rewritten" if entry.seq == place else entry.note,
            by_day=entry.by_day,
        )
        for entry in ENTRIES[place - 1 :]
    ]
    anew, head = append(head_at(place - 1), drafts, at("02-11"))
    return [*ENTRIES[: place - 1], *anew], head


def shown(entries: Sequence[Entry], currency: str = "USD") -> list[dict[str, Any]]:
    """Show entries as the API does."""
    return [show_entry(entry, currency) for entry in entries]
