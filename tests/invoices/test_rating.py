"""Lines of a charge: order, rounding, maximum, minimum, discount, slices (docs/rules.md 3.1 to 3.4, 5.3 and 6)."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from chalicelib.catalog.plans import PricesBy
from chalicelib.invoices.rating import ChargeTerms, discounted, rate_recurring, slice_charge, slice_rated
from tests.invoices.build_prices import (
    by_model,
    fee,
    graduated,
    gross,
    net,
    package,
    payable,
    per_unit,
    rate,
    terms,
    used,
    volume,
)

TOKENS = terms(graduated(("1000", "0.02"), (None, "0.01")))
VOLUME = terms(volume(("1000", "0.02"), (None, "0.01")))
Quantity = str | dict[str, str]


def slices(of: ChargeTerms, *cuts: Quantity) -> list[dict[str | None, int]]:
    """Give the net of each slice by group, from the beginning on."""
    found, start = [], None
    for cut in cuts:
        lines = slice_charge(of, at_start=start, at_end=used(cut))
        found.append({line.group: line.net_minor for line in lines})
        start = used(cut)
    return found


def of_all(sliced: Sequence[dict[str | None, int]]) -> list[int]:
    return [one[None] for one in sliced]


# Worked examples.


def test_graduated_slices_cost_16_and_6_and_6() -> None:
    """800 on 5 January; 400 on the 12th: 200 x 0.02 + 200 x 0.01; 600 on the 20th."""
    assert of_all(slices(TOKENS, "800", "1200", "1800")) == [16_00, 6_00, 6_00]
    assert gross(TOKENS, "1800") == ["28.00"]


def test_each_line_is_rounded_after_its_discount() -> None:
    """20 lines of 10.05 at 10 %: 9.045 is 9.05 each; the discount is 20.00, not 20.10."""
    models = {f"m{number:02}": per_unit("0.01") for number in range(20)}
    of = terms(by_model(**models), discount="10")
    rated = rate(of, dict.fromkeys(models, "1005"))
    assert {(line.gross_minor, line.payable_minor, line.net_minor) for line in rated.lines} == {(10_05, 10_05, 9_05)}
    assert (len(rated.lines), rated.discount_minor) == (20, 20_00)


def test_a_minimum_stays_when_late_usage_does_not_pass_it() -> None:
    """Minimum 50.00, usage 30.00; late usage worth 10.00 lowers what lifts to the minimum by as much."""
    of = terms(per_unit("1"), minimum="50.00")
    assert [rate(of, quantity).minimum_minor for quantity in ("30", "40")] == [20_00, 10_00]


def test_volume_slices_cost_20_and_take_back_9_99() -> None:
    assert of_all(slices(VOLUME, "1000", "1001")) == [20_00, -9_99]
    assert gross(VOLUME, "1001") == ["10.01"]


# Rounding.


@pytest.mark.parametrize(
    ("currency", "unit_price", "line"),
    [
        ("USD", "0.00499999", "0.00"),
        ("USD", "0.005", "0.01"),
        ("JPY", "10.4999", "10"),
        ("JPY", "10.5", "11"),
        ("KWD", "0.0004999", "0.000"),
        ("KWD", "0.0005", "0.001"),
    ],
)
def test_a_line_is_rounded_to_the_currency_away_from_zero(currency: str, unit_price: str, line: str) -> None:
    assert gross(terms(per_unit(unit_price), currency=currency), "1") == [line]


def test_tiers_are_not_rounded_only_their_line_is() -> None:
    assert gross(terms(graduated(("1", "0.004"), ("2", "0.004"), (None, "0.004"))), "3") == ["0.01"]


def test_a_discount_on_a_negative_amount_mirrors_the_positive_one() -> None:
    assert discounted(5, Decimal(50)) == 3
    assert discounted(-5, Decimal(50)) == -3
    assert discounted(10_05, Decimal(10)) == -discounted(-10_05, Decimal(10)) == 9_05
    assert (discounted(100, Decimal(0)), discounted(100, Decimal(100))) == (100, 0)


# Order of lines, and which there are.

MODELS = by_model(z=per_unit("1"), a=per_unit("2"), fee=graduated((None, "1", "5")))
WITH_DEFAULT = by_model(default=per_unit("3"), z=per_unit("1"))


def groups(of: PricesBy, quantities: dict[str, str], *, factor: str = "1") -> list[str | None]:
    return [line.group for line in rate(terms(of, factor=factor), quantities).lines]


def test_listed_values_come_in_the_order_of_the_plan() -> None:
    assert groups(MODELS, {"a": "1", "fee": "1", "z": "1"}) == ["z", "a", "fee"]


def test_a_listed_value_without_usage_has_a_line_only_for_its_fee() -> None:
    assert groups(MODELS, {}) == ["fee"]
    assert groups(MODELS, {"a": "0", "z": "-1"}) == ["z", "fee"]


def test_a_fee_of_no_covered_day_is_none() -> None:
    assert groups(MODELS, {}, factor="1/31") == ["fee"]
    assert groups(MODELS, {}, factor="0") == []


def test_values_that_are_not_listed_follow_by_name() -> None:
    assert groups(WITH_DEFAULT, {"y": "1", "b": "1", "": "1", "z": "1"}) == ["z", "", "b", "y"]


def test_values_that_are_not_listed_are_free_without_a_default() -> None:
    assert groups(MODELS, {"other": "1"}) == ["fee"]


def test_a_default_is_for_values_that_were_seen() -> None:
    of = by_model(default=graduated((None, "1", "5")))
    assert groups(of, {}) == []
    assert groups(of, {"b": "0"}) == ["b"]
    assert groups(WITH_DEFAULT, {"b": "0"}) == []


def test_each_value_has_tiers_and_included_units_of_its_own() -> None:
    of = terms(by_model(default=graduated(("10", "1"), (None, "2")), a=per_unit("1", included="5")))
    assert gross(of, {"a": "6", "b": "11", "c": "11"}) == ["1.00", "12.00", "12.00"]


@pytest.mark.parametrize(("quantity", "empty"), [("0", True), ("0.000000000001", False), ("-1", False)])
def test_a_line_is_empty_when_nothing_was_used(quantity: str, empty: bool) -> None:
    (line,) = rate(terms(per_unit("1")), quantity).lines
    assert line.is_empty is empty


def test_a_line_with_a_fee_is_not_empty() -> None:
    (line,) = rate(terms(graduated((None, "1", "0.001"))), "0").lines
    assert (line.is_empty, line.gross_minor) == (False, 0)


def test_one_price_has_a_line_whatever_was_used() -> None:
    assert gross(TOKENS, {}) == ["0.00"]


# Maximum and minimum.

CAPPED = terms(by_model(default=per_unit("1"), b=per_unit("1")), maximum="10.00")


def test_a_maximum_is_given_to_lines_in_their_order() -> None:
    assert payable(CAPPED, {"b": "6", "a": "6", "c": "6"}) == ["6.00", "4.00", "0.00"]
    assert rate(CAPPED, {"b": "6", "a": "6", "c": "6"}).cap_minor == -8_00


@pytest.mark.parametrize(("quantity", "cap_minor"), [("9.99", 0), ("10", 0), ("10.01", -1)])
def test_a_maximum_takes_what_is_above_it(quantity: str, cap_minor: int) -> None:
    rated = rate(terms(per_unit("1"), maximum="10.00"), quantity)
    assert rated.cap_minor == cap_minor


@pytest.mark.parametrize(("quantity", "minimum_minor"), [("0", 10_00), ("9.99", 1), ("10", 0), ("10.01", 0)])
def test_a_minimum_lifts_what_is_below_it(quantity: str, minimum_minor: int) -> None:
    assert rate(terms(per_unit("1"), minimum="10.00"), quantity).minimum_minor == minimum_minor


def test_a_maximum_of_zero_is_not_none() -> None:
    assert payable(terms(per_unit("1"), maximum="0.00"), "5") == ["0.00"]


def test_bounds_are_prorated_and_rounded() -> None:
    assert payable(terms(per_unit("1"), maximum="100.00", factor="10/31"), "50") == ["32.26"]
    assert rate(terms(per_unit("1"), minimum="100.00", factor="10/31"), "2").minimum_minor == 30_26


def test_the_minimum_compares_lines_after_the_maximum_and_before_the_discount() -> None:
    rated = rate(terms(per_unit("1"), minimum="9.00", maximum="8.00", discount="50"), "20")
    assert (rated.cap_minor, rated.minimum_minor, rated.discount_minor) == (-12_00, 1_00, 4_00)


def test_the_discount_is_on_what_the_maximum_leaves() -> None:
    assert net(terms(per_unit("1"), maximum="8.00", discount="25"), "20") == ["6.00"]


# Slices.


def test_the_first_flat_fee_is_in_the_first_slice() -> None:
    of = terms(graduated(("10", "1", "5"), (None, "1", "3")))
    assert of_all(slices(of, "0", "10", "11")) == [5_00, 10_00, 4_00]


def test_a_slice_without_a_start_has_the_fee_and_one_from_zero_has_not() -> None:
    of = terms(graduated((None, "1", "5")))
    assert [line.net_minor for line in slice_charge(of, at_start=None, at_end=used("2"))] == [7_00]
    for nothing_yet in (used("0"), used({})):
        assert [line.net_minor for line in slice_charge(of, at_start=nothing_yet, at_end=used("2"))] == [2_00]


def test_a_package_is_in_the_slice_that_opens_it() -> None:
    assert of_all(slices(terms(package("10", "0.80")), "1", "10", "11")) == [80, 0, 80]


def test_a_maximum_is_spent_slice_by_slice() -> None:
    assert of_all(slices(terms(per_unit("1"), maximum="10.00"), "6", "9", "14", "20")) == [6_00, 3_00, 1_00, 0]


def test_an_earlier_line_takes_the_maximum_back_from_a_later_one() -> None:
    """Lines in order: at the end the first has it all, so the second's slice is negative, and the sum stays."""
    assert slices(CAPPED, {"c": "10"}, {"c": "10", "b": "4"}) == [{"c": 10_00}, {"b": 4_00, "c": -4_00}]


def test_a_group_that_appears_later_begins_at_nothing() -> None:
    of = terms(by_model(default=graduated((None, "1", "5"))))
    assert slices(of, {"a": "1"}, {"a": "1", "b": "2"}) == [{"a": 6_00}, {"a": 0, "b": 7_00}]


def test_a_group_that_is_no_longer_there_is_taken_back() -> None:
    assert slices(terms(MODELS), {"z": "3"}, {"z": "0"}) == [{"z": 3_00, "fee": 5_00}, {"z": -3_00, "fee": 0}]


def test_slices_are_in_the_order_of_lines() -> None:
    sliced = slice_charge(CAPPED, at_start=used({"y": "1"}), at_end=used({"c": "1", "b": "1"}))
    assert [line.group for line in sliced] == ["b", "c", "y"]


def test_rounded_slices_add_up_to_the_rounded_line() -> None:
    of = terms(per_unit("0.004"), discount="10")
    sliced = of_all(slices(of, "1", "2", "3", "4", "5"))
    assert sliced == [0, 1, 0, 1, 0]
    assert net(of, "5") == ["0.02"]


def test_one_rating_serves_the_slice_before_and_the_slice_after_it() -> None:
    middle = rate(TOKENS, "900")
    before = slice_rated(TOKENS.charge, before=None, after=middle)
    after = slice_rated(TOKENS.charge, before=middle, after=rate(TOKENS, "1100"))
    assert [line.gross_minor for line in before + after] == [18_00, 3_00]


# Recurring fees.


def test_a_fee_is_prorated_by_days_and_discounted_after() -> None:
    rated = rate_recurring(fee("100.00"), Decimal(15), days=10, full_days=31)
    assert (rated.amount_minor, rated.net_minor) == (32_26, 27_42)
    assert rate_recurring(fee("100.00", prorate=False), Decimal(0), days=10, full_days=31).amount_minor == 100_00


def test_a_fee_in_yen_is_rounded_to_whole_yen() -> None:
    assert rate_recurring(fee("1001", currency="JPY"), Decimal(0), days=1, full_days=2).amount_minor == 501
