"""API keys: ``mf_<role>_<id>_<secret><checksum>``.

The secret has 178 random bits in base 62; the checksum is the CRC32 of everything before it, so that a mistyped key or
a random one costs no read and scanners of leaked secrets find no false ones. Only the SHA-256 of the whole key is
stored.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import field
from enum import StrEnum

from chalicelib.shared.values import dataclass

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_BITS, _SECRET_CHARS, _CHECKSUM_CHARS = 178, 30, 6
_FORM = re.compile(r"mf_(admin|ingest|read)_([0-9a-z]{8,40})_[0-9A-Za-z]{36}")
_ID_PREFIX = "key_"


class Role(StrEnum):
    """What a credential may do. ``admin`` may do everything; ``ingest`` and ``read`` do not include each other."""

    ADMIN = "admin"
    INGEST = "ingest"
    READ = "read"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made: ``secret`` is shown once, ``hash`` is stored."""

    id: str
    secret: str = field(repr=False)
    hash: str = field(repr=False)


def make_key(role: Role, key_id: str) -> NewKey:
    """Make the secret of a key with an id such as ``key_8d0f…``."""
    assert key_id.startswith(_ID_PREFIX)
    body = f"mf_{role}_{key_id.removeprefix(_ID_PREFIX)}_{_base62(secrets.randbits(_SECRET_BITS), _SECRET_CHARS)}"
    whole = body + _checksum(body)
    assert _FORM.fullmatch(whole)
    return NewKey(key_id, whole, hash_of(whole))


def hash_of(key: str) -> str:
    """Give what is stored of a key: its SHA-256 in hexadecimal digits."""
    return hashlib.sha256(key.encode()).hexdigest()


def read_key_id(key: str) -> str | None:
    """Find the id in a key of the right form and checksum; ``None`` when it cannot be one of ours."""
    found = _FORM.fullmatch(key)
    if found is None or not hmac.compare_digest(_checksum(key[:-_CHECKSUM_CHARS]), key[-_CHECKSUM_CHARS:]):
        return None
    return _ID_PREFIX + found[2]


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_CHARS)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    assert number == 0
    return "".join(reversed(digits))
