"""Cursors: where a list goes on, sealed for one route, one organization and one set of filters.

A cursor is opaque to callers: a position (any JSON value) and an HMAC over it and over what it was made for. One of
another list, or one that was touched, does not open.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any

from chalicelib.platform.settings import settings
from chalicelib.shared import strict_json
from chalicelib.shared.errors import InvalidCursor, Malformed
from chalicelib.shared.numbers import JsonNumber
from chalicelib.shared.values import dataclass

_SEAL_BYTES = 16
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class ListScope:
    """What a cursor belongs to: the route, whose things are listed, and every parameter but limit and cursor."""

    route: str
    organization: str | None
    filters: tuple[tuple[str, tuple[str, ...]], ...]


def seal_cursor(scope: ListScope, position: Any) -> str:
    """Make the cursor of a position: a JSON value of text, whole numbers, lists and objects."""
    content = strict_json.dump(position).encode()
    return base64.urlsafe_b64encode(_seal(scope, content) + content).decode().rstrip("=")


def open_cursor(scope: ListScope, cursor: str) -> Any:
    """Give back the position of a cursor that was sealed for this scope; raises ``InvalidCursor``."""
    sealed = _decode(cursor)
    seal, content = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
    if not hmac.compare_digest(seal, _seal(scope, content)):
        raise _invalid()
    try:
        return _plain(strict_json.parse(content))
    except Malformed:
        raise _invalid() from None


def _seal(scope: ListScope, content: bytes) -> bytes:
    made_for = strict_json.canonical([scope.route, scope.organization, [[name, *each] for name, each in scope.filters]])
    key = settings.signing_key("cursor")
    return hmac.digest(key, made_for.encode() + b"\0" + content, hashlib.sha256)[:_SEAL_BYTES]


def _decode(cursor: str) -> bytes:
    if not cursor.isascii() or len(cursor) > _LONGEST:
        raise _invalid()
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _invalid() from None
    # Base64 spells some bytes in several ways; only ours is right.
    if base64.urlsafe_b64encode(sealed).decode().rstrip("=") != cursor:
        raise _invalid()
    return sealed


def _plain(value: Any) -> Any:
    if isinstance(value, JsonNumber):
        return int(value.text)
    if isinstance(value, dict):
        return {name: _plain(child) for name, child in value.items()}
    return [_plain(child) for child in value] if isinstance(value, list) else value


def _invalid() -> InvalidCursor:
    return InvalidCursor("The cursor does not belong to this list with these filters.")
