"""The usage of a period as rating needs it: counters read once, then any number of cumulative quantities from them.

A day that holds no edge inside is read as a day; one that holds an edge, or that the period cuts, as quarter-hours, so
that no cut of a quantity ever lies inside a counter.
"""

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from chalicelib.catalog.meters import Aggregation, MeterCatalog
from chalicelib.platform.together import read_each, together
from chalicelib.shared.time import ONE_DAY, QuarterHour, days_between, microseconds, zone_of
from chalicelib.shared.values import dataclass
from chalicelib.usage.counters import Combination, Counters, may_lack
from chalicelib.usage.cumulative import CountedPeriod, Quantities, Selection, Values, cumulate, quantities_by_day
from chalicelib.usage.ranges import Range, day_of, day_range, days_range, whole_days
from chalicelib.usage.reader import CountersReader

Part = tuple[Range, Counters]
Read = Callable[[], list[Part]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodUsage:
    """What was counted in ``whole``, as of ``as_of``. Bounds of ranges and cuts are edges or starts of local days."""

    whole: Range
    timezone: str
    catalog: MeterCatalog
    as_of: datetime
    parts: Sequence[Part]
    carried: Mapping[str, Mapping[Combination, Decimal]]

    def quantities(
        self,
        meter: str,
        *,
        ranges: Sequence[Range],
        cuts: Sequence[QuarterHour],
        filters: Mapping[str, frozenset[str]],
        by: tuple[str, ...],
    ) -> Quantities:
        """Compute a meter's cumulative quantity at each cut, by group: that of the ranges' union before the cut.

        ``cuts`` rise. A group is the values of the dimensions ``by``; with none there is the one group ``()``.
        """
        return cumulate(self._counted(meter), Selection(ranges=ranges, filters=filters, by=by), cuts)

    def by_day(
        self,
        meter: str,
        *,
        ranges: Sequence[Range],
        filters: Mapping[str, frozenset[str]],
        by: tuple[str, ...],
    ) -> dict[date, Mapping[Values, Decimal]]:
        """Compute the quantity of each local day with usage in the ranges, by group: its own, not a cumulative one."""
        return quantities_by_day(self._counted(meter), Selection(ranges=ranges, filters=filters, by=by))

    def is_counting(self, meter: str) -> bool:
        """Tell whether some of these counters may have been written before the meter was known to those who wrote them.

        Only of a meter that still counts stored events, and not where everything was counted by its definition anyway.
        """
        one = self.catalog.meters[meter]
        if one.counted:
            return False
        # Levels from before the period come from counters that are not among these.
        is_level = one.aggregation is Aggregation.TIME_WEIGHTED
        return is_level or any(
            may_lack(counters, one.version, catalog_version=self.catalog.version) for _, counters in self.parts
        )

    def _counted(self, meter: str) -> CountedPeriod:
        return CountedPeriod(
            meter=self.catalog.meters[meter],
            zone=zone_of(self.timezone),
            whole=self.whole,
            parts=[(span, counters.meters[meter]) for span, counters in self.parts if meter in counters.meters],
            carried=self.carried.get(meter, {}),
            until=microseconds(self.as_of),
        )


def read_period(
    reader: CountersReader, whole: Range, edges: Collection[QuarterHour], meters: Sequence[str]
) -> PeriodUsage:
    """Read what some meters counted in ``whole``, right as of the reader's now; what lies ahead is empty.

    ``edges`` are the quarter-hours, besides the starts of local days, that quantities will be cut at. However many
    there are: the marks are read first, then counters and levels side by side, then segments of dirty quarter-hours.
    """
    reader.load_marks()
    levels = [key for key in meters if reader.catalog.meters[key].aggregation is Aggregation.TIME_WEIGHTED]
    reads = _reads(reader, whole, edges)
    parts, carried = together(
        lambda: [part for some in read_each(lambda read: read(), reads) for part in some],
        lambda: reader.levels_before(whole.start, levels) if levels else {},
    )
    return PeriodUsage(
        whole=whole,
        timezone=reader.organization.timezone,
        catalog=reader.catalog,
        as_of=reader.now,
        parts=parts,
        carried=carried,
    )


def _reads(reader: CountersReader, whole: Range, edges: Collection[QuarterHour]) -> list[Read]:
    """Plan the reads that cover a range, in the order of time: runs of days, and of quarter-hours around them."""
    zone = reader.zone
    first, end = whole_days(whole, zone)
    if first == end:
        return [partial(_quarter_hours, reader, whole)]
    split = {day_of(edge, zone) for edge in edges if edge in whole and not _starts_a_day(edge, zone)}
    days = days_range(first, end, zone)
    reads: list[Read] = [partial(_quarter_hours, reader, Range(whole.start, days.start))]
    for is_split, some in itertools.groupby(days_between(first, end), lambda day: day in split):
        [*run] = some
        run_end = run[-1] + ONE_DAY
        if is_split:
            reads.append(partial(_quarter_hours, reader, days_range(run[0], run_end, zone)))
        else:
            reads.append(partial(_days, reader, run[0], run_end))
    return [*reads, partial(_quarter_hours, reader, Range(days.end, whole.end))]


def _starts_a_day(quarter_hour: QuarterHour, zone: ZoneInfo) -> bool:
    return day_range(day_of(quarter_hour, zone), zone).start == quarter_hour


def _quarter_hours(reader: CountersReader, whole: Range) -> list[Part]:
    return [(Range(at, at + 1), counters) for at, counters in reader.quarter_hours(whole).items()]


def _days(reader: CountersReader, first: date, end: date) -> list[Part]:
    return [(day_range(day, reader.zone), counters) for day, counters in reader.days(first, end).items()]
