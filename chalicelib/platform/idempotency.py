"""Idempotency-Key: the first answer to a POST is kept for 24 hours, in the transaction of its effect.

A record lies in the outbox under a hash of caller, route and key. It is written only together with the effect
(condition: no record, or one that has ended), so there is never an effect without its record or a record without its
effect. The domain's clock decides when a record has ended; the table's own expiry only cleans up.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from pynamodb.attributes import BinaryAttribute, NumberAttribute, TTLAttribute, UnicodeAttribute

from chalicelib.platform.answers import Answer
from chalicelib.platform.reads import ItemKey, find, find_many
from chalicelib.platform.tables import BaseModel, table_name
from chalicelib.platform.writes import ATTEMPTS, Effect, Put, Write, run_command
from chalicelib.shared import strict_json
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import DomainError, Fault, IdempotencyMismatch, InFlight
from chalicelib.shared.time import EPOCH, instant_of
from chalicelib.shared.values import dataclass

HEADER = "idempotency-key"
KEPT_S = 24 * 3600
_LONGEST_KEY = 255
_SORT_KEY = "answer"
_PART_BYTES = 300_000


class IdempotencyRecord(BaseModel):
    """The first answer to a request. ``kept_until`` counts seconds since 1970 by the domain's clock.

    An answer too long for one item goes on in ``parts - 1`` items beside it, which are written together with it.
    """

    class Meta:
        """Beside the events to deliver, under partition keys of its own."""

        table_name = table_name("outbox")

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    request_hash = UnicodeAttribute()
    status = NumberAttribute()
    media_type = UnicodeAttribute()
    headers = UnicodeAttribute()
    body = BinaryAttribute(legacy_encoding=False)
    parts = NumberAttribute(null=True)
    kept_until = NumberAttribute()
    expires_at = TTLAttribute()


class AnswerPart(BaseModel):
    """How a long answer goes on."""

    class Meta:
        """Beside the record that it belongs to."""

        table_name = table_name("outbox")

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    body = BinaryAttribute(legacy_encoding=False)
    expires_at = TTLAttribute()


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Which request this is (``pk``) and what it asks for (``request_hash``)."""

    pk: str
    request_hash: str
    now: datetime


def check_key(headers: dict[str, str]) -> list[Fault]:
    """Name the fault of an ``Idempotency-Key`` that is not 1 to 255 visible ASCII characters."""
    key = headers.get(HEADER)
    if key is None or (0 < len(key) <= _LONGEST_KEY and all("!" <= char <= "~" for char in key)):
        return []
    return [Fault(f"/headers/{HEADER}", f"must be 1 to {_LONGEST_KEY} visible ASCII characters")]


def request_key(*, caller: str, route: str, key: str, content: object, now: datetime) -> RequestKey:
    """Identify a request by caller, route (method and path as sent) and key; ``content`` is what must be the same."""
    pk = "idem#" + hashlib.sha256(strict_json.dump([caller, route, key]).encode()).hexdigest()
    return RequestKey(pk, hashlib.sha256(strict_json.canonical(content).encode()).hexdigest(), now)


def run_once(request: RequestKey, decide: Callable[[], Effect], *, attempts: int = ATTEMPTS) -> Answer:
    """Run a command whose first answer is kept; the same request again gets it without running.

    Raises ``IdempotencyMismatch`` when the key came with another body, and ``InFlight`` while the first is at work.
    """
    replay = find_replay(request)
    if replay is not None:
        return replay
    try:
        return run_command(decide, extra=lambda answer: _writes(request, answer), attempts=attempts)
    except DomainError:
        # It may be refused because the same request has just won: then its answer is the answer.
        replay = find_replay(request)
        if replay is None:
            raise
        return replay


def find_replay(request: RequestKey) -> Answer | None:
    """Find the kept answer; raises ``IdempotencyMismatch`` when it was given to another body."""
    record = find(IdempotencyRecord, (request.pk, _SORT_KEY))
    if record is None or record.kept_until <= _seconds(request.now):
        return None
    if record.request_hash != request.request_hash:
        raise IdempotencyMismatch("This idempotency key came with another body before.")
    headers = {**json.loads(record.headers), "Idempotent-Replayed": "true"}
    return Answer(zlib.decompress(_whole_body(record)), int(record.status), headers, record.media_type)


def _whole_body(record: IdempotencyRecord) -> bytes:
    keys = [ItemKey(AnswerPart, (record.pk, _part_key(place))) for place in range(1, int(record.parts or 1))]
    rest = [part.body for part in find_many(keys) if isinstance(part, AnswerPart)] if keys else []
    assert len(rest) == len(keys), "parts are written in the transaction of their record"
    return b"".join([record.body, *rest])


def _part_key(place: int) -> str:
    return f"{_SORT_KEY}#{place}"


def _writes(request: RequestKey, answer: Answer) -> Sequence[Write]:
    body = zlib.compress(_without_secrets(answer))
    first, *rest = [body[at : at + _PART_BYTES] for at in range(0, len(body), _PART_BYTES)]
    now_s = _seconds(request.now)
    expires_at = instant_of(clock.real_ns() // 1000) + timedelta(seconds=KEPT_S)
    record = IdempotencyRecord(
        request.pk,
        _SORT_KEY,
        request_hash=request.request_hash,
        status=answer.status,
        media_type=answer.media_type,
        headers=strict_json.dump(dict(answer.headers)),
        body=first,
        parts=1 + len(rest) if rest else None,
        kept_until=now_s + KEPT_S,
        expires_at=expires_at,
    )
    at_work = InFlight("A request with this idempotency key is at work.")
    free = IdempotencyRecord.pk.does_not_exist() | (IdempotencyRecord.kept_until <= now_s)
    parts = [
        Put(item=AnswerPart(request.pk, _part_key(place), body=part, expires_at=expires_at))
        for place, part in enumerate(rest, start=1)
    ]
    return [Put(item=record, condition=free, refusal=at_work, conflict=at_work), *parts]


def _without_secrets(answer: Answer) -> bytes:
    if not answer.secrets:
        return answer.content()
    value = {**answer.json_value(), **dict.fromkeys(answer.secrets)}
    return strict_json.dump(value).encode()


def _seconds(now: datetime) -> int:
    return (now - EPOCH) // timedelta(seconds=1)

