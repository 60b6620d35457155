"""Holds in DynamoDB, in the order in which they end. Written with the head of the wallet; strongly consistent reads."""

from collections.abc import Sequence
from datetime import datetime

from pynamodb.expressions.condition import Condition

from chalicelib.credits.holds import Hold, HoldStatus, end_digits, hold_id, split_id
from chalicelib.credits.records import read_parts, write_parts
from chalicelib.credits.tables import HoldItem
from chalicelib.credits.wallet import WalletHead
from chalicelib.platform.reads import Key, Query, find, past_empty_pages, read_page, walk
from chalicelib.platform.writes import Put, Write
from chalicelib.shared.time import instant_of, microseconds

_HOLD = "hold#"
# Sorts behind every digit, and behind what separates a hold's end from the rest of its key.
_LAST = ":"
# How many holds one round trip looks at: a filter may leave none of them.
_SEEN_AT_ONCE = 1000
_MICRO = 1


def find_ended_holds(organization: str, head: WalletHead, now: datetime) -> tuple[Hold, ...] | None:
    """Find the holds that have ended by now and still hold something; ``None`` when one is newer than the head."""
    first = instant_of(microseconds(head.holds_until) + _MICRO)
    within = HoldItem.sk.between(_HOLD + end_digits(first), _HOLD + end_digits(max(first, now)) + _LAST)
    items = list(walk(Query(model=HoldItem, pk=organization, within=within)))
    if any(item.version > head.version for item in items):
        return None
    holds = (_hold_of(item) for item in items)
    return tuple(hold for hold in holds if hold.released_at is None and hold.expires_at <= now)


def find_next_end(organization: str, *, after: datetime) -> datetime | None:
    """Find an instant behind another before which no open hold ends; ``None`` when there are no holds behind it.

    One round trip: among very many released holds it may be an earlier one than the first open hold's end.
    """
    within = HoldItem.sk.between(_HOLD + end_digits(after) + _LAST, _HOLD + _LAST)
    page = read_page(Query(model=HoldItem, pk=organization, within=within), limit=_SEEN_AT_ONCE)
    holds = [_hold_of(item) for item in page.items]
    opened = next((hold.expires_at for hold in holds if hold.released_at is None), None)
    if opened is None and page.next_key is not None:
        return holds[-1].expires_at
    return opened


def find_hold(organization: str, *, hold: str) -> Hold | None:
    """Find a hold by its id; ``None`` when there is none."""
    key = _key_of(hold)
    item = None if key is None else find(HoldItem, (organization, key))
    return None if item is None else _hold_of(item)


def list_holds(
    organization: str, status: HoldStatus | None, *, ended_until: datetime, before: str | None, limit: int
) -> tuple[list[Hold], str | None]:
    """List holds, the latest end first, before the hold with an id; with the id to go on from, ``None`` at the last.

    Holds that end by ``ended_until`` are expired unless they were released. One round trip: a page may be short, or
    empty, although more follow.
    """
    bound = _HOLD + end_digits(ended_until) + _LAST
    first = bound if status is HoldStatus.OPEN else _HOLD
    last = bound if status is HoldStatus.EXPIRED else _HOLD + _LAST
    query = Query(
        model=HoldItem,
        pk=organization,
        within=HoldItem.sk.between(first, last),
        where=_where(status),
        newest_first=True,
    )
    after: Key | None = None if before is None else {"pk": {"S": organization}, "sk": {"S": _key_of(before)}}
    page = past_empty_pages(query, read_page(query, limit=_SEEN_AT_ONCE, after=after), limit=_SEEN_AT_ONCE)
    holds = [_hold_of(item) for item in page.items[:limit]]
    has_more = len(page.items) > limit or page.next_key is not None
    return holds, holds[-1].id if holds and has_more else None


def _where(status: HoldStatus | None) -> Condition | None:
    if status is None:
        return None
    return HoldItem.released_at.exists() if status is HoldStatus.RELEASED else HoldItem.released_at.does_not_exist()


def hold_writes(organization: str, holds: Sequence[Hold], *, version: int) -> list[Write]:
    """Make the writes of holds that a command made or released; only the last one of each counts."""
    last = {hold.id: hold for hold in holds}
    return [Put(item=_item_of(organization, hold, version), condition=_unreleased(hold)) for hold in last.values()]


def _unreleased(hold: Hold) -> Condition:
    """Whatever happened to the head: no hold is made twice, none is released twice."""
    if hold.released_at is None:
        return HoldItem.pk.does_not_exist()
    return HoldItem.released_at.does_not_exist()


def _item_of(organization: str, hold: Hold, version: int) -> HoldItem:
    return HoldItem(
        organization,
        _key_of(hold.id),
        version=version,
        amount_minor=hold.amount_minor,
        parts=write_parts(hold.parts),
        reference=hold.reference,
        created_at=microseconds(hold.created_at),
        released_at=None if hold.released_at is None else microseconds(hold.released_at),
    )


def _hold_of(item: HoldItem) -> Hold:
    _, end, sort_id = item.sk.split("#")
    expires_at = instant_of(int(end))
    return Hold(
        id=hold_id(expires_at, sort_id),
        reference=item.reference,
        parts=read_parts(item.parts),
        created_at=instant_of(int(item.created_at)),
        expires_at=expires_at,
        released_at=_instant(item.released_at),
    )


def _instant(micros: float | None) -> datetime | None:
    return None if micros is None else instant_of(int(micros))


def _key_of(hold: str) -> str | None:
    parts = split_id(hold)
    return None if parts is None else f"{_HOLD}{parts[0]}#{parts[1]}"
