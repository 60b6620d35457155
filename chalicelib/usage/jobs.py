"""The scheduled rollup: closed quarter-hours into counters, and past events into new meters."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from chalicelib.platform import logging
from chalicelib.shared.clock import clock
from chalicelib.usage.counting import count_past_events
from chalicelib.usage.rollup import roll_up

# The last step (a day of one organization, or a week to count) must end before the function's own time does.
_RESERVE_MS = 60_000


def rollup_usage(event: Any) -> dict[str, Any]:
    """Roll up what is dirty and closed, then count past events for new meters, as long as the time lasts.

    Safe to run twice, at once, or late; what is left waits for the next run.
    """
    now = clock.now()
    has_time = _has_time(event.context)
    rolled_up = roll_up(now, has_time=has_time)
    counted = count_past_events(now, has_time=has_time)
    logging.count("QuarterHoursRolledUp", rolled_up.rolled_up)
    logging.count("QuarterHoursLeft", rolled_up.left)
    logging.flush_counts()
    return {"rollup": asdict(rolled_up), "counting": asdict(counted)}


def _has_time(context: Any) -> Callable[[], bool]:
    """Tell from Lambda's context whether there is time for another step: all but a minute, or but a third if less."""
    remaining: Callable[[], int] | None = getattr(context, "get_remaining_time_in_millis", None)
    if remaining is None:
        return lambda: True
    reserve_ms = min(_RESERVE_MS, remaining() // 3)
    return lambda: remaining() > reserve_ms
