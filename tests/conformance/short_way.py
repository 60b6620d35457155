"""The app's client on DynamoDB Local: the SDK checks, writes and reads every call; signing and routing are left out.

The engine does not look at signatures, and to find the endpoint anew for each call takes as long as the call.
"""

import http.client
import threading
from typing import Any

from botocore.parsers import create_parser

Arguments = dict[str, Any]
_SIGNATURE = "20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none"


class Wire:
    """Connections to one database of DynamoDB Local, one for each thread; the credential names the database."""

    def __init__(self, address: str, credential: str) -> None:
        self._address = address
        self._authorization = f"AWS4-HMAC-SHA256 Credential={credential}/{_SIGNATURE}"
        self._kept = threading.local()

    def post(self, operation: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send one call as JSON; gives status, headers and body."""
        connection = getattr(self._kept, "connection", None)
        if connection is None:
            connection = self._kept.connection = http.client.HTTPConnection(self._address, timeout=60)
        headers = {
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": self._authorization,
        }
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()


class ShortWay:
    """Stands in for a client's ``_make_api_call``."""

    def __init__(self, dynamodb: Any, wire: Wire) -> None:
        self._client = dynamodb
        self._wire = wire
        self._parser = create_parser("json")
        self._lock = threading.Lock()

    def __call__(self, operation: str, arguments: Arguments) -> Arguments:
        model = self._client.meta.service_model.operation_model(operation)
        params = self._client._emit_api_params(api_params=arguments, operation_model=model, context={})
        request = self._client._serializer.serialize_to_request(params, model)
        status, headers, body = self._wire.post(operation, request["body"])
        answer = {"status_code": status, "headers": headers, "body": body}
        parsed: Arguments = self._parser.parse(answer, model.output_shape)
        parsed["ResponseMetadata"]["RetryAttempts"] = 0
        if status < 300:
            return parsed
        self._client._endpoint._add_modeled_error_fields(answer, parsed, model, self._parser)
        raise self._client.exceptions.from_code(parsed["Error"]["Code"])(parsed, operation)
