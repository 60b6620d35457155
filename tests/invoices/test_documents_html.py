"""The printable page: everything of the layout, nothing that runs, nothing from outside."""

import base64
import hashlib
import re
from html import unescape
from typing import Any

from chalicelib.catalog.logo import Logo
from chalicelib.invoices.document_html import CONTENT_SECURITY_POLICY, render_html
from chalicelib.invoices.document_layout import lay_out
from tests.catalog.pictures import JPEG, png
from tests.invoices.documents import BERLIN, Json, everything, invoice, line, texts_of

LOGO = Logo("image/png", png())
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "section", "div", "h1", "h2", "img", "p", "dl"),
    *("dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "data", "bdi"),
}
ATTRIBUTES = {
    *("lang", "charset", "name", "content", "class", "dir", "src", "alt", "scope", "colspan", "value"),
}
# What must stay as it is for an invoice to be one.
FORMS = re.compile(r"-?[0-9.]+|[0-9-]+T[0-9:.]+Z|USD")
PLANTED = "<script>alert(1)</script><img src=x onerror=y>\"'&amp;</style></td>"


TOKEN = re.compile(r'<(/?)([a-z][a-z0-9]*)((?: [a-z-]+="[^"<]*")*)>|([^<]+)')


class Page:
    """Reads a page strictly: its tags, its attributes, its text; nothing on it may look like a tag and be none."""

    def __init__(self, page: str) -> None:
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.open: list[str] = []
        start = len("<!DOCTYPE html>")
        assert page[:start] == "<!DOCTYPE html>"
        while start < len(page):
            found = TOKEN.match(page, start)
            assert found is not None, page[start : start + 80]
            start = found.end()
            self._take(*found.groups(default=""))

    def _take(self, slash: str, tag: str, attributes: str, text: str) -> None:
        self.text += unescape(text)
        if slash:
            assert self.open.pop() == tag
        elif tag:
            self.tags.append(tag)
            self.attributes += [(name, unescape(value)) for name, value in re.findall(r'([a-z-]+)="(.*?)"', attributes)]
            self.open += [] if tag in ("meta", "img") else [tag]


def page_of(document: Json, logo: Logo | None = LOGO) -> str:
    return render_html(lay_out(document, BERLIN), logo)


def planted(value: Any, at: str = "") -> Any:
    """Put markup into every text that is free."""
    if isinstance(value, dict):
        return {name: planted(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [planted(each, at) for each in value]
    if not isinstance(value, str) or FORMS.fullmatch(value) or at in ("kind", "status", "payment_status"):
        return value
    return value + PLANTED


def test_every_text_of_the_layout_is_on_the_page() -> None:
    layout = lay_out(everything(), BERLIN)
    text = Page(render_html(layout, None)).text
    assert [each for each in texts_of(layout) if each not in text] == []


def test_markup_in_any_field_is_text() -> None:
    page = Page(page_of(planted(everything())))
    assert set(page.tags) <= TAGS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    assert page.open == []
    fields = ("legal_name", "address", "tax_id", "email", "purchase_order", "invoice_note", "name", "reference")
    assert page.text.count(PLANTED) >= len(fields) + len(everything()["lines"])
    assert page.tags.count("img") == 1


def test_markup_in_dimensions_is_text() -> None:
    page = Page(page_of(invoice(line(group={PLANTED: PLANTED}))))
    assert f"{PLANTED}: {PLANTED}" in page.text
    assert set(page.tags) <= TAGS


def test_the_policy_allows_exactly_the_style_of_the_page() -> None:
    page = page_of(invoice())
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert "script-src" not in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY


def test_nothing_comes_from_outside_and_nothing_runs() -> None:
    page = page_of(invoice())
    assert [found for found in ("http:", "https:", "//", "url(", "@import", "<script", "<link") if found in page] == []
    assert [name for name, _ in Page(page).attributes if name == "style" or name.startswith("on")] == []


def test_a_logo_lies_in_the_page_and_without_one_there_is_no_picture() -> None:
    for logo in (LOGO, Logo("image/jpeg", JPEG)):
        page = Page(page_of(invoice(), logo))
        assert ("src", f"data:{logo.media_type};base64,{base64.b64encode(logo.content).decode()}") in page.attributes
        assert ("alt", "Cloud GmbH") in page.attributes
    assert "img" not in Page(page_of(invoice(), None)).tags


def test_figures_carry_what_the_api_wrote() -> None:
    page = page_of(invoice(line(amount="-1234.50")))
    assert '<data value="-1234.50">−1,234.50</data>' in page


def test_the_page_is_english_and_lets_names_run_either_way() -> None:
    page = page_of(invoice(line("שלום")))
    assert '<html lang="en">' in page
    assert '<div dir="auto">שלום</div>' in page


def test_a_thousand_lines_have_one_head_that_print_repeats_and_rows_that_stay_whole() -> None:
    page = page_of(invoice(*(line(f"Line {at}") for at in range(1000))))
    assert Page(page).tags.count("thead") == 1
    assert page.count('<tr class="line">') == 1000
    for rule in ("thead { display: table-header-group; }", "tr { break-inside: avoid; }", "@page {"):
        assert rule in page
