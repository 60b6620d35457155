"""Terms of a grant: its window, its scope, its place in the order of drawdown, its status."""

from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from chalicelib.credits.grants import (
    Allocation,
    Balance,
    Grant,
    GrantStatus,
    Scope,
    Source,
    SourceKind,
    drawdown_key,
    invoice_credit,
    occurrence_of,
)
from chalicelib.credits.recurrence import Every, Recurrence
from tests.credits.build import JANUARY, at, grant

MICRO = timedelta(microseconds=1)
MONTHLY = Recurrence(every=Every.MONTH, timezone="UTC")


def test_a_window_begins_at_its_instant_and_not_before() -> None:
    one = grant(effective_at=at("01-10"))
    assert [one.is_open(at("01-10") - MICRO), one.is_open(at("01-10"))] == [False, True]


def test_a_grant_is_not_open_at_its_expiry_instant() -> None:
    one = grant(expires_at=at("01-15"))
    assert [one.is_open(at("01-15") - MICRO), one.is_open(at("01-15"))] == [True, False]


def test_a_window_that_ends_where_it_begins_is_never_open() -> None:
    one = grant(effective_at=at("01-10"), ended_at=at("01-05"))
    assert not any(one.is_open(instant) for instant in (at("01-05"), at("01-10") - MICRO, at("01-10")))


def test_the_earlier_of_void_and_expiry_ends_the_window() -> None:
    assert grant(expires_at=at("01-15"), ended_at=at("01-10")).end_at == at("01-10")
    assert grant(expires_at=at("01-15"), ended_at=at("01-20")).end_at == at("01-15")
    assert grant().end_at is None


@pytest.mark.parametrize(
    ("applies_to", "usage", "recurring", "named", "one_off"),
    [
        (Scope.USAGE, True, False, True, False),
        (Scope.ALL, True, True, True, True),
        (frozenset({"base"}), False, True, False, False),
        (frozenset({"tokens"}), False, False, True, False),
    ],
)
def test_the_scope_decides_which_lines_are_paid(
    applies_to: Any, usage: bool, recurring: bool, named: bool, one_off: bool
) -> None:
    one = grant(applies_to=applies_to)
    assert one.covers("calls", is_usage=True) is usage
    assert one.covers("base", is_usage=False) is recurring
    assert one.covers("tokens", is_usage=True) is named
    assert one.covers(None, is_usage=False) is one_off


# Each is later in the order than the one before for one reason, which outweighs all reasons behind it.
ORDERED = [
    grant("gr_z", priority=0),
    grant("gr_y", priority=9, expires_at=at("02-01"), cost_basis=Decimal(9)),
    grant("gr_x", priority=9, expires_at=at("03-01"), cost_basis=Decimal(9)),
    grant("gr_w", priority=9, cost_basis=Decimal("0.5")),
    grant("gr_v", priority=9, cost_basis=Decimal("0.85"), applies_to=frozenset({"c"}), effective_at=at("05-01")),
    grant("gr_u", priority=9, cost_basis=Decimal("0.85"), effective_at=at("03-01"), created_at=at("04-01")),
    grant("gr_t", priority=9, cost_basis=Decimal("0.850"), effective_at=at("04-01"), created_at=at("01-02")),
    grant("gr_s", priority=9, cost_basis=Decimal("0.85"), effective_at=at("04-01"), created_at=at("01-03")),
    grant("gr_t2", priority=9, cost_basis=Decimal("0.85"), effective_at=at("04-01"), created_at=at("01-03")),
    grant("gr_a", priority=10, cost_basis=Decimal(0)),
]


def test_the_order_of_drawdown_goes_by_one_reason_after_the_other() -> None:
    for some in permutations(ORDERED, 3):
        assert sorted(some, key=drawdown_key) == [one for one in ORDERED if one in some]


def test_a_scope_of_usage_or_all_is_unrestricted() -> None:
    restricted, usage, everything = grant("gr_c", applies_to=frozenset({"a"})), grant("gr_a"), grant("gr_b")
    assert min([usage, everything, restricted], key=drawdown_key) is restricted


def test_the_tenth_occurrence_comes_after_the_second() -> None:
    first = grant(recurrence=MONTHLY)
    second, tenth = (Allocation(occurrence_of(first, number)).grant for number in (2, 10))
    alike = {"effective_at": JANUARY, "expires_at": None}
    numbered = [
        Grant(id=one.id, name="", amount_minor=1, created_at=JANUARY, occurrence=one.occurrence, **alike)  # type: ignore[arg-type]
        for one in (tenth, second)
    ]
    assert [one.occurrence for one in sorted(numbered, key=drawdown_key)] == [2, 10]


def test_an_occurrence_has_the_terms_of_the_first_and_a_window_of_its_own() -> None:
    first = grant(recurrence=MONTHLY, priority=3, cost_basis=Decimal(1), applies_to=Scope.ALL, ended_at=at("03-01"))
    made = occurrence_of(first, 1)
    assert (made.id, made.effective_at, made.expires_at) == ("gr_a.1", at("02-01"), at("03-01"))
    assert (made.priority, made.cost_basis, made.applies_to) == (3, Decimal(1), Scope.ALL)
    assert (made.amount_minor, made.ended_at, made.recurrence) == (1500, None, None)


@pytest.mark.parametrize(
    ("terms", "balance", "status"),
    [
        ({"effective_at": at("01-10")}, Balance(), GrantStatus.SCHEDULED),
        ({"effective_at": at("01-09")}, Balance(), GrantStatus.ACTIVE),
        ({}, Balance(consumed_minor=1499), GrantStatus.ACTIVE),
        ({}, Balance(held_minor=1500), GrantStatus.ACTIVE),
        ({}, Balance(consumed_minor=1500), GrantStatus.DEPLETED),
        ({"expires_at": at("01-09T12:00")}, Balance(consumed_minor=1500), GrantStatus.DEPLETED),
        ({"expires_at": at("01-09T12:00")}, Balance(consumed_minor=1499), GrantStatus.EXPIRED),
        ({"expires_at": at("01-10")}, Balance(), GrantStatus.ACTIVE),
        ({"ended_at": at("01-05")}, Balance(voided_minor=1500), GrantStatus.VOIDED),
        ({"ended_at": at("01-05"), "effective_at": at("02-01")}, Balance(voided_minor=1500), GrantStatus.VOIDED),
        ({"ended_at": at("01-05"), "expires_at": at("01-04")}, Balance(expired_minor=1500), GrantStatus.EXPIRED),
    ],
)
def test_the_status_follows_from_window_and_balance(
    terms: dict[str, Any], balance: Balance, status: GrantStatus
) -> None:
    assert Allocation(grant(**terms), balance).status(at("01-09T12:00")) is status


def test_what_is_left_expires_at_the_end_of_the_window_whether_it_was_booked_or_not() -> None:
    one = Allocation(grant(expires_at=at("01-15")), Balance(consumed_minor=500))
    before, after = at("01-15") - MICRO, at("01-15")
    assert (one.at(before).expired_minor, one.remaining_minor(before)) == (0, 1000)
    assert (one.at(after).expired_minor, one.remaining_minor(after)) == (1000, 0)


def test_what_comes_back_to_a_voided_grant_expires() -> None:
    voided = Allocation(grant(ended_at=at("01-10")), Balance(voided_minor=900))
    waiting = Allocation(grant(ended_at=at("01-10")))
    assert voided.at(at("01-11")) == Balance(voided_minor=900, expired_minor=600)
    assert waiting.at(at("01-11")) == Balance(voided_minor=1500)


def test_credit_of_an_invoice_is_spent_first_never_expires_and_pays_everything() -> None:
    source = Source(SourceKind.CARRIED, "inv_1")
    made = invoice_credit(id="gr_a", name="Carried over", amount_minor=7, source=source, now=at("01-05"))
    assert (made.priority, made.cost_basis, made.expires_at, made.applies_to) == (0, Decimal(1), None, Scope.ALL)
    assert (made.effective_at, made.source.invoice) == (at("01-05"), "inv_1")
