"""Currencies: which there are, and how many minor digits they have (ISO 4217)."""

from functools import cache


@cache
def minor_digits(currency: str) -> int | None:
    """Tell how many minor digits a currency has; ``None`` when there is no such currency in use."""
    from iso4217 import Currency

    try:
        return Currency(currency).exponent
    except ValueError:
        return None
