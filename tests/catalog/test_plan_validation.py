"""What a plan may be: every fault is named at its place, all of them at once."""

from typing import Any

import pytest

from chalicelib.catalog.plan_check_service import KeyedPlanShape, plan_faults
from chalicelib.catalog.plan_rules import archived_faults
from tests.catalog.pricing import BY_MODEL, CALLS, METERS, PLAN, SEATS, TOKENS, VERSION, as_sent, meter

PACKAGE = {**{name: CALLS[name] for name in ("key", "name", "type", "meter")}, "model": "package"}
PACKAGE = {**PACKAGE, "package_size": "1000", "package_price": "0.001"}
VOLUME = {**TOKENS, "model": "volume"}
GONE: Any = object()


def places(body: Any) -> list[str]:
    """List where a version of a plan has faults."""
    found = [fault.pointer for fault in plan_faults(as_sent(body), METERS)]
    assert len(found) == len(set(found)), found
    return sorted(found)


def plan(**changed: Any) -> dict[str, Any]:
    return without_gone({**VERSION, **changed})


def charge(base: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Give a plan whose one charge is changed; ``GONE`` leaves a field out."""
    return plan(charges=[without_gone({**base, **changed})])


def without_gone(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not GONE}


def tiers(*bounds: Any) -> dict[str, Any]:
    return charge(TOKENS, tiers=[{"up_to": bound, "unit_price": "1"} for bound in bounds])


def by(**changed: Any) -> dict[str, Any]:
    prices_by: Any = BY_MODEL["prices_by"]
    return charge(BY_MODEL, prices_by=without_gone({**prices_by, **changed}))


@pytest.mark.parametrize("base", [CALLS, TOKENS, VOLUME, PACKAGE, BY_MODEL, SEATS])
def test_each_kind_of_charge_is_sound(base: dict[str, Any]) -> None:
    assert places(charge(base)) == []


def test_a_plan_without_charges_is_sound() -> None:
    assert places(plan(charges=[])) == []


@pytest.mark.parametrize("field", ["name", "currency", "billing_period", "charges"])
def test_a_plan_needs_these_fields(field: str) -> None:
    for lacking in (GONE, None):
        assert places(plan(**{field: lacking})) == [f"/{field}"]


@pytest.mark.parametrize(
    ("field", "least", "most"),
    [("usage_history_days", 1, 1100), ("net_days", 0, 365), ("grace_hours", 0, 720)],
)
def test_days_and_hours_have_bounds(field: str, least: int, most: int) -> None:
    for right in (least, most):
        assert places(plan(**{field: right})) == []
    for wrong in (least - 1, most + 1, str(least), 1.5, None, True):
        assert places(plan(**{field: wrong})) == [f"/{field}"]


def test_a_discount_lies_between_nothing_and_everything() -> None:
    for right in (0, 100, "12.5"):
        assert places(plan(discount_percent=right)) == []
    for wrong in ("-0.1", "100.1", "ten", None):
        assert places(plan(discount_percent=wrong)) == ["/discount_percent"]


@pytest.mark.parametrize("period", ["week", "month", "quarter", "year"])
def test_the_billing_periods_are_these(period: str) -> None:
    assert places(plan(billing_period=period)) == []
    assert places(plan(billing_period=period + "s")) == ["/billing_period"]


@pytest.mark.parametrize("currency", ["ABC", "usd", "USDX", "", 7, ["USD"]])
def test_the_currency_is_one_in_use(currency: Any) -> None:
    assert places(plan(currency=currency)) == ["/currency"]


@pytest.mark.parametrize("base", [CALLS, TOKENS, VOLUME, PACKAGE, BY_MODEL, SEATS])
def test_fields_that_are_not_known_are_refused_everywhere(base: dict[str, Any]) -> None:
    assert places(charge(base, colour="red")) == ["/charges/0/colour"]
    assert places({**charge(base), "key": "pro"}) == ["/key"]


def test_unknown_fields_inside_prices_are_refused() -> None:
    assert places(charge(TOKENS, tiers=[{"up_to": None, "price": "1"}])) == ["/charges/0/tiers/0/price"]
    assert places(by(prices={"a": {"unit_price": "1", "name": "A"}})) == ["/charges/0/prices_by/prices/a/name"]
    assert places(by(other=1)) == ["/charges/0/prices_by/other"]


@pytest.mark.parametrize("kind", [GONE, None, "one_off", 5, ["usage"]])
def test_a_charge_says_what_type_it_is(kind: Any) -> None:
    assert places(charge(CALLS, type=kind)) == ["/charges/0/type"]


def test_a_charge_is_an_object() -> None:
    assert places(plan(charges=[5, CALLS, "usage", []])) == ["/charges/0", "/charges/2", "/charges/3"]


@pytest.mark.parametrize("field", ["key", "name", "meter", "model"])
def test_a_usage_charge_needs_these_fields(field: str) -> None:
    for lacking in (GONE, None):
        assert places(charge(CALLS, **{field: lacking})) == [f"/charges/0/{field}"]


@pytest.mark.parametrize("field", ["key", "name", "amount", "timing"])
def test_a_recurring_charge_needs_these_fields(field: str) -> None:
    for lacking in (GONE, None):
        assert places(charge(SEATS, **{field: lacking})) == [f"/charges/0/{field}"]


@pytest.mark.parametrize(
    ("base", "field"),
    [
        (CALLS, "unit_price"),
        (TOKENS, "tiers"),
        (VOLUME, "tiers"),
        (PACKAGE, "package_size"),
        (PACKAGE, "package_price"),
    ],
)
def test_each_model_needs_its_fields(base: dict[str, Any], field: str) -> None:
    for lacking in (GONE, None):
        assert places(charge(base, **{field: lacking})) == [f"/charges/0/{field}"]


FIELDS = {
    "unit_price": "1",
    "tiers": [{"up_to": None, "unit_price": "1"}],
    "package_size": "1",
    "package_price": "1",
}


@pytest.mark.parametrize("base", [CALLS, TOKENS, VOLUME, PACKAGE])
@pytest.mark.parametrize("field", FIELDS)
def test_fields_of_another_model_are_refused(base: dict[str, Any], field: str) -> None:
    assert places(charge(base, **{field: FIELDS[field]})) == ([] if field in base else [f"/charges/0/{field}"])


@pytest.mark.parametrize("field", ["meter", "model", "unit_price", "included", "filter", "minimum", "prices_by"])
def test_a_recurring_charge_has_nothing_of_usage(field: str) -> None:
    assert places(charge(SEATS, **{field: "1"})) == [f"/charges/0/{field}"]


@pytest.mark.parametrize("base", [CALLS, TOKENS, VOLUME, PACKAGE])
def test_units_may_be_included_in_every_model(base: dict[str, Any]) -> None:
    assert places(charge(base, included="0.5")) == []
    assert places(charge(base, included="-0.5")) == ["/charges/0/included"]


@pytest.mark.parametrize(
    ("bounds", "wrong"),
    [
        (["1", "2", None], []),
        ([None], []),
        (["0.000000000001", None], []),
        (["2", "1", None], [1]),
        (["1", "1.0", None], [1]),
        (["1", "3", "2", "4", None], [2]),
        (["1"], [0]),
        (["1", "2"], [1]),
        (["1", None, None], [1]),
        ([None, "1"], [0, 1]),
        (["0", None], [0]),
        (["-1", None], [0]),
        (["many", "2", "1", None], [0, 2]),
    ],
)
def test_bounds_of_tiers_rise_to_an_open_end(bounds: list[Any], wrong: list[int]) -> None:
    assert places(tiers(*bounds)) == [f"/charges/0/tiers/{index}/up_to" for index in wrong]


def test_a_tier_says_its_bound_even_if_it_has_none() -> None:
    assert places(charge(TOKENS, tiers=[{"unit_price": "1"}])) == ["/charges/0/tiers/0/up_to"]


def test_a_graduated_price_has_a_tier() -> None:
    assert places(charge(TOKENS, tiers=[])) == ["/charges/0/tiers"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (charge(CALLS, unit_price="-0.01"), "/charges/0/unit_price"),
        (charge(PACKAGE, package_price="-1"), "/charges/0/package_price"),
        (charge(PACKAGE, package_size="0"), "/charges/0/package_size"),
        (charge(PACKAGE, package_size="-1"), "/charges/0/package_size"),
        (charge(TOKENS, tiers=[{"up_to": None, "unit_price": "-1"}]), "/charges/0/tiers/0/unit_price"),
        (charge(TOKENS, tiers=[{"up_to": None, "flat_fee": "-1"}]), "/charges/0/tiers/0/flat_fee"),
        (charge(SEATS, amount="-20"), "/charges/0/amount"),
        (charge(CALLS, minimum="-1"), "/charges/0/minimum"),
        (charge(CALLS, maximum="-1"), "/charges/0/maximum"),
        (plan(minimum="-1"), "/minimum"),
    ],
)
def test_nothing_costs_less_than_nothing(body: dict[str, Any], place: str) -> None:
    assert places(body) == [place]


@pytest.mark.parametrize("number", ["1e3", "1.", ".5", "+1", " 1", "1,5", "", "١", "0.0000000000001", True, [], "NaN"])
def test_prices_keep_the_strict_form_of_numbers(number: Any) -> None:
    assert places(charge(CALLS, unit_price=number)) == ["/charges/0/unit_price"]


@pytest.mark.parametrize(
    ("place", "body"),
    [
        ("/minimum", lambda amount, currency: plan(minimum=amount, currency=currency, charges=[])),
        ("/charges/0/minimum", lambda amount, currency: charge(CALLS, minimum=amount) | {"currency": currency}),
        ("/charges/0/maximum", lambda amount, currency: charge(CALLS, maximum=amount) | {"currency": currency}),
        ("/charges/0/amount", lambda amount, currency: charge(SEATS, amount=amount) | {"currency": currency}),
    ],
)
@pytest.mark.parametrize(
    ("currency", "right", "wrong"), [("USD", "0.01", "0.001"), ("JPY", "1.0", "0.1"), ("KWD", "0.001", "0.0001")]
)
def test_amounts_of_money_are_no_finer_than_the_currency(
    place: str, body: Any, currency: str, right: str, wrong: str
) -> None:
    assert places(body(right, currency)) == []
    assert places(body(wrong, currency)) == [place]


def test_prices_may_be_finer_than_the_currency() -> None:
    fine = "0.000000000001"
    assert places(charge(CALLS, unit_price=fine)) == []
    assert places(charge(PACKAGE, package_price=fine)) == []
    assert places(charge(TOKENS, tiers=[{"up_to": None, "unit_price": fine, "flat_fee": fine}])) == []


def test_a_maximum_is_at_least_the_minimum() -> None:
    assert places(charge(CALLS, minimum="5", maximum="5.00")) == []
    assert places(charge(CALLS, minimum="5", maximum="4.99")) == ["/charges/0/maximum"]


def test_no_two_charges_have_one_key() -> None:
    charges = [CALLS, SEATS, {**TOKENS, "key": "calls"}, {**SEATS, "key": "calls"}]
    assert places(plan(charges=charges)) == ["/charges/2/key", "/charges/3/key"]


def test_a_charge_prices_a_meter_that_exists() -> None:
    assert places(charge(CALLS, meter="nothing")) == ["/charges/0/meter"]


def test_an_archived_meter_is_told_apart_from_an_unknown_one() -> None:
    meters = {**METERS, "calls": meter("calls", archived=True)}
    body = as_sent(plan(charges=[TOKENS, CALLS, SEATS, {**CALLS, "key": "more", "meter": "nothing"}]))
    assert [fault.pointer for fault in plan_faults(body, meters)] == ["/charges/3/meter"]
    assert [fault.pointer for fault in archived_faults(body, meters)] == ["/charges/1/meter"]
    assert list(archived_faults(body, METERS)) == []


def test_a_filter_names_dimensions_of_the_meter() -> None:
    assert places(charge(CALLS, filter={"model": ["a", ""], "kind": ["x"]})) == []
    wrong = {"model": [], "region": ["eu"], "kind": ["x", 7], "a/b": ["y"]}
    assert places(charge(CALLS, filter=wrong)) == [
        "/charges/0/filter/a~1b",
        "/charges/0/filter/kind/1",
        "/charges/0/filter/model",
        "/charges/0/filter/region",
    ]


def test_the_dimensions_of_an_unknown_meter_are_not_judged() -> None:
    assert places(charge(CALLS, meter="nothing", filter={"region": ["eu"]})) == ["/charges/0/meter"]


def test_prices_are_by_a_dimension_of_the_meter() -> None:
    assert places(by(dimension="kind")) == []
    assert places(by(dimension="region")) == ["/charges/0/prices_by/dimension"]


@pytest.mark.parametrize("field", [*FIELDS, "included"])
def test_beside_prices_by_a_charge_has_no_price_of_its_own(field: str) -> None:
    value = FIELDS.get(field, "100")
    assert places(charge(BY_MODEL, **{field: value})) == [f"/charges/0/{field}"]


def test_a_price_without_a_model_has_that_of_the_charge() -> None:
    prices = {"a": {"unit_price": "1"}, "b": {"model": "volume", "tiers": FIELDS["tiers"]}}
    assert places(by(prices=prices, default=None)) == []
    body = by(prices=prices)
    body["charges"][0]["model"] = "graduated"
    assert places(body) == [
        "/charges/0/prices_by/default/tiers",
        "/charges/0/prices_by/default/unit_price",
        "/charges/0/prices_by/prices/a/tiers",
        "/charges/0/prices_by/prices/a/unit_price",
    ]
    del body["charges"][0]["model"]
    assert places(body) == ["/charges/0/prices_by/default/model", "/charges/0/prices_by/prices/a/model"]


def test_tiers_inside_prices_by_are_judged_like_others() -> None:
    wrong = {"model": "volume", "tiers": [{"up_to": "2"}, {"up_to": "1"}, {"up_to": "3"}]}
    assert places(by(prices={"": wrong, "a/b": {"unit_price": "x"}}, default=GONE)) == [
        "/charges/0/prices_by/prices//tiers/1/up_to",
        "/charges/0/prices_by/prices//tiers/2/up_to",
        "/charges/0/prices_by/prices/a~1b/unit_price",
    ]


def test_counts_have_limits() -> None:
    many = [{**SEATS, "key": f"s{number}"} for number in range(101)]
    assert places(plan(charges=many[:100])) == []
    assert places(plan(charges=many)) == ["/charges"]
    bounds = [*range(1, 100), None]
    assert places(tiers(*bounds)) == []
    assert places(tiers("0.5", *bounds)) == ["/charges/0/tiers"]
    prices = {str(number): {"unit_price": "1"} for number in range(1000)}
    assert places(by(prices=prices)) == []
    assert places(by(prices={**prices, "one more": {"unit_price": "1"}})) == ["/charges/0/prices_by/prices"]


def test_every_fault_is_named_at_once_whatever_else_is_wrong() -> None:
    sent = {
        "key": "Pro!",
        "currency": "USD",
        "billing_period": "day",
        "minimum": "0.001",
        "charges": [
            {**CALLS, "minimum": "x", "meter": "nothing"},
            {**TOKENS, "tiers": [{"up_to": "5", "unit_price": "-1"}, {"up_to": "4"}], "unit_price": "1"},
            {**BY_MODEL, "included": "5", "filter": {"region": []}},
            {**SEATS, "key": "tokens", "amount": "1.999", "timing": "never"},
            {"type": "free"},
        ],
        "colour": "red",
    }
    found = {fault.pointer for fault in plan_faults(as_sent(sent), METERS, shape=KeyedPlanShape)}
    assert found == {
        *("/key", "/name", "/billing_period", "/minimum", "/colour"),
        *("/charges/0/minimum", "/charges/0/meter"),
        *("/charges/1/tiers/0/unit_price", "/charges/1/tiers/1/up_to", "/charges/1/unit_price"),
        *("/charges/2/included", "/charges/2/filter/region"),
        *("/charges/3/key", "/charges/3/amount", "/charges/3/timing", "/charges/4/type"),
    }


def test_a_first_version_needs_a_key() -> None:
    body = as_sent({name: value for name, value in PLAN.items() if name != "key"})
    assert [fault.pointer for fault in plan_faults(body, METERS, shape=KeyedPlanShape)] == ["/key"]


@pytest.mark.parametrize("value", [None, True, 7, "x", [], [[]], {}, {"a": {}}])
@pytest.mark.parametrize(
    "field", [*sorted({*CALLS, *TOKENS, *BY_MODEL, *SEATS}), "filter", "minimum", "maximum", "included", "package_size"]
)
def test_no_value_of_any_field_is_more_than_a_fault(field: str, value: Any) -> None:
    for base in (CALLS, TOKENS, BY_MODEL, SEATS):
        found = places(charge(base, **{field: value}))
        assert all(place.startswith("/charges/0") for place in found)


@pytest.mark.parametrize("value", [None, True, 7, "x", [], [[]], {}, {"a": {}}])
@pytest.mark.parametrize("inside", ["dimension", "prices", "default"])
def test_no_value_inside_prices_by_is_more_than_a_fault(inside: str, value: Any) -> None:
    assert all(place.startswith("/charges/0/prices_by") for place in places(by(**{inside: value})))
    assert all(place.startswith("/charges/0/prices_by") for place in places(by(prices={"a": value})))
