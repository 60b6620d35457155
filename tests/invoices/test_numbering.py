"""Ids are read back exactly as they were made, and nothing else is an id; numbers are shown as the contract says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.invoices.numbering import (
    InvoiceKind,
    InvoiceRef,
    credit_note_id,
    credit_note_number,
    find_credit_note_ref,
    find_invoice_ref,
    find_subscription_ref,
    invoice_number,
)

slugs = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True)
counts = st.integers(0, 10**9 - 1)
refs = st.builds(
    InvoiceRef,
    organization=slugs,
    subscription=counts,
    kind=st.sampled_from(InvoiceKind),
    number=counts,
    attempt=st.integers(0, 10**5 - 1),
)


@given(refs)
def test_an_id_says_which_invoice_it_is(ref: InvoiceRef) -> None:
    assert find_invoice_ref(ref.id) == ref


@given(refs, refs)
def test_two_invoices_never_share_an_id(one: InvoiceRef, other: InvoiceRef) -> None:
    assert (one.id == other.id) == (one == other)


def test_each_kind_has_a_letter() -> None:
    def shown(kind: InvoiceKind, *, subscription: int = 1) -> str:
        return InvoiceRef(organization="acme", subscription=subscription, kind=kind, number=3).id

    assert shown(InvoiceKind.PERIOD) == "inv_acme.1p3.0"
    assert shown(InvoiceKind.ADVANCE) == "inv_acme.1a3.0"
    assert shown(InvoiceKind.LATE_USAGE) == "inv_acme.1l3.0"
    assert shown(InvoiceKind.ONE_OFF, subscription=0) == "inv_acme.0o3.0"


def test_another_attempt_has_another_id_and_the_same_name() -> None:
    first = InvoiceRef(organization="acme", subscription=1, kind=InvoiceKind.PERIOD, number=3)
    assert first.again(2).id == "inv_acme.1p3.2"
    assert first.again(2).name == first.name == "1p3"


@pytest.mark.parametrize(
    "text",
    [
        *("", "inv_", "inv_acme", "acme.1p3.0", "inv_acme.1p3", "inv_acme.1p3.", "inv_acme.1x3.0", "inv_acme.1P3.0"),
        *("inv_acme.01p3.0", "inv_acme.1p03.0", "inv_acme.1p3.00", "inv_acme.-1p3.0", "inv_acme.1p3.+0"),
        *("inv_Acme.1p3.0", "inv_.1p3.0", "inv_-a.1p3.0", "inv_a#b.1p3.0", "inv_a/b.1p3.0", "inv_a.b.1p3.0"),
        *("inv_acme.1p3.0 ", " inv_acme.1p3.0", "inv_acme.1p3.0\n", "inv_acme.٣p3.0", "inv_acme.1p3.100000"),
        *(f"inv_{'a' * 65}.1p3.0", f"inv_acme.1p{10**9}.0", f"inv_acme.{'9' * 5000}p1.0", "inv_acme.1p3.0.0"),
    ],
)
def test_what_is_written_otherwise_is_no_invoice(text: str) -> None:
    assert find_invoice_ref(text) is None


@given(slugs, st.integers(1, 10**9 - 1))
def test_ids_of_subscriptions_and_credit_notes_are_read_back(organization: str, number: int) -> None:
    assert find_subscription_ref(f"sub_{organization}.{number}") == (organization, number)
    assert find_credit_note_ref(credit_note_id(organization, number)) == (organization, number)


@pytest.mark.parametrize(
    "rest", ["acme", "acme.", "acme.0", "acme.01", "acme.1.1", "A.1", ".1", "a#b.1", "acme.1\n", ""]
)
def test_what_is_written_otherwise_is_no_subscription_and_no_note(rest: str) -> None:
    assert find_subscription_ref(f"sub_{rest}") is None
    assert find_credit_note_ref(f"cn_{rest}") is None
    assert find_subscription_ref("cn_acme.1") is None
    assert find_credit_note_ref("sub_acme.1") is None


def test_numbers_have_six_digits_and_grow_beyond_them() -> None:
    assert invoice_number("acme-eu", 1) == "ACME-EU-000001"
    assert invoice_number("acme", 999_999) == "ACME-999999"
    assert invoice_number("acme", 1_000_000) == "ACME-1000000"
    assert credit_note_number("acme", 12) == "ACME-CN-000012"
