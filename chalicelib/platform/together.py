"""Independent reads at the same time: one round trip's wait instead of several."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

Call = Callable[[], Any]
Item = TypeVar("Item")
Read = TypeVar("Read")

MOST_AT_ONCE = 8


class _Outcome:
    """What one call gave: a value or the error it raised."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._value: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._value = self._call()
        except BaseException as error:  # noqa: BLE001 - raised again where it is asked for
            self._error = error

    def get(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


def together(*calls: Call) -> list[Any]:
    """Make calls that do not depend on one another at the same time; answers in their order, raises the first error.

    The calls must only read: which of them come before another's error is left open.
    """
    outcomes = [_Outcome(call) for call in calls]
    if outcomes:
        run_all(outcomes)
    return [outcome.get() for outcome in outcomes]


def read_each(read: Callable[[Item], Read], items: Sequence[Item]) -> list[Read]:
    """Read something for each of some items, at most eight at the same time; answers in their order."""
    if not items:
        return []
    size = -(-len(items) // MOST_AT_ONCE)
    shares = [items[start : start + size] for start in range(0, len(items), size)]
    answers: list[list[Read]] = together(*(partial(_in_order, read, share) for share in shares))
    return [answer for share in answers for answer in share]


def _in_order(read: Callable[[Item], Read], items: Sequence[Item]) -> list[Read]:
    return [read(item) for item in items]


def _in_threads(outcomes: list[_Outcome]) -> None:
    threads = [threading.Thread(target=outcome.run, daemon=True) for outcome in outcomes[1:]]
    for thread in threads:
        thread.start()
    outcomes[0].run()
    for thread in threads:
        thread.join()


def in_turn(outcomes: list[_Outcome]) -> None:
    """Make the calls one after the other: for tests that decide the order of every call to the storage."""
    for outcome in outcomes:
        outcome.run()


run_all = _in_threads
