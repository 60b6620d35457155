"""Organizations over HTTP: created once, found by name, changed but for what stored days and amounts rest on."""

from typing import Any

import pytest

from chalicelib.catalog import service
from tests.catalog.conftest import Storage
from tests.catalog.problems import code_of, faults_of
from tests.client import ApiClient

ACME = {"id": "acme", "name": "Acme"}
DETAILS = {
    "email": "billing@acme.example",
    "address": "1 Main Street\nSpringfield",
    "legal_name": "Acme, Inc.",
    "tax_id": "DE123456789",
    "purchase_order": "PO-7",
    "invoice_note": "Thank you.",
    "tax_rates": [{"name": "VAT", "percent": "19"}, {"name": "City", "percent": "0.000000000001"}],
}


def create(client: ApiClient, *ids: str) -> None:
    for one in ids:
        assert client.post("/v1/organizations", {"id": one, "name": one}).status_code == 201


def names(client: ApiClient, **query: Any) -> list[str]:
    return [one["id"] for one in client.get("/v1/organizations", **query).json_body["data"]]


def test_an_organization_is_shown_as_it_was_created(client: ApiClient) -> None:
    sent = {**ACME, **DETAILS, "currency": "JPY", "timezone": "Asia/Tokyo"}
    created = client.post("/v1/organizations", sent)
    assert created.status_code == 201
    assert created.json_body == {**sent, "created_at": "2026-01-15T12:00:00Z"}
    assert client.get("/v1/organizations/acme").json_body == created.json_body


def test_currency_and_zone_have_defaults_and_the_rest_is_null(client: ApiClient) -> None:
    shown = client.post("/v1/organizations", ACME).json_body
    assert (shown["currency"], shown["timezone"], shown["tax_rates"]) == ("USD", "UTC", [])
    assert {name for name, value in shown.items() if value is None} == DETAILS.keys() - {"tax_rates"}


def test_the_same_again_answers_with_the_existing_one(client: ApiClient) -> None:
    sent = {**ACME, "tax_rates": [{"name": "VAT", "percent": "19"}]}
    created = client.post("/v1/organizations", sent)
    again = client.post(
        "/v1/organizations", {**sent, "currency": "USD", "tax_rates": [{"name": "VAT", "percent": 19.0}]}
    )
    assert (again.status_code, again.json_body) == (200, created.json_body)


@pytest.mark.parametrize("other", [{"name": "Other"}, {"currency": "EUR"}, {"timezone": "Europe/Berlin"}, DETAILS])
def test_another_body_under_the_same_id_is_a_conflict(client: ApiClient, other: dict[str, Any]) -> None:
    created = client.post("/v1/organizations", ACME)
    assert code_of(client.post("/v1/organizations", {**ACME, **other})) == "already-exists"
    assert client.get("/v1/organizations/acme").json_body == created.json_body


def test_of_two_who_create_the_same_one_is_told_that_it_exists(client: ApiClient, storage: Storage) -> None:
    create(client, "first")
    storage.before_write(lambda: client.post("/v1/organizations", ACME))
    assert client.post("/v1/organizations", ACME).status_code == 200
    assert names(client) == ["acme", "first"]


def test_of_two_who_create_different_ones_under_an_id_one_is_refused(client: ApiClient, storage: Storage) -> None:
    create(client, "first")
    storage.before_write(lambda: client.post("/v1/organizations", {**ACME, "name": "First"}))
    assert code_of(client.post("/v1/organizations", ACME)) == "already-exists"
    assert client.get("/v1/organizations/acme").json_body["name"] == "First"


def test_every_fault_of_a_new_organization_is_named_at_once(client: ApiClient) -> None:
    response = client.post(
        "/v1/organizations",
        {
            "id": "Acme#1",
            "name": " ",
            "currency": "usd",
            "timezone": "Mars/Olympus",
            "email": "acme",
            "address": "x" * 2001,
            "legal_name": 7,
            "tax_id": "a\nb",
            "invoice_note": "a\x00b",
            "tax_rates": [{"name": "VAT", "percent": "100.1"}, {"percent": "1E2", "rate": "1"}],
            "plan": "free",
        },
    )
    assert faults_of(response) == {
        *("/id", "/name", "/currency", "/timezone", "/email", "/address", "/legal_name", "/tax_id", "/invoice_note"),
        *("/tax_rates/0/percent", "/tax_rates/1/name", "/tax_rates/1/percent", "/tax_rates/1/rate", "/plan"),
    }
    assert names(client) == []


def test_names_of_taxes_differ_and_that_is_told_with_the_rest(client: ApiClient) -> None:
    twice = [{"name": "VAT", "percent": "1"}, {"name": "VAT", "percent": "2"}]
    assert faults_of(client.post("/v1/organizations", {"name": "A", "tax_rates": twice})) == {"/id", "/tax_rates"}


@pytest.mark.parametrize("name", ["", "a" * 201, "a\x07", "a\u2028b", "\t"])
def test_a_name_is_one_line_of_1_to_200_characters(client: ApiClient, name: str) -> None:
    assert faults_of(client.post("/v1/organizations", {"id": "acme", "name": name})) == {"/name"}


@pytest.mark.parametrize("name", ["a", "a" * 200, "Łódź & <Co> 💡", "=1+1"])
def test_any_other_name_is_kept_as_it_is(client: ApiClient, name: str) -> None:
    assert client.post("/v1/organizations", {"id": "acme", "name": name}).json_body["name"] == name


@pytest.mark.parametrize("slug", ["", "-a", "_a", "A", "a" * 65, "a#b", "a/b", "a b", "é", "a\n", None, 1])
def test_an_id_that_could_not_stand_in_a_path_is_refused(client: ApiClient, slug: Any) -> None:
    assert faults_of(client.post("/v1/organizations", {"id": slug, "name": "A"})) == {"/id"}


@pytest.mark.parametrize("slug", ["a", "0", "a" * 64, "a-_9"])
def test_any_other_id_can_be_read_back(client: ApiClient, slug: str) -> None:
    create(client, slug)
    assert client.get(f"/v1/organizations/{slug}").json_body["id"] == slug


@pytest.mark.parametrize("currency", ["EUR", "JPY", "BHD", "CLF"])
def test_currencies_in_use_are_accepted(client: ApiClient, currency: str) -> None:
    assert client.post("/v1/organizations", {**ACME, "currency": currency}).status_code == 201


@pytest.mark.parametrize("currency", ["eur", "DEM", "XAU", "XXX", "BTC", "US", "", None, 840])
def test_what_is_no_currency_in_use_is_refused(client: ApiClient, currency: Any) -> None:
    assert faults_of(client.post("/v1/organizations", {**ACME, "currency": currency})) == {"/currency"}


@pytest.mark.parametrize(
    "zone", ["Europe/berlin/x", "../etc/passwd", "/etc/localtime", "CEST", "", "+02:00", "localtime"]
)
def test_what_is_no_time_zone_is_refused(client: ApiClient, zone: str) -> None:
    assert faults_of(client.post("/v1/organizations", {**ACME, "timezone": zone})) == {"/timezone"}


@pytest.mark.parametrize(
    ("percent", "is_fine"),
    [
        ("0", True),
        ("100", True),
        ("8.875", True),
        (7, True),
        ("-0.1", False),
        ("100.000000000001", False),
        ("1.0000000000001", False),
        ("NaN", False),
        ("٣", False),
        ("1_0", False),
        (None, False),
        (True, False),
    ],
)
def test_a_tax_is_0_to_100_percent_exactly(client: ApiClient, percent: Any, is_fine: bool) -> None:
    response = client.post("/v1/organizations", {**ACME, "tax_rates": [{"name": "VAT", "percent": percent}]})
    if is_fine:
        assert response.json_body["tax_rates"] == [{"name": "VAT", "percent": str(percent)}]
    else:
        assert faults_of(response) == {"/tax_rates/0/percent"}


@pytest.mark.parametrize(("count", "status"), [(10, 201), (11, 422)])
def test_an_organization_has_at_most_10_taxes(client: ApiClient, count: int, status: int) -> None:
    rates = [{"name": f"tax {number}", "percent": "1"} for number in range(count)]
    assert client.post("/v1/organizations", {**ACME, "tax_rates": rates}).status_code == status


@pytest.mark.parametrize("email", ["a@b", "a b@c.de", "@c.de", "a@@c.de", "a@c.de\n", "a@" + "b" * 300 + ".de", ""])
def test_an_address_without_the_shape_of_one_is_refused(client: ApiClient, email: str) -> None:
    assert faults_of(client.post("/v1/organizations", {**ACME, "email": email})) == {"/email"}


@pytest.mark.parametrize("field", ["currency", "timezone"])
@pytest.mark.parametrize("value", ["USD", "UTC", "EUR", None])
def test_currency_and_time_zone_never_change(client: ApiClient, field: str, value: str | None) -> None:
    created = client.post("/v1/organizations", ACME).json_body
    response = client.patch("/v1/organizations/acme", {"name": "New", field: value})
    assert faults_of(response) == {f"/{field}"}
    assert response.json_body["errors"][0]["detail"] == "never changes"
    assert client.get("/v1/organizations/acme").json_body == created


def test_a_change_changes_what_it_names_and_null_clears(client: ApiClient) -> None:
    created = client.post("/v1/organizations", {**ACME, **DETAILS}).json_body
    changed = client.patch("/v1/organizations/acme", {"name": "Acme Two", "email": None, "tax_rates": None})
    assert changed.json_body == {**created, "name": "Acme Two", "email": None, "tax_rates": []}
    assert client.get("/v1/organizations/acme").json_body == changed.json_body


def test_a_name_cannot_be_cleared_nor_an_id_changed(client: ApiClient) -> None:
    create(client, "acme")
    assert faults_of(client.patch("/v1/organizations/acme", {"name": None, "id": "other"})) == {"/name", "/id"}
    assert faults_of(client.patch("/v1/organizations/acme", {"name": "", "created_at": None})) == {
        "/name",
        "/created_at",
    }


def test_a_change_that_meets_another_loses_none_of_the_two(client: ApiClient, storage: Storage) -> None:
    create(client, "acme")
    storage.before_write(lambda: client.patch("/v1/organizations/acme", {"email": "a@b.de"}))
    client.patch("/v1/organizations/acme", {"legal_name": "Acme, Inc."})
    shown = client.get("/v1/organizations/acme").json_body
    assert (shown["email"], shown["legal_name"]) == ("a@b.de", "Acme, Inc.")


def test_a_renamed_organization_is_found_by_its_new_name_only(client: ApiClient) -> None:
    create(client, "acme")
    client.patch("/v1/organizations/acme", {"name": "Zenith"})
    assert names(client, q="zen") == ["acme"]
    assert names(client, q="acm") == []


def test_the_unknown_is_not_found(client: ApiClient) -> None:
    assert code_of(client.get("/v1/organizations/nobody")) == "not-found"
    assert code_of(client.patch("/v1/organizations/nobody", {"name": "A"})) == "not-found"
    assert code_of(client.post("/v1/organizations/nobody/portal-links")) == "not-found"


def test_organizations_are_listed_by_name_in_any_case(client: ApiClient) -> None:
    for one, name in [("a", "zeta"), ("b", "Alpha"), ("c", "alpha"), ("d", "beta")]:
        client.post("/v1/organizations", {"id": one, "name": name})
    assert names(client) == ["b", "c", "d", "a"]


def test_a_search_finds_the_beginning_of_the_name_and_the_whole_id(client: ApiClient) -> None:
    for one, name in [("x1", "Alpha One"), ("x2", "ALPHA two"), ("alpha", "Beta"), ("x3", "The Alpha")]:
        client.post("/v1/organizations", {"id": one, "name": name})
    assert names(client, q="ALPHA") == ["x1", "x2"]
    assert names(client, q="alpha") == ["alpha", "x1", "x2"]
    assert names(client, q="x3") == ["x3"]
    assert names(client, q="x") == []
    assert names(client, q="beta") == ["alpha"]


@pytest.mark.parametrize(
    ("name", "search"),
    [
        ("Straße", "STRASSE"),
        ("ÉCLAIR", "e\u0301cl"),
        ("İstanbul", "i\u0307st"),
        ("ΣΟΦΟΣ", "σοφος"),
        ("a#b", "a#"),
        ("-", "-"),
    ],
)
def test_a_search_knows_no_case_and_no_way_to_compose_an_accent(client: ApiClient, name: str, search: str) -> None:
    client.post("/v1/organizations", {"id": "acme", "name": name})
    assert names(client, q=search) == ["acme"]
    assert names(client, q=name) == ["acme"]


def test_a_shorter_name_comes_before_those_that_begin_with_it(client: ApiClient) -> None:
    for one, name in [("z", "Acme"), ("a", "Acme Two"), ("b", "Acme!")]:
        client.post("/v1/organizations", {"id": one, "name": name})
    assert names(client) == ["z", "a", "b"]


def test_a_search_does_not_reach_from_the_name_into_the_id(client: ApiClient) -> None:
    client.post("/v1/organizations", {"id": "one", "name": "Acme"})
    assert names(client, q="acme#o") == []


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_pages_of_any_size_hold_everything_once(client: ApiClient, limit: int) -> None:
    create(client, "a1", "a2", "a3", "a4")
    client.post("/v1/organizations", {"id": "a", "name": "Other"})
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(5):
        page = client.get("/v1/organizations", q="a", limit=limit, **cursor).json_body
        assert len(page["data"]) <= limit
        seen += [one["id"] for one in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert (seen, page["next_cursor"]) == (["a", "a1", "a2", "a3", "a4"], None)


def test_a_cursor_continues_only_its_own_search(client: ApiClient) -> None:
    create(client, "a1", "a2", "b1")
    cursor = client.get("/v1/organizations", q="a", limit=1).json_body["next_cursor"]
    assert names(client, q="a", cursor=cursor, limit=2) == ["a2"]
    assert code_of(client.get("/v1/organizations", cursor=cursor)) == "invalid-cursor"
    assert code_of(client.get("/v1/organizations", q="b", cursor=cursor)) == "invalid-cursor"
    assert code_of(client.get("/v1/meters", cursor=cursor)) == "invalid-cursor"
    assert code_of(client.get("/v1/organizations", q="a", cursor=cursor[:-1])) == "invalid-cursor"


def test_cursors_hold_the_longest_names(client: ApiClient) -> None:
    for one in ("a", "b"):
        client.post("/v1/organizations", {"id": one, "name": "💡" * 200})
    cursor = client.get("/v1/organizations", limit=1).json_body["next_cursor"]
    assert names(client, cursor=cursor) == ["b"]


@pytest.mark.parametrize("name", ["q", "limit", "name"])
def test_parameters_are_strict(client: ApiClient, name: str) -> None:
    assert faults_of(client.get("/v1/organizations", **{name: ""})) == {f"/query/{name}"}


def test_a_bound_caller_sees_its_own_organization_and_no_other(client: ApiClient) -> None:
    create(client, "acme", "other")
    bound = client.as_holder_of(client.make_key("read", "acme"))
    assert bound.get("/v1/organizations/acme").status_code == 200
    theirs, unknown = bound.get("/v1/organizations/other"), bound.get("/v1/organizations/nobody")
    assert theirs.json_body == unknown.json_body
    assert code_of(theirs) == "not-found"
    assert code_of(bound.get("/v1/organizations")) == "forbidden"


def test_only_admins_change_anything(client: ApiClient) -> None:
    create(client, "acme")
    for role in ("read", "ingest"):
        caller = client.as_holder_of(client.make_key(role))
        assert code_of(caller.post("/v1/organizations", {"id": "b", "name": "B"})) == "forbidden"
        assert code_of(caller.patch("/v1/organizations/acme", {"name": "B"})) == "forbidden"
        assert code_of(caller.post("/v1/organizations/acme/portal-links")) == "forbidden"
    bound = client.as_holder_of(client.make_key("admin", "acme"))
    assert code_of(bound.post("/v1/organizations", {"id": "b", "name": "B"})) == "forbidden"
    assert bound.patch("/v1/organizations/acme", {"name": "B"}).status_code == 200
    assert code_of(bound.patch("/v1/organizations/b", {"name": "B"})) == "not-found"


def test_a_repeated_request_with_its_key_gets_the_first_answer(client: ApiClient) -> None:
    headers = {"Idempotency-Key": "1"}
    first = client.post("/v1/organizations", ACME, headers=headers)
    again = client.post("/v1/organizations", ACME, headers=headers)
    assert (again.status_code, again.body) == (201, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert [one.id for one in service.find_organizations(["acme"]).values()] == ["acme"]
