"""The states of the Invoices tab, with answers that a test makes up, in both themes and at every width."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.conftest import OpenPage
from tests.console.console_page import THEMES
from tests.console.fake_api import SESSION, FakeApi, listed, problem
from tests.console.invoice_answers import (
    LONG,
    MARKUP,
    crowded,
    draft,
    explanation,
    invoice,
    line,
    note,
    payment,
    serve_invoices,
    whole_note,
)

ISSUED = "inv_acme.1p1.0"
_ADMIN = SESSION | {"role": "admin"}
Prepare = Callable[[FakeApi], object]
_DOWN = problem(503, "unavailable", "The store is busy.")


def _history_fails(api: FakeApi) -> None:
    serve_invoices(api, invoice())
    api.on("organizations/acme/invoices", _DOWN)


def _details_fail(api: FakeApi) -> None:
    serve_invoices(api, invoice())
    api.on(f"invoices/{ISSUED}", _DOWN)


def _nothing_comes(api: FakeApi) -> None:
    api.on("organizations/acme/invoices", None)
    api.on(f"invoices/{ISSUED}", None)


def _no_permission(api: FakeApi) -> None:
    api.on("organizations/acme/invoices", problem(403, "forbidden", "This key may not read."))


def _blocked(api: FakeApi) -> None:
    serve_invoices(api, draft(lines=[], blocked=[{"reason": "The meter is <b>unknown</b>."}, {"reason": LONG}]))


@pytest.mark.parametrize(
    ("prepare", "place", "texts"),
    [
        pytest.param(serve_invoices, {}, ["Nothing is billed yet", "No invoices yet"], id="none"),
        pytest.param(_blocked, {}, ["updates as usage arrives", "cannot become final", "no lines yet"], id="draft"),
        pytest.param(
            lambda api: serve_invoices(api, invoice(status="void", payment_status=None, void_reason=LONG)),
            {},
            ["must not be paid"],
            id="void",
        ),
        pytest.param(serve_invoices, {"status": "paid"}, ["No invoice has this status", "Show all"], id="filter"),
        pytest.param(_history_fails, {"invoice": ISSUED}, ["history could not be loaded", "Tokens 1"], id="history"),
        pytest.param(_details_fail, {}, ["The invoice could not be loaded", "Invoice history"], id="details"),
        pytest.param(
            lambda api: serve_invoices(api, invoice()), {"invoice": "inv_gone.1p1.0"}, ["no such invoice"], id="gone"
        ),
        pytest.param(_no_permission, {}, ["No permission", "may not read"], id="forbidden"),
    ],
)
def test_each_state_reads_well_in_every_look(
    open_page: OpenPage, prepare: Prepare, place: dict[str, str], texts: list[str]
) -> None:
    api = FakeApi()
    prepare(api)
    console = open_page(api=api)
    console.open(view="invoices", **place)
    for text in texts:
        console.see(text)
    console.check_every_look()


def test_everything_that_can_be_on_an_invoice_fits_in_every_look(open_page: OpenPage) -> None:
    api = serve_invoices(FakeApi(), draft(), crowded(), invoice(3, payment_status="partly_paid"))
    api.on("session", _ADMIN)
    console = open_page(api=api)
    console.open(view="invoices", invoice=ISSUED, line="usage-1")
    console.page.locator("summary", has_text="ACME-CN-000001").click()
    console.page.locator("summary", has_text="Ledger head").click()
    console.see("Less is due")
    console.see("Events of this line")
    console.check_every_look()


def test_what_is_not_there_yet_has_its_place_in_every_look(open_page: OpenPage) -> None:
    api = FakeApi()
    _nothing_comes(api)
    console = open_page(api=api)
    console.page.goto(f"{console.url}/console?view=invoices&invoice={ISSUED}#token=token")
    console.page.get_by_role("heading", name="Invoice history").wait_for()
    console.check_every_look()
    assert console.page.locator(".skeleton").count() == 2


def test_offline_keeps_what_was_loaded(open_page: OpenPage) -> None:
    console = open_page(api=serve_invoices(FakeApi(), invoice()))
    console.open(view="invoices")
    console.see("Tokens 1")
    console.page.context.set_offline(True)
    console.see("You are offline")
    console.page.get_by_role("button", name="As of").click()
    assert console.page.locator(".invoice .notice").count() == 0
    console.see("Tokens 1")
    console.check_every_look()


def test_a_session_that_ends_meanwhile_asks_to_come_in_again(open_page: OpenPage) -> None:
    api = serve_invoices(FakeApi(), invoice())
    console = open_page(api=api)
    console.open(view="invoices", invoice=ISSUED)
    api.on(f"invoices/{ISSUED}", problem(401, "unauthenticated", "The token has ended."))
    console.page.get_by_role("button", name="As of").click()
    console.see("Your session has ended")
    console.check()


@pytest.mark.parametrize(
    ("path", "title"),
    [("organizations/acme/invoices", "The invoice history"), (f"invoices/{ISSUED}", "The invoice")],
)
def test_each_part_is_tried_again_by_itself(open_page: OpenPage, path: str, title: str) -> None:
    api = serve_invoices(FakeApi(), invoice())
    api.on(path, _DOWN)
    console = open_page(api=api)
    console.open(view="invoices", invoice=ISSUED)
    console.see(f"{title} could not be loaded")
    serve_invoices(api, invoice())
    before = len(api.asked)
    console.page.get_by_role("button", name="Try again").click()
    console.page.locator(".invoice-rows a[aria-current=true]").wait_for()
    console.see("Tokens 1")
    assert {asked[1] for asked in api.asked[before:]} <= {path, "session"}


def test_a_line_that_cannot_be_explained_is_tried_again_by_itself(open_page: OpenPage) -> None:
    api = serve_invoices(FakeApi(), invoice())
    api.on(f"invoices/{ISSUED}/lines/usage-1", _DOWN)
    console = open_page(api=api)
    console.open(view="invoices", line="usage-1")
    console.see("The explanation could not be loaded")
    api.on(f"invoices/{ISSUED}/lines/usage-1", explanation(formula="1 x 1 = 1"))
    console.page.get_by_role("button", name="Try again").click()
    console.see("1 x 1 = 1")


def test_the_way_back_from_an_invoice_that_is_gone(open_page: OpenPage) -> None:
    api = serve_invoices(FakeApi(), draft(), invoice())
    api.on("invoices/inv_other.1p1.0", invoice(id="inv_other.1p1.0", organization="other"))
    for gone in ("inv_gone.1p1.0", "inv_other.1p1.0"):
        console = open_page(api=api)
        console.open(view="invoices", invoice=gone)
        console.see("There is no such invoice here")
        console.page.get_by_role("link", name="Show the newest invoice").click()
        console.see("updates as usage arrives")
        assert "invoice=" not in console.page.url


def test_a_draft_that_is_gone_gives_way_to_the_newest_invoice(open_page: OpenPage) -> None:
    api = serve_invoices(FakeApi(), draft(), invoice())
    console = open_page(api=api)
    console.open(view="invoices")
    serve_invoices(api, invoice())
    api.on(f"invoices/{draft()['id']}", problem(404, "not-found", "There is no such invoice."))
    console.page.get_by_role("button", name="As of").click()
    console.see("There is no such invoice here")
    console.page.get_by_role("link", name="Show the newest invoice").click()
    expect(console.page.locator(".invoice h2")).to_have_text("ACME-000001")


def test_a_thousand_lines_show_a_hundred_and_then_all(open_page: OpenPage) -> None:
    lines = [line(number) for number in range(1, 1001)] + [line(1001, kind="one_off")]
    console = open_page(api=serve_invoices(FakeApi(), invoice(lines=lines)))
    console.open(view="invoices")
    rows = console.page.locator(".invoice-line")
    assert rows.count() == 101
    console.page.get_by_role("button", name="Show all 1000 lines").click()
    console.see("Tokens 1000")
    assert rows.count() == 1001


def test_a_shared_line_beyond_the_first_hundred_is_shown_unfolded(open_page: OpenPage) -> None:
    lines = [line(number) for number in range(1, 151)]
    console = open_page(api=serve_invoices(FakeApi(), invoice(lines=lines)))
    console.open(view="invoices", line="usage-140")
    console.page.locator("[data-line='usage-140'] [aria-expanded=true]").wait_for()


def test_a_thousand_invoices_are_reached_page_by_page(open_page: OpenPage) -> None:
    every = [draft(), *(invoice(number) for number in range(1000, 0, -1))]

    def page(query: Any) -> Any:
        start = int(query["cursor"][0]) if "cursor" in query else 0
        end = start + int(query["limit"][0])
        return listed(*every[start:end], next_cursor=str(end) if end < len(every) else None)

    api = serve_invoices(FakeApi(), *every[:2])
    api.on("organizations/acme/invoices", page)
    console = open_page(api=api)
    console.open(view="invoices")
    rows = console.page.locator(".invoice-rows li")
    more = console.page.get_by_role("button", name="Show more")
    while more.count():
        before = rows.count()
        more.click()
        rows.nth(before).wait_for()
    assert (rows.count(), more.count()) == (1001, 0)
    shown = rows.locator("strong").all_inner_texts()
    assert shown == [each["number"] for each in every[1:]]
    every.insert(1, invoice(1001))
    console.page.get_by_role("button", name="As of").click()
    console.see("ACME-001001")
    assert rows.count() == 1002
    assert console.overflow() == 0


def test_a_page_of_the_history_that_does_not_come_is_asked_for_again(open_page: OpenPage) -> None:
    first = listed(*(invoice(number) for number in range(26, 1, -1)), next_cursor="two")
    second = listed(invoice(1))
    api = serve_invoices(FakeApi(), invoice(26), invoice(1))
    api.on("organizations/acme/invoices", lambda query: _DOWN if "cursor" in query else first)
    console = open_page(api=api)
    console.open(view="invoices")
    console.page.get_by_role("button", name="Show more").click()
    console.see("More could not be loaded: The store is busy.")
    api.on("organizations/acme/invoices", lambda query: second if "cursor" in query else first)
    console.page.get_by_role("button", name="Show more").click()
    console.see("ACME-000001")
    expect(console.page.get_by_role("button", name="Show more")).to_have_count(0)


def test_the_status_filter_asks_the_api_for_it(open_page: OpenPage) -> None:
    api = serve_invoices(FakeApi(), draft(), invoice())
    console = open_page(api=api)
    console.open(view="invoices", invoice=ISSUED)
    for state, wanted in [("overdue", {"payment_status": ["overdue"]}), ("void", {"status": ["void"]})]:
        console.page.get_by_label("Status").select_option(state)
        console.page.wait_for_url(f"**status={state}*")
        console.settle()
        query = next(asked[2] for asked in reversed(api.asked) if asked[1] == "organizations/acme/invoices")
        assert {name: query.get(name) for name in wanted} == wanted
        assert "invoice=" not in console.page.url


def test_without_a_draft_the_newest_invoice_is_selected_and_stays_when_others_come(open_page: OpenPage) -> None:
    api = serve_invoices(FakeApi(), invoice(2), invoice(1))
    console = open_page(api=api)
    console.open(view="invoices")
    current = console.page.locator(".invoice-rows [aria-current=true]")
    expect(current).to_contain_text("ACME-000002")
    serve_invoices(api, draft(), invoice(2), invoice(1))
    console.page.get_by_role("button", name="As of").click()
    expect(console.page.locator(".invoice-rows li")).to_have_count(3)
    expect(current).to_contain_text("ACME-000002")
    expect(console.page.locator(".invoice h2")).to_have_text("ACME-000002")


def test_a_narrow_window_folds_the_history_above_the_invoice(open_page: OpenPage) -> None:
    console = open_page(api=serve_invoices(FakeApi(), draft(), invoice(2)), width=360)
    console.open(view="invoices")
    fold = console.page.get_by_role("button", name="Draft · 1–31 Jan 2026")
    rows = console.page.locator(".invoice-rows a")
    expect(rows.first).to_be_hidden()
    fold.click()
    rows.nth(1).click()
    expect(rows.first).to_be_hidden()
    expect(console.page.locator(".invoice h2")).to_have_text("ACME-000002")
    expect(console.page.locator(".invoice-fold")).to_contain_text("ACME-000002")


def test_markup_in_any_text_is_shown_as_text(open_page: OpenPage) -> None:
    planted = invoice(
        number=MARKUP,
        lines=[
            line(
                1,
                name=MARKUP,
                unit=MARKUP,
                group={MARKUP: MARKUP},
                credits=[
                    {"grant": "gr_1", "name": MARKUP, "amount": "1.00"},
                ],
            ),
        ],
        taxes=[{"name": MARKUP, "percent": "1", "amount": "1.00"}],
        payments=[payment(reference=MARKUP)],
        credit_notes=[note(number=MARKUP)],
        plan={"key": MARKUP, "version": 1},
        seller=dict.fromkeys(("legal_name", "address", "tax_id"), MARKUP),
        buyer=dict.fromkeys(
            ("name", "legal_name", "address", "email", "tax_id", "purchase_order", "invoice_note"), MARKUP
        ),
        status="void",
        payment_status=None,
        void_reason=MARKUP,
    )
    api = serve_invoices(FakeApi(), planted)
    api.on(
        f"invoices/{ISSUED}/lines/usage-1",
        explanation(
            formula=MARKUP,
            by_dimension=[
                {"dimensions": {MARKUP: MARKUP}, "rest": False, "quantity": "1"},
            ],
        ),
    )
    api.on("credit-notes/cn_1", whole_note(reason=MARKUP))
    console = open_page(api=api)
    console.open(view="invoices", line="usage-1")
    console.page.locator(".invoice-credit-note summary").click()
    console.see("Reason:")
    assert console.page.locator("main img, main b b").count() == 0
    assert console.page.evaluate("window.planted") is None
    assert console.page.locator("main").inner_text().count("<img src=x") >= 20
    console.check()


@pytest.mark.parametrize("theme", THEMES)
def test_print_shows_the_invoice_alone_in_black_on_white(open_page: OpenPage, theme: Any) -> None:
    api = serve_invoices(FakeApi(), crowded())
    api.on("session", _ADMIN)
    console = open_page(api=api, theme=theme)
    console.open(view="invoices", line="usage-1")
    console.see("Events of this line")
    console.page.evaluate("window.print = () => { window.printed = true; }")
    console.page.get_by_role("button", name="Print").click()
    assert console.page.evaluate("window.printed") is True
    console.page.emulate_media(media="print")
    for hidden in (".top", ".side", ".tabs", ".invoice-history", ".invoice-documents", ".invoice-actions"):
        assert not console.page.locator(hidden).first.is_visible(), hidden
    for shown in (".invoice-head h2", ".invoice-line-name", ".invoice-totals", ".invoice-formula"):
        place = console.page.locator(shown).first
        assert place.is_visible(), shown
        assert place.evaluate("one => getComputedStyle(one).color") == "rgb(0, 0, 0)", shown
    background = console.page.locator(".invoice").evaluate("one => getComputedStyle(one).backgroundColor")
    assert background == "rgb(255, 255, 255)"
