"""What must hold of an organization's billing at any moment, whatever happened before.

Numbers have no gaps; totals follow from the lines; what is remembered as billed for a period is what the lines of all
invoices that are not void say; no service period is charged twice; the ledger is whole and its balance is that of the
grants; no two subscriptions share a moment. Sums are made here anew, from what is stored.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from chalicelib.catalog import subscription_service
from chalicelib.catalog.subscriptions import Subscription, Subscriptions
from chalicelib.invoices import store
from chalicelib.invoices.draft_lines import find_late_place, find_service_period
from chalicelib.invoices.invoice import Invoice, InvoiceStatus, Line, LineKind
from chalicelib.invoices.numbering import InvoiceKind, InvoiceRef, find_invoice_ref
from chalicelib.invoices.period_record import PeriodRecord
from chalicelib.invoices.progress import period_ref
from chalicelib.platform.reads import find_many
from tests.faults.credit_checks import check_credit, check_remembered

_BY_PERIOD = {LineKind.USAGE, LineKind.CAP, LineKind.MINIMUM}
# Of which subscription and period, for which charge; an empty one is the plan's minimum.
Place = tuple[int, int, str]


@dataclass(frozen=True)
class Billed:
    """Everything that is stored about the billing of an organization."""

    organization: str
    subscriptions: Subscriptions
    head: store.InvoicesHead
    invoices: Sequence[Invoice]

    @property
    def standing(self) -> Iterator[tuple[InvoiceRef, Invoice]]:
        """Walk the invoices that are not void."""
        for one in self.invoices:
            ref = find_invoice_ref(one.id)
            assert ref is not None
            if one.status is not InvoiceStatus.VOID:
                yield ref, one

    def records(self) -> dict[str, PeriodRecord]:
        """Read the records of all periods that may have one, and of everything that was invoiced."""
        refs = [find_invoice_ref(one.id) for one in self.invoices]
        names = [ref.name for ref in refs if ref is not None]
        for one in self.subscriptions.subscriptions:
            last = max(one.progress.next_period, one.progress.advance_until) + 1
            names += [period_ref(one, number).name for number in range(last)]
        return store.read_records(self.organization, names)

    def usage_lines(self) -> list[Line]:
        """List the lines of usage, the late usage too."""
        kinds = (LineKind.USAGE, LineKind.CAP, LineKind.LATE_USAGE)
        return [line for _, one in self.standing for line in one.content.lines if line.kind in kinds]

    def fees_minor(self) -> int:
        """Add up what was billed in advance."""
        lines = (line for _, one in self.standing for line in one.content.lines)
        return sum(line.net_minor for line in lines if find_service_period(line) is not None)

    def noted_minor(self, *, fees: bool) -> int:
        """Add up what credit notes took back of fees in advance, or of usage: no invoice takes that back again."""
        lines = {(one.id, line.id): line for _, one in self.standing for line in one.content.lines}
        notes = [
            (one.id, noted) for _, one in self.standing for note in one.standing.credit_notes for noted in note.lines
        ]
        found = [(lines[invoice, noted.line], noted.amount_minor) for invoice, noted in notes]
        return sum(minor for line, minor in found if (find_service_period(line) is not None) is fees)


def read_billed(organization: str) -> Billed | None:
    """Read everything; ``None`` where nothing was ever sold."""
    keys = [subscription_service.subscriptions_key(organization), store.head_key(organization)]
    subscribed, head = find_many(keys)
    if subscribed is None and head is None:
        return None
    return Billed(
        organization=organization,
        subscriptions=subscription_service.subscriptions_of(organization, subscribed),
        head=store.head_of(organization, head),
        invoices=[one.invoice for one in store.list_invoices(organization, below=None)],
    )


def check_billing(organization: str) -> None:
    """Assert everything that must hold of an organization at any moment."""
    billed = read_billed(organization)
    check_credit(organization, () if billed is None else billed.invoices)
    if billed is None:
        return
    _check_numbers(billed)
    for invoice in billed.invoices:
        check_invoice(invoice)
    records = billed.records()
    _check_found(billed, records)
    _check_records(billed, records)
    _check_fees(billed, records)
    check_remembered(billed.standing, records)
    _check_subscriptions(billed.subscriptions.subscriptions)


def _check_numbers(billed: Billed) -> None:
    numbers = sorted(one.number or 0 for one in billed.invoices)
    assert numbers == list(range(1, billed.head.next_number)), f"{numbers} before {billed.head.next_number}"
    notes = sorted(note.number for one in billed.invoices for note in one.standing.credit_notes)
    assert notes == list(range(1, billed.head.next_credit_note)), f"{notes} before {billed.head.next_credit_note}"
    assert all(store.find_credit_note(billed.organization, number) is not None for number in notes)
    ids = Counter(one.id for one in billed.invoices)
    assert set(ids.values()) <= {1}, f"{ids} have several numbers"


def check_invoice(invoice: Invoice) -> None:
    """Assert that an invoice adds up, and that no more was paid or taken back than there was."""
    lines = invoice.content.lines
    assert lines, f"{invoice.id} has no lines"
    assert len({line.id for line in lines}) == len(lines), f"{invoice.id} has a line twice"
    # A discount's amount is negative, and what credit pays is no money.
    net_minor = sum(line.amount_minor - sum(one.amount_minor for one in line.credits) for line in lines)
    assert net_minor >= 0
    for tax in invoice.content.taxes:
        assert abs(Fraction(tax.percent) * net_minor / 100 - tax.amount_minor) * 2 <= 1, f"{tax} of {net_minor}"
    total_minor = net_minor + sum(tax.amount_minor for tax in invoice.content.taxes)
    assert invoice.content.total_minor == total_minor
    paid_minor = sum(one.amount_minor for one in invoice.standing.payments if one.reversed_at is None)
    noted_minor = sum(note.credited_minor for note in invoice.standing.credit_notes)
    assert 0 <= paid_minor <= total_minor
    assert paid_minor + noted_minor <= total_minor, f"{invoice.id}: {paid_minor} and {noted_minor} of {total_minor}"
    is_void = invoice.status is InvoiceStatus.VOID
    assert not (is_void and paid_minor), f"{invoice.id} is void and paid"
    assert invoice.due_minor == (0 if is_void else total_minor - paid_minor - noted_minor)
    references = [one.reference for one in invoice.standing.payments]
    assert len(set(references)) == len(references)


def _check_found(billed: Billed, records: Mapping[str, PeriodRecord]) -> None:
    """Assert that every invoice is found by its id, and that nothing else is."""
    numbers: dict[str, dict[int, int]] = defaultdict(dict)
    for one in billed.invoices:
        ref = find_invoice_ref(one.id)
        assert ref is not None
        numbers[ref.name][ref.attempt] = one.number or 0
    for name, record in records.items():
        assert record.numbers == numbers[name], f"{name} is known as {record.numbers}, not {numbers[name]}"


def _check_records(billed: Billed, records: Mapping[str, PeriodRecord]) -> None:
    """Assert that what is remembered as billed is what the lines say, for each charge of each period."""
    said: Counter[Place] = Counter()
    for ref, invoice in billed.standing:
        for line in invoice.content.lines:
            place = _place(ref, line)
            if place is not None:
                said[place] += line.net_minor
    remembered: Counter[Place] = Counter()
    for one in billed.subscriptions.subscriptions:
        for number in range(one.progress.next_period + 1):
            for key, amount in records[period_ref(one, number).name].billed().items():
                remembered[one.number, number, key.partition("#")[0]] += amount.net_minor
    places = {place for place in (*said, *remembered) if said[place] or remembered[place]}
    for place in places:
        assert said[place] == remembered[place], f"{place}: {said[place]} billed, {remembered[place]} remembered"


def _place(ref: InvoiceRef, line: Line) -> Place | None:
    late = find_late_place(line)
    if late is not None:
        return late.subscription, late.period, line.charge or ""
    if ref.kind is InvoiceKind.PERIOD and line.kind in (*_BY_PERIOD, LineKind.LATE_USAGE):
        return ref.subscription, ref.number, line.charge or ""
    return None


def _check_fees(billed: Billed, records: Mapping[str, PeriodRecord]) -> None:
    """Assert that every fee in advance is on one invoice at most, and remembered as what it has come to."""
    said: Counter[Place] = Counter()
    charged_first: Counter[Place] = Counter()
    for ref, invoice in billed.standing:
        for line in invoice.content.lines:
            number = find_service_period(line)
            if number is not None:
                place = (ref.subscription, number, line.charge or "")
                # One that came back whole, on a line of its own, may be charged anew.
                charged_first[place] += 1 if line.id.startswith("fee-") else -(line.net_minor < 0)
                said[place] += line.net_minor
    assert max(charged_first.values(), default=0) <= 1, f"{charged_first} are charged more than once"
    for one in billed.subscriptions.subscriptions:
        for number in range(one.progress.advance_until):
            record = records[period_ref(one, number).name]
            here = (one.number, number)
            charged = {charge: net for (of, at, charge), net in said.items() if net and (of, at) == here}
            remembered = {charge: fee.net_minor for charge, fee in record.advance.items() if fee.net_minor}
            assert charged == remembered, f"{record.name}: {charged} charged in advance, {remembered} remembered"


def _check_subscriptions(subscriptions: Sequence[Subscription]) -> None:
    begun = [one for one in subscriptions if one.end_at is None or one.end_at > one.start_at]
    for one, following in pairwise(sorted(begun, key=lambda each: each.start_at)):
        assert one.end_at is not None
        assert one.end_at <= following.start_at, f"{one.id} and {following.id} meet"
