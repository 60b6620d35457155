"""Remove a stage. It refuses while a table holds anything: invoices and ledgers are not a deployment's to delete."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from infra.arguments import stage_name
from infra.deploy import Account, connect
from infra.safekeeping import existing_tables, holds_items, stage_tables
from infra.stack import WAIT, Stack

__all__ = ["StageHoldsItems", "add_arguments", "destroy", "run"]


class StageHoldsItems(Exception):
    """Tables of the stage hold items; ``tables`` names them."""

    def __init__(self, tables: Sequence[str]) -> None:
        super().__init__(f"These tables hold items: {', '.join(tables)}.")
        self.tables = list(tables)


def destroy(stage: str, account: Account, *, with_items: bool = False) -> list[str]:
    """Delete the stack of a stage, then its tables; answers the names of the tables that were deleted.

    Unless ``with_items``, raises ``StageHoldsItems`` before anything is changed, or when something came in before the
    stack was gone: then the tables stay. May be repeated after a failure at any place: what is gone is passed over.
    """
    there = [name for name in stage_tables(stage).values() if _stays(account.dynamodb, name)]
    if not with_items:
        _refuse_items(account.dynamodb, there)
    Stack(account.cloudformation, f"meterfold-{stage}").delete()
    if not with_items:
        _refuse_items(account.dynamodb, there)
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


def _refuse_items(dynamodb: Any, tables: Sequence[str]) -> None:
    full = [table for table in tables if holds_items(dynamodb, table)]
    if full:
        raise StageHoldsItems(full)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command line takes."""
    parser.add_argument("--stage", type=stage_name, required=True, help="name of the stage")
    parser.add_argument("--region", help="instead of AWS_REGION")
    parser.add_argument(
        "--with-items-of", metavar="STAGE", help="delete what the tables hold too: say the name of the stage again"
    )


def run(options: argparse.Namespace) -> int:
    """Remove a stage from the command line; answers the exit code."""
    account = connect(options.region)
    try:
        gone = destroy(options.stage, account, with_items=options.with_items_of == options.stage)
    except StageHoldsItems as refusal:
        print(f"{refusal} No table was removed.", file=sys.stderr)
        print("docs/runbook/backup-and-restore.md says how to keep them elsewhere.", file=sys.stderr)
        return 1
    print(f"Removed meterfold-{options.stage} and {len(gone)} tables from {account.id}.", file=sys.stderr)
    return 0
