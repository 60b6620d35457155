"""What the fields of a plan say about each other (docs/rules.md, section 3), judged on the JSON value that was sent.

A value whose own form is wrong is passed over here, because the shapes name it. So what is sound is judged even beside
what is not, and both lists together name every fault at once.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from chalicelib.catalog.meters import Meter
from chalicelib.catalog.plans import PriceModel
from chalicelib.shared.errors import Fault, pointer_of
from chalicelib.shared.money import minor_digits, to_minor
from chalicelib.shared.numbers import read_decimal

Json = Mapping[str, Any]
Meters = Mapping[str, Meter]

# What each model needs. ``included`` goes with all of them, and nothing else does.
NEEDED: Mapping[str, tuple[str, ...]] = {
    PriceModel.PER_UNIT: ("unit_price",),
    PriceModel.GRADUATED: ("tiers",),
    PriceModel.VOLUME: ("tiers",),
    PriceModel.PACKAGE: ("package_size", "package_price"),
}
PRICE_FIELDS = ("unit_price", "tiers", "package_size", "package_price")


def rule_faults(sent: Json, meters: Meters) -> Iterator[Fault]:
    """Find what is wrong between the fields of a plan. Archived meters count as known: see ``archived_faults``."""
    currency = _currency(sent.get("currency"))
    if currency is None and isinstance(sent.get("currency"), str):
        yield Fault("/currency", "must be a currency of ISO 4217 such as USD")
    yield from _money_faults("", sent, ("minimum",), currency=currency)
    keys: set[str] = set()
    for place, charge in _charges(sent):
        key = charge.get("key")
        if isinstance(key, str) and key in keys:
            yield Fault(f"{place}/key", "is the key of another charge")
        keys.add(str(key))
        if charge.get("type") == "usage":
            yield from _money_faults(place, charge, ("minimum", "maximum"), currency=currency)
            yield from _bounds_faults(place, charge)
            yield from _meter_faults(place, charge, meters)
            yield from _charge_price_faults(place, charge)
        else:
            yield from _money_faults(place, charge, ("amount",), currency=currency)


def archived_faults(sent: Json, meters: Meters) -> Iterator[Fault]:
    """Find the charges on meters that have ended: they do for a plan that exists, never for a new one."""
    for place, charge in _charges(sent):
        meter = _meter_of(charge, meters)
        if meter is not None and meter.archived_at is not None:
            yield Fault(f"{place}/meter", "is archived")


def _charges(sent: Json) -> Iterator[tuple[str, Json]]:
    charges = sent.get("charges")
    for index, charge in enumerate(charges if isinstance(charges, list) else ()):
        if isinstance(charge, dict):
            yield pointer_of("charges", index), charge


def _currency(value: object) -> str | None:
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{3}", value):
        return None
    return value if minor_digits(value) is not None else None


def _number(value: object) -> Decimal | None:
    try:
        return read_decimal(value)
    except ValueError:
        return None


def _money_faults(place: str, sent: Json, names: tuple[str, ...], *, currency: str | None) -> Iterator[Fault]:
    for name in names:
        amount = _number(sent.get(name))
        if amount is not None and currency is not None:
            try:
                to_minor(amount, currency)
            except ValueError as fault:
                yield Fault(f"{place}/{name}", f"{fault}, as {currency} has")


def _bounds_faults(place: str, charge: Json) -> Iterator[Fault]:
    least, most = _number(charge.get("minimum")), _number(charge.get("maximum"))
    if least is not None and most is not None and most < least:
        yield Fault(f"{place}/maximum", "must be at least the minimum")


def _meter_of(charge: Json, meters: Meters) -> Meter | None:
    key = charge.get("meter")
    return meters.get(key) if charge.get("type") == "usage" and isinstance(key, str) else None


def _meter_faults(place: str, charge: Json, meters: Meters) -> Iterator[Fault]:
    meter = _meter_of(charge, meters)
    if meter is None:
        if isinstance(charge.get("meter"), str):
            yield Fault(f"{place}/meter", "there is no such meter")
        return
    known = {dimension.name for dimension in meter.dimensions}
    for name in _object(charge.get("filter")):
        if name not in known:
            yield Fault(f"{place}{pointer_of('filter', name)}", f"is not a dimension of the meter {meter.key}")
    dimension = _object(charge.get("prices_by")).get("dimension")
    if isinstance(dimension, str) and dimension not in known:
        yield Fault(f"{place}/prices_by/dimension", f"is not a dimension of the meter {meter.key}")


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _charge_price_faults(place: str, charge: Json) -> Iterator[Fault]:
    if charge.get("prices_by") is None:
        yield from _price_faults(place, charge, charge.get("model"), missing="is required")
        return
    for name in (*PRICE_FIELDS, "included"):
        if charge.get(name) is not None:
            yield Fault(f"{place}/{name}", "does not stand beside prices_by: each of its prices has its own")
    by = _object(charge["prices_by"])
    prices = {pointer_of("prices", name): price for name, price in _object(by.get("prices")).items()}
    for inside, price in {**prices, "/default": by.get("default")}.items():
        if isinstance(price, dict):
            model = charge.get("model") if price.get("model") is None else price["model"]
            yield from _price_faults(f"{place}/prices_by{inside}", price, model, missing="is required here or above")


def _price_faults(place: str, price: Json, model: object, *, missing: str) -> Iterator[Fault]:
    """Find the fields that a model misses, and those of another model."""
    yield from _tiers_faults(f"{place}/tiers", price.get("tiers"))
    if model is None:
        yield Fault(f"{place}/model", missing)
    if not isinstance(model, str) or model not in NEEDED:
        return
    for name in PRICE_FIELDS:
        if price.get(name) is None and name in NEEDED[model]:
            yield Fault(f"{place}/{name}", f"is required by the model {model}")
        if price.get(name) is not None and name not in NEEDED[model]:
            yield Fault(f"{place}/{name}", f"does not belong to the model {model}")


def _tiers_faults(place: str, tiers: object) -> Iterator[Fault]:
    """Find bounds that do not rise, and an end that is not open."""
    bound: Decimal | None = None
    listed = tiers if isinstance(tiers, list) else []
    for index, tier in enumerate(listed):
        if not isinstance(tier, dict) or "up_to" not in tier:
            continue
        up_to, is_last = _number(tier["up_to"]), index == len(listed) - 1
        if (tier["up_to"] is None) != is_last:
            reason = "must be null: the last tier has no bound" if is_last else "only the last tier has no bound"
            yield Fault(f"{place}/{index}/up_to", reason)
        elif up_to is not None and bound is not None and up_to <= bound:
            yield Fault(f"{place}/{index}/up_to", "must be more than the bound of the tier before")
        bound = bound if up_to is None else up_to
