"""Drafts as the tests of drawdown write them: dates of 2026, amounts in cents, the answer as grants with amounts."""

from datetime import datetime
from typing import Any, TypeAlias

from chalicelib.credits.drawdown import Drawdowns, Drawn, PayableDraft, PayableLine, Slice, draw_down, paying
from chalicelib.credits.grants import Allocation, Balance, Grant
from chalicelib.shared.time import quarter_hour_of
from tests.credits.build import at

# What each grant pays, in the order in which it paid first.
Paid: TypeAlias = dict[str, int]


def piece(day: str, amount_minor: int) -> Slice:
    """Make a slice that begins at ``01-05`` or ``01-05T12:30``."""
    begins = at(day)
    return Slice(quarter_hour_of(begins), begins.date(), amount_minor)


def usage(*slices: tuple[str, int], name: str = "tokens", paid: tuple[Drawn, ...] = ()) -> PayableLine:
    """Make a usage line of a charge; its id is the charge's."""
    return PayableLine(id=name, charge=name, is_usage=True, slices=tuple(piece(*one) for one in slices), paid=paid)


def fee(day: str, amount_minor: int, *, name: str | None = "base", paid: tuple[Drawn, ...] = ()) -> PayableLine:
    """Make the line of a recurring fee, or of a one-off without a charge, that counts at an instant."""
    slices = (piece(day, amount_minor),)
    return PayableLine(id=name or "one-off", charge=name, is_usage=False, slices=slices, paid=paid)


def had_paid(grant: str, day: str, amount_minor: int) -> Drawn:
    """Say what a grant had paid for a day of what a line takes back."""
    return Drawn(grant, at(day).date(), amount_minor)


def draft(*lines: PayableLine, invoice: str = "inv_1") -> PayableDraft:
    """Make a draft of lines."""
    return PayableDraft(invoice=invoice, lines=lines)


def left(one: Grant, **balance: int) -> Allocation:
    """Make a grant with its balance, such as ``consumed_minor=500``."""
    return Allocation(one, Balance(**balance))


def drawdowns(
    drafts: list[PayableDraft], *grants: Grant | Allocation, now: str = "12-31", since: str = "01-01"
) -> Drawdowns:
    """Draw down with grants in any order, as of ``now``."""
    allocations = [one if isinstance(one, Allocation) else Allocation(one) for one in grants]
    instant: datetime = at(now)
    return draw_down(drafts, paying(allocations, since=quarter_hour_of(at(since)), now=instant)).lines


def by_grant(found: Drawdowns, line: str = "tokens", invoice: str = "inv_1") -> Paid:
    """Add up what each grant pays of a line."""
    paid: Paid = {}
    for one in found.get((invoice, line), ()):
        paid[one.grant] = paid.get(one.grant, 0) + one.amount_minor
    return paid


def pays(lines: PayableLine | list[PayableLine], *grants: Grant | Allocation, **said: Any) -> Paid:
    """Tell what each grant pays of the first of some lines that stand on one draft."""
    listed = lines if isinstance(lines, list) else [lines]
    return by_grant(drawdowns([draft(*listed)], *grants, **said), listed[0].id)
