"""Whether a stage does anything by itself: a copy of another one must not bill, nor take its events, beside it."""

from collections.abc import Mapping
from typing import Any

__all__ = ["CONDITIONS", "PARAMETERS", "STATE"]

_AWAKE = "Awake"

PARAMETERS: Mapping[str, Any] = {
    "Schedules": {
        "Type": "String",
        "Default": "on",
        "AllowedValues": ["on", "off"],
        "Description": "Whether scheduled jobs run and usage of the bus is taken; off in a copy of another stage.",
    },
}
CONDITIONS: Mapping[str, Any] = {_AWAKE: {"Fn::Equals": [{"Ref": "Schedules"}, "on"]}}
# The state of each rule that wakes a function or fills a queue.
STATE: Mapping[str, Any] = {"Fn::If": [_AWAKE, "ENABLED", "DISABLED"]}
