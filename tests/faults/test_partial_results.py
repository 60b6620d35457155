"""Partial results: pages that end after every item, empty pages with a next key, batches that come back in part."""

from collections.abc import Callable

import pytest

from chalicelib.invoices import store as invoices_store
from chalicelib.shared.errors import Busy
from tests.faults import billing, rules
from tests.faults.billing_checks import check_billing
from tests.faults.matrix import Matrix
from tests.faults.meaning import meaning
from tests.faults.paths import PATHS, Served, Unavailable
from tests.faults.paths_billing import BILLING_PATHS
from tests.faults.tap import Rule
from tests.faults.world import ACME, World

RULES: dict[str, Callable[[], Rule]] = {
    "a page ends after every item": lambda: rules.break_pages,
    "an empty page before every page": rules.EmptyPages,
    "one of a batch is carried out": lambda: rules.leave_unprocessed(1),
    "two of a batch are carried out": lambda: rules.leave_unprocessed(2),
    "nothing of every other batch is carried out": rules.leave_all_of_every_other,
    "everything at once": lambda: rules.both(rules.break_pages, rules.leave_unprocessed(1)),
}


@pytest.mark.parametrize("name", list(PATHS))
def test_partial_results_change_nothing(served: Served, name: str) -> None:
    partial_results_change_nothing(Matrix(served, PATHS[name]))


@pytest.mark.parametrize("name", list(BILLING_PATHS))
def test_partial_results_change_nothing_in_billing(selling: Served, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invoices_store, "PAGE_BYTES", 200)
    partial_results_change_nothing(Matrix(selling, BILLING_PATHS[name]))


def partial_results_change_nothing(matrix: Matrix) -> None:
    for make in RULES.values():
        with matrix.under(make()):
            answer = matrix.path.do(matrix.served)
        assert answer == matrix.answer
        matrix.compare()


@pytest.mark.parametrize("rule", list(RULES))
def test_partial_results_change_no_answer(used: World, rule: str) -> None:
    right = meaning(used)
    with used.store.tap.under(RULES[rule]()):
        assert meaning(used) == right


@pytest.mark.parametrize("rule", list(RULES))
def test_partial_results_change_no_answer_about_billing(sold: World, rule: str) -> None:
    billing.bill(sold)
    billing.grant(sold)
    billing.grant(sold)
    right = meaning(sold)
    with sold.store.tap.under(RULES[rule]()):
        assert meaning(sold) == right
        check_billing(ACME)


@pytest.mark.parametrize("name", ["events over HTTP", "events by the queue", "void"])
def test_what_is_never_carried_out_is_never_acknowledged(served: Served, name: str) -> None:
    matrix = Matrix(served, PATHS[name])
    with pytest.raises((Unavailable, Busy)), matrix.under(rules.leave_unprocessed(0)):
        matrix.path.do(served)
    matrix.repeat(in_fresh_process=True)
