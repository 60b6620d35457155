"""Holds as values: what they take, in which order, what they leave to drafts, and that it comes back once."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.credits.claims import Claim, Claims
from chalicelib.credits.grants import Balance
from chalicelib.credits.holding import HoldTerms, hold_credit, release_hold
from chalicelib.credits.holds import HeldPart, Hold, HoldStatus, hold_id, split_id
from chalicelib.credits.recurrence import Every, Recurrence
from chalicelib.credits.settling import settle
from chalicelib.credits.wallet import (
    Wallet,
    assert_sound,
    book_ended,
    caught_up,
    draw,
    due_at,
    withdraw_grants,
)
from chalicelib.shared.errors import Conflict, InsufficientCredit
from chalicelib.shared.time import EPOCH
from tests.credits.build import at, grant, movement, void_at_once, wallet

HOUR = timedelta(hours=1)
MICRO = timedelta(microseconds=1)
NOW = at("01-10")


def claim(name: str, amount_minor: int, invoice: str = "draft_1") -> Claim:
    return Claim(invoice=invoice, line="l", charge="c", grant=name, day=date(2026, 1, 5), amount_minor=amount_minor)


def hold(
    one: Wallet | Claims, amount_minor: int, *, now: datetime = NOW, lasts: timedelta = HOUR, number: int = 0
) -> tuple[Wallet, Hold]:
    """Hold credit; ``number`` keeps holds of one instant apart."""
    claims = one if isinstance(one, Claims) else Claims(wallet=one)
    terms = HoldTerms(amount_minor=amount_minor, lasts=lasts, reference="job", sort_id=f"{number:017}")
    return hold_credit(claims, terms, now=now)


def stored(one: Wallet, *holds: Hold, now: datetime) -> Wallet:
    """Give a wallet as it is read at an instant, with the holds that have ended and hold something still."""
    ended = tuple(each for each in holds if one.head.holds_until < each.expires_at <= now)
    return replace(one, changed_holds=(), ended_holds=ended, known_until=now)


def held(one: Wallet) -> dict[str, int]:
    return {name: each.balance.held_minor for name, each in one.allocations.items() if each.balance.held_minor}


def test_a_hold_takes_grant_by_grant_in_the_order_of_drawdown() -> None:
    one = wallet(grant("gr_a", 500, priority=9), grant("gr_b", 300), grant("gr_c", 200, expires_at=at("02-01")))
    after, made = hold(one, 600)
    assert made.parts == (HeldPart("gr_a", 500), HeldPart("gr_c", 100))
    assert held(after) == {part.grant: part.amount_minor for part in made.parts}
    assert made.amount_minor == 600
    assert (after.appended, after.head.ledger) == (one.appended, one.head.ledger)


def test_all_that_is_left_can_be_held_and_not_a_cent_more() -> None:
    one = wallet(grant("gr_a", 500), grant("gr_b", 300))
    after, _ = hold(one, 800)
    assert sum(held(after).values()) == 800
    with pytest.raises(InsufficientCredit, match=r"8\.01 is to be held, and 8\.00 can be"):
        hold(one, 801)
    with pytest.raises(InsufficientCredit):
        hold(after, 1, number=1)


def test_what_drafts_draw_stays_theirs_and_what_comes_back_to_them_is_no_ones_yet() -> None:
    one = wallet(grant("gr_a", 500))
    drawn = (claim("gr_a", 300), claim("gr_a", -50, "draft_2"))
    claims = Claims(wallet=one, drawn=drawn, taken={"gr_a": 300})
    after, _ = hold(claims, 200)
    assert held(after) == {"gr_a": 200}
    with pytest.raises(InsufficientCredit):
        hold(claims, 201)


def test_only_grants_that_are_open_now_are_held() -> None:
    begins = wallet(grant("gr_a", effective_at=NOW))
    assert held(hold(begins, 1, now=NOW)[0]) == {"gr_a": 1}
    with pytest.raises(InsufficientCredit):
        hold(begins, 1, now=NOW - MICRO)
    ends = wallet(grant("gr_a", expires_at=NOW))
    assert held(hold(ends, 1, now=NOW - MICRO)[0]) == {"gr_a": 1}
    with pytest.raises(InsufficientCredit):
        hold(ends, 1, now=NOW)


def test_an_occurrence_that_has_begun_is_held_and_booked_with_it() -> None:
    monthly = Recurrence(every=Every.MONTH, timezone="UTC")
    one = wallet(grant("gr_a", recurrence=monthly, expires_at=at("02-01")))
    after, made = hold(one, 1500, now=at("02-01"))
    assert [part.grant for part in made.parts] == ["gr_a.1"]
    assert after.appended[-1].grant == "gr_a.1"


def test_a_hold_does_not_draw_and_what_is_held_cannot_be_drawn() -> None:
    after, _ = hold(wallet(grant("gr_a", 500)), 300)
    assert draw(after, [movement(amount_minor=200)], recorded_at=NOW).allocations["gr_a"].left_minor == 0
    with pytest.raises(AssertionError):
        draw(after, [movement(amount_minor=201)], recorded_at=NOW)


def test_a_release_gives_back_to_the_same_grants_once() -> None:
    one = wallet(grant("gr_a", 500), grant("gr_b", 300))
    after, made = hold(one, 700)
    back, released = release_hold(after, made, now=NOW + MICRO)
    assert (held(back), released.released_at) == ({}, NOW + MICRO)
    assert back.head.totals == one.head.totals
    assert back.head.next_hold_at is None
    assert release_hold(back, released, now=NOW + HOUR) == (back, released)


def test_a_hold_gives_back_at_its_end_and_not_before() -> None:
    after, made = hold(wallet(grant("gr_a", 500)), 300)
    before = stored(after, made, now=NOW + HOUR - MICRO)
    assert held(caught_up(before, NOW + HOUR - MICRO)) == {"gr_a": 300}
    ended = stored(after, made, now=NOW + HOUR)
    freed = caught_up(ended, NOW + HOUR)
    assert (held(freed), freed.head.holds_until, freed.ended_holds) == ({}, NOW + HOUR, ())
    assert caught_up(freed, NOW + 2 * HOUR) == freed
    assert caught_up(stored(freed, made, now=NOW + 2 * HOUR), NOW + 2 * HOUR).head == freed.head


def test_the_release_of_an_ended_hold_changes_nothing() -> None:
    after, made = hold(wallet(grant("gr_a", 500)), 300)
    ended = stored(after, made, now=NOW + HOUR)
    assert release_hold(ended, made, now=NOW + HOUR) == (ended, made)
    assert made.status(NOW + HOUR, holds_until=EPOCH) is HoldStatus.EXPIRED
    assert made.status(NOW + HOUR - MICRO, holds_until=EPOCH) is HoldStatus.OPEN


def test_what_ended_stays_ended_when_the_clock_goes_back() -> None:
    after, made = hold(wallet(grant("gr_a", 500)), 300)
    freed = caught_up(stored(after, made, now=NOW + HOUR), NOW + HOUR)
    assert made.status(NOW, holds_until=freed.head.holds_until) is HoldStatus.EXPIRED
    assert release_hold(freed, made, now=NOW) == (freed, made)
    again, later = hold(freed, 300, now=NOW - 2 * HOUR, number=1)
    assert later.expires_at == NOW + HOUR + MICRO
    assert held(caught_up(stored(again, later, now=later.expires_at), later.expires_at)) == {}


def test_a_command_notes_up_to_when_all_ended_holds_are_known() -> None:
    one = stored(wallet(grant("gr_a", 500)), now=NOW)
    assert hold(one, 1)[0].head.holds_until == NOW
    assert hold(one, 1, now=NOW + HOUR)[0].head.holds_until == NOW
    assert hold(one, 1, now=NOW - HOUR)[0].head.holds_until == NOW - HOUR


def test_the_end_of_the_first_hold_is_due() -> None:
    one = wallet(grant("gr_a", 500))
    first, _ = hold(one, 100, lasts=2 * HOUR)
    assert due_at(first) == NOW + 2 * HOUR
    both, made = hold(first, 100, number=1)
    assert due_at(both) == NOW + HOUR
    assert due_at(hold(both, 100, lasts=3 * HOUR, number=2)[0]) == NOW + HOUR
    # It may still be looked for: the other one's end is not remembered.
    assert due_at(release_hold(both, made, now=NOW)[0]) == NOW + HOUR


def test_what_comes_back_to_an_ended_grant_expires_also_after_its_end_was_booked() -> None:
    after, made = hold(wallet(grant("gr_a", 500, expires_at=NOW + MICRO)), 300)
    booked = settle(Claims(wallet=after), now=NOW + MICRO).wallet
    assert booked.allocations["gr_a"].balance == Balance(expired_minor=200, held_minor=300)
    back, _ = release_hold(booked, made, now=NOW + 2 * MICRO)
    assert back.allocations["gr_a"].remaining_minor(NOW + 2 * MICRO) == 0
    assert due_at(back) == NOW + MICRO
    settled = settle(Claims(wallet=back), now=NOW + 2 * MICRO).wallet
    assert settled.allocations["gr_a"].balance == Balance(expired_minor=500)
    assert [entry.amount_minor for entry in settled.appended] == [500, -200, -300]


def test_a_void_leaves_what_is_held_and_needs_something_else_to_void() -> None:
    after, made = hold(wallet(grant("gr_a", 500)), 300)
    voided = void_at_once(after, recorded_at=NOW)
    assert voided.allocations["gr_a"].balance == Balance(voided_minor=200, held_minor=300)
    back, _ = release_hold(voided, made, now=NOW)
    assert settle(Claims(wallet=back), now=NOW).wallet.allocations["gr_a"].balance == Balance(
        voided_minor=200, expired_minor=300
    )
    with pytest.raises(Conflict):
        void_at_once(hold(after, 200, number=1)[0], recorded_at=NOW)


def test_a_held_grant_of_a_voided_invoice_is_not_withdrawn() -> None:
    after, made = hold(wallet(grant("gr_a", 500)), 1)
    with pytest.raises(Conflict):
        withdraw_grants(after, ["gr_a"], reason="x", invoice="inv_1", recorded_at=NOW)
    ended = stored(after, made, now=NOW + HOUR)
    gone = withdraw_grants(ended, ["gr_a"], reason="x", invoice="inv_1", recorded_at=NOW + HOUR)
    assert gone.allocations["gr_a"].balance == Balance(voided_minor=500)


def test_an_id_says_when_a_hold_ends_and_sorts_so() -> None:
    ends = [EPOCH, at("01-01"), at("01-01") + MICRO, datetime(9998, 12, 31, tzinfo=at("01-01").tzinfo)]
    ids = [hold_id(end, "0123456789abcdefg") for end in ends]
    assert ids == sorted(ids)
    assert split_id(ids[1]) == ("001767225600000000", "0123456789abcdefg")
    for wrong in ("hold_1_0123456789abcdefg", ids[0] + "0", ids[0].upper(), "", "gr_a", ids[0].replace("_0", "#0")):
        assert split_id(wrong) is None


STEP = st.tuples(
    st.sampled_from(["hold", "hold", "release", "draw", "void", "settle"]), st.integers(0, 9), st.integers(1, 900)
)


@given(st.lists(STEP, max_size=30))
def test_holds_are_never_oversold_and_everything_comes_back(steps: list[tuple[str, int, int]]) -> None:
    one, now = wallet(grant("gr_a", 1000), grant("gr_b", 700, expires_at=at("01-11"))), NOW
    made: dict[str, Hold] = {}
    for number, (what, hours, cents) in enumerate(steps):
        now += hours * HOUR / 4
        one = stored(one, *(each for each in made.values() if each.released_at is None), now=now)
        try:
            one = _step(one, what, cents, now=now, number=number, made=made)
        except Conflict:
            continue
        assert_sound(one)
        for each in one.allocations.values():
            balance = each.at(now)
            used = (balance.consumed_minor, balance.expired_minor, balance.voided_minor, balance.held_minor)
            assert each.grant.amount_minor == sum(used) + each.remaining_minor(now)
        still_open = [
            each for each in made.values() if each.status(now, holds_until=one.head.holds_until) is HoldStatus.OPEN
        ]
        assert one.head.totals.held_minor >= sum(each.amount_minor for each in still_open)
    late = now + 100 * HOUR
    end = caught_up(stored(one, *(each for each in made.values() if each.released_at is None), now=late), late)
    assert end.head.totals.held_minor == 0


def _step(one: Wallet, what: str, cents: int, *, now: datetime, number: int, made: dict[str, Hold]) -> Wallet:
    if what == "hold":
        one, new = hold(one, cents, now=now, lasts=cents % 7 * HOUR + MICRO, number=number)
        made[new.id] = new
    elif what == "release" and made:
        name = sorted(made)[cents % len(made)]
        one, made[name] = release_hold(one, made[name], now=now)
    elif what == "draw":
        one = caught_up(one, now)
        most = min(cents, one.allocations["gr_a"].left_minor)
        one = draw(one, [movement("gr_a", most)], recorded_at=now) if most else one
    elif what == "void":
        one = void_at_once(one, "gr_b", recorded_at=now)
    else:
        one = settle(Claims(wallet=one), now=now).wallet
    return one


def test_an_end_is_booked_only_as_far_as_it_is_not_held() -> None:
    after, _ = hold(wallet(grant("gr_a", 500, expires_at=at("01-11"))), 500, lasts=48 * HOUR)
    assert book_ended(after, ["gr_a"], recorded_at=at("01-11")) == after
