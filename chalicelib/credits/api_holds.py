"""Holds over HTTP: credit put aside for metered work, and given back. Hold, run, send the events, release."""

from datetime import timedelta
from typing import Any

from chalicelib.catalog import service as catalog_service
from chalicelib.credits import hold_service
from chalicelib.credits.hold_models import HoldAnswer, HoldList, HoldQuery, NewHold
from chalicelib.credits.hold_service import HoldChange, ShownHold
from chalicelib.credits.holding import HoldTerms
from chalicelib.platform.http import INGEST, READ, Answer, Effect, Request, Routes
from chalicelib.platform.writes import CONTENDED_ATTEMPTS
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import Fault, InvalidInput
from chalicelib.shared.ids import sort_ids
from chalicelib.shared.money import show_money, to_minor
from chalicelib.shared.time import format_instant

routes = Routes("credits")


@routes.post(
    "/v1/organizations/{org}/credits/holds",
    roles={INGEST},
    body=NewHold,
    answers={201: HoldAnswer},
    problems=("not-found", "insufficient-credit"),
    attempts=CONTENDED_ATTEMPTS,
)
def create_hold(request: Request) -> Effect:
    """Put credit aside, all of it or nothing, from the grants that are open now, in the order of drawdown."""
    organization = catalog_service.get_organization(request.path["org"])
    terms = HoldTerms(
        amount_minor=_minor(request.body, organization.currency),
        lasts=timedelta(seconds=request.body.expires_in),
        reference=request.body.reference,
        sort_id=sort_ids.next(clock.real_ns()),
    )
    return _effect(hold_service.make_hold(organization.id, terms, now=request.now), 201)


def _minor(body: NewHold, currency: str) -> int:
    try:
        return to_minor(body.amount, currency)
    except ValueError as fault:
        raise InvalidInput("The request has a fault.", [Fault("/amount", str(fault))]) from None


def _effect(change: HoldChange, status: int = 200) -> Effect:
    return Effect(Answer(show(change.shown), status), change.writes)


@routes.get(
    "/v1/organizations/{org}/credits/holds",
    roles={READ},
    query=HoldQuery,
    answers={200: HoldList},
    problems=("not-found",),
)
def list_holds(request: Request) -> Answer:
    """List holds, the latest end first; ended and released ones are kept. A page may be short or empty."""
    query = request.query
    holds, place = hold_service.list_holds(
        request.path["org"], query.status, before=request.position(), limit=query.limit, now=request.now
    )
    return request.list_answer([show(one) for one in holds], place)


@routes.post(
    "/v1/organizations/{org}/credits/holds/{hold}/release",
    roles={INGEST},
    answers={200: HoldAnswer},
    problems=("not-found",),
    attempts=CONTENDED_ATTEMPTS,
)
def release_hold(request: Request) -> Effect:
    """Give back what a hold holds. One that has ended or was released before is answered as it is."""
    return _effect(hold_service.release(request.path["org"], hold=request.path["hold"], now=request.now))


def show(shown: ShownHold) -> dict[str, Any]:
    """Show a hold as JSON."""
    hold, currency = shown.hold, shown.currency
    return {
        "id": hold.id,
        "amount": show_money(hold.amount_minor, currency),
        "reference": hold.reference,
        "status": shown.status.value,
        "created_at": format_instant(hold.created_at),
        "expires_at": format_instant(hold.expires_at),
        "released_at": None if hold.released_at is None else format_instant(hold.released_at),
        "grants": [{"grant": part.grant, "amount": show_money(part.amount_minor, currency)} for part in hold.parts],
    }
