"""The API of the template: its routes are the app's, its own refusals are the service's problems."""

import json
from typing import Any

import pytest
from ministack.services.apigateway_v1 import _GATEWAY_RESPONSE_TYPES

import app
from chalicelib.platform.answers import PROBLEM
from chalicelib.platform.problems import PROBLEMS, gateway_problem
from infra.gateway import BURST, REQUESTS_PER_SECOND, gateway_responses
from infra.template import merged_template
from local.gateway import Gateway
from local.http_server import HttpRequest
from tests.infra.packaged import chalice_template

API: dict[str, Any] = merged_template(chalice_template(), stage="demo")["Resources"]["RestAPI"]["Properties"]
BODY: dict[str, Any] = API["DefinitionBody"]
RESPONSES = gateway_responses()
HEADER = "gatewayresponse.header."


def test_the_api_is_regional_packs_its_answers_and_has_one_stage() -> None:
    assert API["EndpointConfiguration"] == {"Type": "REGIONAL"}
    assert API["MinimumCompressionSize"] == 1024
    assert (API["StageName"], API["OpenApiVersion"]) == ("api", "2.0")
    assert API["TracingEnabled"] is True
    assert API["Name"] == "meterfold-demo-api"


def test_a_runaway_client_is_throttled_and_nothing_is_logged_for_each_request() -> None:
    (settings,) = API["MethodSettings"]
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (REQUESTS_PER_SECOND, BURST)
    assert (settings["LoggingLevel"], settings["DataTraceEnabled"], settings["MetricsEnabled"]) == ("OFF", False, False)
    assert "AccessLogSetting" not in API


def test_every_route_of_the_app_is_there_and_other_methods_reach_the_app_too() -> None:
    assert set(BODY["paths"]) == set(app.app.routes)
    for path, methods in BODY["paths"].items():
        known = {method.upper() for method in methods if not method.startswith("x-")}
        assert known == set(app.app.routes[path])
        first, *others = (one["x-amazon-apigateway-integration"] for one in methods.values())
        assert first["type"] == "aws_proxy"
        assert others == [first] * len(known)


def test_every_kind_of_refusal_has_an_answer() -> None:
    assert set(RESPONSES) == set(_GATEWAY_RESPONSE_TYPES)
    assert BODY["x-amazon-apigateway-gateway-responses"] == RESPONSES


@pytest.mark.parametrize("kind", RESPONSES)
def test_a_refusal_is_a_problem_of_ours(kind: str) -> None:
    response = RESPONSES[kind]
    (template,) = response["responseTemplates"].values()
    problem = json.loads(template)
    assert "$" not in template
    assert str(problem["status"]) == response["statusCode"]
    code = problem["type"].removeprefix("/problems/")
    assert (PROBLEMS[code].status, PROBLEMS[code].title) == (problem["status"], problem["title"])
    assert problem["errors"] == []
    headers = {name.removeprefix(HEADER): value for name, value in response["responseParameters"].items()}
    assert headers["Content-Type"] == f"'{PROBLEM}'"
    assert all(value.startswith("'") and value.endswith("'") for value in headers.values())


@pytest.mark.parametrize(
    ("kind", "status", "header"),
    [
        ("UNAUTHORIZED", 401, ("WWW-Authenticate", "'Bearer'")),
        ("ACCESS_DENIED", 403, None),
        ("REQUEST_TOO_LARGE", 413, None),
        ("UNSUPPORTED_MEDIA_TYPE", 415, None),
        ("THROTTLED", 429, ("Retry-After", "'1'")),
        ("QUOTA_EXCEEDED", 429, ("Retry-After", "'1'")),
        ("DEFAULT_5XX", 500, None),
        ("INTEGRATION_TIMEOUT", 504, None),
    ],
)
def test_a_refusal_says_what_the_table_of_problems_says(kind: str, status: int, header: tuple[str, str] | None) -> None:
    response = RESPONSES[kind]
    assert json.loads(response["responseTemplates"]["application/json"]) == gateway_problem(status).json_value()
    named = dict.fromkeys([header] if header else [])
    for name, value in named:
        assert response["responseParameters"][f"{HEADER}{name}"] == value


@pytest.mark.parametrize("kind", ["MISSING_AUTHENTICATION_TOKEN", "RESOURCE_NOT_FOUND", "DEFAULT_4XX"])
def test_an_unknown_path_is_answered_as_by_the_local_server(kind: str) -> None:
    local = Gateway(app.app).answer(HttpRequest("GET", "/nowhere"))
    response = RESPONSES[kind]
    assert (int(response["statusCode"]), json.loads(response["responseTemplates"]["application/json"])) == (
        local.status,
        json.loads(local.body),
    )
    headers = {name.removeprefix(HEADER): value.strip("'") for name, value in response["responseParameters"].items()}
    assert headers == dict(local.headers)
