"""Plans that the catalog's tests send, and the meters that they price."""

import json
from datetime import timedelta
from typing import Any

from chalicelib.catalog.meters import Aggregation, Dimension, Meter
from chalicelib.shared import strict_json
from tests.client import ApiClient
from tests.conftest import NOON

CALLS: dict[str, Any] = {
    "key": "calls",
    "name": "Calls",
    "type": "usage",
    "meter": "calls",
    "model": "per_unit",
    "unit_price": "0.01",
}
TOKENS: dict[str, Any] = {
    "key": "tokens",
    "name": "Tokens",
    "type": "usage",
    "meter": "tokens",
    "model": "graduated",
    "tiers": [{"up_to": "1000", "unit_price": "0.02", "flat_fee": "5"}, {"up_to": None, "unit_price": "0.01"}],
}
BY_MODEL: dict[str, Any] = {
    "key": "by-model",
    "name": "By model",
    "type": "usage",
    "meter": "tokens",
    "model": "per_unit",
    "prices_by": {
        "dimension": "model",
        "prices": {
            "large": {"unit_price": "0.5", "included": "10"},
            "small": {"model": "package", "package_size": "100", "package_price": "1"},
        },
        "default": {"unit_price": "0.1"},
    },
}
SEATS: dict[str, Any] = {"key": "seats", "name": "Seats", "type": "recurring", "amount": "20.00", "timing": "advance"}
VERSION: dict[str, Any] = {
    "name": "Pro",
    "currency": "USD",
    "billing_period": "month",
    "charges": [CALLS, TOKENS, BY_MODEL, SEATS],
}
PLAN: dict[str, Any] = {"key": "pro", **VERSION}


def meter(key: str, *, archived: bool = False) -> Meter:
    """Make a meter with the dimensions model and kind; an archived one ended an hour ago."""
    return Meter(
        key=key,
        name=key,
        event_type="call",
        aggregation=Aggregation.COUNT,
        value=None,
        dimensions=(Dimension("model", ("model",)), Dimension("kind", ("kind",))),
        filters=(),
        unit=None,
        strict=False,
        count_from=NOON,
        archived_at=NOON - timedelta(hours=1) if archived else None,
        version=1,
        counted=True,
        created_at=NOON,
    )


METERS = {key: meter(key) for key in ("calls", "tokens")}


def as_sent(body: Any) -> Any:
    """Give a body as the JSON reader does: numbers are literals."""
    return strict_json.parse(json.dumps(body).encode())


def create_meters(client: ApiClient) -> None:
    """Create the meters that the plans price."""
    for key in METERS:
        dimensions = {"model": "model", "kind": "kind"}
        body = {"key": key, "name": key, "event_type": "call", "aggregation": "count", "dimensions": dimensions}
        assert client.post("/v1/meters", body).status_code == 201
