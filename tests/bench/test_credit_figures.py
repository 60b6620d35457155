"""What credit costs: the figures of the bench at a smaller size."""

from collections.abc import Iterator
from typing import Any

import pytest

from bench import credits as bench_credits
from chalicelib.platform.connection import disconnect

MANY = 40


@pytest.fixture(scope="module")
def figures() -> Iterator[dict[str, Any]]:
    yield {str(grants): bench_credits.measure_grants(grants) for grants in (1, MANY)}
    disconnect()


def test_a_draft_that_draws_costs_no_more_round_trips_than_one_that_does_not(figures: dict[str, Any]) -> None:
    assert figures["1"]["draft"] == {"read_units": 24, "round_trips": 4}
    assert figures[str(MANY)]["draft"]["round_trips"] == 4


def test_authorizing_costs_what_a_draft_costs_and_writes_nothing(figures: dict[str, Any]) -> None:
    for one in figures.values():
        assert one["authorize"] == one["draft"]


def test_a_hold_costs_a_draft_and_a_few_items(figures: dict[str, Any]) -> None:
    assert figures["1"]["hold"] == {"read_units": 24, "round_trips": 5, "write_units": 9.0, "items": 4}
    assert figures["1"]["release"] == {"read_units": 6, "round_trips": 5, "write_units": 7.0, "items": 3}
    assert figures[str(MANY)]["hold"]["items"] == 4


def test_finalizing_draws_on_all_grants_in_one_transaction_of_few_items(figures: dict[str, Any]) -> None:
    """Every grant pays something: the bench asserts it."""
    assert [one["finalized"]["items"] for one in figures.values()] == [8, 8]
    assert all(one["pass"] for one in figures.values())
