"""Payments: partial, repeated, reversed, late, given up."""

from tests.stories.story import Play

_INVOICED = """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month net 14
                   charge       calls 0.02
        2026-01-01 subscribe    acme pro
        2026-01-10 event        e1 acme calls 5000
        2026-02-02 15:00 billing
                   invoice      1p0
                   issued       2026-02-02 15:00
                   due-at       2026-02-17                                # the end of the day, 14 days later
                   due          100.00
                   payment      unpaid
"""


def test_partial_payments_add_up_and_never_exceed_what_is_due(play: Play) -> None:
    play(
        _INVOICED
        + """
        2026-02-03 pay          1p0 40.00 r1
                   paid         40.00
                   due          60.00
                   payment      partly_paid
        2026-02-04 pay          1p0 60.01 r2                              -> refused 409
        2026-02-04 pay          1p0 60.00 r2
                   due          0.00
                   payment      paid
        2026-02-05 pay          1p0 0.01 r3                               -> refused 409
        """
    )


def test_a_reference_counts_once(play: Play) -> None:
    play(
        _INVOICED
        + """
        2026-02-03 pay          1p0 40.00 r1
        2026-02-03 pay          1p0 40.00 r1
                   paid         40.00
        2026-02-03 pay          1p0 41.00 r1                              -> refused 409
        2026-02-04 reverse      1p0 pay_1 bounced
                   paid         0.00
                   due          100.00
                   payment      unpaid
        2026-02-04 reverse      1p0 pay_1 bounced
        2026-02-04 reverse      1p0 pay_1 other                           -> refused 409
        2026-02-04 pay          1p0 40.00 r1                              -> refused 409
        2026-02-04 pay          1p0 100.00 r2
                   payment      paid
        """
    )


def test_an_invoice_is_overdue_from_the_instant_it_is_due(play: Play) -> None:
    play(
        _INVOICED
        + """
        2026-02-16 23:59:59 billing
                   overdue      0
                   invoice      1p0
                   payment      unpaid
        2026-02-17 read
                   invoice      1p0
                   payment      overdue                                   # before any job has run
        2026-02-17 billing
                   overdue      1
                   invoice      1p0
                   payment      overdue
        2026-02-18 pay          1p0 40.00 r1
                   payment      overdue
        2026-02-19 pay          1p0 60.00 r2
                   payment      paid
        2026-02-20 billing
                   overdue      0
        """
    )


def test_an_invoice_that_was_given_up_can_still_be_paid(play: Play) -> None:
    play(
        _INVOICED
        + """
        2026-02-20 uncollectible 1p0 insolvent
                   payment      uncollectible
                   due          100.00
        2026-02-20 uncollectible 1p0 insolvent
        2026-02-20 uncollectible 1p0 other                                -> refused 409
        2026-02-21 pay          1p0 30.00 r1
                   payment      uncollectible
        2026-02-22 pay          1p0 70.00 r2
                   payment      paid
        """
    )


def test_a_draft_takes_no_payment_and_is_finalized_after_its_period_only(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   fee          base 31.00 arrears
        2026-01-01 subscribe    acme pro
        2026-01-31 23:59:59 pay 1p0 1.00 r1                               -> refused 409
        2026-01-31 23:59:59 finalize 1p0                                  -> refused 409
        2026-02-01 finalize     1p0
                   status       finalized
                   number       ACME-000001
                   total        31.00
        2026-02-01 finalize     1p0
                   number       ACME-000001
        2026-02-02 billing
                   finalized    0
        """
    )


def test_a_one_off_invoice_stands_between_the_others(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC VAT 19
        2026-01-01 plan         pro month
                   fee          base 31.00 arrears
        2026-01-01 subscribe    acme pro
        2026-01-20 one-off      acme Workshop 1.5 x 99.99
                   number       ACME-000001
                   one-off      1 1.5 x 99.99 = 149.99                    # 149.985
                   tax          149.99 x 0.19 = 28.50
                   invoice      0o1
                   status       finalized
        2026-02-02 billing
                   invoice      1p0
                   number       ACME-000002
        """
    )
