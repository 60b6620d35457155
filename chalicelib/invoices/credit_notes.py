"""Credit notes: take back what a finalized invoice charged, line by line (docs/rules.md 4.7).

Of a line, grants paid a part and money the rest. A note first undoes the money part; what goes beyond it is reversed
into the line's grants, latest first. The money, with its tax, first lowers what is due; only the remainder was paid,
and ``to`` decides what becomes of it. So the money of all notes, with tax, is never above the invoice's total.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from chalicelib.invoices.invoice import (
    CreditedLine,
    CreditNote,
    CreditTo,
    Invoice,
    Line,
    LineCredit,
    LineKind,
    TaxAmount,
)
from chalicelib.invoices.lifecycle import given_back_minor, require_finalized
from chalicelib.invoices.taxes import tax_minor
from chalicelib.shared.errors import Conflict, Fault, InvalidInput
from chalicelib.shared.money import round_whole, show_money

# A discount or cap is inside the net of the lines it lowers; what was carried is a grant of its own.
_NOT_NOTED = {LineKind.DISCOUNT, LineKind.CAP, LineKind.CARRIED_TO_CREDIT}


@dataclass(frozen=True, slots=True)
class _Undone:
    """What a note takes back of a line: the part paid in money, and what goes back to grants."""

    money_minor: int
    reversed: tuple[LineCredit, ...]


def make_credit_note(
    invoice: Invoice,
    wanted: Sequence[tuple[str, int]],
    *,
    reason: str,
    to: CreditTo,
    number: int,
    issued_at: datetime,
) -> CreditNote:
    """Make a note from ids of lines with the net amounts, in minor units, to take back of them.

    ``grant`` stays ``None``: whoever makes a grant of ``granted_minor`` names it there. Raises ``Conflict`` for a draft
    and a void invoice and for more money than the invoice has left, ``InvalidInput`` with every fault of the lines.
    """
    require_finalized(invoice)
    _refuse_faults(invoice, wanted)
    undone = [_undo(invoice, line, amount_minor) for line, amount_minor in wanted]
    money_minor = sum(one.money_minor for one in undone)
    _refuse_too_much(invoice, money_minor)
    note = CreditNote(
        number=number,
        invoice=invoice.id,
        lines=tuple(CreditedLine(line, amount_minor) for line, amount_minor in wanted),
        reason=reason,
        to=to,
        issued_at=issued_at,
        taxes=_taxes(invoice, money_minor),
        credited_minor=0,
        reversed=_by_grant(credit for one in undone for credit in one.reversed),
    )
    return _settled(note, invoice, money_minor)


def with_note(invoice: Invoice, note: CreditNote) -> Invoice:
    """Give the invoice with one more note, made for it as it stands."""
    assert note.invoice == invoice.id, f"{note.number} is a note of {note.invoice}"
    standing = invoice.standing
    return replace(invoice, standing=replace(standing, credit_notes=(*standing.credit_notes, note)))


def _refuse_faults(invoice: Invoice, wanted: Sequence[tuple[str, int]]) -> None:
    lines = {line.id: line for line in invoice.content.lines}
    faults = [] if wanted else [Fault("/lines", "must name at least one line")]
    for index, (line_id, amount_minor) in enumerate(wanted):
        repeated = any(line_id == earlier for earlier, _ in wanted[:index])
        wrong = "comes twice" if repeated else _fault_of_line(lines.get(line_id))
        if wrong is not None:
            faults.append(Fault(f"/lines/{index}/line", wrong))
        elif amount_minor <= 0:
            faults.append(Fault(f"/lines/{index}/amount", "must be above 0"))
        elif amount_minor > (left_minor := lines[line_id].net_minor - _noted_minor(invoice, line_id)):
            shown = show_money(left_minor, invoice.currency)
            faults.append(Fault(f"/lines/{index}/amount", f"must be at most {shown}, what is left of the line's net"))
    if faults:
        raise InvalidInput("The credit note cannot be made.", faults)


def _fault_of_line(line: Line | None) -> str | None:
    if line is None:
        return "is not a line of this invoice"
    if line.kind in _NOT_NOTED or line.net_minor <= 0:
        return "is a line of which nothing can be taken back"
    return None


def _noted_minor(invoice: Invoice, line_id: str) -> int:
    """Add up what earlier notes took back of a line."""
    notes = invoice.standing.credit_notes
    return sum(one.amount_minor for note in notes for one in note.lines if one.line == line_id)


def _undo(invoice: Invoice, line_id: str, amount_minor: int) -> _Undone:
    """Split what is taken back of a line: first its money, then its grants from the latest on."""
    line = next(line for line in invoice.content.lines if line.id == line_id)
    before_minor = _noted_minor(invoice, line_id)
    after_minor = before_minor + amount_minor
    paid_minor = line.net_minor - sum(credit.amount_minor for credit in line.credits)
    money_minor = min(after_minor, paid_minor) - min(before_minor, paid_minor)
    start, end = max(0, before_minor - paid_minor), max(0, after_minor - paid_minor)
    return _Undone(money_minor, tuple(_cut_latest(line.credits, start, end)))


def _cut_latest(drawdowns: Sequence[LineCredit], start: int, end: int) -> Iterator[LineCredit]:
    """Cut ``[start, end)`` out of the drawdowns laid end to end in minor units, the latest first."""
    place = 0
    for credit in reversed(drawdowns):
        taken_minor = min(end, place + credit.amount_minor) - max(start, place)
        if taken_minor > 0:
            yield replace(credit, amount_minor=taken_minor)
        place += credit.amount_minor


def _by_grant(credits_back: Iterator[LineCredit]) -> tuple[LineCredit, ...]:
    """Add up by grant, in the order in which grants come first."""
    found: dict[str, LineCredit] = {}
    for credit in credits_back:
        before = found.get(credit.grant)
        found[credit.grant] = (
            credit if before is None else replace(before, amount_minor=before.amount_minor + credit.amount_minor)
        )
    return tuple(found.values())


def _money_noted_minor(invoice: Invoice) -> int:
    """Add up the money that earlier notes took back, without tax."""
    return sum(
        note.net_minor - sum(credit.amount_minor for credit in note.reversed) for note in invoice.standing.credit_notes
    )


def _refuse_too_much(invoice: Invoice, money_minor: int) -> None:
    """Refuse more money than the invoice asked for: negative lines have paid a part of its other lines."""
    left_minor = invoice.content.taxable_minor - _money_noted_minor(invoice)
    if money_minor > left_minor:
        shown = f"{show_money(left_minor, invoice.currency)} {invoice.currency}"
        raise Conflict(f"Of the money that the invoice asked for, before tax, only {shown} is left to take back.")


def _taxes(invoice: Invoice, money_minor: int) -> tuple[TaxAmount, ...]:
    """Compute each tax of the invoice on the money taken back; the note that takes the last of it takes the rest.

    All taxes are listed, in the invoice's order, those of 0 too.
    """
    is_last = _money_noted_minor(invoice) + money_minor == invoice.content.taxable_minor
    notes = invoice.standing.credit_notes
    taxes = []
    for place, tax in enumerate(invoice.content.taxes):
        left_minor = tax.amount_minor - sum(note.taxes[place].amount_minor for note in notes)
        amount_minor = left_minor if is_last else min(left_minor, tax_minor(money_minor, tax.percent))
        taxes.append(replace(tax, amount_minor=amount_minor))
    return tuple(taxes)


def _settled(note: CreditNote, invoice: Invoice, money_minor: int) -> CreditNote:
    """Lower what is due by the note's money and tax; give back what is beyond it, because that was paid."""
    gross_minor = money_minor + note.tax_minor
    credited_minor = min(gross_minor, invoice.due_minor)
    back_minor = gross_minor - credited_minor
    assert back_minor <= invoice.paid_minor - sum(map(given_back_minor, invoice.standing.credit_notes))
    if note.to is CreditTo.REFUND:
        return replace(note, credited_minor=credited_minor, refunded_minor=back_minor)
    if back_minor == 0:
        return replace(note, credited_minor=credited_minor)
    # A grant is net: credits come before tax, so its tax comes back with the lower base of the invoices it pays.
    granted_minor = money_minor - round_whole(Fraction(money_minor * credited_minor, gross_minor))
    return replace(note, credited_minor=credited_minor, granted_minor=granted_minor)
