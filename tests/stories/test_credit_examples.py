"""The worked examples of the billing rules that need credits, before and after their invoices are finalized."""

from tests.stories.openings import CALLS
from tests.stories.story import Play


def test_usage_is_paid_by_the_grants_whose_window_holds_its_day(play: Play) -> None:
    play(
        """
        2026-01-01 meter        tokens sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       tokens graduated 1000:0.02 *:0.01
        2026-01-01 subscribe    acme pro
        2026-01-01 grant        A 15.00 expires 2026-01-15
        2026-01-01 grant        B 5.00 from 2026-01-10
                   wallet       allocated 15.00 scheduled 5.00 remaining 15.00 ledger-balance 20.00
        2026-01-05 event        e1 acme tokens 800
                   draft
                   drawdown     usage-tokens A 15.00                      # 800 x 0.02 = 16.00: 1.00 is due
                   total        16.00 - 15.00 = 1.00
        2026-01-12 event        e2 acme tokens 400
                   draft
                   drawdown     usage-tokens A 15.00
                   drawdown     usage-tokens B 5.00                       # 200 x 0.02 + 200 x 0.01 = 6.00
                   total        1.00 + 1.00 = 2.00
        2026-01-20 event        e3 acme tokens 600
                   draft
                   line         tokens 1000 x 0.02 + 800 x 0.01 = 28.00
                   drawdown     usage-tokens A 15.00
                   drawdown     usage-tokens B 5.00
                   by-day       usage-tokens A 2026-01-05=15.00
                   by-day       usage-tokens B 2026-01-12=5.00
                   credits      20.00
                   total        8.00
                   wallet       pending 20.00 remaining 0.00 consumed 0.00 expired 0.00 ledger-balance 20.00
                   balance      A pending 15.00 expired 0.00 remaining 0.00 status expired
                   used         2026-01-12 tokens B 5.00 pending
                   used         2026-01-05 tokens A 15.00 pending
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-tokens A 15.00
                   drawdown     usage-tokens B 5.00
                   due          8.00
                   wallet       consumed 20.00 pending 0.00 ledger-balance 0.00
                   balance      A consumed 15.00 expired 0.00 status depleted
                   entries      4
                   entry        3 drawdown A -15.00 of 1p0
                   entry        4 drawdown B -5.00 of 1p0
        """
    )


def test_credit_pays_what_the_discount_leaves_of_each_line(play: Play) -> None:
    charges = "\n".join(f"                   charge       c{place} on calls 10.05" for place in range(20))
    lines = "\n".join(f"                   line         c{place} 1 x 10.05 = 10.05" for place in range(20))
    drawn = "\n".join(f"                   drawdown     usage-c{place} G 9.05" for place in range(20))
    play(
        f"""
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC VAT 19
        2026-01-01 plan         pro month discount 10
{charges}
        2026-01-01 subscribe    acme pro
        2026-01-01 grant        G 200.00
        2026-01-10 event        e1 acme calls 1
                   draft
                   credits      20 x [10.05 x 0.90] = 181.00
                   total        0.00
        2026-02-02 billing
                   invoice      1p0
{lines}
                   discount     20 x (10.05 - [10.05 x 0.90]) = 20.00
{drawn}
                   subtotal     20 x 10.05 = 201.00
                   credits      181.00
                   tax          0.00                                      # of 201.00 - 20.00 - 181.00
                   total        0.00
                   payment      paid
                   balance      G consumed 181.00 remaining 19.00
        """
    )


def test_usage_that_is_taken_back_gives_back_the_credit_that_paid_it(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 90.00
        2026-01-10 event        e1 acme calls 2000
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls G 2000 x 0.02 = 40.00
                   total        0.00
        2026-02-10 event        e2 acme calls 2500
                   draft
                   drawdown     usage-calls G 2500 x 0.02 = 50.00
                   wallet       remaining 0.00 pending 50.00 consumed 40.00
        2026-02-11 amend        e1 500
                   draft        1p1
                   line         calls 2500 x 0.02 = 50.00
                   late         1p0 calls -1500 x 0.02 = -30.00 from ACME-000001
                   drawdown     usage-calls G 50.00
                   drawdown     late-1p0-calls G -30.00
                   subtotal     20.00
                   credits      50.00 - 30.00 = 20.00
                   total        0.00
                   wallet       remaining 30.00 pending 20.00 consumed 40.00
        2026-03-02 billing
                   invoice      1p1
                   drawdown     usage-calls G 50.00
                   drawdown     late-1p0-calls G -30.00
                   total        0.00
                   balance      G consumed 60.00 pending 0.00 remaining 30.00
                   entries      4
                   entry        2 drawdown G -40.00 of 1p0
                   entry        3 reversal G 30.00 of 1p1
                   entry        4 drawdown G -50.00 of 1p1
        """
    )


def test_credit_pays_no_minimum_and_late_usage_below_it_moves_none(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month minimum 60.00
                   charge       calls 0.02 minimum 50.00
        2026-01-01 subscribe    acme pro
        2026-01-01 grant        G 100.00 for all
        2026-01-10 event        e1 acme calls 1500
                   draft
                   line         calls 1500 x 0.02 = 30.00
                   minimum      calls 50.00 - 30.00 = 20.00
                   plan-minimum 10.00
                   drawdown     usage-calls G 30.00
                   total        30.00
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls G 30.00
                   total        30.00
        2026-02-05 event        e2 acme calls 500 at 2026-01-31           # 40.00 and a minimum of 10.00: no line
                   draft        1p1
                   minimum      calls 50.00
                   plan-minimum 10.00
                   drawdown     none
                   wallet       consumed 30.00 pending 0.00 remaining 70.00
        """
    )


_VOLUME = """
        2026-01-01 meter        tokens sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       tokens volume 1000:0.02 *:0.01
        2026-01-01 subscribe    acme pro
"""


def test_a_negative_slice_lowers_first_what_is_due(play: Play) -> None:
    play(
        _VOLUME
        + """
        2026-01-01 grant        G 5.00
        2026-01-05 event        e1 acme tokens 1000
                   draft
                   drawdown     usage-tokens G 5.00
                   total        20.00 - 5.00 = 15.00
        2026-01-06 event        e2 acme tokens 1
                   draft
                   line         tokens 1001 x 0.01 = 10.01                # a slice of -9.99
                   drawdown     usage-tokens G 5.00
                   total        15.00 - 9.99 = 5.01
        2026-02-02 billing
                   invoice      1p0
                   by-day       usage-tokens G 2026-01-05=5.00
                   due          5.01
        """
    )


def test_a_negative_slice_then_gives_back_what_its_line_has_drawn_latest_first(play: Play) -> None:
    play(
        _VOLUME
        + """
        2026-01-01 grant        A 4.00
        2026-01-01 grant        B 30.00
        2026-01-05 event        e1 acme tokens 500
        2026-01-06 event        e2 acme tokens 500
                   draft
                   drawdown     usage-tokens A 4.00
                   drawdown     usage-tokens B 16.00
                   by-day       usage-tokens B 2026-01-05=6.00 2026-01-06=10.00
        2026-01-07 event        e3 acme tokens 100
                   draft
                   line         tokens 1100 x 0.01 = 11.00                # a slice of -9.00
                   drawdown     usage-tokens A 4.00
                   drawdown     usage-tokens B 7.00
                   by-day       usage-tokens B 2026-01-05=6.00 2026-01-06=1.00
                   total        0.00
        2026-02-02 billing
                   entry        newest drawdown B -7.00 of 1p0
                   balance      A consumed 4.00
                   balance      B consumed 7.00 remaining 23.00
        """
    )
