"""Occurrences of recurring grants in a wallet: which have begun and are not in it yet, and when the next ones begin."""

from collections.abc import Container, Iterator, Mapping
from datetime import datetime

from chalicelib.credits.grants import Allocation, Grant, occurrence_id, occurrence_of


def begun_occurrences(allocations: Mapping[str, Allocation], now: datetime) -> list[Grant]:
    """List the occurrences that have begun and are not among the grants yet, in the order in which they began."""
    begun = [grant for first in _firsts(allocations) for grant in _unbooked(allocations, first, now)]
    return sorted(begun, key=lambda grant: (grant.effective_at, grant.id))


def next_beginnings(allocations: Mapping[str, Allocation]) -> list[datetime]:
    """List when the next occurrence of each series begins; a series without one is left out."""
    found = (next(coming(allocations, first), None) for first in _firsts(allocations))
    return [one[1] for one in found if one is not None]


def goes_on(allocations: Mapping[str, Allocation], grant: Grant) -> bool:
    """Tell whether a grant is the first one of a series of which an occurrence is to come."""
    return grant.recurrence is not None and next(coming(allocations, grant), None) is not None


def _firsts(allocations: Mapping[str, Allocation]) -> list[Grant]:
    return [one.grant for one in allocations.values() if one.grant.recurrence is not None]


def _unbooked(allocations: Mapping[str, Allocation], first: Grant, now: datetime) -> Iterator[Grant]:
    for number, begins in coming(allocations, first):
        if begins > now:
            return
        yield occurrence_of(first, number)


def coming(known: Container[str], first: Grant) -> Iterator[tuple[int, datetime]]:
    """Walk the occurrences of a series behind those that are known by id, with the instants at which they begin.

    A series without a count never ends, unless a void of the first one stops it.
    """
    number = 1
    while occurrence_id(first.id, number) in known:
        number += 1
    while (begins := _next_at(first, number)) is not None:
        yield number, begins
        number += 1


def _next_at(first: Grant, number: int) -> datetime | None:
    """Give the beginning of an occurrence; ``None`` when there is none, because the first was voided by then."""
    assert first.recurrence is not None
    if not first.recurrence.has(number):
        return None
    begins = first.recurrence.anchor(first.effective_at, number)
    return begins if first.ended_at is None or begins < first.ended_at else None
