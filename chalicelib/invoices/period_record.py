"""What has been billed for a period, and on which invoices: the memory that keeps late usage from being billed twice.

There is one record for everything that has an invoice of its own (a period, an advance fee, late usage alone, a
one-off), under the invoice's name. It maps attempts to invoice numbers, so that an invoice is found by its id.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import date, datetime
from decimal import Decimal, localcontext
from enum import StrEnum

from chalicelib.credits.drawdown import Drawn
from chalicelib.invoices import line_credits
from chalicelib.invoices.invoice import Interval, PlanVersion
from chalicelib.shared.numbers import EXACT
from chalicelib.shared.values import dataclass

ZERO = Decimal(0)


class PeriodState(StrEnum):
    """What became of a period: invoiced, closed without anything to bill, or given up by voiding its invoice."""

    OPEN = "open"
    INVOICED = "invoiced"
    SKIPPED = "skipped"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class Billed:
    """What was billed for one charge of a period: net with its minimum, for which quantity, by local day.

    ``drawn`` is what grants paid of it and did not get back, oldest first; ``noted_minor`` what credit notes took back.
    """

    net_minor: int
    quantity: Decimal = ZERO
    by_day: Mapping[date, Decimal] = field(default_factory=dict)
    drawn: tuple[Drawn, ...] = ()
    noted_minor: int = 0

    @property
    def outstanding_minor(self) -> int:
        """Give what was billed and not taken back: no invoice and no note gives back more than that."""
        return max(0, self.net_minor - self.noted_minor)

    def __add__(self, other: "Billed") -> "Billed":
        with localcontext(EXACT):
            days = {
                day: self.by_day.get(day, ZERO) + other.by_day.get(day, ZERO)
                for day in sorted({*self.by_day, *other.by_day})
            }
            quantity = self.quantity + other.quantity
        kept = {day: one for day, one in days.items() if one != 0}
        drawn = line_credits.add_up(self.drawn, other.drawn)
        return Billed(self.net_minor + other.net_minor, quantity, kept, drawn, self.noted_minor + other.noted_minor)

    def __neg__(self) -> "Billed":
        days = {day: one.copy_negate() for day, one in self.by_day.items()}
        return Billed(-self.net_minor, self.quantity.copy_negate(), days, line_credits.negated(self.drawn))


NOTHING = Billed(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """One invoice's part: its id and number, when what it saw was read, and what it billed by key of the charge.

    ``read_id`` is a sort id of the real clock: events received under a smaller one were seen.
    """

    invoice: str
    number: int
    read_id: str
    amounts: Mapping[str, Billed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledFee:
    """An advance fee that was charged for the period: on which line of which invoice, and what it comes to by now.

    ``drawn`` is what grants paid of it and did not get back, oldest first; ``noted_minor`` what credit notes took back.
    """

    invoice: str
    line: str
    net_minor: int
    drawn: tuple[Drawn, ...] = ()
    noted_minor: int = 0

    @property
    def outstanding_minor(self) -> int:
        """Give what was charged and not taken back."""
        return max(0, self.net_minor - self.noted_minor)

    def difference_minor(self, due_minor: int) -> int:
        """Tell what an invoice has to charge, or give back, so that the fee comes to what is due now."""
        return max(due_minor - self.net_minor, -self.outstanding_minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRecord:
    """What is known of one name, priced by ``plan``. ``own`` is the latest attempt's billing, while that is not void.

    ``numbers`` has the invoice number of each attempt and ``reads`` the sort id of its read, ``late`` the later
    invoices with lines for this period, in order, and ``advance`` the fees by key of the charge.
    """

    name: str
    state: PeriodState = PeriodState.OPEN
    plan: PlanVersion | None = None
    period: Interval | None = None
    late_usage_until: datetime | None = None
    numbers: Mapping[int, int] = field(default_factory=dict)
    reads: Mapping[int, str] = field(default_factory=dict)
    own: Billing | None = None
    late: tuple[Billing, ...] = ()
    advance: Mapping[str, BilledFee] = field(default_factory=dict)

    def billed(self) -> dict[str, Billed]:
        """Add up what has been billed for each charge, over all invoices."""
        return add_up(billing.amounts for billing in ((self.own,) if self.own is not None else ()) + self.late)

    def billed_elsewhere(self) -> dict[str, Billed]:
        """Add up what other invoices than the period's own have billed for each charge."""
        return add_up(billing.amounts for billing in self.late)

    def without_late(self, invoice: str) -> "PeriodRecord":
        """Forget the late usage on an invoice that was voided."""
        return replace(self, late=tuple(billing for billing in self.late if billing.invoice != invoice))


def add_up(parts: Iterable[Mapping[str, Billed]]) -> dict[str, Billed]:
    """Add up what some invoices billed, by charge."""
    found: dict[str, Billed] = {}
    for part in parts:
        for key, billed in part.items():
            found[key] = found.get(key, NOTHING) + billed
    return found
