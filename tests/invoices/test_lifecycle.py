"""What may happen to a finalized invoice, and what is refused (docs/rules.md 4.4 and 4.6)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chalicelib.invoices.credit_notes import make_credit_note, with_note
from chalicelib.invoices.invoice import CreditTo, Invoice, InvoiceStatus, PaymentStatus
from chalicelib.invoices.lifecycle import (
    add_payment,
    due_at,
    index_state,
    mark_uncollectible,
    payment_status,
    reverse_payment,
    void,
)
from chalicelib.shared.errors import Conflict, InvalidInput, NotFound
from chalicelib.shared.time import zone_of
from tests.invoices.issued import DUE_AT, at, draft, issued, line

NOW = at("2026-02-10T12:00:00Z")
MICROSECOND = timedelta(microseconds=1)


def pay(invoice: Invoice, amount_minor: int, reference: str, *, paid_at: datetime = NOW) -> Invoice:
    return add_payment(invoice, amount_minor, paid_at=paid_at, reference=reference, now=NOW)


def take_back(invoice: Invoice, payment_id: str, reason: str = "bounced") -> Invoice:
    return reverse_payment(invoice, payment_id, reason=reason, now=NOW)


def voided(invoice: Invoice, reason: str = "wrong", *, regenerate: bool = False) -> Invoice:
    return void(invoice, reason, regenerate=regenerate, now=NOW)


def noted(invoice: Invoice, amount_minor: int, to: CreditTo = CreditTo.REFUND) -> Invoice:
    number = len(invoice.standing.credit_notes) + 1
    note = make_credit_note(invoice, [("tokens", amount_minor)], reason="x", to=to, number=number, issued_at=NOW)
    return with_note(invoice, note)


def hundred() -> Invoice:
    """Make an invoice of 100.00."""
    return issued(line("tokens", 10_000))


# Status


def test_a_draft_and_a_void_invoice_have_no_payment_status() -> None:
    assert payment_status(draft(line("tokens", 10_000)), NOW) is None
    assert payment_status(voided(hundred()), NOW) is None


def test_an_invoice_goes_from_unpaid_over_partly_paid_to_paid() -> None:
    invoice = hundred()
    assert payment_status(invoice, NOW) is PaymentStatus.UNPAID
    partly = pay(invoice, 9999, "a")
    assert payment_status(partly, NOW) is PaymentStatus.PARTLY_PAID
    assert payment_status(pay(partly, 1, "b"), NOW) is PaymentStatus.PAID


def test_an_invoice_over_nothing_is_paid_at_once() -> None:
    assert payment_status(issued(line("tokens", 0)), NOW) is PaymentStatus.PAID
    assert index_state(issued(line("tokens", 0))) == "paid"


@pytest.mark.parametrize("paid_minor", [0, 1])
def test_an_invoice_is_overdue_from_the_instant_it_is_due(paid_minor: int) -> None:
    invoice = pay(hundred(), paid_minor, "a") if paid_minor else hundred()
    before = payment_status(invoice, DUE_AT - MICROSECOND)
    assert before is (PaymentStatus.PARTLY_PAID if paid_minor else PaymentStatus.UNPAID)
    assert payment_status(invoice, DUE_AT) is PaymentStatus.OVERDUE


def test_a_paid_invoice_never_becomes_overdue() -> None:
    assert payment_status(pay(hundred(), 10_000, "a"), DUE_AT) is PaymentStatus.PAID


def test_an_uncollectible_invoice_is_not_overdue_and_can_still_be_paid() -> None:
    given_up = mark_uncollectible(hundred(), "insolvent")
    assert payment_status(given_up, DUE_AT) is PaymentStatus.UNCOLLECTIBLE
    partly = pay(given_up, 4000, "a")
    assert payment_status(partly, DUE_AT) is PaymentStatus.UNCOLLECTIBLE
    assert payment_status(pay(partly, 6000, "b"), DUE_AT) is PaymentStatus.PAID


def test_a_reversed_payment_makes_a_paid_invoice_unpaid_again() -> None:
    paid = pay(hundred(), 10_000, "a")
    assert payment_status(take_back(paid, "pay_1"), NOW) is PaymentStatus.UNPAID


def test_an_invoice_that_credit_notes_settle_is_paid() -> None:
    assert payment_status(noted(hundred(), 10_000), DUE_AT) is PaymentStatus.PAID


def test_the_index_knows_open_paid_and_void() -> None:
    assert index_state(hundred()) == "open"
    assert index_state(pay(hundred(), 9999, "a")) == "open"
    assert index_state(mark_uncollectible(hundred(), "insolvent")) == "open"
    assert index_state(pay(hundred(), 10_000, "a")) == "paid"
    assert index_state(voided(hundred())) == "void"


# When it is due


@pytest.mark.parametrize(
    ("issued_at", "net_days", "zone", "due"),
    [
        ("2026-02-02T09:30:00Z", 30, "UTC", "2026-03-05T00:00:00Z"),
        ("2026-02-02T09:30:00Z", 0, "UTC", "2026-02-03T00:00:00Z"),
        # The local day decides: 23:30 in Berlin, and half an hour later the next day.
        ("2026-02-02T22:30:00Z", 1, "Europe/Berlin", "2026-02-03T23:00:00Z"),
        ("2026-02-02T23:00:00Z", 1, "Europe/Berlin", "2026-02-04T23:00:00Z"),
        # Summer time begins on 29 March: the day that follows begins at 22:00 UTC.
        ("2026-03-28T12:00:00Z", 1, "Europe/Berlin", "2026-03-29T22:00:00Z"),
        # In Cairo 24 April 2026 has no midnight: it begins at 01:00, which is 22:00 UTC.
        ("2026-04-22T12:00:00Z", 1, "Africa/Cairo", "2026-04-23T22:00:00Z"),
    ],
)
def test_an_invoice_is_due_at_the_end_of_a_local_day(issued_at: str, net_days: int, zone: str, due: str) -> None:
    assert due_at(at(issued_at), net_days, zone_of(zone)) == at(due)


# Payments


def test_payments_are_numbered_in_their_order_reversed_ones_too() -> None:
    invoice = pay(take_back(pay(hundred(), 100, "a"), "pay_1"), 200, "b")
    assert [(one.id, one.amount_minor, one.reference) for one in invoice.standing.payments] == [
        ("pay_1", 100, "a"),
        ("pay_2", 200, "b"),
    ]
    assert (invoice.paid_minor, invoice.due_minor) == (200, 9800)


def test_a_payment_never_touches_the_content() -> None:
    invoice = hundred()
    assert replace(pay(invoice, 100, "a"), standing=invoice.standing) == invoice


def test_what_is_due_can_be_paid_and_not_one_minor_unit_more() -> None:
    assert pay(hundred(), 10_000, "a").due_minor == 0
    with pytest.raises(Conflict, match=r"Only 100\.00 USD is due"):
        pay(hundred(), 10_001, "a")


def test_nothing_more_can_be_paid_of_what_a_note_has_credited() -> None:
    invoice = noted(hundred(), 4000)
    assert pay(invoice, 6000, "a").due_minor == 0
    with pytest.raises(Conflict, match=r"Only 60\.00 USD is due"):
        pay(invoice, 6001, "a")


def test_a_reference_again_with_its_amount_changes_nothing() -> None:
    once = pay(hundred(), 10_000, "a")
    assert pay(once, 10_000, "a") is once
    assert pay(once, 10_000, "a", paid_at=NOW - timedelta(days=1)) is once


def test_a_reference_again_with_another_amount_is_refused() -> None:
    with pytest.raises(Conflict, match="pay_1, and another amount"):
        pay(pay(hundred(), 100, "a"), 101, "a")


def test_the_reference_of_a_reversed_payment_is_not_used_again() -> None:
    with pytest.raises(Conflict, match="pay_1, was reversed"):
        pay(take_back(pay(hundred(), 100, "a"), "pay_1"), 100, "a")


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_a_payment_is_above_zero(amount_minor: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        pay(hundred(), amount_minor, "a")
    assert [fault.pointer for fault in refused.value.faults] == ["/amount"]


def test_a_payment_lies_at_most_five_minutes_ahead_of_the_clock() -> None:
    latest = NOW + timedelta(minutes=5)
    assert pay(hundred(), 100, "a", paid_at=latest).standing.payments[0].paid_at == latest
    with pytest.raises(InvalidInput) as refused:
        pay(hundred(), 100, "a", paid_at=latest + MICROSECOND)
    assert [fault.pointer for fault in refused.value.faults] == ["/paid_at"]


def test_an_instant_without_offset_is_refused_together_with_other_faults() -> None:
    with pytest.raises(InvalidInput) as refused:
        pay(hundred(), 0, "a", paid_at=NOW.replace(tzinfo=None))
    assert [fault.pointer for fault in refused.value.faults] == ["/amount", "/paid_at"]


# Reversal


def test_a_reversed_payment_stays_listed_and_is_due_again() -> None:
    invoice = take_back(pay(hundred(), 3000, "a"), "pay_1", "bounced")
    only = invoice.standing.payments[0]
    assert (only.reversed_at, only.reversal_reason) == (NOW, "bounced")
    assert (invoice.paid_minor, invoice.due_minor) == (0, 10_000)


def test_only_the_payment_that_is_named_is_reversed() -> None:
    invoice = take_back(pay(pay(hundred(), 3000, "a"), 2000, "b"), "pay_2")
    assert [one.reversed_at for one in invoice.standing.payments] == [None, NOW]


def test_a_payment_that_does_not_exist_is_not_found() -> None:
    with pytest.raises(NotFound):
        take_back(pay(hundred(), 3000, "a"), "pay_2")


def test_a_reversal_again_changes_nothing_unless_for_another_reason() -> None:
    once = take_back(pay(hundred(), 3000, "a"), "pay_1", "bounced")
    assert reverse_payment(once, "pay_1", reason="bounced", now=NOW + timedelta(days=1)) is once
    with pytest.raises(Conflict, match="another reason"):
        take_back(once, "pay_1", "typo")


@pytest.mark.parametrize("to", CreditTo)
def test_a_payment_is_not_reversed_below_what_was_given_back(to: CreditTo) -> None:
    # 40.00 and 60.00 were paid; of all that was paid, a note gives back exactly one, or a minor unit more.
    paid = pay(pay(hundred(), 4000, "a"), 6000, "b")
    assert take_back(noted(paid, 4000, to), "pay_2").paid_minor == 4000
    with pytest.raises(Conflict, match=r"gave back 40\.01 USD"):
        take_back(noted(paid, 4001, to), "pay_2")


def test_the_tax_of_a_grant_counts_as_given_back() -> None:
    # 100.00 and 10 % tax, paid 55.00 twice: 50.00 net is 55.00 with tax, 50.01 is 55.01.
    paid = pay(pay(issued(line("tokens", 10_000), rates=[("VAT", "10")]), 5500, "a"), 5500, "b")
    assert take_back(noted(paid, 5000, CreditTo.CREDIT), "pay_1").due_minor == 5500
    with pytest.raises(Conflict, match=r"gave back 55\.01 USD"):
        take_back(noted(paid, 5001, CreditTo.CREDIT), "pay_1")


# Uncollectible


def test_uncollectible_again_changes_nothing_unless_for_another_reason() -> None:
    once = mark_uncollectible(hundred(), "insolvent")
    assert once.standing.uncollectible_reason == "insolvent"
    assert mark_uncollectible(once, "insolvent") is once
    with pytest.raises(Conflict, match="another reason"):
        mark_uncollectible(once, "lost")


def test_only_what_is_due_is_uncollectible() -> None:
    assert mark_uncollectible(pay(hundred(), 9999, "a"), "x").due_minor == 1
    with pytest.raises(Conflict, match="Nothing is due"):
        mark_uncollectible(pay(hundred(), 10_000, "a"), "x")


# Void


def test_a_void_invoice_keeps_its_number_and_owes_nothing() -> None:
    invoice = voided(hundred(), "wrong price")
    assert (invoice.status, invoice.number, invoice.due_minor) == (InvoiceStatus.VOID, 7, 0)
    assert (invoice.standing.void_reason, invoice.standing.voided_at) == ("wrong price", NOW)
    assert not invoice.standing.regenerated


def test_void_again_changes_nothing_unless_in_another_way() -> None:
    once = voided(hundred(), "wrong", regenerate=True)
    assert once.standing.regenerated
    assert void(once, "wrong", regenerate=True, now=NOW + timedelta(days=1)) is once
    for reason, regenerate in [("other", True), ("wrong", False)]:
        with pytest.raises(Conflict, match="void already"):
            voided(once, reason, regenerate=regenerate)


def test_an_invoice_with_a_payment_is_void_only_after_its_reversal() -> None:
    paid = pay(hundred(), 1, "a")
    with pytest.raises(Conflict, match="reverse them first"):
        voided(paid)
    assert voided(take_back(paid, "pay_1")).status is InvoiceStatus.VOID


def test_an_invoice_with_a_credit_note_is_never_void() -> None:
    with pytest.raises(Conflict, match="credit notes"):
        voided(noted(hundred(), 1))


@pytest.mark.parametrize("invoice_id", ["inv_acme.1a3.0", "inv_acme.1l3.0", "inv_acme.0o3.0"])
def test_only_the_invoice_of_a_period_is_regenerated(invoice_id: str) -> None:
    invoice = issued(line("tokens", 10_000), invoice_id=invoice_id)
    with pytest.raises(Conflict, match="billing period"):
        voided(invoice, regenerate=True)
    assert voided(invoice).status is InvoiceStatus.VOID


# What is not finalized

COMMANDS: list[Callable[[Invoice], Invoice]] = [
    lambda invoice: pay(invoice, 100, "a"),
    lambda invoice: mark_uncollectible(invoice, "x"),
    lambda invoice: noted(invoice, 100),
]


@pytest.mark.parametrize("command", [*COMMANDS, voided])
def test_nothing_happens_to_a_draft(command: Callable[[Invoice], Invoice]) -> None:
    with pytest.raises(Conflict, match="is a draft"):
        command(draft(line("tokens", 10_000)))


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_happens_to_a_void_invoice(command: Callable[[Invoice], Invoice]) -> None:
    with pytest.raises(Conflict, match="is void"):
        command(voided(hundred()))
