"""May this job start: over HTTP and by direct invocation, for postpaid, prepaid and capped subscriptions."""

from typing import Any

import pytest

from tests.client import ApiClient
from tests.invoices.driving import (
    CENT,
    add_meter,
    add_organization,
    add_plan,
    body_of,
    refused,
    send,
    set_clock,
    subscribe,
)
from tests.usage.sent import everything

AUTHORIZE = "/v1/organizations/acme/authorize"
GRANTS = "/v1/organizations/acme/credits/grants"
LARGE = {**CENT, "key": "large", "filter": {"model": ["large"]}, "unit_price": "1"}
BY_MODEL = {
    **{name: value for name, value in CENT.items() if name not in ("model", "unit_price")},
    "key": "each",
    "prices_by": {"dimension": "model", "prices": {"small": {"model": "per_unit", "unit_price": "0.1"}}},
}


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    set_clock("2026-01-11T12:00:00Z")
    add_organization(client)
    add_meter(client)
    add_meter(client, "free")
    add_plan(client, charges=[CENT, LARGE, BY_MODEL])
    return client


def asked(api: ApiClient, **body: Any) -> Any:
    """Ask, which changes nothing."""
    before = everything()
    answer = body_of(api.post(AUTHORIZE, body))
    assert everything() == before
    assert answer["as_of"] == "2026-01-11T12:00:00Z"
    return answer


def verdict(api: ApiClient, **body: Any) -> tuple[bool, str | None, str | None]:
    answer = asked(api, **body)
    return answer["allowed"], answer["estimated_amount"], answer["reason"]


def grant(api: ApiClient, amount: str, **more: Any) -> None:
    body_of(api.post(GRANTS, {"name": amount, "amount": amount, **more}), 201)


def cap(api: ApiClient, amount: str) -> None:
    body_of(api.patch("/v1/subscriptions/sub_acme.1", {"spend_cap": amount}))


def test_without_a_subscription_nothing_is_allowed(api: ApiClient) -> None:
    assert verdict(api, charge="tokens", quantity="5") == (False, None, "no-subscription")
    assert verdict(api, amount="5") == (False, "5.00", "no-subscription")


def test_a_subscription_that_is_still_to_begin_allows_nothing(api: ApiClient) -> None:
    subscribe(api, start="2026-01-12T00:00:00Z")
    assert verdict(api, amount="1") == (False, "1.00", "no-subscription")


def test_postpaid_usage_is_allowed_whatever_it_costs(api: ApiClient) -> None:
    subscribe(api)
    assert verdict(api, charge="tokens", quantity="100000000") == (True, "1000000.00", None)


def test_a_spend_cap_may_be_reached_but_not_passed(api: ApiClient) -> None:
    subscribe(api, overrides={"discount_percent": "10"})
    send(api, "a", "2026-01-11T12:00:00Z", 1000)
    cap(api, "10.00")
    # 1,000 tokens have come to 9.00 after the discount.
    assert verdict(api, amount="1.00") == (True, "1.00", None)
    assert verdict(api, amount="1.01") == (False, "1.01", "spend-cap")
    assert verdict(api, charge="tokens", quantity="111") == (True, "1.00", None)
    assert verdict(api, charge="tokens", quantity="112") == (False, "1.01", "spend-cap")


def test_credits_do_not_widen_a_spend_cap(api: ApiClient) -> None:
    subscribe(api)
    cap(api, "10")
    grant(api, "100")
    assert verdict(api, amount="11")[2] == "spend-cap"


def test_prepaid_usage_needs_credit_that_remains(api: ApiClient) -> None:
    subscribe(api, payment="prepaid")
    grant(api, "15.00")
    send(api, "a", "2026-01-11T12:00:00Z", 500)
    answer = asked(api, charge="tokens", quantity="1000")
    # 500 tokens of today draw 5.00 already.
    assert (answer["remaining"], answer["estimated_amount"], answer["remaining_after"]) == ("10.00", "10.00", "0.00")
    assert answer["allowed"]
    assert verdict(api, charge="tokens", quantity="1001") == (False, "10.01", "insufficient-credit")


def test_only_grants_that_take_the_charge_count(api: ApiClient) -> None:
    subscribe(api, payment="prepaid")
    grant(api, "3", applies_to={"charges": ["large"]})
    assert verdict(api, charge="large", quantity="3") == (True, "3.00", None)
    assert verdict(api, charge="tokens", quantity="1")[2] == "insufficient-credit"
    # An amount could be for anything.
    assert verdict(api, amount="1")[2] == "insufficient-credit"


def test_grants_that_have_ended_or_lie_ahead_do_not_count(api: ApiClient) -> None:
    subscribe(api, payment="prepaid")
    grant(api, "3", effective_at="2026-01-01T00:00:00Z", expires_at="2026-01-11T12:00:00Z")
    grant(api, "3", effective_at="2026-01-11T12:15:00Z")
    assert verdict(api, amount="0.01")[2] == "insufficient-credit"
    grant(api, "3", effective_at="2026-01-11T12:00:00Z")
    assert verdict(api, amount="3") == (True, "3.00", None)


def test_a_meter_costs_what_all_its_charges_cost(api: ApiClient) -> None:
    subscribe(api)
    # tokens 0.01 + large 1.00 + each: large has no price there.
    assert verdict(api, meter="tokens", quantity="10", dimensions={"model": "large"}) == (True, "10.10", None)
    assert verdict(api, meter="tokens", quantity="10", dimensions={"model": "small"}) == (True, "1.10", None)


def test_a_meter_that_nothing_prices_is_free(api: ApiClient) -> None:
    subscribe(api, payment="prepaid")
    assert verdict(api, meter="free", quantity="10") == (True, "0.00", None)


def test_what_decides_about_the_price_must_be_told(api: ApiClient) -> None:
    subscribe(api)
    assert refused(api.post(AUTHORIZE, {"meter": "tokens", "quantity": 1})) == (422, "invalid-input", {"/dimensions"})
    assert refused(api.post(AUTHORIZE, {"charge": "each", "quantity": 1})) == (422, "invalid-input", {"/dimensions"})
    # Who names the charge means what it takes.
    assert verdict(api, charge="large", quantity="1") == (True, "1.00", None)
    assert verdict(api, charge="large", quantity="1", dimensions={"model": "small"}) == (True, "0.00", None)


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, {""}),
        ({"charge": "tokens", "meter": "tokens", "quantity": "1"}, {""}),
        ({"charge": "tokens"}, {""}),
        ({"amount": "1", "quantity": "1"}, {""}),
        ({"amount": "1", "dimensions": {"model": "a"}}, {""}),
        ({"amount": "-1"}, {"/amount"}),
        ({"amount": "0.001"}, {"/amount"}),
        ({"charge": "nothing", "quantity": "1"}, {"/charge"}),
        ({"meter": "nothing", "quantity": "1"}, {"/meter"}),
        ({"charge": "tokens", "quantity": "-1"}, {"/quantity"}),
        ({"charge": "tokens", "quantity": "1", "dimensions": {"city": "x"}}, {"/dimensions/city"}),
        ({"charge": "tokens", "quantity": "1", "more": 1}, {"/more"}),
    ],
)
def test_what_cannot_be_authorized_is_named(api: ApiClient, body: dict[str, Any], places: set[str]) -> None:
    subscribe(api)
    assert refused(api.post(AUTHORIZE, body)) == (422, "invalid-input", places)


def test_a_trial_is_free(api: ApiClient) -> None:
    subscribe(api, payment="prepaid", trial_days=10)
    assert verdict(api, charge="tokens", quantity="1000") == (True, "0.00", None)
    assert verdict(api, amount="5") == (True, "0.00", None)
    assert refused(api.post(AUTHORIZE, {"charge": "nothing", "quantity": "1"})) == (422, "invalid-input", {"/charge"})


def test_the_place_of_a_dimension_is_a_json_pointer(api: ApiClient) -> None:
    subscribe(api)
    body = {"charge": "tokens", "quantity": "1", "dimensions": {"a/b~": "x"}}
    assert refused(api.post(AUTHORIZE, body)) == (422, "invalid-input", {"/dimensions/a~1b~0"})


def test_usage_that_was_accepted_counts_in_the_next_answer(api: ApiClient) -> None:
    subscribe(api)
    cap(api, "1")
    assert verdict(api, amount="1")[0]
    send(api, "a", "2026-01-11T12:00:00Z")
    assert verdict(api, amount="1") == (False, "1.00", "spend-cap")


def test_a_hold_is_not_there_for_others(api: ApiClient) -> None:
    subscribe(api, payment="prepaid")
    grant(api, "10")
    body_of(
        api.post("/v1/organizations/acme/credits/holds", {"amount": "4", "expires_in": 60, "reference": "job"}), 201
    )
    assert asked(api, amount="6.01")["remaining"] == "6.00"


def test_a_portal_token_may_ask_for_its_own_organization(api: ApiClient) -> None:
    subscribe(api)
    url = body_of(api.post("/v1/organizations/acme/portal-links", {}), 201)["url"]
    holder = api.as_holder_of(url.partition("#token=")[2])
    assert body_of(holder.post(AUTHORIZE, {"amount": "1"}))["allowed"]
    assert holder.post("/v1/organizations/other/authorize", {"amount": "1"}).status_code == 404


def test_the_direct_function_answers_what_the_route_does(api: ApiClient) -> None:
    subscribe(api)
    for body in ({"amount": "1"}, {"charge": "tokens", "quantity": "7"}):
        assert api.invoke("authorize_usage", {"organization": "acme", **body}) == body_of(api.post(AUTHORIZE, body))
