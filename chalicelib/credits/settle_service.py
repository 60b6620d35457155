"""The run that settles credits: wallets in which something has to be booked, one by one.

It does no work that a read would miss: reads see holds, occurrences and ends from their instant on. It writes only what
is missing, so running it twice, at once, late or after a crash changes nothing.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from chalicelib.credits import claim_service, hold_store, service, store
from chalicelib.credits.settling import Settled, settle, with_next_hold
from chalicelib.credits.wallet import Wallet
from chalicelib.platform.answers import Answer
from chalicelib.platform.due_runs import (
    MOST_A_SHARD,
    Due,
    DueBacklog,
    HasTime,
    add_counts,
    list_all_due,
    read_due_backlog,
    run_each,
)
from chalicelib.platform.writes import CONTENDED_ATTEMPTS, Effect, run_command
from chalicelib.shared.values import dataclass


@dataclass(frozen=True, slots=True)
class SettleReport:
    """What a run did: wallets settled, ledger entries written, wallets that failed, and those there was no time for."""

    settled: int = 0
    entries: int = 0
    failed: int = 0
    left: int = 0

    def __add__(self, other: "SettleReport") -> "SettleReport":
        found: SettleReport = add_counts(self, other)
        return found


def list_due(now: datetime) -> Iterator[str]:
    """List the organizations whose wallets are due, shard by shard."""
    return list_all_due(lambda shard: store.list_due(now, shard=shard), shards=store.SHARDS, now=now)


def due_backlog(now: datetime) -> DueBacklog:
    """Tell which wallets are due at ``now``, the longest due first; of each shard at most ``MOST_A_SHARD`` are read."""
    return read_due_backlog(partial(_first_due, now), shards=store.SHARDS)


def _first_due(now: datetime, shard: int) -> tuple[list[Due], bool]:
    return store.first_due(now, shard=shard, limit=MOST_A_SHARD)


def settle_all(organizations: Sequence[str], now: datetime, has_time: HasTime) -> SettleReport:
    """Settle some wallets, as long as the time lasts; one that fails does not stop the others."""
    settle_one = partial(settle_wallet, now=now, has_time=has_time)
    return run_each(organizations, settle_one, has_time, report=SettleReport, fault="credits cannot be settled")


def settle_wallet(organization: str, now: datetime, has_time: HasTime) -> SettleReport:
    """Book what there is to book by now in an organization's wallet, in as many transactions as it needs.

    Raises ``NotFound``, and ``Busy`` while others never stop writing.
    """
    entries = 0
    is_settled = False
    while True:
        outcome: _Outcome = run_command(partial(_settle_once, organization, now), attempts=CONTENDED_ATTEMPTS).body
        entries += outcome.entries
        is_settled = is_settled or outcome.has_changed
        if outcome.is_last or not has_time():
            return SettleReport(settled=int(is_settled), entries=entries)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one step wrote, and whether there is nothing left to do."""

    entries: int
    has_changed: bool
    is_last: bool


def _settle_once(organization: str, now: datetime) -> Effect:
    read = claim_service.read_claimants(organization, now)
    before = read.claims.wallet
    found = settle(read.claims, now=now)
    after = _with_next_end(found, now)
    if after == before:
        return Effect(Answer(_Outcome(0, has_changed=False, is_last=True)))
    outcome = _Outcome(len(after.appended) - len(before.appended), has_changed=True, is_last=found.is_last)
    return Effect(Answer(outcome), (*service.wallet_writes(before, after), *read.checks))


def _with_next_end(found: Settled, now: datetime) -> Wallet:
    """Look for the next hold that ends, when the one that was known to be next is over."""
    wallet = found.wallet
    next_at = wallet.head.next_hold_at
    if not wallet.head.totals.held_minor or (next_at is not None and next_at > now):
        return wallet
    after = max(now, wallet.head.holds_until)
    return with_next_hold(wallet, hold_store.find_next_end(wallet.organization, after=after))
