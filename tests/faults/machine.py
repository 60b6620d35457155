"""The machine that sells, uses, bills, pays and takes back in any order, with faults as steps, against plain books.

It is a client of the public API: each request has an idempotency key, and is sent again until it is answered.
"""

import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chalicelib.invoices.invoice import Invoice, InvoiceStatus
from chalicelib.invoices.numbering import InvoiceKind
from chalicelib.invoices.opening import open_billing
from chalicelib.shared.errors import Busy, InvalidInput
from chalicelib.shared.money import show_money
from chalicelib.shared.time import parse_instant
from tests.faults import billing, rules
from tests.faults.billing import DEARER, MONDAY, PRICES, SEATS, USAGE, WEEK_BEFORE
from tests.faults.billing_checks import check_billing, read_billed
from tests.faults.paths import Refused, Served, Unavailable, serve
from tests.faults.tap import Crash
from tests.faults.world import ACME, Beginning, beginning, event, fresh_process, go_back, open_world

_OF_ACME = f"/v1/organizations/{ACME}"
_LAST = MONDAY + timedelta(days=18)
_QUARTER = timedelta(minutes=15)

plans = st.sampled_from([USAGE, USAGE, DEARER, SEATS])
faults = st.tuples(st.sampled_from(["crash", "throttle", "partial", "pages"]), st.integers(0, 12), st.booleans())
choices = st.integers(0, 10**6)
# Quarter-hours back from now: of today, of days ago, beyond what is taken.
places = st.sampled_from([0, 1, 3, 40, 96, 200, 300, 400, 470, 600])


class Machine(RuleBasedStateMachine):
    """One organization's billing."""

    looks_every: ClassVar[int] = 1

    served: ClassVar[Served]
    empty: ClassVar[Beginning]

    def __init__(self) -> None:
        super().__init__()
        self.world = self.served.world
        go_back(self.world, self.empty)
        self.next_fault: tuple[str, int, bool] | None = None
        self._keys = itertools.count()
        self._checked: tuple[int, datetime] | None = None
        self._changes = 0

    def do(self, act: Callable[[], Any]) -> Any:
        """Do something under the fault that was drawn, then again until it is answered."""
        drawn, self.next_fault = self.next_fault, None
        if drawn is not None:
            try:
                with self.world.store.tap.under(rules.drawn(*drawn)):
                    return act()
            except Crash:
                fresh_process()
            except (Busy, Unavailable):
                pass
        return act()

    def ask(self, path: str, body: Any = None) -> dict[str, Any] | None:
        """Send a request; ``None`` when the state does not allow it."""
        key = f"key-{next(self._keys)}"
        try:
            answer = self.do(lambda: self.served.ask("POST", path, body, Idempotency_Key=key))
        except Refused as refused:
            if str(refused)[:3] not in ("409", "422"):
                raise
            return None
        found: dict[str, Any] = json.loads(answer.partition(" ")[2])
        return found

    @rule(drawn=faults)
    def break_the_next_step(self, drawn: tuple[str, int, bool]) -> None:
        self.next_fault = drawn

    @rule(hours=st.sampled_from([0.25, 1, 12, 13, 24]))
    def pass_hours(self, hours: float) -> None:
        billing.at(self.world, min(self.world.now + timedelta(hours=hours), _LAST))

    @rule(days=st.sampled_from([1, 2, 3, 5]), is_billed=st.booleans())
    def pass_days(self, days: int, is_billed: bool) -> None:
        """Let days pass; then the jobs run, or are late."""
        self.pass_hours(24 * days)
        if is_billed:
            self.run_jobs()

    def run_jobs(self) -> None:
        """Run every job that is due."""
        self.do(self.world.roll_up)
        self.do(lambda: billing.bill_everything(self.world))

    @rule(number=st.integers(0, 30), back=places, value=st.sampled_from([0, 1, 7, 12, 100]))
    def send(self, number: int, back: int, value: int) -> None:
        one = event(f"e{number}", max(WEEK_BEFORE, self.world.now - back * _QUARTER), v=value)
        try:
            self.do(lambda: self.world.ingest(one))
        except InvalidInput:
            return
        self.world.books.events.append(one)

    @precondition(lambda self: self.world.books.events)
    @rule(choice=choices)
    def void_an_event(self, choice: int) -> None:
        one = self.world.books.events[choice % len(self.world.books.events)]
        try:
            self.do(lambda: self.world.void(one))
        except InvalidInput:
            return
        self.world.books.voided.add((one.organization, one.identity))

    @rule()
    def roll_up(self) -> None:
        self.do(self.world.roll_up)

    @rule()
    def bill(self) -> None:
        self.do(lambda: billing.bill_everything(self.world))

    @initialize(plan=plans)
    def begin(self, plan: tuple[str, int]) -> None:
        self.subscribe(plan)

    def _is_subscribed(self) -> bool:
        """Tell whether the latest subscription goes on."""
        sold = self.world.sales.sold
        return bool(sold) and sold[-1].end is None

    @precondition(lambda self: not self._is_subscribed())
    @rule(plan=plans)
    def subscribe(self, plan: tuple[str, int]) -> None:
        if self.ask(f"{_OF_ACME}/subscriptions", {"plan": plan[0], "version": plan[1]}) is not None:
            self.world.sales.subscribe(ACME, PRICES[plan], self.world.now)

    @precondition(_is_subscribed)
    @rule(plan=plans)
    def change(self, plan: tuple[str, int]) -> None:
        body = {"plan": plan[0], "version": plan[1], "at": "now"}
        if self.ask(f"{self._subscription()}/change", body) is not None:
            self.world.sales.change(ACME, PRICES[plan], self.world.now)

    def _subscription(self) -> str:
        return f"/v1/subscriptions/sub_{ACME}.{self.world.sales.subscribed}"

    @precondition(_is_subscribed)
    @rule()
    def cancel(self) -> None:
        done = self.ask(f"{self._subscription()}/cancel", {"at": "now"})
        if done is not None:
            self.world.sales.stop(ACME, parse_instant(done["end"]))

    @rule()
    def finalize(self) -> None:
        for one in open_billing(ACME, self.world.now).drafts():
            self.ask(f"/v1/invoices/{one.invoice.id}/finalize")

    def _chosen(self, choice: int) -> Invoice | None:
        billed = read_billed(ACME)
        standing = [one for one in billed.invoices if one.status is not InvoiceStatus.VOID] if billed else []
        return standing[choice % len(standing)] if standing else None

    @rule(choice=choices, share=st.sampled_from([1, 1, 2, 3]))
    def pay(self, choice: int, share: int) -> None:
        invoice = self._chosen(choice)
        if invoice is not None and invoice.due_minor >= share:
            amount = show_money(invoice.due_minor // share, "USD")
            reference = f"payment {next(self._keys)}"
            if self.ask(f"/v1/invoices/{invoice.id}/payments", {"amount": amount, "reference": reference}):
                self.world.sales.paid.append((invoice.id, reference))

    @rule(choice=choices, regenerate=st.booleans())
    def void(self, choice: int, regenerate: bool) -> None:
        invoice = self._chosen(choice)
        if invoice is None:
            return
        body = {"reason": "wrong", "regenerate": regenerate}
        done = self.ask(f"/v1/invoices/{invoice.id}/void", body)
        if done is not None and not regenerate and billing.ref_of(invoice.id).kind is InvoiceKind.PERIOD:
            start, end = (parse_instant(done["period"][name]) for name in ("start", "end"))
            self.world.sales.waived.append((ACME, start, end))

    @rule(choice=choices, to=st.sampled_from(["credit", "refund"]))
    def take_back(self, choice: int, to: str) -> None:
        invoice = self._chosen(choice)
        if invoice is not None:
            lines = [{"line": one.id, "amount": show_money(one.net_minor, "USD")} for one in invoice.content.lines[:1]]
            self.ask(f"/v1/invoices/{invoice.id}/credit-notes", {"lines": lines, "reason": "r", "to": to})

    @rule(is_sold=st.booleans())
    def sell_once_or_give(self, is_sold: bool) -> None:
        if is_sold:
            line = {"name": "Setup", "quantity": "1", "unit_price": "12.5"}
            self.ask(f"{_OF_ACME}/invoices", {"lines": [line, line]})
        else:
            self.ask(f"{_OF_ACME}/credits/grants", {"name": "Welcome", "amount": "5"})

    @invariant()
    def all_is_consistent(self) -> None:
        moment = self.world.store.tap.written, self.world.now
        # What was refused wrote nothing: then all is as it was after the step before.
        if moment == self._checked:
            return
        self._checked, self._changes = moment, self._changes + 1
        # What is wrong stays wrong: ledger and invoices keep it, so a later look sees it too, and so does the last one.
        if self._changes % self.looks_every == 0:
            with self.world.store.tap.under(rules.remembering()):
                check_billing(ACME)

    def teardown(self) -> None:
        self.world.check()
        billing.check_settled(self.world)
        billing.check_idle(self.world)


def run_machine(machine: type[Machine], *, runs: int, steps: int) -> None:
    """Run a machine so many times, of so many steps each, in a world of its own."""
    with open_world() as world:
        billing.prepare_empty(world)
        machine.served = serve(world)
        machine.empty = beginning(world)
        run_state_machine_as_test(machine, settings=settings(max_examples=runs, stateful_step_count=steps))
