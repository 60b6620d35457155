"""The content of a plan version as JSON: what is stored and shown, what overrides make of it, and how it is read.

Content is canonical: money has the currency's minor digits, prices and quantities are exact without trailing zeros,
what a charge does not say is left out. It is made from JSON that has been checked.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from chalicelib.catalog.plan_rules import Json
from chalicelib.catalog.plans import (
    Charge,
    Plan,
    Price,
    PriceModel,
    PricesBy,
    RecurringCharge,
    Tier,
    Timing,
    UsageCharge,
)
from chalicelib.shared.billing_periods import PeriodUnit
from chalicelib.shared.money import show_money, to_minor
from chalicelib.shared.numbers import JsonNumber, read_decimal, show_decimal
from chalicelib.shared.values import dataclass

Content = dict[str, Any]

DEFAULTS: Mapping[str, int] = {"usage_history_days": 90, "net_days": 30, "grace_hours": 24}
OVERRIDABLE = ("minimum", "discount_percent", "net_days")
_EXACT = ("unit_price", "package_size", "package_price", "included")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanVersion:
    """A version of a plan as it was published: it never changes. Versions count from 1."""

    key: str
    version: int
    content: Content
    created_at: datetime

    @property
    def plan(self) -> Plan:
        """Read what it says, without overrides."""
        return read_plan(self.content, key=self.key, version=self.version, created_at=self.created_at)


def says_the_same(one: PlanVersion, other: PlanVersion) -> bool:
    """Tell whether two contents mean the same plan, however they are written."""
    return one.plan == read_plan(other.content, key=one.key, version=one.version, created_at=one.created_at)


def canonical_content(sent: Json) -> Content:
    """Write a plan that has been checked, as it was sent, in the one form it is stored and shown in."""
    currency = sent["currency"]
    return {
        "name": sent["name"],
        "currency": currency,
        "billing_period": sent["billing_period"],
        "charges": [_charge_content(charge, currency) for charge in sent["charges"]],
        "minimum": None,
        **_money_content(sent, ("minimum",), currency=currency),
        "discount_percent": _exact(sent.get("discount_percent", "0")),
        **{name: _whole(sent.get(name, default)) for name, default in DEFAULTS.items()},
    }


def _charge_content(charge: Json, currency: str) -> Content:
    named = {name: charge[name] for name in ("key", "name", "type")}
    if charge["type"] == "recurring":
        amount = _money_content(charge, ("amount",), currency=currency)
        return {**named, **amount, "timing": charge["timing"], "prorate": charge.get("prorate", True)}
    made = {
        **named,
        "meter": charge["meter"],
        **_price_content(charge),
        **_money_content(charge, ("minimum", "maximum"), currency=currency),
    }
    if charge.get("filter"):
        made["filter"] = {name: sorted(set(values)) for name, values in sorted(charge["filter"].items())}
    if charge.get("prices_by") is not None:
        made["prices_by"] = _prices_by_content(charge["prices_by"])
    return made


def _money_content(sent: Json, names: tuple[str, ...], *, currency: str) -> Content:
    given = {name: sent[name] for name in names if sent.get(name) is not None}
    return {name: show_money(to_minor(read_decimal(amount), currency), currency) for name, amount in given.items()}


def _prices_by_content(by: Json) -> Content:
    made = {
        "dimension": by["dimension"],
        "prices": {value: _price_content(price) for value, price in by["prices"].items()},
    }
    return made if by.get("default") is None else {**made, "default": _price_content(by["default"])}


def _price_content(price: Json) -> Content:
    made: Content = {} if price.get("model") is None else {"model": price["model"]}
    if price.get("tiers") is not None:
        made["tiers"] = [_tier_content(tier) for tier in price["tiers"]]
    return made | {name: _exact(price[name]) for name in _EXACT if price.get(name) is not None}


def _tier_content(tier: Json) -> Content:
    return {
        "up_to": None if tier["up_to"] is None else _exact(tier["up_to"]),
        "unit_price": _exact("0" if tier.get("unit_price") is None else tier["unit_price"]),
        "flat_fee": _exact("0" if tier.get("flat_fee") is None else tier["flat_fee"]),
    }


def _exact(value: object) -> str:
    return show_decimal(read_decimal(value))


def _whole(value: JsonNumber | int) -> int:
    return int(value.text) if isinstance(value, JsonNumber) else value


def read_plan(content: Content, *, key: str, version: int, created_at: datetime) -> Plan:
    """Read canonical content."""
    currency = content["currency"]
    return Plan(
        key=key,
        version=version,
        name=content["name"],
        currency=currency,
        billing_period=PeriodUnit(content["billing_period"]),
        charges=tuple(_read_charge(charge, currency) for charge in content["charges"]),
        minimum_minor=_read_money(content["minimum"], currency),
        discount_percent=Decimal(content["discount_percent"]),
        usage_history_days=content["usage_history_days"],
        net_days=content["net_days"],
        grace_hours=content["grace_hours"],
        created_at=created_at,
    )


def _read_money(text: str | None, currency: str) -> int | None:
    return None if text is None else to_minor(Decimal(text), currency)


def _read_charge(charge: Json, currency: str) -> Charge:
    if charge["type"] == "recurring":
        return RecurringCharge(
            key=charge["key"],
            name=charge["name"],
            amount_minor=to_minor(Decimal(charge["amount"]), currency),
            timing=Timing(charge["timing"]),
            prorate=charge["prorate"],
        )
    by = charge.get("prices_by")
    return UsageCharge(
        key=charge["key"],
        name=charge["name"],
        meter=charge["meter"],
        price=_read_price(charge, None) if by is None else None,
        prices_by=None if by is None else _read_prices_by(by, charge.get("model")),
        filter={name: frozenset(values) for name, values in charge.get("filter", {}).items()},
        minimum_minor=_read_money(charge.get("minimum"), currency),
        maximum_minor=_read_money(charge.get("maximum"), currency),
    )


def _read_prices_by(by: Json, model: str | None) -> PricesBy:
    default = by.get("default")
    return PricesBy(
        dimension=by["dimension"],
        prices={value: _read_price(price, model) for value, price in by["prices"].items()},
        default=None if default is None else _read_price(default, model),
    )


def _read_price(price: Json, inherited: str | None) -> Price:
    exact = {name: Decimal(price[name]) for name in _EXACT if name in price}
    tiers = tuple(_read_tier(tier) for tier in price.get("tiers", ()))
    return Price(model=PriceModel(price.get("model", inherited)), tiers=tiers, **exact)


def _read_tier(tier: Json) -> Tier:
    up_to = None if tier["up_to"] is None else Decimal(tier["up_to"])
    return Tier(up_to, Decimal(tier["unit_price"]), Decimal(tier["flat_fee"]))
