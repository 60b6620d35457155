"""What invoices noted of the ledger is read in the order of their numbers, from any place on."""

from dataclasses import replace

import pytest

from chalicelib.credits.ledger import Anchor
from chalicelib.invoices import anchor_store, store
from chalicelib.invoices.anchor_service import Anchors
from chalicelib.invoices.invoice import LedgerHead
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
    """Read all anchors: seq and invoice; and in how many pages."""
    found: list[tuple[int, str]] = []
    place, pages = None, 0
    while True:
        page = Anchors().list_anchors(organization, after=place)
        found += [(one.anchor.seq, one.anchor.invoice) for one in page.anchors]
        place, pages = page.place, pages + 1
        if page.is_last:
            return found, pages


def test_an_organization_without_invoices_has_no_anchors() -> None:
    page = Anchors().list_anchors("acme", after=None)
    assert (list(page.anchors), page.place, page.is_last) == ([], None, True)


@pytest.mark.parametrize(("limit", "pages"), [(1, 5), (2, 3), (100, 1)])
def test_anchors_come_in_the_order_of_numbers_without_invoices_that_noted_none(
    monkeypatch: pytest.MonkeyPatch, limit: int, pages: int
) -> None:
    for number, seq in ((1, None), (2, 3), (9, 3), (10, 12), (100, None)):
        write(number, seq)
    monkeypatch.setattr(anchor_store, "read_page", lambda query: read_page(query, limit=limit))
    found, walked = read()
    assert found == [(3, "inv_acme.1p2.0"), (3, "inv_acme.1p9.0"), (12, "inv_acme.1p10.0")]
    assert walked in (pages, pages + 1)
    assert read("other") == ([], 1)


def test_a_list_goes_on_behind_the_place_of_any_anchor() -> None:
    for number in (1, 2, 3):
        write(number, number)
    whole = Anchors().list_anchors("acme", after=None)
    assert whole.anchors[0].anchor == Anchor(1, f"{1:064}", "inv_acme.1p1.0")
    for place, one in enumerate(whole.anchors):
        rest = Anchors().list_anchors("acme", after=one.place)
        assert list(rest.anchors) == list(whole.anchors[place + 1 :])
    assert whole.place == whole.anchors[-1].place
