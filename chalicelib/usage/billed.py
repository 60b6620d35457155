"""What a line of an invoice bills, as events see it; whoever makes invoices says so by these values."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime

from chalicelib.shared.time import QuarterHour
from chalicelib.shared.values import dataclass
from chalicelib.usage.ranges import Range


@dataclass(frozen=True, slots=True, kw_only=True)
class LineScope:
    """Which events a line bills: those that ``meter`` counts in the ranges, with the accepted values of dimensions.

    Sort ids say when an event was received: the line has those in ``[received_from, received_until)``, ``None`` for no
    bound.
    """

    meter: str
    ranges: Sequence[Range]
    filters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    received_from: str | None = None
    received_until: str | None = None

    def takes(self, event: "CountedEvent") -> bool:
        """Tell whether the line bills an event."""
        values = event.meters.get(self.meter)
        return (
            values is not None
            and any(event.quarter_hour in one for one in self.ranges)
            and all(values.get(name, "") in accepted for name, accepted in self.filters.items())
            and (self.received_from is None or self.received_from <= event.sort_id)
            and (self.received_until is None or event.sort_id < self.received_until)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedEvent:
    """An event that counts: for which meters, each with the event's values of its dimensions.

    ``sort_id`` is that of the segment it was received in.
    """

    time: datetime
    quarter_hour: QuarterHour
    sort_id: str
    meters: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class BilledOn:
    """The line that bills an event; of several the first, in the order of the invoice."""

    invoice: str
    line: str
