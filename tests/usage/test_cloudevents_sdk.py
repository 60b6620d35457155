"""What the CloudEvents SDK sends is what is read: the SDK as a producer, in every mode."""

import json
from typing import Any

from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.shared.numbers import JsonNumber
from chalicelib.shared.time import parse_instant
from chalicelib.usage import envelope
from chalicelib.usage.event_checks import Terms
from chalicelib.usage.events import Event
from tests.client import ApiClient
from tests.usage import sent

# Whatever is no control character and no half of a surrogate pair.
NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=255)
# The SDK refuses characters that the specification does not want, such as U+FFFE.
WANTED = NAMES.filter(
    lambda name: not any(ord(char) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF for char in name)
)


def made(name: str = "e1", **more: Any) -> CloudEvent:
    attributes = {
        "id": name,
        "source": "gateway",
        "type": "llm",
        "subject": "acme",
        "time": parse_instant(sent.TIME),
        "specversion": "1.0",
        "datacontenttype": "application/json",
        **more,
    }
    return CloudEvent(attributes=attributes, data={"tokens": 7})


def read(message: HTTPMessage) -> Event:
    time = parse_instant(sent.TIME)
    terms = Terms(earliest_at=time, latest_at=time, organizations={"acme"})
    checked = envelope.check(envelope.open_request(message.headers, bytes(message.body)), terms)
    assert checked.rejected == []
    (event,) = checked.events
    return event


@given(WANTED)
@example('a#b/c %2541 "é€😀" \' ;,=')
@example('"')
@example(" ")
@example("%E2%82%AC")
def test_every_name_survives_every_mode(name: str) -> None:
    event = made(name, source=name, traceparent=name)
    for message in (to_binary_event(event), to_structured_event(event)):
        found = read(message)
        assert (found.id, found.source, found.extensions) == (name, name, {"traceparent": name})
        assert (found.time, found.data) == (parse_instant(sent.TIME), {"tokens": JsonNumber("7")})


def test_the_sdk_is_understood_over_http(client: ApiClient) -> None:
    sent.add_organization(client)
    sent.add_meter(client)
    batch = [json.loads(to_structured_event(made(name)).body) for name in ("e3", "e4")]
    for message in (
        to_binary_event(made("e1")),
        to_structured_event(made("e2")),
        HTTPMessage({"content-type": "application/cloudevents-batch+json"}, json.dumps(batch).encode()),
    ):
        headers = {name.title(): value for name, value in message.headers.items()}
        answer = client.request("POST", "/v1/events", body=bytes(message.body), headers=headers)
        assert answer.status_code == 202, answer.body
    assert sent.total(client) == "28"
