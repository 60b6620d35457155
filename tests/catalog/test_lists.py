"""Every list of the catalog: in its order, in pages, each thing once, and no cursor that leads to nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.client import ApiClient

NAMES = [f"n{number:02}" for number in range(51)]


def make_organization(client: ApiClient, name: str) -> None:
    assert client.post("/v1/organizations", {"id": name, "name": name}).status_code == 201


def make_meter(client: ApiClient, name: str) -> None:
    body = {"key": name, "name": name, "event_type": "call", "aggregation": "count"}
    assert client.post("/v1/meters", body).status_code == 201


def make_key(client: ApiClient, name: str) -> None:
    assert client.post("/v1/api-keys", {"name": name, "role": "read"}).status_code == 201


def make_plan(client: ApiClient, name: str) -> None:
    body = {"key": name, "name": name, "currency": "USD", "billing_period": "month", "charges": []}
    assert client.post("/v1/plans", body).status_code == 201


Make = Callable[[ApiClient, str], None]
LISTS = {
    "/v1/organizations": make_organization,
    "/v1/meters": make_meter,
    "/v1/api-keys": make_key,
    "/v1/plans": make_plan,
}


def pages(client: ApiClient, path: str, **query: Any) -> list[list[str]]:
    """Read a list to its end; the key that the client itself holds is left out."""
    found: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get(path, **query, **cursor).json_body
        found.append([one["name"] for one in page["data"] if one["name"] != "admin of the tests"])
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize(("path", "make"), LISTS.items())
def test_a_list_grows_from_nothing_to_more_than_a_page(client: ApiClient, path: str, make: Make) -> None:
    assert pages(client, path) == [[]]
    make(client, NAMES[7])
    assert pages(client, path) == [[NAMES[7]]]
    for name in reversed(NAMES):
        if name != NAMES[7]:
            make(client, name)
    # The key of the client is a 52nd, and the first.
    first = 49 if path == "/v1/api-keys" else 50
    assert pages(client, path) == [NAMES[:first], NAMES[first:]]
    assert pages(client, path, limit=200) == [NAMES]


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
@pytest.mark.parametrize(("path", "make"), LISTS.items())
def test_pages_of_any_size_end_with_the_last_thing(client: ApiClient, path: str, make: Make, limit: int) -> None:
    for name in NAMES[:4]:
        make(client, name)
    found = pages(client, path, limit=limit)
    assert [name for page in found for name in page] == NAMES[:4]
    if path != "/v1/api-keys":
        assert all(found)


@pytest.mark.parametrize("limit", [1, 2])
def test_a_search_that_finds_an_id_alone_has_one_page(client: ApiClient, limit: int) -> None:
    client.post("/v1/organizations", {"id": "a1", "name": "Zenith"})
    assert pages(client, "/v1/organizations", q="a1", limit=limit) == [["Zenith"]]


def test_a_search_that_finds_an_id_and_names_shows_each_once(client: ApiClient) -> None:
    client.post("/v1/organizations", {"id": "a1", "name": "Zenith"})
    client.post("/v1/organizations", {"id": "a2", "name": "A1 Steaks"})
    client.post("/v1/organizations", {"id": "a3", "name": "a1 taxis"})
    found = ["Zenith", "A1 Steaks", "a1 taxis"]
    assert pages(client, "/v1/organizations", q="a1", limit=1) == [[name] for name in found]
    assert pages(client, "/v1/organizations", q="a1") == [found]


def test_a_search_finds_nothing_of_what_does_not_begin_so(client: ApiClient) -> None:
    client.post("/v1/organizations", {"id": "a1", "name": "Zenith"})
    for q in ("enith", "A1", "zenith ", "zenith#a1", "zenith\u00a0"):
        assert pages(client, "/v1/organizations", q=q) == [[]]


def test_the_longest_names_of_any_script_are_listed_and_found(client: ApiClient) -> None:
    longest = ["\U0001d160" * 200, "\u0390" * 200, "\ufb2c" * 200, "\u1fb7" * 200]
    for number, name in enumerate(longest):
        assert client.post("/v1/organizations", {"id": f"o{number}", "name": name}).status_code == 201
        assert client.post("/v1/api-keys", {"name": name, "role": "read"}).status_code == 201
    assert sorted(pages(client, "/v1/organizations")[0]) == sorted(longest)
    for name in longest:
        assert pages(client, "/v1/organizations", q=name) == [[name]]
        assert pages(client, "/v1/organizations", q=name[:3]) == [[name]]
