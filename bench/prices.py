"""What a billing run of a million organizations would take, computed from what one invoice takes.

Prices are AWS's list prices for us-east-1 in US dollars, on demand, without free tiers and discounts, as published in
2025 at aws.amazon.com/dynamodb/pricing/on-demand, aws.amazon.com/lambda/pricing (arm64, first tier) and
aws.amazon.com/sqs/pricing (standard queues). Times are assumptions, said here: nothing of this was run on AWS.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

MILLION = 1_000_000
MILLION_WRITE_UNITS = Fraction("0.625")
MILLION_READ_UNITS = Fraction("0.125")
MILLION_INVOCATIONS = Fraction("0.20")
GIGABYTE_SECOND = Fraction("0.0000133334")
MILLION_QUEUE_REQUESTS = Fraction("0.40")
# Each message is sent, received and deleted.
QUEUE_REQUESTS_A_MESSAGE = 3
# The memory at which a function has one whole processor.
MEMORY_GB = Fraction(1769, 1024)
CONCURRENCY = 100
# How long a strongly consistent read and a transaction keep a function waiting, and what a call costs the SDK in CPU.
READ_MS, TRANSACTION_MS, SDK_MS = 5, 20, 1
# What a partition gives in a second. One item, the version of the meters, is read for every organization.
MOST_READ_UNITS_A_PARTITION = 3000


def million_organizations(invoice: Mapping[str, Any], *, round_trips: int, a_message: int) -> dict[str, Any]:
    """Estimate the run; ``invoice`` has the units, calls and CPU of one, ``round_trips`` counts its transaction too."""
    waits_ms = (round_trips - 1) * READ_MS + TRANSACTION_MS
    invoice_ms = Fraction(str(invoice["cpu_ms"])) + SDK_MS * Fraction(str(invoice["calls"])) + waits_ms
    invocations = -(-MILLION // a_message)
    gigabyte_seconds = MILLION * invoice_ms / 1000 * MEMORY_GB
    dollars = {
        "write_units": Fraction(str(invoice["write_units"])) * MILLION_WRITE_UNITS,
        "read_units": Fraction(str(invoice["read_units"])) * MILLION_READ_UNITS,
        "invocations": invocations * MILLION_INVOCATIONS / MILLION,
        "gigabyte_seconds": gigabyte_seconds * GIGABYTE_SECOND,
        "queue": invocations * QUEUE_REQUESTS_A_MESSAGE * MILLION_QUEUE_REQUESTS / MILLION,
    }
    a_second = CONCURRENCY * 1000 / invoice_ms
    return {
        "write_units": round(MILLION * Fraction(str(invoice["write_units"]))),
        "read_units": round(MILLION * Fraction(str(invoice["read_units"]))),
        "invocations": invocations,
        "gigabyte_seconds": round(gigabyte_seconds),
        "ms_per_invoice": round(invoice_ms),
        "concurrency": CONCURRENCY,
        "minutes": round(MILLION / a_second / 60),
        "invoices_per_s": round(a_second),
        "write_units_per_s": round(a_second * Fraction(str(invoice["write_units"]))),
        "reads_per_s_of_the_meters_version": round(a_second),
        "most_reads_per_s_of_one_item": MOST_READ_UNITS_A_PARTITION,
        "dollars": {name: _in_dollars(value) for name, value in dollars.items()},
        "dollars_in_all": _in_dollars(sum(dollars.values(), Fraction(0))),
    }


def _in_dollars(value: Fraction) -> str:
    cents = round(value * 100)
    return f"{cents // 100}.{cents % 100:02}"
