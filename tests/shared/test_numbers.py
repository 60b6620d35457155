"""Numbers are read from their literal, exactly, or not at all (docs/rules.md 2.3 and 2.8)."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.shared.numbers import EXACT, JsonNumber, read_decimal, read_event_number, round_fraction, show_decimal
from tests.cpu_time import least_cpu_s

NINES_18 = "9" * 18

USABLE = {
    "0": "0",
    "7": "7",
    "-7": "-7",
    "0.30000000000000004": "0.30000000000000004",
    "1e-07": "0.0000001",
    "1E5": "100000",
    "1e+5": "100000",
    "1.50": "1.50",
    "0.001": "0.001",
    NINES_18: NINES_18,
    f"-{NINES_18}": f"-{NINES_18}",
    "0." + "0" * 29 + "1": "1e-30",
    f"{NINES_18}.{'9' * 20}": f"{NINES_18}.{'9' * 20}",
    "1e30": "1e30",
    "1e-30": "1e-30",
    "1.2345678901234567e-20": "1.2345678901234567e-20",
    "9" * 18 + "e30": "9" * 18 + "e30",
}
UNUSABLE = [
    "",
    " 1",
    "1 ",
    "1\n",
    "+1",
    ".5",
    "5.",
    "01",
    "-01",
    "00",
    "-",
    "--1",
    "1_000",
    "1,000",
    "0x10",
    "1e",
    "1e5.0",
    "e5",
    "NaN",
    "nan",
    "sNaN",
    "Infinity",
    "-Infinity",
    "Inf",
    "-inf",
    "٣",
    "1٣",
    "１２",
    "²",
    "−1",
    "1" + "0" * 18,
    "0." + "0" * 30 + "1",
    f"{NINES_18}.{'9' * 21}",
    "1" * 39,
    "1e31",
    "1e-31",
    "1E+1000000",
    "1E-1000000",
    "1e" + "9" * 1000,
    "true",
    "null",
    "[1]",
]


@pytest.mark.parametrize(("literal", "exact"), USABLE.items())
def test_event_number_within_the_limits_is_read_exactly(literal: str, exact: str) -> None:
    assert read_event_number(literal) == Decimal(exact)


@pytest.mark.parametrize("literal", UNUSABLE)
def test_event_number_outside_the_form_is_not_read(literal: str) -> None:
    assert read_event_number(literal) is None


@pytest.mark.parametrize(("inside", "outside"), [
    (NINES_18, "1" + NINES_18),
    ("0." + "1" * 30, "0." + "1" * 31),
    ("12345678." + "1" * 30, "123456789." + "1" * 30),
    ("1e30", "1e31"),
    ("1e-30", "1e-31"),
])
def test_limits_of_event_numbers_are_inclusive(inside: str, outside: str) -> None:
    assert read_event_number(inside) is not None
    assert read_event_number(outside) is None


@pytest.mark.parametrize("literal", ["-0", "0.000", "-0.0e5", "0e30", "-0E-30"])
def test_every_zero_is_the_same_zero(literal: str) -> None:
    number = read_event_number(literal)
    assert number is not None
    assert number == 0
    assert not number.is_signed()
    assert show_decimal(number) == "0"


def test_huge_numbers_are_refused_at_once() -> None:
    huge = ("1E+1000000", "9" * 4_000_000, "0." + "0" * 4_000_000 + "1")

    def refuse() -> None:
        assert [read_event_number(literal) for literal in huge] == [None] * 3

    assert least_cpu_s(refuse) < 0.05


@given(st.integers(-(10**18) + 1, 10**18 - 1), st.integers(0, 20), st.integers(-30, 30))
def test_any_event_number_equals_its_fraction(whole: int, places: int, exponent: int) -> None:
    digits = f"{abs(whole):0{places + 1}d}"
    point = len(digits) - places
    sign = "-" if whole < 0 else ""
    literal = f"{sign}{digits[:point]}{'.' if places else ''}{digits[point:]}e{exponent}"
    number = read_event_number(literal)
    assert number is not None
    assert Fraction(number) == Fraction(whole) / 10**places * Fraction(10) ** exponent


def test_json_numbers_are_equal_by_their_literal_only() -> None:
    assert JsonNumber("1") == JsonNumber("1")
    assert len({JsonNumber("1"), JsonNumber("1"), JsonNumber("1.0"), "1"}) == 3
    assert JsonNumber("1") != "1"


@pytest.mark.parametrize("value", ["0", "12.34", "-0.5", NINES_18, "0." + "1" * 12, JsonNumber("7.5")])
def test_request_decimal_is_read_exactly(value: object) -> None:
    assert read_decimal(value) == Decimal(value.text if isinstance(value, JsonNumber) else str(value))


@pytest.mark.parametrize("value", [
    "", "1e5", "1E+1000000", "+1", "01", ".5", "5.", "1_000", "٣", " 1", "1\n", "NaN", "Infinity",
    "1" + NINES_18, "0." + "1" * 13, JsonNumber("1e2"), 5, 0.5, None, True, ["1"],
])  # fmt: skip
def test_request_decimal_of_another_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"must be a decimal such as 12\.34"):
        read_decimal(value)


@pytest.mark.parametrize(("number", "shown"), [
    ("0", "0"), ("-0.00", "0"), ("1.500", "1.5"), ("100", "100"), ("1E+5", "100000"), ("1E-7", "0.0000001"),
    ("-2.50", "-2.5"), ("9" * 60 + "." + "9" * 60, "9" * 60 + "." + "9" * 60),
])  # fmt: skip
def test_shown_numbers_have_neither_exponent_nor_trailing_zeros(number: str, shown: str) -> None:
    assert show_decimal(Decimal(number)) == shown


@pytest.mark.parametrize(("exact", "shown"), [
    (Fraction(2, 3), "0.666666666667"),
    (Fraction(-2, 3), "-0.666666666667"),
    (Fraction(5, 10**13), "0.000000000001"),
    (Fraction(-5, 10**13), "-0.000000000001"),
    (Fraction(49, 10**14), "0"),
    (Fraction(-49, 10**14), "0"),
    (Fraction(10**40 + 1, 2), "5000000000000000000000000000000000000000.5"),
])
def test_quotients_are_rounded_once_ties_away_from_zero(exact: Fraction, shown: str) -> None:
    assert show_decimal(round_fraction(exact)) == shown


def test_a_quotient_rounded_to_zero_has_no_sign() -> None:
    assert not round_fraction(Fraction(-1, 10**13)).is_signed()


def test_exact_context_holds_the_widest_sum() -> None:
    widest = EXACT.multiply(Decimal("9" * 18 + "e30"), Decimal(10**16))
    assert Fraction(EXACT.add(widest, Decimal("1e-60"))) == Fraction(widest) + Fraction(1, 10**60)
