"""Prices, charges and their terms from figures as a plan has them: strings, in major units."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from chalicelib.catalog.plans import Price, PriceModel, PricesBy, RecurringCharge, Tier, Timing, UsageCharge
from chalicelib.invoices.pricing import Priced, price_quantity
from chalicelib.invoices.proration import prorate_included
from chalicelib.invoices.rating import ChargeTerms, RatedCharge, rate_charge
from chalicelib.shared.money import show_money, to_minor

# Up to which bound, the price of a unit, and a flat fee where there is one.
TierText = tuple[str | None, str] | tuple[str | None, str, str]


def per_unit(unit_price: str, *, included: str = "0") -> Price:
    return Price(model=PriceModel.PER_UNIT, unit_price=Decimal(unit_price), included=Decimal(included))


def package(size: str, price: str, *, included: str = "0") -> Price:
    return Price(
        model=PriceModel.PACKAGE,
        package_size=Decimal(size),
        package_price=Decimal(price),
        included=Decimal(included),
    )


def graduated(*tiers: TierText, included: str = "0") -> Price:
    return Price(model=PriceModel.GRADUATED, tiers=_tiers(tiers), included=Decimal(included))


def volume(*tiers: TierText, included: str = "0") -> Price:
    return Price(model=PriceModel.VOLUME, tiers=_tiers(tiers), included=Decimal(included))


def _tiers(tiers: tuple[TierText, ...]) -> tuple[Tier, ...]:
    return tuple(
        Tier(None if up_to is None else Decimal(up_to), Decimal(price), Decimal(flat[0]) if flat else Decimal(0))
        for up_to, price, *flat in tiers
    )


def terms(
    price: Price | PricesBy,
    *,
    minimum: str | None = None,
    maximum: str | None = None,
    currency: str = "USD",
    discount: str = "0",
    factor: str = "1",
) -> ChargeTerms:
    """Give the terms of a charge on tokens; ``factor`` is written as ``10/31``."""
    charge = UsageCharge(
        key="tokens",
        name="Tokens",
        meter="tokens",
        price=price if isinstance(price, Price) else None,
        prices_by=price if isinstance(price, PricesBy) else None,
        minimum_minor=None if minimum is None else to_minor(Decimal(minimum), currency),
        maximum_minor=None if maximum is None else to_minor(Decimal(maximum), currency),
    )
    return ChargeTerms(charge=charge, currency=currency, discount_percent=Decimal(discount), factor=Fraction(factor))


def fee(
    amount: str, *, timing: Timing = Timing.ARREARS, prorate: bool = True, currency: str = "USD"
) -> RecurringCharge:
    minor = to_minor(Decimal(amount), currency)
    return RecurringCharge(key="base", name="Base fee", amount_minor=minor, timing=timing, prorate=prorate)


def by_model(default: Price | None = None, **prices: Price) -> PricesBy:
    return PricesBy("model", prices, default)


def used(quantities: str | Mapping[str, str]) -> dict[str | None, Decimal]:
    """Give quantities by group, or of all with one price."""
    if isinstance(quantities, str):
        return {None: Decimal(quantities)}
    return {group: Decimal(quantity) for group, quantity in quantities.items()}


def exact(price: Price, quantity: str, *, share: str = "1") -> Fraction:
    return priced(price, quantity, share=share).amount


def priced(price: Price, quantity: str, *, share: str = "1") -> Priced:
    """Price a quantity in a part that covers a share of the full period."""
    included = prorate_included(price, Fraction(share))
    return price_quantity(price, Fraction(quantity), included=included, first_flat=Fraction(share))


def rate(of: ChargeTerms, quantities: str | Mapping[str, str]) -> RatedCharge:
    return rate_charge(of, used(quantities))


def gross(of: ChargeTerms, quantities: str | Mapping[str, str]) -> list[str]:
    return [show_money(line.gross_minor, of.currency) for line in rate(of, quantities).lines]


def payable(of: ChargeTerms, quantities: str | Mapping[str, str]) -> list[str]:
    return [show_money(line.payable_minor, of.currency) for line in rate(of, quantities).lines]


def net(of: ChargeTerms, quantities: str | Mapping[str, str]) -> list[str]:
    return [show_money(line.net_minor, of.currency) for line in rate(of, quantities).lines]
