"""What a deployment costs a month: measured units times list prices, service by service, each with its sum."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import groupby
from typing import Any

from local.cost_lines import Amount, Purpose, list_amounts, shown
from local.cost_question import Question
from local.prices import LOOKED_UP_ON, MILLION, REGION, Price


@dataclass(frozen=True, slots=True)
class Line:
    """A quantity with its price, in dollars a month."""

    amount: Amount
    price: Price

    @property
    def dollars(self) -> Fraction:
        """Multiply."""
        return self.price.of(self.amount.quantity)


class Cost:
    """The lines of a month, and their sums."""

    def __init__(self, question: Question, prices: Mapping[str, Price]) -> None:
        self.question = question
        order = list(prices)
        amounts = sorted(list_amounts(question), key=lambda one: order.index(one.price))
        self.lines = [Line(amount, prices[amount.price]) for amount in amounts]

    def of(self, *purposes: Purpose) -> Fraction:
        """Add up what is for some purposes; for all of them where none is named."""
        wanted = purposes or tuple(Purpose)
        return sum((line.dollars for line in self.lines if line.amount.purpose in wanted), Fraction(0))

    def of_service(self, service: str, *purposes: Purpose) -> Fraction:
        """Add up what a service asks for some purposes."""
        wanted = purposes or tuple(Purpose)
        found = (one for one in self.lines if one.price.service == service and one.amount.purpose in wanted)
        return sum((line.dollars for line in found), Fraction(0))

    def per_million(self, *purposes: Purpose) -> Fraction | None:
        """Divide by the millions of events; ``None`` where there are none."""
        events = self.question.events
        return self.of(*purposes) * MILLION / events if events else None


def dollars(value: Fraction) -> str:
    """Write dollars with four digits behind the point."""
    ten_thousandths = round(value * 10_000)
    return f"{ten_thousandths // 10_000:,}.{ten_thousandths % 10_000:04}"


def print_cost(question: Question, prices: Mapping[str, Price], *, as_json: bool) -> int:
    """Print what a month costs; gives the exit code."""
    cost = Cost(question, prices)
    if as_json:
        json.dump(as_document(cost), sys.stdout, indent=2)
        print()
    else:
        print("\n".join(as_text(cost)))
    return 0


def as_document(cost: Cost) -> dict[str, Any]:
    """Show a cost as JSON; dollars are text, exact to four digits."""
    lines = [
        {
            "service": line.price.service,
            "what": line.price.what,
            "for": line.amount.purpose,
            "quantity": shown(line.amount.quantity),
            "formula": line.amount.formula,
            "price": shown_price(line.price),
            "page": line.price.page,
            "dollars": dollars(line.dollars),
        }
        for line in cost.lines
    ]
    sums = {purpose.value: dollars(cost.of(purpose)) for purpose in Purpose}
    return {
        "asked": asdict(cost.question),
        "region": REGION,
        "prices_of": LOOKED_UP_ON,
        "lines": lines,
        "month": {**sums, "all": dollars(cost.of())},
        "per_million_events": _per_million(cost),
    }


def _per_million(cost: Cost) -> dict[str, str] | None:
    parts = {
        "taken_in": cost.per_million(Purpose.INGEST),
        "taken_in_and_rolled_up": cost.per_million(Purpose.INGEST, Purpose.ROLLUP),
        "kept": cost.per_million(Purpose.KEEPING),
        "all": cost.per_million(),
    }
    known = {name: dollars(each) for name, each in parts.items() if each is not None}
    return known or None


def as_text(cost: Cost) -> Iterator[str]:
    """Show a cost as lines of text: service by service, then by purpose, then per million events."""
    asked = cost.question
    one = "organization" if asked.organizations == 1 else "organizations"
    yield (
        f"{asked.organizations:,} {one}, {asked.events:,} events a month in batches of {asked.batch:,} by {asked.door}."
    )
    yield f"List prices of {REGION}, {LOOKED_UP_ON}, in dollars. Free tiers are not taken off. {_LEFT_OUT}"
    for service, lines in groupby(cost.lines, key=lambda line: line.price.service):
        yield from _service(service, list(lines), cost.of_service(service))
    yield ""
    for purpose, meaning in _MEANINGS.items():
        yield _sum(meaning, cost.of(purpose))
    yield _sum("a month", cost.of())
    if asked.events:
        yield ""
    for meaning, purpose in (
        ("taken in", Purpose.INGEST),
        ("rolled up", Purpose.ROLLUP),
        (f"kept for {asked.retention_days} days", Purpose.KEEPING),
    ):
        a_million = cost.per_million(purpose)
        if a_million is not None:
            yield _sum(f"a million events, {meaning}", a_million)


_LEFT_OUT = "Not counted: traffic out of AWS, taxes."
_MEANINGS = {
    Purpose.IDLE: "idle: schedules, and queues that are looked at",
    Purpose.INGEST: "ingest: events taken in and logged",
    Purpose.ROLLUP: "rollup: events folded into counters",
    Purpose.KEEPING: "keeping: storage and recovery, once the retention is reached",
    Purpose.BILLING: "billing: invoices",
    Purpose.READS: "reads: console and API",
    Purpose.WATCHING: "watching: metrics and alarms",
}
_WIDTH = 106
# What is less than half of the last digit that is shown.
_NOTHING = Fraction(1, 20_000)


def _service(service: str, lines: Sequence[Line], dollars_in_all: Fraction) -> Iterator[str]:
    yield ""
    yield _sum(service, dollars_in_all)
    for price in dict.fromkeys(line.price for line in lines):
        yield f"  {price.what}: {shown_price(price)}"
    for line in lines:
        if line.dollars >= _NOTHING:
            quantity = f"{shown(line.amount.quantity)} {line.price.unit}"
            yield f"  {line.amount.purpose:<9}{line.amount.formula:<61}{quantity:>22}{dollars(line.dollars):>12}"


def _sum(what: str, value: Fraction) -> str:
    return f"{what:<{_WIDTH - 14}}{dollars(value):>14}"


def shown_price(price: Price) -> str:
    """Write a price: dollars, and for how many."""
    per = "" if price.per == 1 else f" / {price.per:,}"
    return f"${float(price.dollars):.10f}".rstrip("0").rstrip(".") + per
