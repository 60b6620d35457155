"""Recurring grants: when each occurrence begins and ends, always derived from the first one (docs/rules.md 5.7).

An occurrence begins at the first one's local time of day, so many weeks, months or years later, in the organization's
time zone; a day of the month is clipped to the month: 31 January, 28 February, 31 March. A local time that is skipped
means the first instant after the gap, one that comes twice the earlier.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from chalicelib.shared.billing_periods import PeriodUnit, period_start
from chalicelib.shared.time import zone_of
from chalicelib.shared.values import dataclass

_SECOND = timedelta(seconds=1)
# What no window reaches beyond: a datetime ends with the year 9999.
_LATEST = datetime(9999, 12, 30, tzinfo=UTC)


class Every(StrEnum):
    """How far occurrences lie apart."""

    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """How a grant recurs. ``count`` is the number of occurrences with the first one; ``None`` goes on for good.

    ``lasts`` is how long each window is; ``None`` is until the next anchor.
    """

    every: Every
    timezone: str
    count: int | None = None
    lasts: timedelta | None = None

    def anchor(self, first_at: datetime, number: int) -> datetime:
        """Give the instant at which an occurrence begins; number 0 begins at ``first_at``."""
        if number == 0:
            return first_at
        zone = zone_of(self.timezone)
        local = first_at.astimezone(zone)
        day = period_start(local.date(), PeriodUnit(self.every.value), number)
        return _first_instant(datetime.combine(day, local.time()), zone)

    def window(self, first_at: datetime, number: int) -> tuple[datetime, datetime]:
        """Give the window of an occurrence, half-open."""
        begins = self.anchor(first_at, number)
        if self.lasts is None:
            return begins, self.anchor(first_at, number + 1)
        return begins, begins + min(self.lasts, _LATEST - begins)

    def has(self, number: int) -> bool:
        """Tell whether there is an occurrence of this number."""
        return self.count is None or number < self.count


def _first_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """Give the first instant, in UTC, whose local time is this one or, where it is skipped, the next that exists."""
    earlier = local.replace(tzinfo=zone, fold=0)
    instant = earlier.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None, fold=0) == local.replace(fold=0):
        return instant
    low, high = local.replace(tzinfo=zone, fold=1).astimezone(UTC), instant
    offset = low.astimezone(zone).utcoffset()
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
    return high.replace(microsecond=0)
