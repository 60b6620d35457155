"""The command that issues a credit note (docs/rules.md 4.7): less is due, money is refunded, or credit is given.

Credit that paid a line goes back to its grants once, whether by a note or by an invoice that takes the charge back: the
record of the period knows what came back already, and the note's transaction makes sure that it still says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from decimal import Decimal

from chalicelib.catalog import subscription_service
from chalicelib.credits import service as credits_service
from chalicelib.credits import wallet
from chalicelib.credits.drawdown import Drawn
from chalicelib.credits.grants import Source, SourceKind
from chalicelib.credits.wallet import Wallet
from chalicelib.invoices import credit_moves, credit_notes, finalization, store
from chalicelib.invoices.commands import get_finalized, read_minor
from chalicelib.invoices.invoice import CreditNote, CreditTo, Invoice, Line
from chalicelib.invoices.line_credits import add_up, drawn_of, is_covered, within
from chalicelib.invoices.numbering import InvoiceRef, credit_note_number
from chalicelib.invoices.paid_places import Noted, PaidPlace, find_paid_place
from chalicelib.invoices.period_record import PeriodRecord
from chalicelib.platform.outbox import outbox_write
from chalicelib.platform.writes import Write
from chalicelib.shared.errors import Conflict
from chalicelib.shared.values import dataclass


@dataclass(frozen=True, slots=True)
class WantedNote:
    """A credit note to be made: net amounts, in major units, by line."""

    lines: Sequence[tuple[str, Decimal]]
    reason: str
    to: CreditTo


@dataclass(frozen=True, slots=True)
class NoteDone:
    """A credit note with its invoice, and what has to be written for them."""

    note: CreditNote
    invoice: Invoice
    writes: tuple[Write, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paid:
    """What credit paid of the lines that a note is about, as it was read, the wallet first.

    ``reversible`` is what each grant paid of a line and did not get back, ``outstanding`` what is billed by now of the
    charge of a line. ``checks`` make sure that no invoice changes the records meanwhile; the wallet's version makes
    sure that no other note does.
    """

    wallet: Wallet
    outstanding: Mapping[str, int] = field(default_factory=dict)
    reversible: Mapping[str, tuple[Drawn, ...]] = field(default_factory=dict)
    places: Mapping[str, PaidPlace] = field(default_factory=dict)
    records: Mapping[str, PeriodRecord] = field(default_factory=dict)
    checks: tuple[Write, ...] = ()


def issue_credit_note(ref: InvoiceRef, wanted: WantedNote, now: datetime) -> NoteDone:
    """Take back a part of an invoice; raises as ``make_credit_note`` does."""
    stored = get_finalized(ref, now)
    invoice = stored.invoice
    assert invoice.number is not None
    named = {f"/lines/{place}/amount": amount for place, (_, amount) in enumerate(wanted.lines)}
    amounts = read_minor(named, invoice.currency)
    lines = [(line, amount_minor) for (line, _), amount_minor in zip(wanted.lines, amounts, strict=True)]
    paid = _read_paid(ref, invoice, {line for line, _ in lines}, now)
    head = store.read_head(ref.organization)
    note = credit_notes.make_credit_note(
        invoice,
        lines,
        reason=wanted.reason,
        to=wanted.to,
        number=head.next_credit_note,
        issued_at=now,
        reversible=paid.reversible,
        outstanding=paid.outstanding,
    )
    _refuse_together(note, paid)
    note, moved = _note_credit(note, invoice, paid, now)
    changed = credit_notes.with_note(invoice, note)
    event = {**finalization.invoice_event(changed), "credit_note": credit_note_number(ref.organization, note.number)}
    writes = (
        store.head_write(head, replace(head, next_credit_note=head.next_credit_note + 1)),
        store.standing_write(stored, changed),
        store.credit_note_write(ref.organization, note, invoice.number),
        outbox_write("credit_note.issued", event, organization=ref.organization, now=now),
        *moved,
    )
    assert len(writes) < finalization.MOST_ITEMS, f"{len(writes)} items in the transaction of a credit note"
    return NoteDone(note, changed, writes)


def _read_paid(ref: InvoiceRef, invoice: Invoice, wanted: set[str], now: datetime) -> _Paid:
    lines = [line for line in invoice.content.lines if line.id in wanted]
    held = credits_service.read_wallet(ref.organization, currency=invoice.currency, now=now)
    subscriptions = subscription_service.read_subscriptions(ref.organization)
    places = {line.id: place for line in lines if (place := find_paid_place(ref, line)) is not None}
    records = store.read_records(ref.organization, sorted({place.ref.name for place in places.values()}))
    return _Paid(
        wallet=held,
        reversible={line.id: _reversible(invoice, line, places.get(line.id), records) for line in lines},
        outstanding={name: place.outstanding_minor(records[place.ref.name]) for name, place in places.items()},
        places=places,
        records=records,
        checks=(subscription_service.subscriptions_check(subscriptions),),
    )


def _reversible(
    invoice: Invoice, line: Line, place: PaidPlace | None, records: Mapping[str, PeriodRecord]
) -> tuple[Drawn, ...]:
    """Tell what grants paid of a line that has not come back: by notes on it, or by invoices that took it back."""
    left = credit_notes.reversible_of(invoice, line)
    return left if place is None else within(left, pool=place.paid(records[place.ref.name]))


def _refuse_together(note: CreditNote, paid: _Paid) -> None:
    """Refuse lines of one charge that together take more back than is left of it, though each of them does not."""
    taken: dict[PaidPlace, Noted] = {}
    for line in note.lines:
        place = paid.places.get(line.line)
        if place is not None:
            before = taken.get(place.whole, Noted(0))
            back = add_up(before.back, drawn_of(line.reversed))
            taken[place.whole] = Noted(before.amount_minor + line.amount_minor, back)
    for place, noted in taken.items():
        record = paid.records[place.ref.name]
        is_left = noted.amount_minor <= place.outstanding_minor(record)
        if not is_left or not is_covered(noted.back, pool=place.paid(record)):
            raise Conflict("Lines of one charge together take back more than is left of it.")


def _note_credit(
    note: CreditNote, invoice: Invoice, paid: _Paid, now: datetime
) -> tuple[CreditNote, tuple[Write, ...]]:
    """Give back to grants what they had paid, and grant what becomes credit; answers the writes of both."""
    before = paid.wallet
    number = credit_note_number(invoice.organization, note.number)
    moved = credit_moves.reversals(note.reversed, invoice.id, now, note=number)
    after = wallet.reverse(before, moved, recorded_at=now) if moved else before
    if note.granted_minor:
        source = Source(SourceKind.CREDIT_NOTE, invoice.id)
        grant = finalization.grant_of_invoice(note.granted_minor, name=f"Credit note {number}", source=source, now=now)
        after = wallet.add_grants(after, [grant], recorded_at=now)
        note = replace(note, grant=grant.id)
    return note, (*credits_service.wallet_writes(before, after), *_record_writes(note, invoice, paid))


def _record_writes(note: CreditNote, invoice: Invoice, paid: _Paid) -> list[Write]:
    """Remember in the records what came back, each record written once."""
    changed: dict[str, PeriodRecord] = {}
    for line in note.lines:
        place = paid.places.get(line.line)
        if place is not None:
            record = changed.get(place.ref.name) or paid.records[place.ref.name]
            noted = Noted(line.amount_minor, drawn_of(line.reversed))
            changed[place.ref.name] = place.note(record, invoice.id, noted)
    writes = [store.record_write(invoice.organization, record) for record in changed.values()]
    return [*paid.checks, *writes]
