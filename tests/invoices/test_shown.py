"""Invoices and credit notes leave as the contract has them: every field, money with its digits, figures exact."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given

from chalicelib.invoices.credit_notes import make_credit_note, with_note
from chalicelib.invoices.invoice import CreditTo, Invoice, Line, LineKind, Origin, PlanVersion, TierAmount
from chalicelib.invoices.lifecycle import add_payment, reverse_payment, void
from chalicelib.invoices.shown import show_credit_note, show_invoice, show_line
from tests.invoices.issued import DUE_AT, JANUARY, at, draft, invoices, issued, line

NOW = at("2026-02-10T12:00:00Z")
JANUARY_SHOWN = {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}


def tokens() -> Line:
    """Make a line of 1,200 tokens in two tiers, of which a grant paid 15.00."""
    return replace(
        line("tokens", 2200, paid_by=[("g1", 1500)]),
        name="Tokens",
        meter="tokens",
        unit="token",
        quantity=Decimal("1200.0"),
        group={"model": "a"},
        tiers=(tier("0", "1000", "1000", "0.020"), tier("1000", None, "200", "0.01")),
        formula="kept for the explanation of a line",
    )


def tier(first: str, last: str | None, quantity: str, unit_price: str, flat_fee: str = "0") -> TierAmount:
    return TierAmount(
        first=Decimal(first),
        last=None if last is None else Decimal(last),
        quantity=Fraction(quantity),
        unit_price=Decimal(unit_price),
        flat_fee=Fraction(flat_fee),
        amount=Fraction(quantity) * Fraction(unit_price) + Fraction(flat_fee),
    )


TOKENS_SHOWN = {
    "id": "tokens",
    "kind": "usage",
    "charge": "tokens",
    "name": "Tokens",
    "meter": "tokens",
    "unit": "token",
    "group": {"model": "a"},
    "service_period": JANUARY_SHOWN,
    "quantity": "1200",
    "unit_price": None,
    "amount": "22.00",
    "net": "22.00",
    "tiers": [
        {"from": "0", "to": "1000", "quantity": "1000", "unit_price": "0.02", "flat_fee": "0", "amount": "20"},
        {"from": "1000", "to": None, "quantity": "200", "unit_price": "0.01", "flat_fee": "0", "amount": "2"},
    ],
    "credits": [{"grant": "g1", "name": "G1", "amount": "15.00"}],
    "origin": None,
}


def worked() -> Invoice:
    """Make an invoice of 7.00 and 19 % with two payments, one reversed, and a credit note."""
    invoice = issued(tokens(), rates=[("VAT", "19.0")])
    invoice = add_payment(invoice, 100, paid_at=NOW, reference="a", now=NOW)
    invoice = reverse_payment(invoice, "pay_1", reason="bounced", now=NOW)
    invoice = add_payment(invoice, 800, paid_at=NOW, reference="b", now=NOW)
    note = make_credit_note(
        invoice, [("tokens", 900)], reason="wrong model", to=CreditTo.REFUND, number=2, issued_at=NOW
    )
    return with_note(invoice, note)


def test_a_finalized_invoice_shows_every_field_of_the_contract() -> None:
    assert show_invoice(worked(), NOW) == {
        "id": "inv_acme.1p3.0",
        "number": "ACME-000007",
        "organization": "acme",
        "status": "finalized",
        "payment_status": "paid",
        "currency": "USD",
        "period": JANUARY_SHOWN,
        "issued_at": "2026-02-02T09:30:00Z",
        "due_at": "2026-03-05T00:00:00Z",
        "finalizes_at": "2026-02-02T00:00:00Z",
        "lines": [TOKENS_SHOWN],
        "subtotal": "22.00",
        "discount": "0.00",
        "credits_applied": "15.00",
        "tax": "1.33",
        "taxes": [{"name": "VAT", "percent": "19", "amount": "1.33"}],
        "total": "8.33",
        "amount_paid": "8.00",
        # The note takes back 9.00: 7.00 and 1.33 of tax in money, 2.00 of the grant. 0.33 was due, 8.00 was paid.
        "amount_credited": "0.33",
        "amount_refunded": "8.00",
        "amount_due": "0.00",
        "payments": [
            {"id": "pay_1", "amount": "1.00", "paid_at": "2026-02-10T12:00:00Z", "reference": "a", "reversed": True},
            {"id": "pay_2", "amount": "8.00", "paid_at": "2026-02-10T12:00:00Z", "reference": "b", "reversed": False},
        ],
        "credit_notes": [
            {
                "id": "cn_acme.2",
                "number": "ACME-CN-000002",
                "net": "9.00",
                "tax": "1.33",
                "to": "refund",
                "issued_at": "2026-02-10T12:00:00Z",
            }
        ],
        "void_reason": None,
        "late_usage_until": "2026-03-08T00:00:00Z",
        "plan": {"key": "pro", "version": 3},
        "seller": {"legal_name": "Example Ltd"},
        "buyer": {"name": "Acme", "tax_id": None},
        "ledger_head": {"seq": 12, "hash": "ab12"},
        "blocked": [],
        "as_of": "2026-02-02T09:30:00Z",
    }


def test_a_draft_has_no_number_and_says_what_blocks_it() -> None:
    shown = show_invoice(draft(line("tokens", 1000)), NOW)
    assert {name: value for name, value in shown.items() if value is None} == dict.fromkeys(
        ["number", "payment_status", "issued_at", "due_at", "void_reason", "late_usage_until", "ledger_head"]
    )
    assert shown["status"] == "draft"
    assert shown["amount_due"] == "10.00"
    assert shown["blocked"] == [{"reason": "too-many-combinations"}]


def test_the_payment_status_is_that_of_now() -> None:
    invoice = issued(line("tokens", 1000))
    assert show_invoice(invoice, DUE_AT - timedelta(microseconds=1))["payment_status"] == "unpaid"
    assert show_invoice(invoice, DUE_AT)["payment_status"] == "overdue"


def test_a_void_invoice_shows_its_reason_and_owes_nothing() -> None:
    shown = show_invoice(void(issued(line("tokens", 1000)), "wrong", regenerate=False, now=NOW), NOW)
    assert (shown["status"], shown["void_reason"], shown["payment_status"]) == ("void", "wrong", None)
    assert (shown["number"], shown["total"], shown["amount_due"]) == ("ACME-000007", "10.00", "0.00")


def test_an_invoice_of_no_plan_shows_none() -> None:
    invoice = issued(line("tokens", 1000))
    assert show_invoice(replace(invoice, content=replace(invoice.content, plan=None)), NOW)["plan"] is None
    assert PlanVersion("pro", 3) == invoice.content.plan


@pytest.mark.parametrize(("currency", "shown"), [("USD", "-12.34"), ("JPY", "-1234"), ("KWD", "-1.234")])
def test_money_has_the_digits_of_its_currency(currency: str, shown: str) -> None:
    late = line("late", -1234, paid_by=[("g1", -1234)], kind=LineKind.LATE_USAGE)
    made = show_line(late, currency)
    assert (made["amount"], made["net"], made["credits"][0]["amount"]) == (shown, shown, shown)


def test_late_usage_names_its_origin_with_or_without_an_invoice() -> None:
    late = line("late", -3000, kind=LineKind.LATE_USAGE)
    billed = replace(late, origin=Origin("inv_acme.1p2.0", "ACME-000006", JANUARY))
    assert show_line(billed, "USD")["origin"] == {
        "invoice": "inv_acme.1p2.0",
        "number": "ACME-000006",
        "period": JANUARY_SHOWN,
    }
    skipped = replace(late, origin=Origin(None, None, JANUARY))
    assert show_line(skipped, "USD")["origin"] == {"invoice": None, "number": None, "period": JANUARY_SHOWN}


def test_what_a_line_lacks_is_null() -> None:
    bare = replace(line("minimum", 1000, kind=LineKind.MINIMUM), charge=None, quantity=None)
    shown = show_line(bare, "USD")
    assert {name for name, value in shown.items() if value is None} == {
        *("charge", "quantity", "unit_price", "meter", "unit", "group", "origin")
    }


def test_unit_prices_and_tiers_are_shown_exactly_and_fractions_to_twelve_places() -> None:
    third = TierAmount(
        first=Decimal("1E+3"),
        last=Decimal("2000.50"),
        quantity=Fraction(2, 3),
        unit_price=Decimal("0.000000000001"),
        flat_fee=Fraction(1, 3),
        amount=Fraction(5, 2),
    )
    shown = show_line(replace(line("tokens", 3), unit_price=Decimal("1E-7"), tiers=(third,)), "USD")
    assert shown["unit_price"] == "0.0000001"
    assert shown["tiers"] == [
        {
            "from": "1000",
            "to": "2000.5",
            "quantity": "0.666666666667",
            "unit_price": "0.000000000001",
            "flat_fee": "0.333333333333",
            "amount": "2.5",
        }
    ]


def test_a_credit_note_shows_where_its_amounts_went() -> None:
    note = worked().standing.credit_notes[0]
    assert show_credit_note(note, organization="acme", currency="USD", invoice_number=7) == {
        "id": "cn_acme.2",
        "number": "ACME-CN-000002",
        "organization": "acme",
        "invoice": "inv_acme.1p3.0",
        "invoice_number": "ACME-000007",
        "currency": "USD",
        "lines": [{"line": "tokens", "amount": "9.00"}],
        "reason": "wrong model",
        "to": "refund",
        "net": "9.00",
        "tax": "1.33",
        "taxes": [{"name": "VAT", "percent": "19", "amount": "1.33"}],
        "amount_credited": "0.33",
        "refund": "8.00",
        "granted": "0.00",
        "grant": None,
        "reversed": [{"grant": "g1", "amount": "2.00"}],
        "issued_at": "2026-02-10T12:00:00Z",
    }


def test_a_credit_note_names_the_grant_it_made() -> None:
    note = replace(worked().standing.credit_notes[0], to=CreditTo.CREDIT, granted_minor=500, grant="gr_1")
    shown = show_credit_note(note, organization="acme", currency="JPY", invoice_number=7)
    assert (shown["to"], shown["granted"], shown["grant"]) == ("credit", "500", "gr_1")


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in leaves(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in leaves(one)]
    return [value]


@given(invoices)
def test_no_figure_leaves_as_a_float_or_a_decimal(invoice: Invoice) -> None:
    shown = show_invoice(invoice, NOW)
    assert {type(leaf) for leaf in leaves(shown)} <= {str, int, bool, type(None)}
    assert json.loads(json.dumps(shown)) == shown
