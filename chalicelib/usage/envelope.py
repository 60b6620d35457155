"""The forms in which events arrive: CloudEvents structured, batched and in binary mode, and plain JSON.

An envelope holds the events as they were sent and knows where each stood, so that a fault of an event can name its
place in the request. Whether an event is valid is judged elsewhere; here only the form is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from chalicelib.shared import strict_json
from chalicelib.shared.errors import Fault, InvalidInput, TooLarge, UnsupportedMedia
from chalicelib.shared.values import dataclass
from chalicelib.usage.event_checks import MAX_FAULTS_PER_EVENT, Terms, check_event, is_organization_id, pointer_to
from chalicelib.usage.events import Event

PLAIN = "application/json"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
# The detail-type of the event bus whose events are usage.
BUS_DETAIL_TYPE = "usage"
MAX_BODY_BYTES = 4_000_000
MAX_EVENTS = 10_000

_HEADER_PREFIX = "ce-"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The events of one request or message as they were sent.

    ``prefix`` is where the list of events stands (``None``: the body is one event). ``is_binary``: the attributes are
    headers and the body is the data. ``is_cloudevents``: the media type says so, and ``specversion`` is required.
    """

    events: Sequence[Any]
    prefix: str | None = None
    is_binary: bool = False
    is_cloudevents: bool = False

    def located(self, index: int, fault: Fault) -> Fault:
        """Turn a fault's place in its event into its place in the request."""
        if self.is_binary:
            inside, _, rest = fault.pointer.partition("/data")
            is_of_data = not inside and (not rest or rest[0] == "/")
            return Fault(rest if is_of_data else f"/headers/{_HEADER_PREFIX}{fault.pointer[1:]}", fault.detail)
        start = "" if self.prefix is None else f"{self.prefix}/{index}"
        return Fault(start + fault.pointer, fault.detail)

    def subjects(self) -> set[str]:
        """Name the organizations that the events are for, as far as they have the form of an id."""
        sent = (event.get("subject") for event in self.events if isinstance(event, dict))
        return {subject for subject in sent if is_organization_id(subject)}


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that is not valid, by its place in the request, and all its faults."""

    index: int
    faults: Sequence[Fault]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a request holds: its valid events in their order, and the others."""

    events: Sequence[Event]
    rejected: Sequence[Rejected]


def show_rejected(rejected: Sequence[Rejected]) -> list[dict[str, Any]]:
    """Show the events that were not stored, by index, with what is wrong with each."""
    return [
        {
            "index": one.index,
            "errors": [{"pointer": fault.pointer, "detail": fault.detail} for fault in one.faults],
        }
        for one in rejected
    ]


def open_request(headers: Mapping[str, str], raw: bytes) -> Envelope:
    """Read the body of a request by its content type. ``headers`` have names in lower case.

    Raises ``Malformed`` or ``TooLarge`` when it cannot be read and ``InvalidInput`` when it holds no events.
    """
    media_type = headers.get("content-type", PLAIN).partition(";")[0].strip().lower()
    attributes = {name.removeprefix(_HEADER_PREFIX): name for name in headers if name.startswith(_HEADER_PREFIX)}
    if media_type == PLAIN and attributes:
        return _open_binary({name: headers[header] for name, header in attributes.items()}, raw)
    value = strict_json.parse(raw, max_bytes=MAX_BODY_BYTES)
    if media_type == PLAIN:
        return open_plain(value)
    if media_type == STRUCTURED:
        return Envelope([value], is_cloudevents=True)
    if media_type == BATCH:
        return Envelope(_event_list(value, ""), "", is_cloudevents=True)
    raise UnsupportedMedia(f"Events come as {PLAIN}, {STRUCTURED} or {BATCH}.")


def open_message(text: str) -> Envelope:
    """Read the body of a queue's message: plain JSON, raising what ``open_request`` raises.

    The rule of the event bus sends the ``detail`` of its events. What could not be delivered is kept as the bus had it,
    and comes whole when it is sent again.
    """
    value = strict_json.parse(text.encode("utf-8", "surrogatepass"), max_bytes=MAX_BODY_BYTES)
    if isinstance(value, dict) and value.get("detail-type") == BUS_DETAIL_TYPE and "detail" in value:
        value = value["detail"]
    return open_plain(value)


def open_plain(value: Any) -> Envelope:
    """Find the events in a JSON value: one event, a list, or ``{"events": […]}``; raises ``InvalidInput``."""
    if isinstance(value, list):
        return Envelope(_event_list(value, ""), "")
    if isinstance(value, dict) and "events" in value:
        others = [Fault(pointer_to(name), "is not known here") for name in value if name != "events"]
        if others:
            raise InvalidInput("Beside events there is nothing else.", others[:MAX_FAULTS_PER_EVENT])
        return Envelope(_event_list(value["events"], "/events"), "/events")
    if isinstance(value, dict):
        return Envelope([value])
    raise InvalidInput(
        "The body holds no events.", [Fault("", 'must be an event, a list of events or {"events": […]}')]
    )


def _event_list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInput("The body holds no events.", [Fault(place, "must be a list of events")])
    if not value:
        raise InvalidInput("The body holds no events.", [Fault(place, "must hold at least one event")])
    if len(value) > MAX_EVENTS:
        raise TooLarge(f"The request has {len(value)} events; at most {MAX_EVENTS} are accepted.")
    return value


def _open_binary(attributes: Mapping[str, str], raw: bytes) -> Envelope:
    if "data" in attributes:
        raise InvalidInput("The data of an event is the body.", [Fault("/headers/ce-data", "is not known here")])
    event: dict[str, Any] = {name: _decoded(text) for name, text in attributes.items()}
    if raw:
        event["data"] = strict_json.parse(raw, max_bytes=MAX_BODY_BYTES)
    return Envelope([event], is_binary=True, is_cloudevents=True)


def _decoded(text: str) -> str:
    """Decode a header as the HTTP binding says: quotes are taken off, then percent-encoded UTF-8 is read once.

    Bytes that are not UTF-8 become lone surrogates, which no attribute may hold.
    """
    trimmed = text.strip()
    if len(trimmed) >= 2 and trimmed[0] == trimmed[-1] == '"':
        trimmed = "".join(_unescaped(iter(trimmed[1:-1])))
    return unquote(trimmed, errors="surrogateescape")


def _unescaped(characters: Iterator[str]) -> Iterator[str]:
    for character in characters:
        yield next(characters, character) if character == "\\" else character


def check(envelope: Envelope, terms: Terms) -> Checked:
    """Judge every event of an envelope. All faults have their place in the request."""
    asked = replace(terms, must_name_version=envelope.is_cloudevents)
    events: list[Event] = []
    rejected: list[Rejected] = []
    for index, sent in enumerate(envelope.events):
        outcome = check_event(sent, asked)
        if isinstance(outcome, Event):
            events.append(outcome)
        else:
            rejected.append(Rejected(index, [envelope.located(index, fault) for fault in outcome]))
    return Checked(events, rejected)
