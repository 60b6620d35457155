"""Trials: everything is free, no draft is issued, the first paid period begins after."""

from tests.stories.story import Play


def test_usage_of_a_trial_is_free_and_what_follows_is_prorated(play: Play) -> None:
    play(
        """
        2026-01-05 meter        calls sum
        2026-01-05 organization acme USD UTC
        2026-01-05 plan         pro month
                   charge       calls 0.02 included 310
                   fee          base 31.00 arrears
        2026-01-05 10:00 subscribe acme pro trial 10
                   status       trial
                   drafts       none
        2026-01-14 23:59:59 event e1 acme calls 5000
                   drafts       none
        2026-01-15 event        e2 acme calls 270
                   draft        1p0
                   line         calls of 270: (270 - 310 / 31 x 17) x 0.02 = 2.00
                   fee          base 31.00 / 31 x 17 = 17.00
        2026-02-02 billing
                   finalized    1
                   invoice      1p0
                   number       ACME-000001
                   period       2026-01-15 2026-02-01
                   line         calls of 270: (270 - 310 / 31 x 17) x 0.02 = 2.00
                   fee          base 31.00 / 31 x 17 = 17.00
        2026-02-03 event        e3 acme calls 100 at 2026-01-14 23:59:59  # late for the trial: still free
                   draft        1p1
                   fee          base 31.00
        """
    )


def test_an_anniversary_is_anchored_at_the_trials_end(play: Play) -> None:
    play(
        """
        2026-01-21 organization acme USD UTC
        2026-01-21 plan         pro month grace 0
                   fee          base 31.00 arrears
        2026-01-21 subscribe    acme pro anniversary trial 10
        2026-02-28 billing
                   invoice      1p0
                   period       2026-01-31 2026-02-28
                   fee          base 31.00
        """
    )


def test_a_trial_that_is_cancelled_bills_nothing(play: Play) -> None:
    play(
        """
        2026-01-05 meter        calls sum
        2026-01-05 organization acme USD UTC
        2026-01-05 plan         pro month minimum 50.00
                   charge       calls 0.02
                   fee          seats 31.00 advance
        2026-01-05 subscribe    acme pro trial 10
        2026-01-07 event        e1 acme calls 5000
        2026-01-10 cancel       1 period_end
                   status       trial
        2026-01-15 billing
        2026-02-05 billing
                   finalized    0
                   invoices     none
                   drafts       none
        """
    )


def test_the_first_advance_fee_is_due_when_the_trial_ends(play: Play) -> None:
    play(
        """
        2026-01-05 organization acme USD UTC
        2026-01-05 plan         pro month
                   fee          seats 31.00 advance
        2026-01-05 subscribe    acme pro trial 10
        2026-01-14 23:59:59 billing
                   finalized    0
                   drafts       none
        2026-01-15 read
                   drafts       1p0 1a0                                   # due, although no job has run
                   draft        1a0
                   fee          seats.p0 31.00 / 31 x 17 = 17.00
        2026-01-15 billing
                   finalized    1
                   invoice      1a0
                   fee          seats.p0 17.00
                   draft        1p0
                   fee          seats.p1 31.00
        """
    )
