"""The usage query over stored counters: every way to read a range tells the same, before and after the rollup."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from chalicelib.shared.numbers import show_decimal
from chalicelib.shared.time import format_instant, zone_of
from chalicelib.usage.breakdown import Grouping
from chalicelib.usage.events import Event
from chalicelib.usage.query import UsageQuestion, measure_usage
from chalicelib.usage.ranges import Range, Window
from tests.usage.build import event, meter
from tests.usage.stored import add_meter, add_organization, ask, reader, roll, send

NOW = "2026-03-20T10:07:00Z"
ZONE = "America/New_York"
FIRST = datetime(2026, 3, 1, 5, tzinfo=UTC)
END = datetime(2026, 3, 20, 4, tzinfo=UTC)


@pytest.fixture
def events(engine: None) -> list[Event]:
    """Store 300 events over 19 days that hold a change of the clocks."""
    add_organization("acme", ZONE)
    add_meter(meter("sum", dimensions={"model": "model", "kind": "kind"}))
    add_meter(meter("max", key="largest", dimensions={"model": "model"}))
    add_meter(meter("unique_count", key="users", value="user"))
    chance = random.Random(7)
    span = (END - FIRST) // timedelta(microseconds=1)
    made = [
        event(
            f"e{n}",
            format_instant(FIRST + timedelta(microseconds=chance.randrange(span))),
            tokens=chance.randrange(1000),
            model=chance.choice(["large", "small", "mixed"]),
            kind=chance.choice(["input", "output"]),
            user=f"u{chance.randrange(40)}",
        )
        for n in range(300)
    ]
    send(*made, now=NOW)
    return made


def tokens(events: list[Event]) -> int:
    return sum(int(one.data["tokens"].text) for one in events)


@pytest.mark.parametrize("rolled_up", [False, True])
@pytest.mark.parametrize("window", list(Window))
def test_every_window_of_every_kind_sums_to_the_plain_sum(events: list[Event], window: Window, rolled_up: bool) -> None:
    if rolled_up:
        roll(NOW)
    start, end = ("2026-03-07T05:00:00Z", "2026-03-10T04:00:00Z")
    inside = [one for one in events if start <= format_instant(one.time) < end]
    total, windows = ask("tokens", start, end, now=NOW, window=window)
    assert total == str(tokens(inside))
    assert sum(map(int, windows)) == tokens(inside)
    assert len(windows) == {"quarter_hour": 284, "hour": 71, "day": 3, "month": 1}[window]


def test_a_day_with_a_change_of_the_clocks_has_23_hours(events: list[Event]) -> None:
    day = ("2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z")
    inside = [one for one in events if day[0] <= format_instant(one.time) < day[1]]
    assert ask("tokens", *day, now=NOW)[1] == [str(tokens(inside))]
    assert len(ask("tokens", *day, now=NOW, window=Window.HOUR)[1]) == 23


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_days_of_another_time_zone_are_cut_there(events: list[Event], zone: str) -> None:
    roll(NOW)
    total, windows = ask("tokens", "2026-03-02T05:00:00Z", "2026-03-09T05:00:00Z", now=NOW, zone=zone)
    by_day: dict[str, int] = {}
    for one in events:
        if "2026-03-02T05:00:00Z" <= format_instant(one.time) < "2026-03-09T05:00:00Z":
            day = one.time.astimezone(zone_of(zone)).date().isoformat()
            by_day[day] = by_day.get(day, 0) + int(one.data["tokens"].text)
    assert int(total) == sum(by_day.values())
    assert [int(one) for one in windows] == [by_day[day] for day in sorted(by_day)]


def test_a_range_that_cuts_days_takes_only_its_quarter_hours(events: list[Event]) -> None:
    roll(NOW)
    start, end = "2026-03-02T12:15:00Z", "2026-03-05T17:45:00Z"
    inside = [one for one in events if start <= format_instant(one.time) < end]
    assert ask("tokens", start, end, now=NOW)[0] == str(tokens(inside))


def test_groups_the_rest_and_filters_add_up(events: list[Event]) -> None:
    roll(NOW)
    whole = (format_instant(FIRST), format_instant(END))
    grouped = ask("tokens", *whole, now=NOW, window=Window.MONTH, grouping=Grouping(("model", "kind"), top=2))
    assert grouped[0] == str(tokens(events))
    assert len(grouped[1]) == 3
    assert sum(map(int, grouped[1])) == tokens(events)
    large = [one for one in events if one.data["model"] == "large"]
    filtered = Grouping(filters={"model": frozenset({"large"})})
    assert ask("tokens", *whole, now=NOW, grouping=filtered)[0] == str(tokens(large))


def test_quantities_that_do_not_add_up_are_never_added_up(events: list[Event]) -> None:
    roll(NOW)
    whole = (format_instant(FIRST), format_instant(END))
    assert ask("largest", *whole, now=NOW)[0] == str(max(int(one.data["tokens"].text) for one in events))
    assert ask("users", *whole, now=NOW)[0] == str(len({one.data["user"] for one in events}))


def test_the_range_before_has_as_many_local_days(events: list[Event]) -> None:
    roll(NOW)
    opened = reader(NOW)
    whole = Range(_quarter_hour("2026-03-12T04:00:00Z"), _quarter_hour("2026-03-19T04:00:00Z"))
    question = UsageQuestion(whole=whole, window=Window.DAY, zone=opened.zone, meters=("tokens",), compare=True)
    previous = measure_usage(opened, question)[0].previous
    assert previous is not None
    inside = [one for one in events if "2026-03-05T05:00:00Z" <= format_instant(one.time) < "2026-03-12T04:00:00Z"]
    assert previous.total == Decimal(tokens(inside))


def test_a_level_carries_into_a_range_from_the_month_the_day_and_the_hour_before(engine: None) -> None:
    add_organization("acme", ZONE)
    add_meter(meter("time_weighted", key="storage", value="gb", dimensions={"disk": "disk"}))
    send(
        event("a", "2026-01-10T12:00:00Z", disk="a", gb=1),
        event("b", "2026-03-05T12:00:00Z", disk="b", gb=10),
        event("c", "2026-03-10T12:00:00Z", disk="c", gb=100),
        now=NOW,
    )
    for _ in range(2):
        assert ask("storage", "2026-03-10T13:00:00Z", "2026-03-10T14:00:00Z", now=NOW, window=Window.HOUR)[0] == "111"
        grouped = Grouping(("disk",))
        total, windows = ask("storage", "2026-03-11T04:00:00Z", "2026-03-12T04:00:00Z", now=NOW, grouping=grouped)
        assert (total, windows) == (str(111 * 24), [str(100 * 24), str(10 * 24), str(24)])
        roll(NOW)


def test_a_level_counts_up_to_now_and_no_further(engine: None) -> None:
    add_organization()
    add_meter(meter("time_weighted", key="storage", value="gb"))
    send(event("a", "2026-03-20T10:00:00Z", gb=6), event("ahead", "2026-03-20T10:10:00Z", gb=600), now=NOW)
    day = ("2026-03-20T00:00:00Z", "2026-03-21T00:00:00Z")
    assert ask("storage", *day, now="2026-03-20T10:10:00Z")[0] == "1"
    assert ask("storage", *day, now="2026-03-20T10:11:00Z")[0] == "11"
    assert ask("storage", "2026-03-21T00:00:00Z", "2026-03-22T00:00:00Z", now=NOW)[0] == "0"


def test_meters_without_usage_are_left_out_unless_asked_for(events: list[Event]) -> None:
    assert events
    opened = reader(NOW)
    empty = Range(_quarter_hour("2026-01-01T05:00:00Z"), _quarter_hour("2026-01-02T05:00:00Z"))
    question = {"whole": empty, "window": Window.DAY, "zone": opened.zone}
    assert measure_usage(opened, UsageQuestion(**question)) == []  # type: ignore[arg-type]
    with_zero = measure_usage(opened, UsageQuestion(**question, include_zero=True))  # type: ignore[arg-type]
    assert [(one.meter.key, show_decimal(one.breakdown.total)) for one in with_zero] == [
        ("largest", "0"),
        ("tokens", "0"),
        ("users", "0"),
    ]


def _quarter_hour(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) // 900
