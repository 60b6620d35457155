"""What usage of ended periods does to subscriptions."""

from dataclasses import replace
from datetime import timedelta

from chalicelib.catalog.settling import ClosedState, find_closed, find_touched
from chalicelib.catalog.subscriptions import BillingProgress, ReopenedPeriod, SettlingPeriod, Subscription
from chalicelib.catalog.timeline import find_period
from chalicelib.shared.time import parse_quarter_hour
from tests.catalog.build_subscriptions import at, run, subscribed, subscription, together

MOMENT = timedelta(microseconds=1)
JANUARY, FEBRUARY = parse_quarter_hour("2026-01-31T23:45"), parse_quarter_hour("2026-02-01T00:00")
DECEMBER = parse_quarter_hour("2025-12-15T10:00")
UNTIL = at("2026-03-08")


def settling(of: Subscription, number: int, *, touched: bool = False) -> SettlingPeriod:
    period = find_period(of, number)
    assert period is not None
    return SettlingPeriod(number=number, start=period.start, end=period.end, late_usage_until=UNTIL, touched=touched)


def billed(next_period: int, *, settles: tuple[int, ...] = (), touched: bool = False) -> Subscription:
    """Make a subscription of calendar months from December on, billed up to a period."""
    one = subscription("2025-12-01")
    left = tuple(settling(one, number, touched=touched) for number in settles)
    return replace(one, progress=BillingProgress(next_period=next_period, settling=left))


def test_a_quarter_hour_of_a_closed_period_is_found_with_how_long_it_settles() -> None:
    one = together(billed(2, settles=(1,)))
    assert find_closed(one, JANUARY) == ClosedState("sub_acme.1", 1, UNTIL)
    assert find_closed(one, DECEMBER) == ClosedState("sub_acme.1", 0, None)
    assert find_closed(one, FEBRUARY) is None


def test_a_period_that_has_ended_and_is_not_closed_is_open() -> None:
    assert find_closed(together(billed(1)), JANUARY) is None


def test_no_subscription_and_no_trial_closes_anything() -> None:
    assert find_closed(together(), JANUARY) is None
    trial = subscribed(run("2026-02-01"), start_at=at("2026-01-10"), progress=BillingProgress(next_period=1))
    assert find_closed(together(trial), JANUARY) is None


def test_a_reopened_period_is_open() -> None:
    again = ReopenedPeriod(number=1, attempt=1, finalizes_at=at("2026-02-10"))
    one = billed(2, settles=(1,))
    reopened = replace(one, progress=replace(one.progress, reopened=(again,)))
    assert find_closed(together(reopened), JANUARY) is None
    waived = replace(one, progress=BillingProgress(next_period=2, reopened=(again,)))
    assert find_closed(together(waived), JANUARY) is None
    assert find_touched(together(waived), [JANUARY], now=at("2026-02-05")) == ()


def test_counters_of_a_settling_period_touch_it() -> None:
    found = find_touched(together(billed(2, settles=(0, 1))), [FEBRUARY, JANUARY], now=at("2026-02-05"))
    assert found is not None
    assert [one.touched for one in found[0].progress.settling] == [False, True]
    assert found[0] == replace(found[0], progress=replace(found[0].progress, next_period=2))


def test_what_was_touched_before_only_raises_the_version() -> None:
    one = together(billed(2, settles=(1,), touched=True))
    assert find_touched(one, [JANUARY], now=at("2026-02-05")) == ()


def test_what_was_touched_stays_touched_when_another_period_is() -> None:
    one = billed(2, settles=(0, 1), touched=True)
    first, second = one.progress.settling
    half = replace(one, progress=replace(one.progress, settling=(first, replace(second, touched=False))))
    assert find_touched(together(half), [JANUARY], now=at("2026-02-05")) == (one,)


def test_counters_of_before_touch_what_settles_because_levels_hold_on() -> None:
    found = find_touched(together(billed(2, settles=(1,))), [DECEMBER], now=at("2026-02-05"))
    assert found is not None
    assert [one.touched for one in found[0].progress.settling] == [True]


def test_counters_after_what_settles_and_of_no_subscription_change_nothing() -> None:
    assert find_touched(together(billed(2, settles=(1,))), [FEBRUARY], now=at("2026-02-05")) is None
    assert find_touched(together(), [JANUARY], now=at("2026-02-05")) is None
    assert find_touched(together(billed(2)), [], now=at("2026-02-05")) is None


def test_a_period_that_ends_within_the_hour_counts_as_ended() -> None:
    one = together(billed(1))
    assert find_touched(one, [JANUARY], now=at("2026-01-31T23:00") - MOMENT) is None
    assert find_touched(one, [JANUARY], now=at("2026-01-31T23:00")) == ()
    assert find_touched(one, [FEBRUARY], now=at("2026-02-05")) is None


def test_every_subscription_of_the_organization_is_looked_at() -> None:
    ended = replace(billed(2, settles=(1,)), end_at=at("2026-02-01"))
    following = subscription("2026-02-01", number=2)
    found = find_touched(together(ended, following), [JANUARY, FEBRUARY], now=at("2026-02-05"))
    assert found is not None
    assert [one.number for one in found] == [1]
