"""Credit notes: take back what a finalized invoice charged, line by line (docs/rules.md 4.7).

Of a line, grants paid a part and money the rest. A note first undoes the money part; what goes beyond it is reversed
into the line's grants, latest first. The money, with its tax, first lowers what is due; only the remainder was paid,
and ``to`` decides what becomes of it. So the money of all notes, with tax, is never above the invoice's total.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from types import MappingProxyType

from chalicelib.credits.drawdown import Drawn
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
from chalicelib.invoices.line_credits import add_up, credits_drawn, credits_of, drawn_of, negated, take_latest
from chalicelib.invoices.taxes import tax_minor
from chalicelib.shared.errors import Conflict, Fault, InvalidInput
from chalicelib.shared.money import round_whole, show_money
from chalicelib.shared.values import dataclass

# A discount or cap is inside the net of the lines it lowers; what was carried is a grant of its own.
_NOT_NOTED = {LineKind.DISCOUNT, LineKind.CAP, LineKind.CARRIED_TO_CREDIT}


@dataclass(frozen=True, slots=True)
class _Undone:
    """What a note takes back of a line, with what goes back to grants, and the part of it that was paid in money."""

    line: CreditedLine
    money_minor: int


def make_credit_note(
    invoice: Invoice,
    wanted: Sequence[tuple[str, int]],
    *,
    reason: str,
    to: CreditTo,
    number: int,
    issued_at: datetime,
    reversible: Mapping[str, Sequence[Drawn]] | None = None,
    outstanding: Mapping[str, int] = MappingProxyType({}),
) -> CreditNote:
    """Make a note from ids of lines with the net amounts, in minor units, to take back of them.

    ``reversible`` tells of lines by id what grants paid of them and did not get back, oldest first; by default that is
    what ``reversible_of`` tells. ``outstanding`` tells of some lines what is billed by now of their charge, which may
    be less than their net: an invoice has taken some of it back.

    ``grant`` stays ``None``: whoever makes a grant of ``granted_minor`` names it there. Raises ``Conflict`` for a draft
    and a void invoice and for more money than the invoice has left, ``InvalidInput`` with every fault of the lines.
    """
    require_finalized(invoice)
    if reversible is None:
        reversible = {line.id: reversible_of(invoice, line) for line in invoice.content.lines}
    _refuse_faults(invoice, wanted, reversible, outstanding)
    undone = [_undo(invoice, line, amount_minor, reversible.get(line, ())) for line, amount_minor in wanted]
    money_minor = sum(one.money_minor for one in undone)
    _refuse_too_much(invoice, money_minor)
    note = CreditNote(
        number=number,
        invoice=invoice.id,
        lines=tuple(one.line for one in undone),
        reason=reason,
        to=to,
        issued_at=issued_at,
        taxes=_taxes(invoice, money_minor),
        credited_minor=0,
    )
    return _settled(note, invoice, money_minor)


def reversible_of(invoice: Invoice, line: Line) -> tuple[Drawn, ...]:
    """Tell what grants paid of a line and did not get back by earlier notes on it, oldest first."""
    noted = [one for note in invoice.standing.credit_notes for one in note.lines if one.line == line.id]
    return add_up(credits_drawn(line), *(negated(drawn_of(one.reversed)) for one in noted))


def with_note(invoice: Invoice, note: CreditNote) -> Invoice:
    """Give the invoice with one more note, made for it as it stands."""
    assert note.invoice == invoice.id, f"{note.number} is a note of {note.invoice}"
    standing = invoice.standing
    return replace(invoice, standing=replace(standing, credit_notes=(*standing.credit_notes, note)))


def _refuse_faults(
    invoice: Invoice,
    wanted: Sequence[tuple[str, int]],
    reversible: Mapping[str, Sequence[Drawn]],
    outstanding: Mapping[str, int],
) -> None:
    lines = {line.id: line for line in invoice.content.lines}
    faults = [] if wanted else [Fault("/lines", "must name at least one line")]
    for index, (line_id, amount_minor) in enumerate(wanted):
        repeated = any(line_id == earlier for earlier, _ in wanted[:index])
        wrong = "comes twice" if repeated else _fault_of_line(lines.get(line_id))
        if wrong is not None:
            faults.append(Fault(f"/lines/{index}/line", wrong))
        elif amount_minor <= 0:
            faults.append(Fault(f"/lines/{index}/amount", "must be above 0"))
        if wrong is not None or amount_minor <= 0:
            continue
        left_minor = _left_minor(invoice, lines[line_id], reversible.get(line_id, ()))
        left_minor = min(left_minor, outstanding.get(line_id, left_minor))
        if amount_minor > left_minor:
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


def _left_minor(invoice: Invoice, line: Line, reversible: Sequence[Drawn]) -> int:
    """Tell how much of a line can be taken back: its money, and the credit that did not come back by another way."""
    return _money_left_minor(invoice, line) + sum(one.amount_minor for one in reversible)


def _undo(invoice: Invoice, line_id: str, amount_minor: int, reversible: Sequence[Drawn]) -> _Undone:
    """Split what is taken back of a line: first its money, then its grants from the latest on."""
    line = next(line for line in invoice.content.lines if line.id == line_id)
    money_minor = min(amount_minor, _money_left_minor(invoice, line))
    names = {credit.grant: credit.name for credit in line.credits}
    back = credits_of(take_latest(reversible, amount_minor - money_minor), names)
    return _Undone(CreditedLine(line_id, amount_minor, back), money_minor)


def _money_left_minor(invoice: Invoice, line: Line) -> int:
    """Tell how much of what money paid of a line no earlier note took back."""
    noted = [one for note in invoice.standing.credit_notes for one in note.lines if one.line == line.id]
    noted_minor = sum(one.amount_minor - _credits_minor(one.reversed) for one in noted)
    return line.net_minor - _credits_minor(line.credits) - noted_minor


def _credits_minor(moved: Sequence[LineCredit]) -> int:
    return sum(credit.amount_minor for credit in moved)


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
