"""Whether stored balances are what the ledger's entries add up to, told without holding all grants at once.

A ledger is checked in parts, and between two parts only a short text is kept. So the sums of each grant go into
*fingerprints*: one number for all grants, the sum of amount times weight, where the weight of a grant is a keyed hash
of its id. Fingerprints of parts add up. Two different sets of balances have the same one with a chance of 2 to the
-128; and who does not know the key cannot look for them.

Invariant: ``granted``, ``consumed``, ``expired`` and ``voided`` of a grant are the sums of its entries, by their kind.
Held credit is no entry.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from chalicelib.credits.grants import Allocation
from chalicelib.credits.ledger import Entry, EntryKind
from chalicelib.shared.values import dataclass

MODULUS = 2**128
_WEIGHT_BYTES = 16

# Granted, consumed, expired, voided, in minor units.
Sums: TypeAlias = tuple[int, int, int, int]
NOTHING: Sums = (0, 0, 0, 0)

# Where an entry's amount goes, and with which sign: drawdowns are negative in the ledger, what they consume is not.
_COLUMNS: Mapping[EntryKind, tuple[int, int]] = {
    EntryKind.GRANT: (0, 1),
    EntryKind.CARRIED: (0, 1),
    EntryKind.DRAWDOWN: (1, -1),
    EntryKind.REVERSAL: (1, -1),
    EntryKind.EXPIRY: (2, -1),
    EntryKind.VOID: (3, -1),
}


@dataclass(frozen=True, slots=True)
class Audit:
    """What entries add up to: over all grants, and as fingerprints, each for granted, consumed, expired and voided."""

    sums: Sums = NOTHING
    fingerprints: Sums = NOTHING


NO_ENTRIES = Audit()


class GrantSums:
    """The sums of each grant over some entries, in the order in which grants came."""

    def __init__(self) -> None:
        self._columns: dict[str, list[int]] = {}

    def add(self, entry: Entry) -> None:
        """Count an entry."""
        column, sign = _COLUMNS[entry.kind]
        self._columns.setdefault(entry.grant, [0, 0, 0, 0])[column] += sign * entry.amount_minor

    def by_grant(self) -> dict[str, Sums]:
        """Give the sums by grant."""
        return {grant: (one[0], one[1], one[2], one[3]) for grant, one in self._columns.items()}


def sums_of(allocations: Iterable[Allocation]) -> dict[str, Sums]:
    """Give what each grant's stored balance says its entries add up to."""
    return {
        one.grant.id: (
            one.grant.amount_minor,
            one.balance.consumed_minor,
            one.balance.expired_minor,
            one.balance.voided_minor,
        )
        for one in allocations
    }


def fold_sums(audit: Audit, by_grant: Mapping[str, Sums], *, key: bytes) -> Audit:
    """Add the sums of grants to what was added up before; the key is the same for all parts of one check."""
    sums, fingerprints = list(audit.sums), list(audit.fingerprints)
    for grant, columns in by_grant.items():
        weight = _weight(grant, key)
        for place, minor in enumerate(columns):
            sums[place] += minor
            fingerprints[place] = (fingerprints[place] + minor * weight) % MODULUS
    return Audit(_four(sums), _four(fingerprints))


def _weight(grant: str, key: bytes) -> int:
    return int.from_bytes(hmac.digest(key, grant.encode(), hashlib.sha256)[:_WEIGHT_BYTES])


def _four(values: Sequence[int]) -> Sums:
    granted, consumed, expired, voided = values
    return granted, consumed, expired, voided


def differing_grants(*, by_entries: Mapping[str, Sums], by_balance: Mapping[str, Sums]) -> tuple[str, ...]:
    """List the grants whose sums are not the same on both sides, or that only one side knows, by name."""
    known = by_entries.keys() | by_balance.keys()
    return tuple(sorted(grant for grant in known if by_entries.get(grant) != by_balance.get(grant)))
