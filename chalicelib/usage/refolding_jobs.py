"""The direct function that lets the rollup fold a range of usage again."""

from typing import Any

from chalicelib.catalog import service as catalog_service
from chalicelib.platform import logging
from chalicelib.platform.deadline import has_time_of
from chalicelib.platform.direct import read_payload
from chalicelib.platform.entries import entry
from chalicelib.shared.clock import clock
from chalicelib.shared.time import format_instant, quarter_hour_start, zone_of
from chalicelib.usage.refolding_models import RefoldQuestion
from chalicelib.usage.refolding_service import mark_range

# More than marking the quarter-hours of one day takes.
_RESERVE_MS = 10_000


@entry("refold_usage")
def refold_usage(payload: Any, context: Any) -> dict[str, Any]:
    """Mark the quarter-hours of a range dirty by direct invocation, guarded by IAM; the rollup then folds them again.

    The payload is ``{"organization", "from", "to"}``. Answers how many were marked, and where the next invocation goes
    on, ``None`` when all is done. Safe to repeat. Raises ``InvalidInput``, ``NotFound`` and ``Busy``.
    """
    question, now = read_payload(RefoldQuestion, payload), clock.now()
    organization = catalog_service.get_organization(question.organization)
    whole = question.range_in(zone_of(organization.timezone))
    done = mark_range(organization.id, whole, now, has_time=has_time_of(context, reserve_ms=_RESERVE_MS))
    logging.note(organization=organization.id, records=done.marked)
    next_from = None if done.next_from is None else format_instant(quarter_hour_start(done.next_from))
    return {"marked": done.marked, "next_from": next_from}
