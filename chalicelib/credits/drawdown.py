"""Drawdown: which grants pay which usage, by the time of use (docs/rules.md 5.2 and 5.3).

The lines of all open drafts are cut into slices by time. Slices are taken in the order of time, then draft, then line;
each is paid by the grants whose window holds it and whose scope covers the line, in the order of drawdown, as far as
each goes. What no grant pays stays due: a later grant does not reach back.

A negative slice first lowers what is due for its own line, then gives back what the line has drawn, latest first. A
line that takes back what an earlier invoice charged brings along what had ``paid`` for that, and gives it back the same
way. Such credit is free for lines of the same draft at once, for other drafts once it is in the ledger: so whichever
draft is finalized first, every grant has what the draft draws.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

from chalicelib.credits.grants import Allocation, Grant, drawdown_key
from chalicelib.shared.time import QuarterHour, ceil_quarter_hour, local_day_start, quarter_hour_of


@dataclass(frozen=True, slots=True)
class Slice:
    """What a line comes to in a stretch of time that begins with ``at``, on the local ``day``; may be negative."""

    at: QuarterHour
    day: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a grant pays for usage of a local day; negative where it gets that back."""

    grant: str
    day: date
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PayableLine:
    """A line of a draft, cut into slices in the order of time, which add up to its net.

    ``charge`` is ``None`` for a line without one. ``paid`` is what had paid for what the line takes back, oldest first.
    """

    id: str
    charge: str | None
    is_usage: bool
    slices: tuple[Slice, ...]
    paid: tuple[Drawn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PayableDraft:
    """The lines of a draft that credit may pay, in their order."""

    invoice: str
    lines: tuple[PayableLine, ...]


# By invoice and line: what each grant pays of it for each day, in the order in which it was drawn first.
Drawdowns: TypeAlias = dict[tuple[str, str], tuple[Drawn, ...]]


def window_of(grant: Grant) -> tuple[QuarterHour, QuarterHour | None]:
    """Give a grant's window in quarter-hours, its start floored, its end ceiled (docs/rules.md 1.4).

    One that ends before it has begun is empty, and stays so where both lie in one quarter-hour.
    """
    start, end_at = quarter_hour_of(grant.effective_at), grant.end_at
    if end_at is None:
        return start, None
    return start, ceil_quarter_hour(end_at) if grant.effective_at < end_at else start


def is_open_at(grant: Grant, at: QuarterHour) -> bool:
    """Tell whether a grant's window holds a quarter-hour."""
    start, end = window_of(grant)
    return start <= at and (end is None or at < end)


def effective_at(grant: Grant, days: Iterable[date], zone: ZoneInfo) -> datetime:
    """Tell from when on a drawdown for some local days pays: from the first of them, or from the grant's beginning."""
    return max(grant.effective_at, local_day_start(min(days), zone))


def paying(allocations: Iterable[Allocation], *, since: QuarterHour, now: datetime) -> list[Allocation]:
    """List the grants that may pay for something from ``since`` on, in the order of drawdown.

    They have begun by now, their window reaches beyond ``since``, and they have something left or may get it back.
    """
    found = [one for one in allocations if _may_pay(one, since, now)]
    return sorted(found, key=lambda one: drawdown_key(one.grant))


def _may_pay(one: Allocation, since: QuarterHour, now: datetime) -> bool:
    start, end = window_of(one.grant)
    is_open = one.grant.has_begun(now) and (end is None or (since < end and start < end))
    return is_open and (one.left_minor > 0 or one.balance.consumed_minor > 0)


def window_cuts(allocations: Iterable[Allocation]) -> set[QuarterHour]:
    """Give the quarter-hours at which windows begin and end: where slices have to be cut."""
    windows = [window_of(one.grant) for one in allocations]
    return {bound for window in windows for bound in window if bound is not None}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What grants pay of ``lines``, and how much of what was left of each grant by id drafts rest on, at the most.

    Whatever is taken away of the rest of a grant changes nothing of that.
    """

    lines: Drawdowns
    taken: Mapping[str, int]


def draw_down(drafts: Sequence[PayableDraft], grants: Sequence[Allocation]) -> Outcome:
    """Decide what each grant pays of each line; ``grants`` are in the order of drawdown (``paying`` gives them).

    Slices must not reach over a bound of a grant's window. Lines of which no grant pays anything are left out. Of each
    line 0 <= credits <= net, the other way round where net is negative; of each grant, all drafts together draw no
    more than is left of it, besides what goes back into it.
    """
    grants_left = _GrantsLeft(grants)
    lines = [(draft.invoice, _Line(draft.invoice, line)) for draft in drafts for line in draft.lines]
    steps = [(one.at, place, one) for place, (_, line) in enumerate(lines) for one in line.line.slices]
    # Places count through drafts in their order and lines in theirs; a line's own slices stay in order.
    steps.sort(key=lambda step: step[:2])
    for at, place, one in steps:
        line = lines[place][1]
        if one.amount_minor > 0:
            line.pay(one, grants_left.open_at(at))
        else:
            line.give_back(-one.amount_minor, grants_left)
    found = {(invoice, line.line.id): drawn for invoice, line in lines if (drawn := line.drawn())}
    return Outcome(found, grants_left.taken())


@dataclass(slots=True)
class _Payment:
    """A part of what was paid; ``is_back`` for credit that had come back to the draft, and goes there again."""

    grant: str
    day: date
    amount_minor: int
    is_back: bool


class _GrantLeft:
    """What a grant has for slices: what is left of it for all, and what came back for the lines of one draft."""

    def __init__(self, one: Allocation) -> None:
        self.grant = one.grant
        self.left_minor = self.lowest_minor = one.left_minor
        self.back: dict[str, int] = {}
        self._start, self._end = window_of(one.grant)

    def is_open(self, at: QuarterHour) -> bool:
        return self._start <= at and (self._end is None or at < self._end)

    def take(self, minor: int) -> None:
        self.left_minor -= minor
        self.lowest_minor = min(self.lowest_minor, self.left_minor)

    def put_back(self, payment: _Payment, minor: int, invoice: str) -> None:
        if payment.is_back:
            self.back[invoice] = self.back.get(invoice, 0) + minor
        else:
            self.left_minor += minor


class _GrantsLeft:
    """All grants_left, in the order of drawdown. Which are open is told again only where that may have changed."""

    def __init__(self, grants: Sequence[Allocation]) -> None:
        self._grants = grants
        self._by_grant = {one.grant.id: _GrantLeft(one) for one in grants}
        self._open: tuple[QuarterHour, list[_GrantLeft]] | None = None

    def open_at(self, at: QuarterHour) -> Sequence[_GrantLeft]:
        """List the grants_left that are open and were not empty: of many grants, most are spent."""
        if self._open is None or self._open[0] != at:
            filled = (grant_left for grant_left in self._by_grant.values() if grant_left.left_minor or grant_left.back)
            self._open = at, [grant_left for grant_left in filled if grant_left.is_open(at)]
        return self._open[1]

    def taken(self) -> dict[str, int]:
        """Tell how much of what was left of each grant was taken at the most."""
        taken = {one.grant.id: one.left_minor - self._by_grant[one.grant.id].lowest_minor for one in self._grants}
        return {grant: minor for grant, minor in taken.items() if minor}

    def put_back(self, payment: _Payment, minor: int, invoice: str) -> None:
        """Put a part of a payment where it came from; a grant that pays nothing any more has no grant_left."""
        grant_left = self._by_grant.get(payment.grant)
        if grant_left is not None:
            grant_left.put_back(payment, minor, invoice)
            self._open = None


@dataclass(slots=True)
class _Line:
    """A line while its slices are taken: what is due of it in money, and what paid the rest, oldest first."""

    invoice: str
    line: PayableLine
    payments: list[_Payment] = field(init=False)
    due_minor: int = 0
    _credits: dict[tuple[str, date], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.payments = [_Payment(one.grant, one.day, one.amount_minor, is_back=True) for one in self.line.paid]

    def pay(self, one: Slice, grants_left: Sequence[_GrantLeft]) -> None:
        """Pay a slice from the grants_left that are open, in their order; the rest is due.

        What was taken back in money is owed to the payer, and comes first.
        """
        owed_minor = min(one.amount_minor, max(0, -self.due_minor))
        self.due_minor += owed_minor
        missing_minor = one.amount_minor - owed_minor
        for grant_left in grants_left:
            if missing_minor == 0:
                break
            if grant_left.grant.covers(self.line.charge, is_usage=self.line.is_usage):
                missing_minor -= self._take(grant_left, one.day, missing_minor)
        self.due_minor += missing_minor

    def _take(self, grant_left: _GrantLeft, day: date, wanted_minor: int) -> int:
        """Take credit out of a grant_left, what came back to this draft first; answers how much there was."""
        back_minor = min(wanted_minor, grant_left.back.get(self.invoice, 0))
        if back_minor:
            grant_left.back[self.invoice] -= back_minor
            self._pay(_Payment(grant_left.grant.id, day, back_minor, is_back=True))
        left_minor = min(wanted_minor - back_minor, grant_left.left_minor)
        if left_minor:
            grant_left.take(left_minor)
            self._pay(_Payment(grant_left.grant.id, day, left_minor, is_back=False))
        return back_minor + left_minor

    def _pay(self, payment: _Payment) -> None:
        self.payments.append(payment)
        self._credit(payment, payment.amount_minor)

    def _credit(self, payment: _Payment, minor: int) -> None:
        key = (payment.grant, payment.day)
        self._credits[key] = self._credits.get(key, 0) + minor

    def give_back(self, minor: int, grants_left: _GrantsLeft) -> None:
        """Take back so much of the line: what is due first, then payments, the latest first; the rest is money."""
        lowered_minor = min(minor, max(0, self.due_minor))
        self.due_minor -= lowered_minor
        minor -= lowered_minor
        while minor and self.payments:
            payment = self.payments[-1]
            returned_minor = min(minor, payment.amount_minor)
            payment.amount_minor -= returned_minor
            minor -= returned_minor
            self._credit(payment, -returned_minor)
            grants_left.put_back(payment, returned_minor, self.invoice)
            if payment.amount_minor == 0:
                self.payments.pop()
        self.due_minor -= minor

    def drawn(self) -> tuple[Drawn, ...]:
        """Tell what each grant pays of the line by day; what was given back is negative."""
        return tuple(Drawn(grant, day, minor) for (grant, day), minor in self._credits.items() if minor)
