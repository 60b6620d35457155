"""Void of a grant while drafts are open: what they draw stays theirs, and what they may still draw waits for them."""

from dataclasses import replace
from datetime import datetime

from chalicelib.credits.claims import Claims
from chalicelib.credits.wallet import Wallet, caught_up, void_grant


def void(claims: Claims, grant: str, *, reason: str, now: datetime) -> Wallet:
    """End a grant now; it is booked at once unless an open draft may still claim usage from before (rules 5.5).

    Raises ``NotFound``, and ``Conflict`` when nothing remains beyond what drafts draw.
    """
    known = caught_up(claims.wallet, now).get_allocation(grant).grant
    ended = replace(known, ended_at=known.ended_at or now)
    return void_grant(
        claims.wallet,
        grant,
        pending_minor=claims.pending().get(grant, 0),
        waits=bool(claims.holders(ended)),
        reason=reason,
        recorded_at=now,
    )
