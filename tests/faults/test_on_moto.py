"""The smaller cases on moto too, through the whole SDK: another engine with the same rules for conditions."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.meters import Aggregation
from chalicelib.platform import retries, together
from chalicelib.platform.connection import client, disconnect
from chalicelib.shared.clock import Clock
from chalicelib.shared.time import quarter_hour_of
from chalicelib.usage import rollup
from tests.faults import rules
from tests.faults.tap import Crash, Tap
from tests.faults.world import FROM, NOON, World, event, fresh_process

AN_HOUR = timedelta(hours=1)


class OnMoto:
    """A world that is never put back: every case has an organization of its own."""

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.world = World(store=None)  # type: ignore[arg-type]
        self.world.meter(Aggregation.SUM)
        self.world.count_past()

    def case(self, name: str) -> None:
        self.world.organization(name)
        fresh_process()

    def ingest_and_roll_up(self, name: str) -> None:
        self.world.ingest(*(event(f"{number}", NOON - AN_HOUR, organization=name, v=4**number) for number in range(3)))
        organization = catalog_service.get_organization(name)
        rollup.roll_up_day(organization, [quarter_hour_of(NOON - AN_HOUR)], lambda: NOON)


@pytest.fixture
def on_moto(tables: None, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[OnMoto]:
    monkeypatch.setattr(retries, "sleep", lambda seconds: None)
    monkeypatch.setattr(together, "run_all", together.in_turn)
    disconnect()
    yield OnMoto(Tap(client()))
    disconnect()


def test_a_crash_at_any_call_of_ingest_and_rollup_loses_and_doubles_nothing(on_moto: OnMoto) -> None:
    on_moto.case("whole")
    with on_moto.tap.under(rules.passing):
        on_moto.ingest_and_roll_up("whole")
        calls = len(on_moto.tap.calls)
    for when in (rules.BEFORE, rules.AFTER):
        for number in range(calls):
            name = f"{when}-{number}"
            on_moto.case(name)
            with pytest.raises(Crash), on_moto.tap.under(rules.crash_at(number, when)):
                on_moto.ingest_and_roll_up(name)
            fresh_process()
            on_moto.ingest_and_roll_up(name)
            assert on_moto.world.totals(name)["sum"][0] == 1 + 4 + 16


@pytest.mark.parametrize("name", [*rules.REFUSED, *rules.UNKNOWN])
def test_a_fault_that_passes_is_not_noticed(on_moto: OnMoto, name: str) -> None:
    fault = {**rules.REFUSED, **rules.UNKNOWN}[name]
    for number in range(8):
        on_moto.case(f"case-{number}")
        with on_moto.tap.under(rules.at(number, fault)):
            on_moto.ingest_and_roll_up(f"case-{number}")
        (total, windows) = on_moto.world.totals(f"case-{number}")["sum"]
        assert total == 21
        assert windows == {NOON.replace(hour=0): Decimal(21)}


def test_pages_that_break_and_batches_in_part_change_no_answer(on_moto: OnMoto) -> None:
    on_moto.case("acme")
    for rule in (rules.break_pages, rules.leave_unprocessed(1), rules.EmptyPages()):
        with on_moto.tap.under(rule):
            on_moto.ingest_and_roll_up("acme")
            assert on_moto.world.totals("acme")["sum"][0] == 21
    assert on_moto.world.now > FROM
