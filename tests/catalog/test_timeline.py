"""When periods begin and end. Days are shown as ``first-end count of full``, the end excluded."""

import itertools
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.catalog.subscriptions import Period, Phase, Run, Subscription, SubscriptionStatus, Terms
from chalicelib.catalog.timeline import (
    Span,
    current_terms,
    find_current,
    find_period,
    find_period_at,
    find_period_of,
    find_previous,
    periods_from,
    status_of,
    terms_at,
)
from chalicelib.shared.billing_periods import Anchor, PeriodUnit
from chalicelib.shared.time import (
    ceil_quarter_hour,
    local_day_of,
    local_day_start,
    parse_quarter_hour,
    quarter_hour_of,
    quarter_hour_start,
    zone_of,
)
from tests.catalog.build_subscriptions import (
    ANNIVERSARY,
    BASIC,
    PRO,
    at,
    days_of,
    run,
    shown,
    subscribed,
    subscription,
)

MOMENT = timedelta(microseconds=1)
HORIZON = at("2027-08-01")
OTHER = Terms("other", 3)


def period(of: Subscription, number: int) -> Period:
    found = find_period(of, number)
    assert found is not None
    return found


def days(of: Subscription, *numbers: int) -> list[str]:
    return [days_of(period(of, number)) for number in numbers]


def test_a_calendar_month_begins_on_the_first_and_the_first_one_is_partial() -> None:
    one = subscription("2026-01-10T08:30")
    assert shown(find_period(one, 0)) == ("2026-01-10T08:30:00Z", "2026-02-01T00:00:00Z")
    assert days(one, 0, 1, 2) == ["10 Jan-01 Feb 22 of 31", "01 Feb-01 Mar 28 of 28", "01 Mar-01 Apr 31 of 31"]
    assert [period(one, number).is_whole for number in (0, 1)] == [False, True]


def test_a_calendar_month_that_starts_late_on_the_first_covers_that_day_whole() -> None:
    one = subscription("2026-01-01T23:59")
    assert days(one, 0) == ["01 Jan-01 Feb 31 of 31"]
    assert period(one, 0).is_whole


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-01-31", ["31 Jan-28 Feb 28 of 28", "28 Feb-31 Mar 31 of 31", "31 Mar-30 Apr 30 of 30"]),
        ("2026-01-30", ["30 Jan-28 Feb 29 of 29", "28 Feb-30 Mar 30 of 30", "30 Mar-30 Apr 31 of 31"]),
        ("2026-01-29", ["29 Jan-28 Feb 30 of 30", "28 Feb-29 Mar 29 of 29", "29 Mar-29 Apr 31 of 31"]),
        ("2026-01-28", ["28 Jan-28 Feb 31 of 31", "28 Feb-28 Mar 28 of 28", "28 Mar-28 Apr 31 of 31"]),
        ("2028-01-31", ["31 Jan-29 Feb 29 of 29", "29 Feb-31 Mar 31 of 31", "31 Mar-30 Apr 30 of 30"]),
        ("2028-01-29", ["29 Jan-29 Feb 31 of 31", "29 Feb-29 Mar 29 of 29", "29 Mar-29 Apr 31 of 31"]),
    ],
)
def test_an_anniversary_is_clipped_to_the_month_and_comes_back_to_its_day(start: str, expected: list[str]) -> None:
    assert days(subscription(start, anchor=ANNIVERSARY), 0, 1, 2) == expected


def test_a_leap_day_comes_back_every_fourth_year() -> None:
    one = subscription("2028-02-29", unit=PeriodUnit.YEAR, anchor=ANNIVERSARY)
    starts = [period(one, number).start_at.date() for number in (1, 2, 3, 4)]
    assert starts == [date(2029, 2, 28), date(2030, 2, 28), date(2031, 2, 28), date(2032, 2, 29)]
    assert [period(one, number).full_days for number in (0, 3)] == [365, 366]


@pytest.mark.parametrize(
    ("unit", "anchor", "first", "second"),
    [
        (PeriodUnit.WEEK, Anchor.CALENDAR, "13 May-18 May 5 of 7", "18 May-25 May 7 of 7"),
        (PeriodUnit.WEEK, Anchor.ANNIVERSARY, "13 May-20 May 7 of 7", "20 May-27 May 7 of 7"),
        (PeriodUnit.QUARTER, Anchor.CALENDAR, "13 May-01 Jul 49 of 91", "01 Jul-01 Oct 92 of 92"),
        (PeriodUnit.QUARTER, Anchor.ANNIVERSARY, "13 May-13 Aug 92 of 92", "13 Aug-13 Nov 92 of 92"),
        (PeriodUnit.YEAR, Anchor.CALENDAR, "13 May-01 Jan 233 of 365", "01 Jan-01 Jan 365 of 365"),
        (PeriodUnit.YEAR, Anchor.ANNIVERSARY, "13 May-13 May 365 of 365", "13 May-13 May 366 of 366"),
    ],
)
def test_each_unit_has_its_own_bounds(unit: PeriodUnit, anchor: Anchor, first: str, second: str) -> None:
    assert days(subscription("2026-05-13T12:00", unit=unit, anchor=anchor), 0, 1) == [first, second]


def test_a_week_that_starts_on_monday_is_whole_and_one_from_sunday_has_a_day() -> None:
    monday = subscription("2026-06-01", unit=PeriodUnit.WEEK)
    sunday = subscription("2026-05-31", unit=PeriodUnit.WEEK)
    assert days(monday, 0) == ["01 Jun-08 Jun 7 of 7"]
    assert days(sunday, 0) == ["31 May-01 Jun 1 of 7"]


@pytest.mark.parametrize(
    ("zone", "first_utc", "second_utc", "hours"),
    [
        ("Europe/Berlin", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z", 31 * 24 - 1),
        ("America/New_York", "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z", 31 * 24 - 1),
        ("Australia/Lord_Howe", "2026-02-28T13:00:00Z", "2026-03-31T13:00:00Z", 31 * 24),
    ],
)
def test_a_month_in_which_the_clocks_go_on_keeps_its_days(
    zone: str, first_utc: str, second_utc: str, hours: int
) -> None:
    march = period(subscription("2026-01-10", timezone=zone), 2)
    assert shown(march) == (first_utc, second_utc)
    assert march.end - march.start == hours * 4
    assert days_of(march) == "01 Mar-01 Apr 31 of 31"


@pytest.mark.parametrize(
    ("zone", "month", "quarter_hours"),
    [
        ("Europe/Berlin", 9, (31 * 24 + 1) * 4),
        ("America/New_York", 10, (30 * 24 + 1) * 4),
        # Lord Howe sets its clocks by half an hour, on in October and back in April.
        ("Australia/Lord_Howe", 9, 31 * 96 - 2),
        ("Australia/Lord_Howe", 3, 30 * 96 + 2),
    ],
)
def test_a_month_in_which_the_clocks_go_back_is_longer(zone: str, month: int, quarter_hours: int) -> None:
    found = period(subscription("2026-01-10", timezone=zone), month)
    assert found.end - found.start == quarter_hours


def test_where_midnight_does_not_exist_a_period_begins_at_the_first_instant_of_its_day() -> None:
    # Cairo sets its clocks on at midnight of 24 April 2026: the day begins at one o'clock.
    cairo = subscription("2026-03-23T22:00", anchor=ANNIVERSARY, timezone="Africa/Cairo")
    assert days(cairo, 0) == ["24 Mar-24 Apr 31 of 31"]
    assert shown(find_period(cairo, 1)) == ("2026-04-23T22:00:00Z", "2026-05-23T21:00:00Z")


def test_where_midnight_comes_twice_a_period_begins_at_the_first() -> None:
    # Havana sets its clocks back from one o'clock to midnight on 1 November 2026.
    havana = subscription("2026-10-10", timezone="America/Havana")
    assert shown(find_period(havana, 1)) == ("2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z")
    second_midnight = find_period_at(havana, at("2026-11-01T05:00"))
    assert second_midnight is not None
    assert second_midnight.number == 1


@pytest.mark.parametrize(("zone", "utc"), [("Asia/Kolkata", "18:30"), ("Asia/Kathmandu", "18:15")])
def test_zones_off_the_hour_begin_their_periods_inside_one(zone: str, utc: str) -> None:
    found = period(subscription("2026-01-10", timezone=zone), 1)
    assert found.start_at == at(f"2026-01-31T{utc}")
    assert found.start == parse_quarter_hour(f"2026-01-31T{utc}")


def test_the_local_day_decides_about_the_month_of_the_start() -> None:
    auckland = subscription("2026-01-31T11:00", timezone="Pacific/Auckland")
    honolulu = subscription("2026-02-01T09:59", timezone="Pacific/Honolulu")
    assert days(auckland, 0) == ["01 Feb-01 Mar 28 of 28"]
    assert days(honolulu, 0) == ["31 Jan-01 Feb 1 of 31"]


def test_a_start_inside_a_quarter_hour_is_floored_and_an_end_ceiled() -> None:
    found = period(subscription("2026-01-10T10:07", end_at=at("2026-01-20T10:07")), 0)
    assert found.start == parse_quarter_hour("2026-01-10T10:00")
    assert found.end == parse_quarter_hour("2026-01-20T10:15")
    assert shown(found) == ("2026-01-10T10:07:00Z", "2026-01-20T10:07:00Z")
    assert days_of(found) == "10 Jan-20 Jan 10 of 31"


@pytest.mark.parametrize(("bound", "later"), [("10:15", "10:15"), ("10:16", "10:30")])
def test_a_change_at_a_quarter_hour_needs_no_ceiling(bound: str, later: str) -> None:
    changed = run("2026-01-10", Phase(at("2026-01-10"), BASIC), Phase(at(f"2026-01-12T{bound}"), PRO))
    first, second = period(subscribed(changed), 0).parts
    assert first.end == second.start == parse_quarter_hour(f"2026-01-12T{later}")


def test_the_quarter_hour_of_the_start_may_belong_to_an_earlier_subscription() -> None:
    taken = quarter_hour_of(at("2026-01-10T10:15"))
    one = subscription("2026-01-10T10:07", metered_from=taken)
    assert period(one, 0).start == taken
    assert find_period_of(one, taken - 1) is None
    assert find_period_of(one, taken) == find_period(one, 0)


def test_a_period_that_begins_and_ends_on_one_day_covers_none() -> None:
    same_day = period(subscription("2026-01-10T08:00", end_at=at("2026-01-10T20:00")), 0)
    next_day = period(subscription("2026-01-10T08:00", end_at=at("2026-01-11T00:00")), 0)
    assert (same_day.days, next_day.days) == (0, 1)
    assert same_day.end - same_day.start == 48


def test_a_change_inside_a_period_makes_parts_and_its_day_belongs_to_the_new_terms() -> None:
    changed = run("2026-01-01", Phase(at("2026-01-01"), BASIC), Phase(at("2026-01-11T15:00"), PRO))
    found = period(subscribed(changed), 0)
    assert [part.terms for part in found.parts] == [BASIC, PRO]
    assert days_of(found) == "01 Jan-11 Jan 10, 11 Jan-01 Feb 21 of 31"
    assert [part.start for part in found.parts[1:]] == [found.parts[0].end]
    assert found.is_whole


def test_a_change_at_the_start_of_a_period_makes_no_part() -> None:
    one = subscribed(run("2026-01-10", Phase(at("2026-01-10"), BASIC), Phase(at("2026-02-01"), PRO)))
    assert [part.terms for part in period(one, 0).parts] == [BASIC]
    assert [part.terms for part in period(one, 1).parts] == [PRO]


def test_terms_that_held_for_no_quarter_hour_and_no_day_make_no_part() -> None:
    phases = [("2026-01-10", BASIC), ("2026-01-12T10:01", OTHER), ("2026-01-12T10:05", PRO)]
    one = subscribed(run("2026-01-10", *(Phase(at(when), terms) for when, terms in phases)))
    parts = period(one, 0).parts
    assert [part.terms for part in parts] == [BASIC, PRO]
    assert parts[0].end_at == parts[1].start_at == at("2026-01-12T10:05")


def test_terms_that_held_for_a_day_alone_make_a_part_without_usage() -> None:
    phases = [("2026-01-10", BASIC), ("2026-01-12T23:50", OTHER), ("2026-01-13T00:00", PRO)]
    one = subscribed(run("2026-01-10", *(Phase(at(when), terms) for when, terms in phases)))
    middle = period(one, 0).parts[1]
    assert (middle.terms, middle.days, middle.end - middle.start) == (OTHER, 1, 0)


def test_a_period_of_moments_keeps_the_terms_it_ends_with() -> None:
    phases = [Phase(at("2026-01-10T10:01"), BASIC), Phase(at("2026-01-10T10:02"), PRO)]
    brief = subscribed(
        run("2026-01-10T10:01", *phases),
        end_at=at("2026-01-10T10:03"),
        metered_from=quarter_hour_of(at("2026-01-10T10:15")),
    )
    found = period(brief, 0)
    assert [part.terms for part in found.parts] == [PRO]
    assert shown(found) == ("2026-01-10T10:01:00Z", "2026-01-10T10:03:00Z")


def _two_runs() -> Subscription:
    """Change from months to quarters in the middle of the second month, anchored at the change."""
    return subscribed(
        run("2026-01-31T09:00", anchor=ANNIVERSARY),
        run(
            "2026-03-05T12:00",
            Phase(at("2026-03-05T12:00"), PRO),
            unit=PeriodUnit.QUARTER,
            anchor=ANNIVERSARY,
            first=2,
        ),
    )


def test_another_run_cuts_the_period_and_goes_on_counting() -> None:
    one = _two_runs()
    assert days(one, 0, 1, 2) == ["31 Jan-28 Feb 28 of 28", "28 Feb-05 Mar 5 of 31", "05 Mar-05 Jun 92 of 92"]
    assert shown(find_period(one, 1)) == ("2026-02-28T00:00:00Z", "2026-03-05T12:00:00Z")
    assert shown(find_period(one, 2)) == ("2026-03-05T12:00:00Z", "2026-06-05T00:00:00Z")


def test_periods_are_walked_from_a_number_as_far_as_they_have_begun() -> None:
    one = _two_runs()
    until = at("2026-03-05T12:00")
    assert [found.number for found in periods_from(one, 0, until=until)] == [0, 1]
    assert [found.number for found in periods_from(one, 1, until=until + MOMENT)] == [1, 2]
    assert [found.number for found in periods_from(one, -3, until=at("2026-02-01"))] == [0]


def test_no_period_begins_at_the_end_or_later_or_below_zero() -> None:
    one = subscription("2026-01-10", end_at=at("2026-03-01"))
    assert [find_period(one, number) is None for number in (-1, 0, 1, 2, 3)] == [True, False, False, True, True]
    assert find_period_at(one, at("2026-03-01")) is None
    assert find_period_at(one, at("2026-03-01") - MOMENT) == find_period(one, 1)
    assert find_period(subscription("2026-01-10", end_at=at("2026-01-10")), 0) is None


def test_a_trial_is_no_period_and_the_first_one_begins_at_its_end() -> None:
    trial = subscribed(run("2026-01-20", anchor=ANNIVERSARY), start_at=at("2026-01-06T15:00"))
    assert find_period_at(trial, at("2026-01-20") - MOMENT) is None
    assert shown(find_period_at(trial, at("2026-01-20"))) == ("2026-01-20T00:00:00Z", "2026-02-20T00:00:00Z")
    assert find_period_of(trial, quarter_hour_of(at("2026-01-06T15:00"))) is None
    assert period(trial, 0).start == quarter_hour_of(at("2026-01-20"))


def test_a_late_period_costs_no_more_than_an_early_one(monkeypatch: pytest.MonkeyPatch) -> None:
    one = subscription("2026-01-31", anchor=ANNIVERSARY)
    calls: list[date] = []

    def counted(day: date, zone: ZoneInfo) -> datetime:
        calls.append(day)
        return local_day_start(day, zone)

    monkeypatch.setattr("chalicelib.catalog.timeline.local_day_start", counted)
    assert period(one, 5000).start_at == at("2442-09-30")
    assert len(calls) == 2
    found = find_period_at(one, at("2442-10-01"))
    assert found is not None
    assert found.number == 5000


EDGES = [
    ("2026-01-05T23:59", SubscriptionStatus.SCHEDULED, None, None),
    ("2026-01-06", SubscriptionStatus.TRIAL, ("2026-01-06", "2026-01-20"), None),
    ("2026-01-19T23:59", SubscriptionStatus.TRIAL, ("2026-01-06", "2026-01-20"), None),
    ("2026-01-20", SubscriptionStatus.CANCELLING, ("2026-01-20", "2026-02-01"), ("2026-01-06", "2026-01-20")),
    ("2026-02-01", SubscriptionStatus.CANCELLING, ("2026-02-01", "2026-02-10"), ("2026-01-20", "2026-02-01")),
    ("2026-02-10", SubscriptionStatus.ENDED, None, ("2026-02-01", "2026-02-10")),
    ("2027-01-01", SubscriptionStatus.ENDED, None, ("2026-02-01", "2026-02-10")),
]


@pytest.mark.parametrize(("now", "status", "current", "previous"), EDGES)
def test_status_current_and_previous_period_over_a_life(
    now: str, status: SubscriptionStatus, current: tuple[str, str] | None, previous: tuple[str, str] | None
) -> None:
    one = subscribed(run("2026-01-20"), start_at=at("2026-01-06"), end_at=at("2026-02-10"))
    assert status_of(one, at(now)) is status
    assert find_current(one, at(now)) == _span(current)
    assert find_previous(one, at(now)) == _span(previous)


def _span(texts: tuple[str, str] | None) -> Span | None:
    return None if texts is None else Span(at(texts[0]), at(texts[1]))


def test_without_an_end_it_is_active() -> None:
    assert status_of(subscription("2026-01-06"), at("2026-01-06")) is SubscriptionStatus.ACTIVE


def test_a_trial_that_is_cut_short_was_the_last_there_was() -> None:
    cut = subscribed(run("2026-01-20"), start_at=at("2026-01-06"), end_at=at("2026-01-10"))
    assert find_current(cut, at("2026-01-07")) == _span(("2026-01-06", "2026-01-10"))
    assert find_previous(cut, at("2026-01-10")) == _span(("2026-01-06", "2026-01-10"))
    assert find_period(cut, 0) is None


def test_what_ends_where_it_starts_never_begins() -> None:
    never = subscription("2026-01-06", end_at=at("2026-01-06"))
    assert status_of(never, at("2026-01-01")) is SubscriptionStatus.ENDED
    assert find_current(never, at("2026-01-06")) is None
    assert find_previous(never, at("2026-02-01")) is None


def test_terms_hold_from_their_instant_on() -> None:
    changed = run("2026-01-10", Phase(at("2026-01-10"), BASIC), Phase(at("2026-01-20"), OTHER))
    following = run("2026-02-01", Phase(at("2026-02-01"), PRO), first=1)
    one = subscribed(changed, following, end_at=at("2026-03-01"))
    moments = ["2026-01-01", "2026-01-19T23:59", "2026-01-20", "2026-01-31T23:59", "2026-02-01"]
    assert [terms_at(one, at(moment)) for moment in moments] == [BASIC, BASIC, OTHER, OTHER, PRO]


def test_an_ended_subscription_has_the_terms_it_ended_with() -> None:
    ahead = run("2026-01-10", Phase(at("2026-01-10"), BASIC), Phase(at("2026-02-01"), PRO))
    one = subscribed(ahead, end_at=at("2026-02-01"))
    assert current_terms(one, at("2026-05-01")) == BASIC
    assert current_terms(subscribed(ahead), at("2026-05-01")) == PRO


ZONES = [
    *("UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "America/Havana"),
    *("Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"),
]
instants = st.timedeltas(timedelta(0), timedelta(days=480)).map(lambda since: at("2025-12-01") + since)


@st.composite
def lives(draw: st.DrawFn) -> Subscription:
    """Make any subscription: a trial or none, runs that follow one another, changes inside them, an end or none."""
    zone = draw(st.sampled_from(ZONES))
    bounds = sorted(draw(st.lists(instants, min_size=1, max_size=4, unique=True)))
    start_at = bounds[0]
    trial_days = draw(st.sampled_from([0, 0, 1, 40]))
    trial_end_at = None
    if trial_days:
        local = zone_of(zone)
        trial_end_at = local_day_start(local_day_of(start_at, local) + timedelta(days=trial_days), local)
    one = subscribed(_run_from(draw, trial_end_at or start_at, 0), timezone=zone, start_at=start_at)
    for bound in bounds[1:]:
        closed = find_period_at(one, bound)
        if closed is not None and closed.start_at < bound:
            runs = (*one.runs, _run_from(draw, bound, closed.number + 1))
            one = subscribed(*runs, timezone=zone, start_at=start_at)
    ends = draw(st.one_of(st.none(), instants))
    return subscribed(*one.runs, timezone=zone, start_at=start_at, end_at=None if ends is None else max(ends, start_at))


def _run_from(draw: st.DrawFn, start_at: datetime, first: int) -> Run:
    changes = sorted(draw(st.lists(st.timedeltas(MOMENT, timedelta(days=90)), max_size=3, unique=True)))
    phases = [Phase(start_at + change, Terms("plan", place)) for place, change in enumerate([timedelta(0), *changes])]
    return Run(
        start_at=start_at,
        unit=draw(st.sampled_from(PeriodUnit)),
        anchor=draw(st.sampled_from(Anchor)),
        first_period=first,
        phases=tuple(phases),
    )


@settings(max_examples=60)
@given(lives())
def test_periods_follow_one_another_without_gap_or_overlap(one: Subscription) -> None:
    found = list(periods_from(one, 0, until=HORIZON))
    assert [each.number for each in found] == list(range(len(found)))
    for before, after in itertools.pairwise(found):
        assert (before.end_at, before.end) == (after.start_at, after.start)
        assert before.parts[-1].end_on == after.parts[0].first_on
    for each in found:
        assert each.start_at < each.end_at
        assert 0 <= each.days <= each.full_days
        assert (each.parts[0].start, each.parts[-1].end) == (each.start, each.end)
        for part in each.parts:
            assert part.start_at < part.end_at
            assert (part.start, part.first_on) <= (part.end, part.end_on)
            assert part.start < part.end or part.days or len(each.parts) == 1
        for part, following in itertools.pairwise(each.parts):
            assert (part.end_at, part.end, part.end_on) == (following.start_at, following.start, following.first_on)
    if found and one.end_at is not None and one.end_at < HORIZON:
        assert (found[-1].end_at, found[-1].end) == (one.end_at, ceil_quarter_hour(one.end_at))


@settings(max_examples=60)
@given(lives(), instants)
def test_every_instant_and_quarter_hour_lies_in_at_most_one_period_and_is_found(
    one: Subscription, instant: datetime
) -> None:
    found = list(periods_from(one, 0, until=HORIZON))
    bounds = [each.end_at for each in found if each.end_at < HORIZON]
    for moment in [instant, *bounds, *(bound - MOMENT for bound in bounds)]:
        holding: list[Period | None] = [each for each in found if each.start_at <= moment < each.end_at]
        assert [find_period_at(one, moment)] == (holding or [None])
    for quarter_hour in {quarter_hour_of(instant), *(each.end - 1 for each in found), *(each.start for each in found)}:
        covering: list[Period | None] = [each for each in found if each.start <= quarter_hour < each.end]
        assert [find_period_of(one, quarter_hour)] == (covering or [None])
        assert covering == [] or quarter_hour_start(quarter_hour) >= quarter_hour_start(one.metered_from)
