"""The session and portal links: one organization's own people read for a while, and nothing more."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from chalicelib.platform import settings as settings_module
from chalicelib.platform.requests import read_base_url
from chalicelib.shared.clock import Clock
from tests.catalog.problems import code_of, faults_of
from tests.client import ApiClient
from tests.conftest import NOON

LINKS = "/v1/organizations/acme/portal-links"


@pytest.fixture(autouse=True)
def _organizations(client: ApiClient) -> None:
    for one in ("acme", "other"):
        client.post("/v1/organizations", {"id": one, "name": one})


def token_of(client: ApiClient, body: Any = None) -> str:
    url = client.post(LINKS, body).json_body["url"]
    return str(urlsplit(url).fragment.removeprefix("token="))


def test_a_link_opens_the_console_with_its_token_in_the_fragment(client: ApiClient) -> None:
    made = client.post(LINKS, {"expires_in": 60, "name": "Ada"})
    assert made.status_code == 201
    assert made.json_body["expires_at"] == "2026-01-15T12:01:00Z"
    assert made.json_body["url"].startswith("https://billing.example.com/console#token=ey")


def test_a_link_lasts_an_hour_unless_told_otherwise(client: ApiClient) -> None:
    assert client.post(LINKS).json_body["expires_at"] == "2026-01-15T13:00:00Z"
    assert client.post(LINKS, {}).json_body["expires_at"] == "2026-01-15T13:00:00Z"


def test_the_session_of_a_link_is_read_for_one_organization_until_its_end(client: ApiClient, clock: Clock) -> None:
    holder = client.as_holder_of(token_of(client, {"expires_in": 60, "name": "Ada"}))
    assert holder.get("/v1/session").json_body == {
        "role": "read",
        "organization": "acme",
        "name": "Ada",
        "expires_at": "2026-01-15T12:01:00Z",
        "as_of": "2026-01-15T12:00:00Z",
    }
    clock.set(NOON + timedelta(seconds=60) - timedelta(microseconds=1))
    assert holder.get("/v1/session").status_code == 200
    clock.set(NOON + timedelta(seconds=60))
    assert code_of(holder.get("/v1/session")) == "unauthenticated"


@pytest.mark.parametrize(("seconds", "status"), [(60, 201), (86_400, 201), (59, 422), (86_401, 422), ("60", 422)])
def test_a_link_lasts_a_minute_to_a_day(client: ApiClient, seconds: Any, status: int) -> None:
    assert client.post(LINKS, {"expires_in": seconds}).status_code == status


def test_every_fault_of_a_link_is_named_at_once(client: ApiClient) -> None:
    sent = {"expires_in": 1.5, "name": "a\nb", "role": "admin"}
    assert faults_of(client.post(LINKS, sent)) == {"/expires_in", "/name", "/role"}


def test_a_portal_token_reads_its_own_and_changes_nothing(client: ApiClient) -> None:
    holder = client.as_holder_of(token_of(client))
    assert holder.get("/v1/organizations/acme").status_code == 200
    assert holder.get("/v1/meters").status_code == 200
    assert code_of(holder.get("/v1/organizations/other")) == "not-found"
    assert code_of(holder.get("/v1/organizations")) == "forbidden"
    assert code_of(holder.get("/v1/settings")) == "forbidden"
    assert code_of(holder.post(LINKS)) == "forbidden"
    assert code_of(holder.patch("/v1/organizations/acme", {"name": "B"})) == "forbidden"


def test_a_bound_admin_makes_links_to_its_own_organization_only(client: ApiClient) -> None:
    bound = client.as_holder_of(client.make_key("admin", "other"))
    assert bound.post("/v1/organizations/other/portal-links").status_code == 201
    assert code_of(bound.post(LINKS)) == "not-found"


def test_a_replay_shows_no_token(client: ApiClient) -> None:
    first = client.post(LINKS, headers={"Idempotency-Key": "1"}).json_body
    again = client.post(LINKS, headers={"Idempotency-Key": "1"}).json_body
    assert again == {**first, "url": None}


def test_without_a_configured_address_a_link_leads_where_the_request_came_in(
    client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.catalog import api_organizations

    bare = settings_module.read_settings({"METERFOLD_SIGNING_SECRET": settings_module.settings.signing_secret})
    monkeypatch.setattr(api_organizations, "settings", bare)
    headers = {"Host": "api.example.com", "X-Forwarded-Proto": "https"}
    url = client.post(LINKS, headers=headers).json_body["url"]
    assert url.startswith("https://api.example.com/console#token=")


@pytest.mark.parametrize(
    ("sent", "address"),
    [
        ("/v1/organizations/acme/portal-links", "https://api.example.com"),
        ("/api/v1/organizations/acme/portal-links", "https://api.example.com/api"),
        ("/a/b/v1/organizations/acme/portal-links/", "https://api.example.com/a/b"),
    ],
)
def test_the_stage_that_the_gateway_puts_first_is_part_of_the_address(sent: str, address: str) -> None:
    request = SimpleNamespace(context={"path": sent}, path="/v1/organizations/{org}/portal-links")
    assert read_base_url(request, {"host": "api.example.com"}) == address
