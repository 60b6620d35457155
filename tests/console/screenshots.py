"""Take the pictures of the README: each tab in both themes, on the demo. ``make screenshots`` runs this."""

import sys
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

from tests.console.browser import ROOT, browser_environment, find_browser
from tests.console.console_page import THEMES, opened
from tests.local.running import serving

_ORGANIZATION = "acme-ai"
_TABS = {"usage": {"group": "model"}, "invoices": {}, "credits": {}}
_SIZE: ViewportSize = {"width": 1280, "height": 960}
_WHOLE_DEMO = "pass"


def main(folder: Path) -> None:
    """Write ``<tab>-<theme>.png`` into a folder, and say so."""
    folder.mkdir(parents=True, exist_ok=True)
    executable = find_browser()
    with serving("--demo", "--data", "memory", demo=_WHOLE_DEMO) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, env=browser_environment(executable))
        link = server.post(f"/v1/organizations/{_ORGANIZATION}/portal-links", {"name": "Ada Brandt"})["url"]
        for theme in THEMES:
            with opened(browser, server.ready["url"], theme=theme) as console:
                console.credential = link.partition("#token=")[2]
                console.page.set_viewport_size(_SIZE)
                for tab, place in _TABS.items():
                    console.open(view=tab, **place)
                    console.page.wait_for_load_state("networkidle")
                    console.page.mouse.move(0, 0)
                    path = folder / f"{tab}-{theme}.png"
                    console.page.screenshot(path=path)
                    sys.stdout.write(f"{path.relative_to(ROOT)}\n")
        browser.close()


if __name__ == "__main__":
    main(ROOT / "docs" / "images")
