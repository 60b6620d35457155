"""Verifies what a stage stores, organization by organization; it reads and never writes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from chalicelib.catalog import service as catalog_service
from chalicelib.credits import kept_head_service
from chalicelib.invoices.invoice import Invoice
from chalicelib.invoices.kept_head_service import InvoiceHeads
from chalicelib.shared.time import ceil_quarter_hour, quarter_hour_of
from chalicelib.usage.ranges import Range
from infra.verify_credits import check_credits
from infra.verify_invoices import check_invoices
from infra.verify_report import Report
from infra.verify_usage import UsageCheck

__all__ = ["Wanted", "verify_stage"]

_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be verified: some organizations, or all; usage between two instants; ``now`` is this instant."""

    organizations: Sequence[str] = ()
    start: datetime
    end: datetime
    now: datetime


def verify_stage(wanted: Wanted, tell: Callable[[str], object] = str) -> Report:
    """Verify ledgers, wallets, invoices and counters; ``tell`` hears of each organization before it is read.

    Raises ``NotFound`` for an organization that is asked for by a name that nobody has.
    """
    import app

    # Importing the app names the sources that the domains ask of each other.
    assert app.app.routes
    kept_head_service.use_kept_head_source(InvoiceHeads())
    report = Report()
    catalog = catalog_service.meter_catalog()
    whole = Range(quarter_hour_of(wanted.start), ceil_quarter_hour(wanted.end))
    for name in wanted.organizations or _all_organizations():
        tell(name)
        organization = catalog_service.get_organization(name)
        report.looked_at["organizations"] += 1
        invoices: list[Invoice] = []
        with _telling(name, "invoices", report):
            invoices = check_invoices(name, report)
        with _telling(name, "credit", report):
            check_credits(organization, invoices, wanted.now, report)
        with _telling(name, "usage", report):
            UsageCheck(organization, catalog, wanted.now, report).run(whole)
    return report


@contextmanager
def _telling(organization: str, what: str, report: Report) -> Iterator[None]:
    """Note that something cannot be read at all, and go on with the next."""
    try:
        yield
    except Exception as fault:  # noqa: BLE001 - whatever is stored may be damaged in any way
        report.add(organization, f"{what}: cannot be checked: {type(fault).__name__}: {fault}")


def _all_organizations() -> Iterator[str]:
    after: str | None = None
    while found := catalog_service.list_organization_ids(after=after, limit=_AT_ONCE):
        yield from found
        after = found[-1]
