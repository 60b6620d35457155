"""What an operator does for the demo's customers by hand, each by the public routes.

Things are found again by name, reference or state: what has been done already is not done again.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from chalicelib.shared.time import format_instant, parse_instant
from local import demo
from local.demo import Asks
from local.demo_usage import Past, events_of_day, midnight

_MONTHLY_INVOICE_WITHIN = timedelta(days=5)
_A_DAY_S = 86_400


def grant(operator: Asks, organization: str, terms: Mapping[str, Any]) -> None:
    """Give a customer credit."""
    if _find_grant(operator, organization, terms["name"]) is None:
        operator.require("POST", f"/v1/organizations/{organization}/credits/grants", terms)


def extend(operator: Asks, organization: str, name: str, expires_at: datetime) -> None:
    """Let a grant expire at another instant."""
    found = _find_grant(operator, organization, name)
    if found is not None:
        path = f"/v1/organizations/{organization}/credits/grants/{found['id']}/expiry"
        operator.require("POST", path, {"expires_at": format_instant(expires_at)})


def void_grant(operator: Asks, organization: str, *, name: str, reason: str) -> None:
    """Take back what remains of a grant."""
    found = _find_grant(operator, organization, name)
    if found is not None and found["status"] != "voided":
        path = f"/v1/organizations/{organization}/credits/grants/{found['id']}/void"
        operator.require("POST", path, {"reason": reason})


def _find_grant(operator: Asks, organization: str, name: str) -> Any:
    grants = operator.require("GET", f"/v1/organizations/{organization}/credits/grants?limit=200")["data"]
    return next((one for one in grants if one["name"] == name), None)


def hold(operator: Asks, organization: str, terms: tuple[str, str, int]) -> None:
    """Put credit aside: an amount, for a reference, for some days."""
    amount, reference, days = terms
    if _find_hold(operator, organization, reference) is None:
        asked = {"amount": amount, "reference": reference, "expires_in": days * _A_DAY_S}
        operator.require("POST", f"/v1/organizations/{organization}/credits/holds", asked)


def release(operator: Asks, organization: str, reference: str) -> None:
    """Release the hold with a reference."""
    found = _find_hold(operator, organization, reference)
    if found is not None and found["status"] == "open":
        operator.require("POST", f"/v1/organizations/{organization}/credits/holds/{found['id']}/release")


def _find_hold(operator: Asks, organization: str, reference: str) -> Any:
    holds = operator.require("GET", f"/v1/organizations/{organization}/credits/holds?limit=200")["data"]
    return next((one for one in holds if one["reference"] == reference), None)


def sell(operator: Asks, organization: str, item: Mapping[str, str], net_days: int = 30) -> None:
    """Invoice something that is no usage, once."""
    if find_sale(operator, organization, item["name"]) is None:
        asked = {"lines": [item], "net_days": net_days}
        operator.require("POST", f"/v1/organizations/{organization}/invoices", asked)


def find_sale(operator: Asks, organization: str, item: str) -> Any:
    """Find the one-off invoice of an item."""
    return next((one for one in _invoices(operator, organization) if item_of(one) == item), None)


def item_of(invoice: Mapping[str, Any]) -> str | None:
    """Name what a one-off invoice sells; ``None`` for the invoice of a subscription."""
    lines = invoice["lines"]
    return str(lines[0]["name"]) if lines and lines[0]["kind"] == "one_off" else None


def _invoices(operator: Asks, organization: str) -> list[dict[str, Any]]:
    path = f"/v1/invoices?organization={organization}&limit=200"
    return [
        one for status in ("finalized", "void") for one in operator.require("GET", f"{path}&status={status}")["data"]
    ]


def pay_a_part(operator: Asks, organization: str, *, item: str, amount: str) -> None:
    """Pay a part of a one-off invoice."""
    sale = find_sale(operator, organization, item)
    if sale is not None:
        payment = {"amount": amount, "reference": f"Part payment for {sale['number']}"}
        operator.require("POST", f"/v1/invoices/{sale['id']}/payments", payment)


def return_payment(operator: Asks, organization: str, *, item: str, reason: str) -> None:
    """Reverse the first payment of a one-off invoice."""
    sale = find_sale(operator, organization, item)
    if sale is not None and sale["payments"] and not sale["payments"][0]["reversed"]:
        path = f"/v1/invoices/{sale['id']}/payments/{sale['payments'][0]['id']}/reverse"
        operator.require("POST", path, {"reason": reason})


def void_sale(operator: Asks, organization: str, *, item: str, reason: str) -> None:
    """Void a one-off invoice."""
    sale = find_sale(operator, organization, item)
    if sale is not None and sale["status"] != "void":
        operator.require("POST", f"/v1/invoices/{sale['id']}/void", {"reason": reason})


def _of_month(operator: Asks, organization: str, month_at: datetime) -> list[dict[str, Any]]:
    """List the invoices of a subscription that were issued in the first days of a month."""
    until = month_at + _MONTHLY_INVOICE_WITHIN
    return [
        one
        for one in _invoices(operator, organization)
        if item_of(one) is None and month_at <= parse_instant(one["issued_at"]) < until
    ]


def bill_anew(operator: Asks, organization: str, month_at: datetime, reason: str) -> None:
    """Void the invoice that was issued at the beginning of a month, and let its period be billed again."""
    issued = _of_month(operator, organization, month_at)
    if len(issued) == 1 and issued[0]["status"] == "finalized":
        operator.require("POST", f"/v1/invoices/{issued[0]['id']}/void", {"reason": reason, "regenerate": True})


def take_back(operator: Asks, organization: str, month_at: datetime, note: Mapping[str, str]) -> None:
    """Give back a part of the largest line of a charge, on an invoice of the beginning of a month."""
    for invoice in _of_month(operator, organization, month_at):
        lines = [line for line in invoice["lines"] if line["charge"] == note["charge"] and line["kind"] == "usage"]
        line = max(lines, key=lambda one: Decimal(one["net"]), default=None)
        amount = min(Decimal(line["net"]), Decimal(note["at_most"])) if line is not None else Decimal(0)
        if line is not None and amount > 0 and not invoice["credit_notes"]:
            asked = {"lines": [{"line": line["id"], "amount": str(amount)}], "reason": note["reason"], "to": "refund"}
            operator.require("POST", f"/v1/invoices/{invoice['id']}/credit-notes", asked)


def correct_events(operator: Asks, past: Past, days_back: range) -> None:
    """Void one event and amend another, of the latest of some days before the end of a past with enough of them."""
    customer = demo.CUSTOMERS[0]
    for days in days_back:
        day = (past.end - timedelta(days=days)).date()
        events = events_of_day(customer, day, past) if midnight(day) > past.start else []
        if len(events) > 10:
            wrong, short = events[4], events[6]
            gone = _named(wrong) | {"reason": "Sent by a test environment"}
            operator.require("POST", "/v1/events/void", gone)
            right = short["data"] | {"tokens": short["data"]["tokens"] // 2}
            amended = _named(short) | {"data": right, "reason": "Tokens of a retry were counted twice"}
            operator.require("POST", "/v1/events/amend", amended)
            return


def _named(event: Mapping[str, Any]) -> dict[str, Any]:
    return {"organization": event["subject"], **{part: event[part] for part in ("source", "id", "time")}}
