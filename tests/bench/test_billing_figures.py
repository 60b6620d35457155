"""The counted figures of billing, at smaller sizes, against their targets; times are for the bench alone."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from bench import period_end
from bench.billing import MOST_READ_UNITS, MOST_ROUND_TRIPS, MOST_WRITE_UNITS, measure_billing
from bench.billing_commands import measure_commands
from bench.crowd import total_minor
from bench.deliveries import Crash, Deliveries, Event
from bench.long_invoice import measure_long_invoice
from bench.on_paper import million_organizations
from bench.period_end import measure_period_end
from bench.store import open_store
from chalicelib.catalog import service as catalog_service
from chalicelib.platform.connection import disconnect


@pytest.fixture(autouse=True)
def _own_client() -> Iterator[None]:
    yield
    disconnect()


def test_a_draft_and_its_invoice_cost_the_same_however_many_events_there_were() -> None:
    found: dict[str, Any] = measure_billing((20_000, 10_000_000))
    few, many = found["at_20000_events"], found["at_10000000_events"]
    for figures in (few, many):
        for name in ("rolled_up", "rolled_up_cold_plan"):
            assert figures[name]["read_units"] <= MOST_READ_UNITS
            assert figures[name]["round_trips"] <= MOST_ROUND_TRIPS
        assert figures["finalized"]["write_units"] <= MOST_WRITE_UNITS
        closed = figures["with_a_touched_closed_period"]
        assert closed["round_trips"] == figures["rolled_up"]["round_trips"], "read beside the open period"
        assert closed["read_units"] > figures["rolled_up"]["read_units"]
    assert many["rolled_up"]["read_units"] <= few["rolled_up"]["read_units"] + 4
    assert many["rolled_up"]["round_trips"] == few["rolled_up"]["round_trips"] == 3
    assert many["finalized"]["round_trips"] == few["finalized"]["round_trips"] == 4


def test_an_invoice_of_a_thousand_lines_is_one_transaction_and_cheap_to_pay() -> None:
    found = measure_long_invoice(days=2)
    assert found["pass"]
    assert found["lines"] == 1000
    assert found["finalized"]["items"] <= 25
    assert len(found["item_bytes"]["page"]) == 1
    assert found["payment"]["write_units"] <= 4


def test_commands_cost_what_they_cost() -> None:
    found = measure_commands()
    limits = {
        "subscription": 6,
        "subscription_with_an_advance_fee": 20,
        "payment": 12,
        # It remembers in the period's record what it took back, too.
        "credit_note": 22,
        "void": 26,
        "one_off_invoice": 14,
    }
    assert found.keys() == limits.keys()
    assert [name for name, figures in found.items() if figures["write_units"] > limits[name]] == []


def test_every_organization_is_billed_once_whatever_happens_to_messages() -> None:
    found = measure_period_end(120, alone=25, crash_every=2)
    assert found["pass"]
    crowded = found["twice_with_crashes"]
    assert crowded["crashes"] >= 5
    assert crowded["deliveries"] == crowded["messages"] + crowded["crashes"]
    assert found["quiet"]["per_invoice"]["write_units"] <= 16
    assert found["quiet"]["per_organization_once_more"]["write_units"] == 0


def test_an_organization_that_is_billed_wrong_fails_the_bench() -> None:
    with patch.object(period_end, "total_minor", lambda place: total_minor(place) + (place == 30)):
        found = measure_period_end(30, alone=5)
    assert not found["pass"]
    assert [fault.split(" ")[0] for fault in found["faults"]] == ["customer-0000030"]


def test_an_organization_that_was_not_billed_fails_the_bench() -> None:
    with patch.object(Deliveries, "run", lambda self, threads: self.delivered):
        found = measure_period_end(30, alone=5)
    assert not found["pass"]
    assert found["faults"][0] == "customer-0000005 has not one invoice"
    assert found["left"] == 2


def test_a_delivery_that_crashes_comes_again() -> None:
    received = []

    def receive(event: Event) -> None:
        catalog_service.find_organizations(["acme"] * 3)
        received.append(event[0].body)

    with open_store():
        deliveries = Deliveries(["a", "b", "a"], receive, crash_every=2)
        with patch.object(deliveries._chance, "randrange", return_value=0):
            delivered = deliveries.run(1)
    assert sorted(received) == ["a", "a", "b"]
    assert (delivered.times, delivered.crashes) == (5, 2)


def test_what_fails_without_a_crash_fails_the_bench() -> None:
    def receive(_event: Event) -> None:
        raise AssertionError

    with open_store(), pytest.raises(AssertionError):
        Deliveries(["a"], receive, crash_every=100).run(2)
    assert not issubclass(Crash, Exception)


def test_a_million_organizations_are_paid_by_unit_invocation_and_second() -> None:
    invoice = {"read_units": 16, "write_units": 24, "calls": 7, "cpu_ms": 58}
    found = million_organizations(invoice, round_trips=4, a_message=25)
    # 58 of CPU, 7 calls, three reads of 5 ms and a transaction of 20 ms are 100 ms: a thousand invoices a second.
    assert (found["ms_per_invoice"], found["invoices_per_s"], found["minutes"]) == (100, 1000, 17)
    assert (found["invocations"], found["write_units"], found["read_units"]) == (40_000, 24_000_000, 16_000_000)
    # 24 x 0.625, 16 x 0.125, 0.04 x 0.20, 100,000 s x 1.7275 GB x 0.0000133334, 0.12 x 0.40
    dollars = {"write_units": "15.00", "read_units": "2.00", "invocations": "0.01", "queue": "0.05"}
    assert found["dollars"] == {**dollars, "gigabyte_seconds": "2.30"}
    assert found["dollars_in_all"] == "19.36"
