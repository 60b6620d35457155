"""DynamoDB Local as a process: AWS's own engine, in memory, with a database for each credential.

It cannot be told to listen on loopback alone. It holds the data of tests and ends with the run.
"""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "build" / "dynamodb-local"
_MAIN = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
_SOON_S = 60


class NotFetched(Exception):
    """DynamoDB Local is not on this machine."""


@contextmanager
def serving(port: int | None = None) -> Iterator[str]:
    """Start DynamoDB Local, on a free port unless one is named, and give its address; it ends with the block."""
    if not (FOLDER / ".fetched").exists():
        raise NotFetched(f"DynamoDB Local is not in {FOLDER.name}; make conformance fetches it.")
    address = f"127.0.0.1:{port or _free_port()}"
    started = subprocess.Popen(_command(address), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(started, address)
        yield address
    finally:
        started.terminate()
        started.wait()


def _command(address: str) -> list[str]:
    options = ["-Xmx2g", "-XX:+UseParallelGC", f"-Djava.library.path={FOLDER}", "-cp", f"{FOLDER}{os.sep}*"]
    return ["java", *options, _MAIN, "-inMemory", "-disableTelemetry", "-port", address.rpartition(":")[2]]


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def _wait_for(started: subprocess.Popen[bytes], address: str) -> None:
    until = time.monotonic() + _SOON_S
    while not _answers(address):
        if started.poll() is not None or time.monotonic() > until:
            sys.exit(f"DynamoDB Local did not start: java gave {started.poll()}.")
        time.sleep(0.05)


def _answers(address: str) -> bool:
    with closing(http.client.HTTPConnection(address, timeout=5)) as connection:
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except OSError:
            return False
    return True
