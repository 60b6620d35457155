"""A source of claims that says what a test told it, and notes what it was asked."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.organizations import Organization
from chalicelib.credits import service
from chalicelib.credits.claim_service import ReadClaims
from chalicelib.credits.claims import Claim, Claims


def claim(day: str, amount_minor: int, **said: Any) -> Claim:
    """Make a claim for a day of 2026, such as ``01-05``: the draft ``inv_1`` draws ``gr_a`` for tokens."""
    given = {"invoice": "inv_1", "line": "usage-tokens", "charge": "tokens", "grant": "gr_a", **said}
    return Claim(day=date.fromisoformat(f"2026-{day}"), amount_minor=amount_minor, **given)


class SaidClaims:
    """The source: ``drawn`` by drafts, ``paid`` on finalized invoices; ``asked`` are the ranges of days it was asked.

    ``paid`` is given out whole, also what lies outside of the range.
    """

    def __init__(self) -> None:
        self.drawn: list[Claim] = []
        self.paid: list[Claim] = []
        self.asked: list[tuple[str, str]] = []

    def read(self, organization: str, now: datetime) -> ReadClaims:
        found = catalog_service.get_organization(organization)
        wallet = service.read_wallet(found.id, currency=found.currency, now=now)
        return ReadClaims(organization=found, claims=Claims(wallet=wallet, drawn=tuple(self.drawn)))

    def read_claimants(self, organization: str, now: datetime) -> ReadClaims:
        return self.read(organization, now)

    def list_paid(self, organization: Organization, *, start: date, end: date) -> Sequence[Claim]:
        assert organization.id == "acme"
        self.asked.append((start.isoformat(), end.isoformat()))
        return self.paid
