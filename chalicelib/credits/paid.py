"""What grants paid for the usage of local days: what drafts draw (*pending*), and what finalized invoices drew."""

from collections.abc import Sequence
from datetime import date
from typing import TypeAlias

from chalicelib.credits.claims import Claim
from chalicelib.shared.values import dataclass


@dataclass(frozen=True, slots=True)
class Days:
    """Local days ``[first, end)``."""

    first: date
    end: date

    def holds(self, day: date) -> bool:
        """Tell whether a day is one of them."""
        return self.first <= day < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What a grant paid of a charge for a local day; negative where more came back for it than was drawn.

    ``charge`` is ``None`` for lines without one; ``is_pending`` while a draft draws it.
    """

    day: date
    charge: str | None
    grant: str
    is_pending: bool
    amount_minor: int


# Day counted down, without a charge?, charge, grant, pending?
PaidKey: TypeAlias = tuple[int, bool, str, str, bool]


def paid_key(one: Paid) -> PaidKey:
    """Make the key that sorts what was paid: newest day first, then charge (none last), grant, what is pending last."""
    return -one.day.toordinal(), one.charge is None, one.charge or "", one.grant, one.is_pending


def add_up_paid(days: Days, *, drawn: Sequence[Claim], finalized: Sequence[Claim]) -> list[Paid]:
    """Add up what was paid in some days by day, charge, grant and whether it is pending, in the order of the key.

    What comes to nothing is left out. A draft that was finalized after its claims had been read is still pending.
    """
    drafts = {claim.invoice for claim in drawn}
    parts = [(claim, True) for claim in drawn]
    parts += [(claim, False) for claim in finalized if claim.invoice not in drafts]
    found: dict[tuple[date, str | None, str, bool], int] = {}
    for claim, is_pending in parts:
        if days.holds(claim.day):
            key = (claim.day, claim.charge, claim.grant, is_pending)
            found[key] = found.get(key, 0) + claim.amount_minor
    paid = [
        Paid(day=day, charge=charge, grant=grant, is_pending=is_pending, amount_minor=minor)
        for (day, charge, grant, is_pending), minor in found.items()
        if minor
    ]
    return sorted(paid, key=paid_key)
