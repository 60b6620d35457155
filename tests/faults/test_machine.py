"""A machine that does everything in any order, with faults as steps, against a plain list of what was acknowledged."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.meters import Aggregation
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import Busy, EventVoided, NotFound
from chalicelib.shared.time import ONE_DAY, local_day_of, zone_of
from chalicelib.usage import counters_store, query
from tests.faults import rules
from tests.faults.naive import Received
from tests.faults.tap import Crash
from tests.faults.world import (
    ACME,
    FROM,
    NOON,
    UNTIL,
    Beginning,
    World,
    beginning,
    event,
    fresh_process,
    go_back,
    open_world,
)

OTHER = "other"
ZONES = {ACME: "UTC", OTHER: "Asia/Kathmandu"}
_LAST = UNTIL - timedelta(days=2)

organizations = st.sampled_from([ACME, OTHER])
values = st.sampled_from([0, 1, 7, -3, "0.1", "999999999999999999.5", "none"])
# Quarter-hours back from now, and microseconds in them: the bounds too.
places = st.tuples(st.sampled_from([0, 0, 1, 1, 2, 5, 95, 96, 400, 1400]), st.sampled_from([0, 1, 450 * 10**6]))
sent = st.tuples(st.integers(0, 7), places, values, st.sampled_from(["a", "b", ""]))
batches = st.lists(sent, min_size=1, max_size=4)
faults = st.tuples(st.sampled_from(["crash", "throttle", "partial", "pages"]), st.integers(0, 12), st.booleans())


class Machine(RuleBasedStateMachine):
    """The world's steps. After each fault the step is repeated, as its caller would."""

    world: ClassVar[World]
    empty: ClassVar[Beginning]

    def __init__(self) -> None:
        super().__init__()
        go_back(self.world, self.empty)
        self._patch = pytest.MonkeyPatch()
        self.next_fault: tuple[str, int, bool] | None = None

    @initialize(in_pages=st.booleans(), first=st.sampled_from(list(Aggregation)))
    def begin(self, in_pages: bool, first: Aggregation) -> None:
        for name, zone in ZONES.items():
            self.world.organization(name, zone)
        self.world.meter(first)
        self.world.count_past()
        if in_pages:
            self._patch.setattr(counters_store, "PAGE_BYTES", 40)

    def do(self, act: Callable[[], Any]) -> Any:
        """Do something under the fault that was drawn, then again until it is answered."""
        drawn, self.next_fault = self.next_fault, None
        if drawn is None:
            return act()
        kind, number, is_late = drawn
        try:
            with self.world.store.tap.under(rules.drawn(kind, number, is_late)):
                return act()
        except Crash:
            fresh_process()
        except Busy:
            pass
        return act()

    @rule(drawn=faults)
    def break_the_next_step(self, drawn: tuple[str, int, bool]) -> None:
        self.next_fault = drawn

    @rule(organization=organizations, drawn=batches)
    def send(self, organization: str, drawn: list[Any]) -> None:
        events = [self._event(organization, one) for one in drawn]
        self.do(lambda: self.world.ingest(*events))
        self.world.books.events += events

    def _event(self, organization: str, drawn: Any) -> Received:
        number, (back, micros), value, model = drawn
        start = NOON.replace(hour=0) + (self.world.now - NOON.replace(hour=0)) // _QUARTER * _QUARTER - back * _QUARTER
        at = max(FROM, min(start + timedelta(microseconds=micros), self.world.now + timedelta(minutes=5)))
        content = {name: given for name, given in {"v": value, "model": model}.items() if given not in ("none", "")}
        return Received(organization=organization, id=f"e{number}", at=at, content=content)

    @precondition(lambda self: self.world.books.events)
    @rule(choice=st.integers(0, 10**6))
    def void(self, choice: int) -> None:
        one = self._chosen(choice)
        self.do(lambda: self.world.void(one))
        self.world.books.voided.add((one.organization, one.identity))

    @precondition(lambda self: self.world.books.events)
    @rule(choice=st.integers(0, 10**6), value=values)
    def amend(self, choice: int, value: Any) -> None:
        one = self._chosen(choice)
        key = (one.organization, one.identity)
        content = {"v": value, "model": "c"}
        if key in self.world.books.voided:
            with pytest.raises(EventVoided):
                self.world.amend(one, **content)
            return
        self.do(lambda: self.world.amend(one, **content))
        self.world.books.amended[key] = content

    def _chosen(self, choice: int) -> Received:
        return self.world.books.events[choice % len(self.world.books.events)]

    @rule(organization=organizations)
    def void_nothing(self, organization: str) -> None:
        before = self.world.store.keep()
        with pytest.raises(NotFound):
            self.world.void(event("nothing", NOON, organization=organization))
        assert self.world.store.keep() == before

    @rule()
    def roll_up(self) -> None:
        self.do(self.world.roll_up)

    @rule(aggregation=st.sampled_from(list(Aggregation)), from_noon=st.booleans())
    def create_a_meter(self, aggregation: Aggregation, from_noon: bool) -> None:
        if aggregation.value not in catalog_service.meter_catalog().meters:
            self.world.meter(aggregation, count_from=NOON if from_noon else FROM)

    @rule()
    def count_past(self) -> None:
        self.do(self.world.count_past)

    @rule(choice=st.integers(0, 10))
    def archive(self, choice: int) -> None:
        open_ones = [key for key, one in catalog_service.meter_catalog().meters.items() if one.archived_at is None]
        if len(open_ones) > 2:
            self.world.archive(sorted(open_ones)[choice % len(open_ones)], self.world.now)

    @rule(minutes=st.sampled_from([1, 5, 15, 60, 24 * 60]))
    def pass_time(self, minutes: int) -> None:
        self.world.now = min(_LAST, self.world.now + timedelta(minutes=minutes))
        clock.set(self.world.now)

    @rule()
    def start_afresh(self) -> None:
        fresh_process()

    @rule()
    def ask(self) -> None:
        self.do(self.world.check_usage)
        self._check_health()

    def _check_health(self) -> None:
        for name in self.world.organizations:
            organization, catalog = catalog_service.organization_and_meters(name)
            zone = zone_of(organization.timezone)
            first, end = local_day_of(FROM, zone) - ONE_DAY, local_day_of(UNTIL, zone)
            days = query.day_counters(organization, catalog, first=first, end=end, now=self.world.now)
            self.world.check_health(name, [counters.health for _, counters in days])

    def teardown(self) -> None:
        try:
            if self.world.organizations:
                self.world.check()
        finally:
            self._patch.undo()


_QUARTER = timedelta(minutes=15)


@pytest.mark.parametrize("part", range(4))
def test_whatever_happens_usage_is_that_of_the_plain_list(part: int) -> None:
    class Part(Machine):
        """One of several machines that draw other steps, because the name of a class seeds it."""

    Part.__name__ = Part.__qualname__ = f"Part{part}"
    with open_world() as Part.world:
        Part.empty = beginning(Part.world)
        run_state_machine_as_test(Part, settings=settings(max_examples=50, stateful_step_count=80))
