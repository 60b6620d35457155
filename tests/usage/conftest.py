"""A store for tests that write hundreds of items: the local server's engine, in memory."""

import importlib
from collections.abc import Iterator

import pytest

from chalicelib.platform.connection import disconnect
from chalicelib.platform.tables import client, create_tables
from local.engine import EmbeddedDynamo


@pytest.fixture
def engine() -> Iterator[None]:
    """Give the test fresh tables on the embedded engine: moto needs ten times as long for each call."""
    importlib.import_module("chalicelib.catalog.tables")
    importlib.import_module("chalicelib.usage.tables")
    disconnect()
    with EmbeddedDynamo() as opened:
        opened.attach(client())
        create_tables()
        yield
    disconnect()
