"""The shapes of the credits' requests and answers."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.credits.grants import DEFAULT_PRIORITY, MAX_PRIORITY, GrantStatus
from chalicelib.credits.recurrence import Every
from chalicelib.platform.fields import (
    AnswerModel,
    Exact,
    Flag,
    Form,
    Instant,
    Key,
    ListQuery,
    Name,
    Note,
    QueryModel,
    RequestModel,
    Schema,
    WholeNumberOnly,
)
from chalicelib.shared.time import parse_day, parse_instant

Bound = date | datetime


@dataclass(frozen=True)
class BoundForm(Form):
    """One end of a range: an instant, or a local day, which means its first instant."""

    def read(self, value: Any) -> Bound:
        """Read ``YYYY-MM-DD`` or an RFC 3339 instant with an offset."""
        if not isinstance(value, str):
            raise ValueError("must be a day or an instant")
        return parse_day(value) if len(value) == len("2026-01-31") else parse_instant(value)

    def schema(self) -> Schema:
        """Show both forms."""
        return {
            "type": "string",
            "description": "A local day (its first instant) or an RFC 3339 instant; half-open.",
            "examples": ["2026-01-31", "2026-01-31T23:45:00Z"],
        }


class ChargesShape(RequestModel):
    """The charges that a grant pays, by key: usage charges or recurring ones."""

    charges: Annotated[list[Key], Field(min_length=1, max_length=100)]


class RecurrenceShape(RequestModel):
    """How a grant recurs; ``count`` is the number of occurrences with the first."""

    every: Every = Field(strict=False)
    count: Annotated[int, WholeNumberOnly(1, 1000)] | None = None


class NewGrant(RequestModel):
    """A grant to be made. It begins now unless ``effective_at`` says otherwise, and pays usage lines by default."""

    name: Name
    amount: Annotated[Decimal, Exact(above=Decimal(0))]
    effective_at: Instant | None = None
    expires_at: Instant | None = None
    priority: Annotated[int, WholeNumberOnly(0, MAX_PRIORITY)] = DEFAULT_PRIORITY
    cost_basis: Annotated[Decimal, Exact(at_least=Decimal(0))] = Decimal(0)
    applies_to: Literal["all"] | ChargesShape | None = None
    recurrence: RecurrenceShape | None = None


class GrantVoid(RequestModel):
    """Why a grant is voided."""

    reason: Note


class GrantExpiry(RequestModel):
    """When a grant ends: ``null`` is never."""

    expires_at: Instant | None


class ChargesAnswer(AnswerModel):
    """The charges that a grant pays, by key."""

    charges: list[str]


class RecurrenceAnswer(AnswerModel):
    """How a grant recurs."""

    every: Every
    count: int | None


class GrantAnswer(AnswerModel):
    """A grant with what became of it: ``amount`` is the sum of the amounts behind it."""

    id: str
    name: str
    amount: str
    consumed: str
    pending: str
    expired: str
    voided: str
    held: str
    remaining: str
    effective_at: str
    expires_at: str | None
    priority: int
    cost_basis: str
    applies_to: Literal["all"] | ChargesAnswer | None = Field(description="Null pays every usage line.")
    recurrence: RecurrenceAnswer | None
    status: GrantStatus
    created_at: str
    invoice: str | None = Field(description="The invoice that made the grant, for credit that an invoice gave.")


class GrantList(AnswerModel):
    """A page of grants, in the order of drawdown."""

    data: list[GrantAnswer]
    next_cursor: str | None


class ExpiringAnswer(AnswerModel):
    """Credit that expires within 30 days unless it is used."""

    grant: str
    amount: str
    expires_at: str


class CreditsAnswer(AnswerModel):
    """What an organization's credit comes to, as of ``as_of``."""

    allocated: str
    consumed: str
    pending: str
    expired: str
    voided: str
    held: str
    remaining: str
    scheduled: str
    unbooked: str
    ledger_balance: str
    expiring_soon: list[ExpiringAnswer]
    depletes_on: str | None
    as_of: str


class LedgerQuery(ListQuery):
    """Which ledger entries to list, by when they were recorded."""

    from_: Annotated[Bound, BoundForm()] | None = Field(default=None, alias="from")
    to: Annotated[Bound, BoundForm()] | None = None
    include_pending: Flag = Field(default=False, description="List drawdowns of drafts too, before all others.")


class EntryAnswer(AnswerModel):
    """A ledger entry. How ``hash`` is made of the other fields is told in ``chalicelib/credits/README.md``."""

    seq: int | None
    kind: str
    grant: str
    amount: str
    balance: str | None
    effective_at: str
    recorded_at: str | None
    invoice: str | None
    note: str | None
    by_day: dict[str, str] | None = None
    hash: str | None
    previous_hash: str | None
    pending: bool = False


class EntryList(AnswerModel):
    """A page of ledger entries, newest first."""

    data: list[EntryAnswer]
    next_cursor: str | None


class VerifyQuery(QueryModel):
    """Where to go on checking."""

    cursor: str | None = Field(default=None, description="Continue after a page: its next_cursor.")


class VerifyAnswer(AnswerModel):
    """What checking the ledger found, up to where it has got; with a ``next_cursor`` it has not got to the end."""

    entries: int = Field(description="How many entries are right, from the first on.")
    valid: bool
    first_invalid_seq: int | None
    head_hash: str | None
    checked_to: int
    next_cursor: str | None
