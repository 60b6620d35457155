"""Invoices as the API shows them, for tests of documents."""

from typing import Any

from chalicelib.invoices.document_layout import Layout, Row

Json = dict[str, Any]

JANUARY = {"start": "2025-12-31T23:00:00Z", "end": "2026-01-31T23:00:00Z"}
"""January 2026 in Berlin."""
BERLIN = "Europe/Berlin"


def line(name: str = "Tokens", amount: str = "28.00", **changes: Any) -> Json:
    """Make a line of usage."""
    return {
        "id": "l1",
        "kind": "usage",
        "charge": "tokens",
        "name": name,
        "meter": "tokens",
        "unit": None,
        "group": None,
        "service_period": JANUARY,
        "quantity": "1800",
        "amount": amount,
        "net": amount,
        "tiers": [],
        "credits": [],
        "origin": None,
        **changes,
    }


def tier(first: str, last: str | None, quantity: str, unit_price: str, **changes: Any) -> Json:
    """Make a tier of a line; without a fee unless it is given."""
    return {
        "from": first,
        "to": last,
        "quantity": quantity,
        "unit_price": unit_price,
        "flat_fee": "0",
        "amount": "0",
        **changes,
    }


GRADUATED = [tier("0", "1000", "1000", "0.02", amount="20"), tier("1000", None, "800", "0.01", amount="8")]


def invoice(*lines: Json, **changes: Any) -> Json:
    """Make a finalized invoice of January: 28.00, of which a grant pays 20.00, and 19 % tax on the rest."""
    paid = line(tiers=GRADUATED, credits=[{"grant": "gr_1", "name": "Welcome", "amount": "20.00"}])
    return {
        "id": "inv_acme.1",
        "number": "ACME-000001",
        "organization": "acme",
        "status": "finalized",
        "payment_status": "unpaid",
        "currency": "USD",
        "period": JANUARY,
        "issued_at": "2026-02-01T23:30:00Z",
        "due_at": "2026-03-03T23:00:00Z",
        "finalizes_at": "2026-02-01T23:00:00Z",
        "lines": list(lines or [paid]),
        "subtotal": "28.00",
        "discount": "0.00",
        "credits_applied": "20.00",
        "tax": "1.52",
        "taxes": [{"name": "VAT", "percent": "19", "amount": "1.52"}],
        "total": "9.52",
        "amount_paid": "0.00",
        "amount_credited": "0.00",
        "amount_due": "9.52",
        "payments": [],
        "credit_notes": [],
        "void_reason": None,
        "late_usage_until": "2026-03-07T23:00:00Z",
        "plan": {"key": "pro", "version": 2},
        "seller": {"legal_name": "Cloud GmbH", "address": "Weg 1\n10115 Berlin", "tax_id": "DE1"},
        "buyer": {
            "name": "Acme",
            "legal_name": "Acme Corporation",
            "address": "1 Main Street\nSpringfield",
            "email": "billing@acme.example",
            "tax_id": "US-77",
            "purchase_order": "PO 4711",
            "invoice_note": "Thank you.",
        },
        "ledger_head": {"seq": 12, "hash": "ab" * 32},
        "blocked": [],
        "as_of": "2026-02-02T08:00:00Z",
        **changes,
    }


def everything() -> Json:
    """Make an invoice with something in every place."""
    late = {"invoice": "inv_0", "number": "ACME-000000", "period": JANUARY}
    given = [
        {"grant": "gr_1", "name": "Welcome", "amount": "20.00"},
        {"grant": "gr_2", "name": "Spring", "amount": "1.00"},
    ]
    lines = [
        line("Platform fee", "100.00", kind="recurring", quantity="1", unit_price="100", meter=None),
        line("Tokens", "28.00", tiers=GRADUATED, credits=given, unit="tokens", group={"model": "llama"}),
        line("Storage", "1234.50", quantity="1234567.5", unit_price="0.001", unit="GB-hours"),
        line("At most 5.00", "-3.00", kind="cap", quantity=None),
        line("At least 50.00", "22.00", kind="minimum", quantity=None),
        line("Setup", "10.00", kind="one_off", quantity="2", unit_price="5"),
        line("Late tokens", "-4.00", kind="late_usage", origin=late),
        line("Discount", "-2.00", kind="discount", quantity=None),
    ]
    payment = {"id": "pay_1", "amount": "5.00", "paid_at": "2026-02-09T12:00:00Z", "reference": "wire 7"}
    note = {"id": "cn_1", "number": "ACME-CN-000001", "net": "2.00", "tax": "0.38", "to": "refund"}
    return invoice(
        *lines,
        status="void",
        void_reason="Wrong plan",
        discount="2.00",
        payments=[{**payment, "reversed": False}],
        credit_notes=[{**note, "issued_at": "2026-02-10T12:00:00Z"}],
    )


def texts_of(layout: Layout) -> list[str]:
    """List every text that a drawing of the layout must show, line by line."""
    found = [layout.title, layout.number, layout.currency, *layout.notices]
    found += [text for fact in layout.facts for text in (fact.label, fact.text)]
    for party in (layout.seller, layout.buyer):
        found += [party.heading, party.name, *party.lines]
    for section in layout.sections:
        found += [section.title, *(text for row in section.rows for text in _texts_of_row(row))]
    found += [text for total in layout.totals for text in (total.label, total.amount.shown)]
    for one in (*layout.payments, *layout.credit_notes):
        found += [one.day, one.text, one.amount.shown]
    return [part for text in [*found, *layout.notes] for part in text.split("\n")]


def _texts_of_row(row: Row) -> list[str]:
    figures = [row.quantity, row.unit_price, row.amount]
    for tier_row in row.tiers:
        figures += [tier_row.quantity, tier_row.unit_price, tier_row.amount]
    shown = [figure.shown for figure in figures if figure is not None]
    return [row.name, *row.notes, *row.credits, *(one.label for one in row.tiers), row.unit or "", *shown]
