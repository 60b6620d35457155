"""What is stored of an invoice reads back as it was, and the same invoice is always the same text."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given

from chalicelib.invoices.invoice import (
    Content,
    CreditNote,
    Interval,
    Invoice,
    Line,
    LineKind,
    Origin,
    Party,
    Standing,
    TierAmount,
)
from chalicelib.invoices.records import (
    read_content,
    read_credit_note,
    read_invoice,
    read_standing,
    write_content,
    write_credit_note,
    write_head,
    write_standing,
)
from tests.invoices.issued import JANUARY, at, contents, invoices, issued, line, notes, standings

# Objects whose names are values, not fields.
MAPS = {"group", "by_day", "seller", "buyer"}


def texts_of(invoice: Invoice) -> dict[str, str]:
    return {
        "head": write_head(invoice),
        "content": write_content(invoice.content),
        "standing": write_standing(invoice.standing),
    }


def later(text: str) -> str:
    """Write a record as a later release might: with one more field in every object."""

    def more(value: Any, name: str = "") -> Any:
        if isinstance(value, list):
            return [more(one) for one in value]
        if isinstance(value, dict) and name not in MAPS:
            return {"a_new_field": {"x": [1]}} | {key: more(one, key) for key, one in value.items()}
        return value

    return json.dumps(more(json.loads(text)))


@given(invoices)
def test_an_invoice_reads_back_from_its_three_texts(invoice: Invoice) -> None:
    assert read_invoice(**texts_of(invoice)) == invoice


@given(contents)
def test_a_content_reads_back_as_it_was_written(content: Content) -> None:
    text = write_content(content)
    assert read_content(text) == content
    assert write_content(read_content(text)) == text


@given(standings)
def test_a_standing_reads_back_as_it_was_written(standing: Standing) -> None:
    text = write_standing(standing)
    assert read_standing(text) == standing
    assert write_standing(read_standing(text)) == text


@given(notes)
def test_a_credit_note_reads_back_as_it_was_written(note: CreditNote) -> None:
    assert read_credit_note(write_credit_note(note)) == note


@given(invoices)
def test_fields_of_a_later_release_are_ignored(invoice: Invoice) -> None:
    assert read_invoice(**{name: later(text) for name, text in texts_of(invoice).items()}) == invoice


@given(notes)
def test_fields_of_a_later_credit_note_are_ignored(note: CreditNote) -> None:
    assert read_credit_note(later(write_credit_note(note))) == note


def detailed() -> Line:
    """Make a line with everything that a line can have."""
    return replace(
        line("late", -3000, paid_by=[("g1", -1000)], kind=LineKind.LATE_USAGE),
        quantity=Decimal("0.300"),
        unit_price=Decimal("1E-7"),
        meter="tokens",
        unit="token",
        group={"model": "b", "kind": "a"},
        tiers=(
            TierAmount(
                first=Decimal(0),
                last=None,
                quantity=Fraction(1, 3),
                unit_price=Decimal("0.02"),
                flat_fee=Fraction(0),
                amount=Fraction(1, 150),
            ),
        ),
        origin=Origin(None, None, Interval(at("2025-12-01T00:00:00.000001Z"), JANUARY.start_at)),
        formula="1 x 2",
        by_day={date(2026, 1, 2): Decimal("0.10"), date(2026, 1, 1): Decimal("0.2")},
    )


def test_equal_contents_are_equal_texts_however_they_were_made() -> None:
    one = detailed()
    other = replace(
        one,
        quantity=Decimal("0.3"),
        unit_price=Decimal("0.0000001"),
        group={"kind": "a", "model": "b"},
        by_day={date(2026, 1, 1): Decimal("0.20"), date(2026, 1, 2): Decimal("0.1")},
        service_period=Interval(at("2026-01-01T02:00:00+02:00"), at("2026-01-31T19:00:00-05:00")),
    )
    written = [
        write_content(issued(each, rates=[("VAT", percent)]).content)
        for each, percent in [(one, "19"), (other, "19.0")]
    ]
    assert one == other
    assert written[0] == written[1]


def test_the_fields_of_a_party_keep_their_order() -> None:
    party = Party({"name": "Acme", "address": None, "city": ""})
    stored = read_content(write_content(replace(issued().content, seller=party, buyer=party)))
    for fields in (stored.seller.fields, stored.buyer.fields):
        assert list(fields.items()) == [("name", "Acme"), ("address", None), ("city", "")]


# What is stored today has to be readable for as long as invoices are kept: these texts do not change.

STORED_LINE = (
    '{"id":"late","kind":"late_usage","charge":"late","name":"late",'
    '"service_period":["2026-01-01T00:00:00Z","2026-02-01T00:00:00Z"],"quantity":"0.3","amount":-3000,"net":-3000,'
    '"meter":"tokens","unit":"token","unit_price":"0.0000001","group":{"kind":"a","model":"b"},'
    '"tiers":[{"first":"0","quantity":"1/3","unit_price":"0.02","flat_fee":"0/1","amount":"1/150"}],'
    '"credits":[{"grant":"g1","name":"G1","amount":-1000,"by_day":{"2026-01-01":-1000}}],'
    '"origin":{"period":["2025-12-01T00:00:00.000001Z","2026-01-01T00:00:00Z"]},'
    '"formula":"1 x 2","by_day":{"2026-01-01":"0.2","2026-01-02":"0.1"}}'
)


def test_the_text_of_a_content_is_what_it_always_was() -> None:
    text = write_content(issued(line("tokens", 3000), detailed(), rates=[("VAT", "19")]).content)
    assert text == (
        '{"lines":[{"id":"tokens","kind":"usage","charge":"tokens","name":"tokens",'
        '"service_period":["2026-01-01T00:00:00Z","2026-02-01T00:00:00Z"],"quantity":"1","amount":3000,"net":3000},'
        f"{STORED_LINE}],"
        '"taxes":[{"name":"VAT","percent":"19","amount":190}],'
        '"period":["2026-01-01T00:00:00Z","2026-02-01T00:00:00Z"],"plan":{"key":"pro","version":3},'
        '"seller":{"legal_name":"Example Ltd"},"buyer":{"name":"Acme","tax_id":null}}'
    )


def test_the_text_of_a_head_is_what_it_always_was() -> None:
    assert write_head(issued()) == (
        '{"id":"inv_acme.1p3.0","organization":"acme","currency":"USD","number":7,"issued_at":"2026-02-02T09:30:00Z",'
        '"due_at":"2026-03-05T00:00:00Z","finalizes_at":"2026-02-02T00:00:00Z",'
        '"late_usage_until":"2026-03-08T00:00:00Z","ledger_head":{"seq":12,"hash":"ab12"},'
        '"as_of":"2026-02-02T09:30:00Z"}'
    )


def test_an_untouched_standing_is_an_empty_object() -> None:
    assert write_standing(Standing()) == "{}"
    assert read_standing("{}") == Standing()
