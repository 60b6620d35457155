"""Holds: made, released and listed, each change with the wallet in one transaction."""

from datetime import datetime

from chalicelib.catalog import service as catalog_service
from chalicelib.credits import claim_service, hold_store, service, store
from chalicelib.credits.holding import HoldTerms, hold_credit, release_hold
from chalicelib.credits.holds import Hold, HoldStatus
from chalicelib.platform.writes import Write
from chalicelib.shared.errors import NotFound
from chalicelib.shared.values import dataclass


@dataclass(frozen=True, slots=True)
class ShownHold:
    """A hold with its status as it is now, and the currency of its amounts."""

    hold: Hold
    status: HoldStatus
    currency: str


@dataclass(frozen=True, slots=True)
class HoldChange:
    """A hold as it is once the writes are committed; there are none when nothing changes."""

    shown: ShownHold
    writes: tuple[Write, ...]


def make_hold(organization: str, terms: HoldTerms, *, now: datetime) -> HoldChange:
    """Put credit aside; raises ``NotFound``, and ``InsufficientCredit`` when not enough is left beyond drafts."""
    read = claim_service.read_claims(organization, now)
    before = read.claims.wallet
    after, hold = hold_credit(read.claims, terms, now=now)
    writes = (*service.wallet_writes(before, after), *read.checks)
    return HoldChange(ShownHold(hold, HoldStatus.OPEN, before.currency), writes)


def release(organization: str, *, hold: str, now: datetime) -> HoldChange:
    """Give back what a hold holds; one that has ended or was released stays as it is. Raises ``NotFound``."""
    found = catalog_service.get_organization(organization)
    before = service.read_wallet(found.id, currency=found.currency, now=now)
    # Read after the wallet: whoever releases it in between makes this command decide again.
    stored = hold_store.find_hold(found.id, hold=hold)
    if stored is None:
        raise NotFound("There is no such hold.")
    after, released = release_hold(before, stored, now=now)
    status = released.status(now, holds_until=after.head.holds_until)
    writes = () if after == before else service.wallet_writes(before, after)
    return HoldChange(ShownHold(released, status, found.currency), writes)


def list_holds(
    organization: str, status: HoldStatus | None, *, before: str | None, limit: int, now: datetime
) -> tuple[list[ShownHold], str | None]:
    """List holds, the latest end first, below one with an id; with the id to go on from, ``None`` at the last.

    A page may be short or empty although more follow. Raises ``NotFound``.
    """
    found = catalog_service.get_organization(organization)
    holds_until = store.read_head(found.id).holds_until
    holds, place = hold_store.list_holds(
        found.id, status, ended_until=max(now, holds_until), before=before, limit=limit
    )
    return [ShownHold(one, one.status(now, holds_until=holds_until), found.currency) for one in holds], place
