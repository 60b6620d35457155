"""The rollup: what is stored when, what never is, and that doing it again changes nothing."""

from datetime import date
from typing import Any

import pytest

from chalicelib.shared.errors import Busy
from chalicelib.shared.time import parse_instant, quarter_hour_of
from chalicelib.usage import counters_store, store
from chalicelib.usage.counters import Counters, Health, merge_counters
from chalicelib.usage.counters_store import Kind, day_stretch, put_counters, quarter_hour_stretch
from chalicelib.usage.fold import fold
from chalicelib.usage.ranges import days_range
from chalicelib.usage.rollup import roll_up
from chalicelib.usage.segments import SegmentKind
from chalicelib.usage.tables import CountersItem
from tests.usage.build import event, meter
from tests.usage.stored import add_meter, add_organization, append, ask, catalog_now, marks, reader, roll, send, total

DAY = ("2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z")
LATER = "2026-01-15T13:00:00Z"


@pytest.fixture(autouse=True)
def _acme(tables: None) -> None:
    add_organization()
    add_meter(meter("sum", dimensions={"model": "model"}))


def stored_sort_keys() -> list[str]:
    return [item.sk for item in CountersItem.query("acme")]


def stored_items() -> list[dict[str, dict[str, Any]]]:
    return [item.serialize() for item in CountersItem.query("acme")]


def test_a_closed_quarter_hour_is_stored_with_its_day_and_its_mark_goes() -> None:
    send(event("e1", "2026-01-15T12:14:59.999999Z", tokens=5))
    report = roll("2026-01-15T12:15:00Z")
    assert (report.rolled_up, report.left) == (1, 0)
    assert stored_sort_keys() == ["d#2026-01-15", "q#2026-01-15T12:00"]
    assert marks() == []
    assert total("tokens", *DAY, now=LATER) == "5"


def test_an_open_quarter_hour_is_left_alone_until_the_instant_it_ends() -> None:
    send(event("e1", "2026-01-15T12:00:00Z", tokens=5))
    assert roll("2026-01-15T12:14:59.999999Z").rolled_up == 0
    assert stored_sort_keys() == []
    assert roll("2026-01-15T12:15:00Z").rolled_up == 1


def test_the_total_is_the_same_before_and_after_rolling_up() -> None:
    send(event("e1", tokens=5), event("e2", tokens=7), event("e1", tokens=5))
    before = ask("tokens", *DAY, now=LATER)
    roll(LATER)
    assert before == ask("tokens", *DAY, now=LATER) == ("12", ["12"])


def test_rolling_up_again_writes_nothing() -> None:
    send(event("e1", tokens=5))
    roll(LATER)
    stored = stored_items()
    assert roll(LATER).rolled_up == 0
    assert stored_items() == stored


def test_a_late_event_is_counted_at_once_and_rolled_up_again() -> None:
    send(event("e1", tokens=5))
    roll(LATER)
    send(event("e2", tokens=6))
    assert total("tokens", *DAY, now=LATER) == "11"
    roll(LATER)
    assert marks() == []
    assert total("tokens", *DAY, now=LATER) == "11"


def test_a_segment_that_comes_while_its_mark_is_rolled_up_keeps_the_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    send(event("e1", tokens=5))
    fold_first = store.read_partitions
    late = [event("e2", tokens=6)]

    def then_another_comes(*place: Any) -> object:
        found = list(fold_first(*place))
        while late:
            send(late.pop())
        return iter(found)

    monkeypatch.setattr(store, "read_partitions", then_another_comes)
    report = roll(LATER)
    assert (report.rolled_up, report.left) == (0, 1)
    assert total("tokens", *DAY, now=LATER) == "11"
    assert roll(LATER).rolled_up == 1
    assert total("tokens", *DAY, now=LATER) == "11"


def test_counters_that_saw_no_more_segments_and_no_later_meters_never_replace_others() -> None:
    stretch = quarter_hour_stretch("acme", quarter_hour_of(parse_instant("2026-01-15T12:00:00Z")))
    catalog = catalog_now()
    newer = Counters(3, 2_000_000_002, Health(accepted=9))
    assert put_counters(stretch, newer, catalog, "f1")
    assert not put_counters(stretch, Counters(2, 2_000_000_002), catalog, "f2")
    assert not put_counters(stretch, Counters(4, 2_000_000_001), catalog, "f3")
    assert not put_counters(stretch, newer, catalog, "f4")
    assert put_counters(stretch, Counters(4, 2_000_000_003), catalog, "f5")
    stored = CountersItem.get("acme", stretch.sort_key)
    assert (stored.segments, stored.definitions) == (4, 2_000_000_003)


def test_a_day_is_the_merge_of_its_quarter_hours_in_the_organizations_zone() -> None:
    add_organization("nyc", "America/New_York")
    send(
        event("e1", "2026-01-15T04:59:59Z", tokens=1), event("e2", "2026-01-15T05:00:00Z", tokens=2), organization="nyc"
    )
    roll(LATER)
    opened = reader(LATER, "nyc")
    days = opened.days(date(2026, 1, 14), date(2026, 1, 16))
    assert {day: one.meters["tokens"][("",)] for day, one in days.items()} == {
        date(2026, 1, 14): 1,
        date(2026, 1, 15): 2,
    }
    quarter_hours = opened.quarter_hours(days_range(date(2026, 1, 15), date(2026, 1, 16), opened.zone))
    assert days[date(2026, 1, 15)] == merge_counters(list(quarter_hours.values()), opened.catalog)


def test_counters_above_the_limit_go_to_pages_and_replaced_pages_are_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters_store, "PAGE_BYTES", 100)
    send(*(event(f"e{n}", model=f"model-{n}", tokens=n) for n in range(40)))
    roll(LATER)
    first = [key for key in stored_sort_keys() if key.count("#") > 1]
    assert len(first) > 2
    assert total("tokens", *DAY, now=LATER) == str(sum(range(40)))
    send(event("late", tokens=1000))
    roll(LATER)
    second = [key for key in stored_sort_keys() if key.count("#") > 1]
    assert second
    assert not set(first) & set(second)
    assert total("tokens", *DAY, now=LATER) == str(sum(range(40)) + 1000)


def test_a_reader_whose_pages_have_gone_reads_the_header_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters_store, "PAGE_BYTES", 100)
    send(*(event(f"e{n}", model=f"model-{n}", tokens=n) for n in range(40)))
    roll(LATER)
    stretch = day_stretch("acme", Kind.DAY, date(2026, 1, 15))
    header = CountersItem.get("acme", stretch.sort_key)
    found = counters_store._complete(stretch, header, {}, catalog_now())
    assert sum(found.meters["tokens"].values()) == sum(range(40))


def test_pages_that_never_come_end_as_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters_store, "PAGE_BYTES", 100)
    send(*(event(f"e{n}", model=f"model-{n}", tokens=n) for n in range(40)))
    roll(LATER)
    for item in CountersItem.query("acme"):
        if item.sk.count("#") > 1:
            item.delete()
    with pytest.raises(Busy):
        total("tokens", *DAY, now=LATER)


def test_a_run_without_time_leaves_every_mark() -> None:
    send(event("e1", tokens=5), event("e2", "2026-01-14T12:00:00Z", tokens=6))
    report = roll_up(lambda: parse_instant(LATER), has_time=lambda: False)
    assert (report.rolled_up, sorted(report.unfinished)) == (0, list(range(16)))
    assert len(marks()) == 2


def test_a_run_that_has_time_for_one_day_only_leaves_the_other_to_the_next() -> None:
    send(event("e1", tokens=5), event("e2", "2026-01-14T12:00:00Z", tokens=6))
    shard = store.shard_of("acme")
    asked = iter([True, True, False])
    report = roll_up(lambda: parse_instant(LATER), has_time=lambda: next(asked), shards=[shard])
    assert (report.rolled_up, report.left, report.unfinished) == (1, 1, (shard,))
    assert roll(LATER).rolled_up == 1


def test_a_meter_created_while_a_day_is_rolled_up_is_folded_before_the_mark_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send(event("e1", tokens=5))
    put = counters_store.put_counters
    new = [meter("count", key="requests")]

    def then_a_meter_is_created(*what: Any) -> counters_store.Replaced | None:
        stored = put(*what)
        while new:
            add_meter(new.pop())
        return stored

    monkeypatch.setattr(counters_store, "put_counters", then_a_meter_is_created)
    roll(LATER)
    assert marks() == []
    assert total("requests", *DAY, now=LATER) == "1"


def test_levels_are_stored_for_the_day_and_its_month_and_carry_over() -> None:
    add_meter(meter("time_weighted", key="storage", value="gb", event_type="disk"))
    send(event("s1", "2026-01-10T12:00:00Z", type="disk", gb=10))
    roll(LATER)
    assert [key for key in stored_sort_keys() if key[0] in "lm"] == ["l#2026-01-10", "m#2026-01"]
    assert total("storage", "2026-01-11T12:00:00Z", "2026-01-12T12:00:00Z", now=LATER) == "240"
    assert total("storage", "2026-02-10T12:00:00Z", "2026-02-11T12:00:00Z", now="2026-03-01T00:00:00Z") == "240"


def test_a_voided_level_is_gone_from_later_months_too() -> None:
    add_meter(meter("time_weighted", key="storage", value="gb", event_type="disk"))
    level = event("s1", "2026-01-10T12:00:00Z", type="disk", gb=10)
    send(level)
    roll(LATER)
    append({level.quarter_hour: [level]}, SegmentKind.VOID, now=LATER)
    store.put_marks([("acme", level.quarter_hour)])
    january = ("2026-02-10T12:00:00Z", "2026-02-11T12:00:00Z")
    assert total("storage", *january, now="2026-03-01T00:00:00Z") == "0"
    roll(LATER)
    assert marks() == []
    assert total("storage", *january, now="2026-03-01T00:00:00Z") == "0"


def test_a_stored_quarter_hour_equals_the_fold_of_its_segments() -> None:
    send(event("e1", tokens=5, model="a"), event("e2", tokens=7, model="b"))
    send(event("e1", tokens=5, model="a"), event("e2", tokens=8, model="b"))
    roll(LATER)
    quarter_hour = quarter_hour_of(parse_instant("2026-01-15T12:00:00Z"))
    stored = reader(LATER).quarter_hours(days_range(date(2026, 1, 15), date(2026, 1, 16), reader(LATER).zone))
    folded = fold(store.read_partition("acme", quarter_hour), catalog_now())
    assert stored == {quarter_hour: folded}
    assert (folded.health.duplicates, folded.health.conflicts) == (1, 1)


def test_a_day_that_cannot_be_rolled_up_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    add_organization("beta")
    send(event("e1", tokens=5))
    send(event("e2", tokens=6), organization="beta")
    read = store.read_partitions

    def fail_for_acme(organization: str, *rest: Any) -> Any:
        if organization == "acme":
            raise MemoryError
        return read(organization, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(store, "read_partitions", fail_for_acme)
        report = roll(LATER)
    assert (report.rolled_up, report.left) == (1, 1)
    assert (len(marks()), marks("beta")) == (1, [])


def test_as_many_segments_are_not_the_same_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    send(event("e1", tokens=1))
    send(event("e2", tokens=10))
    quarter_hour = quarter_hour_of(parse_instant("2026-01-15T12:00:00Z"))
    first, second = store.read_partition("acme", quarter_hour)
    stretch = quarter_hour_stretch("acme", quarter_hour)
    # Another rollup read the partition's pages while segments came, and saw one that came later instead of the second.
    send(event("e3", tokens=100))
    third = store.read_partition("acme", quarter_hour)[2]
    assert put_counters(stretch, fold([first, third], catalog_now()), catalog_now(), "f1")
    read, early = store.read_partitions, [[first, second]]

    def read_two_first(*place: Any) -> Any:
        return iter([(quarter_hour, early.pop())]) if early else read(*place)

    monkeypatch.setattr(store, "read_partitions", read_two_first)
    roll(LATER)
    assert marks() == []
    assert total("tokens", *DAY, now=LATER) == "111"
