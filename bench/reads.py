"""Read units and round trips of a usage query: 30 days, ten meters of all aggregations, 20 groups, rolled up.

At 10 thousand events everything is real: sent, stored, rolled up. For 1 and 10 million see ``scaled.py``.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from bench.scaled import ScaledCounters
from bench.store import Bill, Meter, open_store
from bench.workload import BEGIN, NOON, ORGANIZATION, create_meters, create_organization, events, send
from chalicelib.catalog import service as catalog_service
from chalicelib.shared.time import ONE_DAY, quarter_hour_of, zone_of
from chalicelib.usage import counters_store, store
from chalicelib.usage.breakdown import Grouping
from chalicelib.usage.query import UsageQuestion, measure_usage, open_reader
from chalicelib.usage.ranges import Window, days_range
from chalicelib.usage.rollup import roll_up

MOST_READ_UNITS = 25
MOST_ROUND_TRIPS = 3
DAYS = 30
REAL_EVENTS = 10_000
_ZONE = zone_of("UTC")
_TODAY = NOON.date()
# Ten minutes into the quarter-hour that is open.
_NOW = NOON + timedelta(minutes=10)
_BUSY_HOURS = 12


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
            ScaledCounters(size, _days()).fill(NOON)
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
    fill_for_real(size, _days(), _NOW)


def fill_for_real(size: int, midnights: Sequence[datetime], now: datetime) -> None:
    """Send events in twelve hours of some days, and roll them up."""
    each = max(1, size // (len(midnights) * _BUSY_HOURS))
    for midnight in midnights:
        for hour in range(_BUSY_HOURS):
            send(events(each, midnight + timedelta(hours=hour)), now)
    roll_up(lambda: now, has_time=lambda: True)


def _send_open_events() -> None:
    """Leave two requests of 500 events in the quarter-hour that is not over yet."""
    sample = events(1000, NOON)
    for half in (sample[:500], sample[500:]):
        send(half, _NOW)
