"""Invoices that a test makes up: every state, endless names, great amounts, text from right to left."""

from typing import Any

from tests.console.fake_api import FakeApi, listed

LONG = "Reserved-inference-capacity-of-the-northern-data-centre-" * 3
RIGHT_TO_LEFT = "استدلال النموذج الكبير"
HUGE = "123456789012345678.99"
MARKUP = '<img src=x onerror="window.planted=1"><b>bold</b>'
JANUARY = {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}
DECEMBER = {"start": "2025-12-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}
_NO_ONE = {"legal_name": None, "address": None, "tax_id": None}


def line(number: int = 1, /, **changes: Any) -> dict[str, Any]:
    """Make a usage line."""
    usual: dict[str, Any] = {
        "id": f"usage-{number}",
        "kind": "usage",
        "charge": "tokens",
        "name": f"Tokens {number}",
        "meter": "tokens",
        "unit": "token",
        "group": None,
        "service_period": JANUARY,
        "quantity": "1500",
        "unit_price": "0.02",
        "amount": "30.00",
        "net": "30.00",
        "tiers": [],
        "credits": [],
        "origin": None,
    }
    return usual | changes


def invoice(number: int = 1, /, **changes: Any) -> dict[str, Any]:
    """Make an invoice of January that is not paid yet."""
    usual: dict[str, Any] = {
        "id": f"inv_acme.1p{number}.0",
        "number": f"ACME-{number:06}",
        "organization": "acme",
        "status": "finalized",
        "payment_status": "unpaid",
        "currency": "USD",
        "period": JANUARY,
        "issued_at": "2026-01-18T00:00:00Z",
        "due_at": "2026-02-18T00:00:00Z",
        "finalizes_at": None,
        "lines": [line()],
        "subtotal": "30.00",
        "discount": "0.00",
        "credits_applied": "0.00",
        "tax": "0.00",
        "taxes": [],
        "total": "30.00",
        "amount_paid": "0.00",
        "amount_credited": "0.00",
        "amount_refunded": "0.00",
        "amount_due": "30.00",
        "payments": [],
        "credit_notes": [],
        "void_reason": None,
        "late_usage_until": None,
        "plan": {"key": "pro", "version": 3},
        "seller": _NO_ONE | {"legal_name": "Seller"},
        "buyer": _NO_ONE | {"name": "Acme", "email": None, "purchase_order": None, "invoice_note": None},
        "ledger_head": None,
        "blocked": [],
        "as_of": "2026-01-18T00:00:00Z",
    }
    return usual | changes


def draft(**changes: Any) -> dict[str, Any]:
    """Make the draft of January."""
    usual: dict[str, Any] = {
        "id": "inv_acme.1p2000.0",
        "number": None,
        "status": "draft",
        "payment_status": None,
        "issued_at": None,
        "due_at": None,
        "finalizes_at": "2026-02-02T00:00:00Z",
        "as_of": "2026-01-20T10:42:00Z",
    }
    return invoice(**(usual | changes))


def crowded() -> dict[str, Any]:
    """Make an invoice with every kind of line and all that can be noted on it, in texts and amounts of any length."""
    credit = {"grant": "gr_1", "name": LONG, "amount": HUGE}
    tier = {"from": "0", "to": "1000", "quantity": "1000", "unit_price": "0.000000000123", "flat_fee": "0"}
    tiers = [tier | {"amount": HUGE}, tier | {"from": "1000", "to": None, "amount": "0.5"}]
    origin = {"invoice": "inv_acme.1p0.0", "number": "ACME-000000", "period": DECEMBER}
    flat = {"meter": None, "unit": None, "quantity": None, "unit_price": None}
    lines = [
        line(1, name=LONG, group={"model": LONG, "kind": "in"}, unit_price=None, tiers=tiers, credits=[credit]),
        line(2, name=RIGHT_TO_LEFT, unit=RIGHT_TO_LEFT, amount=HUGE, net="111111111111111111.11", quantity=HUGE),
        line(3, kind="recurring", service_period=DECEMBER, quantity="1", unit_price=None),
        line(4, kind="minimum", **flat),
        line(5, kind="cap", **(flat | {"amount": "-3.00", "net": "0.00"})),
        line(6, kind="late_usage", origin=origin),
        line(7, kind="late_usage", origin=origin | {"invoice": None, "number": None}),
        line(8, kind="one_off", name=RIGHT_TO_LEFT),
        line(9, kind="discount", **(flat | {"amount": f"-{HUGE}", "net": "0.00"})),
        line(10, kind="carried_to_credit", **flat),
    ]
    taxes = [{"name": LONG, "percent": "19", "amount": HUGE}, {"name": "City", "percent": "0.125", "amount": "0.01"}]
    return invoice(
        number=f"ACME-{'9' * 40}",
        id="inv_acme.1p1.0",
        payment_status="overdue",
        due_at="2026-01-19T00:00:00Z",
        late_usage_until="2026-03-01T00:00:00Z",
        lines=lines,
        taxes=taxes,
        subtotal=HUGE,
        discount=HUGE,
        credits_applied=HUGE,
        tax=HUGE,
        total=HUGE,
        amount_paid="7.00",
        amount_credited="2.00",
        amount_refunded="1.00",
        amount_due=HUGE,
        payments=[payment(1, reversed=True, reference=LONG), payment(2, amount=HUGE)],
        credit_notes=[note()],
        ledger_head={"seq": 41, "hash": "ab" * 32},
        seller=dict.fromkeys(_NO_ONE, LONG),
        buyer={"name": RIGHT_TO_LEFT, "legal_name": LONG, "address": f"{LONG}\n{RIGHT_TO_LEFT}", "invoice_note": LONG},
    )


def payment(number: int = 1, /, **changes: Any) -> dict[str, Any]:
    """Make a payment."""
    usual = {"amount": "7.00", "paid_at": "2026-01-19T08:00:00Z", "reference": f"wire {number}", "reversed": False}
    return {"id": f"pay_{number}"} | usual | changes


def note(**changes: Any) -> dict[str, Any]:
    """Make a credit note as its invoice lists it."""
    usual = {"id": "cn_1", "number": "ACME-CN-000001", "net": "2.00", "tax": "0.00", "to": "credit"}
    return usual | {"issued_at": "2026-01-19T08:00:00Z"} | changes


def whole_note(**changes: Any) -> dict[str, Any]:
    """Make a credit note as it is read by itself."""
    lines = [{"line": "usage-2", "amount": "2.00"}]
    totals = {"amount_credited": "2.00", "refund": "0.00", "granted": "0.00", "currency": "USD", "lines": lines}
    return note() | totals | {"reason": LONG} | changes


def explanation(**changes: Any) -> dict[str, Any]:
    """Make the explanation of the first line of ``crowded``."""
    by_day = {f"2026-01-{day:02}": f"{day * 3}.5" for day in range(1, 32)}
    usual: dict[str, Any] = {
        "formula": "1,000 x 0.000000000123 + " * 6,
        "tiers": crowded()["lines"][0]["tiers"],
        "by_day": by_day,
        "by_dimension": [
            {"dimensions": {"model": LONG}, "rest": False, "quantity": HUGE},
            {"dimensions": None, "rest": True, "quantity": "2"},
        ],
        "credits": [{"grant": "gr_1", "name": LONG, "by_day": {"2026-01-03": HUGE, "2026-01-04": "0.01"}}],
        "events_url": "/v1/organizations/acme/events?invoice=inv_acme.1p1.0&line=usage-1",
    }
    return usual | changes


def serve_invoices(api: FakeApi, *invoices: dict[str, Any]) -> FakeApi:
    """Answer with these invoices: the list, each of them, and the first line's explanation."""
    api.on("organizations/acme/invoices", listed(*invoices))
    for each in invoices:
        api.on(f"invoices/{each['id']}", each)
        api.on(f"invoices/{each['id']}/lines/usage-1", explanation())
    api.on("credit-notes/cn_1", whole_note())
    return api
