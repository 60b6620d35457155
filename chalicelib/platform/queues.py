"""Messages to this deployment's own queues."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from chalicelib.platform.connection import connection
from chalicelib.platform.settings import settings

_MESSAGES_A_CALL = 10


@cache
def _client() -> Any:
    # Made as the client of the tables is: credentials and the SDK's own listings are read once.
    return connection().session.create_client("sqs", region_name=settings.region)


def send_messages(queue_url: str, bodies: Sequence[Any]) -> None:
    """Send JSON values, a message each. Whoever receives them must bear that one comes twice or not at all."""
    for start in range(0, len(bodies), _MESSAGES_A_CALL):
        entries = [
            {"Id": str(place), "MessageBody": json.dumps(body)}
            for place, body in enumerate(bodies[start : start + _MESSAGES_A_CALL])
        ]
        _client().send_message_batch(QueueUrl=queue_url, Entries=entries)
