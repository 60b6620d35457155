"""The fixtures that other tests stand on do what they promise."""

import socket
from datetime import UTC, datetime

import pytest

from chalicelib.platform.tables import client as dynamodb
from chalicelib.platform.tables import table_definitions
from chalicelib.shared.clock import Clock
from tests.client import ApiClient


def test_every_test_has_all_tables(tables: None) -> None:
    assert dynamodb().list_tables()["TableNames"] == [table["TableName"] for table in table_definitions()]


def test_the_clock_stands_still_until_it_is_set(clock: Clock) -> None:
    assert clock.now() == clock.now() == datetime(2026, 1, 15, 12, tzinfo=UTC)


def test_the_client_holds_an_admin_key(client: ApiClient) -> None:
    assert client.get("/v1/session").json_body["role"] == "admin"
    assert client.as_holder_of(None).get("/v1/session").status_code == 401
    assert client.as_holder_of(client.make_key("read")).get("/v1/api-keys").status_code == 403


def test_nothing_leaves_this_machine() -> None:
    with socket.socket() as outside, pytest.raises(AssertionError):
        outside.connect(("192.0.2.1", 80))
