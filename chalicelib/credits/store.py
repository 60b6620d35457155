"""Wallets in DynamoDB. Every read is strongly consistent; every write hangs on the version of the head."""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from datetime import datetime

from pynamodb.expressions.condition import Condition

from chalicelib.credits.grants import Allocation, Grant
from chalicelib.credits.hold_store import find_ended_holds, hold_writes
from chalicelib.credits.ledger import Entry, LedgerHead
from chalicelib.credits.records import (
    pack_balances,
    pack_entries,
    read_terms,
    unpack_balances,
    unpack_entries,
    write_terms,
)
from chalicelib.credits.tables import EntriesItem, GrantItem, HeadItem, PageItem
from chalicelib.credits.wallet import Totals, Wallet, WalletHead, due_at, totals_of
from chalicelib.platform.due_runs import Due
from chalicelib.platform.reads import ItemKey, Query, find, find_many, list_page, past_empty_pages, read_page, walk
from chalicelib.platform.retries import MAX_ATTEMPTS, pause
from chalicelib.platform.tables import BaseModel
from chalicelib.platform.together import together
from chalicelib.platform.writes import Check, Put, Write
from chalicelib.shared import strict_json
from chalicelib.shared.time import EPOCH, instant_of, microseconds
from chalicelib.shared.values import dataclass

SHARDS = 16
_HEAD, _GRANT, _PAGE, _ENTRIES = "head", "grant#", "wallet#", "entries#"
_SEQ_DIGITS, _PAGE_DIGITS = 12, 4
# Sorts behind every digit.
_LAST = ":"


def head_key(organization: str) -> ItemKey:
    """Tell where the head of a wallet is."""
    return ItemKey(HeadItem, (organization, _HEAD))


def read_head(organization: str) -> WalletHead:
    """Read the head of a wallet; that of an empty one when there is none."""
    return head_of(find(HeadItem, (organization, _HEAD)))


def head_of(item: BaseModel | None) -> WalletHead:
    """Read the head out of its item; ``None`` is the head of a wallet that nothing was ever written to."""
    if item is None:
        return WalletHead()
    assert isinstance(item, HeadItem)
    return WalletHead(
        version=int(item.version),
        ledger=LedgerHead(int(item.seq), item.hash, int(item.balance_minor)),
        totals=Totals(*json.loads(item.totals)),
        grants=int(item.grants),
        page_size=int(item.page_size),
        holds_until=_instant(item.holds_until) or EPOCH,
        next_hold_at=_instant(item.next_hold_at),
        waits_until=_instant(item.waits_until),
    )


def _instant(micros: float | None) -> datetime | None:
    return None if micros is None else instant_of(int(micros))


def _micros(instant: datetime | None) -> int | None:
    return None if instant is None else microseconds(instant)


def find_whole_wallet(organization: str, *, currency: str, now: datetime) -> Wallet | None:
    """Read a wallet: the head first, then the rest, again while somebody writes in between; ``None`` if it never ends.

    So it is too when the wallet does not add up.
    """
    for attempt in range(MAX_ATTEMPTS):
        if attempt:
            pause(attempt)
        found = find_wallet(organization, read_head(organization), currency=currency, now=now)
        if found is not None:
            return found
    return None


def find_wallet(organization: str, head: WalletHead, *, currency: str, now: datetime) -> Wallet | None:
    """Read what belongs to a head that was read; ``None`` when somebody wrote in between.

    While something is held, the holds that have ended by now and were not released belong to it.
    """
    if head.totals.held_minor:
        allocations, ended = together(
            lambda: _read_allocations(organization, head), lambda: find_ended_holds(organization, head, now)
        )
    else:
        allocations, ended = _read_allocations(organization, head), ()
    if allocations is None or ended is None:
        return None
    return Wallet(
        organization=organization,
        currency=currency,
        head=head,
        allocations=allocations,
        ended_holds=ended,
        known_until=now,
    )


def _read_allocations(organization: str, head: WalletHead) -> dict[str, Allocation] | None:
    """Read the grants of a head; ``None`` when what was read is not all of this head, but torn by a writer.

    Then a page is newer than the head, or the terms or the sums of its grants are not all there.
    """
    found = read_balances(organization, head)
    if found is None:
        return None
    is_whole = len(found) == head.grants and totals_of(found.values()) == head.totals
    return found if is_whole else None


def read_balances(organization: str, head: WalletHead) -> dict[str, Allocation] | None:
    """Read the grants of a head whatever they add up to; ``None`` when a page or terms are missing, or a page is newer.

    Raises ``UnreadableBalances``.
    """
    if not head.grants:
        return {}
    keys = [ItemKey(PageItem, (organization, _page_key(page))) for page in range(head.pages)]
    pages, terms = together(lambda: find_many(keys), lambda: _read_terms(organization))
    found: dict[str, Allocation] = {}
    for page in pages:
        if not isinstance(page, PageItem) or page.version > head.version:
            return None
        read = unpack_balances(page.balances, terms)
        if read is None:
            return None
        found |= {one.grant.id: one for one in read}
    return found


def _page_key(page: int) -> str:
    return f"{_PAGE}{page:0{_PAGE_DIGITS}}"


def _read_terms(organization: str) -> dict[str, Grant]:
    query = Query(model=GrantItem, pk=organization, within=GrantItem.sk.startswith(_GRANT))
    return {grant.id: grant for grant in (read_terms(item.terms) for item in walk(query))}


def wallet_writes(before: Wallet, after: Wallet, *, version: int) -> tuple[Write, ...]:
    """Make the writes that turn one wallet into another, on condition that the first is still the stored one."""
    new = [one.grant for one in after.allocations.values() if _has_new_terms(before, one.grant)]
    appended = after.appended[len(before.appended) :]
    return (
        Put(item=_head_item(after, version=version), condition=_unchanged(before.head)),
        *(Put(item=_grant_item(after.organization, one)) for one in new),
        *(Put(item=page) for page in _changed_pages(before, after, version=version)),
        *hold_writes(after.organization, after.changed_holds[len(before.changed_holds) :], version=version),
        # Whatever happened to the head: an entry is never written over.
        *(Put(item=item, condition=EntriesItem.pk.does_not_exist()) for item in _entries_items(after, appended)),
    )


def _has_new_terms(before: Wallet, grant: Grant) -> bool:
    return grant.occurrence == 0 and grant.id not in before.allocations


def _unchanged(head: WalletHead) -> Condition:
    return HeadItem.version == head.version if head.version else HeadItem.pk.does_not_exist()


def head_check(organization: str, head: WalletHead) -> Write:
    """Make the write that lets a transaction pass only while a wallet is the one that was read."""
    return Check(model=HeadItem, keys=(organization, _HEAD), condition=_unchanged(head))


def _head_item(wallet: Wallet, *, version: int) -> HeadItem:
    head, due = wallet.head, due_at(wallet)
    return HeadItem(
        wallet.organization,
        _HEAD,
        version=version,
        seq=head.ledger.seq,
        hash=head.ledger.hash,
        balance_minor=head.ledger.balance_minor,
        totals=strict_json.dump(list(astuple(head.totals))),
        grants=head.grants,
        page_size=head.page_size,
        holds_until=None if head.holds_until == EPOCH else microseconds(head.holds_until),
        next_hold_at=_micros(head.next_hold_at),
        waits_until=_micros(head.waits_until),
        due_key=None if due is None else due_key(wallet.organization),
        due_at=_micros(due),
    )


def due_key(organization: str) -> str:
    """Name the shard of the index ``due`` that holds an organization's wallet."""
    return _shard_key(zlib.crc32(organization.encode()) % SHARDS)


def _shard_key(shard: int) -> str:
    return f"credits#{shard}"


def list_due(now: datetime, *, shard: int) -> Iterator[str]:
    """List the organizations of a shard whose wallets were due at ``now``, the longest due first.

    Eventually consistent: one may be listed that is no longer due, or not yet be listed.
    """
    return (item.pk for item in walk(_due_query(now, shard)))


def first_due(now: datetime, *, shard: int, limit: int) -> tuple[list[Due], bool]:
    """Read the longest due wallets of a shard, and whether there are more."""
    page = list_page(_due_query(now, shard), limit=limit)
    return [Due(item.pk, instant_of(int(item.due_at))) for item in page.items], page.next_key is not None


def _due_query(now: datetime, shard: int) -> Query[HeadItem]:
    return Query(model=HeadItem, pk=_shard_key(shard), within=HeadItem.due_at <= microseconds(now), index="due")


def _grant_item(organization: str, grant: Grant) -> GrantItem:
    return GrantItem(organization, f"{_GRANT}{grant.id}", terms=write_terms(grant))


def _changed_pages(before: Wallet, after: Wallet, *, version: int) -> list[PageItem]:
    size = after.head.page_size
    new = list(after.allocations.values())
    # Pages of another size hold other grants: then all are written.
    old = list(before.allocations.values()) if before.head.page_size == size else []
    return [
        PageItem(
            after.organization,
            _page_key(page),
            version=version,
            balances=pack_balances(new[page * size : (page + 1) * size]),
        )
        for page in range(after.head.pages)
        if new[page * size : (page + 1) * size] != old[page * size : (page + 1) * size]
    ]


def _entries_items(wallet: Wallet, entries: Sequence[Entry]) -> list[EntriesItem]:
    packed = pack_entries(entries) if entries else []
    return [EntriesItem(wallet.organization, _entries_key(seq), entries=blob) for seq, blob in packed]


def _entries_key(seq: int) -> str:
    return f"{_ENTRIES}{seq:0{_SEQ_DIGITS}}"


@dataclass(frozen=True, slots=True)
class PackedEntries:
    """The ledger entries of one item, not unpacked yet, with its sort key."""

    key: str
    blob: bytes

    def unpack(self) -> list[Entry]:
        """Read the entries; raises ``UnreadableEntries``."""
        return unpack_entries(self.blob)


def read_entries(organization: str, *, after: str | None) -> tuple[list[PackedEntries], bool]:
    """Read ledger entries, oldest first, behind the item with a sort key; tells whether they are the last.

    One round trip: at most 1 MB of items.
    """
    within = EntriesItem.sk.between(f"{after}!" if after else _ENTRIES, _ENTRIES + _LAST)
    query = Query(model=EntriesItem, pk=organization, within=within)
    page = past_empty_pages(query, read_page(query))
    return [PackedEntries(item.sk, item.entries) for item in page.items], page.next_key is None


def read_latest_entries(organization: str, *, before: int | None, limit: int) -> tuple[list[Entry], bool]:
    """Read ledger entries below a seq, newest first; tells whether they reach back to the first.

    One round trip: may be fewer than ``limit`` although there are more, or more than asked for.
    """
    last = _ENTRIES + _LAST if before is None else _entries_key(before - 1)
    query = Query(model=EntriesItem, pk=organization, within=EntriesItem.sk.between(_ENTRIES, last), newest_first=True)
    page = past_empty_pages(query, read_page(query, limit=limit), limit=limit)
    read = [entry for item in page.items for entry in reversed(unpack_entries(item.entries))]
    return [entry for entry in read if before is None or entry.seq < before], page.next_key is None
