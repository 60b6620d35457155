"""Which charge prices which quarter-hours of a period, and what fees and minimum come to when plans change in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.catalog.plans import Charge, Plan, PricesBy, RecurringCharge, Timing, UsageCharge
from chalicelib.catalog.subscriptions import Period, Phase, Terms
from chalicelib.catalog.timeline import find_period
from chalicelib.invoices.period_rating import (
    PricedCharge,
    advance_fees,
    plan_minimum,
    price_parts,
    rate_fee,
    rate_period,
    rate_usage,
)
from chalicelib.shared.time import QuarterHour, quarter_hour_of
from chalicelib.usage.cumulative import Quantities, Values
from chalicelib.usage.ranges import Range
from tests.catalog.build_subscriptions import at, plan, run, subscribed
from tests.invoices.build_prices import by_model, graduated, per_unit

TIERS = graduated(("1000", "0.02"), (None, "0.01"))


def usage(key: str = "tokens", **fields: Any) -> UsageCharge:
    """Make a charge on tokens, at a cent each."""
    made: dict[str, Any] = {"name": key, "meter": "tokens", "price": per_unit("0.01"), **fields}
    return UsageCharge(key=key, **made)


def recurring(amount_minor: int, timing: Timing = Timing.ARREARS, key: str = "seats") -> RecurringCharge:
    return RecurringCharge(key=key, name=key, amount_minor=amount_minor, timing=timing)


def with_charges(*charges: Charge, **fields: Any) -> Plan:
    return plan(charges=charges, **fields)


def period(*changes: str, start: str = "2026-01-01", end: str | None = None) -> Period:
    """Give January, split at some days."""
    phases = [Phase(at(day), Terms("plan", place)) for place, day in enumerate((start, *changes), start=1)]
    found = find_period(subscribed(run(start, *phases), end_at=None if end is None else at(end)), 0)
    assert found is not None
    return found


def span(start: str, end: str) -> Range:
    return Range(quarter_hour_of(at(start)), quarter_hour_of(at(end)))


@dataclass
class Figures:
    """Knows a quantity for each day in a range: so much a day, by group of models where that is asked for."""

    daily: Mapping[str, int] = field(default_factory=lambda: {"a": 1})
    counting: frozenset[str] = frozenset()
    has_rest: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)

    def quantities(
        self,
        meter: str,
        *,
        ranges: Sequence[Range],
        cuts: Sequence[QuarterHour],
        filters: Mapping[str, frozenset[str]],
        by: tuple[str, ...],
    ) -> Quantities:
        self.asked.append({"meter": meter, "ranges": tuple(ranges), "cuts": tuple(cuts), "filters": filters, "by": by})
        days = [sum(max(0, min(one.end, cut) - one.start) for one in ranges) // 96 for cut in cuts]
        if not by:
            return Quantities({(): tuple(Decimal(sum(self.daily.values()) * one) for one in days)}, self.has_rest)
        groups: dict[Values, tuple[Decimal, ...]] = {
            (name,): tuple(Decimal(each * one) for one in days) for name, each in self.daily.items()
        }
        return Quantities(groups, self.has_rest)

    def is_counting(self, meter: str) -> bool:
        return meter in self.counting


def shown(priced: PricedCharge) -> tuple[str, tuple[Range, ...], int]:
    return priced.key, priced.ranges, priced.days


def test_a_period_without_a_change_is_priced_whole() -> None:
    [priced] = price_parts(period(), [with_charges(usage())])
    assert shown(priced) == ("tokens#0", (span("2026-01-01", "2026-02-01"),), 31)
    assert (priced.interval.start_at, priced.interval.end_at) == (at("2026-01-01"), at("2026-02-01"))
    assert priced.factor == 1


def test_parts_that_define_a_charge_alike_are_one_and_tiers_go_on() -> None:
    tiered = usage(price=TIERS)
    plans = [with_charges(tiered), with_charges(tiered, recurring(500))]
    whole = period("2026-01-11")
    [priced, fee] = price_parts(whole, plans)
    assert shown(priced) == ("tokens#0", (span("2026-01-01", "2026-02-01"),), 31)
    assert shown(fee) == ("seats#1", (span("2026-01-11", "2026-02-01"),), 21)
    [rated] = rate_period(whole, plans, Figures({"a": 100})).usage
    # 3,100 units: 1,000 at 0.02 and 2,100 at 0.01, as if there had been no change.
    assert (rated.quantity, rated.net_minor) == (Decimal(3100), 4100)


def test_a_charge_that_changed_is_rated_in_each_part_for_itself() -> None:
    whole, plans = period("2026-01-11"), [with_charges(usage()), with_charges(usage(price=per_unit("0.03")))]
    assert [shown(one) for one in price_parts(whole, plans)] == [
        ("tokens#0", (span("2026-01-01", "2026-01-11"),), 10),
        ("tokens#1", (span("2026-01-11", "2026-02-01"),), 21),
    ]
    rated = rate_period(whole, plans, Figures({"a": 100}))
    assert [one.net_minor for one in rated.usage] == [1000, 6300]


def test_another_discount_is_another_charge() -> None:
    plans = [with_charges(usage()), with_charges(usage(), discount_percent=Decimal(10))]
    rated = rate_period(period("2026-01-11"), plans, Figures({"a": 100}))
    assert [(one.priced.key, one.net_minor) for one in rated.usage] == [("tokens#0", 1000), ("tokens#1", 1890)]


def test_a_charge_that_comes_back_goes_on_where_it_was() -> None:
    first, second = with_charges(usage(price=TIERS)), with_charges(usage(price=per_unit("1")))
    whole = period("2026-01-11", "2026-01-21")
    [tiered, other] = price_parts(whole, [first, second, first])
    ranges = (span("2026-01-01", "2026-01-11"), span("2026-01-21", "2026-02-01"))
    assert shown(tiered) == ("tokens#0", ranges, 21)
    assert shown(other) == ("tokens#1", (span("2026-01-11", "2026-01-21"),), 10)
    assert (tiered.interval.start_at, tiered.interval.end_at) == (at("2026-01-01"), at("2026-02-01"))
    figures = Figures({"a": 100})
    [rated, _] = rate_period(whole, [first, second, first], figures).usage
    assert rated.net_minor == 2000 + 1100
    assert figures.asked[0]["ranges"] == ranges


def test_a_charge_that_is_dropped_ends_with_its_part() -> None:
    plans = [with_charges(usage(), usage("calls", meter="calls")), with_charges(usage())]
    assert [shown(one) for one in price_parts(period("2026-01-11"), plans)] == [
        ("tokens#0", (span("2026-01-01", "2026-02-01"),), 31),
        ("calls#0", (span("2026-01-01", "2026-01-11"),), 10),
    ]


def test_quantities_are_asked_up_to_the_end_with_the_filter_of_the_charge() -> None:
    charge = usage(filter={"model": frozenset({"a"})})
    figures = Figures()
    whole = period()
    rate_period(whole, [with_charges(charge)], figures)
    [asked] = figures.asked
    assert (asked["meter"], asked["cuts"], asked["by"]) == ("tokens", (whole.end,), ())
    assert asked["filters"] == {"model": frozenset({"a"})}


def test_prices_by_a_dimension_rate_each_of_its_values() -> None:
    charge = usage(price=None, prices_by=by_model(per_unit("0.05"), large=per_unit("1")))
    figures = Figures({"large": 2, "small": 10})
    [rated] = rate_period(period(), [with_charges(charge)], figures).usage
    assert figures.asked[0]["by"] == ("model",)
    assert [(line.group, line.net_minor) for line in rated.rated.lines] == [("large", 6200), ("small", 1550)]
    assert (rated.quantity, rated.net_minor) == (Decimal(372), 7750)


def test_a_partial_period_lowers_minimum_and_included_units_by_its_days() -> None:
    charge = usage(price=per_unit("0.01", included="310"), minimum_minor=3100)
    whole = period(start="2026-01-11")
    [priced] = price_parts(whole, [with_charges(charge)])
    assert (priced.days, priced.full_days, priced.factor) == (21, 31, Fraction(21, 31))
    rated = rate_usage(priced, Figures({"a": 100}), until=whole.end)
    # 2,100 less 210 included at a cent each, lifted to 21/31 of the minimum.
    assert ([line.net_minor for line in rated.rated.lines], rated.rated.minimum_minor) == ([1890], 210)
    assert rated.net_minor == 2100


def test_an_arrears_fee_of_a_split_period_is_charged_for_each_parts_days() -> None:
    plans = [with_charges(recurring(3100)), with_charges(recurring(6200))]
    rated = rate_period(period("2026-01-11"), plans, Figures())
    assert [(one.priced.part, one.fee.amount_minor) for one in rated.arrears] == [(0, 1000), (1, 4200)]
    assert rated.advance == ()


def test_a_fee_on_both_sides_of_a_change_is_one_fee() -> None:
    plans = [with_charges(recurring(1000)), with_charges(recurring(1000), usage())]
    [fee] = rate_period(period("2026-01-11"), plans, Figures()).arrears
    assert (fee.fee.amount_minor, fee.priced.days) == (1000, 31)


def test_the_plan_minimum_of_a_split_period_is_that_of_each_part_by_its_days_rounded_once() -> None:
    plans = [with_charges(minimum_minor=1000), with_charges(minimum_minor=2000), with_charges()]
    # 1,000 x 10/31 + 2,000 x 10/31 = 967.74…; rounded each for itself it would be 323 + 645 = 968 as well,
    # so a case in which the order of rounding shows follows.
    assert plan_minimum(period("2026-01-11", "2026-01-21"), plans) == 968
    halves = [with_charges(minimum_minor=7), with_charges(minimum_minor=5)]
    # 7 x 10/31 = 2.26 and 5 x 21/31 = 3.39: 5.65 together, 2 + 3 = 5 apart.
    assert plan_minimum(period("2026-01-11"), halves) == 6
    assert plan_minimum(period(), [with_charges()]) == 0


def test_the_lift_to_the_minimum_counts_net_usage_with_its_minimum_and_all_fees_of_the_period() -> None:
    charges = (usage(minimum_minor=4000), recurring(500), recurring(700, Timing.ADVANCE, "base"))
    fields: dict[str, Any] = {"discount_percent": Decimal(10), "minimum_minor": 6000}
    rated = rate_period(period(), [with_charges(*charges, **fields)], Figures({"a": 100}))
    # 31.00 of usage less 10 % = 27.90, lifted by 9.00 to its minimum before the discount; fees 4.50 and 6.30.
    assert rated.usage[0].net_minor == 2790 + 900
    assert rated.lift_minor == 6000 - (3690 + 450 + 630)
    assert replace(rated, minimum_minor=100).lift_minor == 0


def test_an_advance_fee_is_that_of_the_plan_a_period_begins_with_over_all_its_days() -> None:
    whole = period("2026-01-11", end="2026-01-21")
    [fee] = advance_fees(whole, with_charges(recurring(3100, Timing.ADVANCE), recurring(100)))
    assert (fee.charge.key, fee.fee.amount_minor, fee.priced.days) == ("seats", 2000, 20)
    assert (fee.priced.interval.start_at, fee.priced.interval.end_at) == (at("2026-01-01"), at("2026-01-21"))


def test_a_fee_is_rated_with_the_discount_of_its_plan() -> None:
    [priced] = price_parts(period(), [with_charges(recurring(1005), discount_percent=Decimal(10))])
    assert (rate_fee(priced).fee.amount_minor, rate_fee(priced).fee.net_minor) == (1005, 905)


def blocked(charge: UsageCharge, figures: Figures) -> tuple[str, ...]:
    [rated] = rate_period(period(), [with_charges(charge)], figures).usage
    return rated.blocked


def test_nothing_blocks_a_charge_on_a_meter_that_has_counted() -> None:
    assert blocked(usage(), Figures()) == ()


def test_a_meter_that_is_still_counting_blocks_its_charge() -> None:
    [reason] = blocked(usage(), Figures(counting=frozenset({"tokens"})))
    assert "tokens is still counting" in reason
    assert blocked(usage(), Figures(counting=frozenset({"calls"}))) == ()


def test_too_many_combinations_block_only_what_depends_on_a_dimension() -> None:
    crowded = Figures(has_rest=True)
    by_group = usage(price=None, prices_by=PricesBy("model", {}, per_unit("1")))
    assert blocked(usage(), crowded) == ()
    for charge in (usage(filter={"model": frozenset({"a"})}), by_group):
        [reason] = blocked(charge, crowded)
        assert "more combinations" in reason


def test_a_charge_may_be_blocked_for_two_reasons() -> None:
    charge = usage(filter={"model": frozenset({"a"})})
    assert len(blocked(charge, Figures(has_rest=True, counting=frozenset({"tokens"})))) == 2


definitions = st.sampled_from([per_unit("0.01"), per_unit("0.02"), TIERS])


@given(st.lists(definitions, min_size=1, max_size=6))
def test_every_quarter_hour_of_a_period_is_priced_by_exactly_one_definition_of_a_charge(prices: list[Any]) -> None:
    whole = period(*(f"2026-01-{2 + place:02}" for place in range(len(prices) - 1)))
    priced = price_parts(whole, [with_charges(usage(price=price)) for price in prices])
    covered = sorted((one.start, one.end) for each in priced for one in each.ranges)
    assert [start for start, _ in covered] == [whole.start, *(end for _, end in covered[:-1])]
    assert covered[-1][1] == whole.end
    assert sum(each.days for each in priced) == whole.days
    assert len({each.key for each in priced}) == len(priced) == len({str(price) for price in prices})
