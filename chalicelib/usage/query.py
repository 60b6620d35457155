"""The usage query: quantities of meters by window and group, right as of now."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.meters import Aggregation, Meter, MeterCatalog
from chalicelib.catalog.organizations import Organization
from chalicelib.platform.together import together
from chalicelib.shared.errors import RangeTooLarge
from chalicelib.shared.time import microseconds
from chalicelib.shared.values import dataclass
from chalicelib.usage import store
from chalicelib.usage.aggregation import ZERO
from chalicelib.usage.breakdown import Breakdown, Grouping, Measured, break_down
from chalicelib.usage.counters import Combination, Counters, States, merge_states
from chalicelib.usage.ranges import Range, Window, before, cut, day_range, days_range, whole_days
from chalicelib.usage.reader import CountersReader

# An answer of 5 MB has room for no more.
MAX_ROWS = 80_000
_NOTHING = Breakdown(ZERO, ())

CarriedLevels = Mapping[str, Mapping[Combination, Decimal]]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuestion:
    """What a caller wants to know. ``meters`` empty means all; ``zone`` is the time zone the windows are cut in."""

    whole: Range
    window: Window
    zone: ZoneInfo
    meters: Sequence[str] = ()
    grouping: Grouping = field(default_factory=Grouping)
    compare: bool = False
    include_zero: bool = False
    spend: bool = False

    @property
    def lists_all(self) -> bool:
        """Tell whether meters without usage are answered too."""
        return self.include_zero or bool(self.meters)


@dataclass(frozen=True, slots=True)
class MeterUsage:
    """The answer for one meter; ``previous`` is the breakdown of the range before, when asked for.

    ``unfiltered`` has the whole windows: what filters keep costs its share of them. It is there for spend alone.
    """

    meter: Meter
    breakdown: Breakdown
    previous: Breakdown | None
    unfiltered: Breakdown | None = None


def measure_usage(reader: CountersReader, question: UsageQuestion) -> list[MeterUsage]:
    """Answer a usage question, a meter each, by key. Meters without usage are left out unless they are asked for."""
    chosen = question.meters or sorted(reader.catalog.meters)
    filters_spend = question.spend and bool(question.grouping.filters)
    groupings = [question.grouping, *([Grouping()] if filters_spend else [])]
    current = _break_down_all(reader, question, chosen, groupings)
    previous: Mapping[str, Sequence[Breakdown]] = {}
    if question.compare:
        earlier = UsageQuestion(
            whole=before(question.whole, question.zone),
            window=Window.MONTH,
            zone=question.zone,
            grouping=Grouping(filters=question.grouping.filters),
        )
        previous = _break_down_all(reader, earlier, chosen, [earlier.grouping])
    return [
        MeterUsage(
            reader.catalog.meters[key],
            current[key][0],
            previous[key][0] if question.compare else None,
            current[key][1] if filters_spend else None,
        )
        for key in chosen
        if question.lists_all or current[key][0].total != 0
    ]


def _break_down_all(
    reader: CountersReader, question: UsageQuestion, keys: Sequence[str], groupings: Sequence[Grouping]
) -> dict[str, Sequence[Breakdown]]:
    """Break down what each meter counted, by key, in one way for each grouping."""
    windows = cut(question.whole, question.window, question.zone)
    parts, carried = _read(reader, question, keys)
    until = microseconds(reader.now)
    used = {key for _, part in parts for key, states in part.meters.items() if states} | set(
        filter(carried.get, carried)
    )
    answer: dict[str, Sequence[Breakdown]] = {key: [_NOTHING] * len(groupings) for key in keys}
    listed = [key for key in keys if key in used or question.lists_all]
    if not question.grouping.by and len(windows) * len(listed) > MAX_ROWS:
        raise RangeTooLarge("The answer would have too many windows: ask for a shorter range, or for fewer meters.")
    for key in listed:
        meter = reader.catalog.meters[key]
        states = _states_by_window(meter, windows, parts)
        measured = Measured(meter, states, carried.get(key, {}), until)
        answer[key] = [break_down(measured, grouping) for grouping in groupings]
    return answer


def _read(
    reader: CountersReader, question: UsageQuestion, keys: Sequence[str]
) -> tuple[list[tuple[int, Counters]], CarriedLevels]:
    """Read the parts of the range and the levels before it: after the marks, at the same time."""
    levels = [key for key in keys if reader.catalog.meters[key].aggregation is Aggregation.TIME_WEIGHTED]
    reader.load_marks()
    if not levels:
        return _parts(reader, question), {}
    parts, carried = together(
        lambda: _parts(reader, question), lambda: reader.levels_before(question.whole.start, levels)
    )
    return parts, carried


def _parts(reader: CountersReader, question: UsageQuestion) -> list[tuple[int, Counters]]:
    """Read the counters that cover the range, in the order of time, each with the quarter-hour it begins at."""
    whole, zone = question.whole, reader.zone
    if question.window in (Window.QUARTER_HOUR, Window.HOUR) or question.zone.key != zone.key:
        return list(reader.quarter_hours(whole).items())
    first, end = whole_days(whole, zone)
    if first == end:
        return list(reader.quarter_hours(whole).items())
    middle = days_range(first, end, zone)
    return [
        *reader.quarter_hours(Range(whole.start, middle.start)).items(),
        *((day_range(day, zone).start, counters) for day, counters in reader.days(first, end).items()),
        *reader.quarter_hours(Range(middle.end, whole.end)).items(),
    ]


def _states_by_window(
    meter: Meter, windows: Sequence[Range], parts: Sequence[tuple[int, Counters]]
) -> list[tuple[Range, States]]:
    found: list[tuple[Range, States]] = []
    place = 0
    for window in windows:
        inside: list[States] = []
        while place < len(parts) and parts[place][0] < window.end:
            if meter.key in parts[place][1].meters:
                inside.append(parts[place][1].meters[meter.key])
            place += 1
        found.append((window, merge_states(meter.aggregation, inside)))
    return found


def open_reader(organization_id: str, now: datetime) -> CountersReader:
    """Open a reader of an organization's counters; raises ``NotFound``."""
    organization, catalog = catalog_service.organization_and_meters(organization_id)
    return CountersReader(organization, catalog, now)


def open_reader_with_marks(organization_id: str, now: datetime) -> CountersReader:
    """Open a reader whose marks are read already, in the same round trip; raises ``NotFound``."""
    (organization, catalog), marks = together(
        lambda: catalog_service.organization_and_meters(organization_id), lambda: store.list_marks(organization_id)
    )
    reader = CountersReader(organization, catalog, now)
    reader.use_marks(mark.quarter_hour for mark in marks)
    return reader


def day_counters(
    organization: Organization, catalog: MeterCatalog, *, first: date, end: date, now: datetime
) -> list[tuple[date, Counters]]:
    """Read the counters of the local days ``[first, end)`` that have any, in order, live where they must be."""
    return list(CountersReader(organization, catalog, now).days(first, end).items())


def used_meters(reader: CountersReader, whole: Range) -> set[str]:
    """Name the meters that counted anything in a range."""
    parts = _parts(reader, UsageQuestion(whole=whole, window=Window.DAY, zone=reader.zone))
    return {key for _, counters in parts for key, states in counters.meters.items() if states}
