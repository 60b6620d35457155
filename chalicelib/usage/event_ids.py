"""The ids of events in few bytes: canonical UUIDs as their 16 bytes, anything else as text.

The bytes of many UUIDs are stored place by place, as planes: what is random stays as it is, what the places have in
common (version and variant of all, the first bytes where they begin with the time) takes next to nothing.

Layout: ``0`` and 16 bytes for each id; ``1`` and the zlib-packed JSON list; or ``2``, two bytes with a bit for each
plane that is deflated, and the 16 planes.
"""

import json
import re
import zlib
from collections.abc import Sequence

from chalicelib.usage.planes import deflate, inflate

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_BYTES = 16
# Planes of so few ids are no shorter than the ids.
_FEW = 16
_LEVEL = 6


def pack_ids(ids: Sequence[str]) -> bytes:
    """Pack ids, at least one, in their order."""
    if not all(map(_UUID.fullmatch, ids)):
        text = json.dumps(ids, ensure_ascii=False, separators=(",", ":"))
        return b"1" + zlib.compress(text.encode(), _LEVEL)
    together = bytes.fromhex("".join(ids).replace("-", ""))
    return b"0" + together if len(ids) <= _FEW else b"2" + _in_planes(together)


def _in_planes(together: bytes) -> bytes:
    packed, parts = 0, []
    for place in range(_BYTES):
        plane = together[place::_BYTES]
        deflated = deflate(plane)
        is_shorter = len(deflated) < len(plane)
        packed |= is_shorter << place
        parts.append(deflated if is_shorter else plane)
    return packed.to_bytes(2, "big") + b"".join(parts)


def unpack_ids(blob: bytes, count: int) -> list[str]:
    """Unpack the ``count`` ids of a blob, in their order; raises ``ValueError`` for a layout that is not known here."""
    kind, rest = blob[:1], blob[1:]
    if kind == b"1":
        ids: list[str] = json.loads(zlib.decompress(rest))
        return ids
    if kind not in (b"0", b"2"):
        raise ValueError("a later release wrote these ids")
    h = (rest if kind == b"0" else _from_planes(rest, count)).hex()
    return [
        f"{h[at : at + 8]}-{h[at + 8 : at + 12]}-{h[at + 12 : at + 16]}-{h[at + 16 : at + 20]}-{h[at + 20 : at + 32]}"
        for at in range(0, len(h), 2 * _BYTES)
    ]


def _from_planes(rest: bytes, count: int) -> bytes:
    packed, rest = int.from_bytes(rest[:2], "big"), rest[2:]
    together = bytearray(_BYTES * count)
    for place in range(_BYTES):
        plane, rest = inflate(rest) if packed >> place & 1 else (rest[:count], rest[count:])
        together[place::_BYTES] = plane
    return bytes(together)
