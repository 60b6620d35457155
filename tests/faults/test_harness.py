"""The harness itself: faults strike where they are aimed at, and the search finds every outcome, each once."""

import itertools
from collections.abc import Callable, Iterator, Mapping

import pytest

from chalicelib.platform import retries
from chalicelib.platform.reads import ItemKey, Query, find, find_many, walk, write_batch
from chalicelib.platform.writes import Lost, Put, commit
from chalicelib.shared.errors import Busy
from chalicelib.usage.tables import CountersItem
from tests.faults import rules
from tests.faults.footprints import depend, footprint
from tests.faults.schedules import Actor, Stage, every_schedule
from tests.faults.store import FaultStore, open_store
from tests.faults.tap import Call, Crash


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultStore]:
    monkeypatch.setattr(retries, "sleep", lambda seconds: None)
    with open_store() as opened:
        yield opened


def test_a_store_is_put_back_byte_for_byte(empty: FaultStore) -> None:
    commit([Put(item=CountersItem("a", "1", segments=1))])
    kept = empty.keep()
    commit([Put(item=CountersItem("a", "2", segments=2))])
    assert empty.keep() != kept
    empty.put_back(kept)
    assert empty.keep() == kept
    assert [item.sk for item in walk(Query(model=CountersItem, pk="a"))] == ["1"]


@pytest.mark.parametrize(("when", "stored"), [(rules.BEFORE, False), (rules.AFTER, True)])
def test_a_crash_strikes_before_or_after_the_call_commits(empty: FaultStore, when: str, stored: bool) -> None:
    with pytest.raises(Crash), empty.tap.under(rules.crash_at(0, when)):
        commit([Put(item=CountersItem("a", "1"))])
    assert (find(CountersItem, ("a", "1")) is not None) is stored


@pytest.mark.parametrize("name", [*rules.REFUSED, *rules.UNKNOWN])
def test_a_fault_that_passes_is_survived_and_one_that_stays_is_busy(empty: FaultStore, name: str) -> None:
    fault = {**rules.REFUSED, **rules.UNKNOWN}[name]
    with empty.tap.under(rules.at(0, fault)):
        commit([Put(item=CountersItem("a", "1"))])
    with pytest.raises(Busy), empty.tap.under(rules.at(0, fault, times=1000)):
        commit([Put(item=CountersItem("a", "2"))])
    assert len(empty.tap.calls) <= retries.MAX_ATTEMPTS


def test_batches_come_back_in_part_and_pages_break_and_are_empty(empty: FaultStore) -> None:
    slots = [CountersItem("a", f"{number}", segments=number) for number in range(7)]
    with empty.tap.under(rules.leave_unprocessed(3)):
        write_batch(slots)
        assert len(empty.tap.calls) == 3
        found = find_many([ItemKey(CountersItem, ("a", f"{number}")) for number in range(7)])
        assert [item is not None for item in found] == [True] * 7
    for rule in (rules.break_pages, rules.EmptyPages()):
        with empty.tap.under(rule):
            assert [item.segments for item in walk(Query(model=CountersItem, pk="a"))] == list(range(7))
            assert len(empty.tap.calls) > 1


def test_footprints_meet_where_a_write_is_in_the_range_of_a_read(empty: FaultStore) -> None:
    list(walk(Query(model=CountersItem, pk="a", within=CountersItem.sk.between("b", "d"))))
    list(walk(Query(model=CountersItem, pk="a", within=CountersItem.sk.startswith("b"))))
    commit([Put(item=CountersItem("a", "c"))])
    between, starting, put = (footprint(call) for call in empty.tap.calls)
    assert depend(between, put)
    assert not depend(starting, put)
    assert not depend(between, starting)
    write_batch([CountersItem("a", "bb"), CountersItem("x", "c")])
    assert depend(starting, footprint(empty.tap.calls[-1]))
    assert not depend(put, footprint(empty.tap.calls[-1]))


def _add_one(sk: str) -> Callable[[Stage], None]:
    """Count without a condition: the classic lost update."""

    def actor(stage: Stage) -> None:
        slot = find(CountersItem, ("a", sk)) or CountersItem("a", sk, segments=0)
        slot.segments += 1
        commit([Put(item=slot)])

    return actor


def _run(empty: FaultStore, actors: Mapping[str, Actor]) -> Iterator[tuple[int, ...]]:
    kept = empty.keep()

    def make() -> Mapping[str, Actor]:
        empty.put_back(kept)
        return actors

    for schedule in every_schedule(empty.tap, make):
        assert not schedule.errors
        yield tuple(int(item.segments) for item in walk(Query(model=CountersItem, pk="a")))


def test_every_schedule_of_two_writers_is_run_once_and_the_lost_update_is_found(empty: FaultStore) -> None:
    outcomes = list(_run(empty, {"one": _add_one("1"), "other": _add_one("1")}))
    # 6 orders of r w, r w; the two reads do not see each other: r r w w in two orders of the writes, and two in a row.
    assert sorted(outcomes) == [(1,), (1,), (2,), (2,)]


def test_writers_that_cannot_see_each_other_need_one_schedule(empty: FaultStore) -> None:
    assert list(_run(empty, {"one": _add_one("1"), "other": _add_one("2")})) == [(1, 1)]


def test_three_writers_reach_every_outcome(empty: FaultStore) -> None:
    outcomes = list(_run(empty, dict.fromkeys(("a", "b", "c"), _add_one("1"))))
    assert set(outcomes) == {(1,), (2,), (3,)}


def test_the_search_reaches_what_trying_all_orders_reaches(empty: FaultStore) -> None:
    """Two actors over three items: all 70 orders without the shortcut against the search with it."""

    def actor(*sorts: str) -> Actor:
        def run(stage: Stage) -> None:
            before = [
                int(item.segments)
                for item in walk(Query(model=CountersItem, pk="a", within=CountersItem.sk >= sorts[0]))
            ]
            commit([Put(item=CountersItem("a", sorts[0], segments=sum(before) + 1))])
            slot = find(CountersItem, ("a", sorts[1]))
            commit([Put(item=CountersItem("a", sorts[2], segments=10 + (int(slot.segments) if slot else 0)))])

        return run

    actors = {"one": actor("1", "2", "3"), "other": actor("2", "1", "3")}
    kept = empty.keep()
    everything = set()
    for order in set(itertools.permutations(["one"] * 4 + ["other"] * 4)):
        empty.put_back(kept)
        turns = iter(order)
        assert Stage(empty.tap, actors).run(lambda wanted, turns=turns: next(turns))  # type: ignore[misc]
        everything.add(tuple(int(item.segments) for item in walk(Query(model=CountersItem, pk="a"))))
    empty.put_back(kept)
    found = list(_run(empty, actors))
    assert set(found) == everything
    assert len(found) < 70


def test_an_actor_that_loses_tells_so(empty: FaultStore) -> None:
    def create(stage: Stage) -> None:
        commit([Put(item=CountersItem("a", "1"), condition=CountersItem.pk.does_not_exist())])

    kept = empty.keep()

    def make() -> Mapping[str, Actor]:
        empty.put_back(kept)
        return {"one": create, "other": create}

    schedules = list(every_schedule(empty.tap, make))
    assert len(schedules) == 2
    assert all([type(error) for error in schedule.errors.values()] == [Lost] for schedule in schedules)


def test_a_call_tells_whether_it_writes() -> None:
    assert Call(0, "PutItem", {}).writes
    assert not Call(0, "Query", {}).writes
