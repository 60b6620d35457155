"""The worked examples of the billing rules that need no credits."""

from tests.stories.story import Play


def test_a_graduated_charge_adds_its_tiers_up(play: Play) -> None:
    play(
        """
        2026-01-01 meter        tokens sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       tokens graduated 1000:0.02 *:0.01
        2026-01-01 subscribe    acme pro
        2026-01-05 event        e1 acme tokens 800
        2026-01-06 read
                   draft
                   line         tokens 800 x 0.02 = 16.00
                   total        16.00
        2026-01-12 event        e2 acme tokens 400
        2026-01-13 event        e2 acme tokens 400 at 2026-01-12          -> duplicate
                   draft        1p0
                   line         tokens 1000 x 0.02 + 200 x 0.01 = 22.00
        2026-01-20 event        e3 acme tokens 600
        2026-02-01 read
                   drafts       1p1 1p0
        2026-02-02 rollup
        2026-02-02 billing
                   finalized    1
                   invoice      1p0
                   number       ACME-000001
                   period       2026-01-01 2026-02-01
                   line         tokens 1000 x 0.02 + 800 x 0.01 = 28.00
                   total        28.00
                   due          28.00
                   payment      unpaid
        """
    )


def test_a_discount_is_the_sum_of_what_it_takes_from_each_line(play: Play) -> None:
    fees = "\n".join(f"                   fee          f{place} 10.05 arrears" for place in range(20))
    lines = "\n".join(f"                   fee          f{place} 10.05" for place in range(20))
    play(
        f"""
        2026-01-01 organization acme USD UTC VAT 19
        2026-01-01 plan         pro month discount 10
{fees}
        2026-01-01 subscribe    acme pro
        2026-02-02 billing
                   invoice      1p0
{lines}
                   discount     20 x (10.05 - [10.05 x 0.90]) = 20.00   # each net 9.045, rounded to 9.05
                   subtotal     20 x 10.05 = 201.00
                   tax          181.00 x 0.19 = 34.39
                   total        181.00 + 34.39 = 215.39
        """
    )


def test_late_usage_below_a_charge_minimum_bills_nothing_more(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       calls 0.02 minimum 50.00
        2026-01-01 subscribe    acme pro
        2026-01-10 event        e1 acme calls 1500
        2026-02-02 billing
                   invoice      1p0
                   line         calls 1500 x 0.02 = 30.00
                   minimum      calls 50.00 - 30.00 = 20.00
                   total        50.00
        2026-02-05 event        e2 acme calls 500 at 2026-01-31           # 40.00 and a minimum of 10.00
                   draft        1p1
                   minimum      calls 50.00                               # its own month's: no late usage
        2026-02-06 rollup
                   draft        1p1
                   minimum      calls 50.00
        2026-02-07 event        e3 acme calls 1000 at 2026-01-31          # 3000 x 0.02 = 60.00, above the minimum
                   draft        1p1
                   minimum      calls 50.00
                   late         1p0 calls of 1500: 3000 x 0.02 - 50.00 = 10.00 from ACME-000001
                   total        60.00
        """
    )


def test_a_volume_price_is_that_of_the_whole_quantity(play: Play) -> None:
    play(
        """
        2026-01-01 meter        tokens sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       tokens volume 1000:0.02 *:0.01
        2026-01-01 subscribe    acme pro
        2026-01-05 event        e1 acme tokens 1000
                   draft
                   line         tokens 1000 x 0.02 = 20.00
        2026-01-06 event        e2 acme tokens 1
                   draft
                   line         tokens 1001 x 0.01 = 10.01
        2026-02-02 billing
                   invoice      1p0
                   line         tokens 1001 x 0.01 = 10.01
                   due          10.01
        """
    )


def test_a_cap_lowers_what_is_discounted_and_what_a_minimum_compares(play: Play) -> None:
    play(
        """
        2026-01-01 meter        tokens sum by model
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month discount 10 minimum 30.00
                   charge       tokens by model a=0.02 other=0.01 maximum 25.00
        2026-01-01 subscribe    acme pro
        2026-01-05 event        e1 acme tokens 1000 model=a
        2026-01-06 event        e2 acme tokens 800 model=b
        2026-02-02 billing
                   invoice      1p0
                   line         tokens~a 1000 x 0.02 = 20.00
                   line         tokens~b 800 x 0.01 = 8.00
                   cap          tokens 25.00 - 28.00 = -3.00
                   plan-minimum 30.00 - [20.00 x 0.9] - [5.00 x 0.9] = 7.50
                   discount     2.00 + 0.50 = 2.50
                   subtotal     20.00 + 8.00 - 3.00 + 7.50 = 32.50
                   total        30.00
        """
    )


def test_packages_are_charged_whole_and_included_units_come_off_first(play: Play) -> None:
    play(
        """
        2026-01-01 meter        tokens sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       tokens package 100:5.00 included 50
        2026-01-01 subscribe    acme pro
        2026-01-05 event        e1 acme tokens 250
                   draft
                   line         tokens of 250: 2 x 5.00 = 10.00           # 200 left of 250: exactly two packages
        2026-01-06 event        e2 acme tokens 0.5
                   draft
                   line         tokens of 250.5: 3 x 5.00 = 15.00
        """
    )
