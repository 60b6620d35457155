"""Lives through the demo's past: the domain clock is set from one morning to the next, and what is due then is done.

So invoices are issued, paid and overdue on days on which that would have happened, each by the same routes and jobs as
anything that happens later.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from chalicelib.shared.clock import clock
from chalicelib.shared.time import days_between, format_instant, parse_instant
from local import demo, demo_billing
from local.jobs import Jobs

logger = logging.getLogger("local")

# Late enough that the periods which ended on a Sunday or a last day of the month, anywhere, are over their grace.
_MORNING = timedelta(hours=6)
_TUESDAY, _SECOND = 1, 2


def mornings(since: datetime, until: datetime) -> Iterator[datetime]:
    """Walk the instants in ``(since, until]`` at which something is to be invoiced, and ``until`` itself."""
    for day in days_between(since.date(), until.date() + timedelta(days=1)):
        at = parse_instant(f"{day}T00:00:00Z") + _MORNING
        if since < at < until and (day.weekday() == _TUESDAY or day.day == _SECOND):
            yield at
    yield until


def begin(operator: demo.Asks, since: datetime) -> None:
    """Create everything that the demo rests on, as of its first instant."""
    clock.set(since)
    demo.define_meters(operator)
    demo_billing.define(operator, since)


def live_through(
    operator: demo.Asks, jobs: Jobs, span: tuple[datetime, datetime], keep: Callable[[datetime], None]
) -> None:
    """Send the events of a span, bill, and pay, morning by morning; ``keep`` is told of each that is over.

    Leaves the clock at the last of them.
    """
    since, until = span
    logger.warning("demo data: %s to %s", format_instant(since), format_instant(until))
    taken = refused = 0
    for morning in mornings(since, until):
        clock.set(morning)
        events = [*demo.events_between(since, morning), demo.late_events(since, morning)]
        sent = demo.send(operator, filter(None, events))
        taken, refused = taken + sent[0], refused + sent[1]
        jobs.run("rollup_usage")
        jobs.run("run_billing")
        demo_billing.pay(operator, morning)
        keep(morning)
        since = morning
    late = f", {refused} came too late" if refused else ""
    logger.warning("demo data: %d events are there%s", taken, late)
