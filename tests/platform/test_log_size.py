"""All that a request writes, its line with the line of its counts, is at most 1,024 bytes, however long its ids are."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

import app
from chalicelib.credits import ledger_failure_service
from chalicelib.platform import auth, logging, wrapper
from chalicelib.platform.auth import Caller
from chalicelib.platform.entries import entry
from chalicelib.platform.http import READ, Answer, registered_routes
from chalicelib.platform.metrics import Metric
from chalicelib.shared.errors import Busy
from tests.counted import counting

LONGEST = "o" * 64
NAMES = {"org": LONGEST, "invoice": f"inv_{LONGEST}.1000l9999.99"}
CALLER = Caller(f"portal_{'a' * 26}", READ, LONGEST, "a name")
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
REQUEST = SimpleNamespace(
    context={"requestId": "5c1b1d2e-91a5-4f43-8b0b-2d6d1c3f5a77", "path": "/"},
    headers={},
    query_params=None,
    raw_body=b"",
    path="/",
)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Collect lines and counts as the log of a function would, with the id of a trace."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    monkeypatch.setattr(auth, "authenticate", lambda headers, now: CALLER)
    stream = io.StringIO()
    before = logging.write_to(stream)
    with counting(), monkeypatch.context() as patch:
        patch.setattr("builtins.print", lambda text: stream.write(f"{text}\n"))
        yield stream
    logging.write_to(before)


def succeed(request: Any) -> Answer:
    """Answer as a route does that counts all it can."""
    del request
    for metric in (Metric.ACCEPTED_EVENTS, Metric.REJECTED_EVENTS, Metric.THROTTLES):
        logging.count(metric, 1_000_000)
    logging.note(accepted=10_000, rejected=10_000)
    return Answer({})


def find_a_broken_ledger(request: Any) -> Answer:
    del request
    logging.count(Metric.THROTTLES, 1_000)
    ledger_failure_service.report(LONGEST, reason="balances")
    return Answer({})


def give_up(request: Any) -> Answer:
    succeed(request)
    raise Busy


def fail(request: Any) -> Answer:
    raise RuntimeError(request)


def fail_deep_inside(request: Any, depth: int = 30) -> Answer:
    if depth:
        return fail_deep_inside(request, depth - 1)
    succeed(request)
    raise RecursionError("x" * 10_000)


def send_to_every_route(view: Callable[[Any], Answer]) -> None:
    for spec in registered_routes():
        plain = replace(spec, view=view, roles=frozenset({READ}), query=None, body=None, idempotent=False)
        asked = replace(plain, scope="public" if spec.scope == "public" else "any")
        path = {name: NAMES.get(name, "x" * 255) for name in spec.variables}
        wrapper._answer_or_problem(asked, REQUEST, path)
        logging.flush_counts()


def by_request(written: io.StringIO) -> list[list[str]]:
    """Group what was written: each request ends with its counts."""
    found: list[list[str]] = [[]]
    for line in written.getvalue().splitlines():
        found[-1].append(line)
        if "_aws" in json.loads(line):
            found.append([])
    assert found.pop() == []
    return found


@pytest.mark.parametrize("view", [succeed, give_up, fail_deep_inside])
def test_a_request_writes_two_lines_of_at_most_1024_bytes(view: Callable[[Any], Answer], written: io.StringIO) -> None:
    send_to_every_route(view)
    requests = by_request(written)
    assert len(requests) == len(registered_routes())
    assert {len(lines) for lines in requests} == {2}
    sizes = [sum(len(line.encode()) + 1 for line in lines) for lines in requests]
    assert max(sizes) <= logging.MOST_BYTES_A_REQUEST
    # Nothing of a plain request had to be cut off for that.
    whole = [json.loads(lines[0]) for lines in requests if view is not fail_deep_inside]
    assert [line for line in whole if line.get("invoice", NAMES["invoice"]) != NAMES["invoice"]] == []


def test_a_request_that_finds_a_broken_ledger_writes_one_line_more_and_no_more_bytes(written: io.StringIO) -> None:
    spec = next(spec for spec in registered_routes() if spec.path.endswith("/credits/verify"))
    wrapper._answer_or_problem(replace(spec, view=find_a_broken_ledger), REQUEST, {"org": LONGEST})
    logging.flush_counts()
    [lines] = by_request(written)
    assert [json.loads(line)["message"] for line in lines[:2]] == ["the ledger is wrong", "request"]
    assert sum(len(line.encode()) + 1 for line in lines) <= logging.MOST_BYTES_A_REQUEST


def test_a_fault_keeps_its_innermost_places(written: io.StringIO) -> None:
    spec = next(spec for spec in registered_routes() if spec.path == "/v1/meters")
    wrapper._answer_or_problem(replace(spec, view=fail), REQUEST, {})
    line = json.loads(written.getvalue().splitlines()[0])
    assert [place.rpartition(" ")[2] for place in line["places"][-3:]] == ["run_command", "decide", "fail"]


def test_an_invocation_writes_at_most_1024_bytes_too(written: io.StringIO) -> None:
    @entry("bill_organizations")
    def bill(event: Any) -> None:
        for metric in (Metric.INVOICES_FINALIZED, Metric.BLOCKED_INVOICES, Metric.THROTTLES, Metric.BUSY):
            logging.count(metric, 1_000_000)
        names = ("records", "failed", "left", "finalized", "skipped", "blocked", "overdue", "sent", "days")
        logging.note(**dict.fromkeys(names, 1_000_000), codes={f"code-{number}": 1 for number in range(40)})
        raise ValueError(event)

    with pytest.raises(ValueError, match="event"):
        bill("event")
    assert len(written.getvalue().encode()) <= logging.MOST_BYTES_A_REQUEST


def test_the_app_is_the_one_that_is_measured() -> None:
    assert len(registered_routes()) == sum(len(methods) for methods in app.app.routes.values())


def test_a_line_beside_every_metric_ends_and_never_cuts_a_number(written: io.StringIO) -> None:
    for metric in Metric:
        logging.count(metric, 1_000_000)
    logging.log("run", function="rollup_usage", request_id=REQUEST.context["requestId"], rolled_up=12, left=345, days=6)
    line = json.loads(written.getvalue().splitlines()[0])
    assert line["message"] == "run"
    kept = {name: line[name] for name in ("rolled_up", "left", "days") if name in line}
    assert kept.items() <= {"rolled_up": 12, "left": 345, "days": 6}.items()
