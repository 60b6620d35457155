"""How long something takes at best: a busy machine, or a collection of garbage, is no fault of what is measured."""

import time
from collections.abc import Callable

_RUNS = 3


def least_cpu_s(action: Callable[[], object]) -> float:
    """Run something three times; gives the least CPU time, in seconds."""
    spent = []
    for _ in range(_RUNS):
        began = time.process_time()
        action()
        spent.append(time.process_time() - began)
    return min(spent)
