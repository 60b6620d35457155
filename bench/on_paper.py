"""What a billing run of a million organizations would take, computed from what one invoice takes.

Prices and assumptions are those of ``local/prices.py``; nothing of this was run on AWS.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from local.prices import MILLION, PRICES, TRANSACTION_WAIT_MS, WAIT_MS, WHOLE_PROCESSOR_MB

# Each message is sent, received and deleted.
QUEUE_REQUESTS_A_MESSAGE = 3
CONCURRENCY = 100
# What a call costs the SDK in CPU, which ``cpu_ms`` here does not have.
SDK_MS = 1
# What a partition gives in a second. One item, the version of the meters, is read for every organization.
MOST_READ_UNITS_A_PARTITION = 3000


def million_organizations(invoice: Mapping[str, Any], *, round_trips: int, a_message: int) -> dict[str, Any]:
    """Estimate the run; ``invoice`` has the units, calls and CPU of one, ``round_trips`` counts its transaction too."""
    waits_ms = (round_trips - 1) * WAIT_MS + TRANSACTION_WAIT_MS
    invoice_ms = Fraction(str(invoice["cpu_ms"])) + SDK_MS * Fraction(str(invoice["calls"])) + waits_ms
    invocations = -(-MILLION // a_message)
    gigabyte_seconds = MILLION * invoice_ms / 1000 * Fraction(WHOLE_PROCESSOR_MB, 1024)
    dollars = {
        "write_units": PRICES["write_units"].of(MILLION * Fraction(str(invoice["write_units"]))),
        "read_units": PRICES["read_units"].of(MILLION * Fraction(str(invoice["read_units"]))),
        "invocations": PRICES["lambda_requests"].of(Fraction(invocations)),
        "gigabyte_seconds": PRICES["lambda_gb_s"].of(gigabyte_seconds),
        "queue": PRICES["queue_requests"].of(Fraction(invocations * QUEUE_REQUESTS_A_MESSAGE)),
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
