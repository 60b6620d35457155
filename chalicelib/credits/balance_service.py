"""Reads what an organization's credit comes to, and what it paid, open drafts and finalized invoices together."""

from datetime import date, datetime

from chalicelib.catalog.organizations import Organization
from chalicelib.credits import claim_service, ledger_failure_service
from chalicelib.credits.claim_service import ReadClaims
from chalicelib.credits.depletion import find_depletion, pace_start
from chalicelib.credits.paid import Days, Paid, add_up_paid
from chalicelib.credits.summary import Summary, summarize
from chalicelib.shared.time import local_day_of, zone_of
from chalicelib.shared.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditBalance:
    """What an organization's credit comes to. ``depletes_on`` is a local day; ``None`` when none can be told."""

    organization: Organization
    summary: Summary
    depletes_on: date | None


def read_balance(organization: str, now: datetime) -> CreditBalance:
    """Sum up an organization's credit as it is now; raises ``NotFound``."""
    read = claim_service.read_claims(organization, now)
    with ledger_failure_service.reporting(organization):
        summary = summarize(read.claims, now)
    return CreditBalance(
        organization=read.organization, summary=summary, depletes_on=_find_depletion(read, summary, now)
    )


def _find_depletion(read: ReadClaims, summary: Summary, now: datetime) -> date | None:
    # Without a drawdown there is no pace: then no invoice has to be read.
    if summary.remaining_minor == 0 or (summary.consumed_minor == 0 and not read.claims.drawn):
        return None
    today = local_day_of(now, zone_of(read.organization.timezone))
    paid = list_paid(read, Days(pace_start(today), today))
    drawn_minor = sum(one.amount_minor for one in paid)
    return find_depletion(remaining_minor=summary.remaining_minor, drawn_minor=drawn_minor, today=today)


def list_paid(read: ReadClaims, days: Days) -> list[Paid]:
    """List what grants paid for the usage of local days by charge and grant, newest first; see ``paid_key``."""
    # In this order: what is finalized in between is in both, and told apart there; otherwise it would be in none.
    finalized = claim_service.list_paid(read.organization, start=days.first, end=days.end)
    return add_up_paid(days, drawn=read.claims.drawn, finalized=finalized)
