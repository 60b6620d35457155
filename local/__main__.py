"""Commands: ``python -m local serve | stack up | import | quickstart | export-ledger | cost``."""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from chalicelib.shared.time import parse_instant
from local.cost_command import add_cost

DEFAULT_FOLDER = Path(".local")
DEFAULT_URL = "http://127.0.0.1:8000"
MEMORY = "memory"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    options = _parser().parse_args(arguments)
    code: int = options.run(options)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description="Meterfold on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands.add_parser("serve", help="run the app with its own store; data is kept in .local"))
    _add_stack(commands.add_parser("stack", help="run the packaged app by its template for AWS, on this machine"))
    _add_import(commands.add_parser("import", help="send a CSV or JSON-lines file as usage events"))
    _add_quickstart(commands.add_parser("quickstart", help="show the API: meter, plan, subscription, event, draft"))
    _add_export(commands.add_parser("export-ledger", help="save a credits ledger, for verify_ledger.py to check"))
    add_cost(commands.add_parser("cost", help="what a month on AWS costs, from measured units and list prices"))
    return parser


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on, 0 for a free one (8000)")
    parser.add_argument("--data", default=str(DEFAULT_FOLDER), help='folder of the data, or "memory" (.local)')
    parser.add_argument(
        "--demo", action="store_true", help="fill in the demo data of an AI platform: usage and invoices"
    )
    parser.add_argument(
        "--no-traffic", action="store_false", dest="traffic", help="let no events trickle into the demo while it runs"
    )
    parser.add_argument("--empty", action="store_false", dest="demo", help="no demo data (as is)")
    parser.add_argument("--clock", type=_instant, metavar="INSTANT", help="let the domain's clock stand at an instant")
    parser.add_argument("--admin-key", metavar="KEY", help="a word that is accepted as an admin key")
    parser.set_defaults(run=_serve)


def _serve(options: argparse.Namespace) -> int:
    from local.serve import ServeOptions, serve

    return serve(
        ServeOptions(
            host=options.host,
            port=options.port,
            folder=None if options.data == MEMORY else Path(options.data),
            demo=options.demo,
            clock=options.clock,
            admin_key=options.admin_key,
            traffic=options.traffic,
        )
    )


def _add_stack(parser: argparse.ArgumentParser) -> None:
    up = parser.add_subparsers(required=True, metavar="up").add_parser("up", help="package, run, serve until Ctrl-C")
    up.add_argument("--port", type=int, default=8000, help="port to listen on, 0 for a free one (8000)")
    up.add_argument("--aws-port", type=int, default=0, metavar="PORT", help="port of the AWS it runs on (a free one)")
    up.add_argument("--package", type=Path, metavar="FOLDER", help="what was packaged before (packaged anew)")
    up.set_defaults(run=_stack_up)


def _stack_up(options: argparse.Namespace) -> int:
    from local.stack import StackOptions, stack_up

    return stack_up(StackOptions(port=options.port, aws_port=options.aws_port, package=options.package))


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default=DEFAULT_URL, help=f"address of the server ({DEFAULT_URL})")
    parser.add_argument(
        "--key", help="API key; METERFOLD_KEY, or the local server's own in .local, where it is not given"
    )


def _key(options: argparse.Namespace) -> str:
    if options.key or os.environ.get("METERFOLD_KEY"):
        return str(options.key or os.environ["METERFOLD_KEY"])
    from local.first_run import ADMIN_KEY
    from local.home import Home

    kept = Home(DEFAULT_FOLDER).read(ADMIN_KEY) if DEFAULT_FOLDER.is_dir() else None
    if kept is None:
        sys.exit("There is no key: give one with --key.")
    return kept


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="CSV with a line of names, or JSON lines (.jsonl, .ndjson, .json)")
    _add_server(parser)
    parser.add_argument("--type", required=True, help="type of every event")
    parser.add_argument("--subject", required=True, metavar="ORGANIZATION", help="organization of every event")
    parser.add_argument("--source", default="import", help="source of every event; with the id it is its identity")
    parser.add_argument("--time-column", metavar="COLUMN", help="column of the time (the one called time or timestamp)")
    parser.add_argument("--id-column", metavar="COLUMN", help="column of the id (made from the row)")
    parser.add_argument(
        "--data", action="append", metavar="COLUMN:NAME", help="column that becomes a value, repeatable (all others)"
    )
    parser.add_argument("--backfill", action="store_true", help="accept events older than the late limit (admin key)")
    parser.add_argument("--skip-invalid", action="store_true", help="send the good rows where others would be refused")
    parser.add_argument("--batch-size", type=_batch_size, default=2000, help="events of a request, to 10000 (2000)")
    parser.set_defaults(run=_import)


def _batch_size(text: str) -> int:
    size = int(text)
    if not 1 <= size <= 10_000:
        raise argparse.ArgumentTypeError("must be 1 to 10000")
    return size


def _pair(text: str) -> tuple[str, str]:
    column, _, name = text.rpartition(":")
    return (column, name) if column else (text, text)


def _import(options: argparse.Namespace) -> int:
    from local.importer import Import, ImportOptions
    from local.rows import Columns, Target

    pairs = tuple(_pair(text) for text in options.data) if options.data else None
    return Import(
        ImportOptions(
            file=options.file,
            url=options.url,
            key=_key(options),
            target=Target(type=options.type, subject=options.subject, source=options.source),
            columns=Columns(time=options.time_column, id=options.id_column, data=pairs),
            backfill=options.backfill,
            skip_invalid=options.skip_invalid,
            batch_size=options.batch_size,
        )
    ).run()


def _add_quickstart(parser: argparse.ArgumentParser) -> None:
    _add_server(parser)
    parser.set_defaults(run=_quickstart)


def _quickstart(options: argparse.Namespace) -> int:
    from local.quickstart import quickstart

    return quickstart(options.url, _key(options))


def _add_export(parser: argparse.ArgumentParser) -> None:
    _add_server(parser)
    parser.add_argument("--organization", required=True, help="whose ledger")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON lines, newest entry first (standard output)")
    parser.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> int:
    from local.client import Client
    from local.ledger_export import export_ledger

    return export_ledger(Client(options.url, _key(options)), options.organization, options.out)


if __name__ == "__main__":
    sys.exit(main())
