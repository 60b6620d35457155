"""What drafts draw, written like entries of the ledger that have no place in it yet."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

from chalicelib.credits.claims import Claims
from chalicelib.credits.drawdown import effective_at
from chalicelib.credits.ledger import EntryDraft, EntryKind
from chalicelib.credits.wallet import caught_up

# Invoice, grant, kind: no two entries have the same.
PendingKey: TypeAlias = tuple[str, str, str]


def pending_key(entry: EntryDraft) -> PendingKey:
    """Make the key that sorts pending entries."""
    assert entry.invoice is not None, "it is a draft that draws"
    return entry.invoice, entry.grant, entry.kind.value


def pending_entries(claims: Claims, *, zone: ZoneInfo, now: datetime) -> list[EntryDraft]:
    """List what drafts draw and give back, in the order of the key: one entry for each draft, grant and direction.

    A drawdown is effective with the first local day that it pays for, or with its grant when that began later; what
    comes back is so now.
    """
    begun = caught_up(claims.wallet, now)
    entries = []
    for key, by_day in _by_direction(claims).items():
        is_drawn = key[2] is EntryKind.DRAWDOWN
        pays_from = effective_at(begun.allocations[key[1]].grant, by_day, zone) if is_drawn else now
        entries.append(_entry(key, by_day, pays_from=pays_from))
    return sorted(entries, key=pending_key)


_Direction: TypeAlias = tuple[str, str, EntryKind]


def _by_direction(claims: Claims) -> Mapping[_Direction, dict[date, int]]:
    """Add up claims by local day, what is drawn apart from what comes back, both positive."""
    found: dict[_Direction, dict[date, int]] = {}
    for claim in claims.drawn:
        if claim.amount_minor:
            kind = EntryKind.DRAWDOWN if claim.amount_minor > 0 else EntryKind.REVERSAL
            by_day = found.setdefault((claim.invoice, claim.grant, kind), {})
            by_day[claim.day] = by_day.get(claim.day, 0) + abs(claim.amount_minor)
    return found


def _entry(direction: _Direction, by_day: dict[date, int], *, pays_from: datetime) -> EntryDraft:
    invoice, grant, kind = direction
    sign = -1 if kind is EntryKind.DRAWDOWN else 1
    return EntryDraft(
        kind=kind,
        grant=grant,
        amount_minor=sign * sum(by_day.values()),
        effective_at=pays_from,
        invoice=invoice,
        by_day=by_day,
    )
