"""Events coming in by each door, corrections, and the rollup: with the three meters that most products have.

The events are those of ``workload.py``, of one quarter-hour of one organization where nothing else is said.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from bench.operations.scene import Scene, in_quarter_hour, open_scene
from bench.tally import Tally
from bench.workload import NOON, ORGANIZATION, JsonEvent, pack_one
from chalicelib.catalog import service as catalog_service
from chalicelib.shared.time import quarter_hour_of
from chalicelib.usage import counters_store
from chalicelib.usage.counters_store import quarter_hour_stretch
from chalicelib.usage.fold import fold
from chalicelib.usage.store import shard_of

THREE_METERS = ("calls", "tokens", "storage_gb_hours")
MANY = 50
SIZES = (1, 10, 100, 500, 2000)
ROLLED_UP = (1, 100, 1000, 5000)
_YESTERDAY = NOON.replace(hour=0) - timedelta(days=1)
_QUARTERS_A_DAY = 96
_QUARTER_HOUR = timedelta(minutes=15)


def count_writing(tally: Tally) -> None:
    """Count what the life of an event costs until it is rolled up."""
    with open_scene(tally, NOON, THREE_METERS) as scene:
        with tally.area("events"):
            _count_requests(scene)
            _count_queue(scene)
            _count_corrections(scene)
        scene.doors.run("rollup_usage")
        with tally.area("rollup"):
            scene.count("rollup, nothing to do", lambda: scene.doors.run("rollup_usage"))
            _count_rollups(scene)


def _an_hour_ago(place: int) -> datetime:
    """Give the start of a quarter-hour of its own, long enough ago to be rolled up."""
    return NOON - timedelta(hours=1) - place * _QUARTER_HOUR


def _count_requests(scene: Scene) -> None:
    # What the first events of a process bring about belongs to none of those that are counted.
    scene.send(in_quarter_hour(1, _an_hour_ago(14)))
    for place, size in enumerate(SIZES):
        events = in_quarter_hour(size, _an_hour_ago(place))
        scene.ask(f"ingest {size} by HTTP", "POST /v1/events", events)
    scene.forget_all()
    events = in_quarter_hour(500, _an_hour_ago(12))
    scene.ask("ingest 500 by HTTP, in a new process", "POST /v1/events", events)
    organizations = [f"organization-{place:02}" for place in range(MANY)]
    catalog_service.create_unknown(organizations, NOON)
    scene.ask(f"ingest 500 of {MANY} organizations by HTTP", "POST /v1/events", _of_many(organizations, 10))
    events = in_quarter_hour(500, _an_hour_ago(5))
    scene.count("ingest 500 by direct invocation", lambda: scene.doors.invoke("ingest_events", {"events": events}))
    messages = _of_many(organizations, 1)
    scene.count(
        f"ingest 1 of each of {MANY} organizations by queue", lambda: scene.doors.receive("receive_events", messages)
    )
    settings = scene.doors.request("GET /v1/settings")
    scene.doors.request("PUT /v1/settings", {**settings, "create_unknown_organizations": True})
    first = in_quarter_hour(1, _an_hour_ago(6), "never-seen-before")
    scene.ask("ingest the first event of an organization nobody created", "POST /v1/events", first)


def _of_many(organizations: list[str], each: int) -> list[JsonEvent]:
    return [event for one in organizations for event in in_quarter_hour(each, _an_hour_ago(7), one)]


def _count_queue(scene: Scene) -> None:
    for place, messages in enumerate((1, 10, 100)):
        events = in_quarter_hour(messages, _an_hour_ago(8 + place))
        name = f"ingest {messages} by queue, a message each"
        scene.count(name, _received(scene, events))
    batch = in_quarter_hour(500, _an_hour_ago(11))
    scene.count("ingest 500 by queue, one message", lambda: scene.doors.receive("receive_events", [batch]))


def _received(scene: Scene, events: Sequence[Any]) -> Callable[[], object]:
    return lambda: scene.doors.receive("receive_events", events)


def _count_corrections(scene: Scene) -> None:
    """Void and amend an event of a quarter-hour of a thousand."""
    at = _an_hour_ago(13)
    events = in_quarter_hour(1000, at)
    scene.send(events)
    for name, event, more in (("void", events[0], {}), ("amend", events[1], {"data": events[2]["data"]})):
        named = {"organization": ORGANIZATION, "reason": "bench"} | {
            key: event[key] for key in ("source", "id", "time")
        }
        scene.ask(f"{name} an event", f"POST /v1/events/{name}", {**named, **more})


def _count_rollups(scene: Scene) -> None:
    """Roll up the first quarter-hour of a day, by how many events it has; and the last one of a full day."""
    for place, size in enumerate(ROLLED_UP):
        first = _YESTERDAY - timedelta(days=place)
        scene.send(in_quarter_hour(size, first))
        scene.count(f"roll up a quarter-hour of {size}", lambda: _roll_up(scene))
    _fill_day(_YESTERDAY)
    scene.send(in_quarter_hour(1000, _YESTERDAY + 95 * _QUARTER_HOUR))
    scene.count("roll up a quarter-hour of 1000, the 96th of its day", lambda: _roll_up(scene))
    day = {"from": _YESTERDAY.date().isoformat(), "to": NOON.date().isoformat(), "organization": ORGANIZATION}
    scene.count("mark a day of 96 quarter-hours to be folded again", lambda: scene.doors.invoke("refold_usage", day))


def _roll_up(scene: Scene) -> None:
    scene.doors.receive("rollup_shards", [{"shard": shard_of(ORGANIZATION)}])


def _fill_day(midnight: datetime) -> None:
    """Store counters of the other 95 quarter-hours of a day, as the rollup would have."""
    catalog = catalog_service.meter_catalog()
    first = quarter_hour_of(midnight)
    for quarter_hour in range(first + 1, first + _QUARTERS_A_DAY - 1):
        counters = fold([pack_one(in_quarter_hour(100, midnight + (quarter_hour - first) * _QUARTER_HOUR))], catalog)
        assert counters_store.put_counters(quarter_hour_stretch(ORGANIZATION, quarter_hour), counters, catalog, "bench")
