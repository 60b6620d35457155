"""Instants, quarter-hours and local days, with the zones that do odd things (docs/rules.md, section 1)."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.shared.time import (
    EPOCH,
    ceil_quarter_hour,
    days_between,
    format_instant,
    format_quarter_hour,
    instant_of,
    local_day_of,
    local_day_start,
    microseconds,
    next_month,
    parse_day,
    parse_instant,
    parse_quarter_hour,
    quarter_hour_of,
    quarter_hour_start,
    zone_of,
)

MICROSECOND = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(("text", "shown"), [
    ("2026-01-31T23:59:59Z", "2026-01-31T23:59:59Z"),
    ("2026-01-31t23:59:59z", "2026-01-31T23:59:59Z"),
    ("2026-01-31 23:59:59Z", "2026-01-31T23:59:59Z"),
    ("2026-02-01T05:44:59+05:45", "2026-01-31T23:59:59Z"),
    ("2026-01-31T12:29:59-11:30", "2026-01-31T23:59:59Z"),
    ("2026-01-31T23:59:59-00:00", "2026-01-31T23:59:59Z"),
    ("2026-01-31T23:59:59.5Z", "2026-01-31T23:59:59.500000Z"),
    ("2026-01-31T23:59:59.0000001Z", "2026-01-31T23:59:59Z"),
    ("2026-01-31T23:59:59.9999999Z", "2026-01-31T23:59:59.999999Z"),
    ("2023-11-16 18:17:03.9799600+00:00", "2023-11-16T18:17:03.979960Z"),
    ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
    ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    ("9998-12-31T23:59:59Z", "9998-12-31T23:59:59Z"),
])  # fmt: skip
def test_instants_are_shown_in_utc_cut_to_microseconds(text: str, shown: str) -> None:
    assert format_instant(parse_instant(text)) == shown


@pytest.mark.parametrize(("text", "reason"), [
    ("2026-01-31T23:59:59", "must carry an offset"),
    ("2026-02-30T00:00:00Z", "is not a date and time that exists"),
    ("2025-02-29T00:00:00Z", "is not a date and time that exists"),
    ("2026-01-31T23:59:60Z", "is not a date and time that exists"),
    ("2026-01-31T24:00:00Z", "is not a date and time that exists"),
    ("2026-13-01T00:00:00Z", "is not a date and time that exists"),
    ("0000-01-01T00:00:00Z", "is not a date and time that exists"),
    ("0001-01-01T00:00:00Z", "must lie in the years"),
    ("0001-01-01T00:00:00+14:00", "must lie in the years"),
    ("9999-12-31T23:59:59Z", "must lie in the years"),
    ("9999-12-31T23:59:59-14:00", "must lie in the years"),
    ("1969-12-31T23:59:59Z", "must lie in the years"),
    ("1970-01-01T00:00:00+00:01", "must lie in the years"),
    ("2026-01-31T23:59:59+24:00", "has an offset that does not exist"),
    ("2026-01-31T23:59:59+00:60", "has an offset that does not exist"),
    ("", "must be an RFC 3339 instant"),
    ("2026-01-31", "must be an RFC 3339 instant"),
    ("2026-1-31T23:59:59Z", "must be an RFC 3339 instant"),
    ("2026-01-31T23:59Z", "must be an RFC 3339 instant"),
    ("2026-01-31T23:59:59+0200", "must be an RFC 3339 instant"),
    ("2026-01-31T23:59:59.Z", "must be an RFC 3339 instant"),
    ("2026-01-31T23:59:59Z\n", "must be an RFC 3339 instant"),
    (" 2026-01-31T23:59:59Z", "must be an RFC 3339 instant"),
    ("٢٠٢٦-01-31T23:59:59Z", "must be an RFC 3339 instant"),
    ("1767225600", "must be an RFC 3339 instant"),
    ("10000-01-01T00:00:00Z", "must be an RFC 3339 instant"),
])  # fmt: skip
def test_what_is_no_instant_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_instant(text)


INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2099, 12, 30)).map(lambda naive: naive.replace(tzinfo=UTC))  # noqa: DTZ001


@given(INSTANTS)
def test_instants_survive_being_shown_and_counted(instant: datetime) -> None:
    assert parse_instant(format_instant(instant)) == instant
    assert instant_of(microseconds(instant)) == instant


NO_DAYS = ["2026-02-30", "26-01-01", "2026-1-1", "2026-01-01T00:00:00Z", "0001-01-01", "9999-12-31", ""]


@pytest.mark.parametrize("text", NO_DAYS)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"day|years"):
        parse_day(text)


@given(INSTANTS)
def test_a_quarter_hour_holds_its_start_and_not_its_end(instant: datetime) -> None:
    quarter_hour = quarter_hour_of(instant)
    start, end = quarter_hour_start(quarter_hour), quarter_hour_start(quarter_hour + 1)
    assert start <= instant < end
    assert quarter_hour_of(end - MICROSECOND) == quarter_hour
    assert quarter_hour_of(end) == quarter_hour + 1
    assert parse_quarter_hour(format_quarter_hour(quarter_hour)) == quarter_hour


def test_quarter_hours_show_their_first_minute_and_sort_as_text() -> None:
    quarter_hour = quarter_hour_of(datetime(2026, 1, 5, 10, 29, 59, tzinfo=UTC))
    assert format_quarter_hour(quarter_hour) == "2026-01-05T10:15"
    shown = [format_quarter_hour(quarter_hour + step) for step in range(-500, 500)]
    assert shown == sorted(shown)


def test_an_instant_on_a_bound_is_its_own_ceiling_and_the_next_one_is_not() -> None:
    bound = datetime(2026, 1, 5, 10, 15, tzinfo=UTC)
    assert ceil_quarter_hour(bound) == quarter_hour_of(bound)
    assert ceil_quarter_hour(bound + MICROSECOND) == quarter_hour_of(bound) + 1
    assert ceil_quarter_hour(EPOCH) == 0


@pytest.mark.parametrize("name", ["UTC", "Africa/Cairo", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_zones_of_the_database_are_found(name: str) -> None:
    assert zone_of(name).key == name


@pytest.mark.parametrize("name", [
    "", "Mars/Phobos", "America", "../etc/passwd", "/etc/localtime", "UTC ", "leapseconds", "tzdata.zi", "a" * 300,
    "right/UTC", "posix/UTC", "posixrules", "localtime", "Factory", "Europe/Berlin\x00",
])  # fmt: skip
def test_what_is_no_place_is_not_a_zone(name: str) -> None:
    with pytest.raises(ValueError, match="is not a time zone"):
        zone_of(name)


# zone, local day, its first instant in UTC, hours it lasts
DAYS = [
    ("UTC", "2026-01-05", "2026-01-05T00:00:00Z", 24),
    ("Asia/Kathmandu", "2026-01-05", "2026-01-04T18:15:00Z", 24),
    ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", 23),
    ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", 25),
    ("America/Los_Angeles", "2025-03-09", "2025-03-09T08:00:00Z", 23),
    # Midnight does not exist: the day begins at 01:00.
    ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z", 23),
    ("Africa/Cairo", "2026-10-29", "2026-10-28T21:00:00Z", 25),
    ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z", 23),
    ("America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z", 23),
    ("America/Santiago", "2026-04-04", "2026-04-04T03:00:00Z", 25),
    # Midnight comes twice: the day begins at the first.
    ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z", 25),
    ("America/Havana", "2026-03-08", "2026-03-08T05:00:00Z", 23),
    # One minute after midnight the clock goes back into the day before, or on into the next hour.
    ("America/St_Johns", "2006-10-29", "2006-10-29T02:30:00Z", 25),
    ("America/St_Johns", "2006-04-02", "2006-04-02T03:30:00Z", 23),
    ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30:00Z", 23.5),
    ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00Z", 24.5),
    # The day that Samoa skipped lasts no time at all.
    ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", 24),
    ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0),
    ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 24),
    ("Africa/Monrovia", "1971-06-01", "1971-06-01T00:44:30Z", 24),
    ("Africa/Monrovia", "1972-01-07", "1972-01-07T00:44:30Z", 24 - 44.5 / 60),
]


@pytest.mark.parametrize(("zone", "day", "start", "hours"), DAYS)
def test_local_day_begins_at_its_first_existing_instant(zone: str, day: str, start: str, hours: float) -> None:
    begins = local_day_start(parse_day(day), zone_of(zone))
    ends = local_day_start(parse_day(day) + timedelta(days=1), zone_of(zone))
    assert format_instant(begins) == start
    assert ends - begins == timedelta(hours=hours)


@pytest.mark.parametrize(("zone", "day", "start", "hours"), [row for row in DAYS if row[3]])
def test_an_instant_at_the_start_of_a_local_day_is_inside_and_the_one_before_is_not(
    zone: str, day: str, start: str, hours: float
) -> None:
    begins = parse_instant(start)
    assert local_day_of(begins, zone_of(zone)) == parse_day(day)
    assert local_day_of(begins - MICROSECOND, zone_of(zone)) < parse_day(day)
    assert local_day_of(begins + timedelta(hours=hours) - MICROSECOND, zone_of(zone)) == parse_day(day)


@pytest.mark.parametrize("zone", sorted({row[0] for row in DAYS}))
@pytest.mark.parametrize("year", [1971, 2006, 2011, 2026])
def test_local_days_of_a_year_follow_without_gap_or_overlap(zone: str, year: int) -> None:
    place = zone_of(zone)
    starts = [local_day_start(day, place) for day in days_between(date(year, 1, 1), date(year + 1, 1, 2))]
    assert all(earlier <= later <= earlier + 26 * HOUR for earlier, later in pairwise(starts))
    found: dict[date, datetime] = {}
    instant = starts[0]
    while instant < starts[-1]:
        found.setdefault(local_day_of(instant, place), instant)
        instant += timedelta(minutes=30)
    assert list(found) == sorted(found)
    assert all(local_day_start(day, place) <= first for day, first in found.items())


def test_the_second_midnight_of_havana_is_not_another_day() -> None:
    havana = zone_of("America/Havana")
    second = datetime(2026, 11, 1, 5, tzinfo=UTC)
    assert second.astimezone(havana).hour == 0
    assert local_day_of(second, havana) == date(2026, 11, 1)


def test_what_the_clock_shows_again_of_the_day_before_belongs_to_the_day_that_began() -> None:
    st_johns = zone_of("America/St_Johns")
    again = datetime(2006, 10, 29, 3, 0, tzinfo=UTC)
    assert again.astimezone(st_johns).date() == date(2006, 10, 28)
    assert local_day_of(again, st_johns) == date(2006, 10, 29)


@pytest.mark.parametrize(("day", "following"), [
    (date(2026, 1, 31), date(2026, 2, 1)), (date(2026, 12, 1), date(2027, 1, 1)), (date(2028, 2, 29), date(2028, 3, 1)),
])  # fmt: skip
def test_next_month_is_its_first_day(day: date, following: date) -> None:
    assert next_month(day) == following
