"""Measurements: ``python -m bench [counts | accept | tables]``; without a command everything, as one JSON object."""

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from typing import Any

from bench import accepted
from bench.billing import measure_billing
from bench.billing_commands import measure_commands
from bench.credits import measure_credits
from bench.folding import measure_folding
from bench.imports import measure_imports
from bench.ledger import measure_ledger
from bench.long_invoice import measure_long_invoice
from bench.operations import count_all, least_cpu
from bench.period_end import measure_period_end
from bench.reads import measure_reads
from bench.speed import measure_speed
from bench.tables import write_pages
from bench.writes import measure_writes

_ROUNDS = 5
_AS_ACCEPTED, _OTHERWISE = 0, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    options = _parser().parse_args(arguments)
    code: int = options.run(options)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.set_defaults(run=_measure_and_print)
    commands = parser.add_subparsers(metavar="COMMAND")
    counts = commands.add_parser("counts", help="units and round trips of every operation, against the accepted ones")
    counts.add_argument("--check", action="store_true", help="print only what differs, and fail where something does")
    counts.set_defaults(run=_count)
    accept = commands.add_parser("accept", help="make the counts as they are now the accepted ones")
    accept.add_argument("--note", required=True, help="why they changed, for the history")
    accept.add_argument("--durations", action="store_true", help="keep the CPU of each operation too, the least of 5")
    accept.add_argument("--ratios", action="store_true", help="note the ratios of the whole bench too: a minute more")
    accept.set_defaults(run=_accept)
    tables = commands.add_parser("tables", help="write the pages that are made of the results: docs/units.md and more")
    tables.set_defaults(run=_write_tables)
    return parser


def measure() -> dict[str, Any]:
    """Measure everything."""
    found: dict[str, Any] = {
        "engine": "embedded DynamoDB in this process",
        "python": platform.python_version(),
        "writes": measure_writes(),
        "reads": measure_reads(),
        "folding": measure_folding(),
        "speed": measure_speed(),
        "billing": measure_billing(),
        "billing_commands": measure_commands(),
        "credits": measure_credits(),
        "long_invoice": measure_long_invoice(),
        "ledger": measure_ledger(),
        "period_end": measure_period_end(),
        "imports": measure_imports(),
    }
    found["ratios"] = {"now": ratios_of(found), "before": [line["ratios"] for line in accepted.read_history()]}
    found["counts"] = _differences()
    found["pass"] = all(_verdicts(found))
    return found


def ratios_of(found: dict[str, Any]) -> dict[str, Any]:
    """Take what is comparable from machine to machine out of measured times."""
    folding = {name: one["ratio"] for name, one in found["folding"].items() if isinstance(one, dict)}
    return {
        "folding_to_reading_json": folding,
        "ingest_to_an_item_and_a_counter": found["speed"]["ratio"],
        "importing_the_app_to_the_base": found["imports"]["import_app"]["ratio"],
    }


def _verdicts(found: Any) -> list[bool]:
    if not isinstance(found, dict):
        return []
    below = [verdict for value in found.values() for verdict in _verdicts(value)]
    return [*below, *([found["pass"]] if "pass" in found else [])]


def _differences() -> dict[str, Any]:
    found = accepted.differences(accepted.read_counts(), count_all().counts, has_slack=accepted.has_other_zlib())
    return {"differences": [str(one) for one in found], "pass": not found}


def _measure_and_print(_options: argparse.Namespace) -> int:
    _print(measure())
    return _AS_ACCEPTED


def _count(options: argparse.Namespace) -> int:
    tally = count_all()
    found = accepted.differences(accepted.read_counts(), tally.counts, has_slack=accepted.has_other_zlib())
    if not options.check:
        print(accepted.written(accepted.shown(tally), "operations"), end="")
    for one in found:
        print(one, file=sys.stderr)
    if found:
        print('To accept them: make accept NOTE="why they changed"', file=sys.stderr)
    elif options.check:
        print(f"{len(tally.counts)} operations cost what is accepted.")
    return _OTHERWISE if found else _AS_ACCEPTED


def _accept(options: argparse.Namespace) -> int:
    tally = least_cpu(_ROUNDS) if options.durations else count_all()
    ratios = None
    if options.ratios:
        ratios = ratios_of({"folding": measure_folding(), "speed": measure_speed(), "imports": measure_imports()})
    for one in accepted.accept(tally, note=options.note, ratios=ratios, with_durations=options.durations):
        print(one)
    return _write_tables(options)


def _write_tables(_options: argparse.Namespace) -> int:
    for page in write_pages():
        print(f"wrote {page}")
    return _AS_ACCEPTED


def _print(content: Any) -> None:
    json.dump(content, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    sys.exit(main())
