"""Subscriptions as they are stored: exact both ways, and readable by another release."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.catalog.subscription_records import read_subscriptions, write_subscriptions
from chalicelib.catalog.subscriptions import (
    BillingProgress,
    Payment,
    Phase,
    ReopenedPeriod,
    Run,
    SettlingPeriod,
    Subscription,
    Subscriptions,
    Terms,
)
from chalicelib.shared.billing_periods import Anchor, PeriodUnit
from chalicelib.shared.numbers import JsonNumber
from tests.catalog.build_subscriptions import subscription, together

instants = st.datetimes(
    datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds and adds the zone
    datetime(9998, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
whole = st.integers(0, 10**18)
numbers = st.builds(JsonNumber, st.sampled_from(["0.30000000000000004", "1e-7", "12.340", "-0.5"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=6,
)
terms = st.builds(Terms, st.text(max_size=5), whole, st.dictionaries(st.text(max_size=5), values, max_size=3))
phases = st.builds(Phase, instants, terms)
runs = st.builds(
    Run,
    start_at=instants,
    unit=st.sampled_from(PeriodUnit),
    anchor=st.sampled_from(Anchor),
    first_period=whole,
    phases=st.lists(phases, min_size=1, max_size=2).map(tuple),
)
settling = st.builds(
    SettlingPeriod, number=whole, start=whole, end=whole, late_usage_until=instants, touched=st.booleans()
)
reopened = st.builds(ReopenedPeriod, number=whole, attempt=whole, finalizes_at=instants)
progress = st.builds(
    BillingProgress,
    next_period=whole,
    advance_until=whole,
    advance_missing=st.lists(whole, max_size=2).map(tuple),
    settling=st.lists(settling, max_size=2).map(tuple),
    reopened=st.lists(reopened, max_size=2).map(tuple),
    late_invoices=whole,
)
subscriptions = st.builds(
    Subscription,
    organization=st.just("acme"),
    number=whole,
    timezone=st.text(max_size=5),
    start_at=instants,
    trial_end_at=st.none() | instants,
    end_at=st.none() | instants,
    metered_from=whole,
    runs=st.lists(runs, min_size=1, max_size=2).map(tuple),
    payment=st.sampled_from(Payment),
    spend_cap_minor=st.none() | whole,
    created_at=instants,
    progress=progress,
)


@settings(max_examples=60)
@given(st.lists(subscriptions, max_size=2), whole)
def test_what_was_written_is_read_back(some: list[Subscription], version: int) -> None:
    all_of_them = Subscriptions(organization="acme", version=version, subscriptions=tuple(some))
    text = write_subscriptions(all_of_them)
    assert read_subscriptions(text, organization="acme", version=version) == all_of_them
    assert write_subscriptions(read_subscriptions(text, organization="acme", version=0)) == text


def read(stored: dict[str, Any]) -> Subscriptions:
    return read_subscriptions(json.dumps(stored), organization="acme", version=1)


def test_fields_of_a_later_release_are_passed_over() -> None:
    one = together(subscription("2026-01-10"))
    stored = json.loads(write_subscriptions(one))
    stored["later"] = 1
    for place in (
        stored["subscriptions"][0],
        stored["subscriptions"][0]["progress"],
        stored["subscriptions"][0]["runs"][0],
        stored["subscriptions"][0]["runs"][0]["phases"][0],
    ):
        place["later"] = {"x": 1}
    assert read(stored) == one


def test_fields_that_were_not_written_have_their_defaults() -> None:
    one = together(subscription("2026-01-10"))
    stored = json.loads(write_subscriptions(one))
    for name in ("trial_end", "end", "payment", "spend_cap", "progress"):
        del stored["subscriptions"][0][name]
    assert read(stored) == one


def test_terms_without_overrides_take_no_room_for_them() -> None:
    assert "overrides" not in write_subscriptions(together(subscription("2026-01-10")))
