"""Which events come too late for billing: those of a billing period that is closed and takes no more of them.

A closed period takes events and corrections until its late usage is settled; history that is brought in goes only where
no period is closed. Where no subscription covers a time, nothing is too late.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.catalog import subscription_service
from chalicelib.catalog.settling import ClosedState, find_closed
from chalicelib.catalog.subscriptions import Subscriptions
from chalicelib.catalog.timeline import find_period
from chalicelib.shared.errors import Fault, InvalidInput
from chalicelib.shared.time import QuarterHour, format_instant, quarter_hour_of

Pair = tuple[str, QuarterHour]

# Late usage of a period is taken for weeks after its end: no younger event can be too late.
SURELY_OPEN = timedelta(hours=24)


@dataclass
class ClosedPeriods:
    """Judges the times of a request's events; it reads the subscriptions of an organization at most once."""

    now: datetime
    is_backfill: bool = False
    _read: dict[str, Subscriptions] = field(default_factory=dict)

    def refusals(self, pairs: Iterable[Pair]) -> dict[Pair, str]:
        """Tell for each pair whose period takes no more events why not; only old ones are looked up, all at once."""
        oldest = quarter_hour_of(self.now - SURELY_OPEN)
        asked = [pair for pair in pairs if self.is_backfill or pair[1] < oldest]
        unread = {organization for organization, _ in asked} - self._read.keys()
        if unread:
            self._read |= subscription_service.read_many(sorted(unread))
        found = {pair: self._find_refusal(pair) for pair in asked}
        return {pair: reason for pair, reason in found.items() if reason is not None}

    def _find_refusal(self, pair: Pair) -> str | None:
        organization, quarter_hour = pair
        subscriptions = self._read[organization]
        state = find_closed(subscriptions, quarter_hour)
        if state is None or (not self.is_backfill and is_settling(state, self.now)):
            return None
        return f"{_describe(subscriptions, state)}: nothing can be added there"


def is_settling(state: ClosedState, now: datetime) -> bool:
    """Tell whether a closed period still takes late usage: up to, not including, the instant that it names."""
    return state.late_usage_until is not None and now < state.late_usage_until


def refuse_settled(subscriptions: Subscriptions, quarter_hour: QuarterHour, now: datetime) -> None:
    """Raise ``InvalidInput`` at ``/time`` when what was used in a quarter-hour has been billed for good."""
    state = find_closed(subscriptions, quarter_hour)
    if state is not None and not is_settling(state, now):
        fault = Fault("/time", f"{_describe(subscriptions, state)}: nothing can be changed there")
        raise InvalidInput("The event has been billed for good.", [fault])


def _describe(subscriptions: Subscriptions, state: ClosedState) -> str:
    subscription = next(one for one in subscriptions.subscriptions if one.id == state.subscription)
    period = find_period(subscription, state.period)
    assert period is not None, "a closed period can be derived"
    bounds = f"{format_instant(period.start_at)} to {format_instant(period.end_at)}"
    return f"lies in the billing period {bounds}, which is closed"
