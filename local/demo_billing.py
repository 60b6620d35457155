"""What the demo's customers pay: who sells to whom, plans, subscriptions, first credit, and how invoices are paid.

Everything is looked up before it is made, so doing it again changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.shared.time import format_instant, parse_instant
from local import demo
from local.demo import Asks
from local.demo_acts import item_of

_SELLER = {
    "legal_name": "Lattice Compute GmbH",
    "address": "Speicherstrasse 14\n20457 Hamburg\nGermany",
    "tax_id": "DE 300 000 000",
}
_OPEN = ("unpaid", "partly_paid", "overdue")
_FIRST_CREDIT_DAYS = 90
# One-off invoices are told apart by the name of their only line; this one is never paid.
FORGOTTEN_ITEM = "H100 capacity reservation"
_SECOND_TRANSFER_AFTER = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What bills one customer: what its invoices say, its plan and credit.

    It pays ``pays_after`` an invoice was issued, but forgets each whose number divides by ``forgets`` evenly; those
    are given up ``given_up_after`` they were issued.
    """

    organization: str
    details: Mapping[str, Any]
    plan: Mapping[str, Any]
    grant: Mapping[str, Any] | None = None
    pays_after: timedelta
    forgets: int | None = None
    given_up_after: timedelta = timedelta(days=50)


def _usage(key: str, name: str, meter: str, model: str | None = None, **more: Any) -> dict[str, Any]:
    charge = {"key": key, "name": name, "type": "usage", "meter": meter} | more
    return charge if model is None else charge | {"model": model}


def _fee(key: str, name: str, amount: str, timing: str) -> dict[str, Any]:
    return {"key": key, "name": name, "type": "recurring", "amount": amount, "timing": timing}


def _tiers(up_to: str, first: str, then: str) -> list[dict[str, Any]]:
    return [{"up_to": up_to, "unit_price": first}, {"up_to": None, "unit_price": then}]


_SCALE = {
    "key": "scale",
    "name": "Scale",
    "currency": "USD",
    "billing_period": "month",
    "discount_percent": "5",
    "charges": [
        _usage(
            "inference",
            "Inference",
            "inference_tokens",
            prices_by={
                "dimension": "model",
                "prices": {
                    "llama-70b": {"model": "graduated", "tiers": _tiers("250000000", "0.0000036", "0.0000029")},
                    "llama-8b": {"model": "per_unit", "unit_price": "0.0000009"},
                },
                "default": {"model": "per_unit", "unit_price": "0.0000019"},
            },
        ),
        _usage(
            "training",
            "Training",
            "training_gpu_hours",
            prices_by={
                "dimension": "gpu",
                "prices": {
                    "h100": {"model": "graduated", "tiers": _tiers("500", "2.99", "2.49")},
                    "a100": {"model": "per_unit", "unit_price": "1.79"},
                },
                "default": {"model": "per_unit", "unit_price": "0.59"},
            },
        ),
        _usage("storage", "Storage", "storage_gb_hours", "per_unit", unit_price="0.000032", included="100000"),
        _usage("evaluations", "Evaluations", "evaluation_runs", "package", package_size="25", package_price="10"),
        _fee("platform", "Platform", "499", "advance"),
        _fee("support", "Support", "149", "arrears"),
    ],
}
_TEAM = {
    "key": "team-eu",
    "name": "Team",
    "currency": "EUR",
    "billing_period": "month",
    "minimum": "1500",
    "net_days": 14,
    "charges": [
        _usage(
            "inference", "Inference", "inference_tokens", "volume", tiers=_tiers("50000000", "0.0000036", "0.000003")
        ),
        _usage(
            "training", "Training", "training_gpu_hours", "graduated", tiers=_tiers("400", "2.4", "2.1"), maximum="2000"
        ),
        _usage("users", "Active users", "active_users", "per_unit", unit_price="4.5", included="25"),
        _fee("support", "Support", "99", "arrears"),
    ],
}
_STARTER = {
    "key": "starter-jp",
    "name": "Starter",
    "currency": "JPY",
    "billing_period": "week",
    "net_days": 7,
    "charges": [
        _usage("inference", "Inference", "inference_tokens", "package", package_size="10000", package_price="30"),
        _usage("storage", "Storage", "storage_gb_hours", "per_unit", unit_price="0.005"),
        _fee("base", "Base fee", "1500", "advance"),
    ],
}

ACCOUNTS = (
    Account(
        organization="acme-ai",
        details={
            "legal_name": "Acme AI, Inc.",
            "address": "450 W 33rd Street\nNew York, NY 10001\nUSA",
            "email": "billing@acme-ai.example",
            "purchase_order": "PO-2291",
            "tax_rates": [{"name": "Sales tax", "percent": "8.875"}],
        },
        plan=_SCALE,
        grant={"name": "Launch credit", "amount": "2500", "priority": 10},
        pays_after=timedelta(days=11),
    ),
    Account(
        organization="nordlicht",
        details={
            "legal_name": "Nordlicht Labs GmbH",
            "address": "Lindenallee 3\n10115 Berlin\nGermany",
            "email": "rechnung@nordlicht.example",
            "tax_id": "DE 311 111 111",
            "tax_rates": [{"name": "VAT", "percent": "19"}],
        },
        plan=_TEAM,
        grant={"name": "Monthly allowance", "amount": "50", "recurrence": {"every": "month"}},
        pays_after=timedelta(days=9),
    ),
    Account(
        organization="kaiso",
        details={
            "legal_name": "Kaiso Robotics K.K.",
            "address": "2-4-1 Shibakoen, Minato-ku\nTokyo 105-0011\nJapan",
            "email": "keiri@kaiso.example",
            "tax_rates": [{"name": "Consumption tax", "percent": "10"}],
        },
        plan=_STARTER,
        pays_after=timedelta(days=5),
        forgets=3,
    ),
)


def define(operator: Asks, since: datetime) -> None:
    """Create customers, plans, subscriptions and credit that begin at an instant, which the clock must show."""
    for customer in demo.CUSTOMERS:
        if operator.find(f"/v1/organizations/{customer.organization['id']}") is None:
            operator.require("POST", "/v1/organizations", customer.organization)
    settings = operator.require("GET", "/v1/settings")
    if settings["seller"]["legal_name"] is None:
        operator.require("PUT", "/v1/settings", {**settings, "seller": {**settings["seller"], **_SELLER}})
    for account in ACCOUNTS:
        _open(operator, account, since)


def _open(operator: Asks, account: Account, since: datetime) -> None:
    path = f"/v1/organizations/{account.organization}"
    if operator.find(f"/v1/plans/{account.plan['key']}") is None:
        operator.require("POST", "/v1/plans", account.plan)
    if operator.require("GET", f"{path}/subscriptions")["data"]:
        return
    operator.require("PATCH", path, account.details)
    operator.require("POST", f"{path}/subscriptions", {"plan": account.plan["key"]})
    if account.grant is not None:
        expires_at = None if "recurrence" in account.grant else since + timedelta(days=_FIRST_CREDIT_DAYS)
        window = {} if expires_at is None else {"expires_at": format_instant(expires_at)}
        operator.require("POST", f"{path}/credits/grants", {**account.grant, **window})


def pay(operator: Asks, now: datetime) -> None:
    """Pay the invoices that their customers have paid by now, and give up what they never will."""
    accounts = {account.organization: account for account in ACCOUNTS}
    for invoice in operator.require("GET", "/v1/invoices?status=finalized&limit=200")["data"]:
        account = accounts.get(invoice["organization"])
        if account is None or invoice["payment_status"] not in _OPEN or item_of(invoice) == FORGOTTEN_ITEM:
            continue
        path = f"/v1/invoices/{invoice['id']}"
        if not _forgets(account, invoice["number"]):
            _pay_when_it_is_time(operator, invoice, account.pays_after, now)
        elif parse_instant(invoice["issued_at"]) + account.given_up_after <= now:
            operator.require("POST", f"{path}/uncollectible", {"reason": "No answer to three reminders"})


def _pay_when_it_is_time(operator: Asks, invoice: Mapping[str, Any], pays_after: timedelta, now: datetime) -> None:
    """Pay what is due, under a reference that makes it happen once. What the bank returned is sent a second time."""
    returned = sum(payment["reversed"] for payment in invoice["payments"])
    paid_at = parse_instant(invoice["issued_at"]) + pays_after + returned * _SECOND_TRANSFER_AFTER
    if paid_at > now:
        return
    payment = {
        "amount": invoice["amount_due"],
        "paid_at": format_instant(paid_at),
        "reference": f"Transfer {returned + 1} for {invoice['number']}",
    }
    operator.require("POST", f"/v1/invoices/{invoice['id']}/payments", payment)


def _forgets(account: Account, number: str) -> bool:
    return account.forgets is not None and int(number.rpartition("-")[2]) % account.forgets == 0
