"""A browser and a local server for each process that runs tests of the console."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.console.browser import browser_environment, find_browser
from tests.console.console_page import ConsolePage, Theme, opened
from tests.console.fake_api import FakeApi
from tests.local.running import Running, serving

NOON = "2026-01-20T12:00:00Z"

# A busy machine is no reason for a test to fail.
expect.set_options(timeout=15_000)

OpenPage = Callable[..., ConsolePage]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the browser once."""
    executable = find_browser()
    with sync_playwright() as playwright:
        environment = browser_environment(executable)
        started = playwright.chromium.launch(executable_path=executable, env=environment)
        yield started
        started.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    """Serve an empty deployment whose clock stands at noon of 20 January 2026, UTC."""
    with serving("--empty", "--data", "memory", "--clock", NOON) as running:
        yield running


@pytest.fixture
def open_page(browser: Browser, server: Running) -> Iterator[OpenPage]:
    """Give a function that opens pages: ``open_page(api=…, theme=…, width=…)``; closes them after the test."""
    with ExitStack() as pages:

        def open_one(*, api: FakeApi | None = None, theme: Theme = "light", width: int = 1280) -> ConsolePage:
            url = server.ready["url"]
            return pages.enter_context(opened(browser, url, api=api, theme=theme, width=width))

        yield open_one
