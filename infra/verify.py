"""Verify what a stage stores: ledgers whole, sums right, numbers without gaps, counters what their events come to.

Nothing is written. For every organization the ledger's chain is walked to its end and compared with what invoices noted
of it; the wallet's sums are made anew; invoices must have every number, be found by their ids and add up; and every
stored quarter-hour is folded again from its segments, every day merged again. What is wrong is named, and the exit code
is 1.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from chalicelib.platform.settings import settings
from infra.aws import dynamodb_client
from infra.safekeeping import existing_tables, stage_tables
from infra.stack import StackFailed

__all__ = ["add_arguments", "run"]

_LONG_AGO = "2000-01-01T00:00:00Z"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command line takes."""
    parser.add_argument("--stage", required=True, help="name of the stage")
    parser.add_argument("--organization", action="append", default=[], metavar="ID", help="only this one; repeatable")
    parser.add_argument("--from", dest="start", default=_LONG_AGO, metavar="INSTANT", help="usage from then on")
    parser.add_argument("--to", dest="end", metavar="INSTANT", help="usage before then")
    parser.add_argument("--region", help="instead of AWS_REGION")


def run(options: argparse.Namespace) -> int:
    """Verify from the command line; answers the exit code.

    The stage is in the names of tables when the models are imported, so another one needs a process of its own.
    """
    if settings.stage != options.stage or not settings.signing_secret:
        return subprocess.run(_command(options), env=_environment(options), check=False).returncode
    return _verify(options, datetime.now(UTC))


def _command(options: argparse.Namespace) -> list[str]:
    """Say the same once more."""
    command = [sys.executable, "-m", "infra", "verify", "--stage", options.stage, "--from", options.start]
    command += ["--to", options.end] if options.end is not None else []
    return [*command, *(word for one in options.organization for word in ("--organization", one))]


def _environment(options: argparse.Namespace) -> dict[str, str]:
    """Name stage and region. The signing secret only keys sums here, which nobody else sees: any will do."""
    region = {"AWS_REGION": options.region} if options.region else {}
    secret = {"METERFOLD_SIGNING_SECRET": secrets.token_urlsafe(48)}
    return {**os.environ, **region, **secret, "METERFOLD_STAGE": options.stage}


def _verify(options: argparse.Namespace, now: datetime) -> int:
    from infra.verifying import Wanted, verify_stage

    tables = list(stage_tables(options.stage).values())
    missing = set(tables) - set(existing_tables(dynamodb_client(options.region), tables))
    if missing:
        raise StackFailed(f"There is no {', no '.join(sorted(missing))}.")
    end = now + timedelta(days=1) if options.end is None else datetime.fromisoformat(options.end)
    wanted = Wanted(organizations=options.organization, start=datetime.fromisoformat(options.start), end=end, now=now)
    report = verify_stage(wanted, lambda organization: print(organization, file=sys.stderr))
    print(json.dumps(report.shown(), indent=1))
    return 1 if report.findings else 0
