"""Currencies without minor digits, and with three: lines, taxes and proration are rounded to what the currency has."""

from tests.stories.story import Play


def test_yen_are_rounded_to_whole_ones(play: Play) -> None:
    play(
        """
        2026-01-16 meter        calls sum
        2026-01-16 organization acme JPY Asia/Tokyo VAT 10
        2026-01-16 plan         pro month discount 5
                   charge       calls 0.5
                   fee          base 1000 arrears
        2026-01-16 subscribe    acme pro
        2026-01-20 event        e1 acme calls 101
        2026-02-02 billing
                   invoice      1p0
                   line         calls 101 x 0.5 = 51                      # 50.5, away from zero
                   fee          base 1000 / 31 x 16 = 516
                   discount     (51 - [51 x 0.95]) + (516 - [516 x 0.95]) = 29
                   tax          (567 - 29) x 0.10 = 54
                   total        567 - 29 + 54 = 592
        2026-02-03 pay          1p0 592.5 r1                              -> refused 422
        2026-02-03 pay          1p0 592 r1
                   payment      paid
        """
    )


def test_dinars_have_three_digits(play: Play) -> None:
    play(
        """
        2026-01-16 meter        calls sum
        2026-01-16 organization acme KWD Asia/Kuwait VAT 5
        2026-01-16 plan         pro month
                   charge       calls 0.0015
                   fee          base 1.000 arrears
        2026-01-16 subscribe    acme pro
        2026-01-20 event        e1 acme calls 333
        2026-02-02 billing
                   invoice      1p0
                   line         calls 333 x 0.0015 = 0.500                # 0.4995
                   fee          base 1.000 / 31 x 16 = 0.516
                   tax          1.016 x 0.05 = 0.051                      # 0.0508
                   total        1.067
        2026-02-03 amend        e1 332
                   draft        1p1
                   fee          base 1.000
                   late         1p0 calls of -1: [332 x 0.0015] - 0.500 = -0.002 from ACME-000001
        """
    )
