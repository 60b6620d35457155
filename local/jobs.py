"""The schedules on this machine: run by themselves in real time while the domain clock runs, or when asked."""

import logging
import re
import threading
import time
from collections.abc import Sequence
from typing import Any

from chalice.app import Chalice, ScheduleExpression

from chalicelib.shared.clock import clock
from local.gateway import lambda_context
from local.lambda_events import scheduled_event

logger = logging.getLogger("local")

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_UNIT_S = {"minute": 60, "hour": 3600, "day": 86_400}
_FIRST_RUN_S = 20
_WAKE_S = 1


class Jobs:
    """Runs the schedules of one app; a job may run twice at once, as on AWS."""

    def __init__(self, app: Chalice) -> None:
        self._app = app
        self._every_s = {
            source.name: _period_s(source.schedule_expression)
            for source in app.event_sources
            if hasattr(source, "schedule_expression")
        }
        self._stopped = threading.Event()

    @property
    def names(self) -> Sequence[str]:
        """The jobs there are, in the order the app declares them."""
        return list(self._every_s)

    def run(self, name: str) -> Any:
        """Run a job now and give its report."""
        return self._app.handler_map[name](scheduled_event(clock.now()), lambda_context(name))

    def start(self) -> None:
        """Run the schedules from now on, in a thread of their own."""
        threading.Thread(target=self._run_when_due, name="schedules", daemon=True).start()

    def stop(self) -> None:
        """Start no more jobs."""
        self._stopped.set()

    def _run_when_due(self) -> None:
        due = dict.fromkeys(self._every_s, time.monotonic() + _FIRST_RUN_S)
        while not self._stopped.wait(_WAKE_S):
            for name, at in due.items():
                if time.monotonic() >= at and not clock.is_set():
                    self._run_scheduled(name)
                    due[name] = time.monotonic() + self._every_s[name]

    def _run_scheduled(self, name: str) -> None:
        try:
            self.run(name)
        except Exception:
            logger.exception("the job %s failed; it runs again when it is due", name)


def _period_s(expression: str | ScheduleExpression) -> int:
    text = expression if isinstance(expression, str) else expression.to_string()
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError(f"the local server does not know the schedule {text}")
    return int(found[1]) * _UNIT_S[found[2]]
