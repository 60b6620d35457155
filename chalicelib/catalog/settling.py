"""Usage of periods that have ended: whether it may still change something, and what notes that it did.

A closed period stays on its subscription's ``settling`` list until its late usage has been billed. Whoever reads the
counters of an ended period and decides by them (a finalization, a draft) must hear of counters written meanwhile: a
closed period is marked as touched, and the version of the subscriptions rises in any case.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.catalog.subscriptions import SettlingPeriod, Subscription, Subscriptions
from chalicelib.catalog.timeline import find_period, find_period_of
from chalicelib.shared.time import QuarterHour
from chalicelib.shared.values import dataclass

# A finalization and a rollup may run on clocks that differ, and each may be slow.
_MARGIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ClosedState:
    """A closed period that holds a quarter-hour. Its usage is settled when ``late_usage_until`` is ``None``."""

    subscription: str
    period: int
    late_usage_until: datetime | None


def find_closed(subscriptions: Subscriptions, quarter_hour: QuarterHour) -> ClosedState | None:
    """Find the closed period that a quarter-hour lies in; ``None`` when its period is open, or when there is none.

    A period whose invoice was voided to be made again is open.
    """
    for subscription in subscriptions.subscriptions:
        found = _find_closed_in(subscription, quarter_hour)
        if found is not None:
            return found
    return None


def _find_closed_in(subscription: Subscription, quarter_hour: QuarterHour) -> ClosedState | None:
    settling = _find_settling(subscription, quarter_hour)
    if settling is not None:
        return ClosedState(subscription.id, settling.number, settling.late_usage_until)
    number = _find_number(subscription, quarter_hour)
    return None if number is None or _is_open(subscription, number) else ClosedState(subscription.id, number, None)


def _find_settling(subscription: Subscription, quarter_hour: QuarterHour) -> SettlingPeriod | None:
    settling = (one for one in subscription.progress.settling if one.start <= quarter_hour < one.end)
    return next((one for one in settling if not _is_open(subscription, one.number)), None)


def _find_number(subscription: Subscription, quarter_hour: QuarterHour) -> int | None:
    period = find_period_of(subscription, quarter_hour)
    return None if period is None else period.number


def _is_open(subscription: Subscription, number: int) -> bool:
    progress = subscription.progress
    return number >= progress.next_period or number in {one.number for one in progress.reopened}


def find_touched(
    subscriptions: Subscriptions, quarter_hours: Sequence[QuarterHour], *, now: datetime
) -> tuple[Subscription, ...] | None:
    """Give the subscriptions that change because counters of some quarter-hours were written.

    ``None`` when no period that has ended, and is not settled, holds any of them. Nothing changes but the version when
    the period is not closed yet, or was touched before: then the answer is empty.
    """
    concerned, changed = False, []
    for subscription in subscriptions.subscriptions:
        touched = _touch(subscription, quarter_hours)
        if touched != subscription:
            changed.append(touched)
        concerned = concerned or any(_is_concerned(subscription, one, now) for one in quarter_hours)
    return tuple(changed) if concerned else None


def _touch(subscription: Subscription, quarter_hours: Sequence[QuarterHour]) -> Subscription:
    settling = tuple(
        replace(one, touched=one.touched or any(written < one.end for written in quarter_hours))
        for one in subscription.progress.settling
    )
    return replace(subscription, progress=replace(subscription.progress, settling=settling))


def _is_concerned(subscription: Subscription, quarter_hour: QuarterHour, now: datetime) -> bool:
    """Tell whether a period that has ended, and is not settled, holds a quarter-hour or comes after it.

    A level of a time-weighted meter holds on into the periods that follow.
    """
    progress = subscription.progress
    if any(quarter_hour < one.end for one in progress.settling):
        return True
    numbers = [progress.next_period, *(one.number for one in progress.reopened)]
    open_periods = (find_period(subscription, number) for number in numbers)
    return any(
        period is not None and quarter_hour < period.end and period.end_at <= now + _MARGIN for period in open_periods
    )
