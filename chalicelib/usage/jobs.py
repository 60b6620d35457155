"""The scheduled rollup: closed quarter-hours into counters, and past events into new meters."""

import json
from dataclasses import asdict
from typing import Any

from chalicelib.platform import logging
from chalicelib.platform.deadline import has_time_of
from chalicelib.platform.entries import entry
from chalicelib.platform.queues import send_messages
from chalicelib.platform.settings import settings
from chalicelib.shared.clock import clock
from chalicelib.usage.counting import count_past_events
from chalicelib.usage.rollup import RollupReport, roll_up

# The last step (a day of one organization, or a week to count) must end before the function's own time does.
_RESERVE_MS = 60_000


@entry("rollup_usage")
def rollup_usage(event: Any) -> dict[str, Any]:
    """Roll up what is dirty and closed, then count past events for new meters, as long as the time lasts.

    Safe to run twice, at once, or late. Shards that it has no time for go to the queue, to be rolled up side by side;
    where there is none, and whatever else is left, waits for the next run.
    """
    has_time = has_time_of(event.context, reserve_ms=_RESERVE_MS)
    rolled_up = _noted(roll_up(clock.now, has_time=has_time))
    if rolled_up.unfinished and settings.rollup_queue_url:
        send_messages(settings.rollup_queue_url, [{"shard": shard} for shard in rolled_up.unfinished])
    counted = count_past_events(clock.now, has_time=has_time)
    logging.note(days=counted.days or None)
    return {"rollup": asdict(rolled_up), "counting": asdict(counted)}


@entry("rollup_shards")
def rollup_shards(event: Any) -> None:
    """Roll up the shards that messages name: what a schedule's run had no time for."""
    has_time = has_time_of(event.context, reserve_ms=_RESERVE_MS)
    shards = sorted({int(json.loads(record.body)["shard"]) for record in event})
    _noted(roll_up(clock.now, has_time=has_time, shards=shards))


def _noted(report: RollupReport) -> RollupReport:
    logging.note(rolled_up=report.rolled_up or None, left=report.left or None)
    return report
