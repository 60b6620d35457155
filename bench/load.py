"""Ten million events of one organization, and very many organizations with a few events: as far as a machine goes.

``python -m bench.load --events 10000000 --organizations 100000`` prints a JSON object. Everything is sent through
ingest from the bytes of requests, and rolled up by the scheduled rollup, on the engine in this process. What costs
money is counted slice by slice: when no slice costs more than the first, the rest of a load may be computed from it.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from bench.speed import store_one_by_one
from bench.store import Meter, open_store
from bench.workload import KINDS, MODELS, NOON, ORGANIZATION, create_meters, create_organization, send_body
from chalicelib.catalog import service as catalog_service
from chalicelib.shared.time import format_instant
from chalicelib.usage.rollup import RollupReport, roll_up

Figures = dict[str, Any]

_METERS = ("calls", "tokens", "storage_gb_hours")
_A_REQUEST = 500
_QUARTER_HOUR = timedelta(minutes=15)
_QUARTER_HOURS_A_DAY = 96
_BEGIN = NOON - timedelta(hours=36)
# A rollup fires every five minutes, three times for each quarter-hour, and works for so long.
_RUNS_A_QUARTER_HOUR, _RUN_S = 3, 230
_SHARDS = 16


def measure_load(*, events: int, organizations: int, rolled_up: int, slices: int = 10) -> Figures:
    """Load one organization with ``events``, then ``organizations`` with three events each.

    Of the organizations so many are ``rolled_up``; the others wait.
    """
    one = _one_organization(events, slices)
    many = _many_organizations(organizations, rolled_up, slices)
    return {"one_organization": one, "many_organizations": many, "pass": one["pass"] and many["pass"]}


def _one_organization(events: int, slices: int) -> Figures:
    """Send a day of events evenly, roll up each quarter-hour when it has closed, and count both slice by slice."""
    a_quarter_hour = events // _QUARTER_HOURS_A_DAY
    chance, found = Random(events), []
    with open_store() as meter:
        create_organization()
        create_meters(_METERS)
        naive_a_s = _naive_events_a_second(chance)
        for places in _parts(range(_QUARTER_HOURS_A_DAY), slices):
            found.append(_slice(meter, [_BEGIN + place * _QUARTER_HOUR for place in places], a_quarter_hour, chance))
    longest_s = max(one["rollup_s_a_quarter_hour"] for one in found)
    a_s = median(one["events_a_s"] for one in found)
    constant = _is_constant(found, "write_units_a_1000_events") and _is_constant(found, "rollup_write_units")
    return {
        "events": a_quarter_hour * _QUARTER_HOURS_A_DAY,
        "events_a_quarter_hour": a_quarter_hour,
        "events_a_s_of_its_time": round(a_quarter_hour / _QUARTER_HOUR.total_seconds(), 1),
        "events_a_s_taken": round(a_s),
        "naive_events_a_s_taken": round(naive_a_s),
        "ratio": round(a_s / naive_a_s, 1),
        "share_of_the_rollups_time": round(longest_s / (_RUNS_A_QUARTER_HOUR * _RUN_S), 4),
        "counts_are_constant": constant,
        "slices": found,
        "pass": constant and longest_s < _RUNS_A_QUARTER_HOUR * _RUN_S,
    }


def _slice(meter: Meter, starts: Sequence[datetime], a_quarter_hour: int, chance: Random) -> Figures:
    taken_s, rollups, cpu_s = 0.0, [], 0.0
    sent, units, rollup_units, rollup_reads = 0, 0.0, [], []
    for start in starts:
        bodies = list(_bodies(a_quarter_hour, start, chance))
        with meter.bill() as bill:
            begun = time.perf_counter()
            sent += sum(send_body(body, start + _QUARTER_HOUR) for body in bodies)
            taken_s += time.perf_counter() - begun
        units += bill.write_units
        with meter.bill() as bill:
            begun, cpu = time.perf_counter(), time.process_time()
            _roll_up(start + _QUARTER_HOUR)
            rollups.append(time.perf_counter() - begun)
            cpu_s += time.process_time() - cpu - bill.engine_cpu_s
        rollup_units.append(bill.write_units)
        rollup_reads.append(bill.read_units)
    assert sent == a_quarter_hour * len(starts), "an event was not taken"
    return {
        "events": sent,
        "events_a_s": round(sent / taken_s),
        "write_units_a_1000_events": round(1000 * units / sent, 2),
        "rollup_write_units": round(sum(rollup_units) / len(rollup_units), 1),
        "rollup_read_units": round(sum(rollup_reads) / len(rollup_reads), 1),
        "rollup_s_a_quarter_hour": round(max(rollups), 2),
        "rollup_cpu_ms_a_1000_events": round(1e6 * cpu_s / sent, 2),
        "memory_mb": _memory_mb(),
    }


def _many_organizations(organizations: int, rolled_up: int, slices: int) -> Figures:
    """Send three events of each organization, an hour apart, in requests that each hold events of 500 of them."""
    ids = [f"customer-{place:07}" for place in range(organizations)]
    chance, sent, folded = Random(organizations), [], []
    with open_store() as meter:
        create_meters(_METERS)
        for part in _parts(ids, slices):
            sent.append(_send_crowd(meter, part, chance))
        last = _BEGIN + 2 * timedelta(hours=1) + _QUARTER_HOUR
        for quota in _parts(range(3 * min(rolled_up, organizations)), slices):
            folded.append(_roll_up_some(meter, last, len(quota)))
    constant = _is_constant(sent, "write_units_an_organization") and _is_constant(folded, "write_units_a_mark")
    ms = max(one["cpu_ms_a_mark"] for one in folded)
    return {
        "organizations": organizations,
        "rolled_up": sum(one["marks"] for one in folded) // 3,
        "counts_are_constant": constant,
        "marks_a_run_on_paper": int(_RUN_S * 1000 * _SHARDS / ms),
        "sent": sent,
        "rollup": folded,
        "pass": constant and all(one["accepted"] for one in sent),
    }


def _send_crowd(meter: Meter, ids: Sequence[str], chance: Random) -> Figures:
    """Create organizations as their first events do, and send three of each."""
    accepted, begun, cpu = 0, time.perf_counter(), time.process_time()
    with meter.bill() as bill:
        for part in _parts(ids, max(1, len(ids) // _A_REQUEST)):
            catalog_service.create_unknown(part, _BEGIN)
        for hour in range(3):
            at = _BEGIN + timedelta(hours=hour)
            for part in _parts(ids, max(1, len(ids) // _A_REQUEST)):
                body = _body([_event(chance, organization, at) for organization in part])
                accepted += send_body(body, at + _QUARTER_HOUR)
    return {
        "events": 3 * len(ids),
        "accepted": accepted == 3 * len(ids),
        "events_a_s": round(accepted / (time.perf_counter() - begun)),
        "write_units_an_organization": round(bill.write_units / len(ids), 2),
        "cpu_ms_an_organization": round(1000 * (time.process_time() - cpu - bill.engine_cpu_s) / len(ids), 2),
        "memory_mb": _memory_mb(),
    }


def _roll_up_some(meter: Meter, now: datetime, marks: int) -> Figures:
    """Roll up until so many marks are gone, an organization at a time, as a run whose time ends does."""
    report, cpu = RollupReport(), time.process_time()
    begun = time.perf_counter()
    with meter.bill() as bill:
        while report.rolled_up < marks:
            done = _roll_up(now, _time_for(min(300, (marks - report.rolled_up + 2) // 3)))
            assert done.rolled_up, "nothing was left to roll up"
            report += done
    return {
        "marks": report.rolled_up,
        "write_units_a_mark": round(bill.write_units / report.rolled_up, 2),
        "read_units_a_mark": round(bill.read_units / report.rolled_up, 2),
        "cpu_ms_a_mark": round(1000 * (time.process_time() - cpu - bill.engine_cpu_s) / report.rolled_up, 2),
        "marks_a_s": round(report.rolled_up / (time.perf_counter() - begun)),
        "memory_mb": _memory_mb(),
    }


def _time_for(days: int) -> Callable[[], bool]:
    """Give a run time for the days of so many organizations; it asks once before each, and before each shard."""
    left = iter(range(days + _SHARDS))
    return lambda: next(left, None) is not None


def _roll_up(now: datetime, has_time: Callable[[], bool] = lambda: True) -> RollupReport:
    return roll_up(lambda: now, has_time=has_time)


def _naive_events_a_second(chance: Random) -> float:
    """Store one request the usual way: an item and a counter for each event, in a transaction each."""
    body = next(_bodies(_A_REQUEST, _BEGIN - timedelta(days=1), chance))
    begun = time.perf_counter()
    stored = store_one_by_one(body)
    return stored / (time.perf_counter() - begun)


def _bodies(count: int, start: datetime, chance: Random) -> Iterator[bytes]:
    """Make requests with so many events, spread evenly over a quarter-hour, one at a time."""
    for first in range(0, count, _A_REQUEST):
        places = range(first, min(first + _A_REQUEST, count))
        step = _QUARTER_HOUR / count
        yield _body([_event(chance, ORGANIZATION, start + place * step) for place in places])


def _body(events: Sequence[str]) -> bytes:
    return f"[{','.join(events)}]".encode()


def _event(chance: Random, organization: str, at: datetime) -> str:
    """Write an event as the other workloads have it: a random id, five fields of data."""
    return (
        f'{{"id":"{chance.getrandbits(128):032x}","source":"gateway-1","type":"completion","subject":"{organization}",'
        f'"time":"{format_instant(at)}","data":{{"model":"{chance.choice(MODELS)}","kind":"{chance.choice(KINDS)}",'
        f'"tokens":{chance.randrange(1, 4000)},"ms":{chance.randrange(20, 9000)},"gb":{chance.randrange(1, 500)}}}}}'
    )


def _parts(of: Sequence[Any], parts: int) -> Iterator[Sequence[Any]]:
    """Cut a sequence into so many parts of nearly one size, none of them empty."""
    parts = min(parts, len(of))
    edges = [place * len(of) // parts for place in range(parts + 1)]
    yield from (of[begin:end] for begin, end in pairwise(edges))


def _is_constant(found: Sequence[Figures], name: str) -> bool:
    """Tell whether no slice costs over a twentieth more than the first."""
    return bool(max(one[name] for one in found) <= found[0][name] * 1.05)


def _memory_mb() -> int:
    """Tell what this process holds now, the engine's items included."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 // 10**6


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--organizations", type=int, default=10_000)
    parser.add_argument("--rolled-up", type=int, default=1_000)
    options = parser.parse_args()
    found = measure_load(events=options.events, organizations=options.organizations, rolled_up=options.rolled_up)
    json.dump(found, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
