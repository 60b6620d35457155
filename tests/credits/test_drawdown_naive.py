"""Thousands of random drafts are drawn down as ``naive_drawdown`` does, to the minor unit; and what holds for all."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.credits.drawdown import Drawdowns, Drawn, Outcome, PayableDraft, PayableLine, Slice, draw_down, paying
from chalicelib.credits.grants import Allocation, Balance, Grant, Scope
from chalicelib.shared.time import quarter_hour_of
from tests.credits import naive_drawdown
from tests.credits.build import JANUARY
from tests.credits.naive_drawdown import Figures, Result

CASES = 4_000
# Days of four quarter-hours, three of them: short enough for everything to meet.
QUARTER_HOURS, DAY = 12, 4
FIRST = quarter_hour_of(JANUARY)
CHARGES = ["a", "b", "base"]

# Drafts, and grants in any order.
Case: TypeAlias = tuple[list[Figures], list[Figures]]
# What each draft draws of each grant, line by line.
Totals: TypeAlias = dict[str, dict[str, int]]


def day_of(quarter_hour: int) -> Any:
    return (JANUARY + timedelta(days=quarter_hour // DAY)).date()


def instant(minutes: int | None) -> datetime | None:
    return None if minutes is None else JANUARY + timedelta(minutes=minutes)


# Cases


def minutes(chance: Random, low: int, high: int) -> int:
    """Draw an instant, half of the time at the start of a quarter-hour."""
    return chance.randint(low, high) * 15 + chance.choice([0, 0, 1, 7, 14])


def a_grant(chance: Random, name: str) -> Figures:
    effective = minutes(chance, -2, 8)
    lasts = chance.choice([None, None, minutes(chance, 0, 8) + 1])
    return {
        "name": name,
        "priority": chance.choice([1, 1, 2]),
        "effective": effective,
        "expires": None if lasts is None else effective + lasts,
        "ended": minutes(chance, -2, 12) if chance.random() < 0.2 else None,
        "created": chance.randint(0, 2),
        "cost": chance.choice([Decimal(0), Decimal(0), Decimal("0.5")]),
        "charges": chance.choice(["usage", "usage", "all", {"a"}, {"a", "base"}, {"b"}]),
        "left": chance.randint(0, 12),
    }


def positive(chance: Random) -> Iterator[tuple[int, Any, int]]:
    """Make slices of a line that only grows."""
    for at in range(QUARTER_HOURS):
        if chance.random() < 0.3:
            yield at, day_of(at), chance.randint(1, 8)


def mixed(chance: Random) -> Iterator[tuple[int, Any, int]]:
    """Make slices of a line that shrinks at times, now and then to less than nothing."""
    line = 0
    below = -5 if chance.random() < 0.1 else 0
    for at in range(QUARTER_HOURS):
        units = chance.randint(-8, 8)
        if chance.random() < 0.4 and units and line + units >= below:
            line += units
            yield at, day_of(at), units


def usage_line(chance: Random, charge: str, *, shrinks: bool) -> Figures:
    slices = list((mixed if shrinks else positive)(chance))
    return {"name": charge, "charge": charge, "usage": True, "slices": slices, "paid": []}


def fee_line(chance: Random) -> Figures:
    charge, at = chance.choice(["base", "base", None]), chance.randrange(QUARTER_HOURS)
    slices = [(at, day_of(at), chance.randint(1, 8))]
    return {"name": "fee", "charge": charge, "usage": False, "slices": slices, "paid": []}


def returning_line(chance: Random, grants: list[Figures]) -> Figures:
    """Make late usage below nothing, or an unused fee, with what had paid for it."""
    names = [*(grant["name"] for grant in grants), "gone"]
    at = chance.choice([0, 0, chance.randrange(QUARTER_HOURS)])
    paid = [(chance.choice(names), day_of(place - 9), chance.randint(1, 5)) for place in range(chance.randint(0, 3))]
    slices = [(at, day_of(at), -chance.randint(1, 9))]
    is_usage = chance.random() < 0.5
    charge = chance.choice(CHARGES)
    return {"name": "back", "charge": charge, "usage": is_usage, "slices": slices, "paid": paid}


def a_draft(chance: Random, name: str, grants: list[Figures], *, shrinks: bool, returns: bool) -> Figures:
    lines = [usage_line(chance, charge, shrinks=shrinks) for charge in ("a", "b") if chance.random() < 0.8]
    lines += [fee_line(chance)] if chance.random() < 0.4 else []
    lines += [returning_line(chance, grants)] if returns and chance.random() < 0.5 else []
    chance.shuffle(lines)
    return {"name": name, "lines": lines}


def case(chance: Random, *, shrinks: bool = True, returns: bool = True) -> Case:
    """Make drafts whose lines may shrink, or take back what an earlier invoice charged."""
    grants = [a_grant(chance, f"gr_{place}") for place in range(chance.randint(0, 5))]
    chance.shuffle(grants)
    count = chance.randint(1, 3)
    drafts = [a_draft(chance, f"inv_{place}", grants, shrinks=shrinks, returns=returns) for place in range(count)]
    return drafts, grants


def cases(*, shrinks: bool = True, returns: bool = True) -> st.SearchStrategy[Case]:
    return seeds().map(lambda seed: case(Random(seed), shrinks=shrinks, returns=returns))


def seeds() -> st.SearchStrategy[int]:
    """Draw what a case is made from; a whole ``Random`` would cost ten times as much."""
    return st.integers(0, 2**32)


# The same for the engine


def scope_of(charges: Any) -> Any:
    return {"usage": Scope.USAGE, "all": Scope.ALL}[charges] if isinstance(charges, str) else frozenset(charges)


def allocation_of(figures: Figures, drafts: list[Figures]) -> Allocation:
    """Make a grant of which was consumed what may come back, and of which more is gone in every other way."""
    listed = [part for draft in drafts for line in draft["lines"] for part in line["paid"]]
    consumed = sum(units for name, _, units in listed if name == figures["name"])
    gone = Balance(consumed_minor=consumed, held_minor=3, voided_minor=2, expired_minor=1)
    return Allocation(
        Grant(
            id=figures["name"],
            name=figures["name"],
            amount_minor=figures["left"] + gone.used_minor,
            effective_at=JANUARY + timedelta(minutes=figures["effective"]),
            created_at=JANUARY + timedelta(days=figures["created"]),
            expires_at=instant(figures["expires"]),
            ended_at=instant(figures["ended"]),
            priority=figures["priority"],
            cost_basis=figures["cost"],
            applies_to=scope_of(figures["charges"]),
        ),
        gone,
    )


def line_of(figures: Figures) -> PayableLine:
    return PayableLine(
        id=figures["name"],
        charge=figures["charge"],
        is_usage=figures["usage"],
        slices=tuple(Slice(FIRST + at, day, units) for at, day, units in figures["slices"]),
        paid=tuple(Drawn(*part) for part in figures["paid"]),
    )


def draft_of(figures: Figures) -> PayableDraft:
    return PayableDraft(invoice=figures["name"], lines=tuple(map(line_of, figures["lines"])))


def paid_by(drafts: list[Figures], allocations: list[Allocation]) -> Drawdowns:
    return outcome_of(drafts, allocations).lines


def outcome_of(drafts: list[Figures], allocations: list[Allocation]) -> Outcome:
    """Draw down with the grants that may pay for anything on the drafts, all of which have begun."""
    since = min((at for draft in drafts for line in draft["lines"] for at, *_ in line["slices"]), default=0)
    grants = paying(allocations, since=FIRST + since, now=JANUARY + timedelta(days=1))
    return draw_down(list(map(draft_of, drafts)), grants)


def drawn_down(drafts: list[Figures], grants: list[Figures]) -> Drawdowns:
    return paid_by(drafts, [allocation_of(grant, drafts) for grant in grants])


def as_result(found: Drawdowns) -> Result:
    return {place: {(one.grant, one.day): one.amount_minor for one in drawn} for place, drawn in found.items()}


def totals(found: Drawdowns) -> Totals:
    """Add up what each draft draws from each grant."""
    by_draft: Totals = {}
    for (invoice, _), drawn in found.items():
        for one in drawn:
            of = by_draft.setdefault(invoice, {})
            of[one.grant] = of.get(one.grant, 0) + one.amount_minor
    return by_draft


def credits_by_line(found: Drawdowns, drafts: list[Figures]) -> dict[tuple[str, str], int]:
    """Add up what grants pay of every line, also of those where it is nothing."""
    places = [(draft["name"], line["name"]) for draft in drafts for line in draft["lines"]]
    return {place: sum(one.amount_minor for one in found.get(place, ())) for place in places}


# Compared


@pytest.mark.parametrize("part", range(4))
def test_drawdown_is_the_naive_one_to_the_minor_unit(part: int) -> None:
    chance = Random(part)
    for _ in range(CASES // 4):
        drafts, grants = case(chance)
        assert as_result(drawn_down(drafts, grants)) == naive_drawdown.draw(drafts, grants), (drafts, grants)


def seen(drafts: list[Figures], grants: list[Figures]) -> Iterator[str]:
    """Name what a case is about, to know that the cases are about everything."""
    box = naive_drawdown.play(drafts, grants)
    returned = {place for place, line in box.result.items() for units in line.values() if units < 0}
    slices = [units for draft in drafts for line in draft["lines"] for _, _, units in line["slices"]]
    yield from {"given back"} if returned else ()
    yield from {"shrinks"} if min(slices, default=0) < 0 else ()
    yield from {"owed"} if any(due < 0 for due in box.due.values()) else ()
    yield from {"due"} if any(due > 0 for due in box.due.values()) else ()
    yield from {"came back and lies"} if any(owner for _, owner in box.coins) else ()
    yield from {"came back and was drawn"} if any(coin[1] for pile in box.piles.values() for _, coin in pile) else ()
    drawing = Counter(grant for line in box.result.values() for grant in {name for name, _ in line})
    yield from {"a grant for several lines"} if max(drawing.values(), default=0) > 1 else ()
    yield from {"several grants for a line"} if any(len({g for g, _ in one}) > 1 for one in box.result.values()) else ()


def test_the_cases_are_about_everything() -> None:
    chance = Random(0)
    found = Counter(name for _ in range(CASES // 4) for name in seen(*case(chance)))
    assert len(found) == 8
    assert min(found.values()) > 20, found


# What holds for all


@given(cases())
def test_credits_lie_between_nothing_and_the_line(of: Case) -> None:
    drafts, grants = of
    paid = credits_by_line(drawn_down(drafts, grants), drafts)
    for draft in drafts:
        for line in draft["lines"]:
            net = sum(units for _, _, units in line["slices"])
            assert min(0, net) <= paid[draft["name"], line["name"]] <= max(0, net)


@given(cases(), st.randoms(use_true_random=False))
def test_what_is_not_taken_may_be_held_without_changing_any_draft(of: Case, chance: Random) -> None:
    drafts, grants = of
    allocations = [allocation_of(grant, drafts) for grant in grants]
    outcome = outcome_of(drafts, allocations)
    free = {one.grant.id: one.left_minor - outcome.taken.get(one.grant.id, 0) for one in allocations}
    assert all(minor >= 0 for minor in free.values())
    held = [with_held(one, chance.randint(0, free[one.grant.id])) for one in allocations]
    assert paid_by(drafts, held) == outcome.lines
    assert paid_by(drafts, [with_held(one, free[one.grant.id]) for one in allocations]) == outcome.lines


def with_held(one: Allocation, minor: int) -> Allocation:
    return replace(one, balance=replace(one.balance, held_minor=one.balance.held_minor + minor))


@given(cases())
def test_drafts_draw_no_more_than_is_left_of_a_grant(of: Case) -> None:
    drafts, grants = of
    by_draft = totals(drawn_down(drafts, grants))
    for grant in grants:
        drawn = [max(0, each.get(grant["name"], 0)) for each in by_draft.values()]
        assert sum(drawn) <= grant["left"]


@given(cases(returns=False))
def test_nothing_is_drawn_outside_of_the_window_or_the_scope(of: Case) -> None:
    drafts, grants = of
    named = {grant["name"]: grant for grant in grants}
    lines = {(draft["name"], line["name"]): line for draft in drafts for line in draft["lines"]}
    for place, drawn in drawn_down(drafts, grants).items():
        for one in drawn:
            line, grant = lines[place], named[one.grant]
            assert naive_drawdown.takes(grant, line)
            assert any(day == one.day and naive_drawdown.is_open(grant, at) for at, day, _ in line["slices"])


@given(cases(), seeds())
def test_the_order_in_which_grants_are_read_changes_nothing(of: Case, seed: int) -> None:
    drafts, grants = of
    shuffled = list(grants)
    Random(seed).shuffle(shuffled)
    assert drawn_down(drafts, shuffled) == drawn_down(drafts, grants)


@given(cases(), seeds())
def test_a_slice_in_two_parts_at_one_instant_is_the_same(of: Case, seed: int) -> None:
    (drafts, grants), chance = of, Random(seed)
    halved = [{**draft, "lines": [in_parts(line, chance) for line in draft["lines"]]} for draft in drafts]
    assert as_result(drawn_down(halved, grants)) == as_result(drawn_down(drafts, grants))


def in_parts(line: Figures, chance: Random) -> Figures:
    """Cut each slice of a line in two, both with its sign."""
    slices = []
    for at, day, units in line["slices"]:
        part = chance.randint(min(0, units), max(0, units))
        slices += [(at, day, part), (at, day, units - part)]
    return {**line, "slices": slices}


@given(seeds())
def test_cutting_a_line_finer_in_time_changes_nothing_where_no_window_begins_or_ends(seed: int) -> None:
    chance = Random(seed)
    grants = case(chance)[1]
    line = usage_line(chance, "a", shrinks=False)
    # Windows of whole days, so that slices of whole days and any finer ones lie in the same.
    whole = [
        {**grant, **{name: in_days(grant[name]) for name in ("effective", "expires", "ended")}} for grant in grants
    ]
    days = Counter({at // DAY: 0 for at in range(QUARTER_HOURS)})
    for at, _, units in line["slices"]:
        days[at // DAY] += units
    coarse = {**line, "slices": [(day * DAY, day_of(day * DAY), units) for day, units in days.items()]}
    found = [as_result(drawn_down([{"name": "inv_0", "lines": [one]}], whole)) for one in (line, coarse)]
    assert found[0] == found[1]


def in_days(at_minute: int | None) -> int | None:
    return None if at_minute is None else at_minute // (DAY * 15) * (DAY * 15)


@given(cases(), st.integers(2, 1000))
def test_amounts_of_another_size_are_drawn_alike(of: Case, factor: int) -> None:
    drafts, grants = of
    larger = [{**draft, "lines": [in_units(line, factor) for line in draft["lines"]]} for draft in drafts]
    filled = [{**grant, "left": grant["left"] * factor} for grant in grants]
    expected = {
        place: {key: units * factor for key, units in line.items()}
        for place, line in as_result(drawn_down(drafts, grants)).items()
    }
    assert as_result(drawn_down(larger, filled)) == expected


def in_units(line: Figures, factor: int) -> Figures:
    scaled = {name: [(*part[:2], part[2] * factor) for part in line[name]] for name in ("slices", "paid")}
    return {**line, **scaled}


@given(cases(returns=False))
def test_one_draft_draws_what_its_lines_would_on_drafts_of_their_own(of: Case) -> None:
    drafts, grants = of
    apart = [{"name": f"{one['name']}-{line['name']}", "lines": [line]} for one in drafts for line in one["lines"]]
    together = as_result(drawn_down(drafts, grants))
    assert as_result(drawn_down(apart, grants)) == {
        (f"{invoice}-{line}", line): drawn for (invoice, line), drawn in together.items()
    }


@given(cases(shrinks=False))
def test_a_grant_more_at_the_last_place_takes_nothing_from_a_line(of: Case) -> None:
    drafts, grants = of
    last = {**a_grant(Random(0), "gr_last"), "priority": 3, "charges": "all", "left": 10}
    last |= {"effective": 0, "expires": None, "ended": None}
    before, after = drawn_down(drafts, grants), drawn_down(drafts, [last, *grants])
    kept = {
        place: without
        for place, drawn in after.items()
        if (without := [one for one in drawn if one.grant != "gr_last"])
    }
    assert kept == {place: list(drawn) for place, drawn in before.items()}


@given(cases(shrinks=False), st.integers(0, 2))
def test_finalizing_a_draft_takes_nothing_from_the_others(of: Case, place: int) -> None:
    drafts, grants = of
    first, others = after_finalizing(drafts, grants, place)
    before = {one: paid for one, paid in credits_by_line(first, drafts).items() if one in others}
    assert all(others[one] >= paid for one, paid in before.items())


@given(cases(shrinks=False, returns=False), st.integers(0, 2))
def test_finalizing_a_draft_changes_nothing_for_the_others_when_nothing_comes_back(of: Case, place: int) -> None:
    drafts, grants = of
    first, others = after_finalizing(drafts, grants, place)
    assert {one: paid for one, paid in credits_by_line(first, drafts).items() if one in others} == others


def after_finalizing(
    drafts: list[Figures], grants: list[Figures], place: int
) -> tuple[Drawdowns, dict[tuple[str, str], int]]:
    """Draw down all drafts; then book what one draws and gives back, and draw down the others, by line."""
    allocations = [allocation_of(grant, drafts) for grant in grants]
    first = paid_by(drafts, allocations)
    finalized = drafts[place % len(drafts)]
    others = [draft for draft in drafts if draft is not finalized]
    moved = totals(first).get(finalized["name"], {})
    booked = [consumed(one, moved.get(one.grant.id, 0)) for one in allocations]
    return first, credits_by_line(paid_by(others, booked), others)


def consumed(one: Allocation, units: int) -> Allocation:
    after = replace(one, balance=replace(one.balance, consumed_minor=one.balance.consumed_minor + units))
    assert after.left_minor >= 0
    assert after.balance.consumed_minor >= 0
    return after


@given(cases(), st.integers(0, 2))
def test_whichever_draft_is_finalized_first_every_grant_has_what_it_draws(of: Case, place: int) -> None:
    drafts, grants = of
    for at in range(place, place + len(drafts)):
        after_finalizing(drafts, grants, at)
