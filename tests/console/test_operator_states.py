"""Operator and settings views that are full, or have nothing to show, in both themes and every width."""

import pytest
from playwright.sync_api import expect

from tests.console.conftest import OpenPage
from tests.console.console_page import Theme
from tests.console.fake_api import FakeApi, listed
from tests.console.operator_answers import (
    CASE_NAMES,
    CASES,
    HEALTH,
    MARKUP,
    Case,
    ask,
    of_each_view,
    operator_api,
)


def _emptied(case: Case) -> FakeApi:
    api = operator_api()
    nothing = {**HEALTH, "data": [], "warnings": []} if case.asks == "ingestion" else listed()
    api.on(case.asks, nothing)
    return api


@of_each_view
def test_a_full_view_holds_long_names_large_numbers_and_planted_markup(open_page: OpenPage, case: Case) -> None:
    console = open_page(api=operator_api())
    console.open(**case.place())
    console.check_every_look()
    assert console.page.locator("main img").count() == 0
    if case.view not in ("ingestion", "subscriptions") or case.org is None:
        assert MARKUP in console.page.locator("main").inner_text()


@pytest.mark.parametrize("case", [case for case in CASES if case.empty], ids=CASE_NAMES[:5] + CASE_NAMES[6:])
def test_an_empty_view_names_the_next_step(open_page: OpenPage, case: Case) -> None:
    console = open_page(api=_emptied(case))
    console.open(**case.place())
    assert case.empty is not None
    step = console.see(case.empty).locator("xpath=..").inner_text()
    assert len(step) > len(case.empty) + 10
    console.check_every_look()


_QUESTIONS = [
    ("organizations", "New organization"),
    ("organization", "Edit"),
    ("organization", "Create portal link"),
    ("subscriptions", "New subscription"),
    ("subscriptions", "Change plan"),
    ("subscriptions", "Cap and terms"),
    ("meters", "Rename"),
    ("plans", "Next version"),
    ("keys", "Revoke"),
    ("settings", "Edit"),
]


@pytest.mark.parametrize(("theme", "width"), [("light", 360), ("dark", 768)])
def test_what_asks_back_fits_and_says_what_it_will_do(open_page: OpenPage, theme: Theme, width: int) -> None:
    console = open_page(api=operator_api(), theme=theme, width=width)
    for view, name in _QUESTIONS:
        console.open(view=view, org="acme", definition="tokens")
        ask(console, name)
        assert len(console.page.locator("dialog .effect").inner_text()) > 20
        console.check()
        console.page.keyboard.press("Escape")
        expect(console.page.locator("dialog.action")).to_have_count(0)


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("@media (prefers-color-scheme: dark) { h1 { color: #333 !important; } }", "color-contrast"),
        ("@media (max-width: 400px) { h1 { min-width: 700px; } }", "wider than the window"),
        ("@media (min-width: 700px) and (max-width: 800px) { h1 { min-width: 900px; } }", "wider than the window"),
    ],
)
def test_a_fault_of_one_look_is_found(open_page: OpenPage, fault: str, found: str) -> None:
    console = open_page(api=operator_api())
    console.open(view="organizations")
    console.page.evaluate("rule => document.styleSheets[0].insertRule(rule, 0)", fault)
    with pytest.raises(AssertionError, match=found):
        console.check_every_look()
