"""Grants over HTTP: made, listed in the order of drawdown, voided, given another end."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.organizations import Organization
from chalicelib.credits import claim_service, service, wallet
from chalicelib.credits.claim_service import ReadClaims
from chalicelib.credits.grants import (
    Allocation,
    AppliesTo,
    DrawdownKey,
    Grant,
    Scope,
    drawdown_key,
)
from chalicelib.credits.models import ChargesShape, GrantAnswer, GrantExpiry, GrantList, GrantVoid, NewGrant
from chalicelib.credits.occurrences import goes_on
from chalicelib.credits.recurrence import Recurrence
from chalicelib.credits.voiding import void
from chalicelib.credits.wallet import Wallet
from chalicelib.platform.http import ADMIN, READ, Answer, Effect, ListQuery, Request, Routes
from chalicelib.platform.writes import CONTENDED_ATTEMPTS
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import Conflict, Fault, InvalidInput
from chalicelib.shared.ids import sort_ids
from chalicelib.shared.money import show_money, to_minor
from chalicelib.shared.numbers import show_decimal
from chalicelib.shared.retention import RETENTION
from chalicelib.shared.time import format_instant

routes = Routes("credits")

MAX_GRANTS = 5_000
# Every occurrence is a grant for good, so a wallet grows with each of these series.
MAX_SERIES = 50
# Dates are computed up to the year 9999.
_LAST_RECURRING_YEAR = 8_999


@routes.post(
    "/v1/organizations/{org}/credits/grants",
    roles={ADMIN},
    body=NewGrant,
    answers={201: GrantAnswer},
    problems=("not-found", "conflict"),
    attempts=CONTENDED_ATTEMPTS,
)
def create_grant(request: Request) -> Effect:
    """Give an organization credit. It is in the ledger at once, also when it becomes effective later."""
    organization = catalog_service.get_organization(request.path["org"])
    _refuse(request.body, organization, request.now)
    grant = _new(request.body, organization, request.now)
    before = service.read_wallet(organization.id, currency=organization.currency, now=request.now)
    if len(before.allocations) >= MAX_GRANTS:
        raise Conflict(f"There are {MAX_GRANTS} grants, which is the most.")
    if grant.recurrence is not None:
        series = [one for one in before.allocations.values() if goes_on(before.allocations, one.grant)]
        if len(series) >= MAX_SERIES:
            raise Conflict(f"There are {MAX_SERIES} grants that go on recurring, which is the most.")
    writes, after = service.grant_writes(before, [grant], recorded_at=request.now)
    return Effect(Answer(_show_one(after, grant.id, request.now), 201), writes)


def _refuse(body: NewGrant, organization: Organization, now: datetime) -> None:
    """Name what is wrong with a grant that has the right form."""
    faults = []
    effective_at = body.effective_at or now
    try:
        to_minor(body.amount, organization.currency)
    except ValueError as fault:
        faults.append(Fault("/amount", str(fault)))
    if body.expires_at is not None and body.expires_at <= effective_at:
        faults.append(Fault("/expires_at", f"must lie after effective_at, which is {format_instant(effective_at)}"))
    if body.recurrence is not None and effective_at < now - RETENTION:
        days = RETENTION // timedelta(days=1)
        faults.append(Fault("/effective_at", f"must lie at most {days} days back for a grant that recurs"))
    if body.recurrence is not None and effective_at.year > _LAST_RECURRING_YEAR:
        faults.append(Fault("/effective_at", f"must lie before the year {_LAST_RECURRING_YEAR + 1}"))
    if faults:
        raise InvalidInput("There cannot be such a grant.", faults)


def _new(body: NewGrant, organization: Organization, now: datetime) -> Grant:
    grant = Grant(
        id=f"gr_{sort_ids.next(clock.real_ns())}",
        name=body.name,
        amount_minor=to_minor(body.amount, organization.currency),
        effective_at=body.effective_at or now,
        created_at=now,
        expires_at=body.expires_at,
        priority=body.priority,
        cost_basis=body.cost_basis,
        applies_to=_scope(body),
    )
    return grant if body.recurrence is None else _recurring(grant, body, organization)


def _scope(body: NewGrant) -> AppliesTo:
    if isinstance(body.applies_to, ChargesShape):
        return frozenset(body.applies_to.charges)
    return Scope.USAGE if body.applies_to is None else Scope.ALL


def _recurring(grant: Grant, body: NewGrant, organization: Organization) -> Grant:
    """Let a grant recur; without an end of its own it lasts until the next one begins."""
    assert body.recurrence is not None
    recurrence = Recurrence(
        every=body.recurrence.every,
        timezone=organization.timezone,
        count=body.recurrence.count,
        lasts=None if grant.expires_at is None else grant.expires_at - grant.effective_at,
    )
    _, expires_at = recurrence.window(grant.effective_at, 0)
    return replace(grant, recurrence=recurrence, expires_at=expires_at)


@routes.get(
    "/v1/organizations/{org}/credits/grants",
    roles={READ},
    query=ListQuery,
    answers={200: GrantList},
    problems=("not-found",),
)
def list_grants(request: Request) -> Answer:
    """List all grants in the order of drawdown, with what became of each."""
    organization = catalog_service.get_organization(request.path["org"])
    claims = claim_service.read_claims(organization.id, request.now).claims
    begun, pending = wallet.caught_up(claims.wallet, request.now), claims.pending()
    position, limit = request.position(), request.query.limit
    keyed = sorted((drawdown_key(one.grant), one) for one in begun.allocations.values())
    rest = keyed if position is None else [pair for pair in keyed if pair[0] > _key_at(position)]
    shown = [
        show(one, organization.currency, request.now, pending_minor=pending.get(one.grant.id, 0))
        for _, one in rest[:limit]
    ]
    return request.list_answer(shown, _position(rest[limit - 1][0]) if len(rest) > limit else None)


def _position(key: DrawdownKey) -> list[Any]:
    return [show_decimal(part) if isinstance(part, Decimal) else part for part in key]


def _key_at(position: list[Any]) -> DrawdownKey:
    priority, is_endless, expires, cost_basis, *rest = position
    return (priority, is_endless, expires, Decimal(cost_basis), *rest)


def show(allocation: Allocation, currency: str, now: datetime, *, pending_minor: int) -> dict[str, Any]:
    """Show a grant as JSON, as it is at an instant; ``amount`` is the sum of the amounts behind it."""
    grant, balance = allocation.grant, allocation.at(now, pending_minor=pending_minor)
    recurrence = grant.recurrence
    return {
        "id": grant.id,
        "name": grant.name,
        "amount": show_money(grant.amount_minor, currency),
        "consumed": show_money(balance.consumed_minor, currency),
        "pending": show_money(pending_minor, currency),
        "expired": show_money(balance.expired_minor, currency),
        "voided": show_money(balance.voided_minor, currency),
        "held": show_money(balance.held_minor, currency),
        "remaining": show_money(allocation.remaining_minor(now, pending_minor=pending_minor), currency),
        "effective_at": format_instant(grant.effective_at),
        "expires_at": None if grant.expires_at is None else format_instant(grant.expires_at),
        "priority": grant.priority,
        "cost_basis": show_decimal(grant.cost_basis),
        "applies_to": _show_scope(grant.applies_to),
        "recurrence": None if recurrence is None else {"every": recurrence.every.value, "count": recurrence.count},
        "status": allocation.status(now).value,
        "created_at": format_instant(grant.created_at),
        "invoice": grant.source.invoice,
    }


def _show_scope(applies_to: AppliesTo) -> Any:
    if isinstance(applies_to, Scope):
        return "all" if applies_to is Scope.ALL else None
    return {"charges": sorted(applies_to)}


def _show_one(after: Wallet, grant: str, now: datetime, *, pending_minor: int = 0) -> dict[str, Any]:
    return show(after.get_allocation(grant), after.currency, now, pending_minor=pending_minor)


@routes.post(
    "/v1/organizations/{org}/credits/grants/{grant}/void",
    roles={ADMIN},
    body=GrantVoid,
    answers={200: GrantAnswer},
    problems=("not-found", "conflict"),
    attempts=CONTENDED_ATTEMPTS,
)
def void_grant(request: Request) -> Effect:
    """End a grant now; what remains of it is voided. The first one of a series stops those to come.

    What drafts draw of it stays theirs: it is ``pending``, and no part of what is voided.
    """
    read, grant = claim_service.read_claims(request.path["org"], request.now), request.path["grant"]
    voided = void(read.claims, grant, reason=request.body.reason, now=request.now)
    return _effect_of(read, voided, grant, request.now)


@routes.post(
    "/v1/organizations/{org}/credits/grants/{grant}/expiry",
    roles={ADMIN},
    body=GrantExpiry,
    answers={200: GrantAnswer},
    problems=("not-found", "conflict"),
    attempts=CONTENDED_ATTEMPTS,
)
def change_expiry(request: Request) -> Effect:
    """Let a grant end earlier or later, but not in the past, or never."""
    read, grant = claim_service.read_claims(request.path["org"], request.now), request.path["grant"]
    changed = wallet.change_expiry(
        read.claims.wallet, grant, expires_at=request.body.expires_at, recorded_at=request.now
    )
    return _effect_of(read, changed, grant, request.now)


def _effect_of(read: ReadClaims, after: Wallet, grant: str, now: datetime) -> Effect:
    """Answer a grant as a command left it, and write the wallet while the same drafts are open."""
    shown = _show_one(after, grant, now, pending_minor=read.claims.pending().get(grant, 0))
    return Effect(Answer(shown), (*service.wallet_writes(read.claims.wallet, after), *read.checks))
