"""Where the content of an invoice lies: in its item or in pages beside it, and what a change of its standing leaves."""

import zlib
from dataclasses import replace

import pytest

from chalicelib.invoices import store
from chalicelib.invoices.invoice import Invoice
from chalicelib.invoices.records import write_content
from chalicelib.invoices.tables import InvoicesItem
from chalicelib.platform.writes import commit
from tests.invoices.issued import issued, line

pytestmark = pytest.mark.usefixtures("tables")


def packed_bytes(invoice: Invoice) -> int:
    return len(zlib.compress(write_content(invoice.content).encode(), 9))


def stored(invoice: Invoice) -> InvoicesItem:
    commit([store.creation_write(invoice)])
    return InvoicesItem.get("acme", "inv#000000007")


def test_content_of_the_longest_inline_size_lies_in_the_item(monkeypatch: pytest.MonkeyPatch) -> None:
    invoice = issued(line("tokens", 2800))
    monkeypatch.setattr(store, "INLINE_BYTES", packed_bytes(invoice))
    item = stored(invoice)
    assert not item.pages
    assert len(item.content) == packed_bytes(invoice)
    assert store.get_invoice("acme", 7).invoice == invoice


def test_a_byte_more_lies_in_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    invoice = issued(line("tokens", 2800))
    monkeypatch.setattr(store, "INLINE_BYTES", packed_bytes(invoice) - 1)
    item = stored(invoice)
    assert item.pages == 1
    assert not item.content
    assert store.get_invoice("acme", 7).invoice == invoice


@pytest.mark.parametrize("more", [0, 1])
def test_pages_are_as_long_as_they_may_be(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    invoice = issued(line("tokens", 2800))
    size = packed_bytes(invoice) // 2 - more
    monkeypatch.setattr(store, "PAGE_BYTES", size)
    assert stored(invoice).pages == -(-packed_bytes(invoice) // size)
    assert store.get_invoice("acme", 7).invoice == invoice


def test_a_change_of_the_standing_leaves_pages_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "INLINE_BYTES", 10)
    invoice = issued(line("tokens", 2800))
    before = stored(invoice)
    overdue = replace(invoice, standing=replace(invoice.standing, is_overdue=True))
    commit([store.standing_write(store.get_invoice("acme", 7), overdue)])
    after = store.get_invoice("acme", 7)
    assert after.invoice == overdue
    item = InvoicesItem.get("acme", "inv#000000007")
    assert (item.page_id, item.pages) == (before.page_id, before.pages)
    assert not item.content
