"""Every error class of the storage at every call of the main write paths: a bounded number of attempts, then 503."""

import contextlib
import itertools

import pytest

from chalicelib.platform.retries import MAX_ATTEMPTS
from chalicelib.shared.errors import Busy
from tests.faults import rules
from tests.faults.matrix import Matrix
from tests.faults.paths import MAIN, PATHS, Served, Unavailable
from tests.faults.paths_billing import BILLING_MAIN, BILLING_PATHS

FAULTS = [
    *((name, fault, rules.BEFORE) for name, fault in {**rules.REFUSED, **rules.UNKNOWN}.items()),
    *((name, fault, rules.AFTER) for name, fault in rules.UNKNOWN.items()),
]


@pytest.mark.parametrize("name", MAIN)
def test_a_fault_that_passes_is_not_noticed(served: Served, name: str) -> None:
    matrix = Matrix(served, PATHS[name])
    pass_unnoticed(matrix, has_key=name == "create a meter once")


@pytest.mark.parametrize("name", BILLING_MAIN)
def test_a_fault_that_passes_is_not_noticed_in_billing(selling: Served, name: str) -> None:
    pass_unnoticed(Matrix(selling, BILLING_PATHS[name]), has_key="once" in name)


def pass_unnoticed(matrix: Matrix, *, has_key: bool) -> None:
    for number, (fault_name, fault, when) in itertools.product(range(matrix.calls), FAULTS):
        try:
            with matrix.under(rules.at(number, fault, when)):
                answer = matrix.path.do(matrix.served)
        except Unavailable:
            # A transaction holds the record of the idempotency key: then the same request is at work.
            assert has_key
            assert fault_name in ("cancelled: conflict", "TransactionInProgressException")
            matrix.repeat(in_fresh_process=False)
        else:
            assert answer == matrix.answer
            matrix.compare()


@pytest.mark.parametrize("name", MAIN)
def test_a_fault_that_stays_is_busy_after_a_bounded_number_of_attempts(served: Served, name: str) -> None:
    give_up_in_time(Matrix(served, PATHS[name]))


@pytest.mark.parametrize("name", BILLING_MAIN)
def test_a_fault_that_stays_in_billing_is_busy_after_a_bounded_number_of_attempts(selling: Served, name: str) -> None:
    give_up_in_time(Matrix(selling, BILLING_PATHS[name]))


def give_up_in_time(matrix: Matrix) -> None:
    chosen = [FAULTS[0], FAULTS[5], FAULTS[8], FAULTS[-1]]
    tap = matrix.served.world.store.tap
    for number, (_, fault, when) in itertools.product(range(matrix.calls), chosen):
        with matrix.under(rules.at(number, fault, when, times=100_000)):
            with contextlib.suppress(Unavailable, Busy):
                matrix.path.do(matrix.served)
            calls = len(tap.calls)
        # A few more calls than the one that fails: whoever runs a command asks once more before giving up.
        assert calls <= number + 3 * MAX_ATTEMPTS
        matrix.repeat(in_fresh_process=False)
