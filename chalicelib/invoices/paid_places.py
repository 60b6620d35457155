"""Where it is remembered what was billed by a line, and what grants paid of it: in the record of its period.

A credit note and a later invoice that takes the same charge back both look there, so nothing comes back twice.
"""

from dataclasses import replace
from enum import Enum

from chalicelib.credits.drawdown import Drawn
from chalicelib.invoices.draft_lines import charge_key_of, find_late_place, find_service_period
from chalicelib.invoices.invoice import Line, LineKind
from chalicelib.invoices.line_credits import add_up, negated
from chalicelib.invoices.numbering import InvoiceKind, InvoiceRef
from chalicelib.invoices.period_record import Billing, PeriodRecord
from chalicelib.shared.values import dataclass


class _Part(Enum):
    """Which part of a record a line belongs to: its own billing, later ones, or its advance fees."""

    OWN = "own"
    LATE = "late"
    FEE = "fee"


@dataclass(frozen=True, slots=True)
class Noted:
    """What a credit note takes back of a line: net, and what of it goes ``back`` to grants."""

    amount_minor: int
    back: tuple[Drawn, ...] = ()


@dataclass(frozen=True, slots=True)
class PaidPlace:
    """The record of a reference, and in it the charge of a period by key, or the advance fee of a charge."""

    ref: InvoiceRef
    key: str
    part: _Part

    @property
    def whole(self) -> "PaidPlace":
        """Give the place of the whole charge: what the period's own invoice and later ones billed of it is one sum."""
        return self if self.part is _Part.FEE else replace(self, part=_Part.OWN)

    def paid(self, record: PeriodRecord) -> tuple[Drawn, ...]:
        """Give what grants paid and did not get back, over all invoices, oldest first."""
        if self.part is _Part.FEE:
            fee = record.advance.get(self.key)
            return () if fee is None else fee.drawn
        billed = record.billed().get(self.key)
        return () if billed is None else billed.drawn

    def outstanding_minor(self, record: PeriodRecord) -> int:
        """Give what was billed, over all invoices, and has not been taken back."""
        if self.part is _Part.FEE:
            fee = record.advance.get(self.key)
            return 0 if fee is None else fee.outstanding_minor
        billed = record.billed().get(self.key)
        return 0 if billed is None else billed.outstanding_minor

    def note(self, record: PeriodRecord, invoice: str, noted: Noted) -> PeriodRecord:
        """Remember that a credit note took back a part of what an invoice billed, and what of it grants got."""
        if self.part is _Part.FEE:
            fee = record.advance[self.key]
            minor = fee.noted_minor + noted.amount_minor
            kept = replace(fee, drawn=add_up(fee.drawn, negated(noted.back)), noted_minor=minor)
            return replace(record, advance={**record.advance, self.key: kept})
        if self.part is _Part.LATE:
            late = tuple(self._lowered(one, noted) if one.invoice == invoice else one for one in record.late)
            return replace(record, late=late)
        assert record.own is not None, "an invoice that is not void is its period's own"
        return replace(record, own=self._lowered(record.own, noted))

    def _lowered(self, billing: Billing, noted: Noted) -> Billing:
        billed = billing.amounts[self.key]
        minor = billed.noted_minor + noted.amount_minor
        lowered = replace(billed, drawn=add_up(billed.drawn, negated(noted.back)), noted_minor=minor)
        return replace(billing, amounts={**billing.amounts, self.key: lowered})


def find_paid_place(ref: InvoiceRef, line: Line) -> PaidPlace | None:
    """Find where it is remembered what grants paid of a line; ``None`` for what nothing takes back later.

    ``ref`` is the invoice that the line stands on.
    """
    if line.charge is None:
        return None
    service = find_service_period(line)
    if service is not None:
        return PaidPlace(replace(ref, kind=InvoiceKind.PERIOD, number=service, attempt=0), line.charge, _Part.FEE)
    late = find_late_place(line)
    if late is not None:
        own = replace(ref, kind=InvoiceKind.PERIOD, subscription=late.subscription, number=late.period, attempt=0)
        return PaidPlace(own, charge_key_of(line), _Part.LATE)
    if line.kind is LineKind.LATE_USAGE:
        return PaidPlace(ref, charge_key_of(line), _Part.LATE)
    return PaidPlace(ref, charge_key_of(line), _Part.OWN) if line.kind is LineKind.USAGE else None
