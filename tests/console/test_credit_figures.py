"""What the Credits tab shows is what the API answers, figure by figure, on a server of its own."""

from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator

from tests.console.console_page import ConsolePage, opened
from tests.console.credit_story import BEGIN, tell_story, use_hours
from tests.local.running import Running, serving

ORG = "storyteller"
CREDITS = f"/v1/organizations/{ORG}/credits"
PARTS = ("amount", "consumed", "pending", "held", "expired", "voided", "remaining")
ONLY_IF_ANY = {"held", "expired", "voided"}


@pytest.fixture(scope="module")
def told() -> Iterator[Running]:
    """Serve the story of one organization."""
    with serving("--empty", "--data", "memory", "--clock", BEGIN) as running:
        tell_story(running, ORG)
        yield running


@pytest.fixture
def tab(browser: Browser, told: Running) -> Iterator[ConsolePage]:
    """Open the tab with a portal token, in a width that shows the ledger as a table."""
    with ExitStack() as pages:
        console = pages.enter_context(opened(browser, told.ready["url"], width=1600))
        link = told.post(f"/v1/organizations/{ORG}/portal-links", {})["url"]
        console.credential = link.partition("#token=")[2]
        console.open(view="credits")
        yield console


def values(part: Locator) -> list[str]:
    found = part.locator("data").evaluate_all("all => all.map(each => each.getAttribute('value'))")
    return [str(value) for value in found]


def named_values(part: Locator) -> dict[str, str]:
    """Read a list of terms with one figure each."""
    found = part.locator("div:has(> dt):has(data)").evaluate_all(
        "all => all.map(each => [each.querySelector('dt').textContent, each.querySelector('data').value])"
    )
    return dict(found)


def is_zero(amount: str) -> bool:
    return Decimal(amount) == 0


def rows_of(running: Running, path: str) -> list[Any]:
    """Read a list to its end."""
    found: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        mark = "&" if "?" in path else "?"
        page = running.get(f"{CREDITS}/{path}" + (f"{mark}cursor={quote(cursor)}" if cursor else ""))
        found += page["data"]
        cursor = page["next_cursor"]
    return found


def assert_summary(console: ConsolePage, balance: dict[str, Any]) -> None:
    names = ("allocated", "consumed", "pending", "remaining", "expired", "scheduled", "held", "voided")
    expected = {name.capitalize(): balance[name] for name in names}
    assert named_values(console.page.locator(".credit-figures")) == expected
    parts = [balance[name] for name in ("remaining", "held", "pending", "scheduled", "unbooked")]
    shown = values(console.page.locator(".credit-balance"))
    assert shown == [balance["ledger_balance"], *(part for part in parts if not is_zero(part))]
    assert sum(map(Decimal, shown[1:])) == Decimal(shown[0])


def test_the_summary_is_the_balance(tab: ConsolePage, told: Running) -> None:
    balance = told.get(CREDITS)
    assert not any(
        is_zero(balance[name]) for name in balance if name not in ("unbooked", "expiring_soon", "depletes_on", "as_of")
    )
    assert_summary(tab, balance)
    depletion = tab.page.locator(".depletion time").get_attribute("datetime")
    assert depletion == balance["depletes_on"]
    expiring = [one for one in balance["expiring_soon"] if one["expires_at"] <= "2026-02-03T12:00:00Z"]
    assert expiring
    assert values(tab.page.locator(".credit-banner.expiring")) == [one["amount"] for one in expiring]
    tab.check()


def test_the_words_of_the_bar_are_the_shares(tab: ConsolePage, told: Running) -> None:
    balance = told.get(CREDITS)
    names = ("consumed", "pending", "held", "expired", "voided", "remaining", "scheduled")
    whole = sum(Decimal(balance[name]) for name in names)
    expected = [
        f"{name.capitalize()} {(Decimal(balance[name]) * 100 / whole).quantize(Decimal('0.1'))}%" for name in names
    ]
    bar = tab.page.locator(".credit-shares .bar")
    assert bar.get_attribute("aria-label") == ", ".join(expected)
    assert tab.page.locator(".credit-shares p").inner_text() == ", ".join(expected)
    widths = bar.locator("span").evaluate_all("all => all.map(each => each.getBoundingClientRect().width)")
    assert [width == max(widths) for width in widths] == [name == "remaining" for name in names]


def test_the_grants_are_the_grants_in_their_order(tab: ConsolePage, told: Running) -> None:
    grants = rows_of(told, "grants")
    assert {grant["status"] for grant in grants} == {"scheduled", "active", "depleted", "expired", "voided"}
    shown = tab.page.locator(".grant")
    assert shown.locator("h3").all_inner_texts() == [grant["name"] for grant in grants]
    assert shown.locator(".badge").all_inner_texts() == [grant["status"].capitalize() for grant in grants]
    for row, grant in zip(shown.all(), grants, strict=True):
        wanted = [name for name in PARTS if name not in ONLY_IF_ANY or not is_zero(grant[name])]
        expected = {("Granted" if name == "amount" else name.capitalize()): grant[name] for name in wanted}
        assert named_values(row.locator(".grant-amounts")) == expected
        times = row.locator("time").evaluate_all("all => all.map(each => each.dateTime)")
        assert times == [at for at in (grant["effective_at"], grant["expires_at"]) if at]
    terms = shown.nth([grant["name"] for grant in grants].index("Pack")).locator(".grant-terms").inner_text()
    # Instants of UTC are shown in the time of Berlin.
    assert "1 Dec 2025, 01:00 → 28 Jan 2026, 01:00" in " ".join(terms.split())
    assert "0.8" in terms.splitlines()
    monthly = shown.filter(has=tab.page.get_by_text("every month, 4 times in all"))
    assert monthly.locator("h3").inner_text() == "Monthly"
    restricted = shown.filter(has_text="Training only").locator(".grant-terms")
    assert "Training" in restricted.inner_text().splitlines()


def test_the_ledger_is_the_ledger_with_what_is_pending_first(tab: ConsolePage, told: Running) -> None:
    entries = rows_of(told, "ledger?include_pending=true")
    kinds = {"grant": "Credit given", "drawdown": "Used", "expiry": "Expired", "void": "Voided"}
    assert {entry["kind"] for entry in entries} == set(kinds)
    names = {grant["id"]: grant["name"] for grant in rows_of(told, "grants")}
    rows = tab.page.locator(".entries tbody tr")
    assert rows.count() == len(entries)
    for row, entry in zip(rows.all(), entries, strict=True):
        assert values(row) == [amount for amount in (entry["amount"], entry["balance"]) if amount is not None]
        text = row.inner_text()
        assert kinds[entry["kind"]] in text
        assert names[entry["grant"]] in text
        assert ("Pending" in text) is entry["pending"]
        assert ("#" in text) is not entry["pending"]
        assert (entry["note"] or "") in text
        if entry["invoice"]:
            href = row.get_by_role("link").get_attribute("href")
            assert href == f"/console?view=invoices&invoice={quote(entry['invoice'])}"
    december = next(number for number, one in enumerate(entries) if one["kind"] == "drawdown" and not one["pending"])
    rows.nth(december).locator(".unfold").click()
    assert values(tab.page.locator(".by-day")) == list(entries[december]["by_day"].values())
    assert [*entries[december]["by_day"]] == tab.page.locator(".by-day time").evaluate_all(
        "all => all.map(each => each.dateTime)"
    )


def test_a_pending_entry_leads_to_its_invoice(tab: ConsolePage, told: Running) -> None:
    tab.page.locator(".entries tr.pending a").first.click()
    current = told.get(f"/v1/organizations/{ORG}/invoices/current")["id"]
    assert f"view=invoices&invoice={quote(current)}" in tab.page.url


def test_the_schedule_is_what_lies_ahead(tab: ConsolePage, told: Running) -> None:
    ahead = rows_of(told, "schedule")
    assert {one["kind"] for one in ahead} == {"effective", "recurs", "expires"}
    rows = tab.page.locator(".ahead li")
    assert values(tab.page.locator(".ahead")) == [one["amount"] for one in ahead]
    assert rows.locator("time").evaluate_all("all => all.map(each => each.dateTime)") == [one["at"] for one in ahead]
    coming = next(number for number, one in enumerate(ahead) if one["kind"] == "recurs")
    assert "$25.00 comes again" in rows.nth(coming).inner_text()
    assert "Monthly" in rows.nth(coming).inner_text()


def test_the_usage_history_is_what_was_drawn_by_day(tab: ConsolePage, told: Running) -> None:
    tab.page.goto(f"{tab.url}/console?view=credits&drawn_from=2025-12-01&drawn_to=2026-01-20")
    tab.settle()
    found = rows_of(told, "usage?from=2025-12-01&to=2026-01-21")
    assert {one["pending"] for one in found} == {True, False}
    unfold = tab.page.get_by_role("button", name="Unfold all days")
    if unfold.count():
        unfold.click()
    rows = tab.page.locator(".drawn tbody tr:not(.day)")
    assert [value for row in rows.all() for value in values(row)] == [one["amount"] for one in found]
    assert [row.get_by_text("Pending").count() == 1 for row in rows.all()] == [one["pending"] for one in found]
    assert rows.first.locator(".drawn-charge").inner_text() == "Training"
    totals = {
        day: sum(Decimal(one["amount"]) for one in found if one["day"] == day) for day in {one["day"] for one in found}
    }
    days = tab.page.locator(".drawn tr.day")
    assert days.locator("time").evaluate_all("all => all.map(each => each.dateTime)") == sorted(totals, reverse=True)
    assert [Decimal(value) for value in values(days)] == [totals[day] for day in sorted(totals, reverse=True)]
    assert Decimal(values(tab.page.locator(".credit-usage .toolbar"))[0]) == sum(totals.values())
    # 23:30 UTC on the 14th is the 15th in Berlin.
    assert "2025-12-15" in totals


def test_the_open_hold_is_shown_with_its_grants(tab: ConsolePage, told: Running) -> None:
    [hold] = rows_of(told, "holds?status=open")
    card = tab.page.locator(".credit-holds")
    assert values(card) == [hold["amount"]]
    assert "$20.10 for job 4711" in card.inner_text()
    assert card.locator("time").get_attribute("datetime") == hold["expires_at"]


def test_the_ledger_is_verified(tab: ConsolePage, told: Running) -> None:
    found = told.get(f"{CREDITS}/verify")
    assert found["valid"]
    tab.see(f"Ledger verified: {found['entries']} entries")
    assert tab.page.locator(".hash").text_content() == found["head_hash"]


def test_a_reader_sees_no_actions(tab: ConsolePage) -> None:
    tab.page.locator(".credit-estimator form").wait_for()
    names = tab.page.get_by_role("button").all_inner_texts()
    assert "Estimate" in names
    for action in ("Give credit", "Void", "Change expiry", "Put credit aside", "Release"):
        assert not any(action in name for name in names)


def test_an_event_moves_pending_and_remaining_within_one_refresh(tab: ConsolePage, told: Running) -> None:
    before = named_values(tab.page.locator(".credit-figures"))
    use_hours(told, ORG, "1.005", at="2026-01-20T10:00:00Z")
    tab.page.locator("button.freshness").click()
    # 2.01 of 1.005 hours at 2 an hour.
    wanted = str(Decimal(before["Pending"]) + Decimal("2.01"))
    tab.page.locator(f'.credit-figures data[value="{wanted}"]').wait_for()
    after = named_values(tab.page.locator(".credit-figures"))
    assert Decimal(after["Remaining"]) == Decimal(before["Remaining"]) - Decimal("2.01")
    assert_summary(tab, told.get(CREDITS))


# Estimator


def assert_estimate(console: ConsolePage, expected: Any) -> None:
    console.page.get_by_role("button", name="Estimate").click()
    console.page.locator(f'.estimate data[value="{expected["estimated_amount"]}"]').wait_for()
    shown = values(console.page.locator(".estimate"))
    assert shown == [expected["estimated_amount"], expected["remaining"], expected["remaining_after"]]
    assert console.page.get_by_text("It may start").count() == int(expected["allowed"])


def test_the_estimate_is_the_apis(tab: ConsolePage, told: Running) -> None:
    estimator, route = tab.page.locator(".credit-estimator"), f"/v1/organizations/{ORG}/authorize"
    estimator.get_by_label("Quantity").fill("10.25")
    assert_estimate(tab, told.post(route, {"charge": "training", "quantity": "10.25"}))
    assert ("20.50", "$20.50") in tab.figures(".estimate")
    estimator.get_by_label("Quantity").fill("11")
    estimator.locator(".estimate").wait_for(state="detached")
    estimator.get_by_label("What").select_option("inference")
    estimator.get_by_label("Quantity").fill("1000")
    estimator.get_by_label("model").fill("large")
    body = {"charge": "inference", "quantity": "1000", "dimensions": {"model": "large"}}
    assert_estimate(tab, told.post(route, body))
    assert ("30.00", "$30.00") in tab.figures(".estimate")
    estimator.get_by_label("What").select_option("An amount of money")
    estimator.get_by_label("Amount").fill("5000.01")
    assert_estimate(tab, told.post(route, {"amount": "5000.01"}))
    tab.check()


def test_faults_of_an_estimate_are_at_their_fields(tab: ConsolePage) -> None:
    estimator = tab.page.locator(".credit-estimator")
    estimator.get_by_label("What").select_option("inference")
    estimator.get_by_label("Quantity").fill("5")
    tab.page.get_by_role("button", name="Estimate").click()
    estimator.get_by_text("must have a value of model").wait_for()
    assert estimator.get_by_label("model").get_attribute("aria-invalid") == "true"
    assert estimator.get_by_label("Quantity").get_attribute("aria-invalid") is None
    estimator.get_by_label("Quantity").fill("ten")
    tab.page.get_by_role("button", name="Estimate").click()
    estimator.get_by_text("must be a decimal").wait_for()
    assert estimator.get_by_label("Quantity").get_attribute("aria-invalid") == "true"
    tab.check()


def test_why_a_job_may_not_start_is_told(tab: ConsolePage, told: Running) -> None:
    [subscription] = told.get(f"/v1/organizations/{ORG}/subscriptions")["data"]
    path = f"/v1/subscriptions/{subscription['id']}"
    assert told.client.send("PATCH", path, b'{"spend_cap": "100"}').status == 200
    try:
        tab.page.locator(".credit-estimator").get_by_label("Quantity").fill("1000")
        tab.page.get_by_role("button", name="Estimate").click()
        tab.see("It may not start")
        tab.see("It would go over the spend cap of this period.")
    finally:
        assert told.client.send("PATCH", path, b'{"spend_cap": null}').status == 200
