"""Whether stored counters are what the segments come to: everything is folded again and compared, nothing is written.

A quarter-hour that has a mark is behind by right, and is left to the rollup. One that has lost segments to their expiry
cannot be told any more. What differs is read once more: somebody may have written in between.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime

from chalicelib.catalog.meters import MeterCatalog
from chalicelib.catalog.organizations import Organization
from chalicelib.platform.reads import Query, walk
from chalicelib.shared.errors import Busy
from chalicelib.shared.time import (
    ONE_DAY,
    QuarterHour,
    format_quarter_hour,
    local_month_start,
    next_month,
    parse_day,
    zone_of,
)
from chalicelib.usage import counters_store, store
from chalicelib.usage.counters import Counters, merge_counters
from chalicelib.usage.counters_store import Kind, day_stretch, quarter_hour_stretch
from chalicelib.usage.expiry import is_closed
from chalicelib.usage.fold import fold
from chalicelib.usage.ranges import Range, day_of, day_range
from chalicelib.usage.rollup import levels_of
from chalicelib.usage.segments import Segment
from chalicelib.usage.tables import CountersItem
from infra.verify_report import Report

__all__ = ["UsageCheck"]

_UNREADABLE = (zlib.error, ValueError, KeyError, TypeError, IndexError, ArithmeticError, Busy)
_CANNOT_BE_READ = "cannot be read"


@dataclass(frozen=True, slots=True)
class UsageCheck:
    """Checks the usage of one organization, of whole local days; ``now`` tells what has closed and what has expired."""

    organization: Organization
    catalog: MeterCatalog
    now: datetime
    report: Report

    def run(self, whole: Range) -> None:
        """Check every local day that a range touches and that has counters, and the levels of their months."""
        months = {local_month_start(day) for day in sorted(self._days(whole)) if self._check_day(day)}
        for month in sorted(months):
            self._check_month(month)

    def _days(self, whole: Range) -> set[date]:
        """Find the local days that have counters of their own, or of a quarter-hour."""
        zone = zone_of(self.organization.timezone)
        first, last = (day_stretch(self.organization.id, Kind.DAY, day_of(at, zone)) for at in (whole.start, whole.end))
        between = CountersItem.sk.between(first.sort_key, last.sort_key)
        query = Query(model=CountersItem, pk=self.organization.id, within=between, attributes=("pk", "sk"))
        days = {parse_day(item.sk.split("#")[1]) for item in walk(query)}
        found = counters_store.find_quarter_hour(self.organization.id, whole.start)
        while found is not None and found < whole.end:
            days.add(day_of(found, zone))
            found = counters_store.find_quarter_hour(self.organization.id, day_range(day_of(found, zone), zone).end)
        return {day for day in days if day_range(day, zone).start < whole.end}

    def _check_day(self, day: date) -> bool:
        """Check the quarter-hours of a local day, the day and its levels; tells whether all could be read."""
        self.report.looked_at["days"] += 1
        first_look = self._wrong_on(day)
        found = self._wrong_on(day) if first_look else []
        for what in found:
            if what in first_look:
                self.report.add(self.organization.id, what)
        return not found

    def _wrong_on(self, day: date) -> list[str]:
        whole = day_range(day, zone_of(self.organization.timezone))
        try:
            stored = counters_store.read_quarter_hours(self.organization.id, whole, self.catalog)
        except _UNREADABLE:
            return list(self._unreadable(whole))
        return [*self._wrong_quarter_hours(whole, stored), *self._wrong_day(day, stored)]

    def _unreadable(self, whole: Range) -> Iterator[str]:
        for quarter_hour in range(whole.start, whole.end):
            found = counters_store.find_stored(quarter_hour_stretch(self.organization.id, quarter_hour), self.catalog)
            if found is not None and found.counters is None:
                yield f"counters of {format_quarter_hour(quarter_hour)}: {_CANNOT_BE_READ}"

    def _wrong_quarter_hours(self, whole: Range, stored: Mapping[QuarterHour, Counters]) -> Iterator[str]:
        partitions = dict(store.read_partitions(self.organization.id, range(whole.start, whole.end)))
        dirty = {mark.quarter_hour for mark in store.list_marks(self.organization.id)}
        for quarter_hour in sorted({*stored, *partitions}):
            self.report.looked_at["quarter_hours"] += 1
            if quarter_hour in dirty:
                self.report.looked_at["left_to_the_rollup"] += 1
                continue
            wrong = self._wrong_of(stored.get(quarter_hour), partitions.get(quarter_hour, []))
            if wrong is not None:
                yield f"counters of {format_quarter_hour(quarter_hour)}: {wrong}"

    def _wrong_of(self, stored: Counters | None, segments: Sequence[Segment]) -> str | None:
        if stored is None:
            return f"{len(segments)} segments were never counted, and have no mark"
        if is_closed(stored.kept_until_s, self.now):
            self.report.looked_at["expired"] += 1
            return None
        if stored.segments != len(segments):
            return f"say that they have seen {stored.segments} segments, and there are {len(segments)}"
        self.report.looked_at["events"] += stored.health.accepted
        folded = fold(segments, self.catalog)
        counting = {key for key, meter in self.catalog.meters.items() if not meter.counted}
        return _difference(stored, folded, without=counting)

    def _wrong_day(self, day: date, parts: Mapping[QuarterHour, Counters]) -> Iterator[str]:
        merged = merge_counters([parts[at] for at in sorted(parts)], self.catalog)
        levels = levels_of(merged, self.catalog)
        wanted = {Kind.DAY: merged, **({Kind.DAY_LEVELS: levels} if levels.meters else {})}
        for kind, counters in wanted.items():
            found = counters_store.find_stored(day_stretch(self.organization.id, kind, day), self.catalog)
            wrong = _wrong_merge(found, counters)
            if wrong is not None and not self._has_marks(day, day + ONE_DAY):
                yield f"{_NAMES[kind]} {day}: {wrong}"

    def _has_marks(self, first: date, end: date) -> bool:
        """Tell whether the rollup is still to come to a day of ``[first, end)``."""
        zone = zone_of(self.organization.timezone)
        return any(first <= day_of(mark.quarter_hour, zone) < end for mark in store.list_marks(self.organization.id))

    def _check_month(self, month: date) -> None:
        days = counters_store.read_days(self.organization.id, Kind.DAY_LEVELS, (month, next_month(month)), self.catalog)
        if not days:
            return
        self.report.looked_at["months"] += 1
        merged = merge_counters([days[day] for day in sorted(days)], self.catalog)
        stretch = day_stretch(self.organization.id, Kind.MONTH_LEVELS, month)
        wrong = _wrong_merge(counters_store.find_stored(stretch, self.catalog), merged)
        if wrong is not None and not self._has_marks(month, next_month(month)):
            self.report.add(self.organization.id, f"levels of the month {stretch.name}: {wrong}")


_NAMES = {Kind.DAY: "counters of the day", Kind.DAY_LEVELS: "levels of the day"}


def _wrong_merge(stored: counters_store.Stored | None, merged: Counters) -> str | None:
    if stored is None:
        return "are missing"
    if stored.counters is None:
        return _CANNOT_BE_READ
    if stored.counters.segments != merged.segments:
        return f"have seen {stored.counters.segments} segments, and their parts {merged.segments}"
    return _difference(stored.counters, merged)


def _difference(stored: Counters, right: Counters, *, without: AbstractSet[str] = frozenset()) -> str | None:
    """Say in what counters differ. A meter that counted nothing is the same as one that nobody knew."""
    names = {*stored.meters, *right.meters} - without
    meters = sorted(key for key in names if (stored.meters.get(key) or {}) != (right.meters.get(key) or {}))
    if meters:
        return f"differ from what they are made of for {', '.join(meters)}"
    same = stored.health == right.health
    return None if same else "differ from what they are made of in how many events came, or were dropped"
