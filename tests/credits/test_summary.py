"""What a wallet comes to while drafts draw from it: both sums, whatever the grants and the claims."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.credits.claims import Claim, Claims
from chalicelib.credits.grants import Allocation, Balance, Grant
from chalicelib.credits.recurrence import Every, Recurrence
from chalicelib.credits.summary import Expiring, Summary, assert_adds_up, grants_now, is_scheduled, summarize
from chalicelib.credits.wallet import (
    Wallet,
    add_grants,
    book_ended,
    caught_up,
    draw,
    void_grant,
)
from chalicelib.shared.errors import Conflict
from tests.credits.build import JANUARY, at, grant, movement, wallet
from tests.credits.claiming import claim

MONTHLY = Recurrence(every=Every.MONTH, timezone="UTC")


def summed(one: Wallet, *drawn: Claim, now: datetime) -> Summary:
    return summarize(Claims(wallet=one, drawn=drawn), now)


def test_what_drafts_draw_is_taken_off_what_remains() -> None:
    drawn = draw(wallet(grant()), [movement(amount_minor=250)], recorded_at=at("01-10"))
    found = summed(drawn, claim("01-11", 300), claim("01-12", 100, invoice="inv_2"), now=at("01-20"))
    # 15.00 - 2.50 consumed - 4.00 pending = 8.50; the ledger knows of the 2.50 alone.
    assert (found.allocated_minor, found.consumed_minor, found.pending_minor) == (1500, 250, 400)
    assert (found.remaining_minor, found.ledger_balance_minor, found.unbooked_minor) == (850, 1250, 0)


def test_of_a_grant_that_has_expired_the_rest_expires_and_what_drafts_draw_stays_pending() -> None:
    one = wallet(grant(expires_at=at("01-15")))
    before = summed(one, claim("01-11", 400), now=at("01-15") - timedelta(microseconds=1))
    assert (before.pending_minor, before.remaining_minor, before.expired_minor) == (400, 1100, 0)
    after = summed(one, claim("01-11", 400), now=at("01-15"))
    # 15.00 - 4.00 = 11.00 expired, of which the ledger has booked nothing.
    assert (after.pending_minor, after.remaining_minor, after.expired_minor) == (400, 0, 1100)
    assert (after.unbooked_minor, after.ledger_balance_minor) == (1100, 1500)


def test_of_a_grant_that_a_void_ended_the_rest_is_voided_and_what_drafts_draw_stays_pending() -> None:
    ended = replace(grant(), ended_at=at("01-15"))
    one = replace(wallet(grant()), allocations={"gr_a": Allocation(ended)})
    found = summed(one, claim("01-11", 400), now=at("01-15"))
    assert (found.pending_minor, found.voided_minor, found.expired_minor) == (400, 1100, 0)
    assert (found.remaining_minor, found.unbooked_minor) == (0, 1100)


def test_what_is_left_behind_a_booked_void_expires() -> None:
    ended = replace(grant(), ended_at=at("01-15"))
    booked = Allocation(ended, Balance(voided_minor=1100))
    one = replace(wallet(grant()), allocations={"gr_a": booked})
    [found] = grants_now(Claims(wallet=one, drawn=(claim("01-11", 300),)), at("01-16"))
    # 15.00 - 11.00 voided = 4.00 left: 3.00 pending, 1.00 expires.
    assert (found.balance, found.unbooked_minor) == (Balance(voided_minor=1100, expired_minor=100), 100)


def test_credit_on_its_way_back_counts_with_what_remains() -> None:
    drawn = draw(wallet(grant()), [movement(amount_minor=1500)], recorded_at=at("01-10"))
    found = summed(drawn, claim("01-11", 100), claim("01-05", -700), now=at("01-20"))
    # 7.00 come back and 1.00 is drawn: 15.00 consumed, -6.00 pending, 6.00 remaining.
    assert (found.consumed_minor, found.pending_minor, found.remaining_minor) == (1500, -600, 600)


def test_credit_on_its_way_back_to_an_ended_grant_expires() -> None:
    one = wallet(grant(expires_at=at("01-15")))
    drawn = draw(one, [movement(amount_minor=1500)], recorded_at=at("01-10"))
    found = summed(drawn, claim("01-05", -700), now=at("01-20"))
    assert (found.pending_minor, found.expired_minor, found.unbooked_minor) == (-700, 700, 700)
    assert (found.remaining_minor, found.ledger_balance_minor) == (0, 0)


def test_an_occurrence_that_is_not_booked_yet_can_be_drawn() -> None:
    one = wallet(grant(recurrence=MONTHLY, expires_at=at("02-01")))
    found = summed(one, claim("02-03", 400, grant="gr_a.1"), now=at("02-10"))
    # The first expired with 15.00; of the second 4.00 are pending, and the ledger has only the first.
    assert (found.allocated_minor, found.expired_minor, found.pending_minor) == (3000, 1500, 400)
    assert (found.remaining_minor, found.unbooked_minor, found.ledger_balance_minor) == (1100, 1500 - 1500, 1500)


def test_only_what_remains_expires_soon() -> None:
    one = wallet(grant("gr_a", expires_at=at("02-01")), grant("gr_b", 700, expires_at=at("01-25")))
    found = summed(one, claim("01-11", 1499), claim("01-11", 200, grant="gr_b"), now=at("01-20"))
    assert found.expiring_soon == (Expiring("gr_b", 500, at("01-25")), Expiring("gr_a", 1, at("02-01")))
    found = summed(one, claim("01-11", 1500), claim("01-11", 700, grant="gr_b"), now=at("01-20"))
    assert found.expiring_soon == ()


def test_a_grant_that_was_drawn_has_begun_although_the_clock_went_back() -> None:
    one = wallet(grant(effective_at=at("02-01")))
    drawn = draw(one, [movement(amount_minor=500)], recorded_at=at("02-02"))
    found = summed(drawn, now=at("01-10"))
    assert (found.allocated_minor, found.consumed_minor, found.scheduled_minor) == (1500, 500, 0)
    [alone] = grants_now(Claims(wallet=one), at("01-10"))
    assert is_scheduled(alone, at("01-10"))
    assert not is_scheduled(alone, at("02-01"))


@pytest.mark.parametrize("name", ["pending_minor", "unbooked_minor", "allocated_minor", "held_minor"])
def test_sums_that_do_not_add_up_are_seen(name: str) -> None:
    found = summed(wallet(grant()), claim("01-11", 400), now=at("01-20"))
    with pytest.raises(AssertionError):
        assert_adds_up(replace(found, **{name: getattr(found, name) + 1}))


@dataclass(frozen=True)
class Given:
    """A random grant: days are counted from January, parts are hundredths of what there is then."""

    cents: int
    begins: int
    lasts: int | None
    recurs: bool
    drawn: int
    held: int
    voided_on: int | None
    is_booked: bool
    pending: int


GIVEN = st.builds(
    Given,
    cents=st.integers(1, 5000),
    begins=st.integers(-30, 60),
    lasts=st.none() | st.integers(1, 50),
    recurs=st.booleans(),
    drawn=st.sampled_from([0, 0, 37, 100]),
    held=st.sampled_from([0, 0, 50, 100]),
    voided_on=st.none() | st.integers(0, 60),
    is_booked=st.booleans(),
    pending=st.sampled_from([-100, -40, 0, 0, 1, 60, 100]),
)


def day(number: int) -> datetime:
    return JANUARY + timedelta(days=number)


def made(number: int, said: Given) -> Grant:
    recurrence = MONTHLY if said.recurs else None
    ends = None if said.lasts is None else day(said.begins + said.lasts)
    begins = day(said.begins)
    return grant(f"gr_{number}", said.cents, effective_at=begins, expires_at=ends, recurrence=recurrence)


def live(one: Wallet, name: str, said: Given, now: datetime) -> Wallet:
    """Let a grant be drawn and held, voided and booked, as far as it may be by now."""
    recorded_at = now if said.voided_on is None else min(now, day(said.voided_on))
    cents = one.allocations[name].left_minor * said.drawn // 100
    if cents and one.allocations[name].grant.has_begun(now):
        one = draw(one, [movement(name, cents)], recorded_at=recorded_at)
    if said.voided_on is not None and day(said.voided_on) <= now:
        try:
            one = void_grant(one, name, pending_minor=0, waits=False, reason="x", recorded_at=recorded_at)
        except Conflict:
            return one
    allocation = one.allocations[name]
    if said.is_booked and allocation.grant.has_ended(now):
        one = book_ended(one, [name], recorded_at=now)
    if allocation.grant.is_open(now):
        held = replace(allocation.balance, held_minor=allocation.left_minor * said.held // 100)
        one = replace(one, allocations={**one.allocations, name: replace(allocation, balance=held)})
    return one


def claimed(one: Wallet, name: str, said: Given, now: datetime) -> Claim | None:
    """Let drafts draw a part of what is left of a grant that has begun, or give back a part of what was consumed."""
    allocation = one.allocations[name]
    part_minor = allocation.left_minor if said.pending > 0 else allocation.balance.consumed_minor
    cents = part_minor * said.pending // 100
    return claim("01-05", cents, grant=name) if cents and allocation.grant.has_begun(now) else None


@given(st.lists(GIVEN, max_size=6), st.integers(0, 90))
def test_both_sums_hold_for_any_wallet_and_any_claims(all_said: list[Given], on: int) -> None:
    now = day(on)
    grants = {f"gr_{number}": made(number, said) for number, said in enumerate(all_said)}
    one = add_grants(wallet(), list(grants.values()), recorded_at=JANUARY)
    for name, said in zip(grants, all_said, strict=True):
        one = live(one, name, said, now)
    found_claims = [claimed(one, name, said, now) for name, said in zip(grants, all_said, strict=True)]
    claims = Claims(wallet=one, drawn=tuple(each for each in found_claims if each is not None))
    found = summarize(claims, now)
    kept_minor = found.remaining_minor + found.held_minor + found.pending_minor
    ended_minor = found.expired_minor + found.voided_minor
    assert found.allocated_minor == found.consumed_minor + ended_minor + kept_minor
    assert found.ledger_balance_minor == kept_minor + found.scheduled_minor + found.unbooked_minor
    assert found.ledger_balance_minor == one.head.ledger.balance_minor
    check_parts(found, claims, now)


def check_parts(found: Summary, claims: Claims, now: datetime) -> None:
    """Add the parts up in another way, out of the grants themselves."""
    pending = claims.pending()
    begun = caught_up(claims.wallet, now).allocations
    free = {name: one.left_minor - pending.get(name, 0) for name, one in begun.items()}
    open_now = [name for name, one in begun.items() if one.grant.is_open(now)]
    assert found.remaining_minor == sum(free[name] for name in open_now)
    assert all(free[name] >= 0 for name in free)
    assert found.pending_minor == sum(pending.values())
    to_come = [one for one in begun.values() if not one.grant.has_begun(now) and not one.grant.is_voided]
    assert found.scheduled_minor == sum(one.grant.amount_minor for one in to_come)
    assert sum(one.amount_minor for one in found.expiring_soon) <= found.remaining_minor
