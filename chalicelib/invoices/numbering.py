"""Ids and numbers of invoices: an id is known before the invoice is stored, a number only when it is finalized.

An id says which organization, subscription and period an invoice is for, and the how-manieth attempt it is:
``inv_acme.1p3.0``. So a draft keeps its id, and two runs that finalize one period write one and the same item.
"""

import re
from dataclasses import replace
from enum import StrEnum

from chalicelib.shared.values import dataclass

_ID = re.compile(r"inv_([a-z0-9][a-z0-9_-]{0,63})\.(0|[1-9][0-9]{0,8})([palo])(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,4})")
_NOTE_ID = re.compile(r"cn_([a-z0-9][a-z0-9_-]{0,63})\.([1-9][0-9]{0,8})")
_SUBSCRIPTION_ID = re.compile(r"sub_([a-z0-9][a-z0-9_-]{0,63})\.([1-9][0-9]{0,8})")
_SHOWN_DIGITS = 6


class InvoiceKind(StrEnum):
    """What an invoice is for: a period, an advance fee at once, late usage alone, or a one-off."""

    PERIOD = "p"
    ADVANCE = "a"
    LATE_USAGE = "l"
    ONE_OFF = "o"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRef:
    """Which invoice: ``number`` is the period, the service period of the fee, or a count of its kind.

    ``subscription`` is the number of the organization's subscription, 0 for what belongs to none.
    """

    organization: str
    subscription: int
    kind: InvoiceKind
    number: int
    attempt: int = 0

    @property
    def name(self) -> str:
        """Name it within its organization, without the attempt."""
        return f"{self.subscription}{self.kind}{self.number}"

    @property
    def id(self) -> str:
        """Give its public id."""
        return f"inv_{self.organization}.{self.name}.{self.attempt}"

    def again(self, attempt: int) -> "InvoiceRef":
        """Give the reference of another attempt."""
        return replace(self, attempt=attempt)


def find_invoice_ref(invoice_id: str) -> InvoiceRef | None:
    """Read an id; ``None`` for what is none."""
    found = _ID.fullmatch(invoice_id)
    if found is None:
        return None
    return InvoiceRef(
        organization=found[1],
        subscription=int(found[2]),
        kind=InvoiceKind(found[3]),
        number=int(found[4]),
        attempt=int(found[5]),
    )


def find_subscription_ref(subscription_id: str) -> tuple[str, int] | None:
    """Read a subscription's id: the organization and its number there; ``None`` for what is none."""
    found = _SUBSCRIPTION_ID.fullmatch(subscription_id)
    return None if found is None else (found[1], int(found[2]))


def credit_note_id(organization: str, number: int) -> str:
    """Make the id of a credit note."""
    return f"cn_{organization}.{number}"


def find_credit_note_ref(note_id: str) -> tuple[str, int] | None:
    """Read a credit note's id: the organization and the note's number; ``None`` for what is none."""
    found = _NOTE_ID.fullmatch(note_id)
    return None if found is None else (found[1], int(found[2]))


def invoice_number(organization: str, number: int) -> str:
    """Show an invoice's number: ``ACME-000001``."""
    return f"{organization.upper()}-{number:0{_SHOWN_DIGITS}}"


def credit_note_number(organization: str, number: int) -> str:
    """Show a credit note's number: ``ACME-CN-000001``."""
    return f"{organization.upper()}-CN-{number:0{_SHOWN_DIGITS}}"
