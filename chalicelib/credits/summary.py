"""What an organization's credit comes to at an instant (docs/rules.md 5.4 and 5.8).

``allocated = consumed + pending + expired + voided + held + remaining`` over the grants that have become effective or
were voided before; the others are ``scheduled``. ``ledger balance = remaining + held + pending + scheduled +
unbooked``: what the ledger has yet to book, ended amounts positive, occurrences that have begun negative.

What drafts draw is taken off what remains; of a grant that has ended it is taken off what is expired or voided. Where
more comes back to a grant than is drawn, its pending is below 0, and the credit on its way back counts with the rest.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.credits.claims import Claims
from chalicelib.credits.grants import Allocation, Balance, GrantStatus
from chalicelib.credits.wallet import caught_up
from chalicelib.shared.values import dataclass

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


@dataclass(frozen=True, slots=True)
class GrantNow:
    """A grant at an instant, with what drafts draw from it; ``balance`` holds the rest when the window has ended."""

    allocation: Allocation
    balance: Balance
    pending_minor: int
    remaining_minor: int

    @property
    def unbooked_minor(self) -> int:
        """Give what has ended and is not in the ledger yet."""
        return self.allocation.left_minor - self.pending_minor - self.remaining_minor

    @property
    def is_untouched(self) -> bool:
        """Tell whether nothing was ever taken from it."""
        return self.allocation.balance == Balance() and self.pending_minor == 0


def grants_now(claims: Claims, now: datetime) -> list[GrantNow]:
    """Tell where every grant stands, occurrences that have begun too, whether they are booked or not."""
    pending = claims.pending()
    caught = caught_up(claims.wallet, now).allocations
    return [_grant_now(one, pending.get(grant, 0), now) for grant, one in caught.items()]


def _grant_now(one: Allocation, pending_minor: int, now: datetime) -> GrantNow:
    balance = one.at(now, pending_minor=pending_minor)
    return GrantNow(one, balance, pending_minor, one.remaining_minor(now, pending_minor=pending_minor))


def is_scheduled(one: GrantNow, now: datetime) -> bool:
    """Tell whether a grant is still to come. One that something was taken from has been there, whatever the clock says.

    The domain's clock may go back, on the local server.
    """
    return one.allocation.status(now) is GrantStatus.SCHEDULED and one.is_untouched


def summarize(claims: Claims, now: datetime) -> Summary:
    """Sum up a wallet as it was read, with the occurrences that have begun since and what drafts draw."""
    found = grants_now(claims, now)
    scheduled = [one for one in found if is_scheduled(one, now)]
    given = [one for one in found if not is_scheduled(one, now)]
    known = claims.wallet.allocations
    begun_minor = sum(one.allocation.grant.amount_minor for one in found if one.allocation.grant.id not in known)
    summary = Summary(
        allocated_minor=sum(one.allocation.grant.amount_minor for one in given),
        consumed_minor=sum(one.balance.consumed_minor for one in given),
        pending_minor=sum(one.pending_minor for one in given),
        expired_minor=sum(one.balance.expired_minor for one in given),
        voided_minor=sum(one.balance.voided_minor for one in given),
        held_minor=sum(one.balance.held_minor for one in given),
        remaining_minor=sum(one.remaining_minor for one in given),
        scheduled_minor=sum(one.allocation.left_minor for one in scheduled),
        unbooked_minor=sum(one.unbooked_minor for one in given) - begun_minor,
        ledger_balance_minor=claims.wallet.head.ledger.balance_minor,
        expiring_soon=_expiring(given, now),
    )
    assert_adds_up(summary)
    return summary


def _expiring(given: Sequence[GrantNow], now: datetime) -> tuple[Expiring, ...]:
    """List what expires soon, soonest first, then by grant."""
    found = []
    for one in given:
        expires_at = one.allocation.grant.expires_at
        if expires_at is not None and expires_at <= now + SOON and one.remaining_minor > 0:
            found.append(Expiring(one.allocation.grant.id, one.remaining_minor, expires_at))
    return tuple(sorted(found, key=lambda one: (one.expires_at, one.grant)))


def assert_adds_up(summary: Summary) -> None:
    """Assert both sums of a summary."""
    kept_minor = summary.remaining_minor + summary.held_minor + summary.pending_minor
    gone_minor = summary.consumed_minor + summary.expired_minor + summary.voided_minor
    assert summary.allocated_minor == gone_minor + kept_minor, f"{summary}"
    assert summary.ledger_balance_minor == kept_minor + summary.scheduled_minor + summary.unbooked_minor, f"{summary}"
