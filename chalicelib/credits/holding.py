"""Hold and release: commands on the wallet that put credit aside and give it back (docs/rules.md 5.6).

A hold takes what neither a grant's balance nor an open draft has taken, so holds are never oversold among themselves,
and what drafts draw by now stays theirs.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.credits.claims import Claims
from chalicelib.credits.grants import drawdown_key
from chalicelib.credits.holds import HeldPart, Hold, HoldStatus, hold_id
from chalicelib.credits.wallet import Wallet, caught_up, move_held
from chalicelib.shared.errors import InsufficientCredit
from chalicelib.shared.money import show_money
from chalicelib.shared.values import dataclass

_MICRO = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldTerms:
    """What is asked for: an amount in minor units, for how long at most, and the caller's own words for it."""

    amount_minor: int
    lasts: timedelta
    reference: str
    sort_id: str


def hold_credit(claims: Claims, terms: HoldTerms, *, now: datetime) -> tuple[Wallet, Hold]:
    """Put credit aside, grant by grant in the order of drawdown, all or nothing.

    Raises ``InsufficientCredit`` when the grants that are open now have not enough left beyond what drafts draw.
    """
    assert terms.amount_minor > 0, "a hold holds something"
    wallet = caught_up(claims.wallet, now)
    hold = _new(terms, _parts(wallet, claims, terms.amount_minor, now=now), wallet, now)
    taken = move_held(wallet, hold.parts, sign=1)
    ends = (hold.expires_at, *(() if taken.head.next_hold_at is None else (taken.head.next_hold_at,)))
    head = replace(taken.head, next_hold_at=min(ends))
    return _with_hold(replace(taken, head=head), hold, now), hold


def _new(terms: HoldTerms, parts: tuple[HeldPart, ...], wallet: Wallet, now: datetime) -> Hold:
    # A clock that went back must not let a hold end where all holds have been given back already.
    expires_at = max(now + terms.lasts, wallet.head.holds_until + _MICRO)
    return Hold(
        id=hold_id(expires_at, terms.sort_id),
        reference=terms.reference,
        parts=parts,
        created_at=now,
        expires_at=expires_at,
    )


def _parts(wallet: Wallet, claims: Claims, amount_minor: int, *, now: datetime) -> tuple[HeldPart, ...]:
    parts: list[HeldPart] = []
    missing_minor = amount_minor
    for grant, free_minor in _free(wallet, claims, now):
        part_minor = min(free_minor, missing_minor)
        parts.append(HeldPart(grant, part_minor))
        missing_minor -= part_minor
        if not missing_minor:
            return tuple(parts)
    wanted, free = (show_money(minor, wallet.currency) for minor in (amount_minor, amount_minor - missing_minor))
    raise InsufficientCredit(f"{wanted} is to be held, and {free} can be.")


def _free(wallet: Wallet, claims: Claims, now: datetime) -> Iterable[tuple[str, int]]:
    """List what each grant that is open now has left beyond what drafts draw, in the order of drawdown."""
    usable = [one for one in wallet.allocations.values() if one.left_minor and one.grant.is_open(now)]
    for one in sorted(usable, key=lambda each: drawdown_key(each.grant)):
        free_minor = claims.free_minor(one)
        if free_minor > 0:
            yield one.grant.id, free_minor


def release_hold(wallet: Wallet, hold: Hold, *, now: datetime) -> tuple[Wallet, Hold]:
    """Give back what a hold holds. One that has ended or was released stays as it is, and so does the wallet.

    ``hold`` must have been read after the wallet.
    """
    begun = caught_up(wallet, now)
    if hold.status(now, holds_until=begun.head.holds_until) is not HoldStatus.OPEN:
        return wallet, hold
    released = replace(hold, released_at=now)
    return _with_hold(move_held(begun, hold.parts, sign=-1), released, now), released


def _with_hold(wallet: Wallet, hold: Hold, now: datetime) -> Wallet:
    """Put a changed hold into the wallet, and note up to when no ended one is left: reads begin there."""
    until = max(wallet.head.holds_until, min(now, wallet.known_until))
    head = replace(wallet.head, holds_until=until)
    return replace(wallet, head=head, changed_holds=(*wallet.changed_holds, hold))
