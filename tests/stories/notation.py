"""The notation of stories: dated steps with what is expected of them below, and sums written out.

    2026-01-10 event     e1 acme calls 1500
    2026-01-11 event     e1 acme calls 1500        -> duplicate
    2026-02-02 billing
               invoice   1p0
               line      calls 1500 x 0.02 = 30.00

A step begins with its date; rows below it without one belong to it. ``# …`` is a remark.
"""

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from textwrap import dedent
from zoneinfo import ZoneInfo

from chalicelib.shared.money import digits_of, round_minor, show_money
from chalicelib.shared.numbers import round_fraction, show_decimal
from chalicelib.shared.time import local_day_start

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d(:\d\d)?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z")
_QUANTITY = re.compile(r"of ([^:]+): ?(.*)")


class StoryError(AssertionError):
    """A story that cannot be read, or does not come true; the text names its line."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a story: where it stands, its first word, and the words after that."""

    number: int
    text: str
    verb: str
    words: tuple[str, ...]

    def fault(self, detail: str) -> StoryError:
        """Make the error that names this row."""
        return StoryError(f"line {self.number}: {self.text}\n{detail}")


@dataclass(frozen=True, slots=True)
class Step:
    """A dated row. ``stamp`` is its date as words, ``outcome`` what stands behind the arrow, ``rows`` what is below."""

    row: Row
    stamp: tuple[str, ...]
    outcome: str | None
    rows: list[Row] = field(default_factory=list)


def read_story(text: str) -> list[Step]:
    """Read a story; raises ``StoryError`` for a row before the first step."""
    steps: list[Step] = []
    for number, line in enumerate(dedent(text).splitlines(), 1):
        written = line.partition("#")[0].strip()
        if not written:
            continue
        said, _, outcome = (part.strip() for part in written.partition("->"))
        words = said.split()
        if not _is_stamp(words[0]):
            row = Row(number, written, words[0], tuple(words[1:]))
            if not steps:
                raise row.fault("a story begins with a date")
            steps[-1].rows.append(row)
            continue
        stamp, rest = split_stamp(words)
        row = Row(number, written, rest[0] if rest else "", tuple(rest[1:]))
        steps.append(Step(row, tuple(stamp), outcome or None))
    return steps


def _is_stamp(word: str) -> bool:
    return bool(_DAY.fullmatch(word) or _INSTANT.fullmatch(word))


def split_stamp(words: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Split off the words of a date, with its time where it has one."""
    length = 2 if len(words) > 1 and _DAY.fullmatch(words[0]) and _TIME.fullmatch(words[1]) else 1
    return words[:length], words[length:]


def instant_of_stamp(stamp: Sequence[str], zone: ZoneInfo) -> datetime:
    """Tell when a date is: at its first instant in the zone, at a local time, or at an instant in UTC.

    A local time that comes twice is the earlier one.
    """
    if _INSTANT.fullmatch(stamp[0]):
        return datetime.fromisoformat(stamp[0]).astimezone(UTC)
    day = date.fromisoformat(stamp[0])
    if len(stamp) == 1:
        return local_day_start(day, zone)
    return datetime.combine(day, time.fromisoformat(stamp[1]), tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Money:
    """Computes written sums exactly, in a currency; ``[…]`` rounds what it holds to minor units."""

    currency: str

    def amount(self, text: str) -> str:
        """Compute a sum, rounded once; where ``= 1.23`` follows, that must be what it comes to."""
        written, _, result = (part.strip() for part in text.partition("="))
        shown = self._shown(self.exact(written))
        if result and result != shown:
            raise StoryError(f"{written} is {shown}, not {result}")
        return shown

    def _shown(self, exact: Fraction) -> str:
        return show_money(round_minor(exact, self.currency), self.currency)

    def exact(self, text: str) -> Fraction:
        """Compute a sum exactly: numbers, ``+ - x /``, round brackets, and square ones that round."""
        written = re.sub(r"\bx\b", "*", text)
        try:
            return self._value(ast.parse(written, mode="eval").body, written)
        except (SyntaxError, KeyError, ValueError) as fault:
            raise StoryError(f"not a sum: {text}") from fault

    def _value(self, node: ast.expr, text: str) -> Fraction:
        if isinstance(node, ast.BinOp):
            return _OPERATIONS[type(node.op)](self._value(node.left, text), self._value(node.right, text))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self._value(node.operand, text)
        if isinstance(node, ast.List) and len(node.elts) == 1:
            minor = round_minor(self._value(node.elts[0], text), self.currency)
            return Fraction(minor, 10 ** digits_of(self.currency))
        # The number as it is written: a constant of the tree would be a binary fraction.
        return Fraction(ast.get_source_segment(text, node) or "")

    def quantity_and_amount(self, text: str) -> tuple[str, str]:
        """Read ``1000 x 0.02 + 500 x 0.01 = 25.00``, or ``of 1500: …`` where the sum does not say the quantity."""
        found = _QUANTITY.fullmatch(text)
        if found is not None:
            return show_exactly(self.exact(found[1])), self.amount(found[2])
        terms = [term.partition(" x ") for term in text.partition("=")[0].split(" + ")]
        if not all(times for _, times, _ in terms):
            raise StoryError(f"the quantity is not said: {text}")
        return show_exactly(sum((self.exact(first) for first, _, _ in terms), Fraction(0))), self.amount(text)


_OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: lambda one, other: one + other,
    ast.Sub: lambda one, other: one - other,
    ast.Mult: lambda one, other: one * other,
    ast.Div: lambda one, other: one / other,
}


def show_exactly(exact: Fraction) -> str:
    """Show a quantity as the API does."""
    return show_decimal(round_fraction(exact))


def is_number(word: str) -> bool:
    """Tell whether a word is a number."""
    return re.fullmatch(r"-?\d+(\.\d+)?", word) is not None and Decimal(word).is_finite()
