"""Counters: what the meters counted in a stretch of time, by dimension combination, and how the stretches merge.

The counters of a quarter-hour come from the fold; a local day's are the merge of its quarter-hours. In a day a meter
keeps at most 10,000 combinations; the smallest fall into a rest group, chosen at the merge by (quantity, name) and so
never by the order of arrival. Time-weighted meters keep all: their levels carry on by combination.
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, field, fields
from typing import Any

from chalicelib.catalog.meters import Aggregation, MeterCatalog
from chalicelib.shared.values import dataclass
from chalicelib.usage.aggregation import aggregator

# The values of a meter's dimensions in their order; REST stands for the combinations beyond the limit.
Combination = tuple[str, ...] | None
REST: Combination = None
States = Mapping[Combination, Any]

MAX_COMBINATIONS = 10_000
CODE_VERSION = 1
_CATALOG_VERSIONS = 1_000_000_000
_MOST_HEALTH_BYTES = 256


def definitions_number(catalog_version: int, *, code_version: int = CODE_VERSION) -> int:
    """Make one number of (version of the fold's code, version of the meters): it orders as the pair does."""
    assert catalog_version < _CATALOG_VERSIONS
    return code_version * _CATALOG_VERSIONS + catalog_version


def may_lack(counters: "Counters", version: int, *, catalog_version: int) -> bool:
    """Tell whether counters may have been folded without the meters of a catalog version; ``catalog_version`` is now's.

    A day's definitions are a sum, which tells how many parts there are and what their versions add up to. When that is
    more than it could be with one part behind, none is; otherwise one may be.
    """
    parts, versions = divmod(counters.definitions, definitions_number(0))
    return parts > 0 and versions <= (parts - 1) * catalog_version + version - 1


@dataclass(frozen=True, slots=True)
class Health:
    """How many events were received, and what became of those that do not simply count.

    ``accepted`` counts every event that was acknowledged, the duplicates too. ``unusable`` counts the events that at
    least one meter could not use.
    """

    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    voided: int = 0
    amended: int = 0
    unmatched: int = 0
    unusable: int = 0


HEALTH_FIELDS = tuple(one.name for one in fields(Health))


@dataclass(frozen=True, slots=True)
class Counters:
    """The counters of a quarter-hour or of a local day.

    ``segments`` counts the segments folded (a day: the sum over its quarter-hours), ``definitions`` says with which
    code and meters (a day: the sum too). Both only ever grow, which is what the writes' conditions rest on.
    ``kept_until_s`` (seconds since 1970, of quarter-hours only) is when the first of the segments expires; 0 for none.
    """

    segments: int
    definitions: int
    health: Health = field(default_factory=Health)
    meters: Mapping[str, States] = field(default_factory=dict)
    kept_until_s: int = 0


EMPTY = Counters(0, 0)


def merge_states(aggregation: Aggregation, parts: Iterable[States]) -> dict[Combination, Any]:
    """Merge the states of one meter over stretches of time, given in the order of time, combination by combination."""
    algebra = aggregator(aggregation)
    merged: dict[Combination, Any] = {}
    for states in parts:
        for combination, state in states.items():
            merged[combination] = algebra.merge(merged[combination], state) if combination in merged else state
    return merged


def merge_counters(parts: Sequence[Counters], catalog: MeterCatalog) -> Counters:
    """Merge quarter-hours, in the order of time, into the counters of their day."""
    keys = sorted({key for part in parts for key in part.meters if key in catalog.meters})
    meters = {}
    for key in keys:
        aggregation = catalog.meters[key].aggregation
        states = merge_states(aggregation, (part.meters[key] for part in parts if key in part.meters))
        meters[key] = limit_combinations(aggregation, states)
    return Counters(
        segments=sum(part.segments for part in parts),
        definitions=sum(part.definitions for part in parts),
        health=add_health(part.health for part in parts),
        meters=meters,
    )


def add_health(parts: Iterable[Health]) -> Health:
    """Add up the health of stretches of time."""
    return Health(*(sum(column) for column in zip(*(astuple(part) for part in parts), strict=True)))


def limit_combinations(aggregation: Aggregation, states: States, limit: int = MAX_COMBINATIONS) -> States:
    """Keep the greatest combinations by (quantity, name) and merge the others into the rest group."""
    if aggregation is Aggregation.TIME_WEIGHTED or len(states) - (REST in states) <= limit:
        return states
    algebra = aggregator(aggregation)
    # copy_negate() is exact, where a minus sign would round to the 28 digits of the default context.
    named = [(algebra.value(state), combination) for combination, state in states.items() if combination is not REST]
    named.sort(key=lambda pair: (pair[0].copy_negate(), pair[1]))
    kept: dict[Combination, Any] = {combination: states[combination] for _, combination in named[:limit]}
    rest = [states[combination] for _, combination in named[limit:]]
    if REST in states:
        rest.append(states[REST])
    kept[REST] = rest[0]
    for state in rest[1:]:
        kept[REST] = algebra.merge(kept[REST], state)
    return kept


def encode(counters: Counters, catalog: MeterCatalog) -> bytes:
    """Write health and states as compressed JSON; ``segments`` and ``definitions`` are kept beside it, in the clear."""
    document = {
        "h": list(astuple(counters.health)),
        "m": {
            key: encode_states(catalog.meters[key].aggregation, states)
            for key, states in sorted(counters.meters.items())
        },
    }
    return zlib.compress(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(), 9)


def decode(blob: bytes, *, segments: int, definitions: int, catalog: MeterCatalog) -> Counters:
    """Read back what ``encode`` writes. Meters that the catalog does not know are left out."""
    document = json.loads(zlib.decompress(blob))
    meters = {
        key: decode_states(catalog.meters[key].aggregation, stored)
        for key, stored in document["m"].items()
        if key in catalog.meters
    }
    return Counters(segments, definitions, Health(*document["h"]), meters)


def decode_health(blob: bytes) -> Health:
    """Read the health alone out of what ``encode`` writes: it stands first, so the rest is not even unpacked."""
    opened = zlib.decompressobj().decompress(blob, _MOST_HEALTH_BYTES)
    return Health(*json.loads(opened[len(b'{"h":') : opened.index(b"]") + 1]))


def encode_states(aggregation: Aggregation, states: States) -> list[Any]:
    """Turn the states of one meter into JSON: combinations, then states; sorted, so equal states give equal bytes."""
    algebra = aggregator(aggregation)
    ordered = sorted(states.items(), key=lambda pair: (pair[0] is REST, pair[0] or ()))
    return [
        [list(combination) if combination is not None else None for combination, _ in ordered],
        [algebra.encode(state) for _, state in ordered],
    ]


def decode_states(aggregation: Aggregation, stored: Sequence[Any]) -> dict[Combination, Any]:
    """Read back what ``encode_states`` gives."""
    algebra = aggregator(aggregation)
    return {
        (None if combination is None else tuple(combination)): algebra.decode(state)
        for combination, state in zip(stored[0], stored[1], strict=True)
    }
