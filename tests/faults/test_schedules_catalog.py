"""All schedules of two clients of the catalog: keys, organizations, meters, and one request sent twice at once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.meters import Aggregation
from chalicelib.shared.clock import clock
from tests.faults.explore import ACKNOWLEDGED, explore, roll_up
from tests.faults.paths import METER, ONCE, ORGANIZATION, Refused, Served, Unavailable
from tests.faults.schedules import Actor, Stage, every_schedule
from tests.faults.tap import Call
from tests.faults.world import NOON, beginning, event, go_back

AN_HOUR = timedelta(hours=1)
CONFLICTS = (Refused, Unavailable)


class Outcomes:
    """What each actor was answered, schedule by schedule."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._start = beginning(served.world)
        self.answers: dict[str, str] = {}

    def asks(self, name: str, method: str, path: str, body: Any = None, **headers: str) -> Actor:
        def actor(stage: Stage) -> None:
            try:
                self.answers[name] = self._served.ask(method, path, body, **headers)
            except Refused as refused:
                self.answers[name] = str(refused)
            except Unavailable:
                self.answers[name] = "again"
            stage.point(ACKNOWLEDGED, writes=True)

        return actor

    def explore(self, actors: dict[str, Actor], check: Callable[[], None]) -> int:
        def make() -> dict[str, Actor]:
            go_back(self._served.world, self._start)
            self.answers = {}
            return actors

        explored = 0
        for schedule in every_schedule(self._served.world.store.tap, make):
            assert not schedule.errors, schedule
            check()
            explored += 1
        return explored


def statuses(outcomes: Outcomes) -> list[str]:
    return sorted(answer[:3] for answer in outcomes.answers.values())


def test_one_organization_created_twice_at_once_is_created_once(served: Served) -> None:
    outcomes = Outcomes(served)
    create = ("POST", "/v1/organizations", ORGANIZATION)
    actors = {name: outcomes.asks(name, *create) for name in ("one", "other")}

    def check() -> None:
        assert statuses(outcomes) == ["200", "201"]
        assert outcomes.answers["one"][3:] == outcomes.answers["other"][3:]

    assert outcomes.explore(actors, check) >= 4


def test_two_organizations_of_one_id_conflict(served: Served) -> None:
    outcomes = Outcomes(served)
    create = ("POST", "/v1/organizations")
    actors = {name: outcomes.asks(name, *create, {**ORGANIZATION, "name": name}) for name in ("one", "other")}

    def check() -> None:
        assert statuses(outcomes) == ["201", "409"]
        winner = next(name for name, answer in outcomes.answers.items() if answer.startswith("201"))
        assert catalog_service.get_organization("new").name == winner

    assert outcomes.explore(actors, check) >= 4


@pytest.mark.parametrize("path", ["/v1/organizations", "/v1/meters", "/v1/api-keys"])
def test_one_idempotency_key_twice_at_once_has_one_effect(served: Served, path: str) -> None:
    bodies: dict[str, Any] = {
        "/v1/organizations": ORGANIZATION,
        "/v1/meters": METER,
        "/v1/api-keys": {"name": "k", "role": "read"},
    }
    outcomes = Outcomes(served)
    actors = {name: outcomes.asks(name, "POST", path, bodies[path], **ONCE) for name in ("one", "other")}

    def check() -> None:
        assert set(statuses(outcomes)) <= {"201", "aga"}
        first, *others = [answer for answer in outcomes.answers.values() if answer != "again"]
        assert all(answer == first for answer in others)
        again = served.ask("POST", path, bodies[path], **ONCE)
        assert again == first
        if path == "/v1/api-keys":
            assert served.ask("GET", path).count('"k"') == 1

    assert outcomes.explore(actors, check) >= 4


def test_two_meters_created_at_once_both_exist_at_two_versions(served: Served) -> None:
    outcomes = Outcomes(served)
    actors = {key: outcomes.asks(key, "POST", "/v1/meters", {**METER, "key": key}) for key in ("one", "other")}
    before = catalog_service.meter_catalog().version

    def check() -> None:
        catalog = catalog_service.meter_catalog()
        assert statuses(outcomes) == ["201", "201"]
        assert catalog.version == before + 2
        assert {catalog.meters[key].version for key in ("one", "other")} == {before + 1, before + 2}

    assert outcomes.explore(actors, check) >= 4


def test_one_meter_created_twice_at_once_exists_once(served: Served) -> None:
    outcomes = Outcomes(served)
    actors = {name: outcomes.asks(name, "POST", "/v1/meters", METER) for name in ("one", "other")}
    before = catalog_service.meter_catalog().version

    def check() -> None:
        assert statuses(outcomes) == ["200", "201"]
        assert catalog_service.meter_catalog().version == before + 1

    assert outcomes.explore(actors, check) >= 4


def test_two_changes_of_an_organization_both_last(served: Served) -> None:
    outcomes = Outcomes(served)
    path = "/v1/organizations/acme"
    actors = {
        "name": outcomes.asks("name", "PATCH", path, {"name": "Acme Inc."}),
        "email": outcomes.asks("email", "PATCH", path, {"email": "a@example.com"}),
    }

    def check() -> None:
        assert statuses(outcomes) == ["200", "200"]
        organization = catalog_service.get_organization("acme")
        assert (organization.name, organization.email) == ("Acme Inc.", "a@example.com")

    assert outcomes.explore(actors, check) >= 4


def test_a_change_of_a_meter_and_its_end_both_last(served: Served) -> None:
    outcomes = Outcomes(served)
    actors = {
        "change": outcomes.asks("change", "PATCH", "/v1/meters/sum", {"name": "Sum"}),
        "end": outcomes.asks("end", "POST", "/v1/meters/sum/archive"),
    }

    def check() -> None:
        assert statuses(outcomes) == ["200", "200"]
        meter = catalog_service.meter_catalog().meters["sum"]
        assert meter.name == "Sum"
        assert meter.archived_at == NOON

    assert outcomes.explore(actors, check) >= 4


def test_a_key_that_is_revoked_while_it_is_used_ends_within_ten_seconds(served: Served) -> None:
    key = served.api.make_key("read")
    user = Served(served.world, served.api.as_holder_of(key))
    key_id = key.split("_")[2]
    revoke = Outcomes(served)
    use = Outcomes(user)
    actors = {
        "revoke": revoke.asks("revoke", "DELETE", f"/v1/api-keys/key_{key_id}"),
        "use": use.asks("use", "GET", "/v1/session"),
    }

    def check() -> None:
        assert revoke.answers["revoke"].startswith("204")
        assert use.answers["use"][:3] in ("200", "401")
        clock.real_ns.ns += 10 * 10**9  # type: ignore[attr-defined]
        with pytest.raises(Refused, match="401"):
            user.ask("GET", "/v1/session")

    assert revoke.explore(actors, check) >= 2


def test_a_meter_that_ends_while_its_events_are_rolled_up_counts_to_its_end(served: Served) -> None:
    world = served.world
    world.received(event("ahead", NOON + timedelta(minutes=4), v=4**3))

    def end(stage: Stage) -> None:
        world.archive("sum", NOON)

    explore(world, {"end": end, "rollup": roll_up(world)}, at_least=3)


def test_a_meter_that_is_created_while_another_ends_is_counted(served: Served) -> None:
    world = served.world

    def end(stage: Stage) -> None:
        world.archive("sum", NOON)

    explore(world, {"end": end, "create": lambda stage: world.meter(Aggregation.MIN)}, allowed=CONFLICTS)


def test_every_read_but_those_of_an_index_is_strongly_consistent(served: Served) -> None:
    from tests.faults.paths import PATHS

    seen: list[Call] = []
    start = beginning(served.world)
    for path in PATHS.values():
        go_back(served.world, start)
        path.prepare(served)
        served.world.store.tap.restart()
        path.do(served)
        served.world.totals()
        served.ask("GET", "/v1/organizations/acme/events")
        served.ask("GET", "/v1/ingestion?organization=acme")
        seen += served.world.store.tap.calls
    reads = [call for call in seen if not call.writes and "IndexName" not in call.request]
    assert len(reads) > 200
    for call in reads:
        asked = call.request["RequestItems"].values() if call.operation == "BatchGetItem" else [call.request]
        assert all(one.get("ConsistentRead") is True for one in asked), call
