import ast
import io
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

import app
from chalicelib.platform import entries, logging
from chalicelib.platform.entries import InvocationFailed, entry
from chalicelib.platform.metrics import Metric
from chalicelib.platform.settings import settings
from chalicelib.shared.errors import Busy, NotFound
from tests.counted import counting
from tests.house.sources import Source, dotted, files, functions, sample, text_of

CONTEXT = SimpleNamespace(aws_request_id="8a1f")
TEXT = "what somebody sent"


def line_of(written: io.StringIO) -> dict[str, Any]:
    [line] = written.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return {name: value for name, value in found.items() if name not in ("timestamp", "service", "duration_ms")}


@entry("work")
def work(payload: Any, context: Any) -> Any:
    """Raise what it is given, or note it."""
    del context
    logging.count(Metric.ACCEPTED_EVENTS, 2)
    if isinstance(payload, BaseException):
        raise payload
    logging.note(accepted=payload)
    return payload


def test_an_invocation_is_one_line_with_what_it_noted(written: io.StringIO) -> None:
    assert work(2, CONTEXT) == 2
    assert line_of(written) == {
        "level": "INFO",
        "message": "invocation",
        "function": "work",
        "request_id": "8a1f",
        "accepted": 2,
    }


def test_an_event_carries_the_id_of_its_invocation(written: io.StringIO) -> None:
    entry("job")(lambda event: None)(SimpleNamespace(context=CONTEXT))
    assert line_of(written)["request_id"] == "8a1f"


@pytest.mark.parametrize(("refusal", "busy"), [(NotFound("no such thing"), None), (Busy(), [1.0])])
def test_a_refusal_goes_on_with_its_code_in_the_line_and_its_counts_sent(
    refusal: Exception, busy: Any, written: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    with counting(), pytest.raises(type(refusal)):
        work(refusal, CONTEXT)
    sent = json.loads(capsys.readouterr().out)
    assert (sent["AcceptedEvents"], sent.get("Busy")) == ([2.0], busy)
    assert line_of(written)["code"] == refusal.code  # type: ignore[attr-defined]


def test_on_lambda_a_fault_leaves_without_its_text(
    written: io.StringIO, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "settings", replace(settings, is_lambda=True))
    with counting(), pytest.raises(InvocationFailed) as failed:
        work(ValueError(TEXT), CONTEXT)
    assert failed.value.__suppress_context__
    assert TEXT not in str(failed.value) + written.getvalue()
    line = line_of(written)
    assert (line["level"], line["error"], line["function"]) == ("ERROR", "ValueError", "work")
    sent = json.loads(capsys.readouterr().out)
    assert (sent["Faults"], sent["AcceptedEvents"]) == ([1.0], [2.0])


def test_elsewhere_a_fault_stays_what_it_is() -> None:
    with pytest.raises(ValueError, match=TEXT):
        work(ValueError(TEXT), CONTEXT)


def watched(of: list[Source]) -> set[tuple[str, str]]:
    """List the functions that are decorated as entries, with the name each is watched under."""
    return {
        (node.name, ast.literal_eval(decorator.args[0]))
        for source in of
        for node in functions(source)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and dotted(decorator.func) == "entry"
    }


def test_every_function_that_lambda_invokes_without_http_is_watched_under_its_name() -> None:
    routes = {view.view_name for methods in app.app.routes.values() for view in methods.values()}
    invoked = set(app.app.handler_map) - routes
    assert len(invoked) >= 10
    # Only what may hold one is parsed: that is quicker than all.
    texts = {name: text_of(name) or "" for name in files() if name.startswith("chalicelib/") and name.endswith(".py")}
    sources = [sample(text, name) for name, text in texts.items() if "@entry(" in text]
    assert watched(sources) == {(name, name) for name in invoked}
    assert watched([sample("@entry('a')\ndef b(event): ...\n@other('c')\ndef d(event): ...")]) == {("b", "a")}
