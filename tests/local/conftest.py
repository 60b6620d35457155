"""An embedded engine with one small table, and a client of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.engine import EmbeddedDynamo, use_no_aws_account
from tests.local.stores import client_of, open_engine


@pytest.fixture(autouse=True, scope="session")
def _no_aws_account() -> None:
    use_no_aws_account()


@pytest.fixture
def engine() -> Iterator[EmbeddedDynamo]:
    with open_engine() as opened:
        yield opened


@pytest.fixture
def client(engine: EmbeddedDynamo) -> Any:
    return client_of(engine)
