"""What is true of an organization's credit after every step of every story that has any."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from chalicelib.shared.numbers import EXACT
from chalicelib.shared.time import local_day_of
from tests.stories.notation import StoryError
from tests.stories.steps import Verbs

# By id of a grant.
Sums: TypeAlias = Mapping[str, Decimal]

_GONE = ("consumed", "expired", "voided")
_KEPT = ("pending", "held", "remaining")
_ADDING = {"grant", "carried", "reversal"}
# What credit never pays: a minimum lifts to an amount of money, the others only move amounts of other lines.
_NEVER_PAID = {"minimum", "cap", "discount", "carried_to_credit"}


@dataclass(frozen=True, slots=True)
class Credit:
    """An organization's credit as the API shows it; ``entries`` are oldest first, ``notes`` all credit notes."""

    summary: Mapping[str, Any]
    grants: Sequence[Any]
    entries: Sequence[Any]
    pending: Sequence[Any]
    notes: Sequence[Any]
    verified: Mapping[str, Any]

    @property
    def shown(self) -> Mapping[str, Any]:
        """Give what booking late does not change."""
        kept = {name: value for name, value in self.summary.items() if name not in ("unbooked", "ledger_balance")}
        return {"summary": kept, "grants": self.grants, "pending": self.pending}


def read_credit(verbs: Verbs, invoices: Sequence[Any]) -> Credit:
    """Read everything about an organization's credit, to the end of each list."""
    listed = verbs.list_all("credits/ledger", include_pending="true")
    notes = [note["id"] for invoice in invoices for note in invoice["credit_notes"]]
    return Credit(
        summary=verbs.ask("credits"),
        grants=verbs.list_all("credits/grants"),
        entries=[entry for entry in reversed(listed) if not entry["pending"]],
        pending=[entry for entry in listed if entry["pending"]],
        notes=[verbs.client.get(f"/v1/credit-notes/{note}").json_body for note in notes],
        verified=_verify(verbs),
    )


def _verify(verbs: Verbs) -> Any:
    found = verbs.ask("credits/verify")
    while found["next_cursor"] is not None:
        found = verbs.ask("credits/verify", cursor=found["next_cursor"])
    return found


def check_credit(credit: Credit, invoices: Sequence[Any], zone: ZoneInfo) -> None:
    """Check everything that holds between grants, ledger, drafts and invoices."""
    _check_summary(credit.summary)
    _check_grants(credit)
    _check_ledger(credit)
    _check_drafts(credit, [one for one in invoices if one["status"] == "draft"])
    _check_consumed(credit, [one for one in invoices if one["status"] == "finalized"])
    _check_scopes(credit, invoices)
    _check_windows(credit, zone)
    _check_nothing_withheld(credit, [one for one in invoices if one["status"] == "draft"])


def _claim(holds: bool, fault: str, *shown: object) -> None:
    if not holds:
        raise StoryError("\n".join([fault, *map(str, shown)]))


def _sum(texts: Iterable[Any]) -> Decimal:
    total = Decimal(0)
    for text in texts:
        total = EXACT.add(total, Decimal(text))
    return total


def _by_grant(parts: Iterable[tuple[str, str]]) -> Sums:
    """Add amounts up by grant; what comes to nothing is left out."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for grant, amount in parts:
        found[grant] = EXACT.add(found[grant], Decimal(amount))
    return {grant: amount for grant, amount in found.items() if amount}


def _check_summary(summary: Mapping[str, Any]) -> None:
    parts = _sum(summary[name] for name in (*_GONE, *_KEPT))
    _claim(parts == Decimal(summary["allocated"]), "allocated is not what became of it", summary)
    parts = _sum(summary[name] for name in (*_KEPT, "scheduled", "unbooked"))
    _claim(parts == Decimal(summary["ledger_balance"]), "the ledger's balance is not what is there", summary)
    # Occurrences that have begun and are not booked make what is unbooked negative.
    signed = {"pending", "unbooked"}
    shown = [name for name in (*_GONE, *_KEPT, "allocated", "scheduled", "ledger_balance") if name not in signed]
    _claim(all(Decimal(summary[name]) >= 0 for name in shown), "the sums have a negative one", summary)


def _check_grants(credit: Credit) -> None:
    """Check that the parts of each grant are its amount, and that the grants add up to the summary."""
    for grant in credit.grants:
        parts = _sum(grant[name] for name in (*_GONE, *_KEPT))
        _claim(parts == Decimal(grant["amount"]), "a grant is not what became of it", grant)
        shown = (*_GONE, "held", "remaining")
        _claim(all(Decimal(grant[name]) >= 0 for name in shown), "a grant has a negative part", grant)
        back = -Decimal(grant["pending"])
        _claim(back <= Decimal(grant["consumed"]), "more comes back to a grant than it paid", grant)
    given = [grant for grant in credit.grants if not _is_to_come(grant)]
    for name in (*_GONE, *_KEPT):
        total = _sum(grant[name] for grant in given)
        _claim(total == Decimal(credit.summary[name]), f"{name} of the grants is {total}", credit.summary)
    allocated = _sum(grant["amount"] for grant in given)
    _claim(allocated == Decimal(credit.summary["allocated"]), f"the grants come to {allocated}", credit.summary)
    scheduled = _sum(grant["amount"] for grant in credit.grants if _is_to_come(grant))
    _claim(scheduled == Decimal(credit.summary["scheduled"]), f"{scheduled} is to come", credit.summary)


def _is_to_come(grant: Any) -> bool:
    return grant["status"] == "scheduled" and Decimal(grant["remaining"]) == Decimal(grant["amount"])


def _check_ledger(credit: Credit) -> None:
    """Check that the ledger runs, names its invoices, is valid, and says what the grants say."""
    balance = Decimal(0)
    for seq, entry in enumerate(credit.entries, 1):
        balance = EXACT.add(balance, Decimal(entry["amount"]))
        runs = (entry["seq"], Decimal(entry["balance"])) == (seq, balance)
        _claim(runs, "the ledger does not run", entry)
        _claim((Decimal(entry["amount"]) > 0) == (entry["kind"] in _ADDING), "an entry has the wrong sign", entry)
    _claim(balance == Decimal(credit.summary["ledger_balance"]), f"the ledger ends with {balance}", credit.summary)
    moving = [entry for entry in (*credit.entries, *credit.pending) if entry["kind"] in ("drawdown", "reversal")]
    for entry in moving:
        _claim(entry["invoice"] is not None, "an entry names no invoice", entry)
        by_day = _sum(entry.get("by_day", {}).values())
        _claim(by_day == abs(Decimal(entry["amount"])), "the days of an entry are not its amount", entry)
    whole = (credit.verified["valid"], credit.verified["entries"]) == (True, len(credit.entries))
    _claim(whole, "the ledger is not valid", credit.verified)
    _check_booked(credit)


def _check_booked(credit: Credit) -> None:
    """Check that each grant consumed what its entries say, and that no end is booked that it does not show."""
    drawn = _by_grant(_entries(credit, "drawdown", "reversal"))
    _claim(_negated(drawn) == _of_grants(credit, "consumed"), "consumed is not what the ledger drew", drawn)
    for kind, name in (("expiry", "expired"), ("void", "voided")):
        booked, shown = _by_grant(_entries(credit, kind)), _of_grants(credit, name)
        ahead = {grant for grant, amount in booked.items() if -amount > shown.get(grant, 0)}
        _claim(not ahead, f"more was booked as {name} than there is", ahead)


def _entries(credit: Credit, *kinds: str) -> Iterator[tuple[str, str]]:
    return ((entry["grant"], entry["amount"]) for entry in credit.entries if entry["kind"] in kinds)


def _negated(sums: Sums) -> Sums:
    return {grant: -amount for grant, amount in sums.items()}


def _of_grants(credit: Credit, name: str) -> Sums:
    return _by_grant((grant["id"], grant[name]) for grant in credit.grants)


def _credits_of(invoices: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for invoice in invoices:
        for line in invoice["lines"]:
            yield from ((credit["grant"], credit["amount"]) for credit in line["credits"])


def _check_drafts(credit: Credit, drafts: Sequence[Any]) -> None:
    """Check that what drafts draw is pending, grant by grant, and in the ledger's list of what is pending."""
    applied = _sum(draft["credits_applied"] for draft in drafts)
    _claim(applied == Decimal(credit.summary["pending"]), f"the drafts apply {applied}", credit.summary)
    drawn = _by_grant(_credits_of(drafts))
    _claim(drawn == _of_grants(credit, "pending"), "pending is not what the drafts draw", drawn)
    listed = _by_grant((entry["grant"], entry["amount"]) for entry in credit.pending)
    _claim(drawn == _negated(listed), "what is pending is listed otherwise", drawn, listed)


def _check_consumed(credit: Credit, finalized: Sequence[Any]) -> None:
    """Check that what invoices show of credits, less what notes gave back, is consumed, grant by grant."""
    reversed_ = [(one["grant"], f"-{one['amount']}") for note in credit.notes for one in note["reversed"]]
    drawn = _by_grant([*_credits_of(finalized), *reversed_])
    _claim(drawn == _of_grants(credit, "consumed"), "consumed is not what the invoices drew", drawn, credit.grants)


def _check_scopes(credit: Credit, invoices: Sequence[Any]) -> None:
    """Check that each line is paid by grants that cover it, and neither more nor less than its net."""
    scopes = {grant["id"]: grant["applies_to"] for grant in credit.grants}
    for line in (line for invoice in invoices for line in invoice["lines"]):
        net, nothing = Decimal(line["net"]), Decimal(0)
        _claim(min(net, nothing) <= _paid(line) <= max(net, nothing), "a line is paid otherwise than its net", line)
        for one in line["credits"]:
            _claim(_covers(scopes[one["grant"]], line), "a grant pays what it does not cover", line)


def _covers(scope: Any, line: Any) -> bool:
    if line["kind"] in _NEVER_PAID or line["id"].endswith("~minimum"):
        return False
    if scope is None:
        return line["kind"] in ("usage", "late_usage")
    return scope == "all" or line["charge"] in scope["charges"]


def _check_windows(credit: Credit, zone: ZoneInfo) -> None:
    """Check that drafts draw from no grant for a day that its window does not touch."""
    grants = {grant["id"]: grant for grant in credit.grants}
    for entry in (one for one in credit.pending if one["kind"] == "drawdown"):
        first, last = _days(grants[entry["grant"]], zone)
        days = [date.fromisoformat(day) for day in entry["by_day"]]
        inside = all(first <= day and (last is None or day <= last) for day in days)
        _claim(inside, "a grant pays for a day outside its window", entry, grants[entry["grant"]])


def _days(grant: Any, zone: ZoneInfo) -> tuple[date, date | None]:
    first = local_day_of(datetime.fromisoformat(grant["effective_at"]), zone)
    if grant["expires_at"] is None:
        return first, None
    end_at = datetime.fromisoformat(grant["expires_at"])
    # Local days begin at quarter-hours, so an end that is rounded up to one reaches into no other day.
    return first, local_day_of(end_at - timedelta(microseconds=1), zone)


def _check_nothing_withheld(credit: Credit, drafts: Sequence[Any]) -> None:
    """Check that a grant which holds all of a line's time and has something left leaves nothing of it to be paid.

    What comes back to a grant meanwhile may have come too late for a line, so such grants are passed over.
    """
    back = {grant for grant, amount in _credits_of(drafts) if Decimal(amount) < 0}
    unpaid = [(draft, line) for draft in drafts for line in draft["lines"] if _paid(line) < Decimal(line["net"])]
    for grant in (one for one in credit.grants if Decimal(one["remaining"]) > 0 and one["id"] not in back):
        for draft, line in unpaid:
            could = _covers(grant["applies_to"], line) and _holds(grant, draft, line)
            _claim(not could, f"{grant['name']} has something left and does not pay", grant, line)


def _paid(line: Any) -> Decimal:
    return _sum(one["amount"] for one in line["credits"])


def _holds(grant: Any, draft: Any, line: Any) -> bool:
    """Tell whether a grant's window holds all that a line can be about up to now, and is not just over."""
    starts = [datetime.fromisoformat(one["period"]["start"]) for one in (draft, {"period": line["service_period"]})]
    until = max(datetime.fromisoformat(draft["as_of"]) + timedelta(hours=1), *starts)
    expires = grant["expires_at"]
    begins = datetime.fromisoformat(grant["effective_at"]) <= min(starts)
    return begins and (expires is None or until < datetime.fromisoformat(expires))
