import json
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from schemathesis.core.result import Ok

import app
from chalicelib.platform import openapi
from chalicelib.platform.http import registered_routes
from chalicelib.platform.problems import PROBLEMS
from tests.platform import shop as shop_module
from tests.platform.shop import Shop


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document(shop_module.routes.specs)


def operation(document: dict[str, Any], path: str, method: str) -> Any:
    return document["paths"][path][method]


BOXES = "/v1/organizations/{org}/boxes"


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(document)))
    schema.validate()
    found = {getattr(result.ok(), "label", "") for result in schema.get_all_operations() if isinstance(result, Ok)}
    assert found == {
        f"{spec.method} {spec.path}" for spec in shop_module.routes.specs
    }


def test_every_schema_is_json_schema_2020(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_parameters_are_shown_as_they_are_read(document: dict[str, Any]) -> None:
    shown = {each["name"]: each for each in operation(document, BOXES, "get")["parameters"]}
    assert list(shown) == ["org", "limit", "cursor", "state", "meter", "filter", "deep"]
    assert shown["org"]["in"] == "path"
    assert shown["limit"]["schema"] == {
        "default": 50,
        "minimum": 1,
        "maximum": 200,
        "title": "Limit",
        "type": "integer",
    }
    assert shown["state"]["schema"] == {"title": "State", "type": "string"}
    assert (shown["meter"]["style"], shown["meter"]["explode"]) == ("form", True)
    assert (shown["filter"]["style"], shown["filter"]["explode"]) == ("deepObject", True)
    assert shown["deep"]["schema"]["type"] == "boolean"


def test_a_post_shows_its_idempotency_key_unless_it_needs_none(document: dict[str, Any]) -> None:
    named = [each["name"] for each in operation(document, BOXES, "post")["parameters"]]
    assert "Idempotency-Key" in named
    assert operation(document, "/v1/raw", "post")["parameters"] == []


def test_bodies_are_shown_with_every_media_type(document: dict[str, Any]) -> None:
    content = operation(document, BOXES, "post")["requestBody"]["content"]
    assert content == {"application/json": {"schema": {"$ref": "#/components/schemas/NewBox"}}}
    assert list(operation(document, "/v1/raw", "post")["requestBody"]["content"]) == [
        "application/json",
        "application/cloudevents+json",
    ]
    assert document["components"]["schemas"]["NewBox"]["additionalProperties"] is False


def test_answers_and_problems_are_shown_by_status(document: dict[str, Any]) -> None:
    responses = operation(document, BOXES, "post")["responses"]
    assert set(responses) == {"201", "400", "401", "403", "404", "409", "413", "415", "422", "429", "500", "503"}
    assert list(responses["422"]["content"]) == ["application/problem+json"]
    assert "/problems/idempotency-key-reused" in json.dumps(responses["422"])
    assert "Retry-After" in responses["503"]["headers"]


def test_the_credential_is_shown_where_it_is_needed(document: dict[str, Any]) -> None:
    assert operation(document, BOXES, "get")["security"] == [{"credential": []}]
    assert operation(document, BOXES, "get")["x-roles"] == ["ingest", "read"]
    served = openapi.document(registered_routes())
    assert operation(served, "/health", "get")["security"] == []


def test_problem_codes_of_every_route_are_known() -> None:
    for spec in [*registered_routes(), *shop_module.routes.specs]:
        assert set(openapi.problem_codes(spec)) <= set(PROBLEMS)


def test_the_app_serves_its_document(tables: None) -> None:
    sent = Shop(app.app)("GET", "/openapi.json", key=None)
    assert sent.json["openapi"] == "3.1.0"
    assert set(sent.json["paths"]) == {spec.path for spec in registered_routes()}
    assert sent.json["paths"] == json.loads(json.dumps(openapi.document(registered_routes())))["paths"]


def test_health_is_public(tables: None) -> None:
    assert Shop(app.app)("GET", "/health", key=None).json == {"status": "ok"}
