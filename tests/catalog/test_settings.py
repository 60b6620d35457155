"""Settings over HTTP: the whole is replaced, and what is left out goes back to its default."""

from typing import Any

import pytest

from chalicelib.catalog import service
from chalicelib.catalog.logo import Logo
from tests.catalog.conftest import Storage
from tests.catalog.pictures import JPEG, png, uri
from tests.catalog.problems import code_of, faults_of
from tests.client import ApiClient

DEFAULTS = {
    "seller": {"legal_name": None, "address": None, "tax_id": None, "logo": None},
    "late_limit_days": 35,
    "create_unknown_organizations": False,
}
SET = {
    "seller": {"legal_name": "Cloud GmbH", "address": "Weg 1\nBerlin", "tax_id": "DE1", "logo": None},
    "late_limit_days": 400,
    "create_unknown_organizations": True,
}


def test_nothing_set_is_all_defaults(client: ApiClient) -> None:
    assert client.get("/v1/settings").json_body == DEFAULTS


def test_what_was_put_is_shown_and_what_is_left_out_is_at_its_default_again(client: ApiClient) -> None:
    assert client.put("/v1/settings", SET).json_body == SET
    assert client.get("/v1/settings").json_body == SET
    assert client.put("/v1/settings", {"seller": {"tax_id": "DE2"}}).json_body == {
        **DEFAULTS,
        "seller": {"legal_name": None, "address": None, "tax_id": "DE2", "logo": None},
    }


def test_other_domains_read_what_was_put(client: ApiClient) -> None:
    client.put("/v1/settings", SET)
    read = service.get_settings()
    assert (read.late_limit_days, read.create_unknown_organizations) == (400, True)
    assert (read.seller.legal_name, read.seller.address, read.seller.tax_id) == ("Cloud GmbH", "Weg 1\nBerlin", "DE1")


@pytest.mark.parametrize(("days", "status"), [(1, 200), (400, 200), (0, 422), (401, 422), ("35", 422), (35.5, 422)])
def test_the_late_limit_is_1_to_400_whole_days(client: ApiClient, days: Any, status: int) -> None:
    assert client.put("/v1/settings", {"late_limit_days": days}).status_code == status


def test_every_fault_is_named_at_once_and_changes_nothing(client: ApiClient) -> None:
    client.put("/v1/settings", SET)
    sent = {
        "seller": {"legal_name": "", "address": "a\x00", "vat": "1"},
        "late_limit_days": None,
        "create_unknown_organizations": "yes",
        "currency": "USD",
    }
    assert faults_of(client.put("/v1/settings", sent)) == {
        *("/seller/legal_name", "/seller/address", "/seller/vat"),
        *("/late_limit_days", "/create_unknown_organizations", "/currency"),
    }
    assert client.get("/v1/settings").json_body == SET


def test_readers_see_settings_and_only_admins_replace_them(client: ApiClient) -> None:
    reader = client.as_holder_of(client.make_key("read"))
    assert reader.get("/v1/settings").json_body == DEFAULTS
    assert code_of(reader.put("/v1/settings", SET)) == "forbidden"
    assert code_of(client.as_holder_of(client.make_key("ingest")).get("/v1/settings")) == "forbidden"


def test_bound_callers_neither_see_nor_replace_settings(client: ApiClient) -> None:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme"})
    bound = client.as_holder_of(client.make_key("admin", "acme"))
    assert code_of(bound.get("/v1/settings")) == "forbidden"
    assert code_of(bound.put("/v1/settings", SET)) == "forbidden"
    assert client.get("/v1/settings").json_body == DEFAULTS


def test_a_logo_is_shown_given_to_documents_and_gone_when_it_is_left_out(client: ApiClient) -> None:
    for content, kind in ((png(), "png"), (JPEG, "jpeg")):
        put = client.put("/v1/settings", {"seller": {"logo": uri(content, kind)}})
        assert put.json_body["seller"]["logo"] == uri(content, kind)
        assert client.get("/v1/settings").json_body == put.json_body
        assert service.find_logo() == Logo(f"image/{kind}", content)
    client.put("/v1/settings", SET)
    assert client.get("/v1/settings").json_body == SET
    assert service.find_logo() is None


def test_a_logo_that_is_none_is_refused_with_its_reason_and_the_old_one_stays(client: ApiClient) -> None:
    client.put("/v1/settings", {"seller": {"logo": uri(png())}})
    for sent in (uri(b"<svg/>"), uri(png(2001, 1)), "x", 1, {"uri": uri(png())}):
        refused = client.put("/v1/settings", {"seller": {"logo": sent, "legal_name": "Other"}})
        assert faults_of(refused) == {"/seller/logo"}
    assert client.get("/v1/settings").json_body["seller"] == {**DEFAULTS["seller"], "logo": uri(png())}  # type: ignore[dict-item]


def test_settings_and_logo_are_replaced_in_one_transaction(client: ApiClient, storage: Storage) -> None:
    client.put("/v1/settings", {"seller": {"logo": uri(png())}})
    client.put("/v1/settings", SET)
    assert [one for one in storage.operations if one.startswith(("Put", "Delete", "Update", "Transact"))] == [
        "TransactWriteItems",
        "TransactWriteItems",
    ]


def test_who_reads_the_settings_alone_does_not_read_the_logo(client: ApiClient) -> None:
    client.put("/v1/settings", {"seller": {"logo": uri(png())}})
    assert "logo" not in str(service.get_settings())
