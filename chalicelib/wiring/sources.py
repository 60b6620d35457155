"""The sources that a domain asks for and a domain above it knows."""

from typing import TYPE_CHECKING

from chalicelib.platform.sources import offer_source

if TYPE_CHECKING:
    from chalicelib.credits.claim_service import ClaimsSource
    from chalicelib.credits.kept_head_service import KeptHeadSource
    from chalicelib.usage.billed_events import BillingSource
    from chalicelib.usage.spending import SpendSource


def offer_sources() -> None:
    """Offer every source, by the name that it is asked for."""
    offer_source("spend", _spend)
    offer_source("billing", _billing)
    offer_source("claims", _claims)
    offer_source("kept heads", _kept_heads)


def _spend() -> "SpendSource":
    from chalicelib.invoices.spending import Spending

    return Spending()


def _billing() -> "BillingSource":
    from chalicelib.invoices.attribution import Attribution

    return Attribution()


def _claims() -> "ClaimsSource":
    from chalicelib.invoices.claiming import DraftClaims

    return DraftClaims()


def _kept_heads() -> "KeptHeadSource":
    from chalicelib.invoices.kept_head_service import InvoiceHeads

    return InvoiceHeads()
