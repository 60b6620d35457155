"""The one tree of errors, grouped by what a caller does next.

::

    DomainError
    ├── InvalidInput              mend the request, then send it again
    │   ├── Malformed             the reader could not read it at all
    │   │   └── InvalidCursor
    │   ├── TooLarge              send less
    │   ├── RangeTooLarge         ask for less
    │   ├── UnsupportedMedia
    │   └── IdempotencyMismatch
    ├── AccessDenied              use another credential
    │   ├── Unauthenticated
    │   └── Forbidden
    │       └── HistoryLimit
    ├── NotFound                  there is no such thing (or it is somebody else's)
    ├── Conflict                  the request is fine, the state is not
    │   ├── AlreadyExists
    │   ├── EventVoided
    │   ├── InsufficientCredit
    │   └── InFlight
    └── Busy                      nothing is wrong: try again

No error knows its HTTP status: that is one table in ``platform/problems.py``. The first line of each docstring is the
title a caller reads; ``code`` names the page in ``docs/problems``.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from chalicelib.shared.values import dataclass


def pointer_of(*parts: object) -> str:
    """Write a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request, and where.

    ``pointer`` is a JSON pointer (RFC 6901) into the body, ``/query/<name>``, ``/path/<name>`` or ``/headers/<name>``.
    """

    pointer: str
    detail: str


class DomainError(Exception):
    """The request cannot be carried out."""

    code: ClassVar[str] = "error"

    def __init__(self, detail: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)


class InvalidInput(DomainError):
    """The request has faults."""

    code = "invalid-input"


class Malformed(InvalidInput):
    """The request cannot be read."""

    code = "malformed"


class InvalidCursor(Malformed):
    """The cursor does not belong to this list."""

    code = "invalid-cursor"


class TooLarge(InvalidInput):
    """The request is too large."""

    code = "too-large"


class RangeTooLarge(InvalidInput):
    """The answer would be too large."""

    code = "range-too-large"


class UnsupportedMedia(InvalidInput):
    """The content type is not supported."""

    code = "unsupported-media-type"


class IdempotencyMismatch(InvalidInput):
    """The idempotency key was used for another request."""

    code = "idempotency-key-reused"


class AccessDenied(DomainError):
    """The credential does not allow this."""

    code = "access-denied"


class Unauthenticated(AccessDenied):
    """A valid credential is needed."""

    code = "unauthenticated"


class Forbidden(AccessDenied):
    """The credential does not allow this."""

    code = "forbidden"


class HistoryLimit(Forbidden):
    """The range reaches further back than the plan shows."""

    code = "history-limit"


class NotFound(DomainError):
    """There is no such thing."""

    code = "not-found"


class Conflict(DomainError):
    """The current state does not allow this."""

    code = "conflict"


class AlreadyExists(Conflict):
    """It exists already, with other content."""

    code = "already-exists"


class EventVoided(Conflict):
    """The event is voided."""

    code = "event-voided"


class InsufficientCredit(Conflict):
    """There is not enough credit."""

    code = "insufficient-credit"


class InFlight(Conflict):
    """The same request is being carried out."""

    code = "in-flight"


class Busy(DomainError):
    """Too much is happening at once."""

    code = "busy"

    def __init__(self, detail: str = "Too many writers at once; try again.", *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


def check_all(*checks: Callable[[], Any]) -> list[Any]:
    """Make checks that do not rest on one another and give what they give; raises ``InvalidInput`` with all faults."""
    found, refusals = [], []
    for check in checks:
        try:
            found.append(check())
        except InvalidInput as refusal:
            refusals.append(refusal)
    if refusals:
        raise InvalidInput(refusals[0].detail, [fault for refusal in refusals for fault in refusal.faults])
    return found
