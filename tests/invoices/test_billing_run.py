"""Billing one organization: it is read once for each invoice, and left alone when it comes again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.catalog import subscription_service
from chalicelib.invoices import billing_run
from chalicelib.invoices.billing_run import BillingReport, bill_organization
from chalicelib.invoices.opening import open_billing
from chalicelib.invoices.reader import Billing
from chalicelib.platform.writes import commit
from tests.client import ApiClient
from tests.invoices.driving import add_meter, add_organization, add_plan, fee, set_clock, subscribe

DUE = datetime(2026, 2, 2, tzinfo=UTC)
NEXT_DUE = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def opened(client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Acme has been subscribed since 1 January; lists each time that its billing is read."""
    set_clock("2026-01-01")
    add_meter(client)
    add_plan(client, [fee("support", "5.00", "arrears")])
    add_organization(client)
    subscribe(client)
    times: list[str] = []

    def open_and_tell(organization: str, *arguments: Any) -> Billing:
        times.append(organization)
        return open_billing(organization, *arguments)

    monkeypatch.setattr(billing_run, "open_billing", open_and_tell)
    return times


def bill(now: datetime) -> BillingReport:
    return bill_organization("acme", now, lambda: True)


def stored() -> tuple[int, datetime | None]:
    """Give the version of the subscriptions, and when billing is due by what is stored."""
    billing = open_billing("acme", DUE)
    return billing.subscriptions.version, billing.due_at


def test_an_invoice_takes_one_reading(opened: list[str]) -> None:
    assert bill(DUE) == BillingReport(finalized=1)
    assert opened == ["acme"]
    assert stored() == (2, NEXT_DUE)


def test_periods_due_at_the_same_time_take_a_reading_each(opened: list[str]) -> None:
    assert bill(NEXT_DUE - timedelta(seconds=1)) == BillingReport(finalized=1)
    assert len(opened) == 1
    assert bill(datetime(2026, 5, 2, tzinfo=UTC)) == BillingReport(finalized=3)
    assert len(opened) == 4


def test_an_organization_that_comes_again_is_read_once_and_not_written(opened: list[str]) -> None:
    bill(DUE)
    before = stored()
    opened.clear()
    assert bill(DUE) == BillingReport()
    assert opened == ["acme"]
    assert stored() == before


@pytest.mark.usefixtures("opened")
def test_an_organization_that_is_stored_as_due_without_reason_is_set_right() -> None:
    bill(DUE)
    billing = open_billing("acme", DUE)
    commit(subscription_service.subscription_writes(billing.subscriptions, (), due_at=DUE))
    assert stored() == (3, DUE)
    assert list(billing_run.list_due(DUE)) == ["acme"]
    bill(DUE)
    assert stored() == (4, NEXT_DUE)
    assert list(billing_run.list_due(DUE)) == []
