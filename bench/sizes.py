"""What an item weighs, by DynamoDB's rule: names and values."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

Item = Mapping[str, Mapping[str, Any]]


def item_bytes(item: Item) -> int:
    """Count the bytes of an item: names and values, as they were measured on AWS."""
    return sum(len(name.encode()) + _value_bytes(*next(iter(value.items()))) for name, value in item.items())


def _value_bytes(kind: str, value: Any) -> int:
    if kind == "S":
        return len(value.encode())
    if kind == "B":
        return len(value)
    if kind == "N":
        return _number_bytes(Decimal(value))
    assert kind in ("BOOL", "NULL"), f"no item of the app has a {kind}"
    return 1


def _number_bytes(value: Decimal) -> int:
    """One byte, one for every two significant digits before the point and after it, one for the sign."""
    whole, _, part = format(abs(value), "f").partition(".")
    before, after = whole.lstrip("0"), part.rstrip("0")
    if not after:
        before = before.rstrip("0")
    return 1 + (len(before) + 1) // 2 + (len(after.lstrip("0") if not before else after) + 1) // 2 + (value < 0)
