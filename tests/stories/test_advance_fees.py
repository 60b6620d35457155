"""Advance fees: each service period is charged exactly once over all invoices."""

from tests.stories.story import Play

_SEATS = """
        2026-01-16 organization acme USD UTC
        2026-01-16 plan         pro month
                   fee          seats 31.00 advance
                   fee          base 10.00 arrears
"""


def test_each_service_period_is_charged_once_month_after_month(play: Play) -> None:
    play(
        _SEATS
        + """
        2026-01-16 subscribe    acme pro
                   invoice      1a0
                   number       ACME-000001
                   period       2026-01-16 2026-02-01
                   fee          seats.p0 31.00 / 31 x 16 = 16.00
        2026-02-02 billing
                   invoice      1p0
                   fee          base 10.00 / 31 x 16 = 5.16
                   fee          seats.p1 31.00
        2026-03-02 billing
                   invoice      1p1
                   fee          base 10.00
                   fee          seats.p2 31.00
        2026-04-02 billing
                   invoice      1p2
                   fee          base 10.00
                   fee          seats.p3 31.00
                   invoices     1p2 1p1 1p0 1a0
        """
    )


def test_a_billing_run_that_is_months_late_bills_the_same(play: Play) -> None:
    play(
        _SEATS
        + """
        2026-01-16 subscribe    acme pro
        2026-04-02 read
                   drafts       1p3 1p2 1p1 1p0
                   draft        1p1
                   fee          base 10.00
                   fee          seats.p2 31.00
        2026-04-02 billing
                   finalized    3
                   invoice      1p0
                   number       ACME-000002
                   fee          base 10.00 / 31 x 16 = 5.16
                   fee          seats.p1 31.00
                   invoice      1p1
                   number       ACME-000003
                   fee          base 10.00
                   fee          seats.p2 31.00
                   invoice      1p2
                   number       ACME-000004
                   fee          base 10.00
                   fee          seats.p3 31.00
                   draft
                   fee          base 10.00
                   fee          seats.p4 31.00
        """
    )


def test_a_subscription_that_begins_later_is_charged_when_it_begins(play: Play) -> None:
    play(
        _SEATS
        + """
        2026-01-16 subscribe    acme pro from 2026-02-01
                   status       scheduled
                   invoices     none
        2026-01-31 23:59:59 billing
                   finalized    0
        2026-02-01 billing
                   finalized    1
                   invoice      1a0
                   fee          seats.p0 31.00
        2026-03-02 billing
                   invoice      1p0
                   fee          base 10.00
                   fee          seats.p1 31.00
        """
    )


def test_a_void_and_a_change_leave_each_service_period_charged_once(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   fee          seats 31.00 advance
        2026-01-01 plan         max month
                   fee          seats 62.00 advance
        2026-01-01 subscribe    acme pro
        2026-02-02 billing
                   invoice      1p0
                   fee          seats.p1 31.00
        2026-02-03 void         1p0 regenerate wrong
                   draft        1p1
                   fee          seats.p1 31.00
                   fee          seats.p2 31.00
        2026-02-04 billing
                   skipped      1                                         # nothing else was on it
        2026-02-15 change       1 max now
                   invoice      1a2
                   fee          seats.p2 62.00 / 28 x 14 = 31.00
                   draft        1p1
                   fee          seats.p1 31.00 / 28 x 14 = 15.50
        2026-02-16 billing
                   invoice      1p1
                   fee          seats.p1 15.50
        2026-03-02 billing
                   invoice      1p2
                   fee          seats.p3 62.00
        """
    )


def test_the_fee_of_an_override_holds_from_the_next_period_on(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   fee          seats 31.00 advance
        2026-01-01 subscribe    acme pro discount 10
                   invoice      1a0
                   fee          seats.p0 31.00
                   discount     3.10
        2026-01-15 override     1 50
                   draft        1p0
                   fee          seats.p1 31.00
                   discount     15.50
        2026-02-02 billing
                   invoice      1p0
                   fee          seats.p1 31.00
                   discount     15.50
        """
    )


def test_a_fee_that_came_back_is_corrected_on_one_draft_while_its_own_is_open(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       calls 0.02
                   fee          seats 31.00 advance
        2026-01-01 plan         long quarter
                   charge       calls 0.02
                   fee          seats 90.00 advance
        2026-01-01 plan         arr month
                   charge       calls 0.02
        2026-01-01 subscribe    acme pro
        2026-01-12 01:00 change 1 long now
        2026-01-12 01:15 change 1 arr now
                   invoice      1a2
                   adjusted     seats.p1 -90.00 / 90 x 79 = -79.00
                   others
        2026-01-12 02:00 void   1a2 wrong
                   drafts       1p2 1p1 1p0
                   draft        1p0
                   adjusted     seats.p1 -79.00
                   carried      79.00
                   draft        1p1
                   lines        none
        2026-02-02 billing
                   invoice      1p0
                   adjusted     seats.p1 -79.00
                   carried      79.00
                   grants       79.00
        """
    )
