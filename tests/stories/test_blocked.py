"""Drafts that would be wrong are not finalized: they wait, and say why."""

import pytest

from tests.stories.story import Play


def test_a_meter_that_is_still_counting_blocks_the_invoice(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-05 event        e1 acme calls 100
        2026-01-05 12:00 rollup
        2026-01-10 meter        calls sum
        2026-01-10 plan         pro month
                   charge       calls 0.02
        2026-01-10 subscribe    acme pro from 2026-01-01
        2026-02-02 billing
                   finalized    0
                   held         1
                   drafts       1p1 1p0
                   draft        1p0
                   blocked      The meter calls is still counting
        2026-02-02 finalize     1p0                                       -> refused 409
        2026-02-02 event        e2 acme calls 30 at 2026-01-31
        2026-02-03 count
        2026-02-03 billing
                   finalized    1
                   held         0
                   invoice      1p0
                   line         calls 130 x 0.02 = 2.60
        """
    )


def test_a_rest_group_blocks_a_charge_that_prices_by_a_dimension(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("counters", "cumulative"):
        monkeypatch.setattr(f"chalicelib.usage.{module}.MAX_COMBINATIONS", 3)
    play(
        """
        2026-01-01 meter        calls sum by model
        2026-01-01 meter        total sum by model
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       calls by model a=0.02 other=0.01
                   charge       total 0.01
        2026-01-01 subscribe    acme pro
        2026-01-10 event        e1 acme calls 400 model=a
        2026-01-10 event        e2 acme calls 300 model=b
        2026-01-10 event        e3 acme calls 200 model=c
        2026-01-10 event        t1 acme total 1 model=a
        2026-01-10 event        t2 acme total 2 model=b
        2026-01-10 event        t3 acme total 3 model=c
        2026-01-10 event        t4 acme total 4 model=d
        2026-01-11 read
                   draft        1p0                                       # exactly as many as are kept apart
                   line         calls~a 400 x 0.02 = 8.00
                   line         calls~b 300 x 0.01 = 3.00
                   line         calls~c 200 x 0.01 = 2.00
                   line         total 10 x 0.01 = 0.10
        2026-01-12 event        e4 acme calls 100 model=d at 2026-01-10
                   draft        1p0
                   blocked      prices by a dimension
        2026-02-02 billing
                   finalized    0
                   held         1
        2026-02-02 void-event   e4
        2026-02-02 billing
                   finalized    1
                   invoice      1p0
                   line         calls~a 400 x 0.02 = 8.00
                   line         calls~b 300 x 0.01 = 3.00
                   line         calls~c 200 x 0.01 = 2.00
                   line         total 10 x 0.01 = 0.10
        """
    )


def test_a_blocked_period_holds_the_next_one_back(play: Play) -> None:
    play(
        """
        2026-01-01 organization acme USD UTC
        2026-01-05 event        e1 acme calls 100
        2026-01-05 12:00 rollup
        2026-01-10 meter        calls sum
        2026-01-10 plan         pro month
                   charge       calls 0.02
                   fee          base 10.00 arrears
        2026-01-10 subscribe    acme pro from 2026-01-01
        2026-03-02 billing
                   finalized    0
                   held         1
                   drafts       1p2 1p1 1p0
        2026-03-02 finalize     1p1                                       -> refused 409
        2026-03-03 count
        2026-03-03 billing
                   finalized    2
                   invoice      1p0
                   line         calls 100 x 0.02 = 2.00
                   fee          base 10.00
                   invoice      1p1
                   fee          base 10.00
        """
    )
