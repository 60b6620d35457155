"""Portal tokens: JSON web tokens that let an organization's own people read, for at most 24 hours.

One pinned algorithm and one pinned audience, a key of their own, and a role that is always ``read``: nothing in the
token can widen it.
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.platform.settings import settings
from chalicelib.shared.time import EPOCH
from chalicelib.shared.values import dataclass

LONGEST_S = 24 * 3600
_ALGORITHM = "HS256"
_AUDIENCE = "meterfold-portal"
# A name of 200 characters, each of them twelve bytes when escaped, fits.
_LONGEST_TOKEN = 4000


@dataclass(frozen=True, slots=True)
class Portal:
    """What a portal token says: whom it lets read what, and until when (exclusive)."""

    id: str
    organization: str
    name: str | None
    expires_at: datetime


def issue_portal_token(
    organization: str, *, name: str | None, now: datetime, expires_in_s: int
) -> tuple[str, datetime]:
    """Sign a token for an organization; gives it with the instant it ends. At most 24 hours."""
    import jwt

    assert 0 < expires_in_s <= LONGEST_S
    issued = (now - EPOCH) // timedelta(seconds=1)
    claims = {
        "aud": _AUDIENCE,
        "sub": organization,
        "name": name,
        "iat": issued,
        "exp": issued + expires_in_s,
        "jti": secrets.token_hex(8),
    }
    token = jwt.encode(claims, settings.signing_key("portal"), algorithm=_ALGORITHM)
    return token, datetime.fromtimestamp(issued + expires_in_s, UTC)


def read_portal_token(token: str, now: datetime) -> Portal | None:
    """Read a token that was signed here and has not ended; ``None`` for anything else."""
    import jwt

    if len(token) > _LONGEST_TOKEN or token.count(".") != 2:
        return None
    try:
        # The domain's clock decides about the end, so the library's own check is off.
        claims = jwt.decode(
            token,
            settings.signing_key("portal"),
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            options={"require": ["sub", "iat", "exp", "jti"], "verify_exp": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError:
        return None
    return _portal_of(claims, (now - EPOCH) // timedelta(seconds=1))


def _portal_of(claims: dict[str, Any], now_s: int) -> Portal | None:
    issued, ends, name = claims["iat"], claims["exp"], claims.get("name")
    if not isinstance(issued, int) or not isinstance(ends, int) or not 0 < ends - issued <= LONGEST_S or now_s >= ends:
        return None
    # A minute for clocks that differ.
    if issued > now_s + 60:
        return None
    return Portal(str(claims["jti"]), str(claims["sub"]), name, datetime.fromtimestamp(ends, UTC))
