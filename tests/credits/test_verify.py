"""The stored ledger is checked in parts: entries, what invoices noted, the end, and every balance."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, replace
from typing import Any

import pytest

from chalicelib.credits import kept_head_service, service, store
from chalicelib.credits.audit import MODULUS, NO_ENTRIES, GrantSums, fold_sums, sums_of
from chalicelib.credits.grants import Allocation, Balance
from chalicelib.credits.kept_head_service import KeptHeads, PlacedHead, use_kept_head_source
from chalicelib.credits.ledger import Entry, KeptHead, LedgerHead, Wrong
from chalicelib.credits.records import pack_balances, pack_entries
from chalicelib.credits.tables import EntriesItem, GrantItem, HeadItem, PageItem
from chalicelib.credits.verify_service import VerifiedPage, VerifyPlace, verify_ledger
from chalicelib.credits.wallet import Totals, Wallet
from chalicelib.platform.reads import ItemKey, Query, read_page, walk, write_batch
from chalicelib.platform.writes import commit
from chalicelib.shared import strict_json
from tests.client import ApiClient
from tests.credits.build import JANUARY, at, grant
from tests.credits.tampering import ENTRIES, HEAD, WALLET, head_at, rewritten, steps, tamperings

VERIFY = "/v1/organizations/acme/credits/verify"
KEY = b"a key of the tests"


class Notes:
    """A source of kept_heads: what invoices noted, in pages of so many. An invoice without entries noted nothing."""

    def __init__(self, *noted: LedgerHead | None, page: int = 100) -> None:
        self._noted, self._page = noted, page
        self.asked: list[int] = []

    def list_kept_heads(self, organization: str, *, after: str | None) -> KeptHeads:
        assert organization == "acme"
        first = int(after or 0)
        self.asked.append(first)
        places = range(first, min(first + self._page, len(self._noted)))
        found = [(self._noted[place], place + 1) for place in places]
        kept_heads = [
            PlacedHead(KeptHead(head.seq, head.hash, f"inv_{number}"), str(number))
            for head, number in found
            if head is not None
        ]
        return KeptHeads(kept_heads, str(found[-1][1]) if found else after, places.stop == len(self._noted))


@pytest.fixture(autouse=True)
def _no_invoices(monkeypatch: pytest.MonkeyPatch, tables: None) -> None:
    monkeypatch.setattr(kept_head_service._source, "_taken", [None])


@pytest.fixture
def written() -> Wallet:
    """Write the ledger as it grew, a transaction for each step."""
    for after in steps():
        before = service.read_wallet("acme", currency="USD", now=JANUARY)
        head = replace(after.head, version=before.head.version)
        commit(service.wallet_writes(before, replace(after, head=head, appended=after.appended[before.head.seq :])))
    return WALLET


def parts(place: VerifyPlace | None = None) -> Iterator[VerifiedPage]:
    """Check the whole ledger; a page that goes on is at another place than before."""
    page = verify_ledger("acme", place or VerifyPlace())
    yield page
    while page.place is not None:
        assert page.place != place
        place = page.place
        page = verify_ledger("acme", place)
        yield page


def found() -> tuple[str | None, int | None]:
    verification = list(parts())[-1].verification
    assert verification.is_valid == (verification.wrong is None)
    return (None if verification.wrong is None else verification.wrong.value), verification.first_invalid_seq


RIGHT = (None, None)


def test_a_ledger_with_every_kind_of_entry_is_valid(written: Wallet) -> None:
    assert found() == RIGHT
    assert {entry.kind for entry in ENTRIES} == {*type(ENTRIES[0].kind)}
    balance = written.allocations["gr_a"].balance
    assert (balance.consumed_minor, balance.expired_minor, balance.voided_minor) == (960, 540, 0)


def put_entries(entries: Sequence[Entry], a_item: int = 3) -> None:
    """Write these entries instead of the stored ones, so many to an item."""
    put = [
        EntriesItem(
            "acme", f"entries#{first + 1:012}", entries=pack_entries(list(entries[first : first + a_item]))[0][1]
        )
        for first in range(0, len(entries), a_item)
    ]
    kept = {item.sk for item in put}
    query = Query(model=EntriesItem, pk="acme", within=EntriesItem.sk.startswith("entries#"))
    gone = [ItemKey(EntriesItem, ("acme", item.sk)) for item in walk(query) if item.sk not in kept]
    write_batch(put, gone)


def test_whatever_is_tampered_with_in_the_store_is_named_exactly(client: ApiClient, written: Wallet) -> None:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme"})
    cases = list(tamperings())
    assert len(cases) >= 150
    for tampered in cases:
        put_entries(tampered.entries)
        said = client.get(VERIFY).json_body
        named = (said["valid"], said["first_invalid_seq"], said["next_cursor"])
        assert named == (False, tampered.wrong, None), tampered.how
        assert said["wrong"] in ("entry", "end"), tampered.how
        assert said["checked_to"] == tampered.wrong - 1 or said["wrong"] == "end", tampered.how
    put_entries(ENTRIES)
    assert client.get(VERIFY).json_body["valid"]


def test_it_does_not_matter_how_many_entries_an_item_or_a_part_has(
    written: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "read_page", lambda query: read_page(query, limit=1))
    for a_item in (1, 5, 8):
        put_entries(ENTRIES, a_item)
        assert found() == RIGHT
        for tampered in list(tamperings())[a_item::16]:
            put_entries(tampered.entries, a_item)
            assert found()[1] == tampered.wrong, tampered.how


def put_head(head: LedgerHead) -> None:
    item = HeadItem.get("acme", "head")
    item.seq, item.hash, item.balance_minor = head.seq, head.hash, head.balance_minor
    item.save()


@pytest.mark.parametrize("page", [1, 2, 3, 100])
@pytest.mark.parametrize("place", range(1, HEAD.seq + 1))
def test_a_ledger_made_anew_is_exposed_by_the_first_invoice_behind_the_place(
    written: Wallet, place: int, page: int
) -> None:
    entries, head = rewritten(place)
    put_entries(entries)
    put_head(head)
    assert found() == RIGHT
    noted = [1, 3, 3, 5, 8]
    use_kept_head_source(Notes(*map(head_at, noted), page=page))
    last = list(parts())[-1].verification
    first = next(seq for seq in noted if seq >= place)
    assert (last.wrong, last.first_invalid_seq, last.checked.seq) == (Wrong.INVOICE, first, first - 1)
    assert last.invoice == f"inv_{noted.index(first) + 1}"


@pytest.mark.parametrize("page", [1, 2, 3, 100])
@pytest.mark.parametrize(
    "noted", [[], [1], [8], [8, 8, 8], [2, 2, 4, 4, 4, 7, 8], [None, 3, None, None, None, 5, None]]
)
def test_what_invoices_noted_of_a_right_ledger_is_right_in_pages_of_any_size(
    written: Wallet, noted: list[int | None], page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = [None if seq is None else head_at(seq) for seq in noted]
    for a_part in (1, 100):
        use_kept_head_source(Notes(*heads, page=page))
        monkeypatch.setattr(store, "read_page", lambda query, limit=a_part: read_page(query, limit=limit))
        walked = list(parts())
        assert walked[-1].verification.is_valid
        assert walked[-1].verification.checked == HEAD
        put_entries(ENTRIES, 8)


def test_an_entry_that_is_right_by_itself_but_before_which_an_invoice_differs_is_not_the_first(written: Wallet) -> None:
    entries = [*ENTRIES[:6], replace(ENTRIES[6], note="y"), ENTRIES[7]]
    put_entries(entries)
    use_kept_head_source(Notes(replace(head_at(3), hash="a" * 64), head_at(8)))
    assert found() == ("invoice", 3)
    use_kept_head_source(Notes(head_at(3), head_at(8)))
    assert found() == ("entry", 7)


@pytest.mark.parametrize("page", [1, 100])
def test_a_ledger_cut_off_together_with_its_head_is_exposed_by_a_later_invoice(written: Wallet, page: int) -> None:
    put_entries(ENTRIES[:6])
    put_head(head_at(6))
    use_kept_head_source(Notes(head_at(2), head_at(8), head_at(8), page=page))
    last = list(parts())[-1].verification
    assert (last.wrong, last.first_invalid_seq, last.invoice) == (Wrong.INVOICE, 7, "inv_2")


def test_an_invoice_that_notes_an_earlier_entry_than_the_one_before_it_is_wrong(written: Wallet) -> None:
    use_kept_head_source(Notes(head_at(8), head_at(3), page=1))
    assert found() == ("invoice", 3)


def test_an_item_that_was_changed_between_two_parts_is_found(written: Wallet) -> None:
    put_entries(ENTRIES, 8)
    use_kept_head_source(Notes(head_at(3), head_at(8), page=1))
    page = verify_ledger("acme", VerifyPlace())
    assert page.place is not None
    assert (page.place.checked, page.place.taken) == (head_at(3), 3)
    put_entries([*ENTRIES[:2], replace(ENTRIES[2], hash="a" * 64), *ENTRIES[3:]], 8)
    last = list(parts(page.place))[-1].verification
    assert (last.wrong, last.first_invalid_seq) == (Wrong.ENTRY, 3)


def put_balance(name: str, change: Callable[[Balance], Balance], *, totals: bool = False) -> None:
    """Change a stored balance, and with ``totals`` the head's sums with it."""
    allocations = dict(WALLET.allocations)
    one = allocations[name]
    allocations[name] = Allocation(one.grant, change(one.balance))
    page = PageItem.get("acme", "wallet#0000")
    page.balances = pack_balances(allocations.values())
    page.save()
    if totals:
        put_totals(*(sum(column) for column in zip(*map(_row, allocations.values()), strict=True)))


def _row(one: Allocation) -> tuple[int, ...]:
    return one.grant.amount_minor, *astuple(one.balance)


def put_totals(*totals: int) -> None:
    head = HeadItem.get("acme", "head")
    head.totals = strict_json.dump(list(totals))
    head.save()


def added(field: str, minor: int) -> Callable[[Balance], Balance]:
    return lambda one: replace(one, **{field: getattr(one, field) + minor})


FIELDS = ("consumed_minor", "expired_minor", "voided_minor", "held_minor")


@pytest.mark.parametrize("totals", [False, True])
@pytest.mark.parametrize("name", ["gr_a", "gr_b", "gr_c"])
@pytest.mark.parametrize("field", FIELDS[:3])
def test_a_changed_balance_is_wrong_and_its_grant_named(written: Wallet, name: str, field: str, totals: bool) -> None:
    for minor in (-1, 1, 1000):
        put_balance(name, added(field, minor), totals=totals)
        last = list(parts())[-1].verification
        assert (last.wrong, last.first_invalid_seq, last.grants) == (Wrong.BALANCES, None, (name,))
        assert last.checked == HEAD


def test_a_changed_balance_is_wrong_also_when_it_takes_many_parts(
    written: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "read_page", lambda query: read_page(query, limit=1))
    assert found() == RIGHT
    for name in ("gr_a", "gr_b", "gr_c"):
        put_balance(name, lambda one: replace(one, voided_minor=one.voided_minor + 1), totals=True)
        walked = list(parts())
        assert len(walked) > 3
        assert (walked[-1].verification.wrong, walked[-1].verification.grants) == (Wrong.BALANCES, ())


def test_credit_that_was_moved_between_grants_is_found_though_all_sums_are_right(
    written: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    allocations = dict(WALLET.allocations)
    for name, minor in (("gr_a", -60), ("gr_b", 60)):
        one = allocations[name]
        moved = replace(one.balance, consumed_minor=one.balance.consumed_minor + minor)
        allocations[name] = Allocation(one.grant, moved)
    page = PageItem.get("acme", "wallet#0000")
    page.balances = pack_balances(allocations.values())
    page.save()
    assert list(parts())[-1].verification.grants == ("gr_a", "gr_b")
    monkeypatch.setattr(store, "read_page", lambda query: read_page(query, limit=1))
    assert found() == ("balances", None)


@pytest.mark.parametrize("place", range(5))
def test_totals_that_are_not_those_of_the_grants_are_wrong(written: Wallet, place: int) -> None:
    totals = list(astuple(WALLET.head.totals))
    totals[place] += 1
    put_totals(*totals)
    assert found() == ("balances", None)


def test_what_is_held_is_no_entry_but_has_to_be_in_the_totals(written: Wallet) -> None:
    put_balance("gr_b", lambda one: replace(one, held_minor=5), totals=True)
    assert found() == RIGHT
    put_totals(*astuple(WALLET.head.totals))
    assert found() == ("balances", None)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda: PageItem("acme", "wallet#0000").delete(),
        lambda: PageItem("acme", "wallet#0000", version=1, balances=b"nothing").save(),
        lambda: PageItem("acme", "wallet#0000", version=1, balances=zlib.compress(b"[[]]")).save(),
        lambda: PageItem("acme", "wallet#0000", version=99, balances=pack_balances(WALLET.allocations.values())).save(),
        lambda: GrantItem("acme", "grant#gr_b").delete(),
    ],
    ids=["no page", "no text", "no row", "newer", "no terms"],
)
def test_balances_that_cannot_be_read_are_wrong(written: Wallet, tamper: Callable[[], object]) -> None:
    tamper()
    assert found() == ("balances", None)


def test_a_grant_with_other_terms_than_its_entry_is_wrong(written: Wallet) -> None:
    item = GrantItem.get("acme", "grant#gr_b")
    item.terms = item.terms.replace('"amount_minor":500', '"amount_minor":501')
    item.save()
    assert list(parts())[-1].verification.grants == ("gr_b",)


def test_what_is_written_while_balances_are_read_is_checked_in_the_next_part(
    written: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, acts = store.read_balances, [1]

    def torn(organization: str, head: Any) -> Any:
        if acts:
            acts.pop()
            before = service.read_wallet("acme", currency="USD", now=JANUARY)
            commit(service.grant_writes(before, [grant("gr_d", 100)], recorded_at=at("03-01"))[0])
        return read(organization, head)

    monkeypatch.setattr(store, "read_balances", torn)
    walked = list(parts())
    assert [page.verification.is_valid for page in walked] == [True, True]
    assert [page.verification.checked.seq for page in walked] == [8, 9]


def test_the_cursor_carries_all_that_a_part_knows(
    client: ApiClient, written: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme"})
    put_entries(ENTRIES, 8)
    use_kept_head_source(Notes(head_at(2), head_at(5), None, head_at(8), page=1))
    cursor, seen = None, []
    while True:
        said = client.get(VERIFY, **({} if cursor is None else {"cursor": cursor})).json_body
        assert said["valid"]
        seen.append(said["checked_to"])
        cursor = said["next_cursor"]
        if cursor is None:
            break
        assert len(cursor) < 1000
    assert seen == [2, 5, 5, 8]


def test_the_answer_names_what_is_wrong(client: ApiClient, written: Wallet) -> None:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme"})
    put_balance("gr_b", lambda one: replace(one, consumed_minor=0))
    names = ("valid", "first_invalid_seq", "wrong", "wrong_invoice", "wrong_grants", "entries", "next_cursor")
    said = client.get(VERIFY).json_body
    assert [said[name] for name in names] == [False, None, "balances", None, ["gr_b"], 8, None]
    use_kept_head_source(Notes(replace(head_at(4), hash="a" * 64)))
    said = client.get(VERIFY).json_body
    assert [said[name] for name in names] == [False, 4, "invoice", "inv_1", [], 3, None]


def entry_sums(entries: Sequence[Entry]) -> GrantSums:
    made = GrantSums()
    for entry in entries:
        made.add(entry)
    return made


def test_fingerprints_of_parts_add_up_to_that_of_the_balances() -> None:
    whole = fold_sums(NO_ENTRIES, sums_of(WALLET.allocations.values()), key=KEY)
    for cut in range(len(ENTRIES) + 1):
        audit = fold_sums(NO_ENTRIES, entry_sums(ENTRIES[:cut]).by_grant(), key=KEY)
        assert fold_sums(audit, entry_sums(ENTRIES[cut:]).by_grant(), key=KEY) == whole
    assert Totals(*whole.sums) == WALLET.head.totals


def test_a_fingerprint_depends_on_the_key_and_stays_short() -> None:
    sums = sums_of(WALLET.allocations.values())
    one, other = (fold_sums(NO_ENTRIES, sums, key=key) for key in (KEY, b"another"))
    assert one.sums == other.sums
    assert all(mine != its for mine, its in zip(one.fingerprints, other.fingerprints, strict=True))
    assert all(0 <= number < MODULUS for number in one.fingerprints)
