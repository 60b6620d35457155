"""Which tests run on another engine than usual: those that store something, but for those about an engine itself.

A plugin of pytest, for ``python -m tests.conformance suites`` alone. What is left out is in ``docs/engines.md`` too.
It is imported before the environment of tests is made, so it imports nothing that reads it.
"""

import os
from pathlib import Path

import pytest

ENGINE = os.environ.get("METERFOLD_TEST_ENGINE", "moto")

# Fixtures that open tables; in the fault suites every test has some.
STORING = {"tables", "engine", "deployment"}

# A test, or all of a file, and why it does not run on another engine.
LEFT_OUT: dict[str, str] = {
    "tests/faults/test_direct_calls.py": "is about the short way to moto",
    "tests/platform/test_tables.py::test_creating_tables_again_changes_nothing": (
        "asks whether items expire: here they do not, as the tests' clock stands in the past"
    ),
    "tests/platform/test_writes.py::test_a_transaction_keeps_its_token_over_attempts": (
        "expects the lost race of an engine that forgets tokens"
    ),
    "tests/credits/test_api_balance.py::test_a_draft_that_is_finalized_between_two_pages_is_passed_over": (
        "expects that the last page of the ledger has no cursor"
    ),
    "tests/platform/test_tables.py::test_all_models_share_one_botocore_client": (
        "makes a client of its own, which has no way to the embedded engine (it runs on DynamoDB Local)"
    ),
}
_RUNS_ON_DYNAMODB_LOCAL = {"tests/platform/test_tables.py::test_all_models_share_one_botocore_client"}


def is_selected(item: pytest.Item) -> bool:
    """Tell whether a test runs on another engine."""
    name = item.nodeid.partition("[")[0]
    left_out = LEFT_OUT.keys() - (_RUNS_ON_DYNAMODB_LOCAL if ENGINE == "dynamodb-local" else set())
    if any(name == left or name.startswith(f"{left}::") for left in left_out):
        return False
    fixtures: set[str] = set(getattr(item, "fixturenames", ()))
    return bool(STORING & fixtures) or Path(item.nodeid).parts[:2] == ("tests", "faults")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what is selected."""
    left = [item for item in items if not is_selected(item)]
    items[:] = [item for item in items if is_selected(item)]
    config.hook.pytest_deselected(items=left)
