"""How a subscription is shown, and what it lets its organization see."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.catalog import plan_service
from chalicelib.catalog.subscription_answers import (
    find_history_terms,
    find_subscription_at,
    list_terms,
    priced_meters,
    show_subscription,
)
from chalicelib.catalog.subscription_changes import cancel, change_plan
from chalicelib.catalog.subscription_service import billable_meters, usage_history_days
from chalicelib.catalog.subscriptions import Phase, Subscription, Subscriptions, Terms
from chalicelib.invoices.subscription_models import (
    CancelBody,
    ChangeBody,
    NewSubscriptionBody,
    SubscriptionAnswer,
    SubscriptionPatch,
)
from chalicelib.platform.fields import model_of
from chalicelib.platform.writes import commit
from chalicelib.shared import strict_json
from chalicelib.shared.billing_periods import PeriodUnit
from chalicelib.shared.numbers import JsonNumber
from tests.catalog.build_subscriptions import (
    BASIC,
    PRO,
    at,
    plan,
    plan_with_fee,
    run,
    subscribed,
    subscription,
    together,
)


def show(one: Subscription, now: str, **fields: Any) -> dict[str, Any]:
    return show_subscription(one, plan(**fields), at(now))


def test_everything_of_a_subscription_is_shown() -> None:
    mine = Terms("basic", 1, {"net_days": 5})
    one = subscribed(run("2026-01-20", Phase(at("2026-01-20"), mine)), start_at=at("2026-01-06"), spend_cap_minor=5000)
    assert show(one, "2026-02-03") == {
        "id": "sub_acme.1",
        "organization": "acme",
        "plan": "basic",
        "version": 1,
        "status": "active",
        "start": "2026-01-06T00:00:00Z",
        "end": None,
        "trial_end": "2026-01-20T00:00:00Z",
        "anchor": "calendar",
        "billing_period": "month",
        "payment": "postpaid",
        "spend_cap": "50.00",
        "overrides": {"net_days": 5},
        "current_period": {"start": "2026-02-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"},
        "previous_period": {"start": "2026-01-20T00:00:00Z", "end": "2026-02-01T00:00:00Z"},
        "scheduled_change": None,
        "usage_history_days": 90,
        "created_at": "2026-01-06T00:00:00Z",
        "history": [{"plan": "basic", "version": 1, "from": "2026-01-06T00:00:00Z"}],
    }


def test_what_is_shown_fits_the_shape_of_the_answer() -> None:
    now = at("2026-01-20")
    changed = change_plan(
        subscription("2026-01-10"), PRO, plan_now=plan(), plan_then=plan("pro"), at="period_end", now=now
    )
    for one in (changed, cancel(changed, at="now", now=now)):
        written = show_subscription(one, plan(), now)
        answer = model_of(SubscriptionAnswer).model_validate(written)
        assert strict_json.canonical(answer.model_dump(by_alias=True)) == strict_json.canonical(written)


def test_a_scheduled_change_is_shown_until_it_holds_and_then_in_the_history() -> None:
    one = change_plan(
        subscription("2026-01-10"),
        PRO,
        plan_now=plan(),
        plan_then=plan("pro"),
        at="period_end",
        now=at("2026-01-20"),
    )
    before, after = show(one, "2026-01-31T23:59"), show(one, "2026-02-01", key="pro")
    assert before["scheduled_change"] == {"plan": "pro", "version": 1, "at": "2026-02-01T00:00:00Z"}
    assert [(held["plan"], held["from"]) for held in before["history"]] == [("basic", "2026-01-10T00:00:00Z")]
    assert (after["plan"], after["scheduled_change"]) == ("pro", None)
    assert [held["plan"] for held in after["history"]] == ["basic", "pro"]


def test_a_change_that_the_end_comes_before_is_neither_scheduled_nor_history() -> None:
    ahead = run("2026-01-10", Phase(at("2026-01-10"), BASIC), Phase(at("2026-02-01"), PRO))
    one = subscribed(ahead, end_at=at("2026-02-01"))
    assert show(one, "2026-01-20")["scheduled_change"] is None
    ended = show(one, "2026-03-01")
    assert (ended["plan"], ended["status"], len(ended["history"])) == ("basic", "ended", 1)


def test_other_overrides_are_no_entry_of_the_history() -> None:
    changed = run(
        "2026-01-10", Phase(at("2026-01-10"), BASIC), Phase(at("2026-02-01"), Terms("basic", 1, {"net_days": 5}))
    )
    assert [held["version"] for held in show(subscribed(changed), "2026-03-01")["history"]] == [1]


def test_the_billing_period_is_that_of_the_plan() -> None:
    yearly = subscription("2026-01-10", unit=PeriodUnit.YEAR)
    assert show(yearly, "2026-01-20", unit=PeriodUnit.YEAR)["billing_period"] == "year"


def test_terms_are_listed_once_whenever_they_hold() -> None:
    one = subscribed(run("2026-01-10", Phase(at("2026-01-10"), BASIC), Phase(at("2030-02-01"), PRO)))
    other = replace(subscription("2025-01-10", end_at=at("2025-02-01")), number=2)
    assert list_terms(together(one, other)) == [BASIC, PRO]
    assert list_terms(together()) == []


def test_the_history_is_that_of_the_current_subscription_else_of_the_last_one() -> None:
    def on(key: str, start: str, end: str | None) -> Subscription:
        terms = Phase(at(start), Terms(key, 1))
        return subscribed(run(start, terms), end_at=None if end is None else at(end))

    early = on("early", "2025-01-01", "2025-06-01")
    late = on("late", "2025-07-01", "2026-01-01")
    current = on("current", "2026-01-10", None)
    all_of_them = together(late, early, current)
    found = [find_history_terms(all_of_them, at(day)) for day in ("2024-12-31", "2026-01-09", "2026-01-10")]
    assert [None if terms is None else terms.plan for terms in found] == [None, "late", "current"]
    assert find_subscription_at(all_of_them, at("2026-01-09")) is None
    assert find_subscription_at(all_of_them, at("2026-01-10")) == current


def test_only_usage_charges_price_a_meter() -> None:
    assert priced_meters([plan(), plan_with_fee("pro")]) == {"api_calls"}
    assert priced_meters([]) == frozenset()


def _publish(key: str, meter: str, history_days: int) -> None:
    charge = {"key": "use", "name": "Use", "type": "usage", "meter": meter, "model": "per_unit", "unit_price": "1"}
    sent = {"name": key, "currency": "USD", "billing_period": "month", "charges": [charge]}
    days = JsonNumber(str(history_days))
    made = plan_service.new_version({**sent, "usage_history_days": days}, key=key, version=1, now=at("2026-01-01"))
    commit(plan_service.version_writes(made))


@pytest.mark.usefixtures("tables")
def test_meters_and_history_come_from_the_stored_plans() -> None:
    _publish("basic", "api_calls", 30)
    _publish("pro", "tokens", 400)
    both = together(subscribed(run("2026-01-10", Phase(at("2026-01-10"), BASIC), Phase(at("2026-02-01"), PRO))))
    assert billable_meters(both) == {"api_calls", "tokens"}
    assert [usage_history_days(both, at(day)) for day in ("2026-01-31", "2026-02-01")] == [30, 400]
    nothing = Subscriptions(organization="acme", version=0, subscriptions=())
    assert (billable_meters(nothing), usage_history_days(nothing, at("2026-01-31"))) == (frozenset(), 90)


def read(text: str) -> Any:
    return strict_json.parse(text.encode())


def test_a_body_with_a_plan_alone_has_every_default() -> None:
    body = NewSubscriptionBody.model_validate(read('{"plan": "basic"}'))
    assert (body.version, body.start, body.trial_days, body.anchor.value, body.payment.value) == (
        None,
        None,
        0,
        "calendar",
        "postpaid",
    )


@pytest.mark.parametrize("field", ["start", "end", "version", "spend_cap", "overrides", "trial_days", "anchor", "x"])
def test_a_field_of_another_form_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        NewSubscriptionBody.model_validate(read(f'{{"plan": "basic", "{field}": "-1"}}'))


def test_a_change_takes_effect_at_a_word_or_an_instant() -> None:
    sent = ("now", "period_end", "2026-02-01T00:00:00+01:00")
    found = [ChangeBody.model_validate({"plan": "pro", "at": when}).at for when in sent]
    assert found == ["now", "period_end", at("2026-01-31T23:00")]
    for wrong in ("later", "2026-02-01", "", None, ["now"], 1):
        with pytest.raises(ValueError, match="at"):
            CancelBody.model_validate({"at": wrong})


def test_a_patch_tells_what_was_sent_from_what_was_not() -> None:
    assert SubscriptionPatch.model_validate({"spend_cap": None}).model_fields_set == {"spend_cap"}
    assert SubscriptionPatch.model_validate({}).model_fields_set == set()
