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
    assert found == {f"{spec.method} {spec.path}" for spec in shop_module.routes.specs}


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


@pytest.fixture(scope="module")
def served() -> dict[str, Any]:
    """Give the document of the whole app, as clients read it."""
    made: dict[str, Any] = json.loads(json.dumps(openapi.document(registered_routes())))
    return made


def operations(served: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        (f"{method.upper()} {path}", each)
        for path, methods in served["paths"].items()
        for method, each in methods.items()
    ]


def names_in(schema: Any) -> set[str]:
    """Collect what a schema refers to."""
    if isinstance(schema, list):
        return set().union(*map(names_in, schema))
    if not isinstance(schema, dict):
        return set()
    own = {schema["$ref"].rpartition("/")[2]} if isinstance(schema.get("$ref"), str) else set()
    return own.union(*map(names_in, schema.values()))


def test_the_served_document_is_openapi_with_every_reference_defined(served: dict[str, Any]) -> None:
    schemathesis.openapi.from_dict(served).validate()
    schemas = served["components"]["schemas"]
    for schema in schemas.values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    assert "InvoiceAnswer" in names_in(served)
    assert names_in(served) <= set(schemas)


def test_each_operation_has_a_name_of_its_own_and_says_what_it_does(served: dict[str, Any]) -> None:
    named = [each["operationId"] for _, each in operations(served)]
    assert len(set(named)) == len(named)
    assert [label for label, each in operations(served) if not each["summary"].endswith((".", ";"))] == []


BILLING = (
    "/v1/organizations/{org}/subscriptions",
    "/v1/subscriptions",
    "/v1/organizations/{org}/invoices",
    "/v1/invoices",
    "/v1/credit-notes",
)
CREATING = {
    "POST /v1/organizations/{org}/subscriptions",
    "POST /v1/organizations/{org}/invoices",
    "POST /v1/invoices/{invoice}/credit-notes",
}


def billing(served: dict[str, Any]) -> list[tuple[str, Any]]:
    """List the operations of subscriptions and invoices."""
    return [(label, each) for label, each in operations(served) if label.partition(" ")[2].startswith(BILLING)]


def test_subscriptions_and_invoices_are_all_documented(served: dict[str, Any]) -> None:
    assert {label for label, _ in billing(served)} == {
        *CREATING,
        "GET /v1/organizations/{org}/subscriptions",
        "GET /v1/subscriptions/{subscription}",
        "PATCH /v1/subscriptions/{subscription}",
        "POST /v1/subscriptions/{subscription}/change",
        "POST /v1/subscriptions/{subscription}/cancel",
        "POST /v1/subscriptions/{subscription}/resume",
        "GET /v1/organizations/{org}/invoices",
        "GET /v1/organizations/{org}/invoices/current",
        "GET /v1/invoices",
        "GET /v1/invoices/{invoice}",
        "POST /v1/invoices/{invoice}/finalize",
        "POST /v1/invoices/{invoice}/payments",
        "POST /v1/invoices/{invoice}/payments/{payment}/reverse",
        "POST /v1/invoices/{invoice}/void",
        "POST /v1/invoices/{invoice}/uncollectible",
        "GET /v1/invoices/{invoice}/lines/{line}",
        "GET /v1/invoices/{invoice}/pdf",
        "GET /v1/invoices/{invoice}/html",
        "GET /v1/invoices/{invoice}/csv",
        "GET /v1/credit-notes/{note}",
    }


def test_what_makes_something_new_answers_201_and_everything_else_200(served: dict[str, Any]) -> None:
    for label, each in billing(served):
        good = {status for status in each["responses"] if status < "300"}
        assert good == {"201" if label in CREATING else "200"}, label


def test_every_operation_on_a_named_thing_documents_404_and_every_action_409(served: dict[str, Any]) -> None:
    for label, each in billing(served):
        assert "404" in each["responses"], label
        if label.startswith(("POST", "PATCH")) and label != "POST /v1/organizations/{org}/invoices":
            assert "/problems/conflict" in json.dumps(each["responses"]["409"]), label


def test_documents_of_an_invoice_are_shown_with_their_media_types(served: dict[str, Any]) -> None:
    for name, media in [("pdf", "application/pdf"), ("html", "text/html"), ("csv", "text/csv")]:
        shown = operation(served, f"/v1/invoices/{{invoice}}/{name}", "get")["responses"]["200"]["content"]
        assert list(shown) == [media]


def test_an_invoice_is_shown_with_every_field_of_the_contract(served: dict[str, Any]) -> None:
    schemas = served["components"]["schemas"]
    fields = "id number organization status payment_status currency period issued_at due_at finalizes_at lines subtotal"
    fields += " discount credits_applied tax taxes total amount_paid amount_credited amount_due payments credit_notes"
    fields += " void_reason late_usage_until plan seller buyer ledger_head blocked as_of"
    assert set(fields.split()) <= set(schemas["InvoiceAnswer"]["required"])
    line = "id kind charge name meter unit group service_period quantity amount net tiers credits origin"
    assert set(line.split()) <= set(schemas["LineAnswer"]["required"])
    assert schemas["LineKind"]["enum"] == [
        *("usage", "recurring", "minimum", "cap", "discount", "late_usage", "one_off", "carried_to_credit")
    ]


def test_lists_of_invoices_name_their_filters(served: dict[str, Any]) -> None:
    def parameters(path: str) -> set[str]:
        return {each["name"] for each in operation(served, path, "get")["parameters"]}

    own, everywhere = parameters("/v1/organizations/{org}/invoices"), parameters("/v1/invoices")
    assert own == {"org", "limit", "cursor", "status", "payment_status"}
    assert everywhere == {"limit", "cursor", "status", "payment_status", "from", "to", "organization"}
