"""Grants: credit that is given once, in the organization's currency, and pays for usage inside its window.

A grant's window is ``[effective_at, end_at)``: it ends when it expires or, earlier, when it is voided. All amounts are
whole minor units. A grant's terms do not change but for its expiry; what happens to it is its ``Balance``.
"""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from chalicelib.credits.recurrence import Recurrence
from chalicelib.shared.time import microseconds
from chalicelib.shared.values import dataclass

MAX_PRIORITY = 100
DEFAULT_PRIORITY = 50
# Of invoices' own grants: money that was paid already, so it is spent before everything that was given.
FIRST_PRIORITY = 0
PAID_IN_FULL = Decimal(1)


class Scope(StrEnum):
    """Which lines a grant pays that names no charges: usage lines, or every line."""

    USAGE = "usage"
    ALL = "all"


# A set names charges: it narrows to these, and adds recurring ones among them.
AppliesTo: TypeAlias = Scope | AbstractSet[str]


class SourceKind(StrEnum):
    """Why a grant was made: an operator gave it, an invoice carried its excess over, or a credit note returned it."""

    OPERATOR = "operator"
    CARRIED = "carried"
    CREDIT_NOTE = "credit_note"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a grant comes from; ``invoice`` is the one that made it, and ``None`` for an operator's."""

    kind: SourceKind = SourceKind.OPERATOR
    invoice: str | None = None


class GrantStatus(StrEnum):
    """Where a grant is in its life."""

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    DEPLETED = "depleted"
    EXPIRED = "expired"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The terms of a grant. ``cost_basis`` is what was paid for each unit of credit, 0 for a promotion.

    ``expires_at`` may be changed, ``ended_at`` is set by a void; the earlier one ends the window. ``void_reason`` is
    kept until the ledger says it. With a recurrence this is the first of its occurrences; ``occurrence`` is 0 for it
    and for every grant that does not recur.
    """

    id: str
    name: str
    amount_minor: int
    effective_at: datetime
    created_at: datetime
    expires_at: datetime | None = None
    ended_at: datetime | None = None
    void_reason: str | None = None
    priority: int = DEFAULT_PRIORITY
    cost_basis: Decimal = Decimal(0)
    applies_to: AppliesTo = Scope.USAGE
    recurrence: Recurrence | None = None
    source: Source = Source()
    occurrence: int = 0

    @property
    def end_at(self) -> datetime | None:
        """Give the end of the window, exclusive; ``None`` when it has none."""
        ends = [end for end in (self.expires_at, self.ended_at) if end is not None]
        return min(ends, default=None)

    @property
    def is_voided(self) -> bool:
        """Tell whether a void ended it: one that only stops the series after its first grant has expired did not."""
        return self.ended_at is not None and (self.expires_at is None or self.ended_at < self.expires_at)

    @property
    def is_restricted(self) -> bool:
        """Tell whether it pays named charges only."""
        return not isinstance(self.applies_to, Scope)

    def has_begun(self, now: datetime) -> bool:
        """Tell whether it has become effective."""
        return self.effective_at <= now

    def has_ended(self, now: datetime) -> bool:
        """Tell whether its window is over."""
        return self.end_at is not None and self.end_at <= now

    def is_open(self, at: datetime) -> bool:
        """Tell whether an instant lies in its window: it pays from ``effective_at`` on and not at its end."""
        return self.has_begun(at) and not self.has_ended(at)

    def covers(self, charge: str | None, *, is_usage: bool) -> bool:
        """Tell whether it pays lines of a charge; ``None`` is a line without one, such as a one-off."""
        if isinstance(self.applies_to, Scope):
            return is_usage or self.applies_to is Scope.ALL
        return charge in self.applies_to


@dataclass(frozen=True, slots=True)
class Balance:
    """What became of a grant's amount, as far as the ledger and the holds say. Nothing is ever negative."""

    consumed_minor: int = 0
    expired_minor: int = 0
    voided_minor: int = 0
    held_minor: int = 0

    @property
    def used_minor(self) -> int:
        """Add up everything that is no longer free."""
        return self.consumed_minor + self.expired_minor + self.voided_minor + self.held_minor


@dataclass(frozen=True, slots=True)
class Allocation:
    """A grant with its balance."""

    grant: Grant
    balance: Balance = Balance()

    @property
    def left_minor(self) -> int:
        """Give what is neither consumed, expired, voided nor held, whether the window is open or not."""
        return self.grant.amount_minor - self.balance.used_minor

    @property
    def ends_as_void(self) -> bool:
        """Tell whether what is left when the window has ended is voided; otherwise it expires.

        What comes back to a grant after its void was booked expires like anything else.
        """
        return self.grant.is_voided and self.balance.voided_minor == 0

    def at(self, now: datetime, *, pending_minor: int = 0) -> Balance:
        """Give the balance with what has ended by now, whether the ledger has booked it yet or not.

        What open drafts draw has not ended: they may still do so. ``pending_minor`` is below 0 where more comes back.
        """
        known = self.balance
        if not self.grant.has_ended(now):
            return known
        ended_minor = self.left_minor - pending_minor
        if self.ends_as_void:
            return replace(known, voided_minor=known.voided_minor + ended_minor)
        return replace(known, expired_minor=known.expired_minor + ended_minor)

    def remaining_minor(self, now: datetime, *, pending_minor: int = 0) -> int:
        """Give what can be drawn now or later: what is left beyond what drafts draw, unless the window has ended."""
        return 0 if self.grant.has_ended(now) else self.left_minor - pending_minor

    def status(self, now: datetime) -> GrantStatus:
        """Tell where the grant is in its life."""
        if self.balance.consumed_minor == self.grant.amount_minor:
            return GrantStatus.DEPLETED
        if self.grant.is_voided:
            return GrantStatus.VOIDED
        if not self.grant.has_begun(now):
            return GrantStatus.SCHEDULED
        return GrantStatus.EXPIRED if self.grant.has_ended(now) else GrantStatus.ACTIVE


# Priority, no expiry?, expiry, cost basis, unrestricted?, effective, created, id and number of the occurrence.
DrawdownKey: TypeAlias = tuple[int, bool, int, Decimal, bool, int, int, str, int]


def drawdown_key(grant: Grant) -> DrawdownKey:
    """Make the key that sorts grants in the order of drawdown (docs/rules.md 5.2); no two grants have the same.

    Priority, low first; expires soonest, never last; lower cost basis; restricted before unrestricted; effective
    earliest; created earliest; id. Instants are microseconds since 1970.
    """
    return (
        grant.priority,
        grant.expires_at is None,
        0 if grant.expires_at is None else microseconds(grant.expires_at),
        grant.cost_basis,
        not grant.is_restricted,
        microseconds(grant.effective_at),
        microseconds(grant.created_at),
        first_id(grant.id),
        grant.occurrence,
    )


def occurrence_id(first: str, number: int) -> str:
    """Name an occurrence: the first one's id, for each later one with its number behind a point."""
    return f"{first}.{number}" if number else first


def first_id(grant: str) -> str:
    """Name the first occurrence of the series that a grant belongs to: itself when it does not recur."""
    return grant.partition(".")[0]


def occurrence_number(grant: str) -> int:
    """Read the number of an occurrence out of its id."""
    return int(grant.partition(".")[2] or 0)


def occurrence_of(first: Grant, number: int) -> Grant:
    """Derive an occurrence from the first one's terms: effective at its anchor, with a window of its own.

    It has been created when the first was, and neither a void nor a changed expiry of the first is its own.
    """
    assert first.recurrence is not None
    starts, ends = first.recurrence.window(first.effective_at, number)
    return Grant(
        id=occurrence_id(first.id, number),
        name=first.name,
        amount_minor=first.amount_minor,
        effective_at=starts,
        created_at=first.created_at,
        expires_at=ends,
        priority=first.priority,
        cost_basis=first.cost_basis,
        applies_to=first.applies_to,
        source=first.source,
        occurrence=number,
    )


def invoice_credit(*, id: str, name: str, amount_minor: int, source: Source, now: datetime) -> Grant:  # noqa: A002
    """Make the grant of what an invoice carries over or a credit note returns (docs/rules.md 4.2).

    It was paid for in full, pays every line, is spent first and never expires.
    """
    assert source.invoice is not None, "it names the invoice that made it"
    return Grant(
        id=id,
        name=name,
        amount_minor=amount_minor,
        effective_at=now,
        created_at=now,
        priority=FIRST_PRIORITY,
        cost_basis=PAID_IN_FULL,
        applies_to=Scope.ALL,
        source=source,
    )
