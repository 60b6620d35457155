"""Lives through the demo's past: the domain clock is set from one morning to the next, and what is due then is done.

So invoices are issued, paid and overdue on days on which that would have happened, each by the same routes and jobs as
anything that happens later.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from chalicelib.shared.clock import clock
from chalicelib.shared.time import days_between, format_instant
from local import demo, demo_billing
from local.demo import Asks, Refused
from local.demo_progress import Progress
from local.demo_story import Step, steps
from local.demo_usage import Past, events_between, late_events, midnight
from local.jobs import Jobs

logger = logging.getLogger("local")

# Late enough that the periods which ended on a Sunday or a last day of the month, anywhere, are over their grace.
_MORNING = timedelta(hours=6)
_TUESDAY, _SECOND = 1, 2
_SHORTEST_GAP = timedelta(minutes=15)


def bring_up_to_date(operator: Asks, jobs: Jobs, progress: Progress) -> None:
    """Live through what happened since an earlier start, up to now; the clock is then as it was.

    What was cut off is lived through to its end first, as it would have been. Less than a quarter-hour is left out.
    """
    until = clock.now().replace(microsecond=0)
    stood_at = clock.now() if clock.is_set() else None
    try:
        reached = progress.until or _begin(operator, progress, until)
        if reached < progress.past.end <= until:
            live_through(operator, jobs, progress)
            reached = progress.past.end
        if until - reached >= _SHORTEST_GAP:
            progress.go_on(Past(reached, until))
            live_through(operator, jobs, progress)
    finally:
        clock.set(stood_at)


def _begin(operator: Asks, progress: Progress, until: datetime) -> datetime:
    """Create everything that the demo rests on, as of its first instant, which is the answer."""
    first = Past(until - timedelta(days=demo.DAYS), until)
    clock.set(first.start)
    demo.define_meters(operator)
    demo_billing.define(operator, first.start)
    progress.begin(first)
    return first.start


def mornings(since: datetime, until: datetime) -> Iterator[datetime]:
    """Walk the instants in ``(since, until]`` at which something is to be invoiced, and ``until`` itself."""
    for day in days_between(since.date(), until.date() + timedelta(days=1)):
        at = midnight(day) + _MORNING
        if since < at < until and (day.weekday() == _TUESDAY or day.day == _SECOND):
            yield at
    yield until


def live_through(operator: Asks, jobs: Jobs, progress: Progress) -> None:
    """Live through what is left of a past, morning by morning; leaves the clock at its end."""
    past, since = progress.past, progress.until
    assert since is not None
    story = steps(progress.first)
    logger.warning("demo data: %s to %s", format_instant(since), format_instant(past.end))
    taken = refused = 0
    for morning in mornings(since, past.end):
        _take(operator, [step for step in story if since < step.at <= morning])
        clock.set(morning)
        events = [*events_between(since, morning, past), late_events(since, morning)]
        sent = demo.send(operator, filter(None, events))
        taken, refused = taken + sent[0], refused + sent[1]
        for job in jobs.names:
            jobs.run(job)
        demo_billing.pay(operator, morning)
        progress.reach(morning)
        since = morning
    late = f", {refused} came too late" if refused else ""
    logger.warning("demo data: %d events are there%s", taken, late)


def _take(operator: Asks, story: Sequence[Step]) -> None:
    """Take steps, each at its instant. One that is refused is told and left out: the demo starts without it."""
    for step in story:
        clock.set(step.at)
        try:
            step.take(operator)
        except Refused as error:
            logger.warning("demo data: %s", error)
