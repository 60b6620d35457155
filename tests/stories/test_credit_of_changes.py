"""What is invoiced at once, when a subscription changes, draws beside the drafts that there are then."""

from tests.stories.story import Play


def test_a_fee_that_no_longer_comes_claims_nothing_from_the_one_that_takes_its_place(play: Play) -> None:
    """In the grace after January its draft carries February's fee of the old plan, until the change."""
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   fee          seats 28.00 advance
        2026-01-01 plan         max month
                   fee          seats 30.00 advance
        2026-01-01 grant        G 58.00 for all expires 2026-02-20
        2026-01-01 subscribe    acme pro
        2026-02-01 12:00 change 1 max now
                   invoice      1a2
                   fee          seats.p2 30.00
                   drawdown     fee-seats.p2 G 30.00
                   due          0.00
        """
    )


def test_usage_of_before_a_change_is_paid_before_the_fee_of_the_change(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       calls 0.01 included 3100
        2026-01-01 plan         big year
                   fee          seats 30.00 advance
        2026-01-01 grant        G 30.00 for all
        2026-01-01 subscribe    acme pro
        2026-01-05 event        e1 acme calls 3000
        2026-01-11 change       1 big now
                   # 10 of 31 days include 1,000 units: 2,000 x 0.01 of 5 January come before the fee of 355 days.
                   invoice      1a1
                   credits      10.00
                   due          30.00 * 355 / 365 - 10.00
                   draft        1p0
                   drawdown     usage-calls G 20.00
        """
    )


def test_what_waited_for_a_draft_that_was_cancelled_is_booked(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro year
                   charge       calls 0.02
        2026-01-01 subscribe    acme pro
        2026-01-01 grant        G 40.00 expires 2026-01-15 for other
        2026-01-05 event        e1 acme calls 100
        2026-01-16 settle
        2026-01-20 cancel       1 now
        2026-01-22 billing
        2026-01-23 settle
        2026-01-24 expire       G never                                       -> refused 409
        2026-01-24 read
                   wallet       unbooked 0.00
        """
    )
