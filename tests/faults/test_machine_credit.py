"""The machine with credit: grants of every kind, holds, ends and voids, among all that it sells, uses and takes back.

After each step everything is asserted that must hold of credit and billing at any moment; at the end all usage was
billed once, and nothing that has ended is left to be booked.
"""

import os
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from chalicelib.invoices import store as invoices_store
from chalicelib.shared.errors import EventVoided, InvalidInput
from chalicelib.shared.time import format_instant
from tests.faults import billing, crediting
from tests.faults.billing_checks import read_billed
from tests.faults.machine import Machine, choices, run_machine
from tests.faults.world import ACME

_PARTS = 4
# METERFOLD_MACHINE_RUNS=125 draws more than 20,000 steps in all; with every test run there is time for fewer.
_RUNS, _STEPS = int(os.environ.get("METERFOLD_MACHINE_RUNS", "10")), 60
_OF_ACME = f"/v1/organizations/{ACME}"
_CREDITS = f"{_OF_ACME}/credits"

# Hours from now: where a window begins, how long it lasts.
begins = st.sampled_from([-400, -200, -26.3, -1, 0, 0, 5.1, 30])
lasts = st.sampled_from([None, None, 0.4, 24, 90, 300])
amounts = st.sampled_from(["0.01", "0.10", "0.37", "1.00", "5.00", "40"])
scopes = st.sampled_from([None, None, "all", {"charges": ["units"]}, {"charges": ["seat", "tiers"]}])
recurrences = st.sampled_from([None, None, None, {"every": "week"}, {"every": "week", "count": 2}, {"every": "month"}])


# What each part must have met with, or it proves little.
_SEEN = (
    *("grants", "voids of grants", "expiries", "holds", "releases", "one-offs", "notes"),
    *("drawn lines", "lines that give back", "notes that reverse", "voids of drawn invoices"),
)


class CreditMachine(Machine):
    """One organization's billing with its credit; ``steps`` counts what was done, ``seen`` what came of it."""

    # Five thousand steps a part, each looked at whole, would take longer than all other tests together.
    looks_every: ClassVar[int] = 3
    steps: ClassVar[int]
    seen: ClassVar[Counter[str]]

    def run_jobs(self) -> None:
        """Run every job that is due."""
        super().run_jobs()
        self.settle()

    def _hours(self, hours: float) -> datetime:
        return self.world.now + timedelta(hours=hours)

    @rule(amount=amounts, begins=begins, lasts=lasts, priority=st.integers(49, 51), scope=scopes, recurs=recurrences)
    def grant(self, **drawn: Any) -> None:
        start = self._hours(drawn["begins"])
        end = None if drawn["lasts"] is None else start + timedelta(hours=drawn["lasts"])
        body = {"name": "Given", "amount": drawn["amount"], "priority": drawn["priority"]}
        body |= {"effective_at": format_instant(start), "expires_at": None if end is None else format_instant(end)}
        self._ask("grants", f"{_CREDITS}/grants", body | {"applies_to": drawn["scope"], "recurrence": drawn["recurs"]})

    @initialize(amount=st.sampled_from([None, "0.37", "5.00", "40"]), scope=scopes)
    def fund(self, amount: str | None, scope: Any) -> None:
        """Begin with credit, most of the time."""
        if amount is not None:
            self._ask("grants", f"{_CREDITS}/grants", {"name": "First", "amount": amount, "applies_to": scope})

    def _ask(self, name: str, path: str, body: Any = None) -> None:
        self.seen[name] += self.ask(path, body) is not None

    def has_grants(self) -> bool:
        """Tell whether there is any grant."""
        return billing.read_wallet(self.world).head.grants > 0

    def _grant(self, choice: int) -> str:
        found = list(billing.read_wallet(self.world).allocations)
        return f"{_CREDITS}/grants/{found[choice % len(found)] if found else 'gr_none'}"

    @precondition(lambda self: self.has_grants())
    @rule(choice=choices)
    def void_a_grant(self, choice: int) -> None:
        self._ask("voids of grants", f"{self._grant(choice)}/void", {"reason": "over"})

    @precondition(lambda self: self.has_grants())
    @rule(choice=choices, hours=st.sampled_from([None, 0, 0.1, 48]))
    def let_a_grant_expire(self, choice: int, hours: float | None) -> None:
        end = None if hours is None else format_instant(self._hours(hours))
        self._ask("expiries", f"{self._grant(choice)}/expiry", {"expires_at": end})

    @precondition(lambda self: self.has_grants())
    @rule(amount=amounts, minutes=st.sampled_from([1, 60, 3000]))
    def hold(self, amount: str, minutes: int) -> None:
        body = {"amount": amount, "expires_in": minutes * 60, "reference": "job"}
        self._ask("holds", f"{_CREDITS}/holds", body)

    @precondition(lambda self: bool(crediting.holds()))
    @rule(choice=choices)
    def release(self, choice: int) -> None:
        found = crediting.holds()
        self._ask("releases", f"{_CREDITS}/holds/{found[choice % len(found)].id}/release")

    @rule()
    def settle(self) -> None:
        self.do(lambda: crediting.settle(self.world))

    @rule(quantity=st.sampled_from(["1", "3.5"]))
    def sell_once(self, quantity: str) -> None:
        line = {"name": "Setup", "quantity": quantity, "unit_price": "0.25"}
        self._ask("one-offs", f"{_OF_ACME}/invoices", {"lines": [line, line]})

    @precondition(lambda self: self.world.books.events)
    @rule(choice=choices, value=st.sampled_from([0, 2, 9, 30]))
    def amend_an_event(self, choice: int, value: int) -> None:
        one = self.world.books.events[choice % len(self.world.books.events)]
        content = {"v": value, "model": "a"}
        try:
            self.do(lambda: self.world.amend(one, **content))
        except (EventVoided, InvalidInput):
            return
        self.world.books.amended[ACME, one.identity] = content

    @rule(choice=choices, part=st.sampled_from([1, 1, 2, 3]), to=st.sampled_from(["credit", "refund"]))
    def take_a_part_back(self, choice: int, part: int, to: str) -> None:
        """Take back a part of any line; one that credit has paid first when there is one."""
        invoice = self._chosen(choice)
        lines = [] if invoice is None else [one for one in invoice.content.lines if one.net_minor >= part]
        if invoice is not None and lines:
            one = max(lines, key=lambda line: (bool(line.credits), line.id))
            amount = f"{one.net_minor // part // 100}.{one.net_minor // part % 100:02}"
            body = {"lines": [{"line": one.id, "amount": amount}], "reason": "r", "to": to}
            self._ask("notes", f"/v1/invoices/{invoice.id}/credit-notes", body)

    @invariant()
    def all_is_consistent(self) -> None:
        type(self).steps += 1
        super().all_is_consistent()

    def teardown(self) -> None:
        billed = read_billed(ACME)
        for one in billed.invoices if billed is not None else ():
            for line in one.content.lines:
                self.seen["drawn lines"] += any(credit.amount_minor > 0 for credit in line.credits)
                self.seen["lines that give back"] += any(credit.amount_minor < 0 for credit in line.credits)
            self.seen["notes that reverse"] += any(note.reversed for note in one.standing.credit_notes)
            self.seen["voids of drawn invoices"] += bool(one.standing.void_reason and one.content.credits_minor)
        super().teardown()
        crediting.check_credit_settled(self.world)


@pytest.mark.parametrize("part", range(_PARTS))
def test_whatever_happens_no_credit_is_lost_or_spent_twice(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Part(CreditMachine):
        """One of several machines that draw other steps, because the name of a class seeds it."""

        steps: ClassVar[int] = 0
        seen: ClassVar[Counter[str]] = Counter()

    Part.__name__ = Part.__qualname__ = f"CreditPart{part}"
    if part % 2:
        monkeypatch.setattr(invoices_store, "PAGE_BYTES", 200)
    run_machine(Part, runs=_RUNS, steps=_STEPS)
    assert Part.steps >= 40 * _RUNS - 150
    if _RUNS >= 105:
        assert min(Part.seen[name] for name in _SEEN) > 0, f"{Part.seen} leaves out what is to be proved"
