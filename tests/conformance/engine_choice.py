"""The engine that the tests of stores, services, routes and stories run on: moto, unless the environment names another.

``METERFOLD_TEST_ENGINE`` is ``moto``, ``embedded`` (the local server's) or ``dynamodb-local`` (AWS's own, see
``make conformance``). Which shows what: ``docs/engines.md``.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from moto import mock_aws

from tests import direct_moto

ENGINE = os.environ.get("METERFOLD_TEST_ENGINE", "moto")

# What is imported here reads the environment once; the credential below would be overwritten.
assert os.environ.get("METERFOLD_STAGE") == "test", "tests/conftest.py makes the environment first"

if ENGINE == "dynamodb-local":
    # A client that a test makes itself takes the whole way to the same database: each process has its own.
    os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = f"http://{os.environ['METERFOLD_DYNAMODB_LOCAL']}"
    os.environ["AWS_ACCESS_KEY_ID"] = f"testing{os.environ.get('PYTEST_XDIST_WORKER', '')}"


@contextmanager
def open_tables() -> Iterator[None]:
    """Give every table, empty, on the engine that was chosen."""
    if ENGINE == "moto":
        with direct_moto.open_tables():
            yield
    elif ENGINE == "embedded":
        from tests.faults.store import open_store

        # Queues and functions are moto's on every engine.
        with mock_aws(), open_store():
            yield
    else:
        assert ENGINE == "dynamodb-local", f"there is no engine {ENGINE}"
        from tests.conformance import dynamodb_local

        with dynamodb_local.open_tables():
            yield
