"""Local days of 23 to 25 hours: what a level holds, where a month begins and ends, where midnight is missing or double.

A level of 10 that holds for the whole local day of the change tells its hours; the day counts as one in proration.
"""

from dataclasses import dataclass

import pytest

from tests.stories.story import Play


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChange:
    """A day on which clocks change, in a month from ``first`` to ``end``; that begins and ends at instants in UTC.

    ``share`` is the fee of 31.00 from the day of the change on. The last quarter-hour of the month begins at ``last``.
    """

    zone: str
    first: str
    day: str
    after: str
    end: str
    hours: str
    starts: str
    last: str
    ends: str
    share: str


CHANGES = {
    "New York, spring": ClockChange(
        zone="America/New_York",
        first="2026-03-01",
        day="2026-03-08",
        after="2026-03-09",
        end="2026-04-01",
        hours="23",
        starts="2026-03-01T05:00Z",
        last="2026-04-01T03:45Z",
        ends="2026-04-01T04:00Z",
        share="31.00 / 31 x 24 = 24.00",
    ),
    "New York, autumn": ClockChange(
        zone="America/New_York",
        first="2026-11-01",
        day="2026-11-01",
        after="2026-11-02",
        end="2026-12-01",
        hours="25",
        starts="2026-11-01T04:00Z",
        last="2026-12-01T04:45Z",
        ends="2026-12-01T05:00Z",
        share="31.00 / 30 x 30 = 31.00",
    ),
    "Berlin, spring": ClockChange(
        zone="Europe/Berlin",
        first="2026-03-01",
        day="2026-03-29",
        after="2026-03-30",
        end="2026-04-01",
        hours="23",
        starts="2026-02-28T23:00Z",
        last="2026-03-31T21:45Z",
        ends="2026-03-31T22:00Z",
        share="31.00 / 31 x 3 = 3.00",
    ),
    "Berlin, autumn": ClockChange(
        zone="Europe/Berlin",
        first="2026-10-01",
        day="2026-10-25",
        after="2026-10-26",
        end="2026-11-01",
        hours="25",
        starts="2026-09-30T22:00Z",
        last="2026-10-31T22:45Z",
        ends="2026-10-31T23:00Z",
        share="31.00 / 31 x 7 = 7.00",
    ),
    "Lord Howe, autumn": ClockChange(
        zone="Australia/Lord_Howe",
        first="2026-04-01",
        day="2026-04-05",
        after="2026-04-06",
        end="2026-05-01",
        hours="24.5",
        starts="2026-03-31T13:00Z",
        last="2026-04-30T13:15Z",
        ends="2026-04-30T13:30Z",
        share="31.00 / 30 x 26 = 26.87",
    ),
    "Lord Howe, spring": ClockChange(
        zone="Australia/Lord_Howe",
        first="2026-10-01",
        day="2026-10-04",
        after="2026-10-05",
        end="2026-11-01",
        hours="23.5",
        starts="2026-09-30T13:30Z",
        last="2026-10-31T12:45Z",
        ends="2026-10-31T13:00Z",
        share="31.00 / 31 x 28 = 28.00",
    ),
}


@pytest.mark.parametrize("clocks", CHANGES.values(), ids=CHANGES)
def test_a_level_holds_for_the_hours_that_a_day_of_a_clock_change_has(play: Play, clocks: ClockChange) -> None:
    play(
        f"""
        {clocks.first} meter        disk time_weighted
        {clocks.first} organization acme USD {clocks.zone}
        {clocks.first} plan         pro month
                       charge       disk 0.01
        {clocks.first} subscribe    acme pro
                       current      {clocks.starts} {clocks.ends}
        {clocks.day}   event        e1 acme disk 10
        {clocks.after} event        e2 acme disk 0
        {clocks.end}   read
                       draft        1p0
                       period       {clocks.first} {clocks.end}
                       line         disk of 10 x {clocks.hours}: 10 x {clocks.hours} x 0.01
        """
    )


@pytest.mark.parametrize("clocks", CHANGES.values(), ids=CHANGES)
def test_a_day_of_a_clock_change_counts_as_one_day(play: Play, clocks: ClockChange) -> None:
    play(
        f"""
        {clocks.day}   meter        calls sum
        {clocks.day}   organization acme USD {clocks.zone}
        {clocks.day}   plan         pro month grace 0
                       charge       calls 0.02
                       fee          base 31.00 arrears
        {clocks.day}   subscribe    acme pro
                       current      {clocks.day} {clocks.ends}
        {clocks.last}  event        e1 acme calls 7
        {clocks.ends}  event        e2 acme calls 100
        {clocks.ends}  billing
                       invoice      1p0
                       line         calls 7 x 0.02 = 0.14
                       fee          base {clocks.share}
                       draft        1p1
                       line         calls 100 x 0.02 = 2.00
                       fee          base 31.00
        """
    )


def test_where_midnight_is_missing_a_period_ends_at_the_first_instant_of_its_day(play: Play) -> None:
    play(
        """
        2026-04-17 meter        calls sum
        2026-04-17 organization acme USD Africa/Cairo
        2026-04-17 plan         pro week grace 0
                   charge       calls 0.02
                   fee          base 7.00 arrears
        2026-04-17 subscribe    acme pro anniversary
                   current      2026-04-16T22:00Z 2026-04-23T22:00Z
        2026-04-23T21:59:59Z event e1 acme calls 100                      # Thursday, 23:59:59
        2026-04-23T22:00Z event e2 acme calls 200                         # Friday, 01:00: there is no midnight
        2026-04-23T21:59:59Z read
                   drafts       1p0
        2026-04-24 billing
                   invoice      1p0
                   period       2026-04-16T22:00Z 2026-04-23T22:00Z
                   line         calls 100 x 0.02 = 2.00
                   fee          base 7.00
                   draft
                   period       2026-04-23T22:00Z 2026-04-30T21:00Z
                   line         calls 200 x 0.02 = 4.00
                   fee          base 7.00
        """
    )


def test_where_midnight_comes_twice_a_period_ends_at_the_first(play: Play) -> None:
    play(
        """
        2026-10-31 meter        calls sum
        2026-10-31 meter        disk time_weighted
        2026-10-31 organization acme USD America/Havana
        2026-10-31 plan         pro month grace 0
                   charge       calls 0.02
                   charge       disk 0.01
        2026-10-31 subscribe    acme pro
                   current      2026-10-31T04:00Z 2026-11-01T04:00Z
        2026-11-01T03:59:59Z event e1 acme calls 100                      # 31 October, 23:59:59
        2026-11-01T04:00Z event e2 acme calls 200                         # midnight for the first time
        2026-11-01T04:00Z event e3 acme disk 10
        2026-11-01T05:00Z event e4 acme calls 400                         # and for the second
        2026-11-02 event        e5 acme disk 0
        2026-11-02 billing
                   invoice      1p0
                   line         calls 100 x 0.02 = 2.00
                   draft
                   period       2026-11-01T04:00Z 2026-12-01T05:00Z
                   line         calls 600 x 0.02 = 12.00
                   line         disk of 10 x 25: 10 x 25 x 0.01 = 2.50
        """
    )


def test_where_the_clocks_jump_over_midnight_the_day_has_23_hours(play: Play) -> None:
    play(
        """
        2026-03-08 meter        disk time_weighted
        2026-03-08 organization acme USD America/Havana
        2026-03-08 plan         pro month grace 0
                   charge       disk 0.01
                   fee          base 31.00 arrears
        2026-03-08 subscribe    acme pro
                   current      2026-03-08T05:00Z 2026-04-01T04:00Z
        2026-03-08 event        e1 acme disk 10
        2026-03-09 event        e2 acme disk 0
        2026-04-01 billing
                   invoice      1p0
                   line         disk of 10 x 23: 10 x 23 x 0.01 = 2.30
                   fee          base 31.00 / 31 x 24 = 24.00
        """
    )


def test_a_month_begins_at_a_quarter_hour_where_the_offset_has_one(play: Play) -> None:
    play(
        """
        2026-06-30 meter        calls sum
        2026-06-30 organization acme USD Asia/Kathmandu
        2026-06-30 plan         pro month grace 0
                   charge       calls 0.02
        2026-06-30 subscribe    acme pro
                   current      2026-06-29T18:15Z 2026-06-30T18:15Z
        2026-06-30T18:14:59Z event e1 acme calls 100
        2026-06-30T18:15Z event e2 acme calls 200
        2026-06-30T18:15Z billing
                   invoice      1p0
                   line         calls 100 x 0.02 = 2.00
                   draft
                   line         calls 200 x 0.02 = 4.00
        """
    )
