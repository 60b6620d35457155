"""Listing events with what became of them."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.shared.clock import Clock
from chalicelib.shared.time import format_instant, parse_instant
from chalicelib.usage import search
from tests.client import ApiClient
from tests.conftest import NOON
from tests.usage import sent

PATH = "/v1/organizations/acme/events"
MINUTE, MICRO = timedelta(minutes=1), timedelta(microseconds=1)


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    sent.add_organization(client)
    sent.add_organization(client, "globex")
    return client


def send(api: ApiClient, *events: dict[str, Any], **query: Any) -> None:
    assert sent.accepted(api.post("/v1/events", list(events), **query)) == len(events)


def ids(api: ApiClient, **query: Any) -> list[str]:
    return [row["id"] for row in sent.listed(api, **query)]


def pages(api: ApiClient, **query: Any) -> list[list[str]]:
    """Follow the cursors to the end."""
    found, cursor = [], None
    while True:
        answer = api.get(PATH, **query, **({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.body
        found.append([row["id"] for row in answer.json_body["data"]])
        cursor = answer.json_body["next_cursor"]
        if cursor is None:
            return found
        assert len(found) < 500


def test_an_event_shows_all_that_is_known_of_it(api: ApiClient) -> None:
    sent.add_meter(api)
    send(api, sent.event("e1", tokens=7, traceparent="00-1"))
    assert sent.listed(api) == [
        {
            "id": "e1",
            "source": "gateway",
            "type": "llm",
            "time": sent.TIME,
            "subject": "acme",
            "data": {"tokens": 7},
            "extensions": {"traceparent": "00-1"},
            "received_at": "2026-01-15T12:00:00Z",
            "state": "counted",
            "meters": [{"meter": "tokens", "usable": True}],
            "billed_on": None,
        }
    ]


def test_every_state_is_told(api: ApiClient) -> None:
    sent.add_meter(api)
    send(api, *(sent.event(name, tokens=1) for name in ("counted", "twice", "voided", "amended")))
    send(api, sent.event("twice", tokens=1), sent.event("other", type="unknown"), sent.event("unusable", tokens="x"))
    send(api, sent.event("twice", tokens=2))
    named = {"organization": "acme", "source": "gateway", "time": sent.TIME}
    api.post("/v1/events/void", {**named, "id": "voided", "reason": "a test"})
    api.post("/v1/events/amend", {**named, "id": "amended", "reason": "wrong count", "data": {"tokens": 3}})
    rows = sent.listed(api)
    assert [(row["id"], row["state"], row["data"].get("tokens")) for row in rows] == [
        ("twice", "conflict", 2),
        ("unusable", "counted", "x"),
        ("other", "unmatched", 7),
        ("twice", "duplicate", 1),
        ("amended", "amended", 3),
        ("voided", "voided", 1),
        ("twice", "counted", 1),
        ("counted", "counted", 1),
    ]
    by_id = {row["id"]: row for row in rows}
    assert by_id["amended"]["original_data"] == {"tokens": 1}
    assert by_id["amended"]["amend_reason"] == "wrong count"
    assert by_id["voided"]["void_reason"] == "a test"
    assert by_id["unusable"]["meters"] == [{"meter": "tokens", "usable": False}]
    assert by_id["other"]["meters"] == []
    assert not {"original_data", "amend_reason", "void_reason"} & by_id["counted"].keys()


def test_events_are_listed_by_time_then_by_arrival_newest_first(api: ApiClient) -> None:
    send(api, sent.event("b", NOON - MINUTE), sent.event("d", NOON - MICRO), sent.event("a", NOON - 60 * MINUTE))
    send(api, sent.event("c", NOON - MINUTE), sent.event("e", NOON), sent.event("f", NOON + 5 * MINUTE))
    assert ids(api) == ["f", "e", "d", "c", "b", "a"]


def test_pages_continue_where_the_last_one_ended(api: ApiClient) -> None:
    send(api, *(sent.event(f"e{n}", NOON - 4 * n * MINUTE) for n in range(23)))
    everything = [f"e{n}" for n in range(23)]
    for limit in (2, 22, 23, 24):
        found = pages(api, limit=limit)
        assert [name for page in found for name in page] == everything
        assert all(len(page) == limit for page in found[:-1])


def test_what_arrives_between_pages_moves_nothing(api: ApiClient) -> None:
    send(api, *(sent.event(f"e{n}", NOON - n * timedelta(seconds=1)) for n in range(1, 9)))
    first = api.get(PATH, limit=4).json_body
    send(api, *(sent.event(f"new{n}", NOON - n * timedelta(seconds=1)) for n in range(1, 9)))
    second = api.get(PATH, limit=4, cursor=first["next_cursor"]).json_body
    assert [row["id"] for row in first["data"]] == ["e1", "e2", "e3", "e4"]
    # The same instant, but received later than e4: they were before it.
    assert [row["id"] for row in second["data"]] == ["new5", "e5", "new6", "e6"]


def test_a_cursor_belongs_to_its_filters_and_organization(api: ApiClient) -> None:
    send(api, sent.event("e1"), sent.event("e2"))
    cursor = api.get(PATH, limit=1).json_body["next_cursor"]
    others = [
        api.get(PATH, limit=1, type="llm", cursor=cursor),
        api.get("/v1/organizations/globex/events", limit=1, cursor=cursor),
        api.get(PATH, cursor=cursor[:-1] + ("A" if cursor[-1] != "A" else "B")),
        api.get(PATH, cursor="nonsense"),
    ]
    assert [sent.problem(answer) for answer in others] == [(400, "invalid-cursor", [])] * 4


def test_the_range_is_exact_and_half_open(api: ApiClient) -> None:
    start, end = NOON - 10 * MINUTE, NOON - 5 * MINUTE
    times = {"before": start - MICRO, "first": start, "last": end - MICRO, "after": end}
    send(api, *(sent.event(name, at) for name, at in times.items()))
    assert ids(api, from_=format_instant(start), to=format_instant(end)) == ["last", "first"]


def test_the_default_range_is_the_last_seven_days(api: ApiClient) -> None:
    week = NOON - timedelta(days=7)
    send(api, sent.event("older", week - MICRO), sent.event("first", week), sent.event("next", NOON + 5 * MINUTE))
    assert ids(api) == ["next", "first"]


def test_days_are_local_ones(client: ApiClient) -> None:
    sent.add_organization(client, timezone="America/New_York")
    start = parse_instant("2026-01-14T05:00:00Z")
    end = start + timedelta(days=1)
    send(client, *(sent.event(format_instant(at), at) for at in (start - MICRO, start, end - MICRO, end)))
    found = ids(client, from_="2026-01-14", to="2026-01-15")
    assert found == [format_instant(end - MICRO), format_instant(start)]


def test_events_are_filtered_by_their_attributes(api: ApiClient) -> None:
    send(
        api,
        sent.event("a"),
        sent.event("b", source="other"),
        sent.event("c", type="image"),
        sent.event("a", source="x"),
    )
    assert ids(api, source="gateway") == ["c", "a"]
    assert ids(api, type="image") == ["c"]
    assert ids(api, id="a") == ["a", "a"]
    assert ids(api, id="a", source="x", type="llm") == ["a"]
    assert ids(api, id="a", source="x", type="image") == []


def test_a_meter_lists_the_events_it_is_for(api: ApiClient) -> None:
    sent.add_meter(api, filter={"kind": ["output"]}, dimensions={"model": "model.name"})
    sent.add_meter(api, "images", "count", event_type="image")
    llama, mixtral = {"name": "llama"}, {"name": "mixtral"}
    send(
        api,
        sent.event("a", kind="output", model=llama, tokens=1),
        sent.event("b", kind="output", model=mixtral),
        sent.event("c", kind="input", model=llama, tokens=1),
        sent.event("d", kind="output", tokens=1),
        sent.event("e", type="image"),
    )
    assert ids(api, meter="tokens") == ["d", "b", "a"]
    assert ids(api, meter="images") == ["e"]
    assert ids(api, meter="images", type="llm") == []
    assert ids(api, meter="tokens", **{"filter[model]": "llama"}) == ["a"]
    assert ids(api, meter="tokens", **{"filter[model]": ["llama", ""]}) == ["d", "a"]


def test_an_amended_event_is_found_by_the_data_that_count(api: ApiClient) -> None:
    sent.add_meter(api, dimensions={"model": "model"})
    send(api, sent.event("e1", model="llama", tokens=1))
    named = {"organization": "acme", "source": "gateway", "time": sent.TIME, "id": "e1", "reason": "wrong model"}
    api.post("/v1/events/amend", {**named, "data": {"model": "mixtral", "tokens": 1}})
    assert ids(api, meter="tokens", **{"filter[model]": "llama"}) == []
    assert ids(api, meter="tokens", **{"filter[model]": "mixtral"}) == ["e1"]


@pytest.mark.parametrize(
    ("query", "status", "code", "place"),
    [
        ({"meter": "nothing"}, 422, "invalid-input", "/query/meter"),
        ({"meter": "No"}, 422, "invalid-input", "/query/meter"),
        ({"filter[model]": "a"}, 422, "invalid-input", "/query/filter[model]"),
        ({"meter": "tokens", "filter[color]": "a"}, 422, "invalid-input", "/query/filter[color]"),
        ({"line": "l1"}, 422, "invalid-input", "/query/line"),
        ({"from_": "yesterday"}, 422, "invalid-input", "/query/from"),
        ({"from_": "2026-01-15T11:00:00"}, 422, "invalid-input", "/query/from"),
        ({"from_": "2026-02-30"}, 422, "invalid-input", "/query/from"),
        ({"from_": "2026-01-15", "to": "2026-01-15"}, 422, "invalid-input", "/query/to"),
        ({"limit": 0}, 422, "invalid-input", "/query/limit"),
        ({"limit": 201}, 422, "invalid-input", "/query/limit"),
        ({"id": ""}, 422, "invalid-input", "/query/id"),
        ({"source": "a\x00"}, 422, "invalid-input", "/query/source"),
        ({"state": "counted"}, 422, "invalid-input", "/query/state"),
    ],
)
def test_questions_with_faults_are_refused(api: ApiClient, query: Any, status: int, code: str, place: str) -> None:
    sent.add_meter(api)
    assert sent.problem(api.get(PATH, **query)) == (status, code, [place])


def test_no_invoice_is_known_yet(api: ApiClient) -> None:
    assert sent.problem(api.get(PATH, invoice="inv_1")) == (404, "not-found", [])
    assert sent.problem(api.get(PATH, invoice="inv_1", line="l1")) == (404, "not-found", [])


def test_an_unknown_organization_is_not_found(api: ApiClient) -> None:
    assert sent.problem(api.get("/v1/organizations/nobody/events")) == (404, "not-found", [])


def test_bound_callers_see_their_own_events_of_ninety_days(api: ApiClient) -> None:
    first = parse_instant("2025-10-18T00:00:00Z")
    send(api, sent.event("first", first), sent.event("now"), backfill="true")
    bound = api.as_holder_of(api.make_key("read", "acme"))
    assert ids(bound, from_=format_instant(first)) == ["now", "first"]
    too_far = bound.get(PATH, from_=format_instant(first - MICRO))
    assert sent.problem(too_far) == (403, "history-limit", ["/query/from"])
    foreign = bound.get("/v1/organizations/globex/events")
    assert sent.problem(foreign) == (404, "not-found", [])
    assert foreign.body == bound.get("/v1/organizations/nobody/events").body
    assert ids(api, from_=format_instant(first - MICRO)) == ["now", "first"]


def test_bound_callers_know_only_meters_they_have_used(api: ApiClient) -> None:
    sent.add_meter(api)
    sent.add_meter(api, "images", "count", event_type="image")
    send(api, sent.event("e1"), sent.event("e2", type="image", subject="globex"))
    bound = api.as_holder_of(api.make_key("read", "acme"))
    assert ids(bound, meter="tokens") == ["e1"]
    known, unknown = bound.get(PATH, meter="images"), bound.get(PATH, meter="nothing")
    assert sent.problem(known) == sent.problem(unknown) == (422, "invalid-input", ["/query/meter"])
    assert ids(api, meter="images") == []


def test_sending_keys_may_not_search(api: ApiClient) -> None:
    assert sent.problem(api.as_holder_of(api.make_key("ingest")).get(PATH)) == (403, "forbidden", [])


def spread(api: ApiClient, days: int) -> list[str]:
    """Send three events a day."""
    events = [
        sent.event(f"{day}-{hour}", NOON - timedelta(days=day, hours=hour)) for day in range(days) for hour in range(3)
    ]
    send(api, *events)
    return [event["id"] for event in events]


def test_a_page_stops_when_it_has_read_enough_bytes(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = spread(api, 4)
    monkeypatch.setattr(search, "MAX_READ_BYTES", 700)
    found = pages(api)
    assert [name for page in found for name in page] == everything
    assert 1 < len(found) <= len(everything)


def test_a_page_makes_progress_however_large_a_quarter_hour_is(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = spread(api, 2)
    monkeypatch.setattr(search, "MAX_READ_BYTES", 0)
    assert pages(api) == [[name] for name in everything]


def test_a_page_visits_a_limited_number_of_days(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = spread(api, 6)
    monkeypatch.setattr(search, "MAX_DAYS", 2)
    found = pages(api, from_="2026-01-01")
    assert [name for page in found for name in page] == everything
    assert len(found) == 8
    assert found[-1] == []


def test_a_meter_lists_events_within_its_own_time_only(api: ApiClient, clock: Clock) -> None:
    sent.add_meter(api, count_from=format_instant(NOON - 2 * MINUTE))
    send(api, *(sent.event(f"e{n}", NOON - 2 * MINUTE + n * MICRO) for n in (-1, 0)))
    clock.set(NOON + MINUTE)
    assert api.post("/v1/meters/tokens/archive", {}).status_code == 200
    send(api, *(sent.event(f"late{n}", NOON + MINUTE + n * MICRO) for n in (-1, 0)))
    assert ids(api, meter="tokens") == ["late-1", "e0"]
    assert sent.states(api) == {"late0": "unmatched", "late-1": "counted", "e0": "counted", "e-1": "unmatched"}


def test_a_page_answers_a_limited_number_of_bytes(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    send(api, *(sent.event(f"e{n}", NOON - n * timedelta(seconds=1), text="x" * 500) for n in range(10)))
    monkeypatch.setattr(search, "MAX_ANSWER_BYTES", 1000)
    found = pages(api)
    assert [name for page in found for name in page] == [f"e{n}" for n in range(10)]
    assert [len(page) for page in found] == [2] * 5


def test_large_events_make_short_pages_and_never_too_large_an_answer(api: ApiClient) -> None:
    for part in range(2):
        send(api, *(sent.event(f"e{part}{n:02}", text=f"{n}" * 49_000) for n in range(40)))
    found = pages(api, limit=200)
    assert len([name for page in found for name in page]) == 80
    assert len(found) == 2


def test_what_was_acknowledged_is_in_the_next_list(api: ApiClient, clock: Clock) -> None:
    for n in range(5):
        clock.set(NOON + n * MINUTE)
        send(api, sent.event(f"e{n}", NOON + n * MINUTE))
        assert ids(api)[0] == f"e{n}"


def test_all_filters_page_like_the_whole_list(api: ApiClient) -> None:
    sent.add_meter(api, dimensions={"model": "model"})
    events = [
        sent.event(f"e{n % 40}", NOON - 3 * n * MINUTE, model=("a", "b")[n % 2], source=("x", "y")[n % 3 == 0])
        for n in range(60)
    ]
    for start in range(0, 60, 20):
        send(api, *events[start : start + 20])
    for query in ({}, {"source": "x"}, {"meter": "tokens", "filter[model]": "a"}, {"id": "e7"}, {"to": sent.TIME}):
        whole = ids(api, limit=200, **query)
        assert [name for page in pages(api, limit=11, **query) for name in page] == whole
        assert whole
