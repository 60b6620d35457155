"""The API as a resource: chalice's routes, and what API Gateway does by itself, in the words of the service.

The answers that API Gateway gives without asking a function lie in the API's own definition and not in resources
beside it: a stage serves what its deployment holds, and a resource that changes alone would not be deployed.
"""

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.platform.answers import Answer
from chalicelib.platform.problems import gateway_problem
from infra.names import Resource, name_of

MINIMUM_COMPRESSED_BYTES = 1024
# A guard against a runaway client, not a capacity: idle it costs nothing. The account's own limit stays above it.
REQUESTS_PER_SECOND, BURST = 1000, 2000

_ANY = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"
_RESPONSES = "x-amazon-apigateway-gateway-responses"

_UNKNOWN_PATH = gateway_problem(404, is_unknown_path=True)
# Every kind of answer that API Gateway knows. With a bearer token a path without a route is refused as a signature
# that cannot be read, which has no kind of its own: as all others have theirs, what is left is an unknown path.
_PROBLEMS: Mapping[str, Answer] = {
    "MISSING_AUTHENTICATION_TOKEN": _UNKNOWN_PATH,
    "RESOURCE_NOT_FOUND": _UNKNOWN_PATH,
    "DEFAULT_4XX": _UNKNOWN_PATH,
    "BAD_REQUEST_BODY": gateway_problem(400),
    "BAD_REQUEST_PARAMETERS": gateway_problem(400),
    "UNAUTHORIZED": gateway_problem(401),
    "ACCESS_DENIED": gateway_problem(403),
    "EXPIRED_TOKEN": gateway_problem(403),
    "INVALID_API_KEY": gateway_problem(403),
    "INVALID_SIGNATURE": gateway_problem(403),
    "WAF_FILTERED": gateway_problem(403),
    "REQUEST_TOO_LARGE": gateway_problem(413),
    "UNSUPPORTED_MEDIA_TYPE": gateway_problem(415),
    "QUOTA_EXCEEDED": gateway_problem(429),
    "THROTTLED": gateway_problem(429),
    "API_CONFIGURATION_ERROR": gateway_problem(500),
    "AUTHORIZER_CONFIGURATION_ERROR": gateway_problem(500),
    "AUTHORIZER_FAILURE": gateway_problem(500),
    "DEFAULT_5XX": gateway_problem(500),
    "INTEGRATION_FAILURE": gateway_problem(504),
    "INTEGRATION_TIMEOUT": gateway_problem(504),
}


def gateway_responses() -> dict[str, Any]:
    """Write the problems of API Gateway as its definition wants them, by kind."""
    return {kind: _gateway_response(problem) for kind, problem in _PROBLEMS.items()}


def _gateway_response(problem: Answer) -> dict[str, Any]:
    headers = {"Content-Type": problem.media_type, "Cache-Control": "no-store", **problem.headers}
    return {
        "statusCode": str(problem.status),
        # A constant stands in quotes.
        "responseParameters": {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()},
        # The template is chosen by a type that every client takes; the header above says what it is.
        "responseTemplates": {"application/json": json.dumps(problem.json_value())},
    }


def api_resource(packaged: Mapping[str, Any], stage: str) -> Resource:
    """Finish the API that chalice packaged: its routes and its stage stay."""
    return {
        "Type": "AWS::Serverless::Api",
        "Properties": {
            "Name": name_of(stage, "api"),
            "StageName": packaged["StageName"],
            # Without it SAM adds a stage of the name "Stage".
            "OpenApiVersion": "2.0",
            "EndpointConfiguration": {"Type": "REGIONAL"},
            "MinimumCompressionSize": MINIMUM_COMPRESSED_BYTES,
            "TracingEnabled": True,
            "MethodSettings": [
                {
                    "ResourcePath": "/*",
                    "HttpMethod": "*",
                    "ThrottlingRateLimit": REQUESTS_PER_SECOND,
                    "ThrottlingBurstLimit": BURST,
                    # The functions log and count what they answer; these would cost for every request.
                    "LoggingLevel": "OFF",
                    "DataTraceEnabled": False,
                    "MetricsEnabled": False,
                }
            ],
            "DefinitionBody": _definition(packaged["DefinitionBody"]),
        },
    }


def _definition(packaged: Mapping[str, Any]) -> dict[str, Any]:
    paths = {path: {**methods, _ANY: _any_method(methods)} for path, methods in packaged["paths"].items()}
    return {**packaged, "paths": paths, _RESPONSES: gateway_responses()}


def _any_method(methods: Mapping[str, Any]) -> dict[str, Any]:
    """Send the methods that a path does not know to the app too, which names the ones it does."""
    known = next(iter(methods.values()))
    return {"responses": {}, _INTEGRATION: known[_INTEGRATION]}
