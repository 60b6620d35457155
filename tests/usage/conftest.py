"""A store for tests that write hundreds of items: the local server's engine, in memory."""

from collections.abc import Iterator

import pytest

from tests.faults.store import open_store


@pytest.fixture
def engine() -> Iterator[None]:
    """Give the test fresh tables on the embedded engine, to which the app has the short way of the fault suites."""
    with open_store():
        yield
