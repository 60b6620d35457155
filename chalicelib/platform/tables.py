"""Models of stored items, and the one definition of all tables and indexes.

A model is one kind of item; several models may share a table. ``table_definitions`` derives every table from the
models, for the tests, the local server and the deployed template alike.
"""

from collections.abc import Iterator
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Any, ClassVar, Self, cast

from pynamodb.attributes import Attribute, TTLAttribute
from pynamodb.connection.base import MetaTable
from pynamodb.connection.table import TableConnection
from pynamodb.models import Model
from pynamodb.pagination import ResultIterator

from chalicelib.platform.connection import Arguments, client, connection, disconnect
from chalicelib.platform.settings import settings
from chalicelib.platform.whole import import_whole
from chalicelib.shared.numbers import show_decimal

__all__ = [
    "BaseModel",
    "DecimalAttribute",
    "client",
    "connection",
    "create_tables",
    "disconnect",
    "table_definitions",
    "table_name",
    "ttl_attributes",
]

Definition = dict[str, Any]

_MAX_DIGITS = 38
_EXACT = Context(prec=_MAX_DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN)


def table_name(table: str) -> str:
    """Name a table of this stage, for ``Meta.table_name``."""
    return settings.table_name(table)


class DecimalAttribute(Attribute[Decimal]):
    """An exact number: DynamoDB's N as text both ways. Refuses what DynamoDB would round or reject."""

    attr_type = "N"

    def serialize(self, value: Any) -> str:
        """Write a number of at most 38 significant digits; more, or no finite number, is a ``ValueError``."""
        if not isinstance(value, Decimal) or not value.is_finite():
            raise ValueError(f"{self.attr_name} holds finite decimals only")
        trimmed = value.normalize(Context(prec=max(1, len(value.as_tuple().digits)), Emax=MAX_EMAX, Emin=MIN_EMIN))
        digits = len(trimmed.as_tuple().digits)
        if digits > _MAX_DIGITS or not -130 <= trimmed.adjusted() <= 125:
            raise ValueError(f"{self.attr_name} holds at most {_MAX_DIGITS} digits between 1E-130 and 1E+125")
        return show_decimal(trimmed)

    def deserialize(self, value: str) -> Decimal:
        """Read a number exactly as it was written."""
        return _EXACT.create_decimal(value)


class BaseModel(Model):
    """A kind of stored item. Subclasses name their table in ``Meta.table_name`` and their keys ``pk`` and ``sk``."""

    stored_models: ClassVar[list[type["BaseModel"]]] = []

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "Meta" in cls.__dict__:
            BaseModel.stored_models.append(cls)

    @classmethod
    def get(
        cls,
        hash_key: Any,
        range_key: Any = None,
        consistent_read: bool = True,
        attributes_to_get: Any = None,
    ) -> Self:
        """Read an item, strongly consistent unless asked otherwise; raises ``DoesNotExist``."""
        return super().get(hash_key, range_key, consistent_read, attributes_to_get)

    @classmethod
    def query(cls, hash_key: Any, *arguments: Any, **options: Any) -> ResultIterator[Self]:
        """Read items of a partition, strongly consistent unless an index is read or it is asked otherwise."""
        options.setdefault("consistent_read", options.get("index_name") is None)
        return super().query(hash_key, *arguments, **options)

    @classmethod
    def batch_get(cls, items: Any, consistent_read: Any = True, attributes_to_get: Any = None) -> Iterator[Self]:
        """Read many items, strongly consistent; ``reads.find_many`` is bounded and covers several tables."""
        return super().batch_get(items, consistent_read, attributes_to_get)

    def refresh(self, consistent_read: bool = True) -> None:
        """Read this item again, strongly consistent."""
        super().refresh(consistent_read)

    @classmethod
    def scan(cls, *arguments: Any, **options: Any) -> ResultIterator[Self]:
        """Refuse: nothing ever reads a whole table."""
        del arguments, options
        raise AssertionError(f"{cls.__name__}: nothing scans a table")

    @classmethod
    def _get_connection(cls) -> TableConnection:
        known = cls.__dict__.get("_connection")
        if known is None or known.connection is not connection():
            known = _connect(cls.Meta.table_name)
            cls._connection = known
        return cast("TableConnection", known)


def _connect(name: str) -> TableConnection:
    shared = connection()
    # Built anew for each model: one that was imported later may bring another index of the same table.
    shared._tables[name] = MetaTable(_definition(name))  # noqa: SLF001 - add_meta_table refuses a second model
    made = TableConnection(name)
    made.connection = shared
    return made


def table_definitions() -> list[Definition]:
    """Define every table as CreateTable requests, by name: keys, indexes, billing on demand.

    Without an application these are the tables of the models that were imported. Expiry and point-in-time recovery are
    not part of CreateTable: see ``ttl_attributes``; every table has recovery.
    """
    import_whole()
    names = sorted({model.Meta.table_name for model in BaseModel.stored_models})
    return [_definition(name) for name in names]


def ttl_attributes() -> dict[str, str]:
    """Name the attribute that expires items, for each table that has one."""
    import_whole()
    return {
        model.Meta.table_name: attribute.attr_name
        for model in BaseModel.stored_models
        for attribute in model.get_attributes().values()
        if isinstance(attribute, TTLAttribute)
    }


def create_tables() -> None:
    """Create the tables that do not exist yet: for tests and the local server; deployments have a template."""
    existing = _list_tables()
    for definition in table_definitions():
        if definition["TableName"] not in existing:
            _create(definition)


def _create(definition: Definition) -> None:
    name = definition["TableName"]
    client().create_table(**definition)
    expiring = ttl_attributes().get(name)
    if expiring is not None:
        expiry = {"Enabled": True, "AttributeName": expiring}
        client().update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)


def _list_tables() -> set[str]:
    return {name for page in client().get_paginator("list_tables").paginate() for name in page["TableNames"]}


def _definition(name: str) -> Definition:
    """Merge what all models of a table say about it."""
    keys: list[Definition] = []
    types: dict[str, str] = {}
    indexes: dict[str, Definition] = {}
    for model in BaseModel.stored_models:
        if model.Meta.table_name != name:
            continue
        schema = model._get_schema()  # noqa: SLF001
        own = _key_schema(schema["key_schema"])
        assert keys in ([], own), f"{model.__name__} has other keys than the other models of {name}"
        keys = own
        types |= {each["AttributeName"]: each["AttributeType"] for each in schema["attribute_definitions"]}
        for index in schema["global_secondary_indexes"]:
            shown = _index(index)
            assert indexes.setdefault(index["index_name"], shown) == shown, f"two indexes {index['index_name']}"
    definition: Definition = {
        "TableName": name,
        "KeySchema": keys,
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": types[name]} for name in sorted(types)],
        "BillingMode": "PAY_PER_REQUEST",
    }
    if indexes:
        definition["GlobalSecondaryIndexes"] = [indexes[name] for name in sorted(indexes)]
    return definition


def _index(schema: Any) -> Definition:
    return {
        "IndexName": schema["index_name"],
        "KeySchema": _key_schema(schema["key_schema"]),
        "Projection": dict(schema["projection"]),
    }


def _key_schema(keys: Any) -> list[Definition]:
    return sorted(({"AttributeName": key["AttributeName"], "KeyType": key["KeyType"]} for key in keys), key=_hash_first)


def _hash_first(key: Definition) -> bool:
    return bool(key["KeyType"] != "HASH")


def key_of(model: type[BaseModel], keys: tuple[Any, ...]) -> Arguments:
    """Write the primary key of an item as DynamoDB's Key."""
    hash_key, range_key = model._serialize_keys(*keys)  # noqa: SLF001
    table = model._get_connection()  # noqa: SLF001
    written: Arguments = table.connection.get_identifier_map(table.table_name, hash_key, range_key)["Key"]
    return written
