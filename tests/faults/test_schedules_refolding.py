"""All schedules of rollups that find damaged counters, against whatever else reads and writes there."""

import os
from datetime import timedelta

import pytest

from chalicelib.catalog.meters import Aggregation
from chalicelib.usage import counters_store
from tests.faults.explore import (
    InFlight,
    ask,
    damage_and_mark,
    explore,
    in_turn,
    losing_header,
    refold,
    roll_up,
    roll_up_marks_of,
    send,
    void,
)
from tests.faults.world import NOON, World, event

# All schedules of two rollups that both mend are too many for each test run: METERFOLD_EVERY_SCHEDULE=1 runs them.
SOME = None if os.environ.get("METERFOLD_EVERY_SCHEDULE") else 20
AN_HOUR = timedelta(hours=1)
SAME = event("more", NOON - 4 * AN_HOUR, v=4**3, model="b")
ANOTHER = event("other", NOON - 3 * AN_HOUR, v=4**4)


@pytest.fixture
def damaged(small: World) -> World:
    """Damage all counters, and mark them."""
    damage_and_mark(small)
    return small


@pytest.mark.parametrize("prefix", ["q#", "d#", ""])
def test_two_rollups(small: World, prefix: str) -> None:
    damage_and_mark(small, prefix)
    explore(small, {"one": roll_up_marks_of(small, 4), "other": roll_up_marks_of(small, 4)}, drawn=SOME)


def test_rollups_of_two_quarter_hours_of_a_day(small: World) -> None:
    small.received(ANOTHER)
    damage_and_mark(small)
    explore(small, {"one": roll_up_marks_of(small, 4), "other": roll_up_marks_of(small, 3)}, drawn=SOME)


def test_one_quarter_hour_is_mended_while_another_of_its_day_is_rolled_up(damaged: World) -> None:
    damaged.received(ANOTHER)
    explore(damaged, {"one": roll_up_marks_of(damaged, 4), "other": roll_up_marks_of(damaged, 3)}, drawn=SOME)


def test_an_event_comes_into_the_same_quarter_hour(damaged: World) -> None:
    explore(damaged, {"rollup": roll_up(damaged), "ingest": send(damaged, SAME)}, at_least=5)


def test_an_event_comes_and_is_rolled_up(damaged: World) -> None:
    late = in_turn(send(damaged, SAME), roll_up_marks_of(damaged, 4))
    explore(damaged, {"rollup": roll_up_marks_of(damaged, 4), "late": late}, drawn=SOME)


def test_an_event_is_voided_and_rolled_up(damaged: World) -> None:
    gone = in_turn(void(damaged, damaged.books.events[0]), roll_up_marks_of(damaged, 4))
    explore(damaged, {"rollup": roll_up_marks_of(damaged, 4), "void": gone}, drawn=SOME)


def test_a_meter_is_created(damaged: World) -> None:
    actors = {"rollup": roll_up(damaged), "meter": lambda stage: damaged.meter(Aggregation.MAX)}
    explore(damaged, actors, at_least=4)


def test_a_query_is_right_from_the_mark_on(damaged: World) -> None:
    explore(damaged, {"query": ask(damaged, InFlight()), "rollup": roll_up(damaged)}, at_least=4)


def test_a_range_is_marked_while_it_is_rolled_up_and_events_come(small: World) -> None:
    small.received(event("late", NOON - 4 * AN_HOUR, v=4**2))
    actors = {"refold": refold(small), "rollup": roll_up(small), "ingest": send(small, SAME)}
    explore(small, actors, drawn=SOME)


def test_levels_of_a_day_and_a_month(used: World) -> None:
    damage_and_mark(used)
    explore(used, {"one": roll_up_marks_of(used, 1), "other": roll_up_marks_of(used, 24)}, drawn=SOME)


def test_two_rollups_in_pages_when_the_answer_to_a_header_is_lost(
    damaged: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters_store, "PAGE_BYTES", 40)
    actors = {"one": roll_up_marks_of(damaged, 4), "other": roll_up_marks_of(damaged, 4)}
    # What the two write of the quarter-hour and of the day is first refused, and then replaces.
    for number in (1, 3):
        explore(damaged, actors, rule=lambda number=number: losing_header(number), drawn=SOME)  # type: ignore[misc]
