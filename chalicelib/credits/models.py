"""The shapes of the credits' requests and answers."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from chalicelib.credits.grants import DEFAULT_PRIORITY, MAX_PRIORITY, GrantStatus
from chalicelib.credits.ledger import EntryKind, Wrong
from chalicelib.credits.recurrence import Every
from chalicelib.credits.schedule import ScheduleKind
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
    OrganizationId,
    QueryModel,
    RequestModel,
    Schema,
    WholeNumberOnly,
)
from chalicelib.shared.time import local_day_start, parse_day, parse_instant
from chalicelib.shared.values import dataclass

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


def first_instant(bound: Bound, zone: ZoneInfo) -> datetime:
    """Give the instant that a bound means: of a local day its first one."""
    return bound if isinstance(bound, datetime) else local_day_start(bound, zone)


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
    """What an organization's credit comes to, as of ``as_of``.

    ``allocated`` is ``consumed + pending + expired + voided + held + remaining``, ``ledger_balance`` is ``remaining +
    held + pending + scheduled + unbooked``.
    """

    allocated: str = Field(description="The amounts of all grants that have become effective.")
    consumed: str = Field(description="What finalized invoices drew, less what came back.")
    pending: str = Field(description="What drafts draw; negative where more comes back than is drawn.")
    expired: str
    voided: str
    held: str = Field(description="What is set aside by holds.")
    remaining: str = Field(description="What can be drawn or held now.")
    scheduled: str = Field(description="What grants hold that become effective later.")
    unbooked: str = Field(description="What the ledger has yet to book: ends, less occurrences that have begun.")
    ledger_balance: str = Field(description="The balance of the ledger's last entry.")
    expiring_soon: list[ExpiringAnswer] = Field(description="What remains and expires within 30 days, soonest first.")
    depletes_on: str | None = Field(
        description="The local day on which nothing remains, at the mean pace of the last 7 full days; null without."
    )
    as_of: str


class CreditBalanceQuestion(RequestModel):
    """Whose credit is to be summed up."""

    organization: OrganizationId


class ScheduledAnswer(AnswerModel):
    """Something that lies ahead."""

    at: str
    kind: ScheduleKind = Field(
        description="A scheduled grant becomes effective, an occurrence of a recurring one comes, what remains expires."
    )
    grant: str = Field(description="The grant; of an occurrence to come, the id that it is going to have.")
    amount: str = Field(description="The amount of the grant; of one that expires, what remains of it now.")


class ScheduleList(AnswerModel):
    """A page of what lies ahead, soonest first."""

    data: list[ScheduledAnswer]
    next_cursor: str | None


class CreditUsageQuery(ListQuery):
    """The local days for which to list what grants paid: at most 366; the last 30 with today unless said otherwise."""

    from_: Annotated[Bound, BoundForm()] | None = Field(default=None, alias="from")
    to: Annotated[Bound, BoundForm()] | None = None


class PaidAnswer(AnswerModel):
    """What a grant paid of a charge for a local day."""

    day: str
    charge: str | None = Field(description="The charge's key; null for lines without one.")
    grant: str
    amount: str = Field(description="Negative where more came back than was paid.")
    pending: bool = Field(description="Whether a draft draws it, so that it may still change.")


class CreditUsageList(AnswerModel):
    """A page of what grants paid, newest day first."""

    data: list[PaidAnswer]
    next_cursor: str | None


class LedgerQuery(ListQuery):
    """Which ledger entries to list, by when they were recorded."""

    from_: Annotated[Bound, BoundForm()] | None = Field(default=None, alias="from")
    to: Annotated[Bound, BoundForm()] | None = None
    include_pending: Flag = Field(default=False, description="List drawdowns of drafts too, before all others.")


class EntryAnswer(AnswerModel):
    """A ledger entry, or what a draft draws. How ``hash`` is made is told in ``chalicelib/credits/README.md``."""

    seq: int | None = Field(description="The place in the ledger, counted from 1; null while pending.")
    kind: EntryKind
    grant: str
    amount: str = Field(description="Signed: what takes from the ledger's balance is negative.")
    balance: str | None = Field(description="The sum of all entries up to this one; null while pending.")
    effective_at: str
    recorded_at: str | None = Field(description="When it was booked; null while pending.")
    invoice: str | None
    note: str | None
    by_day: dict[str, str] | None = Field(
        default=None, description="The local days of usage that it paid for, or gave back, without the sign."
    )
    hash: str | None
    previous_hash: str | None
    pending: bool = Field(description="Whether a draft draws it: it has no place in the ledger, and may still change.")


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
    first_invalid_seq: int | None = Field(
        description="The first place where another entry would have to be; null also where only balances are wrong."
    )
    wrong: Wrong | None = Field(
        description="What is wrong first: an `entry`, the `end`, what an `invoice` noted, or stored `balances`."
    )
    wrong_invoice: str | None = Field(description="The invoice that knows another entry at first_invalid_seq.")
    wrong_grants: list[str] = Field(
        description="Grants whose balance is not what the entries add up to; named when one answer checked them all."
    )
    head_hash: str | None
    checked_to: int
    next_cursor: str | None
