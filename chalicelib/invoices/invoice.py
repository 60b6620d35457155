"""What an invoice is: lines, totals, taxes, payments (docs/rules.md, sections 3 and 4).

All amounts are whole minor units of the invoice's currency. ``subtotal`` is the sum of all lines but the discount;
``total = subtotal - discount - credits_applied + tax``. A line's ``net_minor`` is what it adds to subtotal less
discount; cap and discount lines have none, because the lines they lower are already net of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from chalicelib.shared.values import dataclass


class LineKind(StrEnum):
    """What a line charges."""

    USAGE = "usage"
    RECURRING = "recurring"
    MINIMUM = "minimum"
    CAP = "cap"
    DISCOUNT = "discount"
    LATE_USAGE = "late_usage"
    ONE_OFF = "one_off"
    CARRIED_TO_CREDIT = "carried_to_credit"


class InvoiceStatus(StrEnum):
    """Whether an invoice may still change."""

    DRAFT = "draft"
    FINALIZED = "finalized"
    VOID = "void"


class PaymentStatus(StrEnum):
    """What has been paid of a finalized invoice."""

    UNPAID = "unpaid"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    OVERDUE = "overdue"
    UNCOLLECTIBLE = "uncollectible"


@dataclass(frozen=True, slots=True)
class Interval:
    """Instants ``[start_at, end_at)``."""

    start_at: datetime
    end_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TierAmount:
    """What the units in one tier (or all of them) cost: exact, in major units.

    ``first`` and ``last`` bound the tier, ``last`` included and ``None`` for no bound. ``flat_fee`` is zero where none
    was due.
    """

    first: Decimal
    last: Decimal | None
    quantity: Fraction
    unit_price: Decimal
    flat_fee: Fraction
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Origin:
    """The closed period that a line of late usage belongs to, with the invoice it was billed on, if there was one."""

    invoice: str | None
    number: str | None
    period: Interval


@dataclass(frozen=True, slots=True)
class LineCredit:
    """What a grant pays of a line; negative where a negative line gives back.

    ``by_day`` shares the amount out over the local days of the usage that it pays.
    """

    grant: str
    name: str
    amount_minor: int
    by_day: Mapping[date, int] = field(default_factory=dict)


def by_grant(credits_moved: Iterable[LineCredit]) -> tuple[LineCredit, ...]:
    """Add up credits of the same grant, in the order in which grants come first."""
    found: dict[str, LineCredit] = {}
    for one in credits_moved:
        known = found.get(one.grant)
        days = dict(known.by_day) if known is not None else {}
        for day, minor in one.by_day.items():
            days[day] = days.get(day, 0) + minor
        amount_minor = one.amount_minor + (0 if known is None else known.amount_minor)
        found[one.grant] = LineCredit(one.grant, one.name, amount_minor, dict(sorted(days.items())))
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class DimensionShare:
    """The quantity of one combination of dimension values; ``None`` stands for all those that are not listed."""

    dimensions: Mapping[str, str] | None
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line. ``id`` is unique on its invoice and stays the same from the draft on.

    ``group`` names the dimension value it prices. ``by_day`` has the quantity of each local day with usage,
    ``by_dimension`` that of the greatest combinations of dimension values.
    """

    id: str
    kind: LineKind
    charge: str | None
    name: str
    service_period: Interval
    quantity: Decimal | None
    amount_minor: int
    net_minor: int
    meter: str | None = None
    unit: str | None = None
    unit_price: Decimal | None = None
    group: Mapping[str, str] | None = None
    tiers: tuple[TierAmount, ...] = ()
    credits: tuple[LineCredit, ...] = ()
    origin: Origin | None = None
    formula: str = ""
    by_day: Mapping[date, Decimal] = field(default_factory=dict)
    by_dimension: tuple[DimensionShare, ...] = ()


@dataclass(frozen=True, slots=True)
class TaxAmount:
    """One tax: ``percent`` is 19 for 19 %."""

    name: str
    percent: Decimal
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePayment:
    """Money that was received for an invoice; a reversed one no longer counts."""

    id: str
    amount_minor: int
    paid_at: datetime
    reference: str
    reversed_at: datetime | None = None
    reversal_reason: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """Where the credit ledger stood when the invoice was finalized."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class CreditedLine:
    """What a credit note takes back of one line, net and before tax; ``reversed`` goes back to its grants."""

    line: str
    amount_minor: int
    reversed: tuple[LineCredit, ...] = ()


class CreditTo(StrEnum):
    """Where a credit note's part of what was paid goes."""

    CREDIT = "credit"
    REFUND = "refund"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNote:
    """A note that takes back a part of a finalized invoice.

    ``net_minor`` is the sum of its lines. What grants paid of it goes back to them, the rest is money:
    with its ``taxes`` it first lowers what is due (``credited_minor``), the remainder was paid already and becomes a
    refund (``refunded_minor``) or, net of tax, a grant (``granted_minor``).
    """

    number: int
    invoice: str
    lines: tuple[CreditedLine, ...]
    reason: str
    to: CreditTo
    issued_at: datetime
    taxes: tuple[TaxAmount, ...]
    credited_minor: int
    refunded_minor: int = 0
    granted_minor: int = 0
    grant: str | None = None

    @property
    def reversed(self) -> tuple[LineCredit, ...]:
        """Add up what goes back to grants, in the order in which they come first."""
        return by_grant(credit for line in self.lines for credit in line.reversed)

    @property
    def net_minor(self) -> int:
        """Add up its lines."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def tax_minor(self) -> int:
        """Add up its taxes."""
        return sum(tax.amount_minor for tax in self.taxes)


@dataclass(frozen=True, slots=True)
class Party:
    """Who sells or who buys, as the invoice shows it: texts by field, in order; ``None`` where nothing is known."""

    fields: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """The plan version that priced an invoice."""

    key: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What of an invoice never changes once it is finalized."""

    lines: tuple[Line, ...]
    taxes: tuple[TaxAmount, ...]
    period: Interval
    plan: PlanVersion | None
    seller: Party
    buyer: Party

    @property
    def subtotal_minor(self) -> int:
        """Add up all lines but the discount."""
        return sum(line.amount_minor for line in self.lines if line.kind is not LineKind.DISCOUNT)

    @property
    def discount_minor(self) -> int:
        """Give the discount as a positive amount."""
        return -sum(line.amount_minor for line in self.lines if line.kind is LineKind.DISCOUNT)

    @property
    def credits_minor(self) -> int:
        """Add up what grants pay."""
        return sum(credit.amount_minor for line in self.lines for credit in line.credits)

    @property
    def taxable_minor(self) -> int:
        """Give what taxes are computed on: what is left for money, never below 0."""
        return max(0, self.subtotal_minor - self.discount_minor - self.credits_minor)

    @property
    def tax_minor(self) -> int:
        """Add up the taxes."""
        return sum(tax.amount_minor for tax in self.taxes)

    @property
    def total_minor(self) -> int:
        """Give what is to be paid in money."""
        return self.subtotal_minor - self.discount_minor - self.credits_minor + self.tax_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What may change of a finalized invoice: payments, credit notes, status."""

    payments: tuple[InvoicePayment, ...] = ()
    credit_notes: tuple[CreditNote, ...] = ()
    uncollectible_reason: str | None = None
    void_reason: str | None = None
    voided_at: datetime | None = None
    regenerated: bool = False
    is_overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A draft or an invoice. A draft has no ``number`` and no ``issued_at``; ``as_of`` is when it was computed.

    ``blocked`` says why a draft cannot be finalized. ``due_at`` is exclusive: unpaid from then on it is overdue.
    """

    id: str
    organization: str
    currency: str
    content: Content
    standing: Standing = field(default_factory=Standing)
    number: int | None = None
    issued_at: datetime | None = None
    due_at: datetime | None = None
    finalizes_at: datetime | None = None
    late_usage_until: datetime | None = None
    ledger_head: LedgerHead | None = None
    blocked: tuple[str, ...] = ()
    as_of: datetime

    @property
    def status(self) -> InvoiceStatus:
        """Tell whether it may still change."""
        if self.number is None:
            return InvoiceStatus.DRAFT
        return InvoiceStatus.VOID if self.standing.void_reason is not None else InvoiceStatus.FINALIZED

    @property
    def paid_minor(self) -> int:
        """Add up the payments that count."""
        return sum(one.amount_minor for one in self.standing.payments if one.reversed_at is None)

    @property
    def credited_minor(self) -> int:
        """Add up what credit notes took away from what was due."""
        return sum(note.credited_minor for note in self.standing.credit_notes)

    @property
    def refunded_minor(self) -> int:
        """Add up what credit notes gave back of what had been paid, as money."""
        return sum(note.refunded_minor for note in self.standing.credit_notes)

    @property
    def due_minor(self) -> int:
        """Give what is still to be paid; a draft's is its total, a void one's is 0."""
        if self.status is InvoiceStatus.VOID:
            return 0
        return self.content.total_minor - self.paid_minor - self.credited_minor
