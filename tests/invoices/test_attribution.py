"""Which line of which invoice bills an event, and which events a line bills: each counted event once."""

from typing import Any

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
    refused,
    run,
    send,
    set_clock,
    subscribe,
)

EVENTS = "/v1/organizations/acme/events"
JANUARY = {"from_": "2026-01-01T00:00:00Z"}
JUST_TOKENS = ("inv_acme.1p0.0", "usage-tokens")


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    set_clock("2026-01-01")
    add_organization(client)
    add_meter(client)
    return client


def with_january(api: ApiClient, *charges: dict[str, Any], billed: bool = False) -> ApiClient:
    """Subscribe to a plan and send two events of January; billed or not."""
    add_plan(api, charges or [CENT])
    subscribe(api)
    set_clock("2026-01-20")
    send(api, "e1", "2026-01-05T10:00:00Z", 100, model="a")
    send(api, "e2", "2026-01-06T10:00:00Z", 50, model="b")
    if billed:
        run(api, "rollup_usage", "2026-02-02")
        assert run(api, "run_billing")["finalized"] == 1
    return api


def places(api: ApiClient, **query: Any) -> dict[str, tuple[str, str] | None]:
    """Tell where each event is billed, by its id."""
    found = body_of(api.get(EVENTS, **{**JANUARY, **query}))["data"]
    by_id = {one["id"]: one["billed_on"] for one in found}
    return {name: None if one is None else (one["invoice"], one["line"]) for name, one in sorted(by_id.items())}


def events_of(api: ApiClient, name: str, line: str | None = None) -> list[str]:
    """List the ids of the events that an invoice bills, or one of its lines."""
    query = {"invoice": f"inv_acme.{name}", **({} if line is None else {"line": line}), **JANUARY}
    return sorted(one["id"] for one in body_of(api.get(EVENTS, **query))["data"])


def test_an_event_is_billed_on_the_draft_and_then_on_the_invoice_of_its_period(api: ApiClient) -> None:
    with_january(api)
    assert places(api) == {"e1": JUST_TOKENS, "e2": JUST_TOKENS}
    run(api, "rollup_usage", "2026-02-02")
    run(api, "run_billing")
    assert places(api) == {"e1": JUST_TOKENS, "e2": JUST_TOKENS}
    assert events_of(api, "1p0.0") == events_of(api, "1p0.0", "usage-tokens") == ["e1", "e2"]


def test_an_event_outside_every_period_is_billed_nowhere(api: ApiClient) -> None:
    send(api, "e0", "2025-12-31T23:59:59Z", 1)
    with_january(api)
    assert places(api, from_="2025-12-31T00:00:00Z")["e0"] is None
    assert "e0" not in events_of(api, "1p0.0")


def test_an_event_that_no_charge_prices_is_billed_nowhere(api: ApiClient) -> None:
    with_january(api, {**CENT, "filter": {"model": ["a"]}})
    assert places(api) == {"e1": JUST_TOKENS, "e2": None}
    assert events_of(api, "1p0.0") == ["e1"]


def test_each_value_of_a_dimension_is_billed_on_its_own_line(api: ApiClient) -> None:
    by_model = {name: value for name, value in CENT.items() if name not in ("unit_price", "model")}
    prices = {"a": {"model": "per_unit", "unit_price": "1"}}
    with_january(api, {**by_model, "prices_by": {"dimension": "model", "prices": prices}})
    [line] = [one["id"] for one in invoice(api, "1p0.0")["lines"]]
    assert places(api) == {"e1": ("inv_acme.1p0.0", line), "e2": None}
    assert events_of(api, "1p0.0", line) == ["e1"]


def test_late_events_are_billed_on_the_draft_that_takes_them_and_then_on_its_invoice(api: ApiClient) -> None:
    with_january(api, billed=True)
    send(api, "late", "2026-01-07T10:00:00Z", 7, model="a")
    there = ("inv_acme.1p1.0", "late-1p0-tokens")
    assert places(api) == {"e1": JUST_TOKENS, "e2": JUST_TOKENS, "late": there}
    assert events_of(api, "1p1.0") == ["late"]
    run(api, "rollup_usage", "2026-03-02")
    run(api, "run_billing")
    assert places(api)["late"] == there
    assert events_of(api, "1p1.0", "late-1p0-tokens") == ["late"]
    assert events_of(api, "1p0.0") == ["e1", "e2"]


def test_what_comes_after_late_usage_was_billed_is_billed_on_the_next_draft(api: ApiClient) -> None:
    with_january(api, billed=True)
    send(api, "late", "2026-01-07T10:00:00Z", 7, model="a")
    run(api, "rollup_usage", "2026-03-02")
    run(api, "run_billing")
    send(api, "later", "2026-01-31T10:00:00Z", 3, model="a")
    found = places(api)
    assert found["late"] == ("inv_acme.1p1.0", "late-1p0-tokens")
    assert found["later"] == ("inv_acme.1p2.0", "late-1p0-tokens")
    assert events_of(api, "1p2.0") == ["later"]
    assert events_of(api, "1p1.0") == ["late"]


def test_late_usage_without_an_open_draft_is_billed_on_one_of_its_own(api: ApiClient) -> None:
    add_plan(api)
    subscribe(api, end="2026-02-01T00:00:00Z")
    run(api, "run_billing", "2026-02-02")
    send(api, "late", "2026-01-07T10:00:00Z", 7, model="a")
    assert places(api) == {"late": ("inv_acme.1l0.0", "late-1p0-tokens")}
    run(api, "rollup_usage", "2026-03-09")
    assert run(api, "run_billing")["finalized"] == 1
    assert places(api) == {"late": ("inv_acme.1l0.0", "late-1p0-tokens")}
    assert events_of(api, "1l0.0") == ["late"]


def test_events_of_a_period_that_was_given_up_are_billed_nowhere(api: ApiClient) -> None:
    with_january(api, billed=True)
    body_of(act(api, "1p0.0", "void", {"reason": "wrong"}))
    send(api, "late", "2026-01-07T10:00:00Z", 7, model="a")
    assert places(api) == {"e1": None, "e2": None, "late": None}


def test_events_move_to_the_invoice_that_is_made_again(api: ApiClient) -> None:
    with_january(api, billed=True)
    send(api, "late", "2026-01-07T10:00:00Z", 7, model="a")
    body_of(act(api, "1p0.0", "void", {"reason": "wrong", "regenerate": True}))
    again = ("inv_acme.1p0.1", "usage-tokens")
    assert places(api) == {"e1": again, "e2": again, "late": again}
    run(api, "rollup_usage", "2026-02-03")
    run(api, "run_billing")
    assert places(api) == {"e1": again, "e2": again, "late": again}
    assert events_of(api, "1p0.1", "usage-tokens") == ["e1", "e2", "late"]


def test_an_invoice_lists_what_it_billed_also_when_its_period_is_invoiced_again(api: ApiClient) -> None:
    with_january(api, billed=True)
    send(api, "late", "2026-01-07T10:00:00Z", 7, model="a")
    run(api, "rollup_usage", "2026-03-02")
    run(api, "run_billing")
    send(api, "later", "2026-01-31T10:00:00Z", 3, model="a")
    body_of(act(api, "1p0.0", "void", {"reason": "wrong", "regenerate": True}))
    listed = {"1p0.0": ["e1", "e2"], "1p1.0": ["late"], "1p0.1": ["e1", "e2", "late", "later"]}
    assert {name: events_of(api, name) for name in listed} == listed
    run(api, "rollup_usage", "2026-03-04")
    assert run(api, "run_billing")["finalized"] == 1
    assert {name: events_of(api, name) for name in listed} == listed


def test_a_part_with_a_price_of_its_own_bills_its_own_events(api: ApiClient) -> None:
    with_january(api)
    add_plan(api, [{**CENT, "unit_price": "0.03"}], "large")
    body_of(api.post("/v1/subscriptions/sub_acme.1/change", {"plan": "large", "at": "now"}))
    send(api, "e3", "2026-01-20T00:00:00Z", 1, model="a")
    assert places(api) == {"e1": JUST_TOKENS, "e2": JUST_TOKENS, "e3": ("inv_acme.1p0.0", "usage-tokens.1")}
    assert events_of(api, "1p0.0", "usage-tokens") == ["e1", "e2"]
    assert events_of(api, "1p0.0", "usage-tokens.1") == ["e3"]


def test_a_line_without_usage_bills_no_event(api: ApiClient) -> None:
    with_january(api, CENT, fee("support", "5.00", "arrears"))
    assert events_of(api, "1p0.0", "fee-support") == []


def test_duplicates_and_voided_events_are_billed_nowhere(api: ApiClient) -> None:
    with_january(api)
    send(api, "e1", "2026-01-05T10:00:00Z", 100, model="a")
    named = {"organization": "acme", "source": "tests", "id": "e2", "time": "2026-01-06T10:00:00Z", "reason": "no"}
    body_of(api.post("/v1/events/void", named), 202)
    found = body_of(api.get(EVENTS, **JANUARY))["data"]
    billed = [(one["id"], one["state"]) for one in found if one["billed_on"] is not None]
    assert billed == [("e1", "counted")]
    assert sorted(one["state"] for one in found) == ["counted", "duplicate", "voided"]


@pytest.mark.parametrize(
    "query",
    [
        {"invoice": "inv_acme.1p9.0"},
        {"invoice": "inv_acme.1p0.1"},
        {"invoice": "inv_other.1p0.0"},
        {"invoice": "1p0"},
        {"invoice": "inv_acme.1p0.0", "line": "usage-calls"},
    ],
)
def test_an_unknown_invoice_or_line_and_those_of_others_are_not_found(api: ApiClient, query: dict[str, str]) -> None:
    with_january(api)
    add_organization(api, "other")
    subscribe(api, "other")
    assert refused(api.get(EVENTS, **JANUARY, **query)) == (404, "not-found", set())


def test_the_events_url_of_an_explained_line_lists_what_the_line_bills(api: ApiClient) -> None:
    with_january(api, billed=True)
    send(api, "late", "2026-01-07T10:00:00Z", 7, model="a")
    for line in ("1p0.0/lines/usage-tokens", "1p1.0/lines/late-1p0-tokens"):
        explained = body_of(api.get(f"/v1/invoices/inv_acme.{line}"))
        path, _, question = explained["events_url"].partition("?")
        query = dict(part.split("=") for part in question.split("&"))
        assert query["line"] == line.rpartition("/")[2]
        assert [one["id"] for one in body_of(api.get(path, **query))["data"]] == (
            ["e2", "e1"] if "usage" in line else ["late"]
        )
