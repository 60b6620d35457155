"""The pages that are made of the results: what stands there is what was measured, and a test compares them."""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import groupby
from pathlib import Path

from bench.accepted import ROOT, number, read_counts, read_durations
from bench.cost_tables import computed_parts
from bench.tally import Count
from bench.writes import bytes_per_event

UNITS, COST = ROOT / "docs" / "units.md", ROOT / "docs" / "cost.md"
# Where a computed part stands in a page: from a comment that names it to the next one.
_PART = re.compile(r"(<!-- computed: (\w+) -->\n).*?(<!-- until here -->)", re.DOTALL)
_INTRODUCTION = """\
# Units per operation

This page is written by `python -m bench tables` from the accepted counts in `bench/results/counts.json`; change the
code, not the page. What the words mean:

- **write units, read units**: what DynamoDB bills on demand for the whole request or run, with authentication, marks,
  idempotency records and indexes. A write unit is 1 KB begun of an item, twice that in a transaction; a read unit is
  4 KB begun, read strongly consistent, half of it from an index. `python -m local cost` turns them into dollars.
- **items**: those of its greatest transaction. **round trips**: calls that wait for one another; of calls at the same
  time the longest chain. **calls**: all calls to DynamoDB.
- **CPU**: milliseconds of the app and the SDK on the machine of the bench, without the engine, the network, signing
  and TLS; the least of five. It is a time, so nothing is compared with it.

How they are counted: every operation once, through its own entry (HTTP, queue, schedule, direct invocation), in a
process that is warm, on the embedded engine, with real time and chance standing still. The engine counts write units by
DynamoDB's rule; read units are counted from the items that came back. `make check` fails when one differs from what is
accepted, in either direction; [bench](../bench/README.md) tells how to accept another.

What is there when they are counted: events are calls to language models, {bytes} bytes of JSON each on average, with
random UUIDs, at random milliseconds of a quarter-hour. In *events* and *rollup* there are three meters (a count, a sum,
a time-weighted one, 20 groups); in everything else ten meters of all eight aggregations, a plan with a charge on each,
and usage on every day of two months.
"""
_AREAS = {
    "events": "Events",
    "rollup": "Rollup",
    "definitions": "Organizations, keys, meters, plans, subscriptions",
    "reads": "Usage, drafts, events",
    "billing": "Billing and invoices",
    "credit": "Credit",
}
_HEAD = (
    "| operation | entry | write units | read units | items | round trips | calls | CPU, ms |",
    "|---|---|--:|--:|--:|--:|--:|--:|",
)


def write_pages() -> list[Path]:
    """Write every page that is made of the results, and the computed parts of those that people write."""
    UNITS.write_text(units_page(), encoding="utf-8")
    COST.write_text(computed(COST.read_text(encoding="utf-8")), encoding="utf-8")
    return [UNITS.relative_to(ROOT), COST.relative_to(ROOT)]


def computed(page: str) -> str:
    """Compute the parts of a page anew."""
    parts = computed_parts()
    return _PART.sub(lambda found: f"{found[1]}{parts[found[2]]()}\n{found[3]}", page)


def units_page() -> str:
    """Make the page of units per operation."""
    counts, cpu_ms = read_counts(), read_durations()
    parts = [_INTRODUCTION.format(bytes=bytes_per_event())]
    for area, of_area in groupby(_by_area(counts), key=lambda one: one[1].area):
        parts.append("\n".join([f"## {_AREAS[area]}\n", *_HEAD, *(_row(*one, cpu_ms) for one in of_area)]) + "\n")
    return "\n".join(parts)


def _by_area(counts: Mapping[str, Count]) -> Iterator[tuple[str, Count]]:
    """List operations area by area, within one in the order in which they are counted."""
    order = list(_AREAS)
    yield from sorted(counts.items(), key=lambda one: order.index(one[1].area))


def _row(name: str, count: Count, cpu_ms: Mapping[str, Fraction]) -> str:
    cells = [
        name,
        f"`{count.door}`",
        number(count.write_units),
        number(count.read_units),
        str(count.items),
        str(count.round_trips),
        str(count.calls),
        number(cpu_ms[name]) if name in cpu_ms else "",
    ]
    return f"| {' | '.join(cells)} |"
