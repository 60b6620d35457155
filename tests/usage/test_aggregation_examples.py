"""Published figures of other meters, as far as the rules here agree with them.

The cases come from the tests of OpenMeter, Lago and Kill Bill. Background only, with what sets them apart:

- ``om-parse-01``: about reading a value in isolation; here a value is read within an event (rule 2.3), which the
  tests of the fold do.
- ``om-dst-01``: about the windows of days rather than an aggregation (rule 1.2); its figures hold here too, see
  ``test_days_around_a_change_of_clocks``.
- ``kb-roll-04``: rolls raw records up by unit; here a unit is a meter of its own (rule 2.5), with the same sums,
  see ``test_a_meter_for_each_unit_has_its_own_sum``.

Names of the tests end with the name of the case.
"""

from typing import Any

import pytest

from chalicelib.shared.numbers import show_decimal
from chalicelib.shared.time import format_instant
from chalicelib.usage.events import Event
from chalicelib.usage.fold import fold
from chalicelib.usage.ranges import Window
from tests.usage.build import catalog, event, measure, meter, number, segment, total

HOUR = {"start": "2023-12-31T23:00:00Z", "end": "2024-01-01T00:00:00Z"}
MARCH = {"start": "2024-03-01T00:00:00Z", "end": "2024-04-01T00:00:00Z"}
AT = "2024-03-30T12:00:00Z"


def values(*literals: str, at: str = AT, **more: Any) -> list[Event]:
    return [event(f"e{place}", at, tokens=literal, **more) for place, literal in enumerate(literals)]


def test_an_event_at_the_end_is_outside_om_agg_02() -> None:
    assert total(meter(), values("7", at="2024-01-01T00:00:00Z"), **HOUR) == "0"
    assert total(meter(), values("7", at="2023-12-31T23:59:59.999999Z"), **HOUR) == "7"


def test_an_event_at_the_start_is_inside_om_agg_03() -> None:
    assert total(meter(), values("7", at="2023-12-31T23:00:00Z"), **HOUR) == "7"
    assert total(meter(), values("7", at="2023-12-31T22:59:59.999999Z"), **HOUR) == "0"


def test_latest_goes_by_time_of_event_not_of_arrival_om_agg_10() -> None:
    """The range of the case begins at 23:57; bounds grow to quarter-hours here, which adds no event of it."""
    times = ["23:59:00Z", "23:57:58Z", "23:58:02Z", "23:59:59Z"]
    events = [
        event(f"e{place}", f"2023-12-31T{time}", tokens=literal)
        for place, (time, literal) in enumerate(zip(times, "2123", strict=True))
    ]
    events.append(event("e5", "2024-01-01T00:00:02Z", tokens="4"))
    assert total(meter("latest"), events, start="2023-12-31T23:57:00Z", end="2024-01-01T00:00:00Z") == "3"


def test_values_that_are_no_numbers_are_left_out_and_listed_om_invalid_01() -> None:
    at = "2023-12-31T23:01:00Z"
    events = [event("e1", at), *(event(f"e{v}", at, tokens=v) for v in (None, "NaN", "Inf", "100"))]
    assert total(meter(), events, **HOUR) == "100"
    counted = fold([segment(*events)], catalog(meter())).health
    assert (counted.accepted, counted.unusable, counted.unmatched) == (5, 4, 0)


def test_events_at_one_instant_all_count_lago_count_01() -> None:
    assert total(meter("count"), [event(f"e{place}", AT) for place in range(4)], **MARCH) == "4"


def placed(*rows: tuple[str, str, str]) -> list[Event]:
    return [
        event(f"e{place}", AT, tokens=literal, cloud=cloud, region=region)
        for place, (literal, cloud, region) in enumerate(rows)
    ]


AWS = placed(("12", "AWS", "europe"), ("8", "AWS", "europe"), ("12", "AWS", "africa"))


def test_all_filters_must_match_lago_count_03() -> None:
    of = meter("count", filters={"cloud": ["AWS"], "region": ["europe"]})
    assert total(of, AWS, **MARCH) == "2"


def test_max_of_decimals_lago_max_02() -> None:
    events = [event("e1", "2024-03-29T12:00:00Z", tokens="9"), *values("12", "14.2")]
    assert total(meter("max"), events, **MARCH) == "14.2"


def test_max_within_a_filter_lago_max_04() -> None:
    events = [event("e1", AT, tokens="8", region="europe"), event("e2", AT, tokens="12", region="africa")]
    assert total(meter("max", filters={"region": ["europe"]}), events, **MARCH) == "8"


def test_sum_of_decimals_lago_sum_03() -> None:
    assert total(meter(), values("12", "12", "12", "12", "4.5"), **MARCH) == "52.5"


def test_events_after_the_period_are_outside_lago_sum_05() -> None:
    assert total(meter(), values("12", "12", "12", "12", at="2024-04-02T00:00:00Z"), **MARCH) == "0"


def test_sum_within_a_filter_lago_sum_06() -> None:
    assert total(meter(filters={"region": ["europe"]}), AWS, **MARCH) == "20"


def test_sum_without_any_value_lago_sum_07() -> None:
    assert total(meter(), [event("e1", AT)], **MARCH) == "0"


def test_unique_count_looks_at_its_own_period_lago_unique_02() -> None:
    events = [
        event("e1", "2022-06-09T00:00:00Z", tokens="a", op="add"),
        event("e2", "2022-07-19T00:00:00Z", tokens="b", op="add"),
    ]
    asked = {"start": "2022-07-09T00:00:00Z", "end": "2022-08-09T00:00:00Z"}
    assert total(meter("unique_count"), events, **asked) == "1"


def test_days_around_a_change_of_clocks() -> None:
    times = [f"2025-03-{day:02}T{18 if day < 9 else 17}:00:00Z" for day in range(6, 13)]
    events = [event(f"e{time}", time, tokens=number("100")) for time in times]
    start, end = "2025-03-06T08:00:00Z", "2025-03-13T07:00:00Z"
    found = measure(meter(), events, start=start, end=end, window=Window.DAY, zone="America/Los_Angeles")
    starts = [f"2025-03-{day:02}T{8 if day < 10 else 7:02}:00:00Z" for day in range(6, 14)]
    assert [format_instant(one.window.start_at) for one in found.windows] == starts[:-1]
    assert [format_instant(one.window.end_at) for one in found.windows] == starts[1:]
    assert [show_decimal(one.quantity) for one in found.windows] == ["100"] * 7


@pytest.mark.parametrize(("unit", "quantity"), [("foo", "15"), ("bar", "13")])
def test_a_meter_for_each_unit_has_its_own_sum(unit: str, quantity: str) -> None:
    rows = [("2013-01-01", "foo", "10"), ("2013-01-02", "foo", "5"), ("2013-01-31", "bar", "13")]
    events = [event(f"e{day}", f"{day}T00:00:00Z", unit=kind, tokens=literal) for day, kind, literal in rows]
    asked = {"start": "2013-01-01T00:00:00Z", "end": "2013-02-01T00:00:00Z"}
    assert total(meter(filters={"unit": [unit]}), events, **asked) == quantity
