"""Nothing old stands under a new name, nothing is said that is not known, and nothing in an address breaks the page."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.conftest import OpenPage
from tests.console.credit_answers import BALANCE, credits_api, grant, paged, paid
from tests.console.fake_api import NOW, SESSION, FakeApi, listed, problem
from tests.console.invoice_answers import invoice, serve_invoices
from tests.console.operator_answers import INVOICES, ORGANIZATIONS, READER, operator_api

_DOWN = problem(503, "busy", "The store is busy.")
_REFRESH = "As of"


def test_an_invoice_far_down_is_shown_as_it_is_now(open_page: OpenPage) -> None:
    every = [invoice(number) for number in range(40, 0, -1)]
    api = serve_invoices(FakeApi(), *every)
    api.on("organizations/acme/invoices", paged(every))
    console = open_page(api=api)
    console.open(view="invoices", status="unpaid")
    console.page.get_by_role("button", name="Show more").click()
    rows = console.page.locator(".invoice-rows li")
    expect(rows).to_have_count(40)
    every[30] = {**every[30], "payment_status": "overdue"}
    del every[2]
    console.page.get_by_role("button", name=_REFRESH).click()
    expect(rows).to_have_count(39)
    expect(rows.nth(29)).to_contain_text("Overdue")
    assert rows.locator("strong").all_inner_texts() == [each["number"] for each in every]


def test_grants_that_do_not_come_are_not_asked_for_again_and_again(open_page: OpenPage) -> None:
    grants = paged([grant(number, status="depleted") for number in range(1, 451)])
    api = credits_api(balance=BALANCE, grants=lambda query: _DOWN if "cursor" in query else grants(query))
    console = open_page(api=api)
    console.open(view="credits", grants="open")
    console.see("The grants could not be refreshed: The store is busy.")
    before = len(api.asked)
    console.page.get_by_role("button", name="Verify again").click()
    console.see("Ledger verified")
    console.page.wait_for_load_state("networkidle")
    assert [asked[1] for asked in api.asked[before:]] == ["organizations/acme/credits/verify"]


def test_a_server_that_is_down_is_told_although_the_browser_is_online(open_page: OpenPage) -> None:
    console = open_page(api=operator_api(READER))
    console.open(view="plans")
    console.page.route("**/v1/**", lambda route: route.abort("internetdisconnected"))
    console.page.get_by_role("button", name=_REFRESH).click()
    console.see("The plans could not be refreshed: The server could not be reached.")
    console.hear_nothing()


def test_rows_of_another_question_do_not_stand_under_the_new_one(open_page: OpenPage) -> None:
    api = operator_api()
    api.on("invoices", lambda query: listed(*INVOICES) if query["payment_status"] == ["overdue"] else _DOWN)
    console = open_page(api=api)
    console.open(view="overdue")
    expect(console.page.locator("main tbody tr")).to_have_count(len(INVOICES))
    console.page.get_by_label("Payment").select_option("unpaid")
    console.see("The invoices could not be loaded.")
    assert console.page.locator("main data").count() == 0


@pytest.mark.parametrize("org", [None, "acme"])
def test_counts_of_another_range_do_not_stand_under_the_new_one(open_page: OpenPage, org: str | None) -> None:
    api = operator_api()
    known = _answer(api, "ingestion")
    api.on("ingestion", lambda query: known if query["from"] == ["2025-12-22"] else _DOWN)
    api.on("organizations", listed(ORGANIZATIONS[0]))
    console = open_page(api=api)
    console.open(view="ingestion", **({"org": org} if org else {}))
    expect(console.page.locator("main data").first).to_be_visible()
    console.page.get_by_role("button", name="90 days").click()
    console.see("Ingestion could not be loaded.")
    assert console.page.locator("main data").count() == 0


def _answer(api: FakeApi, path: str) -> Any:
    return next(answer for method, pattern, answer in api._answers if method == "GET" and pattern.fullmatch(path))


@pytest.mark.parametrize(
    "place",
    [
        {"view": "overdue", "issued_from": "soon", "issued_to": "2026-13-45"},
        {"view": "events", "org": "acme", "events": "from=x&to=<b>"},
        {"view": "ingestion", "days": "constructor"},
        {"view": "__proto__", "org": "acme", "range": "custom", "group": "<b>"},
    ],
)
def test_whatever_the_address_says_the_page_stays(open_page: OpenPage, place: dict[str, str]) -> None:
    console = open_page(api=operator_api())
    console.open(**place)
    expect(console.page.locator("main h1")).to_be_visible()
    console.hear_nothing()
    assert console.api is not None
    assert not any("NaN" in str(asked) for asked in console.api.asked)


def test_whether_credit_comes_is_said_once_it_is_known(open_page: OpenPage) -> None:
    gone = {**BALANCE, "remaining": "0.00", "depletes_on": None}
    api = credits_api(balance=gone, schedule=_DOWN)
    console = open_page(api=api)
    console.open(view="credits")
    banner = console.page.locator(".credit-banner.gone")
    expect(banner).to_contain_text("Credits have run out.")
    expect(console.page.locator(".credit-schedule .failure")).to_be_visible()
    expect(banner).not_to_contain_text("No further credit")
    api.on("organizations/acme/credits/schedule", listed())
    console.page.get_by_role("button", name=_REFRESH).click()
    expect(banner).to_contain_text("No further credit is scheduled.")


def test_a_day_with_more_rows_than_are_read_is_not_summed_up_as_whole(open_page: OpenPage) -> None:
    rows = [paid("2026-01-19", grant=f"gr_{number}") for number in range(1, 301)]
    console = open_page(api=credits_api(balance=BALANCE, usage=paged(rows)))
    console.open(view="credits")
    day = console.page.locator(".drawn tr.day")
    expect(day).to_contain_text("in part")
    console.see("Used in the rows shown")
    console.page.get_by_role("button", name="Show more of this day").click()
    console.see("Used in the range")
    expect(day).not_to_contain_text("in part")


def test_a_link_with_another_token_signs_in_after_the_session_has_ended(open_page: OpenPage) -> None:
    api = credits_api()
    api.on("session", problem(401, "unauthenticated", "The token has ended."))
    console = open_page(api=api)
    console.open(view="credits")
    console.see("Your session has ended")
    api.on("session", SESSION)
    console.page.evaluate("location.hash = 'token=fresh'")
    console.see("Credit details")
    assert "fresh" not in console.page.url
    console.hear_nothing()


def test_a_key_that_cannot_be_one_is_refused_as_one(open_page: OpenPage) -> None:
    api = credits_api()
    api.on("session", problem(401, "unauthenticated", "Send a valid API key."))
    console = open_page(api=api)
    console.page.goto(f"{console.url}/console")
    console.page.get_by_label("Operators: sign in with an API key").fill("mf_admin_…")
    console.page.keyboard.press("Enter")
    console.see("This key is not valid")
    console.check()


def test_a_session_that_cannot_be_read_can_be_left(open_page: OpenPage) -> None:
    api = credits_api()
    api.on("session", _DOWN)
    console = open_page(api=api)
    console.open()
    console.page.get_by_role("button", name="Sign out").click()
    console.see("Open this page from your product")
    assert console.page.evaluate("sessionStorage.length") == 0


def test_signing_out_leaves_no_name_behind(open_page: OpenPage) -> None:
    api = credits_api()
    api.on("session", {**SESSION, "role": "ingest"})
    console = open_page(api=api)
    console.open(view="credits")
    console.page.get_by_role("button", name="Profile").click()
    expect(console.page.locator(".who")).to_contain_text("Sends events only")
    console.page.get_by_role("button", name="Sign out").click()
    console.see("Open this page from your product")
    assert console.page.title() == "Billing"
    assert "Acme" not in console.page.content()


def test_a_page_that_is_seen_again_refreshes_at_once(open_page: OpenPage) -> None:
    api = operator_api(READER)
    console = open_page(api=api)
    console.page.clock.install()
    console.open(view="plans")
    hide = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s});"
    console.page.evaluate(hide % "true")
    before = len(api.asked)
    console.page.clock.run_for(95_000)
    assert len(api.asked) == before
    with console.page.expect_request("**/v1/plans*"):
        console.page.evaluate(hide % "false" + "document.dispatchEvent(new Event('visibilitychange'))")


def test_every_view_tells_the_time_and_also_one_that_was_set_back(open_page: OpenPage) -> None:
    api = operator_api()
    console = open_page(api=api)
    console.open(view="keys")
    console.see("As of 10:42 UTC")
    for now, shown in (("2026-01-20T10:50:00Z", "10:50"), ("2026-01-19T09:00:00Z", "09:00"), (NOW, "10:42")):
        api.on("session", {**SESSION, "role": "admin", "organization": None, "as_of": now})
        console.page.get_by_role("button", name=_REFRESH).click()
        console.see(f"As of {shown} UTC")


def test_the_keyboard_is_not_lost_with_the_organization(open_page: OpenPage) -> None:
    console = open_page(api=operator_api())
    console.open(view="organizations", org="acme")
    console.page.locator(".switch").click()
    link = console.page.locator(".choices a:not([aria-current])").first
    link.focus()
    console.page.keyboard.press("Enter")
    expect(console.page.locator("main")).to_be_focused()


def test_two_filters_that_are_filled_at_once_both_count(open_page: OpenPage) -> None:
    console = open_page(api=operator_api())
    console.open(view="events", org="acme")
    console.page.evaluate(
        """for (const [label, text] of [["Type", "call"], ["Source", "app"]]) {
             const filters = [...document.querySelectorAll(".filter")];
             const field = filters.find((each) => each.innerText === label).querySelector("input");
             field.value = text;
             field.dispatchEvent(new Event("input", { bubbles: true }));
           }"""
    )
    console.page.wait_for_url("**source*")
    assert "type%3Dcall" in console.page.url
