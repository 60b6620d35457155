"""Credit notes: what they undo, what they give back, and that nothing is given back twice (docs/rules.md 4.7)."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.invoices.credit_notes import make_credit_note, with_note
from chalicelib.invoices.invoice import CreditNote, CreditTo, Invoice, Line, LineKind
from chalicelib.invoices.lifecycle import add_payment, given_back_minor, reverse_payment
from chalicelib.shared.errors import Conflict, InvalidInput
from tests.invoices.issued import at, issued, line

NOW = at("2026-02-10T12:00:00Z")


def note_on(invoice: Invoice, *wanted: tuple[str, int], to: CreditTo = CreditTo.REFUND) -> CreditNote:
    number = len(invoice.standing.credit_notes) + 1
    return make_credit_note(invoice, wanted, reason="wrong model", to=to, number=number, issued_at=NOW)


def noted(invoice: Invoice, *wanted: tuple[str, int], to: CreditTo = CreditTo.REFUND) -> Invoice:
    return with_note(invoice, note_on(invoice, *wanted, to=to))


def paid(invoice: Invoice, amount_minor: int) -> Invoice:
    reference = f"r{len(invoice.standing.payments)}"
    return add_payment(invoice, amount_minor, paid_at=NOW, reference=reference, now=NOW)


def back(note: CreditNote) -> list[tuple[str, int]]:
    return [(credit.grant, credit.amount_minor) for credit in note.reversed]


def refused(invoice: Invoice, *wanted: tuple[str, int]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as error:
        note_on(invoice, *wanted)
    return [(fault.pointer, fault.detail) for fault in error.value.faults]


VAT = [("VAT", "19")]


# Unpaid, paid, partly paid


@pytest.mark.parametrize("to", CreditTo)
def test_on_an_unpaid_invoice_a_note_lowers_what_is_due_by_net_and_tax(to: CreditTo) -> None:
    invoice = issued(line("tokens", 10_000), rates=VAT)
    note = note_on(invoice, ("tokens", 3000), to=to)
    # 30.00 x 1.19
    assert (note.net_minor, note.tax_minor, note.credited_minor) == (3000, 570, 3570)
    assert (note.refunded_minor, note.granted_minor, note.reversed) == (0, 0, ())
    assert with_note(invoice, note).due_minor == 11_900 - 3570


def test_a_refund_of_a_paid_invoice_gives_back_net_and_tax() -> None:
    invoice = paid(issued(line("tokens", 10_000), rates=VAT), 11_900)
    note = note_on(invoice, ("tokens", 3000), to=CreditTo.REFUND)
    assert (note.credited_minor, note.refunded_minor, note.granted_minor) == (0, 3570, 0)
    assert with_note(invoice, note).due_minor == 0
    assert with_note(invoice, note).refunded_minor == 3570


def test_credit_for_a_paid_invoice_grants_the_net_alone() -> None:
    invoice = paid(issued(line("tokens", 10_000), rates=VAT), 11_900)
    note = note_on(invoice, ("tokens", 3000), to=CreditTo.CREDIT)
    assert (note.credited_minor, note.refunded_minor, note.granted_minor) == (0, 0, 3000)
    assert note.grant is None
    assert given_back_minor(note) == 3570


def test_a_note_first_lowers_what_is_due_and_gives_back_the_rest() -> None:
    # 119.00, of which 100.00 was paid: of 35.70, 19.00 was due and 16.70 was paid.
    invoice = paid(issued(line("tokens", 10_000), rates=VAT), 10_000)
    refund = note_on(invoice, ("tokens", 3000), to=CreditTo.REFUND)
    assert (refund.credited_minor, refund.refunded_minor) == (1900, 1670)
    # The net share of it: 30.00 - rounded(30.00 x 19.00 / 35.70 = 15.966...) = 14.03.
    credit = note_on(invoice, ("tokens", 3000), to=CreditTo.CREDIT)
    assert (credit.credited_minor, credit.granted_minor) == (1900, 1403)
    assert with_note(invoice, credit).due_minor == 0


@pytest.mark.parametrize(("paid_minor", "credited", "refunded"), [(7000, 3000, 0), (7001, 2999, 1)])
def test_nothing_is_refunded_as_long_as_enough_is_due(paid_minor: int, credited: int, refunded: int) -> None:
    note = note_on(paid(issued(line("tokens", 10_000)), paid_minor), ("tokens", 3000))
    assert (note.credited_minor, note.refunded_minor) == (credited, refunded)


# Lines


def test_the_notes_of_a_line_reach_its_net_and_not_one_minor_unit_more() -> None:
    invoice = noted(issued(line("tokens", 10_000)), ("tokens", 6000))
    assert note_on(invoice, ("tokens", 4000)).net_minor == 4000
    assert refused(invoice, ("tokens", 4001)) == [
        ("/lines/0/amount", "must be at most 40.00, what is left of the line's net")
    ]


def test_every_fault_of_the_lines_is_named_at_once() -> None:
    invoice = issued(
        line("tokens", 10_000),
        line("seats", 500),
        line("late", -1, kind=LineKind.LATE_USAGE),
        line("zero", 0),
        line("discount", 100, kind=LineKind.DISCOUNT),
        line("cap", 100, kind=LineKind.CAP),
    )
    wanted = [("other", 1), ("seats", 501), ("tokens", 0), ("tokens", 1), ("late", 1), ("zero", 1)]
    assert [pointer for pointer, _ in refused(invoice, *wanted, ("discount", 1), ("cap", 1), ("seats", -1))] == [
        "/lines/0/line",
        "/lines/1/amount",
        "/lines/2/amount",
        "/lines/3/line",
        "/lines/4/line",
        "/lines/5/line",
        "/lines/6/line",
        "/lines/7/line",
        "/lines/8/line",
    ]


def test_a_note_without_lines_is_refused() -> None:
    assert refused(issued(line("tokens", 10_000))) == [("/lines", "must name at least one line")]


def test_what_was_carried_to_credit_is_not_taken_back_by_a_note() -> None:
    invoice = issued(line("seats", -500), line("tokens", 300))
    assert [pointer for pointer, _ in refused(invoice, ("carried", 200))] == ["/lines/0/line"]


def test_a_note_keeps_its_lines_in_the_order_they_were_asked_for() -> None:
    note = note_on(issued(line("a", 100), line("b", 200)), ("b", 50), ("a", 10))
    assert [(one.line, one.amount_minor) for one in note.lines] == [("b", 50), ("a", 10)]


# Grants


def test_a_note_undoes_the_money_of_a_line_before_its_grants() -> None:
    # 28.00, of which A paid 15.00 and B 5.00: 8.00 was money.
    invoice = issued(line("tokens", 2800, paid_by=[("a", 1500), ("b", 500)]))
    money = note_on(invoice, ("tokens", 800))
    assert (money.credited_minor, back(money)) == (800, [])
    beyond = note_on(invoice, ("tokens", 801))
    assert (beyond.credited_minor, back(beyond)) == (800, [("b", 1)])


def test_the_latest_grant_gets_back_first_over_several_notes() -> None:
    invoice = issued(line("tokens", 2800, paid_by=[("a", 1500), ("b", 500)]))
    first = noted(invoice, ("tokens", 1000))
    second = note_on(first, ("tokens", 700))
    third = note_on(with_note(first, second), ("tokens", 1100))
    assert back(first.standing.credit_notes[0]) == [("b", 200)]
    assert back(second) == [("b", 300), ("a", 400)]
    assert back(third) == [("a", 1100)]
    assert second.credited_minor == third.credited_minor == 0


def test_a_note_on_what_grants_paid_alone_moves_no_money_and_no_tax() -> None:
    invoice = paid(issued(line("tokens", 1000, paid_by=[("a", 1000)]), line("seats", 500), rates=VAT), 595)
    note = note_on(invoice, ("tokens", 400))
    assert (note.net_minor, note.tax_minor, back(note)) == (400, 0, [("a", 400)])
    assert (note.credited_minor, note.refunded_minor, note.granted_minor) == (0, 0, 0)
    assert [tax.amount_minor for tax in note.taxes] == [0]


def test_a_grant_that_paid_several_lines_gets_back_one_amount() -> None:
    invoice = issued(line("in", 500, paid_by=[("a", 300), ("b", 200)]), line("out", 100, paid_by=[("a", 100)]))
    assert back(note_on(invoice, ("in", 400), ("out", 100))) == [("b", 200), ("a", 300)]


# Tax


def test_the_last_note_takes_the_rest_of_each_tax() -> None:
    # 1.00 with 1 % and 50 %: 0.01 and 0.50. A third of it carries 0.00 and, rounded, 0.17.
    invoice = issued(line("tokens", 100), rates=[("A", "1"), ("B", "50")])
    taken = []
    for amount_minor in (33, 33, 34):
        note = note_on(invoice, ("tokens", amount_minor))
        taken.append([tax.amount_minor for tax in note.taxes])
        invoice = with_note(invoice, note)
    assert taken == [[0, 17], [0, 17], [1, 16]]
    assert invoice.due_minor == 0


def test_no_note_takes_more_tax_than_is_left() -> None:
    # 0.05 with 50 %: 0.03 (rounded up from 0.025). Each 0.01 carries 0.01, until nothing is left.
    invoice = issued(line("tokens", 5), rates=[("A", "50")])
    taken = []
    for _ in range(5):
        note = note_on(invoice, ("tokens", 1))
        taken.append(note.tax_minor)
        invoice = with_note(invoice, note)
    assert taken == [1, 1, 1, 0, 0]


def test_the_last_note_on_the_money_takes_the_rest_though_grants_have_paid_more() -> None:
    invoice = issued(line("tokens", 200, paid_by=[("a", 100)]), rates=[("A", "50.5")])
    # 0.505 is 0.51; half of it 0.2525, 0.25.
    first = noted(invoice, ("tokens", 50))
    second = note_on(first, ("tokens", 50))
    third = note_on(with_note(first, second), ("tokens", 100))
    assert [first.standing.credit_notes[0].tax_minor, second.tax_minor, third.tax_minor] == [25, 26, 0]


# Negative lines


def test_no_more_money_is_taken_back_than_the_invoice_asked_for() -> None:
    # 50.00 less 30.00 for an unused fee: 20.00 was asked for.
    invoice = issued(line("tokens", 5000), line("seats", -3000))
    assert note_on(invoice, ("tokens", 2000)).credited_minor == 2000
    with pytest.raises(Conflict, match=r"only 20\.00 USD is left"):
        note_on(invoice, ("tokens", 2001))


def test_what_earlier_notes_took_back_counts_against_it() -> None:
    invoice = paid(issued(line("tokens", 5000), line("seats", -3000)), 2000)
    with pytest.raises(Conflict, match=r"only 5\.00 USD is left"):
        note_on(noted(invoice, ("tokens", 1500)), ("tokens", 501))


# Over any sequence of notes, payments and reversals


@dataclass(frozen=True)
class Shape:
    """A line: its net and how much of it each grant paid."""

    net_minor: int
    credits: tuple[int, ...]


shapes = st.lists(st.integers(0, 40), max_size=3).flatmap(
    lambda parts: st.builds(Shape, st.integers(sum(parts), sum(parts) + 60), st.just(tuple(parts)))
)
percents = st.lists(st.sampled_from(["0", "0.5", "7", "19", "33.333", "50", "100"]), max_size=3)
steps = st.lists(
    st.tuples(st.sampled_from(["note", "pay", "reverse"]), st.integers(0, 10**6), st.sampled_from(CreditTo)),
    max_size=14,
)


def invoice_of(shapes: Sequence[Shape], percents: Sequence[str]) -> Invoice:
    lines = [
        line(f"l{place}", shape.net_minor, paid_by=[(f"g{n}", part) for n, part in enumerate(shape.credits) if part])
        for place, shape in enumerate(shapes)
    ]
    return issued(*lines, rates=[(f"t{place}", percent) for place, percent in enumerate(percents)])


def room(invoice: Invoice) -> list[tuple[str, int]]:
    """List what is left of each line's net."""
    gone = dict.fromkeys((one.id for one in invoice.content.lines), 0)
    for note in invoice.standing.credit_notes:
        for one in note.lines:
            gone[one.line] += one.amount_minor
    left = [(one.id, one.net_minor - gone[one.id]) for one in invoice.content.lines]
    return [(name, minor) for name, minor in left if minor > 0]


def stepped(invoice: Invoice, step: tuple[str, int, CreditTo]) -> Invoice:
    """Take a step where there is one to take."""
    kind, chance, to = step
    left = room(invoice)
    if kind == "note" and left:
        first = chance % len(left)
        wanted = [(name, 1 + chance % minor) for name, minor in left[first : first + 1 + chance % 2]]
        return noted(invoice, *wanted, to=to)
    if kind == "pay" and invoice.due_minor > 0:
        return paid(invoice, 1 + chance % invoice.due_minor)
    counting = [one.id for one in invoice.standing.payments if one.reversed_at is None]
    if kind == "reverse" and counting:
        try:
            return reverse_payment(invoice, counting[chance % len(counting)], reason="x", now=NOW)
        except Conflict:
            return invoice
    return invoice


def check(invoice: Invoice) -> None:
    notes = invoice.standing.credit_notes
    content = invoice.content
    returned = sum(map(given_back_minor, notes))
    assert invoice.due_minor >= 0
    assert 0 <= returned <= invoice.paid_minor
    for note in notes:
        to_grants = sum(minor for _, minor in back(note))
        assert note.net_minor + note.tax_minor == to_grants + note.credited_minor + given_back_minor(note)
        assert note.refunded_minor == (given_back_minor(note) if note.to is CreditTo.REFUND else 0)
        assert 0 <= note.granted_minor <= (given_back_minor(note) if note.to is CreditTo.CREDIT else 0)
        assert given_back_minor(note) - note.tax_minor <= note.granted_minor or note.to is CreditTo.REFUND
        assert all(tax.amount_minor >= 0 for tax in note.taxes)
    for place, tax in enumerate(content.taxes):
        assert sum(note.taxes[place].amount_minor for note in notes) <= tax.amount_minor
    assert invoice.credited_minor + returned <= content.total_minor


@given(st.lists(shapes, min_size=1, max_size=4), percents, steps)
def test_due_is_never_negative_and_each_minor_unit_goes_one_way(
    shapes: list[Shape], percents: list[str], steps: list[tuple[str, int, CreditTo]]
) -> None:
    invoice = invoice_of(shapes, percents)
    for step in steps:
        invoice = stepped(invoice, step)
        check(invoice)


@given(st.lists(shapes, min_size=1, max_size=4), percents, steps)
def test_all_notes_together_give_back_exactly_net_tax_and_credits(
    shapes: list[Shape], percents: list[str], steps: list[tuple[str, int, CreditTo]]
) -> None:
    invoice = invoice_of(shapes, percents)
    for step in steps:
        invoice = stepped(invoice, step)
    if left := room(invoice):
        invoice = noted(invoice, *left)
    check(invoice)
    notes, content = invoice.standing.credit_notes, invoice.content
    assert sum(note.net_minor for note in notes) == content.subtotal_minor
    assert sum(minor for note in notes for _, minor in back(note)) == content.credits_minor
    for place, tax in enumerate(content.taxes):
        assert sum(note.taxes[place].amount_minor for note in notes) == (tax.amount_minor if notes else 0)
    assert invoice.credited_minor + sum(map(given_back_minor, notes)) == content.total_minor
    assert invoice.due_minor == 0


def test_a_note_takes_at_most_what_is_billed_of_a_line_by_now() -> None:
    invoice = issued(line("tokens", 4000), line("seats", 500))

    def note(tokens_minor: int) -> CreditNote:
        return make_credit_note(
            invoice,
            [("tokens", tokens_minor), ("seats", 500)],
            reason="x",
            to=CreditTo.CREDIT,
            number=1,
            issued_at=NOW,
            outstanding={"tokens": 1000},
        )

    assert note(1000).net_minor == 1500
    with pytest.raises(InvalidInput) as refused:
        note(1001)
    assert [(fault.pointer, "10.00" in fault.detail) for fault in refused.value.faults] == [("/lines/0/amount", True)]


def owners(one: Line) -> list[str]:
    """Write a line out minor unit by minor unit, in the order in which notes take it back: money, then grants."""
    grants = [credit.grant for credit in reversed(one.credits) for _ in range(credit.amount_minor)]
    return ["money"] * (one.net_minor - len(grants)) + grants


@given(shapes, st.lists(st.integers(1, 50), max_size=6))
def test_notes_take_a_line_back_minor_unit_by_minor_unit(shape: Shape, amounts: list[int]) -> None:
    invoice = invoice_of([shape], [])
    units = owners(invoice.content.lines[0])
    for amount_minor in amounts:
        if amount_minor > len(units):
            continue
        note = note_on(invoice, ("l0", amount_minor))
        taken, units = units[:amount_minor], units[amount_minor:]
        order = list(dict.fromkeys(owner for owner in taken if owner != "money"))
        assert back(note) == [(grant, taken.count(grant)) for grant in order]
        assert note.credited_minor == taken.count("money")
        invoice = with_note(invoice, note)
