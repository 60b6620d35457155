"""Usage and billing periods that are closed: what is noted for them, and which events and corrections come too late."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.catalog import subscription_service
from chalicelib.platform.connection import client as dynamodb
from chalicelib.shared.clock import Clock
from chalicelib.shared.errors import Busy
from chalicelib.shared.time import QuarterHour, format_instant, parse_instant, quarter_hour_of
from chalicelib.usage import rollup
from chalicelib.usage.counting import count_past_events
from chalicelib.usage.rollup import roll_up
from tests.client import ApiClient
from tests.usage import sent, stored, subscribed
from tests.usage.build import event, meter

MICRO = timedelta(microseconds=1)
NOVEMBER, DECEMBER, JANUARY = "2025-11-15T10:00:00Z", "2025-12-15T10:00:00Z", "2026-01-10T10:00:00Z"
NOW = "2026-01-15T12:00:00Z"
DECEMBER_SETTLES = "2026-02-05T00:00:00Z"
IS_CLOSED = "lies in the billing period 2025-12-01T00:00:00Z to 2026-01-01T00:00:00Z, which is closed"


@pytest.fixture
def acme(client: ApiClient) -> ApiClient:
    """Give a client of an organization whose November is settled, whose December settles, and whose January is open."""
    sent.add_organization(client)
    sent.add_organization(client, "globex")
    sent.add_meter(client)
    sent.accepted(
        client.post("/v1/events", [sent.event(at, at) for at in (NOVEMBER, DECEMBER, JANUARY)], backfill="true")
    )
    subscription = subscribed.subscribe("acme", "2025-11-01T00:00:00Z", meters=["tokens"])
    subscribed.close_periods(subscription, 2, settled=1)
    return client


def raise_late_limit(api: ApiClient, days: int = 365) -> None:
    settings = api.get("/v1/settings").json_body
    answer = api.put("/v1/settings", {"seller": settings["seller"], "late_limit_days": days})
    assert answer.status_code == 200, answer.body


def faults(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.body
    return [(fault["pointer"], fault["detail"]) for fault in answer.json_body["errors"]]


def correct(api: ApiClient, at: str, **more: Any) -> tuple[Any, Any]:
    """Amend an event, then void it."""
    named = {"organization": "acme", "source": "gateway", "id": at, "time": at, "reason": "wrong", **more}
    return api.post("/v1/events/amend", {**named, "data": {"tokens": 1}}), api.post("/v1/events/void", named)


def test_history_goes_only_into_periods_that_are_not_closed(acme: ApiClient) -> None:
    before = sent.everything()
    events = [sent.event("new", at) for at in (JANUARY, DECEMBER, NOVEMBER)]
    refused = faults(acme.post("/v1/events", events, backfill="true"))
    assert refused[0] == ("/1/time", f"{IS_CLOSED}: nothing can be added there")
    assert [pointer for pointer, _ in refused] == ["/1/time", "/2/time"]
    assert sent.everything() == before
    answer = acme.post("/v1/events", events, backfill="true", partial="true")
    assert (answer.json_body["accepted"], [one["index"] for one in answer.json_body["rejected"]]) == (1, [1, 2])


def test_history_of_before_any_subscription_is_taken_and_its_first_closed_instant_is_not(acme: ApiClient) -> None:
    start = parse_instant("2025-11-01T00:00:00Z")
    assert sent.accepted(acme.post("/v1/events", sent.event("old", start - MICRO), backfill="true")) == 1
    assert [place for place, _ in faults(acme.post("/v1/events", sent.event("first", start), backfill="true"))] == [
        "/time"
    ]
    december_end = parse_instant("2026-01-01T00:00:00Z")
    last = sent.event("last", december_end - MICRO)
    assert [place for place, _ in faults(acme.post("/v1/events", last, backfill="true"))] == ["/time"]
    assert sent.accepted(acme.post("/v1/events", sent.event("first", december_end), backfill="true")) == 1
    assert sent.accepted(acme.post("/v1/events", sent.event("x", DECEMBER, subject="globex"), backfill="true")) == 1


def test_history_may_not_be_added_to_a_closed_period_however_young_the_event(acme: ApiClient, clock: Clock) -> None:
    clock.set(parse_instant("2026-01-01T01:00:00Z"))
    late = sent.event("young", "2025-12-31T23:59:00Z")
    assert faults(acme.post("/v1/events", late, backfill="true"))[0][1].startswith(IS_CLOSED)
    assert sent.accepted(acme.post("/v1/events", late)) == 1


def test_late_events_are_taken_until_their_period_has_settled(acme: ApiClient, clock: Clock) -> None:
    raise_late_limit(acme)
    settles = parse_instant(DECEMBER_SETTLES)
    clock.set(settles - MICRO)
    assert sent.accepted(acme.post("/v1/events", sent.event("late", DECEMBER))) == 1
    clock.set(settles)
    before = sent.everything()
    refused = faults(acme.post("/v1/events", [sent.event("later", DECEMBER), sent.event("new", JANUARY)]))
    assert refused == [("/0/time", f"{IS_CLOSED}: nothing can be added there")]
    assert sent.everything() == before
    assert [place for place, _ in faults(acme.post("/v1/events", sent.event("older", NOVEMBER)))] == ["/time"]


def test_a_message_of_the_queue_is_judged_by_the_same_rule(acme: ApiClient, clock: Clock) -> None:
    raise_late_limit(acme)
    receipt = acme.invoke("ingest_events", {"events": [sent.event("n", NOVEMBER), sent.event("d", DECEMBER)]})
    assert (receipt["accepted"], [one["index"] for one in receipt["rejected"]]) == (1, [0])


def test_only_organizations_with_events_older_than_a_day_are_looked_up_and_all_at_once(
    acme: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[str]] = []
    read = subscription_service.read_many

    def note(organizations: Sequence[str]) -> Any:
        asked.append(organizations)
        return read(organizations)

    monkeypatch.setattr(subscription_service, "read_many", note)
    a_day_ago = parse_instant(NOW) - timedelta(days=1)
    young = [sent.event("a", a_day_ago), sent.event("b", a_day_ago, subject="globex"), sent.event("c")]
    assert sent.accepted(acme.post("/v1/events", young)) == 3
    assert asked == []
    old = [sent.event("d", a_day_ago - MICRO), sent.event("e", a_day_ago - MICRO, subject="globex")]
    assert sent.accepted(acme.post("/v1/events", [*old, sent.event("f", JANUARY)])) == 3
    assert asked == [["acme", "globex"]]


def test_events_are_corrected_while_their_period_is_open_or_settles_and_not_afterwards(
    acme: ApiClient, clock: Clock
) -> None:
    before = sent.everything()
    for answer in correct(acme, NOVEMBER):
        ((place, reason),) = faults(answer)
        assert (place, reason.endswith("which is closed: nothing can be changed there")) == ("/time", True)
    assert sent.everything() == before
    clock.set(parse_instant(DECEMBER_SETTLES) - MICRO)
    assert [answer.status_code for answer in correct(acme, DECEMBER)] == [202, 202]
    assert [answer.status_code for answer in correct(acme, JANUARY)] == [202, 202]
    clock.set(parse_instant(DECEMBER_SETTLES))
    before = sent.everything()
    assert [faults(answer)[0][0] for answer in correct(acme, DECEMBER)] == ["/time", "/time"]
    assert sent.everything() == before


def test_without_a_subscription_events_are_corrected_at_any_age(client: ApiClient) -> None:
    sent.add_organization(client)
    sent.accepted(
        client.post("/v1/events", sent.event("2025-01-10T10:00:00Z", "2025-01-10T10:00:00Z"), backfill="true")
    )
    assert [answer.status_code for answer in correct(client, "2025-01-10T10:00:00Z")] == [202, 202]


@pytest.fixture
def _closed_december(engine: None) -> None:
    stored.add_organization()
    stored.add_meter(meter())
    subscribed.close_periods(subscribed.subscribe("acme", "2025-12-01T00:00:00Z", meters=["tokens"]), 1)


def note_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[QuarterHour], str]]:
    noted: list[tuple[list[QuarterHour], str]] = []
    note = subscription_service.note_written

    def also(organization: str, quarter_hours: Sequence[QuarterHour], *, now: datetime) -> None:
        noted.append((sorted(quarter_hours), format_instant(now)))
        note(organization, quarter_hours, now=now)

    monkeypatch.setattr(subscription_service, "note_written", also)
    return noted


@pytest.mark.usefixtures("_closed_december")
def test_the_rollup_notes_counters_of_a_closed_period_and_none_of_an_open_one() -> None:
    stored.send(event("new", JANUARY))
    stored.roll(NOW)
    assert subscribed.touched("acme") == []
    stored.send(event("late", DECEMBER))
    assert subscribed.touched("acme") == []
    stored.roll(NOW)
    assert (subscribed.touched("acme"), stored.marks()) == ([0], [])


@pytest.mark.usefixtures("_closed_december")
def test_now_is_read_again_for_each_note(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = note_calls(monkeypatch)
    stored.send(event("one", DECEMBER), event("other", JANUARY))
    hours = iter(range(100))
    begun = parse_instant(NOW)
    roll_up(lambda: begun + next(hours) * timedelta(hours=1), has_time=lambda: True)
    assert [quarter_hours for quarter_hours, _ in noted] == [
        [quarter_hour_of(parse_instant(at))] for at in (DECEMBER, JANUARY)
    ]
    first, second = (parse_instant(now) for _, now in noted)
    assert begun < first < second


class Crash(BaseException):
    """The process is gone."""


@pytest.mark.usefixtures("_closed_december")
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_beside_the_note_leaves_the_mark_and_the_next_run_notes(
    monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    note = subscription_service.note_written

    def crash(organization: str, quarter_hours: Sequence[QuarterHour], *, now: datetime) -> None:
        if after:
            note(organization, quarter_hours, now=now)
        raise Crash

    stored.send(event("late", DECEMBER))
    with monkeypatch.context() as patch:
        patch.setattr(subscription_service, "note_written", crash)
        with pytest.raises(Crash):
            stored.roll(NOW)
    assert len(stored.marks()) == 1
    assert subscribed.touched("acme") == ([0] if after else [])
    stored.roll(NOW)
    assert (subscribed.touched("acme"), stored.marks()) == ([0], [])


@pytest.mark.usefixtures("_closed_december")
def test_a_note_that_cannot_be_written_leaves_the_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: Any, **__: Any) -> None:
        raise Busy

    stored.send(event("late", DECEMBER))
    with monkeypatch.context() as patch:
        patch.setattr(subscription_service, "note_written", busy)
        report = stored.roll(NOW)
    assert (report.rolled_up, report.left, len(stored.marks())) == (0, 1, 1)


@pytest.mark.usefixtures("_closed_december")
def test_the_note_is_written_after_the_counters_and_after_the_day_before_the_mark_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored.send(event("late", DECEMBER))
    written: list[str] = []
    call = dynamodb()._make_api_call

    def note(operation: str, arguments: Any) -> Any:
        key = arguments.get("Item") or arguments.get("Key") or {}
        if "TransactItems" in arguments:
            (item,) = (next(iter(one.values())) for one in arguments["TransactItems"])
            key = item.get("Item") or item.get("Key") or {}
        if key and operation not in ("GetItem", "BatchGetItem", "Query"):
            written.append(key["sk"]["S"].partition("#")[0])
        return call(operation, arguments)

    monkeypatch.setattr(dynamodb(), "_make_api_call", note)
    stored.roll(NOW)
    assert written == ["q", "subscriptions", "d", "subscriptions", "acme"]


@pytest.mark.usefixtures("_closed_december")
def test_counting_for_a_new_meter_notes_closed_periods_too() -> None:
    stored.send(event("early", DECEMBER))
    stored.roll(NOW)
    subscribed.close_periods(subscription_service.read_subscriptions("acme").subscriptions[0], 1)
    assert subscribed.touched("acme") == []
    stored.add_meter(meter("count", key="requests"), counted=False)
    assert count_past_events(lambda: parse_instant(NOW), has_time=lambda: True).finished
    assert subscribed.touched("acme") == [0]


@pytest.mark.usefixtures("_closed_december")
def test_a_counting_run_that_stopped_before_its_note_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    days = ["2025-12-31T23:30:00Z", "2025-12-31T23:45:00Z"]
    stored.send(*(event(at, at) for at in days))
    stored.roll(NOW)
    subscribed.close_periods(subscription_service.read_subscriptions("acme").subscriptions[0], 1)
    stored.add_meter(meter("count", key="requests"), counted=False)

    def crash(*_: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(rollup, "note_stored", crash)
        with pytest.raises(Crash):
            count_past_events(lambda: parse_instant(NOW), has_time=lambda: True)
    assert subscribed.touched("acme") == []
    noted = note_calls(monkeypatch)
    assert count_past_events(lambda: parse_instant(NOW), has_time=lambda: True).finished
    assert subscribed.touched("acme") == [0]
    assert [quarter_hours for quarter_hours, _ in noted] == [[quarter_hour_of(parse_instant(at)) for at in days]]
