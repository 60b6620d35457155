"""What an organization's credit comes to at an instant (docs/rules.md 5.4 and 5.8).

``allocated = consumed + pending + expired + voided + held + remaining`` over the grants that have become effective or
were voided before; the others are ``scheduled``. ``ledger balance = remaining + held + pending + scheduled +
unbooked``: what the ledger has yet to book, ended amounts positive, occurrences that have begun negative.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chalicelib.credits.grants import Allocation, GrantStatus
from chalicelib.credits.wallet import Wallet, book_occurrences

SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Expiring:
    """Credit that expires soon unless it is used."""

    grant: str
    amount_minor: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The amounts of a wallet at an instant, in minor units. ``expiring_soon`` is in the order of expiry."""

    allocated_minor: int
    consumed_minor: int
    pending_minor: int
    expired_minor: int
    voided_minor: int
    held_minor: int
    remaining_minor: int
    scheduled_minor: int
    unbooked_minor: int
    ledger_balance_minor: int
    expiring_soon: tuple[Expiring, ...]
    depletes_on: date | None


def summarize(wallet: Wallet, now: datetime) -> Summary:
    """Sum up a wallet as it was read, with the occurrences that have begun since."""
    begun = book_occurrences(wallet, now=now)
    scheduled, given = _by_beginning(begun, now)
    balances = [one.at(now) for one in given]
    ended_minor = sum(one.left_minor for one in given if one.grant.has_ended(now))
    summary = Summary(
        allocated_minor=sum(one.grant.amount_minor for one in given),
        consumed_minor=sum(balance.consumed_minor for balance in balances),
        pending_minor=0,
        expired_minor=sum(balance.expired_minor for balance in balances),
        voided_minor=sum(balance.voided_minor for balance in balances),
        held_minor=sum(balance.held_minor for balance in balances),
        remaining_minor=sum(one.remaining_minor(now) for one in given),
        scheduled_minor=sum(one.left_minor for one in scheduled),
        unbooked_minor=ended_minor + wallet.head.ledger.balance_minor - begun.head.ledger.balance_minor,
        ledger_balance_minor=wallet.head.ledger.balance_minor,
        expiring_soon=_expiring(given, now),
        depletes_on=None,
    )
    assert_adds_up(summary)
    return summary


def _by_beginning(wallet: Wallet, now: datetime) -> tuple[list[Allocation], list[Allocation]]:
    """Part the grants that are still to come from the others."""
    scheduled: list[Allocation] = []
    given: list[Allocation] = []
    for one in wallet.allocations.values():
        (scheduled if one.status(now) is GrantStatus.SCHEDULED else given).append(one)
    return scheduled, given


def _expiring(given: list[Allocation], now: datetime) -> tuple[Expiring, ...]:
    found = [
        Expiring(one.grant.id, one.remaining_minor(now), one.grant.expires_at)
        for one in given
        if one.grant.expires_at is not None and one.grant.expires_at <= now + SOON and one.remaining_minor(now)
    ]
    return tuple(sorted(found, key=lambda one: (one.expires_at, one.grant)))


def assert_adds_up(summary: Summary) -> None:
    """Assert both sums of a summary."""
    kept_minor = summary.remaining_minor + summary.held_minor + summary.pending_minor
    gone_minor = summary.consumed_minor + summary.expired_minor + summary.voided_minor
    assert summary.allocated_minor == gone_minor + kept_minor, f"{summary}"
    assert summary.ledger_balance_minor == kept_minor + summary.scheduled_minor + summary.unbooked_minor, f"{summary}"
