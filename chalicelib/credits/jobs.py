"""The scheduled run that books what has happened to credit by itself: ends, occurrences, holds that are over."""

from dataclasses import asdict
from typing import Any

from chalicelib.credits.settle_service import list_due, settle_all
from chalicelib.platform import logging
from chalicelib.platform.deadline import has_time_of
from chalicelib.platform.entries import entry
from chalicelib.shared.clock import clock

_RESERVE_MS = 30_000


@entry("settle_credits")
def settle_credits(event: Any) -> dict[str, int]:
    """Settle every wallet that is due, as long as the time lasts; safe to run twice, at once, or late."""
    now = clock.now()
    report = settle_all(list(list_due(now)), now, has_time_of(event.context, reserve_ms=_RESERVE_MS))
    told = asdict(report)
    logging.note(**{name: value or None for name, value in told.items()})
    return told
