"""The counted figures of a ledger, at smaller sizes, against their targets; times are for the bench alone."""

from collections.abc import Iterator

import pytest

from bench.ledger import measure_ledger
from chalicelib.platform.connection import disconnect


@pytest.fixture(autouse=True)
def _own_client() -> Iterator[None]:
    yield
    disconnect()


def test_listing_and_checking_cost_the_same_however_long_the_ledger_is() -> None:
    short, long = measure_ledger(1_000), measure_ledger(20_000)
    assert short["pass"]
    assert long["pass"]
    assert (short["verify"]["parts"], long["verify"]["parts"]) == (1, 2)
    for name in ("first", "middle", "last"):
        assert long["list"][name]["round_trips"] == short["list"][name]["round_trips"] == 1
        assert long["list"][name]["read_units"] <= short["list"][name]["read_units"] + 2
    assert long["command"]["peak_rss_mb"] < 1.2 * short["command"]["peak_rss_mb"]
