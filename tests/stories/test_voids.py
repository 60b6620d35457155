"""Void invoices: their period billed again or given up, and what else stood on them."""

from tests.stories.story import Play

_CALLS = """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       calls 0.02
        2026-01-01 subscribe    acme pro
        2026-01-10 event        e1 acme calls 1000
        2026-02-02 billing
                   invoice      1p0
                   line         calls 1000 x 0.02 = 20.00
"""
_SEATS = """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       calls 0.02
                   fee          seats 31.00 advance
        2026-01-01 subscribe    acme pro
"""


def test_a_period_that_is_made_again_takes_its_late_usage_in(play: Play) -> None:
    play(
        _CALLS
        + """
        2026-02-05 event        e2 acme calls 500 at 2026-01-31
                   draft        1p1
                   late         1p0 calls 500 x 0.02 = 10.00 from ACME-000001
        2026-02-06 void         1p0 regenerate wrong address
                   status       void
                   due          0.00
                   payment      none
                   drafts       1p1 1p0.1
                   draft        1p1
                   lines        none
                   draft        1p0.1
                   line         calls 1500 x 0.02 = 30.00
                   finalizes    2026-02-07
        2026-02-06 23:59:59 billing
                   finalized    0
        2026-02-07 billing
                   finalized    1
                   invoice      1p0.1
                   number       ACME-000002
                   line         calls 1500 x 0.02 = 30.00
                   invoice      1p0
                   number       ACME-000001
                   status       void
                   line         calls 1000 x 0.02 = 20.00
        2026-02-08 event        e3 acme calls 50 at 2026-01-31
                   draft        1p1
                   late         1p0 calls 50 x 0.02 = 1.00 from ACME-000002
        """
    )


def test_a_period_that_is_made_again_takes_off_what_others_billed_of_it(play: Play) -> None:
    play(
        _CALLS
        + """
        2026-02-05 event        e2 acme calls 500 at 2026-01-31
        2026-03-02 billing
                   invoice      1p1
                   late         1p0 calls 500 x 0.02 = 10.00 from ACME-000001
        2026-03-03 void         1p0 regenerate wrong
                   draft        1p0.1
                   line         calls 1500 x 0.02 = 30.00
                   elsewhere    0 calls -500 x 0.02 = -10.00 from ACME-000002
                   total        20.00
        2026-03-04 billing
                   invoice      1p0.1
                   number       ACME-000003
                   line         calls 1500 x 0.02 = 30.00
                   elsewhere    0 calls -500 x 0.02 = -10.00 from ACME-000002
                   draft        1p2
                   lines        none
        2026-03-05 event        e3 acme calls 100 at 2026-01-31
                   draft        1p2
                   late         1p0 calls 100 x 0.02 = 2.00 from ACME-000003
        2026-04-02 billing
                   invoice      1p2
                   late         1p0 calls 100 x 0.02 = 2.00 from ACME-000003
        """
    )


def test_a_void_invoice_without_a_new_one_gives_its_period_up(play: Play) -> None:
    play(
        _CALLS
        + """
        2026-02-05 event        e2 acme calls 500 at 2026-01-31
        2026-02-06 void         1p0 not wanted
                   drafts       1p1
                   draft        1p1
                   lines        none
        2026-02-07 event        e3 acme calls 500 at 2026-01-31           # counted as usage, and billed no more
                   draft        1p1
                   lines        none
        2026-03-02 billing
                   finalized    0
                   skipped      1
                   invoices     1p0
        """
    )


def test_the_fees_and_the_late_usage_of_a_void_invoice_go_to_the_open_draft(play: Play) -> None:
    play(
        _SEATS
        + """
        2026-01-10 event        e1 acme calls 1000
        2026-02-02 billing
                   invoice      1p0
                   line         calls 1000 x 0.02 = 20.00
                   fee          seats.p1 31.00
        2026-02-05 event        e2 acme calls 500 at 2026-01-31
        2026-02-10 event        e3 acme calls 70
        2026-03-02 billing
                   invoice      1p1
                   line         calls 70 x 0.02 = 1.40
                   fee          seats.p2 31.00
                   late         1p0 calls 500 x 0.02 = 10.00 from ACME-000002
        2026-03-03 void         1p1 regenerate wrong
                   draft        1p1.1
                   line         calls 70 x 0.02 = 1.40
                   draft        1p2
                   fee          seats.p2 31.00
                   fee          seats.p3 31.00
                   late         1p0 calls 500 x 0.02 = 10.00 from ACME-000002
        2026-03-04 billing
                   invoice      1p1.1
                   line         calls 70 x 0.02 = 1.40
        2026-04-02 billing
                   invoice      1p2
                   fee          seats.p2 31.00
                   fee          seats.p3 31.00
                   late         1p0 calls 500 x 0.02 = 10.00 from ACME-000002
                   draft        1p3
                   fee          seats.p4 31.00
        """
    )


def test_the_first_advance_fee_comes_back_on_the_first_periods_draft(play: Play) -> None:
    play(
        _SEATS
        + """
        2026-01-02 void         1a0 wrong
                   draft
                   fee          seats.p0 31.00
                   fee          seats.p1 31.00
        2026-02-02 billing
                   finalized    1
                   invoice      1p0
                   number       ACME-000002
                   fee          seats.p0 31.00
                   fee          seats.p1 31.00
        2026-03-02 billing
                   invoice      1p1
                   fee          seats.p2 31.00
        """
    )


def test_the_fee_of_a_void_invoice_is_billed_after_the_end_too(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   fee          seats 31.00 advance
        2026-01-01 subscribe    acme pro
        2026-02-02 billing
                   invoice      1p0
                   fee          seats.p1 31.00
        2026-02-03 cancel       1 period_end
        2026-03-02 billing
                   skipped      1
        2026-03-03 void         1p0 wrong
        2026-04-12 billing
        2026-04-12 02:00 billing
                   invoice      1l0
                   fee          seats.p1 31.00
                   invoices     1l0 1p0 1a0
                   drafts       none
        """
    )


def test_a_void_can_be_repeated_and_not_changed(play: Play) -> None:
    play(
        _CALLS
        + """
        2026-02-03 void         1p1 too early                             -> refused 409
        2026-02-03 void         1p0 regenerate wrong
        2026-02-03 void         1p0 regenerate wrong
                   drafts       1p1 1p0.1
        2026-02-03 void         1p0 regenerate other                      -> refused 409
        2026-02-03 void         1p0 wrong                                 -> refused 409
        2026-02-03 pay          1p0 20.00 r1                              -> refused 409
        2026-02-03 credit-note  1p0 usage-calls 1.00 to refund            -> refused 409
        2026-02-04 billing
                   invoice      1p0.1
                   line         calls 1000 x 0.02 = 20.00
        2026-02-05 void         1p0.1 regenerate again
                   draft        1p0.2
                   line         calls 1000 x 0.02 = 20.00
        2026-02-06 billing
                   invoice      1p0.2
                   number       ACME-000003
                   line         calls 1000 x 0.02 = 20.00
        """
    )


def test_an_invoice_with_payments_or_notes_is_not_voided(play: Play) -> None:
    play(
        _CALLS
        + """
        2026-02-03 pay          1p0 5.00 r1
        2026-02-03 void         1p0 wrong                                 -> refused 409
        2026-02-03 reverse      1p0 pay_1 bounced
        2026-02-03 void         1p0 regenerate wrong
        2026-02-04 billing
        2026-02-05 credit-note  1p0.1 usage-calls 1.00 to refund
        2026-02-05 void         1p0.1 wrong                               -> refused 409
        """
    )


def test_a_void_withdraws_the_credit_that_the_invoice_made(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         max month
                   fee          seats 62.00 advance
        2026-01-01 plan         pro month
                   fee          seats 31.00 advance
        2026-01-01 subscribe    acme max
        2026-01-11 change       1 pro now
                   grants       21.00
        2026-01-11 void         1a1 wrong
                   grants       none
                   draft        1p0                                       # the one that is finalized first
                   adjusted     seats.p0 62.00 / 31 x 10 - 62.00 = -42.00
                   fee          seats.p1 31.00 / 31 x 21 = 21.00
                   carried      21.00
                   draft        1p1
                   fee          seats.p2 31.00
        """
    )


def test_late_usage_of_a_void_invoice_of_its_own_gets_another(play: Play) -> None:
    play(
        _CALLS
        + """
        2026-02-03 cancel       1 now
        2026-02-04 billing
                   skipped      1
        2026-02-10 event        e2 acme calls 50 at 2026-01-31
        2026-03-08 billing
                   invoice      1l0
                   late         1p0 calls 50 x 0.02 = 1.00 from ACME-000001
        2026-03-09 void         1l0 wrong
                   draft        1l1
                   late         1p0 calls 50 x 0.02 = 1.00 from ACME-000001
        2026-03-10 billing
                   invoice      1l1
                   number       ACME-000003
                   late         1p0 calls 50 x 0.02 = 1.00 from ACME-000001
                   drafts       none
        """
    )


def test_a_period_that_is_made_again_twice_takes_off_once(play: Play) -> None:
    play(
        _CALLS
        + """
        2026-02-05 event        e2 acme calls 500 at 2026-01-31
        2026-03-02 billing
        2026-03-03 void         1p0 regenerate wrong
        2026-03-04 billing
                   invoice      1p0.1
                   line         calls 1500 x 0.02 = 30.00
                   elsewhere    0 calls -500 x 0.02 = -10.00 from ACME-000002
        2026-03-05 void         1p0.1 regenerate wrong again
                   draft        1p0.2
                   line         calls 1500 x 0.02 = 30.00
                   elsewhere    0 calls -500 x 0.02 = -10.00 from ACME-000002
        2026-03-06 void         1p1 wrong                                 # its late usage is on the draft that is open
                   draft        1p0.2
                   line         calls 1500 x 0.02 = 30.00
                   draft        1p2
                   lines        none
        2026-03-07 billing
                   invoice      1p0.2
                   line         calls 1500 x 0.02 = 30.00
        """
    )


def test_voiding_what_was_taken_off_brings_it_back(play: Play) -> None:
    play(
        _CALLS
        + """
        2026-02-05 event        e2 acme calls 500 at 2026-01-31
        2026-03-02 billing
        2026-03-03 void         1p0 regenerate wrong
        2026-03-04 billing
        2026-03-05 void         1p1 wrong
                   draft        1p2                                       # 30.00 - 10.00 is billed of 30.00
                   late         1p0 calls of 500: 30.00 - 20.00 = 10.00 from ACME-000003
        2026-03-12 rollup
        2026-04-02 billing
                   invoice      1p2
                   late         1p0 calls of 500: 10.00 from ACME-000003
        """
    )


def test_late_usage_comes_back_after_its_limit_too(play: Play) -> None:
    play(
        _CALLS
        + """
        2026-02-05 event        e2 acme calls 500 at 2026-01-31
        2026-03-02 billing
        2026-03-20 void         1p1 wrong                                 # no more late usage comes since 8 March
                   draft        1p2
                   late         1p0 calls 500 x 0.02 = 10.00 from ACME-000001
        2026-03-20 event        e3 acme calls 9 at 2026-01-31             -> refused 422
        2026-04-02 billing
                   invoice      1p2
                   late         1p0 calls 500 x 0.02 = 10.00 from ACME-000001
                   draft        1p3
                   lines        none
        """
    )


def test_a_period_that_is_made_again_without_usage_is_skipped(play: Play) -> None:
    play(
        _CALLS
        + """
        2026-02-03 void-event   e1
        2026-02-03 void         1p0 regenerate wrong
                   draft        1p0.1
                   lines        none
        2026-02-04 billing
                   finalized    0
                   skipped      1
                   invoice      1p0.1 none
                   invoices     1p0
        2026-02-05 event        e2 acme calls 50 at 2026-01-31
                   draft        1p1
                   late         1p0 calls 50 x 0.02 = 1.00
        """
    )


def test_a_period_made_again_long_after_takes_no_more_late_usage(play: Play) -> None:
    play(
        _CALLS
        + """
        2026-02-28 event        e2 acme calls 500 at 2026-01-31
        2026-03-02 billing
                   finalized    1
        2026-04-01 void         1p0 regenerate wrong
                   draft        1p0.1
                   line         calls 1500 x 0.02 = 30.00
                   elsewhere    0 calls -500 x 0.02 = -10.00 from ACME-000002
        2026-04-02 billing
                   finalized    1
                   skipped      1
                   drafts       1p3
        """
    )


def test_the_first_fee_of_a_closed_period_comes_on_the_open_draft(play: Play) -> None:
    play(
        _SEATS
        + """
        2026-02-02 billing
        2026-02-05 void         1a0 wrong
                   draft        1p1
                   fee          seats.p0 31.00
                   fee          seats.p2 31.00
        2026-03-02 billing
                   invoice      1p1
                   fee          seats.p0 31.00
                   fee          seats.p2 31.00
        2026-03-03 void         1p1 wrong
                   draft        1p2
                   fee          seats.p0 31.00
                   fee          seats.p2 31.00
                   fee          seats.p3 31.00
        """
    )


def test_a_fee_that_was_given_back_is_not_given_back_again_when_it_is_voided(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   fee          seats 31.00 advance
        2026-01-01 subscribe    acme pro
        2026-01-16 cancel       1 now
        2026-01-17 billing
                   invoice      1p0
                   adjusted     seats.p0 15.00 - 31.00 = -16.00
                   carried      16.00
        2026-01-18 void         1a0 wrong                                 # -16.00 of 15.00 stands
                   draft        1l0
                   adjusted     seats.p0 15.00 + 16.00 = 31.00
        2026-02-20 billing                                                # when no more late usage comes
                   invoice      1l0
                   adjusted     seats.p0 31.00
        2026-02-21 void         1p0 wrong                                 # 31.00 of 15.00 stands
                   grants       none
                   draft        1l1
                   adjusted     seats.p0 15.00 - 31.00 = -16.00
                   carried      16.00
        """
    )
