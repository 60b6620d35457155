"""The order of arrival does not matter: every permutation of some events, sent one by one, with rollups in between."""

import itertools
from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.catalog.meters import Aggregation
from tests.faults.naive import Received
from tests.faults.world import ACME, NOON, World, beginning, event, go_back, open_world

AN_HOUR = timedelta(hours=1)

EVENTS = (
    event("a", NOON - AN_HOUR, v=3),
    event("b", NOON - AN_HOUR + timedelta(microseconds=1), v="2.5", model="b"),
    event("c", NOON - AN_HOUR, v=-7),
    event("d", NOON - 26 * AN_HOUR, v=3),
    event("a", NOON - AN_HOUR, v=3),
)


@pytest.fixture(params=list(Aggregation))
def one_meter(request: pytest.FixtureRequest) -> Iterator[World]:
    with open_world() as world:
        world.organization(ACME)
        world.meter(request.param)
        world.count_past()
        yield world


def test_every_order_of_arrival_gives_the_same(one_meter: World) -> None:
    start = beginning(one_meter)
    places = range(len(EVENTS))
    # The first and the last are the same.
    orders = [order for order in itertools.permutations(places) if order.index(0) < order.index(places[-1])]
    assert len(orders) == 60
    for number, order in enumerate(orders):
        go_back(one_meter, start)
        _arrive(one_meter, tuple(EVENTS[place] for place in order), number)
        one_meter.check()


def _arrive(world: World, order: tuple[Received, ...], number: int) -> None:
    """Let events arrive one by one; the bits of a number say after which of them a rollup runs."""
    for place, one in enumerate(order):
        world.received(one)
        if number >> place & 1:
            world.roll_up()
    world.check_usage()
