"""Random lives of a subscription with credit: whatever is granted, voided, moved or held, after each step all adds up.

What credit may do is told by the invariants of stories; what was used and charged has the same oracle as without it.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest

from chalicelib.shared.clock import Clock
from chalicelib.shared.money import show_money
from tests.client import ApiClient
from tests.stories.expectations import list_invoices
from tests.stories.notation import StoryError
from tests.stories.test_random_stories import (
    Life,
    assert_fees_are_charged_once,
    assert_usage_is_billed_once,
)

SEEDS = (227,)
SCOPES = ("", "", "", "for all", "for all", "for seats", "for calls", "for calls,base")


@dataclass
class CreditLife(Life):
    """A life with grants; ``given`` has their names, ``held`` those of holds."""

    given: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)

    def _begin(self) -> None:
        for _ in range(self.chance.randint(1, 4)):
            self._give()

    def _step(self) -> None:
        if self.chance.random() < 0.6:
            super()._step()
            return
        steps = (self._give, self._void_grant, self._move_end, self._settle, self._hold, self._sell, self._note)
        self.chance.choices(steps, weights=(34, 12, 14, 16, 12, 6, 6))[0]()

    def _day(self, first: int, last: int) -> str:
        moved = self.now + timedelta(days=self.chance.randint(first, last), minutes=self.chance.choice([0, 0, 15, 437]))
        return f"{moved:%Y-%m-%d %H:%M}"

    def _amount(self, most_minor: int) -> str:
        return show_money(self.chance.randint(1, most_minor), "USD")

    def _give(self) -> None:
        name, amount = f"g{len(self.given)}", self._amount(6000)
        words = [f"grant {name} {amount}", self.chance.choice(SCOPES)]
        words.append(f"priority {self.chance.randint(0, 2)}" if self.chance.random() < 0.3 else "")
        words.append(f"from {self._day(-40, 10)}" if self.chance.random() < 0.6 else "")
        words.append(f"expires {self._day(11, 60)}" if self.chance.random() < 0.5 else "")
        if self.chance.random() < 0.2:
            words.append(f"every {self.chance.choice(['week', 'month'])} times {self.chance.randint(1, 4)}")
        if self.at(" ".join(filter(None, words))).status < 300:
            self.given.append(name)

    def _some_grant(self) -> str | None:
        if not self.given:
            return None
        occurrence = f".{self.chance.randint(1, 3)}" if self.chance.random() < 0.15 else ""
        return self.chance.choice(self.given) + occurrence

    def _void_grant(self) -> None:
        name = self._some_grant()
        if name is not None:
            self.at(f"void-grant {name}")

    def _move_end(self) -> None:
        name = self._some_grant()
        if name is not None:
            self.at(f"expire {name} {self.chance.choice(['never', self._day(0, 0), self._day(1, 30)])}")

    def _settle(self) -> None:
        self.at("settle")

    def _hold(self) -> None:
        if self.held and self.chance.random() < 0.4:
            self.at(f"release {self.chance.choice(self.held)}")
            return
        name, amount = f"h{len(self.held)}", self._amount(2000)
        if self.at(f"hold {name} {amount} {self.chance.choice([60, 86_400, 20 * 86_400])}").status < 300:
            self.held.append(name)

    def _sell(self) -> None:
        self.at(f"one-off acme Work 1 x {self._amount(3000)}")

    def _note(self) -> None:
        lines = [
            (invoice["id"].removeprefix("inv_acme."), line)
            for invoice in list_invoices(self.verbs)
            if invoice["status"] == "finalized"
            for line in invoice["lines"]
            if Decimal(line["net"]) > 0
        ]
        if lines:
            name, line = self.chance.choice(lines)
            amount = self.chance.choice([line["net"], "0.01", "3.33"])
            self.at(f"credit-note {name} {line['id']} {amount} to {self.chance.choice(['credit', 'refund'])}")


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_no_credit_is_lost_or_made(client: ApiClient, clock: Clock, seed: int) -> None:
    life = CreditLife(client, clock, Random(seed))
    try:
        life.live()
        life.at("settle")
        assert_usage_is_billed_once(life)
        assert_fees_are_charged_once(life)
    except (StoryError, AssertionError) as fault:
        raise AssertionError("\n".join([str(fault), *life.told])) from fault
