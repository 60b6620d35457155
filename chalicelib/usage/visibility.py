"""What a caller may see of an organization's usage: how far back, and which meters its plans price."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from chalicelib.catalog import subscription_service
from chalicelib.platform.together import together
from chalicelib.shared.errors import Fault, HistoryLimit
from chalicelib.shared.time import format_instant, local_day_of, local_day_start
from chalicelib.shared.values import dataclass
from chalicelib.usage.query import open_reader
from chalicelib.usage.ranges import Range
from chalicelib.usage.reader import CountersReader


@dataclass(frozen=True, slots=True)
class Visibility:
    """What the plans of an organization say about its usage.

    ``billable`` names the meters that a charge prices. An organization's own callers see ``history_days`` local days,
    today included; for all others that is ``None``.
    """

    billable: frozenset[str]
    history_days: int | None

    @property
    def is_bound(self) -> bool:
        """Tell whether the caller is one of the organization's own."""
        return self.history_days is not None

    def default_days(self, days: int) -> int:
        """Give the length of a default range: ``days``, or fewer where fewer may be seen."""
        return days if self.history_days is None else min(days, self.history_days)

    def history_start(self, now: datetime, zone: ZoneInfo) -> datetime:
        """Give the first instant that an organization's own caller may see."""
        assert self.history_days is not None, "others see everything"
        today: date = local_day_of(now, zone)
        return local_day_start(today - timedelta(days=self.history_days - 1), zone)

    def clipped(self, start_at: datetime, reader: CountersReader, *, end_at: datetime) -> datetime:
        """Give the start of a default range that ends at ``end_at``, later where the caller may not see so far."""
        if self.history_days is None:
            return start_at
        first = self.history_start(reader.now, reader.zone)
        return max(start_at, first) if first < end_at else start_at

    def refuse_beyond(self, whole: Range, reader: CountersReader) -> None:
        """Raise ``HistoryLimit`` when a range begins before what the caller may see."""
        if self.history_days is None:
            return
        first = self.history_start(reader.now, reader.zone)
        if whole.start_at < first:
            raise HistoryLimit(
                f"The range may begin at {format_instant(first)} at the earliest: {self.history_days} days are shown.",
                [Fault("/query/from", f"must not lie before {format_instant(first)}")],
            )


def open_visible(organization_id: str, *, is_bound: bool, now: datetime) -> tuple[CountersReader, Visibility]:
    """Open a reader of an organization's counters, with what the caller may see of them; raises ``NotFound``."""
    reader, subscriptions = together(
        lambda: open_reader(organization_id, now), lambda: subscription_service.read_subscriptions(organization_id)
    )
    billable = subscription_service.billable_meters(subscriptions)
    history_days = subscription_service.usage_history_days(subscriptions, now) if is_bound else None
    return reader, Visibility(billable, history_days)
