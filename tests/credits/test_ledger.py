"""The ledger: a chain that shows every change, and that a stranger can check."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.credits.api_ledger import show_entry
from chalicelib.credits.ledger import (
    EMPTY,
    NO_HASH,
    Entry,
    EntryDraft,
    EntryKind,
    KeptHead,
    Wrong,
    append,
    entry_hash,
    verify,
    verify_end,
)
from tests.credits import tampering
from tests.credits.build import at
from tests.credits.tampering import WRONG_WITH_A_RIGHT_HASH, rehashed

BY_DAY = {date(2026, 1, 5): 900, date(2026, 1, 12): 100}
DRAFTS = [
    EntryDraft(kind=EntryKind.GRANT, grant="gr_a", amount_minor=1500, effective_at=at("01-01")),
    EntryDraft(kind=EntryKind.CARRIED, grant="gr_b", amount_minor=200, effective_at=at("01-02"), invoice="inv_0"),
    EntryDraft(
        kind=EntryKind.DRAWDOWN,
        grant="gr_a",
        amount_minor=-1000,
        effective_at=at("02-01"),
        invoice="inv_1",
        by_day=BY_DAY,
    ),
    EntryDraft(kind=EntryKind.REVERSAL, grant="gr_a", amount_minor=40, effective_at=at("02-02"), invoice="inv_1"),
    EntryDraft(kind=EntryKind.VOID, grant="gr_b", amount_minor=-200, effective_at=at("02-03"), note="gave üp “it”\n"),
    EntryDraft(kind=EntryKind.EXPIRY, grant="gr_a", amount_minor=-540, effective_at=at("02-04")),
]
RECORDED_AT = at("02-05") + timedelta(microseconds=7)
ENTRIES, HEAD = append(EMPTY, DRAFTS, RECORDED_AT)


def test_entries_count_from_one_with_a_running_balance() -> None:
    assert [entry.seq for entry in ENTRIES] == [1, 2, 3, 4, 5, 6]
    assert [entry.balance_minor for entry in ENTRIES] == [1500, 1700, 700, 740, 540, 0]
    assert (HEAD.seq, HEAD.hash, HEAD.balance_minor) == (6, ENTRIES[-1].hash, 0)


def test_each_entry_names_the_hash_before_it_and_the_first_none() -> None:
    assert [entry.previous_hash for entry in ENTRIES] == [NO_HASH, *(entry.hash for entry in ENTRIES[:-1])]


def test_appending_in_two_goes_is_appending_in_one() -> None:
    some, head = append(EMPTY, DRAFTS[:2], RECORDED_AT)
    rest, end = append(head, DRAFTS[2:], RECORDED_AT)
    assert ((*some, *rest), end) == (ENTRIES, HEAD)


@pytest.mark.parametrize(
    ("kind", "amount_minor"), [("grant", -1), ("drawdown", 1), ("reversal", -1), ("void", 1), ("expiry", 0)]
)
def test_an_entry_has_the_sign_of_its_kind_and_is_never_nothing(kind: str, amount_minor: int) -> None:
    draft = EntryDraft(kind=EntryKind(kind), grant="gr_a", amount_minor=amount_minor, effective_at=at("01-01"))
    with pytest.raises(AssertionError):
        append(EMPTY, [draft], RECORDED_AT)


def minor_of(amount: str) -> int:
    return int(amount.replace(".", ""))


def stranger(shown: dict[str, Any]) -> str:
    """Recompute a hash from what the API shows, as the module's text says, with the standard library alone."""
    names = ("kind", "grant", "effective_at", "recorded_at", "invoice", "note", "previous_hash")
    by_day = shown.get("by_day")
    text = {name: shown.get(name) for name in names} | {
        "seq": shown["seq"],
        "amount": minor_of(shown["amount"]),
        "balance": minor_of(shown["balance"]),
        "by_day": by_day and {day: minor_of(amount) for day, amount in by_day.items()},
    }
    written = json.dumps(text, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode("utf-8")).hexdigest()


@pytest.mark.parametrize("currency", ["USD", "JPY", "KWD"])
def test_a_stranger_recomputes_every_hash_from_what_is_shown(currency: str) -> None:
    for entry in ENTRIES:
        shown = json.loads(json.dumps(show_entry(entry, currency)))
        assert stranger(shown) == shown["hash"]


def test_an_untouched_ledger_is_valid_to_its_head() -> None:
    found = verify_end(verify(ENTRIES), HEAD)
    assert (found.is_valid, found.checked) == (True, HEAD)
    assert verify_end(verify([]), EMPTY).is_valid


def test_checking_goes_on_after_any_entry() -> None:
    for cut in range(len(ENTRIES) + 1):
        first = verify(ENTRIES[:cut])
        assert verify(ENTRIES[cut:], after=first.checked).checked == HEAD
        broken = verify([replace(entry, note="x") for entry in ENTRIES[cut:]], after=first.checked)
        assert broken.first_invalid_seq == (cut + 1 if cut < len(ENTRIES) else None)


OTHER: dict[str, Any] = {
    "seq": 99,
    "kind": EntryKind.CARRIED,
    "grant": "gr_c",
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


def changes() -> Iterator[tuple[str, list[Entry], int]]:
    """Give every tampered ledger with the first place that is wrong."""
    whole = list(ENTRIES)
    for place, entry in enumerate(whole):
        for name, value in OTHER.items():
            rest = whole[place + 1 :]
            changed = replace(entry, **{name: value})
            if changed != entry:
                yield f"{name} of {place + 1}", [*whole[:place], changed, *rest], place + 1
        yield f"without {place + 1}", whole[:place] + whole[place + 1 :], place + 1
        yield f"twice {place + 1}", [*whole[: place + 1], entry, *whole[place + 1 :]], place + 2
        for other in range(place + 1, len(whole)):
            swapped = list(whole)
            swapped[place], swapped[other] = whole[other], entry
            yield f"{place + 1} for {other + 1}", swapped, place + 1


def test_every_field_can_be_tampered_with() -> None:
    assert set(OTHER) == {field.name for field in fields(Entry)}


@pytest.mark.parametrize(("what", "entries", "wrong"), [pytest.param(*one, id=one[0]) for one in changes()])
def test_what_is_changed_deleted_swapped_or_inserted_is_found_and_named(
    what: str, entries: list[Entry], wrong: int
) -> None:
    found = verify_end(verify(entries), HEAD)
    assert (found.is_valid, found.first_invalid_seq) == (False, wrong)


@pytest.mark.parametrize("place", range(len(ENTRIES)))
def test_an_entry_that_was_changed_and_hashed_anew_is_found_at_the_next_or_at_the_head(place: int) -> None:
    forged = replace(ENTRIES[place], note="forged")
    forged = replace(forged, hash=entry_hash(forged))
    found = verify_end(verify([*ENTRIES[:place], forged, *ENTRIES[place + 1 :]]), HEAD)
    assert found.first_invalid_seq == min(place + 2, len(ENTRIES))


@pytest.mark.parametrize("wrong", WRONG_WITH_A_RIGHT_HASH, ids=str)
def test_an_entry_that_its_place_does_not_allow_is_found_also_under_a_right_hash(wrong: dict[str, Any]) -> None:
    forged = [*tampering.ENTRIES[:-1], rehashed(replace(tampering.ENTRIES[-1], **wrong))]
    assert verify(forged).first_invalid_seq == 8


def test_what_is_noted_of_a_ledger_is_compared_where_it_stands() -> None:
    right, other = KeptHead(3, ENTRIES[2].hash, "inv_1"), KeptHead(3, "a" * 64, "inv_2")
    assert verify(ENTRIES, kept_heads={3: [right]}).is_valid
    found = verify(ENTRIES, kept_heads={3: [right, other]})
    assert (found.wrong, found.first_invalid_seq, found.invoice) == (Wrong.INVOICE, 3, "inv_2")
    assert found.checked.seq == 2


def test_a_ledger_that_was_made_anew_does_not_reach_its_head() -> None:
    anew, head = append(EMPTY, DRAFTS, at("03-01"))
    assert verify(anew).is_valid
    assert head != HEAD
    assert verify_end(verify(anew), HEAD).first_invalid_seq == HEAD.seq


def test_an_entry_that_was_added_behind_the_head_is_found() -> None:
    more, _ = append(HEAD, DRAFTS[:1], RECORDED_AT)
    assert verify_end(verify([*ENTRIES, *more]), HEAD).first_invalid_seq == HEAD.seq + 1
