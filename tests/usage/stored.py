"""Usage in real tables: organizations, meters and events stored as requests would store them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from chalicelib.catalog import service
from chalicelib.catalog.meters import Meter, MeterCatalog
from chalicelib.catalog.organizations import Organization
from chalicelib.platform.writes import commit
from chalicelib.shared.clock import clock
from chalicelib.shared.ids import sort_ids
from chalicelib.shared.numbers import show_decimal
from chalicelib.shared.time import QuarterHour, parse_instant, zone_of
from chalicelib.usage import store
from chalicelib.usage.breakdown import Grouping
from chalicelib.usage.events import Event
from chalicelib.usage.query import UsageQuestion, measure_usage
from chalicelib.usage.ranges import Range, Window
from chalicelib.usage.reader import CountersReader
from chalicelib.usage.rollup import RollupReport, roll_up
from chalicelib.usage.segments import SegmentKind, pack

LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


def add_organization(organization: str = "acme", timezone: str = "UTC") -> Organization:
    """Store an organization."""
    made = Organization(id=organization, name=organization, currency="USD", timezone=timezone, created_at=LONG_AGO)
    commit(service.organization_writes(made))
    return made


def add_meter(meter: Meter, *, counted: bool = True) -> Meter:
    """Store a meter; unless told otherwise as one that has nothing to catch up with."""
    catalog = service.meter_catalog()
    made = replace(meter, version=catalog.version + 1, counted=counted)
    commit(service.definition_writes(made, catalog, is_new=True))
    return made


def send(*events: Event, now: str = "2026-01-15T12:00:00Z", organization: str = "acme") -> None:
    """Store events as one request does: a segment for each quarter-hour, then the marks."""
    groups: dict[QuarterHour, list[Event]] = {}
    for event in events:
        groups.setdefault(event.quarter_hour, []).append(event)
    append(groups, SegmentKind.EVENTS, now=now, organization=organization)
    store.put_marks((organization, quarter_hour) for quarter_hour in groups)


def append(groups: dict[QuarterHour, list[Event]], kind: SegmentKind, *, now: str, organization: str = "acme") -> None:
    """Store segments without marking anything."""
    store.put_segments(
        [
            store.NewSegment(
                organization=organization,
                quarter_hour=quarter_hour,
                kind=kind,
                packed=pack(events),
                received_at=parse_instant(now),
                sort_id=sort_ids.next(clock.real_ns()),
            )
            for quarter_hour, events in groups.items()
        ]
    )


def roll(now: str) -> RollupReport:
    """Run the rollup at an instant."""
    return roll_up(lambda: parse_instant(now), has_time=lambda: True)


def reader(now: str, organization: str = "acme") -> CountersReader:
    """Open a reader as a request at an instant would."""
    found, catalog = service.organization_and_meters(organization)
    return CountersReader(found, catalog, parse_instant(now))


def total(
    meter: str,
    start: str,
    end: str,
    *,
    now: str,
    window: Window = Window.DAY,
    filters: dict[str, frozenset[str]] | None = None,
) -> str:
    """Ask for a total over a range in the organization's time zone."""
    return ask(meter, start, end, now=now, window=window, grouping=Grouping(filters=filters or {}))[0]


def ask(
    meter: str,
    start: str,
    end: str,
    *,
    now: str,
    window: Window = Window.DAY,
    grouping: Grouping | None = None,
    zone: str | None = None,
) -> tuple[str, list[str]]:
    """Ask for a total and the quantities of the windows."""
    opened = reader(now)
    whole = Range(_quarter_hour(start), _quarter_hour(end))
    question = UsageQuestion(
        whole=whole,
        window=window,
        zone=zone_of(zone) if zone else opened.zone,
        meters=(meter,),
        grouping=grouping or Grouping(),
    )
    breakdown = measure_usage(opened, question)[0].breakdown
    return show_decimal(breakdown.total), [show_decimal(one.quantity) for one in breakdown.windows]


def _quarter_hour(text: str) -> QuarterHour:
    return int(parse_instant(text).timestamp()) // 900


def marks(organization: str = "acme") -> Sequence[QuarterHour]:
    """List the dirty quarter-hours."""
    return [mark.quarter_hour for mark in store.list_marks(organization)]


def catalog_now() -> MeterCatalog:
    """Read the meters."""
    return service.meter_catalog()
