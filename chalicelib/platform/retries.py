"""The one retry layer: which failed calls are sent again, how often, how long between them.

The SDK's own retries are off, so nothing multiplies. A call that was certainly not applied (throttled, in conflict with
a transaction) is sent up to ``MAX_ATTEMPTS`` times; one whose answer was lost (connection broken, 5xx) may have been
applied and is sent up to ``MAX_UNKNOWN`` times: the callers in ``writes`` make that safe. Then it is ``Busy``.
"""

import random
import time
from collections.abc import Sequence
from enum import Enum
from typing import TypeAlias

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)

MAX_ATTEMPTS = 8
MAX_UNKNOWN = 3
_FIRST_PAUSE_MS = 20
_LONGEST_PAUSE_MS = 500

THROTTLED = frozenset({
    *("ProvisionedThroughputExceeded", "ProvisionedThroughputExceededException", "ThrottlingError"),
    *("Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestThrottled", "TooManyRequestsException"),
})
CONFLICTS = frozenset({"TransactionConflict", "TransactionConflictException", "TransactionInProgressException"})
CONDITION_FAILED = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException"})

AwsFault: TypeAlias = BotoCoreError | ClientError


class Outcome(Enum):
    """What a failed call means for what it wanted to write."""

    NOT_APPLIED = "not applied"
    UNKNOWN = "unknown"
    FINAL = "final"


def code_of(fault: AwsFault) -> str:
    """Name the service's error; empty when the service did not answer."""
    return str(fault.response.get("Error", {}).get("Code", "")) if isinstance(fault, ClientError) else ""


def reasons_of(fault: AwsFault) -> list[str]:
    """List why a transaction was cancelled, one code for each of its writes; empty for any other fault."""
    if not isinstance(fault, ClientError) or code_of(fault) != "TransactionCanceledException":
        return []
    return [str(reason.get("Code", "None")) for reason in fault.response.get("CancellationReasons", [])]


def outcome_of(fault: AwsFault) -> Outcome:
    """Tell whether a failed call may be sent again, and whether it may have been applied."""
    if isinstance(fault, EndpointConnectionError | ConnectTimeoutError):
        return Outcome.NOT_APPLIED
    if not isinstance(fault, ClientError):
        return Outcome.UNKNOWN if isinstance(fault, HTTPClientError) else Outcome.FINAL
    code = code_of(fault)
    if code == "TransactionCanceledException":
        return _outcome_of_reasons(reasons_of(fault))
    if code in THROTTLED or code in CONFLICTS:
        return Outcome.NOT_APPLIED
    return Outcome.UNKNOWN if _status_of(fault) >= 500 else Outcome.FINAL


def is_throttled(fault: AwsFault) -> bool:
    """Tell whether a call was refused, wholly or also, because there were too many."""
    return isinstance(fault, ClientError) and bool(THROTTLED & {code_of(fault), *reasons_of(fault)})


def _outcome_of_reasons(reasons: Sequence[str]) -> Outcome:
    """One failed condition decides; conflicts and throttles pass by themselves."""
    meant = {reason for reason in reasons if reason != "None"}
    return Outcome.NOT_APPLIED if meant and meant <= THROTTLED | CONFLICTS else Outcome.FINAL


def _status_of(fault: ClientError) -> int:
    return int(fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def pause(attempt: int) -> None:
    """Wait before an attempt (the second is 1): a random time, up to twice as long each time, at most half a second."""
    longest_ms = min(_LONGEST_PAUSE_MS, _FIRST_PAUSE_MS << min(attempt, 10))
    sleep(random.uniform(0, longest_ms) / 1000)  # noqa: S311 - spreads retries, guards nothing


sleep = time.sleep
