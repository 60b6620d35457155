"""Effective plans that this process has made: versions never change, so neither does what overrides make of them."""

import threading
from collections import OrderedDict

from chalicelib.catalog.plans import Plan

MOST_REMEMBERED = 256

# Plan, version, and the canonical text of the overrides.
PlanName = tuple[str, int, str]


class _Plans:
    """The plans used last. Safe for threads."""

    def __init__(self) -> None:
        self._plans: OrderedDict[PlanName, Plan] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, name: PlanName) -> Plan | None:
        with self._lock:
            found = self._plans.get(name)
            if found is not None:
                self._plans.move_to_end(name)
            return found

    def remember(self, name: PlanName, plan: Plan) -> None:
        with self._lock:
            self._plans[name] = plan
            self._plans.move_to_end(name)
            if len(self._plans) > MOST_REMEMBERED:
                self._plans.popitem(last=False)

    def forget(self) -> None:
        with self._lock:
            self._plans.clear()


remembered_plans = _Plans()
