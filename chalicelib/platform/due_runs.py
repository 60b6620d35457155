"""Scheduled runs over organizations with something due: shard by shard, and none that fails stops the others."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, Self, TypeVar

from chalicelib.platform import logging
from chalicelib.platform.metrics import Metric
from chalicelib.platform.together import read_each
from chalicelib.shared.errors import Busy, NotFound
from chalicelib.shared.time import EPOCH
from chalicelib.shared.values import dataclass

_EVERY = timedelta(hours=1)
_ONE_SECOND = timedelta(seconds=1)
# Of what is due the longest, so many are named to people; of a shard so many are looked at.
_MOST_NAMED = 10
MOST_A_SHARD = 100

HasTime = Callable[[], bool]


class Report(Protocol):
    """Counts what a run did; ``failed`` and ``left`` are among the counts."""

    def __add__(self, other: Self, /) -> Self:
        """Add the counts of another report."""


R = TypeVar("R", bound=Report)
T = TypeVar("T")


def add_counts(one: Any, other: Any) -> Any:
    """Add two reports, which are dataclasses of counts, field by field."""
    return type(one)(*(getattr(one, field.name) + getattr(other, field.name) for field in fields(one)))


@dataclass(frozen=True, slots=True)
class Due:
    """An organization with something due, and since when."""

    organization: str
    due_at: datetime

    def late_s(self, now: datetime) -> int:
        """Tell how late it is, in whole seconds."""
        return max(0, (now - self.due_at) // _ONE_SECOND)


@dataclass(frozen=True, slots=True)
class DueBacklog:
    """What is due: the longest due first, and how many there are; ``has_more``: more than were looked at."""

    oldest: tuple[Due, ...] = ()
    count: int = 0
    has_more: bool = False


def read_due_backlog(read_shard: Callable[[int], tuple[Sequence[Due], bool]], *, shards: int) -> DueBacklog:
    """Put together what is due in all shards; ``read_shard`` gives the longest due of one, and whether it has more."""
    found = read_each(read_shard, range(shards))
    due = sorted((one for read, _ in found for one in read), key=lambda one: (one.due_at, one.organization))
    return DueBacklog(tuple(due[:_MOST_NAMED]), len(due), any(has_more for _, has_more in found))


def list_all_due(list_shard: Callable[[int], Iterator[T]], *, shards: int, now: datetime) -> Iterator[T]:
    """List what is due shard by shard, from one that changes every hour, so that a backlog starves nobody."""
    first = (now - EPOCH) // _EVERY % shards
    for place in range(shards):
        yield from list_shard((first + place) % shards)


def run_each(
    organizations: Sequence[str], work: Callable[[str], R], has_time: HasTime, *, report: Callable[..., R], fault: str
) -> R:
    """Work on organizations one by one, as long as the time lasts; ``fault`` is what the log says of one that fails."""
    found = report()
    for place, organization in enumerate(organizations):
        if not has_time():
            return found + report(left=len(organizations) - place)
        found += guarded(organization, partial(work, organization), report=report, fault=fault)
    return found


def guarded(organization: str, work: Callable[[], R], *, report: Callable[..., R], fault: str) -> R:
    """Do a part of a run; one that fails is logged and counted. What is gone meanwhile needs nothing."""
    try:
        return work()
    except NotFound:
        return report()
    except Busy:
        logging.count(Metric.BUSY)
        return report(failed=1)
    except Exception as error:  # noqa: BLE001 - one organization that cannot be worked on must not stop all the others
        logging.log_fault(fault, error, organization=organization)
        logging.count(Metric.FAULTS)
        return report(failed=1)
