"""Holds: credit put aside for metered work, until it is released or the hold ends (docs/rules.md 5.6).

A hold's id says when it ends, so that holds lie in the order of their ends, and each is found by its id alone.
"""

import re
from datetime import datetime
from enum import StrEnum

from chalicelib.shared.time import microseconds
from chalicelib.shared.values import dataclass

LONGEST_S = 31 * 86_400
# Enough for every instant before the year 10000.
_END_DIGITS = 18
_ID = re.compile(r"hold_([0-9]{18})_([0-9a-z]{17})")


class HoldStatus(StrEnum):
    """Where a hold is in its life."""

    OPEN = "open"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class HeldPart:
    """What a hold holds of one grant, in minor units."""

    grant: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Credit that is put aside from ``created_at`` to ``expires_at``, exclusive, or to its release.

    ``parts`` are in the order of drawdown; each names another grant.
    """

    id: str
    reference: str
    parts: tuple[HeldPart, ...]
    created_at: datetime
    expires_at: datetime
    released_at: datetime | None = None

    @property
    def amount_minor(self) -> int:
        """Add up the parts."""
        return sum(part.amount_minor for part in self.parts)

    def status(self, now: datetime, *, holds_until: datetime) -> HoldStatus:
        """Tell where the hold is in its life; what ends by ``holds_until`` has been given back, whatever the time."""
        if self.released_at is not None:
            return HoldStatus.RELEASED
        return HoldStatus.EXPIRED if self.expires_at <= max(now, holds_until) else HoldStatus.OPEN


def hold_id(expires_at: datetime, sort_id: str) -> str:
    """Name a hold by when it ends; ``sort_id`` keeps those apart that end at the same instant."""
    return f"hold_{end_digits(expires_at)}_{sort_id}"


def end_digits(expires_at: datetime) -> str:
    """Write the end of a hold so that text sorts as the instants do: microseconds since 1970."""
    return f"{microseconds(expires_at):0{_END_DIGITS}}"


def split_id(hold: str) -> tuple[str, str] | None:
    """Split an id into the digits of its end and its sort id; ``None`` for what is no hold's id."""
    found = _ID.fullmatch(hold)
    return None if found is None else (found[1], found[2])
