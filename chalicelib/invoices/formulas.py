"""How a line came about, as one text for people: ``1,000 x 0.02 + 500 x 0.01 = 25.00``.

Prices and amounts have at least the minor digits of the currency and as many as they need, quantities only what they
need. A figure with more than twelve places (a third of a unit) is cut there and marked with ``...``.
"""

from decimal import Decimal
from fractions import Fraction

from chalicelib.catalog.plans import Price, PriceModel, RecurringCharge
from chalicelib.invoices.invoice import TierAmount
from chalicelib.invoices.pricing import billable_units
from chalicelib.invoices.proration import WHOLE, fee_share, prorate_included, prorate_minor
from chalicelib.invoices.rating import ChargeTerms, RatedCharge, RatedLine, rate_recurring
from chalicelib.shared.money import digits_of, round_minor
from chalicelib.shared.numbers import QUOTIENT_PLACES, round_fraction, show_decimal


def usage_formula(terms: ChargeTerms, line: RatedLine) -> str:
    """Explain a line of a usage charge: units less the included ones, prices, rounding, maximum, discount."""
    text = _units_left(terms, line) + _priced_units(terms, line) + _result(line.exact, terms.currency)
    if line.payable_minor != line.gross_minor:
        text += f"; {_minor(line.payable_minor, terms.currency)} within the maximum"
    return text + _after_discount(line.net_minor, line.payable_minor, terms.currency, percent=terms.discount_percent)


def minimum_formula(terms: ChargeTerms, rated: RatedCharge) -> str:
    """Explain what lifts a charge to its minimum; empty when nothing does."""
    if rated.minimum_minor == 0 or terms.charge.minimum_minor is None:
        return ""
    payable_minor = prorate_minor(terms.charge.minimum_minor, terms.factor) - rated.minimum_minor
    whole = _minor(terms.charge.minimum_minor, terms.currency)
    lift = _minor(rated.minimum_minor, terms.currency)
    return f"minimum {whole}{_times(terms.factor)} less {_minor(payable_minor, terms.currency)} = {lift}"


def recurring_formula(
    charge: RecurringCharge, currency: str, discount_percent: Decimal, *, days: int, full_days: int
) -> str:
    """Explain the fee of a service period of which some local days are covered."""
    fee = rate_recurring(charge, discount_percent, days=days, full_days=full_days)
    share = fee_share(charge, days=days, full_days=full_days)
    text = _minor(charge.amount_minor, currency)
    if share != WHOLE:
        text += f" x {days}/{full_days}" + _result(_major(charge.amount_minor, currency) * share, currency)
    return text + _after_discount(fee.net_minor, fee.amount_minor, currency, percent=discount_percent)


def _units_left(terms: ChargeTerms, line: RatedLine) -> str:
    """Say how many units there are to price, where that is not the quantity itself."""
    included = prorate_included(line.price, terms.factor)
    units = _figure(billable_units(Fraction(line.quantity), included=included))
    if included:
        off = _figure(Fraction(line.price.included)) + _times(terms.factor)
        return f"{_figure(Fraction(line.quantity))} less {off} included leaves {units}: "
    return f"{_figure(Fraction(line.quantity))} counts as 0: " if line.quantity < 0 else ""


def _priced_units(terms: ChargeTerms, line: RatedLine) -> str:
    price, currency = line.price, terms.currency
    units = _figure(billable_units(Fraction(line.quantity), included=prorate_included(price, terms.factor)))
    if price.model is PriceModel.PER_UNIT:
        return f"{units} x {_price(price.unit_price, currency)}"
    if price.model is PriceModel.PACKAGE:
        size = _figure(Fraction(price.package_size))
        return f"ceil({units} / {size}) x {_price(price.package_price, currency)}"
    return " + ".join(_tier(terms, price, tier) for tier in line.tiers) or "0"


def _tier(terms: ChargeTerms, price: Price, tier: TierAmount) -> str:
    priced = [f"{_figure(tier.quantity)} x {_price(tier.unit_price, terms.currency)}"] if tier.quantity else []
    if tier.flat_fee:
        # Only the first tier's flat fee is prorated.
        whole = price.tiers[0].flat_fee if tier.first == 0 else None
        flat = _figure(tier.flat_fee, terms.currency) if whole is None else _price(whole, terms.currency)
        priced.append(flat + ("" if whole is None else _times(terms.factor)) + " flat")
    return " + ".join(priced)


def _result(exact: Fraction, currency: str) -> str:
    """Show an exact amount, and the rounded one beside it where they differ."""
    rounded_minor = round_minor(exact, currency)
    if _major(rounded_minor, currency) == exact:
        return f" = {_minor(rounded_minor, currency)}"
    return f" = {_figure(exact, currency)}, rounded {_minor(rounded_minor, currency)}"


def _after_discount(net_minor: int, payable_minor: int, currency: str, *, percent: Decimal) -> str:
    if net_minor == payable_minor:
        return ""
    return f"; {_minor(net_minor, currency)} after {show_decimal(percent)} % off"


def _times(share: Fraction) -> str:
    return "" if share == WHOLE else f" x {share}"


def _major(minor: int, currency: str) -> Fraction:
    return Fraction(minor, 10 ** digits_of(currency))


def _minor(minor: int, currency: str) -> str:
    return _figure(_major(minor, currency), currency)


def _price(price: Decimal, currency: str) -> str:
    return _figure(Fraction(price), currency)


def _figure(exact: Fraction, currency: str | None = None) -> str:
    """Show a figure with commas; with a currency it has at least that one's minor digits."""
    cut = Fraction(abs(exact) * 10**QUOTIENT_PLACES // 1, 10**QUOTIENT_PLACES)
    whole, _, places = show_decimal(round_fraction(cut)).partition(".")
    places = places.ljust(digits_of(currency) if currency is not None else 0, "0")
    text = f"{int(whole):,}" + (f".{places}" if places else "")
    return ("-" if exact < 0 else "") + text + ("" if cut == abs(exact) else "...")
