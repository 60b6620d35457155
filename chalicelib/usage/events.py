"""What an event is, once it has been read: who used what, when (docs/rules.md, section 2)."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.shared.time import QuarterHour, quarter_hour_of
from chalicelib.shared.values import dataclass

# (source, id): the same within an organization and a quarter-hour is the same event.
Identity = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One valid usage event.

    ``data`` and ``extensions`` are JSON values as the strict reader gives them: numbers are ``JsonNumber`` literals.
    """

    organization: str
    source: str
    id: str
    type: str
    time: datetime
    data: Mapping[str, Any]
    extensions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def quarter_hour(self) -> QuarterHour:
        """Name the quarter-hour that the event belongs to."""
        return quarter_hour_of(self.time)

    @property
    def identity(self) -> Identity:
        """Give what makes it the same event within its organization and quarter-hour."""
        return (self.source, self.id)


class EventState(StrEnum):
    """What became of an event that was received."""

    COUNTED = "counted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    VOIDED = "voided"
    AMENDED = "amended"
    UNMATCHED = "unmatched"
