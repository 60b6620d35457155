"""The events with which AWS wakes a function: of a schedule, and of a queue."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.shared.time import format_instant

_ACCOUNT, _REGION = "000000000000", "us-east-1"


def scheduled_event(now: datetime) -> dict[str, Any]:
    """Write the event of a schedule that fires at an instant."""
    return {
        "version": "0",
        "id": "scheduled",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": _ACCOUNT,
        "region": _REGION,
        "time": format_instant(now),
        "resources": [],
        "detail": {},
    }


def queue_event(queue: str, bodies: Sequence[str]) -> dict[str, Any]:
    """Write the event of a batch of messages of a queue, named ``m1``, ``m2``, …, in their order."""
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": f"r{number}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{_REGION}:{_ACCOUNT}:{queue}",
                "awsRegion": _REGION,
            }
            for number, body in enumerate(bodies, 1)
        ]
    }
