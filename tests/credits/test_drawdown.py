"""Drawdown: which grant pays what, at every boundary that the rules draw (docs/rules.md 5.2 and 5.3)."""

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.credits.claims import Claimant, Claims
from chalicelib.credits.drawdown import Drawn, draw_down, paying, window_cuts, window_of
from chalicelib.credits.grants import Allocation, Balance, Grant, Scope
from chalicelib.shared.time import quarter_hour_of
from tests.credits.build import at, grant, wallet
from tests.credits.build_drafts import by_grant, draft, drawdowns, fee, had_paid, left, pays, usage
from tests.credits.claiming import claim

MICROS_AFTER, MICROS_BEFORE = "00:00.000001", "59:59.999999"


def all_lines(drafts: list[Any], *grants: Grant | Allocation) -> dict[tuple[str, str], dict[str, int]]:
    """Tell what each grant pays of every line."""
    found = drawdowns(drafts, *grants)
    return {(invoice, line): by_grant(found, line, invoice) for invoice, line in found}


# Windows


@pytest.mark.parametrize(
    ("effective", "first_paid", "last_unpaid"),
    [
        ("01-10T12:00", "01-10T12:00", "01-10T11:45"),
        (f"01-10T12:{MICROS_AFTER}", "01-10T12:00", "01-10T11:45"),
        (f"01-10T11:{MICROS_BEFORE}", "01-10T11:45", "01-10T11:30"),
    ],
)
def test_a_window_begins_with_the_quarter_hour_that_holds_its_start(
    effective: str, first_paid: str, last_unpaid: str
) -> None:
    one = grant(effective_at=at(effective))
    assert pays(usage((first_paid, 100)), one) == {"gr_a": 100}
    assert pays(usage((last_unpaid, 100)), one) == {}


@pytest.mark.parametrize(
    ("expires", "last_paid", "first_unpaid"),
    [
        ("01-10T12:00", "01-10T11:45", "01-10T12:00"),
        (f"01-10T12:{MICROS_AFTER}", "01-10T12:00", "01-10T12:15"),
        (f"01-10T11:{MICROS_BEFORE}", "01-10T11:45", "01-10T12:00"),
    ],
)
@pytest.mark.parametrize("ends", ["expires_at", "ended_at"])
def test_a_window_ends_with_the_quarter_hour_that_holds_its_end(
    ends: str, expires: str, last_paid: str, first_unpaid: str
) -> None:
    window: dict[str, Any] = {ends: at(expires)}
    one = grant(**window)
    assert pays(usage((last_paid, 100)), one) == {"gr_a": 100}
    assert pays(usage((first_unpaid, 100)), one) == {}


def test_in_the_quarter_hour_between_two_grants_both_pay() -> None:
    between = at("01-10T12:05")
    grants = [grant("gr_a", 30, expires_at=between), grant("gr_b", 500, effective_at=between)]
    assert pays(usage(("01-10T12:00", 100)), *grants) == {"gr_a": 30, "gr_b": 70}
    assert pays(usage(("01-10T11:45", 100)), *grants) == {"gr_a": 30}
    assert pays(usage(("01-10T12:15", 100)), *grants) == {"gr_b": 100}


@pytest.mark.parametrize(("ended", "paid"), [("01-10T12:06", {"gr_a": 100}), ("01-10T12:05", {}), ("01-10T12:01", {})])
def test_a_grant_that_ends_no_later_than_it_begins_pays_nothing(ended: str, paid: dict[str, int]) -> None:
    one = grant(effective_at=at("01-10T12:05"), ended_at=at(ended))
    assert pays(usage(("01-10T12:00", 100)), one) == paid


def test_slices_are_cut_where_windows_begin_and_end() -> None:
    grants = [grant(effective_at=at("01-10T12:05"), expires_at=at("01-20T12:05")), grant("gr_b")]
    cuts = {quarter_hour_of(at(day)) for day in ("01-10T12:00", "01-20T12:15", "01-01")}
    assert window_cuts(map(Allocation, grants)) == cuts
    assert window_of(grants[1]) == (quarter_hour_of(at("01-01")), None)


def test_a_later_grant_does_not_reach_back() -> None:
    one = usage(("01-09T23:45", 100), ("01-10", 70))
    assert pays(one, grant(effective_at=at("01-10"))) == {"gr_a": 70}


def test_what_an_ended_grant_could_not_pay_stays_due() -> None:
    one = usage(("01-05", 1600), ("01-20", 100))
    found = drawdowns([draft(one)], grant(expires_at=at("01-15")))
    assert found == {("inv_1", "tokens"): (Drawn("gr_a", at("01-05").date(), 1500),)}


@pytest.mark.parametrize(("now", "listed"), [("01-09T23:59:59.999999", []), ("01-10", ["gr_a"])])
def test_only_grants_that_have_begun_pay(now: str, listed: list[str]) -> None:
    one = Allocation(grant(effective_at=at("01-10")))
    found = paying([one], since=quarter_hour_of(at("01-01")), now=at(now))
    assert [each.grant.id for each in found] == listed


@pytest.mark.parametrize(("since", "listed"), [("01-14T23:45", ["gr_a"]), ("01-15", [])])
def test_only_grants_whose_window_reaches_beyond_the_earliest_claim_are_listed(since: str, listed: list[str]) -> None:
    one = Allocation(grant(expires_at=at("01-15")))
    found = paying([one], since=quarter_hour_of(at(since)), now=at("02-01"))
    assert [each.grant.id for each in found] == listed


@pytest.mark.parametrize(
    ("balance", "listed"),
    [
        (Balance(), ["gr_a"]),
        (Balance(consumed_minor=1500), ["gr_a"]),
        (Balance(held_minor=1500), []),
        (Balance(expired_minor=1500), []),
        (Balance(expired_minor=1499, consumed_minor=1), ["gr_a"]),
    ],
)
def test_an_empty_grant_is_listed_when_something_may_come_back(balance: Balance, listed: list[str]) -> None:
    found = paying([Allocation(grant(), balance)], since=0, now=at("02-01"))
    assert [each.grant.id for each in found] == listed


def test_a_grant_that_ended_before_it_began_is_not_listed() -> None:
    ends = ("01-10T12:05", "01-10T12:05:00.000001")
    listed = [Allocation(grant(end, effective_at=at("01-10T12:05"), ended_at=at(end))) for end in ends]
    assert [one.grant.id for one in paying(listed, since=0, now=at("02-01"))] == [ends[1]]


# What is left


@pytest.mark.parametrize("gone", ["consumed_minor", "held_minor", "voided_minor", "expired_minor"])
def test_what_is_gone_cannot_be_drawn(gone: str) -> None:
    one = grant(amount_minor=100)
    assert pays(usage(("01-05", 100)), left(one, **{gone: 40})) == {"gr_a": 60}
    assert pays(usage(("01-05", 60)), left(one, **{gone: 40})) == {"gr_a": 60}


def test_everything_that_is_gone_is_added_up() -> None:
    one = left(grant(amount_minor=100), consumed_minor=10, held_minor=20, voided_minor=30, expired_minor=15)
    assert pays(usage(("01-05", 100)), one) == {"gr_a": 25}


@pytest.mark.parametrize(("used", "paid"), [(99, 99), (100, 100), (101, 100)])
def test_a_grant_pays_no_more_than_its_amount(used: int, paid: int) -> None:
    assert pays(usage(("01-05", used)), grant(amount_minor=100)) == {"gr_a": paid}


# Order

FIRST = {"priority": 10, "expires_at": at("02-01"), "cost_basis": Decimal("0.5"), "effective_at": at("01-02")}


@pytest.mark.parametrize(
    ("sooner", "later"),
    [
        ({"priority": 9, "expires_at": None}, {}),
        ({"cost_basis": Decimal(1)}, {"expires_at": at("02-01T00:00:00.000001"), "cost_basis": Decimal(0)}),
        ({"cost_basis": Decimal(1)}, {"expires_at": None, "cost_basis": Decimal(0)}),
        ({"cost_basis": Decimal("0.49")}, {"applies_to": {"tokens"}}),
        ({"applies_to": {"tokens"}}, {"effective_at": at("01-01")}),
        ({"effective_at": at("01-01"), "created_at": at("01-03")}, {}),
        ({"created_at": at("01-01")}, {"created_at": at("01-01T00:00:00.000001")}),
    ],
    ids=["priority", "expiry", "never expires last", "cost basis", "restricted", "effective", "created"],
)
def test_every_step_of_the_order_decides_when_those_before_are_equal(
    sooner: dict[str, Any], later: dict[str, Any]
) -> None:
    # The ids are the other way round: were the step left out, the last one would decide otherwise.
    grants = [grant("gr_z", 60, **{**FIRST, **sooner}), grant("gr_a", 60, **{**FIRST, **later})]
    for given in (grants, grants[::-1]):
        assert list(pays(usage(("01-05", 100)), *given).items()) == [("gr_z", 60), ("gr_a", 40)]


def test_equal_grants_pay_in_the_order_of_their_ids() -> None:
    grants = [grant("gr_b", 60), grant("gr_a", 60)]
    assert list(pays(usage(("01-05", 100)), *grants).items()) == [("gr_a", 60), ("gr_b", 40)]


def test_the_order_does_not_skip_the_window() -> None:
    soon = grant("gr_b", effective_at=at("01-10"), priority=1)
    assert pays(usage(("01-09", 100), ("01-10", 50)), grant(), soon) == {"gr_a": 100, "gr_b": 50}


# Scope


@pytest.mark.parametrize(
    ("applies_to", "tokens", "base", "one_off"),
    [
        (Scope.USAGE, 100, 0, 0),
        (Scope.ALL, 100, 100, 100),
        ({"tokens"}, 100, 0, 0),
        ({"base"}, 0, 100, 0),
        ({"tokens", "base"}, 100, 100, 0),
        ({"other"}, 0, 0, 0),
    ],
)
def test_the_scope_says_which_lines_are_paid(applies_to: Any, tokens: int, base: int, one_off: int) -> None:
    lines = [usage(("01-05", 100)), fee("01-01", 100), fee("01-01", 100, name=None)]
    found = drawdowns([draft(*lines)], grant(applies_to=applies_to))
    paid = [by_grant(found, name).get("gr_a", 0) for name in ("tokens", "base", "one-off")]
    assert paid == [tokens, base, one_off]


def test_late_usage_counts_as_the_usage_of_its_charge() -> None:
    assert pays(usage(("01-01", 100), name="late"), grant(applies_to={"late"})) == {"gr_a": 100}
    assert pays(usage(("01-01", 100), name="late"), grant()) == {"gr_a": 100}


# Time, then draft, then line


def test_an_earlier_slice_of_a_later_draft_is_paid_first() -> None:
    early, late = draft(usage(("01-04", 100)), invoice="inv_2"), draft(usage(("01-05", 100)))
    assert all_lines([late, early], grant(amount_minor=150)) == {
        ("inv_2", "tokens"): {"gr_a": 100},
        ("inv_1", "tokens"): {"gr_a": 50},
    }


def test_of_one_instant_the_first_draft_is_paid_first_then_the_first_line() -> None:
    drafts = [
        draft(usage(("01-05", 100), name="z"), usage(("01-05", 100), name="a"), invoice="inv_2"),
        draft(usage(("01-05", 100))),
    ]
    assert all_lines(drafts, grant(amount_minor=150)) == {("inv_2", "z"): {"gr_a": 100}, ("inv_2", "a"): {"gr_a": 50}}
    assert all_lines(drafts, grant(amount_minor=250))["inv_1", "tokens"] == {"gr_a": 50}


def test_lines_of_which_no_grant_pays_anything_are_left_out() -> None:
    lines = [usage(("01-05", 100)), usage(("01-05", 100), name="calls")]
    assert set(drawdowns([draft(*lines)], grant(applies_to={"calls"}))) == {("inv_1", "calls")}
    assert drawdowns([draft(*lines)]) == {}
    assert drawdowns([], grant()) == {}


def test_each_day_is_told_apart() -> None:
    one = usage(("01-05", 100), ("01-05T12:00", 50), ("01-06", 30))
    assert drawdowns([draft(one)], grant()) == {
        ("inv_1", "tokens"): (Drawn("gr_a", at("01-05").date(), 150), Drawn("gr_a", at("01-06").date(), 30))
    }


# Negative slices


@pytest.mark.parametrize(("back", "paid"), [(39, 60), (40, 60), (41, 59), (100, 0)])
def test_a_negative_slice_lowers_what_is_due_before_it_gives_back(back: int, paid: int) -> None:
    one = usage(("01-05", 100), ("01-06", -back))
    assert pays(one, grant(amount_minor=60)).get("gr_a", 0) == paid


def test_it_lowers_what_was_due_on_any_earlier_day_of_its_line() -> None:
    one = usage(("01-05", 100), ("01-10", 50), ("01-11", -100))
    assert pays(one, grant(effective_at=at("01-10"))) == {"gr_a": 50}


def test_it_does_not_lower_what_is_due_of_another_line() -> None:
    lines = [usage(("01-05", 100), ("01-06", -30)), usage(("01-05", 100), name="calls")]
    assert pays(lines, grant(amount_minor=100)) == {"gr_a": 70}


def test_it_gives_back_the_latest_first() -> None:
    grants = [
        grant("gr_a", 40),
        grant("gr_b", 50, priority=60),
        grant("gr_c", 60, effective_at=at("01-06"), priority=70),
    ]
    one = [("01-05", 90), ("01-06", 60)]
    for back, paid in [
        (59, {"gr_a": 40, "gr_b": 50, "gr_c": 1}),
        (60, {"gr_a": 40, "gr_b": 50, "gr_c": 0}),
        (61, {"gr_a": 40, "gr_b": 49, "gr_c": 0}),
        (111, {"gr_a": 39, "gr_b": 0, "gr_c": 0}),
        (150, {}),
    ]:
        found = pays(usage(*one, ("01-07", -back)), *grants)
        assert {name: found.get(name, 0) for name in ("gr_a", "gr_b", "gr_c")} == {
            name: paid.get(name, 0) for name in ("gr_a", "gr_b", "gr_c")
        }


def test_what_comes_back_comes_off_the_day_that_it_had_paid() -> None:
    one = usage(("01-05", 100), ("01-06", 50), ("01-07", -70))
    assert drawdowns([draft(one)], grant()) == {("inv_1", "tokens"): (Drawn("gr_a", at("01-05").date(), 80),)}


@pytest.mark.parametrize("invoice", ["inv_1", "inv_2"])
def test_others_can_draw_from_then_on_what_came_back(invoice: str) -> None:
    first = draft(usage(("01-05", 100), ("01-07", -60)))
    for day, paid in [("01-06", {}), ("01-07", {"gr_a": 60}), ("01-08", {"gr_a": 60})]:
        other = usage((day, 80), name="calls")
        drafts = [draft(*first.lines, other)] if invoice == "inv_1" else [first, draft(other, invoice="inv_2")]
        assert by_grant(drawdowns(drafts, grant(amount_minor=100)), "calls", invoice) == paid


def test_a_line_before_it_in_the_same_instant_cannot_draw_what_comes_back() -> None:
    shrinking = usage(("01-05", 100), ("01-07", -60))
    other = usage(("01-07", 80), name="calls")
    assert pays([other, shrinking], grant(amount_minor=100)) == {}
    assert by_grant(drawdowns([draft(shrinking, other)], grant(amount_minor=100)), "calls") == {"gr_a": 60}


def test_credit_goes_back_into_an_ended_grant_and_stays_there() -> None:
    ended = grant("gr_a", 100, expires_at=at("01-06"))
    one = usage(("01-05", 100), ("01-07", -60), ("01-08", 60))
    assert pays(one, ended) == {"gr_a": 40}
    assert pays(one, ended, grant("gr_b")) == {"gr_a": 40, "gr_b": 60}


def test_what_its_line_owes_in_money_comes_before_the_grants() -> None:
    one = usage(("01-05", -100), ("01-06", 130))
    assert pays(one, grant()) == {"gr_a": 30}


# Lines that take back what an earlier invoice charged


def late(amount_minor: int, *paid: Drawn, day: str = "02-01", name: str = "late") -> Any:
    return usage((day, amount_minor), name=name, paid=paid)


@pytest.mark.parametrize(
    ("back", "returned"),
    [
        (9, {"gr_b": -9}),
        (10, {"gr_b": -10}),
        (11, {"gr_b": -10, "gr_a": -1}),
        (40, {"gr_b": -10, "gr_a": -30}),
        (41, {"gr_b": -10, "gr_a": -30}),
    ],
)
def test_negative_late_usage_gives_back_the_latest_first_and_the_rest_is_money(
    back: int, returned: dict[str, int]
) -> None:
    one = late(-back, had_paid("gr_a", "01-05", 30), had_paid("gr_b", "01-06", 10))
    assert pays(one, left(grant(), consumed_minor=40), grant("gr_b")) == returned


def test_it_gives_back_on_the_days_that_had_been_paid() -> None:
    one = late(-25, had_paid("gr_a", "01-05", 30), had_paid("gr_a", "01-06", 10))
    assert drawdowns([draft(one)], left(grant(), consumed_minor=40))["inv_1", "late"] == (
        Drawn("gr_a", at("01-06").date(), -10),
        Drawn("gr_a", at("01-05").date(), -15),
    )


def test_it_gives_back_to_a_grant_that_pays_nothing_any_more() -> None:
    one = late(-25, had_paid("gr_gone", "01-05", 30))
    assert pays([one, usage(("02-02", 100))], grant(amount_minor=10)) == {"gr_gone": -25}


def test_what_came_back_is_free_for_its_own_draft_and_not_yet_for_another() -> None:
    emptied = left(grant(amount_minor=40), consumed_minor=40)
    returning, wanting = late(-30, had_paid("gr_a", "01-05", 40)), usage(("02-02", 50))
    assert by_grant(drawdowns([draft(returning, wanting)], emptied)) == {"gr_a": 30}
    apart = [draft(returning), draft(wanting, invoice="inv_2")]
    assert all_lines(apart, emptied) == {("inv_1", "late"): {"gr_a": -30}}
    booked = left(grant(amount_minor=40), consumed_minor=10)
    assert all_lines(apart[1:], booked) == {("inv_2", "tokens"): {"gr_a": 30}}


def test_its_own_draft_draws_what_came_back_first_and_leaves_the_rest_to_others() -> None:
    one = left(grant(amount_minor=100), consumed_minor=40)
    drafts = [
        draft(late(-30, had_paid("gr_a", "01-05", 40)), usage(("02-02", 50))),
        draft(usage(("02-03", 100)), invoice="inv_2"),
    ]
    # 60 are left: the first draft takes 30 that came back and 20 of them.
    assert all_lines(drafts, one) == {
        ("inv_1", "late"): {"gr_a": -30},
        ("inv_1", "tokens"): {"gr_a": 50},
        ("inv_2", "tokens"): {"gr_a": 40},
    }


def test_what_came_back_twice_is_still_not_for_another_draft() -> None:
    emptied = left(grant(amount_minor=40), consumed_minor=40)
    own = [late(-30, had_paid("gr_a", "01-05", 40)), usage(("02-02", 30), ("02-03", -20))]
    other = draft(usage(("02-04", 50)), invoice="inv_2")
    assert ("inv_2", "tokens") not in drawdowns([draft(*own), other], emptied)
    again = usage(("02-04", 50), name="again")
    assert by_grant(drawdowns([draft(*own, again), other], emptied), "again") == {"gr_a": 20}


def test_nobody_draws_what_came_back_before_it_did_or_outside_of_the_window() -> None:
    ended = left(grant(amount_minor=40, expires_at=at("02-02")), consumed_minor=40)
    returning = late(-30, had_paid("gr_a", "01-05", 40))
    for day, paid in [("01-31", {}), ("02-01", {"gr_a": 30}), ("02-01T23:45", {"gr_a": 30}), ("02-02", {})]:
        assert by_grant(drawdowns([draft(returning, usage((day, 30)))], ended)) == paid


def test_an_unused_fee_gives_back_what_had_paid_it() -> None:
    one = fee("02-10", -70, paid=(had_paid("gr_a", "02-01", 50),))
    assert pays(one, left(grant(applies_to=Scope.ALL), consumed_minor=50)) == {"gr_a": -50}
    assert pays(fee("02-10", -70), grant(applies_to=Scope.ALL)) == {}


# What drafts claim


def test_credit_that_came_back_after_it_was_drawn_is_taken_all_the_same() -> None:
    # 10.00 are used on 1 February and 10.00 of a fee come back on the 10th, to the draft alone until they are booked.
    one = draft(usage(("02-01", 1000)), fee("02-10", -1000, paid=(had_paid("gr_a", "01-05", 1000),)))
    able = [left(grant(amount_minor=2000, applies_to=Scope.ALL), consumed_minor=1000)]
    assert draw_down([one], able).taken == {"gr_a": 1000}
    assert draw_down([draft(usage(("02-01", 400), ("02-02", -400)))], able).taken == {"gr_a": 400}
    assert draw_down([draft(fee("02-10", -1000))], able).taken == {}


def claims(*drawn: Any, claimants: tuple[Claimant, ...] = ()) -> Claims:
    return Claims(wallet=wallet(grant(), grant("gr_b")), drawn=drawn, claimants=claimants)


def test_pending_adds_up_what_drafts_draw_and_give_back() -> None:
    drawn = [
        claim("01-05", 70),
        claim("01-06", 30, invoice="inv_2"),
        claim("01-05", -120, line="late"),
        claim("01-05", 5, grant="gr_b"),
    ]
    assert claims(*drawn).pending() == {"gr_a": -20, "gr_b": 5}


@pytest.mark.parametrize(
    ("ends", "held"),
    [
        ({}, []),
        ({"expires_at": at("01-10T12:00")}, []),
        ({"expires_at": at("01-10T12:00:00.000001")}, ["inv_1"]),
        ({"expires_at": at("01-10T12:15:00.000001")}, ["inv_1", "inv_2"]),
        ({"expires_at": at("01-20"), "ended_at": at("01-10T12:05")}, ["inv_1"]),
        ({"effective_at": at("01-10T12:20"), "ended_at": at("01-10T12:20")}, []),
    ],
)
def test_a_draft_may_claim_a_grant_that_ends_after_its_first_quarter_hour(
    ends: dict[str, Any], held: list[str]
) -> None:
    claimants = tuple(
        Claimant(invoice=invoice, since=quarter_hour_of(at(since)), finalizes_at=at("02-01"))
        for invoice, since in [("inv_1", "01-10T12:00"), ("inv_2", "01-10T12:15")]
    )
    assert [one.invoice for one in claims(claimants=claimants).holders(grant(**ends))] == held
