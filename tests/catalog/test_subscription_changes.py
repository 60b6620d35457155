"""What can be changed of a subscription, when, and what comes out."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.catalog.plans import Plan, Timing
from chalicelib.catalog.subscription_changes import (
    MAX_AHEAD,
    NewSubscription,
    When,
    cancel,
    change_at,
    change_details,
    change_plan,
    changed_terms,
    find_scheduled_change,
    get_subscription,
    new_subscription,
    resume,
)
from chalicelib.catalog.subscriptions import BillingProgress, Phase, Subscription, SubscriptionStatus, Terms
from chalicelib.catalog.timeline import current_terms, find_current, find_period, status_of, terms_at
from chalicelib.shared.billing_periods import PeriodUnit
from chalicelib.shared.errors import Conflict, InvalidInput, NotFound
from chalicelib.shared.time import parse_quarter_hour
from tests.catalog.build_subscriptions import (
    ANNIVERSARY,
    BASIC,
    PRO,
    at,
    days_of,
    made,
    organization,
    plan,
    plan_with_fee,
    run,
    shown,
    subscribed,
    subscription,
    together,
)

MOMENT = timedelta(microseconds=1)
QUARTER = PeriodUnit.QUARTER


def pointers(refused: pytest.ExceptionInfo[InvalidInput]) -> list[str]:
    return [fault.pointer for fault in refused.value.faults]


def change(
    one: Subscription,
    when: str | datetime,
    *,
    now: str,
    to: Terms = PRO,
    was: Plan | None = None,
    then: Plan | None = None,
) -> Subscription:
    """Change to another plan; without plans given both have usage charges and months."""
    then = then or plan(to.plan, to.version)
    return change_plan(one, to, plan_now=was or plan(), plan_then=then, at=_when(when), now=at(now))


def _when(when: str | datetime) -> When:
    if when in ("now", "period_end"):
        return "now" if when == "now" else "period_end"
    return at(when) if isinstance(when, str) else when


def phases(one: Subscription) -> list[tuple[str, str, int]]:
    """Show the terms: from when, which plan, in which run (named by its first period)."""
    return [
        (f"{phase.start_at:%Y-%m-%dT%H:%M}", phase.terms.plan, run.first_period)
        for run in one.runs
        for phase in run.phases
    ]


# A new one


def test_a_new_subscription_starts_now_with_the_next_number() -> None:
    first = made(now="2026-01-10T10:07")
    assert (first.id, first.start_at, first.number) == ("sub_acme.1", at("2026-01-10T10:07"), 1)
    assert first.metered_from == parse_quarter_hour("2026-01-10T10:00")
    ended = replace(first, number=7, end_at=at("2026-01-11"))
    assert made([ended], now="2026-01-12").number == 8


def test_a_start_may_lie_back_as_far_as_usage_is_accepted() -> None:
    assert made(now="2026-02-05", start_at=at("2026-01-01")).start_at == at("2026-01-01")
    with pytest.raises(InvalidInput) as refused:
        made(now="2026-02-05", start_at=at("2026-01-01") - MOMENT)
    assert pointers(refused) == ["/start"]


def test_every_fault_of_a_new_subscription_is_named() -> None:
    wanted = NewSubscription(
        organization=organization(currency="EUR"),
        plan=plan(),
        terms=BASIC,
        start_at=at("2026-01-10"),
        end_at=at("2026-01-10"),
        trial_days=731,
    )
    with pytest.raises(InvalidInput) as refused:
        new_subscription(together(), wanted, late_limit_days=35, now=at("2026-01-10"))
    assert pointers(refused) == ["/plan", "/end", "/trial_days"]


def test_an_end_lies_after_the_start() -> None:
    assert made(now="2026-01-10", end_at=at("2026-01-10") + MOMENT).end_at == at("2026-01-10") + MOMENT


@pytest.mark.parametrize("field", ["start_at", "end_at"])
def test_nothing_lies_more_than_a_hundred_years_ahead(field: str) -> None:
    farthest = at("2026-01-10") + MAX_AHEAD
    sound: dict[str, Any] = {field: farthest}
    wrong: dict[str, Any] = {field: farthest + MOMENT}
    assert getattr(made(now="2026-01-10", **sound), field) == farthest
    with pytest.raises(InvalidInput):
        made(now="2026-01-10", **wrong)


def test_a_trial_ends_at_the_start_of_a_local_day() -> None:
    trial = made(now="2026-01-10T22:30", timezone="Europe/Berlin", trial_days=14)
    # Half past eleven in the evening of the 10th in Berlin: 14 days on is the 24th.
    assert trial.trial_end_at == trial.runs[0].start_at == at("2026-01-23T23:00")
    assert status_of(trial, at("2026-01-11")) is SubscriptionStatus.TRIAL
    assert made(now="2026-01-10", trial_days=730).trial_end_at == at("2028-01-10")
    assert made(now="2026-01-10", trial_days=0).trial_end_at is None


def test_one_subscription_at_a_time_is_active() -> None:
    with pytest.raises(Conflict):
        made([subscription("2026-01-01")], now="2026-01-10")
    ending = subscription("2026-01-01", end_at=at("2026-02-01"))
    with pytest.raises(Conflict):
        made([ending], now="2026-01-10", start_at=at("2026-02-01") - MOMENT)
    assert made([ending], now="2026-01-10", start_at=at("2026-02-01")).number == 2


def test_one_may_end_where_a_scheduled_one_begins() -> None:
    scheduled = subscription("2026-02-01T10:07")
    with pytest.raises(Conflict):
        made([scheduled], now="2026-01-10")
    # The quarter-hour in which the scheduled one begins is its own.
    with pytest.raises(Conflict):
        made([scheduled], now="2026-01-10", end_at=at("2026-02-01T10:07"))
    assert made([scheduled], now="2026-01-10", end_at=at("2026-02-01T10:00")).number == 2


def test_what_never_begins_is_in_nobodys_way() -> None:
    never = subscription("2026-01-20", end_at=at("2026-01-20"))
    assert made([never], now="2026-01-10").end_at is None
    assert made([never], now="2026-01-25", start_at=at("2026-01-19")).start_at == at("2026-01-19")


def test_a_start_before_the_end_of_one_that_is_over_is_refused() -> None:
    over = subscription("2025-12-01", end_at=at("2026-01-05T10:07"))
    with pytest.raises(InvalidInput) as refused:
        made([over], now="2026-01-10", start_at=at("2026-01-05T10:07") - MOMENT)
    assert pointers(refused) == ["/start"]
    assert made([over], now="2026-01-10", start_at=at("2026-01-05T10:07")).number == 2
    just_over = subscription("2025-12-01", end_at=at("2026-01-10"))
    with pytest.raises(InvalidInput):
        made([just_over], now="2026-01-10", start_at=at("2026-01-10") - MOMENT)


def test_the_quarter_hour_in_which_an_earlier_one_ended_stays_its_own() -> None:
    over = subscription("2025-12-01", end_at=at("2026-01-05T10:07"))
    following = made([over], now="2026-01-10", start_at=at("2026-01-05T10:08"))
    last, first = find_period(over, 1), find_period(following, 0)
    assert last is not None
    assert first is not None
    assert last.end == first.start == parse_quarter_hour("2026-01-05T10:15")


# Changes of plan


def test_a_change_now_splits_the_period() -> None:
    changed = change(subscription("2026-01-01"), "now", now="2026-01-11T15:00")
    assert phases(changed) == [("2026-01-01T00:00", "basic", 0), ("2026-01-11T15:00", "pro", 0)]
    found = find_period(changed, 0)
    assert found is not None
    assert days_of(found) == "01 Jan-11 Jan 10, 11 Jan-01 Feb 21 of 31"


def test_a_change_at_the_end_of_the_period_begins_with_the_next() -> None:
    changed = change(subscription("2026-01-10"), "period_end", now="2026-01-11")
    assert phases(changed) == [("2026-01-10T00:00", "basic", 0), ("2026-02-01T00:00", "pro", 0)]
    assert current_terms(changed, at("2026-01-31")) == BASIC
    assert current_terms(changed, at("2026-02-01")) == PRO


def test_a_change_at_an_instant_ahead_takes_effect_by_itself() -> None:
    changed = change(subscription("2026-01-10"), "2026-03-15T12:00", now="2026-01-11")
    found = find_period(changed, 2)
    assert found is not None
    assert [part.terms for part in found.parts] == [BASIC, PRO]


@pytest.mark.parametrize("old", [True, False])
def test_a_change_now_with_a_fee_in_advance_closes_the_period(old: bool) -> None:
    fees: dict[str, Any] = {"was": plan_with_fee("basic")} if old else {"then": plan_with_fee("pro")}
    changed = change(subscription("2026-01-10", anchor=ANNIVERSARY), "now", now="2026-02-20T12:00", **fees)
    assert phases(changed) == [("2026-01-10T00:00", "basic", 0), ("2026-02-20T12:00", "pro", 2)]
    assert shown(find_period(changed, 1)) == ("2026-02-10T00:00:00Z", "2026-02-20T12:00:00Z")
    assert shown(find_period(changed, 2)) == ("2026-02-20T12:00:00Z", "2026-03-20T00:00:00Z")


def test_a_calendar_run_that_begins_in_the_middle_is_partial() -> None:
    changed = change(subscription("2026-01-10"), "now", now="2026-02-20T12:00", then=plan_with_fee("pro"))
    found = find_period(changed, 2)
    assert found is not None
    assert days_of(found) == "20 Feb-01 Mar 9 of 28"


def test_a_fee_in_arrears_lets_the_period_split() -> None:
    arrears = plan_with_fee("pro", Timing.ARREARS)
    changed = change(subscription("2026-01-10"), "now", now="2026-02-20", then=arrears)
    assert [one.first_period for one in changed.runs] == [0]


def test_another_billing_period_begins_another_run() -> None:
    quarterly = plan("pro", unit=QUARTER)
    now = change(subscription("2026-01-10"), "now", now="2026-02-20", then=quarterly)
    later = change(subscription("2026-01-10"), "period_end", now="2026-02-20", then=quarterly)
    assert phases(now)[1:] == [("2026-02-20T00:00", "pro", 2)]
    assert phases(later)[1:] == [("2026-03-01T00:00", "pro", 2)]
    assert shown(find_period(later, 2)) == ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")


def test_with_fees_in_advance_a_change_at_the_period_end_goes_on_in_the_run() -> None:
    one = subscription("2026-01-10", anchor=ANNIVERSARY, progress=BillingProgress(advance_until=1))
    changed = change(one, "period_end", now="2026-01-20", was=plan_with_fee("basic"), then=plan_with_fee("pro"))
    assert phases(changed)[1:] == [("2026-02-10T00:00", "pro", 0)]


def test_at_the_start_of_a_period_whose_fee_is_charged_another_run_begins_with_its_number() -> None:
    fees: dict[str, Any] = {"was": plan_with_fee("basic"), "then": plan_with_fee("pro")}
    open_fee = subscription("2026-01-31", anchor=ANNIVERSARY, progress=BillingProgress(next_period=0, advance_until=1))
    charged = replace(open_fee, progress=BillingProgress(next_period=1, advance_until=2))
    assert phases(change(open_fee, "now", now="2026-02-28", **fees))[1:] == [("2026-02-28T00:00", "pro", 0)]
    assert phases(change(charged, "now", now="2026-02-28", **fees))[1:] == [("2026-02-28T00:00", "pro", 1)]


def test_a_change_at_the_very_start_takes_the_place_of_the_first_terms() -> None:
    one = subscription("2026-01-10T10:00", progress=BillingProgress(advance_until=1))
    changed = change(one, "now", now="2026-01-10T10:00", was=plan_with_fee("basic"))
    assert phases(changed) == [("2026-01-10T10:00", "pro", 0)]


def test_two_changes_at_one_instant_leave_the_second() -> None:
    team = Terms("team", 1)
    split = change(subscription("2026-01-10"), "now", now="2026-01-20T10:00")
    again = change(split, "now", now="2026-01-20T10:00", to=team, was=plan("pro"))
    assert phases(again) == [("2026-01-10T00:00", "basic", 0), ("2026-01-20T10:00", "team", 0)]
    closed = change(subscription("2026-01-10"), "now", now="2026-01-20T10:00", then=plan_with_fee("pro"))
    twice = change(closed, "now", now="2026-01-20T10:00", to=team, was=plan_with_fee("pro"))
    assert phases(twice) == [("2026-01-10T00:00", "basic", 0), ("2026-01-20T10:00", "team", 1)]


def test_a_change_ahead_leaves_a_run_that_begins_right_now() -> None:
    closed = change(subscription("2026-01-10"), "now", now="2026-01-20T10:00", then=plan_with_fee("pro"))
    later = change(closed, "period_end", now="2026-01-20T10:00", to=Terms("team", 1), was=plan_with_fee("pro"))
    assert phases(later)[1:] == [("2026-01-20T10:00", "pro", 1), ("2026-02-01T00:00", "team", 1)]


def test_a_new_change_replaces_the_one_that_lies_ahead() -> None:
    scheduled = change(subscription("2026-01-10"), "2026-03-15", now="2026-01-11", then=plan("pro", unit=QUARTER))
    again = change(scheduled, "period_end", now="2026-01-12", to=Terms("team", 1))
    assert phases(again)[1:] == [("2026-02-01T00:00", "team", 0)]


def test_a_change_in_the_trial_changes_the_terms_and_not_the_trial() -> None:
    trial = made(now="2026-01-10", trial_days=10)
    for when in ("now", "period_end", "2026-01-15"):
        changed = change(trial, when, now="2026-01-12", then=plan("pro", unit=QUARTER))
        assert phases(changed) == [("2026-01-20T00:00", "pro", 0)]
        assert changed.trial_end_at == at("2026-01-20")
        assert changed.runs[0].unit is QUARTER
    later = change(trial, "2026-01-20T00:01", now="2026-01-12")
    assert phases(later) == [("2026-01-20T00:00", "basic", 0), ("2026-01-20T00:01", "pro", 0)]


def test_a_change_of_a_scheduled_subscription_replaces_its_terms() -> None:
    scheduled = made(now="2026-01-10", start_at=at("2026-02-10"))
    for when in ("now", "period_end", "2026-02-10"):
        assert phases(change(scheduled, when, now="2026-01-12")) == [("2026-02-10T00:00", "pro", 0)]


def test_a_change_lies_ahead_and_before_the_end() -> None:
    one = subscription("2026-01-10", end_at=at("2026-03-01"))
    assert change_at(one, at("2026-01-20"), now=at("2026-01-20")) == at("2026-01-20")
    for wrong in (at("2026-01-20") - MOMENT, at("2026-03-01"), at("2026-01-20") + MAX_AHEAD + MOMENT):
        with pytest.raises(InvalidInput) as refused:
            change(one, wrong, now="2026-01-20")
        assert pointers(refused) == ["/at"]
    assert change_at(one, at("2026-03-01") - MOMENT, now=at("2026-01-20")) == at("2026-03-01") - MOMENT


def test_an_ending_subscription_changes_only_before_its_end() -> None:
    one = subscription("2026-01-10", end_at=at("2026-02-01"))
    assert change_at(one, "now", now=at("2026-02-01") - MOMENT) == at("2026-02-01") - MOMENT
    for when, now in (("period_end", "2026-01-20"), ("now", "2026-02-01"), ("now", "2026-05-01")):
        with pytest.raises(Conflict):
            change(one, when, now=now)


def test_a_closed_period_does_not_change() -> None:
    one = subscription("2026-01-10", progress=BillingProgress(next_period=1))
    with pytest.raises(Conflict):
        change(one, "now", now="2026-01-20")
    with pytest.raises(Conflict):
        cancel(one, at="now", now=at("2026-01-20"))
    assert change(one, "now", now="2026-02-01").runs[0].phases[1].terms == PRO


def test_a_change_to_the_same_version_or_another_currency_is_refused() -> None:
    one = subscription("2026-01-10")
    with pytest.raises(Conflict):
        change(one, "now", now="2026-01-20", to=Terms("basic", 1))
    with pytest.raises(InvalidInput) as refused:
        change(one, "now", now="2026-01-20", then=plan("pro", currency="EUR"))
    assert pointers(refused) == ["/plan"]


def test_overrides_stay_with_their_plan_and_end_with_another() -> None:
    mine = Terms("basic", 1, {"discount_percent": "10"})
    one = subscribed(run("2026-01-10", Phase(at("2026-01-10"), mine)))
    kept = changed_terms(one, plan="basic", version=2, now=at("2026-01-20"))
    assert kept == Terms("basic", 2, {"discount_percent": "10"})
    assert changed_terms(one, plan="pro", version=1, now=at("2026-01-20")) == PRO


# Details


def test_overrides_hold_from_the_next_period_on_and_the_cap_at_once() -> None:
    changed = change_details(
        subscription("2026-01-10"), {"spend_cap_minor": 5000, "overrides": {"net_days": 5}}, now=at("2026-01-20")
    )
    assert changed.spend_cap_minor == 5000
    assert terms_at(changed, at("2026-02-01") - MOMENT) == BASIC
    assert terms_at(changed, at("2026-02-01")) == Terms("basic", 1, {"net_days": 5})
    assert change_details(changed, {"spend_cap_minor": None}, now=at("2026-01-20")).spend_cap_minor is None
    assert change_details(changed, {}, now=at("2026-01-20")) == changed


def test_later_overrides_replace_those_that_wait() -> None:
    now = at("2026-01-20")
    once = change_details(subscription("2026-01-10"), {"overrides": {"net_days": 5}}, now=now)
    twice = change_details(once, {"overrides": {"net_days": 6}}, now=now)
    assert [phase.terms.overrides for phase in twice.runs[0].phases] == [{}, {"net_days": 6}]
    assert change_details(twice, {"overrides": None}, now=now) == subscription("2026-01-10")


def test_overrides_before_the_first_period_hold_from_its_start() -> None:
    trial = made(now="2026-01-10", trial_days=10)
    changed = change_details(trial, {"overrides": {"net_days": 5}}, now=at("2026-01-12"))
    assert [phase.terms.overrides for phase in changed.runs[0].phases] == [{"net_days": 5}]
    assert changed.runs[0].start_at == at("2026-01-20")


def test_overrides_wait_for_no_period_that_never_comes() -> None:
    with pytest.raises(Conflict):
        change_details(
            subscription("2026-01-10", end_at=at("2026-02-01")), {"overrides": {"net_days": 5}}, now=at("2026-01-20")
        )
    ended = subscription("2026-01-10", end_at=at("2026-01-20"))
    with pytest.raises(Conflict):
        change_details(ended, {"spend_cap_minor": 1}, now=at("2026-01-20"))


def test_no_overrides_while_a_change_of_plan_is_scheduled() -> None:
    scheduled = change(subscription("2026-01-10"), "period_end", now="2026-01-11")
    with pytest.raises(Conflict):
        change_details(scheduled, {"overrides": {"net_days": 5}}, now=at("2026-01-20"))


def test_overrides_that_wait_are_no_scheduled_change_and_go_on_with_a_new_version() -> None:
    now = at("2026-01-20")
    waiting = change_details(subscription("2026-01-10"), {"overrides": {"net_days": 5}}, now=now)
    assert find_scheduled_change(waiting, now) is None
    with pytest.raises(Conflict):
        resume(together(waiting), 1, now=now)
    to = changed_terms(waiting, plan="basic", version=2, now=now)
    assert to == Terms("basic", 2, {"net_days": 5})
    scheduled = change(waiting, "period_end", now="2026-01-20", to=to)
    assert resume(together(scheduled), 1, now=now) == waiting


# End and undo


@pytest.mark.parametrize(
    ("when", "end"),
    [("now", "2026-01-20T10:07"), ("period_end", "2026-02-01"), ("2026-03-05T10:00", "2026-03-05T10:00")],
)
def test_a_subscription_ends_now_with_its_period_or_at_an_instant(when: str, end: str) -> None:
    ended = cancel(subscription("2026-01-10"), at=_when(when), now=at("2026-01-20T10:07"))
    assert ended.end_at == at(end)


def test_a_scheduled_subscription_that_is_cancelled_never_begins() -> None:
    scheduled = made(now="2026-01-10", start_at=at("2026-02-10"))
    for when in ("now", "period_end", "2026-02-09"):
        ended = cancel(scheduled, at=_when(when), now=at("2026-01-12"))
        assert ended.end_at == scheduled.start_at
        assert status_of(ended, at("2026-01-12")) is SubscriptionStatus.ENDED
        assert find_period(ended, 0) is None
    assert cancel(scheduled, at=at("2026-02-11"), now=at("2026-01-12")).end_at == at("2026-02-11")


def test_a_trial_ends_at_once_or_with_itself_and_nothing_is_billed() -> None:
    trial = made(now="2026-01-10", trial_days=10)
    for when, end in (("now", "2026-01-12"), ("period_end", "2026-01-20")):
        ended = cancel(trial, at=_when(when), now=at("2026-01-12"))
        assert ended.end_at == at(end)
        assert find_period(ended, 0) is None


def test_a_period_whose_fee_is_charged_lasts_a_moment_when_its_first_instant_is_the_end() -> None:
    one = subscription("2026-01-10", progress=BillingProgress(advance_until=3))
    changed = change(one, "now", now="2026-02-20T12:00", then=plan_with_fee("pro"))
    ended = cancel(changed, at="now", now=at("2026-02-20T12:00"))
    assert ended.end_at == at("2026-02-20T12:00") + MOMENT
    assert shown(find_period(ended, 2)) == ("2026-02-20T12:00:00Z", "2026-02-20T12:00:00.000001Z")
    uncharged = replace(changed, progress=BillingProgress(advance_until=2))
    assert cancel(uncharged, at="now", now=at("2026-02-20T12:00")).end_at == at("2026-02-20T12:00")


def test_an_end_comes_closer_and_never_later() -> None:
    ending = subscription("2026-01-10", end_at=at("2026-02-15"))
    now = at("2026-01-20")
    assert cancel(ending, at="period_end", now=now).end_at == at("2026-02-01")
    assert cancel(ending, at=at("2026-02-15"), now=now) == ending
    with pytest.raises(Conflict):
        cancel(ending, at=at("2026-02-15") + MOMENT, now=now)
    with pytest.raises(InvalidInput) as refused:
        cancel(ending, at=now - MOMENT, now=now)
    assert pointers(refused) == ["/at"]
    with pytest.raises(Conflict):
        cancel(ending, at="now", now=at("2026-02-15"))


def test_resume_takes_back_a_change_and_an_end() -> None:
    one, now = subscription("2026-01-10"), at("2026-01-20")
    for then in (plan("pro"), plan("pro", unit=QUARTER)):
        changed = change(one, "period_end", now="2026-01-20", then=then)
        assert resume(together(changed), 1, now=now) == one
        assert resume(together(cancel(changed, at="period_end", now=now)), 1, now=now) == one


def test_resume_gives_overrides_back_that_a_change_would_have_ended() -> None:
    one = subscribed(run("2026-01-10", Phase(at("2026-01-10"), Terms("basic", 1, {"net_days": 5}))))
    scheduled = change(one, "period_end", now="2026-01-20")
    assert resume(together(scheduled), 1, now=at("2026-01-20")) == one


def test_resume_leaves_what_has_begun() -> None:
    changed = change(subscription("2026-01-10"), "now", now="2026-01-20")
    ending = cancel(changed, at="period_end", now=at("2026-01-21"))
    assert resume(together(ending), 1, now=at("2026-01-22")) == changed


def test_resume_is_refused_where_nothing_can_be_undone() -> None:
    for one in (subscription("2026-01-10"), subscription("2026-01-10", end_at=at("2026-01-20"))):
        with pytest.raises(Conflict):
            resume(together(one), 1, now=at("2026-01-20"))
    with pytest.raises(NotFound):
        resume(together(), 1, now=at("2026-01-20"))


def test_resume_is_refused_when_another_one_begins_then() -> None:
    ending, now = subscription("2026-01-10", end_at=at("2026-02-01")), at("2026-01-20")
    following = subscription("2026-02-01", number=2)
    with pytest.raises(Conflict):
        resume(together(ending, following), 1, now=now)
    never = replace(following, end_at=following.start_at)
    assert resume(together(ending, never), 1, now=now).end_at is None


def test_an_unknown_number_is_not_found() -> None:
    one = subscription("2026-01-10")
    assert get_subscription(together(one), 1) == one
    with pytest.raises(NotFound):
        get_subscription(together(one), 2)


def test_a_change_that_lies_ahead_leaves_the_current_period_as_it_is() -> None:
    one, now = subscription("2026-01-10"), at("2026-01-20")
    changed = change(one, "period_end", now="2026-01-20", then=plan("pro", unit=QUARTER))
    assert find_period(changed, 0) == find_period(one, 0)
    assert find_current(changed, now) == find_current(one, now)
