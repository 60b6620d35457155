"""How much longer a function may work: Lambda's own deadline, less a reserve for the step at hand."""

from collections.abc import Callable
from typing import Any


def has_time_of(context: Any, *, reserve_ms: int) -> Callable[[], bool]:
    """Tell from Lambda's context whether there is time for another step: all but a reserve, or but a third if less."""
    remaining: Callable[[], int] | None = getattr(context, "get_remaining_time_in_millis", None)
    if remaining is None:
        return lambda: True
    kept_ms = min(reserve_ms, remaining() // 3)
    return lambda: remaining() > kept_ms
