"""Exact numbers: what is accepted, how it is read, how it is shown (docs/rules.md 2.3 and 2.8).

A JSON number is never turned into a float: the reader keeps its literal as a ``JsonNumber`` until someone knows what
it means. The form is matched before any ``Decimal()``, because ``int(Decimal("1E+1000000"))`` takes 20 seconds.
"""

import re
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context, Decimal, Inexact
from fractions import Fraction

# Wide enough for any sum of accepted numbers; a sum that would not be exact raises instead of rounding.
EXACT = Context(prec=200, rounding=ROUND_HALF_UP, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact])

_REQUEST_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?")
_EVENT_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,30})?(?:[eE]([+-]?[0-9]{1,3}))?")
_MAX_INTEGER_DIGITS, _MAX_DIGITS, _MAX_EXPONENT = 18, 38, 30
QUOTIENT_PLACES = 12


class JsonNumber:
    """A number of a JSON document, kept as the literal that was sent. Equal to another with the same literal only."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonNumber) and other.text == self.text

    def __hash__(self) -> int:
        return hash(("JsonNumber", self.text))

    def __repr__(self) -> str:
        return f"JsonNumber({self.text!r})"


def read_event_number(text: str) -> Decimal | None:
    """Read a number of an event's data from its literal; ``None`` when a meter cannot use it.

    At most 18 integer digits, 30 fraction digits, 38 significant digits (leading zeros are none, trailing ones are) and
    an exponent of at most 30 either way, counted on the literal as it stands: the exponent does not shift its point.
    """
    if text.isdigit() and text.isascii() and len(text) <= _MAX_INTEGER_DIGITS and (text[0] != "0" or text == "0"):
        return Decimal(text)
    found = _EVENT_NUMBER.fullmatch(text)
    if found is None or (found[1] is not None and abs(int(found[1])) > _MAX_EXPONENT):
        return None
    number = Decimal(text)
    if number == 0:
        return Decimal(0)
    return number if len(number.as_tuple().digits) <= _MAX_DIGITS else None


def read_decimal(value: object) -> Decimal:
    """Read money, a quantity or a price of a request: a string or JSON number in the strict form of the contract.

    Raises ``ValueError`` with the reason. At most 18 integer and 12 fraction digits, ASCII, no exponent.
    """
    text = value.text if isinstance(value, JsonNumber) else value
    if not isinstance(text, str) or not _REQUEST_DECIMAL.fullmatch(text):
        raise ValueError("must be a decimal such as 12.34, with at most 18 digits before and 12 after the point")
    return Decimal(text)


def show_decimal(number: Decimal) -> str:
    """Show a number exactly, without exponent or trailing zeros; zero is ``0``, never ``-0``."""
    if number == 0:
        return "0"
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def round_fraction(exact: Fraction, places: int = QUOTIENT_PLACES) -> Decimal:
    """Round an exact fraction once to decimal places, ties away from zero."""
    scaled = abs(exact) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    sign = 1 if exact < 0 and whole else 0
    return Decimal((sign, tuple(int(digit) for digit in str(whole)), -places))
