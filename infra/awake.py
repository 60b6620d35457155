"""Whether a stage does anything by itself: a copy of another one must not bill, nor take its events, beside it."""

from collections.abc import Mapping
from typing import Any

from infra.switches import is_on, switch

__all__ = ["CONDITIONS", "PARAMETERS", "STATE"]

_AWAKE = "Awake"

PARAMETERS: Mapping[str, Any] = {
    "Schedules": switch("Whether scheduled jobs run and usage of the bus is taken; off in a copy of another stage."),
}
CONDITIONS: Mapping[str, Any] = {_AWAKE: is_on("Schedules")}
# The state of each rule that wakes a function or fills a queue.
STATE: Mapping[str, Any] = {"Fn::If": [_AWAKE, "ENABLED", "DISABLED"]}
