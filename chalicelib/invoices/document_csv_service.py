"""The invoice as CSV, one row for each line, one for the credits, one for each tax."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from chalicelib.platform.csv_text import Cell, Money, write_csv
from chalicelib.shared.numbers import EXACT

Json = Mapping[str, Any]

HEADER = (
    *("line", "kind", "charge", "name", "meter", "group", "service_start", "service_end"),
    *("quantity", "unit", "unit_price", "amount", "net", "credits", "origin_invoice"),
    *("invoice", "currency"),
)


def render_csv(invoice: Json) -> str:
    """Write an invoice, as the API shows it, as CSV.

    The column ``amount`` adds up to the invoice's total: its rows are the lines (the discount is one, negative), then
    ``credits_applied`` with a negative amount, then each ``tax``. The column ``credits`` says what grants pay of each
    line and adds up to the credits applied. ``unit_price`` is empty where tiers make the price, ``origin_invoice``
    names the invoice that late usage belongs to. ``invoice`` is the number, or the id of a draft. Instants are in UTC.
    """
    named = (invoice.get("number") or invoice["id"], invoice["currency"])
    return write_csv(HEADER, ([*row, *named] for row in _rows(invoice)))


def _rows(invoice: Json) -> Iterator[Sequence[Cell]]:
    yield from (_line(line) for line in invoice["lines"])
    if Decimal(invoice["credits_applied"]):
        yield _sum("credits_applied", "Credits applied", _negated(invoice["credits_applied"]))
    for tax in invoice["taxes"]:
        yield _sum("tax", f"{tax['name']} ({tax['percent']} %)", tax["amount"])


def _line(line: Json) -> Sequence[Cell]:
    period = line["service_period"]
    origin = line.get("origin") or {}
    return (
        *(line["id"], line["kind"], line["charge"], line["name"], line.get("meter")),
        "; ".join(f"{dimension}={value}" for dimension, value in (line.get("group") or {}).items()),
        *(period["start"], period["end"]),
        *(_exact(line["quantity"]), line.get("unit"), _exact(_unit_price(line))),
        *(Money(line["amount"]), Money(line["net"]), _credits(line)),
        origin.get("number") or origin.get("invoice"),
    )


def _sum(kind: str, name: str, amount: str) -> Sequence[Cell]:
    return (None, kind, None, name, *[None] * 7, Money(amount), None, None, None)


def _exact(number: str | None) -> Decimal | None:
    return None if number is None else Decimal(number)


def _unit_price(line: Json) -> str | None:
    """Give the price of each unit: the line's own, or that of its only tier if that has no fee."""
    tiers: Sequence[Json] = line.get("tiers") or ()
    if len(tiers) == 1 and not Decimal(tiers[0]["flat_fee"]):
        return str(tiers[0]["unit_price"])
    return line.get("unit_price")


def _credits(line: Json) -> Money | None:
    total = None
    for credit in line.get("credits") or ():
        amount = Decimal(credit["amount"])
        total = amount if total is None else EXACT.add(total, amount)
    return None if total is None else Money(format(total, "f"))


def _negated(amount: str) -> str:
    return amount[1:] if amount.startswith("-") else f"-{amount}"
