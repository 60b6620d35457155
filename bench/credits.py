"""What credit costs: drafts that draw, holds, authorizing, and a finalization that draws on a thousand grants."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from bench.billing import (
    BEGUN,
    FEBRUARY,
    JANUARY,
    JANUARY_DUE,
    LAST_QUARTER,
    NOW,
    Figures,
    bill_due,
    get_invoice,
    shown,
)
from bench.customers import PLAN, publish_plan, subscribe, ten_charges
from bench.scaled import ScaledCounters
from bench.store import Meter, open_store
from bench.workload import METER_KEYS, ORGANIZATION, create_meters, create_organization
from chalicelib.credits import claim_service, hold_service, service, settle_service
from chalicelib.credits.grants import Grant
from chalicelib.credits.holding import HoldTerms
from chalicelib.invoices import invoice_service
from chalicelib.invoices.authorization import Metered
from chalicelib.invoices.authorize_service import authorize
from chalicelib.invoices.claiming import DraftClaims
from chalicelib.platform.answers import Answer
from chalicelib.platform.writes import Effect, run_command
from chalicelib.shared.clock import clock
from chalicelib.shared.ids import sort_ids
from chalicelib.shared.time import ONE_DAY

_EVENTS = 1_000_000
_SPARE = "spare"
_MANY = 1_000
MOST_ITEMS = 25


def measure_credits() -> Figures:
    """Measure one organization with one grant, then with a thousand that begin at instants of their own."""
    return {"with_1_grant": measure_grants(1), f"with_{_MANY}_grants": measure_grants(_MANY)}


def measure_grants(grants: int) -> Figures:
    """Measure one organization with so many grants of a cent, each of which pays something of its draft."""
    claim_service.use_claims_source(DraftClaims())
    with open_store() as meter:
        create_organization()
        create_meters()
        publish_plan(PLAN, ten_charges(), BEGUN)
        subscribe(PLAN, BEGUN)
        ScaledCounters(_EVENTS, [BEGUN + day * ONE_DAY for day in range((FEBRUARY - BEGUN).days)]).fill(LAST_QUARTER)
        bill_due(JANUARY + timedelta(hours=25))
        for start in range(0, grants, 20):
            places = range(start, min(grants, start + 20))
            _give([_cent(place, JANUARY + place * timedelta(minutes=1)) for place in places])
        _give([_spare()])
        found = {
            "draft": _measured(meter, _read_draft),
            "summary": _measured(meter, lambda: claim_service.read_claims(ORGANIZATION, NOW)),
            "authorize": _measured(meter, _authorize),
            "hold": _measured(meter, _hold),
            "release": _measured(meter, _release_of(_only_hold())),
            "finalized": _measured(meter, lambda: bill_due(JANUARY_DUE)),
            "settle_nothing": _measured(meter, lambda: _settle(JANUARY_DUE)),
        }
        paid = {credit.grant for line in get_invoice(1, JANUARY_DUE).content.lines for credit in line.credits}
        assert len(paid) == grants, f"{len(paid)} of {grants} grants were drawn"
        return {**found, "targets": {"items": MOST_ITEMS}, "pass": found["finalized"]["items"] <= MOST_ITEMS}


def _measured(meter: Meter, act: Callable[[], object]) -> Figures:
    with meter.bill() as bill:
        act()
    return shown(bill)


def _give(grants: Sequence[Grant]) -> None:
    def decide() -> Effect:
        before = service.read_wallet(ORGANIZATION, currency="USD", now=NOW)
        writes, _ = service.grant_writes(before, grants, recorded_at=NOW)
        return Effect(Answer(), writes)

    run_command(decide)


def _cent(place: int, at: datetime) -> Grant:
    """Give a cent that begins when no other does, so that every grant cuts the draft and pays something of it."""
    return Grant(id=f"gr_{place:04}", name=f"Grant {place}", amount_minor=1, effective_at=at, created_at=JANUARY)


def _spare() -> Grant:
    """Give credit that no draft draws, to hold and to authorize with."""
    scope = frozenset({_SPARE})
    return Grant(
        id="gr_spare", name="Spare", amount_minor=10_000, effective_at=JANUARY, created_at=JANUARY, applies_to=scope
    )


def _read_draft() -> None:
    draft = invoice_service.get_current_draft(ORGANIZATION, NOW)
    assert draft.content.credits_minor, "grants pay something"


def _authorize() -> None:
    wanted = Metered(charge=METER_KEYS[0], quantity=Decimal(1000), dimensions={})
    assert authorize(ORGANIZATION, wanted, NOW).authorization.refusal is None


def _hold() -> None:
    terms = HoldTerms(
        amount_minor=100, lasts=timedelta(hours=1), reference="job", sort_id=sort_ids.next(clock.real_ns())
    )
    run_command(lambda: _held(terms))


def _held(terms: HoldTerms) -> Effect:
    change = hold_service.make_hold(ORGANIZATION, terms, now=NOW)
    return Effect(Answer(), change.writes)


def _only_hold() -> str:
    holds, _ = hold_service.list_holds(ORGANIZATION, None, before=None, limit=1, now=NOW)
    return holds[0].hold.id


def _release_of(hold: str) -> Callable[[], object]:
    return lambda: run_command(lambda: Effect(Answer(), hold_service.release(ORGANIZATION, hold=hold, now=NOW).writes))


def _settle(now: datetime) -> None:
    settle_service.settle_wallet(ORGANIZATION, now, lambda: True)
