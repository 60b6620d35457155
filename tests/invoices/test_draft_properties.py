"""What holds for every draft, whatever the plan, the usage and what was billed before; issuing changes nothing.

Plans, usage and earlier invoices are made at random. The sums are checked against the lines as they are shown.
"""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.catalog.organizations import TaxRate
from chalicelib.catalog.plans import (
    Charge,
    Plan,
    Price,
    PriceModel,
    PricesBy,
    RecurringCharge,
    Tier,
    Timing,
    UsageCharge,
)
from chalicelib.catalog.settings import Seller
from chalicelib.catalog.subscriptions import Period, Phase, Subscription, Terms
from chalicelib.catalog.timeline import find_period
from chalicelib.invoices.draft import Draft, DraftInputs, ServicePeriod, compose, draw_up
from chalicelib.invoices.draft_lines import LatePeriod, billed_amounts
from chalicelib.invoices.invoice import LineKind
from chalicelib.invoices.period_rating import PLAN_MINIMUM, RatedPeriod, rate_period
from chalicelib.invoices.period_record import Billed, BilledFee, Billing, PeriodRecord
from chalicelib.invoices.progress import OpenDraft, period_ref
from chalicelib.shared.money import round_whole
from chalicelib.shared.time import format_instant
from tests.catalog.build_subscriptions import at, organization, plan, run, subscribed
from tests.client import ApiClient
from tests.invoices import driving
from tests.invoices.test_draft_lines import METERS
from tests.invoices.test_period_rating import Figures

prices_of_units = st.decimals(0, 3, places=3)
minor_amounts = st.integers(0, 20_000)
bounds = st.none() | minor_amounts


@st.composite
def tiered(draw: st.DrawFn) -> Price:
    ups = draw(st.lists(st.integers(1, 3_000), unique=True, max_size=2).map(sorted))
    tiers = [Tier(Decimal(up), draw(prices_of_units), draw(prices_of_units)) for up in ups]
    last = Tier(None, draw(prices_of_units), draw(prices_of_units))
    model = draw(st.sampled_from([PriceModel.GRADUATED, PriceModel.VOLUME]))
    return Price(model=model, tiers=(*tiers, last), included=draw(st.integers(0, 50).map(Decimal)))


prices = (
    st.builds(Price, model=st.just(PriceModel.PER_UNIT), unit_price=prices_of_units)
    | st.builds(
        Price,
        model=st.just(PriceModel.PACKAGE),
        package_size=st.integers(1, 500).map(Decimal),
        package_price=prices_of_units,
    )
    | tiered()
)
prices_by = st.builds(
    PricesBy, st.just("model"), st.dictionaries(st.sampled_from(["a", "b", ""]), prices, max_size=2), st.none() | prices
)


@st.composite
def usage_charges(draw: st.DrawFn, key: str) -> UsageCharge:
    by = draw(st.none() | prices_by)
    minimum, maximum = draw(bounds), draw(bounds)
    return UsageCharge(
        key=key,
        name=key,
        meter="tokens",
        price=None if by is not None else draw(prices),
        prices_by=by,
        minimum_minor=minimum,
        maximum_minor=None if maximum is None else max(maximum, minimum or 0),
    )


@st.composite
def fees(draw: st.DrawFn, key: str) -> RecurringCharge:
    timing, prorate = draw(st.sampled_from(Timing)), draw(st.booleans())
    return RecurringCharge(key=key, name=key, amount_minor=draw(minor_amounts), timing=timing, prorate=prorate)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    keys = ["minimum", "tokens", "seats", "p1"][: draw(st.integers(0, 4))]
    charges: list[Charge] = [draw(usage_charges(key) | fees(key)) for key in keys]
    return plan(
        charges=tuple(charges),
        discount_percent=draw(st.sampled_from([0, 0, 10, 33, 100]).map(Decimal)),
        minimum_minor=draw(bounds),
    )


quantities = st.dictionaries(st.sampled_from(["a", "b", "c", ""]), st.integers(-3, 100), min_size=1, max_size=3)
days = st.integers(2, 30)
amounts = st.builds(Billed, st.integers(-5_000, 20_000), st.integers(-50, 50).map(Decimal))
rates = st.lists(st.sampled_from(["0", "7", "19", "8.875"]).map(lambda one: TaxRate("VAT", Decimal(one))), max_size=2)


@st.composite
def inputs(draw: st.DrawFn) -> DraftInputs:
    """Make a draft of February of a subscription that began in January; its plan may change in February."""
    split, changed = draw(days), draw(plans())
    first = draw(plans())
    used = [changed, first]
    phases = (Phase(at("2026-01-10"), Terms("plan", 1)), Phase(at(f"2026-02-{min(split, 28):02}"), Terms("plan", 2)))
    one = subscribed(run("2026-01-10", *phases[: draw(st.integers(1, 2))]))
    terms = {1: first, 2: changed}

    def of(period: Period) -> list[Plan]:
        return [terms[part.terms.version] for part in period.parts]

    found = [find_period(one, number) for number in range(3)]
    january, february, march = (period for period in found if period is not None)
    ref = period_ref(one, 1)
    return DraftInputs(
        draft=OpenDraft(ref=ref, subscription=one, period=february, finalizes_at=at("2026-03-02"), advance=(2,)),
        organization=replace(organization(), tax_rates=tuple(draw(rates))),
        seller=Seller(legal_name="Example", address=None, tax_id=None),
        meters=METERS,
        now=at("2026-02-20"),
        rated=rate_period(february, of(february), Figures(draw(quantities))),
        plans=of(february),
        record=PeriodRecord(name=ref.name),
        services=[
            ServicePeriod(period=each, plan=of(each)[0], record=_charged(draw, f"1p{each.number}", used))
            for each in (february, march)
        ],
        late=[_late(draw, one, rate_period(january, of(january), Figures(draw(quantities))))],
        takes_late_usage=True,
    )


def _charged(draw: st.DrawFn, name: str, used: list[Plan]) -> PeriodRecord:
    """Make the record of a service period: some advance fees were charged, perhaps of a charge that is gone."""
    keys = ["gone", *{charge.key for each in used for charge in each.recurring_charges(Timing.ADVANCE)}]
    chosen = draw(st.sets(st.sampled_from(sorted(keys))))
    fee_of = {key: BilledFee(invoice="i", line="l", net_minor=draw(minor_amounts)) for key in sorted(chosen)}
    return PeriodRecord(name=name, advance=fee_of)


def _late(draw: st.DrawFn, one: Subscription, rated: RatedPeriod) -> LatePeriod:
    """Make a closed period for which something else was billed than it comes to now."""
    keys = [usage.priced.key for usage in rated.usage]
    # Without usage nothing of a closed period ever changes.
    billed = draw(st.dictionaries(st.sampled_from([*keys, PLAN_MINIMUM]), amounts, max_size=3)) if keys else {}
    billed = billed if keys else {PLAN_MINIMUM: Billed(rated.lift_minor)}
    own = Billing(invoice="inv_acme.1p0.0", number=1, read_id="r", amounts=billed)
    return LatePeriod(
        subscription=one,
        period=rated.period,
        rated=rated,
        record=PeriodRecord(name="1p0", own=own),
        amounts=billed_amounts(rated, {}),
    )


# Examples share the tables, so each has an organization of its own.
organizations = itertools.count(1)
many = settings(max_examples=120)


@many
@given(inputs())
def test_a_total_is_never_below_0_and_is_the_sum_of_what_is_shown(given_inputs: DraftInputs) -> None:
    content = compose(given_inputs, draw_up(given_inputs)).invoice.content
    shown = [line.amount_minor for line in content.lines if line.kind is not LineKind.DISCOUNT]
    off = [line.amount_minor for line in content.lines if line.kind is LineKind.DISCOUNT]
    assert content.subtotal_minor == sum(shown)
    assert (content.discount_minor, len(off) <= 1) == (-sum(off), True)
    total = sum(shown) + sum(off) - content.credits_minor + sum(tax.amount_minor for tax in content.taxes)
    assert content.total_minor == total >= 0


@many
@given(inputs())
def test_each_tax_is_taken_once_on_what_is_left_for_money(given_inputs: DraftInputs) -> None:
    content = compose(given_inputs, draw_up(given_inputs)).invoice.content
    base = content.subtotal_minor - content.discount_minor - content.credits_minor
    assert base == content.taxable_minor >= 0
    expected = [round_whole(base * Fraction(rate.percent) / 100) for rate in given_inputs.organization.tax_rates]
    assert [tax.amount_minor for tax in content.taxes] == expected


@many
@given(inputs())
def test_every_line_has_an_id_of_its_own(given_inputs: DraftInputs) -> None:
    ids = [line.id for line in compose(given_inputs, draw_up(given_inputs)).invoice.content.lines]
    assert len(set(ids)) == len(ids)


@many
@given(inputs())
def test_nets_add_up_to_subtotal_less_discount(given_inputs: DraftInputs) -> None:
    content = compose(given_inputs, draw_up(given_inputs)).invoice.content
    assert sum(line.net_minor for line in content.lines) == content.subtotal_minor - content.discount_minor
    positive = (LineKind.USAGE, LineKind.MINIMUM, LineKind.CARRIED_TO_CREDIT)
    assert all(line.net_minor >= 0 for line in content.lines if line.kind in positive)
    assert all(line.amount_minor < 0 for line in content.lines if line.kind is LineKind.CAP)


@many
@given(inputs())
def test_what_was_brought_to_0_is_carried_and_nothing_else(given_inputs: DraftInputs) -> None:
    content = compose(given_inputs, draw_up(given_inputs)).invoice.content
    carried = [line.amount_minor for line in content.lines if line.kind is LineKind.CARRIED_TO_CREDIT]
    without = content.subtotal_minor - content.discount_minor - sum(carried)
    assert sum(carried) == max(0, -without)
    assert len(carried) == (without < 0)


@many
@given(inputs())
def test_a_draft_computed_twice_is_the_same(given_inputs: DraftInputs) -> None:
    assert compose(given_inputs, draw_up(given_inputs)) == compose(given_inputs, draw_up(given_inputs))


def _noted(draft: Draft, given_inputs: DraftInputs) -> DraftInputs:
    """Give the inputs of the same draft once everything on it has been billed by an invoice."""
    services = [
        replace(one, record=replace(one.record, advance={**one.record.advance, **draft.fees[one.period.number]}))
        for one in given_inputs.services
    ]
    late = []
    for one in given_inputs.late:
        billed = Billing(invoice="i", number=2, read_id="s", amounts=one.differences())
        late.append(replace(one, record=replace(one.record, late=(*one.record.late, billed))))
    return replace(given_inputs, services=services, late=late)


@many
@given(inputs())
def test_what_an_invoice_has_billed_is_on_no_later_draft(given_inputs: DraftInputs) -> None:
    draft = compose(given_inputs, draw_up(given_inputs))
    noted = _noted(draft, given_inputs)
    again = compose(noted, draw_up(noted)).invoice.content.lines
    kinds = {LineKind.USAGE, LineKind.CAP, LineKind.MINIMUM, LineKind.DISCOUNT, LineKind.CARRIED_TO_CREDIT}
    left = [line for line in again if line.kind not in kinds]
    arrears = [fee.charge.key for fee in given_inputs.rated.arrears] if given_inputs.rated is not None else []
    assert {line.charge for line in left} <= set(arrears)


@many
@given(inputs())
def test_late_usage_with_what_was_billed_comes_to_what_the_period_comes_to_now(given_inputs: DraftInputs) -> None:
    compose(given_inputs, draw_up(given_inputs))
    for one in given_inputs.late:
        billed, difference = one.record.billed(), one.differences()
        for key, amount in one.amounts.items():
            before, after = billed.get(key, Billed(0)), difference.get(key, Billed(0))
            assert before.net_minor + after.net_minor == amount.net_minor


def _sent(unit_price: Decimal, discount: int, minimum: int, fee_minor: int) -> dict[str, Any]:
    charges: list[Mapping[str, Any]] = [
        {**driving.CENT, "unit_price": str(unit_price), "maximum": "20.00"},
        driving.fee("base", f"{fee_minor / 100:.2f}", "advance"),
        driving.fee("support", f"{fee_minor / 200:.2f}", "arrears"),
    ]
    return {"charges": charges, "discount_percent": str(discount), "minimum": f"{minimum / 100:.2f}"}


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    unit_price=prices_of_units,
    discount=st.sampled_from([0, 10, 33]),
    minimum=st.integers(0, 5_000),
    fee_minor=st.integers(0, 2_000).map(lambda one: one * 2),
    used=st.lists(st.tuples(st.integers(0, 31 * 24 * 4 - 1), st.integers(0, 500)), max_size=4),
)
def test_the_invoice_is_the_last_draft(client: ApiClient, used: list[tuple[int, int]], **terms: Any) -> None:
    organization_id = f"o-{next(organizations)}"
    driving.set_clock("2026-01-01")
    driving.add_organization(client, organization_id, tax_rates=[{"name": "VAT", "percent": "19"}])
    if client.get("/v1/meters/tokens").status_code == 404:
        driving.add_meter(client)
    driving.add_plan(client, key=organization_id, **_sent(**terms))
    driving.subscribe(client, organization_id, organization_id)
    driving.set_clock("2026-02-01T23:59:59Z")
    for place, (quarter_hour, n) in enumerate(used):
        time = format_instant(at("2026-01-01") + quarter_hour * (at("2026-01-01T00:15") - at("2026-01-01")))
        driving.send(client, f"e{place}", time, n, organization=organization_id, model="a")
    path = f"/v1/invoices/inv_{organization_id}.1p0.0"
    draft = driving.body_of(client.get(path))
    driving.run(client, "run_billing", "2026-02-02")
    answer = client.get(path)
    if answer.status_code == 404:
        assert draft["lines"] == []
        return
    issued = driving.body_of(answer)
    changed = {"status", "payment_status", "number", "issued_at", "due_at", "as_of", "late_usage_until", "ledger_head"}
    kept = issued.keys() - changed
    assert {name: issued[name] for name in kept} == {name: draft[name] for name in kept}
    assert issued["status"] == "finalized"
