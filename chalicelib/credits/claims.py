"""Claims: what open drafts would draw from an organization's credit, and how far back they may still claim.

A draft is computed, never stored, so what it draws is *pending*: it is no one's until the draft is finalized, and yet
it is not free. Who decides on credit (a hold, a void, a summary) takes it into account.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime

from chalicelib.credits.grants import Allocation, Grant
from chalicelib.credits.wallet import Wallet
from chalicelib.shared.time import QuarterHour, ceil_quarter_hour
from chalicelib.shared.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Credit that a line draws from a grant for a local day; negative where it gives back. ``invoice`` is its id.

    ``charge`` is ``None`` for a line without one.
    """

    invoice: str
    line: str
    charge: str | None
    grant: str
    day: date
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """An open draft: it may claim credit for what lies at ``since`` or later, until it is finalized."""

    invoice: str
    since: QuarterHour
    finalizes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """A wallet as it was read, with what open drafts draw from it, in the order of time.

    ``taken`` is, by grant, how much of what is left of it the drafts rest on. That may be more than they draw in the
    end: what comes back to a draft is free for others when it is booked.
    """

    wallet: Wallet
    drawn: tuple[Claim, ...] = ()
    claimants: tuple[Claimant, ...] = ()
    taken: Mapping[str, int] = field(default_factory=dict)

    def pending(self) -> Mapping[str, int]:
        """Add up what is drawn from each grant, in minor units; below 0 where more comes back than is drawn."""
        found: dict[str, int] = {}
        for claim in self.drawn:
            found[claim.grant] = found.get(claim.grant, 0) + claim.amount_minor
        return found

    def free_minor(self, one: Allocation) -> int:
        """Tell how much of what is left of a grant can be taken without changing any draft."""
        return one.left_minor - self.taken.get(one.grant.id, 0)

    def holders(self, grant: Grant) -> list[Claimant]:
        """List the open drafts that may claim usage from before the end of a grant; none for one without an end."""
        end_at = grant.end_at
        if end_at is None or end_at <= grant.effective_at:
            return []
        end = ceil_quarter_hour(end_at)
        return [one for one in self.claimants if one.since < end]
