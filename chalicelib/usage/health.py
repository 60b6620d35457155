"""The health of ingestion: what became of the events of each local day, and meters that grow too wide."""

from collections.abc import Sequence
from datetime import date, datetime

from chalicelib.catalog.meters import MeterCatalog
from chalicelib.catalog.organizations import Organization
from chalicelib.shared.time import days_between
from chalicelib.shared.values import dataclass
from chalicelib.usage.counters import REST, Counters, Health
from chalicelib.usage.query import day_counters

# A day keeps ten times as many apart, but nobody reads them.
MANY_COMBINATIONS = 1_000


@dataclass(frozen=True, slots=True)
class WideMeter:
    """A meter with very many combinations of dimension values in one day; ``has_rest``: more than are kept apart."""

    day: date
    meter: str
    combinations: int
    has_rest: bool


@dataclass(frozen=True, slots=True)
class IngestionHealth:
    """What became of the events of some days, all of them, in order."""

    days: Sequence[tuple[date, Health]]
    wide_meters: Sequence[WideMeter]


@dataclass(frozen=True, slots=True)
class Days:
    """Local days ``[first, end)``."""

    first: date
    end: date


def ingestion_health(
    organization: Organization, catalog: MeterCatalog, days: Days, *, now: datetime
) -> IngestionHealth:
    """Tell the health of ingestion; every acknowledged event is in it."""
    counted = dict(day_counters(organization, catalog, first=days.first, end=days.end, now=now))
    return IngestionHealth(
        [(day, counted[day].health if day in counted else Health()) for day in days_between(days.first, days.end)],
        [wide for day, counters in counted.items() for wide in _wide_meters(day, counters)],
    )


def _wide_meters(day: date, counters: Counters) -> list[WideMeter]:
    return [
        WideMeter(day, key, len(states) - (REST in states), REST in states)
        for key, states in sorted(counters.meters.items())
        if len(states) > MANY_COMBINATIONS
    ]
