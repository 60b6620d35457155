"""Run the conformance suites: ``make conformance``, or ``python -m tests.conformance [scripts|suites] [pytest's …]``.

``scripts`` compares the engines with each other, in 2,000 random scripts, edges and capacity; ``suites`` runs the tests
of stores, services, routes, stories and faults on DynamoDB Local, or with ``--engine embedded`` on the local server's.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from tests.conformance.java_server import NotFetched, serving

PARALLEL = ("-n", "auto", "--maxprocesses", "4", "--dist", "worksteal")
_STORING = ("platform", "catalog", "usage", "credits", "invoices", "stories", "trust", "faults")
SUITES = tuple(f"tests/{name}" for name in _STORING)
_SCRIPTS = "2000"


def main(words: Sequence[str] | None = None) -> int:
    """Run what was asked for; gives the exit code."""
    asked, more = _read(words)
    # Whoever ends this run ends the engine with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if asked.engine == "embedded":
        return _run_suites({"METERFOLD_TEST_ENGINE": "embedded"}, more)
    try:
        with serving(asked.port) as address:
            sys.stderr.write(f"DynamoDB Local answers at {address}.\n")
            found = {"METERFOLD_DYNAMODB_LOCAL": address}
            codes = []
            if asked.part in (None, "scripts"):
                codes.append(_run_scripts(found, more))
            if asked.part in (None, "suites"):
                codes.append(_run_suites({**found, "METERFOLD_TEST_ENGINE": "dynamodb-local"}, more))
            return max(codes)
    except NotFetched as missing:
        sys.stderr.write(f"{missing}\n")
        return 2


def _read(words: Sequence[str] | None) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("part", nargs="?", choices=("scripts", "suites"), help="only one part; both by default")
    parser.add_argument("--engine", choices=("dynamodb-local", "embedded"), default="dynamodb-local")
    parser.add_argument("--port", type=int, help="where DynamoDB Local listens; a free port by default")
    return parser.parse_known_args(words)


def _run_scripts(found: dict[str, str], more: Sequence[str]) -> int:
    scripts = os.environ.get("METERFOLD_SCRIPTS", _SCRIPTS)
    return _pytest({**found, "METERFOLD_SCRIPTS": scripts}, ["tests/conformance", *more])


def _run_suites(found: dict[str, str], more: Sequence[str]) -> int:
    is_narrowed = any(word.startswith("tests/") for word in more)
    paths = () if is_narrowed else SUITES
    return _pytest(found, ["-p", "tests.conformance.selection", *paths, *more])


def _pytest(environment: dict[str, str], words: Sequence[str]) -> int:
    command = [sys.executable, "-m", "pytest", "-q", *PARALLEL, *words]
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
