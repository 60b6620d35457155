"""Grants that are voided, held or given another end while drafts draw on them: what is drawn stays drawn."""

from tests.stories.openings import CALLS
from tests.stories.story import Play


def test_a_void_leaves_a_draft_what_it_draws_and_is_booked_after_it(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 100.00
        2026-01-10 event        e1 acme calls 1000
        2026-01-15 12:05 void-grant G
                   balance      G pending 20.00 voided 80.00 remaining 0.00 status voided
                   wallet       voided 80.00 unbooked 80.00 ledger-balance 100.00
                   entries      1
        2026-01-15 12:06 void-grant G                                     -> refused 409
        2026-01-15 12:06 expire G 2026-03-01                              -> refused 409
        2026-01-15 12:14:59 event e2 acme calls 500                       # the instant of the void is ceiled
        2026-01-15 12:15 event  e3 acme calls 500
        2026-01-20 event        e4 acme calls 50 at 2026-01-02
                   draft
                   drawdown     usage-calls G 1550 x 0.02 = 31.00
                   total        500 x 0.02 = 10.00
                   balance      G pending 31.00 voided 69.00
        2026-01-20 settle
                   entries      1
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls G 31.00
                   due          10.00
                   entries      2
        2026-02-02 settle
                   entries      3
                   entry        newest void G -69.00
                   balance      G consumed 31.00 voided 69.00
                   wallet       unbooked 0.00 ledger-balance 0.00
        2026-02-03 void-grant   G                                         -> refused 409
        """
    )


def test_a_void_of_what_no_draft_can_claim_is_booked_at_once(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 grant        G 100.00
        2026-01-02 void-grant   G
                   entries      2
                   entry        newest void G -100.00
                   wallet       allocated 100.00 voided 100.00 unbooked 0.00 ledger-balance 0.00
        """
    )


def test_a_grant_that_drafts_draw_whole_has_nothing_to_void(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 20.00
        2026-01-10 event        e1 acme calls 999
        2026-01-11 event        e2 acme calls 1
        2026-01-12 void-grant   G                                         -> refused 409
        2026-01-12 void-event   e2
        2026-01-12 void-grant   G
                   balance      G pending 19.98 voided 0.02
        2026-02-02 billing
        2026-02-02 settle
                   entry        newest void G -0.02
        """
    )


def test_an_end_moves_as_long_as_it_is_not_booked(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 10.00 expires 2026-03-01
        2026-01-10 event        e1 acme calls 100
        2026-01-12 expire       G 2026-01-11                              -> refused 422
        2026-01-12 expire       G 2026-01-14
        2026-01-14 event        e2 acme calls 200
                   draft
                   drawdown     usage-calls G 2.00
                   balance      G pending 2.00 expired 8.00 remaining 0.00
        2026-01-14 settle
                   entries      1
        2026-01-16 expire       G 2026-01-18                              # over, but not booked
                   draft
                   drawdown     usage-calls G 6.00
                   by-day       usage-calls G 2026-01-10=2.00 2026-01-14=4.00
                   balance      G remaining 4.00
        2026-01-17 expire       G never
                   ahead        none
        2026-01-20 event        e3 acme calls 50
                   draft
                   drawdown     usage-calls G 7.00
        2026-01-21 expire       G 2026-01-21                              # now
                   balance      G pending 7.00 expired 3.00
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls G 7.00
        2026-02-02 settle
                   entry        newest expiry G -3.00
        2026-02-03 expire       G 2026-03-01                              -> refused 409
        """
    )


def test_ends_in_the_grace_wait_for_the_period_that_is_over_only(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        old 10.00 expires 2026-02-01
        2026-01-01 grant        new 10.00 expires 2026-02-01 00:01
        2026-01-10 event        e1 acme calls 100
        2026-02-01 00:30 settle
                   entries      2
        2026-02-01 01:00 event  e2 acme calls 600 at 2026-01-31
        2026-02-01 01:00 event  e3 acme calls 100 at 2026-02-01
                   draft        1p0
                   drawdown     usage-calls old 10.00
                   drawdown     usage-calls new 4.00
                   draft        1p1
                   drawdown     usage-calls new 2.00                      # its end is ceiled to 00:15
        2026-02-02 billing
        2026-02-02 settle
                   entries      4                                         # February may still claim new
                   balance      new consumed 4.00 pending 2.00 expired 4.00
        2026-03-02 billing
                   invoice      1p1
                   drawdown     usage-calls new 2.00
        2026-03-02 settle
                   entry        newest expiry new -4.00
        """
    )


def test_a_hold_takes_from_what_remains_until_it_is_released_or_ends(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        A 30.00 expires 2026-03-01
        2026-01-01 grant        B 20.00
        2026-01-05 event        e1 acme calls 500
        2026-01-06 hold         h1 20.01 3600
                   wallet       held 20.01 remaining 19.99 pending 10.00
                   balance      A held 20.00 remaining 0.00
                   balance      B held 0.01 remaining 19.99
        2026-01-06 hold         h2 20.00 3600                             -> refused 409
        2026-01-06 hold         h3 19.99 60
                   wallet       held 40.00 remaining 0.00
        2026-01-06 event        e2 acme calls 500
                   draft
                   drawdown     usage-calls A 10.00
                   total        10.00                                     # held: due in money until the release
        2026-01-06 00:00:59 release h1
                   wallet       held 19.99 remaining 20.01 - 10.00
                   draft
                   drawdown     usage-calls A 20.00
                   total        0.00
        2026-01-06 00:01 read
                   wallet       held 0.00 remaining 30.00 pending 20.00
                   entries      2
        2026-01-06 00:01 settle
                   entries      2
        2026-01-06 00:01 release h3
                   wallet       held 0.00 remaining 30.00
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls A 20.00
                   wallet       consumed 20.00 remaining 30.00
        """
    )


def test_a_hold_outlasts_its_grant_and_what_it_gives_back_has_ended(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 30.00 expires 2026-01-20
        2026-01-19 hold         h1 25.00 172800
        2026-01-20 event        e1 acme calls 500 at 2026-01-19
                   draft
                   drawdown     usage-calls G 5.00
                   total        5.00
                   balance      G held 25.00 pending 5.00 expired 0.00
        2026-01-20 12:00 void-grant G                                     -> refused 409
        2026-01-21 read
                   draft
                   drawdown     usage-calls G 10.00
                   balance      G held 0.00 pending 10.00 expired 20.00
        2026-02-02 billing
        2026-02-02 settle
                   entry        newest expiry G -20.00
        """
    )
