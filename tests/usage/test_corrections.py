"""Taking events back and replacing their data."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.platform.connection import client as dynamodb
from chalicelib.shared.clock import clock
from chalicelib.shared.retention import RETENTION
from chalicelib.shared.time import format_instant, parse_instant, quarter_hour_of
from chalicelib.usage import store
from chalicelib.usage.segments import SegmentKind
from tests.client import ApiClient
from tests.conftest import NOON
from tests.usage import sent, stored


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    sent.add_organization(client)
    sent.add_organization(client, "globex")
    sent.add_meter(client)
    assert sent.accepted(client.post("/v1/events", [sent.event("e1", tokens=7), sent.event("e2", tokens=35)])) == 2
    return client


def target(**changes: Any) -> dict[str, Any]:
    named = {"organization": "acme", "source": "gateway", "id": "e1", "time": sent.TIME, "reason": "sent in error"}
    return {**named, **changes}


def void(api: ApiClient, **changes: Any) -> Any:
    return api.post("/v1/events/void", target(**changes))


def amend(api: ApiClient, data: Any, **changes: Any) -> Any:
    return api.post("/v1/events/amend", target(data=data, **changes))


def records() -> list[tuple[str, str | None]]:
    segments = store.read_partition("acme", quarter_hour_of(parse_instant(sent.TIME)))
    return [(one.kind.value, one.reason) for one in segments if one.kind is not SegmentKind.EVENTS]


def test_a_voided_event_is_not_in_the_next_answer(api: ApiClient) -> None:
    answer = void(api)
    assert answer.status_code == 202
    assert answer.json_body == {
        "organization": "acme",
        "source": "gateway",
        "id": "e1",
        "time": sent.TIME,
        "state": "voided",
    }
    assert sent.total(api) == "35"
    assert sent.states(api) == {"e1": "voided", "e2": "counted"}


def test_an_amended_event_counts_its_new_data(api: ApiClient) -> None:
    answer = amend(api, {"tokens": 100})
    assert (answer.status_code, answer.json_body["state"]) == (202, "amended")
    assert sent.total(api) == "135"
    assert sent.states(api) == {"e1": "amended", "e2": "counted"}


def test_the_last_amend_holds(api: ApiClient) -> None:
    for tokens in (100, 1, 50):
        assert amend(api, {"tokens": tokens}).status_code == 202
    assert sent.total(api) == "85"


def test_voiding_again_answers_the_same_and_adds_nothing_but_a_mark(api: ApiClient) -> None:
    first, quarter_hour = void(api), quarter_hour_of(parse_instant(sent.TIME))
    (mark,) = store.list_marks("acme")
    assert store.delete_mark(mark)
    again = void(api, reason="another reason")
    assert (again.status_code, again.body) == (first.status_code, first.body)
    assert records() == [("void", "sent in error")]
    assert stored.marks() == [quarter_hour]


def test_amending_again_answers_the_same_and_adds_nothing_but_a_mark(api: ApiClient) -> None:
    first = amend(api, {"a": 1, "tokens": 1})
    (mark,) = store.list_marks("acme")
    assert store.delete_mark(mark)
    again = amend(api, {"tokens": 1, "a": 1})
    assert (again.status_code, again.body) == (first.status_code, first.body)
    assert records() == [("amend", "sent in error")]
    assert len(store.list_marks("acme")) == 1


def test_an_earlier_amend_can_be_made_again(api: ApiClient) -> None:
    for tokens in (1, 2, 1):
        amend(api, {"tokens": tokens})
    assert len(records()) == 3
    assert sent.total(api) == "36"


def test_the_mark_is_written_after_the_record(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    call = dynamodb()._make_api_call

    def note(operation: str, arguments: Any) -> Any:
        if operation == "BatchWriteItem":
            ((request,),) = arguments["RequestItems"].values()
            written.append(request["PutRequest"]["Item"]["pk"]["S"].partition("#")[0])
        return call(operation, arguments)

    monkeypatch.setattr(dynamodb(), "_make_api_call", note)
    void(api)
    amend(api, {"tokens": 1}, id="e2")
    void(api)
    assert written == ["acme", "dirty", "acme", "dirty", "dirty"]


def test_a_voided_event_stays_voided(api: ApiClient) -> None:
    void(api)
    before = sent.everything()
    assert sent.problem(amend(api, {"tokens": 1})) == (409, "event-voided", [])
    assert sent.everything() == before
    sent.accepted(api.post("/v1/events", sent.event("e1", tokens=7)))
    assert sent.total(api) == "35"


def test_an_amended_event_can_be_voided(api: ApiClient) -> None:
    amend(api, {"tokens": 100})
    assert void(api).status_code == 202
    assert sent.total(api) == "35"
    assert sent.states(api)["e1"] == "voided"


def test_any_time_in_the_quarter_hour_names_the_event(api: ApiClient) -> None:
    assert void(api, time="2026-01-15T11:45:00Z").json_body["time"] == sent.TIME
    assert amend(api, {"tokens": 1}, id="e2", time="2026-01-15T13:59:59.999999+02:00").status_code == 202


@pytest.mark.parametrize(
    "changes",
    [
        {"time": "2026-01-15T11:44:59.999999Z"},
        {"time": "2026-01-15T12:00:00Z"},
        {"time": "2026-01-15T12:30:00Z"},
        {"id": "e3"},
        {"source": "other"},
        {"organization": "globex"},
        {"organization": "nobody"},
    ],
)
def test_what_does_not_exist_is_not_found(api: ApiClient, changes: dict[str, str]) -> None:
    before = sent.everything()
    assert sent.problem(void(api, **changes)) == (404, "not-found", [])
    assert sent.problem(amend(api, {"tokens": 1}, **changes)) == (404, "not-found", [])
    assert sent.everything() == before


INVALID: list[tuple[dict[str, Any], str]] = [
    ({"organization": "No"}, "/organization"),
    ({"source": ""}, "/source"),
    ({"id": "x" * 256}, "/id"),
    ({"id": "a\x00"}, "/id"),
    ({"time": "2026-01-15T11:59:00"}, "/time"),
    ({"time": "2026-02-30T00:00:00Z"}, "/time"),
    ({"reason": ""}, "/reason"),
    ({"reason": 5}, "/reason"),
    ({"reason": "x" * 2001}, "/reason"),
    ({"events": []}, "/events"),
]


def test_invalid_corrections_are_named_and_change_nothing(api: ApiClient) -> None:
    before = sent.everything()
    for changes, place in INVALID:
        assert sent.problem(void(api, **changes)) == (422, "invalid-input", [place])
        assert sent.problem(amend(api, {"tokens": 1}, **changes)) == (422, "invalid-input", [place])
    for data in (None, [1], "text", {"text": "x" * 100_000}):
        assert sent.problem(amend(api, data)) == (422, "invalid-input", ["/data"])
    assert sent.problem(api.post("/v1/events/amend", target())) == (422, "invalid-input", ["/data"])
    assert sent.problem(api.post("/v1/events/void", b'{"id": NaN}')) == (400, "malformed", [])
    assert sent.everything() == before


def test_all_faults_of_a_correction_are_named_at_once(api: ApiClient) -> None:
    answer = api.post("/v1/events/void", {"id": "", "reason": 5})
    status, code, places = sent.problem(answer)
    assert (status, code, sorted(places)) == (
        422,
        "invalid-input",
        ["/id", "/organization", "/reason", "/source", "/time"],
    )


def test_delimiters_in_ids_are_found(api: ApiClient) -> None:
    sent.accepted(api.post("/v1/events", sent.event("#/ ~", source=" ")))
    assert void(api, id="#/ ~", source=" ").status_code == 202


def test_history_is_corrected_until_a_day_before_it_begins_to_expire(api: ApiClient) -> None:
    old = NOON - timedelta(days=500)
    named = {"time": format_instant(old)}
    sent.accepted(api.post("/v1/events", [sent.event("old", old), sent.event("older", old)], backfill="true"))
    stored.roll(format_instant(NOON))
    closing = NOON + RETENTION - timedelta(days=1)
    clock.set(closing - timedelta(seconds=1))
    assert amend(api, {"tokens": 1}, id="old", **named).status_code == 202
    assert void(api, id="old", **named).status_code == 202
    clock.set(closing)
    before = sent.everything()
    for name in ("old", "older"):
        assert sent.problem(void(api, id=name, **named)) == (422, "invalid-input", ["/time"])
        assert sent.problem(amend(api, {}, id=name, **named)) == (422, "invalid-input", ["/time"])
    assert sent.everything() == before


def test_amended_data_must_suit_strict_meters(api: ApiClient) -> None:
    sent.add_meter(api, "strict_tokens", strict=True)
    before = sent.everything()
    assert sent.problem(amend(api, {"tokens": "many"})) == (422, "invalid-input", ["/data/tokens"])
    assert sent.everything() == before
    assert amend(api, {"tokens": "8"}).status_code == 202


def test_an_amend_makes_an_unusable_event_count(api: ApiClient) -> None:
    sent.accepted(api.post("/v1/events", sent.event("e3", tokens="many")))
    assert sent.total(api) == "42"
    assert amend(api, {"tokens": 8}, id="e3").status_code == 202
    assert sent.total(api) == "50"


def test_the_first_received_is_corrected_not_its_conflict(api: ApiClient) -> None:
    sent.accepted(api.post("/v1/events", sent.event("e1", "2026-01-15T11:50:00Z", tokens=1000)))
    assert amend(api, {"tokens": 8}).json_body["time"] == sent.TIME
    assert sent.total(api) == "43"


def test_records_of_one_moment_keep_their_order(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """An amend that another machine with a slower clock makes next still comes after the one it has read."""
    amend(api, {"tokens": 1})
    monkeypatch.setattr("chalicelib.usage.corrections.clock.real_ns", lambda: 0)
    amend(api, {"tokens": 2})
    assert sent.total(api) == "37"


def test_sending_keys_may_correct_and_reading_keys_may_not(api: ApiClient) -> None:
    sender, reader = (api.as_holder_of(api.make_key(role)) for role in ("ingest", "read"))
    assert sent.problem(void(reader)) == (403, "forbidden", [])
    assert sent.problem(amend(reader, {})) == (403, "forbidden", [])
    assert amend(sender, {"tokens": 1}).status_code == 202
    assert void(sender).status_code == 202


def test_a_bound_key_corrects_only_its_own_events(api: ApiClient) -> None:
    bound = api.as_holder_of(api.make_key("ingest", "globex"))
    before = sent.everything()
    foreign, unknown = void(bound), void(bound, organization="nobody")
    assert sent.problem(foreign) == (404, "not-found", [])
    assert foreign.body == unknown.body
    assert amend(bound, {"tokens": 1}).body == amend(bound, {"tokens": 1}, organization="nobody").body
    assert sent.everything() == before
    own = api.as_holder_of(api.make_key("ingest", "acme"))
    assert void(own).status_code == 202


def test_corrections_reach_counters_that_were_rolled_up(api: ApiClient) -> None:
    stored.roll("2026-01-15T12:15:00Z")
    assert stored.marks() == []
    amend(api, {"tokens": 100})
    assert sent.total(api) == "135"
    stored.roll("2026-01-15T12:15:00Z")
    void(api, id="e2")
    assert sent.total(api) == "100"
    stored.roll("2026-01-15T12:15:00Z")
    assert sent.total(api) == "100"
