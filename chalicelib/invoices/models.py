"""The shapes of requests and answers about invoices."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from chalicelib.invoices.invoice import CreditTo, InvoiceStatus, LineKind, PaymentStatus
from chalicelib.platform.fields import (
    AnswerModel,
    Exact,
    Form,
    Instant,
    Line,
    ListQuery,
    Name,
    Note,
    OrganizationId,
    RequestModel,
    Schema,
    WholeNumberOnly,
)
from chalicelib.shared.values import dataclass

MAX_LINES = 1_000


@dataclass(frozen=True)
class LineIdForm(Form):
    """The id of a line of an invoice."""

    def read(self, value: Any) -> str:
        """Read the text as it is; which lines there are depends on the invoice."""
        if not isinstance(value, str) or not 1 <= len(value) <= 200:
            raise ValueError("must be the id of a line")
        return value

    def schema(self) -> Schema:
        """Show an example."""
        return {"type": "string", "minLength": 1, "maxLength": 200, "examples": ["usage-tokens"]}


Amount = Annotated[Decimal, Exact(above=Decimal(0))]
NotNegative = Annotated[Decimal, Exact(at_least=Decimal(0))]
Reference = Annotated[str, Line(at_most=200)]


class InvoiceQuery(ListQuery):
    """Which invoices of an organization to list."""

    status: InvoiceStatus | None = None
    payment_status: PaymentStatus | None = None


class AllInvoicesQuery(InvoiceQuery):
    """Which invoices to list. Without ``organization`` drafts, which are not stored, are left out."""

    from_: Instant | None = Field(default=None, alias="from", description="Issued at this instant or later.")
    to: Instant | None = Field(default=None, description="Issued before this instant.")
    organization: OrganizationId | None = None


class NewPayment(RequestModel):
    """Money received. ``reference`` names it once on an invoice: sent again it changes nothing."""

    amount: Amount
    paid_at: Instant | None = None
    reference: Reference


class ReasonBody(RequestModel):
    """Why something is done."""

    reason: Note


class VoidBody(RequestModel):
    """Why an invoice is void; ``regenerate`` makes a new draft for its period, else the period is given up."""

    reason: Note
    regenerate: bool = False


class CreditedLineShape(RequestModel):
    """How much of a line's net is taken back."""

    line: Annotated[str, LineIdForm()]
    amount: Amount


class NewCreditNote(RequestModel):
    """A credit note. ``to`` decides about the part that was paid: credit, or money back."""

    lines: Annotated[list[CreditedLineShape], Field(min_length=1, max_length=MAX_LINES)]
    reason: Note
    to: CreditTo = Field(strict=False)


class OneOffLineShape(RequestModel):
    """Something sold once."""

    name: Name
    quantity: Amount
    unit_price: NotNegative


class NewInvoice(RequestModel):
    """A one-off invoice, issued at once."""

    lines: Annotated[list[OneOffLineShape], Field(min_length=1, max_length=MAX_LINES)]
    net_days: Annotated[int, WholeNumberOnly(0, 365)] = 30


class IntervalAnswer(AnswerModel):
    """Instants from ``start`` up to, not including, ``end``."""

    start: str
    end: str


class TierAnswer(AnswerModel):
    """What the units in one tier cost."""

    from_: str = Field(alias="from")
    to: str | None
    quantity: str
    unit_price: str
    flat_fee: str
    amount: str


class LineCreditAnswer(AnswerModel):
    """What a grant pays of a line."""

    grant: str
    name: str
    amount: str


class OriginAnswer(AnswerModel):
    """The closed period that a line of late usage belongs to, and its invoice if it had one."""

    invoice: str | None
    number: str | None
    period: IntervalAnswer


class LineAnswer(AnswerModel):
    """A line of an invoice."""

    id: str
    kind: LineKind
    charge: str | None
    name: str
    meter: str | None
    unit: str | None
    group: dict[str, str] | None
    service_period: IntervalAnswer
    quantity: str | None
    unit_price: str | None
    amount: str
    net: str
    tiers: list[TierAnswer]
    credits: list[LineCreditAnswer]
    origin: OriginAnswer | None


class TaxAnswer(AnswerModel):
    """One tax."""

    name: str
    percent: str
    amount: str


class PaymentAnswer(AnswerModel):
    """A payment."""

    id: str
    amount: str
    paid_at: str
    reference: str
    reversed: bool


class NoteOfInvoiceAnswer(AnswerModel):
    """A credit note as its invoice lists it."""

    id: str
    number: str
    net: str
    tax: str
    to: CreditTo
    issued_at: str


class PlanVersionAnswer(AnswerModel):
    """The plan version that priced an invoice."""

    key: str
    version: int


class LedgerHeadAnswer(AnswerModel):
    """Where the credit ledger stood when the invoice was finalized."""

    seq: int
    hash: str


class BlockedAnswer(AnswerModel):
    """Why a draft cannot be finalized."""

    reason: str


class InvoiceAnswer(AnswerModel):
    """An invoice, or a draft: computed when it is read, right as of ``as_of``."""

    id: str
    number: str | None
    organization: str
    status: InvoiceStatus
    payment_status: PaymentStatus | None
    currency: str
    period: IntervalAnswer
    issued_at: str | None
    due_at: str | None
    finalizes_at: str | None
    lines: list[LineAnswer]
    subtotal: str
    discount: str
    credits_applied: str
    tax: str
    taxes: list[TaxAnswer]
    total: str
    amount_paid: str
    amount_credited: str
    amount_refunded: str
    amount_due: str
    payments: list[PaymentAnswer]
    credit_notes: list[NoteOfInvoiceAnswer]
    void_reason: str | None
    late_usage_until: str | None
    plan: PlanVersionAnswer | None
    seller: dict[str, str | None]
    buyer: dict[str, str | None]
    ledger_head: LedgerHeadAnswer | None
    blocked: list[BlockedAnswer]
    as_of: str


class InvoiceList(AnswerModel):
    """A page of invoices."""

    data: list[InvoiceAnswer]
    next_cursor: str | None


class CreditedLineAnswer(AnswerModel):
    """How much of a line's net was taken back."""

    line: str
    amount: str


class ReversedAnswer(AnswerModel):
    """What went back to a grant."""

    grant: str
    amount: str


class CreditNoteAnswer(AnswerModel):
    """A credit note."""

    id: str
    number: str
    organization: str
    invoice: str
    invoice_number: str
    currency: str
    lines: list[CreditedLineAnswer]
    reason: str
    to: CreditTo
    net: str
    tax: str
    taxes: list[TaxAnswer]
    amount_credited: str
    refund: str
    granted: str
    grant: str | None
    reversed: list[ReversedAnswer]
    issued_at: str


class ByDimensionAnswer(AnswerModel):
    """The quantity of one combination of dimension values; ``rest`` stands for all the others."""

    dimensions: dict[str, str] | None
    rest: bool = False
    quantity: str


class CreditByDayAnswer(AnswerModel):
    """What a grant pays of the line, by local day."""

    grant: str
    by_day: dict[str, str]


class ExplanationAnswer(AnswerModel):
    """How a line came about: its formula, tiers, days, dimension values, credits, and where its events are."""

    line: LineAnswer
    formula: str
    tiers: list[TierAnswer]
    by_day: dict[str, str]
    by_dimension: list[ByDimensionAnswer]
    credits: list[CreditByDayAnswer]
    events_url: str | None
