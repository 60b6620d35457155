"""The crash matrix: the process dies at every call of every write path, before it commits or after; it is repeated."""

import itertools

import pytest

from chalicelib.invoices import store as invoices_store
from chalicelib.usage import counters_store
from tests.faults import rules
from tests.faults.matrix import Matrix
from tests.faults.paths import PATHS, Served
from tests.faults.paths_billing import AUTHORIZE, BILLING_PATHS
from tests.faults.tap import Crash

WAYS = list(itertools.product((rules.BEFORE, rules.AFTER), (False, True)))


def crash_everywhere(matrix: Matrix) -> int:
    """Crash at each call in each way; count the cases."""
    cases = 0
    for number, (when, in_fresh_process) in itertools.product(range(matrix.calls), WAYS):
        cases += 1
        with pytest.raises(Crash), matrix.under(rules.crash_at(number, when)):
            matrix.path.do(matrix.served)
        matrix.repeat(in_fresh_process=in_fresh_process)
    return cases


@pytest.mark.parametrize("name", list(PATHS))
def test_a_crash_anywhere_leaves_what_a_repeat_completes(served: Served, name: str) -> None:
    assert crash_everywhere(Matrix(served, PATHS[name])) >= 8


@pytest.mark.parametrize("name", list(BILLING_PATHS))
def test_a_crash_in_billing_leaves_what_a_repeat_completes(selling: Served, name: str) -> None:
    assert crash_everywhere(Matrix(selling, BILLING_PATHS[name])) >= 8


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
    assert crash_everywhere(Matrix(served, PATHS[name])) >= 100


def test_there_are_more_than_450_cases(served: Served) -> None:
    start = served.world.store.keep()
    calls = 0
    for path in PATHS.values():
        served.world.store.put_back(start)
        path.prepare(served)
        with served.world.store.tap.under(lambda call, send: send(call.request)):
            path.do(served)
            calls += len(served.world.store.tap.calls)
    assert calls * len(WAYS) >= 450
