"""CPU of the fold against reading the same events as JSON lines, within one run."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any

from bench.store import open_store
from bench.workload import NOON, batches, create_meters, create_organization, events, json_lines, send
from chalicelib.catalog import service as catalog_service
from chalicelib.shared.time import quarter_hour_of
from chalicelib.usage import store
from chalicelib.usage.fold import fold
from chalicelib.usage.segments import Segment

TARGET = 3
_START = NOON - timedelta(hours=1)
_ROUNDS = 9


def measure_folding(count: int = 5000) -> dict[str, Any]:
    """Fold a quarter-hour of ``count`` events in segments of 500, for three meters and for ten; medians."""
    lines = json_lines(events(count, _START))
    found: dict[str, Any] = {"events": count}
    for name, keys in {"three_meters": ("calls", "tokens", "storage_gb_hours"), "ten_meters": None}.items():
        segments, catalog = _stored(count, keys)
        ratios = []
        for _ in range(_ROUNDS):
            folding = _cpu_s(lambda: fold([_fresh(one) for one in segments], catalog))  # noqa: B023 - called at once
            reading = _cpu_s(lambda: [json.loads(line) for line in lines])
            ratios.append(folding / reading)
        found[name] = {"ratio": round(median(ratios), 2), "target": TARGET, "pass": median(ratios) <= TARGET}
    return found


def _stored(count: int, keys: tuple[str, ...] | None) -> tuple[list[Segment], Any]:
    with open_store():
        create_organization()
        create_meters(*([keys] if keys is not None else []))
        for batch in batches(events(count, _START), 500):
            send(batch, NOON)
        return store.read_partition("acme", quarter_hour_of(_START)), catalog_service.meter_catalog()


def _fresh(segment: Segment) -> Segment:
    """Give a segment that has not been unpacked yet."""
    return Segment(
        segment.sort_id, segment.kind, segment.quarter_hour, segment.received_at, segment.packed, segment.reason
    )


def _cpu_s(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started
