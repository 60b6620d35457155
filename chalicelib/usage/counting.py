"""Counting past events: after a meter was created, the stored quarter-hours are folded again with it.

The job walks all organizations and, for each, the quarter-hours that are stored with older definitions. It keeps its
place in the catalog and can be stopped and resumed anywhere; what it has done is visible in the counters themselves, so
doing it again changes nothing. Quarter-hours without stored counters need nothing: they are dirty, and whoever folds
them knows the meter. When every organization is done, the meters that existed when the pass began are counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.meters import MeterCatalog
from chalicelib.catalog.organizations import Organization
from chalicelib.catalog.service import CountingPlace
from chalicelib.shared.errors import Busy
from chalicelib.shared.time import QuarterHour, days_between, local_day_of, zone_of
from chalicelib.shared.values import dataclass
from chalicelib.usage import counters_store
from chalicelib.usage.counters import Counters, definitions_number
from chalicelib.usage.counters_store import Kind
from chalicelib.usage.expiry import is_closed
from chalicelib.usage.ranges import day_of, day_range, days_range
from chalicelib.usage.rollup import TellNow, note_stored, roll_up_day, store_day

_ORGANIZATIONS_AT_ONCE = 100
_DAYS_AT_ONCE = 7
_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class CountingReport:
    """What a run did: days brought up to date, and whether the pass is finished."""

    days: int = 0
    finished: bool = True


def is_due(catalog: MeterCatalog) -> bool:
    """Tell whether a meter still has to count stored events."""
    return any(not meter.counted for meter in catalog.meters.values())


def count_past_events(tell_now: TellNow, *, has_time: Callable[[], bool]) -> CountingReport:
    """Go on with counting stored events for new meters until it is done or the time is up."""
    catalog = catalog_service.meter_catalog()
    if not is_due(catalog):
        return CountingReport()
    place = catalog_service.find_counting_place() or CountingPlace(target_version=catalog.version)
    days = 0
    while True:
        organizations = catalog_service.list_organization_ids(after=place.after, limit=_ORGANIZATIONS_AT_ONCE)
        if not organizations:
            catalog_service.finish_counting(place.target_version)
            return CountingReport(days)
        for organization_id in organizations:
            run = _OrganizationRun(catalog_service.get_organization(organization_id), place, catalog, tell_now)
            done, place = run.count(has_time)
            days += done
            if place.day is not None or not has_time():
                return CountingReport(days, finished=False)


@dataclass(frozen=True, slots=True)
class _OrganizationRun:
    """One organization's part of a pass."""

    organization: Organization
    place: CountingPlace
    catalog: MeterCatalog
    tell_now: TellNow

    def first_day(self, zone: ZoneInfo) -> date:
        """Name the day on which the first meter that is still counting begins."""
        return min(local_day_of(meter.count_from, zone) for meter in self.catalog.meters.values() if not meter.counted)

    def count(self, has_time: Callable[[], bool]) -> tuple[int, CountingPlace]:
        """Bring the days up to date; answers how many needed it, and the place (with a day when the time was up)."""
        zone = zone_of(self.organization.timezone)
        day = self.place.day or self.first_day(zone)
        done = 0
        # To the last stored day, wherever now is: a local server's clock may have been set back.
        while (stored := self._next_stored_day(day)) is not None:
            day = stored + timedelta(days=_DAYS_AT_ONCE)
            done += self._bring_up_to_date(stored, day)
            if not has_time():
                return done, self._save(replace(self.place, day=day))
        return done, self._save(CountingPlace(self.place.target_version, self.organization.id))

    def _next_stored_day(self, day: date) -> date | None:
        """Skip the days without counters: an organization without usage costs one read."""
        zone = zone_of(self.organization.timezone)
        found = counters_store.find_quarter_hour(self.organization.id, day_range(day, zone).start)
        return None if found is None else day_of(found, zone)

    def _save(self, place: CountingPlace) -> CountingPlace:
        catalog_service.save_counting_place(place)
        return place

    def _bring_up_to_date(self, first: date, end: date) -> int:
        """Fold again what older definitions counted in ``[first, end)``; answers how many days that touched."""
        zone = zone_of(self.organization.timezone)
        catalog = catalog_service.meter_catalog()
        stored = counters_store.read_quarter_hours(self.organization.id, days_range(first, end, zone), catalog)
        days = counters_store.read_days(self.organization.id, Kind.DAY, (first, end), catalog)
        touched = 0
        for day in days_between(first, end):
            parts = {at: one for at, one in stored.items() if at in day_range(day, zone)}
            touched += self._bring_day_up_to_date(day, parts, days.get(day))
        return touched

    def _bring_day_up_to_date(self, day: date, parts: dict[QuarterHour, Counters], stored: Counters | None) -> bool:
        target = definitions_number(self.place.target_version)
        now = self.tell_now()
        behind = [
            at for at, part in parts.items() if part.definitions < target and not is_closed(part.kept_until_s, now)
        ]
        is_torn = bool(parts) and _is_behind(stored, list(parts.values()))
        if is_torn:
            # A run was stopped between a quarter-hour and its day, perhaps before it had noted the one.
            note_stored(self.organization, list(parts), self.tell_now)
        if behind:
            roll_up_day(self.organization, behind, self.tell_now)
        elif is_torn:
            _store_day_surely(self.organization, day)
        return bool(behind) or is_torn


def _store_day_surely(organization: Organization, day: date) -> None:
    for _ in range(_ATTEMPTS):
        if store_day(organization, day, catalog_service.meter_catalog()):
            return
    raise Busy


def _is_behind(day: Counters | None, parts: Sequence[Counters]) -> bool:
    """Tell whether a stored day has not seen all that its quarter-hours have."""
    return day is None or (day.segments, day.definitions) != (
        sum(part.segments for part in parts),
        sum(part.definitions for part in parts),
    )
