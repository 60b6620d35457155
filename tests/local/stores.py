"""Embedded engines with one small table, and clients of them."""

from pathlib import Path
from typing import Any

import boto3

from local.engine import EmbeddedDynamo

DEFINITION: dict[str, Any] = {
    "TableName": "things",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
        {"AttributeName": "kind", "AttributeType": "S"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by_kind",
            "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


def client_of(engine: EmbeddedDynamo) -> Any:
    """Make a client that talks to an engine only."""
    client = boto3.client("dynamodb", region_name="us-east-1")
    engine.attach(client)
    return client


def open_engine(folder: Path | None = None) -> EmbeddedDynamo:
    """Open an engine with the small table."""
    engine = EmbeddedDynamo(folder)
    client_of(engine).create_table(**DEFINITION)
    return engine
