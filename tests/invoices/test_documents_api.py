"""Documents over HTTP: their types and headers, who may read them, and the logo of today."""

import base64
from datetime import datetime
from typing import Any

import pytest
from chalice.test import HTTPResponse

from chalicelib.invoices import invoice_service
from chalicelib.invoices.document_html import CONTENT_SECURITY_POLICY
from chalicelib.invoices.invoice_service import InvoiceDocument
from chalicelib.shared.errors import NotFound
from tests.catalog.pictures import png, uri
from tests.catalog.problems import code_of
from tests.client import ApiClient
from tests.invoices.documents import BERLIN, Json, invoice

PDF = {"Accept": "application/pdf"}
OF_ACME = "/v1/invoices/inv_acme.1"


class Stored:
    """Stands for the invoices: one of acme, and what was asked."""

    def __init__(self) -> None:
        self.json: Json = invoice()
        self.asked: list[tuple[str, str | None]] = []

    def get(self, invoice_id: str, *, bound_to: str | None, now: datetime) -> InvoiceDocument:
        del now
        self.asked.append((invoice_id, bound_to))
        if invoice_id != self.json["id"] or bound_to not in (None, "acme"):
            raise NotFound("There is no such invoice.")
        return InvoiceDocument(self.json, BERLIN)


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> Stored:
    made = Stored()
    monkeypatch.setattr(invoice_service, "get_invoice_document", made.get)
    return made


def read(client: ApiClient, kind: str, path: str = OF_ACME) -> HTTPResponse:
    return client.get(f"{path}/{kind}", headers=PDF if kind == "pdf" else {})


def header(response: HTTPResponse, name: str) -> str:
    found: dict[str, Any] = {key.lower(): value for key, value in response.headers.items()}
    return str(found[name])


def test_the_page_comes_with_its_policy(client: ApiClient, stored: Stored) -> None:
    response = read(client, "html")
    assert response.status_code == 200
    assert header(response, "content-type") == "text/html; charset=utf-8"
    assert header(response, "content-security-policy") == CONTENT_SECURITY_POLICY
    assert response.body.decode().startswith("<!DOCTYPE html>")
    assert "ACME-000001" in response.body.decode()


def test_the_pdf_comes_in_base64_as_lambda_carries_it(client: ApiClient, stored: Stored) -> None:
    response = read(client, "pdf")
    assert response.status_code == 200
    assert header(response, "content-type") == "application/pdf"
    assert header(response, "content-disposition") == 'inline; filename="ACME-000001.pdf"'
    assert response.body.startswith(b"%PDF-1.7")


def test_a_pdf_is_refused_to_who_does_not_ask_for_its_type(client: ApiClient, stored: Stored) -> None:
    refused = client.get(f"{OF_ACME}/pdf", headers={"Accept": "application/json"})
    assert code_of(refused) == "malformed"


def test_the_csv_is_a_file(client: ApiClient, stored: Stored) -> None:
    response = read(client, "csv")
    assert header(response, "content-type") == "text/csv"
    assert header(response, "content-disposition") == 'attachment; filename="ACME-000001.csv"'
    assert response.body.decode().startswith("line,kind,charge,name,")


def test_a_file_of_a_draft_is_named_by_its_id(client: ApiClient, stored: Stored) -> None:
    stored.json = invoice(number=None, id="inv_acme~1", status="draft", issued_at=None)
    response = read(client, "csv", "/v1/invoices/inv_acme~1")
    assert header(response, "content-disposition") == 'attachment; filename="inv_acme-1.csv"'


@pytest.mark.parametrize("kind", ["html", "pdf", "csv"])
def test_bound_callers_read_their_own_and_ingest_keys_none(client: ApiClient, stored: Stored, kind: str) -> None:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme"})
    client.post("/v1/organizations", {"id": "globex", "name": "Globex"})
    own = client.as_holder_of(client.make_key("read", "acme"))
    assert read(own, kind).status_code == 200
    assert stored.asked[-1] == ("inv_acme.1", "acme")
    other = client.as_holder_of(client.make_key("read", "globex"))
    assert code_of(read(other, kind)) == "not-found"
    assert code_of(read(client.as_holder_of(client.make_key("ingest")), kind)) == "forbidden"
    assert code_of(read(client.as_holder_of(None), kind)) == "unauthenticated"


@pytest.mark.parametrize("kind", ["html", "pdf", "csv"])
def test_what_does_not_exist_is_not_found(client: ApiClient, kind: str) -> None:
    assert code_of(read(client, kind, "/v1/invoices/inv_nobody.1")) == "not-found"


def test_documents_show_the_logo_that_is_set(client: ApiClient, stored: Stored) -> None:
    bare = len(read(client, "pdf").body)
    client.put("/v1/settings", {"seller": {"logo": uri(png(40, 20))}})
    assert base64.b64encode(png(40, 20)).decode() in read(client, "html").body.decode()
    assert len(read(client, "pdf").body) > bare
