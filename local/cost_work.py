"""What operations take, as the bench measured them, and what lies between two sizes that were measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cache
from itertools import pairwise

from bench.accepted import read_counts, read_durations
from local.prices import CALL_CPU_MS, TRANSACTION_WAIT_MS, WAIT_MS, WHOLE_PROCESSOR_MB

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is done: units, items that stay, lines of the log; CPU on a whole processor, and waiting for the storage."""

    write_units: Fraction = ZERO
    read_units: Fraction = ZERO
    kept_items: Fraction = ZERO
    kept_bytes: Fraction = ZERO
    log_lines: Fraction = ZERO
    log_bytes: Fraction = ZERO
    cpu_ms: Fraction = ZERO
    wait_ms: Fraction = ZERO

    def __add__(self, other: "Work") -> "Work":
        return Work(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})

    def __sub__(self, other: "Work") -> "Work":
        return self + other.times(Fraction(-1))

    def times(self, factor: Fraction | int) -> "Work":
        """Do it some times."""
        return Work(**{one.name: getattr(self, one.name) * factor for one in fields(self)})

    def duration_ms(self, memory_mb: int) -> Fraction:
        """Tell how long a function with so much memory takes: less memory is less than a whole processor."""
        return self.cpu_ms * WHOLE_PROCESSOR_MB / min(memory_mb, WHOLE_PROCESSOR_MB) + self.wait_ms


@cache
def measured(operation: str) -> Work:
    """Give an operation of the bench. The SDK's CPU is in what was measured, that of signing and TLS is assumed."""
    count, cpu_ms = read_counts()[operation], read_durations()[operation]
    transactions = 1 if count.items else 0
    return Work(
        write_units=count.write_units,
        read_units=count.read_units,
        kept_items=Fraction(count.kept_items),
        kept_bytes=Fraction(count.kept_bytes),
        log_lines=Fraction(count.log_lines),
        log_bytes=Fraction(count.log_bytes),
        cpu_ms=cpu_ms + count.calls * CALL_CPU_MS,
        wait_ms=Fraction((count.round_trips - transactions) * WAIT_MS + transactions * TRANSACTION_WAIT_MS),
    )


def at_size(size: Fraction, by_size: Mapping[int, str]) -> Work:
    """Read between measured sizes, on the straight line from one to the next; beyond them on the nearest line."""
    sizes = sorted(by_size)
    low, high = _around(size, sizes)
    first, second = measured(by_size[low]), measured(by_size[high])
    return first + (second - first).times((size - low) / (high - low))


def _around(size: Fraction, sizes: Sequence[int]) -> tuple[int, int]:
    for low, high in pairwise(sizes):
        if size <= high:
            return low, high
    return sizes[-2], sizes[-1]
