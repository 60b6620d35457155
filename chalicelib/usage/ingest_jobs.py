"""Events that come without HTTP: messages of the queue ``usage-events`` and direct invocation."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.platform import logging
from chalicelib.platform.direct import read_value
from chalicelib.platform.entries import entry
from chalicelib.platform.metrics import Metric
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import Busy, DomainError, Fault, InvalidInput, Malformed, TooLarge
from chalicelib.usage.envelope import MAX_EVENTS, Envelope, open_message, show_rejected
from chalicelib.usage.event_checks import Unreadable
from chalicelib.usage.ingest import Delivery, ingest, ingest_messages

Outcome = DomainError | None


@entry("receive_events")
def receive_events(event: Any) -> dict[str, Any]:
    """Store the events of a batch of messages; answers which messages failed, so that only those come again.

    A message is one event, a list, or ``{"events": […]}``, and is taken whole or not at all.
    """
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType

    records: list[dict[str, Any]] = event.to_dict()["Records"]
    outcomes = _outcomes(records)
    batch = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    with batch(records=records, handler=lambda record: _raise_refusal(outcomes[record.message_id])):
        batch.process()
    return dict(batch.response())


def _raise_refusal(outcome: Outcome) -> None:
    if outcome is not None:
        raise outcome


def _outcomes(records: Sequence[Mapping[str, Any]]) -> dict[str, Outcome]:
    """Tell for each message why it failed, or ``None`` when its events are stored."""
    opened = {str(record["messageId"]): _open(str(record["body"])) for record in records}
    envelopes = {name: one for name, one in opened.items() if isinstance(one, Envelope)}
    outcomes: dict[str, Outcome] = {name: one for name, one in opened.items() if not isinstance(one, Envelope)}
    outcomes |= _ingest(envelopes)
    codes = Counter(outcome.code for outcome in outcomes.values() if outcome is not None)
    logging.note(records=len(outcomes), failed=codes.total(), codes=dict(codes) or None)
    return outcomes


def _open(text: str) -> Envelope | InvalidInput:
    try:
        return open_message(text)
    except InvalidInput as refusal:
        return refusal


def _ingest(envelopes: Mapping[str, Envelope]) -> dict[str, Outcome]:
    if not envelopes:
        return {}
    try:
        return dict(zip(envelopes, ingest_messages(list(envelopes.values()), clock.now()), strict=True))
    except Busy as busy:
        logging.count(Metric.BUSY)
        return dict.fromkeys(envelopes, busy)


@entry("ingest_events")
def ingest_events(payload: Any, context: Any) -> dict[str, Any]:
    """Store events by direct invocation, guarded by IAM: ``{"events": […]}``; the valid ones are stored.

    Answers how many, and what is wrong with the others. Raises only for a payload that is no list of events, or when
    the storage is busy: then the invocation fails and may be repeated.
    """
    del context
    receipt = ingest(_open_payload(payload), Delivery(now=clock.now(), is_partial=True))
    return {"accepted": receipt.accepted, "rejected": show_rejected(receipt.rejected)}


def _open_payload(payload: Any) -> Envelope:
    """Find the events of a payload that Lambda has parsed; each is read strictly by itself."""
    events = payload.get("events") if isinstance(payload, dict) and len(payload) == 1 else None
    if not isinstance(events, list):
        raise InvalidInput("The payload holds no events.", [Fault("", 'must be {"events": […]}')])
    if len(events) > MAX_EVENTS:
        raise TooLarge(f"The payload has {len(events)} events; at most {MAX_EVENTS} are accepted.")
    return Envelope([_read(event) for event in events], "/events")


def _read(event: Any) -> Any:
    try:
        return read_value(event)
    except Malformed as refusal:
        return Unreadable(refusal.detail)
