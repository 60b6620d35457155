"""Which grant pays first, and which lines a grant pays at all."""

from tests.stories.openings import CALLS
from tests.stories.story import Play


def test_grants_are_drawn_in_their_order(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        bought 1.00 basis 0.80
        2026-01-01 grant        free 1.00
        2026-01-01 grant        older 1.00 from 2025-12-01
        2026-01-01 grant        only 1.00 for calls
        2026-01-01 grant        later 1.00 expires 2026-03-01
        2026-01-01 grant        soon 1.00 expires 2026-02-01 basis 1
        2026-01-01 grant        first 1.00 priority 1 basis 1
        2026-01-05 event        e1 acme calls 75
                   draft
                   drawdown     usage-calls first 1.00
                   drawdown     usage-calls soon 0.50
        2026-01-06 event        e2 acme calls 325
                   draft
                   drawdown     usage-calls first 1.00                    # the lower priority
                   drawdown     usage-calls soon 1.00                     # expires sooner
                   drawdown     usage-calls later 1.00                    # expires at all
                   drawdown     usage-calls only 1.00                     # costs less, and is restricted
                   drawdown     usage-calls older 1.00                    # effective earlier
                   drawdown     usage-calls free 1.00
                   drawdown     usage-calls bought 1.00
                   total        400 x 0.02 - 7.00 = 1.00
        2026-02-02 billing
                   entries      14
                   entry        8 drawdown first -1.00 of 1p0
                   entry        14 drawdown bought -1.00 of 1p0
        """
    )


def test_a_restricted_grant_pays_its_charges_only(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       calls 0.02
                   charge       chats on calls 0.01
                   fee          base 30.00 arrears
                   fee          extra 5.00 arrears
        2026-01-01 subscribe    acme pro
        2026-01-01 grant        base 20.00 for base,calls
        2026-01-01 grant        usage 100.00
        2026-01-05 event        e1 acme calls 500
                   draft
                   drawdown     usage-calls usage 10.00                   # the fee came first, on the 1st
                   drawdown     usage-chats usage 5.00
                   drawdown     fee-base base 20.00
                   total        500 x 0.03 + 35.00 - 35.00 = 15.00
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls usage 10.00
                   drawdown     usage-chats usage 5.00
                   drawdown     fee-base base 20.00
        2026-02-03 grant        fees 35.00 for extra                      # too late for January, from the 3rd on
                   draft
                   drawdown     none
        2026-02-04 grant        more 35.00 from 2026-02-01 for extra
                   draft
                   drawdown     fee-extra more 5.00
        """
    )


def test_a_grant_for_all_pays_fees_one_offs_and_late_usage(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC VAT 10
        2026-01-01 plan         pro month
                   charge       calls 0.02
                   fee          base 30.00 arrears
        2026-01-01 subscribe    acme pro
        2026-01-01 grant        usage 100.00 priority 1
        2026-01-01 grant        all 85.00 for all
        2026-01-10 event        e1 acme calls 100
        2026-01-20 one-off      acme Workshop 1 x 50.00
                   drawdown     one-off-1 all 50.00                       # the fee has had its 30.00
                   tax          0.00
                   total        0.00
                   payment      paid
                   wallet       consumed 50.00 pending 32.00
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls usage 2.00
                   drawdown     fee-base all 30.00
                   total        0.00
        2026-02-03 event        e2 acme calls 200 at 2026-01-31
                   draft        1p1
                   fee          base 30.00
                   late         1p0 calls 200 x 0.02 = 4.00 from ACME-000002
                   drawdown     fee-base all 5.00
                   drawdown     late-1p0-calls usage 4.00
                   tax          25.00 x 0.10 = 2.50
        2026-02-04 one-off      acme Workshop 1 x 50.00
                   drawdown     none                                      # drafts draw the rest
                   total        55.00
        2026-03-02 billing
                   invoice      1p1
                   drawdown     fee-base all 5.00
                   drawdown     late-1p0-calls usage 4.00
                   balance      all consumed 85.00 status depleted
        """
    )


def test_a_cap_is_spent_day_by_day(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       calls 0.02 maximum 25.00
        2026-01-01 subscribe    acme pro
        2026-01-05 event        e1 acme calls 1000
        2026-01-06 grant        G 100.00
        2026-01-06 event        e2 acme calls 1000
                   draft
                   line         calls 2000 x 0.02 = 40.00
                   cap          calls 25.00 - 40.00 = -15.00
                   drawdown     usage-calls G 25.00 - 20.00 = 5.00
                   total        20.00
        2026-01-07 event        e3 acme calls 1000
                   draft
                   drawdown     usage-calls G 5.00
                   total        20.00
        2026-02-02 billing
                   invoice      1p0
                   by-day       usage-calls G 2026-01-06=5.00
                   due          20.00
        """
    )


def test_each_price_of_a_dimension_is_paid_by_the_time_of_its_usage(play: Play) -> None:
    play(
        """
        2026-01-01 meter        tokens sum by model
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       tokens by model a=0.02 other=0.01
        2026-01-01 subscribe    acme pro
        2026-01-01 grant        G 15.00
        2026-01-06 event        e1 acme tokens 500 model=a
        2026-01-06 event        e2 acme tokens 1000 model=b at 2026-01-05
                   draft
                   line         tokens~a 500 x 0.02 = 10.00
                   line         tokens~b 1000 x 0.01 = 10.00
                   drawdown     usage-tokens~a G 5.00
                   drawdown     usage-tokens~b G 10.00
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-tokens~a G 5.00
                   drawdown     usage-tokens~b G 10.00
                   entry        newest drawdown G -15.00 of 1p0
        """
    )


def test_the_usage_of_the_period_that_is_over_comes_first(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 30.00
        2026-01-10 event        e1 acme calls 1000
        2026-02-01 01:00 event  e2 acme calls 1000
                   draft        1p0
                   drawdown     usage-calls G 20.00
                   draft        1p1
                   drawdown     usage-calls G 10.00
                   total        10.00
        2026-02-01 12:00 event  e3 acme calls 250 at 2026-01-31
                   draft        1p0
                   drawdown     usage-calls G 25.00
                   draft        1p1
                   drawdown     usage-calls G 5.00
                   wallet       pending 30.00 remaining 0.00
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls G 25.00
                   draft        1p1
                   drawdown     usage-calls G 5.00
                   wallet       consumed 25.00 pending 5.00 remaining 0.00
        """
    )


def test_yen_are_paid_whole(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme JPY Asia/Tokyo VAT 10
        2026-01-01 plan         pro month
                   charge       calls 0.5
        2026-01-01 subscribe    acme pro
        2026-01-01 grant        half 10.5                                 -> refused 422
        2026-01-01 grant        G 51
        2026-01-05 event        e1 acme calls 101
                   draft
                   drawdown     usage-calls G 101 x 0.5 = 51              # 50.5, away from zero
        2026-01-06 event        e2 acme calls 1
                   draft
                   line         calls 102 x 0.5 = 51
                   drawdown     usage-calls G 51
                   by-day       usage-calls G 2026-01-05=51
        2026-01-07 event        e3 acme calls 1
                   draft
                   line         calls 103 x 0.5 = 52
                   tax          0                                         # 0.1
                   total        1
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls G 51
                   balance      G consumed 51 remaining 0
        """
    )


def test_dinars_are_paid_to_three_digits(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme KWD Asia/Kuwait
        2026-01-01 plan         pro month
                   charge       calls 0.0015
        2026-01-01 subscribe    acme pro
        2026-01-01 grant        G 0.750
        2026-01-05 event        e1 acme calls 333
        2026-01-06 event        e2 acme calls 333
                   draft
                   line         calls 666 x 0.0015 = 0.999
                   by-day       usage-calls G 2026-01-05=0.500 2026-01-06=0.250
                   total        0.249
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls G 0.750
                   due          0.249
        """
    )


def test_credit_depletes_at_the_pace_of_the_last_full_week(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 30.00
                   wallet       depletes none
        2026-01-02 event        e1 acme calls 100                         # eight days before the 10th
        2026-01-08 event        e2 acme calls 700
        2026-01-10 event        e3 acme calls 300                         # today is no full day
                   wallet       remaining 30.00 - 1100 x 0.02 depletes 2026-01-14   # 8.00 by 2.00 a day
        2026-01-18 read
                   wallet       remaining 8.00 depletes none
        """
    )
