"""The console in a real browser, as a test uses it: opens it, looks at it, and hears whatever it complains about."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import Browser, Locator, Page, Request, expect
from playwright.sync_api import TimeoutError as NotInTime

from tests.console.browser import ROOT
from tests.console.fake_api import FakeApi

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
WIDTHS = (360, 768, 1280)
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_COLOR_RULES = ("color-contrast", "link-in-text-block")
_HEIGHT = 900
# What Chromium writes when an answer is a problem or there is no network; the page shows these by itself.
_OF_ANSWERS = re.compile(r"Failed to load resource: (the server responded with a status of|net::ERR_INTERNET_DISCONN)")


# Without slots: Playwright keeps something of its own on the owner of a handler.
@dataclass
class ConsolePage:
    """A page of the console and everything that went wrong on it."""

    page: Page
    url: str
    api: FakeApi | None = None
    credential: str = "token"
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.on("request", self._watch)

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not _OF_ANSWERS.match(text):
            self.complaints.append(f"{kind}: {text}")

    def _watch(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and parts.netloc != urlsplit(self.url).netloc:
            self.complaints.append(f"a request to another host: {request.url}")

    def open(self, **place: str) -> None:
        """Open a place of the console, signed in, and wait until nothing is being loaded."""
        query = f"?{urlencode(place)}" if place else ""
        self.page.goto(f"{self.url}/console{query}#token={self.credential}")
        self.settle()

    def settle(self) -> None:
        """Wait until the page shows something and nothing on it is being loaded."""
        self.page.wait_for_selector("#console > *")
        expect(self.page.locator(".skeleton")).to_have_count(0)

    def see(self, text: str) -> Locator:
        """Find a text that must be there, once it is."""
        found = self.page.get_by_text(text, exact=False).first
        found.wait_for()
        return found

    def overflow(self) -> int:
        """Tell by how many pixels the page is wider than its window: 0 where nothing is cut off."""
        return int(self.page.evaluate(_TOO_WIDE))

    def figures(self, selector: str = "main") -> list[tuple[str, str]]:
        """List the figures in a part of the page: the API's own text and what is read."""
        found = self.page.locator(f"{selector} data").evaluate_all(
            "all => all.map(each => [each.getAttribute('value'), each.textContent])"
        )
        return [(value, text) for value, text in found]

    def check(self) -> None:
        """Assert that axe finds nothing, that nothing is cut off, and that the browser has not complained."""
        self._ask_axe()
        self._check_width()
        self.hear_nothing()

    def _ask_axe(self, *rules: str) -> None:
        """Assert that axe finds nothing by these rules; without any, by all that it has for everybody."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_axe())
        options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
        told = _told(self.page.evaluate("options => axe.run(document, options).then(run => run.violations)", options))
        assert not told, "\n".join(told)

    def _check_width(self) -> None:
        """Assert that nothing is cut off, once graphs have taken the window's width."""
        with suppress(NotInTime):
            self.page.wait_for_function(f"() => {_TOO_WIDE} <= 0", timeout=3_000)
        assert self.overflow() == 0, f"{self.overflow()} px wider than the window"

    def check_every_look(self) -> None:
        """Check the page as it is now in both themes and in all widths.

        A theme changes colours alone, and the width between holds what one of the others does: so in the second theme
        axe goes by its rules of colours and nothing is measured, and it is asked at the least and the greatest width.
        """
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": _HEIGHT})
            self._check_width()
            if width in (min(WIDTHS), max(WIDTHS)):
                for theme in THEMES:
                    self.page.emulate_media(color_scheme=theme)
                    self._ask_axe(*(() if theme == THEMES[0] else _COLOR_RULES))
        self.hear_nothing()

    def hear_nothing(self) -> None:
        """Assert that the browser has not complained: no error, no violation of the policy, no other host."""
        assert not self.complaints, "\n".join(self.complaints)


def _axe() -> str:
    return (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def _told(violations: list[dict[str, Any]]) -> list[str]:
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}" for each in violations for node in each["nodes"]
    ]


@contextmanager
def opened(
    browser: Browser, url: str, *, api: FakeApi | None = None, theme: Theme = "light", width: int = 1280
) -> Iterator[ConsolePage]:
    """Give a page in a context of its own, on the API itself or on one that a test makes up."""
    context = browser.new_context(
        viewport={"width": width, "height": _HEIGHT}, color_scheme=theme, reduced_motion="reduce", locale="en-US"
    )
    context.set_default_timeout(15_000)
    try:
        page = context.new_page()
        if api is not None:
            api.serve(page)
        yield ConsolePage(page, url, api)
    finally:
        context.close()
