"""A caller bound to an organization sees the plan versions that it is, was or will be subscribed to, and no other."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.catalog import plans_store, subscription_service
from chalicelib.catalog.plan_visibility import subscribed_versions
from chalicelib.catalog.subscriptions import Payment, Phase, Run, Subscription, Subscriptions, Terms
from chalicelib.platform.writes import commit
from chalicelib.shared.billing_periods import Anchor, PeriodUnit
from chalicelib.shared.time import quarter_hour_of
from tests.catalog.pricing import VERSION
from tests.catalog.problems import code_of
from tests.client import ApiClient
from tests.conftest import NOON

PLANS = "/v1/plans"


def run(first_period: int, *versions: tuple[str, int]) -> Run:
    """Make a run whose phases have these plan versions, a day each."""
    start_at = NOON + timedelta(days=10 * first_period)
    phases = tuple(Phase(start_at + timedelta(days=day), Terms(*terms)) for day, terms in enumerate(versions))
    unit, anchor = PeriodUnit.MONTH, Anchor.CALENDAR
    return Run(start_at=start_at, unit=unit, anchor=anchor, first_period=first_period, phases=phases)


def subscription(*runs: Run, number: int = 1, ended: bool = False) -> Subscription:
    return Subscription(
        organization="acme",
        number=number,
        timezone="UTC",
        start_at=NOON,
        trial_end_at=None,
        end_at=NOON if ended else None,
        metered_from=quarter_hour_of(NOON),
        runs=runs,
        payment=Payment.POSTPAID,
        spend_cap_minor=None,
        created_at=NOON,
    )


def subscribe(*subscriptions: Subscription) -> None:
    read = subscription_service.read_subscriptions("acme")
    commit(subscription_service.subscription_writes(read, subscriptions, due_at=None))


def create(client: ApiClient, key: str, versions: int) -> None:
    body = {**VERSION, "charges": []}
    assert client.post(PLANS, {**body, "key": key}).status_code == 201
    for number in range(2, versions + 1):
        assert client.post(f"{PLANS}/{key}/versions", {**body, "name": f"Pro {number}"}).status_code == 201


@pytest.fixture
def bound(client: ApiClient) -> ApiClient:
    """Give a reader of acme; there are plans with versions, and no subscription yet."""
    client.post("/v1/organizations", {"id": "acme", "name": "Acme"})
    for key, versions in (("a", 3), ("b", 2), ("c", 1)):
        create(client, key, versions)
    return client.as_holder_of(client.make_key("read", "acme"))


def listed(client: ApiClient, **query: Any) -> list[tuple[str, int]]:
    return [(one["key"], one["version"]) for one in client.get(PLANS, **query).json_body["data"]]


def test_every_phase_of_every_run_of_every_subscription_is_seen() -> None:
    first = subscription(run(0, ("a", 1), ("a", 2)), run(1, ("b", 1)), ended=True)
    second = subscription(run(0, ("a", 2)), number=2)
    both = Subscriptions(organization="acme", version=1, subscriptions=(first, second))
    assert subscribed_versions(both) == {("a", 1), ("a", 2), ("b", 1)}
    assert subscribed_versions(Subscriptions(organization="acme", version=0, subscriptions=())) == set()


def test_without_a_subscription_nothing_is_seen(bound: ApiClient) -> None:
    assert bound.get(PLANS).json_body == {"data": [], "next_cursor": None}
    for path in (f"{PLANS}/a", f"{PLANS}/a/versions/1", f"{PLANS}/nothing"):
        assert code_of(bound.get(path)) == "not-found"


def test_the_versions_subscribed_to_are_seen_and_no_other(client: ApiClient, bound: ApiClient) -> None:
    subscribe(subscription(run(0, ("a", 1), ("a", 2)), run(1, ("b", 1))))
    assert listed(bound) == [("a", 1), ("a", 2), ("b", 1)]
    assert bound.get(PLANS).json_body["data"][1] == client.get(f"{PLANS}/a/versions/2").json_body
    seen = {(key, number): bound.get(f"{PLANS}/{key}/versions/{number}") for key in "abc" for number in (1, 2, 3)}
    assert {name for name, answer in seen.items() if answer.status_code == 200} == {("a", 1), ("a", 2), ("b", 1)}
    assert {answer.status_code for answer in seen.values()} == {200, 404}
    assert seen["a", 3].body == seen["c", 1].body == bound.get(f"{PLANS}/zzz/versions/1").body


def test_the_latest_of_a_plan_is_the_latest_that_may_be_seen(client: ApiClient, bound: ApiClient) -> None:
    subscribe(subscription(run(0, ("a", 2), ("a", 1))))
    assert bound.get(f"{PLANS}/a").json_body == client.get(f"{PLANS}/a/versions/2").json_body
    assert code_of(bound.get(f"{PLANS}/b")) == "not-found"
    assert client.get(f"{PLANS}/a").json_body["version"] == 3


def test_what_has_ended_can_still_be_seen(bound: ApiClient) -> None:
    subscribe(subscription(run(0, ("c", 1)), ended=True))
    assert listed(bound) == [("c", 1)]
    assert bound.get(f"{PLANS}/c").status_code == 200


def test_others_see_nothing_of_it(client: ApiClient, bound: ApiClient) -> None:
    client.post("/v1/organizations", {"id": "other", "name": "Other"})
    subscribe(subscription(run(0, ("a", 1))))
    assert listed(client.as_holder_of(client.make_key("read", "other"))) == []


def pages(client: ApiClient, **query: Any) -> Sequence[list[tuple[str, int]]]:
    found = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get(PLANS, **query, **cursor).json_body
        found.append([(one["key"], one["version"]) for one in page["data"]])
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def test_the_list_goes_on_over_pages(bound: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe(subscription(run(0, ("b", 2), ("a", 1), ("a", 3), ("c", 1))))
    assert pages(bound, limit=3) == [[("a", 1), ("a", 3), ("b", 2)], [("c", 1)]]
    assert pages(bound, limit=4) == [[("a", 1), ("a", 3), ("b", 2), ("c", 1)]]
    # Large plans make a page shorter than its limit.
    monkeypatch.setattr(plans_store, "MAX_PAGE_BYTES", 600)
    assert [name for page in pages(bound) for name in page] == [("a", 1), ("a", 3), ("b", 2), ("c", 1)]
    assert len(pages(bound)) > 1


def test_a_cursor_of_everybodys_list_does_not_open_the_list_of_one(client: ApiClient, bound: ApiClient) -> None:
    cursor = client.get(PLANS, limit=1).json_body["next_cursor"]
    assert client.get(PLANS, cursor=cursor).status_code == 200
    assert code_of(bound.get(PLANS, cursor=cursor)) == "invalid-cursor"
