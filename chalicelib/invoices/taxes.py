"""Taxes: each one on the same base, which is what is left for money, and each rounded by itself (docs/rules.md 4.2)."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from chalicelib.catalog.organizations import TaxRate
from chalicelib.invoices.invoice import TaxAmount
from chalicelib.shared.money import round_whole


def tax_amounts(taxable_minor: int, rates: Sequence[TaxRate]) -> tuple[TaxAmount, ...]:
    """Compute each tax in the order of the rates; below 0 nothing is taxed, and a tax of 0 is listed too."""
    return tuple(TaxAmount(rate.name, rate.percent, tax_minor(taxable_minor, rate.percent)) for rate in rates)


def tax_minor(base_minor: int, percent: Decimal) -> int:
    """Compute one tax, rounded once, ties away from zero; ``percent`` is 19 for 19 %. Nothing below 0 is taxed."""
    return round_whole(max(0, base_minor) * Fraction(percent) / 100)
