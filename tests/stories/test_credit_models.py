"""Slices of charges whose price does not simply follow the quantity: each day pays what it adds, or takes away."""

from tests.stories.story import Play

_HEAD = """
        2026-01-01 organization acme USD UTC
"""


def test_a_package_counts_on_the_day_that_opens_it(play: Play) -> None:
    play(
        _HEAD
        + """
        2026-01-01 meter        calls sum
        2026-01-01 plan         pro month
                   charge       calls package 100:5.00 included 50
        2026-01-01 subscribe    acme pro
        2026-01-01 grant        G 100.00 from 2026-01-06
        2026-01-05 event        e1 acme calls 60
        2026-01-06 event        e2 acme calls 90                          # exactly one package
                   draft
                   drawdown     none
                   total        5.00
        2026-01-07 event        e3 acme calls 0.1
                   draft
                   line         calls of 150.1: 2 x 5.00 = 10.00
                   by-day       usage-calls G 2026-01-07=5.00
                   total        5.00
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls G 5.00
        """
    )


def test_the_flat_fee_of_the_first_tier_is_due_at_once_and_others_with_their_tier(play: Play) -> None:
    play(
        _HEAD
        + """
        2026-01-01 meter        calls sum
        2026-01-01 plan         pro month
                   charge       calls graduated 100:0.10+3.00 *:0.05+2.00
        2026-01-01 subscribe    acme pro
        2026-01-01 grant        first 100.00 expires 2026-01-02
        2026-01-02 grant        G 20.00 from 2026-01-10
        2026-01-05 event        e1 acme calls 50
        2026-01-10 event        e2 acme calls 100
                   draft
                   line         calls of 150: 100 x 0.10 + 3.00 + 50 x 0.05 + 2.00 = 17.50
                   drawdown     usage-calls first 3.00
                   drawdown     usage-calls G 50 x 0.10 + 50 x 0.05 + 2.00 = 9.50
                   total        50 x 0.10 = 5.00
        2026-02-01 read
                   draft        1p1
                   drawdown     usage-calls G 3.00
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls first 3.00
                   drawdown     usage-calls G 9.50
                   balance      G consumed 9.50 pending 3.00 remaining 7.50
        """
    )


def test_a_latest_value_that_falls_gives_back_latest_first_also_what_has_ended(play: Play) -> None:
    play(
        _HEAD
        + """
        2026-01-01 meter        seats latest
        2026-01-01 plan         pro month
                   charge       seats 1.00
        2026-01-01 subscribe    acme pro
        2026-01-01 grant        A 11.00 expires 2026-01-06
        2026-01-01 grant        B 50.00
        2026-01-05 event        e1 acme seats 10
        2026-01-08 event        e2 acme seats 15
                   draft
                   drawdown     usage-seats A 10.00
                   drawdown     usage-seats B 5.00
        2026-01-09 event        e3 acme seats 12
                   draft
                   drawdown     usage-seats A 10.00
                   drawdown     usage-seats B 2.00
        2026-01-10 event        e4 acme seats 4
                   draft
                   line         seats 4 x 1.00 = 4.00
                   drawdown     usage-seats A 4.00
                   total        0.00
                   balance      A pending 4.00 expired 7.00 remaining 0.00
                   balance      B pending 0.00 remaining 50.00
        2026-01-11 event        e5 acme seats 5
                   draft
                   drawdown     usage-seats A 4.00
                   drawdown     usage-seats B 1.00
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-seats A 4.00
                   drawdown     usage-seats B 1.00
        2026-02-02 settle
                   entry        newest expiry A -7.00
        """
    )


def test_a_level_is_paid_for_the_hours_it_lasted_each_day(play: Play) -> None:
    play(
        """
        2026-01-01 meter        gb time_weighted
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       gb 0.01
        2026-01-01 subscribe    acme pro
        2026-01-01 grant        G 100.00 from 2026-01-06 expires 2026-01-07
        2026-01-05 12:00 event  e1 acme gb 10
        2026-01-06 12:00 read
                   draft
                   line         gb 240 x 0.01 = 2.40
                   drawdown     usage-gb G 10 x 12 x 0.01 = 1.20
        2026-01-08 read
                   draft
                   line         gb 600 x 0.01 = 6.00
                   by-day       usage-gb G 2026-01-06=2.40
        2026-01-08 event        e2 acme gb 0
        2026-02-02 billing
                   finalized    1
                   invoice      1p0
                   drawdown     usage-gb G 2.40
                   due          3.60
        """
    )


def test_slices_are_rounded_so_that_they_add_up_to_the_line(play: Play) -> None:
    play(
        _HEAD
        + """
        2026-01-01 meter        calls sum
        2026-01-01 plan         pro month
                   charge       calls 0.001
        2026-01-01 subscribe    acme pro
        2026-01-01 grant        even 1.00 from 2026-01-03
        2026-01-01 event        e1 acme calls 4                           # 0.004: nothing yet
        2026-01-02 event        e2 acme calls 4                           # 0.008: a cent
        2026-01-03 event        e3 acme calls 4                           # 0.012: nothing more
                   draft
                   drawdown     none
                   total        0.01
        2026-01-04 event        e4 acme calls 4                           # 0.016: another cent
                   draft
                   line         calls 16 x 0.001 = 0.02
                   by-day       usage-calls even 2026-01-04=0.01
                   total        0.01
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls even 0.01
        """
    )


def test_both_parts_of_a_period_are_paid_by_the_time_of_their_usage(play: Play) -> None:
    play(
        _HEAD
        + """
        2026-01-01 meter        calls sum
        2026-01-01 plan         pro month
                   charge       calls 0.02
        2026-01-01 plan         max month
                   charge       calls 0.01
        2026-01-01 subscribe    acme pro
        2026-01-01 grant        G 22.00 from 2026-01-11 11:45
        2026-01-11 11:44:59 event e1 acme calls 100
        2026-01-11 11:59:59 event e2 acme calls 1000
        2026-01-11 12:00 change 1 max now
        2026-01-11 12:00 event  e3 acme calls 500
                   draft
                   line         calls 1100 x 0.02 = 22.00
                   line         calls.1 500 x 0.01 = 5.00
                   drawdown     usage-calls G 20.00
                   drawdown     usage-calls.1 G 2.00
                   total        2.00 + 3.00 = 5.00
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls G 20.00
                   drawdown     usage-calls.1 G 2.00
        """
    )


_CALLS = """
        2026-01-01 meter        calls sum
        2026-01-01 plan         pro month
                   charge       calls 0.02
        2026-01-01 subscribe    acme pro
"""


def test_late_usage_counts_at_the_first_instant_of_the_draft_that_brings_it(play: Play) -> None:
    play(
        _HEAD
        + _CALLS
        + """
        2026-01-10 event        e1 acme calls 1000
        2026-02-02 billing
        2026-02-02 grant        last 50.00 from 2026-01-01 expires 2026-02-01
        2026-02-02 grant        after 50.00 from 2026-02-01 00:15
        2026-02-05 event        e2 acme calls 250 at 2026-01-31
                   draft        1p1
                   drawdown     none
        2026-02-06 grant        at 3.00 from 2026-02-01 00:14
                   draft        1p1
                   late         1p0 calls 250 x 0.02 = 5.00 from ACME-000001
                   drawdown     late-1p0-calls at 3.00
                   by-day       late-1p0-calls at 2026-02-01=3.00
                   total        2.00
        2026-03-02 billing
                   invoice      1p1
                   drawdown     late-1p0-calls at 3.00
        """
    )


def test_what_others_billed_of_a_period_made_again_gives_its_credit_back(play: Play) -> None:
    play(
        _HEAD
        + _CALLS
        + """
        2026-01-01 grant        G 35.00
        2026-01-10 event        e1 acme calls 1000
        2026-02-02 billing
        2026-02-05 event        e2 acme calls 500 at 2026-01-31
        2026-03-02 billing
                   invoice      1p1
                   drawdown     late-1p0-calls G 10.00
        2026-03-03 void         1p0 regenerate wrong
                   draft        1p0.1
                   line         calls 1500 x 0.02 = 30.00
                   elsewhere    0 calls -500 x 0.02 = -10.00 from ACME-000002
                   drawdown     usage-calls G 30.00                       # 25.00 and what comes back first
                   drawdown     elsewhere-0-calls G -10.00
                   total        0.00
                   balance      G consumed 10.00
        2026-03-04 billing
                   invoice      1p0.1
                   total        0.00
                   balance      G consumed 30.00 pending 0.00 remaining 5.00
        """
    )
