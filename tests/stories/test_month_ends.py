"""Billing periods that begin and end where months have 28 to 31 days."""

import pytest

from tests.stories.story import Play


@pytest.mark.parametrize(
    ("start", "end", "share"),
    [
        ("2026-02-15", "2026-03-01", "60 / 28 x 14 = 30.00"),
        ("2028-02-15", "2028-03-01", "60 / 29 x 15 = 31.03"),
        ("2026-04-15", "2026-05-01", "60 / 30 x 16 = 32.00"),
        ("2026-03-15", "2026-04-01", "60 / 31 x 17 = 32.90"),
    ],
)
def test_a_partial_first_month_costs_its_share_of_the_months_days(play: Play, start: str, end: str, share: str) -> None:
    play(
        f"""
        {start} organization acme USD UTC
        {start} plan         pro month grace 0
                fee          base 60.00 arrears
        {start} subscribe    acme pro
                current      {start} {end}
        {end} 01:00 billing
                invoice      1p0
                period       {start} {end}
                fee          base {share}
                draft
                fee          base 60.00
        """
    )


def test_an_anniversary_on_the_31st_is_derived_from_its_anchor(play: Play) -> None:
    play(
        """
        2026-01-31 meter        calls sum
        2026-01-31 organization acme USD UTC
        2026-01-31 plan         pro month grace 0
                   charge       calls 0.02
                   fee          base 30.00 arrears
        2026-01-31 subscribe    acme pro anniversary
        2026-02-27 23:59:59 event e1 acme calls 100
        2026-02-28 event        e2 acme calls 200
        2026-02-28 billing
                   invoice      1p0
                   period       2026-01-31 2026-02-28
                   line         calls 100 x 0.02 = 2.00
                   fee          base 30.00                                # a whole period, of 28 days
        2026-03-30 23:59:59 event e3 acme calls 300
        2026-03-31 event        e4 acme calls 400
        2026-03-31 billing
                   invoice      1p1
                   period       2026-02-28 2026-03-31
                   line         calls 500 x 0.02 = 10.00
                   fee          base 30.00
        2026-04-30 billing
                   invoice      1p2
                   period       2026-03-31 2026-04-30
                   line         calls 400 x 0.02 = 8.00
                   fee          base 30.00
                   draft        1p3
                   period       2026-04-30 2026-05-31
                   fee          base 30.00
        """
    )


def test_an_anniversary_on_the_31st_meets_the_leap_day(play: Play) -> None:
    play(
        """
        2028-01-31 meter        calls sum
        2028-01-31 organization acme USD UTC
        2028-01-31 plan         pro month grace 0
                   charge       calls 0.02
        2028-01-31 subscribe    acme pro anniversary
        2028-02-28 23:59:59 event e1 acme calls 100
        2028-02-29 event        e2 acme calls 200
        2028-02-29 billing
                   invoice      1p0
                   period       2028-01-31 2028-02-29
                   line         calls 100 x 0.02 = 2.00
                   draft
                   period       2028-02-29 2028-03-31
                   line         calls 200 x 0.02 = 4.00
        """
    )


def test_an_anniversary_quarter_is_clipped_to_february(play: Play) -> None:
    play(
        """
        2025-11-30 organization acme USD UTC
        2025-11-30 plan         pro quarter grace 0
                   fee          base 90.00 arrears
        2025-11-30 subscribe    acme pro anniversary
        2026-02-28 billing
                   invoice      1p0
                   period       2025-11-30 2026-02-28
                   fee          base 90.00
                   draft
                   period       2026-02-28 2026-05-30
        """
    )


@pytest.mark.parametrize(
    ("unit", "start", "end", "share"),
    [
        ("week", "2026-01-07", "2026-01-12", "100 / 7 x 5 = 71.43"),
        ("quarter", "2026-02-15", "2026-04-01", "100 / (31 + 28 + 31) x (14 + 31) = 50.00"),
        ("year", "2026-07-01", "2027-01-01", "100 / 365 x (31 + 31 + 30 + 31 + 30 + 31) = 50.41"),
    ],
)
def test_a_calendar_period_of_any_length_is_prorated_by_its_days(
    play: Play, unit: str, start: str, end: str, share: str
) -> None:
    play(
        f"""
        {start} organization acme USD UTC
        {start} plan         pro {unit} grace 1
                fee          base 100.00 arrears
        {start} subscribe    acme pro
        {end} 00:59 billing
                finalized    0
        {end} 01:00 billing
                finalized    1
                invoice      1p0
                period       {start} {end}
                fee          base {share}
        """
    )


def test_the_day_and_the_quarter_hour_of_the_start_are_covered(play: Play) -> None:
    play(
        """
        2026-01-31 meter        calls sum
        2026-01-31 organization acme USD UTC
        2026-01-31 plan         pro month
                   charge       calls 0.10 included 310
                   fee          base 31.00 arrears
                   fee          setup 5.00 arrears whole
        2026-01-31 18:14:59 event e1 acme calls 1000
        2026-01-31 18:15 event  e2 acme calls 50
        2026-01-31 18:20 subscribe acme pro
        2026-02-02 billing
                   invoice      1p0
                   period       2026-01-31 18:20 2026-02-01
                   line         calls of 50: (50 - 310 / 31 x 1) x 0.10 = 4.00
                   fee          base 31.00 / 31 x 1 = 1.00
                   fee          setup 5.00
        """
    )


def test_a_first_tiers_flat_fee_is_prorated_and_the_others_are_not(play: Play) -> None:
    play(
        """
        2026-01-22 meter        calls sum
        2026-01-22 organization acme USD UTC
        2026-01-22 plan         pro month minimum 62.00
                   charge       calls graduated 100:0+31.00 *:0.10+8.00
        2026-01-22 subscribe    acme pro
                   draft        1p0
                   line         calls of 0: 31.00 / 31 x 10 = 10.00
                   plan-minimum 62.00 / 31 x 10 - 10.00 = 10.00
        2026-01-23 event        e1 acme calls 120
                   draft        1p0
                   line         calls of 120: 31.00 / 31 x 10 + 8.00 + 20 x 0.10 = 20.00
        2026-02-02 billing
                   invoice      1p0
                   line         calls of 120: 31.00 / 31 x 10 + 8.00 + 20 x 0.10 = 20.00
                   draft        1p1
                   line         calls of 0: 31.00
                   plan-minimum 62.00 - 31.00 = 31.00
        """
    )
