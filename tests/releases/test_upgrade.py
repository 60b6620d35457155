"""What earlier releases stored is read by this one, and goes on from there: deploying it needs no migration.

Each folder beside this file is what one release left (``recorded.py``). It is put into tables of the code as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

import app
from chalicelib.catalog.store import find_key, forget_definitions
from chalicelib.platform import auth, together
from chalicelib.platform.connection import client as dynamodb
from chalicelib.platform.settings import settings
from chalicelib.shared.clock import clock
from chalicelib.shared.time import format_instant, parse_instant
from infra.names import name_of
from infra.verifying import Wanted, verify_stage
from tests.client import ApiClient
from tests.conformance.engine_choice import open_tables
from tests.invoices.driving import SCHEDULED
from tests.releases.answers import ask_documents, ask_everything, differences
from tests.releases.recorded import FOLDER, Release, read_release, versions

MOST_BYTES = 200_000
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Upgraded:
    """A release in the tables of this one, with a client that holds a key of that release."""

    release: Release
    client: ApiClient

    def run(self, job: str) -> Any:
        """Run a schedule."""
        return self.client.invoke(job, SCHEDULED)

    def post(self, path: str, body: Any = None, *, status: int = 200) -> Any:
        """Do something that must succeed."""
        answer = self.client.post(path, body)
        assert answer.status_code == status, answer.body
        return answer.json_body

    def get(self, path: str, **query: Any) -> Any:
        """Read."""
        answer = self.client.get(path, **query)
        assert answer.status_code == 200, answer.body
        return answer.json_body

    def verify(self) -> dict[str, Any]:
        """Verify everything that is stored."""
        now = clock.now()
        return verify_stage(Wanted(start=LONG_AGO, end=now + timedelta(days=1), now=now)).shown()


@pytest.fixture(params=versions())
def upgraded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Upgraded]:
    """Put everything that a release left into tables of the code as it is, at the instant when that ended."""
    monkeypatch.setattr(together, "run_all", together.in_turn)
    release = read_release(request.param)
    auth.use_key_source(find_key)
    forget_definitions()
    clock.set(parse_instant(release.now))
    with open_tables():
        for table, item in release.stored_items():
            dynamodb().put_item(TableName=name_of(settings.stage, table), Item=item)
        yield Upgraded(release, ApiClient(app.app, release.admin_key))
    clock.set(None)
    forget_definitions()


def test_there_is_a_release() -> None:
    assert versions()


def test_every_answer_is_what_it_was(upgraded: Upgraded) -> None:
    answered = ask_everything(upgraded.client)
    assert differences(dict(upgraded.release.answers), answered) == []
    assert len(answered) >= 60
    assert upgraded.verify()["findings"] == []


def test_every_invoice_can_be_drawn(upgraded: Upgraded) -> None:
    drawn = ask_documents(upgraded.client)
    assert len(drawn) >= 3 * 5
    assert all(len(content) > 200 for content in drawn.values())
    assert all(content.startswith(b"%PDF") for path, content in drawn.items() if path.endswith("/pdf"))


def test_keys_links_and_kept_answers_hold(upgraded: Upgraded) -> None:
    release = upgraded.release
    assert settings.signing_secret == release.secret, "the links of a release are signed with the secret it had"
    customer = upgraded.client.as_holder_of(release.portal_token)
    assert customer.get("/v1/session").json_body["organization"] == "acme"
    again = upgraded.client.post(release.once["path"], release.once["body"], headers=dict(release.once["headers"]))
    assert (again.headers["Idempotent-Replayed"], again.body.decode()) == ("true", release.once["answer"])


def test_usage_goes_on(upgraded: Upgraded) -> None:
    """Events that wait are rolled up, a meter that was counting finishes, old events are corrected and found again."""
    now = clock.now()
    at = format_instant(now - timedelta(minutes=30))
    event = {"source": "new", "type": "tokens", "subject": "acme", "data": {"n": "5", "model": "small"}}
    upgraded.post("/v1/events", [{"id": "new", "time": at, **event}], status=202)
    [found] = upgraded.get("/v1/organizations/acme/events", id="e8", from_="2026-03-01")["data"]
    named = {"organization": "acme", "source": found["source"], "id": "e8", "time": found["time"], "reason": "wrong"}
    upgraded.post("/v1/events/amend", {**named, "data": {"n": "1300", "model": "large"}}, status=202)
    question = {"from_": "2026-03-01", "to": "2026-03-12", "meter": "tokens"}
    before = upgraded.get("/v1/organizations/acme/usage", **question)["data"]
    # What was used in March: 1,300 after the amend, 60, 40, and 5.
    assert before[0]["total"] == "1405"
    report = upgraded.run("rollup_usage")
    assert (report["rollup"]["left"], report["counting"]["finished"]) == (0, True)
    assert report["rollup"]["rolled_up"] >= 3
    assert upgraded.get("/v1/organizations/acme/usage", **question)["data"] == before
    chats = upgraded.get("/v1/organizations/acme/usage", meter="chats", from_="2025-12-01", to="2026-03-12")["data"]
    assert (chats[0]["total"], chats[0]["counting"]) == ("2", False)
    assert upgraded.verify()["findings"] == []


def test_billing_goes_on(upgraded: Upgraded) -> None:
    """The open period is closed with late usage of an old one, credit is drawn, and what is issued can be paid."""
    now = clock.now()
    old = {"id": "late", "source": "new", "type": "tokens", "subject": "acme", "data": {"n": "900", "model": "small"}}
    upgraded.post("/v1/events", [{**old, "time": "2026-02-20T10:00:00Z"}], status=202)
    grant = {"name": "New", "amount": "7.00", "priority": 1, "effective_at": "2026-03-01T00:00:00Z"}
    upgraded.post("/v1/organizations/acme/credits/grants", grant, status=201)
    upgraded.run("rollup_usage")
    clock.set(now + timedelta(days=25))
    draft = upgraded.get("/v1/organizations/acme/invoices", status="draft")["data"][-1]
    billed = upgraded.run("run_billing")
    assert (billed["finalized"], billed["failed"]) == (1, 0)
    issued = upgraded.get(f"/v1/invoices/{draft['id']}")
    assert issued["status"] == "finalized"
    assert issued["lines"] == draft["lines"]
    assert any(line["kind"] == "late_usage" for line in issued["lines"])
    assert any(one["name"] == "New" for line in issued["lines"] for one in line["credits"])
    paid = upgraded.post(
        f"/v1/invoices/{issued['id']}/payments", {"amount": issued["amount_due"], "reference": "new bank"}
    )
    assert paid["payment_status"] == "paid"
    upgraded.run("settle_credits")
    assert upgraded.verify()["findings"] == []


def test_old_things_can_be_undone(upgraded: Upgraded) -> None:
    """Holds are released, notes and voids give back what invoices of the old release drew, subscriptions change."""
    [hold] = [
        one for one in upgraded.get("/v1/organizations/acme/credits/holds")["data"] if one["reference"] == "open"
    ]
    upgraded.post(f"/v1/organizations/acme/credits/holds/{hold['id']}/release")
    invoices = upgraded.get("/v1/organizations/acme/invoices", limit=200)["data"]
    finalized = [one for one in invoices if one["status"] == "finalized" and not one["payments"]]
    drawn = next(one for one in finalized if Decimal(one["credits_applied"]))
    upgraded.post(f"/v1/invoices/{drawn['id']}/void", {"reason": "wrong", "regenerate": True})
    [subscription] = [
        one for one in upgraded.get("/v1/organizations/acme/subscriptions")["data"] if one["status"] == "active"
    ]
    upgraded.post(f"/v1/subscriptions/{subscription['id']}/change", {"plan": "pro", "at": "period_end"})
    assert upgraded.verify()["findings"] == []


def test_a_release_is_small_and_holds_every_kind_of_item() -> None:
    for version in versions():
        folder = FOLDER / version
        assert sum(path.stat().st_size for path in folder.iterdir()) <= MOST_BYTES
        kinds = {_kind(table, item) for table, item in read_release(version).stored_items()}
        assert kinds >= KINDS, KINDS - kinds


def _kind(table: str, item: Any) -> str:
    partition, sort = item["pk"]["S"], item["sk"]["S"]
    if table == "usage-events":
        return f"{table} {'mark' if partition.startswith('dirty#') else item.get('k', {'S': 'events'})['S']}"
    if table in ("catalog", "outbox"):
        return f"{table} {partition.partition('#')[0]}{' subscriptions' * (sort == 'subscriptions')}"
    page = " page" if table == "usage-counters" and sort.count("#") > 1 else ""
    return f"{table} {sort.partition('#')[0]}{page}"


KINDS = {
    *("usage-events events", "usage-events mark", "usage-events void", "usage-events amend"),
    *(f"usage-counters {kind}" for kind in ("q", "d", "l", "m", "q page", "d page")),
    *(f"catalog {kind}" for kind in ("org", "org subscriptions", "key", "settings", "meters", "organizations", "plan")),
    *(f"invoices {kind}" for kind in ("head", "inv", "cn", "ref", "page")),
    *(f"credits {kind}" for kind in ("head", "grant", "wallet", "entries", "hold")),
    *("outbox events", "outbox idem"),
}
