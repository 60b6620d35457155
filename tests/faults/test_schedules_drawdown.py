"""All schedules of whatever draws credit, gives it back or ends it: what comes of them came of doing one by one.

Each schedule ends with what some order of the same commands, one after the other, ends with: as the same invoices, with
the same credit on their lines, the same grants and the same open holds. Then the books are closed.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.credits.grants import Scope
from chalicelib.invoices.invoice import CreditTo
from chalicelib.shared.errors import Conflict, InvalidInput
from tests.faults import billing, crediting
from tests.faults.billing import CURRENT, MONDAY, SEATS, doing
from tests.faults.explore import explore
from tests.faults.schedules import Actor
from tests.faults.world import World, event

AN_HOUR = timedelta(hours=1)
MORE = event("more", MONDAY - 20 * AN_HOUR, v=4**3)
REFUSED = (Conflict, InvalidInput)


def run(world: World, actors: dict[str, Actor], at_least: int, **options: Any) -> None:
    """Explore; each schedule ends as the actors do one by one, in the order in which they wrote."""
    explore(
        world, actors, allowed=REFUSED, at_least=at_least, **crediting.one_by_one(world, actors, REFUSED), **options
    )


def against(world: World, act: Callable[..., None], **options: Any) -> dict[str, Actor]:
    """Close what is due while something else is done."""
    return {"bill": doing(world, billing.bill), "other": doing(world, act, **options)}


def test_two_drafts_draw_on_one_grant(sold: World) -> None:
    crediting.two_drafts(sold, 120)
    actors = {name: doing(sold, billing.finalize, invoice=name) for name in (CURRENT, crediting.NEXT)}
    run(sold, actors, 4)


@pytest.mark.parametrize("act", [billing.bill, billing.finalize])
def test_one_draft_that_draws_is_finalized_twice_at_once(sold: World, act: Callable[[World], None]) -> None:
    crediting.fund(sold, 15)
    crediting.fund(sold, 5)
    run(sold, against(sold, act), 4)


def test_a_draft_draws_while_the_end_of_its_grant_is_settled(sold: World) -> None:
    crediting.fund(sold, 30, expires_at=MONDAY)
    run(sold, against(sold, crediting.settle), 2)


def test_a_draft_draws_while_its_grant_is_voided(sold: World) -> None:
    crediting.fund(sold, 30)
    run(sold, against(sold, billing.void_grants), 4)


def test_a_draft_draws_while_its_grant_expires(sold: World) -> None:
    crediting.fund(sold, 30)
    run(sold, against(sold, crediting.end_grants), 4)


def test_a_draft_is_finalized_while_credit_for_its_week_is_given(sold: World) -> None:
    run(sold, against(sold, crediting.fund, cents=15), 3)


# Both drafts draw 0.97 together.
@pytest.mark.parametrize("cents", [8, 9])
def test_a_draft_draws_while_credit_is_held(sold: World, cents: int) -> None:
    crediting.fund(sold, 105)
    run(sold, against(sold, crediting.hold, cents=cents), 2)


def test_a_draft_comes_back_while_credit_is_held(sold: World) -> None:
    """Its invoice, which credit did not pay, is voided: then the draft draws what was free before."""
    crediting.bill_without_credit(sold, 100)
    run(sold, {"void": doing(sold, billing.void, regenerate=True), "hold": doing(sold, crediting.hold, cents=5)}, 3)


def test_a_draft_comes_back_while_the_end_of_a_grant_is_settled(sold: World) -> None:
    crediting.bill_without_credit(sold, 100, expires_at=MONDAY)
    run(sold, {"void": doing(sold, billing.void, regenerate=True), "settle": doing(sold, crediting.settle)}, 3)


def test_a_note_on_late_usage_while_the_invoice_of_its_period_is_voided(sold: World) -> None:
    line = crediting.bill_late_usage(sold)
    note = doing(sold, billing.credit, amount="0.50", invoice=CURRENT, line=line)
    run(sold, {"void": doing(sold, billing.void, regenerate=True), "note": note}, 3)


def test_a_draft_draws_while_a_hold_is_released(sold: World) -> None:
    crediting.fund(sold, 100)
    crediting.hold(sold, cents=3)
    sold.received(MORE)
    sold.roll_up()
    run(sold, against(sold, crediting.release), 4)


@pytest.mark.parametrize("regenerate", [False, True])
@pytest.mark.parametrize("act", [crediting.settle, crediting.end_grants, billing.void_grants])
def test_an_invoice_that_drew_is_voided_meanwhile(sold: World, regenerate: bool, act: Callable[[World], None]) -> None:
    crediting.fund(sold, 30)
    if act is crediting.settle:
        billing.let_grants_expire(sold, lasts=AN_HOUR)
    billing.bill(sold)
    billing.at(sold, sold.now + AN_HOUR)
    actors = {"void": doing(sold, billing.void, regenerate=regenerate), "other": doing(sold, act)}
    run(sold, actors, 2)


@pytest.mark.parametrize("regenerate", [False, True])
def test_an_invoice_that_drew_is_voided_while_the_next_is_finalized(sold: World, regenerate: bool) -> None:
    crediting.fund(sold, 60)
    billing.bill(sold)
    billing.at(sold, MONDAY + timedelta(days=7, hours=13))
    run(sold, against(sold, billing.void, regenerate=regenerate), 4)


@pytest.mark.parametrize("to", list(CreditTo))
def test_a_note_and_an_invoice_give_the_same_credit_back_once(sold: World, to: CreditTo) -> None:
    crediting.owe_credit(sold)
    run(sold, against(sold, billing.credit, amount="0.12", to=to), 4)


def test_an_invoice_is_voided_while_another_gives_back_what_paid_it(sold: World) -> None:
    crediting.owe_credit(sold)
    run(sold, against(sold, billing.void, regenerate=True), 4)


def test_two_notes_give_back_no_more_than_credit_paid(sold: World) -> None:
    crediting.fund(sold, 30)
    billing.bill(sold)
    run(sold, {name: doing(sold, billing.credit, amount="0.08") for name in ("one", "other")}, 4)


def test_notes_on_two_lines_give_back_both(sold: World) -> None:
    crediting.fund(sold, 30)
    billing.bill(sold)
    lines = ("usage-units", "usage-tiers")
    run(sold, {line: doing(sold, billing.credit, amount="0.08", line=line) for line in lines}, 4)


@pytest.mark.parametrize("act", [crediting.settle, crediting.end_grants, billing.void_grants])
def test_a_note_gives_credit_back_while_its_grant_ends(sold: World, act: Callable[[World], None]) -> None:
    crediting.fund(sold, 30)
    billing.bill(sold)
    if act is crediting.settle:
        billing.let_grants_expire(sold, lasts=AN_HOUR)
    billing.at(sold, sold.now + AN_HOUR)
    actors = {"note": doing(sold, billing.credit, amount="0.08"), "other": doing(sold, act)}
    run(sold, actors, 2)


def test_a_note_and_a_void_of_an_invoice_that_drew(sold: World) -> None:
    crediting.fund(sold, 30)
    billing.bill(sold)
    run(sold, {"note": doing(sold, billing.credit, amount="0.08"), "void": doing(sold, billing.void)}, 3)


def test_two_one_offs_share_one_grant(sold: World) -> None:
    billing.bill(sold)
    billing.grant(sold, 3000, applies_to=Scope.ALL)
    run(sold, {name: doing(sold, billing.sell_once) for name in ("one", "other")}, 4)


def test_a_one_off_draws_while_a_draft_does(sold: World) -> None:
    crediting.fund(sold, 2510, applies_to=Scope.ALL)
    run(sold, against(sold, billing.sell_once), 4)


# The fee of the days that are left of the week is 4.00.
@pytest.mark.parametrize("cents", [400, 401])
def test_a_fee_is_drawn_while_credit_is_held(sold: World, cents: int) -> None:
    billing.bill(sold)
    billing.cancel(sold)
    billing.at(sold, sold.now + AN_HOUR)
    billing.bill(sold)
    billing.grant(sold, 800, applies_to=Scope.ALL)
    actors = {
        "subscribe": doing(sold, billing.subscribe, plan=SEATS),
        "hold": doing(sold, crediting.hold, cents=cents),
    }
    run(sold, actors, 4)


@pytest.mark.parametrize("act", [crediting.hold, crediting.end_grants, billing.sell_once])
def test_a_fee_comes_back_while(sold: World, act: Callable[[World], None]) -> None:
    crediting.pay_a_fee(sold)
    run(sold, {"leave": doing(sold, billing.change), "other": doing(sold, act)}, 3)


def test_a_fee_comes_back_once_by_a_note_and_a_change(sold: World) -> None:
    crediting.pay_a_fee(sold)
    invoice, line = crediting.fee_line()
    note = doing(sold, billing.credit, amount="3.00", invoice=invoice, line=line)
    run(sold, {"leave": doing(sold, billing.change), "note": note}, 4)


def test_a_note_on_a_fee_while_its_period_is_closed_without_usage(sold: World) -> None:
    crediting.skip_a_paid_week(sold)
    invoice, line = crediting.fee_line()
    run(sold, against(sold, billing.credit, amount="3.00", invoice=invoice, line=line), 3)


def test_finalizing_holding_and_settling_at_once(sold: World) -> None:
    crediting.fund(sold, 30)
    crediting.fund(sold, 10, expires_at=MONDAY)
    actors = {**against(sold, crediting.hold, cents=5), "settle": doing(sold, crediting.settle)}
    run(sold, actors, 40, drawn=40)
