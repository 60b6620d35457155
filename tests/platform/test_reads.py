from typing import Any

import pytest

from chalicelib.platform import reads
from chalicelib.platform.reads import (
    ItemKey,
    Query,
    find,
    find_many,
    first,
    list_page,
    past_empty_pages,
    read_page,
    walk,
    write_batch,
)
from chalicelib.platform.retries import MAX_ATTEMPTS
from chalicelib.platform.tables import BaseModel
from chalicelib.shared.errors import Busy
from tests.platform.conftest import Script
from tests.platform.stored import Box, Label


@pytest.fixture
def _boxes(tables: None) -> None:
    write_batch([Box("a", f"{number:02}", state="old" if number % 2 else "new") for number in range(30)])


def names(found: Any) -> list[str]:
    return [box.sk for box in found]


def test_find_answers_none_for_what_is_not_there(_boxes: None) -> None:
    assert find(Box, ("a", "99")) is None
    assert names([find(Box, ("a", "03"))]) == ["03"]


def test_many_items_of_two_kinds_come_in_one_round_trip_in_the_order_asked(_boxes: None, script: Script) -> None:
    write_batch([Label("a", "label", text="x")])
    script.calls.clear()
    found = find_many([ItemKey(Box, ("a", "05")), ItemKey(Box, ("b", "00")), ItemKey(Label, ("a", "label"))])
    assert [type(item).__name__ for item in found] == ["Box", "NoneType", "Label"]
    assert script.operations() == ["BatchGetItem"]
    assert script.calls[0][1]["RequestItems"]["meterfold-test-boxes"]["ConsistentRead"] is True


def test_more_than_a_hundred_keys_are_read_in_several_batches(_boxes: None, script: Script) -> None:
    keys = [ItemKey(Box, ("a", f"{number:02}")) for number in range(130)]
    found = find_many([*keys, keys[0]])
    assert [item is not None for item in found] == [number < 30 for number in range(130)] + [True]
    assert script.operations() == ["BatchGetItem", "BatchGetItem"]


def test_pages_end_exactly_at_the_last_item(_boxes: None) -> None:
    query = Query(model=Box, pk="a")
    one = list_page(query, limit=15)
    other = list_page(query, limit=15, after=one.next_key)
    assert names(one.items) + names(other.items) == [f"{number:02}" for number in range(30)]
    assert one.next_key is not None
    assert other.next_key is None


def test_a_filtered_page_is_full_although_single_reads_are_not(_boxes: None) -> None:
    query = Query(model=Box, pk="a", where=Box.state == "new", newest_first=True)
    one = list_page(query, limit=10)
    assert names(one.items) == [f"{number:02}" for number in range(28, 8, -2)]
    assert names(list_page(query, limit=10, after=one.next_key).items) == ["08", "06", "04", "02", "00"]


def test_an_index_is_listed_in_pages(_boxes: None) -> None:
    query = Query(model=Box, pk="new", index="by_state", within=Box.sk >= "10")
    one = list_page(query, limit=6)
    assert names([*one.items, *list_page(query, limit=6, after=one.next_key).items]) == [
        f"{number:02}" for number in range(10, 30, 2)
    ]


def test_walk_follows_pages_that_are_empty(_boxes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    read = reads._query
    monkeypatch.setattr(reads, "_query", lambda query, limit, after: read(query, limit=1, after=after))
    found = names(walk(Query(model=Box, pk="a", where=Box.state == "new")))
    assert found == [f"{number:02}" for number in range(0, 30, 2)]


def test_one_round_trip_may_be_empty_and_still_have_more(_boxes: None) -> None:
    page = read_page(Query(model=Box, pk="a", where=Box.state == "old"), limit=1)
    assert page.items == []
    assert page.next_key is not None
    found = first(Query(model=Box, pk="a", where=Box.state == "old"))
    assert found is not None
    assert found.sk == "01"


def test_empty_pages_are_passed_over_until_there_are_items_or_nothing_follows(_boxes: None) -> None:
    query = Query(model=Box, pk="a", where=Box.state == "old")
    assert names(past_empty_pages(query, read_page(query, limit=1), limit=1).items) == ["01"]
    nowhere = Query(model=Box, pk="a", where=Box.state == "none")
    page = past_empty_pages(nowhere, read_page(nowhere, limit=1), limit=1)
    assert (page.items, page.next_key) == ([], None)


def unprocessed(script: Script, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Leave the last thing asked for unprocessed, some times."""
    call = script.call
    left = [times]

    def answer(send: Any, operation: str, arguments: dict[str, Any]) -> Any:
        name, asked = next(iter(arguments["RequestItems"].items()))
        if left[0] == 0:
            return call(send, operation, arguments)
        left[0] -= 1
        listed = asked["Keys"] if operation == "BatchGetItem" else asked
        rest = {**asked, "Keys": listed[-1:]} if operation == "BatchGetItem" else listed[-1:]
        if len(listed) > 1:
            part = {**asked, "Keys": listed[:-1]} if operation == "BatchGetItem" else listed[:-1]
            answered = call(send, operation, {**arguments, "RequestItems": {name: part}})
        else:
            answered = call(lambda *_: {"Responses": {}}, operation, arguments)
        member = "UnprocessedKeys" if operation == "BatchGetItem" else "UnprocessedItems"
        return {**answered, member: {name: rest}}

    monkeypatch.setattr(script, "call", answer)


def test_unprocessed_keys_are_asked_for_again(_boxes: None, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    unprocessed(script, monkeypatch, 3)
    found = find_many([ItemKey(Box, ("a", f"{number:02}")) for number in range(5)])
    assert all(isinstance(item, BaseModel) for item in found)
    assert len(script.pauses_s) == 3


def test_unprocessed_items_are_written_again(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    unprocessed(script, monkeypatch, 3)
    write_batch([Box("c", f"{number:02}") for number in range(5)], [ItemKey(Box, ("c", "77"))])
    monkeypatch.undo()
    assert len(list(walk(Query(model=Box, pk="c")))) == 5


@pytest.mark.parametrize("kind", ["read", "write"])
def test_what_stays_unprocessed_ends_in_busy(script: Script, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    unprocessed(script, monkeypatch, 1000)
    with pytest.raises(Busy):
        find_many([ItemKey(Box, ("a", "00"))]) if kind == "read" else write_batch([Box("a", "00")])
    assert len(script.calls) == MAX_ATTEMPTS
