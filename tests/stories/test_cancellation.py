"""Subscriptions that end: inside a period, with it, before they begin, and what comes after."""

from tests.stories.story import Play

_ACME = """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
"""


def test_a_cancellation_now_closes_the_period_there(play: Play) -> None:
    play(
        _ACME
        + """
        2026-01-01 plan         pro month minimum 62.00
                   charge       calls 0.02
                   fee          base 31.00 arrears
        2026-01-01 subscribe    acme pro
        2026-01-15 23:59:59 event e1 acme calls 250
        2026-01-16 cancel       1 now
                   status       ended
                   drafts       1p0
        2026-01-16 event        e2 acme calls 9999
        2026-01-16 23:59:59 billing
                   finalized    0
        2026-01-17 billing
                   finalized    1
                   invoice      1p0
                   period       2026-01-01 2026-01-16
                   line         calls 250 x 0.02 = 5.00
                   fee          base 31.00 / 31 x 15 = 15.00
                   plan-minimum 62.00 / 31 x 15 - 5.00 - 15.00 = 10.00
                   total        30.00
                   drafts       none
        """
    )


def test_a_cancellation_inside_a_quarter_hour_bills_all_of_it(play: Play) -> None:
    play(
        _ACME
        + """
        2026-01-01 plan         pro month
                   charge       calls 0.02
        2026-01-01 subscribe    acme pro
        2026-01-16 12:01 cancel 1 now
        2026-01-16 12:14:59 event e1 acme calls 100
        2026-01-16 12:15 event  e2 acme calls 100
                   draft        1p0
                   line         calls 100 x 0.02 = 2.00
                   finalizes    2026-01-17 12:01
        """
    )


def test_a_cancellation_now_gives_the_unused_advance_fee_back(play: Play) -> None:
    play(
        _ACME
        + """
        2026-01-01 plan         pro month discount 10
                   charge       calls 0.02
                   fee          seats 31.00 advance
        2026-01-01 subscribe    acme pro
        2026-01-05 event        e1 acme calls 2000
        2026-01-16 cancel       1 now
                   draft        1p0
                   line         calls 2000 x 0.02 = 40.00
                   adjusted     seats.p0 [31.00 / 31 x 15 x 0.9] - 27.90 = -14.40
                   discount     4.00
                   total        40.00 - 4.00 - 14.40 = 21.60
        2026-01-17 billing
                   finalized    1
        2026-03-20 billing
                   finalized    0
                   invoices     1p0 1a0
        """
    )


def test_an_unused_advance_fee_with_nothing_else_to_bill_becomes_credit(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   fee          seats 31.00 advance
        2026-01-01 subscribe    acme pro
        2026-01-16 cancel       1 now
        2026-01-17 billing
                   grants       16.00
                   invoice      1p0
                   adjusted     seats.p0 31.00 / 31 x 15 - 31.00 = -16.00
                   carried      16.00
                   total        0.00
                   payment      paid
        """
    )


def test_a_cancellation_at_the_periods_end_charges_no_next_fee(play: Play) -> None:
    play(
        _ACME
        + """
        2026-01-01 plan         pro month
                   charge       calls 0.02
                   fee          seats 31.00 advance
        2026-01-01 subscribe    acme pro
        2026-01-10 event        e1 acme calls 100
                   draft
                   line         calls 100 x 0.02 = 2.00
                   fee          seats.p1 31.00
        2026-01-15 cancel       1 period_end
                   status       cancelling
                   draft
                   line         calls 100 x 0.02 = 2.00
        2026-01-16 resume       1
                   status       active
                   draft
                   line         calls 100 x 0.02 = 2.00
                   fee          seats.p1 31.00
        2026-01-17 cancel       1 period_end
        2026-02-01 read         1
                   status       ended
                   drafts       1p0
        2026-02-01 resume       1                                         -> refused 409
        2026-02-02 billing
                   invoice      1p0
                   line         calls 100 x 0.02 = 2.00
                   drafts       none
        """
    )


def test_an_end_may_come_closer_and_not_later(play: Play) -> None:
    play(
        _ACME
        + """
        2026-01-01 plan         pro month
                   fee          base 31.00 arrears
        2026-01-01 subscribe    acme pro
        2026-01-10 cancel       1 2026-01-21
                   draft
                   period       2026-01-01 2026-01-21
                   fee          base 31.00 / 31 x 20 = 20.00
        2026-01-10 cancel       1 2026-01-21 00:01                         -> refused 409
        2026-01-10 cancel       1 2026-01-16
                   draft
                   fee          base 31.00 / 31 x 15 = 15.00
        2026-01-17 cancel       1 now                                     -> refused 409
        """
    )


def test_a_subscription_cancelled_before_it_begins_bills_nothing(play: Play) -> None:
    play(
        _ACME
        + """
        2026-01-01 plan         pro month
                   fee          seats 31.00 advance
        2026-01-01 subscribe    acme pro from 2026-02-01
                   status       scheduled
                   invoices     none
        2026-01-15 cancel       1 now
                   status       ended
        2026-02-05 billing
                   finalized    0
                   invoices     none
                   drafts       none
        """
    )


def test_another_subscription_follows_one_that_was_cancelled(play: Play) -> None:
    play(
        _ACME
        + """
        2026-01-01 plan         pro month
                   charge       calls 0.02
                   fee          base 31.00 arrears
        2026-01-01 plan         max month
                   charge       calls 0.01
                   fee          base 62.00 arrears
        2026-01-01 subscribe    acme pro
        2026-01-10 subscribe    acme max                                  -> refused 409
        2026-01-11 event        e1 acme calls 100
        2026-01-16 cancel       1 now
        2026-01-16 subscribe    acme max
        2026-01-16 event        e2 acme calls 100
        2026-02-02 billing
                   finalized    2
                   invoice      1p0
                   number       ACME-000001
                   line         calls 100 x 0.02 = 2.00
                   fee          base 31.00 / 31 x 15 = 15.00
                   invoice      2p0
                   number       ACME-000002
                   line         calls 100 x 0.01 = 1.00
                   fee          base 62.00 / 31 x 16 = 32.00
        """
    )


def test_an_end_that_is_known_shortens_the_first_fee_and_taking_it_back_charges_the_rest(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month discount 10
                   fee          seats 31.00 advance
        2026-01-01 subscribe    acme pro until 2026-01-21
                   status       cancelling
                   invoice      1a0
                   fee          seats.p0 31.00 / 31 x 20 = 20.00
                   discount     2.00
        2026-01-10 resume       1
                   draft        1p0
                   adjusted     seats.p0 27.90 - 18.00 = 9.90
                   fee          seats.p1 31.00
                   discount     3.10
                   total        37.80
        2026-02-02 billing
                   invoice      1p0
                   adjusted     seats.p0 9.90
                   fee          seats.p1 31.00
                   discount     3.10
        """
    )


def test_a_cancellation_on_the_first_day_gives_the_whole_fee_back(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC VAT 19
        2026-01-01 plan         pro month
                   fee          seats 31.00 advance
        2026-01-01 subscribe    acme pro
        2026-01-01 18:00 cancel 1 now
        2026-01-02 18:00 billing
                   grants       31.00
                   invoice      1p0
                   adjusted     seats.p0 -31.00
                   carried      31.00
                   tax          0.00
        """
    )


def test_a_fee_charged_for_the_period_that_is_cancelled_comes_back_by_days(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   fee          seats 31.00 advance
        2026-01-01 subscribe    acme pro
        2026-02-02 billing
                   invoice      1p0
                   fee          seats.p1 31.00
        2026-02-02 12:00 cancel 1 now
        2026-02-03 12:00 billing
                   invoice      1p1
                   adjusted     seats.p1 31.00 / 28 x 1 - 31.00 = -29.89
                   carried      29.89
        """
    )


def test_a_subscription_that_began_in_the_past_bills_what_has_passed(play: Play) -> None:
    play(
        """
        2026-02-03 meter        calls sum
        2026-02-03 organization acme USD UTC
        2026-02-03 event        e1 acme calls 100 at 2026-01-31
        2026-02-03 plan         pro month
                   charge       calls 0.02
                   fee          seats 31.00 advance
        2026-02-03 subscribe    acme pro from 2025-12-29                  -> refused 422
        2026-02-03 subscribe    acme pro from 2025-12-30
                   invoice      1a0
                   fee          seats.p0 31.00 / 31 x 2 = 2.00
                   drafts       1p2 1p1 1p0
        2026-02-03 billing
                   finalized    2
                   invoice      1p0
                   period       2025-12-30 2026-01-01
                   fee          seats.p1 31.00
                   invoice      1p1
                   line         calls 100 x 0.02 = 2.00
                   fee          seats.p2 31.00
        """
    )


def test_a_plan_minimum_counts_the_advance_fee_of_its_period(play: Play) -> None:
    play(
        _ACME
        + """
        2026-01-01 plan         pro month minimum 50.00 discount 10
                   charge       calls 0.02
                   fee          seats 31.00 advance
        2026-01-01 subscribe    acme pro
                   invoice      1a0
                   fee          seats.p0 31.00
                   discount     3.10
        2026-01-10 event        e1 acme calls 500
        2026-02-02 billing
                   invoice      1p0
                   line         calls 500 x 0.02 = 10.00
                   fee          seats.p1 31.00
                   plan-minimum 50.00 - 27.90 - 9.00 = 13.10
                   discount     1.00 + 3.10 = 4.10
        """
    )
