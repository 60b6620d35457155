"""Worlds for the fault tests: meters of every kind, some usage that is rolled up, some that is not."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.catalog.meters import Aggregation
from tests.faults import billing
from tests.faults.paths import Served, serve
from tests.faults.world import ACME, NOON, World, event, open_world

AN_HOUR = timedelta(hours=1)


@pytest.fixture
def world() -> Iterator[World]:
    """Open a world with one organization and three meters: a sum, one of levels, one by the latest event."""
    with open_world() as opened:
        opened.organization(ACME)
        for aggregation in (Aggregation.SUM, Aggregation.LATEST, Aggregation.TIME_WEIGHTED):
            opened.meter(aggregation)
        opened.count_past()
        yield opened


@pytest.fixture
def small() -> Iterator[World]:
    """Open a world with one organization, one meter and one event, which has been rolled up."""
    with open_world() as opened:
        opened.organization(ACME)
        opened.meter(Aggregation.SUM)
        opened.count_past()
        opened.received(event("early", NOON - 4 * AN_HOUR, v=4**1))
        opened.roll_up()
        yield opened


@pytest.fixture
def sold() -> Iterator[World]:
    """Open a world whose one organization has a subscription: last week is due, and this week has usage too."""
    with open_world() as opened:
        billing.prepare(opened)
        yield opened


@pytest.fixture
def used(world: World) -> World:
    """Add usage of yesterday and of this morning that has been rolled up, and some of 11 o'clock that has not."""
    world.received(event("old", NOON - 24 * AN_HOUR, v=4**0), event("early", NOON - 4 * AN_HOUR, v=4**1))
    world.roll_up()
    world.received(event("late", NOON - AN_HOUR, v=4**2, model="b"))
    return world


@pytest.fixture
def served(used: World) -> Served:
    """Serve the app in a world with some usage, to a client with an admin key."""
    return serve(used)


@pytest.fixture
def selling(sold: World) -> Served:
    """Serve the app in a world with a subscription, to a client with an admin key."""
    return serve(sold)
