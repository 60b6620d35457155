"""Print one JSON object: what the write and read paths cost, beside their targets."""

import json
import platform
import sys
from typing import Any

from bench.folding import measure_folding
from bench.reads import measure_reads
from bench.speed import measure_speed
from bench.writes import measure_writes


def measure() -> dict[str, Any]:
    """Measure everything."""
    found: dict[str, Any] = {
        "engine": "embedded DynamoDB in this process",
        "python": platform.python_version(),
        "writes": measure_writes(),
        "reads": measure_reads(),
        "folding": measure_folding(),
        "speed": measure_speed(),
    }
    found["pass"] = all(_verdicts(found))
    return found


def _verdicts(found: Any) -> list[bool]:
    if not isinstance(found, dict):
        return []
    below = [verdict for value in found.values() for verdict in _verdicts(value)]
    return [*below, *([found["pass"]] if "pass" in found else [])]


if __name__ == "__main__":
    result = measure()
    json.dump(result, sys.stdout, indent=2)
    sys.stdout.write("\n")
