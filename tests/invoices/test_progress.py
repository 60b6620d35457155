"""Which drafts are open, what each carries, when something is due, and how closing, settling and voiding move on."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.catalog.plans import Plan, Timing
from chalicelib.catalog.subscriptions import (
    BillingProgress,
    Period,
    Phase,
    ReopenedPeriod,
    SettlingPeriod,
    Subscription,
)
from chalicelib.catalog.timeline import find_period
from chalicelib.invoices.numbering import InvoiceKind
from chalicelib.invoices.progress import (
    OpenDraft,
    Plans,
    advance_ref,
    after_closing,
    after_settling,
    find_fee_draft,
    find_late_draft,
    find_open_draft,
    give_fees_back,
    late_usage_ref,
    next_due,
    open_drafts,
    period_ref,
    reopen,
    settle_again,
    waive,
)
from tests.catalog.build_subscriptions import BASIC, PRO, at, plan, plan_with_fee, run, subscribed, subscription

PLANS = Plans([(BASIC, plan())])
FEES = Plans([(BASIC, plan_with_fee("basic"))])


def progressed(start: str = "2026-01-01", *, ends: str | None = None, number: int = 1, **progress: Any) -> Subscription:
    """Make a monthly subscription that has been billed so far."""
    made = subscription(start, number=number, end_at=None if ends is None else at(ends))
    return replace(made, progress=BillingProgress(**progress))


def period(one: Subscription, number: int) -> Period:
    found = find_period(one, number)
    assert found is not None
    return found


def settling(one: Subscription, number: int, until: str, *, touched: bool = False) -> SettlingPeriod:
    found = period(one, number)
    return SettlingPeriod(number=number, start=found.start, end=found.end, late_usage_until=at(until), touched=touched)


def names(now: str, *subscriptions: Subscription, plans: Plans = PLANS) -> list[str]:
    return [draft.ref.id.removeprefix("inv_acme.") for draft in open_drafts(subscriptions, plans, at(now))]


def advances(now: str, one: Subscription, plans: Plans = FEES) -> dict[str, tuple[int, ...]]:
    return {draft.ref.name: draft.advance for draft in open_drafts([one], plans, at(now))}


def test_a_period_has_a_draft_from_its_first_instant() -> None:
    one = progressed()
    assert names("2026-01-31T23:59", one) == ["1p0.0"]
    assert names("2026-02-01", one) == ["1p0.0", "1p1.0"]


def test_a_scheduled_subscription_has_no_draft_before_it_begins() -> None:
    assert names("2026-01-09T23:59", progressed("2026-01-10")) == []
    assert names("2026-01-10", progressed("2026-01-10")) == ["1p0.0"]


def test_a_trial_has_no_draft() -> None:
    one = subscribed(run("2026-01-15"), start_at=at("2026-01-01"))
    assert names("2026-01-14T23:59", one) == []
    assert names("2026-01-15", one) == ["1p0.0"]


def test_closed_periods_have_no_draft_but_reopened_ones_do() -> None:
    again = ReopenedPeriod(number=0, attempt=2, finalizes_at=at("2026-03-20"))
    one = progressed(next_period=2, reopened=(again,))
    assert names("2026-03-10", one) == ["1p0.2", "1p2.0"]
    found = {draft.ref.name: draft for draft in open_drafts([one], PLANS, at("2026-03-10"))}
    assert (found["1p0"].is_reopened, found["1p0"].is_regular) == (True, False)
    assert (found["1p2"].is_reopened, found["1p2"].is_regular) == (False, True)


def test_no_draft_follows_the_end() -> None:
    assert names("2026-05-01", progressed(ends="2026-02-10")) == ["1p0.0", "1p1.0"]
    assert names("2026-05-01", progressed(ends="2026-02-10", next_period=2)) == []


def test_drafts_of_all_subscriptions_are_in_the_order_of_their_finalization() -> None:
    first = progressed(ends="2026-01-20")
    second = progressed("2026-01-20", number=2)
    assert names("2026-02-05", second, first) == ["1p0.0", "2p0.0", "2p1.0"]


def test_a_draft_is_finalized_after_the_grace_of_the_plan_that_its_period_ends_with() -> None:
    phases = (Phase(at("2026-01-01"), BASIC), Phase(at("2026-01-20"), PRO))
    one = subscribed(run("2026-01-01", *phases))
    plans = Plans([(BASIC, plan(grace_hours=1)), (PRO, plan("pro", grace_hours=48))])
    [january, february] = open_drafts([one], plans, at("2026-02-01"))
    assert (january.finalizes_at, february.finalizes_at) == (at("2026-02-03"), at("2026-03-03"))


def test_a_draft_carries_the_advance_fee_of_the_period_that_follows() -> None:
    assert advances("2026-01-15", progressed(advance_until=1)) == {"1p0": (1,)}
    assert advances("2026-02-01", progressed(advance_until=1)) == {"1p0": (1,), "1p1": (2,)}


def test_a_fee_that_is_on_an_invoice_is_carried_by_no_draft() -> None:
    # A change of plan has charged the second period at once.
    assert advances("2026-02-01", progressed(advance_until=2)) == {"1p0": (), "1p1": (2,)}


def test_fees_that_are_missing_go_to_the_first_draft_alone() -> None:
    one = progressed(next_period=2, advance_until=4, advance_missing=(0, 2))
    assert advances("2026-04-01", one) == {"1p2": (0, 2), "1p3": (4,)}


def test_the_first_fee_has_a_draft_of_its_own_once_a_scheduled_subscription_begins() -> None:
    one = progressed("2026-01-10")
    assert advances("2026-01-09T23:59", one) == {}
    assert advances("2026-01-10", one) == {"1a0": (0,), "1p0": (1,)}
    [first, _] = open_drafts([one], FEES, at("2026-01-10"))
    assert (first.ref.kind, first.period, first.finalizes_at) == (InvoiceKind.ADVANCE, None, at("2026-01-10"))


def test_without_an_advance_fee_there_is_no_draft_of_a_first_one() -> None:
    arrears = Plans([(BASIC, plan_with_fee("basic", Timing.ARREARS))])
    assert list(advances("2026-01-10", progressed("2026-01-10"), arrears)) == ["1p0"]
    assert list(advances("2026-01-10", progressed("2026-01-10", advance_until=1), FEES)) == ["1p0"]


def test_late_usage_goes_to_the_draft_that_was_never_closed_and_is_finalized_first() -> None:
    again = ReopenedPeriod(number=0, attempt=1, finalizes_at=at("2026-02-02"))
    one = progressed(next_period=1, reopened=(again,))
    drafts = open_drafts([one], PLANS, at("2026-03-01"))
    assert [draft.ref.id for draft in drafts] == ["inv_acme.1p0.1", "inv_acme.1p1.0", "inv_acme.1p2.0"]
    found = find_open_draft(drafts)
    assert found is not None
    assert found.ref.id == "inv_acme.1p1.0"
    assert find_open_draft(drafts[:1]) is None


def test_where_nothing_settles_there_is_no_draft_of_late_usage_alone() -> None:
    assert find_late_draft([progressed(ends="2026-02-01", next_period=1)], at("2026-02-10")) is None


def test_late_usage_alone_waits_until_the_first_period_takes_no_more() -> None:
    one = progressed(ends="2026-03-01", next_period=2, late_invoices=3)
    first, second = settling(one, 0, "2026-03-08"), settling(one, 1, "2026-04-05")
    found = find_late_draft([replace(one, progress=replace(one.progress, settling=(first, second)))], at("2026-03-02"))
    assert found is not None
    assert (found.ref.id, found.finalizes_at, found.period) == ("inv_acme.1l3.0", at("2026-03-08"), None)


def test_a_fee_that_came_back_after_the_end_is_due_at_once() -> None:
    one = progressed(ends="2026-02-01", next_period=1, advance_until=2, advance_missing=(0,))
    found = find_late_draft([one], at("2026-02-10"))
    assert found is not None
    assert (found.advance, found.finalizes_at) == ((0,), at("2026-02-10"))


def test_a_fee_that_came_back_after_the_end_is_due_beside_the_draft_of_another_subscription() -> None:
    ended = progressed(ends="2026-02-01", next_period=1, advance_until=2, advance_missing=(0,), late_invoices=1)
    following = progressed("2026-02-01", number=2)
    found = find_fee_draft([ended, following], at("2026-02-10"))
    assert found is not None
    assert (found.ref.id, found.advance, found.finalizes_at) == ("inv_acme.1l1.0", (0,), at("2026-02-10"))
    assert due("2026-02-10", ended, following) == "2026-02-10T00:00"


def test_a_fee_that_came_back_before_the_end_waits_for_the_next_draft() -> None:
    assert find_fee_draft([progressed(next_period=1, advance_until=2, advance_missing=(0,))], at("2026-02-10")) is None
    assert find_fee_draft([progressed(ends="2026-02-01", next_period=1)], at("2026-02-10")) is None


def due(now: str, *subscriptions: Subscription, plans: Plans = PLANS) -> str | None:
    found = next_due(subscriptions, plans, at(now))
    return None if found is None else f"{found:%Y-%m-%dT%H:%M}"


def test_what_is_due_next_is_the_end_of_the_grace() -> None:
    assert due("2026-01-15", progressed()) == "2026-02-02T00:00"
    assert due("2026-01-15", progressed(next_period=1)) == "2026-03-02T00:00"


def test_a_scheduled_first_fee_is_due_when_it_begins() -> None:
    one = progressed("2026-01-10")
    assert due("2026-01-05", one, plans=FEES) == "2026-01-10T00:00"
    assert due("2026-01-05", progressed("2026-01-10", advance_until=1), plans=FEES) == "2026-02-02T00:00"


def test_a_reopened_period_is_due_when_its_new_grace_ends() -> None:
    again = ReopenedPeriod(number=0, attempt=1, finalizes_at=at("2026-02-20T07:00"))
    assert due("2026-02-19", progressed(next_period=1, reopened=(again,))) == "2026-02-20T07:00"


def test_after_the_end_what_settles_is_due_at_its_limit_and_then_once_more_an_hour_later() -> None:
    one = progressed(ends="2026-02-01", next_period=1)
    one = replace(one, progress=replace(one.progress, settling=(settling(one, 0, "2026-03-08"),)))
    assert due("2026-03-07T23:59", one) == "2026-03-08T00:00"
    assert due("2026-03-08", one) == "2026-03-08T01:00"


def test_while_a_period_is_still_to_be_closed_what_settles_needs_no_visit() -> None:
    one = progressed(next_period=1)
    one = replace(one, progress=replace(one.progress, settling=(settling(one, 0, "2026-02-25"),)))
    assert due("2026-02-10", one) == "2026-03-02T00:00"


def test_a_missing_fee_without_a_draft_that_takes_it_is_due_now() -> None:
    one = progressed(ends="2026-02-01", next_period=1, advance_until=1, advance_missing=(0,))
    assert due("2026-02-10", one) == "2026-02-10T00:00"


def test_an_ended_subscription_that_has_settled_is_never_due() -> None:
    assert due("2026-05-01", progressed(ends="2026-02-01", next_period=1)) is None
    assert due("2026-05-01") is None


def draft_of(one: Subscription, number: int, *, advance: tuple[int, ...] = (), attempt: int = 0) -> OpenDraft:
    return OpenDraft(
        ref=period_ref(one, number, attempt=attempt),
        subscription=one,
        period=period(one, number),
        finalizes_at=at("2026-02-02"),
        advance=advance,
    )


def closed(one: Subscription, draft: OpenDraft, *, now: str = "2026-02-02") -> BillingProgress:
    return after_closing(one, draft, late_usage_until=at("2026-03-08"), now=at(now)).progress


def test_a_closed_period_settles_and_the_next_one_is_to_be_closed() -> None:
    one = progressed()
    progress = closed(one, draft_of(one, 0))
    assert (progress.next_period, progress.settling) == (1, (settling(one, 0, "2026-03-08"),))


@pytest.mark.parametrize(("now", "settles"), [("2026-03-08T00:59", True), ("2026-03-08T01:00", False)])
def test_a_period_closed_an_hour_after_its_late_limit_settles_at_once(now: str, settles: bool) -> None:
    one = progressed()
    assert bool(closed(one, draft_of(one, 0), now=now).settling) == settles


def test_closing_a_reopened_period_moves_nothing_back() -> None:
    again = ReopenedPeriod(number=0, attempt=1, finalizes_at=at("2026-03-20"))
    other = ReopenedPeriod(number=1, attempt=1, finalizes_at=at("2026-03-20"))
    one = progressed(next_period=3, reopened=(again, other))
    progress = closed(one, draft_of(one, 0, attempt=1), now="2026-03-01")
    assert (progress.next_period, progress.reopened) == (3, (other,))
    assert [each.number for each in progress.settling] == [0]


def test_closing_keeps_settling_periods_in_order() -> None:
    one = progressed(next_period=1)
    one = replace(one, progress=replace(one.progress, settling=(settling(one, 1, "2026-04-05"),)))
    assert [each.number for each in closed(one, draft_of(one, 0)).settling] == [0, 1]


def test_an_invoice_of_late_usage_alone_is_counted_and_closes_nothing() -> None:
    one = progressed(next_period=1)
    draft = OpenDraft(ref=late_usage_ref(one), subscription=one, period=None, finalizes_at=at("2026-03-08"))
    progress = closed(one, draft)
    assert (progress.late_invoices, progress.next_period, progress.settling) == (1, 1, ())


def test_an_invoice_of_an_advance_fee_closes_nothing() -> None:
    one = progressed()
    draft = OpenDraft(
        ref=advance_ref(one, 0), subscription=one, period=None, finalizes_at=at("2026-01-01"), advance=(0,)
    )
    progress = closed(one, draft)
    assert (progress.next_period, progress.advance_until, progress.advance_missing) == (0, 1, ())
    assert progress.late_invoices == 0


@pytest.mark.parametrize(
    ("until", "missing", "billed", "then"),
    [
        (0, (), (0,), (1, ())),
        (1, (), (1,), (2, ())),
        # What lies between was never billed: it is missing from then on.
        (1, (), (3,), (4, (1, 2))),
        (4, (0, 2), (2,), (4, (0,))),
        (4, (0, 2), (0, 2, 4), (5, ())),
        (4, (2,), (), (4, (2,))),
        # Corrected, not charged anew.
        (2, (), (0, 1), (2, ())),
    ],
)
def test_advance_fees_are_billed_each_once_and_gaps_are_remembered(
    until: int, missing: tuple[int, ...], billed: tuple[int, ...], then: tuple[int, tuple[int, ...]]
) -> None:
    one = progressed(advance_until=until, advance_missing=missing)
    progress = closed(one, draft_of(one, 0, advance=billed))
    assert (progress.advance_until, progress.advance_missing) == then


def test_fees_given_back_are_missing_each_once() -> None:
    one = progressed(advance_until=3, advance_missing=(1,))
    assert give_fees_back(one, [2, 1, 0]).progress.advance_missing == (0, 1, 2)


def settled(now: str, *, billed: tuple[int, ...]) -> dict[int, bool]:
    """Settle two touched periods; tells which are left and whether they are touched still."""
    one = progressed(next_period=2)
    both = (settling(one, 0, "2026-03-08", touched=True), settling(one, 1, "2026-04-05", touched=True))
    one = replace(one, progress=replace(one.progress, settling=both))
    progress = after_settling(one, billed=billed, now=at(now)).progress
    return {each.number: each.touched for each in progress.settling}


def test_a_period_whose_late_usage_was_billed_goes_on_settling_untouched() -> None:
    assert settled("2026-03-01", billed=(0,)) == {0: False, 1: True}


def test_a_period_leaves_when_it_was_billed_an_hour_after_its_limit() -> None:
    assert settled("2026-03-08T00:59", billed=(0, 1)) == {0: False, 1: False}
    assert settled("2026-03-08T01:00", billed=(0, 1)) == {1: False}


def test_a_period_that_was_not_billed_stays_however_late_it_is() -> None:
    assert settled("2026-06-01", billed=()) == {0: True, 1: True}


def test_a_reopened_period_no_longer_settles() -> None:
    one = progressed(next_period=1)
    one = replace(one, progress=replace(one.progress, settling=(settling(one, 0, "2026-03-08"),)))
    again = reopen(one, 0, attempt=1, finalizes_at=at("2026-02-20")).progress
    assert (again.settling, again.next_period) == ((), 1)
    assert again.reopened == (ReopenedPeriod(number=0, attempt=1, finalizes_at=at("2026-02-20")),)


def test_a_waived_period_goes_on_settling_without_being_billed() -> None:
    one = progressed(next_period=2)
    both = (settling(one, 0, "2026-03-08"), settling(one, 1, "2026-04-05"))
    one = replace(one, progress=replace(one.progress, settling=both))
    assert [(each.number, each.waived) for each in waive(one, 0).progress.settling] == [(0, True), (1, False)]


def test_a_period_settles_again_touched_and_in_its_place() -> None:
    one = progressed(next_period=3)
    one = replace(one, progress=replace(one.progress, settling=(settling(one, 1, "2026-04-05"),)))
    again = settle_again(one, settling(one, 0, "2026-03-08"))
    assert [(each.number, each.touched) for each in again.progress.settling] == [(0, True), (1, False)]
    twice = settle_again(again, settling(one, 0, "2026-03-08"))
    assert twice == again


def test_plans_are_found_by_the_terms_that_hold_in_each_part() -> None:
    phases = (Phase(at("2026-01-01"), BASIC), Phase(at("2026-01-20"), PRO))
    one = subscribed(run("2026-01-01", *phases))
    found: list[Plan] = list(Plans([(PRO, plan("pro")), (BASIC, plan())]).of_period(period(one, 0)))
    assert [each.key for each in found] == ["basic", "pro"]
