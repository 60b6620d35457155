"""Models at their bounds: tiers, packages, included units, flat fees (docs/rules.md 3.1 and 3.7)."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.catalog.plans import Price
from chalicelib.invoices.proration import covered_share, fee_share, prorate_minor
from tests.invoices.build_prices import exact, fee, graduated, package, per_unit, priced, volume

TIERS = graduated(("5", "1"), ("10", "2"), (None, "3"))
FLAT = graduated(("5", "0", "100"), ("10", "0", "50"), (None, "0", "7"))
TOTALS = volume(("5", "3", "1"), ("10", "2", "100"), (None, "1"))


@pytest.mark.parametrize(
    ("price", "quantity", "amount"),
    [
        # Each unit at its tier's price; the bound and a hair beyond it.
        (TIERS, "5", "5"),
        (TIERS, "5.000000000001", "5.000000000002"),
        (TIERS, "10", "15"),
        (TIERS, "10.5", "16.5"),
        # A flat fee is due as soon as anything falls into its tier, and once.
        (FLAT, "5", "100"),
        (FLAT, "5.000000000001", "150"),
        (FLAT, "10", "150"),
        (FLAT, "10.000000000001", "157"),
        (FLAT, "1000", "157"),
        # All units at the price of the tier that the total falls in.
        (TOTALS, "5", "16"),
        (TOTALS, "5.000000000001", "110.000000000002"),
        (TOTALS, "10", "120"),
        (TOTALS, "10.000000000001", "10.000000000001"),
        (package("10", "15"), "0.000000000001", "15"),
        (package("10", "15"), "10", "15"),
        (package("10", "15"), "10.000000000001", "30"),
        (package("0.3", "1"), "0.9", "3"),
        (package("0.3", "1"), "0.900000000001", "4"),
    ],
)
def test_a_bound_belongs_to_the_lower_tier_or_package(price: Price, quantity: str, amount: str) -> None:
    assert exact(price, quantity) == Fraction(amount)


@pytest.mark.parametrize("quantity", ["0", "-0.000000000001", "-1000"])
@pytest.mark.parametrize(
    ("price", "amount"), [(per_unit("2"), 0), (TIERS, 0), (FLAT, 100), (TOTALS, 1), (package("10", "15"), 0)]
)
def test_nothing_and_less_than_nothing_cost_the_first_flat_fee(price: Price, quantity: str, amount: int) -> None:
    assert exact(price, quantity) == amount


@pytest.mark.parametrize(
    ("price", "quantity", "amount"),
    [
        (per_unit("2", included="100"), "100", "0"),
        (per_unit("2", included="100"), "100.5", "1"),
        (package("10", "15", included="100"), "100", "0"),
        (package("10", "15", included="100"), "101", "15"),
        (package("10", "15", included="100"), "110", "15"),
        (package("10", "15", included="100"), "110.1", "30"),
        # Tiers count what is left.
        (graduated(("5", "1"), (None, "2"), included="100"), "105", "5"),
        (graduated(("5", "1"), (None, "2"), included="100"), "106", "7"),
        (volume(("5", "3"), (None, "2"), included="100"), "105", "15"),
        (volume(("5", "3"), (None, "2"), included="100"), "106", "12"),
        (graduated(("5", "1", "9"), (None, "2"), included="100"), "40", "9"),
    ],
)
def test_included_units_come_off_first(price: Price, quantity: str, amount: str) -> None:
    assert exact(price, quantity) == Fraction(amount)


def test_a_part_prorates_included_units_and_the_first_flat_fee_only() -> None:
    price = graduated(("10", "1", "31"), ("20", "2", "62"), (None, "3"), included="31")
    # 10 of 31 days: 10 units are free and the first fee is 10; bounds, prices and the second fee stay.
    assert exact(price, "10", share="10/31") == 10
    assert exact(price, "20", share="10/31") == 10 + 10
    assert exact(price, "21", share="10/31") == 10 + 10 + 62 + 2
    assert exact(price, "52") == 31 + 10 + 62 + 20 + 3


def test_a_part_prorates_the_flat_fee_of_volume_in_the_first_tier_only() -> None:
    price = volume(("10", "1", "31"), (None, "2", "62"))
    assert exact(price, "0", share="10/31") == 10
    assert exact(price, "10", share="10/31") == 20
    assert exact(price, "11", share="10/31") == 22 + 62


def test_the_last_tier_goes_on_without_an_open_end() -> None:
    assert exact(graduated(("5", "1"), ("10", "2", "7")), "100") == 5 + 95 * 2 + 7
    assert exact(volume(("5", "1"), ("10", "2", "7")), "100") == 207


def test_tiers_list_what_was_due_in_each() -> None:
    assert listed(graduated(("5", "1", "4"), ("10", "2"), (None, "3")), "7.5") == [
        "0 to 5: 5 x 1 + 4 = 9",
        "5 to 10: 5/2 x 2 + 0 = 5",
    ]
    assert listed(volume(("5", "1"), (None, "3", "8")), "7") == ["5 to None: 7 x 3 + 8 = 29"]


def test_tiers_list_a_fee_without_units_and_nothing_where_nothing_is_due() -> None:
    assert listed(FLAT, "0") == ["0 to 5: 0 x 0 + 100 = 100"]
    assert listed(TIERS, "0") == listed(volume((None, "1")), "0") == []
    assert listed(per_unit("1"), "3") == listed(package("10", "1"), "3") == []


def listed(price: Price, quantity: str) -> list[str]:
    """Write the tiers down."""
    return [
        f"{tier.first} to {tier.last}: {tier.quantity} x {tier.unit_price} + {tier.flat_fee} = {tier.amount}"
        for tier in priced(price, quantity).tiers
    ]


@given(
    price=st.sampled_from([TIERS, FLAT, TOTALS]),
    quantity=st.decimals(min_value=0, max_value=10**18, places=12),
    included=st.decimals(min_value=0, max_value=100, places=12),
)
def test_tiers_hold_all_units_and_the_whole_amount(price: Price, quantity: Decimal, included: Decimal) -> None:
    of = type(price)(model=price.model, tiers=price.tiers, included=included)
    found = priced(of, str(quantity))
    assert sum(tier.quantity for tier in found.tiers) == max(0, Fraction(quantity) - Fraction(included))
    assert sum(tier.amount for tier in found.tiers) == found.amount


@given(
    quantity=st.decimals(min_value=0, max_value=10**18, places=12),
    more=st.decimals(min_value=0, max_value=100, places=12),
)
def test_more_units_never_cost_less_but_in_volume(quantity: Decimal, more: Decimal) -> None:
    for price in (TIERS, FLAT, per_unit("0.000000000001"), package("7", "0.01")):
        assert exact(price, str(quantity)) <= exact(price, str(Fraction(quantity) + Fraction(more)))


def test_a_share_is_exact() -> None:
    assert covered_share(days=10, full_days=31) == Fraction(10, 31)
    assert covered_share(days=0, full_days=31) == 0
    assert covered_share(days=31, full_days=31) == 1
    with pytest.raises(AssertionError):
        covered_share(days=32, full_days=31)


def test_a_fee_that_does_not_prorate_is_due_whole() -> None:
    assert fee_share(fee("31.00", prorate=False), days=1, full_days=31) == 1
    assert fee_share(fee("31.00"), days=1, full_days=31) == Fraction(1, 31)


def test_a_prorated_amount_is_rounded_once_away_from_zero() -> None:
    assert prorate_minor(5, Fraction(1, 2)) == 3
    assert prorate_minor(-5, Fraction(1, 2)) == -3
    assert prorate_minor(4, Fraction(1, 3)) == 1
    assert prorate_minor(100_00, Fraction(10, 31)) == 32_26
