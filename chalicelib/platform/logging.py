"""Logs, counts and traces through Powertools, with allow-listed fields only.

No headers, no bodies, no text of an exception ever leaves here: a field that is not on the list is dropped, and an
unexpected fault is logged as its type and the places it went through. Counts and traces exist on Lambda alone.
"""

import logging as standard
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from chalicelib.platform.settings import settings

SERVICE = "meterfold"

FIELDS = frozenset(
    {
        *("route", "method", "status", "code", "duration_ms", "request_id", "caller", "role", "organization"),
        *("error", "places", "job", "function", "replayed", "attempts"),
        *("accepted", "rejected", "records", "failed", "quarter_hours", "days", "meter", "segments", "left"),
        *("invoice", "reason"),
    }
)


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
    frames = traceback.extract_tb(fault.__traceback__)[-12:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    _logger().error(message, extra=_allowed({**fields, "error": type(fault).__name__, "places": places}))


def guard(framework: standard.Logger) -> None:
    """Keep a framework's own logger from writing the texts of exceptions."""
    framework.addFilter(_without_texts)


def _without_texts(record: standard.LogRecord) -> bool:
    record.exc_info = record.exc_text = None
    return True


def _allowed(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name in FIELDS and value is not None}


@cache
def _counts() -> Any:
    from aws_lambda_powertools import Metrics

    made = Metrics(namespace=SERVICE, service=SERVICE)
    made.set_default_dimensions(stage=settings.stage)
    return made


def count(name: str, value: int = 1) -> None:
    """Add to a count of the deployment (CloudWatch, embedded metric format); nothing outside Lambda."""
    if settings.is_lambda:
        _counts().add_metric(name=name, unit="Count", value=value)


def flush_counts() -> None:
    """Send what was counted: at the end of each request, message or job."""
    if settings.is_lambda and _counts().metric_set:
        _counts().flush_metrics()


@contextmanager
def traced(name: str) -> Iterator[None]:
    """Show a stretch of work as a part of the trace; answers and errors are not captured."""
    if not settings.is_lambda:
        yield
        return
    failure: BaseException | None = None
    with _tracer().provider.in_subsegment(f"## {name}"):
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - the trace would keep its text, which may quote what was sent
            failure = error
    if failure is not None:
        raise failure


@cache
def _tracer() -> Any:
    from aws_lambda_powertools import Tracer

    made = Tracer(service=SERVICE, auto_patch=False)
    made.patch(modules=("botocore",))
    return made
