"""The CSV: a row for each line, credits and tax, with an amount that adds up to the total."""

import csv
import io
from decimal import Decimal

from hypothesis import given

from chalicelib.invoices.document_csv_service import render_csv
from chalicelib.invoices.invoice import Invoice
from chalicelib.invoices.shown import show_invoice
from tests.invoices.documents import JANUARY, Json, everything, invoice, line, tier
from tests.invoices.issued import ISSUED_AT, invoices

HEADER = [
    *("line", "kind", "charge", "name", "meter", "group", "service_start", "service_end", "quantity", "unit"),
    *("unit_price", "amount", "net", "credits", "origin_invoice", "invoice", "currency"),
]


def rows(document: Json) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render_csv(document))))


def total(document: Json, column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows(document) if row[column]), Decimal(0))


def test_the_columns_are_these_in_this_order() -> None:
    assert render_csv(invoice()).split("\r\n")[0].split(",") == HEADER


def test_a_line_fills_every_column_it_has() -> None:
    [row] = rows(invoice(line(group={"model": "llama", "kind": "in"}, unit="tokens"), credits_applied="0.00", taxes=[]))
    assert row == {
        "line": "l1",
        "kind": "usage",
        "charge": "tokens",
        "name": "Tokens",
        "meter": "tokens",
        "group": "model=llama; kind=in",
        "service_start": "2025-12-31T23:00:00Z",
        "service_end": "2026-01-31T23:00:00Z",
        "quantity": "1800",
        "unit": "tokens",
        "unit_price": "",
        "amount": "28.00",
        "net": "28.00",
        "credits": "",
        "origin_invoice": "",
        "invoice": "ACME-000001",
        "currency": "USD",
    }


def test_amounts_add_up_to_the_total_and_credits_to_the_credits_applied() -> None:
    assert total(invoice(), "amount") == Decimal("9.52")
    assert total(invoice(), "credits") == Decimal("20.00")
    lines = [line(amount="10.05", net="9.05"), line("Discount", "-1.00", kind="discount", net="0.00")]
    discounted = invoice(*lines, subtotal="10.05", discount="1.00", credits_applied="0.00", taxes=[], total="9.05")
    assert total(discounted, "amount") == Decimal("9.05")


def test_credits_and_each_tax_have_a_row_after_the_lines() -> None:
    taxes = [{"name": "State", "percent": "6.25", "amount": "0.50"}, {"name": "City", "percent": "4", "amount": "0.32"}]
    after = rows(invoice(taxes=taxes))[1:]
    assert [(row["line"], row["kind"], row["name"], row["amount"]) for row in after] == [
        ("", "credits_applied", "Credits applied", "-20.00"),
        ("", "tax", "State (6.25 %)", "0.50"),
        ("", "tax", "City (4 %)", "0.32"),
    ]
    assert [row["kind"] for row in rows(invoice(credits_applied="0.00"))] == ["usage", "tax"]


def test_credits_that_come_back_are_positive_in_their_own_row() -> None:
    back = [{"grant": "g1", "name": "A", "amount": "-30.00"}, {"grant": "g2", "name": "B", "amount": "-0.50"}]
    late = line("Late", "-40.00", kind="late_usage", credits=back, origin=origin("ACME-000007"))
    first, second, _ = rows(invoice(late, credits_applied="-30.50"))
    assert (first["credits"], first["origin_invoice"]) == ("-30.50", "ACME-000007")
    assert (second["kind"], second["amount"]) == ("credits_applied", "30.50")


def origin(number: str | None) -> Json:
    return {"invoice": None if number is None else "inv_7", "number": number, "period": JANUARY}


def test_late_usage_that_was_never_invoiced_has_no_origin() -> None:
    assert rows(invoice(line(origin=origin(None))))[0]["origin_invoice"] == ""


def test_a_unit_price_is_there_where_one_price_makes_the_line() -> None:
    one = tier("0", None, "1800", "0.02", amount="36")
    lines = [line(tiers=[one]), line(tiers=[{**one, "flat_fee": "1"}]), line(tiers=[one, one]), line(unit_price="0.50")]
    assert [row["unit_price"] for row in rows(invoice(*lines))[:4]] == ["0.02", "", "", "0.5"]


def test_a_draft_is_named_by_its_id() -> None:
    assert {row["invoice"] for row in rows(invoice(number=None, status="draft"))} == {"inv_acme.1"}


def test_text_that_a_spreadsheet_would_run_is_escaped_and_negative_numbers_are_not() -> None:
    lines = [line("=1+1", "-3.00", group={"=model": "x"}, unit="@x", quantity="-5")]
    row = rows(invoice(*lines))[0]
    assert (row["name"], row["group"], row["unit"]) == ("'=1+1", "'=model=x", "'@x")
    assert (row["amount"], row["quantity"]) == ("-3.00", "-5")


def test_every_line_has_its_row_and_names_of_any_script_survive() -> None:
    document = everything()
    document["lines"][0]["name"] = 'Ακρόπολις, "Москва"\nשלום'
    assert [row["line"] for row in rows(document)][: len(document["lines"])] == ["l1"] * len(document["lines"])
    assert rows(document)[0]["name"] == 'Ακρόπολις, "Москва"\nשלום'


@given(invoices)
def test_amounts_of_any_invoice_add_up_to_its_total(any_invoice: Invoice) -> None:
    shown = show_invoice(any_invoice, ISSUED_AT)
    assert total(shown, "amount") == Decimal(shown["total"])
    assert total(shown, "credits") == Decimal(shown["credits_applied"])
