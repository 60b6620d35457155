"""Ingest: judges the events of requests and messages, stores the valid ones, and only then acknowledges.

Segments are written first, then the dirty marks of their quarter-hours, then the caller hears that they were accepted.
A crash in between loses nothing that was acknowledged: a retry adds segments whose events the fold drops. Sort ids rise
with the order inside a request, because of events with one identity the first counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.catalog import service as catalog_service
from chalicelib.platform import logging
from chalicelib.platform.metrics import Metric
from chalicelib.platform.together import together
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import InvalidInput, TooLarge
from chalicelib.shared.ids import sort_ids
from chalicelib.shared.retention import EARLIEST
from chalicelib.shared.time import QuarterHour
from chalicelib.shared.values import dataclass
from chalicelib.usage import expiry, store
from chalicelib.usage.closed_periods import ClosedPeriods
from chalicelib.usage.envelope import Checked, Envelope, Rejected, check
from chalicelib.usage.event_checks import MAX_AHEAD, Terms, strict_meters_of
from chalicelib.usage.events import Event
from chalicelib.usage.segments import SegmentKind, split
from chalicelib.usage.store import NewSegment

MAX_PAIRS = 500
MAX_FAULTS = 1_000
_EXPIRED = "lies where events have expired already: nothing can be added there"

_Pair = tuple[str, QuarterHour]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How events come in: when, for which organization alone (a bound caller's), and what the caller asked for.

    ``is_backfill`` accepts any age but in closed billing periods; ``is_partial`` stores the valid events beside invalid
    ones.
    """

    now: datetime
    organization: str | None = None
    is_backfill: bool = False
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """The acknowledgement: how many events are stored, and which are not."""

    accepted: int
    rejected: Sequence[Rejected] = ()


def ingest(envelope: Envelope, delivery: Delivery) -> Receipt:
    """Store the events of one request.

    Raises ``InvalidInput`` with every fault when an event is invalid, unless the delivery is partial, and ``TooLarge``;
    then nothing is stored. Raises ``Busy`` when some may be stored that nobody acknowledged.
    """
    _refuse_too_many_organizations(envelope)
    with logging.traced("validate"):
        judge = _Judge([envelope], delivery)
        checked = judge.check(envelope)
    logging.count(Metric.REJECTED_EVENTS, len(checked.rejected))
    logging.note(rejected=len(checked.rejected) or None)
    if checked.rejected and not delivery.is_partial:
        _refuse(envelope, checked.rejected)
    judge.store(checked.events)
    return Receipt(len(checked.events), _shortened(checked.rejected))


def ingest_messages(envelopes: Sequence[Envelope], now: datetime) -> list[InvalidInput | None]:
    """Store the events of some messages, each all or nothing; tells for each why it was refused, or ``None``.

    The messages share the reads and the segments, which makes small ones cheap. Raises ``Busy``, and then none of them
    counts as accepted.
    """
    with logging.traced("validate"):
        judge = _Judge(envelopes, Delivery(now=now))
        outcomes = [_judged(judge, envelope) for envelope in envelopes]
    events = [event for outcome in outcomes if isinstance(outcome, Checked) for event in outcome.events]
    judge.store(events)
    return [None if isinstance(outcome, Checked) else outcome for outcome in outcomes]


def _judged(judge: "_Judge", envelope: Envelope) -> Checked | InvalidInput:
    try:
        _refuse_too_many_organizations(envelope)
        checked = judge.check(envelope)
        if checked.rejected:
            logging.count(Metric.REJECTED_EVENTS, len(checked.rejected))
            _refuse(envelope, checked.rejected)
    except InvalidInput as fault:
        return fault
    return checked


class _Judge:
    """Knows what decides about the events of some envelopes: organizations, settings and meters, read at once."""

    def __init__(self, envelopes: Sequence[Envelope], delivery: Delivery) -> None:
        self._now = delivery.now
        named = set().union(*(envelope.subjects() for envelope in envelopes))
        if delivery.organization is not None:
            named &= {delivery.organization}
        settings, catalog, organizations = together(
            catalog_service.get_settings,
            catalog_service.meter_catalog,
            lambda: catalog_service.find_organizations(sorted(named)),
        )
        self._known = frozenset(organizations)
        self._is_backfill = delivery.is_backfill
        self._closed_periods = ClosedPeriods(delivery.now, delivery.is_backfill)
        late_limit = timedelta(days=settings.late_limit_days)
        self._terms = Terms(
            earliest_at=EARLIEST if delivery.is_backfill else delivery.now - late_limit,
            latest_at=delivery.now + MAX_AHEAD,
            organizations=named if settings.create_unknown_organizations else self._known,
            strict_meters=strict_meters_of(catalog),
        )

    def check(self, envelope: Envelope) -> Checked:
        """Judge the events of one envelope; raises ``TooLarge`` when they are spread too widely."""
        checked = check(envelope, self._terms)
        pairs = _pairs_of(checked)
        if len(pairs) > MAX_PAIRS:
            raise TooLarge(
                f"The events fall into {len(pairs)} pairs of organization and quarter-hour; "
                f"at most {MAX_PAIRS} are accepted at once."
            )
        refused = self._refused(pairs)
        # Where some quarter-hours take no more events, the same ones are judged again by that.
        return check(envelope, replace(self._terms, refused=refused)) if refused else checked

    def _refused(self, pairs: set[_Pair]) -> dict[_Pair, str]:
        """Tell which quarter-hours take no more events, and why: most requests have none to ask about."""
        refused = self._closed_periods.refusals(pairs)
        # Only history can be that old.
        expired = expiry.closed_pairs(pairs, self._now) if self._is_backfill else set()
        return {**refused, **dict.fromkeys(expired, _EXPIRED)}

    def store(self, events: Sequence[Event]) -> None:
        """Store events that were judged valid, after the organizations that are not there yet."""
        unknown = dict.fromkeys(event.organization for event in events if event.organization not in self._known)
        if unknown:
            catalog_service.create_unknown(list(unknown), self._now)
        pairs = _by_pair(events)
        with logging.traced("store segments"):
            store.put_segments([segment for pair in pairs.items() for segment in _segments(*pair, self._now)])
        with logging.traced("mark"):
            store.put_marks(pairs, marked_at=self._now)
        logging.count(Metric.ACCEPTED_EVENTS, len(events))
        logging.note(accepted=len(events))


def _pairs_of(checked: Checked) -> set[_Pair]:
    return {(event.organization, event.quarter_hour) for event in checked.events}


def _by_pair(events: Iterable[Event]) -> dict[_Pair, list[Event]]:
    pairs: dict[_Pair, list[Event]] = {}
    for event in events:
        pairs.setdefault((event.organization, event.quarter_hour), []).append(event)
    return pairs


def _segments(pair: _Pair, events: Sequence[Event], now: datetime) -> list[NewSegment]:
    organization, quarter_hour = pair
    return [
        NewSegment(
            organization=organization,
            quarter_hour=quarter_hour,
            kind=SegmentKind.EVENTS,
            packed=packed,
            received_at=now,
            sort_id=sort_ids.next(clock.real_ns()),
        )
        for _, packed in split(events)
    ]


def _refuse_too_many_organizations(envelope: Envelope) -> None:
    """Refuse before reading them: each organization is at least one pair."""
    if len(envelope.subjects()) > MAX_PAIRS:
        raise TooLarge(f"The events are for more than {MAX_PAIRS} organizations, the most that are accepted at once.")


def _refuse(envelope: Envelope, rejected: Sequence[Rejected]) -> None:
    faults = [fault for one in rejected for fault in one.faults]
    detail = f"{len(rejected)} of {len(envelope.events)} events are invalid; nothing was stored."
    if len(faults) > MAX_FAULTS:
        detail += f" The first {MAX_FAULTS} of {len(faults)} faults are listed."
    raise InvalidInput(detail, faults[:MAX_FAULTS])


def _shortened(rejected: Sequence[Rejected]) -> list[Rejected]:
    """Name every rejected event; once very many faults are listed, only the first one of each further event."""
    listed = 0
    shortened = []
    for one in rejected:
        faults = one.faults if listed < MAX_FAULTS else one.faults[:1]
        listed += len(faults)
        shortened.append(Rejected(one.index, faults))
    return shortened
