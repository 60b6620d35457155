"""What a line's formula says."""

from decimal import Decimal

import pytest

from chalicelib.catalog.plans import Price
from chalicelib.invoices.formulas import minimum_formula, recurring_formula, usage_formula
from chalicelib.invoices.rating import ChargeTerms
from tests.invoices.build_prices import fee, graduated, package, per_unit, rate, terms, volume

TIERS = graduated(("1000", "0.02"), (None, "0.01"))
FEES = graduated(("1000", "0.02", "10"), (None, "0.01", "2.50"))


def formula(of: ChargeTerms, quantity: str) -> str:
    (line,) = rate(of, quantity).lines
    return usage_formula(of, line)


@pytest.mark.parametrize(
    ("price", "quantity", "text"),
    [
        (TIERS, "1500", "1,000 x 0.02 + 500 x 0.01 = 25.00"),
        (TIERS, "0", "0 = 0.00"),
        (FEES, "1500", "1,000 x 0.02 + 10.00 flat + 500 x 0.01 + 2.50 flat = 37.50"),
        (FEES, "0", "10.00 flat = 10.00"),
        (package("10", "0.8"), "11", "ceil(11 / 10) x 0.80 = 1.60"),
        (per_unit("1200"), "1000.5", "1,000.5 x 1,200.00 = 1,200,600.00"),
        (per_unit("4.4556"), "10.625", "10.625 x 4.4556 = 47.34075, rounded 47.34"),
        (per_unit("0.0000015"), "1000000", "1,000,000 x 0.0000015 = 1.50"),
        (volume(("5", "3"), (None, "2")), "6", "6 x 2.00 = 12.00"),
        (per_unit("2", included="100"), "150", "150 less 100 included leaves 50: 50 x 2.00 = 100.00"),
        (per_unit("2", included="100"), "50", "50 less 100 included leaves 0: 0 x 2.00 = 0.00"),
        (per_unit("2"), "-5", "-5 counts as 0: 0 x 2.00 = 0.00"),
    ],
)
def test_a_formula_tells_units_prices_and_the_result(price: Price, quantity: str, text: str) -> None:
    assert formula(terms(price), quantity) == text


def test_a_formula_tells_what_a_part_prorates() -> None:
    price = graduated(("1000", "0.02", "31"), (None, "0.01", "5"), included="310")
    assert formula(terms(price, factor="10/31"), "1200") == (
        "1,200 less 310 x 10/31 included leaves 1,100: "
        "1,000 x 0.02 + 31.00 x 10/31 flat + 100 x 0.01 + 5.00 flat = 36.00"
    )


def test_a_figure_without_an_end_is_cut_and_marked() -> None:
    assert formula(terms(per_unit("0.5", included="1"), factor="1/3"), "1") == (
        "1 less 1 x 1/3 included leaves 0.666666666666...: 0.666666666666... x 0.50 = 0.333333333333..., rounded 0.33"
    )


def test_a_formula_ends_with_the_maximum_and_the_discount() -> None:
    assert formula(terms(per_unit("1"), maximum="20"), "20") == "20 x 1.00 = 20.00"
    assert formula(terms(per_unit("1"), maximum="20"), "25") == "25 x 1.00 = 25.00; 20.00 within the maximum"
    assert formula(terms(per_unit("1"), maximum="20", discount="12.5"), "25") == (
        "25 x 1.00 = 25.00; 20.00 within the maximum; 17.50 after 12.5 % off"
    )


def test_a_formula_has_the_digits_of_the_currency() -> None:
    assert formula(terms(per_unit("10"), currency="JPY"), "3") == "3 x 10 = 30"
    assert formula(terms(per_unit("0.5"), currency="KWD"), "3") == "3 x 0.500 = 1.500"


def test_a_minimum_tells_what_it_lifts() -> None:
    of = terms(per_unit("1"), minimum="50")
    assert minimum_formula(of, rate(of, "30")) == "minimum 50.00 less 30.00 = 20.00"
    assert minimum_formula(of, rate(of, "50")) == ""
    part = terms(per_unit("1"), minimum="50", factor="10/31")
    assert minimum_formula(part, rate(part, "10")) == "minimum 50.00 x 10/31 less 10.00 = 6.13"


def test_a_fee_tells_its_days_and_the_discount() -> None:
    assert recurring_formula(fee("31"), "USD", Decimal(0), days=31, full_days=31) == "31.00"
    assert recurring_formula(fee("31"), "USD", Decimal(10), days=14, full_days=31) == (
        "31.00 x 14/31 = 14.00; 12.60 after 10 % off"
    )
    assert recurring_formula(fee("10", prorate=False), "USD", Decimal(0), days=1, full_days=31) == "10.00"
    assert recurring_formula(fee("10"), "USD", Decimal(0), days=1, full_days=3) == (
        "10.00 x 1/3 = 3.333333333333..., rounded 3.33"
    )
