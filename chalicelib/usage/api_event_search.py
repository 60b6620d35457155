"""Events that were received, over HTTP: each with what became of it, and how many of each kind by day."""

from datetime import datetime, timedelta
from typing import Any

from chalicelib.catalog.meters import Meter
from chalicelib.platform.auth import require_organization
from chalicelib.platform.http import READ, Answer, Request, Routes
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import Fault, InvalidInput, NotFound, RangeTooLarge
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
from chalicelib.usage.api_usage import history_start, refuse_beyond_history, requested_range
from chalicelib.usage.counters import HEALTH_FIELDS
from chalicelib.usage.event_checks import MAX_AHEAD
from chalicelib.usage.event_listing import ListedEvent, Position, Wanted
from chalicelib.usage.event_models import EventList, EventQuery, IngestionAnswer, IngestionQuery
from chalicelib.usage.events import EventState
from chalicelib.usage.health import Days, IngestionHealth, WideMeter, ingestion_health
from chalicelib.usage.query import open_reader, used_meters
from chalicelib.usage.query_models import Bound
from chalicelib.usage.ranges import QUARTER_HOURS_PER_DAY, Range, day_of
from chalicelib.usage.reader import CountersReader
from chalicelib.usage.search import Bookmark, EventSearch, search_events

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
    reader = open_reader(request.path["org"], request.now)
    wanted = _wanted(query, reader, is_bound=request.caller.organization is not None)
    if request.caller.organization is not None:
        refuse_beyond_history(_quarter_hours(wanted), reader)
    search = EventSearch(
        organization=reader.organization.id,
        wanted=wanted,
        limit=query.limit,
        bookmark=_bookmark(request.position()),
    )
    page = search_events(search, reader.catalog)
    return request.list_answer([_show_event(one) for one in page.events], _position(page.bookmark))


def _wanted(query: EventQuery, reader: CountersReader, *, is_bound: bool) -> Wanted:
    start, end = _bounds(query, reader)
    if query.line is not None and query.invoice is None:
        raise InvalidInput("A line belongs to an invoice.", [Fault("/query/line", "needs the parameter invoice")])
    if query.invoice is not None:
        raise NotFound("There is no such invoice.")
    return Wanted(
        start=microseconds(start),
        end=microseconds(end),
        type=query.type,
        source=query.source,
        id=query.id,
        meter=_meter(query, reader, is_bound=is_bound),
        dimensions={name: frozenset(values) for name, values in query.filter.items()},
    )


def _bounds(query: EventQuery, reader: CountersReader) -> tuple[datetime, datetime]:
    """Work out the exact range; the default reaches back seven days and ahead as far as events are accepted.

    What lies where no event can be is cut off: before the earliest, and after the latest by either clock.
    """
    end = _instant(query.to, reader) if query.to is not None else reader.now + MAX_AHEAD + _MICRO
    start = _instant(query.from_, reader) if query.from_ is not None else min(end, reader.now) - DEFAULT_AGE
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


def _meter(query: EventQuery, reader: CountersReader, *, is_bound: bool) -> Meter | None:
    """Find the meter that was asked for. An organization's own callers know only those it has used."""
    if query.meter is None:
        if query.filter:
            faults = [Fault(f"/query/filter[{name}]", "needs the parameter meter") for name in query.filter]
            raise InvalidInput("A dimension belongs to a meter.", faults)
        return None
    meter = reader.catalog.meters.get(query.meter)
    if meter is None or (is_bound and meter.key not in _used(reader)):
        raise InvalidInput("There is no such meter.", [Fault("/query/meter", f"{query.meter} is not a meter")])
    unknown = query.filter.keys() - {one.name for one in meter.dimensions}
    if unknown:
        faults = [
            Fault(f"/query/filter[{name}]", f"{name} is not a dimension of this meter") for name in sorted(unknown)
        ]
        raise InvalidInput("There is no such dimension.", faults)
    return meter


def _used(reader: CountersReader) -> set[str]:
    start = quarter_hour_of(history_start(reader.now, reader.zone))
    return used_meters(reader, Range(start, ceil_quarter_hour(reader.now + MAX_AHEAD)))


def _bookmark(position: Any) -> Bookmark | None:
    if position is None:
        return None
    before, *below = position
    return Bookmark(before, Position(*below) if below else None)


def _position(bookmark: Bookmark | None) -> list[Any] | None:
    return None if bookmark is None else [bookmark.before, *(bookmark.below or ())]


def _show_event(listed: ListedEvent) -> dict[str, Any]:
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
        "billed_on": None,
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
    reader = open_reader(organization, request.now)
    whole = requested_range(query.from_, query.to, reader.zone, request.now)
    if whole.end - whole.start > (_MAX_DAYS + 1) * QUARTER_HOURS_PER_DAY:
        fault = Fault("/query/from", f"must lie at most {_MAX_DAYS} days before to")
        raise RangeTooLarge(f"The range has more than {_MAX_DAYS} days.", [fault])
    if request.caller.organization is not None:
        refuse_beyond_history(whole, reader)
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
