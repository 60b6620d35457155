"""Bytes that are no text: base64 on Lambda, bytes for a client that asks for their type, and their own size."""

import base64
import json
from typing import Any

import pytest
from chalice.app import Chalice

from chalicelib.platform import openapi
from chalicelib.platform.answers import PDF, Answer
from chalicelib.platform.http import Request, Routes
from chalicelib.platform.wrapper import MAX_ANSWER_BYTES, serve
from local.gateway import Gateway
from local.http_server import HttpRequest

NO_TEXT = b"%PDF-\x00\xff\xfe"
LARGEST = MAX_ANSWER_BYTES * 3 // 4

routes = Routes("papers", is_listed=False)


@routes.get("/paper", scope="public", answers={200: None}, also={PDF: {"type": "string"}}, problems=("malformed",))
def read_paper(request: Request) -> Answer:
    """Give bytes."""
    del request
    return Answer(NO_TEXT, headers={"Content-Disposition": "inline"}, media_type=PDF)


@routes.get("/paper/{bytes}", scope="public", answers={200: None}, also={PDF: {"type": "string"}})
def read_large_paper(request: Request) -> Answer:
    """Give so many bytes."""
    return Answer(b"\xff" * int(request.path["bytes"]), media_type=PDF)


@routes.get("/page", scope="public", answers={200: None}, also={"text/html": {"type": "string"}})
def read_page(request: Request) -> Answer:
    """Give text."""
    del request
    return Answer("<p>Ä", headers={"Content-Security-Policy": "default-src 'none'"}, media_type="text/html")


@pytest.fixture(scope="module")
def app() -> Chalice:
    made = Chalice("papers", configure_logs=False)
    serve(made, routes)
    return made


def sent(app: Chalice, path: str, accept: str | None, **variables: str) -> Any:
    """Call the app as Lambda does, and give its answer as it leaves."""
    resource = "/paper/{bytes}" if variables else path
    event = {
        "resource": resource,
        "path": path,
        "httpMethod": "GET",
        "headers": {} if accept is None else {"accept": accept},
        "multiValueQueryStringParameters": None,
        "pathParameters": variables or None,
        "body": None,
        "isBase64Encoded": False,
        "stageVariables": None,
        "requestContext": {"httpMethod": "GET", "resourcePath": resource, "requestId": "r-1"},
    }
    return app(event, None)


@pytest.mark.parametrize("accept", [PDF, "application/pdf, application/json", "text/html, application/pdf;q=0.9"])
def test_bytes_leave_in_base64_for_who_asks_for_their_type(app: Chalice, accept: str) -> None:
    answer = sent(app, "/paper", accept)
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)
    assert base64.b64decode(answer["body"]) == NO_TEXT
    assert answer["headers"]["Content-Type"] == PDF
    assert answer["headers"]["Content-Disposition"] == "inline"
    assert answer["headers"]["Cache-Control"] == "no-store"


@pytest.mark.parametrize("accept", [None, "application/json"])
def test_who_does_not_ask_for_the_type_is_told_to(app: Chalice, accept: str | None) -> None:
    answer = sent(app, "/paper", accept)
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["type"]) == (400, "/problems/malformed")
    assert "Accept" in problem["detail"]


def test_text_is_not_encoded_and_keeps_its_own_headers(app: Chalice) -> None:
    answer = sent(app, "/page", "text/html")
    assert (answer["statusCode"], answer["body"]) == (200, "<p>Ä")
    assert not answer.get("isBase64Encoded")
    assert answer["headers"]["Content-Security-Policy"] == "default-src 'none'"


def test_bytes_may_be_as_many_as_lambda_carries_in_base64_and_not_one_more(app: Chalice) -> None:
    assert len(sent(app, f"/paper/{LARGEST}", PDF, bytes=str(LARGEST))["body"]) == MAX_ANSWER_BYTES
    refused = sent(app, f"/paper/{LARGEST + 1}", PDF, bytes=str(LARGEST + 1))
    assert json.loads(refused["body"])["type"] == "/problems/range-too-large"


def test_types_that_are_not_text_are_registered_once(app: Chalice) -> None:
    serve(app)
    assert app.api.binary_types.count(PDF) == 1


def test_the_local_gateway_gives_the_bytes(app: Chalice) -> None:
    answer = Gateway(app).answer(HttpRequest("GET", "/paper", {"accept": [PDF]}))
    assert (answer.status, answer.body) == (200, NO_TEXT)
    assert ("Content-Type", PDF) in answer.headers


def test_the_document_shows_the_one_type_of_an_answer_that_is_not_json() -> None:
    answers = openapi.document(routes.specs)["paths"]
    assert list(answers["/paper"]["get"]["responses"]["200"]["content"]) == [PDF]
    assert list(answers["/page"]["get"]["responses"]["200"]["content"]) == ["text/html"]
    assert "400" in answers["/paper"]["get"]["responses"]
