"""The one connection to DynamoDB that every model shares: a client of its own costs each cold start 50 to 100 ms."""

import gc
import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.connection import Connection

from chalicelib.platform import logging
from chalicelib.platform.metrics import Metric
from chalicelib.platform.retries import MAX_ATTEMPTS, MAX_UNKNOWN, AwsFault, Outcome, is_throttled, outcome_of, pause
from chalicelib.platform.settings import settings
from chalicelib.shared.errors import Busy
from chalicelib.shared.values import dataclass

Arguments = dict[str, Any]
Settles = Callable[[AwsFault], bool]


@dataclass(frozen=True, slots=True)
class Reply:
    """What DynamoDB answered at last.

    ``fault`` is an error that another attempt cannot mend. ``may_be_applied`` tells that the answer of an earlier
    attempt was lost: the fault may be the echo of our own write.
    """

    content: dict[str, Any]
    fault: AwsFault | None = None
    may_be_applied: bool = False


class SharedConnection(Connection):
    """PynamoDB's connection with the one retry layer and a client that is made once, also with threads."""

    def __init__(self) -> None:
        super().__init__(
            region=settings.region,
            connect_timeout_seconds=2,
            read_timeout_seconds=10,
            max_pool_connections=32,
            # The SDK sends once; retries.py sends again.
            retry_configuration={"total_max_attempts": 1, "mode": "standard"},
        )
        self._making = threading.Lock()

    @property
    def client(self) -> Any:
        """Give the botocore client."""
        with self._making:
            is_first = self._client is None
            found = super().client
            if is_first and settings.is_lambda:
                # All that a function needs is loaded by now, and stays. Searching it for garbage again and again took
                # a third of the time of a request with 500 events.
                gc.freeze()
            return found

    def ask(self, operation: str, arguments: Arguments, *, settles: Settles | None = None) -> Reply:
        """Send one operation until it is answered; ``settles`` names faults that the caller wants at once.

        Raises ``Busy`` when the attempts are used up.
        """
        unknown = 0
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                pause(attempt)
            try:
                return Reply(self.client._make_api_call(operation, arguments), None, unknown > 0)  # noqa: SLF001
            except (BotoCoreError, ClientError) as fault:
                logging.count(Metric.THROTTLES, int(is_throttled(fault)))
                outcome = outcome_of(fault)
                if outcome is Outcome.FINAL or (settles is not None and settles(fault)):
                    return Reply({}, fault, unknown > 0)
                unknown += outcome is Outcome.UNKNOWN
                if unknown == MAX_UNKNOWN:
                    break
        raise Busy("The storage does not keep up; try again.")

    def _make_api_call(self, operation_name: str, operation_kwargs: Arguments) -> dict[str, Any]:
        reply = self.ask(operation_name, operation_kwargs)
        if reply.fault is not None:
            raise reply.fault
        return reply.content


_shared: SharedConnection | None = None
_sharing = threading.Lock()


def connection() -> SharedConnection:
    """Give the connection that all models share; it is made on first use."""
    global _shared  # noqa: PLW0603 - one per process is the point
    with _sharing:
        if _shared is None:
            _shared = SharedConnection()
        return _shared


def client() -> Any:
    """Give the one botocore client: for hooks that watch or break calls, and for what no model covers."""
    return connection().client


def disconnect() -> None:
    """Forget the connection, so that the next use reads the environment's endpoint again."""
    global _shared  # noqa: PLW0603
    with _sharing:
        _shared = None
