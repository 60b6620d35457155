"""Explore all schedules of some actors in a world, and check the world after each of them."""

import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.meters import Meter
from chalicelib.shared.errors import Busy
from chalicelib.shared.time import parse_quarter_hour, quarter_hour_of
from chalicelib.usage import rollup, store
from chalicelib.usage.ranges import Range
from chalicelib.usage.refolding_service import mark_range
from tests.faults import rules
from tests.faults.naive import Books, Received, quantity
from tests.faults.rules import passing
from tests.faults.schedules import Actor, Stage, acting, every_schedule, some_schedules
from tests.faults.tap import Call, Reply, Rule, Send
from tests.faults.world import ACME, FROM, NOON, UNTIL, World, always, beginning, go_back
from tests.usage.damaged import damage, sort_keys

ACKNOWLEDGED = "acknowledged"
_TOO_MANY = 2000


class Broken(AssertionError):
    """A schedule that ends wrong: its steps, and what is wrong."""


def explore(
    world: World,
    actors: Mapping[str, Actor],
    *,
    allowed: tuple[type[BaseException], ...] = (),
    at_least: int = 1,
    rule: Callable[[], Rule] = lambda: passing,
    check: Callable[[World], None] = World.check,
    drawn: int | None = None,
) -> int:
    """Run every schedule of the actors from the world as it is, and check the world after each; count them.

    Schedules that end with the same in every table, in the books and in the process are checked once.
    ``rule`` makes the rule that the calls of one schedule are under. ``allowed`` are the errors that an actor may
    end with, ``check`` is what is checked. Where all are too many, so many are ``drawn`` instead, always the same ones.
    Raises ``Broken``. Puts the world back in the end.
    """
    start = beginning(world)

    def make() -> Mapping[str, Actor]:
        go_back(world, start)
        return actors

    explored = 0
    # A function that holds nothing beside the world finds the same in the same one.
    finds_the_same = getattr(check, "__closure__", ()) is None
    found_right: set[str] = set()
    try:
        tap = world.store.tap
        schedules = every_schedule(tap, make, rule) if drawn is None else some_schedules(tap, make, rule, count=drawn)
        for schedule in schedules:
            explored += 1
            assert explored <= _TOO_MANY, "more schedules than a test run has time for"
            try:
                for error in schedule.errors.values():
                    if not isinstance(error, allowed):
                        raise error
                end = world.everything() if finds_the_same else ""
                if end not in found_right:
                    check(world)
                if finds_the_same:
                    found_right.add(end)
            except Exception as error:
                steps = "\n  ".join(schedule.steps)
                raise Broken(f"{error!r} after schedule {explored}:\n  {steps}") from error
    finally:
        go_back(world, start)
    assert explored >= at_least, f"only {explored} schedules: the actors do not meet"
    return explored


def finds_a_failure(world: World, actors: Mapping[str, Actor], **options: Any) -> bool:
    """Tell whether some schedule of the actors ends wrong: with a wrong figure, or with counters nobody can read.

    ``options`` are those of ``explore``.
    """
    try:
        explore(world, actors, **options)
    except Broken as broken:
        if not isinstance(broken.__cause__, AssertionError | Busy | zlib.error):
            raise
        return True
    return False


def in_turn(*actors: Actor) -> Actor:
    """Do one thing after the other."""

    def actor(stage: Stage) -> None:
        for each in actors:
            each(stage)

    return actor


def roll_up_marks_of(world: World, hours_ago: int) -> Actor:
    """Roll up one quarter-hour and its day, as a run does that listed the marks before any other came."""

    def actor(stage: Stage) -> None:
        organization = catalog_service.get_organization(ACME)
        wanted = quarter_hour_of(NOON - timedelta(hours=hours_ago))
        marks = [mark for mark in store.list_marks(ACME) if mark.quarter_hour == wanted]
        if marks:
            rollup._roll_up_marks(organization, marks, lambda: world.now)

    return actor


def roll_up(world: World) -> Actor:
    """Run the rollup."""
    return lambda stage: world.roll_up()


def refold(world: World) -> Actor:
    """Mark what is rolled up of this day and the one before, to be folded again."""
    whole = Range(quarter_hour_of(NOON - timedelta(hours=25)), quarter_hour_of(NOON + timedelta(hours=1)))

    def actor(stage: Stage) -> None:
        mark_range(ACME, whole, world.now, has_time=always)

    return actor


def damage_and_mark(world: World, *prefixes: str) -> None:
    """Leave counters, or only those of some kinds, that say they have seen all, and are wrong, and marks of all."""
    world.roll_up()
    damage(*(key for key in sort_keys() if key.startswith(prefixes or ("",))))
    store.put_marks([(ACME, parse_quarter_hour(key.split("#")[1])) for key in sort_keys(prefix="q#")])


def count_past(world: World) -> Actor:
    """Run the counting job."""
    return lambda stage: world.count_past()


def send(world: World, *events: Received) -> Actor:
    """Send events; what was acknowledged is in the books from then on."""

    def actor(stage: Stage) -> None:
        world.ingest(*events)
        stage.point(ACKNOWLEDGED, writes=True)
        world.books.events += events

    return actor


def void(world: World, one: Received) -> Actor:
    """Take an event back; it is voided in the books once that was acknowledged."""

    def actor(stage: Stage) -> None:
        world.void(one)
        stage.point(ACKNOWLEDGED, writes=True)
        world.books.voided.add((one.organization, one.identity))

    return actor


def amend(world: World, one: Received, **content: Any) -> Actor:
    """Replace an event's content; it is amended in the books once that was acknowledged."""

    def actor(stage: Stage) -> None:
        world.amend(one, **content)
        stage.point(ACKNOWLEDGED, writes=True)
        world.books.amended[one.organization, one.identity] = content

    return actor


@dataclass(frozen=True)
class InFlight:
    """What other actors are about to do: a reader may see any of it, or not yet."""

    events: Sequence[Received] = ()
    voided: Sequence[Received] = ()

    def books(self, known: Books) -> Iterator[Books]:
        """Walk all books that a reader may rightly see, who began with ``known``."""
        events = [one for one in self.events if one not in known.events]
        voided = [one for one in self.voided if (one.organization, one.identity) not in known.voided]
        for seen in _subsets(events):
            for gone in _subsets(voided):
                taken_back = {(one.organization, one.identity) for one in gone}
                yield Books([*known.events, *seen], known.voided | taken_back, dict(known.amended))


def _subsets(of: Sequence[Received]) -> Iterable[tuple[Received, ...]]:
    return itertools.chain.from_iterable(itertools.combinations(of, size) for size in range(len(of) + 1))


def ask(world: World, in_flight: InFlight, *, times: int = 1) -> Actor:
    """Ask for usage: it must hold all that was acknowledged before, nothing twice, the rest by whole events."""

    def actor(stage: Stage) -> None:
        for _ in range(times):
            stage.point(ACKNOWLEDGED, writes=False)
            known = Books(list(world.books.events), set(world.books.voided), dict(world.books.amended))
            shown = {key: total for key, (total, _) in world.totals().items()}
            meters = [meter for meter in catalog_service.meter_catalog().meters.values() if meter.counted]
            assert meters
            right = any(_shows(books, world, meters, shown) for books in in_flight.books(known))
            assert right, f"{shown} is no answer for {[one.id for one in known.events]} and any of {in_flight}"

    return actor


def _shows(books: Books, world: World, meters: Sequence[Meter], shown: Mapping[str, object]) -> bool:
    return all(
        shown[meter.key] == quantity(books, ACME, meter, start=FROM, end=UNTIL, now=world.now)
        for meter in meters
        if meter.key in shown
    )


def losing_header(number: int) -> Rule:
    """Lose the answer to one of the headers of counters that the actor ``one`` writes, in the order of its writes."""
    written = itertools.count()

    def rule(call: Call, send: Send) -> Reply:
        reply = send(call.request)
        if call.operation == "PutItem" and acting() == "one" and next(written) == number:
            raise rules.UNKNOWN["ReadTimeoutError"](call)
        return reply

    return rule
