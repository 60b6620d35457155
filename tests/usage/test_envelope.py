"""The forms of events and every fault of an event, with its place in the request."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.catalog.meters import Meter
from chalicelib.shared.errors import InvalidInput, Malformed, TooLarge, UnsupportedMedia
from chalicelib.shared.numbers import JsonNumber
from chalicelib.shared.time import format_instant, parse_instant
from chalicelib.usage import envelope
from chalicelib.usage.event_checks import MAX_EVENT_BYTES, Terms, Unreadable, strict_meters_of
from chalicelib.usage.events import Event
from tests.usage import build

NOW = parse_instant("2026-01-15T12:00:00Z")
MICRO = timedelta(microseconds=1)
EARLIEST, LATEST = NOW - timedelta(days=35), NOW + timedelta(minutes=5)
PLAIN, STRUCTURED, BATCH = "application/json", "application/cloudevents+json", "application/cloudevents-batch+json"
GONE = object()


def sent(**changes: Any) -> dict[str, Any]:
    """Write a valid event as a client would, with some attributes changed or ``GONE``."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": "e1",
        "source": "gateway",
        "type": "llm",
        "subject": "acme",
        "time": "2026-01-15T11:59:00Z",
        "data": {"tokens": 7},
    }
    return {name: value for name, value in {**event, **changes}.items() if value is not GONE}


def terms(**changes: Any) -> Terms:
    asked = {"earliest_at": EARLIEST, "latest_at": LATEST, "organizations": {"acme", "globex"}, **changes}
    return Terms(**asked)


def read(body: Any, media: str = PLAIN, headers: Mapping[str, str] | None = None) -> envelope.Envelope:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return envelope.open_request({"content-type": media, **(headers or {})}, raw)


def check(body: Any, media: str = PLAIN, headers: Mapping[str, str] | None = None, **of: Any) -> envelope.Checked:
    return envelope.check(read(body, media, headers), terms(**of))


def faults(body: Any, media: str = PLAIN, headers: Mapping[str, str] | None = None, **of: Any) -> dict[str, str]:
    """List what is wrong, place by place."""
    rejected = check(body, media, headers, **of).rejected
    return {fault.pointer: fault.detail for one in rejected for fault in one.faults}


def only(checked: envelope.Checked) -> Event:
    assert not checked.rejected
    (event,) = checked.events
    return event


def refused(body: Any, media: str = PLAIN) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read(body, media)
    return caught.value


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (sent(), PLAIN),
        ([sent()], PLAIN),
        ({"events": [sent()]}, PLAIN),
        (sent(specversion=GONE), PLAIN),
        (sent(), STRUCTURED),
        ([sent()], BATCH),
        (sent(), f"{STRUCTURED}; charset=UTF-8"),
        (sent(), "Application/CloudEvents+JSON"),
    ],
)
def test_every_form_gives_the_same_event(body: Any, media: str) -> None:
    event = only(check(body, media))
    assert (event.organization, event.source, event.id, event.type) == ("acme", "gateway", "e1", "llm")
    assert event.time == parse_instant("2026-01-15T11:59:00Z")
    assert event.data == {"tokens": JsonNumber("7")}
    assert event.extensions == {}


def test_a_body_without_a_content_type_is_plain_json() -> None:
    assert len(envelope.check(envelope.open_request({}, json.dumps(sent()).encode()), terms()).events) == 1


def ce_headers(**changes: Any) -> dict[str, str]:
    attributes = sent(data=GONE, **changes)
    return {f"ce-{name}": value for name, value in attributes.items()}


def test_binary_mode_reads_attributes_from_headers_and_the_data_from_the_body() -> None:
    event = only(check({"tokens": 7}, PLAIN, ce_headers(traceparent="00-ab-cd-01")))
    assert (event.id, event.data) == ("e1", {"tokens": JsonNumber("7")})
    assert event.extensions == {"traceparent": "00-ab-cd-01"}


def test_binary_mode_without_a_body_has_empty_data() -> None:
    assert only(check(b"", PLAIN, ce_headers())).data == {}


@pytest.mark.parametrize(
    ("header", "decoded"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("100%25", "100%"),
        ("50%-off", "50%-off"),
        (" padded ", "padded"),
        ('"two words"', "two words"),
        (r'"say \"hi\""', 'say "hi"'),
        ('"', '"'),
        ("a#b/c", "a#b/c"),
    ],
)
def test_headers_are_unquoted_and_percent_decoded_once(header: str, decoded: str) -> None:
    assert only(check({}, PLAIN, ce_headers(id=header))).id == decoded


def test_faults_in_binary_mode_point_to_headers_and_into_the_body() -> None:
    strict = {"llm": [strict_meter()]}
    headers = ce_headers(time="soon", subject="nobody", **{"some-thing": "x"})
    assert set(faults({"tokens": "many"}, PLAIN, headers, strict_meters=strict)) == {
        "/headers/ce-time",
        "/headers/ce-subject",
        "/headers/ce-some-thing",
    }
    assert set(faults({"tokens": "many"}, PLAIN, ce_headers(), strict_meters=strict)) == {"/tokens"}
    assert set(faults([1], PLAIN, ce_headers())) == {""}
    assert set(faults({}, PLAIN, ce_headers(data_base64="AA=="))) == {"/headers/ce-data_base64"}
    assert set(faults({}, PLAIN, ce_headers(specversion=GONE))) == {"/headers/ce-specversion"}


def test_a_header_that_is_not_utf8_is_a_fault() -> None:
    assert set(faults({}, PLAIN, ce_headers(id="%FF"))) == {"/headers/ce-id"}
    assert set(faults({}, PLAIN, ce_headers(tracestate="%ED%A0%80"))) == {"/headers/ce-tracestate"}


def test_binary_mode_has_no_data_header() -> None:
    with pytest.raises(InvalidInput) as caught:
        read({}, PLAIN, {**ce_headers(), "ce-data": "{}"})
    assert [fault.pointer for fault in caught.value.faults] == ["/headers/ce-data"]


def test_other_media_types_are_unsupported() -> None:
    with pytest.raises(UnsupportedMedia):
        read(sent(), "text/plain")


@pytest.mark.parametrize(
    ("body", "media", "place"),
    [
        ([], PLAIN, ""),
        ([], BATCH, ""),
        ({"events": []}, PLAIN, "/events"),
        ({"events": sent()}, PLAIN, "/events"),
        ({"events": None}, PLAIN, "/events"),
        (sent(), BATCH, ""),
        (b"null", PLAIN, ""),
        ("text", PLAIN, ""),
        (7, PLAIN, ""),
        ({"events": [sent()], "even~t/s": 1}, PLAIN, "/even~0t~1s"),
    ],
)
def test_a_body_that_holds_no_events_is_invalid(body: Any, media: str, place: str) -> None:
    assert [fault.pointer for fault in refused(body, media).faults] == [place]


def test_at_most_ten_thousand_events_come_at_once() -> None:
    assert len(read([1] * 10_000).events) == 10_000
    with pytest.raises(TooLarge):
        read([1] * 10_001)


def test_at_most_four_megabytes_come_at_once() -> None:
    padded = json.dumps(sent()).encode().ljust(4_000_000)
    assert len(read(padded).events) == 1
    with pytest.raises(TooLarge):
        read(padded + b" ")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"id": NaN}',
        b'{"id": "a", "id": "b"}',
        b'{"id": "\\ud800"}',
        b"[" * 17 + b"]" * 17,
        b"[" * 100_000,
        b'{"data": {"n": 01}}',
    ],
)
@pytest.mark.parametrize("media", [PLAIN, STRUCTURED, BATCH])
def test_what_the_reader_refuses_is_malformed(raw: bytes, media: str) -> None:
    with pytest.raises(Malformed):
        read(raw, media)


@pytest.mark.parametrize(
    ("body", "prefix"), [(sent(id=""), ""), ([sent(), sent(id="")], "/1"), ({"events": [sent(id="")]}, "/events/0")]
)
def test_faults_name_the_event_by_its_place(body: Any, prefix: str) -> None:
    assert faults(body) == {f"{prefix}/id": "must have 1 to 255 characters"}


def test_every_fault_of_every_event_is_named() -> None:
    wrong = sent(id=GONE, source=5, type="a\nb", subject="nobody", time="2026-01-15T12:00:00", data=[], specversion="2")
    found = check([wrong, sent(), "text", sent(NotKnown=1)])
    assert [one.index for one in found.rejected] == [0, 2, 3]
    assert [fault.pointer for fault in found.rejected[0].faults] == [
        "/0/id",
        "/0/source",
        "/0/type",
        "/0/subject",
        "/0/time",
        "/0/data",
        "/0/specversion",
    ]
    assert [fault.pointer for one in found.rejected[1:] for fault in one.faults] == ["/2", "/3/NotKnown"]
    assert [event.id for event in found.events] == ["e1"]


TEXT = [
    (GONE, "is required"),
    (None, "must be text"),
    (5, "must be text"),
    (["e1"], "must be text"),
    ("", "must have 1 to 255 characters"),
    ("x" * 256, "must have 1 to 255 characters"),
    ("a\x00b", "must not contain control characters"),
    ("a\tb", "must not contain control characters"),
    ("a\x7f", "must not contain control characters"),
    ("\x85", "must not contain control characters"),
]


@pytest.mark.parametrize("name", ["id", "source", "type"])
@pytest.mark.parametrize(("value", "detail"), TEXT)
def test_ids_sources_and_types_are_text_without_control_characters(name: str, value: Any, detail: str) -> None:
    assert faults([sent(**{name: value})]) == {f"/0/{name}": detail}


@pytest.mark.parametrize("name", ["id", "source", "type"])
@pytest.mark.parametrize("value", ["x" * 255, "#", "/", "a#b/c~d", " ", "😀" * 255, "10:00#0", "\u2028", "'\"\\"])
def test_any_other_character_is_legal(name: str, value: str) -> None:
    assert getattr(only(check(sent(**{name: value}))), name) == value


@pytest.mark.parametrize("value", [None, 5, "", "nobody", "Acme", "acme#1", "acme ", "x" * 65, "../acme", ["acme"]])
def test_a_subject_that_is_no_organization_is_refused(value: Any) -> None:
    assert faults([sent(subject=value)]) == {"/0/subject": "must be the id of an organization"}


def test_the_subject_is_required() -> None:
    assert faults([sent(subject=GONE)]) == {"/0/subject": "is required"}


def test_subjects_are_collected_once_and_only_well_formed_ones() -> None:
    opened = read([sent(), sent(), sent(subject="globex"), sent(subject="No!"), sent(subject=5), 7, sent(subject=GONE)])
    assert opened.subjects() == {"acme", "globex"}


@pytest.mark.parametrize(
    "time",
    [
        GONE,
        None,
        1768478340,
        "",
        "2026-01-15",
        "2026-01-15T11:59:00",
        "2026-02-30T00:00:00Z",
        "2026-01-14T23:59:60Z",
        "2026-01-15T24:00:00Z",
        "2026-01-15T11:59Z",
        "9999-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "2026-01-15T11:59:00+25:00",
        "２０２６-01-15T11:59:00Z",
        "Thu, 15 Jan 2026 11:59:00 GMT",
    ],
)
def test_a_time_that_is_no_instant_is_refused(time: Any) -> None:
    assert set(faults([sent(time=time)])) == {"/0/time"}


@pytest.mark.parametrize(
    ("time", "read_as"),
    [
        ("2026-01-15T11:59:00.123456789Z", "2026-01-15T11:59:00.123456Z"),
        ("2026-01-15T13:59:00+02:00", "2026-01-15T11:59:00Z"),
        ("2026-01-15t11:59:00z", "2026-01-15T11:59:00Z"),
        ("2026-01-15T06:14:00-05:45", "2026-01-15T11:59:00Z"),
    ],
)
def test_times_carry_any_offset_and_are_cut_to_microseconds(time: str, read_as: str) -> None:
    assert format_instant(only(check(sent(time=time))).time) == read_as


def test_the_late_limit_is_inclusive() -> None:
    assert only(check(sent(time=format_instant(EARLIEST)))).time == EARLIEST
    assert set(faults([sent(time=format_instant(EARLIEST - MICRO))])) == {"/0/time"}


def test_the_early_limit_is_inclusive() -> None:
    assert only(check(sent(time=format_instant(LATEST)))).time == LATEST
    assert set(faults([sent(time=format_instant(LATEST + MICRO))])) == {"/0/time"}


def test_missing_data_is_empty() -> None:
    assert only(check(sent(data=GONE))).data == {}


@pytest.mark.parametrize("data", [None, 5, "text", [1], True])
def test_data_must_be_an_object(data: Any) -> None:
    assert faults([sent(data=data)]) == {"/0/data": "must be an object"}


def test_the_version_is_required_of_cloudevents_only() -> None:
    assert faults(sent(specversion=GONE), STRUCTURED) == {"/specversion": "is required"}
    assert faults([sent(specversion=GONE)], BATCH) == {"/0/specversion": "is required"}


@pytest.mark.parametrize("version", ["0.3", "1", 1, None, "1.0 "])
def test_the_version_is_one_point_zero(version: Any) -> None:
    assert faults([sent(specversion=version)]) == {"/0/specversion": 'must be "1.0"'}


@pytest.mark.parametrize(
    "media", ["application/json", "application/json; charset=utf-8", "text/json", "application/vnd.acme+json"]
)
def test_json_content_is_accepted_and_not_kept(media: str) -> None:
    assert only(check(sent(datacontenttype=media), STRUCTURED)).extensions == {}


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "", 5])
def test_other_content_is_refused(media: Any) -> None:
    assert set(faults([sent(datacontenttype=media)])) == {"/0/datacontenttype"}


def test_base64_data_is_refused() -> None:
    assert set(faults(sent(data=GONE, data_base64="AAAA"), STRUCTURED)) == {"/data_base64"}


def test_extensions_are_kept_in_order_of_their_names() -> None:
    more = {"traceparent": "00-1", "sampled": True, "attempt": 3, "dataschema": "urn:x", "unset": None}
    assert only(check(sent(**more))).extensions == {
        "attempt": JsonNumber("3"),
        "dataschema": "urn:x",
        "sampled": True,
        "traceparent": "00-1",
    }


@pytest.mark.parametrize("name", ["a" * 20, "z9"])
def test_extension_names_have_up_to_twenty_characters(name: str) -> None:
    assert name in only(check(sent(**{name: "x"}))).extensions


@pytest.mark.parametrize("name", ["a" * 21, "camelCase", "snake_case", "with-dash", "", "ünï", "a b"])
@pytest.mark.parametrize("media", [PLAIN, STRUCTURED])
def test_other_names_are_not_known(name: str, media: str) -> None:
    assert set(faults(sent(**{name: "x"}), media)) == {f"/{name}"}


def test_a_very_long_name_is_not_repeated() -> None:
    (fault,) = faults(sent(**{"x" * 5000: 1})).items()
    assert fault[0] == ""
    assert len(fault[1]) < 200


@pytest.mark.parametrize("value", [1.5, {"a": 1}, [1], "a\x00", 12345678901])
def test_extensions_are_plain_values(value: Any) -> None:
    assert set(faults(sent(traced=value))) == {"/traced"}


def test_the_faults_of_one_event_are_limited() -> None:
    assert len(check(sent(**{f"A{n}": n for n in range(500)})).rejected[0].faults) == 50


def test_an_event_has_at_most_a_hundred_kilobytes() -> None:
    bare = len(json.dumps(sent(data={"t": ""}), separators=(",", ":")))
    assert faults([sent(data={"t": "x" * (MAX_EVENT_BYTES - bare)})]) == {}
    assert set(faults([sent(data={"t": "x" * (MAX_EVENT_BYTES - bare + 1)})])) == {"/0"}
    assert set(faults([sent(data={"t": "€" * (MAX_EVENT_BYTES // 3)})])) == {"/0"}


def test_an_event_that_could_not_be_read_has_one_fault() -> None:
    checked = envelope.check(envelope.Envelope([Unreadable("is no JSON")], "/events"), terms())
    assert [fault.pointer for fault in checked.rejected[0].faults] == ["/events/0"]


def strict_meter(**of: Any) -> Meter:
    return replace(build.meter(**of), strict=True)


@pytest.mark.parametrize(
    ("data", "is_usable"),
    [
        ({"tokens": 7}, True),
        ({"tokens": "7"}, True),
        ({"tokens": -1}, True),
        ({}, False),
        ({"tokens": None}, False),
        ({"tokens": "many"}, False),
        ({"tokens": True}, False),
        ({"tokens": [7]}, False),
        ({"tokens": {"a": 7}}, False),
        ({"tokens": "٧"}, False),
        ({"tokens": "1_000"}, False),
        ({"tokens": "1E+1000000"}, False),
        ({"tokens": "1" * 19}, False),
    ],
)
def test_a_strict_meter_refuses_what_it_cannot_use(data: dict[str, Any], is_usable: bool) -> None:
    found = faults([sent(data=data)], strict_meters={"llm": [strict_meter()]})
    assert set(found) == (set() if is_usable else {"/0/data/tokens"})


def test_the_fault_of_a_strict_meter_points_to_its_value() -> None:
    nested = strict_meter(value="usage.out/put.tokens")
    assert set(faults([sent()], strict_meters={"llm": [nested]})) == {"/0/data/usage/out~1put/tokens"}


@pytest.mark.parametrize(
    "meter",
    [
        strict_meter(event_type="other"),
        strict_meter(filters={"kind": ["output"]}),
        strict_meter(count_from="2026-01-15T11:59:00.000001Z"),
        strict_meter(archived_at="2026-01-15T11:59:00Z"),
        strict_meter(aggregation="count"),
        build.meter(),
    ],
)
def test_a_meter_refuses_only_events_it_would_count(meter: Meter) -> None:
    assert faults([sent(data={})], strict_meters=strict_meters_of(build.catalog(meter))) == {}


@pytest.mark.parametrize(
    "meter",
    [
        strict_meter(filters={"kind": [""]}),
        strict_meter(count_from="2026-01-15T11:59:00Z"),
        strict_meter(archived_at="2026-01-15T11:59:00.000001Z"),
    ],
)
def test_a_meter_refuses_at_its_bounds(meter: Meter) -> None:
    found = faults([sent(data={})], strict_meters=strict_meters_of(build.catalog(meter)))
    assert set(found) == {"/0/data/tokens"}


def test_a_strict_fault_does_not_hide_the_others() -> None:
    found = faults([sent(id=GONE, data={})], strict_meters={"llm": [strict_meter()]})
    assert set(found) == {"/0/id", "/0/data/tokens"}


def test_a_queue_message_is_plain_json() -> None:
    assert len(envelope.open_message(json.dumps({"events": [sent()]})).events) == 1
    with pytest.raises(Malformed):
        envelope.open_message('{"id": "\ud800"}')
