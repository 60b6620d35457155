"""What is sent twice, too late or beside what others changed: it is done once, and only what was asked for."""

from typing import Any

from playwright.sync_api import Page, Request, Route, expect

from tests.console.conftest import OpenPage
from tests.console.console_page import ConsolePage
from tests.console.credit_answers import credits_api, with_plan
from tests.console.fake_api import ORGANIZATION, SESSION, FakeApi, problem
from tests.console.invoice_answers import invoice, line, serve_invoices
from tests.console.operator_answers import ask, fill, operator_api, press, submitted

_ADMIN = {**SESSION, "role": "admin"}
_GRANTS = "organizations/acme/credits/grants"
_GIVEN = {"id": "gr_1"}


def _lose_answers(page: Page) -> Any:
    """Let the answer of every POST be lost; gives how to end that."""

    def lose(route: Route) -> None:
        if route.request.method == "POST":
            route.abort("internetdisconnected")
        else:
            route.fallback()

    page.route("**/v1/**", lose)
    return lambda: page.unroute("**/v1/**", lose)


def _keys(page: Page) -> list[str]:
    sent: list[str] = []

    def hear(request: Request) -> None:
        if request.method == "POST":
            sent.append(request.headers["idempotency-key"])

    page.on("request", hear)
    return sent


def _give(console: ConsolePage, amount: str) -> None:
    ask(console, "Give credit")
    fill(console, name="Welcome", amount=amount)
    console.page.locator("dialog.action button[type=submit]").click()


def test_after_a_lost_answer_a_new_dialog_does_not_do_it_twice(open_page: OpenPage) -> None:
    api = credits_api(role="admin")
    api.on(_GRANTS, _GIVEN, method="POST")
    console = open_page(api=api)
    console.open(view="credits")
    sent = _keys(console.page)
    find_answers = _lose_answers(console.page)
    _give(console, "10")
    console.see("The server could not be reached.")
    press(console, "Cancel")
    _give(console, "12")
    console.see("The server could not be reached.")
    press(console, "Cancel")
    find_answers()
    api.on(_GRANTS, problem(401, "unauthenticated", "The key has ended."), method="POST")
    _give(console, "10")
    console.see("Your session has ended")
    api.on(_GRANTS, _GIVEN, method="POST")
    console.page.get_by_label("Operators: sign in with an API key").fill("another")
    console.page.keyboard.press("Enter")
    _give(console, "10")
    submitted(console)
    _give(console, "10")
    submitted(console)
    first, other, refused, again, second = sent
    assert first == refused == again
    assert len({first, other, second}) == 3


def test_what_was_refused_is_asked_for_anew(open_page: OpenPage) -> None:
    api = credits_api(role="admin")
    api.on(_GRANTS, problem(422, "invalid-input", "Not so.", ("/amount", "must be above 0")), method="POST")
    console = open_page(api=api)
    console.open(view="credits")
    sent = _keys(console.page)
    _give(console, "0")
    console.see("must be above 0")
    console.page.locator("dialog.action button[type=submit]").click()
    expect(console.page.locator("dialog.action button[type=submit]")).to_be_enabled()
    console.see("must be above 0")
    assert len(set(sent)) == len(sent) == 2


def test_actions_work_on_pages_without_tls(open_page: OpenPage) -> None:
    api = credits_api(role="admin")
    api.on(_GRANTS, _GIVEN, method="POST")
    console = open_page(api=api)
    console.page.add_init_script("delete Crypto.prototype.randomUUID; delete Navigator.prototype.clipboard")
    console.open(view="credits")
    _give(console, "10")
    submitted(console)
    assert [asked[3]["amount"] for asked in api.asked if asked[0] == "POST"] == ["10"]
    link = {"url": "/console#token=t", "expires_at": "2026-01-20T11:00:00Z"}
    api.on("organizations/acme/portal-links", link, method="POST")
    console.page.goto(f"{console.url}/console?view=organization")
    ask(console, "Create portal link")
    press(console, "Create link")
    press(console, "Copy the link")
    console.see("Select the text and copy it by hand")
    console.hear_nothing()


def test_while_it_is_sent_it_cannot_be_cancelled(open_page: OpenPage) -> None:
    api = credits_api(role="admin")
    api.on(_GRANTS, None, method="POST")
    console = open_page(api=api)
    console.open(view="credits")
    _give(console, "10")
    expect(console.page.get_by_role("button", name="Cancel")).to_be_disabled()


def test_an_edit_sends_only_what_was_edited(open_page: OpenPage) -> None:
    api = operator_api()
    console = open_page(api=api)
    console.open(view="organization", org="acme")
    ask(console, "Edit")
    fill(console, tax_id="DE 1")
    others = {**ORGANIZATION, "address": "Changed by another", "tax_rates": [{"name": "VAT", "percent": "19"}]}
    api.on("organizations/acme", others)
    console.page.evaluate("window.dispatchEvent(new Event('online'))")
    console.page.get_by_text("Changed by another").wait_for(state="attached")
    expect(console.page.locator("dialog .effect")).to_contain_text("Changes the tax id at once.")
    api.on("organizations/acme", others, method="PATCH")
    press(console, "Save")
    submitted(console)
    assert [asked[3] for asked in api.asked if asked[0] == "PATCH"] == [{"tax_id": "DE 1"}]


def test_a_new_name_is_in_the_frame_at_once(open_page: OpenPage) -> None:
    api = operator_api()
    console = open_page(api=api)
    console.open(view="organization", org="acme")
    ask(console, "Edit")
    fill(console, name="Acme and Sons")
    api.on("organizations/acme", {**ORGANIZATION, "name": "Acme and Sons"})
    api.on("organizations/acme", ORGANIZATION, method="PATCH")
    press(console, "Save")
    submitted(console)
    expect(console.page.locator(".switch .organization-name")).to_have_text("Acme and Sons")


def test_what_is_told_is_what_is_sent(open_page: OpenPage) -> None:
    lines = [line(1), line(2), line(3)]
    api = serve_invoices(FakeApi(), invoice(lines=lines))
    api.on("session", _ADMIN)
    console = open_page(api=api)
    console.open(view="invoices")
    ask(console, "Credit note")
    fill(console, lines__0__line="usage-1", lines__0__amount="1.00")
    fill(console, lines__1__line="usage-2", lines__1__amount="2.00")
    fill(console, lines__2__line="usage-3", lines__2__amount="3.00")
    effect = console.page.locator("dialog .effect")
    expect(effect).to_contain_text("USD 1.00 and USD 2.00 and USD 3.00")
    fill(console, lines__1__line="", reason="Not used")
    expect(effect).to_contain_text("Takes back USD 1.00 and the tax")
    api.on("invoices/[^/]+/credit-notes", {}, method="POST")
    press(console, "Issue credit note")
    submitted(console)
    assert api.asked[-1][0] == "GET"
    sent = next(asked[3] for asked in api.asked if asked[0] == "POST")
    assert sent["lines"] == [{"line": "usage-1", "amount": "1.00"}]
    ask(console, "One-off invoice")
    fill(console, lines__0__name="Setup", lines__0__unit_price="5")
    fill(console, lines__1__name="Training", lines__1__quantity="1", lines__1__unit_price="6")
    fill(console, lines__2__name="Travel", lines__2__quantity="1", lines__2__unit_price="7")
    expect(effect).to_contain_text("Travel")
    fill(console, lines__1__name="")
    expect(effect).not_to_contain_text("Travel")


def test_an_estimate_is_of_what_is_in_the_fields(open_page: OpenPage) -> None:
    api = with_plan(credits_api())
    console = open_page(api=api)
    console.open(view="credits")
    waiting: list[Route] = []

    def keep(route: Route) -> None:
        waiting.append(route)

    console.page.route("**/authorize", keep)
    quantity = console.page.locator(".estimator").get_by_label("Quantity")
    quantity.fill("1")
    console.page.get_by_role("button", name="Estimate").click()
    console.page.wait_for_function("document.querySelector('.estimator [type=submit]').disabled")
    quantity.fill("1000")
    press(console, "Estimate")
    told = {"allowed": True, "reason": None, "remaining": "9.00", "as_of": "2026-01-20T10:42:00Z"}
    for route, amount in zip(reversed(waiting), ("8.00", "0.01"), strict=True):
        with console.page.expect_response("**/authorize"):
            route.fulfill(json={**told, "estimated_amount": amount, "remaining_after": amount})
    console.page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    assert console.page.locator(".estimate data").first.get_attribute("value") == "8.00"
