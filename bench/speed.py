"""Events per second against the usual way: an item and a counter for each event.

Both ways read the same requests with the same checks, write through the same client to the same engine, in one run.
"""

import time
from datetime import timedelta
from statistics import median
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from bench.store import open_store
from bench.workload import (
    NOON,
    batches,
    body_of,
    create_meters,
    create_organization,
    events,
    read_events,
    send,
    send_body,
)
from chalicelib.platform.tables import BaseModel, table_name
from chalicelib.platform.writes import Put, Update, commit
from chalicelib.shared.strict_json import dump
from chalicelib.shared.time import format_instant
from chalicelib.usage.tables import EVENTS_TABLE

TARGET = 20
_START = NOON - timedelta(hours=1)
_ROUNDS = 5
_A_REQUEST = 500
# As many as take some times as long as a request, and no longer.
_ONE_BY_ONE = 100


def measure_speed(count: int = 5000) -> dict[str, Any]:
    """Compare requests of 500 events: packed, and with one conditional put and counter update in a transaction each.

    The two ways take turns, since a shared machine may be twice as fast a second later.
    """
    ours, usual, request_cpu = [], [], []
    for seed in range(_ROUNDS):
        with open_store() as meter:
            create_organization()
            create_meters(("calls", "tokens", "storage_gb_hours"))
            sample = events(count, _START, seed=seed)
            bodies = [(body_of(batch), body_of(batch[:_ONE_BY_ONE])) for batch in batches(sample, _A_REQUEST)]
            send(sample[:1], NOON)
            sample.clear()
            packed_s, one_by_one_s, cpu_s, stored = 0.0, 0.0, 0.0, 0
            for whole, part in bodies:
                with meter.bill() as bill:
                    started, cpu = time.perf_counter(), time.process_time()
                    send_body(whole, NOON)
                    packed_s += time.perf_counter() - started
                    cpu_s += time.process_time() - cpu
                cpu_s -= bill.engine_cpu_s
                started = time.perf_counter()
                stored += store_one_by_one(part)
                one_by_one_s += time.perf_counter() - started
            ours.append(count / packed_s)
            usual.append(stored / one_by_one_s)
            request_cpu.append(cpu_s / count)
    ratio = median(each / other for each, other in zip(ours, usual, strict=True))
    return {
        "ingest_events_per_s": round(median(ours)),
        "put_and_counter_events_per_s": round(median(usual)),
        "ratio": round(ratio, 1),
        "target": TARGET,
        "pass": ratio >= TARGET,
        "request_cpu_us_per_event": round(median(request_cpu) * 1e6, 1),
    }


class EventItem(BaseModel):
    """An event as an item of its own."""

    class Meta:
        """Beside the segments: the table's keys are the same."""

        table_name = table_name(EVENTS_TABLE)

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    content = UnicodeAttribute()


class CounterItem(BaseModel):
    """A counter that every event adds to."""

    class Meta:
        """Beside the events."""

        table_name = table_name(EVENTS_TABLE)

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    calls = NumberAttribute()
    tokens = NumberAttribute()


def store_one_by_one(body: bytes) -> int:
    """Read a request and check its events as ingest does, but store and count each in a transaction of its own."""
    read = read_events(body)
    for one in read:
        document = {"type": one.type, "time": format_instant(one.time), "data": one.data}
        item = EventItem(f"{one.organization}#{one.source}", one.id, content=dump(document))
        count = Update(
            model=CounterItem,
            keys=(f"{one.organization}#counters", f"{one.quarter_hour}#{one.data['model']}"),
            actions=(CounterItem.calls.add(1), CounterItem.tokens.add(int(one.data["tokens"].text))),
        )
        commit([Put(item=item, condition=EventItem.pk.does_not_exist()), count])
    return len(read)
