"""What other domains may ask of credits: the wallet, its head, and the writes that change it.

A command reads the wallet, works on it as a value (``wallet.py``), and puts ``wallet_writes(before, after)`` into its
transaction, once: they hold the whole change and the condition that the wallet is still the one that was read. What
needs the wallet unchanged and changes nothing puts ``head_check`` there.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chalicelib.credits import ledger_failure_service, store, wallet
from chalicelib.credits.grants import Grant
from chalicelib.credits.ledger import Entry
from chalicelib.credits.wallet import Wallet, WalletHead
from chalicelib.platform.reads import ItemKey
from chalicelib.platform.tables import BaseModel
from chalicelib.platform.writes import Write
from chalicelib.shared.errors import Busy
from chalicelib.shared.values import dataclass


def wallet_key(organization: str) -> ItemKey:
    """Tell where the head of a wallet is, to read it together with other items; ``head_of`` reads what is found."""
    return store.head_key(organization)


def head_of(item: BaseModel | None) -> WalletHead:
    """Read the head out of what was found at ``wallet_key``; ``None`` is that of a wallet that is still empty."""
    return store.head_of(item)


def read_wallet(organization: str, *, currency: str, now: datetime) -> Wallet:
    """Read a wallet whole; empty when nothing was ever written. Raises ``Busy`` while others never stop writing."""
    found = store.find_whole_wallet(organization, currency=currency, now=now)
    if found is None:
        report_if_unsound(organization)
        raise Busy
    return found


def report_if_unsound(organization: str) -> None:
    """Tell the operators when a wallet that could not be read whole does not add up, rather than being written."""
    ledger_failure_service.report_if_unsound(organization)


def find_wallet(organization: str, head: WalletHead, *, currency: str, now: datetime) -> Wallet | None:
    """Read the rest of a wallet whose head was read; ``None`` when somebody wrote in between: read all again."""
    return store.find_wallet(organization, head, currency=currency, now=now)


def head_check(organization: str, head: WalletHead) -> Write:
    """Make the write that lets a transaction pass only while the wallet is the one that ``head`` was read from."""
    return store.head_check(organization, head)


def wallet_writes(before: Wallet, after: Wallet) -> tuple[Write, ...]:
    """Make the one set of writes that turns the wallet that was read into the one after any number of commands.

    At most 12 for a thousand grants drawn at once, and one more for each new grant, and for each hold that is made or
    released. Without a change it is a check.
    """
    assert before.organization == after.organization
    if after == before:
        return (head_check(before.organization, before.head),)
    with ledger_failure_service.reporting(before.organization):
        wallet.assert_sound(after)
    return store.wallet_writes(before, after, version=before.head.version + 1)


def as_stored(before: Wallet, after: Wallet) -> Wallet:
    """Give the wallet as it is read once ``wallet_writes(before, after)`` are committed: nothing is left to write."""
    if after == before:
        return before
    return replace(after, head=replace(after.head, version=before.head.version + 1), appended=(), changed_holds=())


def grant_writes(before: Wallet, grants: Sequence[Grant], *, recorded_at: datetime) -> tuple[tuple[Write, ...], Wallet]:
    """Make the writes that add grants, and give the wallet as it is then.

    Within a transaction that changes the wallet in other ways too, use ``wallet.add_grants`` and ``wallet_writes``.
    """
    after = wallet.add_grants(before, grants, recorded_at=recorded_at)
    return wallet_writes(before, after), as_stored(before, after)


def void_writes(
    before: Wallet, grants: Sequence[str], *, reason: str, invoice: str, recorded_at: datetime
) -> tuple[tuple[Write, ...], Wallet]:
    """Make the writes that void the grants an invoice made, and give the wallet as it is then.

    Raises ``Conflict`` when something of them was drawn or is held.
    """
    after = wallet.withdraw_grants(before, grants, reason=reason, invoice=invoice, recorded_at=recorded_at)
    return wallet_writes(before, after), as_stored(before, after)


@dataclass(frozen=True, slots=True)
class Recorded:
    """When entries were recorded that somebody wants to see: from ``start`` on, before ``end``."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Tell whether an instant lies inside."""
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)


def list_entries(
    organization: str, recorded: Recorded, *, before: int | None, limit: int
) -> tuple[list[Entry], int | None]:
    """List ledger entries below a seq, newest first; with the seq below which to go on, ``None`` at the first.

    One round trip: a page may be short, or empty, although more follow.
    """
    read, is_first = store.read_latest_entries(organization, before=before, limit=limit)
    shown: list[Entry] = []
    for place, entry in enumerate(read):
        if recorded.holds(entry.recorded_at):
            shown.append(entry)
        if len(shown) == limit:
            is_last = is_first and place == len(read) - 1
            return shown, None if is_last else entry.seq
    return shown, None if is_first else read[-1].seq
