"""Random lives of a subscription: whatever is changed, cancelled, voided, sent late, what counted is billed once.

The oracle knows two things only: a unit costs a cent, whatever the plan, and a service period's advance fee is its
plan's for the local days that it covers. Where events counted and how long periods lasted is asked of the timeline,
which has tests of its own.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from chalicelib.catalog import subscription_service
from chalicelib.catalog.timeline import find_period, find_period_of
from chalicelib.shared.clock import Clock
from chalicelib.shared.money import round_whole
from chalicelib.shared.time import quarter_hour_of
from tests.client import ApiClient
from tests.stories.expectations import list_invoices
from tests.stories.invariants import Watch
from tests.stories.notation import StoryError, read_story
from tests.stories.steps import Done, Verbs
from tests.stories.story import DEFINING, FINALIZING, JOBS, MOVING

# Advance fees in cents by plan; a unit costs a cent in all of them.
FEES = {"pro": 3_100, "max": 6_200, "long": 36_500, "wk": 700, "arr": 0, "brr": 0}
PLANS = """
2026-01-01 plan pro month
  charge calls 0.01
  fee seats 31.00 advance
2026-01-01 plan max month grace 0
  charge calls 0.01
  fee seats 62.00 advance
2026-01-01 plan arr month
  charge calls 0.01
  fee base 30.00 arrears
2026-01-01 plan brr month
  charge calls 0.01
  fee base 45.00 arrears
2026-01-01 plan long quarter
  charge calls 0.01
  fee seats 365.00 advance
2026-01-01 plan wk week grace 0
  charge calls 0.01
  fee seats 7.00 advance
"""
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SEEDS = (9, 31, 200, 204, 301)


@dataclass
class Life:
    """One random story as it is played; ``counted`` has the quantity of each event that counts."""

    client: ApiClient
    clock: Clock
    chance: Random
    now: datetime = BEGIN
    subscriptions: int = 1
    sent: int = 0
    counted: dict[str, int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.verbs = Verbs(self.client)
        self.watch = Watch(self.verbs)

    def play(self, text: str) -> Done:
        """Play the steps of a text; those that are refused are fine, faults are not."""
        done = None
        for step in read_story(text):
            self.told.append(text)
            self.verbs.learn(step)
            self.clock.set(self.verbs.instant(step.stamp))
            if step.row.verb in FINALIZING:
                self.watch.before()
            done = self.verbs.do(step)
            if done.status >= 500 or (step.row.verb == "billing" and done.body["failed"]):
                raise StoryError(f"{done.status}: {done.body}")
            if step.row.verb in MOVING:
                self.watch.kept(MOVING[step.row.verb])
            if step.row.verb not in DEFINING:
                self.watch.after(JOBS.get(step.row.verb))
        assert done is not None, "a text has a step"
        return done

    def at(self, text: str) -> Done:
        """Play a step now."""
        return self.play(f"{self.now:%Y-%m-%d %H:%M} {text}")

    def live(self) -> None:
        """Begin, go through some random steps, then let everything settle."""
        zone = self.chance.choice(["UTC", "America/New_York", "Asia/Kathmandu"])
        self.play(f"2026-01-01 meter calls sum\n2026-01-01 organization acme USD {zone}")
        self.play(PLANS.strip())
        self._begin()
        start = self.chance.choice(["", "anniversary", "trial 5", "until 2026-03-10"])
        self.play(f"2026-01-01 subscribe acme {self._plan()} {start}")
        for _ in range(self.chance.randint(10, 22)):
            pause = [0, 15, 60 * self.chance.randint(1, 40), 1440 * self.chance.randint(1, 20)]
            self.now += timedelta(minutes=self.chance.choice(pause))
            self._step()
        for _ in range(4):
            self.now += timedelta(days=31)
            self.at("rollup")
            self.at("billing")

    def _begin(self) -> None:
        """Do what is to come before the first subscription: here nothing."""

    def _plan(self) -> str:
        return self.chance.choice(list(FEES))

    def _step(self) -> None:
        steps = (self._send, self._correct, self._job, self._job, self._change, self._end, self._void)
        self.chance.choices(steps, weights=(38, 12, 12, 12, 8, 10, 8))[0]()

    def _send(self) -> None:
        self.sent += 1
        back = self.now - timedelta(minutes=self.chance.choice([0, 30, 1440 * self.chance.randint(0, 34)]))
        quantity = self.chance.randint(1, 999)
        time = max(back, BEGIN)
        if self.at(f"event e{self.sent} acme calls {quantity} at {time:%Y-%m-%d %H:%M}").status < 300:
            self.counted[f"e{self.sent}"] = quantity

    def _correct(self) -> None:
        if not self.counted:
            return
        event, quantity = self.chance.choice(sorted(self.counted)), self.chance.randint(0, 999)
        if self.chance.random() < 0.4:
            if self.at(f"void-event {event}").status < 300:
                del self.counted[event]
        elif self.at(f"amend {event} {quantity}").status < 300:
            self.counted[event] = quantity

    def _job(self) -> None:
        self.at(self.chance.choice(["rollup", "billing", "billing"]))

    def _change(self) -> None:
        ahead = self.now + timedelta(days=self.chance.randint(1, 30))
        when = self.chance.choice(["now", "now", "period_end", f"{ahead:%Y-%m-%d}"])
        self.at(f"change {self.subscriptions} {self._plan()} {when}")

    def _end(self) -> None:
        kind = self.chance.choice(["cancel", "resume", "subscribe"])
        if kind == "cancel":
            self.at(f"cancel {self.subscriptions} {self.chance.choice(['now', 'period_end'])}")
        elif kind == "resume":
            self.at(f"resume {self.subscriptions}")
        elif self.at(f"subscribe acme {self._plan()}").status < 300:
            self.subscriptions += 1

    def _void(self) -> None:
        issued = [one["id"] for one in list_invoices(self.verbs) if one["status"] == "finalized"]
        if issued:
            name = self.chance.choice(issued).removeprefix("inv_acme.")
            self.at(f"void {name} {'regenerate ' if 'p' in name else ''}wrong")


def cents(amount: str) -> int:
    return round_whole(Fraction(amount) * 100)


def standing_lines(life: Life) -> Iterator[tuple[int, dict[str, Any]]]:
    """Walk the lines of a subscription's invoices and drafts that are not void, each with its number."""
    for invoice in list_invoices(life.verbs):
        name = invoice["id"].removeprefix("inv_acme.")
        if invoice["status"] != "void" and not name.startswith("0o"):
            number = int(name.replace("a", "p").replace("l", "p").partition("p")[0])
            yield from ((number, line) for line in invoice["lines"])


def assert_usage_is_billed_once(life: Life) -> None:
    subscriptions = subscription_service.read_subscriptions("acme").subscriptions
    counted = sum(
        quantity
        for event, quantity in life.counted.items()
        if any(find_period_of(one, quarter_hour_of(life.verbs.event_time(event))) for one in subscriptions)
    )
    kinds = ("usage", "late_usage")
    assert counted == sum(cents(line["net"]) for _, line in standing_lines(life) if line["kind"] in kinds)


def assert_fees_are_charged_once(life: Life) -> None:
    charged: dict[tuple[int, int], int] = defaultdict(int)
    for number, line in standing_lines(life):
        kind, _, period = line["id"].partition("-seats.p")
        if kind in ("fee", "adjusted") and period:
            charged[number, int(period)] += cents(line["amount"])
    for one in subscription_service.read_subscriptions("acme").subscriptions:
        number = 0
        while (period := find_period(one, number)) is not None and period.start_at <= life.clock.now():
            due = round_whole(Fraction(FEES[period.parts[0].terms.plan] * period.days, period.full_days))
            assert charged.get((one.number, number), 0) == due, f"subscription {one.number}, period {number}"
            number += 1


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_all_that_counted_is_billed_once(client: ApiClient, clock: Clock, seed: int) -> None:
    life = Life(client, clock, Random(seed))
    try:
        life.live()
        assert_usage_is_billed_once(life)
        assert_fees_are_charged_once(life)
    except (StoryError, AssertionError) as fault:
        raise AssertionError("\n".join([str(fault), *life.told])) from fault
