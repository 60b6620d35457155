"""Settling: what has happened by itself is booked, as far as no open draft may still claim it (docs/rules.md 5.5).

Holds that have ended give back, occurrences that have begun are booked, and so is what is left of grants that have
ended. A grant that a draft may still claim waits; until when at least is noted in the head of the wallet.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.credits.claims import Claims
from chalicelib.credits.grants import Grant
from chalicelib.credits.wallet import Wallet, book_ended, caught_up
from chalicelib.shared.values import dataclass

# So many occurrences, and so many ends, are booked at once: all of it fits into one transaction.
MOST = 1000
# How long an end waits at the most until somebody looks whether it still has to.
LONGEST_WAIT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Settled:
    """A wallet after a step of settling, and whether that was the last one there is to do by now."""

    wallet: Wallet
    is_last: bool


def settle(claims: Claims, *, now: datetime, most: int = MOST) -> Settled:
    """Catch up, and book the ends that no open draft may claim any more; what there is to book is bounded by ``most``.

    Changes nothing when it is done again.
    """
    begun = caught_up(claims.wallet, now, most=most)
    if len(begun.allocations) - len(claims.wallet.allocations) == most:
        return Settled(begun, is_last=False)
    ended = [one.grant for one in begun.allocations.values() if one.left_minor and one.grant.has_ended(now)]
    free = [grant.id for grant in ended if not claims.holders(grant)]
    booked = book_ended(begun, free[:most], recorded_at=now)
    waits_until = _waits_until(claims, ended, now)
    waiting = replace(booked, head=replace(booked.head, waits_until=waits_until))
    return Settled(waiting, is_last=len(free) <= most)


def _waits_until(claims: Claims, ended: Sequence[Grant], now: datetime) -> datetime | None:
    """Tell before when no end that waits can be booked; ``None`` when one may be at any time, or none waits."""
    holders = (claims.holders(grant) for grant in ended)
    waits = [max(one.finalizes_at for one in found) for found in holders if found]
    first = min(waits, default=None)
    if first is None or first <= now:
        return None
    known = claims.wallet.head.waits_until
    # A draft may be gone before its time: its subscription is cancelled or changed, or it is finalized by hand.
    return known if known is not None and now < known <= first else min(first, now + LONGEST_WAIT)


def with_next_hold(wallet: Wallet, ends_at: datetime | None) -> Wallet:
    """Note before when no open hold ends."""
    return replace(wallet, head=replace(wallet.head, next_hold_at=ends_at))
