"""What is true after every step of every story, whatever the story is about."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from chalicelib.shared.numbers import EXACT
from tests.stories.credit_invariants import Credit, check_credit, read_credit
from tests.stories.expectations import list_invoices, show_line
from tests.stories.notation import StoryError
from tests.stories.steps import Verbs

# What may change of a finalized invoice: payments, credit notes, status.
_STANDING = {
    *("status", "payment_status", "void_reason", "payments", "credit_notes"),
    *("amount_paid", "amount_credited", "amount_refunded", "amount_due"),
}
# What finalizing adds to a draft; one that waited for an earlier period is due by its own grace once that is closed.
_ISSUED = {"number", "issued_at", "due_at", "late_usage_until", "ledger_head", "as_of", "finalizes_at"}
_FEE = re.compile(r"fee-.*\.p[0-9]+")
_ADJUSTED = re.compile(r"adjusted-.*\.p[0-9]+")
_WITHOUT_CHARGE = re.compile(r"minimum|discount|carried|late-.*~minimum|elsewhere-.*~minimum|one-off-.*")


@dataclass
class Watch:
    """Looks at all invoices before and after each step."""

    verbs: Verbs
    _finalized: dict[str, Any] = field(default_factory=dict)
    _before: list[Any] = field(default_factory=list)
    _credit_before: Credit | None = None
    _entries: Sequence[Any] = field(default_factory=list)

    def before(self) -> None:
        """Remember drafts, invoices and credit as they stand at the instant of a step."""
        self._before = self._list()
        self._credit_before = self._credit(self._before)

    def after(self, job: str | None) -> None:
        """Check everything; a ``job`` that has run runs once more, which must change nothing."""
        listed = self._list()
        credit = self._credit(listed)
        if job is not None:
            self.verbs.run(job)
            again = self._list()
            _equal(listed, again, f"{job} changed something when it ran again")
            _equal(credit, self._credit(again), f"{job} changed credit when it ran again")
        if credit is not None:
            check_credit(credit, listed, self.verbs.zone)
            _equal(self._entries, credit.entries[: len(self._entries)], "the ledger has changed")
            self._entries = credit.entries
        for one in listed:
            _check_sums(one)
        _check_numbers(listed, self.verbs.organization)
        _check_fees(one for one in listed if one["status"] != "void")
        for one in (one for one in listed if one["status"] != "draft"):
            self._check_finalized(one)

    def unchanged(self, fault: str) -> None:
        """Check that a step left everything as it was, the ledger too; ``fault`` says what it should not have done."""
        listed = self._list()
        _equal(self._before, listed, fault)
        _equal(self._credit_before, self._credit(listed), fault)

    def kept(self, fault: str) -> None:
        """Check that a job left drafts, invoices and grants as they were; it may book what the ledger lacked."""
        listed = self._list()
        _equal(self._before, listed, fault)
        before, credit = self._credit_before, self._credit(listed)
        if before is not None and credit is not None:
            _equal(before.shown, credit.shown, fault)

    def _list(self) -> list[Any]:
        return list_invoices(self.verbs)

    def _credit(self, listed: list[Any]) -> Credit | None:
        """Read the organization's credit; ``None`` where there is none to read, which keeps other stories quick."""
        makes = any(one["credit_notes"] or any(_is_carried(line) for line in one["lines"]) for one in listed)
        return read_credit(self.verbs, listed) if makes or self.verbs.gave_grants else None

    def _check_finalized(self, one: Any) -> None:
        kept = {name: value for name, value in one.items() if name not in _STANDING}
        drafts = {before["id"]: before for before in self._before if before["status"] == "draft"}
        draft = drafts.get(one["id"])
        if one["id"] not in self._finalized and draft is not None:
            left_out = _STANDING | _ISSUED
            show = _without_credit if any(map(_makes_credit, drafts.values())) else dict
            wanted = {name: value for name, value in show(draft).items() if name not in left_out}
            issued = {name: value for name, value in show(one).items() if name not in left_out}
            _equal(wanted, issued, f"{one['id']} is not what its draft was")
        before = self._finalized.setdefault(one["id"], kept)
        _equal(before, kept, f"{one['id']} was finalized and has changed")


def _is_carried(line: Any) -> bool:
    return bool(line["kind"] == "carried_to_credit")


def _makes_credit(draft: Any) -> bool:
    """Tell whether other drafts have more to draw once this one is finalized: what came back, or was carried."""
    paid = (credit for line in draft["lines"] for credit in line["credits"])
    return any(map(_is_carried, draft["lines"])) or any(Decimal(credit["amount"]) < 0 for credit in paid)


def _without_credit(shown: Any) -> dict[str, Any]:
    """Leave out what credit pays of an invoice, and what follows from that."""
    kept = {name: value for name, value in shown.items() if name not in ("credits_applied", "tax", "taxes", "total")}
    lines = [{**line, "credits": []} for line in shown["lines"] if not _is_carried(line)]
    return {**kept, "lines": lines, "subtotal": str(_sum(line["amount"] for line in lines))}


def _equal(before: Any, after: Any, fault: str) -> None:
    if before != after:
        raise StoryError(f"{fault}:\n{_written(before)}\nbecame\n{_written(after)}")


def _written(shown: Any) -> str:
    if isinstance(shown, list):
        return "\n".join(map(_written, shown))
    if isinstance(shown, dict) and "lines" in shown:
        rest = {name: value for name, value in shown.items() if name != "lines"}
        return "\n  ".join([str(rest), *map(show_line, shown["lines"])])
    return "\n".join(map(_written, shown.values())) if isinstance(shown, dict) else str(shown)


def _sum(texts: Iterable[str]) -> Decimal:
    total = Decimal(0)
    for text in texts:
        total = EXACT.add(total, Decimal(text))
    return total


def _check_sums(one: Any) -> None:
    """Check that the total is the sum of rounded lines, less discount and credits, with tax, and never below 0."""
    lines = one["lines"]
    subtotal = _sum(line["amount"] for line in lines if line["kind"] != "discount")
    money = EXACT.subtract(EXACT.subtract(subtotal, Decimal(one["discount"])), Decimal(one["credits_applied"]))
    sums = [
        (subtotal, one["subtotal"]),
        (-_sum(line["amount"] for line in lines if line["kind"] == "discount"), one["discount"]),
        (_sum(line["net"] for line in lines), _sum([one["subtotal"], f"-{one['discount']}"])),
        (_sum(credit["amount"] for line in lines for credit in line["credits"]), one["credits_applied"]),
        (_sum(tax["amount"] for tax in one["taxes"]), one["tax"]),
        (EXACT.add(money, Decimal(one["tax"])), one["total"]),
    ]
    if any(computed != Decimal(shown) for computed, shown in sums) or Decimal(one["total"]) < 0:
        raise StoryError(f"the sums of {one['id']} are wrong: {sums}\n{_written(one)}")
    ids = [line["id"] for line in lines]
    if len(set(ids)) != len(ids):
        raise StoryError(f"two lines of {one['id']} have one id: {ids}")
    odd = [line["id"] for line in lines if (line["charge"] is None) != bool(_WITHOUT_CHARGE.fullmatch(line["id"]))]
    if odd:
        raise StoryError(f"lines of {one['id']} name a charge or none, wrongly: {odd}")


def _check_numbers(listed: list[Any], organization: str) -> None:
    """Check that numbers have no gap, and that drafts have none."""
    numbers = sorted(one["number"] for one in listed if one["status"] != "draft")
    expected = [f"{organization.upper()}-{place:06}" for place in range(1, len(numbers) + 1)]
    _equal(expected, numbers, "numbers have a gap")
    if any(one["number"] is not None for one in listed if one["status"] == "draft"):
        raise StoryError("a draft has a number")


def _check_fees(listed: Iterable[Any]) -> None:
    """Check that no advance fee stands on two invoices or drafts that hold, and none is corrected on two drafts."""
    charged = Counter(
        (one["id"].partition(".")[2].partition(".")[0][0], line["id"])
        for one in listed
        for line in one["lines"]
        if _FEE.fullmatch(line["id"]) or (one["status"] == "draft" and _ADJUSTED.fullmatch(line["id"]))
    )
    twice = [name for name, times in charged.items() if times > 1]
    if twice:
        raise StoryError(f"advance fees are charged twice: {twice}")
