from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import botocore.session
import pytest

from chalicelib.platform.connection import client, connection, disconnect
from chalicelib.platform.reads import find
from chalicelib.platform.tables import DecimalAttribute, create_tables, table_definitions, table_name, ttl_attributes
from tests.platform.conftest import Script
from tests.platform.stored import Box, Label


@pytest.fixture
def _fresh_connection() -> Iterator[None]:
    disconnect()
    yield
    disconnect()


@pytest.mark.usefixtures("tables", "_fresh_connection")
def test_all_models_share_one_botocore_client(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    create = botocore.session.Session.create_client

    def count(*arguments: Any, **options: Any) -> Any:
        made.append("client")
        return create(*arguments, **options)

    monkeypatch.setattr(botocore.session.Session, "create_client", count)
    Box("a", "1").save()
    Label("a", "2", text="x").save()
    assert Label.get("a", "2").text == "x"
    assert Box._get_connection().connection is Label._get_connection().connection
    assert made == ["client"]


@pytest.mark.usefixtures("tables")
def test_the_client_sends_once_and_does_not_validate_twice() -> None:
    config = client().meta.config
    assert config.retries == {"total_max_attempts": 1, "mode": "standard"}
    assert type(client()._serializer).__name__ != "ParamValidationDecorator"


def test_a_table_is_defined_by_all_its_models() -> None:
    definition = next(each for each in table_definitions() if each["TableName"] == table_name("boxes"))
    assert definition == {
        "TableName": "meterfold-test-boxes",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
            {"AttributeName": "state", "AttributeType": "S"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by_state",
                "KeySchema": [
                    {"AttributeName": "state", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    }
    assert ttl_attributes()[table_name("boxes")] == "expires_at"


@pytest.mark.usefixtures("tables")
def test_creating_tables_again_changes_nothing() -> None:
    Box("a", "1").save()
    create_tables()
    assert find(Box, ("a", "1")) is not None
    described = client().describe_time_to_live(TableName=table_name("boxes"))["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


@pytest.mark.parametrize(
    "text", ["0", "-1", "12.34", "0.000000000001", "99999999999999999999999999999999999999", "1E-30", "-7.50"]
)
@pytest.mark.usefixtures("tables")
def test_a_decimal_comes_back_exactly(text: str) -> None:
    Box("a", "1", weight=Decimal(text)).save()
    assert Box.get("a", "1").weight == Decimal(text)


@pytest.mark.parametrize("number", [Decimal(10**38 + 1), Decimal("NaN"), Decimal("Infinity"), Decimal("1E126"), 1.5, 3])
def test_a_decimal_that_dynamodb_would_change_is_refused(number: object) -> None:
    with pytest.raises(ValueError, match="holds"):
        DecimalAttribute(attr_name="weight").serialize(number)


def test_trailing_zeros_are_no_digits() -> None:
    assert DecimalAttribute().serialize(Decimal("1" + "0" * 45)) == "1" + "0" * 45


def test_reads_are_strongly_consistent_unless_asked_otherwise(script: Script) -> None:
    box = Box("a", "1", state="new")
    box.save()
    script.calls.clear()
    find(Box, ("a", "1"))
    list(Box.query("a"))
    list(Box.batch_get([("a", "1")]))
    box.refresh()
    asked = [arguments.get("RequestItems", {table_name("boxes"): arguments}) for _, arguments in script.calls]
    assert [each[table_name("boxes")]["ConsistentRead"] for each in asked] == [True] * 4
    assert [found.sk for found in Box.query("new", index_name="by_state")] == ["1"]
    assert [found.sk for found in Box.by_state.query("new")] == ["1"]


def test_nothing_scans() -> None:
    with pytest.raises(AssertionError, match="nothing scans"):
        Box.scan()


def test_the_connection_is_made_once() -> None:
    assert connection() is connection()
