"""The events and meters that are measured: calls to language models, about 240 bytes of JSON each."""

import json
import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.meters import Aggregation, Dimension, Meter
from chalicelib.catalog.organizations import Organization
from chalicelib.platform.writes import commit
from chalicelib.shared.time import format_instant
from chalicelib.usage.envelope import check, open_request
from chalicelib.usage.event_checks import Terms
from chalicelib.usage.events import Event
from chalicelib.usage.ingest import Delivery, ingest
from chalicelib.usage.segments import Segment, SegmentKind, pack

NOON = datetime(2026, 1, 30, 12, tzinfo=UTC)
BEGIN = NOON - timedelta(days=71)
ORGANIZATION = "acme"
MODELS = tuple(f"model-{size}b" for size in (1, 3, 8, 13, 34, 70, 120, 180, 300, 405))
KINDS = ("chat", "embed")
_QUARTER_HOUR_MS = 900_000

JsonEvent = dict[str, Any]
_HEADERS = {"content-type": "application/json"}


def events(count: int, start: datetime, *, seed: int = 0) -> list[JsonEvent]:
    """Make events at milliseconds of chance, in order, of the quarter-hour that begins at ``start``.

    They are the same for the same seed.
    """
    chance = random.Random(f"{seed} {start.isoformat()}")
    times = sorted(chance.randrange(_QUARTER_HOUR_MS) for _ in range(count))
    return [_event(chance, start + timedelta(milliseconds=at_ms)) for at_ms in times]


def _event(chance: random.Random, at: datetime) -> JsonEvent:
    return {
        "id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "source": "gateway-1",
        "type": "completion",
        "subject": ORGANIZATION,
        "time": format_instant(at),
        "data": {
            "model": chance.choice(MODELS),
            "kind": chance.choice(KINDS),
            "tokens": chance.randrange(1, 4000),
            "ms": chance.randrange(20, 9000),
            "gb": chance.randrange(1, 500),
        },
    }


def json_lines(of: Sequence[JsonEvent]) -> list[bytes]:
    """Write events as JSON lines."""
    return [json.dumps(one).encode() for one in of]


def body_of(batch: Sequence[JsonEvent]) -> bytes:
    """Write the body of one request."""
    return json.dumps(batch).encode()


def send_body(body: bytes, now: datetime) -> int:
    """Send a request, from its bytes to its acknowledgement."""
    return ingest(open_request(_HEADERS, body), Delivery(now=now, is_backfill=True)).accepted


def send(batch: Sequence[JsonEvent], now: datetime) -> int:
    """Send a batch as the body of one request."""
    return send_body(body_of(batch), now)


def batches(of: Sequence[JsonEvent], size: int) -> Iterator[Sequence[JsonEvent]]:
    """Cut events into requests."""
    for at in range(0, len(of), size):
        yield of[at : at + size]


def read_events(body: bytes) -> Sequence[Event]:
    """Read and check the events of a request as ingest does, from its bytes."""
    latest_at = NOON + timedelta(days=3)
    terms = Terms(earliest_at=BEGIN - timedelta(days=1), latest_at=latest_at, organizations={ORGANIZATION})
    checked = check(open_request(_HEADERS, body), terms)
    assert not checked.rejected
    return checked.events


def pack_one(of: Sequence[JsonEvent]) -> Segment:
    """Pack events of one quarter-hour as ingest packs them."""
    read = read_events(body_of(of))
    return Segment("0", SegmentKind.EVENTS, read[0].quarter_hour, 0, pack(read))


Definition = tuple[str, Aggregation, str | None, tuple[Dimension, ...]]
_BY_MODEL = (Dimension("model", ("model",)),)
_BY_BOTH = (*_BY_MODEL, Dimension("kind", ("kind",)))
# Ten meters: what they aggregate, of what, kept apart by what (10 or 20 groups).
_METERS: tuple[Definition, ...] = (
    ("calls", Aggregation.COUNT, None, _BY_BOTH),
    ("tokens", Aggregation.SUM, "tokens", _BY_BOTH),
    ("busy_ms", Aggregation.SUM, "ms", _BY_MODEL),
    ("slowest_ms", Aggregation.MAX, "ms", _BY_MODEL),
    ("fastest_ms", Aggregation.MIN, "ms", _BY_MODEL),
    ("mean_ms", Aggregation.AVERAGE, "ms", _BY_MODEL),
    ("kinds", Aggregation.UNIQUE_COUNT, "kind", _BY_MODEL),
    ("last_gb", Aggregation.LATEST, "gb", _BY_MODEL),
    ("storage_gb_hours", Aggregation.TIME_WEIGHTED, "gb", _BY_MODEL),
    ("chats", Aggregation.COUNT, None, ()),
)
METER_KEYS = tuple(definition[0] for definition in _METERS)


def create_organization(organization: str = ORGANIZATION) -> None:
    """Create the organization that all events are for, or another one."""
    made = Organization(id=organization, name="Acme", currency="USD", timezone="UTC", created_at=BEGIN)
    commit(catalog_service.organization_writes(made))


def create_meters(keys: Sequence[str] = METER_KEYS) -> None:
    """Create some of the ten meters."""
    for definition in _METERS:
        if definition[0] in keys:
            catalog = catalog_service.meter_catalog()
            made = _meter(definition, version=catalog.version + 1)
            commit(catalog_service.definition_writes(made, catalog, is_new=True))


def _meter(definition: Definition, *, version: int) -> Meter:
    key, aggregation, value, dimensions = definition
    return Meter(
        key=key,
        name=key,
        event_type="completion",
        aggregation=aggregation,
        value=None if value is None else (value,),
        dimensions=dimensions,
        filters=(),
        unit=None,
        strict=False,
        count_from=BEGIN,
        archived_at=None,
        version=version,
        counted=True,
        created_at=BEGIN,
    )
