"""What other domains may ask of subscriptions, and the writes that change them.

All subscriptions of an organization are read and written together, under one version. A change of theirs goes into the
transaction of whatever rests on it, such as the invoice of an advance fee: therefore it is handed out as writes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from chalicelib.catalog import plan_service
from chalicelib.catalog import subscriptions_store as store
from chalicelib.catalog.settling import find_touched
from chalicelib.catalog.subscription_answers import (
    DEFAULT_HISTORY_DAYS,
    find_history_terms,
    list_terms,
    priced_meters,
)
from chalicelib.catalog.subscriptions import Subscription, Subscriptions
from chalicelib.catalog.tables import CatalogItem
from chalicelib.platform.answers import Answer
from chalicelib.platform.due_runs import MOST_A_SHARD, Due, DueBacklog, read_due_backlog
from chalicelib.platform.reads import ItemKey, find_many
from chalicelib.platform.tables import BaseModel
from chalicelib.platform.writes import Effect, Write, run_command
from chalicelib.shared.time import QuarterHour, instant_of

SHARDS = store.SHARDS


def read_subscriptions(organization: str) -> Subscriptions:
    """Read all subscriptions of an organization, strongly consistent; version 0 and none when there never was one."""
    return read_many([organization])[organization]


def read_many(organizations: Sequence[str]) -> dict[str, Subscriptions]:
    """Read the subscriptions of several organizations in one round trip per hundred, strongly consistent."""
    found = find_many([subscriptions_key(organization) for organization in organizations])
    return {
        organization: subscriptions_of(organization, item)
        for organization, item in zip(organizations, found, strict=True)
    }


def subscriptions_key(organization: str) -> ItemKey:
    """Tell where the subscriptions of an organization are, for a batch of reads together with other items."""
    return store.item_key(organization)


def subscriptions_of(organization: str, item: BaseModel | None) -> Subscriptions:
    """Read the item found at ``subscriptions_key``; no item is version 0 without subscriptions."""
    assert item is None or isinstance(item, CatalogItem)
    return store.read_item(organization, item)


def due_at_of(item: BaseModel | None) -> datetime | None:
    """Tell from the item found at ``subscriptions_key`` when the billing run looks at the organization next."""
    assert item is None or isinstance(item, CatalogItem)
    return None if item is None or item.due_at is None else instant_of(int(item.due_at))


def subscription_writes(
    read: Subscriptions, changed: Sequence[Subscription], *, due_at: datetime | None
) -> tuple[Write, ...]:
    """Make the write that puts changed and new subscriptions in place, unless somebody else has changed any since.

    ``due_at`` is when the billing run has to look at the organization next; ``None`` takes it off the list. Raises
    ``Conflict`` when the organization would have more subscriptions than can be kept.
    """
    return (store.replace_write(with_changes(read, changed), version_read=read.version, due_at=due_at),)


def with_changes(read: Subscriptions, changed: Sequence[Subscription]) -> Subscriptions:
    """Put changed and new subscriptions in their places, by number, and raise the version."""
    by_number = {one.number: one for one in (*read.subscriptions, *changed)}
    ordered = tuple(by_number[number] for number in sorted(by_number))
    return replace(read, version=read.version + 1, subscriptions=ordered)


def subscriptions_check(read: Subscriptions) -> Write:
    """Make the check that lets a transaction pass only while nobody has changed the subscriptions that were read."""
    return store.version_check(read)


def list_due(now: datetime, *, shard: int) -> Iterator[str]:
    """List the organizations of a shard, of ``SHARDS``, whose billing was due at ``now``; read them before acting.

    The index is eventually consistent: one may be listed that is no longer due, or not yet be listed.
    """
    return store.list_due(now, shard=shard)


def list_due_since(now: datetime, *, shard: int) -> Iterator[Due]:
    """List the same organizations, each with the instant it has been due since."""
    return store.list_due_since(now, shard=shard)


def due_backlog(now: datetime) -> DueBacklog:
    """Tell whose billing is due at ``now``, the longest due first; of each shard at most ``MOST_A_SHARD`` are read."""
    return read_due_backlog(partial(_first_due, now), shards=SHARDS)


def _first_due(now: datetime, shard: int) -> tuple[list[Due], bool]:
    return store.first_due(now, shard=shard, limit=MOST_A_SHARD)


def note_written(organization: str, quarter_hours: Sequence[QuarterHour], *, now: datetime) -> bool:
    """Note that counters of some quarter-hours were stored, for periods that have ended and are not settled.

    Call it after the counters are stored. A closed period is marked as touched, so that its late usage is rated; the
    version rises in any case, so that a finalization which read the counters before loses its race. Tells whether
    there is such a period: nothing is written where there is none. Raises ``Busy`` when the race is lost too often.
    """
    noted: bool = run_command(partial(_note, organization, quarter_hours, now)).body
    return noted


def _note(organization: str, quarter_hours: Sequence[QuarterHour], now: datetime) -> Effect:
    read = read_subscriptions(organization)
    touched = find_touched(read, quarter_hours, now=now)
    if touched is None:
        return Effect(Answer(body=False))
    return Effect(Answer(body=True), (store.touch_write(with_changes(read, touched), version_read=read.version),))


def billable_meters(subscriptions: Subscriptions) -> frozenset[str]:
    """Name the meters that a charge of any terms of an organization's subscriptions prices."""
    return priced_meters(plan_service.effective_plans(list_terms(subscriptions)))


def usage_history_days(subscriptions: Subscriptions, now: datetime) -> int:
    """Tell how many days back an organization sees its usage: by the plan of its current subscription, or its last."""
    terms = find_history_terms(subscriptions, now)
    return DEFAULT_HISTORY_DAYS if terms is None else plan_service.effective_plan(terms).usage_history_days
