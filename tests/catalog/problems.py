"""Reading what a refusal says."""

from chalice.test import HTTPResponse


def code_of(response: HTTPResponse) -> str:
    """Give the code of a problem; fails for any other answer."""
    assert response.headers["Content-Type"] == "application/problem+json", response.body
    assert response.json_body["status"] == response.status_code
    return str(response.json_body["type"].removeprefix("/problems/"))


def faults_of(response: HTTPResponse) -> set[str]:
    """List the places that a refused request is told about."""
    assert response.status_code == 422, response.body
    return {each["pointer"] for each in response.json_body["errors"]}
