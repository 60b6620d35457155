"""A ledger or a wallet that is wrong is counted and named in the log; one that is only being written is not."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.credits import ledger_failure_service, service, store
from chalicelib.credits.tables import EntriesItem, PageItem
from chalicelib.credits.verify_service import VerifyPlace, verify_ledger
from chalicelib.credits.wallet import Wallet
from chalicelib.platform import retries
from chalicelib.platform.writes import commit
from chalicelib.shared.errors import Busy
from tests.client import ApiClient
from tests.counted import Counted, counting
from tests.credits.build import JANUARY, grant, wallet


@pytest.fixture
def counted() -> Iterator[Counted]:
    with counting() as taken:
        yield taken


@pytest.fixture
def stored(client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> Wallet:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme"})
    monkeypatch.setattr(retries, "sleep", lambda seconds: None)
    after = wallet(grant("gr_a", 1500))
    commit(service.wallet_writes(wallet(), after))
    return after


def lose_a_page() -> None:
    PageItem.get("acme", "wallet#0000").delete()


@pytest.mark.usefixtures("stored")
def test_a_ledger_that_does_not_verify_is_counted_and_named(counted: Counted, written: io.StringIO) -> None:
    assert verify_ledger("acme", VerifyPlace()).verification.is_valid
    assert counted() == {}
    EntriesItem.get("acme", "entries#000000000001").delete()
    assert not verify_ledger("acme", VerifyPlace()).verification.is_valid
    assert counted() == {"LedgerFailures": 1}
    line = json.loads(written.getvalue())
    assert (line["level"], line["organization"], line["reason"]) == ("WARNING", "acme", "end")


@pytest.mark.usefixtures("stored")
def test_a_wallet_that_does_not_add_up_is_busy_and_counted(counted: Counted) -> None:
    lose_a_page()
    with pytest.raises(Busy):
        service.read_wallet("acme", currency="USD", now=JANUARY)
    assert counted() == {"LedgerFailures": 1}


@pytest.mark.usefixtures("stored")
def test_it_is_counted_too_when_billing_cannot_be_read_for_it(client: ApiClient, counted: Counted) -> None:
    lose_a_page()
    assert client.get("/v1/organizations/acme/credits").status_code == 503
    assert counted() == {}, "the request has sent its counts"


@pytest.mark.usefixtures("stored")
def test_balances_that_cannot_be_read_count_too(counted: Counted) -> None:
    page = PageItem.get("acme", "wallet#0000")
    page.balances = b"no balances"
    page.save()
    ledger_failure_service.report_if_unsound("acme")
    assert counted() == {"LedgerFailures": 1}


def test_a_wallet_that_somebody_writes_meanwhile_is_not_counted(
    stored: Wallet, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = store.read_balances

    def then_another_writes(organization: str, head: Any) -> Any:
        found = read(organization, replace(head, version=head.version - 1))
        grown, _ = service.grant_writes(service.as_stored(wallet(), stored), [grant("gr_b")], recorded_at=JANUARY)
        commit(grown)
        return found

    monkeypatch.setattr(store, "read_balances", then_another_writes)
    ledger_failure_service.report_if_unsound("acme")
    assert counted() == {}


def test_sums_that_do_not_hold_are_counted_before_anything_is_written(stored: Wallet, counted: Counted) -> None:
    head = stored.head
    broken = replace(stored, head=replace(head, totals=replace(head.totals, consumed_minor=1)))
    with pytest.raises(AssertionError):
        service.wallet_writes(stored, broken)
    assert counted() == {"LedgerFailures": 1}
