"""Plans over HTTP: published version by version, repeated safely, never changed, read as they were published."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.catalog import plan_memory_store, plan_service, plans_store
from chalicelib.catalog.plan_memory_store import MOST_REMEMBERED, remembered_plans
from chalicelib.catalog.plans import Price, PriceModel, PricesBy, RecurringCharge, Tier, Timing, UsageCharge
from chalicelib.catalog.subscriptions import Terms
from chalicelib.shared.billing_periods import PeriodUnit
from chalicelib.shared.clock import Clock
from chalicelib.shared.errors import NotFound
from tests.catalog.conftest import Storage
from tests.catalog.pricing import BY_MODEL, CALLS, PLAN, SEATS, TOKENS, VERSION, create_meters
from tests.catalog.problems import code_of, faults_of
from tests.client import ApiClient
from tests.conftest import NOON

PLANS = "/v1/plans"
PRO = f"{PLANS}/pro"
VERSIONS = f"{PRO}/versions"


@pytest.fixture(autouse=True)
def _meters(client: ApiClient) -> None:
    create_meters(client)


def create(client: ApiClient, **changed: Any) -> dict[str, Any]:
    created = client.post(PLANS, {**PLAN, **changed})
    assert created.status_code == 201, created.body
    return dict(created.json_body)


def publish(client: ApiClient, **changed: Any) -> int:
    published = client.post(VERSIONS, {**VERSION, **changed})
    assert published.status_code == 201, published.body
    return int(published.json_body["version"])


def test_a_plan_is_shown_with_its_defaults_and_what_its_charges_say(client: ApiClient) -> None:
    created = client.post(PLANS, PLAN)
    assert created.status_code == 201
    first, last = TOKENS["tiers"]
    assert created.json_body == {
        **PLAN,
        "charges": [
            CALLS,
            {**TOKENS, "tiers": [first, {**last, "flat_fee": "0"}]},
            BY_MODEL,
            {**SEATS, "prorate": True},
        ],
        "version": 1,
        "minimum": None,
        "discount_percent": "0",
        "usage_history_days": 90,
        "net_days": 30,
        "grace_hours": 24,
        "created_at": "2026-01-15T12:00:00Z",
    }
    assert client.get(PRO).json_body == client.get(f"{VERSIONS}/1").json_body == created.json_body


def test_money_is_shown_in_the_currency_and_prices_exactly(client: ApiClient) -> None:
    charges = [
        {**CALLS, "unit_price": "0.0100", "included": "100.0", "minimum": 5, "maximum": "7.5"},
        {**TOKENS, "tiers": [{"up_to": 10, "flat_fee": "0.0050"}, {"up_to": None, "unit_price": 0}]},
        {**SEATS, "amount": "20", "prorate": False},
    ]
    shown = create(client, charges=charges, minimum="1000", discount_percent="12.50", net_days=0)
    assert (shown["minimum"], shown["discount_percent"], shown["net_days"]) == ("1000.00", "12.5", 0)
    calls, tokens, seats = shown["charges"]
    assert (calls["unit_price"], calls["included"], calls["minimum"], calls["maximum"]) == (
        "0.01",
        "100",
        "5.00",
        "7.50",
    )
    assert tokens["tiers"] == [
        {"up_to": "10", "unit_price": "0", "flat_fee": "0.005"},
        {"up_to": None, "unit_price": "0", "flat_fee": "0"},
    ]
    assert (seats["amount"], seats["prorate"]) == ("20.00", False)


def test_money_in_yen_has_no_minor_digits(client: ApiClient) -> None:
    shown = create(client, currency="JPY", minimum="1000", charges=[{**SEATS, "amount": 20}])
    assert (shown["minimum"], shown["charges"][0]["amount"]) == ("1000", "20")


def test_what_is_null_is_as_if_it_were_left_out(client: ApiClient) -> None:
    nothing = {"included": None, "minimum": None, "maximum": None, "filter": None, "prices_by": None, "tiers": None}
    shown = create(client, minimum=None, charges=[{**CALLS, **nothing}])
    assert (shown["minimum"], shown["charges"]) == (None, [CALLS])


def test_values_of_a_filter_are_a_set(client: ApiClient) -> None:
    shown = create(client, charges=[{**CALLS, "filter": {"model": ["b", "a", "b"], "kind": ["x"]}}])
    assert shown["charges"][0]["filter"] == {"kind": ["x"], "model": ["a", "b"]}


def test_a_plan_is_read_as_it_was_published(client: ApiClient) -> None:
    tokens = {**TOKENS, "filter": {"kind": ["x"]}, "minimum": "1", "maximum": "9.99"}
    create(client, charges=[tokens, BY_MODEL, SEATS], minimum="50", discount_percent=10)
    plan = plan_service.effective_plan(Terms("pro", 1))
    graduated = Price(
        model=PriceModel.GRADUATED,
        tiers=(Tier(Decimal(1000), Decimal("0.02"), Decimal(5)), Tier(None, Decimal("0.01"))),
    )
    per_unit, package = PriceModel.PER_UNIT, PriceModel.PACKAGE
    prices = {
        "large": Price(model=per_unit, unit_price=Decimal("0.5"), included=Decimal(10)),
        "small": Price(model=package, package_size=Decimal(100), package_price=Decimal(1)),
    }
    default = Price(model=per_unit, unit_price=Decimal("0.1"))
    assert plan.charges == (
        UsageCharge(
            key="tokens",
            name="Tokens",
            meter="tokens",
            price=graduated,
            filter={"kind": frozenset({"x"})},
            minimum_minor=100,
            maximum_minor=999,
        ),
        UsageCharge(key="by-model", name="By model", meter="tokens", prices_by=PricesBy("model", prices, default)),
        RecurringCharge(key="seats", name="Seats", amount_minor=2000, timing=Timing.ADVANCE, prorate=True),
    )
    assert (plan.key, plan.version, plan.name, plan.currency) == ("pro", 1, "Pro", "USD")
    assert (plan.billing_period, plan.created_at) == (PeriodUnit.MONTH, NOON)
    assert (plan.minimum_minor, plan.discount_percent) == (5000, Decimal(10))
    assert (plan.usage_history_days, plan.net_days, plan.grace_hours) == (90, 30, 24)


def test_faults_of_a_body_and_of_its_meters_come_together(client: ApiClient) -> None:
    client.post("/v1/meters/calls/archive")
    charges = [CALLS, {**CALLS, "key": "x", "meter": "nothing"}, {**TOKENS, "tiers": []}]
    wrong = {**PLAN, "key": "Pro", "charges": charges, "colour": "red"}
    expected = {"/charges/0/meter", "/charges/1/meter", "/charges/2/tiers", "/colour"}
    assert faults_of(client.post(PLANS, wrong)) == {"/key", *expected}
    assert client.get(PRO).status_code == 404
    create(client, charges=[])
    assert faults_of(client.post(VERSIONS, {**VERSION, "charges": charges, "colour": "red"})) == expected
    assert client.get(PRO).json_body["version"] == 1


@pytest.mark.parametrize("body", [[], [PLAN], "plan", 7])
def test_a_plan_is_an_object(client: ApiClient, body: Any) -> None:
    assert faults_of(client.post(PLANS, body)) == {""}


def test_a_new_plan_prices_no_archived_meter(client: ApiClient) -> None:
    client.post("/v1/meters/tokens/archive")
    assert faults_of(client.post(PLANS, PLAN)) == {"/charges/1/meter", "/charges/2/meter"}
    create(client, charges=[CALLS])
    assert faults_of(client.post(VERSIONS, {**VERSION, "charges": [TOKENS]})) == {"/charges/0/meter"}


def test_what_exists_is_answered_also_when_its_meter_has_ended(client: ApiClient) -> None:
    created = create(client)
    client.post("/v1/meters/tokens/archive")
    for again in (client.post(PLANS, PLAN), client.post(VERSIONS, VERSION)):
        assert (again.status_code, again.json_body) == (200, created)


def test_the_same_body_again_answers_with_the_existing_plan(client: ApiClient, clock: Clock) -> None:
    created = create(client)
    publish(client, name="Pro 2")
    clock.set(NOON + timedelta(days=1))
    again = client.post(PLANS, {**PLAN, "net_days": 30, "minimum": None})
    assert (again.status_code, again.json_body) == (200, created)
    # Another way to write the same numbers.
    charges = [{**CALLS, "unit_price": 0.010}, *PLAN["charges"][1:]]
    assert client.post(PLANS, {**PLAN, "charges": charges}).status_code == 200


@pytest.mark.parametrize(
    "other",
    [
        {"name": "Other"},
        {"currency": "EUR"},
        {"billing_period": "year"},
        {"charges": [CALLS]},
        {"charges": [CALLS, TOKENS, BY_MODEL, {**SEATS, "amount": "20.01"}]},
        {"charges": [TOKENS, CALLS, BY_MODEL, SEATS]},
        {"minimum": "0"},
        {"discount_percent": "1"},
        {"grace_hours": 0},
    ],
)
def test_another_body_under_the_key_is_a_conflict(client: ApiClient, other: dict[str, Any]) -> None:
    created = create(client)
    assert code_of(client.post(PLANS, {**PLAN, **other})) == "already-exists"
    assert client.get(PRO).json_body == created


def test_the_body_of_a_later_version_does_not_create_the_plan_again(client: ApiClient) -> None:
    create(client)
    publish(client, name="Pro 2")
    assert code_of(client.post(PLANS, {**PLAN, "name": "Pro 2"})) == "already-exists"


def test_versions_count_on_and_stay_what_they_were(client: ApiClient) -> None:
    created = create(client)
    assert publish(client, name="Pro 2", billing_period="year") == 2
    assert publish(client, charges=[]) == 3
    assert client.get(f"{VERSIONS}/1").json_body == created
    assert client.get(f"{VERSIONS}/2").json_body["billing_period"] == "year"
    assert client.get(PRO).json_body == client.get(f"{VERSIONS}/3").json_body
    assert client.get(PRO).json_body["charges"] == []


def test_the_same_version_again_answers_with_the_latest_one(client: ApiClient) -> None:
    create(client)
    assert client.post(VERSIONS, VERSION).json_body["version"] == 1
    publish(client, name="Pro 2")
    again = client.post(VERSIONS, {**VERSION, "name": "Pro 2"})
    assert (again.status_code, again.json_body["version"]) == (200, 2)
    # Going back to what it was is a change.
    assert publish(client) == 3


def test_the_currency_of_a_plan_never_changes(client: ApiClient) -> None:
    create(client)
    assert faults_of(client.post(VERSIONS, {**VERSION, "currency": "EUR", "net_days": -1})) == {
        "/currency",
        "/net_days",
    }
    assert faults_of(client.post(VERSIONS, {**VERSION, "currency": "ZZZ"})) == {"/currency"}
    without = {name: value for name, value in VERSION.items() if name != "currency"}
    published = client.post(VERSIONS, {**without, "minimum": "1"})
    assert (published.status_code, published.json_body["currency"]) == (201, "USD")
    assert faults_of(client.post(VERSIONS, {**without, "minimum": "0.001"})) == {"/minimum"}


def test_a_version_has_no_key_of_its_own(client: ApiClient) -> None:
    create(client)
    assert faults_of(client.post(VERSIONS, PLAN)) == {"/key"}


def test_of_two_who_create_the_same_plan_one_is_told_that_it_exists(client: ApiClient, storage: Storage) -> None:
    storage.before_write(lambda: create(client))
    assert client.post(PLANS, PLAN).status_code == 200


def test_of_two_who_create_a_key_differently_one_is_refused(client: ApiClient, storage: Storage) -> None:
    storage.before_write(lambda: create(client, name="First"))
    assert code_of(client.post(PLANS, PLAN)) == "already-exists"
    assert client.get(PRO).json_body["name"] == "First"


def test_two_versions_at_once_are_both_published(client: ApiClient, storage: Storage) -> None:
    create(client)
    storage.before_write(lambda: publish(client, name="First"))
    assert publish(client, name="Second") == 3
    names = [client.get(f"{VERSIONS}/{number}").json_body["name"] for number in (1, 2, 3)]
    assert names == ["Pro", "First", "Second"]


def test_a_version_whose_answer_was_lost_is_published_once(client: ApiClient, storage: Storage) -> None:
    create(client)
    storage.lose_next_answer("TransactWriteItems")
    client.post(VERSIONS, {**VERSION, "name": "Pro 2"})
    assert client.post(VERSIONS, {**VERSION, "name": "Pro 2"}).json_body["version"] == 2


def test_the_unknown_is_not_found(client: ApiClient) -> None:
    create(client)
    for response in (
        client.get(f"{PLANS}/nothing"),
        client.get(f"{PLANS}/nothing/versions/1"),
        client.post(f"{PLANS}/nothing/versions", VERSION),
        *(client.get(f"{VERSIONS}/{text}") for text in ("0", "2", "01", "-1", "1.0", "x", "1" * 7, "%D9%A1", "%C2%B2")),
    ):
        assert code_of(response) == "not-found"


def test_plans_are_listed_by_name_each_with_its_latest_version(client: ApiClient) -> None:
    for key, name in (("c", "Zebra"), ("a", "apple"), ("b", "Mango")):
        create(client, key=key, name=name)
    client.post(f"{PLANS}/c/versions", {**VERSION, "name": "Banana"})
    first = client.get(PLANS, limit=2).json_body
    second = client.get(PLANS, limit=2, cursor=first["next_cursor"]).json_body
    assert [(one["name"], one["version"]) for one in first["data"]] == [("apple", 1), ("Banana", 2)]
    assert ([one["key"] for one in second["data"]], second["next_cursor"]) == (["b"], None)
    assert second["data"] == [client.get(f"{PLANS}/b").json_body]
    assert client.get(PLANS, limit=3).json_body["next_cursor"] is None


def test_a_page_of_large_plans_is_shorter(client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("a", "b", "c"):
        create(client, key=key, name=key)
    size = len(plans_store.write_version(plan_service.get_plan_version("a")).encode())
    monkeypatch.setattr(plans_store, "MAX_PAGE_BYTES", 2 * size)
    page = client.get(PLANS).json_body
    assert [one["key"] for one in page["data"]] == ["a", "b"]
    rest = client.get(PLANS, cursor=page["next_cursor"]).json_body
    assert ([one["key"] for one in rest["data"]], rest["next_cursor"]) == (["c"], None)


def test_a_plan_is_no_larger_than_an_item_can_be(client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    create(client)
    size = len(plans_store.write_version(plan_service.get_plan_version("pro")).encode())
    monkeypatch.setattr(plans_store, "MAX_PLAN_BYTES", size - 1)
    assert code_of(client.post(PLANS, {**PLAN, "key": "pr2"})) == "too-large"
    monkeypatch.setattr(plans_store, "MAX_PLAN_BYTES", size)
    create(client, key="pr2")


def test_the_largest_plan_can_be_stored_and_read(client: ApiClient) -> None:
    prices = {f"{number:0>40}": {"unit_price": f"0.{number:012}"} for number in range(1000)}
    charges = [
        {**BY_MODEL, "key": f"c{number}", "prices_by": {"dimension": "model", "prices": prices}} for number in range(2)
    ]
    created = create(client, charges=charges)
    assert len(str(created)) > 150_000
    assert client.get(PRO).json_body == created


def test_only_unbound_admins_publish_and_ingesting_keys_read_no_plan(client: ApiClient) -> None:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme"})
    create(client)
    for role, organization in (("read", None), ("ingest", None), ("admin", "acme"), ("read", "acme")):
        caller = client.as_holder_of(client.make_key(role, organization))
        assert code_of(caller.post(PLANS, {**PLAN, "key": "other"})) == "forbidden"
        assert code_of(caller.post(VERSIONS, {**VERSION, "name": "Other"})) == "forbidden"
    reader, ingesting = (client.as_holder_of(client.make_key(role)) for role in ("read", "ingest"))
    assert [reader.get(path).status_code for path in (PLANS, PRO, f"{VERSIONS}/1")] == [200, 200, 200]
    assert [ingesting.get(path).status_code for path in (PLANS, PRO, f"{VERSIONS}/1")] == [403, 403, 403]
    assert client.get(PRO).json_body["version"] == 1


def test_a_version_of_a_plan_is_read_by_number_or_as_the_latest(client: ApiClient) -> None:
    create(client)
    publish(client, name="Pro 2")
    assert plan_service.get_plan_version("pro").version == 2
    assert plan_service.get_plan_version("pro", 1).content["name"] == "Pro"
    for key, version in (("pro", 3), ("pro", 0), ("nothing", 1), ("nothing", None)):
        with pytest.raises(NotFound):
            plan_service.get_plan_version(key, version)


def test_effective_plans_are_read_once_in_one_batch_and_given_in_order(client: ApiClient, storage: Storage) -> None:
    create(client)
    publish(client, name="Pro 2")
    wanted = [Terms("pro", 2), Terms("pro", 1, {"net_days": 7}), Terms("pro", 1), Terms("pro", 2)]
    storage.operations.clear()
    plans = plan_service.effective_plans(wanted)
    assert [(plan.version, plan.name, plan.net_days) for plan in plans] == [
        (2, "Pro 2", 30),
        (1, "Pro", 7),
        (1, "Pro", 30),
        (2, "Pro 2", 30),
    ]
    assert storage.operations == ["BatchGetItem"]
    assert plan_service.effective_plans(wanted) == plans
    assert plan_service.effective_plan(wanted[1]) == plans[1]
    assert plan_service.effective_plans([]) == []
    assert storage.operations == ["BatchGetItem"]


def test_terms_of_a_plan_that_does_not_exist_are_not_found(client: ApiClient) -> None:
    create(client)
    for terms in (Terms("pro", 2), Terms("nothing", 1)):
        with pytest.raises(NotFound):
            plan_service.effective_plans([Terms("pro", 1), terms])


def test_the_plans_used_last_are_remembered_and_no_more(client: ApiClient, storage: Storage) -> None:
    create(client)
    terms = [Terms("pro", 1, {"net_days": days}) for days in range(MOST_REMEMBERED + 1)]
    plan_service.effective_plans(terms[:-1])
    plan_service.effective_plan(terms[0])
    plan_service.effective_plan(terms[-1])
    storage.operations.clear()
    plan_service.effective_plan(terms[0])
    assert storage.operations == []
    plan_service.effective_plan(terms[1])
    assert storage.operations == ["BatchGetItem"]


def test_threads_share_what_is_remembered(client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    create(client)
    plan = plan_service.effective_plan(Terms("pro", 1))
    monkeypatch.setattr(plan_memory_store, "MOST_REMEMBERED", 3)

    def use(number: int) -> bool:
        name = ("pro", number % 5, "{}")
        remembered_plans.remember(name, replace(plan, version=number % 5))
        found = remembered_plans.find(name)
        return found is None or found.version == number % 5

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(4000)))
