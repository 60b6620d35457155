"""Periods with nothing to bill, and with nothing to pay."""

from tests.stories.story import Play


def test_a_period_without_usage_uses_no_number(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       calls 0.02
        2026-01-01 subscribe    acme pro
        2026-01-15 read
                   draft        1p0
                   lines        none
                   total        0.00
        2026-02-02 finalize     1p0                                       -> refused 409
        2026-02-02 billing
                   finalized    0
                   skipped      1
                   invoice      1p0 none
                   drafts       1p1
        2026-02-10 event        e1 acme calls 100
        2026-03-02 billing
                   invoice      1p1
                   number       ACME-000001
                   line         calls 100 x 0.02 = 2.00
        """
    )


def test_usage_that_costs_nothing_is_invoiced_at_zero_and_paid_at_once(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC VAT 19
        2026-01-01 plan         pro month
                   charge       calls 0.02 included 1000
        2026-01-01 subscribe    acme pro
        2026-01-10 event        e1 acme calls 1000
        2026-02-02 billing
                   finalized    1
                   invoice      1p0
                   number       ACME-000001
                   line         calls of 1000: 0 x 0.02 = 0.00
                   total        0.00
                   payment      paid
        2026-02-03 event        e2 acme calls 1 at 2026-01-31
                   draft        1p1
                   late         1p0 calls 1 x 0.02 = 0.02 from ACME-000001
        2026-03-10 billing
                   overdue      0
        """
    )


def test_usage_that_was_taken_back_leaves_nothing_to_bill(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       calls 0.02
        2026-01-01 subscribe    acme pro
        2026-01-10 event        e1 acme calls 1000
        2026-01-11 void-event   e1
        2026-01-12 event        e1 acme calls 1000 at 2026-01-10          -> voided, stays so
        2026-01-13 event        e2 acme calls 5
        2026-01-14 amend        e2 0
        2026-02-02 billing
                   finalized    0
                   skipped      1
        """
    )


def test_a_plan_without_charges_is_skipped_and_one_with_a_minimum_is_not(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         free month
        2026-01-01 plan         paid month minimum 20.00
        2026-01-01 subscribe    acme free
        2026-02-02 billing
                   skipped      1
        2026-02-03 cancel       1 now
        2026-02-03 subscribe    acme paid
        2026-03-02 billing
                   finalized    1
                   skipped      1
                   invoice      2p0
                   plan-minimum 20.00 / 28 x 26 = 18.57
        """
    )
