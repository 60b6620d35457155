"""Items of DynamoDB as lines of text, exactly: numbers as DynamoDB writes them, bytes as base64, each with its hash.

A line is JSON, ``{"item": …, "sha256": …}``; the hash is that of the item's own JSON, so a changed item is found and
named without the others.
"""

import base64
import hashlib
import json
from typing import Any

__all__ = ["Item", "LineDamaged", "hash_of", "place_of", "read_line", "write_line"]

# As botocore's client gives and takes it: {"pk": {"S": …}, "b": {"B": b"…"}}.
Item = dict[str, dict[str, Any]]


class LineDamaged(Exception):
    """A line is not what was written; the text names the item where it can be told."""


def write_line(item: Item) -> str:
    """Write an item, equal items always as the same line."""
    text = _text(_shown(item))
    return f'{{"item": {text}, "sha256": "{hash_of(text)}"}}\n'


def read_line(line: str) -> Item:
    """Read an item back; raises ``LineDamaged``."""
    try:
        document = json.loads(line)
        shown, hashed = document["item"], document["sha256"]
    except (ValueError, KeyError, TypeError):
        raise LineDamaged("is no line of an export") from None
    if hash_of(_text(shown)) != hashed:
        raise LineDamaged(f"{place_of(shown)} is not as it was exported")
    item: Item = {name: _read(value) for name, value in shown.items()}
    return item


def hash_of(text: str) -> str:
    """Give the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def place_of(item: Any) -> str:
    """Name an item by its keys."""
    try:
        return f"{item['pk']['S']} / {item['sk']['S']}"
    except (KeyError, TypeError):
        return "an item without keys"


def _text(shown: Any) -> str:
    return json.dumps(shown, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _shown(item: Item) -> dict[str, Any]:
    return {name: _show(value) for name, value in item.items()}


def _show(value: dict[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    if kind == "B":
        return {kind: base64.b64encode(content).decode()}
    if kind == "BS":
        return {kind: [base64.b64encode(one).decode() for one in sorted(content)]}
    if kind in ("SS", "NS"):
        return {kind: sorted(content)}
    if kind == "L":
        return {kind: [_show(one) for one in content]}
    if kind == "M":
        return {kind: {name: _show(one) for name, one in content.items()}}
    return {kind: content}


def _read(value: dict[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    if kind == "B":
        return {kind: base64.b64decode(content, validate=True)}
    if kind == "BS":
        return {kind: [base64.b64decode(one, validate=True) for one in content]}
    if kind == "L":
        return {kind: [_read(one) for one in content]}
    if kind == "M":
        return {kind: {name: _read(one) for name, one in content.items()}}
    return {kind: content}
