"""Runs a path with a fault at each of its calls, and compares what came of it with the run without a fault."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.faults.billing import check_idle, check_settled
from tests.faults.meaning import meaning
from tests.faults.paths import Path, Refused, Served
from tests.faults.tap import Rule
from tests.faults.world import beginning, fresh_process, go_back


class Matrix:
    """One path, prepared.

    ``writes`` tells of each of its calls to the storage whether it may change something, ``answer`` what it answers.
    """

    def __init__(self, served: Served, path: Path) -> None:
        self.served, self.path = served, path
        path.prepare(served)
        fresh_process()
        self._start = beginning(served.world)
        with served.world.store.tap.under(lambda call, send: send(call.request)):
            self.answer = path.do(served)
            self.writes = [call.writes for call in served.world.store.tap.calls]
        self._end = served.world.everything()
        self._meaning = self._settled()
        # What means the same goes on in the same way: so this is done once.
        if served.world.sales.sold:
            check_settled(served.world)
            check_idle(served.world)

    @property
    def calls(self) -> int:
        """Count the calls to the storage."""
        return len(self.writes)

    @contextmanager
    def under(self, rule: Rule) -> Iterator[None]:
        """Go back to the beginning and put the calls that follow under a rule."""
        go_back(self.served.world, self._start)
        with self.served.world.store.tap.under(rule):
            yield

    def repeat(self, *, in_fresh_process: bool) -> None:
        """Do the path again after a fault, and assert that all is as if there had been none."""
        if in_fresh_process:
            fresh_process()
        try:
            answer = self.path.do(self.served)
        except Refused:
            assert self.path.repeat_is_refused
        else:
            assert answer == self.answer or not self.path.same_answer
        self.compare()

    def compare(self) -> None:
        """Let the jobs run, then assert that every table means what it means without a fault, and is right.

        What ends with the same in every table goes on in the same way.
        """
        if self.served.world.everything() == self._end:
            return
        found = self._settled()
        for part, right in self._meaning.items():
            assert found[part] == right, part

    def _settled(self) -> dict[str, Any]:
        world = self.served.world
        self.path.books(world)
        world.check()
        return meaning(world)
