"""What the rows below a step expect: lines, sums and states, compared as text so that a difference can be read."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.shared.time import format_instant
from tests.stories.credit_rows import CREDIT_ROWS, CreditRows, line_name
from tests.stories.notation import Money, Row, StoryError, split_stamp
from tests.stories.steps import Verbs

_MONEY = {
    "subtotal": "subtotal",
    "tax": "tax",
    "total": "total",
    "due": "amount_due",
    "paid": "amount_paid",
    "credited": "amount_credited",
    "refunded": "amount_refunded",
    "credits": "credits_applied",
    "net": "net",
    "refund": "refund",
    "granted": "granted",
}
_INSTANTS = {"due-at": "due_at", "finalizes": "finalizes_at", "issued": "issued_at", "late-until": "late_usage_until"}
_TEXTS = {"status": "status", "payment": "payment_status", "number": "number", "to": "to"}
_COUNTS = {name: name for name in ("finalized", "skipped", "overdue", "rolled_up", "settled")} | {"held": "blocked"}
_SPANS = {"period": "period", "current": "current_period", "previous": "previous_period"}


@dataclass
class Expectations:
    """Compares the rows below one step with what the step answered, or with the invoices that rows name."""

    verbs: Verbs
    money: Money
    shown: Any
    _rows: list[tuple[Row, str]] = field(default_factory=list)
    _others: bool = False
    _credit: CreditRows = field(init=False)

    def __post_init__(self) -> None:
        self._credit = CreditRows(self.verbs, self.money)

    def check(self, rows: Sequence[Row]) -> None:
        """Check all rows; raises ``StoryError`` that names the first one that does not come true."""
        for row in rows:
            try:
                self._check_row(row)
            except StoryError as fault:
                raise fault if str(fault).startswith("line ") else row.fault(str(fault)) from fault
        self._close()

    def _check_row(self, row: Row) -> None:
        if row.verb in ("invoice", "draft"):
            self._close()
            self.shown = self._open(row)
        elif row.verb in ("drafts", "invoices"):
            self._close()
            drafts = row.verb == "drafts"
            _same(" ".join(self._names(drafts=drafts)) or "none", " ".join(row.words))
        elif row.verb == "grants":
            _same(" ".join(self._grants()) or "none", " ".join(row.words))
        elif row.verb in CREDIT_ROWS:
            self._credit.expect(row, self.shown)
        elif row.verb in _LINES:
            self._rows.append((row, _LINES[row.verb](self, row)))
        elif row.verb == "others":
            self._others = True
        elif row.verb == "blocked":
            reasons = [one["reason"] for one in self.shown["blocked"]]
            _same(str(any(" ".join(row.words) in reason for reason in reasons)), "True")
        else:
            self._check_field(row)

    def _open(self, row: Row) -> Any:
        """Read the invoice or draft that a row names; a draft without a name is that of the current period."""
        name, absent = row.words[:1], row.words[1:] == ("none",)
        current = f"/v1/organizations/{self.verbs.organization}/invoices/current"
        path = f"/v1/invoices/{self.verbs.invoice_id(name[0])}" if name else current
        answer = self.verbs.client.get(path)
        _same(str(answer.status_code), "404" if absent else "200")
        if not absent:
            is_draft = answer.json_body["status"] == "draft"
            _same("draft" if is_draft else "invoice", row.verb)
        return answer.json_body

    def _names(self, *, drafts: bool) -> list[str]:
        listed = list_invoices(self.verbs)
        prefix = self.verbs.invoice_id("").removesuffix(".0")
        wanted = [one["id"].removeprefix(prefix) for one in listed if (one["status"] == "draft") is drafts]
        return [name.removesuffix(".0") for name in wanted]

    def _grants(self) -> list[str]:
        """List the amounts of all grants that were not voided, in the order in which they are drawn."""
        answer = self.verbs.client.get(f"/v1/organizations/{self.verbs.organization}/credits/grants")
        return [one["amount"] for one in answer.json_body["data"] if one["status"] != "voided"]

    def _check_field(self, row: Row) -> None:
        words, text = row.words, " ".join(row.words)
        if row.verb in _MONEY:
            _same(self._field(_MONEY[row.verb]), self.money.amount(text))
        elif row.verb in _TEXTS:
            _same(self._field(_TEXTS[row.verb]) or "none", text)
        elif row.verb in _COUNTS:
            _same(str(self._field(_COUNTS[row.verb])), text)
        elif row.verb in _INSTANTS:
            _same(self._field(_INSTANTS[row.verb]) or "none", self._instant(words))
        elif row.verb in _SPANS:
            span = self._field(_SPANS[row.verb])
            start, end = split_stamp(words)
            _same(f"{span['start']} {span['end']}", f"{self._instant(start)} {self._instant(end)}")
        else:
            raise row.fault(f"{row.verb} is nothing that a story can expect")

    def _field(self, name: str) -> Any:
        if not isinstance(self.shown, dict) or name not in self.shown:
            raise StoryError(f"there is no {name} in what is shown")
        return self.shown[name]

    def _instant(self, words: Sequence[str]) -> str:
        return format_instant(self.verbs.instant(words))

    def _close(self) -> None:
        """Compare the lines that were listed, which are all there are, with those of the invoice they are about."""
        if self._rows:
            actual = [show_line(line) for line in self.shown["lines"]]
            expected = [text for _, text in self._rows if text != "none"]
            first = self._rows[0][0]
            missing = [text for text in expected if text not in actual]
            if missing if self._others else actual != expected:
                diff = difflib.ndiff(expected, actual)
                raise first.fault(f"the lines of {self.shown['id']} differ (- expected, + actual):\n" + "\n".join(diff))
        self._rows, self._others = [], False
        self._credit.close()

    def usage_line(self, row: Row) -> str:
        """Expect a line with a quantity."""
        prefix = "" if row.verb == "one-off" else "usage-"
        name = f"one-off-{row.words[0]}" if not prefix else prefix + row.words[0]
        quantity, amount = self.money.quantity_and_amount(" ".join(row.words[1:]))
        return f"{name} {quantity} = {amount}"

    def late_line(self, row: Row) -> str:
        """Expect late usage: of a period, of a charge, perhaps with the number of the invoice it corrects."""
        period, charge, *rest = row.words
        source = rest.pop() if len(rest) > 1 and rest[-2] == "from" else ""
        if source:
            rest.pop()
        if charge == "minimum":
            return f"late-{period}~minimum = {self.money.amount(' '.join(rest))} from {source or 'none'}"
        quantity, amount = self.money.quantity_and_amount(" ".join(rest))
        return f"late-{period}-{charge} {quantity} = {amount} from {source or 'none'}"

    def elsewhere_line(self, row: Row) -> str:
        """Expect what an invoice that was made again takes off because another billed it."""
        place, charge, *rest = row.words
        source = rest.pop()
        quantity, amount = self.money.quantity_and_amount(" ".join(rest[:-1]))
        return f"elsewhere-{place}-{charge} {quantity} = {amount} from {source}"

    def amount_line(self, row: Row) -> str:
        """Expect a line of a charge with an amount alone."""
        charge, *rest = row.words
        return f"{row.verb}-{charge} = {self.money.amount(' '.join(rest))}"

    def discount_line(self, row: Row) -> str:
        """Expect the discount, written as a positive amount."""
        amount = self.money.amount(" ".join(row.words))
        _same(self.shown["discount"], amount)
        return f"discount = -{amount}"

    def whole_line(self, row: Row) -> str:
        """Expect a line of the whole invoice: the plan's minimum, or what is carried to credit."""
        name = {"plan-minimum": "minimum"}.get(row.verb, row.verb)
        return f"{name} = {self.money.amount(' '.join(row.words))}"

    def no_line(self, row: Row) -> str:
        """Expect an invoice without lines."""
        _same(" ".join(row.words), "none")
        return "none"


_LINES: dict[str, Callable[[Expectations, Row], str]] = {
    "line": Expectations.usage_line,
    "one-off": Expectations.usage_line,
    "late": Expectations.late_line,
    "elsewhere": Expectations.elsewhere_line,
    "fee": Expectations.amount_line,
    "adjusted": Expectations.amount_line,
    "cap": Expectations.amount_line,
    "minimum": Expectations.amount_line,
    "plan-minimum": Expectations.whole_line,
    "carried": Expectations.whole_line,
    "discount": Expectations.discount_line,
    "lines": Expectations.no_line,
}


def show_line(line: Any) -> str:
    """Write an actual line as the expected ones are written."""
    name, amount = line_name(line), line["amount"]
    has_quantity = line["quantity"] is not None and line["kind"] != "recurring"
    quantity = f" {line['quantity']}" if has_quantity else ""
    origin = "" if line["origin"] is None else f" from {line['origin']['number'] or 'none'}"
    return f"{name}{quantity} = {amount}{origin}"


def list_invoices(verbs: Verbs) -> list[Any]:
    """List all invoices of the organization as the API does, drafts on top."""
    answer = verbs.client.get(f"/v1/organizations/{verbs.organization}/invoices", limit=200)
    assert answer.status_code == 200, answer.body
    assert answer.json_body["next_cursor"] is None, "a story has few invoices"
    found: list[Any] = answer.json_body["data"]
    return found


def _same(actual: object, expected: str) -> None:
    if actual != expected:
        raise StoryError(f"expected {expected}\nbut it is {actual}")
