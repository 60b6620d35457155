"""The wallet as a value: what each command books, what it refuses, and what always holds."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.credits.claims import Claims
from chalicelib.credits.grants import Allocation, Balance, Grant, GrantStatus, Source, SourceKind
from chalicelib.credits.ledger import EntryKind, verify, verify_end
from chalicelib.credits.recurrence import Every, Recurrence
from chalicelib.credits.summary import Expiring, summarize
from chalicelib.credits.wallet import (
    Movement,
    Wallet,
    add_grants,
    assert_sound,
    book_ended,
    caught_up,
    change_expiry,
    draw,
    due_at,
    reverse,
    withdraw_grants,
)
from chalicelib.shared.errors import Conflict, DomainError, InvalidInput, NotFound
from tests.credits.build import JANUARY, at, grant, movement, void_at_once, wallet

MICRO = timedelta(microseconds=1)
MONTHLY = Recurrence(every=Every.MONTH, timezone="UTC")
CARRIED = Source(SourceKind.CARRIED, "inv_1")
NOTED = Source(SourceKind.CREDIT_NOTE, "inv_2")


def monthly(name: str = "gr_a", **terms: Any) -> Grant:
    """Make a grant of 15.00 for each month; the first one lasts until February."""
    return grant(name, recurrence=MONTHLY, expires_at=at("02-01"), **terms)


def kinds(one: Wallet) -> list[tuple[str, str, int]]:
    return [(entry.kind.value, entry.grant, entry.amount_minor) for entry in one.appended]


def balance(one: Wallet, name: str = "gr_a") -> Balance:
    return one.get_allocation(name).balance


def test_grants_are_booked_when_they_are_made_scheduled_ones_too() -> None:
    made = wallet(grant("gr_a"), grant("gr_b", 500, effective_at=at("06-01")))
    assert kinds(made) == [("grant", "gr_a", 1500), ("grant", "gr_b", 500)]
    assert [entry.effective_at for entry in made.appended] == [JANUARY, at("06-01")]
    assert made.head.ledger.balance_minor == 2000


def test_only_what_an_invoice_carries_over_is_booked_as_carried() -> None:
    made = wallet(grant("gr_a", source=CARRIED), grant("gr_b", source=NOTED))
    assert [(entry.kind, entry.invoice) for entry in made.appended] == [
        (EntryKind.CARRIED, "inv_1"),
        (EntryKind.GRANT, "inv_2"),
    ]


def test_a_grant_is_added_once() -> None:
    with pytest.raises(AssertionError):
        add_grants(wallet(grant()), [grant()], recorded_at=JANUARY)


def test_a_drawdown_takes_from_its_grant_and_names_invoice_and_days() -> None:
    days = {date(2026, 1, 5): 900, date(2026, 1, 12): 100}
    drawn = draw(wallet(grant()), [movement(amount_minor=1000, by_day=days)], recorded_at=at("02-02"))
    entry = drawn.appended[-1]
    assert (entry.kind, entry.amount_minor, entry.invoice, entry.by_day) == (EntryKind.DRAWDOWN, -1000, "inv_1", days)
    assert (entry.effective_at, entry.recorded_at, entry.balance_minor) == (at("02-01"), at("02-02"), 500)
    assert balance(drawn) == Balance(consumed_minor=1000)


def test_all_that_is_left_can_be_drawn_and_not_a_cent_more() -> None:
    drawn = draw(wallet(grant()), [movement(amount_minor=1000), movement(amount_minor=500)], recorded_at=at("02-02"))
    assert drawn.get_allocation("gr_a").left_minor == 0
    with pytest.raises(AssertionError):
        draw(wallet(grant()), [movement(amount_minor=1000), movement(amount_minor=501)], recorded_at=at("02-02"))


def test_all_that_was_drawn_can_come_back_and_not_a_cent_more() -> None:
    drawn = draw(wallet(grant()), [movement(amount_minor=1000)], recorded_at=at("02-02"))
    back = reverse(drawn, [movement(amount_minor=600), movement(amount_minor=400)], recorded_at=at("02-03"))
    assert (balance(back), back.head.ledger.balance_minor) == (Balance(), 1500)
    assert kinds(back)[-2:] == [("reversal", "gr_a", 600), ("reversal", "gr_a", 400)]
    with pytest.raises(AssertionError):
        reverse(drawn, [movement(amount_minor=1001)], recorded_at=at("02-03"))


def test_days_add_up_to_the_amount_they_share_out() -> None:
    with pytest.raises(AssertionError):
        draw(wallet(grant()), [movement(by_day={date(2026, 1, 5): 99})], recorded_at=at("02-02"))


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_a_movement_moves_something(amount_minor: int) -> None:
    with pytest.raises(AssertionError):
        draw(wallet(grant()), [movement(amount_minor=amount_minor)], recorded_at=at("02-02"))


def test_a_void_takes_what_is_left_and_ends_the_window_at_once() -> None:
    drawn = draw(wallet(grant()), [movement(amount_minor=400)], recorded_at=at("02-02"))
    voided = void_at_once(drawn, "gr_a", reason="by mistake", recorded_at=at("02-03"))
    entry = voided.appended[-1]
    assert (entry.kind, entry.amount_minor, entry.note) == (EntryKind.VOID, -1100, "by mistake")
    assert balance(voided) == Balance(consumed_minor=400, voided_minor=1100)
    assert voided.get_allocation("gr_a").grant.end_at == at("02-03")


def test_a_scheduled_grant_can_be_voided() -> None:
    voided = void_at_once(wallet(grant(effective_at=at("06-01"))), "gr_a", recorded_at=at("02-03"))
    assert voided.get_allocation("gr_a").status(at("07-01")) is GrantStatus.VOIDED
    assert voided.head.ledger.balance_minor == 0


@pytest.mark.parametrize(
    "used",
    [
        lambda one: void_at_once(one, "gr_a", recorded_at=at("01-05")),
        lambda one: draw(one, [movement(amount_minor=1500)], recorded_at=at("01-05")),
        lambda one: change_expiry(one, "gr_a", expires_at=at("01-10"), recorded_at=at("01-05")),
    ],
    ids=["voided", "drawn", "expired"],
)
def test_where_nothing_remains_there_is_nothing_to_void(used: Callable[[Wallet], Wallet]) -> None:
    with pytest.raises(Conflict):
        void_at_once(used(wallet(grant())), "gr_a", recorded_at=at("01-10"))


def test_an_unknown_grant_is_not_found() -> None:
    with pytest.raises(NotFound):
        void_at_once(wallet(grant()), "gr_b", recorded_at=at("01-10"))
    with pytest.raises(NotFound):
        change_expiry(wallet(grant()), "gr_a.1", expires_at=None, recorded_at=at("01-10"))


def test_grants_of_a_voided_invoice_are_withdrawn_but_for_those_that_were_voided_before() -> None:
    made = wallet(grant("gr_a", source=CARRIED), grant("gr_b", 70, source=CARRIED))
    voided = void_at_once(made, "gr_a", recorded_at=at("01-02"))
    gone = withdraw_grants(voided, ["gr_a", "gr_b"], reason="void", invoice="inv_1", recorded_at=at("01-03"))
    assert kinds(gone)[-2:] == [("void", "gr_a", -1500), ("void", "gr_b", -70)]
    assert (gone.appended[-1].invoice, gone.head.ledger.balance_minor) == ("inv_1", 0)


def test_a_grant_that_was_drawn_is_not_withdrawn_unless_all_came_back() -> None:
    drawn = draw(wallet(grant(source=CARRIED)), [movement()], recorded_at=at("02-02"))
    with pytest.raises(Conflict):
        withdraw_grants(drawn, ["gr_a"], reason="void", invoice="inv_1", recorded_at=at("02-03"))
    back = reverse(drawn, [movement()], recorded_at=at("02-03"))
    gone = withdraw_grants(back, ["gr_a"], reason="void", invoice="inv_1", recorded_at=at("02-03"))
    assert gone.head.ledger.balance_minor == 0


def test_an_expiry_may_be_now_but_not_before() -> None:
    changed = change_expiry(wallet(grant()), "gr_a", expires_at=at("02-01"), recorded_at=at("02-01"))
    assert changed.get_allocation("gr_a").status(at("02-01")) is GrantStatus.EXPIRED
    with pytest.raises(InvalidInput):
        change_expiry(wallet(grant()), "gr_a", expires_at=at("02-01") - MICRO, recorded_at=at("02-01"))


def test_a_grant_expires_after_it_begins() -> None:
    scheduled = wallet(grant(effective_at=at("06-01")))
    with pytest.raises(InvalidInput):
        change_expiry(scheduled, "gr_a", expires_at=at("06-01"), recorded_at=JANUARY)
    changed = change_expiry(scheduled, "gr_a", expires_at=at("06-01") + MICRO, recorded_at=JANUARY)
    assert changed.get_allocation("gr_a").grant.expires_at == at("06-01") + MICRO


def test_an_expired_grant_can_be_given_more_time_until_its_end_is_booked() -> None:
    expired = wallet(grant(expires_at=at("01-15")))
    changed = change_expiry(expired, "gr_a", expires_at=None, recorded_at=at("01-20"))
    assert changed.get_allocation("gr_a").remaining_minor(at("06-01")) == 1500
    booked = book_ended(expired, ["gr_a"], recorded_at=at("01-20"))
    with pytest.raises(Conflict):
        change_expiry(booked, "gr_a", expires_at=None, recorded_at=at("01-20"))
    voided = void_at_once(wallet(grant()), "gr_a", recorded_at=at("01-20"))
    with pytest.raises(Conflict):
        change_expiry(voided, "gr_a", expires_at=at("03-01"), recorded_at=at("01-20"))


def test_a_changed_expiry_books_nothing() -> None:
    changed = change_expiry(wallet(grant()), "gr_a", expires_at=at("03-01"), recorded_at=at("01-20"))
    assert kinds(changed) == [("grant", "gr_a", 1500)]


def test_what_is_left_at_the_end_is_booked_once_effective_at_the_end() -> None:
    expired = wallet(grant(expires_at=at("01-15")))
    booked = book_ended(expired, ["gr_a"], recorded_at=at("01-20"))
    assert kinds(booked)[-1] == ("expiry", "gr_a", -1500)
    assert booked.appended[-1].effective_at == at("01-15")
    assert book_ended(booked, ["gr_a"], recorded_at=at("01-21")) == booked


def test_a_grant_that_has_not_ended_is_not_booked_as_expired() -> None:
    with pytest.raises(AssertionError):
        book_ended(wallet(grant(expires_at=at("01-15"))), ["gr_a"], recorded_at=at("01-15") - MICRO)


def test_what_comes_back_to_a_voided_grant_is_booked_as_expired() -> None:
    drawn = draw(wallet(grant()), [movement(amount_minor=400)], recorded_at=at("02-02"))
    voided = void_at_once(drawn, "gr_a", recorded_at=at("02-03"))
    back = reverse(voided, [movement(amount_minor=400)], recorded_at=at("02-04"))
    assert back.get_allocation("gr_a").remaining_minor(at("02-04")) == 0
    booked = book_ended(back, ["gr_a"], recorded_at=at("02-05"))
    assert kinds(booked)[-1] == ("expiry", "gr_a", -400)
    assert balance(booked) == Balance(voided_minor=1100, expired_minor=400)


def test_an_occurrence_is_there_from_its_instant_on() -> None:
    made = wallet(monthly())
    assert list(caught_up(made, at("02-01") - MICRO).allocations) == ["gr_a"]
    begun = caught_up(made, at("02-01"))
    assert list(begun.allocations) == ["gr_a", "gr_a.1"]
    assert (begun.appended[-1].effective_at, begun.appended[-1].recorded_at) == (at("02-01"), at("02-01"))


def test_all_occurrences_that_have_begun_are_booked_in_their_order_each_once() -> None:
    made = wallet(monthly("gr_a"), monthly("gr_b", effective_at=at("01-10")))
    begun = caught_up(caught_up(made, at("02-20")), at("03-20"))
    assert [name for _, name, _ in kinds(begun)[2:]] == ["gr_a.1", "gr_b.1", "gr_a.2", "gr_b.2"]
    assert caught_up(begun, at("03-20")) == begun


def test_every_command_first_books_the_occurrences_that_have_begun() -> None:
    made = wallet(monthly(), grant("gr_b"))
    now = at("02-10")
    after = [
        add_grants(made, [grant("gr_c")], recorded_at=now),
        draw(made, [movement("gr_b")], recorded_at=now),
        void_at_once(made, "gr_b", recorded_at=now),
        withdraw_grants(made, ["gr_b"], reason="x", invoice="inv_1", recorded_at=now),
        change_expiry(made, "gr_b", expires_at=None, recorded_at=now),
        book_ended(made, [], recorded_at=now),
    ]
    assert {one.appended[2].grant for one in after} == {"gr_a.1"}


def test_a_grant_that_began_long_ago_brings_its_occurrences_at_once() -> None:
    made = wallet(monthly(), recorded_at=at("03-15"))
    assert [name for _, name, _ in kinds(made)] == ["gr_a", "gr_a.1", "gr_a.2"]


def test_voiding_the_first_stops_the_later_ones_and_leaves_those_that_have_begun() -> None:
    voided = void_at_once(wallet(monthly()), "gr_a", recorded_at=at("01-20"))
    assert list(caught_up(voided, at("06-01")).allocations) == ["gr_a"]
    later = void_at_once(wallet(monthly()), "gr_a", recorded_at=at("02-20"))
    assert list(caught_up(later, at("06-01")).allocations) == ["gr_a", "gr_a.1"]


def test_a_first_one_that_has_expired_can_still_be_voided_to_stop_the_series() -> None:
    stopped = void_at_once(wallet(monthly()), "gr_a", recorded_at=at("02-20"))
    assert kinds(stopped) == [("grant", "gr_a", 1500), ("grant", "gr_a.1", 1500)]
    assert stopped.get_allocation("gr_a").status(at("02-20")) is GrantStatus.EXPIRED
    with pytest.raises(Conflict):
        void_at_once(stopped, "gr_a", recorded_at=at("02-21"))


def test_voiding_one_occurrence_leaves_the_others() -> None:
    voided = void_at_once(wallet(monthly()), "gr_a.1", recorded_at=at("02-20"))
    begun = caught_up(voided, at("03-01"))
    assert balance(begun, "gr_a.1") == Balance(voided_minor=1500)
    assert begun.get_allocation("gr_a.2").status(at("03-01")) is GrantStatus.ACTIVE


def test_a_changed_expiry_of_the_first_is_not_that_of_later_ones() -> None:
    changed = change_expiry(wallet(monthly()), "gr_a", expires_at=None, recorded_at=at("01-20"))
    begun = caught_up(changed, at("02-20"))
    assert begun.get_allocation("gr_a.1").grant.expires_at == at("03-01")


def test_something_is_due_when_an_occurrence_begins_or_a_grant_with_something_left_ends() -> None:
    assert due_at(wallet(grant())) is None
    assert due_at(wallet(grant("gr_a", expires_at=at("03-01")), grant("gr_b", expires_at=at("02-10")))) == at("02-10")
    empty = draw(wallet(grant(expires_at=at("03-01"))), [movement(amount_minor=1500)], recorded_at=JANUARY)
    assert due_at(empty) is None
    assert due_at(wallet(monthly(), recorded_at=at("02-10"))) == at("02-01")
    drawn = draw(wallet(monthly()), [movement(amount_minor=1500)], recorded_at=at("01-10"))
    assert due_at(drawn) == at("02-01")


def test_pages_grow_so_that_there_are_never_more_than_ten() -> None:
    grants = [grant(f"gr_{number:05}", 1) for number in range(2001)]
    sizes = [wallet(*grants[:count]).head for count in (0, 1, 100, 101, 1000, 1001, 2000, 2001)]
    assert [(head.page_size, head.pages) for head in sizes] == [
        *((100, 0), (100, 1), (100, 1), (100, 2), (100, 10)),
        *((200, 6), (200, 10), (400, 6)),
    ]


def test_a_summary_adds_up_over_all_kinds_of_grants() -> None:
    made = wallet(
        *(grant("gr_a", 1000), grant("gr_b", 500, expires_at=at("01-15")), monthly("gr_c")),
        *(grant("gr_d", 300, effective_at=at("06-01")), grant("gr_e", 70, expires_at=at("03-10"))),
    )
    now = at("02-10")
    used = draw(
        void_at_once(made, "gr_e", recorded_at=at("01-20")),
        [movement(amount_minor=250)],
        recorded_at=at("01-20"),
    )
    summary = summarize(Claims(wallet=used), now)
    assert (summary.allocated_minor, summary.consumed_minor) == (1000 + 500 + 1500 + 1500 + 70, 250)
    assert (summary.expired_minor, summary.voided_minor) == (500 + 1500, 70)
    assert (summary.remaining_minor, summary.scheduled_minor) == (750 + 1500, 300)
    # Two ends are not booked yet, and one occurrence.
    assert summary.unbooked_minor == 500 + 1500 - 1500
    assert summary.ledger_balance_minor == 1000 + 500 + 1500 + 300 - 250
    assert summary.expiring_soon == (Expiring("gr_c.1", 1500, at("03-01")),)


def test_credit_expires_soon_within_thirty_days() -> None:
    one = wallet(grant(expires_at=at("03-01")))
    assert summarize(Claims(wallet=one), at("01-30") - MICRO).expiring_soon == ()
    assert len(summarize(Claims(wallet=one), at("01-30")).expiring_soon) == 1
    assert summarize(Claims(wallet=one), at("03-01")).expiring_soon == ()


def test_an_empty_wallet_comes_to_nothing() -> None:
    summary = summarize(Claims(wallet=wallet()), JANUARY)
    assert (summary.allocated_minor, summary.ledger_balance_minor, summary.expiring_soon) == (0, 0, ())


COMMAND = st.tuples(
    st.sampled_from(["add", "add", "series", "draw", "draw", "reverse", "void", "expiry", "end"]),
    st.integers(0, 40),
    st.integers(1, 2000),
)


def step(one: Wallet, what: str, number: int, cents: int, *, now: datetime) -> Wallet:
    """Carry out a random command; what the state does not allow leaves the wallet as it is."""
    names = list(one.allocations)
    name = names[number % len(names)] if names else ""
    try:
        if what in ("add", "series"):
            begins = now + timedelta(days=number - 20)
            recurring = MONTHLY if what == "series" else None
            ends = None if number % 3 else begins + timedelta(days=number + 1)
            new = grant(f"gr_{len(names):03}", cents, effective_at=begins, expires_at=ends, recurrence=recurring)
            return add_grants(one, [new], recorded_at=now)
        if what == "void":
            return void_at_once(one, name, recorded_at=now)
        if what == "expiry":
            return change_expiry(one, name, expires_at=now + timedelta(days=number - 5), recorded_at=now)
        if what == "end":
            ended = [each for each in names if one.allocations[each].grant.has_ended(now)]
            return book_ended(one, ended, recorded_at=now)
        return _moved(one, what, name, cents, now=now)
    except DomainError:
        return one


def _moved(one: Wallet, what: str, name: str, cents: int, *, now: datetime) -> Wallet:
    allocation = one.get_allocation(name)
    most = allocation.left_minor if what == "draw" else allocation.balance.consumed_minor
    if not most:
        return one
    moved = [Movement(grant=name, amount_minor=min(cents, most), invoice="inv_1", effective_at=now)]
    return draw(one, moved, recorded_at=now) if what == "draw" else reverse(one, moved, recorded_at=now)


def booked(one: Wallet, kind: EntryKind, name: str) -> int:
    return sum(entry.amount_minor for entry in one.appended if (entry.kind, entry.grant) == (kind, name))


@given(st.lists(COMMAND, max_size=25))
def test_after_any_commands_grants_ledger_and_summary_agree(commands: list[tuple[str, int, int]]) -> None:
    one, now = wallet(), JANUARY
    for what, number, cents in commands:
        now += timedelta(hours=number * 7)
        one = step(one, what, number, cents, now=now)
        assert_sound(one)
        summarize(Claims(wallet=one), now)
    found = verify_end(verify(one.appended), one.head.ledger)
    assert found.is_valid
    assert sum(entry.amount_minor for entry in one.appended) == one.head.ledger.balance_minor
    for name, allocation in one.allocations.items():
        assert booked(one, EntryKind.GRANT, name) == allocation.grant.amount_minor
        drawn = booked(one, EntryKind.DRAWDOWN, name) + booked(one, EntryKind.REVERSAL, name)
        assert -drawn == allocation.balance.consumed_minor
        assert -booked(one, EntryKind.VOID, name) == allocation.balance.voided_minor
        assert -booked(one, EntryKind.EXPIRY, name) == allocation.balance.expired_minor


@given(st.lists(COMMAND, max_size=12), st.lists(st.integers(0, 60), max_size=4))
def test_when_occurrences_are_booked_changes_no_balance(commands: list[tuple[str, int, int]], days: list[int]) -> None:
    one, now = wallet(), JANUARY
    for what, number, cents in commands:
        now += timedelta(hours=number * 7)
        one = step(one, what, number, cents, now=now)
    late = now + timedelta(days=61)
    often = one
    for day in sorted(days):
        often = caught_up(often, now + timedelta(days=day))
    at_once, in_steps = caught_up(one, late), caught_up(often, late)
    assert dict(at_once.allocations) == dict(in_steps.allocations)
    assert at_once.head.ledger.balance_minor == in_steps.head.ledger.balance_minor


def test_an_unsound_wallet_is_not_written() -> None:
    made = wallet(grant())
    for wrong in (Balance(consumed_minor=-1), Balance(held_minor=1501), Balance(consumed_minor=1)):
        broken = Wallet(
            organization="acme",
            currency="USD",
            head=made.head,
            allocations={"gr_a": Allocation(grant(), wrong)},
        )
        with pytest.raises(AssertionError):
            assert_sound(broken)
