"""Wallets in DynamoDB: written in few items on condition of the head, read back whole, torn reads seen."""

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.credits import hold_store, service, store
from chalicelib.credits.claims import Claims
from chalicelib.credits.grants import Scope, Source, SourceKind
from chalicelib.credits.holding import HoldTerms, hold_credit, release_hold
from chalicelib.credits.holds import Hold
from chalicelib.credits.ledger import Entry
from chalicelib.credits.records import MAX_PACKED_BYTES, pack_balances, pack_entries, unpack_entries
from chalicelib.credits.recurrence import Every, Recurrence
from chalicelib.credits.service import Recorded, read_wallet
from chalicelib.credits.tables import EntriesItem, GrantItem, HeadItem, PageItem
from chalicelib.credits.verify_service import VerifyPlace, verify_ledger
from chalicelib.credits.wallet import (
    Wallet,
    WalletHead,
    add_grants,
    caught_up,
    change_expiry,
    draw,
    reverse,
    void_grant,
)
from chalicelib.platform import retries, together
from chalicelib.platform.connection import client
from chalicelib.platform.reads import Query, find, find_many, list_page, read_page, walk
from chalicelib.platform.writes import Check, Lost, Put, Write, commit
from chalicelib.shared.errors import Busy, Conflict
from chalicelib.shared.time import EPOCH
from tests.credits.build import JANUARY, at, grant, movement, void_at_once, wallet

pytestmark = pytest.mark.usefixtures("tables")

MONTHLY = Recurrence(every=Every.MONTH, timezone="Europe/Berlin", count=7, lasts=timedelta(days=3))
HOUR = timedelta(hours=1)
MICRO = timedelta(microseconds=1)
DAYS = {date(2026, 1, 5): 60, date(2026, 1, 31): 40}


def save(after: Wallet) -> Wallet:
    """Write what turns the stored wallet into another, and give that as it is then read."""
    before = read_wallet("acme", currency="USD", now=JANUARY)
    commit(service.wallet_writes(before, after))
    return read_wallet("acme", currency="USD", now=JANUARY)


def change(command: Callable[[Wallet], Wallet]) -> Wallet:
    return save(command(read_wallet("acme", currency="USD", now=JANUARY)))


def entries() -> Sequence[Entry]:
    query = Query(model=EntriesItem, pk="acme", within=EntriesItem.sk.startswith("entries#"))
    return [entry for item in walk(query) for entry in unpack_entries(item.entries)]


def kinds(writes: Sequence[Write]) -> list[str]:
    return [str(getattr(write.item, "sk", "")) if isinstance(write, Put) else type(write).__name__ for write in writes]


def many(count: int) -> Wallet:
    return wallet(*(grant(f"gr_{number:017}", 1000) for number in range(count)))


def test_a_wallet_that_was_never_written_is_empty() -> None:
    assert read_wallet("acme", currency="USD", now=JANUARY) == wallet()
    assert find_many([service.wallet_key("acme")]) == [None]
    assert service.head_of(None) == WalletHead()


def test_a_wallet_is_read_as_it_was_written() -> None:
    grants = [
        grant("gr_a", 10**20, cost_basis=Decimal("0.000000000001"), expires_at=at("06-01")),
        grant(
            "gr_b", applies_to=frozenset({"y", "x"}), priority=7, effective_at=at("01-01") + timedelta(microseconds=1)
        ),
        grant("gr_c", applies_to=Scope.ALL, source=Source(SourceKind.CREDIT_NOTE, "inv_1")),
        grant("gr_d", recurrence=MONTHLY, expires_at=at("01-04")),
    ]
    made = add_grants(wallet(), grants, recorded_at=at("02-15"))
    assert list(made.allocations)[-1] == "gr_d.1"
    moved = draw(made, [movement("gr_b", 100, by_day=DAYS, note="ü")], recorded_at=at("02-15"))
    after = void_at_once(moved, "gr_a", recorded_at=at("02-16"))
    read = save(after)
    assert read == service.as_stored(wallet(), after)
    assert list(read.allocations) == list(after.allocations)
    assert entries() == list(after.appended)
    assert service.head_of(find_many([service.wallet_key("acme")])[0]) == read.head


def test_a_changed_expiry_and_a_later_occurrence_are_read_back() -> None:
    save(wallet(grant("gr_a"), grant("gr_d", recurrence=MONTHLY, expires_at=at("01-04"))))
    change(lambda one: change_expiry(one, "gr_a", expires_at=at("09-01"), recorded_at=at("02-15")))
    read = change(lambda one: change_expiry(one, "gr_d.1", expires_at=None, recorded_at=at("02-15")))
    assert read.allocations["gr_a"].grant.expires_at == at("09-01")
    assert read.allocations["gr_d.1"].grant.expires_at is None
    assert read.allocations["gr_d"].grant.expires_at == at("01-04")


def test_a_thousand_grants_are_drawn_and_given_back_in_twelve_items() -> None:
    before = service.as_stored(wallet(), many(1000))
    movements = [movement(name, 1000, by_day={date(2026, 1, 5): 1000}) for name in before.allocations]
    drawn = draw(before, movements, recorded_at=at("02-02"))
    assert kinds(service.wallet_writes(before, drawn)) == [
        "head",
        *(f"wallet#{page:04}" for page in range(10)),
        "entries#000000001001",
    ]
    stored = service.as_stored(before, drawn)
    assert len(service.wallet_writes(stored, reverse(stored, movements, recorded_at=at("02-03")))) == 12


def test_any_number_of_grants_is_drawn_in_twelve_items() -> None:
    before = service.as_stored(wallet(), many(3001))
    drawn = draw(before, [movement(name, 1) for name in before.allocations], recorded_at=at("02-02"))
    assert len(service.wallet_writes(before, drawn)) <= 12


def test_only_the_pages_of_changed_grants_are_written() -> None:
    before = service.as_stored(wallet(), many(250))
    name = list(before.allocations)[100]
    drawn = draw(before, [movement(name, 1)], recorded_at=at("02-02"))
    assert kinds(service.wallet_writes(before, drawn)) == ["head", "wallet#0001", "entries#000000000251"]
    more = add_grants(before, [grant("gr_new")], recorded_at=at("02-02"))
    assert kinds(service.wallet_writes(before, more)) == [
        *("head", "grant#gr_new", "wallet#0002", "entries#000000000251"),
    ]


def test_an_occurrence_has_no_terms_of_its_own() -> None:
    before = service.as_stored(wallet(), wallet(grant("gr_d", recurrence=MONTHLY, expires_at=at("01-04"))))
    begun = add_grants(before, [], recorded_at=at("02-15"))
    assert kinds(service.wallet_writes(before, begun)) == ["head", "wallet#0000", "entries#000000000002"]


def test_when_pages_grow_all_are_written_and_stale_ones_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.credits.wallet.PAGE_SIZE", 3)
    first = wallet(*(grant(f"gr_{number:02}") for number in range(30)))
    first = replace(first, head=replace(first.head, page_size=3))
    before = save(first)
    assert before.head.pages == 10
    after = add_grants(before, [grant("gr_30")], recorded_at=JANUARY)
    assert (after.head.page_size, after.head.pages) == (6, 6)
    assert save(after) == service.as_stored(before, after)


def test_composed_commands_are_one_set_of_writes() -> None:
    before = save(wallet(grant("gr_a"), grant("gr_b")))
    drawn = draw(before, [movement("gr_a", 100)], recorded_at=at("02-02"))
    back = reverse(drawn, [movement("gr_a", 30)], recorded_at=at("02-02"))
    carried = add_grants(back, [grant("gr_c", source=Source(SourceKind.CARRIED, "inv_1"))], recorded_at=at("02-02"))
    writes = service.wallet_writes(before, carried)
    assert len(set(kinds(writes))) == len(writes)
    commit(writes)
    assert read_wallet("acme", currency="USD", now=JANUARY) == service.as_stored(before, carried)
    assert [entry.kind.value for entry in entries()] == ["grant", "grant", "drawdown", "reversal", "carried"]


def test_grants_and_their_withdrawal_are_writes_of_another_domains_transaction() -> None:
    carried = grant("gr_a", source=Source(SourceKind.CARRIED, "inv_1"))
    writes, after = service.grant_writes(
        read_wallet("acme", currency="USD", now=JANUARY), [carried], recorded_at=JANUARY
    )
    commit(writes)
    assert read_wallet("acme", currency="USD", now=JANUARY) == after
    writes, gone = service.void_writes(after, ["gr_a"], reason="void", invoice="inv_1", recorded_at=at("01-02"))
    commit(writes)
    assert read_wallet("acme", currency="USD", now=JANUARY) == gone
    assert gone.head.ledger.balance_minor == 0
    drawn = draw(after, [movement("gr_a")], recorded_at=at("02-02"))
    with pytest.raises(Conflict):
        service.void_writes(drawn, ["gr_a"], reason="void", invoice="inv_1", recorded_at=at("02-03"))


def test_whoever_read_an_older_wallet_loses() -> None:
    empty = read_wallet("acme", currency="USD", now=JANUARY)
    read = save(wallet(grant("gr_a")))
    late, _ = service.grant_writes(empty, [grant("gr_b")], recorded_at=JANUARY)
    with pytest.raises(Lost):
        commit(late)
    change(lambda one: change_expiry(one, "gr_a", expires_at=at("09-01"), recorded_at=JANUARY))
    late, _ = service.grant_writes(read, [grant("gr_b")], recorded_at=JANUARY)
    with pytest.raises(Lost):
        commit(late)
    assert list(read_wallet("acme", currency="USD", now=JANUARY).allocations) == ["gr_a"]


def test_a_check_of_the_head_passes_until_the_wallet_changes() -> None:
    empty = read_wallet("acme", currency="USD", now=JANUARY)
    [check] = service.wallet_writes(empty, empty)
    assert isinstance(check, Check)
    commit([check])
    read = save(wallet(grant("gr_a")))
    commit([service.head_check("acme", read.head)])
    for stale in (check, service.head_check("acme", replace(read.head, version=2))):
        with pytest.raises(Lost):
            commit([stale])


def test_an_entry_is_never_written_over_even_without_a_head() -> None:
    save(wallet(grant("gr_a")))
    written = entries()
    HeadItem("acme", "head").delete()
    writes, _ = service.grant_writes(
        read_wallet("acme", currency="USD", now=JANUARY), [grant("gr_b")], recorded_at=JANUARY
    )
    with pytest.raises(Lost):
        commit(writes)
    assert entries() == written


def test_the_head_is_due_when_something_has_to_be_booked_and_not_otherwise() -> None:
    def due() -> list[tuple[str, Any]]:
        page = list_page(Query(model=HeadItem, pk=store.due_key("acme"), index="due"), limit=10)
        return [(item.pk, item.due_at) for item in page.items]

    save(wallet(grant("gr_a", expires_at=at("03-01"))))
    assert due() == [("acme", 1772323200000000)]
    change(lambda one: change_expiry(one, "gr_a", expires_at=None, recorded_at=JANUARY))
    assert due() == []


def between(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], *, times: int = 1) -> None:
    """Let somebody else act between the read of the head and that of the rest."""
    left = [times]

    def acting(organization: str) -> WalletHead:
        head = service.head_of(find(HeadItem, (organization, "head")))
        if left[0]:
            left[0] -= 1
            act()
        return head

    monkeypatch.setattr(store, "read_head", acting)
    monkeypatch.setattr(retries, "sleep", lambda seconds: None)


def test_a_read_that_a_writer_tore_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = save(wallet(grant("gr_a")))
    second = draw(first, [movement("gr_a", 100)], recorded_at=at("02-02"))
    between(monkeypatch, lambda: commit(service.wallet_writes(first, second)))
    assert read_wallet("acme", currency="USD", now=JANUARY) == service.as_stored(first, second)


def test_a_read_that_was_torn_by_a_change_without_amounts_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = save(wallet(grant("gr_a")))
    second = change_expiry(first, "gr_a", expires_at=at("09-01"), recorded_at=at("02-02"))
    between(monkeypatch, lambda: commit(service.wallet_writes(first, second)))
    assert read_wallet("acme", currency="USD", now=JANUARY) == service.as_stored(first, second)


def test_a_read_without_all_terms_or_pages_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    save(wallet(grant("gr_a")))
    monkeypatch.setattr(retries, "sleep", lambda seconds: None)
    item = GrantItem.get("acme", "grant#gr_a")
    item.delete()
    with pytest.raises(Busy):
        read_wallet("acme", currency="USD", now=JANUARY)
    item.save()
    page = PageItem.get("acme", "wallet#0000")
    page.balances = pack_balances([replace(wallet(grant("gr_a", 1)).allocations["gr_a"])])
    page.save()
    assert read_wallet("acme", currency="USD", now=JANUARY).head.totals.granted_minor == 1500
    page.delete()
    with pytest.raises(Busy):
        read_wallet("acme", currency="USD", now=JANUARY)


def test_pages_whose_sums_are_not_the_heads_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    first = save(wallet(grant("gr_a")))
    monkeypatch.setattr(retries, "sleep", lambda seconds: None)
    drawn = draw(first, [movement("gr_a", 100)], recorded_at=at("02-02"))
    page = PageItem.get("acme", "wallet#0000")
    page.balances = pack_balances(drawn.allocations.values())
    page.save()
    with pytest.raises(Busy):
        read_wallet("acme", currency="USD", now=JANUARY)


def test_a_wallet_is_read_head_first_then_pages_and_terms_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    save(many(90))
    asked: list[tuple[str, bool]] = []
    send = client()._make_api_call

    def call(name: str, sent: dict[str, Any]) -> Any:
        asked.append((name, "'ConsistentRead': True" in str(sent)))
        return send(name, sent)

    monkeypatch.setattr(client(), "_make_api_call", call)
    monkeypatch.setattr(together, "run_all", together.in_turn)
    read_wallet("acme", currency="USD", now=JANUARY)
    assert asked == [("GetItem", True), ("BatchGetItem", True), ("Query", True)]


def test_a_split_of_entries_keeps_their_order_and_names_their_first(monkeypatch: pytest.MonkeyPatch) -> None:
    made = many(9)
    monkeypatch.setattr("chalicelib.credits.records.MAX_PACKED_BYTES", 250)
    packed = pack_entries(made.appended)
    assert len(packed) > 2
    assert [seq for seq, _ in packed] == [unpack_entries(blob)[0].seq for _, blob in packed]
    assert [entry for _, blob in packed for entry in unpack_entries(blob)] == list(made.appended)
    save(made)
    assert entries() == list(made.appended)
    assert MAX_PACKED_BYTES == 300_000


EVER = Recorded()


def listed(limit: int, recorded: Recorded = EVER) -> list[list[int]]:
    """List the seqs of all pages of the ledger."""
    pages: list[list[int]] = []
    before: int | None = None
    while True:
        shown, before = service.list_entries("acme", recorded, before=before, limit=limit)
        pages.append([entry.seq for entry in shown])
        if before is None:
            return pages


def flat(pages: list[list[int]]) -> list[int]:
    return [seq for page in pages for seq in page]


def fill() -> None:
    """Write six entries in three items: 3, 1, 2."""
    save(wallet(grant("gr_a"), grant("gr_b"), grant("gr_c")))
    change(lambda one: void_at_once(one, "gr_c", recorded_at=at("02-02")))
    change(lambda one: draw(one, [movement("gr_a"), movement("gr_b")], recorded_at=at("02-03")))


def test_entries_are_listed_newest_first_at_any_page_size() -> None:
    fill()
    assert listed(4) == [[6, 5, 4, 3], [2, 1]]
    assert listed(3) == [[6, 5, 4], [3, 2, 1]]
    for limit in range(1, 8):
        pages = listed(limit)
        assert flat(pages) == [6, 5, 4, 3, 2, 1]
        assert all(len(page) <= limit for page in pages)


def test_entries_are_listed_by_when_they_were_recorded_from_inclusive_to_exclusive() -> None:
    fill()
    assert flat(listed(2, Recorded(start=at("02-02"), end=at("02-03")))) == [4]
    assert flat(listed(2, Recorded(start=at("02-02")))) == [6, 5, 4]
    assert flat(listed(2, Recorded(end=at("02-02")))) == [3, 2, 1]


def test_an_empty_ledger_has_an_empty_page() -> None:
    assert listed(5) == [[]]


def verified() -> tuple[int | None, int, int]:
    """Check the whole ledger: the first invalid seq, what was checked, in how many parts."""
    place: VerifyPlace | None = VerifyPlace()
    parts = 0
    while place is not None:
        page = verify_ledger("acme", place)
        place, parts = page.place, parts + 1
    return page.verification.first_invalid_seq, page.verification.checked.seq, parts


def test_a_stored_ledger_is_valid_also_while_it_is_empty() -> None:
    assert verified() == (None, 0, 1)
    fill()
    assert verified() == (None, 6, 1)


def tampered(key: str, alter: Callable[[list[Entry]], list[Entry]]) -> None:
    item = EntriesItem.get("acme", key)
    item.entries = pack_entries(alter(unpack_entries(item.entries)))[0][1]
    item.save()


@pytest.mark.parametrize(
    ("tamper", "wrong"),
    [
        (lambda: tampered("entries#000000000001", lambda read: [replace(read[0], amount_minor=9), *read[1:]]), 1),
        (lambda: tampered("entries#000000000005", lambda read: read[1:]), 5),
        (lambda: EntriesItem("acme", "entries#000000000004").delete(), 4),
        (lambda: EntriesItem("acme", "entries#000000000005").delete(), 5),
        (lambda: EntriesItem("acme", "entries#000000000004", entries=b"nothing").save(), 4),
        (lambda: EntriesItem("acme", "entries#000000000004", entries=zlib.compress(b"[]")).save(), 4),
        (lambda: HeadItem("acme", "head").delete(), 1),
    ],
    ids=["changed", "first of two", "item", "last item", "unreadable", "emptied", "head"],
)
def test_tampering_in_the_store_is_found_and_named(tamper: Callable[[], object], wrong: int) -> None:
    fill()
    tamper()
    assert verified()[0] == wrong


def test_checking_goes_on_where_a_part_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    fill()
    monkeypatch.setattr(store, "read_page", lambda query: read_page(query, limit=1))
    assert verified() == (None, 6, 4)
    tampered("entries#000000000005", lambda read: [read[0], replace(read[1], note="x")])
    assert verified()[:2] == (6, 5)


def test_what_is_written_while_the_ledger_is_checked_is_checked_in_the_next_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill()
    after_fill = read_wallet("acme", currency="USD", now=JANUARY)
    more = void_at_once(after_fill, "gr_a", recorded_at=at("02-04"))
    between(monkeypatch, lambda: commit(service.wallet_writes(after_fill, more)))
    assert verified() == (None, 7, 2)


def hold(one: Wallet, amount_minor: int, *, now: datetime, lasts: timedelta, number: int = 0) -> tuple[Wallet, Hold]:
    terms = HoldTerms(amount_minor=amount_minor, lasts=lasts, reference="job", sort_id=f"{number:017}")
    return hold_credit(Claims(wallet=one), terms, now=now)


def read(now: datetime) -> Wallet:
    return read_wallet("acme", currency="USD", now=now)


def test_a_hold_is_one_item_more_and_is_read_back() -> None:
    before = save(wallet(grant("gr_a"), grant("gr_b")))
    after, made = hold(before, 2000, now=at("01-10"), lasts=HOUR)
    writes = service.wallet_writes(before, after)
    assert kinds(writes) == ["head", "wallet#0000", "hold#001768006800000000#00000000000000000"]
    commit(writes)
    stored = read(at("01-10"))
    assert stored == service.as_stored(before, after)
    assert hold_store.find_hold("acme", hold=made.id) == made
    back, released = release_hold(stored, made, now=at("01-10"))
    commit(service.wallet_writes(stored, back))
    assert (hold_store.find_hold("acme", hold=made.id), read(at("01-10"))) == (
        released,
        service.as_stored(stored, back),
    )


def test_ended_holds_are_read_while_something_is_held_and_only_those_that_are_new() -> None:
    now = at("01-10")
    one = save(wallet(grant("gr_a")))
    for number, hours in enumerate((1, 2, 5)):
        after, _ = hold(one, 100, now=now, lasts=hours * HOUR, number=number)
        commit(service.wallet_writes(one, after))
        one = read(now)
    assert len(read(now + HOUR - MICRO).ended_holds) == 0
    assert len(read(now + HOUR).ended_holds) == 1
    later = now + 2 * HOUR
    one = read(later)
    assert len(one.ended_holds) == 2
    commit(service.wallet_writes(one, caught_up(one, later)))
    assert (read(later).ended_holds, read(later).head.totals.held_minor) == ((), 100)
    assert len(read(now + 9 * HOUR).ended_holds) == 1


def test_a_hold_is_neither_made_nor_released_twice_whatever_the_head_says() -> None:
    before = save(wallet(grant("gr_a")))
    after, made = hold(before, 100, now=at("01-10"), lasts=HOUR)
    commit(service.wallet_writes(before, after))
    stored = read(at("01-10"))
    with pytest.raises(Lost):
        commit(service.wallet_writes(stored, hold(stored, 50, now=at("01-10"), lasts=HOUR)[0]))
    back, _ = release_hold(stored, made, now=at("01-10"))
    commit(service.wallet_writes(stored, back))
    again = read(at("01-10"))
    twice = replace(again, changed_holds=(), head=replace(again.head, waits_until=at("02-01")))
    with pytest.raises(Lost):
        commit(service.wallet_writes(again, replace(twice, changed_holds=(replace(made, released_at=at("01-10")),))))


def test_a_hold_that_was_released_while_the_wallet_is_read_makes_the_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    before = save(wallet(grant("gr_a")))
    for number in (1, 2):
        after, made = hold(before, 100, now=at("01-10"), lasts=HOUR, number=number)
        commit(service.wallet_writes(before, after))
        before = read(at("01-10"))
    back, _ = release_hold(before, made, now=at("01-10"))
    acts = [lambda: commit(service.wallet_writes(before, back))]

    def walk_after(query: Query[Any]) -> Any:
        while acts:
            acts.pop()()
        return walk(query)

    monkeypatch.setattr(hold_store, "walk", walk_after)
    monkeypatch.setattr(together, "run_all", together.in_turn)
    # A reader whose clock is an hour ahead: to it the hold has ended.
    found = read(at("01-10") + HOUR)
    assert (found.head.totals.held_minor, len(found.ended_holds)) == (100, 1)


def test_a_void_that_waits_keeps_its_reason_and_older_balances_have_none() -> None:
    before = save(wallet(grant("gr_a"), grant("gr_b")))
    after = void_grant(before, "gr_a", pending_minor=0, waits=True, reason="because", recorded_at=at("01-10"))
    found = save(after)
    assert [one.grant.void_reason for one in found.allocations.values()] == ["because", None]
    rows = json.loads(zlib.decompress(PageItem.get("acme", "wallet#0000").balances))
    assert [len(row) for row in rows] == [8, 7]


def test_a_head_of_before_holds_is_readable() -> None:
    save(wallet(grant("gr_a")))
    item = HeadItem.get("acme", "head")
    assert not {"holds_until", "next_hold_at", "waits_until"} & {
        name for name, value in item.attribute_values.items() if value
    }
    assert service.head_of(item).holds_until == EPOCH


def test_a_thousand_grants_are_held_and_given_back_in_twelve_items() -> None:
    before = service.as_stored(wallet(), many(1000))
    after, made = hold(before, 1_000_000, now=at("01-10"), lasts=HOUR)
    assert len(service.wallet_writes(before, after)) == 12
    stored = service.as_stored(before, after)
    ended = replace(stored, ended_holds=(made,))
    assert len(service.wallet_writes(ended, caught_up(ended, at("01-11")))) == 11


def test_the_next_end_is_that_of_an_open_hold_or_a_bound_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now, one = at("01-10"), save(wallet(grant("gr_a")))
    made = []
    for number in range(4):
        after, new = hold(one, 100, now=now, lasts=(number + 1) * HOUR, number=number)
        commit(service.wallet_writes(one, after))
        one = read(now)
        made.append(new)
    for released in made[:3]:
        back, _ = release_hold(one, released, now=now)
        commit(service.wallet_writes(one, back))
        one = read(now)
    assert hold_store.find_next_end("acme", after=now) == now + 4 * HOUR
    assert hold_store.find_next_end("acme", after=now + 4 * HOUR - MICRO) == now + 4 * HOUR
    assert hold_store.find_next_end("acme", after=now + 4 * HOUR) is None
    monkeypatch.setattr(hold_store, "_SEEN_AT_ONCE", 2)
    assert hold_store.find_next_end("acme", after=now) == now + 2 * HOUR
