"""Usage of a period that is closed: billed once as the difference, on the invoice that is open when it comes."""

from tests.stories.openings import CALLS
from tests.stories.story import Play

_TOKENS = """
        2026-01-01 meter        tokens sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       tokens graduated 1000:0.02 *:0.01
        2026-01-01 subscribe    acme pro
"""


def test_usage_in_the_grace_is_not_late(play: Play) -> None:
    play(
        _TOKENS
        + """
        2026-01-10 event        e1 acme tokens 1800
        2026-02-01 23:59:59 event e2 acme tokens 100 at 2026-01-31 23:59:59
        2026-02-01 23:59:59 billing
                   finalized    0
        2026-02-02 billing
                   invoice      1p0
                   line         tokens 1000 x 0.02 + 900 x 0.01 = 29.00
                   draft
                   lines        none
        """
    )


def test_late_usage_goes_on_in_the_tiers_and_is_billed_once(play: Play) -> None:
    play(
        _TOKENS
        + """
        2026-01-10 event        e1 acme tokens 1800
        2026-02-02 billing
                   invoice      1p0
                   line         tokens 1000 x 0.02 + 800 x 0.01 = 28.00
        2026-02-05 event        e2 acme tokens 500 at 2026-01-31
                   draft        1p1
                   late         1p0 tokens 500 x 0.01 = 5.00 from ACME-000001
        2026-02-05 event        e2 acme tokens 500 at 2026-01-31          -> duplicate
        2026-02-06 rollup
                   draft        1p1
                   late         1p0 tokens 500 x 0.01 = 5.00 from ACME-000001
        2026-02-10 event        e3 acme tokens 100                        # its own tiers begin at 0
                   draft        1p1
                   line         tokens 100 x 0.02 = 2.00
                   late         1p0 tokens 500 x 0.01 = 5.00 from ACME-000001
        2026-03-02 billing
                   invoice      1p1
                   line         tokens 100 x 0.02 = 2.00
                   late         1p0 tokens 500 x 0.01 = 5.00 from ACME-000001
                   total        7.00
                   draft        1p2
                   lines        none
        """
    )


def test_late_usage_after_two_invoices_is_the_difference_to_both(play: Play) -> None:
    play(
        _TOKENS
        + """
        2026-01-10 event        e1 acme tokens 800
        2026-02-02 billing
        2026-02-05 event        e2 acme tokens 500 at 2026-01-31
        2026-03-02 billing
                   invoice      1p1
                   late         1p0 tokens of 500: 200 x 0.02 + 300 x 0.01 = 7.00 from ACME-000001
        2026-03-03 event        e3 acme tokens 100 at 2026-01-31
                   draft        1p2
                   late         1p0 tokens 100 x 0.01 = 1.00 from ACME-000001
        2026-03-04 rollup
        2026-04-02 billing
                   invoice      1p2
                   late         1p0 tokens 100 x 0.01 = 1.00 from ACME-000001
                   drafts       1p3
                   draft        1p3
                   lines        none
        """
    )


def test_late_usage_is_taken_up_to_its_limit_and_not_at_it(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-10 event        e1 acme calls 100
        2026-01-31 23:59:59 event e2 acme calls 100
        2026-02-02 billing
                   invoice      1p0
                   late-until   2026-03-08                                # 1 February and 35 days
                   line         calls 200 x 0.02 = 4.00
        2026-03-02 billing
        2026-03-07 23:59:59 amend e2 150
        2026-03-07 23:59:59 event e3 acme calls 50 at 2026-01-31 23:59:59
        2026-03-08 event        e4 acme calls 50 at 2026-01-31 23:59:59   -> refused 422
        2026-03-08 amend        e2 999                                    -> refused 422
        2026-03-08 void-event   e2                                        -> refused 422
        2026-04-02 billing
                   invoice      1p2
                   late         1p0 calls 100 x 0.02 = 2.00 from ACME-000001
        """
    )


def test_an_amend_that_lowers_usage_comes_off_the_next_invoice(play: Play) -> None:
    play(
        _TOKENS
        + """
        2026-01-10 event        e1 acme tokens 1200
        2026-01-20 event        e2 acme tokens 600
        2026-02-02 billing
                   invoice      1p0
                   line         tokens 1000 x 0.02 + 800 x 0.01 = 28.00
        2026-02-05 amend        e2 100
        2026-02-10 event        e3 acme tokens 300
        2026-02-11 read
                   draft        1p1
                   line         tokens 300 x 0.02 = 6.00
                   late         1p0 tokens -500 x 0.01 = -5.00 from ACME-000001
                   total        1.00
        2026-02-12 amend        e2 600                                    # and back again
                   draft        1p1
                   line         tokens 300 x 0.02 = 6.00
        """
    )


def test_a_void_that_takes_more_than_is_due_is_carried_to_credit(play: Play) -> None:
    play(
        _TOKENS
        + """
        2026-01-10 event        e1 acme tokens 1200
        2026-01-20 event        e2 acme tokens 600
        2026-02-02 billing
        2026-02-05 void-event   e1
        2026-02-10 event        e3 acme tokens 300
        2026-03-02 billing
                   invoice      1p1
                   line         tokens 300 x 0.02 = 6.00
                   late         1p0 tokens of -1200: 600 x 0.02 - 28.00 = -16.00 from ACME-000001
                   carried      16.00 - 6.00 = 10.00
                   subtotal     0.00
                   total        0.00
                   payment      paid
                   grants       10.00
        """
    )


def test_late_usage_below_the_plan_minimum_takes_the_minimum_back(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month minimum 50.00
                   charge       calls 0.02
        2026-01-01 subscribe    acme pro
        2026-01-10 event        e1 acme calls 1500
        2026-02-02 billing
                   invoice      1p0
                   line         calls 1500 x 0.02 = 30.00
                   plan-minimum 50.00 - 30.00 = 20.00
        2026-02-05 event        e2 acme calls 500 at 2026-01-31
                   draft        1p1
                   plan-minimum 50.00                                     # its own: late usage does not count to it
                   late         1p0 calls 500 x 0.02 = 10.00 from ACME-000001
                   late         1p0 minimum 10.00 - 20.00 = -10.00 from ACME-000001
                   total        50.00
        2026-02-06 event        e3 acme calls 1000 at 2026-01-31          # 60.00 in all
                   draft        1p1
                   plan-minimum 50.00
                   late         1p0 calls 1500 x 0.02 = 30.00 from ACME-000001
                   late         1p0 minimum -20.00 from ACME-000001
                   total        60.00
        """
    )


def test_late_usage_is_net_of_its_plans_discount_and_taxed_at_todays_rate(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC VAT 19
        2026-01-01 plan         pro month discount 10
                   charge       calls 0.02
        2026-01-01 subscribe    acme pro
        2026-01-10 event        e1 acme calls 1000
        2026-02-02 billing
                   invoice      1p0
                   line         calls 1000 x 0.02 = 20.00
                   discount     2.00
                   tax          18.00 x 0.19 = 3.42
        2026-02-03 taxes        acme VAT 20
        2026-02-05 event        e2 acme calls 500 at 2026-01-31
        2026-03-02 billing
                   invoice      1p1
                   late         1p0 calls of 500: 1500 x 0.02 x 0.9 - 18.00 = 9.00 from ACME-000001
                   tax          9.00 x 0.20 = 1.80
                   total        10.80
        """
    )


def test_late_usage_after_the_end_gets_an_invoice_when_no_more_can_come(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-10 event        e1 acme calls 100
        2026-01-11 cancel       1 period_end
        2026-02-02 billing
                   invoice      1p0
                   line         calls 100 x 0.02 = 2.00
                   drafts       none
        2026-02-10 event        e2 acme calls 50 at 2026-01-31
                   draft        1l0
                   late         1p0 calls 50 x 0.02 = 1.00 from ACME-000001
                   finalizes    2026-03-08
        2026-03-07 23:00 billing
                   finalized    0
        2026-03-08 billing
                   finalized    1
                   invoice      1l0
                   number       ACME-000002
                   late         1p0 calls 50 x 0.02 = 1.00 from ACME-000001
                   total        1.00
        2026-03-08 01:00 billing
                   finalized    0
                   drafts       none
        """
    )


def test_late_usage_of_two_periods_after_the_end_waits_for_the_first_limit(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-31 event        e1 acme calls 100
        2026-02-02 billing
        2026-02-10 event        e2 acme calls 200
        2026-02-15 cancel       1 now
        2026-02-16 billing
                   invoice      1p1
                   line         calls 200 x 0.02 = 4.00
        2026-02-17 event        e3 acme calls 50 at 2026-01-31
        2026-02-17 event        e4 acme calls 60 at 2026-02-10
        2026-03-08 billing
                   invoice      1l0
                   late         1p0 calls 50 x 0.02 = 1.00 from ACME-000001
                   late         1p1 calls 60 x 0.02 = 1.20 from ACME-000002
        2026-03-10 event        e5 acme calls 70 at 2026-02-14
                   draft        1l1
                   late         1p1 calls 70 x 0.02 = 1.40 from ACME-000002
        2026-03-22 billing
                   invoice      1l1
                   late         1p1 calls 70 x 0.02 = 1.40 from ACME-000002
                   drafts       none
        """
    )


def test_late_usage_of_a_skipped_period_names_no_invoice(play: Play) -> None:
    play(
        CALLS
        + """
        2026-02-02 billing
                   skipped      1
                   invoices     none
        2026-02-05 event        e1 acme calls 500 at 2026-01-31
                   draft        1p1
                   late         1p0 calls 500 x 0.02 = 10.00
        2026-03-02 billing
                   invoice      1p1
                   number       ACME-000001
                   late         1p0 calls 500 x 0.02 = 10.00
        2026-03-03 event        e2 acme calls 50 at 2026-01-31
                   draft        1p2
                   late         1p0 calls 50 x 0.02 = 1.00
        """
    )


def test_late_usage_of_two_closed_periods_comes_on_one_invoice(play: Play) -> None:
    play(
        _TOKENS
        + """
        2026-01-10 event        e1 acme tokens 900
        2026-02-02 billing
        2026-02-10 event        e2 acme tokens 2000
        2026-03-02 billing
        2026-03-03 event        e3 acme tokens 200 at 2026-01-31
        2026-03-03 event        e4 acme tokens 300 at 2026-02-28
                   draft        1p2
                   late         1p0 tokens 100 x 0.02 + 100 x 0.01 = 3.00 from ACME-000001
                   late         1p1 tokens 300 x 0.01 = 3.00 from ACME-000002
        2026-03-04 rollup
        2026-04-02 billing
                   invoice      1p2
                   late         1p0 tokens 100 x 0.02 + 100 x 0.01 = 3.00 from ACME-000001
                   late         1p1 tokens 300 x 0.01 = 3.00 from ACME-000002
                   draft        1p3
                   lines        none
        """
    )


def test_a_late_level_changes_what_every_later_period_held(play: Play) -> None:
    play(
        """
        2026-01-31 meter        disk time_weighted
        2026-01-31 organization acme USD UTC
        2026-01-31 plan         pro month
                   charge       disk 0.01
        2026-01-31 subscribe    acme pro
        2026-01-31 event        e1 acme disk 10
        2026-02-02 billing
                   invoice      1p0
                   line         disk of 10 x 24: 240 x 0.01 = 2.40
        2026-03-02 billing
                   invoice      1p1
                   line         disk of 10 x 28 x 24: 6720 x 0.01 = 67.20
        2026-03-03 event        e2 acme disk 20 at 2026-01-31 12:00
                   draft        1p2
                   line         disk of 20 x 48: 960 x 0.01 = 9.60
                   late         1p0 disk of 10 x 12: 120 x 0.01 = 1.20 from ACME-000001
                   late         1p1 disk of 10 x 28 x 24: 6720 x 0.01 = 67.20 from ACME-000002
        2026-03-04 rollup
                   draft        1p2
                   line         disk of 20 x 72: 1440 x 0.01 = 14.40
                   late         1p0 disk of 10 x 12: 120 x 0.01 = 1.20 from ACME-000001
                   late         1p1 disk of 10 x 28 x 24: 6720 x 0.01 = 67.20 from ACME-000002
        2026-04-02 billing
                   invoice      1p2
                   line         disk of 20 x 31 x 24: 14880 x 0.01 = 148.80
                   late         1p0 disk of 10 x 12: 120 x 0.01 = 1.20 from ACME-000001
                   late         1p1 disk of 10 x 28 x 24: 6720 x 0.01 = 67.20 from ACME-000002
                   draft        1p3
                   line         disk of 20 x 24: 480 x 0.01 = 4.80
        """
    )


def test_late_usage_of_a_part_is_rated_by_the_plan_of_that_part(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       calls 0.02
        2026-01-01 plan         max month
                   charge       calls 0.01
        2026-01-01 subscribe    acme pro
        2026-01-05 event        e1 acme calls 100
        2026-01-11 change       1 max now
        2026-01-20 event        e2 acme calls 100
        2026-02-02 billing
                   invoice      1p0
                   line         calls 100 x 0.02 = 2.00
                   line         calls.1 100 x 0.01 = 1.00
        2026-02-03 event        e3 acme calls 50 at 2026-01-10 23:59:59
        2026-02-03 event        e4 acme calls 70 at 2026-01-11
                   draft        1p1
                   late         1p0 calls 50 x 0.02 = 1.00 from ACME-000001
                   late         1p0 calls.1 70 x 0.01 = 0.70 from ACME-000001
        """
    )


def test_late_usage_of_a_subscription_that_ended_comes_on_the_next_ones_draft(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 plan         max month
                   charge       calls 0.01
        2026-01-10 event        e1 acme calls 100
        2026-01-16 cancel       1 now
        2026-01-17 billing
        2026-01-20 subscribe    acme max
        2026-01-21 event        e2 acme calls 50 at 2026-01-15
        2026-01-21 event        e3 acme calls 1000
        2026-01-21 event        e4 acme calls 7777 at 2026-01-18          # between the two: free
        2026-02-02 billing
                   invoice      2p0
                   line         calls 1000 x 0.01 = 10.00
                   late         1p0 calls 50 x 0.02 = 1.00 from ACME-000001
                   draft        2p1
                   lines        none
        """
    )


def test_late_usage_alone_can_be_finalized_by_hand(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-10 event        e1 acme calls 100
        2026-01-16 cancel       1 now
        2026-01-17 billing
        2026-01-18 event        e2 acme calls 50 at 2026-01-15
        2026-01-18 finalize     1l0
                   late         1p0 calls 50 x 0.02 = 1.00 from ACME-000001
                   drafts       none
        2026-01-19 event        e3 acme calls 30 at 2026-01-15
                   draft        1l1
                   late         1p0 calls 30 x 0.02 = 0.60 from ACME-000001
        2026-02-20 billing
                   finalized    1
                   invoice      1l1
                   late         1p0 calls 30 x 0.02 = 0.60 from ACME-000001
        """
    )


def test_late_usage_below_a_cap_is_billed_up_to_the_cap(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum by model
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       calls by model a=0.02 other=0.01 maximum 25.00
        2026-01-01 subscribe    acme pro
        2026-01-10 event        e1 acme calls 1000 model=a
        2026-02-02 billing
                   invoice      1p0
                   line         calls~a 1000 x 0.02 = 20.00
        2026-02-03 event        e2 acme calls 800 model=b at 2026-01-31
                   draft        1p1
                   late         1p0 calls of 800: 25.00 - 20.00 = 5.00 from ACME-000001
        2026-03-02 billing
        2026-03-03 event        e3 acme calls 800 model=a at 2026-01-31
                   draft        1p2
                   lines        none
        """
    )
