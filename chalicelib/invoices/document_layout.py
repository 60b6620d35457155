"""What an invoice's document shows, and in which order: the page and the PDF are two drawings of this one layout.

It is made of the invoice as the API shows it, so the document says nothing that the API does not say. Days are local
days of the organization; the end of a period is its last day. Rows are grouped by kind and add up to the subtotal: the
discount, which the subtotal leaves out, stands among the totals.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.shared.numbers import EXACT
from chalicelib.shared.time import local_day_of, parse_instant, zone_of
from chalicelib.shared.values import dataclass

Json = Mapping[str, Any]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TITLES = {"draft": "Draft invoice", "finalized": "Invoice", "void": "Void invoice"}
_SECTIONS = {
    "recurring": "Recurring fees",
    "usage": "Usage",
    "cap": "Usage",
    "minimum": "Minimums",
    "one_off": "Items",
    "late_usage": "Usage of earlier periods",
    "carried_to_credit": "Carried to credit",
}
_LEAST = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as the API writes it (``value``) and as a reader sees it (``shown``)."""

    value: str

    @property
    def shown(self) -> str:
        """Group the digits before the point by three; minus is a minus sign."""
        sign, digits = ("\u2212", self.value[1:]) if self.value.startswith("-") else ("", self.value)
        whole, point, rest = digits.partition(".")
        return f"{sign}{int(whole):,}{point}{rest}"


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and what it says."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Party:
    """One side of the invoice: its name, and lines below (a line may hold line breaks)."""

    heading: str
    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TierRow:
    """What the units in one tier cost."""

    label: str
    quantity: Figure
    unit_price: Figure
    amount: Figure


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the invoice. ``credits`` says what grants pay of it; its amount is before credits."""

    name: str
    notes: tuple[str, ...]
    quantity: Figure | None
    unit: str | None
    unit_price: Figure | None
    amount: Figure
    tiers: tuple[TierRow, ...]
    credits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """The lines of one kind."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """A sum below the table; ``is_strong`` marks those that a reader looks for."""

    label: str
    amount: Figure
    is_strong: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payment or a credit note: its day (empty when there is none), what it is, its amount."""

    day: str
    text: str
    amount: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Everything the document shows, top to bottom. ``made_at`` dates the file; a draft has none."""

    title: str
    number: str
    currency: str
    facts: tuple[Fact, ...]
    seller: Party
    buyer: Party
    notices: tuple[str, ...]
    sections: tuple[Section, ...]
    totals: tuple[Total, ...]
    payments: tuple[Receipt, ...]
    credit_notes: tuple[Receipt, ...]
    notes: tuple[str, ...]
    made_at: datetime | None


def lay_out(invoice: Json, timezone: str) -> Layout:
    """Lay an invoice out; ``timezone`` names the organization's."""
    zone = zone_of(timezone)
    issued_at = invoice.get("issued_at")
    return Layout(
        title=_TITLES[invoice["status"]],
        number=invoice.get("number") or "",
        currency=invoice["currency"],
        facts=tuple(_facts(invoice, zone)),
        seller=_seller(invoice.get("seller") or {}),
        buyer=_buyer(invoice.get("buyer") or {}, invoice["organization"]),
        notices=tuple(_notices(invoice, zone)),
        sections=_sections(invoice["lines"], zone),
        totals=tuple(_totals(invoice)),
        payments=tuple(_payment(one, zone) for one in invoice.get("payments", ())),
        credit_notes=tuple(_credit_note(one, zone) for one in invoice.get("credit_notes", ())),
        notes=tuple(_notes(invoice, zone)),
        made_at=parse_instant(issued_at) if issued_at else None,
    )


def _facts(invoice: Json, zone: ZoneInfo) -> Iterator[Fact]:
    buyer = invoice.get("buyer") or {}
    plan = invoice.get("plan")
    status = invoice.get("payment_status")
    facts = (
        ("Number", invoice.get("number")),
        ("Issued", _day_at(invoice.get("issued_at"), zone)),
        ("Due", _last_day(invoice.get("due_at"), zone)),
        ("Period", _period(invoice.get("period"), zone)),
        ("Time zone", zone.key),
        ("Plan", f"{plan['key']}, version {plan['version']}" if plan else None),
        ("Purchase order", buyer.get("purchase_order")),
        ("Payment", status.replace("_", " ").capitalize() if status else None),
    )
    yield from (Fact(label, text) for label, text in facts if text)


def _seller(seller: Json) -> Party:
    return Party("From", seller.get("legal_name") or "", _lines(seller.get("address"), _tax_id(seller)))


def _buyer(buyer: Json, organization: str) -> Party:
    """Name the buyer: by law if that is known, with the name it goes by below where that is another one."""
    name = buyer.get("name") or organization
    legal_name = buyer.get("legal_name") or name
    other = name if name != legal_name else None
    return Party("Bill to", legal_name, _lines(other, buyer.get("address"), buyer.get("email"), _tax_id(buyer)))


def _tax_id(party: Json) -> str | None:
    return f"Tax ID: {party['tax_id']}" if party.get("tax_id") else None


def _lines(*texts: str | None) -> tuple[str, ...]:
    return tuple(text for text in texts if text)


def _notices(invoice: Json, zone: ZoneInfo) -> Iterator[str]:
    if invoice["status"] == "draft":
        yield "This is a draft: amounts change as usage arrives."
        if invoice.get("finalizes_at"):
            yield f"It becomes final after {_moment(parse_instant(invoice['finalizes_at']), zone)}."
        yield from (f"It cannot become final yet: {each['reason']}" for each in invoice.get("blocked") or ())
    if invoice["status"] == "void":
        yield "This invoice is void and must not be paid."
        yield from _lines(invoice.get("void_reason"))


def _sections(lines: Sequence[Json], zone: ZoneInfo) -> tuple[Section, ...]:
    """Group the lines by kind, in a fixed order; inside a group they keep theirs."""
    grouped: dict[str, list[Row]] = {title: [] for title in _SECTIONS.values()}
    for line in lines:
        if line["kind"] != "discount":
            grouped[_SECTIONS[line["kind"]]].append(_row(line, zone))
    return tuple(Section(title, tuple(rows)) for title, rows in grouped.items() if rows)


def _row(line: Json, zone: ZoneInfo) -> Row:
    tiers: Sequence[Json] = line.get("tiers") or ()
    # One tier without a fee is no more than a unit price.
    only_price = tiers[0]["unit_price"] if len(tiers) == 1 and Decimal(tiers[0]["flat_fee"]) == 0 else None
    return Row(
        name=line["name"],
        notes=tuple(_row_notes(line, zone)),
        quantity=_figure(line.get("quantity")),
        unit=line.get("unit"),
        unit_price=_figure(line.get("unit_price") or only_price),
        amount=Figure(line["amount"]),
        tiers=() if only_price is not None else tuple(map(_tier, tiers)),
        credits=tuple(map(_credit, line.get("credits") or ())),
    )


def _figure(value: str | None) -> Figure | None:
    return None if value is None else Figure(value)


def _row_notes(line: Json, zone: ZoneInfo) -> Iterator[str]:
    yield from (f"{dimension}: {value}" for dimension, value in (line.get("group") or {}).items())
    origin = line.get("origin")
    if origin:
        invoice = origin.get("number") or origin.get("invoice")
        yield f"Usage of {_period(origin['period'], zone)}, {f'invoice {invoice}' if invoice else 'not invoiced'}"
    elif line.get("service_period"):
        yield str(_period(line["service_period"], zone))


def _tier(tier: Json) -> TierRow:
    fee = f", with a fee of {Figure(tier['flat_fee']).shown}" if Decimal(tier["flat_fee"]) else ""
    label = _bounds(tier["from"], tier["to"]) + fee
    return TierRow(label, Figure(tier["quantity"]), Figure(tier["unit_price"]), Figure(tier["amount"]))


def _bounds(first: str, last: str | None) -> str:
    above = f"Above {Figure(first).shown}" if Decimal(first) else ""
    if last is None:
        return above or "All units"
    upto = f"up to {Figure(last).shown}"
    return f"{above}, {upto}" if above else upto.capitalize()


def _credit(credit: Json) -> str:
    """Say what a grant pays of a line, or gets back from a negative one."""
    amount = credit["amount"]
    if amount.startswith("-"):
        return f"Returned to credits: {credit['name']} {Figure(amount[1:]).shown}"
    return f"Paid by credits: {credit['name']} {Figure(amount).shown}"


def _totals(invoice: Json) -> Iterator[Total]:
    yield Total("Subtotal", Figure(invoice["subtotal"]))
    yield from _deduction("Discount", invoice["discount"])
    yield from _deduction("Credits applied", invoice["credits_applied"])
    for tax in invoice.get("taxes", ()):
        yield Total(f"{tax['name']} ({tax['percent']} %)", Figure(tax["amount"]))
    yield Total("Total", Figure(invoice["total"]), is_strong=True)
    yield from _deduction("Paid", invoice["amount_paid"])
    yield from _deduction("Credit notes", invoice["amount_credited"])
    yield Total("Amount due", Figure(invoice["amount_due"]), is_strong=True)


def _deduction(label: str, amount: str) -> Iterator[Total]:
    if Decimal(amount):
        yield Total(label, Figure(amount[1:] if amount.startswith("-") else f"-{amount}"))


def _payment(payment: Json, zone: ZoneInfo) -> Receipt:
    text = f"{payment['reference']} (reversed)" if payment.get("reversed") else payment["reference"]
    return Receipt(_day_at(payment["paid_at"], zone) or "", text, Figure(payment["amount"]))


def _credit_note(note: Json, zone: ZoneInfo) -> Receipt:
    """Show a credit note with its tax, and whether it was made good by credit or by a refund."""
    amount = EXACT.add(Decimal(note["net"]), Decimal(note["tax"]))
    day = _day_at(note["issued_at"], zone) or ""
    return Receipt(day, f"{note['number']} ({note['to']})", Figure(format(amount, "f")))


def _notes(invoice: Json, zone: ZoneInfo) -> Iterator[str]:
    note = (invoice.get("buyer") or {}).get("invoice_note")
    if note:
        yield note
    if invoice["status"] == "finalized" and invoice.get("late_usage_until"):
        until = _moment(parse_instant(invoice["late_usage_until"]), zone)
        yield f"Usage of this period that arrives until {until} is billed on a later invoice."
    head = invoice.get("ledger_head")
    if head:
        yield f"Credit ledger when this was issued: entry {head['seq']}, {head['hash']}"


def _period(period: Json | None, zone: ZoneInfo) -> str | None:
    if period is None:
        return None
    first = _day_at(period["start"], zone)
    last = _last_day(period["end"], zone)
    return first if first == last else f"{first} \u2013 {last}"


def _day_at(instant: str | None, zone: ZoneInfo) -> str | None:
    return _on_day(instant, lambda at: local_day_of(at, zone))


def _last_day(end: str | None, zone: ZoneInfo) -> str | None:
    """Show the last day before an end: midnight belongs to the day that ends there."""
    return _on_day(end, lambda at: local_day_of(at - _LEAST, zone))


def _on_day(instant: str | None, day_of: Callable[[datetime], date]) -> str | None:
    return None if instant is None else _show_day(day_of(parse_instant(instant)))


def _show_day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _moment(instant: datetime, zone: ZoneInfo) -> str:
    local = instant.astimezone(zone)
    return f"{_show_day(local.date())}, {local.hour:02}:{local.minute:02}"
