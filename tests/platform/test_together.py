"""Reads at the same time: answers in order, the first error, and never more threads than agreed."""

import threading

import pytest

from chalicelib.platform.together import MOST_AT_ONCE, read_each, together


def test_answers_come_in_the_order_of_the_calls() -> None:
    assert together(lambda: 1, lambda: "b", lambda: None) == [1, "b", None]
    assert together() == []


def test_the_first_error_is_raised() -> None:
    def fail() -> None:
        raise KeyError("second")

    with pytest.raises(KeyError, match="second"):
        together(lambda: 1, fail)


@pytest.mark.parametrize("count", [0, 1, MOST_AT_ONCE, MOST_AT_ONCE + 1, 5 * MOST_AT_ONCE + 3])
def test_each_item_is_read_once_in_order_by_a_few_threads(count: int) -> None:
    by_thread: dict[int, list[int]] = {}

    def read(item: int) -> int:
        by_thread.setdefault(threading.get_ident(), []).append(item)
        return item * item

    assert read_each(read, range(count)) == [item * item for item in range(count)]
    assert sorted(item for items in by_thread.values() for item in items) == list(range(count))
    assert len(by_thread) <= MOST_AT_ONCE
