"""The rollup: turns dirty quarter-hours that have closed into stored counters.

For each local day with marks: read the mark, read the partition, store the quarter-hour; note it for billing periods
that have ended; then build the day from a strongly consistent read of all its quarter-hours: first the levels of
time-weighted meters, of the day and of its month, then the day; note it again; then make sure that no meter was created
meanwhile; then delete the marks that still have the token that was read.

Why this is safe to run twice, at once, late, or with a crash anywhere: each stored item carries how many segments and
which definitions it has seen and is only replaced by one that has seen no less of either, or by who has found it wrong
(``mending_service.py``). Who stores a quarter-hour last reads the whole day after it, so its day has seen everything
that the others' have. A mark goes last, and only if no segment came since, so until then every reader folds that
quarter-hour itself. The note comes before the day and before the mark goes: whoever finds a mark, or a day that is
behind its quarter-hours, makes it again. It is made once more when the day is stored: a finalization that read the day
before has read the first note, but not what it was for.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog import subscription_service
from chalicelib.catalog.meters import Aggregation, MeterCatalog
from chalicelib.catalog.organizations import Organization
from chalicelib.platform import logging
from chalicelib.platform.metrics import Metric
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import Busy, NotFound
from chalicelib.shared.ids import sort_ids
from chalicelib.shared.time import (
    EPOCH,
    QuarterHour,
    local_month_start,
    next_month,
    quarter_hour_start,
    zone_of,
)
from chalicelib.shared.values import dataclass
from chalicelib.usage import counters_store, store
from chalicelib.usage.counters import Counters, Health, definitions_number, merge_counters
from chalicelib.usage.counters_store import Kind, Replaced, Stretch, day_stretch, quarter_hour_stretch
from chalicelib.usage.fold import fold
from chalicelib.usage.mending_service import mend_quarter_hour, store_merged
from chalicelib.usage.ranges import day_of, day_range
from chalicelib.usage.store import SHARDS, Mark

# Asked whenever now matters: a run may last a quarter of an hour.
TellNow = Callable[[], datetime]

_ATTEMPTS = 8
_EVERY = timedelta(minutes=5)
_ONE_SECOND = timedelta(seconds=1)


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
    with logging.traced("read marks", shard=shard):
        closed = _closed_marks(shard, tell_now())
    tried: set[Mark] = set()
    for organization, marks in _days_of_marks(closed):
        if not has_time():
            _measure(Metric.OLDEST_DIRTY_MARK, set(closed) - tried, tell_now)
            return report + RollupReport(left=len(marks), unfinished=(shard,))
        with logging.traced("roll up day", organization=organization.id):
            report += _roll_up_marks(organization, marks, tell_now)
        tried.update(marks)
    return report


def _closed_marks(shard: int, now: datetime) -> list[Mark]:
    """Read the marks of a shard whose quarter-hour has closed.

    An open quarter-hour is left alone: live folds cover it, and every event would only dirty it again.
    """
    return [mark for mark in store.list_marks_of_shard(shard) if quarter_hour_start(mark.quarter_hour + 1) <= now]


def _days_of_marks(closed: Sequence[Mark]) -> Iterator[tuple[Organization, list[Mark]]]:
    """Group marks by organization and local day."""
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
        logging.count(Metric.BUSY)
        _measure(Metric.OLDEST_DIRTY_MARK, marks, tell_now)
        return RollupReport(left=len(marks))
    except Exception as fault:  # noqa: BLE001 - one day that cannot be rolled up must not stop all the others
        logging.log_fault("a day cannot be rolled up", fault, organization=organization.id)
        logging.count(Metric.FAULTS)
        _measure(Metric.OLDEST_DIRTY_MARK, marks, tell_now)
        return RollupReport(left=len(marks))
    _measure(Metric.ROLLUP_LAG, marks, tell_now)
    gone = sum(store.delete_mark(mark) for mark in marks)
    return RollupReport(gone, len(marks) - gone)


def _measure(age: Metric, marks: Iterable[Mark], tell_now: TellNow) -> None:
    """Tell how long the oldest of some marks has waited by now."""
    since = min((mark.waits_since for mark in marks), default=None)
    if since is not None:
        logging.count(age, (tell_now() - since) // _ONE_SECOND)


def roll_up_day(organization: Organization, quarter_hours: Sequence[QuarterHour], tell_now: TellNow) -> None:
    """Store the counters of some quarter-hours of one local day, of the day, and of its levels.

    When it returns, the counters have been folded with the meters as they were at some instant after the last write,
    so a meter created later finds them by its own job. Raises ``Busy`` when others kept winning.
    """
    catalog = catalog_service.meter_catalog()
    day = day_of(quarter_hours[0], zone_of(organization.timezone))
    for _ in range(_ATTEMPTS):
        with logging.traced("fold and store quarter-hours"):
            stored = _store_quarter_hours(organization.id, quarter_hours, catalog, tell_now())
        if stored:
            noted = note_stored(organization, quarter_hours, tell_now)
            with logging.traced("store day"):
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


def _store_quarter_hours(
    organization: str, quarter_hours: Sequence[QuarterHour], catalog: MeterCatalog, now: datetime
) -> bool:
    """Fold and store quarter-hours; tells whether what stands there now has seen no less than the folds."""
    for quarter_hour, segments in store.read_partitions(organization, sorted(quarter_hours)):
        counters = fold(segments, catalog)
        stretch = quarter_hour_stretch(organization, quarter_hour)
        replaced = _put(stretch, counters, catalog)
        if replaced is not None:
            _count_newly_seen(counters.health, replaced.find_health())
        elif not mend_quarter_hour(stretch, counters, catalog, now):
            return False
    return True


def _count_newly_seen(health: Health, before: Health | None) -> None:
    """Count what these counters tell of beyond those that they replaced; nothing where that cannot be told."""
    if before is not None:
        logging.count(Metric.DUPLICATE_EVENTS, health.duplicates - before.duplicates)
        logging.count(Metric.CONFLICTING_EVENTS, health.conflicts - before.conflicts)
        logging.count(Metric.UNUSABLE_EVENTS, health.unusable - before.unusable)


def store_day(organization: Organization, day: date, catalog: MeterCatalog) -> bool:
    """Build a local day from its stored quarter-hours and store it and its levels.

    Tells ``False``, having stored nothing wrong, when the quarter-hours were folded with meters that ``catalog`` does
    not know yet, or when others wrote meanwhile what may have to be built again.
    """
    counters = _merged_day(organization, day, catalog)
    if counters is None:
        return False
    levels = levels_of(counters, catalog)
    if levels.meters and not _store_levels(organization, day, levels, catalog):
        return False
    # Last: a day that has seen all its quarter-hours tells that its levels and its month's have too.
    stretch = day_stretch(organization.id, Kind.DAY, day)
    return store_merged(stretch, counters, lambda: _merged_day(organization, day, catalog), catalog)


def _merged_day(organization: Organization, day: date, catalog: MeterCatalog) -> Counters | None:
    """Merge the stored quarter-hours of a day; ``None`` when one was folded with meters that are not known yet."""
    parts = counters_store.read_quarter_hours(organization.id, day_range(day, zone_of(organization.timezone)), catalog)
    known = definitions_number(catalog.version)
    if any(part.definitions > known for part in parts.values()):
        return None
    return merge_counters(list(parts.values()), catalog)


def _store_levels(organization: Organization, day: date, levels: Counters, catalog: MeterCatalog) -> bool:
    """Store the levels of a day, then those of its month from all its days."""

    def levels_again() -> Counters | None:
        counters = _merged_day(organization, day, catalog)
        return None if counters is None else levels_of(counters, catalog)

    if not store_merged(day_stretch(organization.id, Kind.DAY_LEVELS, day), levels, levels_again, catalog):
        return False
    month = local_month_start(day)
    merged = _merged_month(organization.id, month, catalog)
    if merged is None:
        return False
    stretch = day_stretch(organization.id, Kind.MONTH_LEVELS, month)
    return store_merged(stretch, merged, lambda: _merged_month(organization.id, month, catalog), catalog)


def levels_of(counters: Counters, catalog: MeterCatalog) -> Counters:
    """Keep the time-weighted meters only: what a reader needs to know the level at a later instant."""
    kept = {
        key: states
        for key, states in counters.meters.items()
        if catalog.meters[key].aggregation is Aggregation.TIME_WEIGHTED
    }
    return Counters(counters.segments, counters.definitions, counters.health, kept)


def _merged_month(organization: str, month: date, catalog: MeterCatalog) -> Counters | None:
    """Merge the levels of the days of a month; ``None`` when some may know meters that ``catalog`` does not."""
    days = counters_store.read_days(organization, Kind.DAY_LEVELS, (month, next_month(month)), catalog)
    # A day's definitions are a sum, which does not tell the newest; that no newer catalog exists after the read does.
    if catalog_service.meter_catalog().version != catalog.version:
        return None
    return merge_counters(list(days.values()), catalog)


def _put(stretch: Stretch, counters: Counters, catalog: MeterCatalog) -> Replaced | None:
    return counters_store.put_counters(stretch, counters, catalog, sort_ids.next(clock.real_ns()))
