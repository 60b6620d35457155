"""Runs alone in a fresh interpreter, on an unpacked bundle: imports what it is told to, calls it, tells what it took.

``python -I -S probe.py FOLDER MODULES [CALLS]``: a folder with a bundle's files, the modules to import, and a file with
the calls to make after that, as JSON. It imports nothing itself before it has measured, so that nothing is there yet.
"""

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Watch:
    """Reads both clocks: of the wall and of this process's processor."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter_ns(), time.process_time_ns()

    def read(self) -> dict[str, int]:
        """Tell what has passed."""
        cpu = time.process_time_ns() - self._cpu
        return {"wall_ns": time.perf_counter_ns() - self._wall, "cpu_ns": cpu}


class Context:
    """What Lambda tells a function about its invocation."""

    aws_request_id = "00000000-0000-4000-8000-000000000000"
    function_name = memory_limit_in_mb = invoked_function_arn = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Give the time that is left."""
        return 29_000


def measure_import(modules: list[str]) -> dict[str, int]:
    """Import modules one after the other."""
    before = len(sys.modules)
    watch = Watch()
    for module in modules:
        __import__(module)
    return {**watch.read(), "modules": len(sys.modules) - before}


def measure_calls(path: str) -> "dict[str, Any]":
    """Make the calls of a file, and count the clients of AWS that are made for them when it says so."""
    import json
    from pathlib import Path

    told = json.loads(Path(path).read_text())
    clients = count_clients() if told["count_clients"] else {}
    return {"called": [_call(**call) for call in told["calls"]], "clients": clients}


def _call(function: str, event: "Any") -> "dict[str, Any]":
    import app

    watch = Watch()
    answer = getattr(app, function)(event, Context())
    return {**watch.read(), "answer": answer}


def count_clients() -> dict[str, int]:
    """Count from now on which clients are made, by service."""
    from botocore.client import ClientCreator

    made: dict[str, int] = {}
    create = ClientCreator.create_client

    def counted(self: "Any", service_name: str, *given: "Any", **named: "Any") -> "Any":
        made[service_name] = made.get(service_name, 0) + 1
        return create(self, service_name, *given, **named)

    ClientCreator.create_client = counted
    return made


def main(folder: str, modules: str, calls: str = "") -> None:
    """Measure, and write what was found on standard error: standard output is the app's log."""
    sys.path.insert(0, folder)
    found: dict[str, Any] = {"imported": measure_import(modules.split(","))}
    if calls:
        found |= measure_calls(calls)
    import json

    sys.stderr.write(f"\n{json.dumps(found)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
