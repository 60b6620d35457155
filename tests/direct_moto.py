"""moto as the tests use it: called in this process, without HTTP between, and without copying whole tables.

Whatever decides anything is still the SDK's or moto's own: the SDK checks and serializes each request, moto parses it,
carries it out and makes its errors, and the SDK's parser reads these. Left out is what only lies between the two:
signatures, endpoints, headers, and the walk of each answer through the models of both. That was nine tenths of a call.
``tests/faults/test_direct_calls.py`` shows that the answers are those of the whole way.
"""

import copy
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.parsers import create_parser
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.parse import JSONParser
from moto.core.utils import camelcase_to_underscores
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from werkzeug.exceptions import HTTPException

from chalicelib.platform.tables import BaseModel, client, create_tables

# moto gives their results as the SDK would read them; all others go the whole way.
DIRECT = {
    *("GetItem", "Query", "Scan", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem"),
    *("BatchWriteItem", "TransactWriteItems"),
}

_query = Table.query
_update_item = DynamoDBBackend.update_item
# The empty tables of the models that were imported when they were made: by how many these were.
_empty: dict[int, dict[str, Table]] = {}


@contextmanager
def open_tables() -> Iterator[None]:
    """Give an AWS of its own, with every table and nothing in them, to which the app's client has a short way."""
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Table, "__deepcopy__", _snapshot, raising=False)
        patch.setattr(Table, "query", _query_partition)
        patch.setattr(DynamoDBBackend, "update_item", _update_copy)
        _make_tables()
        dynamodb = client()
        patch.setattr(dynamodb, "_make_api_call", DirectCalls(dynamodb))
        yield


def _make_tables() -> None:
    """Create the tables by the API once, then give new copies of what came of it."""
    kept = dynamodb_backends[DEFAULT_ACCOUNT_ID][client().meta.region_name].tables
    models = len(BaseModel.stored_models)
    if models not in _empty:
        create_tables()
        _empty[models] = {name: _snapshot(table, {}) for name, table in kept.items()}
    kept.update({name: _snapshot(table, {}) for name, table in _empty[models].items()})


class DirectCalls:
    """Stands in for a client's ``_make_api_call``."""

    def __init__(self, dynamodb: Any) -> None:
        self._client = dynamodb
        self._whole_way = dynamodb._make_api_call
        self._errors = create_parser("json")

    def __call__(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if operation not in DIRECT:
            answer: dict[str, Any] = self._whole_way(operation, arguments)
            return answer
        model = self._client.meta.service_model.operation_model(operation)
        params = self._client._emit_api_params(api_params=arguments, operation_model=model, context={})
        handler = DynamoHandler()
        handler.region, handler.current_account = self._client.meta.region_name, DEFAULT_ACCOUNT_ID
        handler.body = JSONParser(model).parse(self._client._serializer.serialize_to_request(params, model))
        try:
            result = getattr(handler, camelcase_to_underscores(operation))().result
        except HTTPException as fault:
            raise self._error(operation, model, fault) from None
        return _answer(result or {}, model)

    def _error(self, operation: str, model: Any, fault: HTTPException) -> Exception:
        body = (fault.description or "").encode()
        answer: dict[str, Any] = {"status_code": fault.code, "headers": {}, "body": body}
        parsed = self._errors.parse(answer, model.output_shape)
        self._client._endpoint._add_modeled_error_fields(answer, parsed, model, self._errors)
        parsed["ResponseMetadata"]["RetryAttempts"] = 0
        made: Exception = self._client.exceptions.from_code(parsed["Error"]["Code"])(parsed, operation)
        return made


def _answer(result: dict[str, Any], model: Any) -> dict[str, Any]:
    """Leave out what the SDK's model of the answer does not know, and what is not said."""
    known = model.output_shape.members
    kept = {name: value for name, value in result.items() if name in known and value is not None}
    return {**kept, "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}}


def _snapshot(table: Table, _memo: dict[int, Any]) -> Table:
    """Copy the places of all items, not the items.

    moto copies each table of a transaction, once for each item that is written, and puts the copy back when the
    transaction fails. As no item is changed where it is (see ``_update_copy``), the places are all there is to keep.
    """
    return _with_items(table, defaultdict(dict, {key: dict(items) for key, items in table.items.items()}))


def _with_items(table: Table, items: defaultdict[Any, dict[Any, Any]]) -> Table:
    """Make a table that has other items, and shares all else."""
    kind: Any = Table
    made: Table = object.__new__(kind)
    made.__dict__.update(table.__dict__)
    made.items = items
    return made


def _update_copy(backend: DynamoDBBackend, table_name: str, key: dict[str, Any], *rest: Any, **options: Any) -> Any:
    """Let an update change a copy that takes the item's place: whoever has the item keeps it as it was."""
    table = backend.get_table(table_name)
    if set(table.table_key_attrs) <= set(key):
        hash_key, range_key = backend.get_keys_value(table, key)
        item = table.get_item(hash_key, range_key)
        if item is not None:
            table.items[hash_key][range_key] = copy.deepcopy(item)
    return _update_item(backend, table_name, key, *rest, **options)


def _query_partition(table: Table, hash_key: Any, *rest: Any, **options: Any) -> Any:
    """Show a query of a table its partition alone: moto sorts every item of the table for each."""
    of_index = rest[6] if len(rest) > 6 else options.get("index_name")
    if of_index is not None or hash_key is None:
        return _query(table, hash_key, *rest, **options)
    part = _with_items(table, defaultdict(dict, {hash_key: dict(table.items.get(hash_key, {}))}))
    return _query(part, hash_key, *rest, **options)
