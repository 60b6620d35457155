"""What rows expect of credit: what grants pay of lines, what became of grants, the ledger, what lies ahead.

    drawdown  usage-tokens A 15.00                 # of the draft or invoice above
    by-day    usage-tokens A 2026-01-05=15.00
    wallet    remaining 5.00 pending 10.00 + 5.00 depletes 2026-02-10
    balance   A consumed 15.00 remaining 0.00 status depleted
    entries   4
    entry     newest drawdown B -5.00 of 1p0
    ahead     2026-02-01 recurs monthly.1 10.00
    used      2026-01-05 tokens A 15.00 pending

Of each kind of row that tells a list (``drawdown``, ``ahead``, ``used``), what is written is all there is, in order.
"""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.shared.time import format_instant
from tests.stories.notation import Money, Row, StoryError, split_stamp
from tests.stories.steps import Verbs

_AMOUNTS = {"amount", "consumed", "pending", "expired", "voided", "held", "remaining"}
_SUMS = (_AMOUNTS - {"amount"}) | {"allocated", "scheduled", "unbooked"}


@dataclass
class CreditRows:
    """Compares the rows about credit below one step; rows that make a list are compared when it is over."""

    verbs: Verbs
    money: Money
    _listed: dict[str, list[tuple[Row, str]]] = field(default_factory=dict)
    _shown: Any = None

    def expect(self, row: Row, shown: Any) -> None:
        """Check a row, or keep it until ``close``; ``shown`` is the invoice that rows are about."""
        if row.verb == "drawdown":
            self._shown = shown
        if row.verb == "by-day":
            self._by_day(row, shown)
        elif row.verb in _LISTED:
            written = "none" if row.words == ("none",) else _LISTED[row.verb](self, row)
            self._listed.setdefault(row.verb, []).append((row, written))
        else:
            _CHECKED[row.verb](self, row)

    def close(self) -> None:
        """Compare the rows that were listed with all there is."""
        listed, self._listed = self._listed, {}
        for verb, rows in listed.items():
            expected = [text for _, text in rows if text != "none"]
            actual = _ACTUAL[verb](self)
            if actual != expected:
                diff = "\n".join(difflib.ndiff(expected, actual))
                raise rows[0][0].fault(f"the {verb} rows differ (- expected, + actual):\n{diff}")

    def _amount(self, words: Sequence[str]) -> str:
        return self.money.amount(" ".join(words))

    def _stamp(self, words: Sequence[str]) -> tuple[str, Sequence[str]]:
        stamp, rest = split_stamp(words)
        return format_instant(self.verbs.instant(stamp)), rest

    def _drawdown(self, row: Row) -> str:
        line, grant, *amount = row.words
        return f"{line} {grant} {self._amount(amount)}"

    def _drawdowns(self) -> list[str]:
        return [
            f"{line_name(line)} {self.verbs.grant_name(one['grant'])} {one['amount']}"
            for line in self._shown["lines"]
            for one in line["credits"]
        ]

    def _by_day(self, row: Row, shown: Any) -> None:
        """Expect what a grant pays of a line by day, ``2026-01-05=15.00 …``: all the days there are."""
        name, grant, *days = row.words
        line = next((one["id"] for one in shown["lines"] if line_name(one) == name), name)
        answer = self.verbs.client.get(f"/v1/invoices/{shown['id']}/lines/{line}").json_body
        grant_id = self.verbs.grant_id(grant)
        found: dict[str, str] = next((one["by_day"] for one in answer["credits"] if one["grant"] == grant_id), {})
        _same(" ".join(f"{day}={amount}" for day, amount in found.items()), " ".join(days))

    def _balance(self, row: Row) -> None:
        """Expect fields of a grant, each a word and a sum that is written without spaces."""
        name, *pairs = row.words
        grant_id = self.verbs.grant_id(name)
        shown = next((one for one in self.verbs.list_all("credits/grants") if one["id"] == grant_id), None)
        if shown is None:
            raise StoryError(f"there is no grant {name} yet")
        fields = pairs[::2]
        expected = [
            f"{word} {self._amount([value]) if word in _AMOUNTS else value}"
            for word, value in zip(fields, pairs[1::2], strict=True)
        ]
        _same(", ".join(f"{word} {shown[word]}" for word in fields), ", ".join(expected))

    def _wallet(self, row: Row) -> None:
        """Expect sums of all credit: ``wallet remaining 5.00 pending 20.00``, or one that is written out."""
        shown = self.verbs.ask("credits")
        words = list(row.words)
        while words:
            word = words.pop(0)
            if word == "depletes":
                _same(f"depletes {shown['depletes_on'] or 'none'}", f"depletes {words.pop(0)}")
                continue
            until = next((place for place, one in enumerate(words) if one in _WALLET), len(words))
            expected, words = self._amount(words[:until]), words[until:]
            _same(f"{word} {shown[_WALLET[word]]}", f"{word} {expected}")

    def _entries(self, row: Row) -> None:
        _same(str(len(self._ledger())), " ".join(row.words))

    def _ledger(self) -> list[Any]:
        return self.verbs.list_all("credits/ledger")

    def _entry(self, row: Row) -> None:
        """Expect an entry, by its seq or counted from the newest, which is ``newest``, then ``newest-1``."""
        place, kind, grant, *amount = row.words
        invoice = amount.pop() if amount[-2:-1] == ["of"] else None
        amount = amount[:-1] if invoice else amount
        listed = self._ledger()
        back = int(place.partition("-")[2] or 0) if place.startswith("newest") else listed[0]["seq"] - int(place)
        entry = listed[back]
        expected = f"{kind} {grant} {self._amount(amount)}"
        _same(f"{entry['kind']} {self.verbs.grant_name(entry['grant'])} {entry['amount']}", expected)
        if invoice is not None:
            _same(entry["invoice"], self.verbs.invoice_id(invoice))

    def _ahead(self, row: Row) -> str:
        at, (kind, grant, *amount) = self._stamp(row.words)
        return f"{at} {kind} {grant} {self._amount(amount)}"

    def _all_ahead(self) -> list[str]:
        listed = self.verbs.list_all("credits/schedule")
        return [f"{one['at']} {one['kind']} {self.verbs.grant_name(one['grant'])} {one['amount']}" for one in listed]

    def _used(self, row: Row) -> str:
        day, charge, grant, *amount = row.words
        pending = amount[-1:] == ["pending"]
        amount = amount[:-1] if pending else amount
        return f"{day} {charge} {grant} {self._amount(amount)}{' pending' if pending else ''}"

    def _all_used(self) -> list[str]:
        return [
            f"{one['day']} {one['charge'] or 'none'} {self.verbs.grant_name(one['grant'])} {one['amount']}"
            f"{' pending' if one['pending'] else ''}"
            for one in self.verbs.list_all("credits/usage")
        ]


_WALLET = {name: name for name in _SUMS} | {"ledger-balance": "ledger_balance", "depletes": "depletes_on"}
_LISTED: dict[str, Callable[[CreditRows, Row], str]] = {
    "drawdown": CreditRows._drawdown,
    "ahead": CreditRows._ahead,
    "used": CreditRows._used,
}
_ACTUAL: dict[str, Callable[[CreditRows], list[str]]] = {
    "drawdown": CreditRows._drawdowns,
    "ahead": CreditRows._all_ahead,
    "used": CreditRows._all_used,
}
_CHECKED: dict[str, Callable[[CreditRows, Row], None]] = {
    "balance": CreditRows._balance,
    "wallet": CreditRows._wallet,
    "entries": CreditRows._entries,
    "entry": CreditRows._entry,
}
CREDIT_ROWS = {*_LISTED, *_CHECKED, "by-day"}


def line_name(line: Any) -> str:
    """Name a line as stories do: by its id, a group by the value of its dimension."""
    name: str = line["id"]
    if line["group"] is None:
        return name
    return f"{name.partition('~')[0]}~{next(iter(line['group'].values()))}"


def _same(actual: object, expected: str) -> None:
    if actual != expected:
        raise StoryError(f"expected {expected}\nbut it is {actual}")
