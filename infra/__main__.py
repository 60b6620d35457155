"""``python -m infra COMMAND``: what packages, deploys and destroys a stage, restores, exports and verifies it."""

import argparse
import sys
from types import ModuleType

from botocore.exceptions import ClientError, WaiterError

from chalicelib.shared.errors import NotFound
from infra import backup_export, backup_import, bundle, deploy, destroy, restore, verify
from infra.refusals import Unpackaged
from infra.safekeeping import TablesMissing
from infra.stack import StackFailed

# Each module says its arguments and runs: add_arguments(parser), run(options).
COMMANDS: dict[str, ModuleType] = {
    "package": bundle,
    "deploy": deploy,
    "destroy": destroy,
    "restore": restore,
    "export": backup_export,
    "import": backup_import,
    "verify": verify,
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").partition("\n")[0]
        module.add_arguments(commands.add_parser(name, help=summary, description=module.__doc__))
    options = parser.parse_args(arguments)
    try:
        return int(COMMANDS[options.command].run(options))
    except (Unpackaged, StackFailed, TablesMissing, NotFound, ClientError, WaiterError) as refusal:
        print(refusal, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
