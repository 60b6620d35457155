"""What the template needs more, to run on this machine: what ministack leaves out of an API, and asks for in a policy.

The template for AWS stays as it is; docs/local-stack.md lists these differences.
"""

import copy
import logging
from collections.abc import Mapping
from typing import Any

_ANY = "x-amazon-apigateway-any-method"
_BINARY = "x-amazon-apigateway-binary-media-types"
_RESPONSES = "x-amazon-apigateway-gateway-responses"
_UNKNOWN = {"AWS::XRay::SamplingRule"}
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")


def translated(template: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Translate SAM's resources into CloudFormation's, as AWS does when it is given the template."""
    from boto3.session import Session
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    translator = Translator(None, Parser(), boto_session=Session(region_name=region))
    made: dict[str, Any] = translator.translate(copy.deepcopy(dict(template)), {})
    return made


def adapted(template: Mapping[str, Any]) -> dict[str, Any]:
    """Adapt a translated template to ministack."""
    resources: dict[str, Any] = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] in _UNKNOWN:
            continue
        if resource["Type"] == "AWS::ApiGateway::RestApi":
            resources[name] = _adapted_api(resource)
            resources |= _gateway_responses(name, resource["Properties"]["Body"])
        elif resource["Type"] == "AWS::IAM::Role":
            resources[name] = _adapted_role(resource)
        else:
            resources[name] = resource
    responses = [name for name, one in resources.items() if one["Type"] == "AWS::ApiGateway::GatewayResponse"]
    return {**template, "Resources": {name: _after(one, responses) for name, one in resources.items()}}


def _adapted_api(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Say by properties and methods what ministack does not read in the body."""
    properties = resource["Properties"]
    body = properties["Body"]
    paths = {path: _spelled_out(methods) for path, methods in body["paths"].items()}
    return {
        **resource,
        "Properties": {**properties, "BinaryMediaTypes": body[_BINARY], "Body": {**body, "paths": paths}},
    }


def _spelled_out(methods: Mapping[str, Any]) -> dict[str, Any]:
    known = {method: operation for method, operation in methods.items() if method != _ANY}
    return {**dict.fromkeys(_METHODS, methods[_ANY]), **known} if _ANY in methods else known


def _adapted_role(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Allow sending a batch where sending is allowed: on AWS that is one right, ministack asks for another."""
    adapted = copy.deepcopy(dict(resource))
    for policy in adapted["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            if "sqs:SendMessage" in statement["Action"]:
                statement["Action"].append("sqs:SendMessageBatch")
    return adapted


def _gateway_responses(api: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Make a resource of each answer that stands in the body."""
    return {
        f"{api}{kind.title().replace('_', '')}": {
            "Type": "AWS::ApiGateway::GatewayResponse",
            "Properties": {
                "RestApiId": {"Ref": api},
                "ResponseType": kind,
                "StatusCode": response["statusCode"],
                "ResponseParameters": response["responseParameters"],
                "ResponseTemplates": response["responseTemplates"],
            },
        }
        for kind, response in body[_RESPONSES].items()
    }


def _after(resource: Mapping[str, Any], responses: list[str]) -> dict[str, Any]:
    """Let a deployment wait for the answers that it is to hold."""
    is_deployment = resource["Type"] == "AWS::ApiGateway::Deployment"
    return {**resource, "DependsOn": responses} if is_deployment else dict(resource)
