"""What is asked: how much of everything in a month, and how it comes in."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cache, cached_property

from bench.writes import bytes_per_event
from chalicelib.shared.retention import RETENTION
from chalicelib.usage.envelope import MAX_EVENTS

HOURS = 730
MINUTES = HOURS * 60
QUARTER_HOURS = HOURS * 4
DAYS = Fraction(HOURS, 24)


class Door(StrEnum):
    """How events come in."""

    HTTP = "http"
    QUEUE = "queue"
    DIRECT = "direct"
    BUS = "bus"


@dataclass(frozen=True, kw_only=True)
class Question:
    """A month of 730 hours. Organizations use alike, evenly over the month; a batch is of ``organizations_a_batch``."""

    organizations: int
    events: int
    batch: int = 500
    door: Door = Door.HTTP
    organizations_a_batch: int = 1
    invoices: int = 1
    views: int = 0
    reads: int = 0
    retention_days: int = RETENTION.days
    alarms: bool = True

    @cached_property
    def requests(self) -> Fraction:
        """Count the batches: requests, messages, or invocations."""
        return Fraction(-(-self.events // self.batch))

    @cached_property
    def batches_together(self) -> Fraction:
        """Count the messages that an invocation takes: those that come within its second of waiting, at most 100."""
        if self.door in (Door.HTTP, Door.DIRECT):
            return Fraction(1)
        a_second = self.requests / (HOURS * 3600)
        return min(Fraction(100), max(Fraction(1), a_second))

    @cached_property
    def invocations(self) -> Fraction:
        """Count the invocations of what takes events in."""
        return self.requests / self.batches_together

    @cached_property
    def events_an_invocation(self) -> Fraction:
        """Count the events of an invocation."""
        return Fraction(self.events) / self.invocations if self.events else Fraction(0)

    @cached_property
    def segments_an_invocation(self) -> Fraction:
        """Count the segments that an invocation stores: one for each organization in it."""
        most = min(Fraction(self.organizations), self.events_an_invocation)
        return min(most, self.organizations_a_batch * self.batches_together)

    @cached_property
    def pairs(self) -> Fraction:
        """Count the quarter-hours of organizations in which there are events: each is rolled up once."""
        return min(self.invocations * self.segments_an_invocation, Fraction(self.organizations * QUARTER_HOURS))


# What a message of SQS holds, and an event of the bus.
_MOST_BYTES = {Door.QUEUE: 1024 * 1024, Door.BUS: 256 * 1024}


@cache
def event_bytes() -> int:
    """Tell how long an event is as JSON, on average: those that the units were counted with."""
    return bytes_per_event()


def fits(question: Question) -> bool:
    """Tell whether a batch can come in as asked."""
    most_bytes = _MOST_BYTES.get(question.door)
    return question.batch <= MAX_EVENTS and (most_bytes is None or question.batch * event_bytes() <= most_bytes)
