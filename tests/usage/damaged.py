"""Counters as a fault of the code or a hand would leave them: they say that they have seen all, and are wrong."""

import json
import zlib
from collections.abc import Callable
from typing import Any

from chalicelib.usage.tables import CountersItem

Change = Callable[[Any], Any]


def find(sort_key: str, organization: str = "acme") -> CountersItem:
    """Read a stored header, or a page."""
    return CountersItem.get(organization, sort_key)


def damage(*sort_keys: str, organization: str = "acme", change: Change = lambda states: [[], []]) -> None:
    """Change the states of every meter in some stored counters: unless told otherwise, nothing was counted."""
    for sort_key in sort_keys:
        item = find(sort_key, organization)
        document = json.loads(zlib.decompress(item.blob))
        document["m"] = {key: change(states) for key, states in document["m"].items()}
        item.blob = zlib.compress(json.dumps(document).encode())
        item.save()


def overwrite(sort_key: str, organization: str = "acme", **attributes: Any) -> None:
    """Put other attributes into a stored header."""
    item = find(sort_key, organization)
    for name, value in attributes.items():
        setattr(item, name, value)
    item.save()


def sort_keys(organization: str = "acme", prefix: str = "") -> list[str]:
    """List the sort keys of an organization's counters."""
    return [item.sk for item in CountersItem.query(organization) if item.sk.startswith(prefix)]


def contents(organization: str = "acme") -> dict[str, Any]:
    """Read everything that stored counters say; pages and what names them are told by what they hold."""
    items = {item.sk: item for item in CountersItem.query(organization)}
    return {key: _content(item, items) for key, item in items.items() if key.count("#") == 1}


def _content(item: CountersItem, items: dict[str, CountersItem]) -> tuple[Any, ...]:
    pages = [items[f"{item.sk}#{item.fold_id}#{page:03}"].blob for page in range(int(item.pages or 0))]
    document = json.loads(zlib.decompress(b"".join(pages) or item.blob))
    return item.segments, item.definitions, item.kept_until_s, document
