"""All schedules of holds, releases, voids, ends and invoices: nothing is held twice, and all of it comes back."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from chalicelib.shared.errors import Conflict
from tests.faults import billing, crediting
from tests.faults.billing import doing
from tests.faults.explore import explore
from tests.faults.schedules import Actor
from tests.faults.world import World

AN_HOUR = timedelta(hours=1)


def run(world: World, actors: dict[str, Actor], at_least: int) -> None:
    """Explore, allowing commands to be refused; each schedule ends with all credit settled."""
    explore(world, actors, allowed=(Conflict,), at_least=at_least, check=crediting.check_all_settled)


@pytest.fixture
def funded(sold: World) -> World:
    """Bill last week and give 5.00 of credit that ends within two hours."""
    billing.bill(sold)
    crediting.open_to_holds(sold, lasts=2 * AN_HOUR)
    return sold


def test_two_holds_of_which_one_fits(funded: World) -> None:
    run(funded, {"one": doing(funded, crediting.hold), "other": doing(funded, crediting.hold)}, 4)


def test_two_releases_of_one_hold(funded: World) -> None:
    crediting.hold(funded, cents=100)
    crediting.hold(funded, cents=200)
    run(funded, {"one": doing(funded, crediting.release), "other": doing(funded, crediting.release)}, 4)


@pytest.mark.parametrize("act", [crediting.release, crediting.settle])
@pytest.mark.parametrize("hours", [0.5, 1, 2])
def test_a_hold_while_another_is_given_back(funded: World, act: Callable[[World], None], hours: float) -> None:
    crediting.hold(funded)
    billing.at(funded, funded.now + hours * AN_HOUR)
    run(funded, {"hold": doing(funded, crediting.hold), "back": doing(funded, act)}, 1)


def test_two_runs_that_settle(funded: World) -> None:
    crediting.hold(funded)
    billing.at(funded, funded.now + 2 * AN_HOUR)
    run(funded, {"one": doing(funded, crediting.settle), "other": doing(funded, crediting.settle)}, 2)


@pytest.mark.parametrize("act", [crediting.hold, crediting.settle])
def test_a_void_against(funded: World, act: Callable[[World], None]) -> None:
    crediting.hold(funded, cents=100)
    billing.at(funded, funded.now + AN_HOUR)
    run(funded, {"void": doing(funded, billing.void_grants), "other": doing(funded, act)}, 4)


@pytest.mark.parametrize("act", [crediting.hold, crediting.settle, billing.void_grants])
def test_an_invoice_is_finalized_meanwhile(sold: World, act: Callable[[World], None]) -> None:
    crediting.open_to_holds(sold, lasts=AN_HOUR)
    billing.at(sold, sold.now + AN_HOUR / 2)
    run(sold, {"bill": doing(sold, billing.bill), "other": doing(sold, act)}, 2)
