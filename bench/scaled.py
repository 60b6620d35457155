"""Counters of very many events: folds of real ones, their states merged with themselves until they hold as many.

The rollup's own ``put_counters`` writes them; what is never read (past quarter-hours, segments) is not written.
"""

from collections.abc import Sequence
from datetime import date, datetime

from bench.workload import ORGANIZATION, events, pack_one
from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.meters import Aggregation, MeterCatalog
from chalicelib.shared.time import local_month_start, quarter_hour_of, quarter_hour_start
from chalicelib.usage import counters_store
from chalicelib.usage.counters import Counters, merge_counters, merge_states
from chalicelib.usage.counters_store import Kind, Stretch, day_stretch, quarter_hour_stretch
from chalicelib.usage.fold import fold
from chalicelib.usage.ranges import Range
from chalicelib.usage.rollup import levels_of

_EVENTS_A_FOLD = 80


class ScaledCounters:
    """Counters of about ``size`` events, spread over the days that begin at some midnights, in order."""

    def __init__(self, size: int, midnights: Sequence[datetime]) -> None:
        self._catalog = catalog_service.meter_catalog()
        self._midnights = midnights
        self._a_day = size // len(midnights)

    def fill(self, until: datetime) -> None:
        """Write the days, their levels and their months, and the quarter-hours of the last day up to an instant."""
        months: dict[date, list[Counters]] = {}
        for midnight in self._midnights:
            counters = self._counters(midnight, self._a_day)
            levels = levels_of(counters, self._catalog)
            months.setdefault(local_month_start(midnight.date()), []).append(levels)
            self._put(day_stretch(ORGANIZATION, Kind.DAY, midnight.date()), counters)
            self._put(day_stretch(ORGANIZATION, Kind.DAY_LEVELS, midnight.date()), levels)
        for month, parts in months.items():
            self._put(day_stretch(ORGANIZATION, Kind.MONTH_LEVELS, month), merge_counters(parts, self._catalog))
        today = Range(quarter_hour_of(self._midnights[-1]), quarter_hour_of(until))
        for quarter_hour in range(today.start, today.end):
            counters = self._counters(quarter_hour_start(quarter_hour), self._a_day // (today.end - today.start))
            self._put(quarter_hour_stretch(ORGANIZATION, quarter_hour), counters)

    def _counters(self, start: datetime, count: int) -> Counters:
        """Fold a quarter-hour of real events, then double it until it holds about as many as are wanted."""
        counters = fold([pack_one(events(_EVENTS_A_FOLD, start))], self._catalog)
        for _ in range((count // _EVENTS_A_FOLD).bit_length()):
            counters = doubled(counters, self._catalog)
        return counters

    def _put(self, stretch: Stretch, counters: Counters) -> None:
        assert counters_store.put_counters(stretch, counters, self._catalog, "bench")


def doubled(counters: Counters, catalog: MeterCatalog) -> Counters:
    """Merge counters with themselves: twice the events. Levels are kept, one time has only one."""
    meters = {
        key: states
        if catalog.meters[key].aggregation is Aggregation.TIME_WEIGHTED
        else merge_states(catalog.meters[key].aggregation, [states, states])
        for key, states in counters.meters.items()
    }
    return Counters(counters.segments, counters.definitions, counters.health, meters)
