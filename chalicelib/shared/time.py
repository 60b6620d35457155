"""Instants, quarter-hours and local days (docs/rules.md, section 1).

An instant is an aware ``datetime`` in UTC. A quarter-hour is an ``int``: whole quarter-hours since 1970 UTC. It is the
finest bucket that lines up with every time zone on earth, because every offset in use is a multiple of 15 minutes.
Local days begin at their first existing instant, so they have 23, 24 or 25 hours, and intervals are half-open.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

QuarterHour = int

QUARTER_HOUR_S = 900
_QUARTER_HOUR = timedelta(seconds=QUARTER_HOUR_S)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_YEAR, LAST_YEAR = 1970, 9998
ONE_DAY = timedelta(days=1)
_OTHER_YEARS = f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}"

_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,30}))?"
    r"(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))?"
)
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
# Not places: copies of the database with other rules (leap seconds), and whatever this machine is set to.
_NO_ZONES = ("right/", "posix/", "posixrules", "localtime", "Factory")
_ZONE_NAME = re.compile(r"[A-Za-z0-9_+\-]{1,30}(?:/[A-Za-z0-9_+\-]{1,30}){0,2}")


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 instant with an offset; digits beyond microseconds are cut.

    Raises ``ValueError`` with the reason, in words for the caller.
    """
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError("must be an RFC 3339 instant such as 2026-01-31T23:59:59Z")
    if found[8] is None and found[9] is None:
        raise ValueError("must carry an offset such as Z or +02:00")
    try:
        # Every event passes here, most of them in UTC: what is wrong with one, and every offset, is told by its parts.
        instant = datetime.fromisoformat(text).replace(tzinfo=UTC) if found[8] else _instant_of_parts(found)
    except ValueError:
        instant = _instant_of_parts(found)
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError(_OTHER_YEARS)
    return instant


def _instant_of_parts(found: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = map(int, found.group(1, 2, 3, 4, 5, 6))
    micro = int((found[7] or "0")[:6].ljust(6, "0"))
    offset = _offset(found[9], found[10], found[11])
    try:
        return datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC) - offset
    except OverflowError:  # year 1 or 9999, with an offset that leads out of what a datetime can hold
        raise ValueError(_OTHER_YEARS) from None
    except ValueError:
        raise ValueError("is not a date and time that exists") from None


def _offset(sign: str | None, hours: str | None, minutes: str | None) -> timedelta:
    if sign is None or hours is None or minutes is None:
        return timedelta(0)
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError("has an offset that does not exist")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return offset if sign == "+" else -offset


def parse_day(text: str) -> date:
    """Read ``YYYY-MM-DD``; raises ``ValueError`` with the reason."""
    found = _DAY.fullmatch(text)
    if found is None:
        raise ValueError("must be a day such as 2026-01-31")
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        raise ValueError("is not a day that exists") from None
    if not FIRST_YEAR < day.year < LAST_YEAR:
        raise ValueError(f"must lie between the years {FIRST_YEAR} and {LAST_YEAR}")
    return day


def format_instant(instant: datetime) -> str:
    """Show an instant in UTC: ``2026-01-31T23:59:59Z``, with six more digits only when it has any."""
    shown = instant.astimezone(UTC)
    pattern = "%Y-%m-%dT%H:%M:%S.%fZ" if shown.microsecond else "%Y-%m-%dT%H:%M:%SZ"
    return shown.strftime(pattern)


def microseconds(instant: datetime) -> int:
    """Count whole microseconds since 1970 UTC, exactly."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def instant_of(micros: int) -> datetime:
    """Turn microseconds since 1970 UTC back into an instant."""
    return EPOCH + timedelta(microseconds=micros)


def quarter_hour_of(instant: datetime) -> QuarterHour:
    """Name the quarter-hour that holds an instant."""
    return int((instant - EPOCH) // _QUARTER_HOUR)


def quarter_hour_start(quarter_hour: QuarterHour) -> datetime:
    """Give the first instant of a quarter-hour; its end is the start of the next."""
    return EPOCH + timedelta(seconds=quarter_hour * QUARTER_HOUR_S)


def ceil_quarter_hour(instant: datetime) -> QuarterHour:
    """Name the first quarter-hour that begins at or after an instant."""
    return -int((EPOCH - instant) // _QUARTER_HOUR)


def format_quarter_hour(quarter_hour: QuarterHour) -> str:
    """Show a quarter-hour as the UTC minute it begins at: ``2026-01-05T10:15`` (sorts as text)."""
    return quarter_hour_start(quarter_hour).strftime("%Y-%m-%dT%H:%M")


def parse_quarter_hour(text: str) -> QuarterHour:
    """Read back what ``format_quarter_hour`` shows."""
    return quarter_hour_of(datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC))


@lru_cache(maxsize=512)
def zone_of(name: str) -> ZoneInfo:
    """Find a time zone of the IANA database by name; raises ``ValueError``."""
    if not _ZONE_NAME.fullmatch(name) or name.startswith(_NO_ZONES):
        raise ValueError("is not a time zone of the IANA database")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not a time zone of the IANA database") from None


def local_day_of(instant: datetime, zone: ZoneInfo) -> date:
    """Name the local day that holds an instant."""
    day = instant.astimezone(zone).date()
    # Where midnight comes twice, the second one still belongs to the day that began at the first.
    following = day + ONE_DAY
    return following if local_day_start(following, zone) <= instant else day


@lru_cache(maxsize=65536)
def local_day_start(day: date, zone: ZoneInfo) -> datetime:
    """Give the first existing instant of a local day, in UTC; the earlier one where midnight comes twice."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    earlier = midnight.astimezone(UTC)
    if earlier.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return earlier
    return _end_of_gap(midnight)


def _end_of_gap(midnight: datetime) -> datetime:
    """Find the first instant after a midnight that the clocks jumped over, to the second."""
    zone = midnight.tzinfo
    assert zone is not None
    low, high = sorted(midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) // 2).replace(microsecond=0)
        if middle.astimezone(zone).date() < midnight.date():
            low = middle
        else:
            high = middle
    return high


def local_month_start(day: date) -> date:
    """Give the first day of the month that holds a day."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """Give the first day of the month after the one that holds a day."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def days_between(first: date, end: date) -> Iterator[date]:
    """Walk the days of ``[first, end)``."""
    for offset in range((end - first).days):
        yield first + timedelta(days=offset)
