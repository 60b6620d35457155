"""Meters over HTTP: defined once, renamed at will, ended for good."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.catalog import service
from chalicelib.catalog.meters import Aggregation
from chalicelib.shared.clock import Clock
from chalicelib.shared.time import format_instant
from tests.catalog.conftest import Storage
from tests.catalog.problems import code_of, faults_of
from tests.client import ApiClient
from tests.conftest import NOON
from tests.usage.subscribed import subscribe

METERS = "/v1/meters"
TOKENS = {
    "key": "tokens",
    "name": "Tokens",
    "event_type": "inference",
    "aggregation": "sum",
    "value": "usage.tokens",
    "dimensions": {"model": "request.model", "kind": "kind"},
    "filter": {"kind": ["output", "input"], "request.region": ["eu"]},
    "unit": "tokens",
    "strict": True,
    "count_from": "2026-01-01T00:00:00Z",
}
CALLS = {"key": "calls", "name": "Calls", "event_type": "call", "aggregation": "count"}


def keys(client: ApiClient, **query: Any) -> list[str]:
    return [one["key"] for one in client.get(METERS, **query).json_body["data"]]


def create_organization(client: ApiClient, organization: str = "acme") -> None:
    assert client.post("/v1/organizations", {"id": organization, "name": organization}).status_code == 201


def test_a_meter_is_shown_as_it_was_defined(client: ApiClient) -> None:
    created = client.post(METERS, TOKENS)
    assert created.status_code == 201
    assert created.json_body == {
        **TOKENS,
        "filter": {"kind": ["input", "output"], "request.region": ["eu"]},
        "counting_from": "2026-01-01T00:00:00Z",
        "status": "active",
        "created_at": "2026-01-15T12:00:00Z",
        "archived_at": None,
        "version": 1,
    }
    assert client.get(f"{METERS}/tokens").json_body == created.json_body


def test_a_meter_without_more_counts_everything_of_its_type(client: ApiClient) -> None:
    shown = client.post(METERS, CALLS).json_body
    assert (shown["value"], shown["unit"], shown["strict"]) == (None, None, False)
    assert (shown["dimensions"], shown["filter"]) == ({}, {})
    assert shown["count_from"] == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize("aggregation", list(Aggregation))
def test_every_aggregation_can_be_created(client: ApiClient, aggregation: Aggregation) -> None:
    value = {} if aggregation is Aggregation.COUNT else {"value": "v"}
    shown = client.post(METERS, {**CALLS, "aggregation": aggregation.value, **value})
    assert (shown.status_code, shown.json_body["aggregation"]) == (201, aggregation.value)


@pytest.mark.parametrize("aggregation", [one for one in Aggregation if one is not Aggregation.COUNT])
def test_every_other_aggregation_needs_a_value(client: ApiClient, aggregation: Aggregation) -> None:
    for value in ({}, {"value": None}):
        assert faults_of(client.post(METERS, {**CALLS, "aggregation": aggregation.value, **value})) == {"/value"}


def test_a_count_takes_no_value(client: ApiClient) -> None:
    assert faults_of(client.post(METERS, {**CALLS, "value": "v"})) == {"/value"}


def test_every_fault_of_a_new_meter_is_named_at_once(client: ApiClient) -> None:
    sent = {
        "key": "Tokens",
        "name": "",
        "aggregation": "sum",
        "dimensions": {"Model": "model", "kind": ".."},
        "filter": {"kind": [], "a..b": ["x"], "region": ["eu", 7], "zone": "eu"},
        "unit": 1,
        "strict": "yes",
        "count_from": "2026-01-01",
        "status": "active",
    }
    assert faults_of(client.post(METERS, sent)) == {
        *("/key", "/name", "/event_type", "/value", "/dimensions/Model", "/dimensions/kind"),
        *("/filter/kind", "/filter/a..b", "/filter/region/1", "/filter/zone"),
        *("/unit", "/strict", "/count_from", "/status"),
    }
    assert keys(client) == []


def test_a_value_is_not_judged_by_an_aggregation_that_does_not_exist(client: ApiClient) -> None:
    assert faults_of(client.post(METERS, {**CALLS, "aggregation": "median"})) == {"/aggregation"}


@pytest.mark.parametrize(
    "path", ["", ".", "a.", ".a", "a..b", "a\x00b", "a\x85b", "a\u2028", ".".join("a" * 16), "a" * 101, 7, ["a"]]
)
def test_a_path_is_names_joined_by_points(client: ApiClient, path: Any) -> None:
    assert faults_of(client.post(METERS, {**TOKENS, "value": path})) == {"/value"}


@pytest.mark.parametrize("path", ["a", "a.b.c", ".".join("a" * 15), "a" * 100, "größe", "a b", "a#b/c", "0"])
def test_any_other_path_is_kept_as_it_is(client: ApiClient, path: str) -> None:
    assert client.post(METERS, {**TOKENS, "value": path}).json_body["value"] == path


@pytest.mark.parametrize(
    ("change", "places"),
    [
        ({"dimensions": {f"d{number}": "v" for number in range(17)}}, {"/dimensions"}),
        ({"filter": {f"f{number}": ["v"] for number in range(17)}}, {"/filter"}),
        ({"filter": {"kind": [str(number) for number in range(101)]}}, {"/filter/kind"}),
        ({"filter": {"kind": ["x" * 201]}}, {"/filter/kind/0"}),
        ({"filter": {"kind": ["a\nb"]}}, {"/filter/kind/0"}),
        ({"event_type": "x" * 256}, {"/event_type"}),
        ({"unit": "x" * 201}, {"/unit"}),
        ({"count_from": "2026-01-01T00:00:00"}, {"/count_from"}),
    ],
)
def test_beyond_its_limits_a_definition_is_refused(client: ApiClient, change: dict[str, Any], places: set[str]) -> None:
    assert faults_of(client.post(METERS, {**TOKENS, **change})) == places


@pytest.mark.parametrize(
    "change",
    [
        {"dimensions": {f"d{number}": "v" for number in range(16)}},
        {"filter": {f"f{number}": ["v"] for number in range(16)}},
        {"filter": {"kind": [str(number) for number in range(100)]}},
        {"filter": {"kind": ["x" * 200, ""]}},
        {"event_type": "x" * 255},
        {"event_type": "com.example/inference#1"},
        {"unit": None, "count_from": None, "dimensions": {}, "filter": {}},
    ],
)
def test_up_to_its_limits_a_definition_is_accepted(client: ApiClient, change: dict[str, Any]) -> None:
    assert client.post(METERS, {**TOKENS, **change}).status_code == 201


def test_a_definition_as_a_whole_has_a_size_that_every_process_can_keep(client: ApiClient) -> None:
    values = ["x" * 190 + str(number) for number in range(100)]
    assert client.post(METERS, {**TOKENS, "filter": {"a": values}}).status_code == 201
    assert code_of(client.post(METERS, {**CALLS, "filter": {"a": values, "b": values}})) == "too-large"
    assert keys(client) == ["tokens"]


def test_a_filter_names_a_dimension_or_else_a_path(client: ApiClient) -> None:
    client.post(METERS, {**TOKENS, "filter": {"model": ["a"], "request.model": ["b"]}})
    filters = service.meter_catalog().meters["tokens"].filters
    assert {one.name: one.path for one in filters} == {
        "model": ("request", "model"),
        "request.model": ("request", "model"),
    }


def test_a_meter_counts_from_no_later_than_now(client: ApiClient) -> None:
    ahead = format_instant(NOON + timedelta(microseconds=1))
    assert faults_of(client.post(METERS, {**CALLS, "count_from": ahead})) == {"/count_from"}
    assert client.post(METERS, {**CALLS, "count_from": format_instant(NOON)}).status_code == 201


@pytest.mark.parametrize("first", [CALLS, TOKENS])
def test_the_same_definition_again_answers_with_the_existing_meter(
    client: ApiClient, clock: Clock, first: dict[str, Any]
) -> None:
    created = client.post(METERS, first)
    clock.set(NOON + timedelta(days=2000))
    admin = client.as_holder_of(client.make_key("admin"))
    again = admin.post(METERS, {**first, "strict": first.get("strict", False)})
    assert (again.status_code, again.json_body) == (200, created.json_body)


def test_the_order_of_values_and_names_makes_no_other_definition(client: ApiClient) -> None:
    client.post(METERS, TOKENS)
    turned = {
        **TOKENS,
        "dimensions": {"kind": "kind", "model": "request.model"},
        "filter": {"request.region": ["eu"], "kind": ["input", "output", "input"]},
    }
    assert client.post(METERS, turned).status_code == 200


@pytest.mark.parametrize(
    "other",
    [
        {"name": "Other"},
        {"event_type": "other"},
        {"aggregation": "max"},
        {"value": "other"},
        {"dimensions": {"model": "request.model"}},
        {"filter": {"kind": ["output"], "request.region": ["eu"]}},
        {"unit": None},
        {"strict": False},
        {"count_from": "2026-01-01T00:15:00Z"},
    ],
)
def test_another_definition_under_a_key_is_a_conflict(client: ApiClient, other: dict[str, Any]) -> None:
    created = client.post(METERS, TOKENS).json_body
    assert code_of(client.post(METERS, {**TOKENS, **other})) == "already-exists"
    assert client.get(f"{METERS}/tokens").json_body == created


def test_of_two_who_create_the_same_meter_one_is_told_that_it_exists(client: ApiClient, storage: Storage) -> None:
    storage.before_write(lambda: client.post(METERS, CALLS))
    assert client.post(METERS, CALLS).status_code == 200
    assert client.get(f"{METERS}/calls").json_body["version"] == 1


def test_of_two_who_define_a_key_differently_one_is_refused(client: ApiClient, storage: Storage) -> None:
    storage.before_write(lambda: client.post(METERS, {**CALLS, "name": "First"}))
    assert code_of(client.post(METERS, CALLS)) == "already-exists"
    assert client.get(f"{METERS}/calls").json_body["name"] == "First"


def test_two_meters_created_at_once_get_versions_of_their_own(client: ApiClient, storage: Storage) -> None:
    storage.before_write(lambda: client.post(METERS, CALLS))
    created = client.post(METERS, TOKENS)
    assert (created.status_code, created.json_body["version"]) == (201, 2)
    catalog = service.meter_catalog()
    assert (catalog.version, sorted(catalog.meters)) == (2, ["calls", "tokens"])


def test_a_change_is_of_name_and_unit_and_null_clears_the_unit(client: ApiClient) -> None:
    created = client.post(METERS, TOKENS).json_body
    changed = client.patch(f"{METERS}/tokens", {"name": "All tokens", "unit": None})
    assert changed.json_body == {**created, "name": "All tokens", "unit": None}
    assert client.patch(f"{METERS}/tokens", {"unit": "kilotokens"}).json_body["name"] == "All tokens"
    assert service.meter_catalog().meters["tokens"].unit == "kilotokens"


@pytest.mark.parametrize("field", [*sorted(TOKENS.keys() - {"name", "unit"}), "status", "archived_at"])
def test_a_definition_never_changes(client: ApiClient, field: str) -> None:
    created = client.post(METERS, TOKENS).json_body
    response = client.patch(f"{METERS}/tokens", {"unit": "x", field: created[field]})
    assert faults_of(response) == {f"/{field}"}
    assert client.get(f"{METERS}/tokens").json_body == created


def test_a_name_cannot_be_cleared(client: ApiClient) -> None:
    client.post(METERS, CALLS)
    for name in (None, "", " "):
        assert faults_of(client.patch(f"{METERS}/calls", {"name": name})) == {"/name"}


def test_two_changes_at_once_are_both_kept(client: ApiClient, storage: Storage) -> None:
    client.post(METERS, CALLS)
    storage.before_write(lambda: client.patch(f"{METERS}/calls", {"name": "New"}))
    changed = client.patch(f"{METERS}/calls", {"unit": "calls"}).json_body
    assert (changed["name"], changed["unit"]) == ("New", "calls")


def test_a_change_of_name_does_not_undo_an_archiving_at_the_same_time(client: ApiClient, storage: Storage) -> None:
    client.post(METERS, CALLS)
    storage.before_write(lambda: client.post(f"{METERS}/calls/archive"))
    assert client.patch(f"{METERS}/calls", {"name": "New"}).json_body["status"] == "archived"


def test_an_archived_meter_says_since_when_and_stays_so(client: ApiClient, clock: Clock) -> None:
    client.post(METERS, CALLS)
    archived = client.post(f"{METERS}/calls/archive")
    assert archived.status_code == 200
    assert (archived.json_body["status"], archived.json_body["archived_at"]) == ("archived", "2026-01-15T12:00:00Z")
    assert archived.json_body["version"] == 2
    clock.set(NOON + timedelta(hours=1))
    assert client.post(f"{METERS}/calls/archive").json_body == archived.json_body
    assert service.meter_catalog().version == 2


def test_archiving_at_the_same_time_ends_a_meter_once(client: ApiClient, storage: Storage) -> None:
    client.post(METERS, CALLS)
    storage.before_write(lambda: client.post(f"{METERS}/calls/archive"))
    assert client.post(f"{METERS}/calls/archive").json_body["version"] == 2


def test_an_archived_meter_can_be_renamed_but_not_defined_anew(client: ApiClient) -> None:
    client.post(METERS, CALLS)
    client.post(f"{METERS}/calls/archive")
    assert client.patch(f"{METERS}/calls", {"name": "Old calls"}).status_code == 200
    assert code_of(client.post(METERS, {**CALLS, "event_type": "other"})) == "already-exists"


def test_the_unknown_is_not_found(client: ApiClient) -> None:
    for response in (
        client.get(f"{METERS}/nothing"),
        client.patch(f"{METERS}/nothing", {"name": "A"}),
        client.post(f"{METERS}/nothing/archive"),
        client.get(f"{METERS}/%23version"),
    ):
        assert code_of(response) == "not-found"


def test_meters_are_listed_by_key_page_by_page(client: ApiClient) -> None:
    for key in ("c", "a", "b", "a-b"):
        client.post(METERS, {**CALLS, "key": key})
    assert keys(client) == ["a", "a-b", "b", "c"]
    first = client.get(METERS, limit=2).json_body
    assert keys(client, limit=2, cursor=first["next_cursor"]) == ["b", "c"]
    assert client.get(METERS, limit=4).json_body["next_cursor"] is None


def test_with_events_possibly_stored_a_new_meter_is_counting(client: ApiClient) -> None:
    create_organization(client)
    assert client.post(METERS, CALLS).json_body["status"] == "counting"
    service.finish_counting(service.meter_catalog().version)
    assert client.get(f"{METERS}/calls").json_body["status"] == "active"


def test_an_organization_that_comes_first_makes_a_new_meter_count(client: ApiClient, storage: Storage) -> None:
    storage.before_write(lambda: create_organization(client))
    assert client.post(METERS, CALLS).json_body["status"] == "counting"


def test_a_meter_that_is_archived_while_counting_is_still_counted(client: ApiClient) -> None:
    create_organization(client)
    client.post(METERS, CALLS)
    client.post(f"{METERS}/calls/archive")
    service.finish_counting(1)
    assert not service.meter_catalog().meters["calls"].counted
    service.finish_counting(2)
    assert service.meter_catalog().meters["calls"].counted


def test_there_are_at_most_so_many_meters(client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_METERS", 2)
    assert client.post(METERS, CALLS).status_code == 201
    assert client.post(METERS, TOKENS).status_code == 201
    assert code_of(client.post(METERS, {**CALLS, "key": "third"})) == "conflict"
    assert client.post(METERS, CALLS).status_code == 200
    assert keys(client) == ["calls", "tokens"]


@pytest.mark.parametrize("role", ["read", "ingest"])
@pytest.mark.parametrize("organization", [None, "acme"])
def test_only_unbound_admins_change_meters(client: ApiClient, role: str, organization: str | None) -> None:
    create_organization(client)
    client.post(METERS, CALLS)
    caller = client.as_holder_of(client.make_key(role, organization))
    for holder in (caller, client.as_holder_of(client.make_key("admin", "acme"))):
        assert code_of(holder.post(METERS, TOKENS)) == "forbidden"
        assert code_of(holder.patch(f"{METERS}/calls", {"name": "A"})) == "forbidden"
        assert code_of(holder.post(f"{METERS}/calls/archive")) == "forbidden"
    assert client.get(f"{METERS}/calls").json_body["version"] == 1


def test_whoever_sends_events_or_is_bound_to_nobody_sees_all_meters(client: ApiClient) -> None:
    create_organization(client)
    client.post(METERS, CALLS)
    for role, organization in [("read", None), ("ingest", None), ("ingest", "acme"), ("admin", "acme")]:
        caller = client.as_holder_of(client.make_key(role, organization))
        assert keys(caller) == ["calls"], role
        assert caller.get(f"{METERS}/calls").status_code == 200


def test_an_organizations_own_readers_see_the_meters_that_its_plans_price(client: ApiClient) -> None:
    create_organization(client)
    for key in ("calls", "idle", "tokens"):
        client.post(METERS, {**CALLS, "key": key})
    link = client.post("/v1/organizations/acme/portal-links").json_body["url"]
    own = client.as_holder_of(client.make_key("read", "acme"))
    for reader in (own, client.as_holder_of(link.partition("#token=")[2])):
        assert keys(reader) == []
        assert reader.get(f"{METERS}/calls").body == reader.get(f"{METERS}/nothing").body
    subscribe("acme", "2026-01-01T00:00:00Z", meters=["tokens", "calls"])
    for reader in (own, client.as_holder_of(link.partition("#token=")[2])):
        assert keys(reader) == ["calls", "tokens"]
        assert keys(reader, limit=1) == ["calls"]
        assert reader.get(f"{METERS}/calls").status_code == 200
        assert code_of(reader.get(f"{METERS}/idle")) == "not-found"


def test_a_refused_or_repeated_definition_changes_no_version(client: ApiClient) -> None:
    client.post(METERS, CALLS, headers={"Idempotency-Key": "1"})
    before = service.meter_catalog()
    client.post(METERS, CALLS, headers={"Idempotency-Key": "1"})
    client.post(METERS, CALLS)
    client.post(METERS, {**CALLS, "name": "B"})
    client.post(METERS, {**TOKENS, "value": ""})
    assert service.meter_catalog() == before
