"""What a subscription may change of its plan: merged field by field, checked like a new plan."""

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.catalog import plan_service
from chalicelib.catalog.plan_content import PlanVersion, canonical_content, read_plan
from chalicelib.catalog.plan_overrides import canonical_overrides, merge_overrides
from chalicelib.catalog.plans import Plan, PriceModel, UsageCharge
from chalicelib.catalog.subscriptions import Terms
from chalicelib.shared import strict_json
from chalicelib.shared.errors import InvalidInput
from tests.catalog.pricing import CALLS, PLAN, VERSION, as_sent, create_meters
from tests.client import ApiClient
from tests.conftest import NOON

CONTENT = canonical_content(as_sent({**VERSION, "minimum": "100", "discount_percent": "10", "net_days": 14}))
PRO = PlanVersion(key="pro", version=3, content=CONTENT, created_at=NOON)


def merged(**overrides: Any) -> Plan:
    content = merge_overrides(CONTENT, as_sent(overrides))
    return read_plan(content, key="pro", version=3, created_at=NOON)


def charge(**fields: Any) -> dict[str, Any]:
    return {"calls": fields}


def calls_of(plan: Plan) -> UsageCharge:
    first = plan.charges[0]
    assert isinstance(first, UsageCharge)
    return first


@pytest.fixture
def _meters(client: ApiClient) -> None:
    create_meters(client)


def places(overrides: Any) -> set[str]:
    """List where overrides have faults."""
    found = [fault.pointer for fault in plan_service.override_faults(PRO, as_sent(overrides))]
    assert len(found) == len(set(found))
    return set(found)


def test_nothing_changes_nothing() -> None:
    nothings: list[dict[str, Any]] = [{}, {"charges": {}}, {"charges": {"calls": {}}}]
    for nothing in nothings:
        assert merge_overrides(CONTENT, nothing) == CONTENT


def test_what_is_named_changes_and_the_rest_stays() -> None:
    plan = merged(minimum="50.5", net_days=7, charges=charge(unit_price="0.0050", included=100))
    assert (plan.minimum_minor, plan.net_days, plan.discount_percent) == (5050, 7, Decimal(10))
    assert (plan.grace_hours, plan.name) == (24, "Pro")
    calls = calls_of(plan)
    assert calls.price is not None
    assert (calls.price.unit_price, calls.price.included, calls.name) == (Decimal("0.005"), Decimal(100), "Calls")
    assert plan.charges[1:] == PRO.plan.charges[1:]


def test_null_takes_a_field_away() -> None:
    plan = merged(minimum=None, discount_percent=None, net_days=None)
    assert (plan.minimum_minor, plan.discount_percent, plan.net_days) == (None, Decimal(0), 30)
    wider = canonical_content(as_sent({**VERSION, "charges": [{**CALLS, "included": "5", "minimum": "1"}]}))
    content = merge_overrides(wider, {"charges": {"calls": {"included": None, "minimum": None}}})
    assert content["charges"] == [CALLS]


def test_another_model_takes_the_fields_of_the_first_away() -> None:
    tiers = [{"up_to": None, "unit_price": "2"}]
    calls = calls_of(merged(charges=charge(model="volume", tiers=tiers, unit_price=None)))
    assert calls.price is not None
    assert (calls.price.model, calls.price.unit_price) == (PriceModel.VOLUME, Decimal(0))
    assert calls.price.tiers[0].unit_price == Decimal(2)


def test_lists_and_objects_are_replaced_whole() -> None:
    by = {"dimension": "kind", "prices": {"x": {"unit_price": "1"}}}
    charges = merge_overrides(CONTENT, {"charges": {"by-model": {"prices_by": by}}})["charges"]
    assert charges[2]["prices_by"] == by


def test_overrides_as_they_were_sent_and_as_they_are_stored_mean_the_same() -> None:
    sent = as_sent({"net_days": 7, "minimum": 12, "charges": charge(unit_price=0.5)})
    stored = canonical_overrides(CONTENT, sent)
    assert stored == {"minimum": "12.00", "net_days": 7, "charges": {"calls": {"unit_price": "0.5"}}}
    assert merge_overrides(CONTENT, stored) == merge_overrides(CONTENT, sent)
    assert canonical_overrides(CONTENT, stored) == stored
    assert strict_json.dump(stored) != ""


def test_what_is_taken_away_stays_so_when_stored() -> None:
    sent = {"minimum": None, "net_days": None, "charges": {"seats": {}, "calls": {"included": None}}}
    stored = canonical_overrides(CONTENT, sent)
    assert stored == {"minimum": None, "net_days": None, "charges": {"calls": {"included": None}}}
    assert canonical_overrides(CONTENT, {"charges": None}) == {}


@pytest.mark.usefixtures("_meters")
@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"charges": None, "minimum": None, "discount_percent": None, "net_days": None},
        {"minimum": "0", "discount_percent": 100, "net_days": 365},
        {"charges": {"calls": {"name": "My calls", "unit_price": "0.001", "filter": {"model": ["a"]}}}},
        {"charges": {"seats": {"amount": 0, "timing": "arrears", "prorate": False}}},
        {"charges": {"calls": {"key": "calls", "type": "usage", "meter": "calls"}}},
        {"charges": {"calls": {"model": "package", "unit_price": None, "package_size": 5, "package_price": 1}}},
        {"charges": {"calls": {}, "tokens": {"included": "1"}}},
    ],
)
def test_sound_overrides_are_accepted(overrides: Any) -> None:
    assert places(overrides) == set()
    terms = plan_service.accept_overrides(PRO, as_sent(overrides))
    assert (terms.plan, terms.version) == ("pro", 3)
    assert merge_overrides(CONTENT, terms.overrides) == merge_overrides(CONTENT, as_sent(overrides))


@pytest.mark.usefixtures("_meters")
@pytest.mark.parametrize(
    ("overrides", "place"),
    [
        (None, ""),
        ([], ""),
        ({"grace_hours": 1}, "/grace_hours"),
        ({"currency": "EUR"}, "/currency"),
        ({"charges": []}, "/charges"),
        ({"charges": {"nothing": {}}}, "/charges/nothing"),
        ({"charges": {"calls": None}}, "/charges/calls"),
        ({"charges": {"calls": []}}, "/charges/calls"),
        ({"charges": {"calls": {"key": "tokens"}}}, "/charges/calls/key"),
        ({"charges": {"calls": {"type": "recurring"}}}, "/charges/calls/type"),
        ({"charges": {"calls": {"meter": "tokens"}}}, "/charges/calls/meter"),
        ({"charges": {"calls": {"meter": None}}}, "/charges/calls/meter"),
        ({"charges": {"calls": {"name": None}}}, "/charges/calls/name"),
        ({"charges": {"calls": {"unit_price": None}}}, "/charges/calls/unit_price"),
        ({"charges": {"calls": {"unit_price": "-1"}}}, "/charges/calls/unit_price"),
        ({"charges": {"calls": {"tiers": [{"up_to": None}]}}}, "/charges/calls/tiers"),
        ({"charges": {"calls": {"colour": "red"}}}, "/charges/calls/colour"),
        ({"charges": {"calls": {"filter": {"region": ["x"]}}}}, "/charges/calls/filter/region"),
        ({"charges": {"calls": {"minimum": "0.001"}}}, "/charges/calls/minimum"),
        ({"charges": {"calls": {"minimum": "2", "maximum": "1"}}}, "/charges/calls/maximum"),
        ({"charges": {"tokens": {"tiers": [{"up_to": "1"}]}}}, "/charges/tokens/tiers/0/up_to"),
        ({"charges": {"by-model": {"included": "1"}}}, "/charges/by-model/included"),
        ({"charges": {"by-model": {"model": None}}}, "/charges/by-model/prices_by/prices/large/model"),
        ({"charges": {"seats": {"amount": "x"}}}, "/charges/seats/amount"),
        ({"charges": {"seats": {"unit_price": "1"}}}, "/charges/seats/unit_price"),
        ({"minimum": "0.001"}, "/minimum"),
        ({"discount_percent": "101"}, "/discount_percent"),
        ({"net_days": 366}, "/net_days"),
        ({"net_days": "7"}, "/net_days"),
    ],
)
def test_a_fault_points_into_the_overrides(overrides: Any, place: str) -> None:
    found = places(overrides)
    assert f"/overrides{place}" in found
    assert len(found) == (2 if place.endswith("/prices/large/model") else 1)


@pytest.mark.usefixtures("_meters")
def test_every_fault_of_overrides_is_named_at_once() -> None:
    wrong = {
        "minimum": "x",
        "name": "Mine",
        "charges": {"nothing": {"unit_price": "1"}, "calls": {"key": "k", "unit_price": "x"}, "tokens": 5},
    }
    with pytest.raises(InvalidInput) as refused:
        plan_service.accept_overrides(PRO, as_sent(wrong))
    assert {fault.pointer for fault in refused.value.faults} == {
        *("/overrides/minimum", "/overrides/name", "/overrides/charges/nothing", "/overrides/charges/tokens"),
        *("/overrides/charges/calls/key", "/overrides/charges/calls/unit_price"),
    }


def test_a_plan_whose_meter_has_ended_can_still_be_overridden(client: ApiClient) -> None:
    create_meters(client)
    assert client.post("/v1/plans", PLAN).status_code == 201
    client.post("/v1/meters/calls/archive")
    version = plan_service.get_plan_version("pro", 1)
    assert plan_service.override_faults(version, as_sent({"charges": charge(unit_price="1")})) == []


def test_terms_with_overrides_give_the_plan_that_comes_out(client: ApiClient) -> None:
    create_meters(client)
    assert client.post("/v1/plans", PLAN).status_code == 201
    terms = plan_service.accept_overrides(
        plan_service.get_plan_version("pro"), as_sent({"charges": charge(unit_price="1"), "discount_percent": 5})
    )
    plan, plain = plan_service.effective_plans([terms, Terms("pro", 1)])
    assert plan.discount_percent == Decimal(5)
    price, was = calls_of(plan).price, calls_of(plain).price
    assert price is not None
    assert was is not None
    assert (price.unit_price, was.unit_price) == (Decimal(1), Decimal("0.01"))
