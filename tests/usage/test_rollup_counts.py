"""What the rollup counts and measures: each finding once, however often it folds, and only what really waited."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.shared.time import parse_instant, quarter_hour_of
from chalicelib.usage import corrections, counters_store, rollup, store
from chalicelib.usage.corrections import Target
from chalicelib.usage.counters import Counters, Health, decode_health, encode
from chalicelib.usage.counters_store import Replaced, put_counters, quarter_hour_stretch
from chalicelib.usage.ingest import Delivery, ingest
from chalicelib.usage.rollup import roll_up
from chalicelib.usage.store import shard_of
from tests.counted import Counted, counting
from tests.usage.build import event, meter
from tests.usage.stored import add_meter, add_organization, catalog_now, marks, roll, send

LATER = "2026-01-15T13:00:00Z"
NOON = quarter_hour_of(parse_instant("2026-01-15T12:00:00Z"))


@pytest.fixture(autouse=True)
def _acme(tables: None) -> None:
    add_organization()
    add_meter(meter())


@pytest.fixture
def counted() -> Iterator[Counted]:
    with counting() as taken:
        yield taken


def findings(counted: Counted) -> dict[str, int]:
    """Roll up, and give what it counted of events."""
    roll(LATER)
    return {name: value for name, value in counted().items() if name.endswith("Events")}


def test_duplicates_conflicts_and_unusable_events_are_counted_when_they_are_first_stored(counted: Counted) -> None:
    send(event("e1", tokens=5), event("e1", tokens=5), event("e1", tokens=6), event("e2", tokens="much"))
    assert findings(counted) == {"DuplicateEvents": 1, "ConflictingEvents": 1, "UnusableEvents": 1}


def test_a_quarter_hour_that_is_folded_again_counts_only_what_is_new(counted: Counted) -> None:
    send(event("e1", tokens=5), event("e1", tokens=5), event("e2", tokens="much"))
    roll(LATER)
    counted()
    send(event("e3", tokens=1))
    assert findings(counted) == {}
    send(event("e3", tokens=1), event("e4", tokens="many"))
    assert findings(counted) == {"DuplicateEvents": 1, "UnusableEvents": 1}


def test_a_new_meter_that_cannot_use_stored_events_makes_them_unusable_once(counted: Counted) -> None:
    send(event("e1", tokens=5))
    assert findings(counted) == {}
    add_meter(meter(key="seconds", value="seconds"))
    send(event("e2", tokens=5, seconds=1))
    assert findings(counted) == {"UnusableEvents": 1}


def test_what_lay_in_pages_or_is_not_known_counts_nothing(monkeypatch: pytest.MonkeyPatch, counted: Counted) -> None:
    monkeypatch.setattr(counters_store, "PAGE_BYTES", 10)
    send(event("e1", tokens=5), event("e1", tokens=5))
    assert findings(counted) == {"DuplicateEvents": 1}
    send(event("e1", tokens=5))
    assert findings(counted) == {}
    assert Replaced(None).find_health() is None


def test_a_put_tells_the_health_of_what_it_replaced() -> None:
    stretch, catalog = quarter_hour_stretch("acme", NOON), catalog_now()
    first = put_counters(stretch, Counters(1, 1, Health(accepted=9, duplicates=2)), catalog, "f1")
    second = put_counters(stretch, Counters(2, 1, Health(accepted=10)), catalog, "f2")
    assert first is not None
    assert second is not None
    assert first.find_health() == Health()
    assert second.find_health() == Health(accepted=9, duplicates=2)
    assert put_counters(stretch, Counters(2, 1), catalog, "f3") is None


def test_health_is_read_without_the_rest() -> None:
    most = Health(*[10**15] * 7)
    meters = {"tokens": {("a" * 100_000,): 1}}
    blob = encode(Counters(1, 1, most), catalog_now())
    assert decode_health(blob) == most
    assert len(str(meters)) > len(blob)


def send_now(now: str, *events: dict[str, Any]) -> None:
    """Send events as requests do, so that their marks tell when."""
    from chalicelib.usage.envelope import Envelope

    ingest(Envelope(list(events), "/events"), Delivery(now=parse_instant(now)))


def sent(name: str, time: str) -> dict[str, Any]:
    return {"id": name, "source": "s", "type": "llm", "subject": "acme", "time": time, "data": {"tokens": 5}}


def test_the_lag_runs_from_the_end_of_the_quarter_hour(counted: Counted) -> None:
    send_now("2026-01-15T12:01:00Z", sent("e1", "2026-01-15T12:00:00Z"))
    counted()
    roll("2026-01-15T12:14:59Z")
    assert counted() == {}
    roll("2026-01-15T12:18:00Z")
    assert counted() == {"RollupLag": 3 * 60}


def test_the_lag_of_a_late_event_runs_from_when_it_came(counted: Counted) -> None:
    send_now(LATER, sent("e1", "2026-01-02T12:00:00Z"))
    counted()
    roll("2026-01-15T13:02:00Z")
    assert counted() == {"RollupLag": 2 * 60}


def test_a_correction_marks_with_its_own_time_too(counted: Counted) -> None:
    send_now("2026-01-15T12:01:00Z", sent("e1", "2026-01-15T12:00:00Z"))
    roll(LATER)
    at = parse_instant("2026-01-15T12:00:00Z")
    target = Target(organization="acme", source="s", id="e1", time=at, reason="wrong")
    corrections.void_event(target, parse_instant("2026-01-15T14:00:00Z"))
    counted()
    roll("2026-01-15T14:01:00Z")
    assert counted() == {"RollupLag": 60}


def test_a_mark_of_an_older_release_waits_since_its_quarter_hour_ended() -> None:
    send(event("e1", tokens=5))
    [mark] = store.list_marks("acme")
    assert mark.waits_since == parse_instant("2026-01-15T12:15:00Z")


def test_nothing_to_roll_up_measures_nothing(counted: Counted) -> None:
    assert roll(LATER).rolled_up == 0
    assert counted() == {}


def test_a_day_that_fails_shows_as_a_fault_and_as_the_oldest_mark(
    monkeypatch: pytest.MonkeyPatch, counted: Counted
) -> None:
    send_now("2026-01-15T12:01:00Z", sent("e1", "2026-01-15T12:00:00Z"))
    counted()

    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(rollup, "roll_up_day", fail)
    roll("2026-01-15T14:15:00Z")
    assert counted() == {"Faults": 1, "OldestDirtyMark": 2 * 60 * 60}
    assert len(marks()) == 1


def test_a_run_whose_time_is_up_tells_the_oldest_of_all_the_marks_that_it_leaves(counted: Counted) -> None:
    for name, time in (("e1", "2026-01-15T10:00:00Z"), ("e2", "2026-01-14T10:00:00Z"), ("e3", "2026-01-13T10:00:00Z")):
        send_now("2026-01-15T10:00:00Z", sent(name, time))
    counted()
    asked = iter([True, True, False])
    now = parse_instant("2026-01-15T12:00:00Z")
    # The days come in order, so what is left are the 14th and the 15th.
    roll_up(lambda: now, has_time=lambda: next(asked), shards=[shard_of("acme")])
    assert counted() == {"RollupLag": 2 * 60 * 60, "OldestDirtyMark": 2 * 60 * 60}
    assert len(marks()) == 2


def test_accepted_and_rejected_events_are_counted_and_noted(counted: Counted) -> None:
    from chalicelib.platform import logging
    from chalicelib.usage.envelope import Envelope

    good, bad = sent("e1", "2026-01-15T12:00:00Z"), sent("e2", "2025-01-15T12:00:00Z")
    now = parse_instant("2026-01-15T12:01:00Z")
    with logging.noting() as noted:
        ingest(Envelope([good, bad], "/events"), Delivery(now=now, is_partial=True))
    assert counted() == {"AcceptedEvents": 1, "RejectedEvents": 1}
    assert noted == {"accepted": 1, "rejected": 1}
