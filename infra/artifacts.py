"""Where bundles wait for Lambda: one private bucket of the account in a region, each bundle under its own hash."""

import hashlib
from typing import Any

from botocore.exceptions import ClientError

__all__ = ["Bucket", "bucket_name"]

_PRIVATE = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
# The bucket of a name that exists elsewhere answers 403: never upload code to somebody else's bucket.
_MISSING = {"404", "NoSuchBucket", "NotFound"}


def bucket_name(*, account: str, region: str) -> str:
    """Name the bucket of an account in a region; all stages share it."""
    return f"meterfold-bundles-{account}-{region}"


class Bucket:
    """The bucket of one account in one region. ``s3`` is a boto3 client."""

    def __init__(self, s3: Any, *, account: str, region: str) -> None:
        self._s3 = s3
        self._account = account
        self._region = region
        self.name = bucket_name(account=account, region=region)

    def make(self) -> None:
        """Make the bucket unless it is there, and let nobody else in.

        Raises ``ClientError`` when its name belongs to another account.
        """
        if not _exists(lambda: self._s3.head_bucket(Bucket=self.name, ExpectedBucketOwner=self._account)):
            # The first region has no name of its own as a place.
            place = {"LocationConstraint": self._region}
            options = {} if self._region == "us-east-1" else {"CreateBucketConfiguration": place}
            self._s3.create_bucket(Bucket=self.name, **options)
        self._s3.put_public_access_block(
            Bucket=self.name, PublicAccessBlockConfiguration=_PRIVATE, ExpectedBucketOwner=self._account
        )

    def upload(self, content: bytes, suffix: str) -> str:
        """Upload a content unless it is there; answers its key, which is its SHA-256 and the suffix.

        Equal contents are one object, so a deployment can be repeated.
        """
        key = f"{hashlib.sha256(content).hexdigest()}{suffix}"
        mine = {"Bucket": self.name, "Key": key, "ExpectedBucketOwner": self._account}
        if not _exists(lambda: self._s3.head_object(**mine)):
            self._s3.put_object(**mine, Body=content)
        return key

    def url_of(self, key: str) -> str:
        """Give the address of an object, as CloudFormation takes it for a template."""
        address: str = self._s3.generate_presigned_url("get_object", {"Bucket": self.name, "Key": key}).split("?")[0]
        return address


def _exists(ask: Any) -> bool:
    try:
        ask()
    except ClientError as fault:
        if fault.response["Error"]["Code"] in _MISSING:
            return False
        raise
    return True
