"""Counting past events: after a meter was created, the stored quarter-hours are folded again with it.

The job walks all organizations and, for each, the quarter-hours that are stored with older definitions. It keeps its
place in the catalog and can be stopped and resumed anywhere; what it has done is visible in the counters themselves, so
doing it again changes nothing. Quarter-hours without stored counters need nothing: they are dirty, and whoever folds
them knows the meter. When every organization is done, the meters that existed when the pass began are counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.meters import MeterCatalog, MeterStatus
from chalicelib.catalog.organizations import Organization
from chalicelib.shared.time import QuarterHour, ceil_quarter_hour, days_between, local_day_of, quarter_hour_of, zone_of
from chalicelib.usage import counters_store
from chalicelib.usage.counters import CODE_VERSION, Counters, definitions_number
from chalicelib.usage.counters_store import Kind, day_stretch
from chalicelib.usage.ranges import Range, day_of, day_range, days_range
from chalicelib.usage.rollup import roll_up_day, store_day
from chalicelib.usage.store import RETENTION

_ORGANIZATIONS_AT_ONCE = 100
_DAYS_AT_ONCE = 7


@dataclass(frozen=True, slots=True)
class CountingPlace:
    """Where a pass is: the version it brings the counters to, and the organization and day to go on with."""

    target_version: int
    after: str | None = None
    organization: str | None = None
    day: date | None = None


def is_due(catalog: MeterCatalog) -> bool:
    """Tell whether a meter still has to count stored events."""
    return any(meter.status is MeterStatus.COUNTING for meter in catalog.meters.values())
