"""Where operations are counted: a store, the app's doors, a clock that stands where the scene sets it."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bench.doors import Doors
from bench.store import Meter, open_store
from bench.tally import Tally
from bench.workload import METER_KEYS, ORGANIZATION, JsonEvent, batches, create_meters, create_organization, events
from chalicelib.catalog import store as catalog_store
from chalicelib.catalog.plan_memory_store import remembered_plans
from chalicelib.platform import auth
from chalicelib.platform.keys import read_key_id
from chalicelib.shared.clock import clock
from chalicelib.shared.time import quarter_hour_of, quarter_hour_start


class Scene:
    """A deployment with one organization and some of the ten meters, asked by an admin whose key is remembered."""

    def __init__(self, tally: Tally, meter: Meter) -> None:
        self.doors = Doors()
        self._tally, self._meter = tally, meter

    def count(self, name: str, act: Callable[[], object]) -> None:
        """Count an operation."""
        self._tally.count(name, act, meter=self._meter, doors=self.doors)

    def ask(self, name: str, route: str, body: Any = None, **options: Any) -> Any:
        """Count a request; gives its answer."""
        answers = []
        self.count(name, lambda: answers.append(self.doors.request(route, body, **options)))
        return answers[0]

    def send(self, of: list[JsonEvent]) -> None:
        """Send events in requests of 500, without counting."""
        for batch in batches(of, 500):
            self.doors.request("POST /v1/events", batch)

    def forget_key(self) -> None:
        """Let the key be read again, as by a process that has not seen it for ten seconds."""
        key_id = read_key_id(self.doors.key or "")
        assert key_id is not None
        auth.forget_key(key_id)

    def forget_all(self) -> None:
        """Let what a process remembers be read again, as by a new one."""
        self.forget_key()
        catalog_store.forget_definitions()
        remembered_plans.forget()

    def set_clock(self, now: datetime) -> None:
        """Set the domain's now."""
        clock.set(now)


@contextmanager
def open_scene(tally: Tally, now: datetime, meters: tuple[str, ...] = METER_KEYS) -> Iterator[Scene]:
    """Open a deployment with the organization and some meters, at an instant."""
    with open_store() as meter:
        clock.set(now)
        create_organization()
        create_meters(meters)
        scene = Scene(tally, meter)
        made = scene.doors.invoke("create_api_key", {"name": "bench", "role": "admin"})
        scene.doors.key = made["secret"]
        # What every process has read after its first request: the key, and the meters.
        scene.doors.request("GET /v1/meters")
        with _as_loaded():
            yield scene


@contextmanager
def _as_loaded() -> Iterator[None]:
    """Search what is there by now no more for garbage, as the connection does on Lambda."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def in_quarter_hour(count: int, at: datetime, organization: str = ORGANIZATION) -> list[JsonEvent]:
    """Make events of one organization, spread over the quarter-hour that an instant lies in."""
    return [{**one, "subject": organization} for one in events(count, quarter_hour_start(quarter_hour_of(at)))]
