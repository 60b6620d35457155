"""What the Invoices tab shows of invoices that a real server made is what its API answers, figure by figure."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.console import invoice_story
from tests.console.console_page import ConsolePage, opened
from tests.local.running import Running, serving

_EXPLAINED = ("usage", "late_usage")


@pytest.fixture(scope="module")
def billed() -> Iterator[Running]:
    """Serve the story of ``harbor``."""
    with serving("--empty", "--data", "memory", "--clock", invoice_story.STARTS) as running:
        invoice_story.bill(running)
        yield running


@pytest.fixture
def console(browser: Browser, billed: Running) -> Iterator[ConsolePage]:
    """Give a page as a person of ``harbor`` opens it, by a portal link."""
    with opened(browser, billed.ready["url"]) as page:
        link = billed.post("/v1/organizations/harbor/portal-links", {"name": "Ada"})
        page.credential = link["url"].partition("#token=")[2]
        yield page


def _values(place: Locator) -> list[str]:
    return [str(value) for value in place.locator("data").evaluate_all("all => all.map(one => one.value)")]


def _lines(console: ConsolePage) -> dict[str, dict[str, list[str]]]:
    """Read the figures of each line and of the credits below it."""
    found: dict[str, dict[str, list[str]]] = {}
    for row in console.page.locator(".invoice-line, .invoice-line-credit").all():
        line = row.get_attribute("data-line")
        if line is None:
            found[list(found)[-1]]["credits"] += _values(row)
            continue
        parts = ("quantity", "price", "amount")
        found[line] = {part: _values(row.locator(f".invoice-line-{part}")) for part in parts} | {"credits": []}
    return found


def _told(line: dict[str, Any]) -> dict[str, list[str]]:
    """Tell what must be read of a line of the API."""
    has_net = line["net"] != line["amount"] and line["kind"] not in ("discount", "cap")
    return {
        "quantity": [line["quantity"]] if line["quantity"] is not None else [],
        "price": [line["unit_price"]] if line["unit_price"] is not None else [],
        "amount": [line["amount"], *([line["net"]] if has_net else [])],
        "credits": [credit["amount"] for credit in line["credits"]],
    }


def _totals(invoice: dict[str, Any]) -> list[str]:
    less = [invoice[name] for name in ("discount", "credits_applied") if invoice[name] != "0.00"]
    taxes = [tax["amount"] for tax in invoice["taxes"]]
    taxes += [invoice["tax"]] if len(taxes) > 1 else []
    after = [
        invoice[f"amount_{name}"] for name in ("paid", "credited", "refunded") if invoice[f"amount_{name}"] != "0.00"
    ]
    return [invoice["subtotal"], *less, *taxes, invoice["total"], *after, invoice["amount_due"]]


def test_every_figure_of_every_invoice_is_the_api_s(console: ConsolePage, billed: Running) -> None:
    every = invoice_story.invoices_of(billed, "harbor")
    assert [one["status"] for one in every] == ["draft", "finalized", "finalized"]
    kinds = {line["kind"] for one in every for line in one["lines"]}
    assert kinds == {"usage", "recurring", "minimum", "cap", "discount", "late_usage"}
    for one in every:
        invoice = billed.get(f"/v1/invoices/{one['id']}")
        console.open(view="invoices", invoice=one["id"])
        expect(console.page.locator(".invoice-line")).to_have_count(len(invoice["lines"]))
        assert _lines(console) == {line["id"]: _told(line) for line in invoice["lines"]}
        assert _values(console.page.locator("dl[aria-label=Totals]")) == _totals(invoice)
        assert _values(console.page.locator("tr:has(td):has-text('wire'), tr:has-text('wrong')")) == [
            payment["amount"] for payment in invoice["payments"]
        ]
    assert _values(console.page.locator(".invoice-rows")) == [one["total"] for one in every]


def test_the_issued_invoice_tells_its_dates_parties_payments_and_notes(console: ConsolePage, billed: Running) -> None:
    january = invoice_story.invoice_of(billed, "harbor", period="2026-01-31T23:00")
    console.open(view="invoices", invoice=january["id"])
    facts = console.page.locator(".invoice-summary").inner_text()
    for told in ("5–31 Jan 2026", "3 Feb 2026", "5 Mar 2026", "in 23 days", "port, version 1", "Europe/Berlin"):
        assert told in facts, told
    expect(console.page.locator(".invoice-head .badge")).to_have_text("Partly paid")
    parties = console.page.locator(".invoice-parties").inner_text()
    assert invoice_story.SELLER["legal_name"] in parties
    assert "Hamburg" in parties
    reversed_one = console.page.locator("tr", has_text="wrong")
    expect(reversed_one.get_by_text("Reversed")).to_be_visible()
    console.page.locator("summary", has_text=january["credit_notes"][0]["number"]).click()
    note = billed.get(f"/v1/credit-notes/{january['credit_notes'][0]['id']}")
    expect(console.page.locator(".invoice-credit-note")).to_contain_text(note["reason"])
    credited = console.page.locator(".invoice-credit-note")
    assert _values(credited) == [note["net"], note["tax"], note["lines"][0]["amount"], note["amount_credited"]]
    console.page.locator("summary", has_text="Ledger head").click()
    console.see(january["ledger_head"]["hash"])
    console.check()


def test_a_line_unfolds_to_its_tiers_days_dimensions_and_credits(console: ConsolePage, billed: Running) -> None:
    for one in invoice_story.invoices_of(billed, "harbor")[:2]:
        for line in (line for line in one["lines"] if line["kind"] in _EXPLAINED):
            told = billed.get(f"/v1/invoices/{one['id']}/lines/{line['id']}")
            console.open(view="invoices", invoice=one["id"], line=line["id"])
            part = console.page.locator(".invoice-explanation")
            part.get_by_role("link", name="Events of this line").wait_for()
            assert part.locator(".invoice-formula code").inner_text() == told["formula"]
            tiers = [
                [tier["from"], *([tier["to"]] if tier["to"] else []), tier["quantity"]]
                + [tier[name] for name in ("unit_price", "flat_fee", "amount")]
                for tier in told["tiers"]
            ]
            days = [list(told["by_day"].values())] if told["by_day"] else []
            shares = [[share["quantity"] for share in told["by_dimension"]]] if told["by_dimension"] else []
            paid = [list(each["by_day"].values()) for each in told["credits"]]
            shown = [_values(table) for table in part.locator("table").all()]
            assert shown == [*([[*chain(*tiers)]] if tiers else []), *days, *shares, *paid]
            href = part.get_by_role("link", name="Events of this line").get_attribute("href")
            assert href is not None
            assert all(word in href for word in ("view=events", f"invoice={one['id']}", "line=")), href


def test_late_usage_leads_to_the_invoice_of_its_period(console: ConsolePage, billed: Running) -> None:
    january = invoice_story.invoice_of(billed, "harbor", period="2026-01-31T23:00")
    console.open(view="invoices")
    late = console.page.locator(".invoice-line", has_text="Late usage")
    expect(late).to_contain_text("5–31 Jan 2026")
    late.get_by_role("link", name=january["number"]).click()
    expect(console.page.locator(".invoice h2")).to_have_text(january["number"])
    console.page.go_back()
    expect(console.page.locator(".invoice")).to_contain_text("updates as usage arrives")


def test_a_draft_changes_in_place_when_usage_arrives(console: ConsolePage, billed: Running) -> None:
    invoice_story.open_organization(billed, "tide")
    invoice_story.subscribe(billed, "tide")
    invoice_story.use(billed, "tide", "2026-02-10T12:00:00Z", jobs={})
    link = billed.post("/v1/organizations/tide/portal-links", {})
    console.credential = link["url"].partition("#token=")[2]
    console.page.clock.install()
    console.page.set_viewport_size({"width": 1280, "height": 400})
    console.open(view="invoices", line="usage-jobs")
    quantity = console.page.locator("[data-line=usage-jobs] .invoice-line-quantity data")
    expect(quantity).to_have_attribute("value", "1")
    draft = invoice_story.invoices_of(billed, "tide")[0]
    console.page.get_by_role("button", name="Jobs", exact=True).focus()
    console.page.evaluate("scrollTo(0, 500)")
    scrolled = console.page.evaluate("scrollY")
    assert scrolled > 0
    invoice_story.use(billed, "tide", "2026-02-10T12:00:01Z", jobs={}, store={"gb": "900"})
    console.page.clock.run_for(30_000)
    expect(quantity).to_have_attribute("value", "2")
    changed = billed.get(f"/v1/invoices/{draft['id']}")
    assert changed["total"] != draft["total"]
    expect(console.page.locator(".invoice-amount data")).to_have_attribute("value", changed["total"])
    expect(console.page.locator(".invoice-rows [aria-current] data")).to_have_attribute("value", changed["total"])
    assert _lines(console) == {line["id"]: _told(line) for line in changed["lines"]}
    assert console.page.evaluate("scrollY") == scrolled
    assert console.page.evaluate("document.activeElement.textContent").strip() == "Jobs"
    expect(console.page.locator(".invoice-explanation table").first).to_contain_text("2")
    marked = console.page.locator(".invoice-changed data").evaluate_all("all => all.map(one => one.value)")
    assert changed["total"] in marked
    assert console.page.locator("[data-line=usage-jobs] .invoice-line-price .invoice-changed").count() == 0


def test_a_portal_token_sees_no_action_and_no_other_organization(console: ConsolePage, billed: Running) -> None:
    invoice_story.open_organization(billed, "stranger")
    foreign = invoice_story.sell(billed, "stranger", "Secret")
    for invoice in invoice_story.invoices_of(billed, "harbor"):
        console.open(view="invoices", invoice=invoice["id"])
        expect(console.page.locator(".invoice-line").first).to_be_visible()
        assert console.page.locator(".invoice-actions").count() == 0
        assert console.page.get_by_role("button", name="One-off").count() == 0
        assert console.page.get_by_role("button", name="Reverse").count() == 0
    console.open(view="invoices", invoice=foreign["id"])
    console.see("There is no such invoice here")
    assert console.page.get_by_text("Secret").count() == 0


def test_the_address_keeps_the_selection_through_back_and_reload(console: ConsolePage, billed: Running) -> None:
    draft, january, advance = invoice_story.invoices_of(billed, "harbor")
    console.open(view="invoices")
    heading = console.page.locator(".invoice h2")
    current = console.page.locator(".invoice-rows [aria-current=true]")
    expect(heading).to_have_text("1–28 Feb 2026")
    expect(current).to_contain_text("Draft")
    for one in (january, advance):
        console.page.locator(".invoice-rows a", has_text=one["number"]).click()
        expect(heading).to_have_text(one["number"])
        expect(current).to_contain_text(one["number"])
    console.page.go_back()
    expect(heading).to_have_text(january["number"])
    console.page.locator("[data-line=fee-care] button").click()
    console.page.reload()
    expect(heading).to_have_text(january["number"])
    expect(console.page.locator("[data-line=fee-care] button")).to_have_attribute("aria-expanded", "true")
    assert f"invoice={january['id']}" in console.page.url
    console.page.locator("[data-line=fee-care] button").click()
    expect(console.page.locator(".invoice-explanation")).to_have_count(0)
    assert "line=" not in console.page.url
    console.page.go_back()
    expect(heading).to_have_text("1–28 Feb 2026")
    assert draft["id"] not in console.page.url


def test_the_keyboard_alone_selects_unfolds_and_downloads(console: ConsolePage, billed: Running) -> None:
    january = invoice_story.invoice_of(billed, "harbor", period="2026-01-31T23:00")
    console.open(view="invoices")
    expect(console.page.locator(".invoice-rows a")).to_have_count(3)

    def tab_to(selector: str) -> None:
        for _ in range(60):
            console.page.keyboard.press("Tab")
            if console.page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"{selector} is not reached by the keyboard")

    tab_to(f".invoice-rows a[href*='{january['id']}']")
    console.page.keyboard.press("Enter")
    expect(console.page.locator(".invoice h2")).to_have_text(january["number"])
    tab_to("button[aria-label='Download CSV']")
    with console.page.expect_download() as waiting:
        console.page.keyboard.press("Space")
    assert waiting.value.suggested_filename == f"{january['number']}.csv"
    tab_to("[data-line=fee-care] button")
    console.page.keyboard.press("Enter")
    expect(console.page.locator(".invoice-formula")).to_be_visible()


@pytest.mark.parametrize(("kind", "media", "start"), [("pdf", "application/pdf", b"%PDF-"), ("csv", "text/csv", b"")])
def test_documents_come_under_the_invoice_s_name(
    console: ConsolePage, billed: Running, kind: str, media: str, start: bytes
) -> None:
    draft, january, _ = invoice_story.invoices_of(billed, "harbor")
    for one in (draft, january):
        console.open(view="invoices", invoice=one["id"])
        with (
            console.page.expect_response(lambda answer: answer.url.endswith(f"/{kind}")) as answered,
            console.page.expect_download() as waiting,
        ):
            console.page.get_by_role("button", name=f"Download {kind.upper()}").click()
        assert waiting.value.suggested_filename == f"{one['number'] or one['id']}.{kind}"
        assert answered.value.headers["content-type"].startswith(media)
        assert answered.value.request.headers["accept"] == media
        content = waiting.value.path().read_bytes()
        assert content.startswith(start)
        assert kind == "pdf" or one["lines"][0]["amount"] in content.decode()
    console.hear_nothing()


def test_a_document_that_does_not_come_says_why(console: ConsolePage) -> None:
    console.open(view="invoices")
    console.page.route("**/pdf", lambda route: route.abort())
    console.page.get_by_role("button", name="Download PDF").click()
    console.see("The document could not be fetched: The server could not be reached.")
