"""Print one JSON object: what the write, read and billing paths cost, beside their targets."""

import json
import platform
import sys
from typing import Any

from bench.billing import measure_billing
from bench.billing_commands import measure_commands
from bench.credits import measure_credits
from bench.folding import measure_folding
from bench.ledger import measure_ledger
from bench.long_invoice import measure_long_invoice
from bench.period_end import measure_period_end
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
        "billing": measure_billing(),
        "billing_commands": measure_commands(),
        "credits": measure_credits(),
        "long_invoice": measure_long_invoice(),
        "ledger": measure_ledger(),
        "period_end": measure_period_end(),
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
