"""When credit runs out at the pace of the last seven days."""

from datetime import date

import pytest

from chalicelib.credits.depletion import find_depletion, pace_start

TODAY = date(2026, 1, 15)


def test_the_pace_is_that_of_the_seven_days_before_today() -> None:
    assert pace_start(TODAY) == date(2026, 1, 8)


@pytest.mark.parametrize(
    ("remaining_minor", "drawn_minor", "day"),
    [
        # 7.00 in 7 days are 1.00 a day: 10.00 last 10 days.
        (1000, 700, date(2026, 1, 25)),
        (999, 700, date(2026, 1, 24)),
        # 10.00 in 7 days are 1.428571… a day: 10.00 last exactly 7 days, 9.99 not quite.
        (1000, 1000, date(2026, 1, 22)),
        (999, 1000, date(2026, 1, 21)),
        # Less than a day's pace is gone today.
        (1, 8, TODAY),
        (1, 7, date(2026, 1, 16)),
        (0, 700, None),
        (1000, 0, None),
        (1000, -700, None),
    ],
)
def test_credit_runs_out_after_so_many_whole_days(remaining_minor: int, drawn_minor: int, day: date | None) -> None:
    assert find_depletion(remaining_minor=remaining_minor, drawn_minor=drawn_minor, today=TODAY) == day


def test_a_day_beyond_the_year_9998_is_none() -> None:
    days = (date(9998, 12, 31) - TODAY).days
    assert find_depletion(remaining_minor=days, drawn_minor=7, today=TODAY) == date(9998, 12, 31)
    assert find_depletion(remaining_minor=days + 1, drawn_minor=7, today=TODAY) is None
    assert find_depletion(remaining_minor=10**20, drawn_minor=1, today=TODAY) is None
