"""Live traffic goes on where history ends, stands still with the clock, and survives what fails."""

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from chalicelib.shared.clock import clock
from chalicelib.shared.time import format_instant, parse_instant
from local import demo_traffic
from local.demo import CUSTOMERS
from local.demo_progress import Progress
from local.demo_traffic import Traffic, draw_batch
from local.demo_usage import Past, requests_an_hour
from local.home import Home

NOON = datetime(2026, 3, 10, 15, tzinfo=UTC)


class App:
    """Takes events; ``before`` is called with each batch."""

    def __init__(self, before: Callable[[list[dict[str, Any]]], None] = lambda _: None) -> None:
        self.taken: list[dict[str, Any]] = []
        self._before = before

    def find(self, path: str) -> Any:
        raise AssertionError(path)

    def require(self, method: str, path: str, body: Any = None) -> Any:
        assert (method, path) == ("POST", "/v1/events?partial=true")
        events = json.loads(body)
        self._before(events)
        self.taken += events
        return {"accepted": len(events), "rejected": []}


@pytest.fixture
def progress() -> Iterator[Progress]:
    begun = Progress(Home(None))
    begun.begin(Past(NOON - timedelta(days=2), NOON))
    begun.reach(NOON)
    yield begun
    clock.set(None)


def test_nothing_is_sent_while_the_clock_stands_still(progress: Progress) -> None:
    app = App()
    traffic = Traffic(app, progress)
    clock.set(NOON + timedelta(hours=1))
    assert (traffic.send_batch(), app.taken, progress.until) == (0, [], NOON)
    clock.set(None)
    assert traffic.send_batch() == len(app.taken) > 0


def test_nothing_is_sent_before_the_end_of_what_was_drawn(progress: Progress) -> None:
    app = App()
    ahead = clock.now() + timedelta(days=1)
    progress.reach(ahead)
    assert (Traffic(app, progress).send_batch(), app.taken, progress.until) == (0, [], ahead)


def test_the_instant_of_a_batch_is_noted_before_it_is_sent(progress: Progress) -> None:
    noted = []
    app = App(lambda _: noted.append(progress.until))
    Traffic(app, progress).send_batch()
    assert {event["time"] for event in app.taken} == {format_instant(until) for until in noted if until is not None}


def test_a_batch_that_fails_is_told_and_the_next_is_sent(
    progress: Progress, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(demo_traffic, "_PAUSE_MS", range(1, 2))
    asked, sent = [], threading.Event()

    def fail_once(events: list[dict[str, Any]]) -> None:
        asked.append(events)
        if len(asked) == 1:
            raise RuntimeError("busy")
        sent.set()

    traffic = Traffic(App(fail_once), progress)
    with caplog.at_level(logging.WARNING, logger="local"):
        traffic.start()
        assert sent.wait(10)
        traffic.stop()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert not traffic._thread.is_alive()


def test_a_batch_that_hangs_does_not_hold_up_the_stop(progress: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_traffic, "_PAUSE_MS", range(1, 2))
    monkeypatch.setattr(demo_traffic, "_STOP_WITHIN_S", 0)
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(_events: list[dict[str, Any]]) -> None:
        hangs.set()
        goes_on.wait(10)

    traffic = Traffic(App(hang), progress)
    traffic.start()
    assert hangs.wait(10)
    traffic.stop()
    assert traffic._thread.is_alive()
    goes_on.set()
    traffic._thread.join(10)
    assert not traffic._thread.is_alive()


def test_an_hour_of_live_traffic_is_what_an_hour_of_the_past_is() -> None:
    random = Random("an hour")
    events = [event for number in range(900) for event in draw_batch(random, NOON + timedelta(seconds=4 * number))]
    requests: Counter[str] = Counter()
    for event in events:
        assert NOON <= parse_instant(event["time"]) < NOON + timedelta(hours=1)
        if event["type"] == "inference" and event["data"]["kind"] == "output":
            requests[event["subject"]] += event["data"]["requests"]
    acme = requests_an_hour(CUSTOMERS[0], NOON.date(), NOON.hour)
    assert abs(requests["acme-ai"] - acme) * 4 < acme
    assert list(requests)
    assert [name for name, _ in requests.most_common()] == [one.id for one in CUSTOMERS]
    assert {event["source"] for event in events} == {"demo-live"}
    assert len({event["id"] for event in events}) == len(events)
