"""The scheduled rollup: closed quarter-hours into counters, and past events into new meters."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from chalicelib.platform import logging
from chalicelib.platform.queues import send_messages
from chalicelib.platform.settings import settings
from chalicelib.shared.clock import clock
from chalicelib.usage.counting import count_past_events
from chalicelib.usage.rollup import RollupReport, roll_up

# The last step (a day of one organization, or a week to count) must end before the function's own time does.
_RESERVE_MS = 60_000


def rollup_usage(event: Any) -> dict[str, Any]:
    """Roll up what is dirty and closed, then count past events for new meters, as long as the time lasts.

    Safe to run twice, at once, or late. Shards that it has no time for go to the queue, to be rolled up side by side;
    where there is none, and whatever else is left, waits for the next run.
    """
    now = clock.now()
    has_time = _has_time(event.context)
    rolled_up = _count(roll_up(now, has_time=has_time))
    if rolled_up.unfinished and settings.rollup_queue_url:
        send_messages(settings.rollup_queue_url, [{"shard": shard} for shard in rolled_up.unfinished])
    counted = count_past_events(now, has_time=has_time)
    logging.flush_counts()
    return {"rollup": asdict(rolled_up), "counting": asdict(counted)}


def rollup_shards(event: Any) -> None:
    """Roll up the shards that messages name: what a schedule's run had no time for."""
    has_time = _has_time(event.context)
    shards = sorted({int(json.loads(record.body)["shard"]) for record in event})
    _count(roll_up(clock.now(), has_time=has_time, shards=shards))
    logging.flush_counts()


def _count(report: RollupReport) -> RollupReport:
    logging.count("QuarterHoursRolledUp", report.rolled_up)
    logging.count("QuarterHoursLeft", report.left)
    return report


def _has_time(context: Any) -> Callable[[], bool]:
    """Tell from Lambda's context whether there is time for another step: all but a minute, or but a third if less."""
    remaining: Callable[[], int] | None = getattr(context, "get_remaining_time_in_millis", None)
    if remaining is None:
        return lambda: True
    reserve_ms = min(_RESERVE_MS, remaining() // 3)
    return lambda: remaining() > reserve_ms
