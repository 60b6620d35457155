"""The scheduled billing run: what is due is closed, here or, when there is much, by functions side by side."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Any

from chalicelib.invoices.billing_run import BillingReport, bill_all, list_due, mark_all_overdue
from chalicelib.platform import logging
from chalicelib.platform.deadline import has_time_of
from chalicelib.platform.entries import entry
from chalicelib.platform.queues import send_messages
from chalicelib.platform.settings import settings
from chalicelib.shared.clock import clock

# Up to so many organizations a run bills itself; of more it makes messages of so many each.
ALONE = 25
A_MESSAGE = 25
_RESERVE_MS = 30_000


@entry("run_billing")
def run_billing(event: Any) -> dict[str, Any]:
    """Finalize what is due and mark what is overdue; safe to run twice, at once, or late.

    When many organizations are due they go to the queue; where there is none, this run bills those it has time for.
    """
    now = clock.now()
    has_time = has_time_of(event.context, reserve_ms=_RESERVE_MS)
    due = list_due(now)
    first = list(islice(due, ALONE + 1))
    sent = 0
    if len(first) > ALONE and settings.billing_queue_url:
        sent = _fan_out([*first, *due])
        report = BillingReport()
    else:
        report = bill_all([*first, *due], now, has_time)
    report += mark_all_overdue(now, has_time)
    return _noted({**asdict(report), "sent": sent})


def _fan_out(organizations: list[str]) -> int:
    """Send the organizations to the queue, some a message; answers how many."""
    groups = [organizations[at : at + A_MESSAGE] for at in range(0, len(organizations), A_MESSAGE)]
    send_messages(settings.billing_queue_url, [{"organizations": group} for group in groups])
    return len(organizations)


@entry("bill_organizations")
def bill_organizations(event: Any) -> None:
    """Bill the organizations that messages name: what a run sent on."""
    has_time = has_time_of(event.context, reserve_ms=_RESERVE_MS)
    report = BillingReport()
    for record in event:
        report += _bill(json.loads(record.body)["organizations"], clock.now(), has_time)
    _noted(asdict(report))


def _bill(organizations: list[str], now: datetime, has_time: Callable[[], bool]) -> BillingReport:
    return bill_all(list(dict.fromkeys(organizations)), now, has_time)


def _noted(told: dict[str, int]) -> dict[str, int]:
    logging.note(**{name: value or None for name, value in told.items()})
    return told
