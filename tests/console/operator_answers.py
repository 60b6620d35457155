"""What the operator and settings views are tested with: made-up answers, ways through a form, and the widths."""

from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.console_page import ConsolePage
from tests.console.fake_api import ORGANIZATION, SESSION, FakeApi, listed

OPERATOR = {**SESSION, "role": "admin", "organization": None, "name": "Operations", "expires_at": None}
READER = {**OPERATOR, "role": "read"}
CUSTOMER = SESSION

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
ARABIC = "شركة الحوسبة السحابية المحدودة"
MARKUP = "<img src=x onerror=alert(1)><b>bold</b>"
LARGE = "999999999999999999.99"

LONG_ORGANIZATION = {
    **ORGANIZATION,
    "name": LONG,
    "email": "billing@acme.example",
    "address": f"{MARKUP}\n{ARABIC}\nBerlin",
    "legal_name": ARABIC,
    "tax_rates": [{"name": LONG, "percent": "8.875"}, {"name": MARKUP, "percent": "0"}],
}
ORGANIZATIONS = [
    LONG_ORGANIZATION,
    {**ORGANIZATION, "id": "a" * 64, "name": ARABIC, "currency": "JPY", "timezone": "America/Argentina/Buenos_Aires"},
    {**ORGANIZATION, "id": "markup", "name": MARKUP},
]

METER: dict[str, Any] = {
    "key": "tokens",
    "name": "Tokens",
    "event_type": "inference",
    "aggregation": "sum",
    "value": "usage.tokens",
    "dimensions": {"model": "model", "region": "where.region"},
    "filter": {"kind": ["input", "output"]},
    "unit": "token",
    "strict": False,
    "status": "active",
    "count_from": "1970-01-01T00:00:00Z",
    "counting_from": "1970-01-01T00:00:00Z",
    "created_at": "2025-03-01T09:00:00Z",
    "archived_at": None,
    "version": 3,
}
METERS = [
    METER,
    {**METER, "key": "m" * 64, "name": LONG, "event_type": "t" * 255, "status": "counting", "unit": ARABIC},
    {**METER, "key": "old", "name": MARKUP, "aggregation": "count", "value": None, "dimensions": {}, "filter": {},
     "unit": None, "status": "archived", "archived_at": "2025-12-01T00:00:00Z"},
]

PLAN: dict[str, Any] = {
    "key": "scale",
    "version": 3,
    "name": "Scale",
    "currency": "USD",
    "billing_period": "month",
    "charges": [
        {"key": "base", "name": MARKUP, "type": "recurring", "amount": LARGE, "timing": "advance", "prorate": True},
        {"key": "support", "name": "Support", "type": "recurring", "amount": "99.00", "timing": "arrears",
         "prorate": False},
        {"key": "calls", "name": ARABIC, "type": "usage", "meter": "tokens", "model": "per_unit",
         "unit_price": "0.000000000001", "included": "123456789012345678", "minimum": "5.00", "maximum": LARGE},
        {"key": "tiers", "name": LONG, "type": "usage", "meter": "m" * 64, "model": "graduated", "tiers": [
            {"up_to": "1000", "unit_price": "0.5", "flat_fee": "0"},
            {"up_to": "123456789012345678", "unit_price": "0.25", "flat_fee": "10"},
            {"up_to": None, "unit_price": "0", "flat_fee": "0"},
        ]},
        {"key": "volume", "name": "Volume", "type": "usage", "meter": "tokens", "model": "volume",
         "filter": {"model": ["llama-70b", LONG]}, "tiers": [{"up_to": None, "unit_price": "0.1", "flat_fee": "0"}]},
        {"key": "packs", "name": "Packs", "type": "usage", "meter": "tokens", "model": "package",
         "package_size": "1000", "package_price": "2.5"},
        {"key": "by", "name": "By model", "type": "usage", "meter": "tokens", "prices_by": {
            "dimension": "model",
            "prices": {LONG: {"model": "per_unit", "unit_price": "0.3"}, "": {"model": "package",
                       "package_size": "10", "package_price": "1"}},
            "default": {"model": "per_unit", "unit_price": "0.9"},
        }},
    ],
    "minimum": "1500.00",
    "discount_percent": "12.5",
    "usage_history_days": 90,
    "net_days": 1,
    "grace_hours": 24,
    "created_at": "2025-06-01T00:00:00Z",
}
PLANS = [
    PLAN,
    {**PLAN, "key": "p" * 64, "version": 1, "name": LONG, "charges": []},
    {**PLAN, "key": "arabic", "name": ARABIC},
]

SUBSCRIPTION: dict[str, Any] = {
    "id": "sub_acme.2",
    "organization": "acme",
    "plan": "scale",
    "version": 3,
    "status": "cancelling",
    "start": "2025-10-14T10:00:00Z",
    "end": "2026-02-01T00:00:00Z",
    "trial_end": "2025-10-28T10:00:00Z",
    "anchor": "calendar",
    "billing_period": "month",
    "payment": "prepaid",
    "spend_cap": LARGE,
    "overrides": {"discount_percent": "20", "charges": {"calls": {"unit_price": "0.01", "minimum": None}}},
    "current_period": {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"},
    "previous_period": {"start": "2025-12-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
    "scheduled_change": {"plan": "p" * 64, "version": 1, "at": "2026-02-01T00:00:00Z"},
    "usage_history_days": 90,
    "created_at": "2025-10-14T10:00:00Z",
    "history": [
        {"plan": "scale", "version": 2, "from": "2025-10-14T10:00:00Z"},
        {"plan": "scale", "version": 3, "from": "2025-12-01T00:00:00Z"},
    ],
}
ENDED = {**SUBSCRIPTION, "id": "sub_acme.1", "status": "ended", "plan": "p" * 64, "version": 1, "overrides": {},
         "end": "2025-10-01T00:00:00Z", "scheduled_change": None, "history": []}

EVENT: dict[str, Any] = {
    "id": "evt-1",
    "source": "gateway",
    "type": "inference",
    "time": "2026-01-20T09:13:01.996000Z",
    "subject": "acme",
    "data": {"model": "llama", "tokens": 152},
    "received_at": "2026-01-20T09:13:02Z",
    "state": "counted",
    "meters": [{"meter": "tokens", "usable": True}],
    "billed_on": {"invoice": "inv_acme.1p0.0", "line": "usage-calls~e72766aa09ca"},
}
EVENTS = [
    EVENT,
    {**EVENT, "id": "evt-1", "state": "duplicate", "received_at": "2026-01-20T09:13:03Z", "billed_on": None},
    {**EVENT, "id": "evt-1", "state": "conflict", "received_at": "2026-01-20T09:13:04Z", "billed_on": None},
    {**EVENT, "id": LONG, "source": "s" * 255, "type": "t" * 255, "state": "voided", "void_reason": MARKUP},
    {**EVENT, "id": ARABIC, "state": "amended", "amend_reason": "wrong", "original_data": {"tokens": 1}},
    {**EVENT, "id": MARKUP, "state": "unmatched", "meters": [], "billed_on": None, "data": {"note": MARKUP}},
    {**EVENT, "id": "evt-7", "meters": [{"meter": "tokens", "usable": False}, {"meter": "m" * 64, "usable": True}]},
]

DAY = {"day": "2026-01-20", "accepted": 1_234_567, "duplicates": 3, "conflicts": 0, "voided": 1, "amended": 2,
       "unmatched": 0, "unusable": 0}
HEALTH: dict[str, Any] = {
    "data": [{**DAY, "day": "2026-01-19", "accepted": 10, "conflicts": 7, "unmatched": 12_345, "unusable": 5}, DAY],
    "next_cursor": None,
    "warnings": [{"day": "2026-01-19", "meter": "tokens", "combinations": 5000, "detail": f"too many of {LONG}"}],
}

KEYS = [
    {"id": "key_1", "name": "worker", "role": "ingest", "organization": None, "created_at": "2025-01-01T00:00:00Z"},
    {"id": "key_2", "name": LONG, "role": "admin", "organization": "a" * 64, "created_at": "2025-01-02T00:00:00Z"},
    {"id": "key_3", "name": MARKUP, "role": "read", "organization": "acme", "created_at": "2025-01-03T00:00:00Z"},
]
SETTINGS: dict[str, Any] = {
    "seller": {"legal_name": LONG, "address": f"{MARKUP}\n{ARABIC}", "tax_id": None, "logo": None},
    "late_limit_days": 35,
    "create_unknown_organizations": False,
}


def invoice(name: str, **changes: Any) -> dict[str, Any]:
    """Make the part of a finalized invoice that the list of overdue ones shows."""
    made = {
        "id": f"inv_{name}.1p0.0",
        "number": f"{name.upper()}-000001",
        "organization": name,
        "status": "finalized",
        "payment_status": "overdue",
        "currency": "USD",
        "issued_at": "2025-12-02T00:00:00Z",
        "due_at": "2026-01-01T00:00:00Z",
        "total": "100.00",
        "amount_due": "60.00",
        "buyer": {"name": name.title()},
        "lines": [],
    }
    return {**made, **changes}


INVOICES = [
    invoice("acme", total=LARGE, amount_due=LARGE),
    invoice("a" * 64, buyer={"name": LONG}, number="N" * 40, due_at="2025-11-01T00:00:00Z"),
    invoice("kaiso", currency="JPY", total="1500", amount_due="1500", buyer={"name": ARABIC}),
    invoice("markup", amount_due="0.01", buyer={"name": MARKUP}),
]


ANSWERS: dict[str, Any] = {
    "organizations": listed(*ORGANIZATIONS),
    "organizations/acme": LONG_ORGANIZATION,
    "organizations/acme/subscriptions": listed(SUBSCRIPTION, ENDED),
    "organizations/acme/events": listed(*EVENTS),
    "meters": listed(*METERS),
    "plans": listed(*PLANS),
    r"plans/[^/]*(/versions/\d+)?": PLAN,
    "ingestion": HEALTH,
    "api-keys": listed(*KEYS),
    "settings": SETTINGS,
    "invoices": listed(*INVOICES),
}


def operator_api(session: dict[str, Any] | None = None) -> FakeApi:
    """Make an API on which every operator view has something to show, however long, large or planted."""
    api = FakeApi()
    api.on("session", session or OPERATOR)
    for pattern, answer in ANSWERS.items():
        api.on(pattern, answer)
    return api


def press(console: ConsolePage, name: str) -> None:
    """Press the first button of a name, in the dialog where one is open."""
    dialogs = console.page.get_by_role("dialog")
    scope = dialogs.last if dialogs.count() else console.page
    scope.get_by_role("button", name=name, exact=True).first.click()


def ask(console: ConsolePage, name: str) -> None:
    """Press a button that asks back, and wait for its question."""
    questions = console.page.locator("dialog.action[open]")
    before = questions.count()
    press(console, name)
    expect(questions).to_have_count(before + 1)


def fill(console: ConsolePage, **fields: str) -> None:
    """Fill fields of the open dialog, by their pointers with ``__`` for the ``/`` inside."""
    for name, value in fields.items():
        field = console.page.locator(f"#field-{name.replace('__', '-')}")
        if field.evaluate("each => each.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def submitted(console: ConsolePage) -> None:
    """Wait until what was sent has been taken and the dialog is gone."""
    expect(console.page.locator("dialog.action")).to_have_count(0)
    console.settle()


def faults(console: ConsolePage) -> list[str]:
    """List what the open dialog says is wrong: with fields first, then what belongs to none."""
    console.page.wait_for_selector("dialog .refusal")
    return console.page.locator("dialog .fault, dialog .refusal li").all_inner_texts()


def rows(console: ConsolePage) -> list[list[str]]:
    """List the cells of the first table's rows as they are read."""
    read = "all => all.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    found: list[list[str]] = console.page.locator("main .table").first.locator("tbody tr").evaluate_all(read)
    return found


@dataclass(frozen=True, slots=True)
class Case:
    """A view: where it is, what it asks for, what it says when there is nothing, and what it is about."""

    view: str
    asks: str
    empty: str | None
    about: str
    org: str | None = None

    def place(self) -> dict[str, str]:
        """Give the address."""
        return {"view": self.view, **({"org": self.org} if self.org else {})}


CASES = [
    Case("organizations", "organizations", "There is no organization yet", "The organizations"),
    Case("meters", "meters", "There is no meter yet", "The meters"),
    Case("plans", "plans", "There is no plan yet", "The plans"),
    Case("keys", "api-keys", "There is no key", "The keys"),
    Case("overdue", "invoices", "No invoice is overdue", "The invoices"),
    Case("settings", "settings", None, "The settings"),
    Case("ingestion", "organizations", "There is no organization yet", "The organizations"),
    Case("ingestion", "ingestion", "No event was received", "Ingestion", org="acme"),
    Case("subscriptions", "organizations/acme/subscriptions", "There is no subscription", "The subscriptions", "acme"),
    Case("events", "organizations/acme/events", "No event is found", "The events", "acme"),
]
CASE_NAMES = [f"{case.view}{'-of-one' if case.org else ''}" for case in CASES]
of_each_view = pytest.mark.parametrize("case", CASES, ids=CASE_NAMES)
