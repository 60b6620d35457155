"""The tables as resources: what the models say, plus what keeps their items safe."""

from typing import Any

from chalicelib.platform.settings import settings
from chalicelib.platform.tables import BaseModel, table_definitions, ttl_attributes
from infra.names import Resources, logical_id, name_of

__all__ = ["table_id", "table_names", "table_resources"]


def table_names() -> list[str]:
    """Name every table without its stage, such as ``usage-events``."""
    return [_short(definition["TableName"]) for definition in _definitions()]


def table_id(table: str) -> str:
    """Give the logical id of a table: ``usage-events`` is ``UsageEventsTable``."""
    return f"{logical_id(table)}Table"


def table_resources(stage: str) -> Resources:
    """Define every table of a stage: on demand, restorable to any second of 35 days, and kept when the stack goes."""
    definitions = _definitions()
    expiring = {_short(name): attribute for name, attribute in ttl_attributes().items()}
    return {table_id(_short(one["TableName"])): _table(one, stage, expiring) for one in definitions}


def _table(definition: dict[str, Any], stage: str, expiring: dict[str, str]) -> dict[str, Any]:
    table = _short(definition["TableName"])
    properties = {
        **definition,
        "TableName": name_of(stage, table),
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "DeletionProtectionEnabled": True,
    }
    if table in expiring:
        properties["TimeToLiveSpecification"] = {"AttributeName": expiring[table], "Enabled": True}
    return {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    }


def _definitions() -> list[dict[str, Any]]:
    import app

    # It says how every module is imported, and with them every model.
    assert app.app.routes
    definitions = table_definitions()
    # In a process of the tests there are models of theirs, too.
    own = {model.Meta.table_name for model in BaseModel.stored_models if model.__module__.startswith("chalicelib.")}
    return [definition for definition in definitions if definition["TableName"] in own]


def _short(name: str) -> str:
    return name.removeprefix(settings.table_name(""))
