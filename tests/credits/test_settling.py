"""Settling: what is booked by itself, what waits for open drafts, and that doing it again changes nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.organizations import Organization
from chalicelib.credits import claim_service, hold_service, service, settling, store
from chalicelib.credits.claim_service import ReadClaims
from chalicelib.credits.claims import Claim, Claimant, Claims
from chalicelib.credits.grants import Balance
from chalicelib.credits.holding import HoldTerms
from chalicelib.credits.recurrence import Every, Recurrence
from chalicelib.credits.settle_service import SettleReport, list_due, settle_all, settle_wallet
from chalicelib.credits.settling import settle
from chalicelib.credits.tables import EntriesItem, HeadItem, HoldItem, PageItem
from chalicelib.credits.voiding import void
from chalicelib.credits.wallet import Wallet, draw, due_at
from chalicelib.platform.answers import Answer
from chalicelib.platform.reads import Query, walk
from chalicelib.platform.writes import Effect, commit, run_command
from chalicelib.shared.errors import Conflict
from chalicelib.shared.time import quarter_hour_of
from tests.client import ApiClient
from tests.credits.build import JANUARY, at, grant, movement, wallet

MICRO = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
WEEKLY = Recurrence(every=Every.WEEK, timezone="UTC")


def claimant(since: str, finalizes: str, invoice: str = "draft") -> Claimant:
    return Claimant(invoice=invoice, since=quarter_hour_of(at(since)), finalizes_at=at(finalizes))


def claims(one: Wallet, *claimants: Claimant, drawn: Sequence[Claim] = ()) -> Claims:
    return Claims(wallet=one, claimants=claimants, drawn=tuple(drawn))


def draws(amount_minor: int, name: str = "gr_a") -> Claim:
    return Claim(invoice="draft", line="l", charge="c", grant=name, day=date(2026, 1, 5), amount_minor=amount_minor)


def kinds(one: Wallet) -> list[tuple[str, str, int]]:
    return [(entry.kind.value, entry.grant, entry.amount_minor) for entry in one.appended]


def test_an_end_is_booked_when_no_draft_can_claim_usage_from_before() -> None:
    one = wallet(grant(expires_at=at("01-15")))
    assert settle(claims(one), now=at("01-15") - MICRO).wallet == one
    assert kinds(settle(claims(one), now=at("01-15")).wallet)[-1] == ("expiry", "gr_a", -1500)
    later = claimant("01-15", "02-02")
    assert kinds(settle(claims(one, later), now=at("01-15")).wallet)[-1] == ("expiry", "gr_a", -1500)
    earlier = claimant("01-14T23:45", "02-02")
    assert kinds(settle(claims(one, earlier), now=at("01-15")).wallet) == [("grant", "gr_a", 1500)]


def test_a_grant_that_waits_is_due_again_when_its_drafts_may_be_finalized() -> None:
    one = wallet(grant(expires_at=at("01-15")))
    waiting = settle(claims(one, claimant("01-01", "02-02"), claimant("01-01", "02-09")), now=at("01-16")).wallet
    # Within a day: the draft may be gone before its time.
    assert (due_at(one), due_at(waiting)) == (at("01-15"), at("01-17"))
    assert settle(claims(waiting, claimant("01-01", "02-09")), now=at("01-17") - MICRO).wallet == waiting
    again = settle(claims(waiting, claimant("01-01", "02-09")), now=at("02-08T12:00")).wallet
    assert due_at(again) == at("02-09")
    # It may be finalized at any time from then on.
    blocked = settle(claims(waiting, claimant("01-01", "02-09")), now=at("02-09")).wallet
    assert due_at(blocked) == at("01-15")
    booked = settle(claims(waiting), now=at("02-09")).wallet
    assert (kinds(booked)[-1], due_at(booked)) == (("expiry", "gr_a", -1500), None)


def test_the_grant_that_waits_shortest_is_due_first() -> None:
    one = wallet(grant("gr_a", expires_at=at("01-15")), grant("gr_b", expires_at=at("01-10")))
    waiting = settle(claims(one, claimant("01-01", "02-02"), claimant("01-12", "02-20")), now=at("02-01T12:00")).wallet
    assert due_at(waiting) == at("02-02")


def test_an_invoice_that_moves_credit_ends_the_waiting() -> None:
    one = wallet(grant(expires_at=at("01-15")))
    waiting = settle(claims(one, claimant("01-01", "02-02")), now=at("01-16")).wallet
    assert due_at(draw(waiting, [movement(amount_minor=1)], recorded_at=at("01-17"))) == at("01-15")


def test_a_void_is_booked_at_once_when_no_draft_can_claim_usage_from_before() -> None:
    one = void(claims(wallet(grant()), claimant("01-10", "02-02")), "gr_a", reason="over", now=at("01-10"))
    assert (kinds(one)[-1], one.appended[-1].note) == (("void", "gr_a", -1500), "over")
    assert one.allocations["gr_a"].grant.void_reason is None


def test_a_void_that_waits_ends_the_window_now_and_is_booked_later_with_its_reason() -> None:
    open_draft = claimant("01-01", "02-02")
    before = claims(wallet(grant()), open_draft, drawn=[draws(600)])
    voided = void(before, "gr_a", reason="over", now=at("01-10"))
    assert kinds(voided) == [("grant", "gr_a", 1500)]
    one = voided.allocations["gr_a"]
    assert one.at(at("01-10"), pending_minor=600) == Balance(voided_minor=900)
    assert (one.remaining_minor(at("01-10"), pending_minor=600), one.grant.end_at) == (0, at("01-10"))
    with pytest.raises(Conflict):
        void(claims(voided, open_draft, drawn=[draws(600)]), "gr_a", reason="again", now=at("01-11"))
    drawn = draw(voided, [movement(amount_minor=700)], recorded_at=at("02-02"))
    booked = settle(claims(drawn), now=at("02-02")).wallet
    entry = booked.appended[-1]
    assert (entry.kind.value, entry.amount_minor, entry.note) == ("void", -800, "over")
    assert (entry.effective_at, entry.recorded_at) == (at("01-10"), at("02-02"))
    assert booked.allocations["gr_a"].balance == Balance(consumed_minor=700, voided_minor=800)


def test_a_grant_of_which_drafts_draw_everything_cannot_be_voided_but_for_one_cent_less() -> None:
    one, open_draft = wallet(grant()), claimant("01-01", "02-02")
    with pytest.raises(Conflict):
        void(claims(one, open_draft, drawn=[draws(1500)]), "gr_a", reason="x", now=at("01-10"))
    voided = void(claims(one, open_draft, drawn=[draws(1499)]), "gr_a", reason="x", now=at("01-10"))
    assert voided.allocations["gr_a"].at(at("01-10"), pending_minor=1499).voided_minor == 1


def test_a_series_is_stopped_also_when_drafts_draw_all_of_its_first_grant() -> None:
    one = wallet(grant(recurrence=WEEKLY, expires_at=at("01-08")))
    voided = void(claims(one, claimant("01-01", "02-02"), drawn=[draws(1500)]), "gr_a", reason="x", now=at("01-05"))
    assert due_at(voided) == at("01-05")
    assert list(settle(claims(voided, claimant("01-01", "02-02")), now=at("03-01")).wallet.allocations) == ["gr_a"]


def test_credit_on_its_way_back_can_be_voided_and_is_booked_when_it_has_come() -> None:
    used = draw(wallet(grant()), [movement(amount_minor=1500)], recorded_at=at("01-05"))
    late = claims(used, claimant("01-20", "02-02"), drawn=[draws(-400)])
    voided = void(late, "gr_a", reason="over", now=at("01-10"))
    assert kinds(voided)[-1] == ("drawdown", "gr_a", -1500)
    assert voided.allocations["gr_a"].at(at("01-10"), pending_minor=-400).voided_minor == 400


def test_what_is_booked_at_once_is_bounded_and_the_rest_follows() -> None:
    one = wallet(*(grant(f"gr_{number}", expires_at=at("01-15")) for number in range(5)))
    found = settle(claims(one), now=at("01-16"), most=2)
    steps = 1
    while not found.is_last:
        found, steps = settle(claims(found.wallet), now=at("01-16"), most=2), steps + 1
    assert (steps, len(found.wallet.appended)) == (3, 10)
    assert settle(claims(found.wallet), now=at("01-16")).wallet == found.wallet


def test_missed_occurrences_are_booked_in_steps_as_they_would_be_at_once() -> None:
    one = wallet(grant(recurrence=WEEKLY, expires_at=at("01-02")))
    at_once = settle(claims(one), now=at("06-01")).wallet
    found = settle(claims(one), now=at("06-01"), most=4)
    while not found.is_last:
        found = settle(claims(found.wallet), now=at("06-01"), most=4)
    assert found.wallet.allocations == at_once.allocations
    assert found.wallet.head.ledger.balance_minor == at_once.head.ledger.balance_minor == 1500


@dataclass
class Drafts:
    """A source of claims: the wallet as it is stored, and the drafts that a test says are open."""

    claimants: list[Claimant] = field(default_factory=list)
    drawn: list[Claim] = field(default_factory=list)

    def read(self, organization: str, now: datetime) -> ReadClaims:
        found = catalog_service.get_organization(organization)
        one = service.read_wallet(found.id, currency=found.currency, now=now)
        return ReadClaims(organization=found, claims=claims(one, *self.claimants, drawn=self.drawn))

    def read_claimants(self, organization: str, now: datetime) -> ReadClaims:
        found = self.read(organization, now)
        return replace(found, claims=replace(found.claims, drawn=()))

    def list_paid(self, organization: Organization, *, start: date, end: date) -> Sequence[Claim]:
        del organization, start, end
        return ()


@pytest.fixture
def drafts(client: ApiClient) -> Iterator[Drafts]:
    for name in ("acme", "other"):
        client.post("/v1/organizations", {"id": name, "name": name})
    before = claim_service._source.named
    source = Drafts()
    claim_service.use_claims_source(source)
    yield source
    claim_service.use_claims_source(before)


def save(after: Wallet, now: datetime = JANUARY) -> None:
    before = service.read_wallet(after.organization, currency="USD", now=now)
    commit(service.wallet_writes(before, after))


def read(now: datetime, organization: str = "acme") -> Wallet:
    return service.read_wallet(organization, currency="USD", now=now)


def items() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    models: tuple[Any, ...] = (HeadItem, PageItem, EntriesItem, HoldItem)
    for model in models:
        for item in walk(Query(model=model, pk="acme")):
            found[item.sk] = {**found.get(item.sk, {}), **item.attribute_values}
    return found


def always() -> bool:
    return True


def run(now: datetime) -> SettleReport:
    return settle_all(list(list_due(now)), now, always)


def make_hold(cents: int, *, now: datetime, lasts: timedelta, number: int = 0) -> str:
    terms = HoldTerms(amount_minor=cents, lasts=lasts, reference="job", sort_id=f"{number:017}")

    def decide() -> Effect:
        change = hold_service.make_hold("acme", terms, now=now)
        return Effect(Answer(change.shown.hold.id), change.writes)

    return str(run_command(decide).body)


def release(hold: str, *, now: datetime) -> None:
    def decide() -> Effect:
        change = hold_service.release("acme", hold=hold, now=now)
        return Effect(Answer(change.shown.status), change.writes)

    run_command(decide)


def test_a_run_books_what_is_due_once(drafts: Drafts) -> None:
    del drafts
    save(wallet(grant(expires_at=at("01-15")), grant("gr_b", recurrence=WEEKLY, expires_at=at("01-08"))))
    assert run(at("01-08") - MICRO) == SettleReport()
    assert run(at("01-08")) == SettleReport(settled=1, entries=2)
    assert run(at("01-15")) == SettleReport(settled=1, entries=3)
    stored = items()
    assert run(at("01-15")) == SettleReport()
    assert settle_wallet("acme", at("01-15"), always) == SettleReport()
    assert items() == stored
    assert read(at("01-15")).head.ledger.balance_minor == 1500


def test_a_run_leaves_what_drafts_may_claim_and_comes_back(drafts: Drafts) -> None:
    drafts.claimants = [claimant("01-01", "02-02")]
    save(wallet(grant(expires_at=at("01-15"))))
    assert run(at("01-15")) == SettleReport(settled=1)
    stored = items()
    assert settle_wallet("acme", at("01-16") - MICRO, always) == SettleReport()
    assert (list(list_due(at("01-16") - MICRO)), items()) == ([], stored)
    assert run(at("01-16")) == SettleReport(settled=1)
    drafts.claimants = []
    assert run(at("01-17")) == SettleReport(settled=1, entries=1)


def test_a_run_gives_back_what_ended_holds_hold_and_looks_for_the_next(drafts: Drafts) -> None:
    del drafts
    save(wallet(grant()))
    now = at("01-10")
    make_hold(100, now=now, lasts=HOUR, number=1)
    gone = make_hold(100, now=now, lasts=2 * HOUR, number=2)
    make_hold(100, now=now, lasts=3 * HOUR, number=3)
    release(gone, now=now)
    assert run(now + HOUR - MICRO) == SettleReport()
    assert run(now + HOUR) == SettleReport(settled=1)
    head = read(now + HOUR).head
    assert (head.totals.held_minor, head.next_hold_at) == (100, now + 3 * HOUR)
    assert (run(now + 3 * HOUR - MICRO), run(now + 3 * HOUR)) == (SettleReport(), SettleReport(settled=1))
    head = read(now + 3 * HOUR).head
    assert (head.totals.held_minor, head.next_hold_at) == (0, None)
    stored = items()
    assert settle_wallet("acme", now + 9 * HOUR, always) == SettleReport()
    assert items() == stored


def test_one_wallet_that_fails_does_not_stop_the_others(drafts: Drafts, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("acme", "other"):
        save(replace(wallet(grant(expires_at=at("01-15"))), organization=name))
    whole = drafts.read_claimants

    def fail(organization: str, now: datetime) -> ReadClaims:
        if organization == "acme":
            raise RuntimeError("broken")
        return whole(organization, now)

    monkeypatch.setattr(drafts, "read_claimants", fail)
    assert settle_all(["acme", "nobody", "other"], at("01-15"), always) == SettleReport(settled=1, entries=1, failed=1)


def test_a_run_stops_when_its_time_is_over(drafts: Drafts) -> None:
    del drafts
    assert settle_all(["acme", "other"], at("01-15"), lambda: False) == SettleReport(left=2)


def test_a_thousand_missed_occurrences_and_ends_are_booked_a_bounded_number_at_once(
    drafts: Drafts, monkeypatch: pytest.MonkeyPatch
) -> None:
    del drafts
    monkeypatch.setattr(settling.settle, "__kwdefaults__", {"most": 400})
    lasting = replace(WEEKLY, count=1000, lasts=HOUR)
    save(wallet(grant(recurrence=lasting, expires_at=JANUARY + HOUR)))
    now = at("01-01").replace(year=2046)
    assert run(now) == SettleReport(settled=1, entries=1999)
    assert read(now).head.ledger.balance_minor == 0
    assert read(now).head.grants == 1000


def test_every_command_leaves_the_wallet_due_when_it_should_be(drafts: Drafts) -> None:
    del drafts
    save(wallet(grant(expires_at=at("02-15"))))
    assert (list(list_due(at("02-15") - MICRO)), list(list_due(at("02-15")))) == ([], ["acme"])
    one = make_hold(100, now=at("01-10"), lasts=HOUR)
    assert (list(list_due(at("01-10T00:59"))), list(list_due(at("01-10T01:00")))) == ([], ["acme"])
    release(one, now=at("01-10"))
    assert list(list_due(at("01-10T01:00"))) == []
    assert store.SHARDS == 16
