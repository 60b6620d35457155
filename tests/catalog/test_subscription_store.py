"""Subscriptions in the storage: one item, one version, and the list of what is due."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from chalicelib.catalog import subscriptions_store
from chalicelib.catalog.subscription_service import (
    SHARDS,
    list_due,
    note_written,
    read_many,
    read_subscriptions,
    subscription_writes,
    subscriptions_check,
    subscriptions_key,
    subscriptions_of,
    with_changes,
)
from chalicelib.catalog.subscriptions import BillingProgress, SettlingPeriod, Subscription, Subscriptions
from chalicelib.catalog.subscriptions_store import MAX_SUBSCRIPTIONS, shard_of
from chalicelib.catalog.tables import CatalogItem
from chalicelib.platform.reads import find, find_many
from chalicelib.platform.writes import Lost, Put, commit
from chalicelib.shared.errors import Conflict
from chalicelib.shared.time import parse_quarter_hour
from tests.catalog.build_subscriptions import at, subscription, together
from tests.catalog.conftest import Storage

JANUARY = parse_quarter_hour("2026-01-31T23:45")
FEBRUARY = parse_quarter_hour("2026-02-03T10:00")
NOW = at("2026-02-05")
SETTLING = SettlingPeriod(
    number=1,
    start=parse_quarter_hour("2026-01-01T00:00"),
    end=parse_quarter_hour("2026-02-01T00:00"),
    late_usage_until=at("2026-03-08"),
)
ONE = subscription("2025-12-01", progress=BillingProgress(next_period=2, settling=(SETTLING,)))


def store(*changed: Subscription, organization: str = "acme", due_at: datetime | None = None) -> Subscriptions:
    read = read_subscriptions(organization)
    commit(subscription_writes(read, changed, due_at=due_at))
    return read_subscriptions(organization)


def of(organization: str) -> Subscription:
    return replace(ONE, organization=organization)


def due(now: str) -> list[str]:
    return [organization for shard in range(SHARDS) for organization in list_due(at(now), shard=shard)]


@pytest.mark.usefixtures("tables")
def test_without_an_item_there_is_version_0_and_nothing() -> None:
    assert read_subscriptions("acme") == Subscriptions(organization="acme", version=0, subscriptions=())


@pytest.mark.usefixtures("tables")
def test_every_write_raises_the_version_and_keeps_the_other_subscriptions() -> None:
    first = store(ONE)
    assert first == together(ONE, version=1)
    second = store(replace(ONE, number=2), replace(ONE, spend_cap_minor=5))
    assert second == together(replace(ONE, spend_cap_minor=5), replace(ONE, number=2), version=2)


@pytest.mark.usefixtures("tables")
def test_a_write_over_another_version_is_lost() -> None:
    nothing = read_subscriptions("acme")
    first = store(ONE)
    for read in (nothing, first):
        writes = subscription_writes(read, [ONE], due_at=None)
        store(ONE)
        with pytest.raises(Lost):
            commit(writes)
    assert read_subscriptions("acme").version == 3


@pytest.mark.usefixtures("tables")
def test_a_check_holds_until_anything_is_written() -> None:
    other = CatalogItem("some", "item")
    nothing = read_subscriptions("acme")
    commit([subscriptions_check(nothing), Put(item=other)])
    first = store(ONE)
    commit([subscriptions_check(first), Put(item=other)])
    with pytest.raises(Lost):
        commit([subscriptions_check(nothing), Put(item=other)])
    store(ONE)
    with pytest.raises(Lost):
        commit([subscriptions_check(first), Put(item=other)])


def test_many_are_read_in_one_round_trip(storage: Storage) -> None:
    store(ONE)
    store(of("other"), organization="other")
    storage.operations.clear()
    found = read_many(["acme", "nobody", "other"])
    assert storage.operations == ["BatchGetItem"]
    assert {name: one.version for name, one in found.items()} == {"acme": 1, "nobody": 0, "other": 1}
    assert found["other"].subscriptions == (of("other"),)


@pytest.mark.usefixtures("tables")
def test_they_are_read_beside_items_of_another_domain() -> None:
    store(ONE)
    item, nothing = find_many([subscriptions_key("acme"), subscriptions_key("nobody")])
    assert subscriptions_of("acme", item) == read_subscriptions("acme")
    assert subscriptions_of("nobody", nothing).version == 0


@pytest.mark.usefixtures("tables")
def test_the_due_are_listed_from_their_instant_on_the_longest_due_first() -> None:
    same_shard = [name for name in (f"org-{place}" for place in range(200)) if shard_of(name) == 3][:3]
    for name, day in zip(same_shard, ("2026-02-03", "2026-02-01", "2026-02-02"), strict=True):
        store(of(name), organization=name, due_at=at(day))
    expected = [same_shard[1], same_shard[2], same_shard[0]]
    assert list(list_due(at("2026-02-03"), shard=3)) == expected
    assert list(list_due(at("2026-02-02T23:59"), shard=3)) == expected[:2]
    assert due("2026-01-31T23:59") == []


@pytest.mark.usefixtures("tables")
def test_organizations_are_listed_in_their_shard_alone_and_no_more_when_nothing_is_due() -> None:
    store(ONE, due_at=at("2026-02-01"))
    assert list(list_due(NOW, shard=shard_of("acme"))) == ["acme"]
    assert list(list_due(NOW, shard=(shard_of("acme") + 1) % SHARDS)) == []
    store(ONE)
    assert due("2026-03-01") == []
    item = find(CatalogItem, subscriptions_key("acme").keys)
    assert item is not None
    assert {"due_key", "due_at"}.isdisjoint(item.serialize())


def test_the_index_of_the_due_holds_keys_alone() -> None:
    shards = {shard_of(f"org-{place}") for place in range(200)}
    assert shards == set(range(SHARDS))
    index = CatalogItem.by_due.Meta
    assert (index.index_name, index.projection.projection_type) == ("due", "KEYS_ONLY")


@pytest.mark.usefixtures("tables")
def test_a_note_touches_a_settling_period_and_leaves_what_is_due() -> None:
    store(ONE, due_at=at("2026-03-08"))
    note_written("acme", [FEBRUARY, JANUARY], now=NOW)
    read = read_subscriptions("acme")
    assert read.version == 2
    assert read.subscriptions[0].progress.settling == (replace(SETTLING, touched=True),)
    assert due("2026-03-08") == ["acme"]


@pytest.mark.usefixtures("tables")
def test_a_second_note_raises_the_version_again() -> None:
    store(ONE)
    note_written("acme", [JANUARY], now=NOW)
    once = read_subscriptions("acme")
    note_written("acme", [JANUARY], now=NOW)
    assert read_subscriptions("acme") == replace(once, version=3)


@pytest.mark.usefixtures("tables")
def test_a_note_for_a_period_that_is_to_be_closed_raises_the_version() -> None:
    not_closed = replace(ONE, progress=BillingProgress(next_period=1))
    store(not_closed)
    note_written("acme", [JANUARY], now=NOW)
    assert read_subscriptions("acme") == together(not_closed, version=2)


def test_a_note_that_concerns_no_ended_period_writes_nothing(storage: Storage) -> None:
    store(ONE)
    storage.operations.clear()
    note_written("acme", [FEBRUARY], now=NOW)
    note_written("nobody", [JANUARY], now=NOW)
    assert storage.operations == ["BatchGetItem", "BatchGetItem"]


def test_a_note_wins_against_another_writer_in_the_end(storage: Storage) -> None:
    store(ONE)
    storage.before_write(lambda: store(replace(ONE, spend_cap_minor=7)))
    note_written("acme", [JANUARY], now=NOW)
    read = read_subscriptions("acme")
    assert read.version == 3
    assert read.subscriptions[0].spend_cap_minor == 7
    assert read.subscriptions[0].progress.settling[0].touched


def test_a_note_makes_a_finalization_that_read_before_lose(storage: Storage) -> None:
    read = store(replace(ONE, progress=BillingProgress(next_period=1)))
    storage.before_write(lambda: note_written("acme", [JANUARY], now=NOW))
    with pytest.raises(Lost):
        commit(subscription_writes(read, [ONE], due_at=None))
    assert read_subscriptions("acme").subscriptions[0].progress.next_period == 1


def numbered(count: int) -> Sequence[Subscription]:
    return [replace(ONE, number=number) for number in range(1, count + 1)]


def test_an_organization_has_at_most_a_thousand_subscriptions() -> None:
    nothing = Subscriptions(organization="acme", version=0, subscriptions=())
    assert len(subscription_writes(nothing, numbered(MAX_SUBSCRIPTIONS), due_at=None)) == 1
    with pytest.raises(Conflict):
        subscription_writes(nothing, numbered(MAX_SUBSCRIPTIONS + 1), due_at=None)


def test_what_takes_up_too_much_space_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Subscriptions(organization="acme", version=0, subscriptions=())
    size = len(subscriptions_store._pack(with_changes(nothing, [ONE])))
    monkeypatch.setattr(subscriptions_store, "MAX_PACKED_BYTES", size)
    assert len(subscription_writes(nothing, [ONE], due_at=None)) == 1
    monkeypatch.setattr(subscriptions_store, "MAX_PACKED_BYTES", size - 1)
    with pytest.raises(Conflict):
        subscription_writes(nothing, [ONE], due_at=None)


@pytest.mark.usefixtures("tables")
def test_a_thousand_subscriptions_fit_into_the_item() -> None:
    store(*numbered(MAX_SUBSCRIPTIONS))
    assert len(read_subscriptions("acme").subscriptions) == MAX_SUBSCRIPTIONS
