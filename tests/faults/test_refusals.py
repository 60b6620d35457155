"""What is refused changes nothing: every table is byte for byte what it was."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.faults.paths import EARLY, METER, ONCE, ORGANIZATION, Refused, Served, plain
from tests.faults.world import NOON, event

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
