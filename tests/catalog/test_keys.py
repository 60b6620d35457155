"""API keys over HTTP and by the direct function: the secret is shown once, and a revoked key ends."""

import json
from typing import Any

import pytest

from chalicelib.catalog.tables import CatalogItem
from chalicelib.platform.auth import forget_key
from chalicelib.platform.connection import client as dynamodb
from chalicelib.shared.errors import InvalidInput, Malformed
from tests.catalog.conftest import Storage
from tests.catalog.problems import code_of, faults_of
from tests.client import ApiClient

KEYS = "/v1/api-keys"


def stored(key_id: str) -> CatalogItem:
    return CatalogItem.get(f"key#{key_id}", "key")


def create_organization(client: ApiClient, organization: str = "acme") -> None:
    client.post("/v1/organizations", {"id": organization, "name": organization})


def listed(client: ApiClient, **query: Any) -> list[str]:
    return [one["name"] for one in client.get(KEYS, **query).json_body["data"]]


@pytest.mark.parametrize("role", ["admin", "ingest", "read"])
def test_a_new_key_works_at_once_and_says_who_holds_it(client: ApiClient, role: str) -> None:
    made = client.post(KEYS, {"name": "CI", "role": role})
    assert made.status_code == 201
    assert made.json_body["secret"].startswith(f"mf_{role}_")
    assert made.json_body["organization"] is None
    session = client.as_holder_of(made.json_body["secret"]).get("/v1/session")
    as_of = "2026-01-15T12:00:00Z"
    assert session.json_body == {"role": role, "organization": None, "name": "CI", "expires_at": None, "as_of": as_of}


def test_a_bound_key_says_so(client: ApiClient) -> None:
    create_organization(client)
    made = client.post(KEYS, {"name": "CI", "role": "read", "organization": "acme"}).json_body
    assert client.as_holder_of(made["secret"]).get("/v1/session").json_body["organization"] == "acme"


def test_a_secret_is_shown_once_and_stored_only_as_a_hash(client: ApiClient) -> None:
    made = client.post(KEYS, {"name": "CI", "role": "read"}).json_body
    item = stored(made["id"])
    assert made["secret"] not in json.dumps(item.attribute_values)
    assert made["secret"][-36:-6] not in json.dumps(item.attribute_values)
    shown = client.get(KEYS).body.decode()
    assert made["id"] in shown
    assert "secret" not in shown
    assert "hash" not in shown
    assert json.loads(item.content)["hash"] not in shown


def test_a_replay_does_not_show_the_secret_again(client: ApiClient) -> None:
    headers = {"Idempotency-Key": "1"}
    first = client.post(KEYS, {"name": "CI", "role": "read"}, headers=headers).json_body
    again = client.post(KEYS, {"name": "CI", "role": "read"}, headers=headers)
    assert (again.status_code, again.json_body) == (201, {**first, "secret": None})
    assert listed(client).count("CI") == 1


def test_every_fault_of_a_new_key_is_named_at_once(client: ApiClient) -> None:
    sent = {"name": "", "role": "owner", "organization": "Acme!", "expires_at": None}
    assert faults_of(client.post(KEYS, sent)) == {"/name", "/role", "/organization", "/expires_at"}
    assert faults_of(client.post(KEYS, {"organization": None})) == {"/name", "/role"}


def test_a_key_for_an_unknown_organization_is_refused(client: ApiClient) -> None:
    assert faults_of(client.post(KEYS, {"name": "CI", "role": "read", "organization": "nobody"})) == {"/organization"}
    assert listed(client) == ["admin of the tests"]


def test_keys_are_listed_by_name_page_by_page(client: ApiClient) -> None:
    for name in ("c", "B", "a", "d"):
        client.post(KEYS, {"name": name, "role": "read"})
    first = client.get(KEYS, limit=2).json_body
    assert [one["name"] for one in first["data"]] == ["a", "admin of the tests"]
    assert listed(client, limit=3, cursor=first["next_cursor"]) == ["B", "c", "d"]


def test_a_revoked_key_ends_and_is_gone_the_second_time(client: ApiClient) -> None:
    made = client.post(KEYS, {"name": "CI", "role": "read"}).json_body
    holder = client.as_holder_of(made["secret"])
    assert holder.get("/v1/session").status_code == 200
    assert (client.delete(f"{KEYS}/{made['id']}").status_code, listed(client)) == (204, ["admin of the tests"])
    assert code_of(holder.get("/v1/session")) == "unauthenticated"
    assert code_of(client.delete(f"{KEYS}/{made['id']}")) == "not-found"


@pytest.mark.parametrize("key", ["key_nothing", "%23version", "acme", "a#b"])
def test_what_is_no_key_cannot_be_revoked(client: ApiClient, key: str) -> None:
    create_organization(client)
    assert code_of(client.delete(f"{KEYS}/{key}")) == "not-found"


def test_a_revocation_whose_answer_was_lost_has_happened(client: ApiClient, storage: Storage) -> None:
    made = client.post(KEYS, {"name": "CI", "role": "read"}).json_body
    storage.lose_next_answer("DeleteItem")
    assert client.delete(f"{KEYS}/{made['id']}").status_code == 204
    assert storage.operations.count("DeleteItem") == 2


def test_only_unbound_admins_see_or_make_keys(client: ApiClient) -> None:
    create_organization(client)
    for caller in (client.make_key("read"), client.make_key("ingest"), client.make_key("admin", "acme")):
        holder = client.as_holder_of(caller)
        for refused in (
            holder.get(KEYS),
            holder.post(KEYS, {"name": "CI", "role": "admin"}),
            holder.delete(f"{KEYS}/key_x"),
        ):
            assert code_of(refused) == "forbidden"


def test_the_direct_function_takes_what_http_takes(client: ApiClient) -> None:
    create_organization(client)
    made = client.invoke("create_api_key", {"name": "First", "role": "ingest", "organization": "acme"})
    assert made.keys() == client.post(KEYS, {"name": "CI", "role": "read"}).json_body.keys()
    session = client.as_holder_of(made["secret"]).get("/v1/session").json_body
    as_of = "2026-01-15T12:00:00Z"
    bound = {"role": "ingest", "organization": "acme", "name": "First", "expires_at": None, "as_of": as_of}
    assert session == bound


@pytest.mark.parametrize(
    "payload", [None, [], "x", {}, {"name": "A", "role": "owner"}, {"name": "A", "role": "read", "x": 1}]
)
def test_the_direct_function_refuses_what_http_refuses(client: ApiClient, payload: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        client.invoke("create_api_key", payload)
    assert refused.value.faults
    assert listed(client) == ["admin of the tests"]


def test_the_direct_function_names_the_unknown_organization(client: ApiClient) -> None:
    with pytest.raises(InvalidInput) as refused:
        client.invoke("create_api_key", {"name": "A", "role": "read", "organization": "nobody"})
    assert [fault.pointer for fault in refused.value.faults] == ["/organization"]


def test_half_a_character_in_a_payload_is_malformed(client: ApiClient) -> None:
    with pytest.raises(Malformed):
        client.invoke("create_api_key", {"name": "\ud800", "role": "read"})


def test_a_key_that_another_process_revoked_is_read_as_gone(client: ApiClient) -> None:
    made = client.post(KEYS, {"name": "CI", "role": "read"}).json_body
    dynamodb().delete_item(
        TableName=CatalogItem.Meta.table_name, Key={"pk": {"S": f"key#{made['id']}"}, "sk": {"S": "key"}}
    )
    forget_key(made["id"])
    assert code_of(client.as_holder_of(made["secret"]).get("/v1/session")) == "unauthenticated"
