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
from typing import Any

from chalicelib.platform.settings import settings
from chalicelib.shared.time import format_instant
from infra.arguments import instant, stage_name
from infra.aws import dynamodb_client, open_session
from infra.safekeeping import require_tables, stage_tables

__all__ = ["add_arguments", "run"]

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command line takes."""
    parser.add_argument("--stage", type=stage_name, required=True, help="name of the stage")
    parser.add_argument("--organization", action="append", default=[], metavar="ID", help="only this one; repeatable")
    bound: dict[str, Any] = {"type": instant, "metavar": "INSTANT"}
    parser.add_argument("--from", dest="start", default=_LONG_AGO, help="usage from then on", **bound)
    parser.add_argument("--to", dest="end", help="usage before then", **bound)
    parser.add_argument("--region", help="instead of AWS_REGION")


def run(options: argparse.Namespace) -> int:
    """Verify from the command line; answers the exit code.

    The stage is in the names of tables when the models are imported, so another one needs a process of its own.
    """
    region = open_session(options.region).region_name
    if (settings.stage, settings.region) != (options.stage, region) or not settings.signing_secret:
        return subprocess.run(_command(options), env=_environment(options.stage, region), check=False).returncode
    return _verify(options, region, datetime.now(UTC))


def _command(options: argparse.Namespace) -> list[str]:
    """Say the same once more."""
    command = [sys.executable, "-m", "infra", "verify", "--stage", options.stage]
    command += ["--from", format_instant(options.start)]
    command += ["--to", format_instant(options.end)] if options.end is not None else []
    return [*command, *(word for one in options.organization for word in ("--organization", one))]


def _environment(stage: str, region: str) -> dict[str, str]:
    """Name stage and region. The signing secret only keys sums here, which nobody else sees: any will do."""
    secret = {"METERFOLD_SIGNING_SECRET": secrets.token_urlsafe(48)}
    return {**os.environ, **secret, "AWS_REGION": region, "METERFOLD_STAGE": stage}


def _verify(options: argparse.Namespace, region: str, now: datetime) -> int:
    from infra.verifying import Wanted, verify_stage

    tables = list(stage_tables(options.stage).values())
    require_tables(dynamodb_client(region), tables)
    end = now + timedelta(days=1) if options.end is None else options.end
    wanted = Wanted(organizations=options.organization, start=options.start, end=end, now=now)
    report = verify_stage(wanted, lambda organization: print(organization, file=sys.stderr))
    print(json.dumps(report.shown(), indent=1))
    return 1 if report.findings else 0
