"""What invoices noted of the ledger is read in the order of their numbers, from any place on."""

from dataclasses import replace

import pytest

from chalicelib.credits.ledger import KeptHead
from chalicelib.invoices import kept_head_store, store
from chalicelib.invoices.invoice import LedgerHead
from chalicelib.invoices.kept_head_service import InvoiceHeads
from chalicelib.platform.reads import read_page
from chalicelib.platform.writes import commit
from tests.invoices.issued import issued, line

pytestmark = pytest.mark.usefixtures("tables")


def write(number: int, seq: int | None) -> None:
    """Store an invoice that noted an entry, or none."""
    head = None if seq is None else LedgerHead(seq, f"{seq:064}")
    invoice = replace(issued(line("tokens", 2800)), id=f"inv_acme.1p{number}.0", number=number, ledger_head=head)
    commit([store.creation_write(invoice)])


def read(organization: str = "acme") -> tuple[list[tuple[int, str]], int]:
    """Read all kept_heads: seq and invoice; and in how many pages."""
    found: list[tuple[int, str]] = []
    place, pages = None, 0
    while True:
        page = InvoiceHeads().list_kept_heads(organization, after=place)
        found += [(one.kept_head.seq, one.kept_head.invoice) for one in page.kept_heads]
        place, pages = page.place, pages + 1
        if page.is_last:
            return found, pages


def test_an_organization_without_invoices_has_no_kept_heads() -> None:
    page = InvoiceHeads().list_kept_heads("acme", after=None)
    assert (list(page.kept_heads), page.place, page.is_last) == ([], None, True)


@pytest.mark.parametrize(("limit", "pages"), [(1, 5), (2, 3), (100, 1)])
def test_kept_heads_come_in_the_order_of_numbers_without_invoices_that_noted_none(
    monkeypatch: pytest.MonkeyPatch, limit: int, pages: int
) -> None:
    for number, seq in ((1, None), (2, 3), (9, 3), (10, 12), (100, None)):
        write(number, seq)
    monkeypatch.setattr(kept_head_store, "read_page", lambda query: read_page(query, limit=limit))
    found, walked = read()
    assert found == [(3, "inv_acme.1p2.0"), (3, "inv_acme.1p9.0"), (12, "inv_acme.1p10.0")]
    assert walked in (pages, pages + 1)
    assert read("other") == ([], 1)


def test_a_list_goes_on_behind_the_place_of_any_anchor() -> None:
    for number in (1, 2, 3):
        write(number, number)
    whole = InvoiceHeads().list_kept_heads("acme", after=None)
    assert whole.kept_heads[0].kept_head == KeptHead(1, f"{1:064}", "inv_acme.1p1.0")
    for place, one in enumerate(whole.kept_heads):
        rest = InvoiceHeads().list_kept_heads("acme", after=one.place)
        assert list(rest.kept_heads) == list(whole.kept_heads[place + 1 :])
    assert whole.place == whole.kept_heads[-1].place
