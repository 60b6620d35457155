"""A line explained: its days and dimension values add up to its quantity, in a draft and for good once it is issued."""

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.invoices.explanation import MOST_SHARES
from tests.client import ApiClient
from tests.invoices.driving import (
    CENT,
    add_meter,
    add_organization,
    add_plan,
    body_of,
    fee,
    refused,
    run,
    send,
    set_clock,
    subscribe,
)

TOKENS = "1p0.0/lines/usage-tokens"


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    set_clock("2026-01-01T05:00:00Z")
    add_organization(client, timezone="America/New_York")
    add_meter(client)
    return client


def with_usage(api: ApiClient, *charges: dict[str, Any], **plan: Any) -> None:
    """Subscribe to a plan and use 100 tokens on the evening of 4 January in New York, and 50 on the day after."""
    add_plan(api, charges or [CENT], **plan)
    subscribe(api)
    set_clock("2026-01-20T12:00:00Z")
    send(api, "e1", "2026-01-05T04:59:00Z", 100, model="a", kind="x")
    send(api, "e2", "2026-01-05T05:00:00Z", 50, model="b", kind="x")


def explained(api: ApiClient, path: str = TOKENS) -> Any:
    return body_of(api.get(f"/v1/invoices/inv_acme.{path}"))


def total(quantities: Any) -> Decimal:
    return sum((Decimal(one) for one in quantities), Decimal(0))


def billed(api: ApiClient) -> None:
    run(api, "rollup_usage", "2026-02-02T12:00:00Z")
    assert run(api, "run_billing")["finalized"] == 1


def test_days_are_local_days_and_add_up_to_the_quantity(api: ApiClient) -> None:
    with_usage(api)
    found = explained(api)
    assert found["by_day"] == {"2026-01-04": "100", "2026-01-05": "50"}
    assert total(found["by_day"].values()) == Decimal(found["line"]["quantity"]) == 150


def test_dimension_values_add_up_to_the_quantity_the_greatest_first(api: ApiClient) -> None:
    with_usage(api)
    assert explained(api)["by_dimension"] == [
        {"dimensions": {"model": "a", "kind": "x"}, "rest": False, "quantity": "100"},
        {"dimensions": {"model": "b", "kind": "x"}, "rest": False, "quantity": "50"},
    ]


def test_the_formula_and_tiers_are_those_of_the_line(api: ApiClient) -> None:
    with_usage(api, discount_percent="10")
    found = explained(api)
    assert found["formula"] == "150 x 0.01 = 1.50; 1.35 after 10 % off"
    assert found["tiers"] == found["line"]["tiers"]
    assert (found["line"]["amount"], found["line"]["net"]) == ("1.50", "1.35")


def used_by_many_models(api: ApiClient) -> list[str]:
    """Use tokens by three models more than are kept, the first of them most; answers their names."""
    names = [f"m{number:02}" for number in range(MOST_SHARES + 3)]
    shared = {"source": "tests", "type": "tokens", "subject": "acme", "time": "2026-01-05T12:00:00Z"}
    events = [{**shared, "id": name, "data": {"n": 100 - place, "model": name}} for place, name in enumerate(names)]
    body_of(api.post("/v1/events", events), 202)
    return names


def test_values_beyond_the_greatest_are_one_rest(api: ApiClient) -> None:
    add_plan(api)
    subscribe(api)
    set_clock("2026-01-20T12:00:00Z")
    names = used_by_many_models(api)
    *kept, rest = explained(api)["by_dimension"]
    assert [one["dimensions"]["model"] for one in kept] == names[:MOST_SHARES]
    assert rest == {"dimensions": None, "rest": True, "quantity": "237"}
    assert total(one["quantity"] for one in (*kept, rest)) == Decimal(explained(api)["line"]["quantity"])


def test_values_that_do_not_add_up_have_no_rest(api: ApiClient) -> None:
    add_meter(api, "peak", "max", event_type="tokens")
    add_plan(api, [{**CENT, "key": "peak", "meter": "peak"}])
    subscribe(api)
    set_clock("2026-01-20T12:00:00Z")
    names = used_by_many_models(api)
    found = explained(api, "1p0.0/lines/usage-peak")["by_dimension"]
    assert [one["dimensions"]["model"] for one in found] == names[:MOST_SHARES]


def test_with_as_many_values_as_are_kept_there_is_no_rest(api: ApiClient) -> None:
    add_plan(api)
    subscribe(api)
    set_clock("2026-01-20T12:00:00Z")
    for number in range(MOST_SHARES):
        send(api, f"e{number}", "2026-01-05T12:00:00Z", 1, model=f"m{number}")
    found = explained(api)["by_dimension"]
    assert (len(found), {one["rest"] for one in found}) == (MOST_SHARES, {False})


def test_a_line_of_one_dimension_value_has_its_own_days_and_values(api: ApiClient) -> None:
    by_model = {name: value for name, value in CENT.items() if name not in ("unit_price", "model")}
    price = {"model": "per_unit", "unit_price": "1"}
    with_usage(api, {**by_model, "prices_by": {"dimension": "model", "prices": {"a": price}, "default": price}})
    draft = body_of(api.get("/v1/invoices/inv_acme.1p0.0"))
    for line, day in zip(draft["lines"], ["2026-01-04", "2026-01-05"], strict=True):
        found = explained(api, f"1p0.0/lines/{line['id']}")
        assert found["by_day"] == {day: line["quantity"]}
        [share] = found["by_dimension"]
        assert (share["dimensions"]["model"], share["quantity"]) == (line["group"]["model"], line["quantity"])


def test_days_of_a_meter_that_does_not_add_up_are_each_their_own(api: ApiClient) -> None:
    add_meter(api, "peak", "max", event_type="tokens")
    with_usage(api, {**CENT, "key": "peak", "meter": "peak"})
    found = explained(api, "1p0.0/lines/usage-peak")
    assert found["by_day"] == {"2026-01-04": "100", "2026-01-05": "50"}
    assert found["line"]["quantity"] == "100"


def test_an_issued_line_is_explained_as_its_last_draft_was_whatever_comes_later(api: ApiClient) -> None:
    with_usage(api)
    draft = explained(api)
    billed(api)
    issued = explained(api)
    assert issued == draft
    send(api, "late", "2026-01-05T05:00:00Z", 7, model="c")
    run(api, "rollup_usage")
    assert explained(api) == draft


def test_a_line_of_late_usage_has_the_days_that_changed(api: ApiClient) -> None:
    with_usage(api)
    billed(api)
    send(api, "late", "2026-01-05T05:10:00Z", 7, model="c")
    body_of(
        api.post(
            "/v1/events/amend",
            {
                "organization": "acme",
                "source": "tests",
                "id": "e1",
                "time": "2026-01-05T04:59:00Z",
                "data": {"n": 90, "model": "a", "kind": "x"},
                "reason": "counted twice",
            },
        ),
        202,
    )
    found = explained(api, "1p1.0/lines/late-1p0-tokens")
    assert found["by_day"] == {"2026-01-04": "-10", "2026-01-05": "7"}
    assert (found["line"]["quantity"], found["line"]["amount"]) == ("-3", "-0.03")
    assert found["formula"] == "1.47 by now less 1.50 billed = -0.03"


def test_a_fee_has_no_events_and_no_days(api: ApiClient) -> None:
    with_usage(api, fee("support", "5.00", "arrears"))
    found = explained(api, "1p0.0/lines/fee-support")
    assert (found["events_url"], found["by_day"], found["by_dimension"], found["tiers"]) == (None, {}, [], [])
    assert found["formula"] == "5.00"


def test_a_usage_line_says_where_its_events_are(api: ApiClient) -> None:
    with_usage(api)
    url = explained(api)["events_url"]
    assert url == "/v1/organizations/acme/events?invoice=inv_acme.1p0.0&line=usage-tokens"


@pytest.mark.parametrize(
    "path",
    ["1p0.0/lines/usage-calls", "1p0.0/lines/%00", "1p0.0/lines/" + "x" * 300, "1p9.0/lines/usage-tokens", "x/lines/y"],
)
def test_an_unknown_line_is_not_found(api: ApiClient, path: str) -> None:
    with_usage(api)
    assert refused(api.get(f"/v1/invoices/inv_acme.{path}")) == (404, "not-found", set())


def test_only_its_own_organization_reads_an_explanation(api: ApiClient) -> None:
    with_usage(api)
    add_organization(api, "other")
    for bound_to, status in [("acme", 200), ("other", 404)]:
        bound = api.as_holder_of(api.make_key("read", bound_to))
        assert bound.get(f"/v1/invoices/inv_acme.{TOKENS}").status_code == status
