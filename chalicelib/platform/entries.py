"""Around every function that Lambda invokes without HTTP: one line, its counts sent, its faults told without texts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from chalicelib.platform import logging
from chalicelib.platform.metrics import Metric
from chalicelib.platform.settings import settings
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import Busy, DomainError

P = ParamSpec("P")
R = TypeVar("R")


class InvocationFailed(Exception):
    """The invocation failed in a way that nobody expected; the fault has been logged."""


def entry(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Watch a function under its name in ``app.py``: a job, what takes a queue's messages, or a direct function.

    What it notes (``logging.note``) is in its line. A domain error goes on to whoever invoked it. Of any other fault
    Lambda would write the text into the log, so there ``InvocationFailed`` takes its place.
    """

    def declare(work: Callable[P, R]) -> Callable[P, R]:
        @wraps(work)
        def watched(*given: P.args, **named: P.kwargs) -> R:
            with _told(name, _request_id(given)):
                return work(*given, **named)

        return watched

    return declare


@contextmanager
def _told(name: str, request_id: str | None) -> Iterator[None]:
    started_ns = clock.real_ns()
    failure: Exception | None = None
    with logging.noting() as noted:
        try:
            with logging.traced(name):
                yield
        except DomainError as refusal:
            noted["code"] = refusal.code
            logging.count(Metric.BUSY, int(isinstance(refusal, Busy)))
            raise
        except Exception as fault:
            failure = fault
            logging.count(Metric.FAULTS)
            if not settings.is_lambda:
                raise
            raise InvocationFailed("The fault has been logged.") from None
        finally:
            duration_ms = (clock.real_ns() - started_ns) // 10**6
            logging.tell("invocation", failure, function=name, duration_ms=duration_ms, request_id=request_id, **noted)
            logging.flush_counts()


def _request_id(given: tuple[Any, ...]) -> str | None:
    """Find Lambda's id of the invocation: functions get its context second, events carry it."""
    context = given[1] if len(given) > 1 else getattr(given[0], "context", None)
    return getattr(context, "aws_request_id", None)
