"""What the tables mean, without what is rightly random: tokens, sort ids, fold ids, secrets, copies made by retries.

Two runs that did the same have the same meaning, however often their calls were repeated on the way.
"""

import re
import zlib
from datetime import datetime
from typing import Any

from chalicelib.catalog import service as catalog_service
from chalicelib.credits import hold_store
from chalicelib.credits import service as credits_service
from chalicelib.shared.strict_json import canonical
from chalicelib.shared.time import local_day_of, quarter_hour_of, zone_of
from chalicelib.usage import counters_store, store
from chalicelib.usage.counters_store import Kind
from chalicelib.usage.fold import resolve
from chalicelib.usage.ranges import Range
from tests.faults.credit_checks import read_entries
from tests.faults.paths import SORT_ID
from tests.faults.store import Item, as_read
from tests.faults.world import FROM, UNTIL, World, partitions_of

_RANDOM = re.compile(SORT_ID + r"|key_[0-9a-z]{20}|[0-9a-f]{64}|'[0-9a-f]{16}'")
_OF_THE_RECORD = ("pk", "request_hash", "status", "kept_until", "media_type")


def meaning(world: World) -> dict[str, Any]:
    """Decode everything that is stored, and ask for all usage."""
    everything = world.store.contents()
    named = {name.rpartition("-")[2] if "usage" not in name else name: items for name, items in everything.items()}
    return {
        "catalog": sorted(_defined(item) for items in named["catalog"].values() for item in items.values()),
        "kept answers": sorted(
            str({name: item[name] for name in _OF_THE_RECORD})
            for partition, items in named["outbox"].items()
            for item in items.values()
            if partition.startswith("idem#")
        ),
        "told": {name: _told(items) for name, items in named["outbox"].items() if name.startswith("events#")},
        "invoices": {name: _invoices(items) for name, items in named["invoices"].items()},
        "credit": {name: _credit(name, world.now) for name in named["credits"]},
        "events": {name: _events(world, name) for name in world.organizations},
        "counters": {name: _counters(name) for name in world.organizations},
        "dirty": {name: [mark.quarter_hour for mark in store.list_marks(name)] for name in world.organizations},
        "usage": {name: world.totals(name) for name in world.organizations},
    }


def _masked(item: Any) -> str:
    return _RANDOM.sub("random", str(sorted(item.items())))


def _defined(item: Item) -> str:
    """Read an item of the catalog; how often subscriptions were written is left out."""
    if item["sk"]["S"] != "subscriptions":
        return _masked(item)
    packed: bytes = as_read(item)["packed"]["B"]
    kept = {name: value for name, value in item.items() if name not in ("packed", "version")}
    return _masked({**kept, "text": zlib.decompress(packed).decode()})


def _told(items: dict[str, Item]) -> list[str]:
    """List the events to be delivered in their order; their ids are those of the moment."""
    return [_RANDOM.sub("random", item["event"]["S"]) for _, item in sorted(items.items())]


def _invoices(items: dict[str, Item]) -> dict[str, Any]:
    """Read everything of an organization's invoices. Pages count by what they hold, for who names them."""
    return {key: _invoice(as_read(item), items) for key, item in items.items() if not key.startswith("page#")}


def _invoice(item: Item, items: dict[str, Item]) -> str:
    pages = [f"page#{item['page_id']['S']}#{place:03}" for place in range(int(item.get("pages", {"N": "0"})["N"]))]
    packed = b"".join(as_read(items[page])["content"]["B"] for page in pages) or item.get("content", {}).get("B", b"")
    kept = {name: value for name, value in item.items() if name not in ("content", "page_id")}
    return _masked({**kept, "text": zlib.decompress(packed).decode() if packed else ""})


def _credit(organization: str, now: datetime) -> tuple[str, str]:
    """Read a wallet, its holds and its ledger; grants and hashes have another name each time."""
    held = credits_service.read_wallet(organization, currency="USD", now=now)
    holds, _ = hold_store.list_holds(organization, None, ended_until=now, before=None, limit=200)
    worth = {"head": held.head, "allocations": list(held.allocations.values()), "holds": holds}
    return _masked(worth), _RANDOM.sub("random", str(read_entries(organization)))


def _events(world: World, organization: str) -> list[tuple[Any, ...]]:
    """List every event that was received, once: what became of it, and the data that holds."""
    found = []
    for quarter_hour, segments in sorted(partitions_of(world.store, organization).items()):
        resolved = resolve(segments)
        for identity, place in sorted(resolved.first.items()):
            holding = resolved.amended_by.get(identity, place)
            shown = segments[holding[0]].event(holding[1], organization)
            sent = segments[place[0]].event(place[1], organization)
            fate = str(resolved.fate(place))
            found.append((quarter_hour, identity, fate, sent.time, canonical(sent.data), canonical(shown.data)))
    return found


def _counters(organization: str) -> dict[str, Any]:
    """Decode all counters; how often something was received twice is left out."""
    catalog = catalog_service.meter_catalog()
    zone = zone_of(catalog_service.get_organization(organization).timezone)
    whole = Range(quarter_hour_of(FROM), quarter_hour_of(UNTIL))
    found: dict[str, Any] = {"q": counters_store.read_quarter_hours(organization, whole, catalog)}
    for kind in (Kind.DAY, Kind.DAY_LEVELS, Kind.MONTH_LEVELS):
        found[kind.value] = counters_store.read_days(organization, kind, (None, local_day_of(UNTIL, zone)), catalog)
    return {
        f"{kind}#{name}": (
            counters.health.accepted - counters.health.duplicates,
            counters.health.conflicts,
            counters.health.voided,
            counters.health.amended,
            counters.health.unmatched,
            counters.health.unusable,
            counters.meters,
        )
        for kind, stored in found.items()
        for name, counters in stored.items()
    }


def kept_body(item: Any) -> str:
    """Read the body of a kept answer."""
    body: bytes = as_read(item)["body"]["B"]
    return zlib.decompress(body).decode()
