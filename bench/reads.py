"""Read units and round trips of a usage query: 30 days, ten meters of all aggregations, 20 groups, rolled up.

At 10 thousand events everything is real: sent, stored, rolled up. For 1 and 10 million the counters are folds of real
quarter-hours whose states are merged with themselves until they hold as many events, written by the rollup's own
``put_counters``; what the query never reads (past quarter-hours and their segments) is not written.
"""

from datetime import date, datetime, timedelta
from typing import Any

from bench.store import Bill, Meter, open_store
from bench.workload import BEGIN, NOON, ORGANIZATION, create_meters, create_organization, events, pack_one, send
from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.meters import Aggregation, MeterCatalog
from chalicelib.shared.time import ONE_DAY, local_month_start, quarter_hour_of, quarter_hour_start, zone_of
from chalicelib.usage import counters_store, store
from chalicelib.usage.breakdown import Grouping
from chalicelib.usage.counters import Counters, merge_counters, merge_states
from chalicelib.usage.counters_store import Kind, Stretch, day_stretch, quarter_hour_stretch
from chalicelib.usage.fold import fold
from chalicelib.usage.query import UsageQuestion, measure_usage, open_reader
from chalicelib.usage.ranges import Range, Window, days_range
from chalicelib.usage.rollup import levels_of, roll_up

MOST_READ_UNITS = 25
MOST_ROUND_TRIPS = 3
DAYS = 30
REAL_EVENTS = 10_000
_ZONE = zone_of("UTC")
_TODAY = NOON.date()
# Ten minutes into the quarter-hour that is open.
_NOW = NOON + timedelta(minutes=10)
_BUSY_HOURS = 12
_EVENTS_A_FOLD = 200


def measure_reads(sizes: tuple[int, ...] = (REAL_EVENTS, 1_000_000, 10_000_000)) -> dict[str, Any]:
    """Measure the query of the last 30 full days, and of the last 30 days with today, at some numbers of events."""
    return {f"at_{size}_events": _measure(size) for size in sizes}


def _measure(size: int) -> dict[str, Any]:
    with open_store() as meter:
        create_organization()
        create_meters()
        if size <= REAL_EVENTS:
            _fill_for_real(size)
        else:
            _Scaled(size).fill()
        _send_open_events()
        rolled_up = _ask(meter, _TODAY - DAYS * ONE_DAY)
        with_today = _ask(meter, _TODAY - (DAYS - 1) * ONE_DAY)
        allowed = _units_of_today(meter)
    more = with_today.read_units - rolled_up.read_units
    return {
        "counters": "sent and rolled up" if size <= REAL_EVENTS else "folds of real events, states multiplied",
        "rolled_up": {
            "read_units": rolled_up.read_units,
            "round_trips": rolled_up.round_trips,
            "targets": {"read_units": MOST_READ_UNITS, "round_trips": MOST_ROUND_TRIPS},
            "pass": rolled_up.read_units <= MOST_READ_UNITS and rolled_up.round_trips <= MOST_ROUND_TRIPS,
        },
        "with_today_open": {
            "read_units": with_today.read_units,
            "round_trips": with_today.round_trips,
            "more_read_units": more,
            "units_of_todays_quarter_hours_and_open_segments": allowed,
            # Each of the two queries more is rounded up by itself.
            "pass": more <= allowed + 1,
        },
    }


def _ask(meter: Meter, first: date) -> Bill:
    """Ask for 30 days by model and kind, as a process that knows the meters already."""
    question = UsageQuestion(
        whole=days_range(first, first + DAYS * ONE_DAY, _ZONE),
        window=Window.DAY,
        zone=_ZONE,
        grouping=Grouping(by=("model", "kind"), top=20),
    )
    open_reader(ORGANIZATION, _NOW)
    with meter.bill() as bill:
        answer = measure_usage(open_reader(ORGANIZATION, _NOW), question)
    assert len(answer) == 10, "every meter counted something"
    return bill


def _units_of_today(meter: Meter) -> float:
    """Count what today's quarter-hours and the open segments cost when nothing else is read."""
    catalog = catalog_service.meter_catalog()
    with meter.bill() as bill:
        counters_store.read_quarter_hours(ORGANIZATION, days_range(_TODAY, _TODAY + ONE_DAY, _ZONE), catalog)
        store.read_partition(ORGANIZATION, quarter_hour_of(NOON))
    return bill.read_units


def _days() -> list[datetime]:
    """List the midnights of all days with usage, today too: more than two months, so that levels carry over months."""
    midnight = NOON.replace(hour=0)
    return [midnight - timedelta(days=back) for back in range((NOON - BEGIN).days - 1, -1, -1)]


def _fill_for_real(size: int) -> None:
    days = _days()
    each = max(1, size // (len(days) * _BUSY_HOURS))
    for midnight in days:
        for hour in range(_BUSY_HOURS):
            send(events(each, midnight + timedelta(hours=hour)), _NOW)
    roll_up(_NOW, has_time=lambda: True)


def _send_open_events() -> None:
    """Leave two requests of 500 events in the quarter-hour that is not over yet."""
    sample = events(1000, NOON)
    for half in (sample[:500], sample[500:]):
        send(half, _NOW)


class _Scaled:
    """Counters of very many events."""

    def __init__(self, size: int) -> None:
        self._catalog = catalog_service.meter_catalog()
        self._a_day = size // len(_days())

    def fill(self) -> None:
        """Write the days, their levels and their months, and today's quarter-hours up to noon."""
        months: dict[date, list[Counters]] = {}
        for midnight in _days():
            counters = self._counters(midnight, self._a_day)
            levels = levels_of(counters, self._catalog)
            months.setdefault(local_month_start(midnight.date()), []).append(levels)
            self._put(day_stretch(ORGANIZATION, Kind.DAY, midnight.date()), counters)
            self._put(day_stretch(ORGANIZATION, Kind.DAY_LEVELS, midnight.date()), levels)
        for month, parts in months.items():
            self._put(day_stretch(ORGANIZATION, Kind.MONTH_LEVELS, month), merge_counters(parts, self._catalog))
        today = Range(quarter_hour_of(NOON.replace(hour=0)), quarter_hour_of(NOON))
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
