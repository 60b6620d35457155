"""What an admin does in the operator views, on a real server: asked back, done, and shown as the API has it."""

import json
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import expect

from local.client import Client
from tests.console.conftest import OpenPage
from tests.console.console_page import ConsolePage
from tests.console.operator_answers import MARKUP, ask, faults, fill, press, rows, submitted
from tests.local.running import Running


@pytest.fixture
def admin(open_page: OpenPage, server: Running) -> ConsolePage:
    """Give a page that is signed in with the first key."""
    console = open_page()
    console.credential = server.ready["admin_key"]
    return console


def _organization(server: Running, name: str, **fields: Any) -> None:
    server.post("/v1/organizations", {"id": name, "name": name, **fields})


def _meter(server: Running, key: str) -> None:
    body = {"key": key, "name": key, "event_type": key, "aggregation": "sum", "value": "n", "unit": "call"}
    server.post("/v1/meters", {**body, "dimensions": {"model": "model"}})


def _plan(server: Running, key: str, meter: str, price: str = "0.5") -> None:
    charge = {"key": "calls", "name": "Calls", "type": "usage", "meter": meter, "model": "per_unit"}
    body = {"key": key, "name": key, "currency": "USD", "billing_period": "month"}
    server.post("/v1/plans", {**body, "charges": [{**charge, "unit_price": price}]})


def test_an_organization_is_created_after_its_faults_and_edited_field_by_field(
    admin: ConsolePage, server: Running
) -> None:
    admin.open(view="organizations")
    ask(admin, "New organization")
    fill(admin, id="Not ok", name=MARKUP, currency="DOLLAR", email="nobody", tax_rates__0__name="VAT")
    fill(admin, tax_rates__0__percent="190")
    press(admin, "Create")
    said = faults(admin)
    assert [text.split(" ")[0] for text in said] == ["Id", "Currency", "E-mail", "Tax"]
    assert admin.page.locator("#field-id").get_attribute("aria-invalid") == "true"
    admin.check()
    fill(admin, id="op-made", currency="EUR", email="pay@made.example", tax_rates__0__percent="19")
    fill(admin, timezone="Europe/Berlin", address="Lindenallee 3\n10115 Berlin")
    press(admin, "Create")
    submitted(admin)
    admin.see("Lindenallee 3")
    made = server.get("/v1/organizations/op-made")
    assert made["name"] == MARKUP
    assert (made["currency"], made["timezone"]) == ("EUR", "Europe/Berlin")
    assert made["tax_rates"] == [{"name": "VAT", "percent": "19"}]
    ask(admin, "Edit")
    fill(admin, email="", tax_id="DE 1", tax_rates__1__name="City")
    fill(admin, tax_rates__1__percent="1.5")
    admin.see("Changes the email, tax id, tax rates at once")
    with admin.page.expect_request(lambda request: request.method == "PATCH") as sent:
        press(admin, "Save")
    submitted(admin)
    rates = [{"name": "VAT", "percent": "19"}, {"name": "City", "percent": "1.5"}]
    assert sent.value.post_data_json == {"email": None, "tax_id": "DE 1", "tax_rates": rates}
    changed = server.get("/v1/organizations/op-made")
    assert (changed["email"], changed["tax_id"], changed["tax_rates"]) == (None, "DE 1", rates)
    admin.see("DE 1")
    admin.hear_nothing()


def test_organizations_are_found_by_name_and_the_search_stays_in_the_address(
    admin: ConsolePage, server: Running
) -> None:
    for name in ("seek-one", "seek-two", "other"):
        _organization(server, f"op-{name}")
    admin.open(view="organizations")
    admin.page.get_by_label("Search by name or id").fill("op-seek")
    expect(admin.page.locator("main tbody tr")).to_have_count(2)
    assert "q=op-seek" in admin.page.url
    admin.page.reload()
    admin.settle()
    listed = server.get("/v1/organizations?q=op-seek")["data"]
    assert [row[:4] for row in rows(admin)] == [
        [each["name"], each["id"], each["currency"], each["timezone"]] for each in listed
    ]
    admin.page.get_by_role("link", name="op-seek-two").click()
    admin.page.get_by_role("heading", name="Billing").wait_for()
    assert "org=op-seek-two" in admin.page.url


def test_a_meter_is_created_renamed_and_archived(admin: ConsolePage, server: Running) -> None:
    admin.open(view="meters")
    ask(admin, "New meter")
    fill(admin, key="op_tokens", name=MARKUP, event_type="op.tokens", aggregation="sum", dimensions='{"m": 1}')
    press(admin, "Create")
    assert {text.split(" ")[0] for text in faults(admin)} == {"Value", "Dimensions"}
    fill(admin, value="usage.n", dimensions="{nothing")
    press(admin, "Create")
    admin.see("is not JSON")
    fill(admin, dimensions='{"model": "model"}', filter='{"kind": ["output"]}', unit="token")
    press(admin, "Create")
    submitted(admin)
    made = server.get("/v1/meters/op_tokens")
    assert (made["value"], made["dimensions"], made["filter"]) == ("usage.n", {"model": "model"}, {"kind": ["output"]})
    admin.open(view="meters", definition="op_tokens")
    ask(admin, "Rename")
    fill(admin, name="Tokens of operators", unit="")
    press(admin, "Save")
    submitted(admin)
    ask(admin, "Archive")
    press(admin, "Archive")
    submitted(admin)
    now = server.get("/v1/meters/op_tokens")
    assert (now["name"], now["unit"], now["status"]) == ("Tokens of operators", None, "archived")
    admin.see("archived")
    admin.check()


def test_a_plan_is_refused_with_every_fault_created_and_followed_by_a_version(
    admin: ConsolePage, server: Running
) -> None:
    _meter(server, "op_planned")
    admin.open(view="plans")
    ask(admin, "New plan")
    charge = {"key": "a", "name": "A", "type": "usage", "meter": "op_nothing", "model": "per_unit", "unit_price": "-1"}
    plan: dict[str, Any] = {"key": "op-plan", "name": MARKUP, "currency": "USD", "billing_period": "month"}
    fill(admin, editor=json.dumps({**plan, "charges": [charge]}))
    press(admin, "Create plan")
    said = " ".join(faults(admin))
    assert "/charges/0/meter" in said
    assert "/charges/0/unit_price" in said
    admin.check()
    good = {**charge, "meter": "op_planned", "unit_price": "0.000000000001"}
    fill(admin, editor=json.dumps({**plan, "charges": [good], "minimum": 0}).replace("0}", "0.12345678901234567890}"))
    press(admin, "Create plan")
    admin.see("a browser cannot send exactly")
    fill(admin, editor=json.dumps({**plan, "charges": [good]}))
    press(admin, "Create plan")
    submitted(admin)
    admin.see("per call")
    assert ("0.000000000001", "$0.000000000001") in admin.figures()
    ask(admin, "Next version")
    content = json.loads(admin.page.locator("#field-editor").input_value())
    assert content["charges"][0]["unit_price"] == "0.000000000001"
    fill(admin, editor=json.dumps({**content, "discount_percent": "10"}))
    press(admin, "Publish")
    submitted(admin)
    admin.see("10 % of all charges")
    assert server.get("/v1/plans/op-plan")["version"] == 2
    admin.page.get_by_label("Version").select_option("1")
    expect(admin.page.locator("main")).not_to_contain_text("of all charges")
    assert "version=1" in admin.page.url


def test_a_subscription_is_made_changed_resumed_capped_and_cancelled(admin: ConsolePage, server: Running) -> None:
    _organization(server, "op-sub")
    _meter(server, "op_subscribed")
    _plan(server, "op-small", "op_subscribed")
    _plan(server, "op-big", "op_subscribed", "0.25")
    admin.open(view="subscriptions", org="op-sub")
    ask(admin, "New subscription")
    fill(admin, plan="op-none", trial_days="many")
    press(admin, "Subscribe")
    assert [text.split(" ")[0] for text in faults(admin)] == ["Days"]
    fill(admin, trial_days="")
    press(admin, "Subscribe")
    expect(admin.page.locator("#field-trial_days-fault")).to_have_count(0)
    assert [text.split(" ")[0] for text in faults(admin)] == ["Plan"]
    fill(admin, plan="op-small", spend_cap="500", start="2026-01-01T00:00", payment="prepaid")
    press(admin, "Subscribe")
    submitted(admin)
    admin.see("$500.00")
    admin.see("per call")
    [made] = server.get("/v1/organizations/op-sub/subscriptions")["data"]
    assert (made["plan"], made["start"], made["payment"]) == ("op-small", "2026-01-01T00:00:00Z", "prepaid")
    path = f"/v1/subscriptions/{made['id']}"
    ask(admin, "Change plan")
    fill(admin, plan="op-big")
    admin.see("at the end of the current period")
    press(admin, "Change plan")
    submitted(admin)
    admin.see("Changes to")
    assert server.get(path)["scheduled_change"]["plan"] == "op-big"
    ask(admin, "Resume")
    press(admin, "Resume")
    submitted(admin)
    assert server.get(path)["scheduled_change"] is None
    ask(admin, "Cap and terms")
    fill(admin, spend_cap="", overrides='{"charges": {"calls": {"unit_price": "0.125"}}, "net_days": 5}')
    press(admin, "Save")
    submitted(admin)
    assert server.get(path)["spend_cap"] is None
    ask(admin, "Cancel subscription")
    fill(admin, at="instant")
    fill(admin, at__instant="2026-01-25T00:00")
    press(admin, "Cancel subscription")
    submitted(admin)
    assert (server.get(path)["status"], server.get(path)["end"]) == ("cancelling", "2026-01-25T00:00:00Z")
    admin.see("cancelling")
    admin.check()


def test_a_key_is_shown_once_works_and_is_revoked(admin: ConsolePage, server: Running) -> None:
    admin.open(view="keys")
    ask(admin, "New key")
    fill(admin, name="op worker", organization="op-nobody")
    press(admin, "Create key")
    assert faults(admin) == ["Organization there is no such organization"]
    fill(admin, organization="", role="read")
    press(admin, "Create key")
    admin.see("Copy the key now")
    secret = admin.page.locator("dialog .secret code").inner_text()
    admin.check()
    assert _session(server, secret)["role"] == "read"
    press(admin, "Done")
    assert secret not in admin.page.content()
    listed = server.get("/v1/api-keys?limit=200")["data"]
    assert [row[4] for row in rows(admin)] == [key["id"] for key in listed]
    admin.page.get_by_role("row", name="op worker").get_by_role("button", name="Revoke").click()
    admin.see("Ends the key")
    press(admin, "Revoke")
    submitted(admin)
    admin.page.get_by_role("row", name="op worker").wait_for(state="detached")
    assert [key["name"] for key in server.get("/v1/api-keys?limit=200")["data"] if key["name"] == "op worker"] == []
    admin.hear_nothing()


def _session(server: Running, credential: str) -> Any:
    return Client(server.ready["url"], credential, patience_s=0).get("/v1/session").content


def test_an_event_is_searched_amended_and_voided(admin: ConsolePage, server: Running) -> None:
    _organization(server, "op-events")
    _meter(server, "op_counted")
    event = {"source": "gw", "type": "op_counted", "subject": "op-events", "data": {"n": 2, "model": MARKUP}}
    sent = [{**event, "id": f"{name}", "time": f"2026-01-20T0{at}:00:00Z"} for at, name in enumerate("abc")]
    strange = {**sent[0], "id": MARKUP, "type": "unknown", "time": "2026-01-19T10:00:00Z"}
    server.post("/v1/events", [*sent, {**sent[0], "data": {"n": 3}}, strange])
    admin.open(view="events", org="op-events")
    assert [(row[2].split("\n")[0], row[4].lower()) for row in rows(admin)] == _listed(server)
    assert {row[4] for row in rows(admin)} == {"Counted", "Conflict", "Unmatched"}
    admin.page.get_by_label("Id", exact=True).fill("b")
    expect(admin.page.locator("main tbody tr")).to_have_count(1)
    admin.page.get_by_role("button", name="Event b").click()
    ask(admin, "Amend")
    fill(admin, data='{"n": 12345678901234567890}', reason="typing error")
    press(admin, "Amend")
    admin.see("a browser cannot send exactly")
    fill(admin, data='{"n": "7.5", "model": "x"}')
    press(admin, "Amend")
    submitted(admin)
    admin.page.locator("main .badge", has_text="amended").wait_for()
    admin.see("typing error")
    admin.check()
    ask(admin, "Void")
    press(admin, "Void")
    admin.see("Reason is required")
    fill(admin, reason=MARKUP)
    press(admin, "Void")
    submitted(admin)
    admin.page.locator("main .badge", has_text="voided").wait_for()
    [found] = server.get("/v1/organizations/op-events/events?id=b")["data"]
    assert (found["state"], found["void_reason"]) == ("voided", MARKUP)
    assert "events=id%3Db" in admin.page.url
    press(admin, "Clear")
    expect(admin.page.locator("main tbody tr")).to_have_count(6)
    assert [row[4].lower() for row in rows(admin) if len(row) > 1] == [state for _, state in _listed(server)]


def _listed(server: Running) -> list[tuple[str, str]]:
    found = server.get("/v1/organizations/op-events/events")["data"]
    return [(event["id"], event["state"]) for event in found]


def test_the_events_behind_a_line_say_so_and_lead_back(admin: ConsolePage, server: Running) -> None:
    _organization(server, "op-line")
    _meter(server, "op_lined")
    _plan(server, "op-lined", "op_lined")
    server.post("/v1/organizations/op-line/subscriptions", {"plan": "op-lined", "start": "2026-01-01T00:00:00Z"})
    event = {"source": "gw", "type": "op_lined", "subject": "op-line", "data": {"n": 2}}
    times = {"early": "2026-01-02T08:00:00Z", "late": "2026-01-20T08:00:00Z"}
    server.post("/v1/events", [{**event, "id": name, "time": at} for name, at in times.items()])
    draft = server.get("/v1/organizations/op-line/invoices/current")
    place = {"view": "events", "org": "op-line", "invoice": draft["id"], "line": draft["lines"][0]["id"]}
    admin.open(**place)
    admin.see("The events behind the line")
    admin.page.get_by_text("Calls").first.wait_for()
    assert [row[2].split("\n")[0] for row in rows(admin)] == ["late", "early"]
    admin.check()
    admin.page.get_by_role("link", name="Show all events").click()
    expect(admin.page.locator("main tbody tr")).to_have_count(1)
    assert [row[2].split("\n")[0] for row in rows(admin)] == ["late"]
    admin.page.go_back()
    admin.page.get_by_role("link", name="the draft").click()
    admin.page.get_by_role("heading", name="Billing").wait_for()
    assert "view=invoices" in admin.page.url
    assert f"invoice={draft['id']}" in admin.page.url


def test_settings_are_replaced_whole(admin: ConsolePage, server: Running) -> None:
    before = server.get("/v1/settings")
    admin.open(view="settings")
    try:
        ask(admin, "Edit")
        fill(admin, seller__legal_name=MARKUP, seller__logo="data:text/html,no", late_limit_days="0")
        press(admin, "Save")
        assert {text.split(" ")[0] for text in faults(admin)} == {"Logo", "Days"}
        fill(admin, seller__logo="", late_limit_days="40", seller__address="Street 1\nTown")
        press(admin, "Save")
        submitted(admin)
        admin.see("40 days")
        now = server.get("/v1/settings")
        assert now["seller"] == {
            "legal_name": MARKUP,
            "address": "Street 1\nTown",
            "tax_id": before["seller"]["tax_id"],
            "logo": None,
        }
        assert now["late_limit_days"] == 40
        assert now["create_unknown_organizations"] == before["create_unknown_organizations"]
        admin.check()
    finally:
        server.client.send("PUT", "/v1/settings", json.dumps(before).encode())


def test_ingestion_shows_each_day_as_the_api_counts_it(admin: ConsolePage, server: Running) -> None:
    _organization(server, "op-health", timezone="Asia/Tokyo")
    event = {"source": "gw", "type": "op.unknown", "subject": "op-health", "time": "2026-01-18T20:00:00Z", "data": {}}
    server.post("/v1/events", [{**event, "id": "1"}, {**event, "id": "1"}, {**event, "id": "2"}])
    admin.open(view="ingestion", org="op-health", days="7")
    admin.see("2 unmatched")
    days = server.get("/v1/ingestion?organization=op-health&from=2026-01-14&to=2026-01-21")["data"]
    order = ("accepted", "conflicts", "unmatched", "unusable", "duplicates", "voided", "amended")
    shown = [value for value, _ in admin.figures("main tbody")]
    assert shown == [str(day[name]) for day in reversed(days) for name in order]
    admin.check()
    admin.page.get_by_role("link", name="19 Jan 2026").click()
    expect(admin.page.locator("main tbody tr")).to_have_count(3)
    assert [row[4] for row in rows(admin)] == ["Unmatched", "Duplicate", "Unmatched"]
    admin.open(view="ingestion")
    row = admin.page.get_by_role("row", name="op-health")
    accepted = sum(day["accepted"] for day in days)
    assert row.locator("data").first.get_attribute("value") == str(accepted) == "3"


def test_unpaid_invoices_are_listed_with_the_sum_of_each_currency(admin: ConsolePage, server: Running) -> None:
    for name, currency, price in (("op-a", "USD", "0.10"), ("op-b", "USD", "123456789012.35"), ("op-c", "JPY", "7")):
        _organization(server, name, currency=currency)
        body = {"lines": [{"name": "Setup", "quantity": "1", "unit_price": price}]}
        server.post(f"/v1/organizations/{name}/invoices", body)
    admin.open(view="overdue", standing="unpaid")
    listed = server.get("/v1/invoices?status=finalized&payment_status=unpaid&limit=200")["data"]
    assert [row[1] for row in rows(admin)] == [invoice["number"] for invoice in listed]
    shown = admin.figures("main tbody")
    money = [each for invoice in listed for each in (invoice["total"], invoice["amount_due"])]
    assert [value for value, _ in shown] == money
    dollars = sum(Decimal(each["amount_due"]) for each in listed if each["currency"] == "USD")
    assert str(dollars) in [value for value, _ in admin.figures(".sums")]
    admin.check()
    admin.page.get_by_role("link", name=listed[0]["number"]).click()
    admin.page.get_by_role("heading", name="Billing").wait_for()
    assert f"org={listed[0]['organization']}" in admin.page.url
