"""Reads a wallet with what open drafts claim from it: asked of the source that ``app.py`` names, which knows drafts.

Credits itself knows no invoices. Without a source there are no drafts, and nothing is claimed.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.organizations import Organization
from chalicelib.credits import service
from chalicelib.credits.claims import Claim, Claims
from chalicelib.platform.sources import Source
from chalicelib.platform.writes import Write
from chalicelib.shared.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadClaims:
    """What was read for an organization. ``checks`` let a transaction pass only while the same drafts are open.

    The wallet is not among the checks: whoever writes it makes sure of it anyway.
    """

    organization: Organization
    claims: Claims
    checks: tuple[Write, ...] = ()


class ClaimsSource(Protocol):
    """Knows the drafts of an organization, and what its invoices drew."""

    def read(self, organization: str, now: datetime) -> ReadClaims:
        """Read the wallet, and compute what all open drafts draw from it; raises ``NotFound``."""

    def read_claimants(self, organization: str, now: datetime) -> ReadClaims:
        """Read the wallet, and which drafts are open, without computing them: ``drawn`` is empty. ``NotFound``."""

    def list_paid(self, organization: Organization, *, start: date, end: date) -> Sequence[Claim]:
        """List what grants paid on finalized invoices for the local days ``[start, end)``.

        Less what later came back; in no particular order.
        """


class WalletAlone:
    """The source of an application without invoices: nothing is claimed."""

    def read(self, organization: str, now: datetime) -> ReadClaims:
        """Read the wallet."""
        found = catalog_service.get_organization(organization)
        wallet = service.read_wallet(found.id, currency=found.currency, now=now)
        return ReadClaims(organization=found, claims=Claims(wallet=wallet))

    def read_claimants(self, organization: str, now: datetime) -> ReadClaims:
        """Read the wallet."""
        return self.read(organization, now)

    def list_paid(self, organization: Organization, *, start: date, end: date) -> Sequence[Claim]:
        """List nothing."""
        del organization, start, end
        return ()


_source: Source[ClaimsSource] = Source("claims", WalletAlone())


def use_claims_source(source: ClaimsSource | None) -> None:
    """Name the source that knows what drafts claim; ``None`` takes it away."""
    _source.named = source or WalletAlone()


def read_claims(organization: str, now: datetime) -> ReadClaims:
    """Read an organization's wallet with what its open drafts draw from it; raises ``NotFound``."""
    return _source.named.read(organization, now)


def read_claimants(organization: str, now: datetime) -> ReadClaims:
    """Read an organization's wallet, and which drafts are open; cheaper, ``drawn`` is empty. Raises ``NotFound``."""
    return _source.named.read_claimants(organization, now)


def list_paid(organization: Organization, *, start: date, end: date) -> Sequence[Claim]:
    """List what grants paid on finalized invoices for the local days ``[start, end)``, less what came back."""
    return _source.named.list_paid(organization, start=start, end=end)
