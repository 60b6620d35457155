"""All schedules of rollups against everything that writes while they run."""

from datetime import timedelta

from chalicelib.catalog.meters import Aggregation
from tests.faults.explore import count_past, explore, roll_up, roll_up_marks_of, send
from tests.faults.schedules import Actor
from tests.faults.world import NOON, World, event

AN_HOUR = timedelta(hours=1)


def new_meter(world: World) -> Actor:
    """Create a meter."""
    return lambda stage: world.meter(Aggregation.MAX)


def test_two_rollups_of_one_quarter_hour(used: World) -> None:
    explore(used, {"one": roll_up(used), "other": roll_up(used)}, at_least=100)


def test_two_rollups_of_different_quarter_hours_of_one_day(used: World) -> None:
    used.received(event("more", NOON - 3 * AN_HOUR, v=4**3))
    explore(used, {"one": roll_up_marks_of(used, 1), "other": roll_up_marks_of(used, 3)}, at_least=40)


def test_two_rollups_of_different_days_of_one_month_of_levels(used: World) -> None:
    used.received(event("yesterday", NOON - 23 * AN_HOUR, v=4**3))
    explore(used, {"one": roll_up_marks_of(used, 1), "other": roll_up_marks_of(used, 23)}, at_least=5)


def test_rollup_and_ingest_into_the_same_quarter_hour(used: World) -> None:
    more = event("more", NOON - AN_HOUR, v=4**3, model="b")
    explore(used, {"rollup": roll_up(used), "ingest": send(used, more)}, at_least=5)


def test_rollup_and_ingest_into_another_quarter_hour_of_the_day(used: World) -> None:
    more = event("more", NOON - 4 * AN_HOUR, v=4**3)
    explore(used, {"rollup": roll_up(used), "ingest": send(used, more)})


def test_rollup_and_a_new_meter(used: World) -> None:
    explore(used, {"rollup": roll_up(used), "meter": new_meter(used)}, at_least=5)


def test_rollup_and_counting_past_events(used: World) -> None:
    used.meter(Aggregation.MAX)
    explore(used, {"rollup": roll_up(used), "counting": count_past(used)}, at_least=50)


def test_counting_past_events_twice(small: World) -> None:
    small.meter(Aggregation.MAX)
    explore(small, {"one": count_past(small), "other": count_past(small)}, at_least=50)


def test_counting_and_another_new_meter(used: World) -> None:
    used.meter(Aggregation.MAX)
    explore(used, {"counting": count_past(used), "meter": lambda stage: used.meter(Aggregation.MIN)}, at_least=5)
