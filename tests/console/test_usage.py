"""The Usage tab in all its states, on answers that are made up."""

from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.conftest import OpenPage
from tests.console.console_page import WIDTHS, ConsolePage
from tests.console.fake_api import FakeApi, listed, problem
from tests.console.usage_answers import (
    MARKUP,
    OPERATOR,
    SUBSCRIPTION,
    answer,
    asked_usage,
    meter,
    of_every_kind,
    usage,
    usage_api,
    windows_of,
)

PLAIN = answer(usage("tokens", windows_of(["1", "2", "3"])))


def opened_on(open_page: OpenPage, api: FakeApi, **place: str) -> ConsolePage:
    """Open the tab."""
    console = open_page(api=api)
    console.open(view="usage", **place)
    return console


def wait_for_graphs(console: ConsolePage, count: int) -> None:
    """Wait until so many graphs are drawn."""
    console.page.wait_for_function(
        "count => [...document.querySelectorAll('.graph canvas')]"
        ".filter(each => globalThis.Chart?.getChart(each)?.data.labels.length).length === count",
        arg=count,
    )


def wait_for_groups(console: ConsolePage, *keys: str) -> None:
    """Wait until the first graph draws these groups, in this order: it is drawn after the page around it."""
    console.page.wait_for_function(
        "keys => Chart.getChart(document.querySelector('canvas')).data.datasets.map(each => each.key).join() === keys",
        arg=",".join(keys),
    )


def test_while_it_loads_there_are_skeletons(open_page: OpenPage) -> None:
    console = open_page(api=usage_api(None))
    console.page.goto(f"{console.url}/console?view=usage#token=t")
    console.page.wait_for_selector(".meter .skeleton")
    assert console.page.locator(".meter .skeleton").count() == 4
    console.check_every_look()


def test_a_customer_without_usage_is_told_so(open_page: OpenPage) -> None:
    console = opened_on(open_page, usage_api(answer()))
    console.see("No usage yet")
    assert console.page.get_by_text("POST /v1/events").count() == 0
    console.check_every_look()


def test_an_operator_without_usage_is_told_what_to_do(open_page: OpenPage) -> None:
    api = usage_api(answer(), meter("tokens"), meter("calls"))
    api.on("session", OPERATOR)
    console = opened_on(open_page, api, org="acme")
    console.see("No usage in this range")
    console.see("POST /v1/events")
    console.see("2 metrics without usage are hidden.")
    console.check_every_look()


@pytest.mark.parametrize("layout", ["graph", "table"])
def test_whatever_is_shown_keeps_its_form(open_page: OpenPage, layout: str) -> None:
    place = {"group": "model"} if layout == "graph" else {"group": "model", "layout": "table"}
    console = opened_on(open_page, usage_api(of_every_kind(), meter("long", "model")), **place)
    console.see("Still counting stored events")
    if layout == "graph":
        wait_for_graphs(console, 5)
        expect(console.page.locator(".legend").first.get_by_role("button")).to_have_count(11)
        assert console.page.locator(".legend").first.get_by_role("button").last.inner_text() == "Other"
    assert ("370370367037037034.370370367036", "370,370,367,037,037,034.37") in console.figures(".usage-total")
    console.check_every_look()


def test_changes_are_told_in_words(open_page: OpenPage) -> None:
    console = opened_on(open_page, usage_api(of_every_kind()))
    changes = [" ".join(text.split()) for text in console.page.locator(".change").all_text_contents()]
    assert changes == [
        "▲ up 50.0% vs. the range before",
        "▲ up 50.0% vs. the range before",
        "▼ down 63.0% vs. the range before",
        "new – nothing in the range before",
        "no change vs. the range before",
    ]


def test_one_card_fails_while_the_rest_lives(open_page: OpenPage) -> None:
    failing = {"calls"}

    def shown(query: Mapping[str, list[str]]) -> Any:
        asked = query.get("meter", [])
        if not asked or asked[0] in failing:
            return problem(503, "unavailable", "The table is busy.")
        total = "0" if asked[0] == "idle" else "6"
        return answer(usage(asked[0], windows_of(["1", "2", "3"]), total=total))

    api = usage_api(shown, meter("calls"), meter("idle"), meter("tokens"), meter("users"))
    console = opened_on(open_page, api)
    console.see("This metric could not be loaded.")
    assert console.page.locator(".meter h3").all_inner_texts() == ["Calls", "Tokens", "Users"]
    assert console.figures(".usage-total") == [("6", "6"), ("6", "6")]
    console.see("1 metric without usage is hidden.")
    console.check_every_look()
    failing.clear()
    console.page.get_by_role("button", name="Try again").click()
    expect(console.page.locator(".usage-total")).to_have_count(3)
    assert console.page.locator(".failure").count() == 0


def test_too_much_for_one_answer_is_asked_for_in_parts_four_at_a_time(open_page: OpenPage) -> None:
    waiting: list[str] = []

    def shown(query: Mapping[str, list[str]]) -> Any:
        if "meter" not in query:
            return problem(422, "range-too-large", "The answer would have too many windows.")
        waiting.append(query["meter"][0])
        return None

    console = open_page(api=usage_api(shown, *(meter(f"meter{number}") for number in range(6))))
    console.page.goto(f"{console.url}/console?view=usage#token=t")
    expect(console.page.locator(".meter h3")).to_have_count(6)
    console.page.wait_for_function("() => document.querySelectorAll('.meter .skeleton').length === 6")
    console.page.evaluate("new Promise(done => setTimeout(done, 0))")
    assert waiting == ["meter0", "meter1", "meter2", "meter3"]


def test_a_refresh_that_fails_keeps_what_was_there(open_page: OpenPage) -> None:
    answers: list[Any] = [PLAIN]
    console = opened_on(open_page, usage_api(lambda _: answers[0], meter("tokens")))
    answers[0] = problem(503, "unavailable", "The table is busy.")
    console.page.get_by_role("button", name="Refresh").click()
    console.see("Usage could not be refreshed: The table is busy.")
    assert console.figures(".usage-total") == [("6", "6")]
    console.check_every_look()
    answers[0] = PLAIN
    console.page.get_by_role("button", name="Try again").click()
    expect(console.page.locator(".notice")).to_have_count(0)


def test_no_permission_is_told(open_page: OpenPage) -> None:
    console = opened_on(open_page, usage_api(problem(403, "forbidden", "This key may not read usage.")))
    console.see("No permission")
    console.see("This key may not read usage.")
    console.check_every_look()


def test_an_ended_session_is_told_and_keeps_the_place(open_page: OpenPage) -> None:
    console = opened_on(open_page, usage_api(problem(401, "unauthenticated", "It has ended.")), group="model")
    console.see("Your session has ended")
    assert "group=model" in console.page.url
    console.check_every_look()


def test_offline_the_figures_stay(open_page: OpenPage) -> None:
    console = opened_on(open_page, usage_api(PLAIN))
    console.page.context.set_offline(True)
    console.see("You are offline.")
    assert console.figures(".usage-total") == [("6", "6")]
    console.check_every_look()


def test_without_the_drawing_module_the_figures_stay(open_page: OpenPage) -> None:
    console = open_page(api=usage_api(PLAIN))
    console.page.route("**/chartjs.*.js", lambda route: route.abort("internetdisconnected"))
    console.open(view="usage")
    console.see("The graph could not be drawn.")
    assert console.figures(".usage-total") == [("6", "6")]
    console.check_every_look()
    console.page.get_by_role("link", name="Show as table: Tokens").click()
    assert [value for value, _ in console.figures(".usage-table")] == ["3", "2", "1"]


def test_a_link_leads_from_a_graph_to_its_table(open_page: OpenPage) -> None:
    shown = [usage(f"meter{number}", windows_of(["1", "2", "3"])) for number in range(12)]
    console = opened_on(open_page, usage_api(answer(*shown)))
    console.page.get_by_role("link", name="Show as table: Meter11").focus()
    console.page.keyboard.press("Enter")
    expect(console.page.get_by_role("region", name="Meter11, by day")).to_be_focused()
    expect(console.page.get_by_role("heading", name="Meter11")).to_be_in_viewport()


def test_without_any_answer_it_can_be_tried_again(open_page: OpenPage) -> None:
    console = open_page(api=usage_api(PLAIN))
    console.page.route("**/usage?*", lambda route: route.abort("internetdisconnected"))
    console.open(view="usage")
    console.see("Usage could not be loaded.")
    console.see("The server could not be reached.")
    console.check_every_look()
    console.page.unroute("**/usage?*")
    console.page.get_by_role("button", name="Try again").click()
    console.see("Tokens")


def test_a_thousand_windows_fit(open_page: OpenPage) -> None:
    many = answer(usage("tokens", windows_of([str(number) for number in range(1000)])), days=1000)
    console = opened_on(open_page, usage_api(many))
    wait_for_graphs(console, 1)
    assert console.page.evaluate("Chart.getChart(document.querySelector('canvas')).data.labels.length") == 1000
    console.check()
    console.page.get_by_role("button", name="Table").click()
    rows = console.page.locator(".usage-table tbody tr")
    expect(rows).to_have_count(100)
    console.page.get_by_role("button", name="Show 100 more of 1000").click()
    expect(rows).to_have_count(200)
    console.page.set_viewport_size({"width": min(WIDTHS), "height": 900})
    console.check()


def test_names_are_text_and_never_markup(open_page: OpenPage) -> None:
    rows = windows_of(["1", "2"], {"model": MARKUP})
    shown = answer(usage("evil", [*rows, *windows_of(["1"], {"model": "b"})], name=MARKUP, unit=MARKUP))
    console = opened_on(open_page, usage_api(shown, meter("evil", MARKUP.replace(",", ""))), group="model")
    console.page.on("dialog", lambda dialog: pytest.fail(f"the page ran {dialog.message}"))
    wait_for_graphs(console, 1)
    assert console.page.locator(".meter h3").inner_text() == MARKUP
    assert console.page.locator(".usage-total .unit").inner_text() == MARKUP
    assert console.page.get_by_role("button", name=MARKUP).inner_text() == MARKUP
    console.page.locator(".graph").focus()
    console.page.keyboard.press("End")
    assert MARKUP in console.page.locator(".graph-tip").inner_text()
    console.check()
    console.page.get_by_role("button", name="Table").click()
    assert MARKUP in console.page.locator(".usage-table thead").inner_text()
    assert console.page.locator("main img, main script").count() == 0
    console.check()


def test_the_legend_hides_a_group_and_shows_it_again(open_page: OpenPage) -> None:
    rows = [*windows_of(["1", "2"], {"model": "a"}), *windows_of(["5", "1"], {"model": "b"})]
    console = opened_on(open_page, usage_api(answer(usage("tokens", rows))), group="model")
    wait_for_graphs(console, 1)
    button = console.page.get_by_role("button", name="b", exact=True)
    wait_for_groups(console, '["b"]', '["a"]')
    button.focus()
    console.page.keyboard.press("Space")
    expect(button).to_have_attribute("aria-pressed", "false")
    wait_for_groups(console, '["a"]')
    console.check()
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    wait_for_groups(console, '["b"]', '["a"]')


def test_a_graph_is_walked_by_keyboard_and_told(open_page: OpenPage) -> None:
    rows = [*windows_of(["1", "900719925474099.3"], {"model": "a"}), *windows_of(["2", "1"], {"model": "b"})]
    console = opened_on(open_page, usage_api(answer(usage("tokens", rows), days=2)), group="model")
    wait_for_graphs(console, 1)
    told = console.page.locator(".graph [aria-live]")
    graph = console.page.get_by_role("group", name="Graph of Tokens")
    expect(console.page.get_by_role("img", name="Tokens: 6 token in 2 windows by day, 2 groups.")).to_be_visible()
    graph.focus()
    steps = {
        "ArrowLeft": "Tue, 20 Jan 2026 (so far): a: 900,719,925,474,099.3 token, 100.0%; b: 1 token, 0.0%",
        "Home": "Mon, 19 Jan 2026: a: 1 token, 33.3%; b: 2 token, 66.7%",
        "ArrowRight": "Tue, 20 Jan 2026 (so far): a: 900,719,925,474,099.3 token, 100.0%; b: 1 token, 0.0%",
    }
    for key, text in steps.items():
        console.page.keyboard.press(key)
        expect(told).to_have_text(text)
    tip = console.page.locator(".graph-tip")
    expect(tip).to_contain_text("900,719,925,474,099.3")
    console.check()
    console.page.keyboard.press("Escape")
    expect(tip).to_have_count(0)


def test_a_graph_tells_what_is_under_the_pointer(open_page: OpenPage) -> None:
    console = opened_on(open_page, usage_api(answer(usage("tokens", windows_of(["1", "2", "3"])), days=3)))
    wait_for_graphs(console, 1)
    box = console.page.locator("canvas").bounding_box()
    assert box is not None
    console.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = console.page.locator(".graph-tip")
    expect(tip).to_contain_text("Mon, 19 Jan 2026")
    assert " ".join(tip.inner_text().split()) == "Mon, 19 Jan 2026 2 token 33.3% of the range"
    assert console.page.locator(".graph [aria-live]").inner_text() == ""
    console.page.mouse.move(2, 2)
    expect(tip).to_have_count(0)


def test_quantities_that_do_not_add_up_are_lines(open_page: OpenPage) -> None:
    kinds = ["count", "sum", "time_weighted", "max", "min", "average", "unique_count", "latest"]
    shown = [usage(kind, windows_of(["1", "2"]), aggregation=kind) for kind in kinds]
    console = opened_on(open_page, usage_api(answer(*shown)))
    wait_for_graphs(console, len(kinds))
    drawn = console.page.evaluate(
        "[...document.querySelectorAll('canvas')].map(each => Chart.getChart(each))"
        ".map(chart => [chart.data.datasets[0].type, chart.options.scales.y.stacked])"
    )
    assert drawn == [["bar", True]] * 3 + [["line", False]] * 5


def test_a_new_theme_redraws(open_page: OpenPage) -> None:
    console = opened_on(open_page, usage_api(PLAIN))
    wait_for_graphs(console, 1)
    color = "Chart.getChart(document.querySelector('canvas')).data.datasets[0].backgroundColor[0]"
    light = console.page.evaluate(color)
    console.page.emulate_media(color_scheme="dark")
    console.page.wait_for_function(f"() => {color} !== '{light}'")


def test_spend_names_what_is_not_billed(open_page: OpenPage) -> None:
    priced = [{**each, "spend": "0.10"} for each in windows_of(["1", "2", "3"])]
    free = [{**each, "spend": None} for each in windows_of(["4"])]
    huge = [{**each, "spend": "99999999999999999.99"} for each in windows_of(["4"])]
    shown = answer(
        usage("free", free, spend=None),
        usage("tokens", priced, spend="0.30", billable=True),
        usage("huge", huge, spend="99999999999999999.99", billable=True),
    )
    console = opened_on(open_page, usage_api(shown), show="spend")
    assert console.figures(".usage-spend") == [("100000000000000000.29", "$100,000,000,000,000,000.29")]
    assert console.page.locator(".meter h3").all_inner_texts() == ["Tokens", "Huge", "Free"]
    assert console.page.locator(".usage-total").all_inner_texts()[2] == "not billed"
    console.check_every_look()
    console.page.get_by_role("button", name="Table").click()
    assert [value for value, _ in console.figures(".usage-table")][:4] == ["3", "0.10", "2", "0.10"]
    console.check_every_look()


def test_choices_are_asked_of_the_api_and_kept_in_the_address(open_page: OpenPage) -> None:
    api = usage_api(PLAIN, meter("tokens", "model", "kind"), meter("idle"))
    console = opened_on(open_page, api)
    assert asked_usage(api) == [{"window": ["day"], "compare": ["previous"]}]
    page = console.page
    page.get_by_role("button", name="90 days").click()
    page.get_by_role("button", name="Month").click()
    page.get_by_label("Group by").select_option("model")
    page.get_by_role("button", name="Spend").click()
    page.get_by_role("button", name="Show it").click()
    page.get_by_role("button", name="Table").click()
    page.wait_for_selector("[aria-busy=false]")
    assert page.url.endswith("?view=usage&range=90&window=month&group=model&show=spend&zero=shown&layout=table")
    wanted = {
        "from": ["2025-10-23"],
        "to": ["2026-01-21"],
        "window": ["month"],
        "group_by": ["model"],
        "spend": ["true"],
        "include_zero": ["true"],
        "compare": ["previous"],
    }
    assert asked_usage(api)[-1] == wanted
    page.reload()
    console.settle()
    assert asked_usage(api)[-1] == wanted
    assert page.get_by_role("switch", name="Show zero usage metrics").is_checked()
    assert page.get_by_role("button", name="Table").get_attribute("aria-pressed") == "true"
    page.go_back()
    expect(page.get_by_role("button", name="Graph")).to_have_attribute("aria-pressed", "true")
    page.go_back()
    expect(page.get_by_role("switch", name="Show zero usage metrics")).not_to_be_checked()
    page.get_by_role("button", name="30 days").click()
    page.get_by_role("button", name="Day", exact=True).click()
    page.get_by_label("Group by").select_option("")
    page.get_by_role("button", name="Quantity").click()
    assert page.url.endswith("?view=usage")


def test_periods_are_ranges(open_page: OpenPage) -> None:
    api = usage_api(PLAIN)
    console = opened_on(open_page, api)
    console.page.get_by_role("button", name="This period").click()
    console.see("1–20 Jan 2026")
    console.page.get_by_role("button", name="Last period").click()
    console.see("1–31 Dec 2025")
    console.page.wait_for_selector("[aria-busy=false]")
    bounds = [(query["from"], query["to"]) for query in asked_usage(api)[1:]]
    assert bounds == [
        (["2026-01-01T00:00:00Z"], ["2026-01-21"]),
        (["2025-12-01T00:00:00Z"], ["2026-01-01T00:00:00Z"]),
    ]


def test_without_a_subscription_there_are_no_periods(open_page: OpenPage) -> None:
    console = opened_on(open_page, usage_api(PLAIN, subscriptions=()))
    console.page.get_by_role("button", name="This period").wait_for(state="detached")
    assert console.page.get_by_role("button", name="Last period").count() == 0


def test_hours_are_for_short_ranges(open_page: OpenPage) -> None:
    console = opened_on(open_page, usage_api(PLAIN), range="90")
    hour = console.page.get_by_role("button", name="Hour")
    expect(hour).to_be_disabled()
    assert hour.get_attribute("title") == "Hours are shown for up to 31 days."
    assert "Hours are shown for up to 31 days." in hour.inner_text()
    console.page.get_by_role("button", name="7 days").click()
    expect(hour).to_be_enabled()


def test_ranges_beyond_the_plan_are_refused_with_the_reason(open_page: OpenPage) -> None:
    limited = {**SUBSCRIPTION, "usage_history_days": 14}
    api = usage_api(PLAIN, subscriptions=[limited])
    console = opened_on(open_page, api)
    reason = "Your plan shows the last 14 days, from 7 Jan 2026."
    for name in ("30 days", "90 days", "This period", "Last period"):
        button = console.page.get_by_role("button", name=name)
        expect(button).to_be_disabled()
        expect(button).to_have_attribute("title", reason)
    expect(console.page.get_by_role("button", name="14 days", exact=True)).to_have_attribute("aria-pressed", "true")
    assert asked_usage(api) == [{"window": ["day"], "compare": ["previous"]}]
    console.check_every_look()
    console.open(view="usage", range="custom", **{"from": "2026-01-06", "to": "2026-01-08"})
    console.see(reason)
    assert len(asked_usage(api)) == 1
    console.check_every_look()


def test_days_of_ones_own_are_checked_before_asking(open_page: OpenPage) -> None:
    api = usage_api(PLAIN)
    console = opened_on(open_page, api)
    page = console.page
    page.get_by_role("button", name="Custom").click()
    page.wait_for_selector("[aria-busy=false]")
    first, last = page.get_by_label("From"), page.get_by_label("to", exact=True)
    assert (first.input_value(), last.input_value()) == ("2025-12-22", "2026-01-20")
    count = len(asked_usage(api))
    faults = [
        ("", "2026-01-20", "Give both days."),
        ("2026-01-12", "2026-01-11", "The first day must not lie after the last."),
        ("2026-01-12", "2026-01-21", "The last day must not lie after today, 20 Jan 2026."),
        ("2025-10-22", "2026-01-20", "Your plan shows the last 90 days, from 23 Oct 2025."),
    ]
    for start, end, fault in faults:
        first.fill(start)
        last.fill(end)
        page.get_by_role("button", name="Apply").click()
        console.see(fault)
    assert len(asked_usage(api)) == count
    console.check_every_look()
    first.fill("2025-10-23")
    last.fill("2025-10-24")
    page.get_by_role("button", name="Apply").click()
    console.see("23–24 Oct 2025")
    expect(page.get_by_role("button", name="Apply")).to_be_focused()
    page.wait_for_selector("[aria-busy=false]")
    assert [asked_usage(api)[-1][name] for name in ("from", "to")] == [["2025-10-23"], ["2025-10-25"]]
    assert "range=custom&from=2025-10-23&to=2025-10-24" in page.url


def test_a_range_that_only_the_api_refuses_is_told_kindly(open_page: OpenPage) -> None:
    def shown(query: Mapping[str, list[str]]) -> Any:
        return problem(403, "history-limit", "The range may begin on 7 January.") if "from" in query else PLAIN

    console = opened_on(open_page, usage_api(shown), range="90")
    console.see("This range cannot be shown")
    console.see("The range may begin on 7 January.")
    console.check_every_look()
    console.page.get_by_role("button", name="Show the latest days").click()
    console.see("Tokens")
    assert console.page.url.endswith("?view=usage")


def test_without_subscriptions_and_meters_the_figures_are_there(open_page: OpenPage) -> None:
    api = usage_api(PLAIN)
    api.on("organizations/acme/subscriptions", problem(503, "unavailable", "Busy."))
    api.on("meters", problem(503, "unavailable", "Busy."))
    console = opened_on(open_page, api)
    assert console.figures(".usage-total") == [("6", "6")]
    console.check()


def test_a_file_that_cannot_be_fetched_is_told(open_page: OpenPage) -> None:
    answers: list[Any] = [PLAIN]
    console = opened_on(open_page, usage_api(lambda _: answers[0]))
    answers[0] = problem(422, "range-too-large", "More than 5 MB.")
    console.page.get_by_role("button", name="CSV").click()
    console.see("The file could not be fetched: More than 5 MB.")
    console.check()


def test_an_unknown_group_of_an_old_address_can_be_left(open_page: OpenPage) -> None:
    refusal = problem(422, "invalid-input", "The query names things that do not exist.")

    def shown(query: Mapping[str, list[str]]) -> Any:
        return refusal if "group_by" in query else PLAIN

    api = usage_api(shown)
    api.on("meters", listed(meter("tokens", "model")))
    console = opened_on(open_page, api, group="gone")
    console.see("Usage could not be loaded.")
    console.page.get_by_label("Group by").select_option("")
    console.see("Tokens")
