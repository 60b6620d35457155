"""Who is calling: reads the bearer credential, and says what its role and its organization allow.

A missing, malformed, unknown or revoked credential gives one and the same 401. Keys are read strongly consistent from
the source that ``app.py`` names, and remembered for at most 10 seconds of real time.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime

from chalicelib.platform.keys import Role, hash_of, read_key_id
from chalicelib.platform.portal import read_portal_token
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import Forbidden, NotFound, Unauthenticated
from chalicelib.shared.values import dataclass

REMEMBERED_NS = 10 * 10**9
_MOST_REMEMBERED = 1000
_NO_HASH = hash_of("no key has this text")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request comes from. ``organization`` binds it to one; ``expires_at`` is set for portal tokens only."""

    id: str
    role: Role
    organization: str | None
    name: str | None
    expires_at: datetime | None = None

    def has(self, role: Role) -> bool:
        """Tell whether this caller has a role; ``admin`` has them all."""
        return self.role in (role, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What is stored of a key that has not been revoked."""

    id: str
    role: Role
    organization: str | None
    name: str | None
    hash: str = field(repr=False)


KeySource = Callable[[str], StoredKey | None]


class _Keys:
    """Remembers keys that were read, for a short real time."""

    def __init__(self) -> None:
        self._source: KeySource | None = None
        self._read: dict[str, tuple[int, StoredKey]] = {}

    def use(self, source: KeySource) -> None:
        self._source = source
        self._read.clear()

    def forget(self, key_id: str) -> None:
        self._read.pop(key_id, None)

    def find(self, key_id: str) -> StoredKey | None:
        remembered = self._read.get(key_id)
        now_ns = clock.real_ns()
        if remembered is not None and 0 <= now_ns - remembered[0] < REMEMBERED_NS:
            return remembered[1]
        assert self._source is not None, "app.py names the source of keys"
        found = self._source(key_id)
        if found is None:
            self._read.pop(key_id, None)
            return None
        if len(self._read) >= _MOST_REMEMBERED:
            self._read.clear()
        self._read[key_id] = (now_ns, found)
        return found


_keys = _Keys()


def use_key_source(find_key: KeySource) -> None:
    """Name the function that reads a stored key by its id, strongly consistent; revoked ones are ``None``."""
    _keys.use(find_key)


def forget_key(key_id: str) -> None:
    """Let a revoked key end at once in this process, and within 10 seconds in every other."""
    _keys.forget(key_id)


def authenticate(headers: Mapping[str, str], now: datetime) -> Caller:
    """Say who is calling from the request's headers (names in lower case); raises ``Unauthenticated``."""
    scheme, _, credential = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential.isascii():
        raise _unauthenticated()
    credential = credential.strip()
    caller = _key_caller(credential) if credential.startswith("mf_") else _portal_caller(credential, now)
    if caller is None:
        raise _unauthenticated()
    return caller


def _key_caller(key: str) -> Caller | None:
    key_id = read_key_id(key)
    stored = _keys.find(key_id) if key_id is not None else None
    # An unknown key is compared too, so that it takes as long as a wrong one.
    is_right = hmac.compare_digest(hash_of(key), stored.hash if stored is not None else _NO_HASH)
    if stored is None or not is_right:
        return None
    return Caller(stored.id, stored.role, stored.organization, stored.name)


def _portal_caller(token: str, now: datetime) -> Caller | None:
    portal = read_portal_token(token, now)
    if portal is None:
        return None
    return Caller(f"portal_{portal.id}", Role.READ, portal.organization, portal.name, portal.expires_at)


def _unauthenticated() -> Unauthenticated:
    return Unauthenticated("Send a valid API key or portal token as a bearer token.")


def require_role(caller: Caller, roles: frozenset[Role]) -> None:
    """Raise ``Forbidden`` unless the caller has one of the roles."""
    if not any(caller.has(role) for role in roles):
        raise Forbidden(f"This needs a credential with the role {' or '.join(sorted(roles))}.")


def require_organization(caller: Caller, organization: str) -> None:
    """Raise what an unknown organization raises when the caller is bound to another one."""
    if caller.organization is not None and caller.organization != organization:
        raise no_such_organization()


def no_such_organization() -> NotFound:
    """Say that there is no such organization: the same words whether it is unknown or somebody else's."""
    return NotFound("There is no such organization.")
