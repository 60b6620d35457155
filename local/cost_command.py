"""The command ``cost``: its options, and what they ask."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from chalicelib.shared.retention import RETENTION

_DOORS = ("http", "queue", "direct", "bus")


def add_cost(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    count = _at_least(0)
    parser.add_argument("--organizations", type=_at_least(1), default=1, metavar="N", help="who uses something (1)")
    parser.add_argument("--events", type=count, default=0, metavar="N", help="events a month, of all of them (0)")
    parser.add_argument(
        "--batch", type=_at_least(1), default=500, metavar="N", help="events a request or message (500)"
    )
    parser.add_argument("--door", choices=_DOORS, default="http", help="how they come in (http)")
    parser.add_argument(
        "--organizations-a-batch", type=_at_least(1), default=1, metavar="N", help="whose events a batch holds (1)"
    )
    parser.add_argument("--invoices", type=count, default=1, metavar="N", help="a month for each organization (1)")
    parser.add_argument("--console-views", type=count, default=0, metavar="N", help="looks at the console a month (0)")
    parser.add_argument("--api-reads", type=count, default=0, metavar="N", help="usage queries a month (0)")
    parser.add_argument(
        "--retention-days", type=_at_least(1), default=RETENTION.days, metavar="N", help=f"({RETENTION.days})"
    )
    parser.add_argument("--alarms", choices=("on", "off"), default="on", help="the alarms of the template (on)")
    parser.add_argument("--prices", type=Path, metavar="FILE", help="prices of your own, as JSON")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_cost)


def _at_least(least: int) -> Callable[[str], int]:
    """Read a whole number that is no smaller; commas and underscores may group its digits."""

    def read(text: str) -> int:
        number = int(text.replace(",", ""))
        if number < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}")
        return number

    return read


def _cost(options: argparse.Namespace) -> int:
    from local.cost import print_cost
    from local.cost_question import Door, Question, fits
    from local.prices import read_prices

    question = Question(
        organizations=options.organizations,
        events=options.events,
        batch=options.batch,
        door=Door(options.door),
        organizations_a_batch=options.organizations_a_batch,
        invoices=options.invoices,
        views=options.console_views,
        reads=options.api_reads,
        retention_days=options.retention_days,
        alarms=options.alarms == "on",
    )
    if not fits(question):
        sys.exit(f"A batch of {question.batch:,} events does not fit: by {question.door} it would be too large.")
    return print_cost(question, read_prices(options.prices), as_json=options.json)
