"""Reading counters that are right now: stored ones where nothing changed, live folds where something did.

Read in this order: the dirty marks, then counters, then the segments of dirty quarter-hours. Whoever deletes a mark
has stored the counters before, so a quarter-hour without a mark is told rightly by what is stored; one with a mark is
folded from its segments, and that fold replaces what is stored. So what was acknowledged is in the next answer.

A day without a stored counter has no usage: the day is written before the mark goes, and a mark makes the day dirty.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

from chalicelib.catalog.meters import Aggregation, MeterCatalog
from chalicelib.catalog.organizations import Organization
from chalicelib.platform.together import read_each, together
from chalicelib.shared.time import QuarterHour, days_between, local_month_start, next_month, zone_of
from chalicelib.usage import counters_store, store
from chalicelib.usage.counters import EMPTY, Combination, Counters, merge_counters, merge_states
from chalicelib.usage.counters_store import Kind
from chalicelib.usage.fold import fold
from chalicelib.usage.ranges import Range, day_of, day_range, days_range, runs_of_days


@dataclass
class CountersReader:
    """Reads one organization's counters as of ``now``. It lives for one request: it reads the marks once."""

    organization: Organization
    catalog: MeterCatalog
    now: datetime
    _live: dict[QuarterHour, Counters] = field(default_factory=dict)

    @cached_property
    def zone(self) -> ZoneInfo:
        """Give the organization's time zone: the zone of the stored days."""
        return zone_of(self.organization.timezone)

    @cached_property
    def dirty(self) -> Sequence[QuarterHour]:
        """List the quarter-hours whose stored counters may be behind, in order."""
        return sorted(mark.quarter_hour for mark in store.list_marks(self.organization.id))

    def load_marks(self) -> None:
        """Read the marks now: before any counters, and before threads share this reader."""
        len(self.dirty)

    def use_marks(self, quarter_hours: Iterable[QuarterHour]) -> None:
        """Take marks that were read before anything else of this reader was."""
        self.__dict__["dirty"] = sorted(quarter_hours)

    def quarter_hours(self, whole: Range) -> dict[QuarterHour, Counters]:
        """Read the counters of the quarter-hours in a range that have any, in order."""
        if whole.is_empty:
            return {}
        dirty = [quarter_hour for quarter_hour in self.dirty if quarter_hour in whole]
        found = counters_store.read_quarter_hours(self.organization.id, whole, self.catalog)
        self._fold_live(dirty)
        found.update((quarter_hour, self._live[quarter_hour]) for quarter_hour in dirty)
        return dict(sorted(found.items()))

    def _fold_live(self, quarter_hours: Iterable[QuarterHour]) -> None:
        wanted = [quarter_hour for quarter_hour in quarter_hours if quarter_hour not in self._live]
        folded = dict.fromkeys(wanted, EMPTY)
        for part in read_each(self._fold, store.runs_of_quarter_hours(wanted)):
            folded.update(part)
        # Only whole folds, and at once: another thread may be asking for the same ones.
        self._live.update(folded)

    def _fold(self, run: tuple[QuarterHour, QuarterHour]) -> dict[QuarterHour, Counters]:
        first, last = run
        return {
            quarter_hour: fold(segments, self.catalog, levels_until=self.now)
            for quarter_hour, segments in store.read_partitions(self.organization.id, range(first, last + 1))
        }

    def days(self, first: date, end: date) -> dict[date, Counters]:
        """Read the counters of the local days ``[first, end)`` that have any, in order."""
        if first >= end:
            return {}
        whole = days_range(first, end, self.zone)
        dirty = {day_of(quarter_hour, self.zone) for quarter_hour in self.dirty if quarter_hour in whole}
        if not dirty:
            return self._stored(Kind.DAY, (first, end))
        stored, built = together(
            # Days that are all dirty need no stored one.
            lambda: {} if len(dirty) == (end - first).days else self._stored(Kind.DAY, (first, end)),
            lambda: self._days_from_quarter_hours(sorted(dirty)),
        )
        return dict(sorted({**stored, **built}.items()))

    def _stored(self, kind: Kind, days: tuple[date | None, date]) -> dict[date, Counters]:
        return counters_store.read_days(self.organization.id, kind, days, self.catalog)

    def _days_from_quarter_hours(self, days: Sequence[date]) -> dict[date, Counters]:
        built: dict[date, Counters] = {}
        for run in read_each(self._run_from_quarter_hours, runs_of_days(days)):
            built.update(run)
        return built

    def _run_from_quarter_hours(self, days: tuple[date, date]) -> dict[date, Counters]:
        first, end = days
        parts = self.quarter_hours(days_range(first, end, self.zone))
        by_day: dict[date, list[Counters]] = {day: [] for day in days_between(first, end)}
        for quarter_hour, counters in parts.items():
            by_day[day_of(quarter_hour, self.zone)].append(counters)
        return {day: merge_counters(inside, self.catalog) for day, inside in by_day.items()}

    def levels_before(self, start: QuarterHour, meters: Sequence[str]) -> dict[str, dict[Combination, Decimal]]:
        """Tell the level of each combination of some time-weighted meters at the start of a quarter-hour.

        It merges the months before, the days before in its month, and the quarter-hours before in its day.
        """
        day = day_of(start, self.zone)
        month = local_month_start(day)
        begun = Range(day_range(day, self.zone).start, start)
        months, days, quarter_hours = together(
            lambda: self._month_levels(month),
            lambda: self._day_levels(month, day),
            lambda: list(self.quarter_hours(begun).values()),
        )
        parts = [*months, *days, *quarter_hours]
        return {
            key: {
                combination: state.level
                for combination, state in merge_states(
                    Aggregation.TIME_WEIGHTED, (part.meters[key] for part in parts if key in part.meters)
                ).items()
            }
            for key in meters
        }

    def _month_levels(self, end: date) -> list[Counters]:
        """Read the levels of the months before ``end``; a month with a dirty day is built from its days."""
        dirty_days = {day_of(quarter_hour, self.zone) for quarter_hour in self.dirty}
        dirty = sorted({local_month_start(day) for day in dirty_days if day < end})
        stored, built = together(
            lambda: self._stored(Kind.MONTH_LEVELS, (None, end)),
            lambda: read_each(lambda month: self._day_levels(month, next_month(month)), dirty),
        )
        months = {
            month: merge_counters(days, self.catalog) if days else EMPTY
            for month, days in zip(dirty, built, strict=True)
        }
        return [part for _, part in sorted({**stored, **months}.items())]

    def _day_levels(self, first: date, end: date) -> list[Counters]:
        if first >= end:
            return []
        whole = days_range(first, end, self.zone)
        dirty = sorted({day_of(quarter_hour, self.zone) for quarter_hour in self.dirty if quarter_hour in whole})
        stored, built = together(
            lambda: self._stored(Kind.DAY_LEVELS, (first, end)), lambda: self._days_from_quarter_hours(dirty)
        )
        return [part for _, part in sorted({**stored, **built}.items())]
