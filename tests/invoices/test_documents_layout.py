"""What a document says: everything the API says, in local days, with figures a reader can read."""

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.invoices.document_layout import Figure, Layout, Row, Total, lay_out
from tests.invoices.documents import BERLIN, GRADUATED, JANUARY, Json, invoice, line, tier


def laid_out(*lines: Json, **changes: Any) -> Layout:
    return lay_out(invoice(*lines, **changes), BERLIN)


def facts(layout: Layout) -> dict[str, str]:
    return {fact.label: fact.text for fact in layout.facts}


def totals(layout: Layout) -> list[tuple[str, str]]:
    return [(total.label, total.amount.value) for total in layout.totals]


def only_row(*lines: Json) -> Row:
    [section] = laid_out(*lines).sections
    [row] = section.rows
    return row


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0.00", "0.00"),
        ("999.99", "999.99"),
        ("1000.00", "1,000.00"),
        ("-1234567.8901", "−1,234,567.8901"),
        ("8", "8"),
        ("123456", "123,456"),
    ],
)
def test_a_figure_groups_its_whole_digits_and_keeps_the_others(value: str, shown: str) -> None:
    assert Figure(value).shown == shown


def test_an_invoice_names_itself_both_sides_and_its_days() -> None:
    layout = laid_out()
    assert (layout.title, layout.number, layout.currency) == ("Invoice", "ACME-000001", "USD")
    assert facts(layout) == {
        "Number": "ACME-000001",
        "Issued": "2 Feb 2026",
        "Due": "3 Mar 2026",
        "Period": "1 Jan 2026 – 31 Jan 2026",
        "Time zone": "Europe/Berlin",
        "Plan": "pro, version 2",
        "Purchase order": "PO 4711",
        "Payment": "Unpaid",
    }
    assert (layout.seller.name, layout.seller.lines) == ("Cloud GmbH", ("Weg 1\n10115 Berlin", "Tax ID: DE1"))
    assert layout.buyer.name == "Acme Corporation"
    assert layout.buyer.lines == ("Acme", "1 Main Street\nSpringfield", "billing@acme.example", "Tax ID: US-77")


def test_a_buyer_without_details_is_named_by_its_id_and_a_seller_may_be_nobody() -> None:
    layout = laid_out(buyer={}, seller={}, plan=None)
    assert (layout.buyer.name, layout.buyer.lines) == ("acme", ())
    assert (layout.seller.name, layout.seller.lines) == ("", ())
    assert "Plan" not in facts(layout)


def test_an_end_at_midnight_shows_the_day_before_and_a_microsecond_later_the_next() -> None:
    assert facts(laid_out(due_at="2026-03-03T23:00:00Z"))["Due"] == "3 Mar 2026"
    assert facts(laid_out(due_at="2026-03-03T23:00:00.000001Z"))["Due"] == "4 Mar 2026"
    assert facts(laid_out(issued_at="2026-02-01T22:59:59Z"))["Issued"] == "1 Feb 2026"
    assert facts(laid_out(issued_at="2026-02-01T23:00:00Z"))["Issued"] == "2 Feb 2026"


def test_a_period_of_one_day_is_that_day() -> None:
    day = {"start": "2026-01-05T11:00:00Z", "end": "2026-01-05T23:00:00Z"}
    assert facts(laid_out(period=day))["Period"] == "5 Jan 2026"
    assert facts(laid_out(period={**day, "end": "2026-01-05T23:00:01Z"}))["Period"] == "5 Jan 2026 – 6 Jan 2026"


def test_rows_are_grouped_by_kind_in_a_fixed_order_and_a_cap_stays_with_its_usage() -> None:
    kinds = ["late_usage", "one_off", "usage", "cap", "minimum", "carried_to_credit", "recurring", "discount"]
    origin = {"invoice": None, "number": None, "period": JANUARY}
    layout = laid_out(*(line(kind, kind=kind, origin=origin if kind == "late_usage" else None) for kind in kinds))
    assert [(section.title, [row.name for row in section.rows]) for section in layout.sections] == [
        ("Recurring fees", ["recurring"]),
        ("Usage", ["usage", "cap"]),
        ("Minimums", ["minimum"]),
        ("Items", ["one_off"]),
        ("Usage of earlier periods", ["late_usage"]),
        ("Carried to credit", ["carried_to_credit"]),
    ]


def test_rows_add_up_to_the_subtotal_and_the_discount_stands_below() -> None:
    lines = [line(amount="100.50"), line(amount="100.50"), line("Discount", "-20.00", kind="discount")]
    layout = laid_out(*lines, subtotal="201.00", discount="20.00", credits_applied="0.00", taxes=[])
    shown = [Decimal(row.amount.value) for section in layout.sections for row in section.rows]
    assert sum(shown) == Decimal(layout.totals[0].amount.value) == 201
    assert totals(layout)[:2] == [("Subtotal", "201.00"), ("Discount", "-20.00")]


def test_totals_lead_from_the_subtotal_to_what_is_due() -> None:
    taxes = [{"name": "State", "percent": "6.25", "amount": "0.50"}, {"name": "City", "percent": "4", "amount": "0.32"}]
    layout = laid_out(taxes=taxes, total="8.82", amount_paid="5.00", amount_credited="1.00", amount_due="2.82")
    assert totals(layout) == [
        ("Subtotal", "28.00"),
        ("Credits applied", "-20.00"),
        ("State (6.25 %)", "0.50"),
        ("City (4 %)", "0.32"),
        ("Total", "8.82"),
        ("Paid", "-5.00"),
        ("Credit notes", "-1.00"),
        ("Amount due", "2.82"),
    ]
    assert [total.label for total in layout.totals if total.is_strong] == ["Total", "Amount due"]


def test_credits_that_come_back_raise_the_total() -> None:
    layout = laid_out(credits_applied="-30.00")
    assert Total("Credits applied", Figure("30.00")) in layout.totals


def test_tiers_stand_below_their_line_and_credits_by_grant() -> None:
    [section] = laid_out().sections
    [row] = section.rows
    assert (row.quantity, row.unit_price, row.amount) == (Figure("1800"), None, Figure("28.00"))
    assert [(one.label, one.quantity.value, one.unit_price.value, one.amount.value) for one in row.tiers] == [
        ("Up to 1,000", "1000", "0.02", "20"),
        ("Above 1,000", "800", "0.01", "8"),
    ]
    assert row.credits == ("Paid by credits: Welcome 20.00",)


def test_one_tier_without_a_fee_is_a_unit_price_and_with_one_it_is_not() -> None:
    plain = only_row(line(tiers=[tier("0", None, "1800", "0.02", amount="36")]))
    assert (plain.unit_price, plain.tiers) == (Figure("0.02"), ())
    with_fee = only_row(line(tiers=[tier("0", None, "1800", "0.02", flat_fee="5", amount="41")]))
    assert with_fee.unit_price is None
    assert [one.label for one in with_fee.tiers] == ["All units, with a fee of 5"]


def test_a_tier_in_the_middle_names_both_bounds() -> None:
    tiers = [*GRADUATED[:1], tier("1000", "2500.5", "800", "0.01"), tier("2500.5", None, "0", "0.005")]
    assert [one.label for one in only_row(line(tiers=tiers)).tiers] == [
        "Up to 1,000",
        "Above 1,000, up to 2,500.5",
        "Above 2,500.5",
    ]


def test_a_line_says_which_dimension_it_prices_and_its_days() -> None:
    row = only_row(line(group={"model": "llama-70b"}))
    assert row.notes == ("model: llama-70b", "1 Jan 2026 – 31 Jan 2026")


@pytest.mark.parametrize(
    ("origin", "named"),
    [
        ({"invoice": "inv_1", "number": "ACME-000001"}, "invoice ACME-000001"),
        ({"invoice": "inv_1", "number": None}, "invoice inv_1"),
        ({"invoice": None, "number": None}, "not invoiced"),
    ],
)
def test_late_usage_names_its_period_and_invoice_and_what_goes_back(origin: Json, named: str) -> None:
    returned = [{"grant": "gr_1", "name": "Welcome", "amount": "-40.00"}]
    late = line("Tokens", "-40.00", kind="late_usage", origin={**origin, "period": JANUARY}, credits=returned)
    row = only_row(late)
    assert row.notes == (f"Usage of 1 Jan 2026 – 31 Jan 2026, {named}",)
    assert row.credits == ("Returned to credits: Welcome 40.00",)


def test_a_draft_says_so_and_why_it_cannot_become_final() -> None:
    layout = laid_out(
        status="draft", number=None, issued_at=None, payment_status=None, blocked=[{"reason": "too much"}]
    )
    assert (layout.title, layout.number, layout.made_at) == ("Draft invoice", "", None)
    assert layout.notices == (
        "This is a draft: amounts change as usage arrives.",
        "It becomes final after 2 Feb 2026, 00:00.",
        "It cannot become final yet: too much",
    )
    assert not {"Number", "Issued", "Payment"} & set(facts(layout))
    assert not any("arrives until" in note for note in layout.notes)


def test_a_void_invoice_keeps_its_number_and_says_why() -> None:
    layout = laid_out(status="void", void_reason="Wrong plan")
    assert (layout.title, layout.number) == ("Void invoice", "ACME-000001")
    assert layout.notices == ("This invoice is void and must not be paid.", "Wrong plan")


def test_payments_and_credit_notes_are_listed_with_their_days() -> None:
    payment = {"id": "pay_1", "amount": "5.00", "paid_at": "2026-02-09T23:30:00Z", "reference": "wire"}
    note = {"id": "cn_1", "number": "ACME-CN-000001", "net": "2.00", "tax": "0.38", "to": "refund"}
    layout = laid_out(
        payments=[{**payment, "reversed": False}, {**payment, "reversed": True}],
        credit_notes=[{**note, "issued_at": "2026-02-10T12:00:00Z"}],
    )
    assert [(one.day, one.text, one.amount.value) for one in (*layout.payments, *layout.credit_notes)] == [
        ("10 Feb 2026", "wire", "5.00"),
        ("10 Feb 2026", "wire (reversed)", "5.00"),
        ("10 Feb 2026", "ACME-CN-000001 (refund)", "2.38"),
    ]


def test_notes_end_the_document() -> None:
    assert laid_out().notes == (
        "Thank you.",
        "Usage of this period that arrives until 8 Mar 2026, 00:00 is billed on a later invoice.",
        f"Credit ledger when this was issued: entry 12, {'ab' * 32}",
    )
    assert laid_out(buyer={}, late_usage_until=None, ledger_head=None).notes == ()
