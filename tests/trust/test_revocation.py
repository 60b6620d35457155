"""A revoked key ends at once where it was revoked, and within ten seconds of real time everywhere else."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from chalicelib.platform import auth
from tests.client import ApiClient

SESSION = "/v1/session"


@pytest.fixture
def real_time() -> Iterator[Any]:
    with time_machine.travel("2026-05-01T00:00:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def made(client: ApiClient) -> dict[str, str]:
    answer: dict[str, str] = client.post("/v1/api-keys", {"name": "CI", "role": "read"}).json_body
    return answer


def revoke_elsewhere(client: ApiClient, key_id: str) -> None:
    """Revoke a key as another process does: what this one remembers of it stays."""
    remembered = dict(auth._keys._read)
    assert client.delete(f"/v1/api-keys/{key_id}").status_code == 204
    auth._keys._read.update(remembered)


def test_a_key_ends_at_once_where_it_is_revoked(client: ApiClient, real_time: Any, made: dict[str, str]) -> None:
    holder = client.as_holder_of(made["secret"])
    assert holder.get(SESSION).status_code == 200
    assert client.delete(f"/v1/api-keys/{made['id']}").status_code == 204
    assert holder.get(SESSION).status_code == 401


def test_a_key_that_is_remembered_elsewhere_ends_within_ten_seconds(
    client: ApiClient, real_time: Any, made: dict[str, str]
) -> None:
    holder = client.as_holder_of(made["secret"])
    assert holder.get(SESSION).status_code == 200
    revoke_elsewhere(client, made["id"])
    real_time.shift(timedelta(seconds=10) - timedelta(microseconds=1))
    assert holder.get(SESSION).status_code == 200
    real_time.shift(timedelta(microseconds=1))
    assert holder.get(SESSION).status_code == 401


def test_using_a_remembered_key_does_not_prolong_it(client: ApiClient, real_time: Any, made: dict[str, str]) -> None:
    holder = client.as_holder_of(made["secret"])
    assert holder.get(SESSION).status_code == 200
    revoke_elsewhere(client, made["id"])
    statuses = []
    for _ in range(11):
        statuses.append(holder.get(SESSION).status_code)
        real_time.shift(timedelta(seconds=1))
    assert statuses == [200] * 10 + [401]


def test_a_clock_that_was_set_back_does_not_prolong_a_key(
    client: ApiClient, real_time: Any, made: dict[str, str]
) -> None:
    holder = client.as_holder_of(made["secret"])
    assert holder.get(SESSION).status_code == 200
    revoke_elsewhere(client, made["id"])
    real_time.shift(timedelta(hours=-1))
    assert holder.get(SESSION).status_code == 401
