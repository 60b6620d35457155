"""What lies ahead of an organization's credit: grants that begin, occurrences that come, credit that expires."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from chalicelib.credits.claims import Claims
from chalicelib.credits.grants import Grant, occurrence_id
from chalicelib.credits.occurrences import coming
from chalicelib.credits.summary import GrantNow, grants_now, is_scheduled
from chalicelib.shared.time import microseconds
from chalicelib.shared.values import dataclass

# How far ahead occurrences are listed: a grant that recurs every year is there once.
HORIZON = timedelta(days=366)


class ScheduleKind(StrEnum):
    """What happens: a grant becomes effective, an occurrence of a recurring one comes, or what remains expires."""

    EFFECTIVE = "effective"
    RECURS = "recurs"
    EXPIRES = "expires"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """Something that lies ahead; of an occurrence ``grant`` is the id that it is going to have."""

    at: datetime
    kind: ScheduleKind
    grant: str
    amount_minor: int


# Microseconds since 1970, grant, kind: no two have the same.
ScheduleKey: TypeAlias = tuple[int, str, str]


def schedule_key(one: Scheduled) -> ScheduleKey:
    """Make the key that sorts what lies ahead: soonest first, then by grant, then by kind."""
    return microseconds(one.at), one.grant, one.kind.value


def list_ahead(claims: Claims, now: datetime) -> list[Scheduled]:
    """List what lies ahead in the order of the key; occurrences only within 366 days. Nothing comes of voided grants.

    What expires is what remains now, less what drafts draw.
    """
    found = grants_now(claims, now)
    known = {one.allocation.grant.id for one in found}
    ahead = [each for one in found for each in _of_grant(one, now)]
    for one in found:
        ahead += _occurrences(one.allocation.grant, known, now)
    return sorted(ahead, key=schedule_key)


def _of_grant(one: GrantNow, now: datetime) -> Iterator[Scheduled]:
    grant = one.allocation.grant
    if grant.is_voided:
        return
    if is_scheduled(one, now):
        yield _ahead(grant.effective_at, ScheduleKind.EFFECTIVE, grant, grant.amount_minor)
    if grant.end_at is not None and one.remaining_minor > 0:
        yield _ahead(grant.end_at, ScheduleKind.EXPIRES, grant, one.remaining_minor)


def _ahead(at: datetime, kind: ScheduleKind, grant: Grant, amount_minor: int) -> Scheduled:
    return Scheduled(at=at, kind=kind, grant=grant.id, amount_minor=amount_minor)


def _occurrences(first: Grant, known: AbstractSet[str], now: datetime) -> Iterator[Scheduled]:
    """Walk the occurrences of a recurring grant that are not there yet, as far as the horizon."""
    if first.recurrence is None:
        return
    for number, at in coming(known, first):
        if at > now + HORIZON:
            return
        name = occurrence_id(first.id, number)
        yield Scheduled(at=at, kind=ScheduleKind.RECURS, grant=name, amount_minor=first.amount_minor)
