"""What other domains ask of the catalog: definitions that are current, organizations by id, the place of counting."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date

import pytest

from chalicelib.catalog import service, store
from chalicelib.catalog.meters import Aggregation, Meter
from chalicelib.catalog.organizations import Organization
from chalicelib.catalog.service import CountingPlace
from chalicelib.catalog.tables import CatalogItem
from chalicelib.platform.reads import Query, walk
from chalicelib.platform.writes import Lost, commit
from chalicelib.shared.errors import NotFound
from tests.catalog.conftest import Storage
from tests.conftest import NOON

ACME = Organization(id="acme", name="Acme", currency="EUR", timezone="Europe/Berlin", created_at=NOON)
CALLS = Meter(
    key="calls",
    name="Calls",
    event_type="call",
    aggregation=Aggregation.COUNT,
    value=None,
    dimensions=(),
    filters=(),
    unit=None,
    strict=False,
    count_from=NOON,
    archived_at=None,
    version=0,
    counted=False,
    created_at=NOON,
)


def add_meters(*keys: str, counted: bool = False) -> None:
    for key in keys:
        catalog = service.meter_catalog()
        made = replace(CALLS, key=key, version=catalog.version + 1, counted=counted)
        commit(service.definition_writes(made, catalog, is_new=True))


def rename(key: str, name: str) -> None:
    catalog = service.meter_catalog()
    commit(service.label_writes(replace(catalog.meters[key], name=name), catalog))


def counted_meters() -> list[str]:
    return sorted(key for key, meter in service.meter_catalog().meters.items() if meter.counted)


def all_ids(limit: int) -> Sequence[str]:
    ids: list[str] = []
    while page := service.list_organization_ids(after=ids[-1] if ids else None, limit=limit):
        ids += page
    return ids


def test_an_empty_catalog_is_version_0(tables: None) -> None:
    assert (service.meter_catalog().version, service.meter_catalog().meters) == (0, {})


def test_organization_and_meters_are_one_round_trip_when_nothing_changed(storage: Storage) -> None:
    commit(service.organization_writes(ACME))
    add_meters("calls")
    service.meter_catalog()
    storage.operations.clear()
    organization, catalog = service.organization_and_meters("acme")
    assert storage.operations == ["BatchGetItem"]
    assert (organization, sorted(catalog.meters)) == (ACME, ["calls"])


def test_definitions_are_read_again_after_any_change(storage: Storage) -> None:
    commit(service.organization_writes(ACME))
    add_meters("calls")
    rename("calls", "New")
    storage.operations.clear()
    assert service.organization_and_meters("acme")[1].meters["calls"].name == "New"
    assert storage.operations == ["BatchGetItem", "Query"]


def test_a_new_process_sees_what_the_old_one_saw(tables: None) -> None:
    add_meters("a", "b")
    rename("a", "New")
    before = service.meter_catalog()
    store.forget_definitions()
    assert service.meter_catalog() == before


def test_an_unknown_organization_is_not_found(tables: None) -> None:
    with pytest.raises(NotFound):
        service.get_organization("nobody")
    with pytest.raises(NotFound):
        service.organization_and_meters("nobody")
    assert service.find_organizations(["nobody"]) == {}


def test_organizations_are_found_by_id_however_often_they_are_named(tables: None) -> None:
    commit(service.organization_writes(ACME))
    commit(service.organization_writes(replace(ACME, id="other")))
    assert sorted(service.find_organizations(["acme", "other", "acme", "nobody"])) == ["acme", "other"]
    assert service.find_organizations([]) == {}
    assert service.get_organization("acme") == ACME


@pytest.mark.parametrize("changed", ["created", "ended", "renamed", "counted"])
def test_whoever_read_an_older_edition_loses(tables: None, changed: str) -> None:
    add_meters("calls")
    read = service.meter_catalog()
    if changed == "created":
        add_meters("other")
    elif changed == "renamed":
        rename("calls", "New")
    elif changed == "counted":
        service.finish_counting(1)
    else:
        ended = replace(read.meters["calls"], archived_at=NOON, version=2)
        commit(service.definition_writes(ended, read, is_new=False))
    latest = service.meter_catalog()
    for writes in (
        service.definition_writes(replace(CALLS, key="late", version=read.version + 1), read, is_new=True),
        service.definition_writes(replace(CALLS, archived_at=NOON, version=read.version + 1), read, is_new=False),
        service.label_writes(replace(CALLS, name="Late", version=1), read),
    ):
        with pytest.raises(Lost):
            commit(writes)
    assert service.meter_catalog() == latest


def test_a_name_changes_the_edition_but_no_version(tables: None) -> None:
    add_meters("calls")
    before = service.meter_catalog()
    rename("calls", "New")
    after = service.meter_catalog()
    assert (after.version, after.edition != before.edition) == (before.version, True)


def test_threads_share_definitions_and_none_sees_older_ones(tables: None) -> None:
    add_meters("m0")
    seen: list[list[int]] = [[] for _ in range(4)]
    stop = threading.Event()

    def watch(versions: list[int]) -> None:
        while not stop.is_set():
            catalog = service.meter_catalog()
            versions.append(catalog.version)
            assert len(catalog.meters) >= catalog.version

    threads = [threading.Thread(target=watch, args=(versions,)) for versions in seen]
    for thread in threads:
        thread.start()
    for number in range(1, 6):
        add_meters(f"m{number}")
        assert service.meter_catalog().version == number + 1
    stop.set()
    for thread in threads:
        thread.join()
    assert all(versions == sorted(versions) for versions in seen)


class TornWalk:
    """Reads the partition of meters as a query may that runs while a transaction is being written.

    The version is of before the change and the meters of after it, or the other way round; only the first time.
    """

    def __init__(self, change: Callable[[], object], *, version_first: bool) -> None:
        self._change: Callable[[], object] | None = change
        self._version_first = version_first

    def __call__(self, query: Query[CatalogItem]) -> Iterator[CatalogItem]:
        before = list(walk(query))
        change, self._change = self._change, None
        if change is not None:
            change()
        after = list(walk(query))
        first, rest = (before, after) if self._version_first else (after, before)
        yield from [item for item in first if item.sk == "#version"]
        yield from [item for item in rest if item.sk != "#version"]


@pytest.mark.parametrize("version_first", [True, False])
@pytest.mark.parametrize("change", ["create", "rename", "finish"])
def test_definitions_that_were_read_half_way_are_not_remembered(
    tables: None, monkeypatch: pytest.MonkeyPatch, change: str, version_first: bool
) -> None:
    add_meters("a", "b")
    changes: dict[str, Callable[[], object]] = {
        "create": lambda: add_meters("c"),
        "rename": lambda: rename("a", "New"),
        "finish": lambda: service.finish_counting(1),
    }
    store.forget_definitions()
    monkeypatch.setattr(store, "walk", TornWalk(changes[change], version_first=version_first))
    read = service.meter_catalog()
    assert all(meter.version <= read.version for meter in read.meters.values())
    remembered = service.meter_catalog()
    store.forget_definitions()
    assert service.meter_catalog() == remembered


def test_unknown_organizations_are_created_under_their_id(tables: None) -> None:
    service.create_unknown(["b", "a", "b"], NOON)
    assert service.get_organization("a") == Organization(
        id="a", name="a", currency="USD", timezone="UTC", created_at=NOON
    )
    assert all_ids(1) == ["a", "b"]


def test_those_that_exist_are_left_as_they_are(tables: None) -> None:
    commit(service.organization_writes(ACME))
    service.create_unknown(["acme", "other"], NOON)
    assert service.get_organization("acme") == ACME
    assert all_ids(10) == ["acme", "other"]


def test_as_many_as_a_request_names_are_created_in_a_few_transactions(storage: Storage) -> None:
    ids = [f"org-{number:03}" for number in range(95)]
    service.create_unknown(ids, NOON)
    assert all_ids(30) == ids
    assert storage.operations.count("TransactWriteItems") == 3


def test_two_requests_that_create_the_same_ones_both_succeed(storage: Storage) -> None:
    storage.before_write(lambda: service.create_unknown(["b", "c"], NOON))
    service.create_unknown(["a", "b"], NOON)
    assert all_ids(10) == ["a", "b", "c"]


def test_ids_are_walked_in_order_whatever_the_page(tables: None) -> None:
    ids = ["0", "a", "a-b", "a0", "a_b", "b"]
    service.create_unknown(reversed(ids), NOON)
    assert [all_ids(limit) for limit in (1, 2, 5, 6, 7)] == [sorted(ids)] * 5


def test_the_first_organization_alone_changes_the_edition(tables: None) -> None:
    add_meters("calls")
    empty = service.meter_catalog()
    commit(service.organization_writes(ACME))
    first = service.meter_catalog()
    commit(service.organization_writes(replace(ACME, id="other")))
    assert empty.edition != first.edition
    assert service.meter_catalog().edition == first.edition
    assert (first.version, first.meters) == (empty.version, empty.meters)


def test_a_meter_that_was_decided_without_organizations_is_lost_when_one_comes(tables: None) -> None:
    catalog = service.meter_catalog()
    made = service.definition_writes(replace(CALLS, version=1, counted=True), catalog, is_new=True)
    commit(service.organization_writes(ACME))
    with pytest.raises(Lost):
        commit(made)


def test_counting_begins_without_a_place_and_goes_on_at_the_one_that_was_kept(tables: None) -> None:
    assert service.find_counting_place() is None
    for place in (
        CountingPlace(3),
        CountingPlace(3, "acme"),
        CountingPlace(3, "acme", date(2026, 1, 5)),
        CountingPlace(4, None, date(2026, 1, 5)),
    ):
        service.save_counting_place(place)
        assert service.find_counting_place() == place


def test_a_finished_pass_activates_the_meters_up_to_its_version_and_forgets_its_place(tables: None) -> None:
    add_meters("a", "b", "c")
    service.save_counting_place(CountingPlace(2, "acme"))
    service.finish_counting(2)
    assert counted_meters() == ["a", "b"]
    assert service.find_counting_place() is None
    assert service.meter_catalog().version == 3


def test_finishing_again_changes_nothing(storage: Storage) -> None:
    add_meters("a", "b")
    service.finish_counting(1)
    before = service.meter_catalog()
    service.finish_counting(1)
    assert service.meter_catalog() == before


def test_any_number_of_meters_is_activated(tables: None) -> None:
    add_meters(*(f"m{number:03}" for number in range(95)))
    service.finish_counting(95)
    assert len(counted_meters()) == 95


def test_a_meter_that_is_created_while_a_pass_finishes_goes_on_counting(storage: Storage) -> None:
    add_meters("a")
    storage.before_write(lambda: add_meters("b"))
    service.finish_counting(1)
    assert counted_meters() == ["a"]
    assert sorted(service.meter_catalog().meters) == ["a", "b"]
