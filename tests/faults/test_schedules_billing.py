"""All schedules of billing against what happens meanwhile: whatever was used is billed in the end, once.

After each schedule the clock moves on until nothing can come any more, and everything that was billed is compared with
the books. Three actors are too many for all schedules: there some are drawn.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.invoices.invoice import CreditTo, Invoice, PaymentStatus
from chalicelib.invoices.lifecycle import payment_status
from chalicelib.shared.errors import Conflict, InvalidInput
from tests.faults import billing
from tests.faults.billing import DUE, check_settled, doing
from tests.faults.billing_checks import read_billed
from tests.faults.explore import explore, in_turn, roll_up, send, void
from tests.faults.paths import Served
from tests.faults.paths_billing import BILLING_PATHS
from tests.faults.schedules import Actor
from tests.faults.tap import Call
from tests.faults.world import ACME, NOON, World, beginning, event, go_back

LATE = event("late", billing.MONDAY - timedelta(hours=20), v=4**3)
LATER = event("later", billing.MONDAY - timedelta(hours=10), v=4**4)


def run(world: World, actors: dict[str, Actor], at_least: int, **options: Any) -> None:
    """Explore, allowing commands to be refused; each schedule ends with everything settled."""
    explore(
        world,
        actors,
        allowed=(Conflict, *options.pop("refused", ())),
        at_least=at_least,
        rule=lambda: billing.naming_the_ledger(world),
        check=check_settled,
        **options,
    )


@pytest.fixture
def billed(sold: World) -> World:
    """Bill last week; a day later late usage can still come."""
    billing.bill(sold)
    return sold


def test_finalize_and_a_late_event(sold: World) -> None:
    run(sold, {"bill": doing(sold, billing.bill), "late": send(sold, LATE)}, 3)


def test_finalize_and_a_late_event_that_is_rolled_up(sold: World) -> None:
    late = in_turn(send(sold, LATE), roll_up(sold))
    run(sold, {"bill": doing(sold, billing.bill), "late": late}, 80)


def test_finalize_and_a_rollup_of_what_came_before(sold: World) -> None:
    sold.received(LATE)
    run(sold, {"bill": doing(sold, billing.bill), "rollup": roll_up(sold)}, 40)


def test_finalize_and_late_events_that_another_rolls_up(sold: World) -> None:
    sold.received(LATE)
    actors = {"bill": doing(sold, billing.bill), "late": send(sold, LATER), "rollup": roll_up(sold)}
    run(sold, actors, 80, drawn=80)


def test_finalize_and_a_void_of_an_event_that_is_rolled_up(sold: World) -> None:
    gone = in_turn(void(sold, sold.books.events[0]), roll_up(sold))
    run(sold, {"bill": doing(sold, billing.bill), "void": gone}, 80)


def test_two_runs(sold: World) -> None:
    run(sold, {"one": doing(sold, billing.bill), "other": doing(sold, billing.bill)}, 4)


def test_a_run_and_finalizing_by_hand(sold: World) -> None:
    run(sold, {"run": doing(sold, billing.bill), "hand": doing(sold, billing.finalize)}, 4)


def test_late_usage_is_noted_while_the_next_invoice_is_finalized(billed: World) -> None:
    billed.received(LATE)
    billing.at(billed, billing.MONDAY + timedelta(days=7))
    actors = {"hand": doing(billed, billing.finalize, invoice=billing.CURRENT), "rollup": roll_up(billed)}
    run(billed, actors, 40)


def test_late_usage_comes_while_the_next_invoice_is_finalized(sold: World) -> None:
    billing.at(sold, billing.MONDAY + timedelta(hours=12))
    billing.bill(sold)
    billing.cancel(sold)
    billing.at(sold, sold.now + timedelta(minutes=1))
    late = in_turn(send(sold, LATE), roll_up(sold))
    actors = {"hand": doing(sold, billing.finalize, invoice=billing.CURRENT), "late": late}
    run(sold, actors, 40)


def test_late_usage_alone_is_noted_while_it_is_finalized(billed: World) -> None:
    billing.cancel(billed)
    billing.at(billed, NOON + timedelta(hours=12))
    billing.bill(billed)
    billed.received(LATE)
    late = in_turn(send(billed, LATER), roll_up(billed))
    actors = {"hand": doing(billed, billing.finalize, invoice=f"inv_{ACME}.1l0.0"), "late": late}
    run(billed, actors, 40)


def test_pay_and_void(billed: World) -> None:
    actors = {"pay": doing(billed, billing.pay, amount="0.50", reference="a"), "void": doing(billed, billing.void)}
    run(billed, actors, 3)


def test_two_payments_never_come_to_more_than_is_due(billed: World) -> None:
    actors = {name: doing(billed, billing.pay, amount="0.20", reference=name) for name in ("one", "other")}
    run(billed, actors, 4)


def test_one_payment_sent_twice_at_once_counts_once(billed: World) -> None:
    actors = {name: doing(billed, billing.pay, amount="0.10", reference="one") for name in ("one", "other")}

    def check(world: World) -> None:
        (payment,) = invoice(DUE).standing.payments
        assert payment.amount_minor == 10
        check_settled(world)

    explore(billed, actors, check=check, at_least=4)


def invoice(name: str) -> Invoice:
    """Find an invoice by its id."""
    billed = read_billed(ACME)
    assert billed is not None
    return next(one for one in billed.invoices if one.id == name)


@pytest.mark.parametrize("to", list(CreditTo))
def test_a_credit_note_and_a_payment(billed: World, to: CreditTo) -> None:
    actors = {
        "pay": doing(billed, billing.pay, amount="0.20", reference="a"),
        "note": doing(billed, billing.credit, amount="0.12", to=to),
    }
    run(billed, actors, 4)


def test_two_credit_notes_never_come_to_more_than_the_line(billed: World) -> None:
    actors = {name: doing(billed, billing.credit, amount="0.08") for name in ("one", "other")}
    run(billed, actors, 4, refused=(InvalidInput,))


def test_a_credit_note_and_a_void(billed: World) -> None:
    # A note that read the invoice before the void, and what is left of it after, has nothing left to take.
    actors = {"note": doing(billed, billing.credit, amount="0.08"), "void": doing(billed, billing.void)}
    run(billed, actors, 3, refused=(Conflict, InvalidInput))


def test_a_payment_while_the_invoice_is_marked_overdue(billed: World) -> None:
    billing.at(billed, NOON + timedelta(days=2))

    def check(world: World) -> None:
        standing = payment_status(invoice(DUE), world.now)
        assert standing is PaymentStatus.PAID
        check_settled(world)

    pay = doing(billed, billing.pay, amount=billing.due(DUE), reference="a")
    actors = {"pay": pay, "run": doing(billed, billing.mark_overdue)}
    explore(billed, actors, check=check, at_least=3)


def test_a_change_of_plan_while_the_week_before_is_billed(sold: World) -> None:
    run(sold, {"bill": doing(sold, billing.bill), "change": doing(sold, billing.change)}, 4)


def test_a_change_to_a_plan_with_fees_while_the_week_before_is_billed(sold: World) -> None:
    change = doing(sold, billing.change, plan=billing.SEATS)
    run(sold, {"bill": doing(sold, billing.bill), "change": change}, 4)


def test_two_changes_of_plan(billed: World) -> None:
    """The one that comes second changes the plan of the first, or finds that the period has ended."""
    actors = {
        "dearer": doing(billed, billing.change),
        "seats": doing(billed, billing.change, plan=billing.SEATS),
    }
    run(billed, actors, 4)


def test_cancelling_while_the_week_before_is_billed(sold: World) -> None:
    run(sold, {"bill": doing(sold, billing.bill), "cancel": doing(sold, billing.cancel)}, 4)


@pytest.mark.parametrize("regenerate", [False, True])
def test_a_void_while_the_next_week_is_billed(billed: World, regenerate: bool) -> None:
    billing.at(billed, billing.MONDAY + timedelta(days=7, hours=13))
    actors = {"bill": doing(billed, billing.bill), "void": doing(billed, billing.void, regenerate=regenerate)}
    run(billed, actors, 4)


def test_a_void_while_its_late_usage_is_billed(billed: World) -> None:
    billed.received(LATE)
    billing.at(billed, billing.MONDAY + timedelta(days=7, hours=13))
    actors = {"bill": doing(billed, billing.bill), "void": doing(billed, billing.void, regenerate=True)}
    run(billed, actors, 4)


@pytest.mark.parametrize("regenerate", [False, True])
def test_a_void_and_a_late_event_that_is_rolled_up(billed: World, regenerate: bool) -> None:
    late = in_turn(send(billed, LATE), roll_up(billed))
    run(billed, {"void": doing(billed, billing.void, regenerate=regenerate), "late": late}, 10)


def test_a_void_and_a_void(billed: World) -> None:
    actors = {
        "again": doing(billed, billing.void, regenerate=True),
        "for good": doing(billed, billing.void, regenerate=False),
    }
    run(billed, actors, 4)


def test_an_invoice_made_again_while_a_late_event_is_rolled_up(billed: World) -> None:
    billing.void(billed, regenerate=True)
    billing.at(billed, NOON + timedelta(hours=12))
    late = in_turn(send(billed, LATE), roll_up(billed))
    run(billed, {"bill": doing(billed, billing.bill), "late": late}, 40)


def test_a_grant_while_an_invoice_is_finalized(sold: World) -> None:
    run(sold, {"bill": doing(sold, billing.bill), "grant": doing(sold, billing.grant)}, 3)


def test_two_grants(sold: World) -> None:
    run(sold, {"one": doing(sold, billing.grant), "other": doing(sold, billing.grant)}, 4)


def test_a_grant_and_a_void_of_grants(sold: World) -> None:
    billing.grant(sold)
    run(sold, {"grant": doing(sold, billing.grant), "void": doing(sold, billing.void_grants)}, 4)


def test_a_one_off_while_a_period_is_finalized(sold: World) -> None:
    run(sold, {"bill": doing(sold, billing.bill), "one-off": doing(sold, billing.sell_once)}, 4)


def test_a_one_off_and_a_credit_note(billed: World) -> None:
    note = doing(billed, billing.credit, amount="0.08")
    run(billed, {"note": note, "one-off": doing(billed, billing.sell_once)}, 4)


def test_two_subscriptions_at_once_are_one(sold: World) -> None:
    billing.cancel(sold)
    billing.at(sold, NOON + timedelta(hours=1))
    actors = {
        "usage": doing(sold, billing.subscribe),
        "seats": doing(sold, billing.subscribe, plan=billing.SEATS),
    }
    run(sold, actors, 4)


def test_a_draft_shows_what_was_acknowledged_while_it_is_rolled_up(billed: World) -> None:
    late = in_turn(send(billed, LATE), roll_up(billed))
    explore(billed, {"draft": billing.ask_for_drafts(billed, LATE), "late": late}, at_least=30)


@pytest.mark.parametrize("act", [billing.bill, billing.finalize])
def test_an_invoice_can_be_read_while_it_is_finalized(sold: World, act: Callable[[World], None]) -> None:
    actors = {"finalize": doing(sold, act), "read": doing(sold, billing.read_invoice)}
    run(sold, actors, 2)


def test_an_invoice_that_is_paid_while_it_is_finalized_is_a_draft_or_is_paid(sold: World) -> None:
    """Nobody is told that there is no such invoice."""
    pay = doing(sold, billing.pay, amount="0.20", reference="a")
    run(sold, {"bill": doing(sold, billing.bill), "pay": pay}, 2)


def test_every_read_of_billing_but_those_of_an_index_is_strongly_consistent(selling: Served) -> None:
    reads: list[Call] = []
    start = beginning(selling.world)
    for path in BILLING_PATHS.values():
        go_back(selling.world, start)
        path.prepare(selling)
        selling.world.store.tap.restart()
        path.do(selling)
        selling.ask("GET", f"/v1/organizations/{ACME}/invoices")
        selling.ask("GET", f"/v1/organizations/{ACME}/credits/ledger")
        reads += [call for call in selling.world.store.tap.calls if not call.writes]
    kept = [call for call in reads if "IndexName" not in call.request]
    assert len(kept) > 400
    for call in kept:
        asked = call.request["RequestItems"].values() if call.operation == "BatchGetItem" else [call.request]
        assert all(one.get("ConsistentRead") is True for one in asked), call
