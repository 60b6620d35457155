"""The routes of subscriptions: what each answers, what it refuses and where, and what is invoiced with it."""

from typing import Any

import pytest

from tests.client import ApiClient
from tests.invoices.driving import (
    CENT,
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
    send,
    set_clock,
    subscribe,
    walked,
)
from tests.usage.sent import everything

SUBSCRIPTIONS, ONE = "/v1/organizations/acme/subscriptions", "/v1/subscriptions/sub_acme.1"
CONFLICT, NOT_FOUND = (409, "conflict", set[str]()), (404, "not-found", set[str]())
SEATS, SUPPORT = fee("seats", "31.00", "advance"), fee("support", "5.00", "arrears")


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    set_clock("2026-01-11T12:00:00Z")
    add_organization(client)
    add_meter(client)
    add_plan(client)
    return client


def faults(api: ApiClient, body: Any, *, path: str = SUBSCRIPTIONS, method: str = "POST") -> set[str]:
    """List the places of the faults of a body, which changes nothing."""
    before = everything()
    status, code, places = refused(api.request(method, path, body=body))
    assert (status, code) == (422, "invalid-input")
    assert everything() == before
    return places


def test_a_subscription_has_every_field_of_the_contract(api: ApiClient) -> None:
    made = subscribe(api)
    assert made == {
        "id": "sub_acme.1",
        "organization": "acme",
        "plan": "pro",
        "version": 1,
        "status": "active",
        "start": "2026-01-11T12:00:00Z",
        "end": None,
        "trial_end": None,
        "anchor": "calendar",
        "billing_period": "month",
        "payment": "postpaid",
        "spend_cap": None,
        "overrides": {},
        "current_period": {"start": "2026-01-11T12:00:00Z", "end": "2026-02-01T00:00:00Z"},
        "previous_period": None,
        "scheduled_change": None,
        "usage_history_days": 90,
        "created_at": "2026-01-11T12:00:00Z",
        "history": [{"plan": "pro", "version": 1, "from": "2026-01-11T12:00:00Z"}],
    }
    assert body_of(api.get(ONE)) == made
    assert body_of(api.get(SUBSCRIPTIONS))["data"] == [made]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"start": "2026-02-10T00:00:00Z"}, {"status": "scheduled", "current_period": None}),
        ({"end": "2026-06-01T00:00:00Z"}, {"status": "cancelling", "end": "2026-06-01T00:00:00Z"}),
        (
            {"anchor": "anniversary"},
            {"current_period": {"start": "2026-01-11T12:00:00Z", "end": "2026-02-11T00:00:00Z"}},
        ),
        ({"trial_days": 14}, {"status": "trial", "trial_end": "2026-01-25T00:00:00Z"}),
        ({"payment": "prepaid", "spend_cap": "100"}, {"payment": "prepaid", "spend_cap": "100.00"}),
        ({"spend_cap": 99.5}, {"spend_cap": "99.50"}),
        ({"overrides": {"discount_percent": 10}}, {"overrides": {"discount_percent": "10"}}),
        ({"version": 1}, {"version": 1}),
    ],
)
def test_what_is_sent_is_shown(api: ApiClient, body: dict[str, Any], shown: dict[str, Any]) -> None:
    made = subscribe(api, **body)
    assert {name: made[name] for name in shown} == shown
    assert body_of(api.get(ONE)) == made


def test_a_start_may_lie_as_far_back_as_usage_is_accepted(api: ApiClient) -> None:
    assert faults(api, {"plan": "pro", "start": "2025-12-07T11:59:59.999999Z"}) == {"/start"}
    assert subscribe(api, start="2025-12-07T12:00:00Z")["status"] == "active"


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, {"/plan"}),
        ({"plan": "none"}, {"/plan"}),
        ({"plan": "pro", "version": 2}, {"/version"}),
        ({"plan": "pro", "version": 0}, {"/version"}),
        ({"plan": "pro", "version": "1"}, {"/version"}),
        ({"plan": "pro", "end": "2026-01-11T12:00:00Z"}, {"/end"}),
        ({"plan": "pro", "trial_days": 731}, {"/trial_days"}),
        ({"plan": "pro", "anchor": "first", "payment": "later"}, {"/anchor", "/payment"}),
        ({"plan": "pro", "spend_cap": "1.001"}, {"/spend_cap"}),
        ({"plan": "pro", "spend_cap": "-1"}, {"/spend_cap"}),
        ({"plan": "pro", "start": "2026-02-30T00:00:00Z", "seats": 4}, {"/start", "/seats"}),
    ],
)
def test_a_subscription_that_cannot_be_is_refused_with_its_places(
    api: ApiClient, body: dict[str, Any], places: set[str]
) -> None:
    assert faults(api, body) == places


@pytest.mark.parametrize(
    ("overrides", "places"),
    [
        ([], {"/overrides"}),
        ({"currency": "EUR"}, {"/overrides/currency"}),
        ({"discount_percent": "101"}, {"/overrides/discount_percent"}),
        ({"charges": {"calls": {"unit_price": "1"}}}, {"/overrides/charges/calls"}),
        ({"charges": {"tokens": {"unit_price": "-1"}}}, {"/overrides/charges/tokens/unit_price"}),
        ({"charges": {"tokens": {"meter": "calls"}}}, {"/overrides/charges/tokens/meter"}),
        (
            {"charges": {"tokens": {"model": "graduated", "unit_price": None, "tiers": [{"up_to": "5"}]}}},
            {"/overrides/charges/tokens/tiers"},
        ),
        (
            {"charges": {"tokens": {"unit_price": "x", "maximum": "1.001"}}, "net_days": -1},
            {"/overrides/charges/tokens/unit_price", "/overrides/charges/tokens/maximum", "/overrides/net_days"},
        ),
    ],
)
def test_faults_of_overrides_point_into_them(api: ApiClient, overrides: Any, places: set[str]) -> None:
    found = faults(api, {"plan": "pro", "overrides": overrides})
    assert all(any(one.startswith(place) for place in places) for one in found)
    assert all(any(one.startswith(place) for one in found) for place in places)
    subscribe(api)
    assert faults(api, {"overrides": overrides}, path=ONE, method="PATCH") == found


def test_overrides_price_the_subscription_and_no_other(api: ApiClient) -> None:
    subscribe(api, overrides={"charges": {"tokens": {"unit_price": "0.5"}}})
    add_organization(api, "other")
    subscribe(api, "other")
    for organization in ("acme", "other"):
        send(api, "e1", "2026-01-11T12:00:00Z", 10, organization=organization)
    totals = [
        body_of(api.get(f"/v1/organizations/{organization}/invoices/current"))["total"]
        for organization in ("acme", "other")
    ]
    assert totals == ["5.00", "0.10"]


def test_overrides_that_are_changed_hold_from_the_next_period_on(api: ApiClient) -> None:
    subscribe(api)
    shown = body_of(api.patch(ONE, {"overrides": {"charges": {"tokens": {"unit_price": "0.5"}}}}))
    assert shown["overrides"] == {}
    set_clock("2026-02-10")
    send(api, "e1", "2026-01-20T00:00:00Z", 10)
    send(api, "e2", "2026-02-05T00:00:00Z", 10)
    assert (invoice(api, "1p0.0")["total"], invoice(api, "1p1.0")["total"]) == ("0.10", "5.00")
    assert body_of(api.get(ONE))["overrides"] == {"charges": {"tokens": {"unit_price": "0.5"}}}


def test_the_spend_cap_changes_at_once_and_goes_with_null(api: ApiClient) -> None:
    subscribe(api)
    assert body_of(api.patch(ONE, {"spend_cap": "12.5"}))["spend_cap"] == "12.50"
    assert body_of(api.patch(ONE, {"spend_cap": None}))["spend_cap"] is None
    assert body_of(api.patch(ONE, {}))["spend_cap"] is None
    assert faults(api, {"spend_cap": "1.001"}, path=ONE, method="PATCH") == {"/spend_cap"}
    assert faults(api, {"plan": "pro"}, path=ONE, method="PATCH") == {"/plan"}


def test_a_plan_in_another_currency_is_refused(api: ApiClient) -> None:
    add_organization(api, "berlin", currency="EUR")
    path = "/v1/organizations/berlin/subscriptions"
    assert faults(api, {"plan": "pro"}, path=path) == {"/plan"}


def test_at_most_one_subscription_is_active(api: ApiClient) -> None:
    subscribe(api, end="2026-02-01T00:00:00Z")
    assert refused(api.post(SUBSCRIPTIONS, {"plan": "pro"})) == CONFLICT
    assert refused(api.post(SUBSCRIPTIONS, {"plan": "pro", "start": "2026-01-31T23:59:59Z"})) == CONFLICT
    second = subscribe(api, start="2026-02-01T00:00:00Z")
    assert (second["id"], second["status"]) == ("sub_acme.2", "scheduled")
    assert [one["id"] for one in body_of(api.get(SUBSCRIPTIONS))["data"]] == ["sub_acme.2", "sub_acme.1"]


def test_a_new_subscription_invoices_its_advance_fee_at_once_by_its_days(api: ApiClient) -> None:
    add_plan(api, [SEATS, SUPPORT], "seats", minimum="100.00")
    subscribe(api, plan="seats")
    shown = invoice(api, "1a0.0")
    assert lines(shown) == {"fee-seats.p0": ("1", "21.00", "21.00")}
    assert (shown["number"], shown["status"], shown["period"]) == (
        "ACME-000001",
        "finalized",
        {"start": "2026-01-11T12:00:00Z", "end": "2026-02-01T00:00:00Z"},
    )


def test_a_scheduled_subscription_invoices_its_advance_fee_when_it_begins(api: ApiClient) -> None:
    add_plan(api, [SEATS], "seats")
    subscribe(api, plan="seats", start="2026-02-01T00:00:00Z")
    assert run(api, "run_billing", "2026-01-31T23:59:59Z")["finalized"] == 0
    assert listed(api) == []
    assert run(api, "run_billing", "2026-02-01T00:00:00Z")["finalized"] == 1
    assert lines(invoice(api, "1a0.0")) == {"fee-seats.p0": ("1", "31.00", "31.00")}


def test_a_trial_costs_nothing_and_its_first_paid_period_follows(api: ApiClient) -> None:
    add_plan(api, [CENT, SEATS], "seats")
    made = subscribe(api, plan="seats", trial_days=7)
    assert (made["status"], listed(api)) == ("trial", [])
    send(api, "free", "2026-01-11T12:00:00Z", 1000)
    set_clock("2026-01-18T00:00:00Z")
    send(api, "paid", "2026-01-18T00:00:00Z", 100)
    run(api, "run_billing")
    assert lines(invoice(api, "1a0.0")) == {"fee-seats.p0": ("1", "14.00", "14.00")}
    assert lines(invoice(api, "1p0.0"))["usage-tokens"] == ("100", "1.00", "1.00")


def test_each_service_period_is_charged_once_over_all_invoices(api: ApiClient) -> None:
    add_plan(api, [SEATS], "seats")
    subscribe(api, plan="seats", start="2026-01-01T00:00:00Z")
    run(api, "run_billing", "2026-04-02")
    charged = [line for one in listed(api, status="finalized") for line in one["lines"]]
    assert sorted(line["id"] for line in charged) == [f"fee-seats.p{number}" for number in range(4)]
    assert sorted(line["service_period"]["start"][:7] for line in charged) == [
        "2026-01",
        "2026-02",
        "2026-03",
        "2026-04",
    ]


def test_a_change_of_plan_with_advance_fees_returns_the_unused_part_with_the_new_fee(api: ApiClient) -> None:
    add_plan(api, [SEATS], "small", discount_percent="50")
    add_plan(api, [fee("seats", "62.00", "advance")], "large")
    subscribe(api, plan="small", start="2026-01-01T00:00:00Z")
    shown = body_of(api.post(f"{ONE}/change", {"plan": "large", "at": "now"}))
    assert (shown["plan"], shown["previous_period"]["end"]) == ("large", "2026-01-11T12:00:00Z")
    # 31.00 at half price was 15.50: 10 of 31 days were used; 21 days of the new fee are due.
    assert lines(invoice(api, "1a1.0")) == {
        "adjusted-seats.p0": (None, "-10.50", "-10.50"),
        "fee-seats.p1": ("1", "42.00", "42.00"),
    }


def test_a_change_at_the_end_of_the_period_is_scheduled_and_can_be_taken_back(api: ApiClient) -> None:
    add_plan(api, [SUPPORT], "support")
    subscribe(api)
    shown = body_of(api.post(f"{ONE}/change", {"plan": "support", "at": "period_end"}))
    assert shown["scheduled_change"] == {"plan": "support", "version": 1, "at": "2026-02-01T00:00:00Z"}
    assert body_of(api.post(f"{ONE}/resume"))["scheduled_change"] is None
    assert refused(api.post(f"{ONE}/resume")) == CONFLICT


def test_a_cancelled_subscription_ends_and_is_resumed_before_its_end_alone(api: ApiClient) -> None:
    subscribe(api)
    shown = body_of(api.post(f"{ONE}/cancel", {"at": "period_end"}))
    assert (shown["status"], shown["end"]) == ("cancelling", "2026-02-01T00:00:00Z")
    assert body_of(api.post(f"{ONE}/resume"))["status"] == "active"
    set_clock("2026-01-12")
    assert body_of(api.post(f"{ONE}/cancel", {"at": "now"}))["status"] == "ended"
    for path, body in [("cancel", {"at": "now"}), ("resume", None), ("change", {"plan": "pro", "at": "now"})]:
        assert refused(api.post(f"{ONE}/{path}", body)) == CONFLICT
    assert refused(api.patch(ONE, {"spend_cap": "1"})) == CONFLICT


def test_cancelling_now_closes_the_period_and_returns_the_unused_advance_fee(api: ApiClient) -> None:
    add_plan(api, [SEATS], "seats")
    subscribe(api, plan="seats", start="2026-01-01T00:00:00Z")
    body_of(api.post(f"{ONE}/cancel", {"at": "now"}))
    shown = invoice(api, "1p0.0")
    assert shown["period"]["end"] == "2026-01-11T12:00:00Z"
    assert lines(shown) == {
        "adjusted-seats.p0": (None, "-21.00", "-21.00"),
        "carried": (None, "21.00", "21.00"),
    }
    assert (shown["total"], shown["tax"]) == ("0.00", "0.00")
    run(api, "run_billing", "2026-01-12T12:00:00Z")
    [grant] = body_of(api.get("/v1/organizations/acme/credits/grants"))["data"]
    assert (grant["amount"], grant["cost_basis"], grant["expires_at"]) == ("21.00", "1", None)


@pytest.mark.parametrize(
    "at", ["later", "", "2026-01-11", "2026-01-20T00:00:00", "2026-02-30T00:00:00Z", None, 1, [], {}]
)
def test_when_must_be_a_known_word_or_an_instant(api: ApiClient, at: Any) -> None:
    subscribe(api)
    for path, body in [(f"{ONE}/change", {"plan": "pro", "at": at}), (f"{ONE}/cancel", {"at": at})]:
        assert faults(api, body, path=path) == {"/at"}


@pytest.mark.parametrize("at", ["2026-01-11T11:59:59.999999Z", "2126-01-12T12:00:00.000001Z"])
def test_an_instant_lies_neither_in_the_past_nor_a_century_ahead(api: ApiClient, at: str) -> None:
    add_plan(api, [SUPPORT], "support")
    subscribe(api)
    for path, body in [(f"{ONE}/change", {"plan": "support", "at": at}), (f"{ONE}/cancel", {"at": at})]:
        assert faults(api, body, path=path) == {"/at"}
    assert body_of(api.post(f"{ONE}/cancel", {"at": "2126-01-12T12:00:00Z"}))["end"] == "2126-01-12T12:00:00Z"


def test_a_change_to_what_is_none_names_the_place(api: ApiClient) -> None:
    subscribe(api)
    assert faults(api, {"plan": "none", "at": "now"}, path=f"{ONE}/change") == {"/plan"}
    assert faults(api, {"plan": "pro", "version": 7, "at": "now"}, path=f"{ONE}/change") == {"/version"}
    assert refused(api.post(f"{ONE}/change", {"plan": "pro", "at": "now"})) == CONFLICT


@pytest.mark.parametrize("name", ["sub_acme.2", "sub_nobody.1", "sub_acme.01", "acme.1", "sub_acme", "x", "%00"])
def test_an_unknown_subscription_is_not_found(api: ApiClient, name: str) -> None:
    subscribe(api)
    path = f"/v1/subscriptions/{name}"
    assert refused(api.get(path)) == NOT_FOUND
    assert refused(api.patch(path, {"spend_cap": "1"})) == NOT_FOUND
    for action, body in [("cancel", {"at": "now"}), ("resume", None), ("change", {"plan": "pro", "at": "now"})]:
        assert refused(api.post(f"{path}/{action}", body)) == NOT_FOUND


def test_an_unknown_organization_has_no_subscriptions(api: ApiClient) -> None:
    path = "/v1/organizations/nobody/subscriptions"
    assert refused(api.get(path)) == NOT_FOUND
    assert refused(api.post(path, {"plan": "pro"})) == NOT_FOUND


def test_a_bound_admin_acts_on_the_subscriptions_of_its_organization_alone(api: ApiClient) -> None:
    add_organization(api, "other")
    subscribe(api)
    bound, stranger = (api.as_holder_of(api.make_key("admin", name)) for name in ("acme", "other"))
    before = everything()
    assert refused(stranger.get(ONE)) == NOT_FOUND
    assert refused(stranger.patch(ONE, {"spend_cap": "1"})) == NOT_FOUND
    assert refused(stranger.post(f"{ONE}/cancel", {"at": "now"})) == NOT_FOUND
    assert refused(stranger.get(SUBSCRIPTIONS)) == refused(stranger.post(SUBSCRIPTIONS, {"plan": "pro"})) == NOT_FOUND
    assert everything() == before
    assert body_of(bound.patch(ONE, {"spend_cap": "1"}))["spend_cap"] == "1.00"


def test_a_key_subscribes_once_with_the_invoice_of_the_advance_fee(api: ApiClient) -> None:
    add_plan(api, [SEATS], "seats")
    headers = {"Idempotency-Key": "k1"}
    first, again = (api.post(SUBSCRIPTIONS, {"plan": "seats"}, headers=headers) for _ in range(2))
    assert (first.status_code, first.body, again.headers["Idempotent-Replayed"]) == (201, again.body, "true")
    assert [one["id"] for one in listed(api, status="finalized")] == ["inv_acme.1a0.0"]
    assert refused(api.post(SUBSCRIPTIONS, {"plan": "pro"}, headers=headers))[1] == "idempotency-key-reused"


def test_subscriptions_are_listed_in_pages_the_latest_first(api: ApiClient) -> None:
    for month in (1, 2, 3):
        start = {"start": f"2026-0{month}-11T12:00:00Z"}
        subscribe(api, end=f"2026-0{month + 1}-01T00:00:00Z", **start)
    pages = [[one["id"] for one in page] for page in walked(api, SUBSCRIPTIONS, limit=2)]
    assert pages == [["sub_acme.3", "sub_acme.2"], ["sub_acme.1"]]


def test_usage_is_accepted_and_readable_without_a_subscription(api: ApiClient) -> None:
    send(api, "e1", "2026-01-11T12:00:00Z", 5)
    [usage] = body_of(api.get("/v1/organizations/acme/usage"))["data"]
    assert (usage["total"], listed(api)) == ("5", [])
