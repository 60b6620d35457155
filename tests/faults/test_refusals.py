"""What is refused changes nothing: every table is byte for byte what it was."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.faults import billing
from tests.faults.billing import CURRENT, DUE, SUBSCRIPTION
from tests.faults.paths import EARLY, METER, ONCE, ORGANIZATION, Refused, Served, plain
from tests.faults.world import ACME, NOON, event

AN_HOUR = timedelta(hours=1)
GOOD = plain(event("good", NOON - AN_HOUR))[0]
TARGET = {"organization": "acme", "source": "test", "id": "early", "time": GOOD["time"], "reason": "r"}

REFUSED: dict[str, tuple[str, str, Any]] = {
    "one bad event of two": ("POST", "/v1/events", [GOOD, {**GOOD, "id": ""}]),
    "an unknown organization": ("POST", "/v1/events", [GOOD, {**GOOD, "subject": "nobody"}]),
    "an event that is too old": ("POST", "/v1/events", [GOOD, {**GOOD, "time": "2025-11-01T00:00:00Z"}]),
    "an event that is too early": ("POST", "/v1/events", [GOOD, {**GOOD, "time": "2026-01-15T12:05:01Z"}]),
    "too many events": ("POST", "/v1/events", [GOOD] * 10_001),
    "no events": ("POST", "/v1/events", "x"),
    "a void of nothing": ("POST", "/v1/events/void", {**TARGET, "id": "nothing"}),
    "a void in another quarter-hour": ("POST", "/v1/events/void", TARGET),
    "a void for nobody": ("POST", "/v1/events/void", {**TARGET, "organization": "nobody"}),
    "an amend of nothing": ("POST", "/v1/events/amend", {**TARGET, "id": "nothing", "data": {}}),
    "an organization that exists otherwise": ("POST", "/v1/organizations", {"id": "acme", "name": "Other"}),
    "a bad organization": ("POST", "/v1/organizations", {"id": "A B", "name": "x", "timezone": "Mars/Base"}),
    "a change of the time zone": ("PATCH", "/v1/organizations/acme", {"timezone": "Europe/Berlin"}),
    "a change of nobody": ("PATCH", "/v1/organizations/nobody", {"name": "x"}),
    "a meter that exists otherwise": ("POST", "/v1/meters", {**METER, "key": "sum"}),
    "a bad meter": ("POST", "/v1/meters", {**METER, "aggregation": "median"}),
    "a change of no meter": ("PATCH", "/v1/meters/none", {"name": "x"}),
    "a change of a definition": ("PATCH", "/v1/meters/sum", {"value": "w"}),
    "archiving no meter": ("POST", "/v1/meters/none/archive", None),
    "a key for nobody": ("POST", "/v1/api-keys", {"name": "k", "role": "read", "organization": "nobody"}),
    "a key with a bad role": ("POST", "/v1/api-keys", {"name": "k", "role": "owner"}),
    "revoking no key": ("DELETE", "/v1/api-keys/key_none", None),
    "bad settings": ("PUT", "/v1/settings", {"seller": {}, "late_limit_days": -1}),
    "a portal link for nobody": ("POST", "/v1/organizations/nobody/portal-links", {}),
    "an unknown field": ("POST", "/v1/meters", {**METER, "colour": "red"}),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_a_refused_request_leaves_every_table_as_it_was(served: Served, name: str) -> None:
    before = served.world.store.keep()
    for headers in ({}, ONCE):
        with pytest.raises(Refused):
            served.ask(*REFUSED[name], **headers)
        assert served.world.store.keep() == before


_SUBSCRIBE = f"/v1/organizations/{ACME}/subscriptions"
_PAYMENT = {"amount": "0.10", "reference": "a"}
_TOO_MUCH = [{"line": "usage-units", "amount": "0.13"}]
_NOTE = {"lines": [{"line": "usage-units", "amount": "0.08"}], "reason": "r", "to": "credit"}

# In a world where last week has been billed, and comes to 0.26 with tax.
REFUSED_IN_BILLING: dict[str, tuple[str, str, Any]] = {
    "a plan that exists otherwise": ("POST", "/v1/plans", {**billing.plan_body(billing.DEAR), "key": "usage"}),
    "a plan of no meter": ("POST", "/v1/plans", {"key": "bad", "name": "B", "charges": [{"meter": "none"}]}),
    "another subscription": ("POST", _SUBSCRIBE, {"plan": "usage"}),
    "a subscription to no plan": ("POST", _SUBSCRIBE, {"plan": "none"}),
    "a change to the same plan": ("POST", f"/v1/subscriptions/{SUBSCRIPTION}/change", {"plan": "usage", "version": 1}),
    "nothing to resume": ("POST", f"/v1/subscriptions/{SUBSCRIPTION}/resume", None),
    "an end in the past": ("POST", f"/v1/subscriptions/{SUBSCRIPTION}/cancel", {"at": "2026-01-12T00:00:00Z"}),
    "finalizing a week that lasts": ("POST", f"/v1/invoices/{CURRENT}/finalize", None),
    "paying a draft": ("POST", f"/v1/invoices/{CURRENT}/payments", _PAYMENT),
    "paying more than is due": ("POST", f"/v1/invoices/{DUE}/payments", {**_PAYMENT, "amount": "0.27"}),
    "paying in part of a cent": ("POST", f"/v1/invoices/{DUE}/payments", {**_PAYMENT, "amount": "0.001"}),
    "reversing no payment": ("POST", f"/v1/invoices/{DUE}/payments/pay_9/reverse", {"reason": "r"}),
    "crediting more than the line": ("POST", f"/v1/invoices/{DUE}/credit-notes", {**_NOTE, "lines": _TOO_MUCH}),
    "crediting a draft": ("POST", f"/v1/invoices/{CURRENT}/credit-notes", _NOTE),
    "voiding no invoice": ("POST", f"/v1/invoices/inv_{ACME}.9p9.0/void", {"reason": "r"}),
    "selling nothing": ("POST", f"/v1/organizations/{ACME}/invoices", {"lines": []}),
    "a grant of nothing": ("POST", f"/v1/organizations/{ACME}/credits/grants", {"name": "G", "amount": "0"}),
    "voiding no grant": ("POST", f"/v1/organizations/{ACME}/credits/grants/gr_none/void", {"reason": "r"}),
    "an event that is too late": ("POST", "/v1/events", plain(event("late", billing.MONDAY - timedelta(days=3)))),
}


@pytest.mark.parametrize("name", list(REFUSED_IN_BILLING))
def test_a_refused_request_about_billing_leaves_every_table_as_it_was(selling: Served, name: str) -> None:
    billing.bill(selling.world)
    before = selling.world.store.keep()
    for headers in ({}, ONCE):
        with pytest.raises(Refused):
            selling.ask(*REFUSED_IN_BILLING[name], **headers)
        assert selling.world.store.keep() == before


@pytest.mark.parametrize("role", ["ingest", "read"])
def test_a_role_that_may_not_leaves_every_table_as_it_was(served: Served, role: str) -> None:
    key = served.api.make_key(role)
    other = Served(served.world, served.api.as_holder_of(key))
    before = served.world.store.keep()
    for method, path, body in REFUSED.values():
        with pytest.raises(Refused):
            other.ask(method, path, body)
    assert served.world.store.keep() == before


def test_a_key_that_comes_with_another_body_leaves_every_table_as_it_was(served: Served) -> None:
    served.ask("POST", "/v1/organizations", ORGANIZATION, **ONCE)
    before = served.world.store.keep()
    with pytest.raises(Refused, match="422"):
        served.ask("POST", "/v1/organizations", {**ORGANIZATION, "name": "Another"}, **ONCE)
    assert served.world.store.keep() == before


def test_an_amend_of_a_voided_event_leaves_every_table_as_it_was(served: Served) -> None:
    served.world.void(EARLY)
    before = served.world.store.keep()
    with pytest.raises(Refused, match="409"):
        served.ask("POST", "/v1/events/amend", {**TARGET, "time": plain(EARLY)[0]["time"], "data": {"v": 1}})
    assert served.world.store.keep() == before


def test_direct_functions_keep_the_valid_events_only(served: Served) -> None:
    answer = served.api.invoke("ingest_events", {"events": [GOOD, {**GOOD, "id": ""}]})
    assert answer["accepted"] == 1
    assert [one["index"] for one in answer["rejected"]] == [1]
    before = served.world.store.keep()
    assert served.api.invoke("ingest_events", {"events": [{**GOOD, "id": ""}]})["accepted"] == 0
    assert served.world.store.keep() == before, json.dumps(answer)
