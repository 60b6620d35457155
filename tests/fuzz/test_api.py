"""Schemathesis over the served API document: whatever is sent, the answer is a documented one.

Every operation is called with examples, with the boundaries of each parameter and field, and with random requests that
keep to the document and that break it. ``METERFOLD_FUZZ_EXAMPLES`` is the number of random ones of each kind (10).
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import schemathesis
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

import app
from chalicelib.platform import openapi
from chalicelib.platform.http import registered_routes
from tests.fuzz.bridge import Bridge
from tests.fuzz.known import MARK, Deployment, deployed, exemplified, put_back, stored

EXAMPLES = int(os.environ.get("METERFOLD_FUZZ_EXAMPLES", "10"))
DOCUMENT = json.loads(json.dumps(openapi.document(registered_routes())))

# A document cannot say all that makes a request right (zones, currencies, what exists): such a refusal is no fault.
RIGHT_IS_TAKEN, WRONG_IS_REFUSED = positive_data_acceptance, negative_data_rejection


@cache
def _exemplified() -> Any:
    return exemplified(DOCUMENT)


def api(path: str, examples: int) -> Any:
    """Load the document of one path over the app in this process; nothing is left to chance."""
    whole = _exemplified()
    schema = schemathesis.openapi.from_dict({**whole, "paths": {path: whole["paths"][path]}})
    schema.app = Bridge(app.app)
    # The test client takes a question mark in a path for the beginning of the query, escaped or not.
    schema.hook("filter_path_parameters")(lambda context, path_parameters: "?" not in str(path_parameters))
    schema.config.seed = 1
    schema.config.generation.update(max_examples=examples, deterministic=True, with_security_parameters=False)
    schema.config.checks.negative_data_rejection.expected_statuses = ["400", "403", "404", "409", "413", "415", "422"]
    return schema


ANSWERED: dict[str, set[int]] = defaultdict(set)
every_path = pytest.fixture(params=sorted(DOCUMENT["paths"]))


# Loaded by the tests: building all requests while tests are collected takes every worker ten seconds.
@every_path
def for_admin(request: pytest.FixtureRequest) -> Any:
    return api(request.param, EXAMPLES)


@every_path
def for_bound(request: pytest.FixtureRequest) -> Any:
    return api(request.param, max(1, EXAMPLES // 2))


by_admin, by_bound = schemathesis.pytest.from_fixture("for_admin"), schemathesis.pytest.from_fixture("for_bound")


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with deployed() as opened:
        yield opened


@pytest.fixture(autouse=True)
def _node_as_schemathesis_knows_it(request: pytest.FixtureRequest) -> None:
    """Give the node an attribute that pytest 9.2 has no more: schemathesis names operations by it."""
    request.node._nodeid = request.node.nodeid


@pytest.fixture(autouse=True)
def _on_the_same_deployment(deployment: Deployment) -> Iterator[None]:
    before = stored()
    yield
    put_back(before)


@by_admin.parametrize()
def test_an_admin_gets_documented_answers(case: Any, deployment: Deployment) -> None:
    excluded = [RIGHT_IS_TAKEN]
    if case.operation.path == "/v1/events" and "true" in str((case.query or {}).get("partial")):
        # Taken, with every wrong event listed.
        excluded.append(WRONG_IS_REFUSED)
    answer = case.call_and_validate(headers={"Authorization": f"Bearer {deployment.admin}"}, excluded_checks=excluded)
    if case.method == case.operation.method.upper():
        ANSWERED[case.operation.label].add(answer.status_code)


@by_bound.parametrize()
def test_a_bound_reader_gets_documented_answers_and_nothing_of_others(case: Any, deployment: Deployment) -> None:
    credential = {"Authorization": f"Bearer {deployment.bound}"}
    answer = case.call_and_validate(headers=credential, excluded_checks=[RIGHT_IS_TAKEN])
    assert MARK.encode() not in answer.content.lower()
    asks = case.method in ("GET", "OPTIONS") or case.operation.path.endswith("/authorize")
    assert asks or answer.status_code >= 400


def test_every_operation_was_also_carried_out() -> None:
    """Random requests that are all refused would show little."""
    refused = {label for label, statuses in ANSWERED.items() if min(statuses) >= 300}
    # Ids of keys and grants are random, names of assets hold a hash and cursors are sealed, so none is guessed.
    grants = "/v1/organizations/{org}/credits/grants/{grant}"
    assert refused <= {
        "DELETE /v1/api-keys/{key}",
        f"POST {grants}/expiry",
        f"POST {grants}/void",
        "GET /v1/organizations/{org}/credits/verify",
        "GET /console/assets/{name}",
    }


def test_every_registered_route_is_called() -> None:
    called = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert called == {f"{method} {path}" for path, methods in app.app.routes.items() for method in methods}
