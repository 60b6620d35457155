"""The settings of the deployment: who sells, how late an event may come, what happens to unknown organizations."""

from chalicelib.shared.values import dataclass

DEFAULT_LATE_LIMIT_DAYS = 35


@dataclass(frozen=True, slots=True)
class Seller:
    """Who issues the invoices."""

    legal_name: str | None = None
    address: str | None = None
    tax_id: str | None = None


@dataclass(frozen=True, slots=True)
class BillingSettings:
    """What an operator sets. Events older than ``late_limit_days`` are refused."""

    seller: Seller = Seller()
    late_limit_days: int = DEFAULT_LATE_LIMIT_DAYS
    create_unknown_organizations: bool = False
