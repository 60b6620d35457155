"""Ids of lines are unique on an invoice and stay the same; what they say is read back; which lines there are."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.catalog.meters import Aggregation, Meter
from chalicelib.catalog.plans import Price, PricesBy, RecurringCharge, Timing, UsageCharge
from chalicelib.catalog.subscriptions import Period
from chalicelib.catalog.timeline import find_period
from chalicelib.invoices.draft_lines import (
    Days,
    LatePeriod,
    LatePlace,
    LineMaker,
    adjusted_fee,
    billed_amounts,
    billed_elsewhere_lines,
    discount_line,
    fee_line,
    find_late_place,
    find_service_period,
    late_lines,
    line_id,
    plan_minimum_line,
    returned_fee,
)
from chalicelib.invoices.invoice import Line, LineKind
from chalicelib.invoices.period_rating import PLAN_MINIMUM, RatedPeriod, advance_fees, rate_period
from chalicelib.invoices.period_record import Billed, BilledFee, Billing, PeriodRecord
from tests.catalog.build_subscriptions import at, plan, subscription
from tests.invoices.build_prices import per_unit, volume
from tests.invoices.issued import JANUARY
from tests.invoices.issued import line as line_of
from tests.invoices.test_period_rating import Figures

SUBSCRIBED = subscription("2026-01-01", number=4)
METER = Meter(
    key="tokens",
    name="Tokens",
    event_type="llm",
    aggregation=Aggregation.SUM,
    value=("n",),
    dimensions=(),
    filters=(),
    unit="token",
    strict=False,
    count_from=at("2025-01-01"),
    archived_at=None,
    version=1,
    counted=True,
    created_at=at("2025-01-01"),
)
METERS = {"tokens": METER}
keys = st.sampled_from(["minimum", "tokens", "usage-tokens", "p1", "fee", "tokens-p1", "cap", "late-1p0"])
groups = st.none() | st.text(max_size=30)


def period(number: int = 0) -> Period:
    found = find_period(SUBSCRIBED, number)
    assert found is not None
    return found


def charge(key: str = "tokens", price: Price | PricesBy | None = None, **fields: Any) -> UsageCharge:
    by = price if isinstance(price, PricesBy) else None
    single = None if by is not None else price or per_unit("0.01")
    made: dict[str, Any] = {"name": key, "meter": "tokens", "price": single, "prices_by": by, **fields}
    return UsageCharge(key=key, **made)


def seats(timing: Timing = Timing.ADVANCE, amount_minor: int = 3100, key: str = "seats") -> RecurringCharge:
    return RecurringCharge(key=key, name="Seats", amount_minor=amount_minor, timing=timing)


def rated(*charges: Any, daily: Mapping[str, int] | None = None, **fields: Any) -> RatedPeriod:
    return rate_period(period(), [plan(charges=charges, **fields)], Figures(daily or {"a": 100}))


def usage_lines(of: RatedPeriod, days: Mapping[str, Any] | None = None) -> list[Line]:
    maker = LineMaker(METERS, days or {}, {})
    return [line for usage in of.usage for line in maker.usage_lines(usage)]


def test_the_id_of_a_line_names_its_charge() -> None:
    assert line_id("usage", charge="tokens") == "usage-tokens"
    assert line_id("usage", charge="tokens", part=1) == "usage-tokens.1"
    digest = hashlib.sha256("gpt/4 # é".encode()).hexdigest()
    assert line_id("usage", charge="tokens", part=1, group="gpt/4 # é") == f"usage-tokens.1~{digest[:12]}"
    assert line_id("usage", charge="tokens", group="") != line_id("usage", charge="tokens")


@given(
    st.lists(
        st.tuples(st.sampled_from(["usage", "cap", "minimum", "fee"]), keys, st.integers(0, 3), groups),
        unique=True,
        max_size=20,
    )
)
def test_different_lines_have_different_ids(lines: list[tuple[str, str, int, str | None]]) -> None:
    ids = [line_id(kind, charge=key, part=part, group=group) for kind, key, part, group in lines]
    assert len(set(ids)) == len(ids)
    assert all(len(one) <= 200 and one.isascii() and "/" not in one and "#" not in one for one in ids)


def test_lines_of_a_charge_named_minimum_are_told_from_the_plans_minimum() -> None:
    found = rated(charge("minimum", minimum_minor=10_000), minimum_minor=20_000)
    lifted = plan_minimum_line(found)
    assert lifted is not None
    ids = [line.id for line in (*usage_lines(found), lifted)]
    assert ids == ["usage-minimum", "minimum-minimum", "minimum"]


@given(st.integers(1, 10**9), st.integers(0, 10**9), st.none() | keys, st.integers(0, 5))
def test_a_line_of_late_usage_says_which_period_it_is_of(
    number: int, of_period: int, key: str | None, part: int
) -> None:
    place = LatePlace(number, of_period)
    late = line_of(place.line_id(key, part), 5, kind=LineKind.LATE_USAGE)
    assert find_late_place(late) == place
    assert find_late_place(line_of(late.id, 5, kind=LineKind.USAGE)) is None


def test_the_minimum_of_the_plan_and_a_charge_of_that_name_have_lines_of_late_usage_of_their_own() -> None:
    place = LatePlace(1, 0)
    assert place.line_id(None) != place.line_id("minimum")


@pytest.mark.parametrize("name", ["late-1p0", "late-p0-x", "late-1-x", "xlate-1p0-x", "elsewhere-0-tokens"])
def test_other_lines_are_of_no_closed_period(name: str) -> None:
    assert find_late_place(line_of(name, 5, kind=LineKind.LATE_USAGE)) is None


def test_an_advance_fee_says_which_service_period_it_charges() -> None:
    [fee] = advance_fees(period(3), plan(charges=(seats(),)))
    made = fee_line(fee, number=3)
    assert (made.id, find_service_period(made)) == ("fee-seats.p3", 3)
    assert find_service_period(fee_line(fee)) is None


@given(keys)
def test_an_arrears_fee_is_of_no_service_period_whatever_its_key(key: str) -> None:
    [fee] = rated(seats(Timing.ARREARS, key=key)).arrears
    assert find_service_period(fee_line(fee)) is None


def test_a_fee_of_the_right_amount_needs_no_correction() -> None:
    [fee] = advance_fees(period(), plan(charges=(seats(),)))
    assert adjusted_fee(fee, BilledFee(invoice="i", line="l", net_minor=3100), number=0) is None


@pytest.mark.parametrize(
    ("billed_minor", "net_minor", "says"), [(4000, -900, "unused part"), (3000, 100, "further part")]
)
def test_a_fee_is_brought_to_what_is_due_net_of_the_discount_first_given(
    billed_minor: int, net_minor: int, says: str
) -> None:
    [fee] = advance_fees(period(), plan(charges=(seats(),)))
    made = adjusted_fee(fee, BilledFee(invoice="i", line="l", net_minor=billed_minor), number=0)
    assert made is not None
    assert (made.amount_minor, made.net_minor, made.id) == (net_minor, net_minor, "adjusted-seats.p0")
    assert made.name == f"Seats: {says}"
    assert find_service_period(made) == 0


def test_a_fee_whose_charge_is_gone_comes_back_whole() -> None:
    made = returned_fee("seats", BilledFee(invoice="i", line="l", net_minor=2790), JANUARY, number=2)
    assert (made.net_minor, made.id, find_service_period(made)) == (-2790, "adjusted-seats.p2", 2)


def test_a_usage_line_shows_what_it_was_rated_by() -> None:
    [line] = usage_lines(rated(charge()))
    assert (line.kind, line.quantity, line.amount_minor, line.net_minor) == (LineKind.USAGE, Decimal(3100), 3100, 3100)
    assert (line.meter, line.unit, line.unit_price, line.group) == ("tokens", "token", Decimal("0.01"), None)
    assert line.service_period == JANUARY


def test_each_value_of_a_dimension_has_a_line_with_its_own_days() -> None:
    prices = PricesBy("model", {"a": per_unit("1"), "": per_unit("2")})
    days = {"tokens#0": {"a": {date(2026, 1, 5): Decimal(7)}}}
    found = usage_lines(rated(charge(price=prices), daily={"a": 1, "": 1}), days)
    assert [(line.group, dict(line.by_day)) for line in found] == [
        ({"model": "a"}, {date(2026, 1, 5): Decimal(7)}),
        ({"model": ""}, {}),
    ]
    assert len({line.id for line in found}) == 2


def test_the_cap_is_one_negative_line_and_the_capped_line_keeps_its_gross() -> None:
    usage, cap = usage_lines(rated(charge(maximum_minor=2000), discount_percent=Decimal(10)))
    assert (usage.amount_minor, usage.net_minor) == (3100, 1800)
    assert (cap.id, cap.kind, cap.amount_minor, cap.net_minor) == ("cap-tokens", LineKind.CAP, -1100, 0)


def test_lines_without_usage_and_fee_are_left_out_but_a_fee_without_usage_is_not() -> None:
    flat = volume(("10", "1", "5"), (None, "1"))
    assert usage_lines(rated(charge(), daily={"a": 0})) == []
    [line] = usage_lines(rated(charge(price=flat), daily={"a": 0}))
    assert (line.quantity, line.amount_minor) == (Decimal(0), 500)


def test_the_discount_is_one_line_over_usage_cap_and_fees() -> None:
    of = rated(charge(maximum_minor=2000), seats(Timing.ARREARS), discount_percent=Decimal(10))
    lines = [*usage_lines(of), *(fee_line(fee) for fee in of.arrears)]
    made = discount_line(lines, JANUARY, percents=frozenset({Decimal(10)}))
    assert made is not None
    assert (made.id, made.name, made.amount_minor, made.net_minor) == ("discount", "Discount 10 %", -200 - 310, 0)
    several = discount_line(lines, JANUARY, percents=frozenset({Decimal(10), Decimal(20)}))
    assert several is not None
    assert several.name == "Discount"


def test_without_a_discount_there_is_no_line_of_it_and_other_kinds_take_no_part() -> None:
    assert discount_line(usage_lines(rated(charge())), JANUARY, percents=frozenset()) is None
    late = line_of("late-1p0-tokens", 5, kind=LineKind.LATE_USAGE)
    assert discount_line([late], JANUARY, percents=frozenset({Decimal(10)})) is None


def test_the_amounts_of_a_period_have_net_minimum_and_days_of_all_groups() -> None:
    prices = PricesBy("model", {"a": per_unit("0.01"), "b": per_unit("0.01")})
    of = rated(charge(price=prices, minimum_minor=10_000), daily={"a": 2, "b": 1}, minimum_minor=12_000)
    fifth, sixth = date(2026, 1, 5), date(2026, 1, 6)
    by_group: Days = {"a": {fifth: Decimal(60), sixth: Decimal(2)}, "b": {fifth: Decimal(31)}}
    days = {"tokens#0": by_group}
    assert billed_amounts(of, days) == {
        "tokens#0": Billed(10_000, Decimal(93), {fifth: Decimal(91), sixth: Decimal(2)}),
        PLAN_MINIMUM: Billed(2000),
    }


def late(now_minor: int, billed_minor: int, *, minimum: tuple[int, int] = (0, 0)) -> LatePeriod:
    """Make January rated again: what tokens and the plan's minimum come to now, and what was billed for them."""
    billed = {"tokens#0": Billed(billed_minor, Decimal(billed_minor)), PLAN_MINIMUM: Billed(minimum[1])}
    own = Billing(invoice="inv_acme.4p0.0", number=7, read_id="r", amounts=billed)
    return LatePeriod(
        subscription=SUBSCRIBED,
        period=period(),
        rated=rated(charge()),
        record=PeriodRecord(name="4p0", own=own),
        amounts={"tokens#0": Billed(now_minor, Decimal(now_minor)), PLAN_MINIMUM: Billed(minimum[0])},
    )


@pytest.mark.parametrize(("now_minor", "billed_minor"), [(3100, 2600), (2600, 3100)])
def test_late_usage_is_the_difference_to_what_was_billed(now_minor: int, billed_minor: int) -> None:
    [line] = late_lines(late(now_minor, billed_minor), METERS, "ACME-000007")
    difference = now_minor - billed_minor
    assert (line.id, line.kind, line.quantity) == ("late-4p0-tokens", LineKind.LATE_USAGE, Decimal(difference))
    assert line.amount_minor == line.net_minor == difference
    assert line.origin is not None
    assert (line.origin.invoice, line.origin.number) == ("inv_acme.4p0.0", "ACME-000007")
    assert line.origin.period == JANUARY


@pytest.mark.parametrize(("noted_minor", "back_minor"), [(0, -3000), (999, -3000), (1001, -2999), (3999, -1)])
def test_late_usage_takes_back_at_most_what_no_note_took(noted_minor: int, back_minor: int) -> None:
    """4000 were billed, and it is 1000 by now."""
    one = late(1000, 4000)
    [line] = late_lines(with_noted(one, noted_minor), METERS, "ACME-000007")
    assert (line.net_minor, line.quantity) == (back_minor, Decimal(-3000))
    assert ("credit notes took" in line.formula) is (back_minor > -3000)


def test_what_notes_took_whole_is_not_taken_back_again_but_more_usage_is_billed() -> None:
    assert list(late_lines(with_noted(late(1000, 4000), 4000), METERS, None)) == []
    [more] = late_lines(with_noted(late(4500, 4000), 4000), METERS, None)
    assert more.net_minor == 500


def with_noted(one: LatePeriod, noted_minor: int) -> LatePeriod:
    own = one.record.own
    assert own is not None
    amounts = {**own.amounts, "tokens#0": replace(own.amounts["tokens#0"], noted_minor=noted_minor)}
    return replace(one, record=replace(one.record, own=replace(own, amounts=amounts)))


@pytest.mark.parametrize(
    ("due_minor", "noted_minor", "difference_minor"),
    [(40, 0, 10), (10, 0, -20), (10, 10, -20), (10, 11, -19), (0, 30, 0), (40, 30, 10)],
)
def test_a_fee_comes_back_as_far_as_no_note_took_it(due_minor: int, noted_minor: int, difference_minor: int) -> None:
    fee = BilledFee(invoice="inv_acme.4a0.0", line="fee-seats.p0", net_minor=30, noted_minor=noted_minor)
    assert fee.difference_minor(due_minor) == difference_minor


def test_without_a_difference_there_is_no_line() -> None:
    assert list(late_lines(late(3100, 3100), METERS, None)) == []


def test_a_change_of_the_plans_minimum_is_a_line_without_a_charge() -> None:
    usage, minimum = late_lines(late(3100, 2600, minimum=(400, 900)), METERS, "ACME-000007")
    assert usage.net_minor == 500
    assert (minimum.id, minimum.charge, minimum.net_minor) == ("late-4p0~minimum", None, -500)
    assert minimum.quantity is None


def test_a_period_without_an_invoice_is_an_origin_without_one() -> None:
    found = late(500, 0)
    record = PeriodRecord(name="4p0")
    skipped = LatePeriod(
        subscription=found.subscription,
        period=found.period,
        rated=found.rated,
        record=record,
        amounts=found.amounts,
    )
    [line] = late_lines(skipped, METERS, None)
    assert line.origin is not None
    assert (line.origin.invoice, line.origin.number, line.net_minor) == (None, None, 500)


def test_what_other_invoices_billed_is_taken_off_an_invoice_made_again() -> None:
    amounts = {"tokens#0": Billed(500, Decimal(5)), PLAN_MINIMUM: Billed(-200), "gone#0": Billed(0)}
    others = (
        Billing(invoice="inv_acme.4p1.0", number=8, read_id="s", amounts=amounts),
        Billing(invoice="inv_acme.4p2.0", number=9, read_id="t", amounts={"tokens#0": Billed(-100, Decimal(-1))}),
    )
    record = PeriodRecord(name="4p0", late=others)
    found = list(billed_elsewhere_lines(record, rated(charge()), {"inv_acme.4p1.0": "ACME-000008"}))
    assert [(line.id, line.net_minor, line.quantity) for line in found] == [
        ("elsewhere-0-tokens", -500, Decimal(-5)),
        ("elsewhere-0~minimum", 200, None),
        ("elsewhere-1-tokens", 100, Decimal(1)),
    ]
    assert [line.origin and line.origin.number for line in found] == ["ACME-000008", "ACME-000008", None]
    assert all(find_late_place(line) is None for line in found)
