"""The demo's usage is the same however it is cut, and its past has the quantities of its present."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

from chalicelib.shared.time import format_instant
from local.demo import CUSTOMERS
from local.demo_usage import Past, events_between, events_of_day, late_events

START = datetime(2026, 3, 1, 5, tzinfo=UTC)
ACME = CUSTOMERS[0]


def _drawn(start: datetime, end: datetime, past: Past) -> list[dict[str, Any]]:
    return [event for batch in events_between(start, end, past) for event in batch]


def _identities(events: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(event["subject"], event["id"]) for event in events}


def test_events_are_the_same_each_time_and_join_without_gap() -> None:
    past = Past(START, START + timedelta(days=50))
    middle, end = START + timedelta(days=20, hours=7), past.end
    whole = _drawn(START, end, past)
    parts = _drawn(START, middle, past) + _drawn(middle, end, past)
    assert sorted(map(json.dumps, whole)) == sorted(map(json.dumps, parts))
    assert {event["subject"] for event in whole} == {customer.id for customer in CUSTOMERS}
    assert all(format_instant(START) <= event["time"] < format_instant(end) for event in whole)
    assert max(len(json.dumps(batch)) for batch in events_between(START, end, past)) < 3_000_000


def test_one_past_joins_the_next_in_the_middle_of_a_day() -> None:
    middle, end = START + timedelta(days=3, hours=7), START + timedelta(days=90)
    earlier, later = Past(START, middle), Past(middle, end)
    joined = _drawn(START, middle, earlier) + _drawn(middle, middle + timedelta(days=1), later)
    day = [event for event in joined if event["id"].startswith(f"{middle.date()}-")]
    whole = events_of_day(ACME, middle.date(), earlier)
    assert _identities([event for event in day if event["subject"] == ACME.id]) == _identities(whole)


def test_an_old_day_has_the_requests_of_a_new_one_in_one_quarter_hour() -> None:
    day = date(2026, 3, 10)
    seen = {}
    for age in (3, 60):
        past = Past(START - timedelta(days=100), datetime(2026, 3, 10, 9, tzinfo=UTC) + timedelta(days=age))
        events = [event for event in events_of_day(ACME, day, past) if event["type"] == "inference"]
        hours = {event["time"][:13] for event in events}
        requests = sum(event["data"]["requests"] for event in events if event["data"]["kind"] == "output")
        seen[age] = (len(hours), requests)
    assert (seen[3][0], seen[60][0]) == (24, 1)
    assert abs(seen[3][1] - seen[60][1]) * 10 < seen[3][1]


def test_only_what_is_to_be_a_duplicate_or_a_conflict_has_the_identity_of_another() -> None:
    past = Past(START, START + timedelta(days=45))
    events = [event for event in _drawn(past.start, past.end, past) if event["subject"] == ACME.id]
    again = len(events) - len(_identities(events))
    contents = {json.dumps(event, sort_keys=True) for event in events}
    duplicates, conflicts = len(events) - len(contents), len(contents) - len(_identities(events))
    assert (again, duplicates, conflicts) == (14, 9, 5)


def test_late_jobs_arrive_on_the_fourth_once() -> None:
    fourth = datetime(2026, 3, 4, tzinfo=UTC)
    second = timedelta(seconds=1)
    arrived = late_events(fourth, fourth + second)
    assert [event["time"] for event in arrived] == ["2026-02-28T22:00:00Z", "2026-02-28T21:00:00Z"]
    assert late_events(fourth - second, fourth) == []
    assert late_events(fourth + second, fourth + timedelta(days=30)) == []
