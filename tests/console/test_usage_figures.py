"""The Usage tab shows what the API answers: figure by figure, on a real server."""

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from local.client import Client
from tests.console.conftest import OpenPage
from tests.console.console_page import ConsolePage
from tests.local.running import Running

ORGANIZATION = "usage-figures"
ZONE = ZoneInfo("Europe/Berlin")
USAGE = f"/v1/organizations/{ORGANIZATION}/usage"
_MODELS = ("a", "b", "", "d", "e", "f", "g", "h", "i", "j", "k", "l")
_VALUES: dict[str, dict[str, Any]] = {
    "calls": {"aggregation": "count"},
    "tokens": {"aggregation": "sum", "value": "tokens", "unit": "token"},
    "peak": {"aggregation": "max", "value": "tokens", "unit": "token"},
    "low": {"aggregation": "min", "value": "tokens", "unit": "token"},
    "mean": {"aggregation": "average", "value": "tokens", "unit": "token"},
    "users": {"aggregation": "unique_count", "value": "user", "unit": "user"},
    "level": {"aggregation": "latest", "value": "tokens"},
    "store": {"aggregation": "time_weighted", "value": "gb", "unit": "GB-hour"},
}

# What the page writes beside a figure of a table, as (meter, window, group) → (quantity, spend).
Figures = dict[tuple[str, str, str], tuple[str, str | None]]


@pytest.fixture(scope="session")
def story(server: Running) -> Running:
    """Tell of an organization in Berlin that used eight meters of every aggregation, two of them priced."""
    for name, definition in _VALUES.items():
        dimensions = {} if name == "users" else {"uf_model": "model"}
        body = {"key": f"uf_{name}", "name": name.title(), "event_type": "uf.call", "dimensions": dimensions}
        server.post("/v1/meters", body | definition)
    server.post("/v1/meters", {"key": "uf_idle", "name": "Idle", "event_type": "uf.idle", "aggregation": "count"})
    charges = [
        {"key": "tokens", "name": "Tokens", "meter": "uf_tokens", "unit_price": "0.0137"},
        {"key": "calls", "name": "Calls", "meter": "uf_calls", "unit_price": "0.333"},
        {"key": "idle", "name": "Idle", "meter": "uf_idle", "unit_price": "1"},
    ]
    usage = [{**charge, "type": "usage", "model": "per_unit"} for charge in charges]
    plan = {"key": "uf-plan", "name": "Plan", "currency": "EUR", "billing_period": "month", "charges": usage}
    server.post("/v1/plans", plan)
    server.post("/v1/organizations", {
        "id": ORGANIZATION,
        "name": "Figures",
        "currency": "EUR",
        "timezone": ZONE.key,
    })
    path = f"/v1/organizations/{ORGANIZATION}/subscriptions"
    server.post(path, {"plan": "uf-plan", "start": "2026-01-01T00:00:00Z"})
    server.post("/v1/events", [_event(number) for number in range(60)])
    return server


def _event(number: int) -> dict[str, Any]:
    day, hour = 5 + number % 15, number * 7 % 24
    content = {
        "tokens": f"{number * 37 % 101}.{number % 10}25",
        "user": f"u{number % 7}",
        "gb": number % 5,
        "model": _MODELS[number % len(_MODELS)],
    }
    return _call(f"e{number}", f"2026-01-{day:02}T{hour:02}:30:00Z", content)


def _call(name: str, time: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "source": "t", "type": "uf.call", "subject": ORGANIZATION, "time": time, "data": content}


def opened_on(open_page: OpenPage, server: Running, **place: str) -> ConsolePage:
    """Open the tab as the organization itself, or as an operator who names it."""
    console = open_page()
    console.credential = server.ready["admin_key"] if "org" in place else portal_token(server)
    console.open(view="usage", **place)
    console.page.wait_for_selector(".usage-answer[aria-busy=false]")
    return console


def portal_token(server: Running) -> str:
    """Make a credential of the organization's own."""
    url: str = server.post(f"/v1/organizations/{ORGANIZATION}/portal-links", {})["url"]
    return url.partition("#token=")[2]


def asked(server: Running, query: str, *, bound: bool = True) -> list[dict[str, Any]]:
    """Ask the API itself, as the same caller."""
    key = portal_token(server) if bound else server.ready["admin_key"]
    client = Client(server.ready["url"], key, patience_s=0)
    found: list[dict[str, Any]] = client.get(f"{USAGE}?{query}").content["data"]
    client.close()
    return found


def day_of(start: str) -> str:
    """Write a day as the page does."""
    local = datetime.fromisoformat(start).astimezone(ZONE)
    return f"{local:%a}, {local.day} {local:%b %Y}"


def answered(meters: list[dict[str, Any]]) -> Figures:
    """List the figures of an answer."""
    found: Figures = {}
    for meter in meters:
        for row in meter["windows"]:
            group = "Other" if row.get("rest") else " · ".join(row["group"].values()) if row["group"] else ""
            found[meter["meter"], day_of(row["start"]), group] = row["value"], row.get("spend")
    return found


def in_tables(console: ConsolePage, keys: dict[str, str]) -> Figures:
    """List the figures of all tables on the page; ``keys`` gives the meters of their titles."""
    found: Figures = {}
    for title, head, rows in console.page.evaluate(_READ_TABLES):
        for day, *cells in rows:
            for group, values in zip(head[1:], cells, strict=True):
                if values:
                    shown = "" if group in ("Quantity", "Spend") else "" if group == "no uf_model" else group
                    known = found.get((keys[title], day, shown), ("", None))
                    found[keys[title], day, shown] = _merge(known, values, group)
    return found


def _merge(known: tuple[str, str | None], values: list[list[str]], group: str) -> tuple[str, str | None]:
    kinds = dict(values)
    assert group != "Spend" or "quantity" not in kinds
    return kinds.get("quantity", known[0]), kinds.get("money", known[1])


_READ_TABLES = """() => [...document.querySelectorAll('.meter')].map(card => [
    card.querySelector('h3').textContent,
    [...card.querySelectorAll('thead th')].map(each => each.textContent),
    [...card.querySelectorAll('tbody tr')].map(row => [
        row.querySelector('th').textContent.replace(' so far', ''),
        ...[...row.querySelectorAll('td')].map(cell => [...cell.querySelectorAll('data')].map(
            each => [each.classList.contains('money') ? 'money' : 'quantity', each.getAttribute('value')])),
    ]),
])"""


def in_file(console: ConsolePage) -> tuple[str, Figures]:
    """Fetch the CSV by its button: its name and its figures."""
    with console.page.expect_download() as download:
        console.page.get_by_role("button", name="CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    found: Figures = {}
    for row in csv.DictReader(io.StringIO(text)):
        group = row.get("uf_model", "").replace("(other)", "Other")
        found[row["meter"], day_of(row["start"]), group] = row["value"], row.get("spend") or None
    return download.value.suggested_filename, found


@pytest.mark.parametrize("bound", [True, False])
def test_totals_are_those_of_the_api(open_page: OpenPage, story: Running, bound: bool) -> None:
    meters = asked(story, "compare=previous", bound=bound)
    console = opened_on(open_page, story, **({} if bound else {"org": ORGANIZATION}))
    assert console.page.locator(".meter h3").all_inner_texts() == [meter["name"] for meter in meters]
    assert [value for value, _ in console.figures(".usage-total")] == [meter["total"] for meter in meters]
    assert len(meters) == len(_VALUES)


def test_spend_is_that_of_the_api(open_page: OpenPage, story: Running) -> None:
    meters = {meter["name"]: meter for meter in asked(story, "spend=true")}
    console = opened_on(open_page, story, show="spend")
    names = console.page.locator(".meter h3").all_inner_texts()
    assert sorted(names) == sorted(meters)
    assert names[:2] == ["Calls", "Tokens"]
    shown = [value for value, _ in console.figures(".usage-total")]
    assert shown == [meters[name]["spend"] for name in names[:2]]
    assert console.page.get_by_text("not billed").count() == len(meters) - 2
    quantities = [value for value, _ in console.figures(".usage-change")]
    assert quantities == [meters[name]["total"] for name in names]


@pytest.mark.parametrize("place", [
    {},
    {"show": "spend"},
    {"group": "uf_model"},
    {"group": "uf_model", "show": "spend", "zero": "shown"},
])
def test_the_table_and_the_file_are_the_answer(open_page: OpenPage, story: Running, place: dict[str, str]) -> None:
    names = {"group": "group_by=uf_model", "show": "spend=true", "zero": "include_zero=true"}
    meters = asked(story, "&".join(names[each] for each in place))
    expected = answered(meters)
    console = opened_on(open_page, story, layout="table", **place)
    shown = in_tables(console, {meter["name"]: meter["meter"] for meter in meters})
    assert shown == expected
    name, filed = in_file(console)
    assert name == f"usage-{ORGANIZATION}-2025-12-22-to-2026-01-20.csv"
    assert filed == expected
    if "group" in place:
        assert {group for _, _, group in expected} >= {"Other", "", "a"}
    console.check()


def test_hours_and_months_are_cut_in_the_organizations_time_zone(open_page: OpenPage, story: Running) -> None:
    console = opened_on(open_page, story, window="month", layout="table")
    table = console.page.get_by_role("region", name="Calls, by month")
    assert table.locator("tbody th").all_inner_texts() == ["January 2026 so far", "December 2025"]
    (calls,) = asked(story, "meter=uf_calls&window=month")
    assert [value for value, _ in console.figures(".meter:first-child .usage-table")] == [
        row["value"] for row in reversed(calls["windows"])
    ]
    day = {"from": "2026-01-12", "to": "2026-01-12"}
    console.open(view="usage", window="hour", layout="table", range="custom", **day)
    console.page.wait_for_selector(".usage-answer[aria-busy=false]")
    table = console.page.get_by_role("region", name="Calls, by hour")
    hours = table.locator("tbody th").all_inner_texts()
    assert (len(hours), hours[0], hours[-1]) == (24, "12 Jan 2026, 23:00 CET", "12 Jan 2026, 00:00 CET")


def test_what_is_drawn_is_what_is_answered(open_page: OpenPage, story: Running) -> None:
    (tokens,) = asked(story, "meter=uf_tokens")
    console = opened_on(open_page, story)
    index = console.page.locator(".meter h3").all_inner_texts().index("Tokens")
    drawn = f"Chart.getChart(document.querySelectorAll('canvas')[{index}])?.data.datasets[0]?.data"
    console.page.wait_for_function(f"() => globalThis.Chart && {drawn}?.length")
    assert console.page.evaluate(drawn) == [float(row["value"]) for row in tokens["windows"]]


def test_zero_metrics_are_shown_on_demand(open_page: OpenPage, story: Running) -> None:
    console = opened_on(open_page, story)
    assert console.page.get_by_role("heading", name="Idle").count() == 0
    console.see("1 metric without usage is hidden.")
    console.page.get_by_role("switch", name="Show zero usage metrics").click()
    console.page.get_by_role("heading", name="Idle").wait_for()
    assert [meter["name"] for meter in asked(story, "include_zero=true")] == console.page.locator(
        ".meter h3"
    ).all_inner_texts()
    assert "zero=shown" in console.page.url


def test_an_event_shows_with_the_next_refresh_and_nothing_else_moves(open_page: OpenPage, story: Running) -> None:
    console = open_page()
    page = console.page
    page.clock.install()
    console.credential = portal_token(story)
    console.open(view="usage", group="uf_model")
    card = page.locator(".meter", has=page.get_by_role("heading", name="Tokens"))
    page.wait_for_function("() => globalThis.Chart?.getChart(document.querySelector('.meter:last-child canvas'))")
    legend = card.locator(".legend button")
    hidden, grown = legend.all_inner_texts()[:2]
    legend.first.click()
    card.locator("canvas").evaluate("canvas => { globalThis.kept = canvas; scrollTo(0, 500); }")
    before = card.locator(".usage-total data").get_attribute("value")
    assert before == next(each["total"] for each in asked(story, "") if each["meter"] == "uf_tokens")

    late = {"tokens": "1000000", "user": "u1", "gb": 1, "model": grown}
    story.post("/v1/events", [_call("late", "2026-01-20T11:59:00Z", late)])
    page.clock.fast_forward(30_000)

    after = next(each["total"] for each in asked(story, "") if each["meter"] == "uf_tokens")
    assert after != before
    expect(card.locator(".usage-total data")).to_have_attribute("value", after)
    assert page.evaluate("scrollY") == 500
    assert page.get_by_label("Group by").input_value() == "uf_model"
    expect(card.get_by_role("button", name=hidden, exact=True)).to_have_attribute("aria-pressed", "false")
    drawn = page.evaluate("Chart.getChart(kept).data.datasets.map(each => [each.key, each.data.at(-1)])")
    assert card.locator("canvas").evaluate("canvas => canvas === kept") is True
    assert [key for key, height in drawn if height and height >= 1_000_000] == [f'["{grown}"]']
    assert f'["{hidden}"]' not in [key for key, _ in drawn]
    console.hear_nothing()
