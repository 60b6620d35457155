"""What a subscription is: which plan version holds when, and which of its billing periods are still open.

A subscription is a chain of *runs*: billing periods of one length and one anchor, one after the other. A change of plan
that splits a period or begins with one is another *phase* of the same run; one that ends the period is another run.
Periods are numbered over all runs, are derived from their anchor and are never stored: see ``timeline``.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from chalicelib.shared.billing_periods import Anchor, PeriodUnit
from chalicelib.shared.time import QuarterHour
from chalicelib.shared.values import dataclass


class Payment(StrEnum):
    """Whether usage is paid after the period or from credits."""

    POSTPAID = "postpaid"
    PREPAID = "prepaid"


class SubscriptionStatus(StrEnum):
    """Where a subscription is in its life; ``cancelling`` is active with an end ahead."""

    SCHEDULED = "scheduled"
    TRIAL = "trial"
    ACTIVE = "active"
    CANCELLING = "cancelling"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Terms:
    """What prices usage for a while: a plan version, with overrides as they were sent (JSON values)."""

    plan: str
    version: int
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Phase:
    """Terms that hold from an instant on, until the next phase or the end of the run."""

    start_at: datetime
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Billing periods of one unit and anchor from ``start_at`` until the next run or the end of the subscription.

    ``first_period`` is the number of the first of them. The first phase begins with the run.
    """

    start_at: datetime
    unit: PeriodUnit
    anchor: Anchor
    first_period: int
    phases: tuple[Phase, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlingPeriod:
    """A closed period whose usage may still change until ``late_usage_until``.

    ``touched`` tells that its counters were written after it had ended: it is rated again until that has been billed.
    A ``waived`` one still takes events, but they are billed no more.
    """

    number: int
    start: QuarterHour
    end: QuarterHour
    late_usage_until: datetime
    touched: bool = False
    waived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenedPeriod:
    """A period whose invoice was voided to be made again: it is a draft until it is finalized."""

    number: int
    attempt: int
    finalizes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingProgress:
    """How far a subscription has been billed.

    Periods below ``next_period`` are closed, but for the ``reopened`` ones. The advance fees of the service periods
    below ``advance_until`` are on some invoice, but for ``advance_missing``, whose invoices were voided.
    ``late_invoices`` counts the invoices of late usage alone.
    """

    next_period: int = 0
    advance_until: int = 0
    advance_missing: tuple[int, ...] = ()
    settling: tuple[SettlingPeriod, ...] = ()
    reopened: tuple[ReopenedPeriod, ...] = ()
    late_invoices: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscription of an organization. ``number`` counts an organization's subscriptions from 1.

    ``start_at`` is the exact start; with a trial the first run begins at its end, ``trial_end_at``. ``metered_from`` is
    the quarter-hour where its usage begins: the one that holds the start, unless an earlier subscription has that.
    ``end_at`` is where it ends or ended, exclusive. ``now`` decides about everything else.
    """

    organization: str
    number: int
    timezone: str
    start_at: datetime
    trial_end_at: datetime | None
    end_at: datetime | None
    metered_from: QuarterHour
    runs: tuple[Run, ...]
    payment: Payment
    spend_cap_minor: int | None
    created_at: datetime
    progress: BillingProgress = field(default_factory=BillingProgress)

    @property
    def id(self) -> str:
        """Name it: its organization is part of the id, so that it can be found by it."""
        return f"sub_{self.organization}.{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions:
    """All subscriptions of an organization, by number. ``version`` counts every change of any of them, and of progress.

    A command makes sure that the version it read still holds; so at most one subscription is active at a time.
    """

    organization: str
    version: int
    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The share of a period under one set of terms: usage of ``[start, end)``, local days of ``[first_on, end_on)``."""

    start_at: datetime
    end_at: datetime
    start: QuarterHour
    end: QuarterHour
    first_on: date
    end_on: date
    terms: Terms

    @property
    def days(self) -> int:
        """Count the local days covered."""
        return (self.end_on - self.first_on).days


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """One billing period: its exact bounds, its quarter-hours ``[start, end)``, and its parts in order, at least one.

    ``full_days`` counts the local days of the whole period as its anchor makes it, covered or not.
    """

    number: int
    start_at: datetime
    end_at: datetime
    start: QuarterHour
    end: QuarterHour
    full_days: int
    parts: tuple[Part, ...]

    @property
    def days(self) -> int:
        """Count the local days covered."""
        return sum(part.days for part in self.parts)

    @property
    def is_whole(self) -> bool:
        """Tell whether every local day of the full period is covered."""
        return self.days == self.full_days
