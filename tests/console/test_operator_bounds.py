"""Who sees what: portal links and bound keys see one organization, read keys act on nothing, and what is asked for."""

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.conftest import OpenPage
from tests.console.console_page import ConsolePage
from tests.console.fake_api import listed
from tests.console.operator_answers import (
    CUSTOMER,
    EVENT,
    LARGE,
    METER,
    ORGANIZATIONS,
    READER,
    ask,
    fill,
    invoice,
    operator_api,
    press,
    rows,
)
from tests.local.running import Running

OPERATOR_VIEWS = ("organizations", "overdue", "meters", "plans", "ingestion", "keys", "settings")
OF_ONE = ("organization", "subscriptions", "events")
ACTIONS = (
    "New organization", "New meter", "New plan", "Next version", "New key", "Revoke", "Edit", "Create portal link",
    "New subscription", "Change plan", "Cap and terms", "Cancel subscription", "Resume", "Amend", "Void", "Rename",
    "Archive",
)  # fmt: skip


def _actions(console: ConsolePage) -> list[str]:
    found = console.page.locator("main button, dialog button").all_inner_texts()
    return [text for text in map(str.strip, found) if text in ACTIONS]


def _unfold(console: ConsolePage) -> None:
    console.page.locator(".event-unfold").first.click()
    console.page.locator(".json").first.wait_for()


def _key(server: Running, role: str, organization: str | None = None) -> str:
    made = server.post("/v1/api-keys", {"name": f"op {role}", "role": role, "organization": organization})
    return str(made["secret"])


def _two_organizations(server: Running) -> None:
    for name in ("op-mine", "op-theirs"):
        server.post("/v1/organizations", {"id": name, "name": f"Name of {name}"})


def _sees_one_organization_only(console: ConsolePage) -> None:
    assert "Name of op-mine" in console.page.locator("header.top").inner_text()
    assert console.page.get_by_role("button", name="Switch organization").count() == 0
    for view in (*OPERATOR_VIEWS, *OF_ONE):
        console.open(view=view, org="op-theirs")
        shown = console.page.locator("body").inner_text()
        assert "Name of op-theirs" not in shown
        assert "Operations" not in shown
        assert _actions(console) == []
        if view in OPERATOR_VIEWS:
            assert console.page.get_by_role("heading", level=1).inner_text() == "Billing"


def test_a_portal_link_opens_one_organization_and_no_other(open_page: OpenPage, server: Running) -> None:
    _two_organizations(server)
    console = open_page()
    console.credential = server.ready["admin_key"]
    console.open(view="organization", org="op-mine")
    ask(console, "Create portal link")
    fill(console, expires_in="900", name="Ada")
    press(console, "Create link")
    link = console.page.locator("dialog .secret code")
    link.wait_for()
    console.see("20 Jan 2026, 12:15")
    console.check()
    url = link.inner_text()
    press(console, "Done")
    assert url.partition("#token=")[0] == f"{console.url}/console"
    customer = open_page()
    customer.credential = url.partition("#token=")[2]
    customer.open(view="organization")
    _sees_one_organization_only(customer)
    customer.hear_nothing()


def test_a_key_of_one_organization_is_that_organization(open_page: OpenPage, server: Running) -> None:
    _two_organizations(server)
    console = open_page()
    console.credential = _key(server, "read", "op-mine")
    console.open(view="organization")
    console.see("Name of op-mine")
    _sees_one_organization_only(console)
    console.hear_nothing()


def test_a_read_key_sees_every_view_and_acts_on_nothing(open_page: OpenPage, server: Running) -> None:
    _two_organizations(server)
    console = open_page()
    console.credential = _key(server, "read")
    for view in (*OPERATOR_VIEWS, *OF_ONE):
        if view == "keys":  # Only admins may list keys.
            continue
        console.open(view=view, org="op-mine")
        assert console.page.locator(".failure").count() == 0
        assert _actions(console) == []
    assert console.page.get_by_role("link", name="API keys").count() == 0
    console.hear_nothing()


@pytest.mark.parametrize("session", [READER, CUSTOMER], ids=["reader", "customer"])
def test_full_views_have_no_actions_for_who_may_only_read(open_page: OpenPage, session: dict[str, Any]) -> None:
    console = open_page(api=operator_api(session))
    for view in OF_ONE if session is CUSTOMER else (*OPERATOR_VIEWS, *OF_ONE):
        console.open(view=view, org="acme", definition="tokens")
        if view == "events":
            _unfold(console)
        assert _actions(console) == []


def test_an_admin_has_every_action(open_page: OpenPage) -> None:
    admin = open_page(api=operator_api())
    seen: set[str] = set()
    for view in (*OPERATOR_VIEWS, *OF_ONE):
        admin.open(view=view, org="acme", definition="tokens")
        if view == "events":
            _unfold(admin)
        seen.update(_actions(admin))
    assert seen == set(ACTIONS)


def _page_of(items: list[dict[str, Any]], query: Any) -> dict[str, Any]:
    start, limit = int(query.get("cursor", ["0"])[0]), int(query["limit"][0])
    end = start + limit
    return listed(*items[start:end], next_cursor=str(end) if end < len(items) else None)


def test_a_thousand_rows_come_page_by_page(open_page: OpenPage) -> None:
    api = operator_api()
    many = [{**METER, "key": f"m{index:04}", "name": f"Meter {index:04}"} for index in range(1000)]
    api.on("meters", lambda query: _page_of(many, query))
    console = open_page(api=api)
    console.open(view="meters")
    for shown in (50, 100, 200, 400, 800):
        expect(console.page.locator("main tbody tr")).to_have_count(shown)
        console.page.get_by_role("button", name="Show more").click()
    expect(console.page.locator("main tbody tr")).to_have_count(1000)
    assert console.page.get_by_role("button", name="Show more").count() == 0
    assert [row[1] for row in rows(console)] == [meter["key"] for meter in many]
    console.hear_nothing()


def test_events_keep_every_digit_of_their_data(open_page: OpenPage) -> None:
    api = operator_api()
    body = '{"data": [' + _event_text('{"n": 12345678901234567890, "small": 0.1, "text": "\\"1e400"}') + "]}"
    api.on("organizations/acme/events", body.replace("]}", '], "next_cursor": null}'))
    console = open_page(api=api)
    console.open(view="events", org="acme")
    _unfold(console)
    data = console.page.locator(".json").inner_text()
    assert '"n": 12345678901234567890,' in data
    assert '"small": 0.1,' in data
    assert '"text": "\\"1e400"' in data
    ask(console, "Amend")
    assert "12345678901234567890" in console.page.locator("#field-data").input_value()


def _event_text(content: str) -> str:
    return json.dumps({**EVENT, "data": "DATA"}).replace('"DATA"', content)


def test_searching_events_asks_for_what_the_address_says(open_page: OpenPage) -> None:
    api = operator_api()
    console = open_page(api=api)
    console.open(view="events", org="acme", events="from=2026-01-05&to=2026-01-06&meter=tokens&filter[model]=a")
    console.page.get_by_label("Type").fill("inference")
    console.page.wait_for_url("**type%3Dinference**")
    console.settle()
    asked = [query for _, path, query, _ in api.asked if path.endswith("/events")][-1]
    assert asked == {
        "from": ["2026-01-05"],
        "to": ["2026-01-07"],
        "meter": ["tokens"],
        "filter[model]": ["a"],
        "type": ["inference"],
        "limit": ["50"],
    }
    assert console.page.get_by_label("model").input_value() == "a"
    console.page.get_by_label("Meter").select_option("")
    expect(console.page.get_by_label("model")).to_have_count(0)
    console.settle()
    assert "filter" not in console.page.url


def test_overdue_invoices_are_told_with_the_sum_of_what_is_shown(open_page: OpenPage) -> None:
    api = operator_api()
    many = [invoice(f"o{index:02}", amount_due=LARGE) for index in range(60)]
    api.on("invoices", lambda query: _page_of(many, query))
    console = open_page(api=api)
    console.open(view="overdue", issued_from="2025-12-01", issued_to="2025-12-31")
    _, _, asked, _ = next(each for each in api.asked if each[1] == "invoices")
    assert (asked["status"], asked["payment_status"]) == (["finalized"], ["overdue"])
    assert (asked["from"], asked["to"]) == (["2025-12-01T00:00:00Z"], ["2026-01-01T00:00:00Z"])
    assert {row[4] for row in rows(console)} == {"19"}
    console.see("Due on the 50 invoices shown; there are more")
    assert console.figures(".sums") == [("49999999999999999999.50", "$49,999,999,999,999,999,999.50")]
    press(console, "Show more")
    console.see("Due on 60 invoices")
    assert console.figures(".sums") == [("59999999999999999999.40", "$59,999,999,999,999,999,999.40")]
    console.page.get_by_label("Payment").select_option("uncollectible")
    console.see("Uncollectible invoices")
    assert "standing=uncollectible" in console.page.url


def test_a_link_to_an_organization_leaves_the_other_one_behind(open_page: OpenPage) -> None:
    console = open_page(api=operator_api())
    console.open(view="organizations", org="acme", invoice="inv_acme.1p0.0", line="usage-calls", events="id=b")
    link = console.page.get_by_role("link", name=ORGANIZATIONS[1]["name"]).get_attribute("href")
    assert link is not None
    assert sorted(part.partition("=")[0] for part in link.partition("?")[2].split("&")) == ["org", "view"]


def test_the_ingestion_of_all_organizations_is_asked_for_again_only_by_hand(open_page: OpenPage) -> None:
    api = operator_api()

    def asked(path: str) -> int:
        return sum(each == path for _, each, _, _ in api.asked)

    console = open_page(api=api)
    console.page.clock.install()
    console.open(view="ingestion")
    console.see("refreshed only by hand")
    before = asked("ingestion")
    console.page.clock.run_for(90_000)
    console.settle()
    assert asked("ingestion") == before > 0
    press(console, "Refresh")
    console.settle()
    assert asked("ingestion") == 2 * before
