"""The counted figures of the bench, at smaller sizes, against their targets; times are for the bench alone."""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from bench.reads import measure_reads
from bench.sizes import item_bytes
from bench.store import read_units
from bench.workload import NOON, events, json_lines
from bench.writes import measure_writes
from chalicelib.platform.connection import disconnect


@pytest.fixture(autouse=True)
def _own_client() -> Iterator[None]:
    yield
    disconnect()


def test_events_are_of_the_size_that_the_targets_are_for() -> None:
    sizes = [len(line) for line in json_lines(events(100, NOON))]
    assert 225 <= sum(sizes) / len(sizes) <= 255


def test_write_units_are_within_their_targets() -> None:
    for figures in measure_writes(500)["per_1000_events"].values():
        assert figures["write_units"] <= figures["target"]
        assert figures["pass"]


def test_a_query_costs_the_same_however_many_events_there_were() -> None:
    found: dict[str, Any] = measure_reads((10_000, 10_000_000))
    few, many = (figures["rolled_up"] for figures in found.values())
    assert all(figures[part]["pass"] for figures in found.values() for part in ("rolled_up", "with_today_open"))
    assert many["round_trips"] == few["round_trips"] <= 3
    assert many["read_units"] <= few["read_units"] + 2


def test_read_units_follow_the_rule_of_dynamodb() -> None:
    item: dict[str, dict[str, Any]] = {"pk": {"S": "é" * 10}, "b": {"B": b"0" * 100}}
    item |= {"n": {"N": "12345"}, "x": {"BOOL": True}}
    assert item_bytes(item) == (2 + 20) + (1 + 100) + (1 + 4) + (1 + 1)
    big = {"b": {"B": b"0" * 5000}}
    consistent = {"ConsistentRead": True}
    assert read_units("Query", consistent, {"Items": [big] * 4}) == math.ceil(4 * 5001 / 4096)
    assert read_units("Query", {}, {"Items": [big]}) == 1
    assert read_units("GetItem", consistent, {}) == 1
    asked = {"RequestItems": {"t": {"Keys": [{}, {}, {}], "ConsistentRead": True}}}
    assert read_units("BatchGetItem", asked, {"Responses": {"t": [big, item]}}) == 2 + 1 + 1
