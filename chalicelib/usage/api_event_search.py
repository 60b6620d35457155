"""Events that were received, over HTTP: each with what became of it, and how many of each kind by day."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from chalicelib.catalog.meters import Meter
from chalicelib.platform.auth import require_organization
from chalicelib.platform.http import READ, Answer, Request, Routes
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import Fault, InvalidInput, RangeTooLarge
from chalicelib.shared.retention import EARLIEST
from chalicelib.shared.time import (
    ONE_DAY,
    ceil_quarter_hour,
    format_instant,
    instant_of,
    local_day_start,
    microseconds,
    quarter_hour_of,
)
from chalicelib.usage.api_usage import DEFAULT_DAYS, RequestedBounds, requested_range
from chalicelib.usage.billed import BilledOn, LineScope
from chalicelib.usage.billed_events import billed_on, get_scopes
from chalicelib.usage.counters import HEALTH_FIELDS
from chalicelib.usage.event_checks import MAX_AHEAD
from chalicelib.usage.event_listing import ListedEvent, Position, Wanted
from chalicelib.usage.event_models import EventList, EventQuery, IngestionAnswer, IngestionQuery
from chalicelib.usage.events import EventState
from chalicelib.usage.health import Days, IngestionHealth, WideMeter, ingestion_health
from chalicelib.usage.query import used_meters
from chalicelib.usage.query_models import Bound
from chalicelib.usage.ranges import QUARTER_HOURS_PER_DAY, Range, day_of
from chalicelib.usage.reader import CountersReader
from chalicelib.usage.search import Bookmark, EventSearch, search_events
from chalicelib.usage.visibility import Visibility, open_visible

DEFAULT_AGE = timedelta(days=7)
_MAX_DAYS = 1_100
_MICRO = timedelta(microseconds=1)

routes = Routes("usage")


@routes.get(
    "/v1/organizations/{org}/events",
    roles={READ},
    query=EventQuery,
    answers={200: EventList},
    problems=("history-limit", "not-found"),
)
def list_events(request: Request) -> Answer:
    """List events that were received, newest first, each with what became of it. A page may be short or empty."""
    query: EventQuery = request.query
    is_bound = request.caller.organization is not None
    reader, visibility = open_visible(request.path["org"], is_bound=is_bound, now=request.now)
    wanted = _wanted(query, reader, visibility)
    visibility.refuse_beyond(_quarter_hours(wanted), reader)
    search = EventSearch(
        organization=reader.organization.id,
        wanted=wanted,
        limit=query.limit,
        bookmark=_bookmark(request.position()),
    )
    page = search_events(search, reader.catalog)
    places = billed_on(reader.organization.id, page.events, reader.now)
    shown = [_show_event(one, place) for one, place in zip(page.events, places, strict=True)]
    return request.list_answer(shown, _position(page.bookmark))


def _wanted(query: EventQuery, reader: CountersReader, visibility: Visibility) -> Wanted:
    if query.line is not None and query.invoice is None:
        raise InvalidInput("A line belongs to an invoice.", [Fault("/query/line", "needs the parameter invoice")])
    scopes = None
    if query.invoice is not None:
        scopes = get_scopes(reader.organization.id, invoice=query.invoice, line=query.line, now=reader.now)
    start, end = _bounds(query, reader, visibility, scopes)
    return Wanted(
        start=microseconds(start),
        end=microseconds(end),
        type=query.type,
        source=query.source,
        id=query.id,
        meter=_meter(query, reader, visibility),
        dimensions={name: frozenset(values) for name, values in query.filter.items()},
        scopes=scopes,
    )


def _bounds(
    query: EventQuery, reader: CountersReader, visibility: Visibility, scopes: Sequence[LineScope] | None
) -> tuple[datetime, datetime]:
    """Work out the exact range; the default is what an invoice bills, else seven days and what is accepted ahead.

    What lies where no event can be is cut off: before the earliest, and after the latest by either clock.
    """
    billed = [one for scope in scopes or () for one in scope.ranges]
    end = reader.now + MAX_AHEAD + _MICRO
    if query.to is not None:
        end = _instant(query.to, reader)
    elif billed:
        end = min(end, max(one.end_at for one in billed))
    if query.from_ is not None:
        start = _instant(query.from_, reader)
    elif billed:
        start = min(one.start_at for one in billed)
    else:
        start = visibility.clipped(min(end, reader.now) - DEFAULT_AGE, reader, end_at=end)
    if start >= end:
        fault = Fault("/query/to", f"must lie after from, which is {format_instant(start)}")
        raise InvalidInput("The range is empty.", [fault])
    latest = max(reader.now, instant_of(clock.real_ns() // 1000)) + MAX_AHEAD + 2 * _MICRO
    end = min(end, latest)
    return max(min(start, end - _MICRO), EARLIEST - _MICRO), max(end, EARLIEST)


def _instant(bound: Bound, reader: CountersReader) -> datetime:
    return bound if isinstance(bound, datetime) else local_day_start(bound, reader.zone)


def _quarter_hours(wanted: Wanted) -> Range:
    return Range(quarter_hour_of(instant_of(wanted.start)), ceil_quarter_hour(instant_of(wanted.end)))


def _meter(query: EventQuery, reader: CountersReader, visibility: Visibility) -> Meter | None:
    """Find the meter that was asked for. An organization's own callers know those that it pays for or has used."""
    if query.meter is None:
        if query.filter:
            faults = [Fault(f"/query/filter[{name}]", "needs the parameter meter") for name in query.filter]
            raise InvalidInput("A dimension belongs to a meter.", faults)
        return None
    meter = reader.catalog.meters.get(query.meter)
    if meter is None or not _is_seen(meter, reader, visibility):
        raise InvalidInput("There is no such meter.", [Fault("/query/meter", f"{query.meter} is not a meter")])
    unknown = query.filter.keys() - {one.name for one in meter.dimensions}
    if unknown:
        faults = [
            Fault(f"/query/filter[{name}]", f"{name} is not a dimension of this meter") for name in sorted(unknown)
        ]
        raise InvalidInput("There is no such dimension.", faults)
    return meter


def _is_seen(meter: Meter, reader: CountersReader, visibility: Visibility) -> bool:
    if not visibility.is_bound or meter.key in visibility.billable:
        return True
    start = quarter_hour_of(visibility.history_start(reader.now, reader.zone))
    return meter.key in used_meters(reader, Range(start, ceil_quarter_hour(reader.now + MAX_AHEAD)))


def _bookmark(position: Any) -> Bookmark | None:
    if position is None:
        return None
    before, *below = position
    return Bookmark(before, Position(*below) if below else None)


def _position(bookmark: Bookmark | None) -> list[Any] | None:
    return None if bookmark is None else [bookmark.before, *(bookmark.below or ())]


def _show_event(listed: ListedEvent, billed: BilledOn | None) -> dict[str, Any]:
    event = listed.event
    shown: dict[str, Any] = {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": format_instant(event.time),
        "subject": event.organization,
        "data": dict(event.data),
    }
    if event.extensions:
        shown["extensions"] = dict(event.extensions)
    shown |= {
        "received_at": format_instant(instant_of(listed.received_at_micros)),
        "state": listed.state.value,
        "meters": [{"meter": match.meter.key, "usable": match.usable} for match in listed.meters],
        "billed_on": None if billed is None else {"invoice": billed.invoice, "line": billed.line},
    }
    if listed.state is EventState.AMENDED:
        shown |= {"original_data": dict(listed.original or {}), "amend_reason": listed.reason}
    if listed.state is EventState.VOIDED:
        shown["void_reason"] = listed.reason
    return shown


@routes.get(
    "/v1/ingestion",
    roles={READ},
    scope="any",
    query=IngestionQuery,
    answers={200: IngestionAnswer},
    problems=("not-found", "history-limit"),
)
def read_ingestion(request: Request) -> Answer:
    """Tell, for each local day, how many events were received and what became of them."""
    query: IngestionQuery = request.query
    organization = query.organization or request.caller.organization
    if organization is None:
        raise InvalidInput("The organization is missing.", [Fault("/query/organization", "is required")])
    require_organization(request.caller, organization)
    is_bound = request.caller.organization is not None
    reader, visibility = open_visible(organization, is_bound=is_bound, now=request.now)
    bounds = RequestedBounds(query.from_, query.to, visibility.default_days(DEFAULT_DAYS))
    whole = requested_range(bounds, reader.zone, request.now)
    if whole.end - whole.start > (_MAX_DAYS + 1) * QUARTER_HOURS_PER_DAY:
        fault = Fault("/query/from", f"must lie at most {_MAX_DAYS} days before to")
        raise RangeTooLarge(f"The range has more than {_MAX_DAYS} days.", [fault])
    visibility.refuse_beyond(whole, reader)
    days = Days(day_of(whole.start, reader.zone), day_of(whole.end - 1, reader.zone) + ONE_DAY)
    return Answer(_show_health(ingestion_health(reader.organization, reader.catalog, days, now=request.now)))


def _show_health(health: IngestionHealth) -> dict[str, Any]:
    return {
        "data": [
            {"day": day.isoformat(), **{name: getattr(counted, name) for name in HEALTH_FIELDS}}
            for day, counted in health.days
        ],
        "next_cursor": None,
        "warnings": [_show_wide(one) for one in health.wide_meters],
    }


def _show_wide(wide: WideMeter) -> dict[str, Any]:
    detail = f"{wide.combinations} combinations of dimension values in one day; keep them under 1,000"
    if wide.has_rest:
        detail = f"more than {wide.combinations} combinations of dimension values in one day: the others are one group"
    return {"day": wide.day.isoformat(), "meter": wide.meter, "combinations": wide.combinations, "detail": detail}
