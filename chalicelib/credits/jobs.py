"""The scheduled run that books what has happened to credit by itself: ends, occurrences, holds that are over."""

from dataclasses import asdict
from typing import Any

from chalicelib.credits.settle_service import list_due, settle_all
from chalicelib.platform import logging
from chalicelib.platform.deadline import has_time_of
from chalicelib.shared.clock import clock

_RESERVE_MS = 30_000


def settle_credits(event: Any) -> dict[str, int]:
    """Settle every wallet that is due, as long as the time lasts; safe to run twice, at once, or late."""
    now = clock.now()
    report = settle_all(list(list_due(now)), now, has_time_of(event.context, reserve_ms=_RESERVE_MS))
    logging.count("WalletsSettled", report.settled)
    logging.count("SettlingFailures", report.failed)
    logging.count("SettlingLeft", report.left)
    logging.flush_counts()
    return asdict(report)
