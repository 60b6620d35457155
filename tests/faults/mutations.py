"""Conditions of the protocols, each broken on purpose: what the schedules must notice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import pytest

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.meters import MeterCatalog
from chalicelib.catalog.organizations import Organization
from chalicelib.platform.connection import Reply, SharedConnection
from chalicelib.platform.reads import find
from chalicelib.platform.writes import Delete, commit
from chalicelib.shared.time import zone_of
from chalicelib.usage import counters_store, mending_service, rollup, store
from chalicelib.usage.counters import Counters, merge_counters
from chalicelib.usage.counters_store import Stored, Stretch
from chalicelib.usage.fold import fold
from chalicelib.usage.ranges import day_of, days_range
from chalicelib.usage.reader import CountersReader
from chalicelib.usage.store import Mark
from chalicelib.usage.tables import CountersItem, MarkItem
from tests.faults.billing_mutations import BILLING_MUTATIONS, Mutation

Request = dict[str, Any]


def _changing_headers(change: Callable[[Request], Request]) -> Mutation:
    """Change the request that writes a header of counters."""

    def mutate(patch: pytest.MonkeyPatch) -> None:
        ask = SharedConnection.ask

        def changed(self: SharedConnection, operation: str, arguments: Request, **options: Any) -> Reply:
            is_header = operation == "PutItem" and "ConditionExpression" in arguments and "g" in arguments["Item"]
            return ask(self, operation, change(dict(arguments)) if is_header else arguments, **options)

        patch.setattr(SharedConnection, "ask", changed)

    return mutate


def _without_condition(request: Request) -> Request:
    return {name: value for name, value in request.items() if name not in _CONDITION}


_CONDITION = ("ConditionExpression", "ExpressionAttributeValues")


def _on(attribute: str, value: str) -> Callable[[Request], Request]:
    def change(request: Request) -> Request:
        if value not in request["ExpressionAttributeValues"]:
            return request
        values = {value: request["ExpressionAttributeValues"][value]}
        condition = f"attribute_not_exists(pk) OR {attribute} <= {value}"
        return {**request, "ConditionExpression": condition, "ExpressionAttributeValues": values}

    return change


def _replacing_anything(request: Request) -> Request:
    is_of_the_rollup = ":segments" in request["ExpressionAttributeValues"]
    return request if is_of_the_rollup else _without_condition(request)


def read_what_stands_there_last(patch: pytest.MonkeyPatch) -> None:
    """Replace what stands there after the counters were made, instead of what was read before."""
    put_right = mending_service._put_right

    def put_right_late(stored: Stored, counters: Counters, catalog: MeterCatalog) -> bool:
        latest = counters_store.find_stored(stored.stretch, catalog)
        assert latest is not None
        return put_right(latest, counters, catalog)

    patch.setattr(mending_service, "_put_right", put_right_late)


def trust_what_refuses_a_day(patch: pytest.MonkeyPatch) -> None:
    """Take whatever refuses a day or levels as good."""

    def store_merged(stretch: Stretch, counters: Counters, again: object, catalog: MeterCatalog) -> bool:
        rollup._put(stretch, counters, catalog)
        return True

    patch.setattr(rollup, "store_merged", store_merged)


def trust_what_refuses_a_quarter_hour(patch: pytest.MonkeyPatch) -> None:
    """Take whatever refuses a quarter-hour as good."""
    patch.setattr(rollup, "mend_quarter_hour", lambda *refused: True)


def delete_any_token(patch: pytest.MonkeyPatch) -> None:
    """Delete a mark whatever token it has."""

    def delete_mark(mark: Mark) -> bool:
        keys = (store._mark_partition(mark.organization), store._mark_key(mark.organization, mark.quarter_hour))
        commit([Delete(model=MarkItem, keys=keys)])
        return True

    patch.setattr(store, "delete_mark", delete_mark)


def delete_mark_first(patch: pytest.MonkeyPatch) -> None:
    """Delete the marks before the counters are stored."""

    def roll_up_marks(
        organization: Organization, marks: Sequence[Mark], tell_now: rollup.TellNow
    ) -> rollup.RollupReport:
        gone = sum(store.delete_mark(mark) for mark in marks)
        rollup.roll_up_day(organization, [mark.quarter_hour for mark in marks], tell_now)
        return rollup.RollupReport(gone)

    patch.setattr(rollup, "_roll_up_marks", roll_up_marks)


def trust_the_first_catalog(patch: pytest.MonkeyPatch) -> None:
    """Do not look again whether a meter was created while the counters were stored."""

    def roll_up_day(organization: Organization, quarter_hours: Sequence[int], tell_now: rollup.TellNow) -> None:
        catalog = catalog_service.meter_catalog()
        day = day_of(quarter_hours[0], zone_of(organization.timezone))
        rollup._store_quarter_hours(organization.id, quarter_hours, catalog, tell_now())
        rollup.store_day(organization, day, catalog)

    patch.setattr(rollup, "roll_up_day", roll_up_day)


def build_the_day_first(patch: pytest.MonkeyPatch) -> None:
    """Read the other quarter-hours of the day before one's own is stored."""
    read: dict[Any, dict[int, Counters]] = {}
    store_quarter_hours, read_again = rollup._store_quarter_hours, counters_store.read_quarter_hours

    def store_after_reading(
        organization: str, quarter_hours: Sequence[int], catalog: MeterCatalog, now: datetime
    ) -> bool:
        zone = zone_of(catalog_service.get_organization(organization).timezone)
        day = day_of(quarter_hours[0], zone)
        before = read_again(organization, days_range(day, day.fromordinal(day.toordinal() + 1), zone), catalog)
        stored = store_quarter_hours(organization, quarter_hours, catalog, now)
        for quarter_hour, segments in store.read_partitions(organization, sorted(quarter_hours)):
            before[quarter_hour] = fold(segments, catalog)
        read[organization] = dict(sorted(before.items()))
        return stored

    def store_day(organization: Organization, day: date, catalog: MeterCatalog) -> bool:
        parts = list(read[organization.id].values())
        rollup._put(
            counters_store.day_stretch(organization.id, counters_store.Kind.DAY, day),
            merge_counters(parts, catalog),
            catalog,
        )
        return True

    patch.setattr(rollup, "_store_quarter_hours", store_after_reading)
    patch.setattr(rollup, "store_day", store_day)


def mark_before_storing(patch: pytest.MonkeyPatch) -> None:
    """Write the dirty mark before the segments that it is for."""
    late: list[Any] = []
    put_segments, put_marks = store.put_segments, store.put_marks
    patch.setattr(store, "put_segments", late.append)

    def marks_first(pairs: Any, **when: Any) -> None:
        put_marks(list(pairs), **when)
        put_segments(late.pop())

    patch.setattr(store, "put_marks", marks_first)


def no_mark(patch: pytest.MonkeyPatch) -> None:
    """Store segments without a dirty mark."""
    patch.setattr(store, "put_marks", lambda pairs, **when: None)


def counters_before_marks(patch: pytest.MonkeyPatch) -> None:
    """Let a query read the stored days before it reads the marks."""
    read_days = CountersReader.days

    def days(self: CountersReader, first: date, end: date) -> dict[date, Counters]:
        stored = counters_store.read_days(self.organization.id, counters_store.Kind.DAY, (first, end), self.catalog)
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(counters_store, "read_days", lambda *_: dict(stored))
            return read_days(self, first, end)

    patch.setattr(CountersReader, "load_marks", lambda self: None)
    patch.setattr(CountersReader, "days", days)


def one_set_of_pages(patch: pytest.MonkeyPatch) -> None:
    """Write pages in the place of the pages that are being read."""
    keys_of = counters_store._page_keys
    patch.setattr(counters_store, "_page_keys", lambda sort_key, fold_id, pages: keys_of(sort_key, "same", pages))
    patch.setattr(counters_store, "_delete_pages", lambda organization, keys: None)


def header_before_pages(patch: pytest.MonkeyPatch) -> None:
    """Delete the replaced pages before the header names the new ones."""
    put_header = counters_store._put_header

    def delete_then_put(header: Any, *condition: Any) -> counters_store.Replaced | None:
        old = find(CountersItem, (header.pk, header.sk))
        if old is not None and old.pages:
            counters_store._delete_pages(header.pk, counters_store._page_keys(header.sk, old.fold_id, int(old.pages)))
        return put_header(header, *condition)

    patch.setattr(counters_store, "_put_header", delete_then_put)
    patch.setattr(counters_store, "_READ_AGAIN", 1)


MUTATIONS: Mapping[str, Mutation] = {
    "counters without a condition": _changing_headers(_without_condition),
    "counters on condition of the segments only": _changing_headers(_on("g", ":segments")),
    "counters on condition of the definitions only": _changing_headers(_on("v", ":definitions")),
    "damaged counters are replaced by any others": _changing_headers(_replacing_anything),
    "what stands there is read after its parts": read_what_stands_there_last,
    "what refuses a day is taken as good": trust_what_refuses_a_day,
    "what refuses a quarter-hour is taken as good": trust_what_refuses_a_quarter_hour,
    "a mark is deleted whatever its token": delete_any_token,
    "a mark is deleted before the counters are stored": delete_mark_first,
    "the meters are not read again": trust_the_first_catalog,
    "a day is built from what was read before": build_the_day_first,
    "the mark comes before the segment": mark_before_storing,
    "no mark": no_mark,
    "a query reads counters before marks": counters_before_marks,
    "pages are overwritten": one_set_of_pages,
    "pages are deleted before the header is written": header_before_pages,
    **BILLING_MUTATIONS,
}


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """Break one condition for a while."""
    with pytest.MonkeyPatch.context() as patch:
        MUTATIONS[name](patch)
        yield
