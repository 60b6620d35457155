"""Usage by the plain rules, over a list of what was received: no segments, no folds, no states, no storage.

It is written apart from the product and shares no code with it but the definitions of meters. Quantities are exact
fractions until the end. It is slow on purpose.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.catalog.meters import Meter

Content = dict[str, Any]
Identity = tuple[int, str, str]
Combination = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An event as it was sent; numbers in ``content`` are ints or decimal texts."""

    organization: str
    id: str
    at: datetime
    content: Content
    type: str = "call"
    source: str = "test"

    @property
    def identity(self) -> Identity:
        """Name the event: (quarter-hour, source, id)."""
        return int(self.at.timestamp()) // 900, self.source, self.id


@dataclass(slots=True)
class Books:
    """Everything that was acknowledged, in the order in which it was received."""

    events: list[Received] = field(default_factory=list)
    voided: set[tuple[str, Identity]] = field(default_factory=set)
    amended: dict[tuple[str, Identity], Content] = field(default_factory=dict)

    def first(self, organization: str) -> dict[Identity, Received]:
        """Give the first received event of each identity."""
        found: dict[Identity, Received] = {}
        for event in self.events:
            if event.organization == organization:
                found.setdefault(event.identity, event)
        return found

    def states(self, organization: str) -> Counter[str]:
        """Count the events in each state but ``unmatched``, as ingestion health names them."""
        first: dict[Identity, Received] = {}
        counted: Counter[str] = Counter()
        for event in self.events:
            if event.organization != organization:
                continue
            original = first.get(event.identity)
            if original is None:
                first[event.identity] = event
                counted[self._fate(event)] += 1
            else:
                same = (event.type, event.content) == (original.type, original.content)
                counted["duplicates" if same else "conflicts"] += 1
        return counted

    def _fate(self, event: Received) -> str:
        key = (event.organization, event.identity)
        return "voided" if key in self.voided else "amended" if key in self.amended else "counted"

    def counting(self, organization: str) -> Iterator[tuple[Received, Content]]:
        """Walk the events that count, each with the content that holds now."""
        for identity, event in self.first(organization).items():
            if (organization, identity) not in self.voided:
                yield event, self.amended.get((organization, identity), event.content)


@dataclass(frozen=True, slots=True)
class _Row:
    at: datetime
    order: tuple[datetime, str, str]
    combination: Combination
    value: Any


def _matching(books: Books, organization: str, meter: Meter) -> Iterator[_Row]:
    for event, content in books.counting(organization):
        in_time = meter.count_from <= event.at and (meter.archived_at is None or event.at < meter.archived_at)
        passes = all(str(content.get(one.path[0], "")) in one.values for one in meter.filters)
        if event.type != meter.event_type or not in_time or not passes:
            continue
        combination = tuple(str(content.get(one.path[0], "")) for one in meter.dimensions)
        value = None if meter.value is None else content.get(meter.value[0])
        yield _Row(event.at, (event.at, event.source, event.id), combination, value)


def _number(value: Any) -> Fraction | None:
    try:
        return Fraction(str(value)) if value is not None else None
    except ValueError:
        return None


def _usable(meter: Meter, row: _Row) -> bool:
    if meter.aggregation == "count":
        return True
    return row.value is not None if meter.aggregation == "unique_count" else _number(row.value) is not None


def quantity(
    books: Books, organization: str, meter: Meter, *, start: datetime, end: datetime, now: datetime
) -> Decimal:
    """Compute the quantity of a meter in ``[start, end)`` over all its combinations."""
    rows = [row for row in _matching(books, organization, meter) if _usable(meter, row)]
    if meter.aggregation == "time_weighted":
        until = min(end, now, meter.archived_at or end)
        return _rounded(_integral(rows, start, until))
    inside = [row for row in rows if start <= row.at < end]
    return _rounded(_QUANTITIES[meter.aggregation.value](inside)) if inside else Decimal(0)


def _integral(rows: Sequence[_Row], start: datetime, until: datetime) -> Fraction:
    """Add level x hours of each combination, each level holding until the next."""
    total = Fraction(0)
    for combination in {row.combination for row in rows}:
        levels = sorted((row for row in rows if row.combination == combination), key=lambda row: row.order)
        ends = [row.at for row in levels[1:]] + [until]
        for row, end in zip(levels, ends, strict=True):
            held = min(end, until) - max(row.at, start)
            if held > timedelta(0):
                total += _exact(row) * (held // timedelta(microseconds=1)) / 3_600_000_000
    return total


def _exact(row: _Row) -> Fraction:
    number = _number(row.value)
    assert number is not None
    return number


_QUANTITIES: dict[str, Callable[[Sequence[_Row]], Fraction]] = {
    "count": lambda rows: Fraction(len(rows)),
    "sum": lambda rows: sum(map(_exact, rows), Fraction(0)),
    "max": lambda rows: max(map(_exact, rows)),
    "min": lambda rows: min(map(_exact, rows)),
    "average": lambda rows: sum(map(_exact, rows), Fraction(0)) / len(rows),
    "unique_count": lambda rows: Fraction(len({str(row.value) for row in rows})),
    "latest": lambda rows: _exact(max(rows, key=lambda row: row.order)),
}


def _rounded(exact: Fraction) -> Decimal:
    """Round to 12 places, ties away from zero."""
    scaled = abs(exact) * 10**12
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    # Written as text: arithmetic would round to the 28 digits of the default context.
    return Decimal(f"{units if exact >= 0 else -units}E-12")


def day_bounds(day: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Give the first instants of the local day of a midnight, and of the next one."""
    start = day.replace(tzinfo=zone)
    return start.astimezone(UTC), (start + timedelta(days=1)).astimezone(UTC)
