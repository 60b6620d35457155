"""The page and its files as they are served: policy, caching, size, any path."""

import re

import pytest
from chalice.test import HTTPResponse

import app
from chalicelib.console.shell import content_security_policy
from chalicelib.platform.settings import read_settings
from tests.client import ApiClient


@pytest.fixture
def visitor() -> ApiClient:
    return ApiClient(app.app, None)


def _page(visitor: ApiClient) -> HTTPResponse:
    sent = visitor.get("/console")
    assert sent.status_code == 200
    return sent


def _addresses(page: HTTPResponse) -> list[str]:
    return re.findall(r'(?:href|src)="([^"]+)"', page.body.decode())


def test_the_page_allows_its_own_files_and_api_and_nothing_else(visitor: ApiClient) -> None:
    page = _page(visitor)
    policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in str(policy)
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", page.body.decode())


def test_every_address_of_the_page_is_relative_and_answers(visitor: ApiClient) -> None:
    addresses = _addresses(_page(visitor))
    assert len(addresses) > 10
    for address in addresses:
        assert re.fullmatch(r"console/assets/[a-z_]+\.[0-9a-f]{12}\.(js|css|svg)", address), address
        sent = visitor.get(f"/{address}")
        assert sent.status_code == 200
        assert sent.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "name", ["app.js", "app.000000000000.js", "..%2Fapi_console.py", "LICENSE-preact.txt", ".copied"]
)
def test_no_other_name_is_a_file(visitor: ApiClient, name: str) -> None:
    sent = visitor.get(f"/console/assets/{name}")
    assert (sent.status_code, sent.json_body["type"]) == (404, "/problems/not-found")


def test_the_page_takes_any_parameter_of_its_address(visitor: ApiClient) -> None:
    assert visitor.get("/console", view="usage", whatever="1").status_code == 200


@pytest.mark.parametrize(
    ("configured", "allowed"),
    [
        ("", "'self'"),
        ("https://app.example.com https://*.example.org", "https://app.example.com https://*.example.org"),
        ("'none'", "'none'"),
        ("https://a.example; script-src *", "'self'"),
        ("https://a.example, x", "'self'"),
        ("https://ä.example", "'self'"),
    ],
)
def test_who_may_embed_the_page_is_configured(configured: str, allowed: str) -> None:
    settings = read_settings({"METERFOLD_FRAME_ANCESTORS": configured})
    assert f"frame-ancestors {allowed};" in content_security_policy(settings.frame_ancestors)
