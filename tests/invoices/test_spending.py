"""What usage costs in windows and groups: it adds up to the gross usage lines of the drafts, however it is cut."""

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.invoices.rating import rate_charge
from chalicelib.shared.money import show_money
from tests.client import ApiClient
from tests.invoices.build_prices import graduated, terms, used
from tests.invoices.driving import (
    CENT,
    add_meter,
    add_organization,
    add_plan,
    body_of,
    invoice,
    run,
    send,
    set_clock,
    subscribe,
)

USAGE = "/v1/organizations/acme/usage"
TIERED = {
    **{name: value for name, value in CENT.items() if name != "unit_price"},
    "model": "graduated",
    "tiers": [{"up_to": "1000", "unit_price": "0.02", "flat_fee": "5"}, {"up_to": None, "unit_price": "0.01"}],
}
TIERS = graduated(("1000", "0.02", "5"), (None, "0.01"))
# Name, time, tokens, model: in two days, one of them in two hours and three quarter-hours.
EVENTS = [
    ("e1", "2026-01-05T10:05:00Z", 700, "a"),
    ("e2", "2026-01-05T10:35:00Z", 100, "b"),
    ("e3", "2026-01-05T11:05:00Z", 0, "b"),
    ("e4", "2026-01-12T00:00:00Z", 400, "a"),
]


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    set_clock("2026-01-01")
    add_organization(client)
    add_meter(client)
    return client


def with_events(api: ApiClient, *charges: dict[str, Any], **plan: Any) -> ApiClient:
    """Subscribe to a plan of some charges and send the events; it is 15 January."""
    add_plan(api, charges, **plan)
    subscribe(api)
    set_clock("2026-01-15")
    for name, time, n, model in EVENTS:
        send(api, name, time, n, model=model)
    return api


def asked(api: ApiClient, meter: str = "tokens", **query: Any) -> Any:
    whole = {"from_": "2026-01-01", "to": "2026-02-01", "spend": "true"}
    [found] = body_of(api.get(USAGE, meter=meter, **{**whole, **query}))["data"]
    return found


def money(values: Any) -> Decimal:
    return sum((Decimal(value) for value in values), Decimal(0))


def spends(found: Any) -> dict[str, str]:
    """Give what the windows cost that cost anything, by start."""
    return {one["start"]: one["spend"] for one in found["windows"] if Decimal(one["spend"])}


def gross(shown: Any, meter: str = "tokens") -> Decimal:
    """Add up the gross usage lines of an invoice."""
    return money(line["amount"] for line in shown["lines"] if line["kind"] == "usage" and line["meter"] == meter)


def test_windows_of_every_size_add_up_to_the_usage_lines_of_the_draft(api: ApiClient) -> None:
    with_events(api, TIERED)
    line = gross(invoice(api, "1p0.0"))
    assert line == Decimal("27.00")
    for window, more in [
        ("month", {}),
        ("day", {}),
        ("hour", {}),
        ("quarter_hour", {"from_": "2026-01-05", "to": "2026-01-12"}),
    ]:
        found = asked(api, window=window, **more)
        assert money(one["spend"] for one in found["windows"]) == Decimal(found["spend"])
        assert Decimal(found["spend"]) == (line if not more else Decimal("16.00")), window


def test_each_window_costs_what_the_charge_comes_to_at_its_end_less_at_its_start(api: ApiClient) -> None:
    with_events(api, TIERED)
    of = terms(TIERS)
    before = 0
    found = spends(asked(api))
    for day, total in [("2026-01-01", "0"), ("2026-01-05", "800"), ("2026-01-12", "1200")]:
        after = sum(line.gross_minor for line in rate_charge(of, used(total)).lines)
        assert found.pop(f"{day}T00:00:00Z") == show_money(after - before, "USD")
        before = after
    assert found == {}


def test_the_flat_fee_of_the_first_tier_is_in_the_first_slice_of_the_period(api: ApiClient) -> None:
    with_events(api, TIERED)
    assert spends(asked(api, window="hour"))["2026-01-01T00:00:00Z"] == "5.00"
    # A range that begins later does not have it.
    assert asked(api, from_="2026-01-02")["spend"] == "22.00"


def test_rounding_is_spread_so_that_slices_still_add_up(api: ApiClient) -> None:
    add_plan(api, [{**CENT, "unit_price": "0.003"}])
    subscribe(api)
    set_clock("2026-01-10")
    for day in range(1, 8):
        send(api, f"e{day}", f"2026-01-0{day}T10:00:00Z", 1)
    found = asked(api)
    # 0.003, 0.006, 0.009 …: cumulative amounts are rounded, not those of single days.
    assert [one["spend"] for one in found["windows"][:7]] == ["0.00", "0.01", "0.00", "0.00", "0.01", "0.00", "0.00"]
    assert found["spend"] == "0.02" == invoice(api, "1p0.0")["lines"][0]["amount"]


def test_a_cap_is_not_taken_off_because_spend_is_gross(api: ApiClient) -> None:
    with_events(api, {**CENT, "maximum": "5.00"}, discount_percent="50")
    assert asked(api)["spend"] == "12.00"


def test_two_periods_in_one_range_are_rated_each_for_itself(api: ApiClient) -> None:
    with_events(api, TIERED)
    set_clock("2026-02-10")
    send(api, "f1", "2026-02-03T10:00:00Z", 900, model="a")
    found = asked(api, to="2026-03-01")
    lines = gross(invoice(api, "1p0.0")) + gross(invoice(api, "1p1.0"))
    assert Decimal(found["spend"]) == lines == Decimal("27.00") + Decimal("23.00")
    assert spends(found)["2026-02-03T00:00:00Z"] == "18.00"
    assert [one["spend"] for one in asked(api, to="2026-03-01", window="month")["windows"]] == ["27.00", "23.00"]


def test_a_change_of_plan_inside_the_period_is_rated_by_both_plans(api: ApiClient) -> None:
    with_events(api, CENT)
    add_plan(api, [{**CENT, "unit_price": "0.03"}], "large")
    body_of(api.post("/v1/subscriptions/sub_acme.1/change", {"plan": "large", "at": "now"}))
    set_clock("2026-01-20")
    send(api, "e5", "2026-01-16T10:00:00Z", 100, model="a")
    assert spends(asked(api)) == {
        "2026-01-05T00:00:00Z": "8.00",
        "2026-01-12T00:00:00Z": "4.00",
        "2026-01-16T00:00:00Z": "3.00",
    }
    assert gross(invoice(api, "1p0.0")) == Decimal("15.00")


def test_several_charges_on_one_meter_add_up(api: ApiClient) -> None:
    with_events(api, CENT, {**CENT, "key": "premium", "filter": {"model": ["b"]}, "unit_price": "0.10"})
    assert spends(asked(api)) == {"2026-01-05T00:00:00Z": "18.00", "2026-01-12T00:00:00Z": "4.00"}
    assert Decimal(asked(api)["spend"]) == gross(invoice(api, "1p0.0"))


def test_a_charge_with_prices_by_a_dimension_costs_what_its_lines_come_to(api: ApiClient) -> None:
    prices = {"a": {"model": "per_unit", "unit_price": "0.05"}, "b": {"model": "per_unit", "unit_price": "1"}}
    by_model = {name: value for name, value in CENT.items() if name not in ("unit_price", "model")}
    with_events(api, {**by_model, "prices_by": {"dimension": "model", "prices": prices}})
    assert spends(asked(api)) == {"2026-01-05T00:00:00Z": "135.00", "2026-01-12T00:00:00Z": "20.00"}


def groups(found: Any) -> dict[tuple[str, str], str]:
    """Give what each group costs, by day and model; ``rest`` for those beyond the top."""
    return {
        (one["start"][:10], "rest" if one.get("rest") else one["group"]["model"]): one["spend"]
        for one in found["windows"]
    }


def test_groups_share_a_window_by_quantity_with_the_largest_remainder(api: ApiClient) -> None:
    add_plan(api, [{**CENT, "unit_price": "0.01"}])
    subscribe(api)
    set_clock("2026-01-10")
    for model in "abc":
        send(api, model, "2026-01-05T10:00:00Z", "0.5", model=model)
    # 1.5 tokens cost 0.015, rounded 0.02: of three equal shares the first two by name get a cent.
    found = asked(api, group_by="model")
    day = "2026-01-05"
    assert groups(found) == {(day, "a"): "0.01", (day, "b"): "0.01", (day, "c"): "0.00"}
    assert found["spend"] == "0.02"
    top = asked(api, group_by="model", top=1)
    assert groups(top) == {(day, "a"): "0.01", (day, "rest"): "0.01"}


def test_groups_of_all_windows_add_up_to_the_windows(api: ApiClient) -> None:
    with_events(api, TIERED)
    whole, grouped = spends(asked(api)), asked(api, group_by="model")
    by_day: dict[str, Decimal] = {}
    for (day, _), spend in groups(grouped).items():
        by_day[day] = by_day.get(day, Decimal(0)) + Decimal(spend)
    assert {f"{day}T00:00:00Z": f"{spend:.2f}" for day, spend in by_day.items()} == {
        start: spend for start, spend in whole.items() if not start.startswith("2026-01-01")
    }
    # 16.00 for 700 of a and 100 of b.
    assert groups(grouped) == {("2026-01-05", "a"): "14.00", ("2026-01-05", "b"): "2.00", ("2026-01-12", "a"): "6.00"}


def test_a_filter_keeps_the_share_of_what_it_accepts(api: ApiClient) -> None:
    with_events(api, TIERED)
    found = asked(api, **{"filter[model]": "b"})
    assert (found["spend"], found["total"]) == ("2.00", "100")
    assert {one["start"][:10]: one["spend"] for one in found["windows"] if one["spend"]} == {"2026-01-05": "2.00"}


def test_groups_of_a_meter_that_does_not_add_up_have_no_spend(api: ApiClient) -> None:
    add_meter(api, "peak", "max", event_type="tokens")
    with_events(api, {**CENT, "key": "peak", "meter": "peak", "unit_price": "1"})
    found = asked(api, meter="peak")
    assert (found["spend"], spends(found)) == ("700.00", {"2026-01-05T00:00:00Z": "700.00"})
    assert {one["spend"] for one in asked(api, meter="peak", group_by="model")["windows"]} == {None}
    assert asked(api, meter="peak", group_by="model")["spend"] == "700.00"
    assert asked(api, meter="peak", **{"filter[model]": "b"})["spend"] is None


def test_a_volume_price_may_make_a_later_window_cost_less_than_nothing(api: ApiClient) -> None:
    volume = {**TIERED, "model": "volume"}
    volume["tiers"] = [{"up_to": "1000", "unit_price": "0.02"}, {"up_to": None, "unit_price": "0.01"}]
    add_plan(api, [volume])
    subscribe(api)
    set_clock("2026-01-10")
    send(api, "e1", "2026-01-05T10:00:00Z", 1000, model="a")
    send(api, "e2", "2026-01-06T10:00:00Z", 1, model="a")
    assert spends(asked(api)) == {"2026-01-05T00:00:00Z": "20.00", "2026-01-06T00:00:00Z": "-9.99"}


def test_usage_without_a_subscription_costs_nothing_that_anybody_knows(api: ApiClient) -> None:
    set_clock("2026-01-15")
    send(api, "e1", "2026-01-05T10:00:00Z", 100)
    found = asked(api)
    assert (found["billable"], found["spend"], {one["spend"] for one in found["windows"]}) == (False, None, {None})


def test_usage_before_the_subscription_costs_nothing(api: ApiClient) -> None:
    add_plan(api)
    set_clock("2026-01-10T12:00:00Z")
    subscribe(api)
    send(api, "before", "2026-01-10T11:59:00Z", 100)
    send(api, "after", "2026-01-10T12:00:00Z", 7)
    assert spends(asked(api)) == {"2026-01-10T00:00:00Z": "0.07"}
    assert gross(invoice(api, "1p0.0")) == Decimal("0.07")


def test_spend_is_known_from_the_first_instant_of_the_period(api: ApiClient) -> None:
    add_plan(api, [TIERED])
    subscribe(api, start="2026-01-10T12:00:00Z")
    set_clock("2026-01-10T11:59:59Z")
    assert asked(api, include_zero="true")["spend"] is None
    set_clock("2026-01-10T12:00:00Z")
    assert Decimal(asked(api, include_zero="true")["spend"]) == gross(invoice(api, "1p0.0")) == Decimal("3.55")


def test_what_usage_costs_is_the_same_before_and_after_rollup_and_finalization(api: ApiClient) -> None:
    with_events(api, TIERED)
    live = asked(api)["windows"]
    run(api, "rollup_usage")
    assert asked(api)["windows"] == live
    run(api, "run_billing", "2026-02-02")
    assert asked(api)["windows"] == live
