"""All schedules of queries and corrections against what writes meanwhile: each answer is right when it is given."""

from datetime import timedelta

import pytest

from chalicelib.catalog.meters import Aggregation
from chalicelib.shared.errors import EventVoided
from chalicelib.usage import counters_store
from tests.faults.explore import InFlight, amend, ask, explore, in_turn, losing_header, roll_up, send, void
from tests.faults.rules import break_pages
from tests.faults.world import NOON, World, event

AN_HOUR = timedelta(hours=1)
MORE = event("more", NOON - AN_HOUR, v=4**3, model="b")


@pytest.fixture
def in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every counter have several pages."""
    monkeypatch.setattr(counters_store, "PAGE_BYTES", 40)


def test_a_query_during_a_rollup(used: World) -> None:
    explore(used, {"query": ask(used, InFlight()), "rollup": roll_up(used)}, at_least=4)


def test_a_query_during_a_rollup_in_pages(small: World, in_pages: None) -> None:
    small.roll_up()
    small.received(MORE)
    explore(small, {"query": ask(small, InFlight()), "rollup": roll_up(small)}, at_least=4)


def test_a_query_while_a_day_in_pages_is_written_again(small: World, in_pages: None) -> None:
    small.received(event("yesterday", NOON - 24 * AN_HOUR, v=4**3))
    small.roll_up()
    late = event("very late", NOON - 24 * AN_HOUR, v=4**4)
    actors = {"query": ask(small, InFlight([late])), "late": in_turn(send(small, late), roll_up(small))}
    explore(small, actors, rule=lambda: break_pages, at_least=10)


def test_a_query_during_ingest(used: World) -> None:
    explore(used, {"query": ask(used, InFlight([MORE])), "ingest": send(used, MORE)}, at_least=3)


def test_two_queries_during_ingest_into_a_new_quarter_hour(small: World) -> None:
    more = event("more", NOON - 2 * AN_HOUR, v=4**3)
    explore(small, {"query": ask(small, InFlight([more]), times=2), "ingest": send(small, more)}, at_least=5)


def test_a_query_while_events_come_and_are_rolled_up(small: World) -> None:
    small.received(event("late", NOON - AN_HOUR, v=4**2))
    actors = {"query": ask(small, InFlight([MORE])), "ingest": send(small, MORE), "rollup": roll_up(small)}
    explore(small, actors, at_least=50)


def test_a_query_while_a_meter_is_created(used: World) -> None:
    explore(used, {"query": ask(used, InFlight()), "meter": lambda stage: used.meter(Aggregation.MAX)}, at_least=2)


def test_void_and_rollup(used: World) -> None:
    late = used.books.events[-1]
    explore(used, {"void": void(used, late), "rollup": roll_up(used)}, at_least=3)


def test_void_and_rollup_in_pages(used: World, in_pages: None) -> None:
    late = used.books.events[-1]
    explore(used, {"void": void(used, late), "rollup": roll_up(used)}, at_least=3)


def test_rollup_and_rollup_in_pages(small: World, in_pages: None) -> None:
    small.received(event("late", NOON - AN_HOUR, v=4**2))
    explore(small, {"one": roll_up(small), "other": roll_up(small)}, at_least=15)


def test_rollup_and_rollup_in_pages_when_the_answer_to_a_header_is_lost(small: World, in_pages: None) -> None:
    small.received(event("late", NOON - AN_HOUR, v=4**2))
    actors = {"one": roll_up(small), "other": roll_up(small)}
    for number in range(2):
        explore(small, actors, rule=lambda number=number: losing_header(number), at_least=15)  # type: ignore[misc]


def test_a_query_while_an_event_is_voided_and_rolled_up(small: World) -> None:
    small.received(event("late", NOON - AN_HOUR, v=4**2))
    late = small.books.events[-1]
    actors = {"query": ask(small, InFlight(voided=[late])), "void": void(small, late), "rollup": roll_up(small)}
    explore(small, actors, at_least=50)


def test_void_and_amend(used: World) -> None:
    late = used.books.events[-1]
    actors = {"void": void(used, late), "amend": amend(used, late, v=7, model="c")}
    explore(used, actors, allowed=(EventVoided,), at_least=2)


def test_void_twice(used: World) -> None:
    late = used.books.events[-1]
    explore(used, {"one": void(used, late), "other": void(used, late)}, at_least=2)


def test_amend_and_a_second_copy(used: World) -> None:
    late = used.books.events[-1]
    explore(used, {"amend": amend(used, late, v=7, model="c"), "copy": send(used, late)}, at_least=2)


def test_the_same_events_sent_twice_at_once(used: World) -> None:
    explore(used, {"one": send(used, MORE), "other": send(used, MORE), "rollup": roll_up(used)}, at_least=10)
