"""Events over HTTP: send them, take one back, replace its data."""

from typing import Any

from chalicelib.platform.auth import require_organization
from chalicelib.platform.http import ADMIN, INGEST, Answer, RawBody, Request, Routes
from chalicelib.shared.errors import Forbidden
from chalicelib.shared.time import format_instant
from chalicelib.usage import corrections
from chalicelib.usage.corrections import Target
from chalicelib.usage.envelope import BATCH, MAX_BODY_BYTES, PLAIN, STRUCTURED, open_request, show_rejected
from chalicelib.usage.event_models import (
    CLOUD_EVENT,
    CLOUD_EVENTS,
    PLAIN_EVENTS,
    AmendRequest,
    CorrectionAnswer,
    IngestAnswer,
    IngestQuery,
    VoidRequest,
)
from chalicelib.usage.events import Event, EventState
from chalicelib.usage.ingest import Delivery, ingest

routes = Routes("usage")


# Events are the same by (source, id) however often they are sent, so these routes need no idempotency key.
@routes.post(
    "/v1/events",
    roles={INGEST},
    scope="any",
    query=IngestQuery,
    body=RawBody({PLAIN: PLAIN_EVENTS, STRUCTURED: CLOUD_EVENT, BATCH: CLOUD_EVENTS}, MAX_BODY_BYTES),
    answers={202: IngestAnswer},
    idempotent=False,
)
def send_events(request: Request) -> Answer:
    """Store usage events: all of them or, with partial, the valid ones. They are in the next answer about usage.

    A CloudEvent (structured or binary), a batch, or plain JSON. At most 10,000 events, 4 MB and 500 pairs of
    organization and quarter-hour. Sending an event again with the same source, id and time changes nothing.
    """
    query: IngestQuery = request.query
    if query.backfill and not request.caller.has(ADMIN):
        raise Forbidden("Only a credential with the role admin may send events of any age.")
    delivery = Delivery(
        now=request.now,
        organization=request.caller.organization,
        is_backfill=query.backfill,
        is_partial=query.partial,
    )
    receipt = ingest(open_request(request.headers, request.raw_body), delivery)
    accepted: dict[str, Any] = {"accepted": receipt.accepted}
    if query.partial:
        accepted["rejected"] = show_rejected(receipt.rejected)
    return Answer(accepted, 202)


@routes.post(
    "/v1/events/void",
    roles={INGEST},
    scope="any",
    body=VoidRequest,
    answers={202: CorrectionAnswer},
    problems=("not-found",),
    idempotent=False,
)
def void_event(request: Request) -> Answer:
    """Take an event back for good. The next answer about usage is without it; doing it again changes nothing."""
    return _show(corrections.void_event(_target(request), request.now), EventState.VOIDED)


@routes.post(
    "/v1/events/amend",
    roles={INGEST},
    scope="any",
    body=AmendRequest,
    answers={202: CorrectionAnswer},
    problems=("not-found", "event-voided"),
    idempotent=False,
)
def amend_event(request: Request) -> Answer:
    """Replace the data of an event; its identity, type and time stay. The last amend holds."""
    return _show(corrections.amend_event(_target(request), request.body.data, request.now), EventState.AMENDED)


def _target(request: Request) -> Target:
    body: VoidRequest = request.body
    require_organization(request.caller, body.organization)
    return Target(organization=body.organization, source=body.source, id=body.id, time=body.time, reason=body.reason)


def _show(event: Event, state: EventState) -> Answer:
    shown = {
        "organization": event.organization,
        "source": event.source,
        "id": event.id,
        "time": format_instant(event.time),
        "state": state.value,
    }
    return Answer(shown, 202)
