"""Checks an organization's ledger as it is stored: the chain, what invoices noted of it, its end, and every balance.

It goes in parts. A part reads at most 1 MB of entries and 1 MB of invoices, and takes no entry further than those
invoices reach; where the next one goes on is a short value (``VerifyPlace``). Entries and invoices are only ever
added, so parts may lie far apart. The end and the balances are checked when nobody wrote around the last part.
"""

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.credits import ledger_failure_service, store
from chalicelib.credits.audit import NO_ENTRIES, Audit, GrantSums, differing_grants, fold_sums, sums_of
from chalicelib.credits.grants import Allocation
from chalicelib.credits.kept_head_service import KeptHeads, list_kept_heads
from chalicelib.credits.ledger import (
    EMPTY,
    Entry,
    KeptHead,
    LedgerHead,
    Verification,
    Wrong,
    find_contradiction,
    verify,
    verify_end,
)
from chalicelib.credits.records import UnreadableBalances, UnreadableEntries
from chalicelib.credits.wallet import WalletHead, totals_of
from chalicelib.platform.settings import settings
from chalicelib.shared.values import dataclass


@dataclass(frozen=True, slots=True)
class VerifyPlace:
    """Where checking the ledger goes on: behind the entry that was checked last.

    ``after_item`` is the last stored item that was checked whole, ``taken`` counts the entries of the next one that
    were checked too. ``after_head`` is where invoices were read up to, ``audit`` what entries add up to so far.
    """

    checked: LedgerHead = EMPTY
    after_item: str | None = None
    taken: int = 0
    after_head: str | None = None
    audit: Audit = NO_ENTRIES


@dataclass(frozen=True, slots=True)
class VerifiedPage:
    """What one part checked; ``place`` is where to go on, ``None`` at the end or at what is wrong."""

    verification: Verification
    head: WalletHead
    place: VerifyPlace | None


def verify_ledger(organization: str, place: VerifyPlace) -> VerifiedPage:
    """Check a part of the stored ledger from a place on; at its end also that it ends at the head, and the balances.

    Grants with wrong balances are named when the whole ledger was one part.
    """
    page = _verify_part(organization, place)
    wrong = page.verification.wrong
    if wrong is not None:
        ledger_failure_service.report(organization, reason=wrong.value)
    return page


def _verify_part(organization: str, place: VerifyPlace) -> VerifiedPage:
    before = store.read_head(organization)
    kept_heads = list_kept_heads(organization, after=place.after_head)
    items, is_last = store.read_entries(organization, after=place.after_item)
    head = store.read_head(organization)
    part = _Part(place, kept_heads)
    part.check(items)
    # With an unchanged head around it, what was read is all there is.
    if part.verification.is_valid and is_last and part.took_all and before == head:
        part.verification = part.check_end(head)
        if part.verification.is_valid and kept_heads.is_last:
            return _verify_balances(organization, head, part)
    return VerifiedPage(part.verification, head, part.place() if part.verification.is_valid else None)


class _Part:
    """The part of a ledger that is checked at once."""

    def __init__(self, place: VerifyPlace, kept_heads: KeptHeads) -> None:
        self.began, self._kept_heads = place, kept_heads
        self.verification = Verification(place.checked)
        self.sums = GrantSums()
        self.took_all = True
        self._after_item, self._taken = place.after_item, place.taken
        self._by_seq: dict[int, list[KeptHead]] = {}
        for one in kept_heads.kept_heads:
            self._by_seq.setdefault(one.kept_head.seq, []).append(one.kept_head)
        # Beyond this seq there may be invoices that were not read yet.
        self._until = None if kept_heads.is_last else max(self._by_seq, default=place.checked.seq)

    def check(self, items: Sequence[store.PackedEntries]) -> None:
        """Check items in their order, until something is wrong or the invoices that were read reach no further."""
        checked = self.began.checked
        here = [one.kept_head for one in self._kept_heads.kept_heads if one.kept_head.seq <= checked.seq]
        contradiction = find_contradiction(checked, here)
        if contradiction is not None:
            self.verification = Verification(checked, contradiction.seq, Wrong.INVOICE, contradiction.invoice)
        for item in items:
            if not self.verification.is_valid or not self.took_all:
                break
            self._check_item(item)

    def _check_item(self, item: store.PackedEntries) -> None:
        checked = self.verification.checked
        try:
            entries = item.unpack()
        except UnreadableEntries:
            self.verification = Verification(checked, checked.seq + 1, Wrong.ENTRY)
            return
        if self._taken and not _is_at(entries, self._taken, checked):
            self.verification = Verification(checked, checked.seq, Wrong.ENTRY)
            return
        within = None if self._until is None else self._taken + max(0, self._until - checked.seq)
        taken = entries[self._taken : within]
        self.verification = verify(taken, after=checked, kept_heads=self._by_seq)
        if self.verification.is_valid:
            for entry in taken:
                self.sums.add(entry)
            self._move_on(item.key, self._taken + len(taken), len(entries))

    def _move_on(self, key: str, taken: int, of: int) -> None:
        self.took_all = taken >= of
        if self.took_all:
            self._after_item, self._taken = key, 0
        else:
            self._taken = taken

    def check_end(self, head: WalletHead) -> Verification:
        """Check that the ledger ends at the head, and not before an entry that an invoice knows."""
        found = verify_end(self.verification, head.ledger)
        known = (one.kept_head for one in self._kept_heads.kept_heads)
        missing = next((one for one in known if one.seq > found.checked.seq), None)
        if not found.is_valid or missing is None:
            return found
        return Verification(found.checked, found.checked.seq + 1, Wrong.INVOICE, missing.invoice)

    def place(self) -> VerifyPlace:
        """Give the place behind what was checked."""
        checked = self.verification.checked
        compared = [one.place for one in self._kept_heads.kept_heads if one.kept_head.seq <= checked.seq]
        after_head = compared[-1] if compared else self.began.after_head
        if len(compared) == len(self._kept_heads.kept_heads):
            after_head = self._kept_heads.place
        audit = fold_sums(self.began.audit, self.sums.by_grant(), key=_key())
        return VerifyPlace(checked, self._after_item, self._taken, after_head=after_head, audit=audit)


def _is_at(entries: Sequence[Entry], taken: int, checked: LedgerHead) -> bool:
    """Tell whether the last of the entries that were taken is still the one that was checked."""
    last = entries[taken - 1] if taken <= len(entries) else None
    return last is not None and LedgerHead(last.seq, last.hash, last.balance_minor) == checked


def _key() -> bytes:
    return settings.signing_key("ledger balances")


def _verify_balances(organization: str, head: WalletHead, part: _Part) -> VerifiedPage:
    """Check the stored balances of a ledger whose entries are right; when somebody wrote in between, another time."""
    stored = _find_balances(organization, head)
    place = part.place()
    if store.read_head(organization) != head:
        return VerifiedPage(part.verification, head, place)
    balances = sums_of(stored.values()) if stored is not None else {}
    is_right = (
        stored is not None
        and totals_of(stored.values()) == head.totals
        and fold_sums(NO_ENTRIES, balances, key=_key()) == place.audit
    )
    if is_right:
        return VerifiedPage(part.verification, head, None)
    named = (
        differing_grants(by_entries=part.sums.by_grant(), by_balance=balances)
        if part.began == VerifyPlace() and stored
        else ()
    )
    return VerifiedPage(replace(part.verification, wrong=Wrong.BALANCES, grants=named), head, None)


def _find_balances(organization: str, head: WalletHead) -> dict[str, Allocation] | None:
    try:
        return store.read_balances(organization, head)
    except UnreadableBalances:
        return None
