"""A small Meterfold on a fault store, its naive books beside it, and the checks that compare the two.

Everything goes through the app's own services and jobs. ``settle`` lets the remaining jobs run to their end; ``check``
then asserts what must hold whatever happened before: every quantity and every count of health equals the books, and
every stored counter equals what it is made of.
"""

import base64
import random
import secrets
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog import store as catalog_store
from chalicelib.catalog.meters import Aggregation, Dimension, Meter
from chalicelib.catalog.organizations import Organization
from chalicelib.catalog.plan_memory_store import remembered_plans
from chalicelib.credits import claim_service, kept_head_service
from chalicelib.invoices.claiming import DraftClaims
from chalicelib.invoices.kept_head_service import InvoiceHeads
from chalicelib.platform import auth, retries, together
from chalicelib.platform.writes import Lost, commit
from chalicelib.shared.clock import clock
from chalicelib.shared.ids import sort_ids
from chalicelib.shared.numbers import JsonNumber
from chalicelib.shared.strict_json import dump
from chalicelib.shared.time import (
    QuarterHour,
    format_instant,
    local_day_of,
    local_month_start,
    quarter_hour_of,
    quarter_hour_start,
    zone_of,
)
from chalicelib.usage import corrections, counters_store, counting, ingest, rollup, store
from chalicelib.usage.counters import Counters, Health, merge_counters
from chalicelib.usage.counters_store import Kind
from chalicelib.usage.envelope import open_message
from chalicelib.usage.fold import fold
from chalicelib.usage.query import UsageQuestion, measure_usage, open_reader
from chalicelib.usage.ranges import Range, Window, day_of
from chalicelib.usage.segments import Segment
from chalicelib.usage.tables import SegmentItem
from tests.faults.billing_checks import check_billing
from tests.faults.naive import Books, Received, quantity
from tests.faults.naive_billing import Sales
from tests.faults.schedules import acting
from tests.faults.store import FaultStore, Kept, as_read, open_store

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
FROM, UNTIL = datetime(2025, 12, 25, tzinfo=UTC), datetime(2026, 2, 5, tzinfo=UTC)
ACME = "acme"


def always() -> bool:
    """Have time for everything."""
    return True


def event(id: str, at: datetime = NOON, *, organization: str = ACME, **content: Any) -> Received:  # noqa: A002
    """Make an event of type ``call``; its value is ``v`` and its dimension ``model`` unless told otherwise."""
    return Received(organization=organization, id=id, at=at, content={"v": 1, "model": "a", **content})


@dataclass
class World:
    """One store with its books. ``now`` is the domain's clock.

    ``takes_history`` tells whether events of any age are sent, as history is brought in, or as they happen.
    """

    store: FaultStore
    now: datetime = NOON
    books: Books = field(default_factory=Books)
    sales: Sales = field(default_factory=Sales)
    takes_history: bool = True
    organizations: list[str] = field(default_factory=list)

    def everything(self) -> str:
        """Tell every byte of every table, the books, the time, and what the process believes the meters are.

        Whoever goes on from the same goes on in the same way: plans that a process remembers never change.
        """
        remembered = catalog_store._definitions._edition
        return repr((self.store.keep().text, self.books, self.sales, self.organizations, self.now, remembered))

    def organization(self, name: str = ACME, zone: str = "UTC", **more: Any) -> None:
        """Create an organization."""
        made = Organization(id=name, name=name, currency="USD", timezone=zone, created_at=FROM, **more)
        commit(catalog_service.organization_writes(made))
        self.organizations.append(name)

    def meter(self, aggregation: Aggregation, key: str | None = None, **options: Any) -> None:
        """Create a meter over ``v`` by ``model``; it counts from December 2025."""
        while True:
            catalog = catalog_service.meter_catalog()
            name = key or aggregation.value
            definition = {**_DEFINITION, **options, "version": catalog.version + 1}
            made = Meter(key=name, name=name, aggregation=aggregation, **definition)
            try:
                return commit(catalog_service.definition_writes(made, catalog, is_new=True))
            except Lost:
                continue

    def archive(self, key: str, at: datetime) -> None:
        """Archive a meter from an instant on."""
        while True:
            catalog = catalog_service.meter_catalog()
            archived = replace(catalog.meters[key], archived_at=at, version=catalog.version + 1)
            try:
                return commit(catalog_service.definition_writes(archived, catalog, is_new=False))
            except Lost:
                continue

    def ingest(self, *events: Received) -> None:
        """Send events as one request."""
        envelope = open_message(dump({"events": [_sent(one) for one in events]}))
        receipt = ingest.ingest(envelope, ingest.Delivery(now=self.now, is_backfill=self.takes_history))
        assert receipt.accepted == len(events)

    def void(self, one: Received) -> None:
        """Take an event back."""
        corrections.void_event(_target(one), self.now)

    def amend(self, one: Received, **content: Any) -> None:
        """Replace an event's content."""
        corrections.amend_event(_target(one), _json(content), self.now)

    def received(self, *events: Received) -> None:
        """Send events and note them in the books."""
        self.ingest(*events)
        self.books.events += events

    def roll_up(self) -> None:
        """Run the rollup once, over the shards that have organizations."""
        shards = sorted({store.shard_of(name) for name in self.organizations})
        rollup.roll_up(lambda: self.now, has_time=always, shards=shards)

    def count_past(self) -> None:
        """Run the counting job until it is done."""
        counting.count_past_events(lambda: self.now, has_time=always)

    def settle(self) -> None:
        """Let every job that is due run to its end, an hour later."""
        self.now = max(self.now, *(one.at for one in self.books.events), NOON) + timedelta(hours=1)
        clock.set(self.now)
        fresh_process()
        self.roll_up()
        self.count_past()

    def totals(self, organization: str = ACME, *, window: Window = Window.DAY) -> dict[str, Any]:
        """Ask for the usage of all meters: their totals, and their windows with usage."""
        question = UsageQuestion(
            whole=Range(quarter_hour_of(FROM), quarter_hour_of(UNTIL)),
            window=window,
            zone=zone_of(catalog_service.get_organization(organization).timezone),
            include_zero=True,
        )
        answer = measure_usage(open_reader(organization, self.now), question)
        return {
            one.meter.key: (
                one.breakdown.total,
                {each.window.start_at: each.quantity for each in one.breakdown.windows if each.quantity != 0},
            )
            for one in answer
        }

    def check_usage(self) -> None:
        """Assert that every total and every day of every meter is what the books say."""
        meters = catalog_service.meter_catalog().meters
        for organization in self.organizations:
            zone = zone_of(catalog_service.get_organization(organization).timezone)
            for key, (total, windows) in self.totals(organization).items():
                if not meters[key].counted:
                    continue
                whole = quantity(self.books, organization, meters[key], start=FROM, end=UNTIL, now=self.now)
                assert total == whole, f"{organization} {key}: {total} instead of {whole}"
                days = {local_day_of(one.at, zone) for one in self.books.events if one.organization == organization}
                for day in days | {local_day_of(at, zone) for at in windows}:
                    start = datetime(day.year, day.month, day.day, tzinfo=zone)
                    bounds = start.astimezone(UTC), (start + timedelta(days=1)).astimezone(UTC)
                    of_day = quantity(
                        self.books, organization, meters[key], start=bounds[0], end=bounds[1], now=self.now
                    )
                    shown = windows.get(bounds[0], Decimal(0))
                    assert shown == of_day, f"{organization} {key} on {day}: {shown} instead of {of_day}"

    def check(self) -> None:
        """Let the remaining jobs run, then assert that all is right."""
        self.settle()
        self.check_usage()
        for organization in self.organizations:
            stored = _Stored(self.store, organization)
            stored.check()
            self.check_health(organization, [counters.health for counters in stored.days.values()])
            if self.sales.sold:
                check_billing(organization)

    def check_health(self, organization: str, sums: Sequence[Health]) -> None:
        """Assert that the counts of health are those of the books; extra copies made by retries are duplicates."""
        states = self.books.states(organization)
        assert sum(one.voided for one in sums) == states["voided"]
        assert sum(one.amended for one in sums) == states["amended"]
        assert sum(one.conflicts for one in sums) >= states["conflicts"]
        assert sum(one.accepted - one.duplicates - one.conflicts for one in sums) == len(self.books.first(organization))


def _sent(one: Received) -> dict[str, Any]:
    attributes = {"id": one.id, "source": one.source, "type": one.type, "subject": one.organization}
    return {**attributes, "time": format_instant(one.at), "data": _json(one.content)}


def _json(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: JsonNumber(str(value)) if isinstance(value, int | Decimal) else value for name, value in content.items()
    }


def _target(one: Received) -> corrections.Target:
    return corrections.Target(organization=one.organization, source=one.source, id=one.id, time=one.at, reason="test")


_DEFINITION: dict[str, Any] = {
    "event_type": "call",
    "value": ("v",),
    "dimensions": (Dimension("model", ("model",)),),
    "filters": (),
    "unit": None,
    "strict": False,
    "count_from": FROM,
    "archived_at": None,
    "counted": False,
    "created_at": FROM,
}


def partitions_of(opened: FaultStore, organization: str) -> dict[int, list[Segment]]:
    """Read all segments of an organization out of the store itself, by quarter-hour."""
    found: dict[int, list[Segment]] = {}
    for partition, items in sorted(opened.contents()[SegmentItem.Meta.table_name].items()):
        if partition.rpartition("#")[0] == organization:
            for _, item in sorted(items.items()):
                segment = store._segment(SegmentItem.from_raw_data(as_read(item)))
                found.setdefault(segment.quarter_hour, []).append(segment)
    return found


class _Stored:
    """Everything that is stored for one organization."""

    def __init__(self, opened: FaultStore, organization: str) -> None:
        self._store = opened
        self.organization = catalog_service.get_organization(organization)
        self.zone = zone_of(self.organization.timezone)
        self.catalog = catalog_service.meter_catalog()
        whole = Range(quarter_hour_of(FROM), quarter_hour_of(UNTIL))
        self.quarter_hours = counters_store.read_quarter_hours(organization, whole, self.catalog)
        self.days = self._days(Kind.DAY)

    def _days(self, kind: Kind) -> dict[Any, Counters]:
        return counters_store.read_days(
            self.organization.id, kind, (None, local_day_of(UNTIL, self.zone)), self.catalog
        )

    def _counting(self, quarter_hour: QuarterHour) -> set[str]:
        """Name the meters that count in a quarter-hour: past ones are folded again for these alone."""
        ends_at = quarter_hour_start(quarter_hour + 1)
        return {key for key, meter in self.catalog.meters.items() if meter.count_from < ends_at}

    def check(self) -> None:
        """Assert that quarter-hours are folds, days are merges, levels are of their days, and no mark is left."""
        assert store.list_marks(self.organization.id) == []
        partitions = partitions_of(self._store, self.organization.id)
        assert set(self.quarter_hours) == set(partitions)
        for quarter_hour, stored in self.quarter_hours.items():
            folded = fold(partitions[quarter_hour], self.catalog)
            counting = self._counting(quarter_hour)
            assert _meaning(stored, counting) == _meaning(folded, counting), f"quarter-hour {quarter_hour} is stale"
        by_day: dict[Any, list[Counters]] = {}
        for quarter_hour, stored in self.quarter_hours.items():
            by_day.setdefault(day_of(quarter_hour, self.zone), []).append(stored)
        assert set(self.days) == set(by_day)
        for day, parts in by_day.items():
            assert self.days[day] == merge_counters(parts, self.catalog), f"day {day} is torn"
        self._check_levels()

    def _check_levels(self) -> None:
        levels = {day: rollup.levels_of(counters, self.catalog) for day, counters in self.days.items()}
        levels = {day: one for day, one in levels.items() if one.meters}
        stored = self._days(Kind.DAY_LEVELS)
        assert {day: one.meters for day, one in stored.items()} == {day: one.meters for day, one in levels.items()}
        by_month: dict[Any, list[Counters]] = {}
        for day, one in levels.items():
            by_month.setdefault(local_month_start(day), []).append(one)
        months = self._days(Kind.MONTH_LEVELS)
        assert {month: one.meters for month, one in months.items()} == {
            month: merge_counters(parts, self.catalog).meters for month, parts in by_month.items()
        }


def _meaning(counters: Counters, counting: AbstractSet[str]) -> tuple[Any, ...]:
    """Leave out that a meter which does not count there yet counted nothing: only a fold that knows it says so."""
    meters = {key: states for key, states in counters.meters.items() if states or key in counting}
    return counters.segments, counters.health, meters


def fresh_process() -> None:
    """Forget what a process remembers, as a new one would."""
    catalog_store.forget_definitions()
    remembered_plans.forget()
    auth._keys._read.clear()


class TickingClock:
    """A real clock that gives every run the same instants: a microsecond later each time."""

    def __init__(self) -> None:
        self.ns = 1_768_000_000 * 10**9

    def __call__(self) -> int:
        self.ns += 1000
        return self.ns


class Chance:
    """Gives what ``secrets`` gives, the same each time; a world that goes back draws the same again.

    Each actor draws from a source of its own: what it draws does not depend on when the others do.
    """

    def __init__(self) -> None:
        self.sources: dict[str, random.Random] = {}

    def _source(self) -> random.Random:
        return self.sources.setdefault(acting(), random.Random(acting()))

    def randbits(self, count: int) -> int:
        return self._source().getrandbits(count)

    def token_hex(self, length: int) -> str:
        return self._source().randbytes(length).hex()

    def token_urlsafe(self, length: int) -> str:
        return base64.urlsafe_b64encode(self._source().randbytes(length)).rstrip(b"=").decode()

    def state(self) -> "ChanceState":
        return {name: source.getstate() for name, source in self.sources.items()}

    def go_back(self, state: "ChanceState") -> None:
        self.sources = {}
        for name, each in state.items():
            self.sources[name] = random.Random()
            self.sources[name].setstate(each)


ChanceState = dict[str, tuple[Any, ...]]


@contextmanager
def open_world() -> Iterator[World]:
    """Open an empty world; time stands at noon, nothing sleeps, reads side by side come one after the other."""
    with pytest.MonkeyPatch.context() as patch, open_store() as opened:
        patch.setattr(retries, "sleep", lambda seconds: None)
        patch.setattr(together, "run_all", together.in_turn)
        patch.setattr(clock, "real_ns", TickingClock())
        chance = Chance()
        for name in ("randbits", "token_hex", "token_urlsafe"):
            patch.setattr(secrets, name, getattr(chance, name))
        clock.set(NOON)
        fresh_process()
        patch.setattr(claim_service._source, "_taken", [DraftClaims()])
        patch.setattr(kept_head_service._source, "_taken", [InvoiceHeads()])
        try:
            yield World(opened)
        finally:
            clock.set(None)
            fresh_process()


@dataclass(frozen=True)
class Beginning:
    """A world at one moment, to come back to."""

    kept: Kept
    books: Books
    sales: Sales
    now: datetime
    organizations: Sequence[str]
    ns: int
    last_sort_id: int
    chance: ChanceState


def beginning(world: World) -> Beginning:
    """Keep a world as it is."""
    books = Books(list(world.books.events), set(world.books.voided), dict(world.books.amended))
    kept, organizations = world.store.keep(), list(world.organizations)
    return Beginning(
        kept=kept,
        books=books,
        sales=world.sales.copy(),
        now=world.now,
        organizations=organizations,
        ns=_ticking().ns,
        last_sort_id=sort_ids._last,
        chance=_chance().state(),
    )


def go_back(world: World, to: Beginning) -> None:
    """Make a world what it was, in a fresh process."""
    world.store.put_back(to.kept)
    world.books = Books(list(to.books.events), set(to.books.voided), dict(to.books.amended))
    world.sales, world.now, world.organizations = to.sales.copy(), to.now, list(to.organizations)
    _ticking().ns, sort_ids._last = to.ns, to.last_sort_id
    _chance().go_back(to.chance)
    clock.set(world.now)
    fresh_process()


def _ticking() -> TickingClock:
    ticking: Any = clock.real_ns
    assert isinstance(ticking, TickingClock)
    return ticking


def _chance() -> Chance:
    bound: Any = secrets.randbits
    assert isinstance(bound.__self__, Chance)
    return bound.__self__
