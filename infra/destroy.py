"""Remove a stage. It refuses while something is kept there: invoices and ledgers are not a deployment's to delete."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from typing import Any

from infra.arguments import stage_name
from infra.deploy import Account, connect
from infra.functions import FAILED_INVOCATIONS
from infra.names import name_of
from infra.queues import USAGE_EVENTS, dead_letters_of
from infra.safekeeping import existing_tables, holds_items, holds_more_than_keys, stage_tables
from infra.stack import WAIT, Stack
from infra.template import PARAMETERS

__all__ = ["StageHoldsItems", "add_arguments", "destroy", "run"]

# What lies in the other queues is asked for again by the schedules.
_KEEPING = (USAGE_EVENTS, dead_letters_of(USAGE_EVENTS), FAILED_INVOCATIONS)
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


class StageHoldsItems(Exception):
    """Tables or queues of the stage hold something; ``names`` names them."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"Something is kept in {', '.join(names)}.")
        self.names = list(names)


def destroy(stage: str, account: Account, *, with_items: bool = False) -> list[str]:
    """Delete the stack of a stage, then its tables; answers the names of the tables that were deleted.

    Unless ``with_items``, raises ``StageHoldsItems`` before anything is changed, or when something came into a table
    before the stack was gone: then the tables stay. API keys alone keep nothing: the first deployment makes one. May
    be repeated after a failure at any place: what is gone is passed over.
    """
    there = [name for name in stage_tables(stage).values() if _stays(account.dynamodb, name)]
    if not with_items:
        _refuse([*_full(account.dynamodb, stage, there), *_waiting(account.queues, stage)])
    Stack(account.cloudformation, f"meterfold-{stage}").delete()
    if not with_items:
        _refuse(_full(account.dynamodb, stage, there))
    for table in there:
        account.dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
        account.dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig=WAIT)
        account.dynamodb.delete_table(TableName=table)
        account.dynamodb.get_waiter("table_not_exists").wait(TableName=table, WaiterConfig=WAIT)
    return there


def _stays(dynamodb: Any, name: str) -> bool:
    """Tell whether a table is there and not on its way out already: then an earlier try was interrupted."""
    if not existing_tables(dynamodb, [name]):
        return False
    return bool(dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] != "DELETING")


def _full(dynamodb: Any, stage: str, tables: Sequence[str]) -> list[str]:
    catalog = stage_tables(stage)["catalog"]
    return [
        table
        for table in tables
        if (holds_more_than_keys(dynamodb, table) if table == catalog else holds_items(dynamodb, table))
    ]


def _waiting(queues: Any, stage: str) -> list[str]:
    """Name the queues with events that no table has yet; nobody else has them."""
    return [name for name in (name_of(stage, queue) for queue in _KEEPING) if _messages(queues, name)]


def _messages(queues: Any, name: str) -> int:
    try:
        url = queues.get_queue_url(QueueName=name)["QueueUrl"]
    except queues.exceptions.QueueDoesNotExist:
        return 0
    found = queues.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))["Attributes"]
    return sum(int(found.get(count, 0)) for count in _COUNTS)


def _refuse(full: Sequence[str]) -> None:
    if full:
        raise StageHoldsItems(full)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command line takes."""
    parser.add_argument("--stage", type=stage_name, required=True, help="name of the stage")
    parser.add_argument("--region", help="instead of AWS_REGION")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--with-items-of",
        metavar="STAGE",
        help="delete what tables and queues hold too: say the name of the stage again",
    )


def run(options: argparse.Namespace) -> int:
    """Remove a stage from the command line; answers the exit code."""
    account = connect(options.region)
    stack = Stack(account.cloudformation, f"meterfold-{options.stage}")
    tables = existing_tables(account.dynamodb, list(stage_tables(options.stage).values()))
    place = f"in account {account.id}, {account.region}"
    if stack.find() is None and not tables:
        print(f"There is no {stack.name} {place}.", file=sys.stderr)
        return 1
    as_it_was = _how_to_make_again(options.stage, stack.parameters())
    print(f"{stack.name} {place}, and its {len(tables)} tables", file=sys.stderr)
    if not options.yes and not _agrees(options.stage):
        print("Nothing was changed.", file=sys.stderr)
        return 1
    try:
        gone = destroy(options.stage, account, with_items=options.with_items_of == options.stage)
    except StageHoldsItems as refusal:
        print(f"{refusal} No table was removed.", file=sys.stderr)
        print("docs/runbook/backup-and-restore.md says how to keep them elsewhere.", file=sys.stderr)
        return 1
    print(f"Removed {stack.name} and {len(gone)} tables.\nTo make it as it was: {as_it_was}", file=sys.stderr)
    return 0


def _agrees(stage: str) -> bool:
    print("Remove it? Type the name of the stage: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == stage


def _how_to_make_again(stage: str, parameters: dict[str, str]) -> str:
    """Write the command that deploys with the parameters that someone has set; the secret is not among them."""
    words = []
    for name, value in sorted(parameters.items()):
        defined = PARAMETERS.get(name, {})
        if value != defined.get("Default") and not defined.get("NoEcho"):
            words += ["--parameter", f"{name}={value}"]
    # The shell reads it, then make, for which a dollar begins a name, then the shell of make.
    arguments = shlex.quote(shlex.join(words).replace("$", "$$"))
    return f"make deploy STAGE={stage}" + (f" ARGS={arguments}" if words else "")
