"""One deployment with two organizations for all tests of a file: they show that nothing in it changes."""

import json
from collections.abc import Iterator

import pytest

from chalicelib.platform.connection import client as dynamodb
from tests.fuzz.known import Deployment, deployed


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with deployed() as opened:
        yield opened


def contents() -> str:
    """Give every item of every table as one text."""
    pages = dynamodb().get_paginator("scan")
    tables = dynamodb().list_tables()["TableNames"]
    items = {name: [item for page in pages.paginate(TableName=name) for item in page["Items"]] for name in tables}
    return json.dumps(items, sort_keys=True, default=str)


@pytest.fixture
def _nothing_changes(deployment: Deployment) -> Iterator[None]:
    before = contents()
    yield
    assert contents() == before
