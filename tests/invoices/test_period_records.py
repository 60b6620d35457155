"""What was billed for a period is stored exactly, adds up over all invoices, and forgets a voided one alone."""

import json
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.invoices.invoice import PlanVersion
from chalicelib.invoices.period_record import (
    NOTHING,
    Billed,
    BilledFee,
    Billing,
    PeriodRecord,
    PeriodState,
    add_up,
)
from chalicelib.invoices.period_records import read_record, write_record
from tests.invoices.issued import JANUARY, at, decimals, intervals, maybe_instants, minors, texts

days = st.dictionaries(st.dates(date(1970, 1, 1), date(9998, 12, 31)), decimals, max_size=3)
amounts = st.dictionaries(texts, st.builds(Billed, minors, decimals, days), max_size=3)
billings = st.builds(Billing, invoice=texts, number=st.integers(1, 10**6), read_id=texts, amounts=amounts)
records = st.builds(
    PeriodRecord,
    name=texts,
    state=st.sampled_from(PeriodState),
    plan=st.none() | st.builds(PlanVersion, texts, st.integers(1, 10**6)),
    period=st.none() | intervals,
    late_usage_until=maybe_instants,
    numbers=st.dictionaries(st.integers(0, 10**5), st.integers(1, 10**6), max_size=3),
    own=st.none() | billings,
    late=st.lists(billings, max_size=3).map(tuple),
    advance=st.dictionaries(texts, st.builds(BilledFee, invoice=texts, line=texts, net_minor=minors), max_size=3),
)


@given(records)
def test_a_record_is_read_back_as_it_was_written(record: PeriodRecord) -> None:
    assert read_record(write_record(record), name=record.name) == record


def test_an_empty_record_takes_next_to_no_room() -> None:
    assert json.loads(write_record(PeriodRecord(name="1p0"))) == {"state": "open"}


def test_quantities_are_stored_as_exact_text() -> None:
    digits = "123456789012345678901.000000000000000000000001"
    billed = Billed(1, Decimal(digits), {date(2026, 1, 5): Decimal(digits)})
    own = Billing(invoice="i", number=1, read_id="r", amounts={"tokens#0": billed})
    written = json.loads(write_record(PeriodRecord(name="1p0", own=own)))
    assert written["own"]["amounts"] == {"tokens#0": [1, digits, {"2026-01-05": digits}]}


def billed(minor: int, quantity: str = "0", **by_day: str) -> Billed:
    """Write what was billed; days are of January 2026: ``d5``."""
    found = {date(2026, 1, int(name[1:])): Decimal(one) for name, one in by_day.items()}
    return Billed(minor, Decimal(quantity), found)


def test_amounts_add_up_by_charge_and_by_day() -> None:
    first = {"tokens#0": billed(500, "10", d5="6", d7="4"), "calls#0": billed(7, "1")}
    second = {"tokens#0": billed(-200, "-4", d7="-4"), "#minimum": billed(30)}
    assert add_up([first, second]) == {
        "tokens#0": billed(300, "6", d5="6"),
        "calls#0": billed(7, "1"),
        "#minimum": billed(30),
    }
    assert add_up([]) == {}


@given(st.lists(amounts, max_size=4))
def test_what_is_added_and_taken_off_again_leaves_nothing(parts: list[dict[str, Billed]]) -> None:
    negative = [{key: -one for key, one in part.items()} for part in parts]
    left = add_up([*parts, *negative])
    assert all((one.net_minor, one.quantity, one.by_day) == (0, Decimal(0), {}) for one in left.values())


def test_sums_of_quantities_keep_every_digit() -> None:
    long, short = "10000000000000000000000000000000000000", "0.000000000000000000000000000001"
    total = billed(0, long, d1=long) + billed(0, short, d1=short)
    assert (total.quantity, total.by_day) == (Decimal(long + short[1:]), {date(2026, 1, 1): Decimal(long + short[1:])})


def billing(invoice: str, **charges: int) -> Billing:
    return Billing(invoice=invoice, number=1, read_id="r", amounts={key: billed(one) for key, one in charges.items()})


def test_billed_counts_the_own_invoice_and_all_late_ones() -> None:
    late = (billing("late-1", tokens=10), billing("late-2", tokens=-3, calls=1))
    record = PeriodRecord(name="1p0", own=billing("own", tokens=100), late=late)
    assert {key: one.net_minor for key, one in record.billed().items()} == {"tokens": 107, "calls": 1}
    assert {key: one.net_minor for key, one in record.billed_elsewhere().items()} == {"tokens": 7, "calls": 1}
    assert PeriodRecord(name="1p0").billed() == {}


def test_a_voided_invoice_of_late_usage_is_forgotten_and_no_other() -> None:
    late = (billing("late-1", tokens=10), billing("late-2", tokens=-3))
    own = billing("own", tokens=100)
    record = PeriodRecord(name="1p0", own=own, late=late, period=JANUARY, late_usage_until=at("2026-03-08T00:00:00Z"))
    left = record.without_late("late-1")
    assert (left.late, left.own, left.late_usage_until) == (late[1:], own, record.late_usage_until)
    assert record.without_late("own") == record


def test_nothing_is_neutral() -> None:
    one = billed(5, "3", d2="3")
    assert one + NOTHING == NOTHING + one == one
