"""Decimals of the console: texts in, texts out, and nothing lost of 18 digits."""

from typing import Any

import pytest

from chalicelib.console import assets_store
from tests.console.conftest import OpenPage
from tests.console.console_page import ConsolePage
from tests.console.fake_api import FakeApi

_MINUS = "\N{MINUS SIGN}"
_HARD_SPACE = "\N{NO-BREAK SPACE}"

CASES: list[tuple[str, list[Any], Any]] = [
    ("sum", [[]], "0"),
    ("sum", [["0.1", "0.2"]], "0.3"),
    ("sum", [["1.50", "-1.5"]], "0.00"),
    ("sum", [["999999999999999999.999999999999", "0.000000000001"]], "1000000000000000000.000000000000"),
    ("compare", ["10", "9.999999999999"], 1),
    ("compare", ["-2", "-1"], -1),
    ("compare", ["1.0", "1"], 0),
    ("compare", ["900719925474099267", "900719925474099268"], -1),
    ("isZero", ["-0.00"], True),
    ("isZero", ["0.01"], False),
    ("isNegative", ["-0.00"], False),
    ("isNegative", ["-0.01"], True),
    ("negated", ["1.5"], "-1.5"),
    ("negated", ["-1.5"], "1.5"),
    ("negated", ["0.00"], "0.00"),
    ("percentOf", ["1", "0"], None),
    ("percentOf", ["1", "0.00"], None),
    ("percentOf", ["1", "3"], "33"),
    ("percentOf", ["1", "3", 2], "33.33"),
    ("percentOf", ["1", "8", 1], "12.5"),
    ("percentOf", ["1", "200"], "1"),
    ("percentOf", ["-1", "200"], "-1"),
    ("percentOf", ["1", "201"], "0"),
    ("percentOf", ["-5", "-10", 1], "50.0"),
    ("percentOf", ["0", "7", 1], "0.0"),
    ("percentOf", ["999999999999999999.5", "1", 0], "99999999999999999950"),
    ("changePercent", ["0", "5"], None),
    ("changePercent", ["4", "6"], "50.0"),
    ("changePercent", ["6", "4"], "-33.3"),
    ("changePercent", ["-4", "4"], "200.0"),
    ("changePercent", ["3", "0"], "-100.0"),
    ("formatDecimal", ["0"], "0"),
    ("formatDecimal", ["999"], "999"),
    ("formatDecimal", ["1000"], "1,000"),
    ("formatDecimal", ["-123456789012345678.123456789012"], f"{_MINUS}123,456,789,012,345,678.123456789012"),
    ("formatShort", ["1234.5"], "1,234.5"),
    ("formatShort", ["1234.567"], "1,234.57"),
    ("formatShort", ["0.004"], "<0.01"),
    ("formatShort", ["-0.004"], f"{_MINUS}<0.01"),
    ("formatShort", ["0.000"], "0"),
    ("formatShort", ["0.005"], "0.01"),
    ("formatShort", ["9.999"], "10"),
    ("formatShort", ["-1.005"], f"{_MINUS}1.01"),
    ("formatShort", ["2.5", 0], "3"),
    ("formatShort", ["100.4", 0], "100"),
    ("formatShort", ["999999999999999999.999"], "1,000,000,000,000,000,000"),
    ("formatMoney", ["0.00", "USD"], "$0.00"),
    ("formatMoney", ["-0.05", "USD"], f"{_MINUS}$0.05"),
    ("formatMoney", ["1500", "JPY"], "¥1,500"),
    ("formatMoney", ["1234.500", "KWD"], f"KWD{_HARD_SPACE}1,234.500"),
    ("formatMoney", ["3.20", "CHF"], f"CHF{_HARD_SPACE}3.20"),
    ("formatMoney", ["123456789012345678.90", "EUR"], "€123,456,789,012,345,678.90"),
    ("formatAxis", [0], "0"),
    ("formatAxis", [1_200_000], "1.2M"),
    ("formatAxis", [1_250], "1.25K"),
]


@pytest.fixture
def console(open_page: OpenPage) -> ConsolePage:
    """Give a page on which the modules of the console can be imported."""
    page = open_page(api=FakeApi())
    page.page.goto(f"{page.url}/console")
    page.see("Open this page from your product")
    return page


def module_address() -> str:
    """Give the address of the module, relative to the page."""
    (name,) = (each for each in assets_store.assets() if each.startswith("decimal."))
    return f"./console/assets/{name}"


_CALL = """async ([address, calls]) => {
    const module = await import(new URL(address, document.baseURI).href);
    return calls.map(([name, given]) => {
        try { return [module[name](...given)]; } catch (fault) { return String(fault); }
    });
}"""


def answers_of(console: ConsolePage, calls: list[tuple[str, list[Any]]]) -> list[Any]:
    """Call functions of the module in the browser: what each gives in a list, or what it throws as text."""
    answers: list[Any] = console.page.evaluate(_CALL, [module_address(), calls])
    return answers


def test_decimals_are_exact(console: ConsolePage) -> None:
    found = answers_of(console, [(name, given) for name, given, _ in CASES])
    assert [(name, given, *answer) for (name, given, _), answer in zip(CASES, found, strict=True)] == CASES


def test_what_is_no_decimal_is_refused(console: ConsolePage) -> None:
    for text in ("", "1e3", "NaN", "1,000", " 1", "0x10", "1."):
        (told,) = answers_of(console, [("formatDecimal", [text])])
        assert told == f"TypeError: not a decimal: {text}"
