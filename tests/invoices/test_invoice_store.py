"""Where the content of an invoice lies: in its item or in pages beside it, and what a change of its standing leaves."""

import zlib
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest

from chalicelib.credits.drawdown import Drawn
from chalicelib.invoices import store
from chalicelib.invoices.credit_notes import make_credit_note, with_note
from chalicelib.invoices.invoice import CreditTo, Invoice
from chalicelib.invoices.period_record import Billed, BilledFee, Billing, PeriodRecord
from chalicelib.invoices.period_records import write_record
from chalicelib.invoices.records import write_content, write_standing
from chalicelib.invoices.store import StoredInvoice
from chalicelib.invoices.tables import InvoicesItem
from chalicelib.platform.writes import commit
from chalicelib.shared.errors import Conflict
from tests.invoices.issued import at, issued, line

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


def record(*, charges: int, days: int, grants: int) -> PeriodRecord:
    """Make the record of a period of which every grant paid something for every charge on every day."""
    chance = Random(7)
    walk = [date(2026, 1, 1) + timedelta(days=day) for day in range(days)]
    names = [f"gr_1httb7ce63nm2xjm{place}" for place in range(grants)]
    amounts = {
        f"charge-{place}#0": Billed(
            chance.randrange(10**6),
            Decimal(chance.randrange(10**9)),
            {day: Decimal(chance.randrange(10**7)) for day in walk},
            tuple(Drawn(name, day, chance.randrange(1, 10**5)) for day in walk for name in names),
            noted_minor=chance.randrange(3),
        )
        for place in range(charges)
    }
    fees = {"base": BilledFee(invoice="i", line="l", net_minor=5, drawn=(Drawn(names[0], walk[0], 5),), noted_minor=2)}
    own = Billing(invoice="inv_acme.1p3.0", number=7, read_id="r", amounts=amounts)
    return PeriodRecord(name="1p3", numbers={0: 7}, own=own, advance=fees)


def test_the_record_of_the_greatest_plan_over_a_year_is_kept() -> None:
    great = record(charges=100, days=365, grants=2)
    commit([store.record_write("acme", great)])
    assert InvoicesItem.get("acme", "ref#1p3").pages >= 2
    assert store.read_records("acme", ["1p3", "1p4"]) == {"1p3": great, "1p4": PeriodRecord(name="1p4")}
    small = replace(great, own=None)
    commit([store.record_write("acme", small)])
    assert not InvoicesItem.get("acme", "ref#1p3").pages
    assert store.read_records("acme", ["1p3"]) == {"1p3": small}


@pytest.mark.parametrize("more", [0, 1])
def test_a_record_lies_in_its_item_while_it_fits(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    one = record(charges=2, days=3, grants=1)
    size = len(zlib.compress(write_record(one).encode(), 9))
    monkeypatch.setattr(store, "RECORD_BYTES", size - more)
    commit([store.record_write("acme", one)])
    assert bool(InvoicesItem.get("acme", "ref#1p3").pages) is bool(more)
    assert store.read_records("acme", ["1p3"]) == {"1p3": one}


@pytest.mark.parametrize("more", [0, 1])
def test_a_long_standing_is_packed_and_a_short_one_is_text(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    invoice = issued(line("tokens", 2800, paid_by=[("a", 1500), ("b", 500)]))
    commit([store.creation_write(invoice)])
    note = make_credit_note(
        invoice, [("tokens", 2800)], reason="x", to=CreditTo.REFUND, number=3, issued_at=at("2026-03-01T00:00:00Z")
    )
    changed = with_note(invoice, note)
    monkeypatch.setattr(store, "STANDING_CHARS", len(write_standing(changed.standing)) - more)
    commit([store.standing_write(store.get_invoice("acme", 7), changed), store.credit_note_write("acme", note, 7)])
    item = InvoicesItem.get("acme", "inv#000000007")
    assert (item.standing is None, item.standing_packed is None) == (bool(more), not more)
    assert store.get_invoice("acme", 7).invoice == changed
    assert store.find_credit_note("acme", 3) == (note, 7)
    # And back to text when it is short again.
    commit([store.standing_write(store.get_invoice("acme", 7), invoice)])
    assert store.get_invoice("acme", 7).invoice == invoice


def test_notes_that_say_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    invoice = issued(line("tokens", 2800))
    monkeypatch.setattr(store, "STANDING_CHARS", 0)
    monkeypatch.setattr(store, "MOST_STANDING_BYTES", 1)
    with pytest.raises(Conflict, match="void it instead"):
        store.standing_write(StoredInvoice(invoice, 1), replace(invoice, standing=replace(invoice.standing)))
