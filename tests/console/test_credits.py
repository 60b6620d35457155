"""The Credits tab in every state, on made-up answers: what is there, what is not, and what is wrong."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from tests.console.conftest import OpenPage
from tests.console.console_page import ConsolePage
from tests.console.credit_answers import (
    ARABIC_NAME,
    BALANCE,
    CREDITS,
    EMPTY_BALANCE,
    HASH,
    HUGE,
    LONG_NAME,
    MARKUP,
    ORGANIZATION_OF_MANY_WORDS,
    WHOLE_LEDGER,
    ahead,
    credits_api,
    entry,
    grant,
    hold,
    paged,
    paid,
    pending_entry,
    verified,
    whole_api,
    with_plan,
)
from tests.console.fake_api import FakeApi, listed, problem

REFRESH = "button.freshness"
CARDS = {
    "credit-summary": CREDITS,
    "credit-details": f"{CREDITS}/grants",
    "credit-ledger": f"{CREDITS}/ledger",
    "credit-schedule": f"{CREDITS}/schedule",
    "credit-usage": f"{CREDITS}/usage",
    "credit-holds": f"{CREDITS}/holds",
    "credit-estimator": "organizations/acme/subscriptions",
}


def opened_tab(open_page: OpenPage, api: FakeApi, **place: str) -> ConsolePage:
    console = open_page(api=api)
    console.open(view="credits", **place)
    return console


def refresh(console: ConsolePage, *, until: str) -> None:
    """Refresh, and wait until something is on the page that was not there before."""
    assert console.page.locator(until).count() == 0
    console.page.locator(REFRESH).click()
    console.page.locator(until).first.wait_for()


def test_nothing_has_come_yet(open_page: OpenPage) -> None:
    never: dict[str, Any] = dict.fromkeys(("balance", "grants", "ledger", "schedule", "usage", "holds", "verify"))
    api = credits_api(**never)
    api.on("organizations/acme/subscriptions", None)
    console = open_page(api=api)
    console.page.goto(f"{console.url}/console?view=credits#token=token")
    for card in CARDS:
        console.page.wait_for_selector(f".{card} .skeleton")
    console.check_every_look()


def test_no_credit_yet(open_page: OpenPage) -> None:
    console = opened_tab(open_page, credits_api())
    console.see("No credits yet")
    console.see("No entries yet")
    console.see("Nothing lies ahead")
    console.see("No credit was used in this range")
    console.see("No credit yet")
    console.see("Ledger verified: 0 entries")
    assert console.page.locator(".credit-banner, .credit-holds").count() == 0
    console.check_every_look()


def test_one_of_each_row(open_page: OpenPage) -> None:
    api = credits_api(balance=BALANCE, grants=listed(grant()), ledger=listed(entry()), usage=listed(paid()))
    api.on(f"{CREDITS}/schedule", listed(ahead()))
    api.on(f"{CREDITS}/holds", listed(hold()))
    api.on(f"{CREDITS}/verify", verified(1))
    console = opened_tab(open_page, api)
    console.see("Ledger verified: 1 entry")
    console.see("CSV of the 1 entry shown")
    assert [console.page.locator(rows).count() for rows in (".grant", ".entries tbody tr", ".ahead li")] == [1, 1, 1]
    assert [console.page.locator(rows).count() for rows in (".drawn tr.day", ".holds li", ".more")] == [1, 1, 0]
    console.check_every_look()


def test_everything_at_once_fits_and_is_only_text(open_page: OpenPage) -> None:
    api = with_plan(whole_api())
    api.on("organizations/acme", ORGANIZATION_OF_MANY_WORDS)
    console = opened_tab(open_page, api)
    folded = console.page.locator(".unfold[aria-expanded=false]")
    while folded.count():
        folded.first.click()
    for text in (LONG_NAME, ARABIC_NAME, MARKUP):
        assert console.page.locator(".grant h3", has_text=text).count() == 1
    assert console.page.locator("main img, main b").count() == 0
    assert console.page.get_by_text(MARKUP).count() >= 6
    assert console.page.title().startswith("Credits")
    assert (HUGE, "$123,456,789,012,345,678.00") in console.figures(".credit-figures")
    statuses = console.page.locator(".grant-head .badge").all_inner_texts()
    assert statuses == ["Active", "Depleted", "Expired", "Voided", "Scheduled"]
    console.check_every_look()


@pytest.mark.parametrize("card", CARDS)
def test_one_card_fails_while_the_rest_lives(open_page: OpenPage, card: str) -> None:
    api = whole_api()
    api.on(CARDS[card], problem(503, "unavailable", "It is busy."))
    console = opened_tab(open_page, api)
    console.page.locator(f".{card} .failure").wait_for()
    assert console.page.locator(".failure").count() == 1
    console.see("It is busy.")
    console.check()
    api.on(CARDS[card], EMPTY_BALANCE if card == "credit-summary" else listed())
    console.page.locator(f".{card} .failure button").click()
    console.page.locator(f".{card} .failure").wait_for(state="detached")


def test_every_card_fails(open_page: OpenPage) -> None:
    api = whole_api(verify=problem(503, "unavailable", "It is busy."))
    for path in CARDS.values():
        api.on(path, problem(503, "unavailable", "It is busy."))
    console = opened_tab(open_page, api)
    console.page.locator(".failure").nth(7).wait_for()
    assert console.page.locator(".failure").count() == 8
    console.check_every_look()


def test_a_reader_without_permission_is_told_once(open_page: OpenPage) -> None:
    api = credits_api()
    api.on(f"{CREDITS}(/.*)?", problem(403, "forbidden", "This key may only write events."))
    console = opened_tab(open_page, api)
    console.see("This key may only write events.")
    assert console.page.locator(".failure").count() == 1
    console.check_every_look()


def test_an_ended_session_keeps_the_place(open_page: OpenPage) -> None:
    api = whole_api()
    console = opened_tab(open_page, api, grants="open")
    api.on(CREDITS, problem(401, "unauthenticated", "The token has ended."))
    console.page.locator(REFRESH).click()
    console.see("Your session has ended")
    assert "view=credits&grants=open" in console.page.url
    console.check_every_look()


def test_offline_the_figures_stay(open_page: OpenPage) -> None:
    console = opened_tab(open_page, whole_api())
    before = console.figures()
    console.page.context.set_offline(True)
    console.see("You are offline")
    assert console.figures() == before
    console.check_every_look()


def test_a_failed_refresh_keeps_the_figures(open_page: OpenPage) -> None:
    api = whole_api()
    console = opened_tab(open_page, api)
    before = console.figures()
    api.on(f"{CREDITS}/ledger", problem(503, "unavailable", "It is busy."))
    console.page.locator(REFRESH).click()
    console.see("The ledger could not be refreshed: It is busy.")
    assert console.figures() == before
    console.check_every_look()


def test_a_thousand_rows_come_page_by_page_and_stay_when_refreshed(open_page: OpenPage) -> None:
    grants = [grant(number, status="depleted" if number <= 950 else "active") for number in range(1, 1001)]
    ledger = [entry(seq, grant=f"gr_{seq}") for seq in range(1000, 0, -1)]
    days = [date(2026, 1, 20) - timedelta(days=number) for number in range(125)]
    usage = [paid(day.isoformat(), grant=f"gr_{number}") for day in days for number in range(1, 9)]
    api = credits_api(balance=BALANCE, grants=paged(grants), ledger=paged(ledger), usage=paged(usage))
    console = opened_tab(open_page, api)
    page = console.page
    rows = page.locator(".entries tbody tr")
    assert page.locator(".grant").count() == 25
    assert rows.count() == 50
    console.check_every_look()
    page.locator(".credit-ledger .more button").click()
    rows.nth(149).wait_for()
    assert rows.count() == 150
    page.locator(".credit-details .more button").click()
    assert page.locator(".grant").count() == 50
    # The last of the 200 rows are of a day that has more: it waits for them.
    assert page.locator(".drawn tr.day").count() == 24
    console.see("Used on the days shown")
    page.locator(".credit-usage .more button").click()
    page.locator(".drawn tr.day").nth(36).wait_for()
    assert page.locator(".drawn tr.day").count() == 37
    ledger[149]["amount"] = "100.01"
    refresh(console, until='.entries data[value="100.01"]')
    assert rows.count() == 150
    assert page.locator(".grant").count() == 50
    assert rows.nth(149).get_by_text("Grant 851").count() == 1
    assert page.locator(".drawn tr.day").count() == 37
    assert console.overflow() == 0
    console.hear_nothing()


def test_open_grants_are_found_wherever_they_are(open_page: OpenPage) -> None:
    grants = [grant(number, status="depleted") for number in range(1, 451)]
    grants += [grant(451, name="The open one"), grant(452, name="To come", status="scheduled")]
    console = opened_tab(open_page, credits_api(balance=BALANCE, grants=paged(grants)))
    console.page.get_by_role("button", name="Open", exact=True).click()
    console.see("The open one")
    assert "grants=open" in console.page.url
    assert console.page.locator(".grant h3").all_inner_texts() == ["The open one", "To come"]
    console.page.go_back()
    console.page.locator(".grant").nth(24).wait_for()
    assert console.page.locator(".grant").count() == 25


def test_what_is_unfolded_stays_so_and_nothing_jumps_when_it_refreshes(open_page: OpenPage) -> None:
    api = whole_api()
    console = opened_tab(open_page, api)
    page = console.page
    page.get_by_role("button", name="by day").first.click()
    page.locator(".drawn .unfold").first.click()
    page.evaluate("scrollTo(0, 900)")
    before = page.locator("main").inner_html()
    api.on(f"{CREDITS}/ledger", listed(pending_entry(amount="-60.01"), *WHOLE_LEDGER[1:]))
    refresh(console, until='.entries data[value="-60.01"]')
    assert page.locator("main").inner_html().replace("60.01", "60.00") == before
    assert page.evaluate("scrollY") == 900
    assert page.locator(".by-day").count() == 1
    assert sum(path == f"{CREDITS}/verify" for _, path, _, _ in api.asked) == 1
    assert sum(path == f"{CREDITS}/ledger" for _, path, _, _ in api.asked) == 2


def test_the_ranges_are_in_the_address_and_ask_for_whole_local_days(open_page: OpenPage) -> None:
    api = whole_api()
    console = opened_tab(open_page, api, ledger_from="2026-01-05", drawn_from="2026-01-01", drawn_to="2026-01-15")
    page = console.page
    page.get_by_label("Recorded to").fill("2026-01-18")
    page.get_by_label("Recorded to").blur()
    page.wait_for_url("**ledger_to=2026-01-18*")
    page.locator(".credit-ledger [aria-busy=false]").wait_for()
    ledger = [query for _, path, query, _ in api.asked if path == f"{CREDITS}/ledger"]
    assert (ledger[-1]["from"], ledger[-1]["to"]) == (["2026-01-05"], ["2026-01-19"])
    assert ledger[-1]["include_pending"] == ["true"]
    usage = [query for _, path, query, _ in api.asked if path == f"{CREDITS}/usage"]
    assert (usage[0]["from"], usage[0]["to"]) == (["2026-01-01"], ["2026-01-16"])
    page.get_by_label("Recorded from").fill("2026-01-19")
    page.get_by_label("Recorded from").blur()
    console.see("The first day lies after the last one.")
    console.check_every_look()
    page.get_by_role("button", name="All entries").click()
    page.locator(".entries").wait_for()
    assert "ledger_" not in page.url


def test_no_entries_in_a_range(open_page: OpenPage) -> None:
    console = opened_tab(open_page, credits_api(balance=BALANCE, grants=listed(grant())), ledger_from="2026-01-05")
    console.see("No entries in this range")
    console.see("$220.00")
    console.check()


# Banners


def balance_of(**changes: Any) -> dict[str, Any]:
    return {**BALANCE, **changes}


def test_credits_have_run_out(open_page: OpenPage) -> None:
    api = credits_api(
        balance=balance_of(remaining="0.00", ledger_balance="180.00"),
        schedule=listed(
            {"at": "2026-01-22T00:00:00Z", "kind": "expires", "grant": "gr_1", "amount": "1.00"},
            {"at": "2026-02-01T08:00:00Z", "kind": "effective", "grant": "gr_2", "amount": "100.00"},
        ),
    )
    console = opened_tab(open_page, api)
    banner = console.page.locator(".credit-banner.gone")
    assert "Credits have run out." in banner.inner_text()
    assert "Next: $100.00 on 1 Feb 2026, 08:00." in banner.inner_text()
    assert ("0.00", "$0.00") in console.figures(".credit-banner.gone")
    console.see("Nothing remains")
    console.check_every_look()


@pytest.mark.parametrize(("at", "is_told"), [("2026-02-03T10:42:00Z", True), ("2026-02-03T10:42:01Z", False)])
def test_credits_expire_within_14_days(open_page: OpenPage, at: str, is_told: bool) -> None:
    soon = [
        {"grant": "gr_1", "amount": "10.50", "expires_at": "2026-01-25T00:00:00Z"},
        {"grant": "gr_2", "amount": "0.25", "expires_at": at},
    ]
    api = credits_api(balance=balance_of(expiring_soon=soon), grants=listed(grant(1), grant(2)))
    console = opened_tab(open_page, api)
    told = console.page.locator(".credit-banner.expiring").inner_text()
    assert ("$10.75 expires within 14 days" if is_told else "$10.50 expires within 14 days") in told
    assert "$10.50 of Grant 1 on 25 Jan 2026, 00:00 (in 4 days)" in told
    assert ("of Grant 2" in told) is is_told


@pytest.mark.parametrize(("day", "is_told"), [("2026-02-03", True), ("2026-02-04", False)])
def test_credits_run_out_within_14_days(open_page: OpenPage, day: str, is_told: bool) -> None:
    console = opened_tab(open_page, credits_api(balance=balance_of(depletes_on=day)))
    console.see("Projected depletion")
    told = console.page.locator(".credit-banner.runs-out")
    assert told.count() == int(is_told)
    if is_told:
        assert "Credits run out on 3 Feb 2026" in told.inner_text()
        assert "$40.00 remains" in told.inner_text()


# Verification


def test_a_long_ledger_is_verified_part_by_part(open_page: OpenPage) -> None:
    parts = {"": ("first", 40_000), "first": ("second", 80_000), "second": (None, 90_001)}

    def part(query: Mapping[str, list[str]]) -> Any:
        cursor, entries = parts[query.get("cursor", [""])[0]]
        return verified(entries, next_cursor=cursor)

    api = credits_api(balance=BALANCE, verify=part)
    console = opened_tab(open_page, api)
    console.see("Ledger verified: 90,001 entries")
    console.page.get_by_text("What is verified, and how to check it yourself").click()
    assert console.page.locator(".hash").inner_text() == HASH
    console.see("python local/verify_ledger.py ledger.jsonl")
    api.on(f"{CREDITS}/verify", lambda query: verified(40_000, next_cursor="x") if "cursor" not in query else None)
    console.page.get_by_role("button", name="Verify again").click()
    console.see("Verifying the ledger … 40,000 entries so far")
    console.check_every_look()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"wrong": "entry", "first_invalid_seq": 1234}, "The ledger is not valid from entry 1,234 on."),
        ({"wrong": "end", "first_invalid_seq": 7}, "The ledger does not end where its head says."),
        ({"wrong": "invoice", "first_invalid_seq": 7, "wrong_invoice": "inv_acme.1p0.0"}, "The invoice is inv_acme"),
        ({"wrong": "balances", "wrong_grants": ["gr_1", "gr_2"]}, "The grants are gr_1, gr_2."),
    ],
)
def test_a_ledger_that_is_not_valid_is_a_loud_failure(open_page: OpenPage, changes: Any, told: str) -> None:
    api = credits_api(balance=BALANCE, verify=verified(6, valid=False, next_cursor="more", **changes))
    console = opened_tab(open_page, api)
    alert = console.page.locator(".verified [role=alert]")
    alert.wait_for()
    assert told in " ".join(alert.inner_text().split())
    assert "6 entries before that are right." in alert.inner_text()
    assert console.page.get_by_text("Ledger verified").count() == 0
    assert sum(path == f"{CREDITS}/verify" for _, path, _, _ in api.asked) == 1
    if changes["wrong"] == "entry":
        console.check_every_look()


# CSV


def test_the_csv_is_what_is_shown_exact_and_escaped(open_page: OpenPage) -> None:
    late = "2025-12-31T23:59:59.000001Z"
    entries = [
        pending_entry(grant="gr_2", amount="-0.10"),
        entry(3, kind="void", amount="-99999999999999.99", balance="0.00", note='=HYPERLINK("x", "y")'),
        entry(2, note="+1\nsecond line", effective_at=late),
        entry(1, note="@cmd"),
    ]
    grants = listed(grant(1, name="-1 of, us"), grant(2, name="\tTab"))
    console = opened_tab(open_page, credits_api(balance=BALANCE, grants=grants, ledger=listed(*entries)))
    with console.page.expect_download() as started:
        console.page.get_by_role("button", name="CSV of the 4 entries shown").click()
    assert started.value.suggested_filename == "acme-credit-ledger.csv"
    written = started.value.path().read_bytes().decode("utf-8")
    formula = '"\'=HYPERLINK(""x"", ""y"")"'
    start, zeros, us = "2026-01-01T00:00:00Z", "0" * 64, '"\'-1 of, us"'
    header = "seq,kind,pending,grant,grant_name,amount,balance,effective_at,recorded_at"
    assert written.split("\r\n") == [
        f"{header},invoice,note,by_day,hash,previous_hash",
        f",drawdown,true,gr_2,'\tTab,-0.10,,{start},,inv_acme.1p0.0,,2026-01-19 60.00,,",
        f"3,void,false,gr_1,{us},-99999999999999.99,0.00,{start},{start},,{formula},,{HASH},{zeros}",
        f"""2,grant,false,gr_1,{us},100.00,100.00,{late},{start},,"'+1\nsecond line",,{HASH},{zeros}""",
        f"1,grant,false,gr_1,{us},100.00,100.00,{start},{start},,'@cmd,,{HASH},{zeros}",
        "",
    ]
