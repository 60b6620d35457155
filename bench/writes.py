"""Write units: of events by the size of their requests, and of the rollup beside them."""

from datetime import timedelta
from typing import Any

from bench.store import open_store
from bench.workload import NOON, batches, create_meters, create_organization, events, json_lines, send
from chalicelib.usage.rollup import roll_up

TARGETS = {500: 30, 100: 45, 1: 2_000}
_START = NOON - timedelta(hours=1)


def measure_writes(count: int = 1000) -> dict[str, Any]:
    """Count the write units per 1,000 events of one organization and one quarter-hour, dirty marks included.

    The target of single events is 2 units each.
    """
    found: dict[str, Any] = {"bytes_per_event": bytes_per_event(count), "per_1000_events": {}}
    for size, target in TARGETS.items():
        ingest_units, rollup_units = _units(count, size)
        found["per_1000_events"][f"batches_of_{size}"] = {
            "write_units": round(ingest_units * 1000 / count, 1),
            "target": target,
            "pass": ingest_units * 1000 / count <= target,
            "rollup_write_units": round(rollup_units * 1000 / count, 1),
        }
    return found


def bytes_per_event(count: int = 1000) -> int:
    """Tell how long an event is as JSON, on average."""
    sizes = [len(line) for line in json_lines(events(count, _START))]
    return round(sum(sizes) / len(sizes))


def _units(count: int, size: int) -> tuple[float, float]:
    with open_store() as meter:
        create_organization()
        create_meters(("calls", "tokens", "storage_gb_hours"))
        with meter.bill() as ingest_bill:
            for batch in batches(events(count, _START), size):
                send(batch, NOON)
        with meter.bill() as rollup_bill:
            roll_up(lambda: NOON, has_time=lambda: True)
    return ingest_bill.write_units, rollup_bill.write_units
