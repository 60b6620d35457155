"""The crash matrix: the process dies at every call of every write path, before it commits or after; it is repeated."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import pytest

from chalicelib.invoices import store as invoices_store
from chalicelib.usage import counters_store
from tests.faults import rules
from tests.faults.matrix import Matrix
from tests.faults.paths import PATHS, Path, Served
from tests.faults.paths_billing import AUTHORIZE, BILLING_PATHS
from tests.faults.tap import Crash
from tests.faults.world import beginning, go_back

Case = tuple[int, str, bool]


def different_cases(writes: Sequence[bool]) -> Iterator[Case]:
    """List the crashes at calls, of which ``writes`` tells which ones change something, that leave something different.

    Each is the call's number, whether it is before or after it commits, and whether a fresh process repeats the path.
    A read leaves the same tables and the same memory whether the crash comes before or after it. To a fresh process
    only the tables matter: before a call they are what they were after the last write.
    """
    yield 0, rules.BEFORE, True
    for number, is_write in enumerate(writes):
        yield number, rules.BEFORE, False
        if is_write:
            yield number, rules.AFTER, False
            yield number, rules.AFTER, True


def crash_everywhere(matrix: Matrix) -> int:
    """Crash at each call in each way that differs from others; count the cases."""
    cases = list(different_cases(matrix.writes))
    for number, when, in_fresh_process in cases:
        with pytest.raises(Crash), matrix.under(rules.crash_at(number, when)):
            matrix.path.do(matrix.served)
        matrix.repeat(in_fresh_process=in_fresh_process)
    return len(cases)


@pytest.mark.parametrize("name", list(PATHS))
def test_a_crash_anywhere_leaves_what_a_repeat_completes(served: Served, name: str) -> None:
    assert crash_everywhere(Matrix(served, PATHS[name])) >= 3


@pytest.mark.parametrize("name", list(BILLING_PATHS))
def test_a_crash_in_billing_leaves_what_a_repeat_completes(selling: Served, name: str) -> None:
    assert crash_everywhere(Matrix(selling, BILLING_PATHS[name])) >= 3


def test_authorizing_writes_nothing(selling: Served) -> None:
    path = BILLING_PATHS[AUTHORIZE]
    path.prepare(selling)
    before = selling.world.store.keep()
    path.do(selling)
    assert selling.world.store.keep() == before


@pytest.mark.parametrize("name", ["finalize", "bill a week with late usage of another"])
def test_a_crash_between_pages_of_an_invoice_leaves_what_a_repeat_completes(
    selling: Served, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoices_store, "PAGE_BYTES", 200)
    assert crash_everywhere(Matrix(selling, BILLING_PATHS[name])) >= 12


@pytest.mark.parametrize("name", ["rollup of many quarter-hours", "counting past events"])
def test_a_crash_between_pages_leaves_what_a_repeat_completes(
    served: Served, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters_store, "PAGE_BYTES", 40)
    assert crash_everywhere(Matrix(served, PATHS[name])) >= 80


def test_every_crash_leaves_what_one_of_the_cases_leaves() -> None:
    """Four at each call: before or after it, repeated in the same process or a fresh one."""
    for writes in itertools.product((False, True), repeat=5):
        cases = set(different_cases(writes))
        for number, when, is_fresh in itertools.product(range(5), (rules.BEFORE, rules.AFTER), (False, True)):
            applied = [at for at in range(number + (when == rules.AFTER)) if writes[at]]
            if is_fresh:
                alike = (applied[-1], rules.AFTER, True) if applied else (0, rules.BEFORE, True)
            else:
                alike = (number, when if writes[number] else rules.BEFORE, False)
            assert alike in cases


@pytest.mark.parametrize(("serving", "paths", "least"), [("served", PATHS, 350), ("selling", BILLING_PATHS, 650)])
def test_there_are_more_than_a_thousand_cases(
    request: pytest.FixtureRequest, serving: str, paths: Mapping[str, Path], least: int
) -> None:
    served: Served = request.getfixturevalue(serving)
    start = beginning(served.world)
    cases = 0
    for path in paths.values():
        go_back(served.world, start)
        path.prepare(served)
        with served.world.store.tap.under(lambda call, send: send(call.request)):
            path.do(served)
            cases += len(list(different_cases([call.writes for call in served.world.store.tap.calls])))
    assert cases >= least
