"""The client of DynamoDB for commands that need no more of an account."""

import os
from typing import Any

from infra.stack import StackFailed

__all__ = ["dynamodb_client"]


def dynamodb_client(region: str | None) -> Any:
    """Connect with the credentials of the environment, as the AWS command line finds them; raises ``StackFailed``."""
    import boto3
    from botocore.config import Config

    session = boto3.Session(region_name=region or os.environ.get("AWS_REGION"))
    if session.region_name is None:
        raise StackFailed("No region: set AWS_REGION, or say --region.")
    # Tables on demand grow as they are written to, and refuse meanwhile.
    return session.client("dynamodb", config=Config(retries={"mode": "adaptive", "max_attempts": 12}))
