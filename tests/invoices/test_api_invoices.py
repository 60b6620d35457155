"""The routes of invoices: what each answers, what it refuses and where, and that repeating changes nothing."""

import json
import random
from typing import Any

import pytest

from tests.client import ApiClient
from tests.invoices.driving import (
    CENT,
    INVOICES,
    act,
    add_meter,
    add_organization,
    add_plan,
    body_of,
    fee,
    invoice,
    lines,
    listed,
    refused,
    run,
    sell,
    send,
    set_clock,
    subscribe,
)
from tests.usage.sent import everything

SUPPORT = fee("support", "10.00", "arrears")
REASON = {"reason": "wrong"}
PAYMENT = {"amount": "4.00", "reference": "r1"}
NOTE: dict[str, Any] = {"lines": [{"line": "fee-support", "amount": "4.00"}], "reason": "goodwill", "to": "credit"}
CONFLICT, NOT_FOUND = (409, "conflict", set[str]()), (404, "not-found", set[str]())


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    set_clock("2026-01-01")
    client.put("/v1/settings", {"seller": {"legal_name": "Example Ltd", "address": "1 Road", "tax_id": "X1"}})
    add_organization(client, tax_rates=[{"name": "VAT", "percent": "19"}], legal_name="Acme Inc")
    add_meter(client)
    add_plan(client, [CENT, SUPPORT], net_days=14)
    return client


@pytest.fixture
def issued(api: ApiClient) -> ApiClient:
    """The invoice of January, 10.00 and 1.90 of tax, was issued at the end of its grace."""
    subscribe(api)
    assert run(api, "run_billing", "2026-02-02")["finalized"] == 1
    return api


def wrong(issued: ApiClient, action: str, body: Any, *, name: str = "1p0.0") -> set[str]:
    """List the places of the faults of a body, which changes nothing."""
    before = everything()
    status, code, places = refused(act(issued, name, action, body))
    assert (status, code) == (422, "invalid-input")
    assert everything() == before
    return places


def test_an_invoice_has_every_field_of_the_contract(issued: ApiClient) -> None:
    shown = invoice(issued, "1p0.0")
    head = {name: value for name, value in shown.items() if name not in ("lines", "seller", "buyer", "ledger_head")}
    assert head == {
        "id": "inv_acme.1p0.0",
        "number": "ACME-000001",
        "organization": "acme",
        "status": "finalized",
        "payment_status": "unpaid",
        "currency": "USD",
        "period": {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"},
        "issued_at": "2026-02-02T00:00:00Z",
        "due_at": "2026-02-17T00:00:00Z",
        "finalizes_at": "2026-02-02T00:00:00Z",
        "subtotal": "10.00",
        "discount": "0.00",
        "credits_applied": "0.00",
        "tax": "1.90",
        "taxes": [{"name": "VAT", "percent": "19", "amount": "1.90"}],
        "total": "11.90",
        "amount_paid": "0.00",
        "amount_credited": "0.00",
        "amount_refunded": "0.00",
        "amount_due": "11.90",
        "payments": [],
        "credit_notes": [],
        "void_reason": None,
        "late_usage_until": "2026-03-08T00:00:00Z",
        "plan": {"key": "pro", "version": 1},
        "blocked": [],
        "as_of": "2026-02-02T00:00:00Z",
    }
    assert shown["seller"] == {"legal_name": "Example Ltd", "address": "1 Road", "tax_id": "X1"}
    assert (shown["buyer"]["name"], shown["buyer"]["legal_name"]) == ("acme", "Acme Inc")
    assert lines(shown) == {"fee-support": ("1", "10.00", "10.00")}


def test_the_parties_and_taxes_of_an_invoice_stay_what_they_were(issued: ApiClient) -> None:
    before = issued.get("/v1/invoices/inv_acme.1p0.0").body
    changes = {"legal_name": "Other Inc", "tax_rates": [{"name": "VAT", "percent": "7"}]}
    body_of(issued.patch("/v1/organizations/acme", changes))
    issued.put("/v1/settings", {"seller": {"legal_name": "Elsewhere", "address": None, "tax_id": None}})
    set_clock("2026-02-03")
    assert issued.get("/v1/invoices/inv_acme.1p0.0").body == before
    assert invoice(issued, "1p1.0")["buyer"]["legal_name"] == "Other Inc"


def test_finalizing_by_hand_skips_the_grace_but_not_the_period(api: ApiClient) -> None:
    subscribe(api)
    set_clock("2026-01-31T23:59:59Z")
    assert refused(act(api, "1p0.0", "finalize")) == CONFLICT
    set_clock("2026-02-01")
    done = body_of(act(api, "1p0.0", "finalize"))
    assert (done["status"], done["number"], done["issued_at"]) == ("finalized", "ACME-000001", "2026-02-01T00:00:00Z")
    again = act(api, "1p0.0", "finalize")
    assert (again.status_code, again.json_body) == (200, done)


def test_periods_are_finalized_in_order(api: ApiClient) -> None:
    subscribe(api)
    set_clock("2026-03-01")
    assert refused(act(api, "1p1.0", "finalize")) == CONFLICT
    body_of(act(api, "1p0.0", "finalize"))
    body_of(act(api, "1p1.0", "finalize"))


def test_a_draft_without_lines_is_not_finalized(api: ApiClient) -> None:
    add_plan(api, [CENT], "usage-only")
    subscribe(api, plan="usage-only")
    set_clock("2026-02-01")
    assert refused(act(api, "1p0.0", "finalize")) == CONFLICT


def test_payments_add_up_until_nothing_is_due(issued: ApiClient) -> None:
    first = body_of(act(issued, "1p0.0", "payments", {**PAYMENT, "paid_at": "2026-02-01T10:00:00+01:00"}))
    assert (first["payment_status"], first["amount_paid"], first["amount_due"]) == ("partly_paid", "4.00", "7.90")
    assert first["payments"] == [
        {"id": "pay_1", "amount": "4.00", "paid_at": "2026-02-01T09:00:00Z", "reference": "r1", "reversed": False}
    ]
    more = {"amount": 7.91, "reference": "r2"}
    assert refused(act(issued, "1p0.0", "payments", more)) == CONFLICT
    paid = body_of(act(issued, "1p0.0", "payments", {"amount": 7.9, "reference": "r2"}))
    assert (paid["payment_status"], paid["amount_due"]) == ("paid", "0.00")


def test_a_reference_is_used_once_and_repeating_it_is_the_same_answer(issued: ApiClient) -> None:
    first = act(issued, "1p0.0", "payments", PAYMENT)
    before = everything()
    again = act(issued, "1p0.0", "payments", PAYMENT)
    assert (again.status_code, again.body) == (200, first.body)
    assert refused(act(issued, "1p0.0", "payments", {**PAYMENT, "amount": "5.00"})) == CONFLICT
    assert everything() == before


def test_a_reversed_payment_is_due_again(issued: ApiClient) -> None:
    act(issued, "1p0.0", "payments", PAYMENT)
    shown = body_of(act(issued, "1p0.0", "payments/pay_1/reverse", REASON))
    assert (shown["amount_due"], shown["payments"][0]["reversed"]) == ("11.90", True)
    assert body_of(act(issued, "1p0.0", "payments/pay_1/reverse", REASON)) == shown
    assert refused(act(issued, "1p0.0", "payments/pay_1/reverse", {"reason": "other"})) == CONFLICT
    assert refused(act(issued, "1p0.0", "payments/pay_2/reverse", REASON)) == NOT_FOUND


def test_a_payment_that_cannot_be_is_refused_with_its_places(issued: ApiClient) -> None:
    assert wrong(issued, "payments", {}) == {"/amount", "/reference"}
    assert wrong(issued, "payments", {**PAYMENT, "amount": "1.001"}) == {"/amount"}
    assert wrong(issued, "payments", {**PAYMENT, "amount": "0"}) == {"/amount"}
    assert wrong(issued, "payments", {**PAYMENT, "amount": "-1"}) == {"/amount"}
    assert wrong(issued, "payments", {**PAYMENT, "paid_at": "2026-02-02T00:05:00.000001Z"}) == {"/paid_at"}
    assert wrong(issued, "payments", {**PAYMENT, "reference": "x" * 201}) == {"/reference"}
    body_of(act(issued, "1p0.0", "payments", {**PAYMENT, "paid_at": "2026-02-02T00:05:00Z"}))


def test_an_uncollectible_invoice_can_still_be_paid(issued: ApiClient) -> None:
    assert body_of(act(issued, "1p0.0", "uncollectible", REASON))["payment_status"] == "uncollectible"
    assert refused(act(issued, "1p0.0", "uncollectible", {"reason": "other"})) == CONFLICT
    paid = body_of(act(issued, "1p0.0", "payments", {"amount": "11.90", "reference": "r"}))
    assert paid["payment_status"] == "paid"
    assert refused(act(issued, "1p0.0", "uncollectible", {"reason": "other"})) == CONFLICT


def test_a_credit_note_lowers_what_is_due_with_its_tax(issued: ApiClient) -> None:
    made = body_of(act(issued, "1p0.0", "credit-notes", NOTE), 201)
    assert (made["id"], made["number"], made["invoice_number"]) == ("cn_acme.1", "ACME-CN-000001", "ACME-000001")
    assert (made["net"], made["tax"], made["amount_credited"], made["granted"]) == ("4.00", "0.76", "4.76", "0.00")
    assert body_of(issued.get("/v1/credit-notes/cn_acme.1")) == made
    shown = invoice(issued, "1p0.0")
    assert (shown["amount_credited"], shown["amount_due"], shown["total"]) == ("4.76", "7.14", "11.90")
    assert [note["id"] for note in shown["credit_notes"]] == ["cn_acme.1"]


def test_notes_never_take_back_more_than_a_line(issued: ApiClient) -> None:
    body_of(act(issued, "1p0.0", "credit-notes", NOTE), 201)
    more = {**NOTE, "lines": [{"line": "fee-support", "amount": "6.01"}]}
    assert act(issued, "1p0.0", "credit-notes", more).status_code in (409, 422)
    last = {**NOTE, "lines": [{"line": "fee-support", "amount": "6.00"}]}
    body_of(act(issued, "1p0.0", "credit-notes", last), 201)
    assert invoice(issued, "1p0.0")["payment_status"] == "paid"


def test_a_note_on_what_was_paid_becomes_credit(issued: ApiClient) -> None:
    act(issued, "1p0.0", "payments", {"amount": "11.90", "reference": "r"})
    made = body_of(act(issued, "1p0.0", "credit-notes", NOTE), 201)
    assert (made["granted"], made["refund"], made["amount_credited"]) == ("4.00", "0.00", "0.00")
    [grant] = body_of(issued.get("/v1/organizations/acme/credits/grants"))["data"]
    assert (grant["id"], grant["amount"], grant["priority"], grant["applies_to"]) == (made["grant"], "4.00", 0, "all")


def test_a_credit_note_that_cannot_be_is_refused_with_its_places(issued: ApiClient) -> None:
    line = {"line": "fee-support", "amount": "4.00"}
    assert wrong(issued, "credit-notes", {}) == {"/lines", "/reason", "/to"}
    assert wrong(issued, "credit-notes", {**NOTE, "lines": []}) == {"/lines"}
    assert wrong(issued, "credit-notes", {**NOTE, "to": "cash"}) == {"/to"}
    assert wrong(issued, "credit-notes", {**NOTE, "lines": [{**line, "amount": "1.001"}]}) == {"/lines/0/amount"}
    assert wrong(issued, "credit-notes", {**NOTE, "lines": [{"line": "usage-x", "amount": "1"}]}) == {"/lines/0/line"}
    assert wrong(issued, "credit-notes", {**NOTE, "lines": [{**line, "price": "1"}]}) == {"/lines/0/price"}


def one_off(api: ApiClient, *sold: dict[str, Any], **more: Any) -> Any:
    return api.post(INVOICES, {"lines": list(sold), **more})


def test_a_one_off_invoice_is_issued_at_once_with_todays_taxes(api: ApiClient) -> None:
    set_clock("2026-01-15T12:00:00Z")
    sold = {"name": "Training", "quantity": "1.5", "unit_price": "33.333"}
    made = body_of(one_off(api, sold, {"name": "Free", "quantity": 1, "unit_price": 0}, net_days=7), 201)
    assert (made["id"], made["number"], made["status"], made["plan"]) == (
        "inv_acme.0o1.0",
        "ACME-000001",
        "finalized",
        None,
    )
    assert lines(made) == {"one-off-1": ("1.5", "50.00", "50.00"), "one-off-2": ("1", "0.00", "0.00")}
    assert (made["total"], made["due_at"]) == ("59.50", "2026-01-23T00:00:00Z")
    assert made["period"] == {"start": "2026-01-15T00:00:00Z", "end": "2026-01-16T00:00:00Z"}
    assert invoice(api, "0o1.0") == made


def test_a_one_off_invoice_that_cannot_be_is_refused_with_its_places(api: ApiClient) -> None:
    sold = {"name": "Training", "quantity": 1, "unit_price": 1}
    for body, places in [
        ({}, {"/lines"}),
        ({"lines": []}, {"/lines"}),
        ({"lines": [{**sold, "quantity": 0}]}, {"/lines/0/quantity"}),
        ({"lines": [sold, {**sold, "unit_price": "-1"}]}, {"/lines/1/unit_price"}),
        ({"lines": [{**sold, "name": ""}], "net_days": 366}, {"/lines/0/name", "/net_days"}),
        ({"lines": [{**sold, "tax": 1}], "due": 1}, {"/lines/0/tax", "/due"}),
    ]:
        assert refused(api.post(INVOICES, body)) == (422, "invalid-input", places)
    assert refused(api.post("/v1/organizations/nobody/invoices", {"lines": [sold]})) == NOT_FOUND
    assert listed(api) == []


def test_the_greatest_one_off_amount_is_shown_exactly(api: ApiClient) -> None:
    most = "9" * 18
    made = body_of(one_off(api, {"name": "All", "quantity": most, "unit_price": most}), 201)
    assert made["subtotal"] == f"{int(most) ** 2}.00"
    assert invoice(api, "0o1.0") == made


ACTIONS: list[tuple[str, Any]] = [
    ("payments", PAYMENT),
    ("payments/pay_1/reverse", REASON),
    ("void", REASON),
    ("uncollectible", REASON),
    ("credit-notes", NOTE),
]


@pytest.mark.parametrize(("action", "body"), ACTIONS)
def test_nothing_but_finalizing_can_be_done_with_a_draft(api: ApiClient, action: str, body: Any) -> None:
    subscribe(api)
    assert refused(act(api, "1p0.0", action, body)) == CONFLICT


@pytest.mark.parametrize(("action", "body"), [*ACTIONS, ("finalize", None)])
def test_nothing_can_be_done_with_an_invoice_that_is_none(api: ApiClient, action: str, body: Any) -> None:
    subscribe(api)
    for name in ("1p7.0", "1p0.1", "9p0.0", "0o1.0", "1l0.0", "1a0.0", "x"):
        assert refused(act(api, name, action, body)) == NOT_FOUND, name


def test_nothing_can_be_done_with_a_void_invoice(issued: ApiClient) -> None:
    shown = body_of(act(issued, "1p0.0", "void", REASON))
    assert (shown["status"], shown["payment_status"], shown["void_reason"]) == ("void", None, "wrong")
    for action, body in [*ACTIONS, ("finalize", None)]:
        if action == "void":
            assert body_of(act(issued, "1p0.0", action, body)) == shown
        else:
            assert refused(act(issued, "1p0.0", action, body))[0] in (404, 409), action
    assert refused(act(issued, "1p0.0", "void", {"reason": "other"})) == CONFLICT


def prepared(issued: ApiClient, action: str) -> None:
    if action.endswith("reverse"):
        body_of(act(issued, "1p0.0", "payments", PAYMENT))


@pytest.mark.parametrize(("action", "body"), ACTIONS)
def test_an_idempotency_key_gets_the_first_answer_again_byte_for_byte(
    issued: ApiClient, action: str, body: Any
) -> None:
    prepared(issued, action)
    headers = {"Idempotency-Key": "k1"}
    first = act(issued, "1p0.0", action, body, headers=headers)
    assert first.status_code in (200, 201)
    set_clock("2026-02-02T12:00:00Z")
    before = everything()
    again = act(issued, "1p0.0", action, body, headers=headers)
    assert (again.status_code, again.body, again.headers["Idempotent-Replayed"]) == (
        first.status_code,
        first.body,
        "true",
    )
    name = "reference" if action == "payments" else "reason"
    other = act(issued, "1p0.0", action, {**body, name: "another"}, headers=headers)
    assert refused(other) == (422, "idempotency-key-reused", set())
    assert everything() == before


def test_finalizing_and_one_offs_with_a_key_happen_once(api: ApiClient) -> None:
    subscribe(api)
    set_clock("2026-02-01")
    headers = {"Idempotency-Key": "k1"}
    first, again = (act(api, "1p0.0", "finalize", headers=headers) for _ in range(2))
    assert (first.body, again.headers["Idempotent-Replayed"]) == (again.body, "true")
    body = {"lines": [{"name": "a", "quantity": 1, "unit_price": 1}]}
    first, again = (api.post(INVOICES, body, headers=headers) for _ in range(2))
    assert (first.status_code, first.body) == (201, again.body)
    assert [one["number"] for one in listed(api, status="finalized")] == ["ACME-000002", "ACME-000001"]


def test_an_answer_of_any_size_is_kept_under_its_key(api: ApiClient) -> None:
    chance = random.Random(1)
    names = ["".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(200)) for _ in range(1_000)]
    body = json.dumps({"lines": [{"name": name, "quantity": 1, "unit_price": 1} for name in names]}, ensure_ascii=False)
    for path, sent, status in [
        (INVOICES, body.encode(), 201),
        ("/v1/invoices/inv_acme.0o1.0/payments", {"amount": "1", "reference": "r"}, 200),
    ]:
        first, again = (api.post(path, sent, headers={"Idempotency-Key": "k1"}) for _ in range(2))
        assert (first.status_code, first.body, again.headers["Idempotent-Replayed"]) == (status, again.body, "true")
    assert invoice(api, "0o1.0")["amount_paid"] == "1.00"


def test_a_refusal_is_not_kept_under_its_key(api: ApiClient) -> None:
    subscribe(api)
    headers = {"Idempotency-Key": "k1"}
    assert refused(act(api, "1p0.0", "finalize", headers=headers)) == CONFLICT
    set_clock("2026-02-01")
    assert body_of(act(api, "1p0.0", "finalize", headers=headers))["status"] == "finalized"


def test_an_admin_bound_to_an_organization_acts_on_its_invoices_and_on_no_others(issued: ApiClient) -> None:
    add_organization(issued, "other")
    sell(issued, "other")
    bound = issued.as_holder_of(issued.make_key("admin", "acme"))
    before = everything()
    for action, body in [*ACTIONS, ("finalize", None)]:
        assert refused(bound.post(f"/v1/invoices/inv_other.0o1.0/{action}", body)) == NOT_FOUND
    assert refused(bound.post("/v1/organizations/other/invoices", {"lines": []})) == NOT_FOUND
    assert refused(bound.get("/v1/invoices/inv_other.0o1.0")) == NOT_FOUND
    assert everything() == before
    assert body_of(act(bound, "1p0.0", "payments", PAYMENT))["amount_paid"] == "4.00"


def test_a_reader_changes_nothing(issued: ApiClient) -> None:
    reader = issued.as_holder_of(issued.make_key("read", "acme"))
    for action, body in [*ACTIONS, ("finalize", None)]:
        assert refused(act(reader, "1p0.0", action, body)) == (403, "forbidden", set())
    assert invoice(reader, "1p0.0")["number"] == "ACME-000001"


def test_a_credit_note_of_another_organization_is_not_found(issued: ApiClient) -> None:
    body_of(act(issued, "1p0.0", "credit-notes", NOTE), 201)
    add_organization(issued, "other")
    stranger = issued.as_holder_of(issued.make_key("read", "other"))
    own = issued.as_holder_of(issued.make_key("read", "acme"))
    assert refused(stranger.get("/v1/credit-notes/cn_acme.1")) == NOT_FOUND
    assert refused(issued.get("/v1/credit-notes/cn_acme.2")) == NOT_FOUND
    assert body_of(own.get("/v1/credit-notes/cn_acme.1"))["id"] == "cn_acme.1"


def test_a_yen_invoice_has_no_digits_after_the_point(api: ApiClient) -> None:
    add_organization(api, "tokyo", currency="JPY", timezone="Asia/Tokyo")
    made = body_of(
        api.post("/v1/organizations/tokyo/invoices", {"lines": [{"name": "a", "quantity": 3, "unit_price": "33.5"}]}),
        201,
    )
    assert (made["total"], made["lines"][0]["amount"]) == ("101", "101")
    answer = api.post(f"/v1/invoices/{made['id']}/payments", {"amount": "1.0", "reference": "r"})
    assert body_of(answer)["amount_due"] == "100"
    assert refused(api.post(f"/v1/invoices/{made['id']}/payments", {"amount": "1.5", "reference": "s"}))[2] == {
        "/amount"
    }


def test_a_running_draft_shows_usage_the_whole_fee_and_its_tax(api: ApiClient) -> None:
    subscribe(api)
    set_clock("2026-01-10")
    send(api, "e1", "2026-01-05T00:00:00Z", 250)
    shown = body_of(api.get(f"{INVOICES}/current"))
    assert lines(shown) == {"usage-tokens": ("250", "2.50", "2.50"), "fee-support": ("1", "10.00", "10.00")}
    assert (shown["status"], shown["tax"], shown["total"], shown["amount_due"]) == ("draft", "2.38", "14.88", "14.88")
    assert (shown["number"], shown["issued_at"], shown["due_at"], shown["payment_status"]) == (None, None, None, None)


def test_lines_of_one_charge_never_take_back_more_than_is_left_of_it(client: ApiClient) -> None:
    """Two models of one charge, of which an amend took one away: each line may be noted, both together may not."""
    each = {"model": "per_unit", "unit_price": "0.02"}
    by_model = {"dimension": "model", "prices": {"a": each, "b": each}}
    charge = {name: CENT[name] for name in ("key", "name", "type", "meter")}
    set_clock("2026-01-01")
    add_organization(client)
    add_meter(client)
    add_plan(client, charges=[{**charge, "prices_by": by_model}])
    subscribe(client)
    body_of(client.post("/v1/organizations/acme/credits/grants", {"name": "G", "amount": "40"}), 201)
    set_clock("2026-01-10")
    for model in ("a", "b"):
        send(client, model, "2026-01-05T00:00:00Z", 1000, model=model)
    run(client, "run_billing", "2026-02-02T01:00:00Z")
    place = {"organization": "acme", "source": "tests", "id": "b", "time": "2026-01-05T00:00:00Z", "reason": "x"}
    body_of(client.post("/v1/events/amend", {**place, "data": {"n": 0, "model": "b"}}), 202)
    run(client, "run_billing", "2026-03-03T01:00:00Z")
    first, second = (line["id"] for line in invoice(client, "1p0.0")["lines"])
    notes = "/v1/invoices/inv_acme.1p0.0/credit-notes"

    def note(*amounts: tuple[str, str]) -> Any:
        wanted = [{"line": line, "amount": amount} for line, amount in amounts]
        return client.post(notes, {"lines": wanted, "reason": "x", "to": "credit"})

    assert refused(note((first, "20.00"), (second, "0.01"))) == (409, "conflict", set())
    assert refused(note((second, "20.01"))) == (422, "invalid-input", {"/lines/0/amount"})
    body_of(note((first, "15.00")), 201)
    assert refused(note((first, "5.01"))) == (422, "invalid-input", {"/lines/0/amount"})
    body_of(note((first, "5.00")), 201)
    [grant] = body_of(client.get("/v1/organizations/acme/credits/grants"))["data"]
    assert (grant["consumed"], grant["remaining"]) == ("0.00", "40.00")
