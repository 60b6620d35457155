"""Several commands at one and the same instant, and what comes back when nothing is left to take it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.faults import billing
from tests.faults.billing import DEARER, MONDAY, SEATS, USAGE, check_settled
from tests.faults.billing_checks import read_billed
from tests.faults.world import ACME, World, open_world


@pytest.fixture
def unsold() -> Iterator[World]:
    """Open a world whose one organization has bought nothing yet, a week ago."""
    with open_world() as opened:
        billing.prepare_empty(opened)
        yield opened


def lines() -> dict[str, list[tuple[str, int]]]:
    """Show the net of every line, by invoice."""
    billed = read_billed(ACME)
    assert billed is not None
    return {one.id: [(line.id, line.net_minor) for line in one.content.lines] for one in billed.invoices}


def test_a_change_at_the_instant_of_the_start_charges_the_fee_of_the_first_week(unsold: World) -> None:
    billing.subscribe(unsold, USAGE)
    billing.change(unsold, SEATS)
    assert lines() == {f"inv_{ACME}.1a0.0": [("fee-seat.p0", 700)]}
    check_settled(unsold)


def test_a_change_at_the_instant_of_the_start_gives_the_fee_back_on_an_invoice_of_its_own(unsold: World) -> None:
    billing.subscribe(unsold, SEATS)
    billing.change(unsold, USAGE)
    assert lines() == {
        f"inv_{ACME}.1a0.0": [("fee-seat.p0", 700)],
        f"inv_{ACME}.1a0.1": [("adjusted-seat.p0", -700), ("carried", 700)],
    }
    check_settled(unsold)


def test_two_changes_at_one_instant_have_two_invoices(unsold: World) -> None:
    billing.subscribe(unsold, USAGE)
    billing.at(unsold, MONDAY + timedelta(days=2))
    billing.change(unsold, SEATS)
    billing.change(unsold, DEARER)
    assert list(lines()) == [f"inv_{ACME}.1a2.1", f"inv_{ACME}.1a2.0"]
    check_settled(unsold)


def test_a_fee_that_was_charged_at_the_instant_of_the_end_comes_back(unsold: World) -> None:
    billing.subscribe(unsold, USAGE)
    billing.at(unsold, MONDAY + timedelta(days=2))
    billing.change(unsold, SEATS)
    billing.cancel(unsold)
    check_settled(unsold)
    assert lines()[f"inv_{ACME}.1p2.0"] == [("adjusted-seat.p2", -500), ("carried", 500)]


def test_a_fee_of_a_subscription_that_is_over_is_billed_beside_the_drafts_of_another(unsold: World) -> None:
    billing.subscribe(unsold, SEATS)
    billing.at(unsold, MONDAY + timedelta(days=2))
    billing.cancel(unsold)
    billing.bill(unsold)
    billing.at(unsold, MONDAY + timedelta(days=3))
    billing.bill(unsold)
    billing.subscribe(unsold, USAGE)
    billing.void(unsold, invoice=f"inv_{ACME}.1a0.0")
    check_settled(unsold)
    assert lines()[f"inv_{ACME}.1l0.0"] == [("fee-seat.p0", 700)]
