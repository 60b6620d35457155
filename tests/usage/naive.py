"""Usage counted the slow way, from a list of dicts, with fractions: written apart from what it checks.

A record is ``{"op": "event" | "void" | "amend", "source", "id", "type", "at", "data"}`` in the order received; ``at``
counts microseconds since 1970. A number in data is a ``Number``, the literal that was sent. A meter is a dict as in a
request, with ``from`` and ``until`` in microseconds.
"""

from fractions import Fraction
from typing import Any

QUARTER_HOUR = 900 * 1_000_000
HOUR = 4 * QUARTER_HOUR

Record = dict[str, Any]
Group = tuple[str, ...]


class Number(str):
    """The literal of a JSON number."""

    __slots__ = ()


def who(record: Record) -> tuple[Any, ...]:
    """Give what makes it the same event."""
    return (record["at"] // QUARTER_HOUR, record["source"], record["id"])


def standing(records: list[Record]) -> list[Record]:
    """Keep the first of each event, with its last data, without those taken back."""
    events: dict[tuple[Any, ...], Record] = {}
    for record in records:
        if record["op"] == "event" and who(record) not in events:
            events[who(record)] = dict(record)
    for record in records:
        if record["op"] == "amend" and who(record) in events:
            events[who(record)]["data"] = record["data"]
    for record in records:
        if record["op"] == "void":
            events.pop(who(record), None)
    return list(events.values())


def health(records: list[Record]) -> dict[str, int]:
    """Count what became of what was received."""
    first: dict[tuple[Any, ...], Record] = {}
    counted = dict.fromkeys(["accepted", "duplicates", "conflicts", "voided", "amended"], 0)
    for record in records:
        if record["op"] != "event":
            continue
        counted["accepted"] += 1
        known = first.setdefault(who(record), record)
        if known is not record:
            same = known["type"] == record["type"] and shape(known["data"]) == shape(record["data"])
            counted["duplicates" if same else "conflicts"] += 1
    voided = {who(record) for record in records if record["op"] == "void"} & set(first)
    amended = {who(record) for record in records if record["op"] == "amend"} & set(first)
    return {**counted, "voided": len(voided), "amended": len(amended - voided)}


def shape(value: Any) -> Any:
    """Give a form in which equal JSON values are equal and others are not."""
    if isinstance(value, dict):
        return ("object", sorted((name, shape(child)) for name, child in value.items()))
    if isinstance(value, list):
        return ("list", [shape(child) for child in value])
    return (type(value).__name__, str(value))


def text_at(record: Record, path: str) -> str | None:
    """Find the value at a path as text."""
    value: Any = record["data"]
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    if value is True or value is False:
        return str(value).lower()
    return str(value) if isinstance(value, str) else None


def number_at(record: Record, path: str) -> Fraction | None:
    """Find the value at a path as a number."""
    try:
        return Fraction(text_at(record, path) or "none")
    except ValueError:
        return None


def matching(records: list[Record], meter: dict[str, Any]) -> list[Record]:
    """Keep the standing events that a meter matches."""
    return [
        record
        for record in standing(records)
        if record["type"] == meter["type"]
        and meter["from"] <= record["at"]
        and (meter["until"] is None or record["at"] < meter["until"])
        and all((text_at(record, path) or "") in wanted for path, wanted in meter["filter"].items())
    ]


def groups(records: list[Record], meter: dict[str, Any]) -> dict[Group, list[Record]]:
    """Sort the events that a meter can use by their dimensions."""
    found: dict[Group, list[Record]] = {}
    for record in matching(records, meter):
        if is_usable(record, meter):
            group = tuple(text_at(record, path) or "" for path in meter["dimensions"].values())
            found.setdefault(group, []).append(record)
    return found


def is_usable(record: Record, meter: dict[str, Any]) -> bool:
    if meter["aggregation"] == "count":
        return True
    if meter["aggregation"] == "unique_count":
        return text_at(record, meter["value"]) is not None
    return number_at(record, meter["value"]) is not None


def quantities(records: list[Record], meter: dict[str, Any], *, start: int, end: int) -> dict[Group, Fraction]:
    """Compute the quantity of every group in ``[start, end)``."""
    found = {}
    for group, events in groups(records, meter).items():
        if meter["aggregation"] == "time_weighted":
            found[group] = level_hours(events, meter, start=start, end=end)
        else:
            inside = [record for record in events if start <= record["at"] < end]
            if inside:
                found[group] = quantity(inside, meter)
    return found


def quantity(events: list[Record], meter: dict[str, Any]) -> Fraction:
    """Compute the quantity of some events, at least one, whatever their dimensions."""
    kind = meter["aggregation"]
    if kind == "count":
        return Fraction(len(events))
    if kind == "unique_count":
        return Fraction(len({text_at(record, meter["value"]) for record in events}))
    numbers = [number_at(record, meter["value"]) or Fraction(0) for record in events]
    if kind == "latest":
        order = [(record["at"], record["source"], record["id"]) for record in events]
        return numbers[order.index(max(order))]
    whole = sum(numbers, Fraction(0))
    return {"sum": whole, "max": max(numbers), "min": min(numbers), "average": whole / len(numbers)}[kind]


def level_hours(events: list[Record], meter: dict[str, Any], *, start: int, end: int) -> Fraction:
    """Integrate the levels of one group, event by event."""
    if meter["until"] is not None:
        end = min(end, meter["until"])
    ordered = sorted(events, key=lambda record: (record["at"], record["source"], record["id"]))
    area = Fraction(0)
    for place, record in enumerate(ordered):
        holds_until = ordered[place + 1]["at"] if place + 1 < len(ordered) else end
        held = min(holds_until, end) - max(record["at"], start)
        area += max(held, 0) * (number_at(record, meter["value"]) or Fraction(0))
    return area / HOUR


def shown(exact: Fraction, meter: dict[str, Any]) -> Fraction:
    """Round quotients to twelve places, ties away from zero; everything else is exact."""
    if meter["aggregation"] not in {"average", "time_weighted"}:
        return exact
    whole = int(abs(exact) * 10**12 + Fraction(1, 2))
    return Fraction(whole if exact >= 0 else -whole, 10**12)
