"""The schedules are worth something: whichever condition of a protocol is broken, some schedule ends wrong."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

from chalicelib.catalog.meters import Aggregation
from chalicelib.shared.errors import Conflict, InvalidInput
from chalicelib.usage import counters_store
from tests.faults import billing, crediting
from tests.faults.billing import doing
from tests.faults.explore import (
    InFlight,
    ask,
    count_past,
    damage_and_mark,
    finds_a_failure,
    in_turn,
    roll_up,
    roll_up_marks_of,
    send,
    void,
)
from tests.faults.mutations import MUTATIONS, mutated
from tests.faults.rules import break_pages
from tests.faults.schedules import Actor, Stage
from tests.faults.world import NOON, World, event

AN_HOUR = timedelta(hours=1)
REFUSED = (Conflict, InvalidInput)
MORE = event("more", NOON - AN_HOUR, v=4**3, model="b")
LATE = event("late", billing.MONDAY - timedelta(hours=20), v=4**3)

Actors = Mapping[str, Actor]


def rollup_and_ingest(world: World) -> Actors:
    world.received(event("late", NOON - AN_HOUR, v=4**2))
    return {"rollup": roll_up(world), "ingest": send(world, MORE)}


def two_rollups_and_ingest(world: World) -> Actors:
    world.received(event("late", NOON - AN_HOUR, v=4**2))
    return {"one": roll_up(world), "other": roll_up(world), "ingest": send(world, MORE)}


def two_rollups_of_a_day(world: World) -> Actors:
    world.received(event("one", NOON - AN_HOUR, v=4**2), event("other", NOON - 3 * AN_HOUR, v=4**3))
    return {"one": roll_up_marks_of(world, 1), "other": roll_up_marks_of(world, 3)}


def rollup_and_new_meter(world: World) -> Actors:
    world.received(event("late", NOON - AN_HOUR, v=4**2))

    def create_and_count(stage: Stage) -> None:
        world.meter(Aggregation.MAX)
        world.count_past()

    return {"rollup": roll_up(world), "meter": create_and_count}


def rollup_and_counting(world: World) -> Actors:
    world.received(event("late", NOON - AN_HOUR, v=4**2))
    world.meter(Aggregation.MAX)
    return {"rollup": roll_up(world), "counting": count_past(world)}


def query_and_rollup(world: World) -> Actors:
    world.received(event("late", NOON - AN_HOUR, v=4**2))
    return {"query": ask(world, InFlight()), "rollup": roll_up(world)}


def query_and_late_event_in_pages(world: World) -> Actors:
    world.received(event("yesterday", NOON - 24 * AN_HOUR, v=4**3))
    world.roll_up()
    late = event("very late", NOON - 24 * AN_HOUR, v=4**4)
    return {"query": ask(world, InFlight([late])), "late": in_turn(send(world, late), roll_up(world))}


def void_and_rollup(world: World) -> Actors:
    return {"void": void(world, world.books.events[0]), "rollup": roll_up(world)}


def mending_and_late_event(world: World) -> Actors:
    damage_and_mark(world)
    return {"rollup": roll_up(world), "late": in_turn(send(world, MORE), roll_up(world))}


def mending(world: World) -> Actors:
    damage_and_mark(world)
    return {"rollup": roll_up(world)}


FOUND_BY: Mapping[str, Callable[[World], Actors]] = {
    "counters without a condition": two_rollups_and_ingest,
    "counters on condition of the segments only": rollup_and_counting,
    "counters on condition of the definitions only": two_rollups_and_ingest,
    "damaged counters are replaced by any others": mending_and_late_event,
    "what stands there is read after its parts": mending_and_late_event,
    "what refuses a day is taken as good": mending,
    "what refuses a quarter-hour is taken as good": mending,
    "a mark is deleted whatever its token": rollup_and_ingest,
    "a mark is deleted before the counters are stored": query_and_rollup,
    "the meters are not read again": rollup_and_new_meter,
    "a day is built from what was read before": two_rollups_of_a_day,
    "the mark comes before the segment": rollup_and_ingest,
    "no mark": void_and_rollup,
    "a query reads counters before marks": query_and_rollup,
    "pages are overwritten": query_and_late_event_in_pages,
    "pages are deleted before the header is written": query_and_late_event_in_pages,
}


def bill_and_late_event(world: World) -> Actors:
    return {"bill": doing(world, billing.bill), "late": in_turn(send(world, LATE), roll_up(world))}


def next_invoice_and_note(world: World) -> Actors:
    billing.bill(world)
    world.received(LATE)
    billing.at(world, billing.MONDAY + timedelta(days=7))
    return {"hand": doing(world, billing.finalize, invoice=billing.CURRENT), "rollup": roll_up(world)}


def next_invoice_and_late_event(world: World) -> Actors:
    billing.at(world, billing.MONDAY + timedelta(hours=12))
    billing.bill(world)
    billing.cancel(world)
    billing.at(world, world.now + timedelta(minutes=1))
    hand = doing(world, billing.finalize, invoice=billing.CURRENT)
    return {"hand": hand, "late": in_turn(send(world, LATE), roll_up(world))}


def drafts_and_late_event(world: World) -> Actors:
    billing.bill(world)
    return {"draft": billing.ask_for_drafts(world, LATE), "late": in_turn(send(world, LATE), roll_up(world))}


def two_subscriptions(world: World) -> Actors:
    billing.cancel(world)
    billing.at(world, NOON + AN_HOUR)
    plans = {"usage": billing.USAGE, "seats": billing.SEATS}
    return {name: doing(world, billing.subscribe, plan=plan) for name, plan in plans.items()}


def one_off_and_credit_note(world: World) -> Actors:
    billing.bill(world)
    return {"note": doing(world, billing.credit, amount="0.08"), "one-off": doing(world, billing.sell_once)}


def two_payments(world: World) -> Actors:
    billing.bill(world)
    return {name: doing(world, billing.pay, amount="0.20", reference=name) for name in ("one", "other")}


def grant_and_expiry(world: World) -> Actors:
    billing.grant(world)
    return {"grant": doing(world, billing.grant), "expiry": doing(world, billing.let_grants_expire)}


def bill_and_grant(world: World) -> Actors:
    return {"bill": doing(world, billing.bill), "grant": doing(world, billing.grant)}


BILLING_FOUND_BY: Mapping[str, Callable[[World], Actors]] = {
    "subscriptions are replaced whatever their version": two_subscriptions,
    "subscriptions are touched whatever their version": next_invoice_and_note,
    "the version that is made sure of is read last": next_invoice_and_late_event,
    "the head of invoices is replaced whatever its version": one_off_and_credit_note,
    "the standing is changed whatever its version": two_payments,
    "the head of a wallet is replaced whatever its version": grant_and_expiry,
    "the ledger's head is named without a check": bill_and_grant,
    "nothing is noted": bill_and_late_event,
    "nothing is noted after the day": bill_and_late_event,
    "a note raises no version": bill_and_late_event,
    "subscriptions are read before marks": drafts_and_late_event,
}


def late_note_and_void(world: World) -> Actors:
    line = crediting.bill_late_usage(world)
    note = doing(world, billing.credit, amount="0.50", invoice=billing.CURRENT, line=line)
    return {"void": doing(world, billing.void, regenerate=True), "note": note}


def skipping_and_note(world: World) -> Actors:
    crediting.skip_a_paid_week(world)
    invoice, line = crediting.fee_line()
    note = doing(world, billing.credit, amount="3.00", invoice=invoice, line=line)
    return {"bill": doing(world, billing.bill), "note": note}


def settling_and_void(world: World) -> Actors:
    crediting.bill_without_credit(world, 100, expires_at=billing.MONDAY)
    return {"void": doing(world, billing.void, regenerate=True), "settle": doing(world, crediting.settle)}


def hold_and_void(world: World) -> Actors:
    crediting.bill_without_credit(world, 100)
    return {"void": doing(world, billing.void, regenerate=True), "hold": doing(world, crediting.hold, cents=5)}


def bill_and_hold(world: World) -> Actors:
    crediting.fund(world, 105)
    return {"bill": doing(world, billing.bill), "hold": doing(world, crediting.hold, cents=8)}


CREDIT_FOUND_BY: Mapping[str, Callable[[World], Actors]] = {
    "a note does not check the subscriptions": late_note_and_void,
    "settling does not check the drafts": settling_and_void,
    "a hold does not check the drafts": hold_and_void,
    "a void does not check the head of the invoices": late_note_and_void,
    "a period without an invoice does not check the head of the invoices": skipping_and_note,
    "holds go to a wallet of any version": bill_and_hold,
}


@pytest.fixture
def starting(small: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Let counters have pages."""
    monkeypatch.setattr(counters_store, "PAGE_BYTES", 20)
    return small


@pytest.mark.parametrize("name", [name for name in FOUND_BY if "pages" not in name])
def test_a_broken_condition_is_found(small: World, name: str) -> None:
    actors = FOUND_BY[name](small)
    with mutated(name):
        assert finds_a_failure(small, actors)


@pytest.mark.parametrize("name", [name for name in MUTATIONS if "pages" in name])
def test_a_broken_order_of_pages_is_found(starting: World, name: str) -> None:
    with mutated(name):
        assert finds_a_failure(starting, FOUND_BY[name](starting), rule=lambda: break_pages)


@pytest.mark.parametrize("name", [name for name in BILLING_FOUND_BY if "ledger" not in name])
def test_a_broken_condition_of_billing_is_found(sold: World, name: str) -> None:
    actors = BILLING_FOUND_BY[name](sold)
    with mutated(name):
        assert finds_a_failure(sold, actors, allowed=(Conflict,), check=billing.check_settled)


@pytest.mark.parametrize("name", list(CREDIT_FOUND_BY))
def test_a_broken_condition_of_credit_is_found(sold: World, name: str) -> None:
    actors = CREDIT_FOUND_BY[name](sold)
    options = crediting.one_by_one(sold, actors, REFUSED)
    with mutated(name):
        assert finds_a_failure(sold, actors, allowed=REFUSED, **options)


def test_a_ledger_that_is_named_without_a_check_is_found(sold: World) -> None:
    """Without the check the two touch nothing in common, so schedules that differ in their order have to be drawn."""
    with mutated("the ledger's head is named without a check"):
        options = {"check": billing.check_settled, "drawn": 50, "rule": lambda: billing.naming_the_ledger(sold)}
        assert finds_a_failure(sold, bill_and_grant(sold), **options)


def test_every_mutation_is_looked_for() -> None:
    assert {*FOUND_BY, *BILLING_FOUND_BY, *CREDIT_FOUND_BY} == set(MUTATIONS)
