"""Corrections: takes events back and replaces their data, by records that stand beside the events.

A record is a segment of one row with a sort id above all that was read, so the fold applies it after them. The dirty
mark is written after the record, and written again when the record is already there: repeating is safe.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog import subscription_service
from chalicelib.catalog.meters import MeterCatalog
from chalicelib.platform.together import together
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import EventVoided, Fault, InvalidInput, NotFound
from chalicelib.shared.ids import sort_ids
from chalicelib.shared.strict_json import canonical
from chalicelib.shared.time import quarter_hour_of
from chalicelib.shared.values import dataclass
from chalicelib.usage import closed_periods, expiry, store
from chalicelib.usage.event_checks import MAX_EVENT_BYTES, is_larger_than, refusals, strict_meters_of
from chalicelib.usage.events import Event, Identity
from chalicelib.usage.fold import Resolved, resolve
from chalicelib.usage.segments import Segment, SegmentKind, pack
from chalicelib.usage.store import NewSegment


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which event is meant: ``time`` names its quarter-hour. ``reason`` is kept with the record."""

    organization: str
    source: str
    id: str
    time: datetime
    reason: str

    @property
    def identity(self) -> Identity:
        """Give what the event is found by within its quarter-hour."""
        return (self.source, self.id)


@dataclass(frozen=True, slots=True)
class _Found:
    """The first received event of an identity, and all else of its quarter-hour."""

    event: Event
    resolved: Resolved

    @property
    def segments(self) -> Sequence[Segment]:
        return self.resolved.segments

    @property
    def is_voided(self) -> bool:
        return self.event.identity in self.resolved.voided_by

    def amended_data(self) -> Mapping[str, Any] | None:
        """Give the data of the amend that holds, if there is one."""
        place = self.resolved.amended_by.get(self.event.identity)
        return None if place is None else self.segments[place[0]].event(place[1], self.event.organization).data


def void_event(target: Target, now: datetime) -> Event:
    """Take an event back for good; answers the event as it was first received.

    Raises ``NotFound`` when there is no such event in the quarter-hour, ``InvalidInput`` when it is too old or has been
    billed for good.
    """
    catalog_service.get_organization(target.organization)
    found = _find(target, now)
    if not found.is_voided:
        _append(found, SegmentKind.VOID, replace(found.event, data={}), _Note(target.reason, now))
    _mark(found.event, now)
    return found.event


def amend_event(target: Target, data: Mapping[str, Any], now: datetime) -> Event:
    """Replace the data of an event; the last amend holds. Answers the event with its new data.

    Raises what ``void_event`` raises, ``EventVoided``, and ``InvalidInput`` for data that ingest would refuse.
    """
    _, catalog = catalog_service.organization_and_meters(target.organization)
    found = _find(target, now)
    if found.is_voided:
        raise EventVoided("The event is voided: it stays so, and cannot be amended.")
    amended = replace(found.event, data=data)
    before = found.amended_data()
    if before is None or canonical(before) != canonical(data):
        _refuse_faults(amended, catalog)
        _append(found, SegmentKind.AMEND, amended, _Note(target.reason, now))
    _mark(amended, now)
    return amended


def _find(target: Target, now: datetime) -> _Found:
    quarter_hour = quarter_hour_of(target.time)
    segments, subscriptions = together(
        lambda: store.read_partition(target.organization, quarter_hour),
        lambda: subscription_service.read_subscriptions(target.organization),
    )
    if expiry.is_partition_closed((target.organization, quarter_hour), segments, now):
        raise InvalidInput("The event is too old.", [Fault("/time", "lies where events have expired already")])
    closed_periods.refuse_settled(subscriptions, quarter_hour, now)
    resolved = resolve(segments)
    place = resolved.first.get(target.identity)
    if place is None:
        raise NotFound("There is no event with this source and id in the quarter-hour of this time.")
    return _Found(segments[place[0]].event(place[1], target.organization), resolved)


def _refuse_faults(event: Event, catalog: MeterCatalog) -> None:
    faults = refusals(strict_meters_of(catalog).get(event.type, ()), event)
    if is_larger_than(event.data, MAX_EVENT_BYTES):
        faults.append(Fault("/data", f"must have at most {MAX_EVENT_BYTES} bytes as JSON"))
    if faults:
        raise InvalidInput("The new data cannot be used.", faults)


@dataclass(frozen=True, slots=True)
class _Note:
    """Why and when a record was made."""

    reason: str
    made_at: datetime


def _append(found: _Found, kind: SegmentKind, row: Event, note: _Note) -> None:
    above = found.segments[-1].sort_id
    record = NewSegment(
        organization=row.organization,
        quarter_hour=row.quarter_hour,
        kind=kind,
        packed=pack([replace(row, extensions={})]),
        received_at=note.made_at,
        sort_id=sort_ids.next(clock.real_ns(), above=above),
        reason=note.reason,
    )
    store.put_segments([record])


def _mark(event: Event, now: datetime) -> None:
    store.put_marks([(event.organization, event.quarter_hour)], marked_at=now)
