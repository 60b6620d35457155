"""Taxes and what closes an invoice at 0 (docs/rules.md 4.2).

``lago-inv-02`` is a published case of Lago's. The others of its kind are left out: lago-coupon-02, 03, 06 and 07 (there
are no coupons; a plan has one discount), lago-cn-02 and 04 (a credit note keeps no balance that later invoices use up:
it makes a grant), om-alloc-01, 02 and 08 (no amount of an invoice is spread over its lines), om-money-02, 09 and 11
(rounding alone, which the halves below show for taxes) and om-money-05 (no currency has places of its own here).
"""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.catalog.organizations import TaxRate
from chalicelib.invoices.invoice import Line, LineKind
from chalicelib.invoices.taxes import tax_amounts
from chalicelib.invoices.totals import carried_minor, close_below_zero, complete, money_minor
from tests.invoices.issued import JANUARY, content, line


def amounts(taxable_minor: int, *percents: str) -> list[int]:
    rates = [TaxRate(percent, Decimal(percent)) for percent in percents]
    return [tax.amount_minor for tax in tax_amounts(taxable_minor, rates)]


def test_lago_inv_02() -> None:
    # Fees of 1000 and 2000 carry 10 %, the second one 12 % too. Here all taxes have one base, so these are two bases.
    assert amounts(1000 + 2000, "10") == [300]
    assert amounts(2000, "12") == [240]


def test_every_tax_is_computed_on_the_same_base_and_listed_in_order() -> None:
    taxes = tax_amounts(
        10_000, [TaxRate("VAT", Decimal(20)), TaxRate("City", Decimal("0.5")), TaxRate("No", Decimal(0))]
    )
    assert [(tax.name, tax.percent, tax.amount_minor) for tax in taxes] == [
        ("VAT", Decimal(20), 2000),
        ("City", Decimal("0.5"), 50),
        ("No", Decimal(0), 0),
    ]


@pytest.mark.parametrize(("taxable_minor", "tax"), [(49, 0), (50, 1), (149, 1), (150, 2)])
def test_a_half_is_rounded_up(taxable_minor: int, tax: int) -> None:
    assert amounts(taxable_minor, "1") == [tax]


def test_each_tax_is_rounded_by_itself() -> None:
    assert amounts(50, "1", "1") == [1, 1]


@pytest.mark.parametrize(("taxable_minor", "tax"), [(-1000, 0), (-1, 0), (0, 0), (1000, 190)])
def test_nothing_below_zero_is_taxed(taxable_minor: int, tax: int) -> None:
    assert amounts(taxable_minor, "19") == [tax]


def test_what_is_below_zero_is_carried_to_credit() -> None:
    closed = close_below_zero([line("seats", -3000), line("tokens", 1000, paid_by=[("g1", 400)])], JANUARY)
    # -30.00 + 10.00 - 4.00
    added = closed[-1]
    assert (added.id, added.kind, added.name) == ("carried", LineKind.CARRIED_TO_CREDIT, "Carried to credit")
    assert (added.amount_minor, added.net_minor, added.quantity, added.charge) == (2400, 2400, None, None)
    assert added.service_period == JANUARY
    assert carried_minor(closed) == 2400
    assert money_minor(closed) == 0


def test_one_minor_unit_below_zero_is_carried_and_zero_is_not() -> None:
    below = [line("seats", -1001), line("tokens", 1000)]
    zero = [line("seats", -1000), line("tokens", 1000)]
    assert [one.amount_minor for one in close_below_zero(below, JANUARY)] == [-1001, 1000, 1]
    assert close_below_zero(zero, JANUARY) == tuple(zero)
    assert carried_minor(zero) == 0


def test_a_discount_line_lowers_what_is_left() -> None:
    lines = [line("tokens", 900), line("discount", -100, kind=LineKind.DISCOUNT), line("seats", -850)]
    assert carried_minor(close_below_zero(lines, JANUARY)) == 50


def test_carrying_comes_before_tax() -> None:
    lines, taxes = complete([line("seats", -3000), line("tokens", 1000)], [TaxRate("VAT", Decimal(19))], JANUARY)
    assert carried_minor(lines) == 2000
    assert [tax.amount_minor for tax in taxes] == [0]


def test_credits_come_before_tax() -> None:
    # 20 lines of 10.05 at 10 % off: each net is 9.05, the discount 20.00; credits pay all of 181.00.
    lines = [line(f"{place}", 905, paid_by=[("g1", 905)]) for place in range(20)]
    gross = [replace(one, amount_minor=1005) for one in lines]
    made = content([*gross, discount_line(-2000)], [("VAT", "19")])
    assert (made.subtotal_minor, made.discount_minor, made.credits_minor) == (20_100, 2000, 18_100)
    assert (made.tax_minor, made.total_minor) == (0, 0)


def discount_line(amount_minor: int) -> Line:
    return line("discount", amount_minor, kind=LineKind.DISCOUNT)


def test_negative_late_usage_that_grants_get_back_leaves_the_total_at_zero() -> None:
    # Usage 50.00 paid by credits; 30.00 of last month's, paid by a grant, return to it.
    usage = line("tokens", 5000, paid_by=[("g1", 5000)])
    late = line("late", -3000, paid_by=[("g2", -3000)], kind=LineKind.LATE_USAGE)
    made = content([usage, late], [("VAT", "19")])
    assert (made.subtotal_minor, made.credits_minor, made.total_minor) == (2000, 2000, 0)
    assert carried_minor(made.lines) == 0


nets = st.lists(st.integers(-10_000, 10_000), max_size=6)


@given(nets, st.lists(st.decimals(0, 100, places=3), max_size=3))
def test_no_total_is_below_zero_and_closing_again_changes_nothing(
    net_minors: list[int], percents: list[Decimal]
) -> None:
    lines = [line(str(place), net_minor) for place, net_minor in enumerate(net_minors)]
    made = content(lines, [("T", str(percent)) for percent in percents])
    assert made.total_minor == max(0, sum(net_minors)) + made.tax_minor
    assert carried_minor(made.lines) == max(0, -sum(net_minors))
    assert close_below_zero(made.lines, JANUARY) == made.lines
