"""What an operator does on the Invoices tab, through its dialogs, against a real server."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.console import invoice_story
from tests.console.console_page import ConsolePage, opened
from tests.local.running import Running, serving

_PLAN = {
    "key": "calls",
    "name": "Calls",
    "currency": "USD",
    "billing_period": "month",
    "grace_hours": 700,
    "charges": [{"key": "base", "name": "Base", "type": "recurring", "amount": "90", "timing": "arrears"}],
}


@pytest.fixture(scope="module")
def trade() -> Iterator[Running]:
    """Serve a deployment in which January has ended for ``quay`` and is still in its grace."""
    with serving("--empty", "--data", "memory", "--clock", invoice_story.STARTS) as running:
        running.post("/v1/plans", _PLAN)
        invoice_story.open_organization(running, "quay")
        invoice_story.subscribe(running, "quay", "calls")
        invoice_story.set_clock(running, invoice_story.NOW)
        yield running


@pytest.fixture
def console(browser: Browser, trade: Running) -> Iterator[ConsolePage]:
    """Give a page as an operator opens it."""
    with opened(browser, trade.ready["url"]) as page:
        page.credential = trade.ready["admin_key"]
        yield page
        page.hear_nothing()


def _sold(console: ConsolePage, trade: Running, organization: str) -> dict[str, Any]:
    """Sell something for 100 to an organization of its own, and look at the invoice."""
    invoice_story.open_organization(trade, organization)
    sold = invoice_story.sell(trade, organization)
    console.open(view="invoices", org=organization, invoice=sold["id"])
    return sold


def _ask(console: ConsolePage, action: str) -> Locator:
    console.page.get_by_role("button", name=action).first.click()
    dialog = console.page.get_by_role("dialog")
    dialog.wait_for()
    return dialog


def _confirm(dialog: Locator) -> None:
    dialog.locator("button[type=submit]").click()


def _offered(console: ConsolePage) -> list[str]:
    console.page.locator(".invoice-line").first.wait_for()
    return console.page.locator(".invoice-actions button").all_inner_texts()


def _state(console: ConsolePage, state: str) -> None:
    expect(console.page.locator(".invoice-head .badge")).to_have_text(state)
    expect(console.page.locator(".invoice-rows [aria-current] .badge")).to_have_text(state)


def test_finalizing_a_draft_whose_period_has_ended(console: ConsolePage, trade: Running) -> None:
    february, january = invoice_story.invoices_of(trade, "quay")
    console.open(view="invoices", org="quay", invoice=february["id"])
    assert _offered(console) == []
    console.open(view="invoices", org="quay", invoice=january["id"])
    assert _offered(console) == ["Finalize now"]
    dialog = _ask(console, "Finalize now")
    assert january["total"] in dialog.inner_text()
    _confirm(dialog)
    _state(console, "Unpaid")
    issued = trade.get(f"/v1/invoices/{january['id']}")
    assert (issued["status"], issued["total"]) == ("finalized", january["total"])
    expect(console.page.locator(".invoice h2")).to_have_text(issued["number"])


def test_recording_a_payment_and_reversing_it(console: ConsolePage, trade: Running) -> None:
    sold = _sold(console, trade, "payer")
    assert _offered(console) == ["Record payment", "Credit note", "Mark uncollectible", "Void"]
    dialog = _ask(console, "Record payment")
    expect(dialog.get_by_label("Amount")).to_have_value(sold["amount_due"])
    dialog.get_by_label("Amount").fill("40.005")
    _confirm(dialog)
    expect(dialog).to_contain_text("is required")
    dialog.get_by_label("Reference").fill("wire 7")
    _confirm(dialog)
    fault = dialog.locator(".field", has=console.page.get_by_label("Amount")).locator(".fault")
    expect(fault).to_contain_text("Amount in USD")
    assert trade.get(f"/v1/invoices/{sold['id']}")["payments"] == []
    dialog.get_by_label("Amount").fill("40.00")
    expect(dialog.locator(".effect")).to_contain_text("40.00")
    _confirm(dialog)
    _state(console, "Partly paid")
    paid = trade.get(f"/v1/invoices/{sold['id']}")
    assert [(one["amount"], one["reference"], one["paid_at"]) for one in paid["payments"]] == [
        ("40.00", "wire 7", invoice_story.NOW)
    ]
    assert _offered(console) == ["Record payment", "Credit note", "Mark uncollectible"]
    dialog = _ask(console, "Reverse payment wire 7")
    expect(dialog.locator(".effect")).to_contain_text("$40.00")
    dialog.get_by_label("Reason").fill("bounced")
    _confirm(dialog)
    _state(console, "Unpaid")
    assert trade.get(f"/v1/invoices/{sold['id']}")["payments"][0]["reversed"] is True
    expect(console.page.locator("tr", has_text="wire 7")).to_contain_text("Reversed")
    assert console.page.get_by_role("button", name="Reverse").count() == 0


def test_a_refused_payment_says_why_and_changes_nothing(console: ConsolePage, trade: Running) -> None:
    sold = _sold(console, trade, "refused")
    dialog = _ask(console, "Record payment")
    dialog.get_by_label("Amount").fill("100.01")
    dialog.get_by_label("Reference").fill("too much")
    _confirm(dialog)
    expect(dialog.get_by_role("alert")).to_contain_text("Only 100.00 USD is due.")
    dialog.get_by_label("Amount").fill("100.00")
    dialog.get_by_label("Paid at").fill("2026-02-11T00:00")
    _confirm(dialog)
    expect(dialog.locator(".field.faulty .fault")).to_contain_text("lies in the future")
    console.check_every_look()
    console.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert console.page.evaluate("document.activeElement.textContent") == "Record payment"
    assert trade.get(f"/v1/invoices/{sold['id']}")["payments"] == []


def test_giving_up_and_being_paid_after_all(console: ConsolePage, trade: Running) -> None:
    sold = _sold(console, trade, "hopeless")
    dialog = _ask(console, "Mark uncollectible")
    expect(dialog.locator(".effect")).to_contain_text("$100.00")
    _confirm(dialog)
    expect(dialog.locator(".fault")).to_contain_text("Reason is required")
    dialog.get_by_label("Reason").fill("insolvent")
    _confirm(dialog)
    _state(console, "Uncollectible")
    assert _offered(console) == ["Record payment", "Credit note", "Void"]
    dialog = _ask(console, "Record payment")
    dialog.get_by_label("Reference").fill("from the estate")
    _confirm(dialog)
    _state(console, "Paid")
    assert trade.get(f"/v1/invoices/{sold['id']}")["payment_status"] == "paid"
    assert _offered(console) == ["Credit note"]


def test_voiding_keeps_the_number(console: ConsolePage, trade: Running) -> None:
    sold = _sold(console, trade, "mistake")
    dialog = _ask(console, "Void")
    dialog.get_by_label("Reason").fill("wrong <i>customer</i>")
    _confirm(dialog)
    _state(console, "Void")
    console.see("This invoice is void and must not be paid. Reason: wrong <i>customer</i>")
    expect(console.page.locator(".invoice h2")).to_have_text(sold["number"])
    assert _offered(console) == []
    assert trade.get(f"/v1/invoices/{sold['id']}")["void_reason"] == "wrong <i>customer</i>"


def test_voiding_the_invoice_of_a_period_can_make_a_new_draft(console: ConsolePage, trade: Running) -> None:
    trade.post("/v1/plans", _PLAN | {"key": "short", "billing_period": "week", "grace_hours": 0})
    invoice_story.open_organization(trade, "redo")
    trade.post("/v1/organizations/redo/subscriptions", {"plan": "short", "start": "2026-02-09T00:00:00+01:00"})
    invoice_story.set_clock(trade, "2026-02-16T12:00:00Z")
    issued = next(one for one in invoice_story.invoices_of(trade, "redo") if one["status"] == "finalized")
    console.open(view="invoices", org="redo", invoice=issued["id"])
    dialog = _ask(console, "Void")
    dialog.get_by_label("Reason").fill("wrong plan")
    expect(dialog.locator(".effect")).to_contain_text("not billed again")
    dialog.get_by_label("Make a new draft of its period").check()
    expect(dialog.locator(".effect")).to_contain_text("becomes a draft again")
    _confirm(dialog)
    _state(console, "Void")
    again = [one for one in invoice_story.invoices_of(trade, "redo") if one["period"] == issued["period"]]
    assert [one["status"] for one in again] == ["draft", "void"]
    expect(console.page.locator(f".invoice-rows a[href*='{again[0]['id']}']")).to_contain_text("Draft")
    invoice_story.set_clock(trade, invoice_story.NOW)


def test_a_credit_note_on_chosen_lines(console: ConsolePage, trade: Running) -> None:
    invoice_story.open_organization(trade, "noted")
    lines = [{"name": name, "quantity": "1", "unit_price": "50"} for name in ("Setup", "Training")]
    sold = trade.post("/v1/organizations/noted/invoices", {"lines": lines})
    trade.post(f"/v1/invoices/{sold['id']}/payments", {"amount": "100", "reference": "all"})
    console.open(view="invoices", org="noted", invoice=sold["id"])
    dialog = _ask(console, "Credit note")
    dialog.locator("#field-lines-0-line").select_option(sold["lines"][1]["id"])
    dialog.locator("#field-lines-0-amount").fill("60")
    dialog.get_by_label("Reason").fill("not <u>held</u>")
    dialog.get_by_label("What was paid already").select_option("refund")
    _confirm(dialog)
    expect(dialog.locator(".field.faulty .fault")).to_contain_text("must be at most 50.00")
    dialog.locator("#field-lines-0-amount").fill("10")
    dialog.locator("#field-lines-1-line").select_option(sold["lines"][0]["id"])
    dialog.locator("#field-lines-1-amount").fill("2.50")
    expect(dialog.locator(".effect")).to_contain_text("USD 10 and USD 2.50")
    _confirm(dialog)
    summary = console.page.locator(".invoice-credit-note summary")
    summary.click()
    (noted,) = trade.get(f"/v1/invoices/{sold['id']}")["credit_notes"]
    note = trade.get(f"/v1/credit-notes/{noted['id']}")
    assert [one["amount"] for one in note["lines"]] == ["10.00", "2.50"]
    assert (note["to"], note["refund"], note["net"]) == ("refund", "12.50", "12.50")
    expect(summary).to_contain_text(note["number"])
    expect(console.page.locator(".invoice-credit-note")).to_contain_text("not <u>held</u>")
    assert "Void" not in _offered(console)


def test_a_one_off_invoice_from_the_head_of_the_history(console: ConsolePage, trade: Running) -> None:
    invoice_story.open_organization(trade, "buyer")
    console.open(view="invoices", org="buyer")
    dialog = _ask(console, "One-off invoice")
    dialog.locator("#field-lines-0-name").fill("Migration <b>help</b>")
    dialog.locator("#field-lines-0-unit_price").fill("-5")
    dialog.get_by_label("Days to pay").fill("soon")
    _confirm(dialog)
    expect(dialog.locator(".field.faulty .fault")).to_have_count(2)
    dialog.locator("#field-lines-0-unit_price").fill("123456789012345.67")
    dialog.get_by_label("Days to pay").fill("10")
    dialog.locator("#field-lines-1-name").fill("Travel")
    dialog.locator("#field-lines-1-quantity").fill("2.5")
    dialog.locator("#field-lines-1-unit_price").fill("4")
    _confirm(dialog)
    _state(console, "Unpaid")
    (sold,) = invoice_story.invoices_of(trade, "buyer")
    assert [(line["name"], line["amount"]) for line in sold["lines"]] == [
        ("Migration <b>help</b>", "123456789012345.67"),
        ("Travel", "10.00"),
    ]
    assert f"invoice={sold['id']}" in console.page.url
    expect(console.page.locator(".invoice-amount data")).to_have_attribute("value", sold["amount_due"])
    console.see("Migration <b>help</b>")
