"""The write paths of billing: plans, subscriptions, invoices, credit, and the jobs between them.

They begin in a world where last week is due and this week has usage (``billing.prepare``).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from chalicelib.credits.grants import Scope
from chalicelib.invoices.invoice import CreditTo
from tests.faults import billing, crediting
from tests.faults.billing import CURRENT, DEARER, DUE, MONDAY, PRICES, SEATS, SUBSCRIPTION, USAGE
from tests.faults.naive import Received
from tests.faults.paths import ONCE, Deed, Path, Served
from tests.faults.world import ACME, World, event

LATE = event("late", MONDAY - timedelta(hours=20), v=4**3)
_OF_ACME = f"/v1/organizations/{ACME}"
_INVOICE, _SUBSCRIPTION = f"/v1/invoices/{DUE}", f"/v1/subscriptions/{SUBSCRIPTION}"
_GRANT = {"name": "Welcome", "amount": "5", "applies_to": "all"}
_HOLD = {"amount": "2", "expires_in": 60, "reference": "job"}
AUTHORIZE = "authorize"
_ONE_OFF = {"lines": [{"name": "Setup", "quantity": "2", "unit_price": "12.5"}]}


def _ask(method: str, path: str, body: Any = None, **headers: str) -> Deed:
    return lambda served: served.ask(method, path, body, **headers)


def _plan(version: tuple[str, int]) -> dict[str, Any]:
    return {"plan": version[0], "version": version[1]}


def _in_turn(*deeds: Deed) -> Deed:
    def do(served: Served) -> None:
        for deed in deeds:
            deed(served)

    return do


def _bill(served: Served) -> None:
    billing.bill(served.world)


def _run_everything(served: Served) -> None:
    billing.bill_everything(served.world)


def _clock(days: float) -> Deed:
    """Set the clock so many days after the Monday of this week."""
    return lambda served: billing.at(served.world, MONDAY + timedelta(days=days))


def _receive(*events: Received) -> Deed:
    return lambda served: served.world.received(*events)


def _roll_up(served: Served) -> None:
    served.world.roll_up()


def _void_event(served: Served) -> None:
    world = served.world
    this = next(one for one in world.books.events if one.id == "this")
    world.void(this)
    world.books.voided.add((ACME, this.identity))
    world.roll_up()


def _cancel(served: Served) -> None:
    billing.cancel(served.world)


def _sold(plan: tuple[str, int]) -> Any:
    def books(world: World) -> None:
        world.sales.change(ACME, PRICES[plan], world.now)

    return books


def _subscribed(plan: tuple[str, int]) -> Any:
    def books(world: World) -> None:
        world.sales.subscribe(ACME, PRICES[plan], world.now)

    return books


def _stopped(world: World) -> None:
    world.sales.stop(ACME, world.now)


def _paid(world: World) -> None:
    world.sales.paid.append((DUE, "a"))


def _waived(world: World) -> None:
    world.sales.waived.append((ACME, billing.WEEK_BEFORE, MONDAY))


def _note(to: CreditTo) -> dict[str, Any]:
    return {"lines": [{"line": "usage-units", "amount": "0.08"}], "reason": "too much", "to": to.value}


def _pay(served: Served) -> None:
    billing.pay(served.world, billing.due(DUE), reference="a")


def _grant(served: Served) -> None:
    billing.grant(served.world)


def _void_the_grant(served: Served) -> str:
    (grant,) = billing.read_wallet(served.world).allocations
    return served.ask("POST", f"{_OF_ACME}/credits/grants/{grant}/void", {"reason": "over"}, **ONCE)


def _fund(served: Served) -> None:
    crediting.open_to_holds(served.world, lasts=timedelta(hours=1))


def _fund_several(served: Served) -> None:
    """Give credit of which the first part has ended and waits for the draft; together it pays a part of last week."""
    crediting.fund(served.world, 9, expires_at=MONDAY)
    crediting.fund(served.world, 7, priority=60)
    crediting.fund(served.world, 2, priority=70)


def _fund_all(served: Served) -> None:
    crediting.fund(served.world, 300, applies_to=Scope.ALL)


def _do_world(act: Callable[[World], None]) -> Deed:
    return lambda served: act(served.world)


def _hold(served: Served) -> None:
    crediting.hold(served.world)


def _release(served: Served) -> str:
    (hold,) = crediting.holds()
    return served.ask("POST", f"{_OF_ACME}/credits/holds/{hold.id}/release", **ONCE)


def _settle(served: Served) -> None:
    crediting.settle(served.world)


_ended = _in_turn(_cancel, _clock(3.6))
_late_on_the_next = _in_turn(_bill, _receive(LATE), _roll_up, _clock(7.6))
_late_alone = _in_turn(_bill, _cancel, _clock(4), _bill, _receive(LATE), _roll_up, _clock(5.1))

BILLING_PATHS: Mapping[str, Path] = {
    "create a plan": Path(do=_ask("POST", "/v1/plans", billing.plan_body(billing.DEAR, key="new")), same_answer=False),
    "publish a version": Path(
        do=_ask("POST", "/v1/plans/usage/versions", billing.plan_body(billing.CHEAP, billing.SEAT), **ONCE)
    ),
    "subscribe once": Path(
        prepare=_ended,
        do=_ask("POST", f"{_OF_ACME}/subscriptions", _plan(USAGE), **ONCE),
        books=_subscribed(USAGE),
    ),
    "subscribe with a fee": Path(
        prepare=_ended,
        do=_ask("POST", f"{_OF_ACME}/subscriptions", _plan(SEATS)),
        books=_subscribed(SEATS),
        same_answer=False,
        repeat_is_refused=True,
    ),
    "subscribe with a fee once": Path(
        prepare=_ended,
        do=_ask("POST", f"{_OF_ACME}/subscriptions", _plan(SEATS), **ONCE),
        books=_subscribed(SEATS),
    ),
    "change the plan": Path(
        do=_ask("POST", f"{_SUBSCRIPTION}/change", {**_plan(DEARER), "at": "now"}),
        books=_sold(DEARER),
        same_answer=False,
        repeat_is_refused=True,
    ),
    "change to a plan with a fee": Path(
        do=_ask("POST", f"{_SUBSCRIPTION}/change", {**_plan(SEATS), "at": "now"}, **ONCE), books=_sold(SEATS)
    ),
    "leave a plan with a fee": Path(
        prepare=_in_turn(lambda served: billing.change(served.world, SEATS), _clock(4)),
        do=_ask("POST", f"{_SUBSCRIPTION}/change", {**_plan(DEARER), "at": "now"}, **ONCE),
        books=_sold(DEARER),
    ),
    "cancel": Path(do=_ask("POST", f"{_SUBSCRIPTION}/cancel", {"at": "now"}, **ONCE), books=_stopped),
    "resume": Path(
        prepare=_ask("POST", f"{_SUBSCRIPTION}/cancel", {"at": "period_end"}),
        do=_ask("POST", f"{_SUBSCRIPTION}/resume", **ONCE),
    ),
    "change the cap": Path(do=_ask("PATCH", _SUBSCRIPTION, {"spend_cap": "100"})),
    "finalize": Path(do=_ask("POST", f"{_INVOICE}/finalize")),
    "bill a week": Path(do=_bill),
    "bill a week without usage": Path(prepare=_in_turn(_bill, _void_event, _clock(7.6)), do=_bill),
    "bill a week with late usage of another": Path(prepare=_late_on_the_next, do=_bill),
    "bill late usage alone": Path(prepare=_late_alone, do=_bill),
    "bill and mark what is overdue": Path(prepare=_in_turn(_bill, _clock(7.6)), do=_run_everything),
    "roll up late usage": Path(prepare=_in_turn(_bill, _receive(LATE)), do=_roll_up),
    "roll up usage of a week that is due": Path(prepare=_receive(LATE), do=_roll_up),
    "pay": Path(
        prepare=_bill, do=_ask("POST", f"{_INVOICE}/payments", {"amount": "0.20", "reference": "a"}), books=_paid
    ),
    "take a payment back": Path(
        prepare=_in_turn(_bill, _pay), do=_ask("POST", f"{_INVOICE}/payments/pay_1/reverse", {"reason": "bounced"})
    ),
    "give up": Path(prepare=_bill, do=_ask("POST", f"{_INVOICE}/uncollectible", {"reason": "gone"})),
    "void an invoice": Path(prepare=_bill, do=_ask("POST", f"{_INVOICE}/void", {"reason": "wrong"}), books=_waived),
    "void an invoice to make it again": Path(
        prepare=_bill, do=_ask("POST", f"{_INVOICE}/void", {"reason": "wrong", "regenerate": True})
    ),
    "void an invoice with late usage": Path(
        prepare=_in_turn(_late_on_the_next, _bill),
        do=_ask("POST", f"/v1/invoices/{CURRENT}/void", {"reason": "wrong", "regenerate": True}),
    ),
    "bill a week again": Path(
        prepare=_in_turn(_bill, lambda served: billing.void(served.world, regenerate=True), _clock(4.1)), do=_bill
    ),
    "credit what was paid": Path(
        prepare=_in_turn(_bill, _pay),
        do=_ask("POST", f"{_INVOICE}/credit-notes", _note(CreditTo.CREDIT), **ONCE),
    ),
    "credit what is due": Path(
        prepare=_bill, do=_ask("POST", f"{_INVOICE}/credit-notes", _note(CreditTo.REFUND), **ONCE)
    ),
    "sell once": Path(do=_ask("POST", f"{_OF_ACME}/invoices", _ONE_OFF, **ONCE)),
    "give credit": Path(do=_ask("POST", f"{_OF_ACME}/credits/grants", _GRANT, **ONCE)),
    "take credit back": Path(prepare=_grant, do=_void_the_grant),
    "take credit back that drafts may claim": Path(prepare=_in_turn(_fund, _clock(3.52)), do=_void_the_grant),
    "hold credit": Path(prepare=_fund, do=_ask("POST", f"{_OF_ACME}/credits/holds", _HOLD, **ONCE)),
    "release a hold": Path(prepare=_in_turn(_fund, _hold), do=_release),
    "settle a hold and a grant that waits": Path(prepare=_in_turn(_fund, _hold, _clock(3.6)), do=_settle),
    "finalize by hand what several grants pay": Path(prepare=_fund_several, do=_ask("POST", f"{_INVOICE}/finalize")),
    "bill a week that several grants pay": Path(prepare=_fund_several, do=_bill),
    "bill a week that gives credit back and draws": Path(prepare=_do_world(crediting.owe_credit), do=_bill),
    "sell once for credit": Path(prepare=_fund_all, do=_ask("POST", f"{_OF_ACME}/invoices", _ONE_OFF, **ONCE)),
    "subscribe with a fee that credit pays": Path(
        prepare=_in_turn(_ended, _fund_all),
        do=_ask("POST", f"{_OF_ACME}/subscriptions", _plan(SEATS), **ONCE),
        books=_subscribed(SEATS),
    ),
    "leave a plan with a fee that credit paid": Path(
        prepare=_do_world(crediting.pay_a_fee),
        do=_ask("POST", f"{_SUBSCRIPTION}/change", {**_plan(DEARER), "at": "now"}, **ONCE),
        books=_sold(DEARER),
    ),
    "credit what credit paid": Path(
        prepare=_in_turn(_fund_several, _bill),
        do=_ask("POST", f"{_INVOICE}/credit-notes", _note(CreditTo.CREDIT), **ONCE),
    ),
    "void an invoice that credit paid": Path(
        prepare=_in_turn(_fund_several, _bill), do=_ask("POST", f"{_INVOICE}/void", {"reason": "wrong"}), books=_waived
    ),
    "void an invoice that credit paid to make it again": Path(
        prepare=_in_turn(_fund_several, _bill),
        do=_ask("POST", f"{_INVOICE}/void", {"reason": "wrong", "regenerate": True}),
    ),
    "void an invoice that gave credit back": Path(
        prepare=_in_turn(_do_world(crediting.owe_credit), _bill),
        do=_ask("POST", f"/v1/invoices/{CURRENT}/void", {"reason": "wrong", "regenerate": True}),
    ),
    AUTHORIZE: Path(prepare=_fund, do=_ask("POST", f"{_OF_ACME}/authorize", {"amount": "1"})),
    "settle a grant that has ended": Path(prepare=_in_turn(_bill, _cancel, _fund, _clock(4), _bill), do=_settle),
}

BILLING_MAIN: Sequence[str] = ("bill a week with late usage of another", "subscribe with a fee once", "pay")
