"""Organizations: who pays. Currency and time zone never change, because stored days and amounts rest on them."""

from datetime import datetime
from decimal import Decimal

from chalicelib.shared.values import dataclass


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A tax that invoices of an organization carry; ``percent`` is 19 for 19 %."""

    name: str
    percent: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """One customer. ``id`` is chosen by the caller; everything but ``id``, ``currency`` and ``timezone`` may change."""

    id: str
    name: str
    currency: str
    timezone: str
    created_at: datetime
    email: str | None = None
    address: str | None = None
    legal_name: str | None = None
    tax_id: str | None = None
    purchase_order: str | None = None
    invoice_note: str | None = None
    tax_rates: tuple[TaxRate, ...] = ()
