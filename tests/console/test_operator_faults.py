"""Operator and settings views that wait, fail, are refused, go offline or lose their session."""

from urllib.parse import urlencode

from tests.console.conftest import OpenPage
from tests.console.fake_api import problem
from tests.console.operator_answers import ANSWERS, MARKUP, READER, Case, of_each_view, operator_api


@of_each_view
def test_a_view_waits_then_fails_and_is_tried_again(open_page: OpenPage, case: Case) -> None:
    api = operator_api()
    api.on(case.asks, None)
    console = open_page(api=api)
    console.page.goto(f"{console.url}/console?{urlencode(case.place())}#token={console.credential}")
    console.page.locator("main .skeleton").first.wait_for()
    console.check_every_look()
    api.on(case.asks, problem(503, "busy", f"Try again in 1 s. {MARKUP}"))
    console.page.reload()
    console.see(f"{case.about} could not be loaded.")
    assert MARKUP in console.page.locator(".failure").first.inner_text()
    console.check_every_look()
    api.on(case.asks, ANSWERS[case.asks])
    for _ in range(console.page.locator(".failure").count()):
        console.page.get_by_role("button", name="Try again").first.click()
        console.settle()
    assert console.page.locator(".failure").count() == 0


@of_each_view
def test_a_refused_view_says_so_and_is_not_tried_again(open_page: OpenPage, case: Case) -> None:
    api = operator_api()
    api.on(case.asks, problem(403, "forbidden", "This key may not see that."))
    console = open_page(api=api)
    console.open(**case.place())
    console.see("This key may not see that.")
    assert console.page.get_by_role("button", name="Try again").count() == 0
    console.check_every_look()


def test_a_view_stays_while_offline_and_ends_with_the_session(open_page: OpenPage) -> None:
    api = operator_api()
    console = open_page(api=api)
    console.open(view="meters")
    console.page.context.set_offline(True)
    console.see("You are offline")
    assert console.page.get_by_role("link", name="Tokens").count() == 1
    console.check_every_look()
    console.page.context.set_offline(False)
    api.on("meters", problem(401, "unauthenticated", "The key has ended."))
    console.see("Your session has ended")


def test_a_failing_refresh_keeps_what_was_shown(open_page: OpenPage) -> None:
    api = operator_api(READER)
    console = open_page(api=api)
    console.open(view="plans")
    api.on("plans", problem(503, "busy", "Try again."))
    console.page.get_by_role("button", name="Refresh").click()
    console.see("The plans could not be refreshed")
    assert console.page.get_by_role("heading", name="Scale").count() == 1
    console.check_every_look()
