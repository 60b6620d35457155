"""The wallet: one organization's credit. Commands are functions from a wallet to the wallet after them.

They can be composed: what a command did is in the wallet it gives, new entries and holds too, and one set of writes is
made of the wallet before the first and the wallet after the last. Every command first catches up with what has happened
by itself: occurrences of recurring grants that have begun, and holds that have ended.

Invariants, asserted before anything is written: for each grant 0 <= consumed + expired + voided + held <= amount, and
the ledger's balance = granted - consumed - expired - voided, added up over all grants.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, field, replace
from datetime import date, datetime

from chalicelib.credits.grants import Allocation, Balance, Grant, SourceKind
from chalicelib.credits.holds import HeldPart, Hold
from chalicelib.credits.ledger import EMPTY, Entry, EntryDraft, EntryKind, LedgerHead, append
from chalicelib.credits.occurrences import begun_occurrences, goes_on, next_beginnings
from chalicelib.shared.errors import Conflict, Fault, InvalidInput, NotFound
from chalicelib.shared.time import EPOCH
from chalicelib.shared.values import dataclass

# Balances lie in pages of this many grants; pages grow when there would be more than the most.
PAGE_SIZE = 100
MAX_PAGES = 10


@dataclass(frozen=True, slots=True)
class Totals:
    """The amounts and balances of all grants, added up."""

    granted_minor: int = 0
    consumed_minor: int = 0
    expired_minor: int = 0
    voided_minor: int = 0
    held_minor: int = 0


@dataclass(frozen=True, slots=True)
class WalletHead:
    """What says which wallet this is: ``version`` counts its changes, 0 before the first.

    ``grants`` is the number of grants, occurrences too; ``page_size`` how many of them share a page. What is held by a
    hold that ends by ``holds_until`` has been given back; no open hold ends before ``next_hold_at``. Before
    ``waits_until`` nobody has to look whether a draft still keeps the end of a grant from being booked.
    """

    version: int = 0
    ledger: LedgerHead = EMPTY
    totals: Totals = Totals()
    grants: int = 0
    page_size: int = PAGE_SIZE
    holds_until: datetime = EPOCH
    next_hold_at: datetime | None = None
    waits_until: datetime | None = None

    @property
    def seq(self) -> int:
        """Give the seq of the ledger's last entry; 0 while there is none."""
        return self.ledger.seq

    @property
    def hash(self) -> str:
        """Give the hash of the ledger's last entry."""
        return self.ledger.hash

    @property
    def pages(self) -> int:
        """Count the pages of balances."""
        return -(-self.grants // self.page_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """An organization's grants with their balances by id, in the order in which they came.

    ``appended`` are the entries of commands whose writes have not been made yet; ``head.ledger`` counts them already,
    ``head.version`` is still that of the wallet that was read. ``changed_holds`` are the holds that such commands made
    or released. ``ended_holds`` have ended and are still held; all that end by ``known_until`` are among them.
    """

    organization: str
    currency: str
    head: WalletHead = WalletHead()
    allocations: Mapping[str, Allocation] = field(default_factory=dict)
    appended: tuple[Entry, ...] = ()
    changed_holds: tuple[Hold, ...] = ()
    ended_holds: tuple[Hold, ...] = ()
    known_until: datetime = field(default=EPOCH, compare=False)

    def get_allocation(self, grant: str) -> Allocation:
        """Give a grant with its balance; raises ``NotFound``."""
        if grant not in self.allocations:
            raise NotFound("There is no such grant.")
        return self.allocations[grant]


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Credit that an invoice draws from a grant, or gives back into it. ``amount_minor`` is positive either way.

    ``by_day`` shares it out over local days; its values add up to the amount.
    """

    grant: str
    amount_minor: int
    invoice: str
    effective_at: datetime
    by_day: Mapping[date, int] | None = None
    note: str | None = None


def caught_up(wallet: Wallet, now: datetime, *, most: int | None = None) -> Wallet:
    """Catch up with what has happened by itself: holds have ended, occurrences have begun; ``most`` bounds these.

    A reader calls this too, to see what there is by now; it keeps the wallet it gives to itself.
    """
    freed = _without_ended_holds(wallet, now)
    begun = begun_occurrences(freed.allocations, now)[:most]
    return _added(freed, begun, recorded_at=now) if begun else freed


def _without_ended_holds(wallet: Wallet, now: datetime) -> Wallet:
    """Give back what ended holds hold; until when is noted, so that none gives back twice."""
    ended = [hold for hold in wallet.ended_holds if hold.expires_at <= now]
    if not ended:
        return wallet
    freed = move_held(wallet, [part for hold in ended for part in hold.parts], sign=-1)
    until = max(hold.expires_at for hold in ended)
    return replace(
        freed,
        head=replace(freed.head, holds_until=max(until, freed.head.holds_until)),
        ended_holds=tuple(hold for hold in wallet.ended_holds if hold not in ended),
    )


def move_held(wallet: Wallet, parts: Sequence[HeldPart], *, sign: int) -> Wallet:
    """Hold parts of grants (1), or give them back (-1). Holds are not in the ledger: no entries."""
    changed: dict[str, Allocation] = {}
    for part in parts:
        one = changed.get(part.grant) or wallet.get_allocation(part.grant)
        changed[part.grant] = replace(one, balance=_moved(one.balance, held_minor=sign * part.amount_minor))
    for one in changed.values():
        assert_within(one)
    after = _changed(wallet, list(changed.values()), (), recorded_at=EPOCH)
    return after if after.head.totals.held_minor else replace(after, head=replace(after.head, next_hold_at=None))


def add_grants(wallet: Wallet, grants: Sequence[Grant], *, recorded_at: datetime) -> Wallet:
    """Add grants, booked at once even when they become effective later; then the occurrences that have begun."""
    begun = caught_up(wallet, recorded_at)
    return caught_up(_added(begun, grants, recorded_at=recorded_at), recorded_at)


def _added(wallet: Wallet, grants: Sequence[Grant], *, recorded_at: datetime) -> Wallet:
    known = {*wallet.allocations, *(grant.id for grant in grants)}
    assert len(known) == len(wallet.allocations) + len(grants), "a grant is added once"
    assert all(grant.amount_minor > 0 for grant in grants), "a grant has an amount"
    drafts = [
        EntryDraft(
            kind=EntryKind.CARRIED if grant.source.kind is SourceKind.CARRIED else EntryKind.GRANT,
            grant=grant.id,
            amount_minor=grant.amount_minor,
            effective_at=grant.effective_at,
            invoice=grant.source.invoice,
        )
        for grant in grants
    ]
    return _changed(wallet, [Allocation(grant) for grant in grants], drafts, recorded_at=recorded_at)


def void_grant(
    wallet: Wallet, grant: str, *, pending_minor: int, waits: bool, reason: str, recorded_at: datetime
) -> Wallet:
    """End a grant now; what remains beyond ``pending_minor`` is voided. Later occurrences of a series do not come.

    It is booked at once unless it ``waits`` for open drafts, which may still claim usage from before. Raises
    ``NotFound``, and ``Conflict`` when nothing remains: neither credit nor an occurrence to come.
    """
    begun = caught_up(wallet, recorded_at)
    one = begun.get_allocation(grant)
    remaining_minor = one.remaining_minor(recorded_at, pending_minor=pending_minor)
    if remaining_minor <= 0 and not goes_on(begun.allocations, one.grant):
        raise Conflict("Nothing remains of this grant.")
    # What is on its way back is not there yet: it is booked when it has come.
    is_booked = not waits and not one.grant.has_ended(recorded_at)
    voided_minor = one.left_minor - max(0, pending_minor) if is_booked else 0
    return _voided(begun, {grant: voided_minor}, reason=reason, invoice=None, recorded_at=recorded_at)


def withdraw_grants(
    wallet: Wallet, grants: Sequence[str], *, reason: str, invoice: str, recorded_at: datetime
) -> Wallet:
    """Void the grants that an invoice made, because it is voided itself; those that were voided before stay so.

    Raises ``Conflict`` when something of them was drawn or is held.
    """
    begun = caught_up(wallet, recorded_at)
    found = {grant: begun.get_allocation(grant) for grant in grants}
    if any(one.balance.consumed_minor or one.balance.held_minor for one in found.values()):
        raise Conflict("Credit that this invoice made has been drawn or is held.")
    left = {grant: one.left_minor for grant, one in found.items() if one.left_minor}
    return _voided(begun, left, reason=reason, invoice=invoice, recorded_at=recorded_at)


def _voided(
    wallet: Wallet, amounts: Mapping[str, int], *, reason: str, invoice: str | None, recorded_at: datetime
) -> Wallet:
    """End grants, and void so many minor units of each."""
    changed = []
    for grant, amount_minor in amounts.items():
        one = wallet.allocations[grant]
        balance = _moved(one.balance, voided_minor=amount_minor)
        # The reason is kept for the entry that is to come; once there is one, it says why.
        kept = None if balance.voided_minor else one.grant.void_reason or reason
        ended = replace(one.grant, ended_at=one.grant.ended_at or recorded_at, void_reason=kept)
        changed.append(Allocation(ended, balance))
    drafts = [
        EntryDraft(
            kind=EntryKind.VOID,
            grant=grant,
            amount_minor=-amount_minor,
            effective_at=recorded_at,
            invoice=invoice,
            note=reason,
        )
        for grant, amount_minor in amounts.items()
        if amount_minor
    ]
    return _changed(wallet, changed, drafts, recorded_at=recorded_at)


def change_expiry(wallet: Wallet, grant: str, *, expires_at: datetime | None, recorded_at: datetime) -> Wallet:
    """Let a grant end at another instant, which may be now, or never. Other occurrences of a series keep theirs.

    Raises ``NotFound``; ``InvalidInput`` for an instant in the past or not after the beginning; ``Conflict`` when its
    end has been booked: it was voided, or has expired.
    """
    begun = caught_up(wallet, recorded_at)
    one = begun.get_allocation(grant)
    if one.grant.ended_at is not None or one.balance.expired_minor:
        raise Conflict("This grant has been voided." if one.grant.ended_at else "This grant's expiry has been booked.")
    if expires_at is not None:
        _refuse_expiry(one.grant, expires_at=expires_at, now=recorded_at)
    return _changed(begun, [replace(one, grant=replace(one.grant, expires_at=expires_at))], (), recorded_at=recorded_at)


def _refuse_expiry(grant: Grant, *, expires_at: datetime, now: datetime) -> None:
    for wrong, reason in [
        (expires_at < now, "must not lie in the past"),
        (expires_at <= grant.effective_at, "must lie after effective_at"),
    ]:
        if wrong:
            raise InvalidInput("A grant cannot expire then.", [Fault("/expires_at", reason)])


def book_ended(wallet: Wallet, grants: Sequence[str], *, recorded_at: datetime) -> Wallet:
    """Book what is left of grants whose window has ended: as expired, or voided where a void ended it.

    The caller knows that no open draft can claim it any more. What has nothing left is passed over.
    """
    begun = caught_up(wallet, recorded_at)
    changed, drafts = [], []
    for one in (begun.get_allocation(grant) for grant in dict.fromkeys(grants)):
        assert one.grant.has_ended(recorded_at), f"{one.grant.id} has not ended"
        end_at = one.grant.end_at
        if end_at is None or not one.left_minor:
            continue
        kind = EntryKind.VOID if one.ends_as_void else EntryKind.EXPIRY
        changed.append(Allocation(replace(one.grant, void_reason=None), one.at(recorded_at)))
        drafts.append(
            EntryDraft(
                kind=kind,
                grant=one.grant.id,
                amount_minor=-one.left_minor,
                effective_at=end_at,
                note=one.grant.void_reason if kind is EntryKind.VOID else None,
            )
        )
    return _changed(begun, changed, drafts, recorded_at=recorded_at)


def draw(wallet: Wallet, movements: Sequence[Movement], *, recorded_at: datetime) -> Wallet:
    """Let invoices draw credit: a ``drawdown`` entry each, in their order. At most what is left may be drawn."""
    return _move(wallet, movements, EntryKind.DRAWDOWN, recorded_at=recorded_at)


def reverse(wallet: Wallet, movements: Sequence[Movement], *, recorded_at: datetime) -> Wallet:
    """Give drawn credit back: a ``reversal`` entry each, in their order. At most what was consumed may come back."""
    return _move(wallet, movements, EntryKind.REVERSAL, recorded_at=recorded_at)


def _move(wallet: Wallet, movements: Sequence[Movement], kind: EntryKind, *, recorded_at: datetime) -> Wallet:
    begun = caught_up(wallet, recorded_at)
    sign = -1 if kind is EntryKind.DRAWDOWN else 1
    changed: dict[str, Allocation] = {}
    for movement in movements:
        assert movement.amount_minor > 0, f"{movement} moves nothing"
        assert movement.by_day is None or sum(movement.by_day.values()) == movement.amount_minor, f"{movement} by day"
        one = changed.get(movement.grant) or begun.get_allocation(movement.grant)
        moved = replace(one, balance=_moved(one.balance, consumed_minor=-sign * movement.amount_minor))
        assert_within(moved)
        changed[movement.grant] = moved
    drafts = [
        EntryDraft(
            kind=kind,
            grant=movement.grant,
            amount_minor=sign * movement.amount_minor,
            effective_at=movement.effective_at,
            invoice=movement.invoice,
            note=movement.note,
            by_day=movement.by_day,
        )
        for movement in movements
    ]
    return _changed(begun, list(changed.values()), drafts, recorded_at=recorded_at)


def _moved(balance: Balance, *, consumed_minor: int = 0, voided_minor: int = 0, held_minor: int = 0) -> Balance:
    return replace(
        balance,
        consumed_minor=balance.consumed_minor + consumed_minor,
        voided_minor=balance.voided_minor + voided_minor,
        held_minor=balance.held_minor + held_minor,
    )


def _changed(
    wallet: Wallet, changed: Sequence[Allocation], drafts: Sequence[EntryDraft], *, recorded_at: datetime
) -> Wallet:
    """Put changed grants and new entries into the wallet; new grants come last."""
    allocations = {**wallet.allocations, **{one.grant.id: one for one in changed}}
    entries, ledger = append(wallet.head.ledger, drafts, recorded_at)
    head = replace(
        wallet.head,
        ledger=ledger,
        totals=totals_of(allocations.values()),
        grants=len(allocations),
        page_size=_page_size(wallet.head.page_size, len(allocations)),
        # An invoice that moves credit may have been what an end waits for.
        waits_until=None if drafts else wallet.head.waits_until,
    )
    return replace(wallet, head=head, allocations=allocations, appended=(*wallet.appended, *entries))


def _page_size(size: int, grants: int) -> int:
    """Double the pages until they are few enough: then a change of every grant still fits into one transaction."""
    while grants > size * MAX_PAGES:
        size *= 2
    return size


def totals_of(allocations: Iterable[Allocation]) -> Totals:
    """Add up the amounts and balances of grants."""
    listed = list(allocations)
    granted_minor = sum(one.grant.amount_minor for one in listed)
    columns = zip(*(astuple(one.balance) for one in listed), strict=True)
    return Totals(granted_minor, *(sum(column) for column in columns))


def assert_within(allocation: Allocation) -> None:
    """Assert that nothing of a grant is negative, and no more is used than there is."""
    balance = allocation.balance
    parts = (balance.consumed_minor, balance.expired_minor, balance.voided_minor, balance.held_minor)
    assert all(part >= 0 for part in parts), f"{allocation.grant.id}: {balance}"
    assert allocation.left_minor >= 0, f"{allocation.grant.id}: {balance} of {allocation.grant.amount_minor}"


def assert_sound(wallet: Wallet) -> None:
    """Assert the wallet's invariants: every grant within its amount, and the ledger's balance that of the grants."""
    for one in wallet.allocations.values():
        assert_within(one)
    totals = totals_of(wallet.allocations.values())
    assert totals == wallet.head.totals, f"{totals} is not {wallet.head.totals}"
    assert wallet.head.grants == len(wallet.allocations)
    gone_minor = totals.consumed_minor + totals.expired_minor + totals.voided_minor
    assert wallet.head.ledger.balance_minor == totals.granted_minor - gone_minor


def due_at(wallet: Wallet) -> datetime | None:
    """Tell when something has to be booked next: an occurrence begins, a hold ends, or a grant with something left.

    May lie in the past, while the end of a grant waits to be booked; ``None`` when nothing lies ahead.
    """
    waits_until = wallet.head.waits_until or EPOCH
    ends = (one.grant.end_at for one in wallet.allocations.values() if one.left_minor)
    bookable = (max(end_at, waits_until) for end_at in ends if end_at is not None)
    holds = () if wallet.head.next_hold_at is None else (wallet.head.next_hold_at,)
    return min((*next_beginnings(wallet.allocations), *bookable, *holds), default=None)
