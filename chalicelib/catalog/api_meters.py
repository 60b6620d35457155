"""Meters over HTTP."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.catalog import service, subscription_service
from chalicelib.catalog.meters import Dimension, Filter, Meter, format_path, parse_path
from chalicelib.catalog.models import MeterAnswer, MeterChange, MeterList, NewMeter
from chalicelib.catalog.records import MAX_METER_BYTES, write_meter
from chalicelib.platform.http import ADMIN, INGEST, READ, Answer, Effect, ListQuery, Request, Routes
from chalicelib.platform.together import together
from chalicelib.shared.errors import AlreadyExists, Conflict, Fault, InvalidInput, NotFound, TooLarge
from chalicelib.shared.time import EPOCH, format_instant

routes = Routes("catalog")

# Where a meter counts from that says nothing: older than any event that can be stored, wherever the clock is set.
EVERYTHING = EPOCH


@routes.post(
    "/v1/meters",
    roles={ADMIN},
    body=NewMeter,
    answers={201: MeterAnswer, 200: MeterAnswer},
    problems=("already-exists", "conflict"),
)
def create_meter(request: Request) -> Effect:
    """Create a meter. It counts the events already stored too, from ``count_from`` on, and says when it is done."""
    body: NewMeter = request.body
    catalog = service.meter_catalog()
    existing = catalog.meters.get(body.key)
    if existing is not None:
        if _definition(existing) != _definition(_new(body, request.now, count_from=existing.count_from)):
            raise AlreadyExists(f"There is a meter {body.key} with another definition.")
        return Effect(Answer(show(existing)))
    if len(catalog.meters) >= service.MAX_METERS:
        raise Conflict(f"There are {service.MAX_METERS} meters, which is the most.")
    _refuse_start(body.count_from, request.now)
    # Without organizations there are no events to count, and the first organization changes the edition.
    created = replace(
        _new(body, request.now, count_from=EVERYTHING),
        version=catalog.version + 1,
        counted=not service.list_organization_ids(after=None, limit=1),
    )
    _refuse_size(created)
    return Effect(Answer(show(created), 201), service.definition_writes(created, catalog, is_new=True))


def _refuse_size(meter: Meter) -> None:
    size = len(write_meter(meter).encode())
    if size > MAX_METER_BYTES:
        raise TooLarge(f"The definition has {size} bytes; at most {MAX_METER_BYTES} are accepted.")


def _refuse_start(count_from: datetime | None, now: datetime) -> None:
    if count_from is not None and count_from > now:
        raise InvalidInput("A meter counts what is stored.", [Fault("/count_from", "must not lie ahead")])


def _new(body: NewMeter, now: datetime, *, count_from: datetime) -> Meter:
    """Make the meter of a request; ``count_from`` is its start where it says none."""
    return Meter(
        key=body.key,
        name=body.name,
        event_type=body.event_type,
        aggregation=body.aggregation,
        value=None if body.value is None else parse_path(body.value),
        dimensions=tuple(Dimension(name, parse_path(path)) for name, path in sorted(body.dimensions.items())),
        filters=tuple(_filter(name, values, body) for name, values in sorted(body.filter.items())),
        unit=body.unit,
        strict=body.strict,
        count_from=count_from if body.count_from is None else body.count_from,
        archived_at=None,
        version=0,
        counted=False,
        created_at=now,
    )


def _filter(name: str, values: list[str], body: NewMeter) -> Filter:
    """Make a condition on a dimension by its name, or on a path into the data."""
    return Filter(name, parse_path(body.dimensions.get(name, name)), frozenset(values))


def _definition(meter: Meter) -> Meter:
    """Leave out what a request does not say."""
    return replace(meter, archived_at=None, version=0, counted=False, created_at=meter.count_from)


def show(meter: Meter) -> dict[str, Any]:
    """Show a meter as JSON."""
    return {
        "key": meter.key,
        "name": meter.name,
        "event_type": meter.event_type,
        "aggregation": meter.aggregation.value,
        "value": None if meter.value is None else format_path(meter.value),
        "dimensions": {one.name: format_path(one.path) for one in meter.dimensions},
        "filter": {one.name: sorted(one.values) for one in meter.filters},
        "unit": meter.unit,
        "strict": meter.strict,
        "status": meter.status.value,
        "count_from": format_instant(meter.count_from),
        "counting_from": format_instant(meter.count_from),
        "created_at": format_instant(meter.created_at),
        "archived_at": None if meter.archived_at is None else format_instant(meter.archived_at),
        "version": meter.version,
    }


@routes.get("/v1/meters", roles={READ, INGEST}, scope="any", query=ListQuery, answers={200: MeterList})
def list_meters(request: Request) -> Answer:
    """List the meters by key; to an organization's own reading callers those that its plans price."""
    after = request.position() or ""
    rest = [meter for key, meter in sorted(_visible_meters(request).items()) if key > after]
    shown, limit = rest[: request.query.limit], request.query.limit
    return request.list_answer([show(meter) for meter in shown], shown[-1].key if len(rest) > limit else None)


@routes.get(
    "/v1/meters/{meter}", roles={READ, INGEST}, scope="any", answers={200: MeterAnswer}, problems=("not-found",)
)
def get_meter(request: Request) -> Answer:
    """Show a meter."""
    return Answer(show(_get(_visible_meters(request), request.path["meter"])))


def _visible_meters(request: Request) -> Mapping[str, Meter]:
    """Give the meters that a caller may see: who sends events needs all of them, who pays sees those with a price."""
    organization = request.caller.organization
    if organization is None or request.caller.has(INGEST):
        return service.meter_catalog().meters
    catalog, subscriptions = together(
        service.meter_catalog, lambda: subscription_service.read_subscriptions(organization)
    )
    billable = subscription_service.billable_meters(subscriptions)
    return {key: meter for key, meter in catalog.meters.items() if key in billable}


def _get(meters: Mapping[str, Meter], key: str) -> Meter:
    if key not in meters:
        raise NotFound("There is no such meter.")
    return meters[key]


@routes.patch(
    "/v1/meters/{meter}", roles={ADMIN}, body=MeterChange, answers={200: MeterAnswer}, problems=("not-found",)
)
def change_meter(request: Request) -> Effect:
    """Change a meter's name or unit; its definition never changes."""
    catalog = service.meter_catalog()
    meter = _get(catalog.meters, request.path["meter"])
    sent = {name: getattr(request.body, name) for name in request.body.model_fields_set}
    changed = replace(meter, **sent)
    return Effect(Answer(show(changed)), service.label_writes(changed, catalog))


@routes.post("/v1/meters/{meter}/archive", roles={ADMIN}, answers={200: MeterAnswer}, problems=("not-found",))
def archive_meter(request: Request) -> Effect:
    """End a meter: events from now on are not counted, those before still are."""
    catalog = service.meter_catalog()
    meter = _get(catalog.meters, request.path["meter"])
    if meter.archived_at is not None:
        return Effect(Answer(show(meter)))
    archived = replace(meter, archived_at=request.now, version=catalog.version + 1)
    return Effect(Answer(show(archived)), service.definition_writes(archived, catalog, is_new=False))
