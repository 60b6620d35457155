"""When the periods of a subscription begin and end, and which terms hold in them (docs/rules.md 1 and 3.7).

Nothing of this is stored: every period is derived from its run's anchor and its number, each by itself, so that the
five thousandth costs what the first one does. Bounds lie at local days, but for the exact start of a run and an end
that cuts a period short. In quarter-hours the start of a subscription is floored and every other bound ceiled, so
periods and parts that follow one another share their bounds.

Days are counted from the local day of the start, which is covered, to the local day of the end, which belongs to what
follows. A period that begins and ends on one day covers none.
"""

import itertools
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from chalicelib.catalog.subscriptions import Part, Period, Phase, Run, Subscription, SubscriptionStatus, Terms
from chalicelib.shared.billing_periods import anchor_day, period_number, period_start
from chalicelib.shared.time import (
    QuarterHour,
    ceil_quarter_hour,
    local_day_of,
    local_day_start,
    quarter_hour_start,
    zone_of,
)
from chalicelib.shared.values import dataclass

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Span:
    """Instants ``[start_at, end_at)`` of a period or a trial."""

    start_at: datetime
    end_at: datetime


def find_period(subscription: Subscription, number: int) -> Period | None:
    """Derive a period by its number; ``None`` below 0, and when the subscription ends before it begins."""
    if number < 0:
        return None
    run = next(run for run in reversed(subscription.runs) if run.first_period <= number)
    return _find_in_run(subscription, run, number)


def find_period_at(subscription: Subscription, instant: datetime) -> Period | None:
    """Derive the period that holds an instant; ``None`` in the trial, before the start and from the end on."""
    if instant < subscription.runs[0].start_at:
        return None
    run = run_at(subscription, instant)
    zone = zone_of(subscription.timezone)
    place = period_number(_anchor(run, zone), run.unit, day=local_day_of(instant, zone))
    period = _find_in_run(subscription, run, run.first_period + place)
    return period if period is not None and instant < period.end_at else None


def find_period_of(subscription: Subscription, quarter_hour: QuarterHour) -> Period | None:
    """Derive the period that the usage of a quarter-hour belongs to; ``None`` where it belongs to none."""
    # The start of a subscription is floored: its first quarter-hour may begin before it.
    first = max(quarter_hour_start(quarter_hour), subscription.start_at)
    period = find_period_at(subscription, first)
    return period if period is not None and period.start <= quarter_hour < period.end else None


def periods_from(subscription: Subscription, number: int, *, until: datetime) -> Iterator[Period]:
    """Walk the periods from a number on, in order, those that begin before ``until``."""
    for following in itertools.count(max(0, number)):
        period = find_period(subscription, following)
        if period is None or period.start_at >= until:
            return
        yield period


def status_of(subscription: Subscription, now: datetime) -> SubscriptionStatus:
    """Tell where a subscription is in its life. One that ends where it starts never begins: it has ended."""
    if has_ended(subscription, now):
        return SubscriptionStatus.ENDED
    if now < subscription.start_at:
        return SubscriptionStatus.SCHEDULED
    if now < subscription.runs[0].start_at:
        return SubscriptionStatus.TRIAL
    return SubscriptionStatus.ACTIVE if subscription.end_at is None else SubscriptionStatus.CANCELLING


def has_ended(subscription: Subscription, now: datetime) -> bool:
    """Tell whether a subscription is over at an instant, or never begins."""
    end_at = subscription.end_at
    return end_at is not None and (end_at <= now or end_at <= subscription.start_at)


def terms_at(subscription: Subscription, instant: datetime) -> Terms:
    """Give the terms that hold at an instant; before the first period those of it, so also in a trial."""
    return _phase_at(run_at(subscription, instant), instant).terms


def current_terms(subscription: Subscription, now: datetime) -> Terms:
    """Give the terms that hold now; before the first period those of it, after the end those that held last."""
    end_at = subscription.end_at
    return terms_at(subscription, now if end_at is None else min(now, end_at - _MOMENT))


def find_current(subscription: Subscription, now: datetime) -> Span | None:
    """Give the period that holds ``now``, or the trial; ``None`` before the start and from the end on."""
    trial = _find_trial(subscription)
    if trial is not None and trial.start_at <= now < trial.end_at:
        return trial
    return _span(find_period_at(subscription, now))


def find_previous(subscription: Subscription, now: datetime) -> Span | None:
    """Give the period before the current one, or the trial; after the end the last one. ``None`` when there is none."""
    current = find_current(subscription, now)
    following = current.start_at if current is not None else subscription.end_at
    if following is None or following > now or following <= subscription.start_at:
        return None
    return find_current(subscription, following - _MOMENT)


def _find_trial(subscription: Subscription) -> Span | None:
    """Give the trial as far as the subscription lasts."""
    if subscription.trial_end_at is None:
        return None
    end_at = subscription.trial_end_at
    if subscription.end_at is not None:
        end_at = min(end_at, subscription.end_at)
    return Span(subscription.start_at, end_at)


def _span(period: Period | None) -> Span | None:
    return None if period is None else Span(period.start_at, period.end_at)


def run_at(subscription: Subscription, instant: datetime) -> Run:
    """Give the run that an instant lies in, the first one before it begins; its end is not looked at."""
    begun = (run for run in reversed(subscription.runs) if run.start_at <= instant)
    return next(begun, subscription.runs[0])


def _phase_at(run: Run, instant: datetime) -> Phase:
    begun = (phase for phase in reversed(run.phases) if phase.start_at <= instant)
    return next(begun, run.phases[0])


def _anchor(run: Run, zone: ZoneInfo) -> date:
    return anchor_day(local_day_of(run.start_at, zone), run.unit, run.anchor)


def _find_in_run(subscription: Subscription, run: Run, number: int) -> Period | None:
    zone, place = zone_of(subscription.timezone), number - run.first_period
    anchor = _anchor(run, zone)
    first_on, end_on = period_start(anchor, run.unit, place), period_start(anchor, run.unit, place + 1)
    start_at = run.start_at if place == 0 else local_day_start(first_on, zone)
    end_at = local_day_start(end_on, zone)
    limit = _end_of_run(subscription, run)
    if limit is not None:
        end_at = min(end_at, limit)
    if start_at >= end_at:
        return None
    return Period(
        number=number,
        start_at=start_at,
        end_at=end_at,
        start=_bound(subscription, start_at),
        end=_bound(subscription, end_at),
        full_days=(end_on - first_on).days,
        parts=_parts(subscription, run, Span(start_at, end_at)),
    )


def _end_of_run(subscription: Subscription, run: Run) -> datetime | None:
    """Give where the next run begins or the subscription ends, whichever comes first."""
    later = [other.start_at for other in subscription.runs if other.first_period > run.first_period]
    ends = [*later, *([] if subscription.end_at is None else [subscription.end_at])]
    return min(ends, default=None)


def _bound(subscription: Subscription, instant: datetime) -> QuarterHour:
    return subscription.metered_from if instant == subscription.start_at else ceil_quarter_hour(instant)


def _parts(subscription: Subscription, run: Run, span: Span) -> tuple[Part, ...]:
    """Cut a period at its changes of terms.

    Terms that hold neither for a quarter-hour nor for a day make no part: the one before, else the one after, takes
    their moments.
    """
    changes = [phase.start_at for phase in run.phases if span.start_at < phase.start_at < span.end_at]
    edges = [span.start_at, *changes, span.end_at]
    pieces = [
        _part(subscription, Span(start_at, end_at), _phase_at(run, start_at).terms)
        for start_at, end_at in itertools.pairwise(edges)
    ]
    kept = [piece for piece in pieces if piece.start < piece.end or piece.days] or pieces[-1:]
    starts = [span.start_at, *(piece.start_at for piece in kept[1:])]
    return tuple(
        _part(subscription, Span(start_at, end_at), piece.terms)
        for piece, (start_at, end_at) in zip(kept, itertools.pairwise([*starts, span.end_at]), strict=True)
    )


def _part(subscription: Subscription, span: Span, terms: Terms) -> Part:
    zone = zone_of(subscription.timezone)
    return Part(
        start_at=span.start_at,
        end_at=span.end_at,
        start=_bound(subscription, span.start_at),
        end=_bound(subscription, span.end_at),
        first_on=local_day_of(span.start_at, zone),
        end_on=local_day_of(span.end_at, zone),
        terms=terms,
    )
