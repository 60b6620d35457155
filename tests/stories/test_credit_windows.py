"""Windows of grants: a grant pays for the usage of its window, whenever that becomes known and jobs run."""

import pytest

from tests.stories.openings import CALLS
from tests.stories.story import Play


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "2026-02-02 settle"),
        ("2026-01-20 settle", "2026-02-02 settle"),
        ("2026-01-20 settle\n 2026-01-20 00:15 settle\n 2026-01-27 settle", "2026-02-02 01:00 settle"),
        ("2026-01-20 rollup\n 2026-01-20 settle\n 2026-01-31 billing", "2026-02-02 settle\n 2026-02-03 settle"),
    ],
    ids=["late", "in time", "again and again", "with other jobs"],
)
def test_a_grant_pays_up_to_its_end_whenever_jobs_run(play: Play, before: str, after: str) -> None:
    play(
        CALLS
        + f"""
        2026-01-01 grant        G 100.00 expires 2026-01-20
        2026-01-19 23:59:59 event e1 acme calls 100
        2026-01-20 event        e2 acme calls 100
                   draft
                   drawdown     usage-calls G 2.00
                   by-day       usage-calls G 2026-01-19=2.00
                   total        2.00
                   balance      G pending 2.00 expired 98.00 remaining 0.00 status expired
                   wallet       unbooked 98.00 ledger-balance 100.00
        {before}
        2026-01-28 event        e3 acme calls 50 at 2026-01-18            # it comes late, not to be paid late
                   draft
                   drawdown     usage-calls G 3.00
                   by-day       usage-calls G 2026-01-18=1.00 2026-01-19=2.00
                   balance      G pending 3.00 expired 97.00
                   entries      1
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls G 3.00
                   due          250 x 0.02 - 3.00 = 2.00
                   balance      G consumed 3.00 pending 0.00 expired 97.00
        {after}
                   entries      3
                   entry        2 drawdown G -3.00 of 1p0
                   entry        3 expiry G -97.00
                   wallet       unbooked 0.00 ledger-balance 0.00
        2026-02-05 event        e4 acme calls 100 at 2026-01-18           # its period is closed: February's usage
                   draft        1p1
                   late         1p0 calls 100 x 0.02 = 2.00 from ACME-000001
                   drawdown     none
        """
    )


def test_a_period_that_is_finalized_late_still_draws_on_what_has_ended(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 100.00 expires 2026-01-20
        2026-01-10 event        e1 acme calls 100
        2026-02-02 settle                                                 # before the billing run of the same hour
                   settled      0
                   entries      1
        2026-02-08 event        e2 acme calls 100 at 2026-01-18
                   draft        1p0
                   drawdown     usage-calls G 4.00
        2026-02-08 settle
                   entries      1
        2026-02-08 billing
                   invoice      1p0
                   drawdown     usage-calls G 4.00
                   due          0.00
        2026-02-08 settle
                   entry        newest expiry G -96.00
        """
    )


def test_a_grant_from_the_past_pays_for_usage_inside_its_window(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-04 23:59:59 event e1 acme calls 100
        2026-01-05 event        e2 acme calls 100
        2026-01-19 event        e3 acme calls 100
                   draft
                   total        6.00
        2026-01-20 grant        G 100.00 from 2026-01-05 expires 2026-01-19
                   balance      G remaining 0.00 pending 2.00 expired 98.00
                   draft
                   by-day       usage-calls G 2026-01-05=2.00
                   total        4.00
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls G 2.00
                   due          4.00
        2026-02-02 settle
        2026-02-03 grant        H 100.00 from 2026-01-01                  # January is finalized: nothing reaches it
                   invoice      1p0
                   drawdown     usage-calls G 2.00
                   balance      H remaining 100.00
        """
    )


def test_a_window_begins_and_ends_with_whole_quarter_hours(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 100.00 from 2026-01-05 10:07 expires 2026-01-05 10:38
                   ahead        2026-01-05 10:07 effective G 100.00
                   ahead        2026-01-05 10:38 expires G 100.00
        2026-01-05 09:59:59 event e1 acme calls 50
        2026-01-05 10:00 event  e2 acme calls 60
        2026-01-05 10:44:59 event e3 acme calls 70                        # the end is ceiled to 10:45
        2026-01-05 10:45 event  e4 acme calls 80
                   draft
                   drawdown     usage-calls G 60 x 0.02 + 70 x 0.02 = 2.60
                   total        50 x 0.02 + 80 x 0.02 = 2.60
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls G 2.60
        """
    )


def test_days_of_a_summer_time_zone_are_cut_at_its_midnights(play: Play) -> None:
    play(
        """
        2026-03-01 meter        calls sum
        2026-03-01 organization acme EUR Europe/Berlin
        2026-03-01 plan         pro month
                   charge       calls 0.02
        2026-03-01 subscribe    acme pro
        2026-03-01 grant        sunday 10.00 from 2026-03-29 expires 2026-03-30   # a day of 23 hours
        2026-03-01 grant        rest 10.00 priority 60
        2026-03-28T22:59:59Z event e1 acme calls 50
        2026-03-28T23:00Z event e2 acme calls 60
        2026-03-29T21:59:59Z event e3 acme calls 70
        2026-03-29T22:00Z event e4 acme calls 80
                   draft
                   drawdown     usage-calls rest 1.00 + 1.60 = 2.60
                   drawdown     usage-calls sunday 1.20 + 1.40 = 2.60
                   by-day       usage-calls sunday 2026-03-29=2.60
                   by-day       usage-calls rest 2026-03-28=1.00 2026-03-30=1.60
                   used         2026-03-30 calls rest 1.60 pending
                   used         2026-03-29 calls sunday 2.60 pending
                   used         2026-03-28 calls rest 1.00 pending
        2026-04-02 billing
                   invoice      1p0
                   by-day       usage-calls sunday 2026-03-29=2.60
                   by-day       usage-calls rest 2026-03-28=1.00 2026-03-30=1.60
        """
    )


def test_a_scheduled_grant_pays_from_its_first_instant(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 10.00 from 2026-01-10 12:00
        2026-01-01 grant        never 7.00 from 2026-01-20
                   wallet       allocated 0.00 scheduled 17.00 remaining 0.00 ledger-balance 17.00
                   balance      G status scheduled
        2026-01-10 11:59:59 event e1 acme calls 100
        2026-01-10 12:00 event  e2 acme calls 100
                   draft
                   drawdown     usage-calls G 2.00
                   ahead        2026-01-20 effective never 7.00
        2026-01-11 void-grant   never
                   balance      never voided 7.00 status voided
                   wallet       scheduled 0.00 voided 7.00 allocated 17.00 ledger-balance 10.00 unbooked 0.00
        2026-01-11 void-grant   never                                     -> refused 409
        2026-01-21 event        e3 acme calls 1000
                   draft
                   drawdown     usage-calls G 10.00
                   total        1200 x 0.02 - 10.00 = 14.00
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls G 10.00
                   ahead        none
        """
    )


def test_a_grant_that_recurs_pays_each_month_its_own(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        free 10.00 every month times 3
                   ahead        2026-02-01 expires free 10.00
                   ahead        2026-02-01 recurs free.1 10.00
                   ahead        2026-03-01 recurs free.2 10.00
        2026-01-31 23:59:59 event e1 acme calls 700
        2026-02-01 event        e2 acme calls 300
                   draft        1p0
                   drawdown     usage-calls free 10.00
                   total        700 x 0.02 - 10.00 = 4.00
                   draft        1p1
                   drawdown     usage-calls free.1 300 x 0.02 = 6.00
                   wallet       allocated 20.00 pending 16.00 remaining 4.00 unbooked -10.00 ledger-balance 10.00
                   entries      1
        2026-02-02 billing
                   entries      3
                   entry        2 grant free.1 10.00
                   entry        3 drawdown free -10.00 of 1p0
        2026-03-02 settle                                                 # February is not finalized yet
                   entries      4
                   entry        4 grant free.2 10.00
        2026-03-02 billing
                   entry        newest drawdown free.1 -6.00 of 1p1
        2026-03-02 settle
                   entry        newest expiry free.1 -4.00
        2026-04-02 billing
        2026-04-02 settle
                   entry        newest expiry free.2 -10.00
                   wallet       allocated 30.00 consumed 16.00 expired 14.00 remaining 0.00 ledger-balance 0.00
        """
    )


def test_a_grant_that_recurs_comes_whether_or_not_jobs_ran(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-31 grant        free 10.00 every month
        2026-03-01 event        e1 acme calls 100 at 2026-02-27           # 28 February begins the second one
        2026-03-01 event        e2 acme calls 200 at 2026-02-28
                   draft        1p1
                   drawdown     usage-calls free 2.00
                   drawdown     usage-calls free.1 4.00
        2026-03-02 void-grant   free.1
                   balance      free.1 pending 4.00 voided 6.00
        2026-03-02 billing
                   invoice      1p1
                   drawdown     usage-calls free 2.00
                   drawdown     usage-calls free.1 4.00
        2026-03-30 23:59:59 event e3 acme calls 50
        2026-03-31 event        e4 acme calls 60
                   draft
                   drawdown     usage-calls free.2 1.20
        2026-03-31 void-grant   free                                      # has expired: this stops the series
                   balance      free status expired
                   ahead        2026-04-30 expires free.2 8.80
        2026-04-30 event        e5 acme calls 50
                   draft        1p3
                   line         calls 50 x 0.02 = 1.00
                   drawdown     none
                   draft        1p2
                   drawdown     usage-calls free.2 1.20
        """
    )
