"""The one place that reads a clock. Only the outermost edge (routes, jobs, functions) may import it."""

import time
from datetime import UTC, datetime


class Clock:
    """Tells the domain's now, which a local server may set, and the real now, which nothing can."""

    def __init__(self) -> None:
        self._set_to: datetime | None = None

    def now(self) -> datetime:
        """Tell the domain's now: the instant that was set, else the real one; aware, in UTC."""
        return self._set_to if self._set_to is not None else datetime.now(UTC)

    def set(self, instant: datetime | None) -> None:
        """Let the domain's clock stand still at an instant, or run again with ``None``. For the local server."""
        assert instant is None or instant.tzinfo is not None
        self._set_to = instant

    def is_set(self) -> bool:
        """Tell whether the domain's clock stands still."""
        return self._set_to is not None

    def real_ns(self) -> int:
        """Tell the real time in nanoseconds since 1970: for sort ids and caches, never for billing."""
        return time.time_ns()


clock = Clock()
