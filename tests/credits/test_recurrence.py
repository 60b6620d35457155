"""Occurrences: derived from the first one, by the organization's clocks."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.credits.recurrence import Every, Recurrence


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def recurrence(every: str = "month", zone: str = "UTC", **terms: object) -> Recurrence:
    return Recurrence(every=Every(every), timezone=zone, **terms)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("every", "number", "expected"),
    [
        ("week", 1, "2025-02-07T15:00"),
        ("month", 0, "2025-01-31T15:00"),
        ("month", 1, "2025-02-28T15:00"),
        ("month", 2, "2025-03-31T15:00"),
        ("month", 6, "2025-07-31T15:00"),
        ("month", 13, "2026-02-28T15:00"),
        ("year", 3, "2028-01-31T15:00"),
    ],
)
def test_each_occurrence_is_counted_from_the_first(every: str, number: int, expected: str) -> None:
    assert recurrence(every).anchor(utc("2025-01-31T15:00"), number) == utc(expected)


def test_a_leap_day_recurs_on_the_last_of_february_and_comes_back() -> None:
    yearly = recurrence("year")
    assert yearly.anchor(utc("2024-02-29T00:00"), 1) == utc("2025-02-28T00:00")
    assert yearly.anchor(utc("2024-02-29T00:00"), 4) == utc("2028-02-29T00:00")


def test_occurrences_keep_the_local_time_over_a_change_of_clocks() -> None:
    weekly = recurrence("week", "Europe/Berlin")
    first = utc("2026-03-24T23:00")  # midnight of the 25th in Berlin
    assert weekly.anchor(first, 1) == utc("2026-03-31T22:00")
    assert weekly.anchor(first, 32) == utc("2026-11-03T23:00")


def test_a_local_day_is_the_organizations_and_not_that_of_utc() -> None:
    monthly = recurrence("month", "America/Los_Angeles")
    # 31 January, 20:00 in Los Angeles is 1 February in UTC.
    assert monthly.anchor(utc("2026-02-01T04:00"), 1) == utc("2026-03-01T04:00")


@pytest.mark.parametrize(
    ("every", "zone", "first", "expected"),
    [
        # 02:30 is skipped on the 29th: 03:00 is the first there is.
        ("week", "Europe/Berlin", "2026-03-22T01:30", "2026-03-29T01:00"),
        # So is midnight of the 24th.
        ("month", "Africa/Cairo", "2026-03-23T22:00", "2026-04-23T22:00"),
        # And all of 30 December 2011.
        ("month", "Pacific/Apia", "2011-11-30T20:00", "2011-12-30T10:00"),
        # 02:30 comes twice.
        ("month", "Europe/Berlin", "2026-09-25T00:30", "2026-10-25T00:30"),
    ],
)
def test_a_skipped_local_time_is_the_next_that_exists_and_a_double_one_the_earlier(
    every: str, zone: str, first: str, expected: str
) -> None:
    assert recurrence(every, zone).anchor(utc(first), 1) == utc(expected)


def test_a_window_lasts_to_the_next_anchor_unless_it_has_a_length_of_its_own() -> None:
    first = utc("2026-01-31T00:00")
    assert recurrence().window(first, 1) == (utc("2026-02-28T00:00"), utc("2026-03-31T00:00"))
    lasting = recurrence(lasts=timedelta(days=7))
    assert lasting.window(first, 1) == (utc("2026-02-28T00:00"), utc("2026-03-07T00:00"))


def test_the_count_counts_the_first_one_too() -> None:
    assert [recurrence(count=2).has(number) for number in range(3)] == [True, True, False]
    assert recurrence().has(10_000)


def test_a_window_ends_with_the_calendar_at_the_latest() -> None:
    begins, ends = recurrence("year", lasts=timedelta(days=2_900_000)).window(utc("2026-01-01T00:00"), 500)
    assert (begins, ends.year) == (utc("2526-01-01T00:00"), 9999)
