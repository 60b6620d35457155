"""Changes of plan: inside a period, into another one, at its end, taken back, in a trial."""

from tests.stories.story import Play

_MONTHLY = """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
"""


def test_a_change_splits_the_period_by_days_and_usage_at_the_instant(play: Play) -> None:
    play(
        _MONTHLY
        + """
        2026-01-01 plan         pro month
                   charge       calls 0.02
                   fee          base 31.00 arrears
        2026-01-01 plan         max month
                   charge       calls 0.01
                   fee          base 62.00 arrears
        2026-01-01 subscribe    acme pro
        2026-01-11 11:59:59 event e1 acme calls 1000
        2026-01-11 12:00 change 1 max now
                   current      2026-01-01 2026-02-01
                   drafts       1p0
        2026-01-11 12:00 event  e2 acme calls 500
        2026-02-02 billing
                   invoice      1p0
                   period       2026-01-01 2026-02-01
                   line         calls 1000 x 0.02 = 20.00
                   line         calls.1 500 x 0.01 = 5.00
                   fee          base 31.00 / 31 x 10 = 10.00             # the day of the change is the new plan's
                   fee          base.1 62.00 / 31 x 21 = 42.00
                   total        77.00
                   draft
                   fee          base 62.00
        """
    )


def test_the_quarter_hour_of_a_change_belongs_to_the_old_plan(play: Play) -> None:
    play(
        _MONTHLY
        + """
        2026-01-01 plan         pro month
                   charge       calls 0.02
        2026-01-01 plan         max month
                   charge       calls 0.01
        2026-01-01 subscribe    acme pro
        2026-01-11 12:01 change 1 max now
        2026-01-11 12:14:59 event e1 acme calls 100                       # ends of parts are ceiled
        2026-01-11 12:15 event  e2 acme calls 100
                   draft
                   line         calls 100 x 0.02 = 2.00
                   line         calls.1 100 x 0.01 = 1.00
        """
    )


def test_tiers_go_on_where_both_plans_define_a_charge_alike(play: Play) -> None:
    play(
        _MONTHLY
        + """
        2026-01-01 plan         pro month
                   charge       calls graduated 1000:0.02 *:0.01
                   fee          support 31.00 arrears
        2026-01-01 plan         max month
                   charge       calls graduated 1000:0.02 *:0.01
                   fee          support 62.00 arrears
        2026-01-01 subscribe    acme pro
        2026-01-05 event        e1 acme calls 800
        2026-01-11 change       1 max now
        2026-01-20 event        e2 acme calls 700
        2026-02-02 billing
                   invoice      1p0
                   line         calls 1000 x 0.02 + 500 x 0.01 = 25.00
                   fee          support 31.00 / 31 x 10 = 10.00
                   fee          support.1 62.00 / 31 x 21 = 42.00
                   total        77.00
        """
    )


def test_tiers_and_included_units_begin_anew_where_a_charge_is_defined_otherwise(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 meter        tokens sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       calls graduated 1000:0.02 *:0.01
                   charge       tokens 0.10 included 310
        2026-01-01 plan         max month
                   charge       calls graduated 1000:0.03 *:0.01
                   charge       tokens 0.20 included 310
        2026-01-01 subscribe    acme pro
        2026-01-05 event        e1 acme calls 1200
        2026-01-05 event        e2 acme tokens 300
        2026-01-11 change       1 max now
        2026-01-20 event        e3 acme calls 1200
        2026-01-20 event        e4 acme tokens 400
        2026-02-02 billing
                   invoice      1p0
                   line         calls 1000 x 0.02 + 200 x 0.01 = 22.00
                   line         tokens of 300: (300 - 310 / 31 x 10) x 0.10 = 20.00
                   line         calls.1 1000 x 0.03 + 200 x 0.01 = 32.00
                   line         tokens.1 of 400: (400 - 310 / 31 x 21) x 0.20 = 38.00
                   total        112.00
        """
    )


def test_a_plan_minimum_is_that_of_each_part_by_its_days(play: Play) -> None:
    play(
        _MONTHLY
        + """
        2026-01-01 plan         pro month minimum 31.00
                   charge       calls 0.02
        2026-01-01 plan         max month minimum 93.00
                   charge       calls 0.02
        2026-01-01 subscribe    acme pro
        2026-01-05 event        e1 acme calls 500
        2026-01-11 change       1 max now
                   draft
                   line         calls 500 x 0.02 = 10.00
                   plan-minimum 31.00 / 31 x 10 + 93.00 / 31 x 21 - 10.00 = 63.00
        """
    )


def test_a_change_there_and_back_on_one_day_leaves_the_days_to_the_first_plan(play: Play) -> None:
    play(
        _MONTHLY
        + """
        2026-01-01 plan         pro month
                   charge       calls 0.02
                   fee          base 31.00 arrears
        2026-01-01 plan         max month
                   charge       calls 0.01
                   fee          base 62.00 arrears
        2026-01-01 subscribe    acme pro
        2026-01-05 event        e1 acme calls 100
        2026-01-11 12:00 change 1 max now
        2026-01-11 15:00 event  e2 acme calls 50
        2026-01-11 18:00 change 1 pro now
        2026-01-20 event        e3 acme calls 200
        2026-02-02 billing
                   invoice      1p0
                   line         calls 300 x 0.02 = 6.00
                   line         calls.1 50 x 0.01 = 0.50
                   fee          base 31.00
        """
    )


def test_another_billing_period_closes_the_old_one_at_the_change(play: Play) -> None:
    play(
        _MONTHLY
        + """
        2026-01-01 plan         pro month
                   charge       calls 0.02
                   fee          base 31.00 arrears
        2026-01-01 plan         long year
                   charge       calls 0.02
                   fee          base 365.00 arrears
        2026-01-01 subscribe    acme pro
        2026-01-05 event        e1 acme calls 100
        2026-01-16 change       1 long now
                   current      2026-01-16 2027-01-01
                   previous     2026-01-01 2026-01-16
                   drafts       1p1 1p0
        2026-01-16 event        e2 acme calls 300
        2026-01-17 billing
                   invoice      1p0
                   period       2026-01-01 2026-01-16
                   line         calls 100 x 0.02 = 2.00
                   fee          base 31.00 / 31 x 15 = 15.00
                   draft
                   line         calls 300 x 0.02 = 6.00
                   fee          base 365.00 / 365 x (365 - 15) = 350.00
        """
    )


def test_an_anniversary_is_anchored_anew_at_a_change_of_the_billing_period(play: Play) -> None:
    play(
        """
        2026-01-10 organization acme USD UTC
        2026-01-10 plan         pro month
                   fee          base 31.00 arrears
        2026-01-10 plan         long year
                   fee          base 365.00 arrears
        2026-01-10 subscribe    acme pro anniversary
        2026-01-20 change       1 long now
                   current      2026-01-20 2027-01-20
        2026-01-21 billing
                   invoice      1p0
                   period       2026-01-10 2026-01-20
                   fee          base 31.00 / 31 x 10 = 10.00
                   draft
                   fee          base 365.00
        """
    )


_SEATS = """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month discount 10
                   fee          seats 31.00 advance
        2026-01-01 plan         max month discount 20
                   fee          seats 62.00 advance
"""


def test_the_unused_part_of_an_advance_fee_returns_at_once_net_of_its_discount(play: Play) -> None:
    play(
        _SEATS
        + """
        2026-01-01 subscribe    acme pro
                   invoice      1a0
                   fee          seats.p0 31.00
                   discount     3.10
                   total        27.90
        2026-01-11 change       1 max now
                   current      2026-01-11 2026-02-01
                   invoice      1a1
                   number       ACME-000002
                   adjusted     seats.p0 [31.00 / 31 x 10 x 0.9] - 27.90 = -18.90
                   fee          seats.p1 62.00 / 31 x 21 = 42.00
                   discount     42.00 x 0.2 = 8.40
                   total        42.00 - 8.40 - 18.90 = 14.70
        2026-01-12 billing
                   skipped      1                                         # all of the first period has been charged
                   invoices     1a1 1a0
        2026-02-02 billing
                   invoice      1p1
                   fee          seats.p2 62.00
                   discount     12.40
                   total        49.60
        """
    )


def test_what_an_unused_advance_fee_leaves_beyond_the_new_one_becomes_credit(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC VAT 19
        2026-01-01 plan         max month
                   fee          seats 62.00 advance
        2026-01-01 plan         pro month
                   fee          seats 31.00 advance
        2026-01-01 subscribe    acme max
                   invoice      1a0
                   fee          seats.p0 62.00
                   total        62.00 x 1.19 = 73.78
        2026-01-11 change       1 pro now
                   grants       21.00
                   invoice      1a1
                   adjusted     seats.p0 -62.00 / 31 x 21 = -42.00
                   fee          seats.p1 31.00 / 31 x 21 = 21.00
                   carried      42.00 - 21.00 = 21.00
                   total        0.00
                   payment      paid
        """
    )


def test_an_advance_fee_that_is_not_prorated_stays_charged(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   fee          seats 31.00 advance
                   fee          setup 10.00 advance whole
        2026-01-01 plan         long year
                   fee          seats 365.00 advance
        2026-01-01 subscribe    acme pro
                   invoice      1a0
                   fee          seats.p0 31.00
                   fee          setup.p0 10.00
        2026-01-16 change       1 long now
                   invoice      1a1
                   adjusted     seats.p0 31.00 / 31 x 15 - 31.00 = -16.00
                   fee          seats.p1 365.00 / 365 x 350 = 350.00
                   total        334.00
        """
    )


def test_a_change_at_the_periods_end_prices_the_next_period(play: Play) -> None:
    play(
        _MONTHLY
        + """
        2026-01-01 plan         pro month
                   charge       calls 0.02
                   fee          seats 31.00 advance
        2026-01-01 plan         max month
                   charge       calls 0.01
                   fee          seats 62.00 advance
        2026-01-01 subscribe    acme pro
        2026-01-15 change       1 max period_end
                   current      2026-01-01 2026-02-01
                   draft
                   fee          seats.p1 62.00
        2026-01-31 23:59:59 event e1 acme calls 100
        2026-02-01 event        e2 acme calls 100
        2026-02-02 billing
                   invoice      1p0
                   line         calls 100 x 0.02 = 2.00
                   fee          seats.p1 62.00
                   draft
                   line         calls 100 x 0.01 = 1.00
                   fee          seats.p2 62.00
        """
    )


def test_a_change_that_lies_ahead_can_be_taken_back(play: Play) -> None:
    play(
        _SEATS
        + """
        2026-01-01 subscribe    acme pro
        2026-01-15 change       1 max period_end
                   draft
                   fee          seats.p1 62.00
                   discount     12.40
        2026-01-20 resume       1
                   draft
                   fee          seats.p1 31.00
                   discount     3.10
        2026-01-20 resume       1                                         -> refused 409
        2026-02-02 billing
                   invoice      1p0
                   fee          seats.p1 31.00
                   discount     3.10
        """
    )


def test_a_change_in_a_trial_holds_from_the_first_paid_period_on(play: Play) -> None:
    play(
        _SEATS
        + """
        2026-01-05 subscribe    acme pro trial 10
                   status       trial
                   current      2026-01-05 2026-01-15
                   drafts       none
        2026-01-10 change       1 max now
                   status       trial
                   drafts       none
        2026-01-14 23:59:59 billing
                   finalized    0
        2026-01-15 billing
                   finalized    1
                   invoice      1a0
                   fee          seats.p0 62.00 / 31 x 17 = 34.00
                   discount     34.00 x 0.2 = 6.80
                   drafts       1p0
        """
    )


def test_a_change_to_the_same_plan_or_after_the_end_is_refused(play: Play) -> None:
    play(
        _SEATS
        + """
        2026-01-01 subscribe    acme pro
        2026-01-02 change       1 pro now                                 -> refused 409
        2026-01-02 cancel       1 period_end
        2026-01-02 change       1 max period_end                          -> refused 409
        2026-01-02 change       1 max 2026-02-01                          -> refused 422
        2026-02-01 change       1 max now                                 -> refused 409
                   invoices     1a0
        """
    )


def test_another_version_of_a_plan_is_a_change_like_any_other(play: Play) -> None:
    play(
        _MONTHLY
        + """
        2026-01-01 plan         pro month
                   charge       calls 0.02
        2026-01-01 subscribe    acme pro
        2026-01-05 event        e1 acme calls 100
        2026-01-10 plan         pro month
                   charge       calls 0.05
        2026-01-10 event        e2 acme calls 100                         # the subscription keeps its version
                   draft
                   line         calls 200 x 0.02 = 4.00
        2026-01-11 change       1 pro version 2 now
        2026-01-12 event        e3 acme calls 100
                   draft
                   line         calls 200 x 0.02 = 4.00
                   line         calls.1 100 x 0.05 = 5.00
        """
    )


def test_a_change_scheduled_for_an_instant_settles_the_fees_when_the_period_closes(play: Play) -> None:
    play(
        _SEATS
        + """
        2026-01-01 subscribe    acme pro
        2026-01-05 change       1 max 2026-01-11
                   current      2026-01-01 2026-01-11
                   drafts       1p0
                   draft        1p0
                   adjusted     seats.p0 [31.00 / 31 x 10 x 0.9] - 27.90 = -18.90
                   fee          seats.p1 62.00 / 31 x 21 = 42.00
                   discount     8.40
        2026-01-12 billing
                   invoice      1p0
                   adjusted     seats.p0 -18.90
                   fee          seats.p1 42.00
                   discount     8.40
        2026-02-02 billing
                   invoice      1p1
                   fee          seats.p2 62.00
                   discount     12.40
        """
    )


def test_two_changes_on_one_day_charge_no_fee_for_what_lies_between(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   fee          seats 31.00 advance
        2026-01-01 plan         max month
                   fee          seats 62.00 advance
        2026-01-01 subscribe    acme pro
        2026-01-11 10:00 change 1 max now
                   invoice      1a1
                   adjusted     seats.p0 31.00 / 31 x 10 - 31.00 = -21.00
                   fee          seats.p1 62.00 / 31 x 21 = 42.00
        2026-01-11 15:00 change 1 pro now
                   invoice      1a2
                   adjusted     seats.p1 -42.00
                   fee          seats.p2 31.00 / 31 x 21 = 21.00
                   carried      21.00
        2026-01-13 billing
                   skipped      2
        """
    )


def test_a_plan_with_advance_fees_begins_a_period_of_its_own(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   fee          base 31.00 arrears
        2026-01-01 plan         max month
                   fee          seats 62.00 advance
        2026-01-01 subscribe    acme pro
        2026-01-11 change       1 max now
                   current      2026-01-11 2026-02-01
                   invoice      1a1
                   number       ACME-000001
                   fee          seats.p1 62.00 / 31 x 21 = 42.00
        2026-01-12 billing
                   invoice      1p0
                   fee          base 31.00 / 31 x 10 = 10.00
        2026-02-02 billing
                   invoice      1p1
                   fee          seats.p2 62.00
        """
    )


def test_a_plan_without_advance_fees_gives_the_unused_part_back(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   fee          seats 31.00 advance
        2026-01-01 plan         max month
                   fee          base 62.00 arrears
        2026-01-01 subscribe    acme pro
        2026-01-11 change       1 max now
                   grants       21.00
                   invoice      1a1
                   adjusted     seats.p0 31.00 / 31 x 10 - 31.00 = -21.00
                   carried      21.00
        2026-01-12 billing
                   skipped      1
        """
    )


def test_advance_fees_of_the_next_plan_come_on_the_last_invoice_of_the_old_one(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   fee          base 31.00 arrears
        2026-01-01 plan         max year
                   fee          seats 365.00 advance
        2026-01-01 subscribe    acme pro
        2026-01-15 change       1 max period_end
        2026-02-02 billing
                   invoice      1p0
                   fee          base 31.00
                   fee          seats.p1 365.00 / 365 x (365 - 31) = 334.00
        2027-01-02 billing
                   invoice      1p1
                   period       2026-02-01 2027-01-01
                   fee          seats.p2 365.00
        """
    )


def test_a_change_in_the_grace_leaves_no_fee_for_the_hours_before_it(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   fee          seats 31.00 advance
        2026-01-01 plan         max month
                   fee          seats 56.00 advance
        2026-01-01 subscribe    acme pro
        2026-02-01 12:00 change 1 max now
                   drafts       1p2 1p1 1p0
                   invoice      1a2
                   fee          seats.p2 56.00
                   draft        1p0
                   lines        none
        2026-02-03 billing
                   skipped      2
        2026-03-02 billing
                   invoice      1p2
                   period       2026-02-01 12:00 2026-03-01
                   fee          seats.p3 56.00
        """
    )


def test_a_change_after_its_forerunner_was_voided_charges_each_part_once(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   fee          seats 31.00 advance
        2026-01-01 plan         max month
                   fee          seats 62.00 advance
        2026-01-01 subscribe    acme pro
        2026-01-11 change       1 max now
        2026-01-11 void         1a1 wrong
        2026-01-11 20:00 read
                   draft        1p0
                   adjusted     seats.p0 31.00 / 31 x 10 - 31.00 = -21.00
                   fee          seats.p1 62.00 / 31 x 21 = 42.00
        2026-01-20 change       1 pro now
                   invoice      1a2
                   fee          seats.p2 31.00 / 31 x 12 = 12.00
                   draft        1p0
                   adjusted     seats.p0 -21.00
                   fee          seats.p1 62.00 / 31 x 9 = 18.00
                   carried      3.00
        """
    )


def test_a_period_that_ends_later_waits_for_the_one_before_it(play: Play) -> None:
    play(
        _MONTHLY
        + """
        2026-01-01 plan         pro month grace 72
                   charge       calls 0.02
        2026-01-01 plan         fast week grace 0
                   charge       calls 0.01
        2026-01-01 subscribe    acme pro
        2026-01-10 event        e1 acme calls 100
        2026-01-11 change       1 fast now
        2026-01-11 event        e2 acme calls 100
        2026-01-12 billing
                   finalized    0
                   drafts       1p2 1p1 1p0
                   draft        1p1
                   period       2026-01-11 2026-01-12
                   finalizes    2026-01-14
                   line         calls 100 x 0.01 = 1.00
        2026-01-14 billing
                   finalized    2
                   invoice      1p0
                   number       ACME-000001
                   line         calls 100 x 0.02 = 2.00
                   invoice      1p1
                   number       ACME-000002
                   line         calls 100 x 0.01 = 1.00
        """
    )
