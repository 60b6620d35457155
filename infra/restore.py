"""Restore every table of a stage, as of one instant, into the tables of another stage; the first goes on undisturbed.

AWS keeps every second of the last 35 days. It restores each table by itself: what a transaction wrote in the very
second may be in one table and not in another, so ``verify`` the copy. Expiry, recovery and protection are not part of
what AWS restores: they are turned on here. A deployment of the other stage takes the tables over.
"""

import argparse
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from chalicelib.shared.time import format_instant, parse_instant
from infra.arguments import stage_name
from infra.aws import dynamodb_client
from infra.safekeeping import Sleep, TablesMissing, existing_tables, protect_table, require_tables, stage_tables

__all__ = ["InstantNotKept", "TablesExist", "add_arguments", "restore_stage", "run"]

# A restored table is ready after minutes, a very large one after hours.
_WAIT = {"Delay": 20, "MaxAttempts": 2160}


class TablesExist(Exception):
    """Tables are there already that were to be made; the text names them."""


class InstantNotKept(Exception):
    """A table cannot be restored to the instant; the text names it, and between which instants it can."""


def restore_stage(
    dynamodb: Any, at: datetime | None, *, source: str, target: str, again: bool = False, sleep: Sleep = time.sleep
) -> list[str]:
    """Restore every table of the stage ``source`` into the stage ``target``; without an instant the latest there is.

    Answers the tables of the target. Raises ``TablesMissing``, ``TablesExist`` and ``InstantNotKept`` before anything
    is changed, and ``ValueError`` for ``again`` without the instant of the first time. ``again`` goes on with a restore
    that stopped: the tables that are there are taken as restored.
    """
    if again and at is None:
        raise ValueError("Going on needs the instant that the first try named: the latest is another one by now.")
    sources, targets = stage_tables(source), stage_tables(target)
    require_tables(dynamodb, list(sources.values()))
    there = existing_tables(dynamodb, list(targets.values()))
    if there and not again:
        raise TablesExist(f"These tables are there already: {', '.join(there)}.")
    instant = _instant(dynamodb, sources, at)
    print(f"Restoring as of {format_instant(instant)}.", file=sys.stderr)
    for table, name in sources.items():
        if targets[table] in there:
            continue
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=name,
            TargetTableName=targets[table],
            RestoreDateTime=instant,
            BillingModeOverride="PAY_PER_REQUEST",
        )
    for table, name in targets.items():
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=_WAIT)
        protect_table(dynamodb, target, table, sleep=sleep)
    return list(targets.values())


def _instant(dynamodb: Any, sources: Mapping[str, str], at: datetime | None) -> datetime:
    """Choose the one instant for all tables: the one that is asked for, or the latest that every table has."""
    kept = {name: _kept(dynamodb, name) for name in sources.values()}
    instant = min(last for _, last in kept.values()) if at is None else at
    for name, (first, last) in kept.items():
        if not first <= instant <= last:
            raise InstantNotKept(f"{name} can be restored from {first.isoformat()} to {last.isoformat()}.")
    return instant


def _kept(dynamodb: Any, name: str) -> tuple[datetime, datetime]:
    found = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = found.get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        raise InstantNotKept(f"{name} has no point-in-time recovery: it cannot be restored.")
    return recovery["EarliestRestorableDateTime"], recovery["LatestRestorableDateTime"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command line takes."""
    stage: dict[str, Any] = {"required": True, "type": stage_name, "metavar": "STAGE"}
    parser.add_argument("--from", dest="source", help="the stage to restore", **stage)
    parser.add_argument("--to", dest="target", help="the stage whose tables are made", **stage)
    parser.add_argument("--at", required=True, help="an instant such as 2026-01-31T23:59:59Z, or latest")
    parser.add_argument("--again", action="store_true", help="go on with a restore that stopped, at the same instant")
    parser.add_argument("--region", help="instead of AWS_REGION")


def run(options: argparse.Namespace) -> int:
    """Restore from the command line; answers the exit code."""
    try:
        at = None if options.at == "latest" else parse_instant(options.at)
        dynamodb = dynamodb_client(options.region)
        made = restore_stage(dynamodb, at, source=options.source, target=options.target, again=options.again)
    except (ValueError, TablesMissing, TablesExist, InstantNotKept, WaiterError, ClientError) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    print(f"Made {', '.join(made)}.", file=sys.stderr)
    print(f"Next: python -m infra verify --stage {options.target}; make deploy STAGE={options.target}", file=sys.stderr)
    return 0
