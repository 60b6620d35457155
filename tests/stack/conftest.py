"""One stack for all tests of a file: the command ``stack up`` with the packaged template, in processes of its own."""

import json
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local.stack import machine_architecture
from tests.stack.doors import PACKAGE, PACKAGED, Doors

ROOT = Path(__file__).parents[2]
COMMAND = f"python -m infra package build/local --stage local --architecture {machine_architecture()}"
SOURCES = ("app.py", "requirements.txt", ".chalice/config.json", "chalicelib/**/*.py", "chalicelib/**/static/**/*")


def is_fresh(bundle: Path) -> bool:
    """Tell whether nothing that goes into a bundle, or into its template, has changed since it was made."""
    sources = [path for pattern in (*SOURCES, "infra/*.py") for path in ROOT.glob(pattern) if path.is_file()]
    return bundle.is_file() and bundle.stat().st_mtime >= max(path.stat().st_mtime for path in sources)


@pytest.fixture(scope="module")
def stack() -> Iterator[Doors]:
    """Run the package that ``make test`` makes first, and stop it as a person would."""
    assert is_fresh(PACKAGED), f"the package is older than its sources: {COMMAND}"
    command = [sys.executable, "-m", "local", "stack", "up", "--port", "0", "--package", str(PACKAGE)]
    started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stderr is not None
    line = started.stdout.readline()
    assert line, started.stderr.read()
    ready = json.loads(line)
    _, *words = shlex.split(started.stderr.readline())
    aws = dict(word.split("=", 1) for word in words)
    try:
        yield Doors(ready["url"], ready["admin_key"], aws)
    finally:
        started.send_signal(signal.SIGINT)
        _, complaints = started.communicate(timeout=60)
    assert (started.returncode, complaints) == (0, "")
    for address in (ready["url"], aws["AWS_ENDPOINT_URL"]):
        parts = urlsplit(address)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((parts.hostname or "", parts.port or 0)).close()


@pytest.fixture(scope="module")
def doors(stack: Doors) -> Doors:
    """Give the doors of the stack, with a meter of tokens, a plan that sells them, and one that is due every week."""
    stack.post(
        "/v1/meters",
        {"key": "tokens", "name": "Tokens", "event_type": "llm", "aggregation": "sum", "value": "n"},
    )
    price = {"key": "tokens", "name": "Tokens", "type": "usage", "meter": "tokens", "model": "per_unit"}
    for key, period in (("pro", "month"), ("weekly", "week")):
        charges = [{**price, "unit_price": "0.01"}]
        plan = {"key": key, "name": key, "currency": "USD", "billing_period": period, "grace_hours": 0}
        stack.post("/v1/plans", {**plan, "charges": charges})
    return stack
