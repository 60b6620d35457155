"""What makes a sent event valid (docs/rules.md, section 2): every fault of it is named, none hides another.

A fault's pointer is relative to the event; the envelope knows where the event stood in the request.
"""

import itertools
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any, TypeGuard, TypeVar

from chalicelib.catalog.meters import Meter, MeterCatalog
from chalicelib.shared.errors import Fault, pointer_of
from chalicelib.shared.numbers import JsonNumber
from chalicelib.shared.strict_json import dump
from chalicelib.shared.time import QuarterHour, format_instant, parse_instant, quarter_hour_of
from chalicelib.shared.values import dataclass
from chalicelib.usage.events import Event
from chalicelib.usage.matching import meters_by_type, refusing

Read = TypeVar("Read")

MAX_EVENT_BYTES = 100_000
MAX_TEXT_CHARS = 255
MAX_FAULTS_PER_EVENT = 50
# How far ahead of this clock a sender's clock may be.
MAX_AHEAD = timedelta(minutes=5)

_ATTRIBUTES = frozenset({"id", "source", "type", "subject", "time", "data", "specversion"})
_OPTIONAL_ATTRIBUTES = frozenset({"datacontenttype", "dataschema", "data_base64"})
_EXTENSION_NAME = re.compile(r"[a-z0-9]{1,20}")
_ORGANIZATION_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_JSON_TYPE = re.compile(r"(?:application|text)/(?:[a-z0-9.!#$&^_-]+\+)?json", re.IGNORECASE)
_INT32 = re.compile(r"-?(?:0|[1-9][0-9]{0,9})")
_SHOWN_CHARS = 100
_BYTES_PER_CHAR = 6


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for an event that could not be read as strict JSON."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the events of a request must satisfy besides their form.

    Times lie in ``[earliest_at, latest_at]`` and not in a quarter-hour of ``refused`` (organization, quarter-hour),
    which tells why; ``organizations`` are those that events may be for.
    """

    earliest_at: datetime
    latest_at: datetime
    organizations: Container[str]
    strict_meters: Mapping[str, Sequence[Meter]] = field(default_factory=dict)
    must_name_version: bool = False
    refused: Mapping[tuple[str, QuarterHour], str] = field(default_factory=dict)


def strict_meters_of(catalog: MeterCatalog) -> dict[str, list[Meter]]:
    """List the meters that refuse events they cannot use, by the type of event they count."""
    listed = {kind: [one for one in meters if one.strict] for kind, meters in meters_by_type(catalog).items()}
    return {kind: strict for kind, strict in listed.items() if strict}


def is_organization_id(value: Any) -> TypeGuard[str]:
    """Tell whether a value has the form of an organization's id."""
    return isinstance(value, str) and _ORGANIZATION_ID.fullmatch(value) is not None


def read_identifier(value: Any) -> str:
    """Read an id, a source or a type: 1 to 255 characters, any but control characters; raises ``ValueError``."""
    if not isinstance(value, str):
        raise ValueError("must be text")
    if not 1 <= len(value) <= MAX_TEXT_CHARS:
        raise ValueError(f"must have 1 to {MAX_TEXT_CHARS} characters")
    if not value.isprintable() and _UNFIT.search(value):
        raise ValueError("must not contain control characters")
    return value


def check_event(sent: Any, terms: Terms) -> Event | list[Fault]:
    """Read one event, or name all its faults: at least one."""
    if isinstance(sent, Unreadable):
        return [Fault("", sent.reason)]
    if not isinstance(sent, dict):
        return [Fault("", "must be an object")]
    reader = _EventReader(sent, terms)
    event = reader.read()
    return reader.faults[:MAX_FAULTS_PER_EVENT] if event is None else event


class _EventReader:
    """Reads the attributes of one event and collects what is wrong with them."""

    def __init__(self, sent: dict[str, Any], terms: Terms) -> None:
        self._sent = sent
        self._terms = terms
        self.faults: list[Fault] = []

    def read(self) -> Event | None:
        sent = self._sent
        event_id, source = self._read("id", read_identifier), self._read("source", read_identifier)
        event_type, subject = self._read("type", read_identifier), self._read("subject", self._subject)
        time, content = self._read("time", _instant), self._content()
        if time is not None:
            self._check_time(time, subject)
        self._check_version()
        extensions = self._extensions() if not sent.keys() <= _ATTRIBUTES else {}
        if is_larger_than(sent, MAX_EVENT_BYTES):
            self._fault("", f"must have at most {MAX_EVENT_BYTES} bytes as JSON")
        if event_type is None or time is None or content is None:
            return None
        event = Event(
            organization=subject or "",
            source=source or "",
            id=event_id or "",
            type=event_type,
            time=time,
            data=content,
            extensions=extensions,
        )
        if event_type in self._terms.strict_meters:
            self.faults += refusals(self._terms.strict_meters[event_type], event)
        return None if self.faults else event

    def _fault(self, pointer: str, detail: str) -> None:
        self.faults.append(Fault(pointer, detail))

    def _read(self, name: str, read: Callable[[Any], Read]) -> Read | None:
        """Read a required attribute; ``None`` when it has a fault."""
        if name not in self._sent:
            self._fault(f"/{name}", "is required")
            return None
        try:
            return read(self._sent[name])
        except ValueError as fault:
            self._fault(f"/{name}", str(fault))
            return None

    def _subject(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self._terms.organizations:
            raise ValueError("must be the id of an organization")
        return value

    def _check_time(self, time: datetime, subject: str | None) -> None:
        if time < self._terms.earliest_at:
            self._fault("/time", f"lies before {format_instant(self._terms.earliest_at)}, the earliest accepted now")
        elif time > self._terms.latest_at:
            self._fault("/time", f"lies after {format_instant(self._terms.latest_at)}, the latest accepted now")
        elif self._terms.refused and subject is not None:
            reason = self._terms.refused.get((subject, quarter_hour_of(time)))
            if reason is not None:
                self._fault("/time", reason)

    def _content(self) -> dict[str, Any] | None:
        content = self._sent.get("data", {})
        if isinstance(content, dict):
            return content
        self._fault("/data", "must be an object")
        return None

    def _check_version(self) -> None:
        if "specversion" in self._sent or self._terms.must_name_version:
            self._read("specversion", _version)

    def _extensions(self) -> dict[str, Any]:
        """Keep what is neither an attribute of every event nor null, which means that it is not set."""
        kept: dict[str, Any] = {}
        for name, value in self._sent.items():
            if name in _ATTRIBUTES:
                continue
            fault = _name_fault(name) or (None if value is None else _value_fault(name, value))
            if fault is not None:
                self._fault(pointer_to(name), fault)
            elif value is not None and name != "datacontenttype":
                kept[name] = value
        return dict(sorted(kept.items()))


def _instant(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 instant such as 2026-01-31T23:59:59Z")
    return parse_instant(value)


def _version(value: Any) -> str:
    if value != "1.0":
        raise ValueError('must be "1.0"')
    return "1.0"


def _name_fault(name: str) -> str | None:
    if name == "data_base64":
        return "is not accepted: send the data as JSON"
    if name in _OPTIONAL_ATTRIBUTES or _EXTENSION_NAME.fullmatch(name):
        return None
    if len(name) > _SHOWN_CHARS:
        return f"has a name of {len(name)} characters; those of extensions have 1 to 20 of a-z and 0-9"
    return "is not known here; names of extensions have 1 to 20 of a-z and 0-9"


def _value_fault(name: str, value: Any) -> str | None:
    """Judge the value of an extension, or of an attribute that is optional and text."""
    if isinstance(value, str):
        if not value.isprintable() and _UNFIT.search(value):
            return "must not contain control characters"
        if name == "datacontenttype" and not _JSON_TYPE.fullmatch(value.partition(";")[0].strip()):
            return "must be application/json: other content is not accepted"
        return None
    if name in _OPTIONAL_ATTRIBUTES:
        return "must be text"
    if isinstance(value, bool) or (isinstance(value, JsonNumber) and _INT32.fullmatch(value.text)):
        return None
    return "must be text, a whole number, true or false"


def pointer_to(*names: str) -> str:
    """Write the JSON pointer of some names; the place above where a name is too long to be shown."""
    shown = itertools.takewhile(lambda name: len(name) <= _SHOWN_CHARS, names)
    return pointer_of(*shown)


def refusals(strict_meters: Sequence[Meter], event: Event) -> list[Fault]:
    """Name the values that strict meters cannot use, each with its place in the event."""
    faults = []
    for meter in refusing(strict_meters, event):
        assert meter.value is not None
        faults.append(Fault(pointer_to("data", *meter.value), f"must be a value that the meter {meter.key} can use"))
    return faults


def is_larger_than(value: Any, limit: int) -> bool:
    """Tell whether a JSON value has more bytes, written without spaces, than a limit."""
    # No character has more bytes as JSON than an escaped one, so most values need not be written.
    return _characters(value) * _BYTES_PER_CHAR > limit and len(dump(value).encode("utf-8", "replace")) > limit


def _characters(value: Any) -> int:
    """Count characters, at least as many as there are without escapes."""
    if isinstance(value, str):
        return len(value) + 3
    if isinstance(value, JsonNumber):
        return len(value.text) + 1
    if isinstance(value, dict):
        count = 2
        # Every event passes here, so its texts and numbers are counted without a call each.
        for name, child in value.items():
            if isinstance(child, str):
                count += len(name) + len(child) + 7
            elif isinstance(child, JsonNumber):
                count += len(name) + len(child.text) + 5
            else:
                count += len(name) + 4 + _characters(child)
        return count
    if isinstance(value, list):
        return 2 + sum(map(_characters, value))
    return 6
