"""Money: whole minor units of a currency, and how many minor digits a currency has (ISO 4217)."""

from decimal import Decimal
from fractions import Fraction
from functools import cache

from chalicelib.shared.numbers import EXACT


@cache
def minor_digits(currency: str) -> int | None:
    """Tell how many minor digits a currency has; ``None`` when there is no such currency in use."""
    from iso4217 import Currency

    try:
        return Currency(currency).exponent
    except ValueError:
        return None


def digits_of(currency: str) -> int:
    """Tell how many minor digits a currency has that is known to exist."""
    digits = minor_digits(currency)
    assert digits is not None, f"{currency} is not a currency"
    return digits


def to_minor(amount: Decimal, currency: str) -> int:
    """Turn an amount into minor units; raises ``ValueError`` when it is finer than the currency."""
    digits = digits_of(currency)
    scaled = amount.scaleb(digits, context=EXACT)
    if scaled != scaled.to_integral_value(context=EXACT):
        raise ValueError(f"must have at most {digits} digits after the point" if digits else "must be a whole number")
    return int(scaled)


def show_money(minor: int, currency: str) -> str:
    """Show an amount with the currency's minor digits: 1200 is ``12.00`` in USD, ``1200`` in JPY."""
    digits = digits_of(currency)
    sign, text = "-" if minor < 0 else "", str(abs(minor)).rjust(digits + 1, "0")
    return sign + (f"{text[:-digits]}.{text[-digits:]}" if digits else text)


def round_minor(exact: Fraction, currency: str) -> int:
    """Round an exact amount in major units once to minor units, ties away from zero."""
    return round_whole(exact * 10 ** digits_of(currency))


def round_whole(exact: Fraction) -> int:
    """Round an exact fraction to a whole number, ties away from zero."""
    whole = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return -whole if exact < 0 else whole
