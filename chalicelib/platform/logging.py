"""Logs, counts and traces through Powertools, with allow-listed fields only.

No headers, no bodies, no text of an exception ever leaves here: a field that is not on the list is dropped, and an
unexpected fault is logged as its type and the places it went through. A request or an invocation writes one line, and
that line with its counts stays under 1 KB. Counts and traces exist on Lambda alone.
"""

import json
import logging as standard
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from chalicelib.platform.metrics import AGES, NAMESPACE, Metric
from chalicelib.platform.settings import settings

SERVICE = "meterfold"
MOST_BYTES_A_REQUEST = 1024

FIELDS = frozenset(
    {
        *("route", "method", "status", "code", "duration_ms", "request_id", "caller", "role", "organization"),
        *("error", "places", "function", "replayed", "attempts", "invoice", "reason"),
        *("accepted", "rejected", "records", "failed", "left", "rolled_up", "days", "codes"),
        *("finalized", "skipped", "blocked", "overdue", "sent", "settled", "entries"),
    }
)
# What may stand in a trace to find it by.
ANNOTATIONS = frozenset({"organization", "invoice", "shard"})

# What is in every line besides its fields, in every line of metrics, and what each metric takes there, at most.
_LINE_BYTES, _COUNTS_BYTES, _METRIC_BYTES = 170, 180, 75
# A text of so few characters is dropped rather than cut.
_SHORT = 16
_MOST_PLACES = 12

_noted: ContextVar[dict[str, Any] | None] = ContextVar("noted", default=None)


def write_to(stream: TextIO) -> TextIO:
    """Send logs to another stream; gives the one they went to."""
    written_to: TextIO = _logger().registered_handler.setStream(stream) or stream
    return written_to


@cache
def _logger() -> Any:
    from aws_lambda_powertools import Logger

    # Standard output of the local server is for its one line of JSON.
    stream = sys.stdout if settings.is_lambda else sys.stderr
    return Logger(service=SERVICE, level=settings.log_level, stream=stream, location=None)


def log(message: str, **fields: Any) -> None:
    """Log one event in structured form; fields that are not in ``FIELDS`` are dropped."""
    _logger().info(message, extra=_allowed(fields))


def warn(message: str, **fields: Any) -> None:
    """Log what somebody should look at some day."""
    _logger().warning(message, extra=_allowed(fields))


def log_fault(message: str, fault: BaseException, **fields: Any) -> None:
    """Log an unexpected fault: its type and where it passed, never its text, which may quote what was sent."""
    told = {**fields, "error": type(fault).__name__, "places": _places(fault)}
    _logger().error(message, extra=_allowed(told))


def tell(message: str, fault: BaseException | None, **fields: Any) -> None:
    """Write the one line of a request or an invocation: of a fault when there was one."""
    if fault is None:
        log(message, **fields)
    else:
        log_fault("unexpected fault", fault, **fields)


def _places(fault: BaseException) -> list[str]:
    """List where a fault passed in this project's own code, and where it came from, the innermost last."""
    frames = traceback.extract_tb(fault.__traceback__)
    own = [frame for frame in frames[:-1] if _is_own(frame.filename)] + frames[-1:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in own[-_MOST_PLACES:]]


def _is_own(filename: str) -> bool:
    # Bytecode that was compiled elsewhere names its files from there.
    path = Path(filename)
    return "chalicelib" in path.parts or path.name == "app.py"


def guard(framework: standard.Logger) -> None:
    """Keep a framework's own logger from writing the texts of exceptions."""
    framework.addFilter(_without_texts)


def _without_texts(record: standard.LogRecord) -> bool:
    record.exc_info = record.exc_text = None
    return True


def _allowed(fields: dict[str, Any]) -> dict[str, Any]:
    """Keep the fields that are on the list, short enough.

    Places go first, the outermost before others; then long texts lose their ends, and at last whole fields go, the
    latest first. A number is never cut.
    """
    allowed = {name: value for name, value in fields.items() if name in FIELDS and value is not None}
    places = allowed.pop("places", [])
    for name, value in allowed.items():
        if isinstance(value, str):
            allowed[name] = value.encode("ascii", "replace").decode()
    most = MOST_BYTES_A_REQUEST - _LINE_BYTES - _counted.size()
    while places and _size({**allowed, "places": places}) > most:
        places = places[1:]
    while not places and allowed and _size(allowed) > most:
        lengths = {name: len(str(value)) for name, value in allowed.items() if not isinstance(value, int)}
        longest = max(lengths, key=lengths.__getitem__, default="")
        if lengths.get(longest, 0) > _SHORT:
            allowed[longest] = str(allowed[longest])[: lengths[longest] // 2]
        else:
            allowed.popitem()
    return {**allowed, "places": places} if places else allowed


def _size(fields: dict[str, Any]) -> int:
    return len(json.dumps(fields, default=str, separators=(",", ":")))


@contextmanager
def noting() -> Iterator[dict[str, Any]]:
    """Collect the fields of the one line that a request or an invocation writes at its end."""
    noted: dict[str, Any] = {}
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def note(**fields: Any) -> None:
    """Add fields to the line of the request or invocation at work; what was noted before under a name is replaced."""
    noted = _noted.get()
    if noted is not None:
        noted.update(fields)


class _Counted:
    """What was counted since it was last sent, added up, so that a line holds each metric once."""

    def __init__(self) -> None:
        self._values: dict[Metric, int] = {}
        self._adding = threading.Lock()

    def add(self, metric: Metric, value: int) -> None:
        with self._adding:
            before = self._values.get(metric, 0)
            self._values[metric] = max(before, value) if metric in AGES else before + value

    def size(self) -> int:
        """Tell how many bytes the line of all this will have at most."""
        return _COUNTS_BYTES + _METRIC_BYTES * len(self._values) if self._values else 0

    def take(self) -> dict[Metric, int]:
        with self._adding:
            taken, self._values = self._values, {}
        return taken


_counted = _Counted()


@cache
def _metrics() -> Any:
    from aws_lambda_powertools import Metrics

    made = Metrics(namespace=NAMESPACE, service=SERVICE)
    made.set_default_dimensions(stage=settings.stage)
    return made


def count(metric: Metric, value: int = 1) -> None:
    """Add to a metric of the deployment, of an age keep the greatest. What is 0 is not sent, and off Lambda nothing."""
    if settings.is_lambda and value > 0:
        _counted.add(metric, value)


def flush_counts() -> None:
    """Send what was counted, as one line: at the end of each request, message or job, also of one that fails."""
    if not settings.is_lambda:
        return
    counted = _counted.take()
    for metric, value in counted.items():
        _metrics().add_metric(name=metric.value, unit=metric.unit, value=value)
    if counted:
        _metrics().flush_metrics()


@contextmanager
def traced(name: str, **annotations: object) -> Iterator[None]:
    """Show a stretch of work as a part of the trace; answers and errors are not captured.

    ``annotations`` are what to find it by; others than those in ``ANNOTATIONS`` are dropped.
    """
    if not settings.is_lambda or not _is_sampled():
        yield
        return
    failure: BaseException | None = None
    with _tracer().provider.in_subsegment(f"## {name}") as part:
        for key, value in annotations.items():
            # Without a segment around it, which Lambda always gives, there is no part.
            if part is not None and key in ANNOTATIONS and value is not None:
                part.put_annotation(key, str(value))
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - the trace would keep its text, which may quote what was sent
            failure = error
    if failure is not None:
        raise failure


def _is_sampled() -> bool:
    """Tell whether X-Ray keeps the trace of this invocation; what it does not keep costs no time."""
    return "Sampled=1" in os.environ.get("_X_AMZN_TRACE_ID", "")


@cache
def _tracer() -> Any:
    from aws_lambda_powertools import Tracer

    made = Tracer(service=SERVICE, auto_patch=False)
    made.patch(modules=("botocore",))
    return made
