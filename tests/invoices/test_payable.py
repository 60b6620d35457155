"""Lines cut into slices by time, and what credit pays of them: on any draft, whatever its plan and grants."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.catalog.plans import Plan
from chalicelib.credits.drawdown import Drawn, PayableLine, Slice, draw_down, paying, window_cuts
from chalicelib.credits.grants import Allocation, AppliesTo, Balance, Grant, Scope
from chalicelib.invoices.draft import DraftInputs, compose, draw_up, interval_of, paid_before
from chalicelib.invoices.draft_lines import line_id
from chalicelib.invoices.invoice import Interval, Line, LineKind
from chalicelib.invoices.payable import Cutting, payable_draft, slice_usage, with_credits
from chalicelib.invoices.period_rating import RatedPeriod, rate_period
from chalicelib.shared.time import quarter_hour_of
from tests.catalog.build_subscriptions import at
from tests.invoices.build_prices import by_model, graduated, per_unit, volume
from tests.invoices.issued import line
from tests.invoices.test_draft_properties import inputs, plans, quantities
from tests.invoices.test_period_rating import Figures, period, usage, with_charges

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
FEBRUARY = at("2026-02-01")


def cutting(*bounds: str, now: str = "2026-03-01", zone: ZoneInfo = UTC) -> Cutting:
    return Cutting(zone=zone, bounds={quarter_hour_of(at(one)) for one in bounds}, now=at(now))


def january(*charges: Plan, daily: Mapping[str, int]) -> tuple[RatedPeriod, Figures]:
    figures = Figures(daily)
    whole = period("2026-01-11") if len(charges) == 2 else period()
    return rate_period(whole, list(charges), figures), figures


def shown(slices: tuple[Slice, ...]) -> dict[str, int]:
    return {one.day.isoformat()[5:]: one.amount_minor for one in slices}


def test_usage_is_cut_at_each_local_midnight() -> None:
    rated, figures = january(with_charges(usage()), daily={"a": 100})
    slices = slice_usage(rated, figures, cutting())["usage-tokens"]
    assert shown(slices) == {f"01-{day:02}": 100 for day in range(1, 32)}
    assert slices[1].at == quarter_hour_of(at("2026-01-02"))


def test_a_day_is_cut_where_a_grant_begins_or_ends() -> None:
    rated, figures = january(with_charges(usage()), daily={"a": 96})
    slices = slice_usage(rated, figures, cutting("2026-01-05T06:00"))["usage-tokens"]
    # This usage is counted by whole days, so what the morning comes to is 0, and left out.
    assert [one.at for one in slices if one.day.day == 5] == [quarter_hour_of(at("2026-01-05T06:00"))]


def test_bounds_outside_the_period_cut_nothing() -> None:
    rated, figures = january(with_charges(usage()), daily={"a": 100})
    one = slice_usage(rated, figures, cutting("2025-12-05", "2026-02-01", "2026-02-03"))
    assert one == slice_usage(rated, figures, cutting())


def test_what_lies_ahead_is_one_slice() -> None:
    rated, figures = january(with_charges(usage()), daily={"a": 100})
    slices = slice_usage(rated, figures, cutting("2026-01-20", now="2026-01-10T12:00"))["usage-tokens"]
    assert [one.day.day for one in slices] == list(range(1, 11))
    assert slices[-1].amount_minor == 2200


def test_tiers_make_later_slices_cheaper_and_a_flat_fee_counts_at_the_first() -> None:
    tiered = usage(price=graduated(("150", "0.02", "5"), (None, "0.01")))
    rated, figures = january(with_charges(tiered), daily={"a": 100})
    slices = shown(slice_usage(rated, figures, cutting())["usage-tokens"])
    # 1 Jan: 5.00 and 100 x 0.02; 2 Jan: 50 x 0.02 and 50 x 0.01; then 100 x 0.01.
    assert (slices["01-01"], slices["01-02"], slices["01-03"]) == (700, 150, 100)


def test_a_slice_of_volume_prices_may_be_negative() -> None:
    rated, figures = january(with_charges(usage(price=volume(("100", "0.02"), (None, "0.01")))), daily={"a": 60})
    slices = shown(slice_usage(rated, figures, cutting())["usage-tokens"])
    # 60 x 0.02; then 120 x 0.01 = 1.20, which is no more; then 60 x 0.01 a day.
    assert (slices["01-01"], slices.get("01-02", 0), slices["01-03"]) == (120, 0, 60)


def test_a_cap_is_spent_slice_by_slice() -> None:
    rated, figures = january(with_charges(usage(maximum_minor=250)), daily={"a": 100})
    assert shown(slice_usage(rated, figures, cutting())["usage-tokens"]) == {"01-01": 100, "01-02": 100, "01-03": 50}


def test_groups_and_parts_have_slices_of_their_own() -> None:
    one = with_charges(usage(price=None, prices_by=by_model(a=per_unit("0.01"))))
    other = with_charges(usage(price=None, prices_by=by_model(a=per_unit("0.02"))))
    rated, figures = january(one, other, daily={"a": 10, "b": 5})
    found = slice_usage(rated, figures, cutting())
    first, second = (line_id("usage", charge="tokens", part=part, group="a") for part in (0, 1))
    assert sum(shown(found[first]).values()) == 100
    assert sum(shown(found[second]).values()) == 21 * 20
    assert min(shown(found[second])) == "01-11"


def test_local_days_begin_at_local_midnight() -> None:
    cuts = cutting(zone=BERLIN).inside(quarter_hour_of(at("2026-01-01")), quarter_hour_of(at("2026-01-03")))
    assert cuts == [quarter_hour_of(at("2026-01-01T23:00")), quarter_hour_of(at("2026-01-02T23:00"))]


def payable(one: Line) -> tuple[PayableLine, ...]:
    paid = {one.id: (Drawn("gr_a", at("2026-01-05").date(), 100),)}
    own = Interval(FEBRUARY, at("2026-03-01"))
    return payable_draft("inv", [one], own, usage={}, paid=paid, zone=UTC).lines


@pytest.mark.parametrize("kind", [LineKind.RECURRING, LineKind.ONE_OFF])
def test_fees_and_one_offs_count_at_the_first_instant_of_their_service_period(kind: LineKind) -> None:
    [one] = payable(line("fee", 500, kind=kind))
    assert (one.is_usage, one.slices) == (
        False,
        (Slice(quarter_hour_of(at("2026-01-01")), at("2026-01-01").date(), 500),),
    )


def test_late_usage_counts_as_usage_at_the_first_instant_of_the_draft() -> None:
    [one] = payable(line("late", 500, kind=LineKind.LATE_USAGE))
    assert (one.is_usage, one.slices[0].at, one.paid) == (True, quarter_hour_of(FEBRUARY), ())


def test_what_is_taken_back_brings_along_what_had_paid() -> None:
    [one] = payable(line("late", -500, kind=LineKind.LATE_USAGE))
    assert [drawn.amount_minor for drawn in one.paid] == [100]


def test_late_usage_of_a_plan_minimum_is_a_minimum() -> None:
    assert payable(replace(line("late", 500, kind=LineKind.LATE_USAGE), charge=None)) == ()


@pytest.mark.parametrize("kind", [LineKind.MINIMUM, LineKind.CAP, LineKind.DISCOUNT, LineKind.CARRIED_TO_CREDIT])
def test_credit_pays_nothing_of_other_lines(kind: LineKind) -> None:
    assert payable(line("other", 500, kind=kind)) == ()


@st.composite
def allocations(draw: st.DrawFn) -> list[Allocation]:
    """Make grants about January and February, some restricted, some used already."""
    found = []
    for place in range(draw(st.integers(0, 4))):
        amount = draw(st.integers(1, 20_000))
        start = draw(st.integers(-40 * 96, 30 * 96))
        lasts = draw(st.none() | st.integers(1, 60 * 96))
        effective_at = FEBRUARY + start * (at("2026-01-02") - at("2026-01-01")) / 96
        scopes: list[AppliesTo] = [Scope.USAGE, Scope.ALL, frozenset({"tokens", "seats"})]
        scope = draw(st.sampled_from(scopes))
        grant = Grant(
            id=f"gr_{place}",
            name=f"G{place}",
            amount_minor=amount,
            effective_at=effective_at,
            created_at=effective_at,
            expires_at=None if lasts is None else effective_at + lasts * (at("2026-01-02") - at("2026-01-01")) / 96,
            priority=draw(st.integers(0, 2)),
            applies_to=scope,
        )
        found.append(Allocation(grant, Balance(consumed_minor=draw(st.integers(0, amount)))))
    return found


@settings(max_examples=150)
@given(plans(), plans(), quantities, allocations())
def test_slices_add_up_to_their_lines(
    first: Plan, second: Plan, daily: Mapping[str, int], grants: list[Allocation]
) -> None:
    rated, figures = january(first, second, daily=daily)
    found = slice_usage(rated, figures, replace(cutting(), bounds=window_cuts(grants)))
    sums = Counter({name: sum(one.amount_minor for one in slices) for name, slices in found.items()})
    for charge in rated.usage:
        for one in charge.rated.lines:
            name = line_id("usage", charge=charge.charge.key, part=charge.priced.part, group=one.group)
            assert sums[name] == one.net_minor
        for one_slice in (one for name in found for one in found[name]):
            assert rated.period.start <= one_slice.at < rated.period.end


@settings(max_examples=150)
@given(inputs(), quantities, allocations())
def test_credit_pays_each_line_within_its_net(
    given_inputs: DraftInputs, daily: Mapping[str, int], grants: list[Allocation]
) -> None:
    figures = Figures(daily)
    assert given_inputs.rated is not None
    rated = rate_period(given_inputs.rated.period, given_inputs.plans, figures)
    one = replace(given_inputs, rated=rated)
    lines, now = draw_up(one), given_inputs.now
    able = paying(grants, since=quarter_hour_of(at("2026-01-01")), now=now)
    slices = slice_usage(rated, figures, Cutting(zone=UTC, bounds=window_cuts(able), now=now))
    draft = payable_draft("inv", lines, interval_of(one), usage=slices, paid=paid_before(one), zone=UTC)
    names = {each.grant.id: each.grant.name for each in grants}
    content = compose(one, with_credits("inv", lines, draw_down([draft], able).lines, names)).invoice.content
    drawn: Counter[str] = Counter()
    for each in content.lines:
        credits_minor = sum(credit.amount_minor for credit in each.credits)
        assert 0 <= credits_minor <= max(0, each.net_minor)
        for credit in each.credits:
            assert sum(credit.by_day.values()) == credit.amount_minor
            drawn[credit.grant] += credit.amount_minor
    assert all(drawn[each.grant.id] <= each.left_minor for each in grants)
    # The invoice is still closed: never below 0.
    assert content.subtotal_minor - content.discount_minor - content.credits_minor >= 0
    assert content.total_minor == content.taxable_minor + content.tax_minor
    kinds = {LineKind.MINIMUM, LineKind.CAP, LineKind.DISCOUNT, LineKind.CARRIED_TO_CREDIT}
    assert not any(each.credits for each in content.lines if each.kind in kinds)
