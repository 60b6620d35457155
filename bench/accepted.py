"""The accepted counts in ``bench/results``: what each operation may consume, and how it came to that.

A count that differs from the accepted one fails ``python -m bench counts --check``: a worse one because something costs
more, a better one because the file would no longer tell the truth. Times are kept beside them and never compared.
"""

import json
import platform
import tomllib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from bench.tally import Count, Tally

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
COUNTS, DURATIONS, HISTORY = RESULTS / "counts.json", RESULTS / "durations.json", RESULTS / "history.jsonl"
# What is compared; sizes are shown beside them, and count where they cross a unit.
COMPARED = ("write_units", "read_units", "items", "round_trips", "calls")
# Another zlib packs a little better or worse: then units may differ by this part, and by one.
_SLACK = Fraction(3, 100)

Shown = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """An operation that costs something else than accepted; ``None`` where it was not counted."""

    operation: str
    what: str
    before: Fraction | None
    after: Fraction | None

    @property
    def is_worse(self) -> bool:
        """Tell whether it costs more. An operation that is new is neither worse nor better."""
        return self.before is not None and self.after is not None and self.after > self.before

    def __str__(self) -> str:
        if self.before is None or self.after is None:
            return f"{self.operation}: {'new' if self.before is None else 'no longer counted'}"
        verdict = "worse" if self.is_worse else "better"
        return f"{self.operation}: {self.what} {number(self.before)} -> {number(self.after)}, {verdict}"


def number(value: Fraction) -> str:
    """Write units: whole, or with a half."""
    return str(value.numerator) if value.denominator == 1 else f"{value.numerator / value.denominator:g}"


def shown(tally: Tally) -> Shown:
    """Show counts as they are kept, with what may change them besides the code."""
    return {
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "operations": {name: _shown_count(count) for name, count in tally.counts.items()},
    }


def _shown_count(count: Count) -> Shown:
    return {
        "area": count.area,
        "door": count.door,
        "write_units": _plain(count.write_units),
        "read_units": _plain(count.read_units),
        "items": count.items,
        "round_trips": count.round_trips,
        "calls": count.calls,
        "kept_items": count.kept_items,
        "kept_bytes": count.kept_bytes,
        "log_lines": count.log_lines,
        "log_bytes": count.log_bytes,
    }


def _plain(units: Fraction) -> int | str:
    return units.numerator if units.denominator == 1 else number(units)


def read_counts() -> dict[str, Count]:
    """Read the accepted counts."""
    return {name: _count(one) for name, one in _read(COUNTS)["operations"].items()}


def _count(one: Shown) -> Count:
    units = {name: Fraction(str(one[name])) for name in ("write_units", "read_units")}
    return Count(**{**one, **units})


def read_durations() -> dict[str, Fraction]:
    """Read the accepted CPU of each operation, in milliseconds."""
    return {name: Fraction(text) for name, text in _read(DURATIONS)["cpu_ms"].items()}


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def differences(
    accepted: Mapping[str, Count], measured: Mapping[str, Count], *, has_slack: bool = False
) -> list[Difference]:
    """List what differs, in the order of the measured operations."""
    found = [each for name, count in measured.items() for each in _compare(name, accepted.get(name), count)]
    gone = [Difference(name, "", Fraction(1), None) for name in accepted if name not in measured]
    return [one for one in found if not (has_slack and _is_within_slack(one))] + gone


def _compare(name: str, before: Count | None, after: Count) -> Iterator[Difference]:
    if before is None:
        yield Difference(name, "", None, Fraction(1))
        return
    for what in COMPARED:
        was, now = Fraction(getattr(before, what)), Fraction(getattr(after, what))
        if was != now:
            yield Difference(name, what, was, now)


def _is_within_slack(one: Difference) -> bool:
    if one.before is None or one.after is None or not one.what.endswith("_units"):
        return False
    return abs(one.after - one.before) <= max(Fraction(1), _SLACK * one.before)


def has_other_zlib() -> bool:
    """Tell whether the accepted counts were measured with another release of zlib."""
    return bool(_read(COUNTS)["zlib"] != zlib.ZLIB_RUNTIME_VERSION)


def accept(tally: Tally, *, note: str, ratios: Shown | None, with_durations: bool) -> list[Difference]:
    """Make measured counts the accepted ones, and write a line of history; gives what changed."""
    before = read_counts() if COUNTS.exists() else {}
    RESULTS.mkdir(exist_ok=True)
    COUNTS.write_text(written(shown(tally), "operations"), encoding="utf-8")
    if with_durations:
        DURATIONS.write_text(written(_shown_durations(tally), "cpu_ms"), encoding="utf-8")
    line = {
        "accepted_on": datetime.now(UTC).date().isoformat(),
        "version": _version(),
        "note": note,
        "python": platform.python_version(),
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "compared": COMPARED,
        "counts": {name: _compared(count) for name, count in tally.counts.items()},
        "ratios": ratios,
    }
    with HISTORY.open("a", encoding="utf-8") as history:
        history.write(json.dumps(line) + "\n")
    return differences(before, tally.counts)


def _compared(count: Count) -> Sequence[int | str]:
    return [_plain(Fraction(getattr(count, what))) for what in COMPARED]


def _shown_durations(tally: Tally) -> Shown:
    cpu_ms = {name: _two_digits(value) for name, value in tally.cpu_ms.items()}
    return {"python": platform.python_version(), "architecture": platform.machine(), "cpu_ms": cpu_ms}


def _two_digits(value: Fraction) -> str:
    """Write two digits that say something: more are chance."""
    return f"{float(f'{float(value):.2g}'):g}"


def written(content: Shown, longest: str) -> str:
    """Write results as JSON, an operation a line, so that what changed can be seen."""
    head = "".join(f" {json.dumps(name)}: {json.dumps(value)},\n" for name, value in content.items() if name != longest)
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in content[longest].items())
    return f"{{\n{head} {json.dumps(longest)}: {{\n{rows}\n }}\n}}\n"


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def read_history() -> list[Shown]:
    """Read every line of history, the oldest first."""
    if not HISTORY.exists():
        return []
    return [json.loads(line) for line in HISTORY.read_text(encoding="utf-8").splitlines()]
