"""Spreading an amount by shares: largest remainder, ties by name (docs/rules.md 3.9)."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.invoices.rating import split_by_share


def split(amount_minor: int, **shares: str) -> dict[str, int]:
    return split_by_share(amount_minor, [(name, Decimal(share)) for name, share in shares.items()])


def test_an_amount_is_spread_in_proportion_om_alloc_01() -> None:
    assert split(6_00, A="10", B="5") == {"A": 4_00, "B": 2_00}


def test_equal_remainders_go_by_name_om_alloc_02() -> None:
    assert split(5, A="1", B="1", C="1") == {"A": 2, "B": 2, "C": 1}
    assert split(5, C="1", B="1", A="1") == {"C": 1, "B": 2, "A": 2}


def test_the_largest_remainder_gets_the_rest_om_alloc_08() -> None:
    assert split(1_00, A="0.001", B="0.002") == {"A": 33, "B": 67}


def test_a_negative_amount_is_spread_as_its_positive_one() -> None:
    assert split(-5, A="1", B="1", C="1") == {"A": -2, "B": -2, "C": -1}


def test_a_negative_share_gets_nothing() -> None:
    assert split(10, A="-5", B="1") == {"A": 0, "B": 10}


@pytest.mark.parametrize("amount_minor", [7, -7])
def test_without_shares_above_zero_the_first_by_name_gets_everything(amount_minor: int) -> None:
    assert split(amount_minor, b="0", a="-1") == {"b": 0, "a": amount_minor}


def test_without_names_nobody_gets_anything() -> None:
    assert split(7) == {}


def test_a_name_has_one_share() -> None:
    with pytest.raises(AssertionError):
        split_by_share(1, [("a", Decimal(1)), ("a", Decimal(2))])


@given(
    amount_minor=st.integers(min_value=-(10**20), max_value=10**20),
    shares=st.dictionaries(
        st.text(max_size=2), st.decimals(min_value=0, max_value=10**18, places=12), min_size=1, max_size=12
    ),
)
def test_parts_add_up_and_are_less_than_one_unit_off(amount_minor: int, shares: dict[str, Decimal]) -> None:
    parts = split_by_share(amount_minor, list(shares.items()))
    assert sum(parts.values()) == amount_minor
    whole = sum((Fraction(share) for share in shares.values()), Fraction(0))
    if whole:
        assert all(abs(parts[name] - amount_minor * Fraction(share) / whole) < 1 for name, share in shares.items())
