"""Subscriptions in DynamoDB: one item for each organization, and the index of organizations with billing due.

The item is replaced only while its version is the one that was read. So a decision over all subscriptions of an
organization holds, and one that rests on them alone checks the version in its own transaction.
"""

import zlib
from collections.abc import Iterator
from datetime import datetime

from pynamodb.expressions.condition import Condition

from chalicelib.catalog.subscription_records import read_subscriptions, write_subscriptions
from chalicelib.catalog.subscriptions import Subscriptions
from chalicelib.catalog.tables import CatalogItem
from chalicelib.platform.due_runs import Due
from chalicelib.platform.reads import ItemKey, Query, list_page, walk
from chalicelib.platform.writes import Check, Put, Update, Write
from chalicelib.shared.errors import Conflict
from chalicelib.shared.time import instant_of, microseconds

SHARDS = 16
MAX_SUBSCRIPTIONS = 1000
MAX_PACKED_BYTES = 300_000
_INDEX = "due"
_PREFIX, _SORT_KEY = "org#", "subscriptions"
_LEVEL = 6


def item_key(organization: str) -> ItemKey:
    """Tell where the subscriptions of an organization are kept."""
    return ItemKey(CatalogItem, (f"{_PREFIX}{organization}", _SORT_KEY))


def shard_of(organization: str) -> int:
    """Tell which shard of the index an organization is listed in."""
    return zlib.crc32(organization.encode()) % SHARDS


def read_item(organization: str, item: CatalogItem | None) -> Subscriptions:
    """Read an item; none is version 0 without subscriptions."""
    if item is None:
        return Subscriptions(organization=organization, version=0, subscriptions=())
    text = zlib.decompress(item.packed).decode()
    return read_subscriptions(text, organization=organization, version=int(item.version))


def replace_write(subscriptions: Subscriptions, *, version_read: int, due_at: datetime | None) -> Write:
    """Write all subscriptions in place of those that were read, unless somebody else has since.

    Raises ``Conflict`` when there are more than an item can hold.
    """
    item = CatalogItem(
        *item_key(subscriptions.organization).keys,
        packed=_pack(subscriptions),
        version=subscriptions.version,
        due_key=None if due_at is None else due_key(shard_of(subscriptions.organization)),
        due_at=None if due_at is None else microseconds(due_at),
    )
    return Put(item=item, condition=_unchanged(version_read))


def touch_write(subscriptions: Subscriptions, *, version_read: int) -> Write:
    """Write all subscriptions and leave what is due as it is, unless somebody else has written since they were read."""
    return Update(
        model=CatalogItem,
        keys=item_key(subscriptions.organization).keys,
        actions=(CatalogItem.packed.set(_pack(subscriptions)), CatalogItem.version.set(subscriptions.version)),
        condition=_unchanged(version_read),
    )


def version_check(read: Subscriptions) -> Write:
    """Let a transaction pass only while the subscriptions are those that were read."""
    return Check(model=CatalogItem, keys=item_key(read.organization).keys, condition=_unchanged(read.version))


def _unchanged(version_read: int) -> Condition:
    # Version 0 stands for no item at all: there never was one, and none is ever deleted.
    return CatalogItem.version == version_read if version_read else CatalogItem.pk.does_not_exist()


def _pack(subscriptions: Subscriptions) -> bytes:
    if len(subscriptions.subscriptions) > MAX_SUBSCRIPTIONS:
        raise Conflict(f"An organization has at most {MAX_SUBSCRIPTIONS} subscriptions, ended ones included.")
    packed = zlib.compress(write_subscriptions(subscriptions).encode(), _LEVEL)
    if len(packed) > MAX_PACKED_BYTES:
        raise Conflict("The subscriptions of the organization, with all their changes, take up too much space.")
    return packed


def due_key(shard: int) -> str:
    """Name a shard of the index of organizations with billing due."""
    return f"billing#{shard}"


def list_due(now: datetime, *, shard: int) -> Iterator[str]:
    """List the organizations of a shard that were due at ``now``, the longest due first: eventually consistent."""
    return (one.organization for one in list_due_since(now, shard=shard))


def list_due_since(now: datetime, *, shard: int) -> Iterator[Due]:
    """List the same, and since when."""
    return (_due(item) for item in walk(_due_query(now, shard)))


def first_due(now: datetime, *, shard: int, limit: int) -> tuple[list[Due], bool]:
    """Read the longest due of a shard, and whether there are more."""
    page = list_page(_due_query(now, shard), limit=limit)
    return [_due(item) for item in page.items], page.next_key is not None


def _due_query(now: datetime, shard: int) -> Query[CatalogItem]:
    return Query(model=CatalogItem, pk=due_key(shard), within=CatalogItem.due_at <= microseconds(now), index=_INDEX)


def _due(item: CatalogItem) -> Due:
    return Due(item.pk.removeprefix(_PREFIX), instant_of(int(item.due_at)))
