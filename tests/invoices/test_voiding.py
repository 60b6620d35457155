"""What voiding gives back: advance fees and their corrections, late usage of other periods, the period itself."""

import pytest

from tests.client import ApiClient
from tests.invoices.driving import (
    CENT,
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

VOID = {"reason": "wrong"}
AGAIN = {"reason": "wrong", "regenerate": True}


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    set_clock("2026-01-01")
    add_organization(client)
    add_meter(client)
    return client


def changed_in_january(api: ApiClient) -> None:
    """Change on 11 January from a plan with a fee of 31.00 in advance to one with 62.00."""
    add_plan(api, [fee("seats", "31.00", "advance")], "small")
    add_plan(api, [fee("seats", "62.00", "advance")], "large")
    subscribe(api, plan="small")
    set_clock("2026-01-11")
    body_of(api.post("/v1/subscriptions/sub_acme.1/change", {"plan": "large", "at": "now"}))


def test_the_correction_of_a_fee_comes_back_once_when_its_invoice_is_voided(api: ApiClient) -> None:
    changed_in_january(api)
    assert lines(invoice(api, "1a1.0")) == {
        "adjusted-seats.p0": (None, "-21.00", "-21.00"),
        "fee-seats.p1": ("1", "42.00", "42.00"),
    }
    body_of(act(api, "1a1.0", "void", VOID))
    shown = invoice(api, "1p0.0")
    assert [line["id"] for line in shown["lines"]] == ["adjusted-seats.p0", "fee-seats.p1"]
    assert shown["total"] == "21.00"


def test_what_came_back_is_billed_once_more_and_then_never_again(api: ApiClient) -> None:
    changed_in_january(api)
    body_of(act(api, "1a1.0", "void", VOID))
    assert run(api, "run_billing", "2026-01-12T01:00:00Z")["finalized"] == 1
    assert invoice(api, "1p0.0")["total"] == "21.00"
    assert [one["id"] for one in listed(api, status="draft")] == ["inv_acme.1p1.0"]
    assert list(lines(invoice(api, "1p1.0"))) == ["fee-seats.p2"]


def billed_january(api: ApiClient) -> None:
    """Bill 1,000 tokens of January, a cent each."""
    add_plan(api)
    subscribe(api)
    set_clock("2026-01-20")
    send(api, "e1", "2026-01-10T10:00:00Z", 1000)
    run(api, "rollup_usage", "2026-02-02")
    assert run(api, "run_billing")["finalized"] == 1


def test_an_invoice_made_again_has_the_usage_as_of_now_under_another_id(api: ApiClient) -> None:
    billed_january(api)
    void = body_of(act(api, "1p0.0", "void", AGAIN))
    assert (void["status"], void["number"], void["amount_due"]) == ("void", "ACME-000001", "0.00")
    send(api, "e2", "2026-01-11T10:00:00Z", 500)
    again = invoice(api, "1p0.1")
    assert (again["status"], lines(again)) == ("draft", {"usage-tokens": ("1500", "15.00", "15.00")})
    assert run(api, "run_billing", "2026-02-03")["finalized"] == 1
    assert invoice(api, "1p0.1")["number"] == "ACME-000002"
    assert invoice(api, "1p0.0")["status"] == "void"


def test_a_period_that_is_given_up_has_no_draft_and_no_late_usage(api: ApiClient) -> None:
    billed_january(api)
    body_of(act(api, "1p0.0", "void", VOID))
    send(api, "e2", "2026-01-11T10:00:00Z", 500)
    run(api, "rollup_usage")
    drafts = listed(api, status="draft")
    assert [(one["id"], one["lines"]) for one in drafts] == [("inv_acme.1p1.0", [])]


def test_late_usage_on_a_voided_invoice_goes_to_the_open_draft(api: ApiClient) -> None:
    billed_january(api)
    send(api, "e2", "2026-01-11T10:00:00Z", 500)
    run(api, "rollup_usage", "2026-03-02")
    assert run(api, "run_billing")["finalized"] == 1
    assert lines(invoice(api, "1p1.0")) == {"late-1p0-tokens": ("500", "5.00", "5.00")}
    body_of(act(api, "1p1.0", "void", VOID))
    assert lines(invoice(api, "1p2.0")) == {"late-1p0-tokens": ("500", "5.00", "5.00")}


def test_an_invoice_made_again_takes_off_what_others_billed_as_late_usage(api: ApiClient) -> None:
    billed_january(api)
    send(api, "e2", "2026-01-11T10:00:00Z", 500)
    run(api, "rollup_usage", "2026-03-02")
    run(api, "run_billing")
    body_of(act(api, "1p0.0", "void", AGAIN))
    again = invoice(api, "1p0.1")
    assert lines(again) == {
        "usage-tokens": ("1500", "15.00", "15.00"),
        "elsewhere-0-tokens": ("-500", "-5.00", "-5.00"),
    }
    assert run(api, "run_billing", "2026-03-03")["finalized"] == 1
    # All in all January cost 15.00, and voiding the invoice of late usage leaves 5.00 of that to be billed.
    body_of(act(api, "1p1.0", "void", VOID))
    assert lines(invoice(api, "1p2.0")) == {"late-1p0-tokens": ("500", "5.00", "5.00")}


def test_a_paid_invoice_cannot_be_voided_until_the_payment_is_reversed(api: ApiClient) -> None:
    billed_january(api)
    paid = body_of(act(api, "1p0.0", "payments", {"amount": "4.00", "reference": "r1"}))
    assert refused(act(api, "1p0.0", "void", VOID)) == (409, "conflict", set())
    body_of(act(api, "1p0.0", f"payments/{paid['payments'][0]['id']}/reverse", {"reason": "bounced"}))
    assert body_of(act(api, "1p0.0", "void", VOID))["status"] == "void"


def test_only_the_invoice_of_a_period_can_be_made_again(api: ApiClient) -> None:
    sell(api)
    assert refused(act(api, "0o1.0", "void", AGAIN)) == (409, "conflict", set())
    assert body_of(act(api, "0o1.0", "void", VOID))["status"] == "void"


def test_numbers_have_no_gaps_over_skips_and_voids(api: ApiClient) -> None:
    billed_january(api)
    body_of(act(api, "1p0.0", "void", AGAIN))
    run(api, "run_billing", "2026-03-02")
    sell(api)
    numbers = [one["number"] for one in listed(api) if one["number"] is not None]
    assert numbers == ["ACME-000003", "ACME-000002", "ACME-000001"]
    # February had no usage: it was closed without a number.
    assert refused(api.get("/v1/invoices/inv_acme.1p1.0"))[0] == 404


def test_a_charge_with_usage_at_no_price_is_issued_at_0_and_paid_at_once(api: ApiClient) -> None:
    add_plan(api, [{**CENT, "unit_price": "0"}])
    subscribe(api)
    send(api, "e1", "2026-01-01T00:00:00Z", 3)
    run(api, "rollup_usage", "2026-02-02")
    run(api, "run_billing")
    shown = invoice(api, "1p0.0")
    assert (shown["total"], shown["payment_status"], shown["number"]) == ("0.00", "paid", "ACME-000001")
