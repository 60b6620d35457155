"""Which meters an event is for and whether they can use it: one event at a time, as ingest and search need it.

The fold answers the same questions column by column; both must agree (a test compares them).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib.catalog.meters import Meter, MeterCatalog, Path
from chalicelib.shared.numbers import JsonNumber
from chalicelib.shared.values import dataclass
from chalicelib.usage.events import Event
from chalicelib.usage.fold import is_usable


@dataclass(frozen=True, slots=True)
class Match:
    """A meter that counts an event, if it can use its value."""

    meter: Meter
    usable: bool


def scalar_at(document: Mapping[str, Any], path: Path) -> str | None:
    """Give the value at a path into an event's data as text; ``None`` when missing or not a scalar."""
    value: Any = document
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    if isinstance(value, str):
        return value
    if isinstance(value, JsonNumber):
        return value.text
    return ("true" if value else "false") if isinstance(value, bool) else None


def is_for(meter: Meter, event: Event) -> bool:
    """Tell whether a meter counts an event: by its type, its filters and its time."""
    return (
        meter.event_type == event.type
        and meter.count_from <= event.time
        and (meter.archived_at is None or event.time < meter.archived_at)
        and all((scalar_at(event.data, one.path) or "") in one.values for one in meter.filters)
    )


def can_use(meter: Meter, event: Event) -> bool:
    """Tell whether a meter can use an event's value."""
    return is_usable(meter, None if meter.value is None else scalar_at(event.data, meter.value))


def meters_by_type(catalog: MeterCatalog) -> dict[str, list[Meter]]:
    """List the meters by the type of event they count, each list by key."""
    found: dict[str, list[Meter]] = {}
    for _, meter in sorted(catalog.meters.items()):
        found.setdefault(meter.event_type, []).append(meter)
    return found


def matches(event: Event, meters: Iterable[Meter]) -> list[Match]:
    """Keep those of some meters that an event is for; an event that is for no meter is unmatched."""
    return [Match(meter, can_use(meter, event)) for meter in meters if is_for(meter, event)]


def dimensions_of(meter: Meter, event: Event) -> dict[str, str]:
    """Give an event's value of each dimension of a meter; a missing one is the empty string."""
    return {one.name: scalar_at(event.data, one.path) or "" for one in meter.dimensions}


def refusing(meters: Sequence[Meter], event: Event) -> list[Meter]:
    """List those of some strict meters that an event is for and whose value they cannot use."""
    return [meter for meter in meters if is_for(meter, event) and not can_use(meter, event)]
