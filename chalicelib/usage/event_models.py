"""The shapes of events in requests and answers."""

from typing import Annotated, Any

from pydantic import Field

from chalicelib.platform.fields import (
    AnswerModel,
    Flag,
    Form,
    Instant,
    Key,
    ListQuery,
    Note,
    OrganizationId,
    QueryModel,
    RequestModel,
    Schema,
)
from chalicelib.shared.values import dataclass
from chalicelib.usage.event_checks import MAX_TEXT_CHARS, read_identifier
from chalicelib.usage.query_models import Bound, BoundForm

_IDENTIFIER: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_CHARS}

EVENT: Schema = {
    "type": "object",
    "description": "A usage event: a CloudEvent whose subject is the organization. Extension attributes are kept.",
    "required": ["id", "source", "type", "subject", "time"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {**_IDENTIFIER, "description": "With source and the quarter-hour of time: the same is the same event."},
        "source": _IDENTIFIER,
        "type": {**_IDENTIFIER, "description": "What meters choose events by."},
        "subject": {"type": "string", "description": "The organization's id."},
        "time": {"type": "string", "format": "date-time", "description": "When it happened; a retry carries the same."},
        "datacontenttype": {"type": "string", "examples": ["application/json"]},
        "dataschema": {"type": "string"},
        "data": {"type": "object", "description": "What meters read; numbers are read exactly."},
    },
    "patternProperties": {"^[a-z0-9]{1,20}$": True},
    "additionalProperties": False,
}
CLOUD_EVENT: Schema = {**EVENT, "required": ["specversion", *EVENT["required"]]}
EVENTS: Schema = {"type": "array", "minItems": 1, "maxItems": 10_000, "items": EVENT}
CLOUD_EVENTS: Schema = {**EVENTS, "items": CLOUD_EVENT}
PLAIN_EVENTS: Schema = {
    "description": "One event, a list, or an object with the list; with ce- headers (binary mode) the data of one.",
    "anyOf": [
        EVENT,
        EVENTS,
        {"type": "object", "required": ["events"], "properties": {"events": EVENTS}, "additionalProperties": False},
    ],
}


@dataclass(frozen=True)
class IdentifierForm(Form):
    """An id, a source or a type of an event."""

    def read(self, value: Any) -> str:
        """Read what ingest accepts."""
        return read_identifier(value)

    def schema(self) -> Schema:
        """Show the lengths."""
        return _IDENTIFIER


Identifier = Annotated[str, IdentifierForm()]


class IngestQuery(QueryModel):
    """How a request's events are to be taken."""

    partial: Flag = Field(default=False, description="Store the valid events even if others are invalid.")
    backfill: Flag = Field(
        default=False, description="Accept events of any age within retention, but in closed billing periods (admin)."
    )


class FaultAnswer(AnswerModel):
    """One thing that is wrong, and where."""

    pointer: str
    detail: str


class RejectedEvent(AnswerModel):
    """An event that was not stored, by its place in the request."""

    index: int
    errors: list[FaultAnswer]


class IngestAnswer(AnswerModel):
    """How many events are stored; with ``partial``, which are not."""

    accepted: int
    rejected: list[RejectedEvent] | None = None


class VoidRequest(RequestModel):
    """Which event to take back; ``time`` names its quarter-hour."""

    organization: OrganizationId
    source: Identifier
    id: Identifier
    time: Instant
    reason: Note


class AmendRequest(VoidRequest):
    """Which event to amend, and the data that shall count."""

    data: dict[str, Any]


class CorrectionAnswer(AnswerModel):
    """The event that was corrected; ``time`` is that of the event first received."""

    organization: str
    source: str
    id: str
    time: str
    state: str


class EventQuery(ListQuery):
    """Which events to list. Without a range: the last seven days."""

    from_: Annotated[Bound, BoundForm()] | None = Field(default=None, alias="from")
    to: Annotated[Bound, BoundForm()] | None = None
    type: Identifier | None = None
    source: Identifier | None = None
    id: Identifier | None = None
    meter: Key | None = Field(default=None, description="Only events that this meter is for.")
    filter: dict[str, list[str]] = Field(default={}, description="Only these values of a dimension of the meter.")
    invoice: Identifier | None = Field(default=None, description="Only events billed on this invoice.")
    line: Identifier | None = Field(default=None, description="Only events of this line of the invoice.")


class EventMeter(AnswerModel):
    """A meter that an event is for."""

    meter: str
    usable: bool


class BilledOn(AnswerModel):
    """The line that an event was billed with."""

    invoice: str
    line: str


class EventAnswer(AnswerModel):
    """An event that was received, and what became of it."""

    id: str
    source: str
    type: str
    time: str
    subject: str
    data: dict[str, Any]
    extensions: dict[str, Any] | None = None
    received_at: str
    state: str
    meters: list[EventMeter]
    billed_on: BilledOn | None
    original_data: dict[str, Any] | None = None
    amend_reason: str | None = None
    void_reason: str | None = None


class EventList(AnswerModel):
    """A page of events, newest first; it may be short although more follow."""

    data: list[EventAnswer]
    next_cursor: str | None


class IngestionQuery(QueryModel):
    """Whose ingestion to show, and of which local days."""

    organization: OrganizationId | None = None
    from_: Annotated[Bound, BoundForm()] | None = Field(default=None, alias="from")
    to: Annotated[Bound, BoundForm()] | None = None


class IngestionDay(AnswerModel):
    """What became of the events of one local day."""

    day: str
    accepted: int
    duplicates: int
    conflicts: int
    voided: int
    amended: int
    unmatched: int
    unusable: int


class IngestionWarning(AnswerModel):
    """A meter with very many combinations of dimension values in one day."""

    day: str
    meter: str
    combinations: int
    detail: str


class IngestionAnswer(AnswerModel):
    """The health of ingestion, day by day."""

    data: list[IngestionDay]
    next_cursor: None = None
    warnings: list[IngestionWarning]
