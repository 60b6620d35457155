"""Plans as stories write them: one row for the plan, one below it for each charge or fee.

    plan     pro month discount 10 minimum 50.00
    charge   tokens graduated 1000:0.02 *:0.01
    charge   calls on tokens package 100:5.00 included 50 maximum 20.00 where model=a|b
    charge   chat on tokens by model a=0.02 other=0.01
    fee      seats 31.00 advance

``*`` is the tier without a bound, ``100:0.01+5.00`` one with a flat fee, ``whole`` behind a fee takes no share of it.
"""

from collections.abc import Callable
from typing import Any

from tests.stories.notation import Row, is_number

_PLAN_WORDS = {
    "discount": ("discount_percent", str),
    "minimum": ("minimum", str),
    "grace": ("grace_hours", int),
    "net": ("net_days", int),
}


def read_plan(words: tuple[str, ...], rows: list[Row], currency: str) -> dict[str, Any]:
    """Give the body of a plan; what is under it must be charges and fees."""
    key, unit, *options = words
    body: dict[str, Any] = {"key": key, "name": key.title(), "currency": currency, "billing_period": unit}
    for word, value in zip(options[::2], options[1::2], strict=True):
        name, read = _PLAN_WORDS[word]
        body[name] = read(value)
    return {**body, "charges": [_CHARGES[row.verb](list(row.words)) for row in rows]}


def _read_fee(words: list[str]) -> dict[str, Any]:
    key, amount, timing, *rest = words
    fee = {"key": key, "name": key.title(), "type": "recurring", "amount": amount, "timing": timing}
    return {**fee, "prorate": False} if rest == ["whole"] else fee


def _read_usage_charge(words: list[str]) -> dict[str, Any]:
    key, *rest = words
    charge: dict[str, Any] = {"key": key, "name": key.title(), "type": "usage", "meter": key}
    while rest:
        word = rest.pop(0)
        if is_number(word):
            charge |= {"model": "per_unit", "unit_price": word}
        else:
            _WORDS[word](charge, word, rest)
    return charge


def _read_tiers(charge: dict[str, Any], word: str, rest: list[str]) -> None:
    charge |= {"model": word, "tiers": []}
    while rest and ":" in rest[0]:
        bound, _, price = rest.pop(0).partition(":")
        unit_price, _, flat_fee = price.partition("+")
        tier = {"up_to": None if bound == "*" else bound, "unit_price": unit_price}
        charge["tiers"].append({**tier, "flat_fee": flat_fee} if flat_fee else tier)


def _read_package(charge: dict[str, Any], word: str, rest: list[str]) -> None:
    size, _, price = rest.pop(0).partition(":")
    charge |= {"model": word, "package_size": size, "package_price": price}


def _read_value(charge: dict[str, Any], word: str, rest: list[str]) -> None:
    charge["meter" if word == "on" else word] = rest.pop(0)


def _read_filter(charge: dict[str, Any], _: str, rest: list[str]) -> None:
    dimension, _, values = rest.pop(0).partition("=")
    charge["filter"] = {dimension: values.split("|")}


def _read_prices_by(charge: dict[str, Any], _: str, rest: list[str]) -> None:
    prices: dict[str, Any] = {}
    by: dict[str, Any] = {"dimension": rest.pop(0), "prices": prices}
    while rest and "=" in rest[0]:
        value, _, price = rest.pop(0).partition("=")
        priced = {"model": "per_unit", "unit_price": price}
        if value == "other":
            by["default"] = priced
        else:
            prices[value] = priced
    charge["prices_by"] = by


_CHARGES: dict[str, Callable[[list[str]], dict[str, Any]]] = {"charge": _read_usage_charge, "fee": _read_fee}
_WORDS: dict[str, Callable[[dict[str, Any], str, list[str]], None]] = {
    "graduated": _read_tiers,
    "volume": _read_tiers,
    "package": _read_package,
    "on": _read_value,
    "included": _read_value,
    "minimum": _read_value,
    "maximum": _read_value,
    "where": _read_filter,
    "by": _read_prices_by,
}
