"""Counting operations: what each consumes of the storage, what it logs, and beside that the CPU it took.

Counts are the same in every run: real time and chance stand still here, the domain's clock is set by who counts.
"""

import contextlib
import io
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from unittest.mock import patch

from bench.doors import Doors
from bench.store import Bill, Meter
from chalicelib.platform import logging
from chalicelib.platform.settings import Settings, settings
from chalicelib.shared import clock

# A real time for sort ids and what is remembered for seconds: that of the bench's events.
_REAL_NS = 1_769_774_400 * 10**9
_SECRET = "of the bench alone " * 2
_signing_key = Settings.signing_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What an operation consumed, warm: in a process that has done such things before.

    ``items`` are those of its greatest transaction. ``kept_bytes`` is what the items weigh that it put and that stay,
    ``kept_items`` how many they are. ``log_bytes`` counts its lines as on Lambda, its metrics included.
    """

    area: str
    door: str
    write_units: Fraction
    read_units: Fraction
    items: int
    round_trips: int
    calls: int
    kept_items: int
    kept_bytes: int
    log_lines: int
    log_bytes: int


class Tally:
    """Counts operations one after the other, each once and by a name of its own.

    ``cpu_ms`` of an operation is the app's and the SDK's, without the engine's.
    """

    def __init__(self) -> None:
        self.counts: dict[str, Count] = {}
        self.cpu_ms: dict[str, Fraction] = {}
        self._area = ""

    @contextlib.contextmanager
    def area(self, name: str) -> Iterator[None]:
        """Name what the operations that follow belong to."""
        before, self._area = self._area, name
        yield
        self._area = before

    def count(self, name: str, act: Callable[[], object], *, meter: Meter, doors: Doors) -> None:
        """Count what ``act`` consumes, which goes through one door."""
        assert name not in self.counts, f"counted twice: {name}"
        doors.last = ""
        started = time.process_time()
        with _written() as lines, meter.bill() as bill:
            act()
        cpu_s = time.process_time() - started - bill.engine_cpu_s + bill.sdk_cpu_s
        self.cpu_ms[name] = Fraction(round(cpu_s * 1e6), 1000)
        self.counts[name] = _counted(self._area, doors.last, bill, lines.getvalue())


def _counted(area: str, door: str, bill: Bill, text: str) -> Count:
    return Count(
        area=area,
        door=door,
        write_units=Fraction(bill.write_units),
        read_units=Fraction(bill.read_units),
        items=bill.items,
        round_trips=bill.round_trips,
        calls=bill.calls,
        kept_items=bill.kept_items,
        kept_bytes=bill.kept_bytes,
        log_lines=len(text.splitlines()),
        log_bytes=len(text.encode()),
    )


@contextlib.contextmanager
def _written() -> Iterator[io.StringIO]:
    """Let the app log and count as on Lambda, and keep what it writes."""
    lines = io.StringIO()
    before = logging.write_to(lines)
    try:
        with contextlib.redirect_stdout(lines):
            yield lines
    finally:
        logging.write_to(before)


@contextlib.contextmanager
def repeatable() -> Iterator[None]:
    """Let every run make the same ids, sizes and lines; gives the app a secret where there is none."""
    chance, ticks = random.Random(0), iter(range(_REAL_NS, _REAL_NS + 10**9))
    with_secret = replace(settings, signing_secret=_SECRET)
    with (
        patch.object(clock.Clock, "real_ns", lambda _clock: next(ticks)),
        patch("secrets.randbits", chance.getrandbits),
        patch.object(logging, "settings", replace(settings, is_lambda=True)),
        patch.object(Settings, "signing_key", lambda _settings, purpose: _signing_key(with_secret, purpose)),
    ):
        try:
            with _written():
                yield
        finally:
            clock.clock.set(None)
