"""Notes which calls to DynamoDB each function makes, as IAM would see them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from chalice.app import Chalice, EventSourceHandler

from chalicelib.platform import connection
from chalicelib.platform.settings import settings
from infra.policies import TABLES

# A transaction is no action of its own: AWS checks each item as the call that it stands for.
OF_TRANSACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


class Made(NamedTuple):
    """A call of a function: on which table (``catalog``) or index (``catalog/due``), and which."""

    function: str
    place: str
    action: str


class Notes:
    """What was called by whom."""

    def __init__(self) -> None:
        self.made: set[Made] = set()
        self.function = ""

    def note(self, place: str, action: str) -> None:
        """Note a call of the function that runs, if one does."""
        if self.function:
            self.made.add(Made(self.function, place, action))

    def note_call(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """Note what a call to DynamoDB needs to be allowed."""
        if operation.startswith("Transact"):
            for item in arguments["TransactItems"]:
                ((kind, request),) = item.items()
                self.note(_table(request["TableName"]), f"dynamodb:{OF_TRANSACTION[kind]}")
        elif operation.startswith("Batch"):
            for table in arguments["RequestItems"]:
                self.note(_table(table), f"dynamodb:{operation}")
        else:
            index = arguments.get("IndexName")
            place = _table(arguments["TableName"])
            self.note(f"{place}/{index}" if index else place, f"dynamodb:{operation}")

    @contextmanager
    def running(self, function: str) -> Iterator[None]:
        """Let a function make the calls until it ends; what it invokes in turn makes its own."""
        outer, self.function = self.function, function
        try:
            yield
        finally:
            self.function = outer


def _table(name: str) -> str:
    return name.removeprefix(settings.table_name(""))


def allowed() -> set[Made]:
    """List what every function may do to tables and indexes, by the table of rights."""
    return {
        Made(function, place, f"dynamodb:{action}")
        for function, places in TABLES.items()
        for place, actions in places.items()
        for action in actions.split()
    }


@contextmanager
def noting() -> Iterator[Notes]:
    """Note the calls of every function of the app, from here on."""
    import app

    notes = Notes()
    names = {id(one): name for name, one in app.app.handler_map.items()}
    ask = connection.SharedConnection.ask
    answer, invoke = Chalice.__call__, EventSourceHandler.__call__

    def asked(self: Any, operation: str, arguments: Any, **options: Any) -> Any:
        notes.note_call(operation, arguments)
        return ask(self, operation, arguments, **options)

    def answered(self: Any, event: Any, context: Any) -> Any:
        with notes.running("api"):
            return answer(self, event, context)

    def invoked(self: Any, event: Any, context: Any) -> Any:
        with notes.running(names[id(self)]):
            return invoke(self, event, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection.SharedConnection, "ask", asked)
        patch.setattr(Chalice, "__call__", answered)
        patch.setattr(EventSourceHandler, "__call__", invoked)
        yield notes
