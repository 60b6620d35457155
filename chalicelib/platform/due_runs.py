"""Scheduled runs over organizations with something due: shard by shard, and none that fails stops the others."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, Self, TypeVar

from chalicelib.platform import logging
from chalicelib.shared.errors import Busy, NotFound
from chalicelib.shared.time import EPOCH

_EVERY = timedelta(hours=1)

HasTime = Callable[[], bool]


class Report(Protocol):
    """Counts what a run did; ``failed`` and ``left`` are among the counts."""

    def __add__(self, other: Self, /) -> Self:
        """Add the counts of another report."""


R = TypeVar("R", bound=Report)


def add_counts(one: Any, other: Any) -> Any:
    """Add two reports, which are dataclasses of counts, field by field."""
    return type(one)(*(getattr(one, field.name) + getattr(other, field.name) for field in fields(one)))


def list_all_due(list_shard: Callable[[int], Iterator[str]], *, shards: int, now: datetime) -> Iterator[str]:
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
        return report(failed=1)
    except Exception as error:  # noqa: BLE001 - one organization that cannot be worked on must not stop all the others
        logging.log_fault(fault, error, organization=organization)
        logging.count("Faults")
        return report(failed=1)
