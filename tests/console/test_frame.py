"""What is around every view: signing in, navigation, switching, freshness, size."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.conftest import OpenPage
from tests.console.console_page import THEMES, WIDTHS, ConsolePage, Theme
from tests.console.fake_api import NOW, ORGANIZATION, SESSION, FakeApi, listed, problem
from tests.local.running import Running

_FIRST_LOAD_BYTES = 120 * 1024
_OPERATOR = {**SESSION, "role": "admin", "organization": None, "name": "Operations", "expires_at": None}
_USAGE: dict[str, Any] = {
    "from": "2025-12-22T00:00:00Z",
    "to": "2026-01-21T00:00:00Z",
    "window": "day",
    "timezone": "UTC",
    "as_of": NOW,
    "data": [],
}
_LONG = "Vereinigte Rechenzentrumsbetriebsgesellschaft " * 4
_RIGHT_TO_LEFT = "شركة الحوسبة السحابية المتقدمة"


def _quiet() -> FakeApi:
    """Make an API where nothing has happened yet."""
    api = FakeApi()
    api.on("meters", listed())
    api.on("organizations/[^/]+/(subscriptions|invoices|credits/[a-z]+)", listed())
    verified = {"entries": 0, "valid": True, "first_invalid_seq": None, "head_hash": None, "checked_to": 0}
    api.on("organizations/[^/]+/credits/verify", {**verified, "next_cursor": None})
    sums = ("allocated", "consumed", "pending", "expired", "voided", "held", "remaining", "scheduled", "unbooked")
    nothing = dict.fromkeys((*sums, "ledger_balance"), "0.00")
    api.on("organizations/[^/]+/credits", {**nothing, "expiring_soon": [], "depletes_on": None, "as_of": NOW})
    api.on("organizations/[^/]+/usage", _USAGE)
    return api


def _for_operators(*names: str) -> FakeApi:
    api = _quiet()
    api.on("session", _OPERATOR)
    found = [{**ORGANIZATION, "id": f"o{index}", "name": name} for index, name in enumerate(names)]
    for each in found:
        api.on(f"organizations/{each['id']}", each)

    def search(query: Any) -> Any:
        wanted = query.get("q", [""])[0].lower()
        return listed(*[each for each in found if each["name"].lower().startswith(wanted)])

    api.on("organizations", search)
    return api


def test_without_a_credential_the_page_tells_how_to_come_in(open_page: OpenPage) -> None:
    console = open_page(api=_quiet())
    console.page.goto(f"{console.url}/console")
    console.see("Open this page from your product")
    console.check()
    console.page.get_by_label("Operators: sign in with an API key").fill(" mf_admin_x ")
    console.page.keyboard.press("Enter")
    console.see("Your recent usage")


def test_the_credential_goes_into_the_header_and_out_of_the_address(open_page: OpenPage) -> None:
    console = open_page(api=_quiet())
    sent: list[str] = []
    console.page.on("request", lambda request: sent.append(request.headers.get("authorization", "")))
    console.open()
    assert "Bearer token" in sent
    assert "token" not in console.page.url
    console.page.reload()
    console.settle()
    console.see("Your recent usage")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_an_ended_session_keeps_the_place(open_page: OpenPage, theme: Theme, width: int) -> None:
    api = _quiet()
    api.on("session", problem(401, "unauthenticated", "The token has ended."))
    console = open_page(api=api, theme=theme, width=width)
    console.open(view="invoices", invoice="inv_acme.1p0.0")
    console.see("Your session has ended")
    assert "invoice=inv_acme.1p0.0" in console.page.url
    console.check()


def test_a_session_that_ends_while_the_page_is_open_is_told(open_page: OpenPage) -> None:
    api = _quiet()
    console = open_page(api=api)
    console.open()
    api.on("organizations/acme/usage", problem(401, "unauthenticated", "The token has ended."))
    console.page.get_by_role("button", name="Refresh").click()
    console.see("Your session has ended")
    console.hear_nothing()


def test_a_failing_session_can_be_tried_again(open_page: OpenPage) -> None:
    api = _quiet()
    api.on("session", problem(503, "busy", "Too much at once."))
    console = open_page(api=api)
    console.open()
    console.see("Too much at once.")
    console.check()
    api.on("session", SESSION)
    console.page.get_by_role("button", name="Try again").click()
    console.see("Your recent usage")


@pytest.mark.parametrize("name", [_LONG, _RIGHT_TO_LEFT, "<img src=x onerror=alert(1)>"])
def test_any_name_fits_into_the_frame(open_page: OpenPage, name: str) -> None:
    api = _quiet()
    api.on("session", {**SESSION, "name": name})
    api.on("organizations/acme", {**ORGANIZATION, "name": name})
    console = open_page(api=api)
    console.open()
    console.page.get_by_role("button", name="Profile").click()
    expect(console.page.locator(".who")).to_contain_text(name.strip())
    console.check_every_look()


def test_tabs_are_addresses_that_back_and_reload_keep(open_page: OpenPage) -> None:
    console = open_page(api=_quiet())
    console.open()
    tabs = console.page.get_by_role("navigation", name="Billing", exact=True)
    for tab in ("Invoices", "Credits"):
        tabs.get_by_role("link", name=tab).click()
        expect(tabs.locator("[aria-current=page]")).to_have_text(tab)
        expect(console.page).to_have_title(f"{tab} · Billing · Acme")
    console.page.reload()
    console.settle()
    expect(tabs.locator("[aria-current=page]")).to_have_text("Credits")
    console.page.go_back()
    expect(tabs.locator("[aria-current=page]")).to_have_text("Invoices")
    console.settle()
    console.hear_nothing()


def test_the_profile_leads_to_billing_by_keyboard(open_page: OpenPage) -> None:
    console = open_page(api=_quiet())
    console.open(view="organization")
    keyboard = console.page.keyboard
    console.page.get_by_role("button", name="Profile").focus()
    keyboard.press("Enter")
    expect(console.page.get_by_role("link", name="Organization Settings")).to_be_visible()
    keyboard.press("Escape")
    expect(console.page.get_by_role("button", name="Profile")).to_be_focused()
    keyboard.press("Enter")
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.press("Enter")
    console.see("Your recent usage")


def test_the_first_stop_of_the_keyboard_skips_to_the_content(open_page: OpenPage) -> None:
    console = open_page(api=_quiet())
    console.open()
    console.page.keyboard.press("Tab")
    expect(console.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    console.page.keyboard.press("Enter")
    expect(console.page.locator("main")).to_be_focused()


def test_the_chosen_theme_outlives_a_reload(open_page: OpenPage) -> None:
    console = open_page(api=_quiet())
    console.open()
    light = console.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    console.page.get_by_role("button", name="Profile").click()
    console.page.get_by_role("button", name="Dark").click()
    console.page.reload()
    console.settle()
    assert console.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != light
    console.check()


def test_an_operator_finds_an_organization_by_its_name(open_page: OpenPage) -> None:
    api = _for_operators("Acme", "Borealis", _LONG)
    console = open_page(api=api)
    console.open(org="o0", invoice="inv_o0.1p0.0", view="invoices")
    console.page.get_by_role("button", name="Acme. Switch organization").click()
    console.see("Borealis")
    console.check()
    console.page.get_by_label("Search by name").fill("bor")
    expect(console.page.locator(".choices li")).to_have_count(1)
    console.page.locator(".choices a").click()
    expect(console.page.get_by_role("button", name="Borealis. Switch organization")).to_be_visible()
    assert "org=o1" in console.page.url
    assert "invoice=" not in console.page.url


def test_a_customer_sees_no_view_of_operators(open_page: OpenPage) -> None:
    console = open_page(api=_quiet())
    console.open(view="keys", org="other")
    console.see("Your recent usage")
    expect(console.page.get_by_text("Operations")).to_have_count(0)
    assert not [path for _, path, _, _ in api_asked(console) if "other" in path]


def api_asked(console: ConsolePage) -> list[Any]:
    """List what the page asked the made-up API for."""
    assert console.api is not None
    return console.api.asked


def test_offline_keeps_the_figures_and_comes_back_by_itself(open_page: OpenPage) -> None:
    api = _quiet()
    console = open_page(api=api)
    console.open()
    console.page.context.set_offline(offline=True)
    console.see("You are offline. The figures are as of 10:42 UTC")
    console.check()
    before = len(api.asked)
    console.page.context.set_offline(offline=False)
    expect(console.page.get_by_text("You are offline")).to_have_count(0)
    console.page.get_by_role("button", name="Refresh").click()
    console.settle()
    assert len(api.asked) > before


def test_the_page_refreshes_every_thirty_seconds_while_it_is_seen(open_page: OpenPage) -> None:
    api = _quiet()
    console = open_page(api=api)
    console.page.clock.install()
    console.open()
    before = sum(path.endswith("/usage") for _, path, _, _ in api.asked)
    api.on("session", {**SESSION, "as_of": "2026-01-20T10:43:00Z"})
    api.on("organizations/acme/usage", {**_USAGE, "as_of": "2026-01-20T10:43:00Z"})
    console.page.clock.run_for(30_000)
    console.see("As of 10:43 UTC")
    assert sum(path.endswith("/usage") for _, path, _, _ in api.asked) == before + 1


def test_the_first_load_is_small_and_from_one_host(open_page: OpenPage, server: Running) -> None:
    server.post("/v1/organizations", {"id": "small-load", "name": "Small load"})
    console = open_page()
    key = server.post("/v1/api-keys", {"name": "r", "role": "read", "organization": "small-load"})
    console.credential = key["secret"]
    console.open()
    console.see("Your recent usage")
    console.page.wait_for_load_state("networkidle")
    loaded = console.page.evaluate(
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".filter(each => !each.name.includes('/v1/')).map(each => [each.name, each.encodedBodySize])"
    )
    assert sum(size for _, size in loaded) <= _FIRST_LOAD_BYTES, sorted(loaded, key=lambda each: -each[1])
    assert min(size for _, size in loaded) > 0
    console.hear_nothing()


def test_the_page_works_under_a_stage_path(open_page: OpenPage) -> None:
    console = open_page(api=_quiet())

    def staged(route: Any) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/stage/console", "/console")))

    console.page.route("**/stage/console**", staged)
    console.page.route("**/stage/console/**", staged)
    console.page.goto(f"{console.url}/stage/console?view=usage#token=t")
    console.settle()
    console.see("Your recent usage")
    console.hear_nothing()


def test_the_page_can_be_embedded(open_page: OpenPage) -> None:
    console = open_page(api=_quiet())
    product = '<!doctype html><iframe title="Billing" width="900" height="700" src="/console#token=t"></iframe>'
    console.page.route("**/product", lambda route: route.fulfill(content_type="text/html", body=product))
    console.page.goto(f"{console.url}/product")
    console.page.frame_locator("iframe").get_by_text("Your recent usage").wait_for()
    console.hear_nothing()
