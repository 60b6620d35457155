"""What lies ahead of an organization's credit, and what does not."""

from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.credits.claims import Claim, Claims
from chalicelib.credits.recurrence import Every, Recurrence
from chalicelib.credits.schedule import list_ahead
from chalicelib.credits.wallet import Wallet, draw, void_grant
from tests.credits.build import at, grant, movement, wallet
from tests.credits.claiming import claim

MICRO = timedelta(microseconds=1)
NOW = at("01-20")
MONTHLY = Recurrence(every=Every.MONTH, timezone="UTC", count=4)
Row = tuple[datetime, str, str, int]


def ahead(one: Wallet, *drawn: Claim, now: datetime = NOW) -> list[Row]:
    found = list_ahead(Claims(wallet=one, drawn=drawn), now)
    return [(one.at, one.kind.value, one.grant, one.amount_minor) for one in found]


def test_a_grant_without_an_end_has_nothing_ahead() -> None:
    assert ahead(wallet(grant())) == []


def test_a_scheduled_grant_becomes_effective_and_expires_later() -> None:
    one = wallet(grant(effective_at=at("02-01"), expires_at=at("03-01")))
    rows = [(at("02-01"), "effective", "gr_a", 1500), (at("03-01"), "expires", "gr_a", 1500)]
    assert ahead(one) == rows
    assert ahead(one, now=at("02-01") - MICRO) == rows
    assert ahead(one, now=at("02-01")) == rows[1:]
    assert ahead(one, now=at("03-01") - MICRO) == rows[1:]
    assert ahead(one, now=at("03-01")) == []


def test_what_expires_is_what_remains_less_what_drafts_draw() -> None:
    one = draw(wallet(grant(expires_at=at("02-01"))), [movement(amount_minor=500)], recorded_at=NOW)
    assert ahead(one, claim("01-12", 300)) == [(at("02-01"), "expires", "gr_a", 700)]
    assert ahead(one, claim("01-12", -300)) == [(at("02-01"), "expires", "gr_a", 1300)]
    assert ahead(one, claim("01-12", 999)) == [(at("02-01"), "expires", "gr_a", 1)]
    assert ahead(one, claim("01-12", 1000)) == []


def test_what_lies_ahead_is_in_the_order_of_time_then_grant_then_kind() -> None:
    one = wallet(
        grant("gr_b", effective_at=at("02-01"), expires_at=at("03-01")),
        grant("gr_a", effective_at=at("03-01")),
        grant("gr_c", expires_at=at("02-01")),
    )
    assert [(when, kind, name) for when, kind, name, _ in ahead(one)] == [
        *((at("02-01"), "effective", "gr_b"), (at("02-01"), "expires", "gr_c")),
        *((at("03-01"), "effective", "gr_a"), (at("03-01"), "expires", "gr_b")),
    ]


def test_each_occurrence_to_come_recurs_with_the_id_that_it_is_going_to_have() -> None:
    one = wallet(grant(recurrence=MONTHLY, expires_at=at("02-01")))
    to_come = [(at(f"0{number + 1}-01"), "recurs", f"gr_a.{number}", 1500) for number in (1, 2, 3)]
    assert ahead(one) == [(at("02-01"), "expires", "gr_a", 1500), *to_come]
    # Whether the second one is booked or not, it is there: it expires, and only the others are still to come.
    assert ahead(one, now=at("02-01")) == [(at("03-01"), "expires", "gr_a.1", 1500), *to_come[1:]]


def test_occurrences_are_listed_366_days_ahead() -> None:
    yearly = Recurrence(every=Every.YEAR, timezone="UTC", lasts=timedelta(days=1))
    one = wallet(grant(recurrence=yearly, effective_at=at("01-02"), expires_at=at("01-03")))
    first, second = datetime.fromisoformat("2027-01-02T00:00Z"), datetime.fromisoformat("2028-01-02T00:00Z")
    assert ahead(one, now=first - timedelta(days=366) - MICRO)[2:] == []
    assert ahead(one, now=first - timedelta(days=366))[-1] == (first, "recurs", "gr_a.1", 1500)
    assert [row[0] for row in ahead(one, now=first)] == [first + timedelta(days=1), second]


def test_of_a_series_that_was_voided_nothing_more_comes() -> None:
    one = wallet(grant(recurrence=MONTHLY, expires_at=at("02-01")))
    assert ahead(void_grant(one, "gr_a", pending_minor=0, waits=False, reason="x", recorded_at=NOW)) == []
    # A void that only stops the series leaves the occurrence that is there.
    stopped = void_grant(one, "gr_a", pending_minor=0, waits=False, reason="x", recorded_at=at("02-10"))
    assert ahead(stopped, now=at("02-10")) == [(at("03-01"), "expires", "gr_a.1", 1500)]


def test_a_voided_grant_has_nothing_ahead() -> None:
    one = wallet(grant(effective_at=at("02-01"), expires_at=at("03-01")), grant("gr_b", expires_at=at("02-01")))
    for name in ("gr_a", "gr_b"):
        one = void_grant(one, name, pending_minor=0, waits=False, reason="x", recorded_at=NOW)
    assert ahead(one) == []


def test_a_voided_grant_has_nothing_ahead_although_the_clock_went_back() -> None:
    one = wallet(grant(expires_at=at("03-01")))
    voided = void_grant(one, "gr_a", pending_minor=0, waits=True, reason="x", recorded_at=at("02-01"))
    assert ahead(voided, now=at("01-20")) == []


def test_a_held_part_does_not_expire() -> None:
    one = wallet(grant(expires_at=at("02-01")))
    allocation = one.allocations["gr_a"]
    held = replace(allocation, balance=replace(allocation.balance, held_minor=600))
    assert ahead(replace(one, allocations={"gr_a": held})) == [(at("02-01"), "expires", "gr_a", 900)]
