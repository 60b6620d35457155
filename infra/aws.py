"""The account and region that commands work in, and the client of DynamoDB for those that need no more."""

import os
from typing import Any

from infra.stack import StackFailed

__all__ = ["dynamodb_client", "open_session"]


def open_session(region: str | None) -> Any:
    """Connect with the credentials of the environment, as the AWS command line finds them; raises ``StackFailed``."""
    import boto3

    session = boto3.Session(region_name=region or os.environ.get("AWS_REGION"))
    if session.region_name is None:
        raise StackFailed("No region: set AWS_REGION, or say --region.")
    return session


def dynamodb_client(region: str | None) -> Any:
    """Make a client of DynamoDB; raises ``StackFailed`` without a region."""
    from botocore.config import Config

    # Tables on demand grow as they are written to, and refuse meanwhile.
    retries = Config(retries={"mode": "adaptive", "max_attempts": 12})
    return open_session(region).client("dynamodb", config=retries)
