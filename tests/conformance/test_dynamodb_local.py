"""What is true of DynamoDB Local alone. Collected where one is served: see ``make conformance``."""

import time
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from chalicelib.platform.settings import settings
from chalicelib.platform.tables import table_definitions
from tests.conformance.asking import key, number
from tests.conformance.dynamodb_local import Database
from tests.conformance.short_way import ShortWay
from tests.conformance.storage_scripts import CATALOG, CREDITS
from tests.faults.store import import_tables

_LONGEST_S = 120


@pytest.fixture
def database() -> Database:
    import_tables()
    made = Database(f"test{uuid4().hex}")
    made.make_tables()
    return made


def sdk(database: Database) -> ShortWay:
    return database.way_of(get_session().create_client("dynamodb", region_name=settings.region))


def items_of(database: Database, table: str = CREDITS) -> list[Any]:
    return list(database.contents()[table].values())


def test_what_has_expired_is_deleted_within_a_minute_or_two(database: Database) -> None:
    """On AWS within some days, on the other engines never: so the suites keep it off."""
    outbox = settings.table_name("outbox")
    expiry = {"Enabled": True, "AttributeName": "expires_at"}
    database.send("UpdateTimeToLive", {"TableName": outbox, "TimeToLiveSpecification": expiry})
    long_ago, far = number("1768000000"), number("4000000000")
    for sort, expires_at in (("past", long_ago), ("future", far)):
        database.send("PutItem", {"TableName": outbox, "Item": {**key(sort), "expires_at": expires_at}})
    until = time.monotonic() + _LONGEST_S
    while len(items_of(database, outbox)) > 1:
        assert time.monotonic() < until
    assert [item["sk"]["S"] for item in items_of(database, outbox)] == ["future"]


def test_it_knows_no_recovery_to_a_point_in_time(database: Database) -> None:
    with pytest.raises(ClientError, match="UnknownOperationException"):
        sdk(database)("DescribeContinuousBackups", {"TableName": CREDITS})


def test_each_credential_has_a_database(database: Database) -> None:
    other = Database(f"test{uuid4().hex}")
    other.make_tables()
    database.send("PutItem", {"TableName": CREDITS, "Item": key()})
    assert (len(items_of(database)), len(items_of(other))) == (1, 0)


def test_contents_are_put_back_as_they_were(database: Database) -> None:
    for sort in ("kept", "changed", "deleted"):
        database.send("PutItem", {"TableName": CREDITS, "Item": {**key(sort), "n": number("1.50")}})
    before = database.contents()
    database.send("PutItem", {"TableName": CREDITS, "Item": key("changed")})
    database.send("PutItem", {"TableName": CATALOG, "Item": key("new")})
    database.send("DeleteItem", {"TableName": CREDITS, "Key": key("deleted")})
    assert database.contents() != before
    database.put_back(before)
    assert database.contents() == before


def test_tables_are_the_apps_and_empty_each_time(database: Database) -> None:
    database.send("PutItem", {"TableName": CREDITS, "Item": key()})
    database.make_tables()
    assert all(items == {} for items in database.contents().values())
    for definition in table_definitions():
        shown = database.send("DescribeTable", {"TableName": definition["TableName"]})["Table"]
        indexes = {index["IndexName"] for index in shown.get("GlobalSecondaryIndexes", ())}
        assert indexes == {index["IndexName"] for index in definition.get("GlobalSecondaryIndexes", ())}
        assert shown["KeySchema"] == definition["KeySchema"]
