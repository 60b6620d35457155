"""Ranges cut into windows and days, in zones where that is not simple (docs/rules.md 1.2)."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.shared.time import days_between, format_instant, parse_day, parse_instant, quarter_hour_of, zone_of
from chalicelib.usage.ranges import (
    Range,
    Window,
    before,
    cut,
    day_of,
    day_range,
    days_range,
    runs_of_days,
    whole_days,
)

ZONES = [
    "UTC", "Europe/Berlin", "America/Los_Angeles", "Africa/Cairo", "Asia/Beirut", "America/Santiago", "America/Havana",
    "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Apia",
    "Pacific/Kiritimati",
]  # fmt: skip


def at(text: str) -> int:
    return quarter_hour_of(parse_instant(text))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", [2006, 2011, 2026])
def test_days_share_out_a_years_quarter_hours(zone: str, year: int) -> None:
    place = zone_of(zone)
    ranges = [day_range(day, place) for day in days_between(date(year, 1, 1), date(year + 1, 1, 1))]
    assert all(one.end == following.start for one, following in pairwise(ranges))
    assert all(one.is_empty or 92 <= one.end - one.start <= 100 for one in ranges)
    for day in days_between(date(year, 1, 1), date(year + 1, 1, 1)):
        inside = day_range(day, place)
        assert inside.is_empty or day_of(inside.start, place) == day_of(inside.end - 1, place) == day
        assert inside.is_empty or day_of(inside.start - 1, place) < day


@pytest.mark.parametrize("day", ["1971-06-01", "1972-01-06", "1972-01-07", "1972-01-08"])
def test_where_midnight_is_inside_a_quarter_hour_the_day_begins_at_the_next(day: str) -> None:
    monrovia = zone_of("Africa/Monrovia")
    inside = day_range(parse_day(day), monrovia)
    assert {day_of(quarter_hour, monrovia) for quarter_hour in range(inside.start, inside.end)} == {parse_day(day)}
    assert day_of(inside.start - 1, monrovia) == parse_day(day) - timedelta(days=1)


def test_the_day_that_samoa_skipped_has_no_quarter_hours() -> None:
    apia = zone_of("Pacific/Apia")
    skipped = date(2011, 12, 30)
    assert day_range(skipped, apia).is_empty
    whole = days_range(date(2011, 12, 29), date(2012, 1, 1), apia)
    assert [one.end - one.start for one in cut(whole, Window.DAY, apia)] == [96, 96]
    assert before(days_range(date(2011, 12, 31), date(2012, 1, 1), apia), apia).is_empty


@pytest.mark.parametrize(("zone", "day", "hours"), [
    ("UTC", "2026-01-15", [4] * 24),
    ("Asia/Kathmandu", "2026-01-15", [4] * 24),
    ("Europe/Berlin", "2026-03-29", [4] * 23),
    ("Europe/Berlin", "2026-10-25", [4] * 25),
    ("Africa/Cairo", "2026-04-24", [4] * 23),
    ("America/Havana", "2026-11-01", [4] * 25),
    # Half past two follows two: the hour is cut short, and the day loses half of one.
    ("Australia/Lord_Howe", "2026-10-04", [4, 4, 2] + [4] * 21),
    # Half past one follows two: the hour that comes again goes on.
    ("Australia/Lord_Howe", "2026-04-05", [4, 6] + [4] * 22),
])  # fmt: skip
def test_hours_of_a_day_are_those_its_clock_shows(zone: str, day: str, hours: list[int]) -> None:
    whole = day_range(parse_day(day), zone_of(zone))
    assert [one.end - one.start for one in cut(whole, Window.HOUR, zone_of(zone))] == hours


def test_hours_lie_where_the_zone_has_them() -> None:
    whole = Range(at("2026-01-15T12:00:00Z"), at("2026-01-15T13:30:00Z"))
    starts = [format_instant(one.start_at) for one in cut(whole, Window.HOUR, zone_of("Asia/Kathmandu"))]
    assert starts == ["2026-01-15T12:00:00Z", "2026-01-15T12:15:00Z", "2026-01-15T13:15:00Z"]


def test_months_begin_at_local_days() -> None:
    berlin = zone_of("Europe/Berlin")
    whole = days_range(date(2026, 1, 15), date(2026, 4, 2), berlin)
    starts = [format_instant(one.start_at) for one in cut(whole, Window.MONTH, berlin)]
    assert starts == ["2026-01-14T23:00:00Z", "2026-01-31T23:00:00Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"]


@given(
    zone=st.sampled_from(ZONES),
    window=st.sampled_from(list(Window)),
    start=st.integers(at("2026-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z")),
    length=st.integers(0, 700),
)
def test_windows_share_out_a_range_without_gap_or_overlap(zone: str, window: Window, start: int, length: int) -> None:
    whole = Range(start, start + length)
    windows = cut(whole, window, zone_of(zone))
    assert all(not one.is_empty for one in windows)
    assert all(one.end == following.start for one, following in pairwise(windows))
    assert not windows if whole.is_empty else (windows[0].start, windows[-1].end) == (whole.start, whole.end)


@given(
    zone=st.sampled_from(ZONES),
    start=st.integers(at("2026-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z")),
    length=st.integers(0, 700),
)
def test_whole_days_are_those_entirely_inside(zone: str, start: int, length: int) -> None:
    place = zone_of(zone)
    whole = Range(start, start + length)
    first, end = whole_days(whole, place)
    around = list(
        days_between(day_of(whole.start, place) - timedelta(days=2), day_of(whole.end, place) + timedelta(days=2))
    )
    inside = [
        day
        for day in around
        if not whole.is_empty and whole.start <= day_range(day, place).start and day_range(day, place).end <= whole.end
    ]
    assert list(days_between(first, end)) == inside


def test_a_day_cut_by_a_quarter_hour_is_not_whole() -> None:
    utc = zone_of("UTC")
    day = day_range(date(2026, 1, 15), utc)
    assert whole_days(day, utc) == (date(2026, 1, 15), date(2026, 1, 16))
    for cut_short in (Range(day.start + 1, day.end), Range(day.start, day.end - 1)):
        first, end = whole_days(cut_short, utc)
        assert first == end


def test_a_range_holds_its_start_and_not_its_end() -> None:
    assert 5 in Range(5, 6)
    assert 6 not in Range(5, 6)
    assert "5" not in Range(5, 6)
    assert Range(5, 5).is_empty


def test_before_whole_days_lie_as_many_days_whatever_their_hours() -> None:
    berlin = zone_of("Europe/Berlin")
    whole = days_range(date(2026, 3, 29), date(2026, 4, 5), berlin)
    assert before(whole, berlin) == days_range(date(2026, 3, 22), date(2026, 3, 29), berlin)
    assert before(Range(100, 140), berlin) == Range(60, 100)


def test_days_join_into_runs_without_gaps() -> None:
    first, gap = date(2026, 1, 30), date(2026, 2, 3)
    days = [first, date(2026, 1, 31), date(2026, 2, 1), gap]
    assert runs_of_days(days) == [(first, date(2026, 2, 2)), (gap, date(2026, 2, 4))]
    assert runs_of_days([]) == []
