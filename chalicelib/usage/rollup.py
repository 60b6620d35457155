"""The rollup: turns dirty quarter-hours that have closed into stored counters.

For each local day with marks: read the mark, read the partition, store the quarter-hour; note it for billing periods
that have ended; then build the day from a strongly consistent read of all its quarter-hours: first the levels of
time-weighted meters, of the day and of its month, then the day; note it again; then make sure that no meter was created
meanwhile; then delete the marks that still have the token that was read.

Why this is safe to run twice, at once, late, or with a crash anywhere: each stored item carries how many segments and
which definitions it has seen and is only replaced by one that has seen no less of either. Who stores a quarter-hour
last reads the whole day after it, so its day has seen everything that the others' have. A mark goes last, and only if
no segment came since, so until then every reader folds that quarter-hour itself. The note comes before the day and
before the mark goes: whoever finds a mark, or a day that is behind its quarter-hours, makes it again. It is made once
more when the day is stored: a finalization that read the day before has read the first note, but not what it was for.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog import subscription_service
from chalicelib.catalog.meters import Aggregation, MeterCatalog
from chalicelib.catalog.organizations import Organization
from chalicelib.platform import logging
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import Busy, NotFound
from chalicelib.shared.ids import sort_ids
from chalicelib.shared.time import (
    EPOCH,
    QuarterHour,
    local_month_start,
    next_month,
    parse_quarter_hour,
    quarter_hour_start,
    zone_of,
)
from chalicelib.usage import counters_store, store
from chalicelib.usage.counters import Counters, definitions_number, merge_counters
from chalicelib.usage.counters_store import Kind, Stretch, day_stretch, quarter_hour_stretch
from chalicelib.usage.fold import fold
from chalicelib.usage.ranges import Range, day_of, day_range
from chalicelib.usage.store import SHARDS, Mark

# Asked whenever now matters: a run may last a quarter of an hour.
TellNow = Callable[[], datetime]

_ATTEMPTS = 8
_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class RollupReport:
    """What a run did: marks whose counters are stored and that are gone, and marks left for the next run.

    ``unfinished`` names the shards for which the time was not enough.
    """

    rolled_up: int = 0
    left: int = 0
    unfinished: tuple[int, ...] = ()

    def __add__(self, other: "RollupReport") -> "RollupReport":
        return RollupReport(
            self.rolled_up + other.rolled_up, self.left + other.left, self.unfinished + other.unfinished
        )


def roll_up(tell_now: TellNow, *, has_time: Callable[[], bool], shards: Sequence[int] = range(SHARDS)) -> RollupReport:
    """Roll up every closed dirty quarter-hour until the time is up, from a shard that changes every five minutes."""
    first = (tell_now() - EPOCH) // _EVERY % len(shards)
    report = RollupReport()
    for shard in [*shards[first:], *shards[:first]]:
        report += _roll_up_shard(shard, tell_now, has_time) if has_time() else RollupReport(unfinished=(shard,))
    return report


def _roll_up_shard(shard: int, tell_now: TellNow, has_time: Callable[[], bool]) -> RollupReport:
    report = RollupReport()
    for organization, marks in _days_of_marks(shard, tell_now()):
        if not has_time():
            return report + RollupReport(left=len(marks), unfinished=(shard,))
        report += _roll_up_marks(organization, marks, tell_now)
    return report


def _days_of_marks(shard: int, now: datetime) -> Iterator[tuple[Organization, list[Mark]]]:
    """Group the closed marks of a shard by organization and local day.

    An open quarter-hour is left alone: live folds cover it, and every event would only dirty it again.
    """
    closed = [mark for mark in store.list_marks_of_shard(shard) if quarter_hour_start(mark.quarter_hour + 1) <= now]
    by_organization: dict[str, list[Mark]] = {}
    for mark in closed:
        by_organization.setdefault(mark.organization, []).append(mark)
    for organization_id, marks in by_organization.items():
        try:
            organization = catalog_service.get_organization(organization_id)
        except NotFound:
            continue
        for of_one_day in _by_day(marks, zone_of(organization.timezone)):
            yield organization, of_one_day


def _by_day(marks: Sequence[Mark], zone: ZoneInfo) -> list[list[Mark]]:
    days: dict[date, list[Mark]] = {}
    for mark in marks:
        days.setdefault(day_of(mark.quarter_hour, zone), []).append(mark)
    return list(days.values())


def _roll_up_marks(organization: Organization, marks: Sequence[Mark], tell_now: TellNow) -> RollupReport:
    try:
        roll_up_day(organization, [mark.quarter_hour for mark in marks], tell_now)
    except Busy:
        return RollupReport(left=len(marks))
    except Exception as fault:  # noqa: BLE001 - one day that cannot be rolled up must not stop all the others
        logging.log_fault("a day cannot be rolled up", fault, organization=organization.id)
        logging.count("Faults")
        return RollupReport(left=len(marks))
    gone = sum(store.delete_mark(mark) for mark in marks)
    return RollupReport(gone, len(marks) - gone)


def roll_up_day(organization: Organization, quarter_hours: Sequence[QuarterHour], tell_now: TellNow) -> None:
    """Store the counters of some quarter-hours of one local day, of the day, and of its levels.

    When it returns, the counters have been folded with the meters as they were at some instant after the last write,
    so a meter created later finds them by its own job. Raises ``Busy`` when others kept winning.
    """
    catalog = catalog_service.meter_catalog()
    day = day_of(quarter_hours[0], zone_of(organization.timezone))
    for _ in range(_ATTEMPTS):
        stored = _store_quarter_hours(organization.id, quarter_hours, catalog)
        if stored:
            noted = note_stored(organization, quarter_hours, tell_now)
            stored = store_day(organization, day, catalog)
            if stored and noted:
                # Billing reads whole days: one that was read before it was stored must lose its race too.
                note_stored(organization, quarter_hours, tell_now)
        latest = catalog_service.meter_catalog()
        if stored and latest.version == catalog.version:
            return
        catalog = latest
    raise Busy


def note_stored(organization: Organization, quarter_hours: Sequence[QuarterHour], tell_now: TellNow) -> bool:
    """Let billing know that counters of quarter-hours are stored; tells whether they lie in periods that have ended.

    It is the call right after the counters are stored: which periods have ended is told as of then. Raises ``Busy``.
    """
    return subscription_service.note_written(organization.id, quarter_hours, now=tell_now())


def _store_quarter_hours(organization: str, quarter_hours: Sequence[QuarterHour], catalog: MeterCatalog) -> bool:
    """Fold and store quarter-hours; tells whether what stands there now has seen no less than the folds."""
    for quarter_hour, segments in store.read_partitions(organization, sorted(quarter_hours)):
        counters = fold(segments, catalog)
        stretch = quarter_hour_stretch(organization, quarter_hour)
        if not _put(stretch, counters, catalog) and not _may_stay(stretch, counters, catalog):
            return False
    return True


def _may_stay(stretch: Stretch, counters: Counters, catalog: MeterCatalog) -> bool:
    """Tell whether nothing is lost by the refusal of counters.

    Only what is stored with the same content has surely seen the same: a partition of several pages is not read at one
    instant, so two folds of as many segments may have seen different ones. Whoever is told no folds again, and has
    then seen all of both. Counters that have seen segments which have expired since can never be told anew.
    """
    quarter_hour = parse_quarter_hour(stretch.name)
    whole = Range(quarter_hour, quarter_hour + 1)
    stored = counters_store.read_quarter_hours(stretch.organization, whole, catalog).get(quarter_hour)
    if stored is None or stored == counters:
        return stored is not None
    return (
        stored.segments > counters.segments
        and len(store.read_partition(stretch.organization, quarter_hour)) < stored.segments
    )


def store_day(organization: Organization, day: date, catalog: MeterCatalog) -> bool:
    """Build a local day from its stored quarter-hours and store it and its levels.

    Tells ``False``, having stored nothing wrong, when the quarter-hours were folded with meters that ``catalog`` does
    not know yet. A refused write is no loss: only one who read later quarter-hours can have stored what refuses it,
    and whoever stored those is not done before the whole day is stored.
    """
    parts = counters_store.read_quarter_hours(organization.id, day_range(day, zone_of(organization.timezone)), catalog)
    known = definitions_number(catalog.version)
    if any(part.definitions > known for part in parts.values()):
        return False
    counters = merge_counters(list(parts.values()), catalog)
    levels = levels_of(counters, catalog)
    if levels.meters:
        _put(day_stretch(organization.id, Kind.DAY_LEVELS, day), levels, catalog)
        if not _store_month_levels(organization.id, local_month_start(day), catalog):
            return False
    # Last: a day that has seen all its quarter-hours tells that its levels and its month's have too.
    _put(day_stretch(organization.id, Kind.DAY, day), counters, catalog)
    return True


def levels_of(counters: Counters, catalog: MeterCatalog) -> Counters:
    """Keep the time-weighted meters only: what a reader needs to know the level at a later instant."""
    kept = {
        key: states
        for key, states in counters.meters.items()
        if catalog.meters[key].aggregation is Aggregation.TIME_WEIGHTED
    }
    return Counters(counters.segments, counters.definitions, counters.health, kept)


def _store_month_levels(organization: str, month: date, catalog: MeterCatalog) -> bool:
    days = counters_store.read_days(organization, Kind.DAY_LEVELS, (month, next_month(month)), catalog)
    # A day's definitions are a sum, which does not tell the newest; that no newer catalog exists after the read does.
    if catalog_service.meter_catalog().version != catalog.version:
        return False
    counters = merge_counters(list(days.values()), catalog)
    _put(day_stretch(organization, Kind.MONTH_LEVELS, month), counters, catalog)
    return True


def _put(stretch: Stretch, counters: Counters, catalog: MeterCatalog) -> bool:
    return counters_store.put_counters(stretch, counters, catalog, sort_ids.next(clock.real_ns()))
