"""Sending events over HTTP: what is accepted, what is refused, and that refusals change nothing."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.platform import retries
from chalicelib.platform.connection import client as dynamodb
from chalicelib.shared import strict_json
from chalicelib.shared.clock import Clock, clock
from chalicelib.shared.numbers import JsonNumber
from chalicelib.shared.retention import EARLIEST, RETENTION
from chalicelib.shared.time import format_instant
from chalicelib.usage import store
from tests.client import ApiClient
from tests.conftest import NOON
from tests.platform.conftest import service_fault
from tests.usage import sent, stored

PLAIN, STRUCTURED, BATCH = "application/json", "application/cloudevents+json", "application/cloudevents-batch+json"
MICRO = timedelta(microseconds=1)


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    sent.add_organization(client)
    sent.add_organization(client, "globex")
    return client


def send(api: ApiClient, body: Any, **options: Any) -> Any:
    return api.post("/v1/events", body, **options)


def test_accepted_events_are_in_the_next_answer(api: ApiClient) -> None:
    sent.add_meter(api)
    assert send(api, [sent.event("e1"), sent.event("e2", tokens=35)]).json_body == {"accepted": 2}
    assert sent.total(api) == "42"


@pytest.mark.parametrize(
    "body", [sent.event(), [sent.event()], {"events": [sent.event()]}, {**sent.event(), "specversion": "1.0"}]
)
def test_plain_json_comes_in_three_forms(api: ApiClient, body: Any) -> None:
    assert sent.accepted(send(api, body)) == 1
    assert sent.states(api) == {"e1": "unmatched"}


def test_cloudevents_come_structured_and_in_batches(api: ApiClient) -> None:
    first, second = ({**sent.event(name), "specversion": "1.0"} for name in ("e1", "e2"))
    assert sent.accepted(send(api, first, headers={"Content-Type": f"{STRUCTURED}; charset=utf-8"})) == 1
    assert sent.accepted(send(api, [first, second], headers={"Content-Type": BATCH})) == 2
    assert set(sent.states(api)) == {"e1", "e2"}


def test_cloudevents_come_in_binary_mode(api: ApiClient) -> None:
    attributes = {**sent.event("ein%20%23"), "specversion": "1.0", "traceparent": "00-1"}
    headers = {f"Ce-{name.title()}": value for name, value in attributes.items() if name != "data"}
    assert sent.accepted(send(api, {"tokens": 7}, headers=headers)) == 1
    (row,) = sent.listed(api)
    assert (row["id"], row["data"], row["extensions"]) == ("ein #", {"tokens": 7}, {"traceparent": "00-1"})


def test_structured_without_a_version_is_refused(api: ApiClient) -> None:
    answer = send(api, sent.event(), headers={"Content-Type": STRUCTURED})
    assert sent.problem(answer) == (422, "invalid-input", ["/specversion"])


def test_numbers_and_extensions_are_kept_as_they_were_sent(api: ApiClient) -> None:
    raw = json.dumps(sent.event(traceparent="00-1")).replace('"tokens": 7', '"tokens": 1.50, "n": {"e": 1e-07}')
    assert sent.accepted(send(api, raw.encode())) == 1
    answer = api.get("/v1/organizations/acme/events").body.decode()
    assert '"data":{"tokens":1.50,"n":{"e":1e-07}},"extensions":{"traceparent":"00-1"}' in answer


def test_one_invalid_event_refuses_all_and_every_fault_is_named(api: ApiClient) -> None:
    before = sent.everything()
    wrong = [sent.event(), sent.event("", subject="nobody"), sent.event(time="yesterday"), "text"]
    answer = send(api, {"events": wrong})
    places = ["/events/1/id", "/events/1/subject", "/events/2/time", "/events/3"]
    assert sent.problem(answer) == (422, "invalid-input", places)
    assert answer.json_body["detail"].startswith("3 of 4 events are invalid")
    assert sent.everything() == before


def test_partial_stores_the_valid_events(api: ApiClient) -> None:
    answer = send(api, [sent.event("e1"), sent.event("", data=7), sent.event("e3")], partial="true")
    assert answer.json_body == {
        "accepted": 2,
        "rejected": [
            {
                "index": 1,
                "errors": [
                    {"pointer": "/1/id", "detail": "must have 1 to 255 characters"},
                    {"pointer": "/1/data", "detail": "must be an object"},
                ],
            }
        ],
    }
    assert set(sent.states(api)) == {"e1", "e3"}


def test_partial_answers_the_same_when_all_or_none_are_valid(api: ApiClient) -> None:
    assert send(api, [sent.event()], partial="true").json_body == {"accepted": 1, "rejected": []}
    before = sent.everything()
    answer = send(api, [sent.event(time="never")], partial="true")
    assert (answer.status_code, answer.json_body["accepted"]) == (202, 0)
    assert sent.everything() == before


def test_very_many_faults_are_listed_in_part(api: ApiClient) -> None:
    answer = send(api, [sent.event("")] * 1_001)
    assert len(answer.json_body["errors"]) == 1_000
    assert "The first 1000 of 1001 faults are listed" in answer.json_body["detail"]
    answer = send(api, [{}] * 1_000, partial="true")
    assert [one["index"] for one in answer.json_body["rejected"]] == list(range(1_000))
    assert len(answer.json_body["rejected"][0]["errors"]) == 5
    assert len(answer.json_body["rejected"][-1]["errors"]) == 1


MALFORMED = [
    b"{",
    b'"\xff"',
    b'[{"id": NaN}]',
    b'[{"id": -Infinity}]',
    b'[{"id": "a", "id": "b"}]',
    b'[{"id": "\\ud800"}]',
    b"[" * 17 + b"]" * 17,
    b"[" * 200_000,
    b"[1,]",
    b"{'id': 1}",
]
INVALID: list[tuple[Any, str]] = [
    ([], ""),
    ({"events": []}, "/events"),
    ({"events": {}}, "/events"),
    ("text", ""),
    (7, ""),
    ({"events": [sent.event()], "partial": True}, "/partial"),
    ({**sent.event(), "organization_id": "acme"}, "/organization_id"),
    (sent.event(""), "/id"),
    (sent.event("x" * 256), "/id"),
    (sent.event("a\x00"), "/id"),
    (sent.event(source="\n"), "/source"),
    (sent.event(type="x" * 256), "/type"),
    (sent.event(subject="nobody"), "/subject"),
    (sent.event(subject="Acme#1"), "/subject"),
    (sent.event(time="2026-01-15T11:59:00"), "/time"),
    (sent.event(time="2026-02-30T00:00:00Z"), "/time"),
    (sent.event(time="2026-01-14T23:59:60Z"), "/time"),
    (sent.event(time="9999-12-31T23:59:59Z"), "/time"),
    (sent.event(time="9999-12-31T23:59:59-23:59"), "/time"),
    (sent.event(time="0001-01-01T00:00:00+23:59"), "/time"),
    (sent.event(data=[1]), "/data"),
    (sent.event(data={"text": "x" * 100_000}), ""),
]


def quickly(ask: Callable[..., Any], *asked: Any) -> Any:
    """Ask up to three times; at least one answer takes less than 50 ms of this process."""
    spent_ms = []
    for _ in range(3):
        started = time.process_time()
        answer = ask(*asked)
        spent_ms.append((time.process_time() - started) * 1000)
        if spent_ms[-1] < 50:
            return answer
    raise AssertionError(f"took {spent_ms} ms")


def test_what_cannot_be_read_is_malformed_and_changes_nothing(api: ApiClient) -> None:
    before = sent.everything()
    found = [sent.problem(quickly(send, api, raw)) for raw in MALFORMED]
    assert found == [(400, "malformed", [])] * len(MALFORMED)
    assert sent.everything() == before


def test_what_is_invalid_is_named_and_changes_nothing(api: ApiClient) -> None:
    before = sent.everything()
    found = [sent.problem(quickly(send, api, body)) for body, _ in INVALID]
    assert found == [(422, "invalid-input", [place]) for _, place in INVALID]
    assert sent.everything() == before


ODD_NUMBERS = ["1E+1000000", "1" * 39, "0." + "1" * 31, "1_000", "٣", "NaN", "1e31", "+1", ".5", "01", "1.", " 1"]


def test_odd_numbers_are_stored_and_unusable(api: ApiClient) -> None:
    sent.add_meter(api)
    events = [sent.event(f"e{n}", tokens=text) for n, text in enumerate(ODD_NUMBERS)]
    assert sent.accepted(quickly(send, api, events)) == len(events)
    assert [row["meters"] for row in sent.listed(api)] == [[{"meter": "tokens", "usable": False}]] * len(events)
    assert sent.total(api) == "0"


def test_a_strict_meter_refuses_odd_numbers_and_changes_nothing(api: ApiClient) -> None:
    sent.add_meter(api, strict=True)
    before = sent.everything()
    events = [sent.event(f"e{n}", tokens=text) for n, text in enumerate(ODD_NUMBERS)]
    events.append(sent.event("big", data={"tokens": JsonNumber("1E+1000000")}))
    answer = quickly(send, api, strict_json.dump(events).encode())
    assert sent.problem(answer) == (422, "invalid-input", [f"/{n}/data/tokens" for n in range(len(events))])
    assert sent.everything() == before


def test_delimiters_of_keys_are_legal_in_ids(api: ApiClient) -> None:
    names = ["a#b/c", "#", "/", "~1", " ", "dirty#1", "é" * 255]
    assert sent.accepted(send(api, [sent.event(name, source=name, type=name) for name in names])) == len(names)
    for name in names:
        (row,) = sent.listed(api, id=name, source=name, type=name)
        assert (row["id"], row["source"], row["type"], row["state"]) == (name, name, name, "unmatched")


def test_too_many_events_bytes_or_pairs_are_too_large(api: ApiClient) -> None:
    before = sent.everything()
    widely = [sent.event(time=format_instant(NOON - n * timedelta(minutes=15))) for n in range(501)]
    assert sent.problem(send(api, [{}] * 10_001)) == (413, "too-large", [])
    assert sent.problem(send(api, b" " * 4_000_001)) == (413, "too-large", [])
    assert sent.problem(send(api, widely)) == (413, "too-large", [])
    assert sent.problem(send(api, [sent.event(subject=f"org-{n}") for n in range(501)])) == (413, "too-large", [])
    assert sent.everything() == before
    assert sent.accepted(send(api, widely[:500])) == 500


def test_other_content_types_are_unsupported(api: ApiClient) -> None:
    answer = send(api, sent.event(), headers={"Content-Type": "application/xml"})
    assert sent.problem(answer) == (415, "unsupported-media-type", [])


def test_unknown_parameters_are_refused(api: ApiClient) -> None:
    assert sent.problem(send(api, sent.event(), dry_run="true")) == (422, "invalid-input", ["/query/dry_run"])
    assert sent.problem(send(api, sent.event(), partial="yes")) == (422, "invalid-input", ["/query/partial"])


def test_the_late_limit_is_the_one_of_the_settings(api: ApiClient) -> None:
    api.put("/v1/settings", {"late_limit_days": 2})
    limit = NOON - timedelta(days=2)
    assert sent.accepted(send(api, sent.event(time=limit))) == 1
    assert sent.problem(send(api, sent.event(time=limit - MICRO))) == (422, "invalid-input", ["/time"])


def test_events_may_be_five_minutes_ahead(api: ApiClient) -> None:
    limit = NOON + timedelta(minutes=5)
    assert sent.accepted(send(api, sent.event(time=limit))) == 1
    assert sent.problem(send(api, sent.event(time=limit + MICRO))) == (422, "invalid-input", ["/time"])
    assert sent.states(api) == {"e1": "unmatched"}


def test_a_backfill_takes_any_age_since_the_year_2000(api: ApiClient) -> None:
    late = sent.event(time=NOON - timedelta(days=35) - MICRO)
    assert sent.problem(send(api, late)) == (422, "invalid-input", ["/time"])
    first = sent.event("e2", EARLIEST)
    assert sent.accepted(send(api, [late, first], backfill="true")) == 2
    for at in (EARLIEST - MICRO, NOON + timedelta(minutes=5) + MICRO):
        refused = send(api, sent.event(time=at), backfill="true")
        assert sent.problem(refused) == (422, "invalid-input", ["/time"])


def test_history_takes_no_more_from_a_day_before_it_begins_to_expire(api: ApiClient) -> None:
    old = NOON - timedelta(days=500)
    sent.accepted(send(api, sent.event("e1", old), backfill="true"))
    stored.roll(format_instant(NOON))
    closing = NOON + RETENTION - timedelta(days=1)
    clock.set(closing - timedelta(seconds=1))
    assert sent.accepted(send(api, sent.event("e2", old), backfill="true")) == 1
    clock.set(closing)
    stored.roll(format_instant(closing))
    before = sent.everything()
    events = [sent.event("e5", old), sent.event("e6", old + timedelta(minutes=15))]
    assert sent.problem(send(api, events, backfill="true")) == (422, "invalid-input", ["/0/time"])
    assert sent.everything() == before
    assert send(api, events, backfill="true", partial="true").json_body["accepted"] == 1


def test_only_an_admin_may_backfill(api: ApiClient) -> None:
    sender = api.as_holder_of(api.make_key("ingest"))
    before = sent.everything()
    assert sent.problem(send(sender, sent.event(), backfill="true")) == (403, "forbidden", [])
    assert sent.everything() == before
    assert sent.accepted(send(sender, sent.event())) == 1


def test_reading_keys_may_not_send(api: ApiClient) -> None:
    assert sent.problem(send(api.as_holder_of(api.make_key("read")), sent.event())) == (403, "forbidden", [])
    assert sent.problem(send(api.as_holder_of(None), sent.event())) == (401, "unauthenticated", [])


def test_a_bound_key_sends_for_its_organization_only(api: ApiClient) -> None:
    bound = api.as_holder_of(api.make_key("ingest", "acme"))
    assert sent.accepted(send(bound, sent.event())) == 1
    before = sent.everything()
    other, unknown = send(bound, sent.event(subject="globex")), send(bound, sent.event(subject="nobody"))
    assert sent.problem(other) == (422, "invalid-input", ["/subject"])
    assert other.body == unknown.body
    assert sent.everything() == before


def test_unknown_organizations_are_created_when_the_settings_say_so(api: ApiClient) -> None:
    api.put("/v1/settings", {"create_unknown_organizations": True})
    before = sent.everything()
    refused = send(api, [sent.event(subject="initech"), sent.event(subject="No Id")])
    assert sent.problem(refused) == (422, "invalid-input", ["/1/subject"])
    assert sent.everything() == before
    assert sent.accepted(send(api, [sent.event(subject="initech"), sent.event(subject="hooli")])) == 2
    assert api.get("/v1/organizations/initech").json_body["name"] == "initech"
    assert [row["id"] for row in sent.listed(api, "hooli")] == ["e1"]


def test_partial_creates_no_organization_of_a_rejected_event(api: ApiClient) -> None:
    api.put("/v1/settings", {"create_unknown_organizations": True})
    answer = send(api, [sent.event(subject="initech", time="never"), sent.event()], partial="true")
    assert answer.json_body["accepted"] == 1
    assert api.get("/v1/organizations/initech").status_code == 404


def test_a_bound_key_creates_no_other_organization(api: ApiClient) -> None:
    api.put("/v1/settings", {"create_unknown_organizations": True})
    bound = api.as_holder_of(api.make_key("ingest", "acme"))
    before = sent.everything()
    assert sent.problem(send(bound, sent.event(subject="initech"))) == (422, "invalid-input", ["/subject"])
    assert sent.everything() == before


def test_a_strict_meter_refuses_what_it_cannot_use(api: ApiClient) -> None:
    sent.add_meter(api, strict=True, filter={"kind": ["output"]})
    good = [sent.event("e1", kind="output", tokens=7), sent.event("e2", kind="input"), sent.event("e3", type="other")]
    assert sent.accepted(send(api, good)) == 3
    before = sent.everything()
    answer = send(api, [good[0], sent.event("e4", kind="output"), sent.event("e5", kind="output", tokens="many")])
    assert sent.problem(answer) == (422, "invalid-input", ["/1/data/tokens", "/2/data/tokens"])
    assert sent.everything() == before


def test_the_order_of_a_request_decides_which_event_is_first(api: ApiClient) -> None:
    sent.add_meter(api)
    twins = [sent.event("e1", tokens=1), sent.event("e1", tokens=2), sent.event("e1", tokens=1)]
    assert sent.accepted(send(api, twins)) == 3
    assert [(row["data"]["tokens"], row["state"]) for row in sent.listed(api)] == [
        (1, "duplicate"),
        (2, "conflict"),
        (1, "counted"),
    ]
    assert sent.total(api) == "1"


def test_sending_again_counts_once_and_marks_again(api: ApiClient) -> None:
    sent.add_meter(api)
    for _ in range(3):
        assert sent.accepted(send(api, [sent.event("e1"), sent.event("e2")])) == 2
    assert sent.total(api) == "14"
    assert len(store.list_marks("acme")) == 1


def test_events_of_many_quarter_hours_and_organizations_come_in_one_request(api: ApiClient) -> None:
    sent.add_meter(api)
    times = [NOON - timedelta(minutes=7 * n) for n in range(200)]
    events = [sent.event(f"e{n}", time, subject=("acme", "globex")[n % 2]) for n, time in enumerate(times)]
    assert sent.accepted(send(api, events)) == 200
    assert (sent.total(api), sent.total(api, organization="globex")) == ("700", "700")


def test_a_quarter_hour_is_split_when_it_is_large(api: ApiClient) -> None:
    sent.add_meter(api)
    noise = [
        sent.event(f"e{n}", tokens=1, text="".join(chr(0x4E00 + n * k % 20_000) for k in range(400)))
        for n in range(800)
    ]
    assert sent.accepted(send(api, noise)) == 800
    segments = store.read_partition("acme", store.list_marks("acme")[0].quarter_hour)
    assert len(segments) > 1
    assert all(segment.packed.size <= 300_000 for segment in segments)
    assert [name for segment in segments for name in segment.ids] == [f"e{n}" for n in range(800)]
    assert sent.total(api) == "800"


@pytest.fixture
def operations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every call to the storage, by operation and what it writes."""
    made: list[str] = []
    call = dynamodb()._make_api_call

    def note(operation: str, arguments: Any) -> Any:
        keys = [one["PutRequest"]["Item"]["pk"]["S"] for one in _puts(arguments)]
        made.append(" ".join([operation, *keys]))
        return call(operation, arguments)

    monkeypatch.setattr(dynamodb(), "_make_api_call", note)
    return made


def _puts(arguments: Any) -> list[Any]:
    asked = arguments.get("RequestItems", {})
    return [one for requests in asked.values() if isinstance(requests, list) for one in requests if "PutRequest" in one]


def test_segments_are_written_before_marks_and_nothing_else_is(api: ApiClient, operations: list[str]) -> None:
    sent.accepted(send(api, sent.event()))
    written = [one for one in operations if one.startswith("BatchWriteItem")]
    shard = store.shard_of("acme")
    assert written == ["BatchWriteItem acme#2026-01-15", f"BatchWriteItem dirty#{shard}"]
    assert len(operations) <= 6


def test_a_busy_storage_is_told_and_a_retry_counts_once(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sent.add_meter(api)
    call = dynamodb()._make_api_call
    monkeypatch.setattr(retries, "sleep", lambda _: None)

    def fail_marks(operation: str, arguments: Any) -> Any:
        if any(one["PutRequest"]["Item"]["pk"]["S"].startswith("dirty#") for one in _puts(arguments)):
            raise service_fault("ThrottlingException")
        return call(operation, arguments)

    with monkeypatch.context() as patch:
        patch.setattr(dynamodb(), "_make_api_call", fail_marks)
        refused = send(api, sent.event())
    assert sent.problem(refused) == (503, "busy", [])
    assert refused.headers["Retry-After"] == "1"
    assert sent.accepted(send(api, sent.event())) == 1
    assert sent.total(api) == "7"


def test_received_at_is_the_domains_clock_and_order_the_real_one(api: ApiClient, clock: Clock) -> None:
    sent.accepted(send(api, sent.event("e1", tokens=1)))
    clock.set(NOON - timedelta(hours=1))
    sent.accepted(send(api, sent.event("e1", "2026-01-15T11:00:00Z", tokens=2)))
    clock.set(NOON)
    sent.accepted(send(api, sent.event("e1", tokens=3)))
    rows = sent.listed(api)
    assert [(row["data"]["tokens"], row["state"]) for row in rows] == [
        (3, "conflict"),
        (1, "unmatched"),
        (2, "unmatched"),
    ]
    assert [row["received_at"] for row in rows] == [
        "2026-01-15T12:00:00Z",
        "2026-01-15T12:00:00Z",
        "2026-01-15T11:00:00Z",
    ]
