"""What a month costs: sums of measured units and prices, and what must hold for any question."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.accepted import read_counts
from local.__main__ import main
from local.cost import Cost, dollars
from local.cost_lines import Purpose, list_amounts
from local.cost_question import Door, Question, fits
from local.cost_work import at_size, measured
from local.prices import PRICES, WHOLE_PROCESSOR_MB, read_prices

IDLE = Question(organizations=1, events=0, invoices=0, alarms=False)


def quantity(question: Question, price: str, purpose: Purpose = Purpose.INGEST) -> Fraction:
    found = (one.quantity for one in list_amounts(question) if (one.price, one.purpose) == (price, purpose))
    return sum(found, Fraction(0))


def one_organization(events: int) -> Question:
    return Question(organizations=1, events=events, invoices=0)


def test_idle_costs_at_most_a_dollar_without_alarms() -> None:
    cost = Cost(IDLE, PRICES)
    assert cost.of() == cost.of(Purpose.IDLE)
    assert Fraction("0.10") < cost.of() <= 1


def test_a_million_events_in_batches_of_500_by_http_cost_at_most_three_cents() -> None:
    """Taken in at any density, rolled up too from ten million a month: what is stored afterwards is another figure."""
    for events, purposes in (
        (1_000_000, (Purpose.INGEST,)),
        (10_000_000, (Purpose.INGEST, Purpose.ROLLUP)),
        (100_000_000, (Purpose.INGEST, Purpose.ROLLUP)),
    ):
        found = Cost(one_organization(events), PRICES).per_million(*purposes)
        assert found is not None
        assert Fraction("0.02") < found <= Fraction("0.03")


def test_units_of_a_month_are_those_of_its_batches_and_quarter_hours() -> None:
    """A million in batches of 500: 2,000 batches, each in a quarter-hour of its own."""
    question = one_organization(1_000_000)
    batch, rolled_up = read_counts()["ingest 500 by HTTP"], at_size(Fraction(500), ROLLUPS)
    assert question.pairs == 2000
    assert quantity(question, "api_requests") == quantity(question, "lambda_requests") == 2000
    assert quantity(question, "write_units") == 2000 * batch.write_units
    assert quantity(question, "write_units", Purpose.ROLLUP) == 2000 * rolled_up.write_units
    assert quantity(question, "traces") == 100
    kept = batch.kept_bytes + 100 * batch.kept_items + (rolled_up.kept_bytes + 100 * rolled_up.kept_items) / 2
    months = Fraction(440 * 24, 730)
    assert quantity(question, "storage_gb", Purpose.KEEPING) == 2000 * kept * months / 10**9


ROLLUPS = {size: f"roll up a quarter-hour of {size}" for size in (1, 100, 1000, 5000)}


def test_sums_are_those_of_the_lines_by_purpose_and_by_service() -> None:
    cost = Cost(Question(organizations=40, events=2_000_000, views=100, reads=50), PRICES)
    assert sum(map(cost.of, Purpose)) == cost.of() == sum(line.dollars for line in cost.lines)
    services = {price.service for price in PRICES.values()}
    assert sum(map(cost.of_service, services)) == cost.of()
    assert all(cost.of(purpose) > 0 for purpose in Purpose)


def test_between_two_measured_sizes_lies_the_straight_line() -> None:
    sizes = {100: "ingest 100 by HTTP", 500: "ingest 500 by HTTP"}
    low, high = measured(sizes[100]), measured(sizes[500])
    assert at_size(Fraction(100), sizes) == low
    assert at_size(Fraction(500), sizes) == high
    assert at_size(Fraction(300), sizes) == (low + high).times(Fraction(1, 2))
    assert at_size(Fraction(900), sizes) == high + (high - low)


def test_a_batch_of_many_organizations_costs_what_was_measured() -> None:
    count = read_counts()["ingest 500 of 50 organizations by HTTP"]
    question = Question(organizations=50, events=500, organizations_a_batch=50, invoices=0)
    rolled_up = at_size(Fraction(10), ROLLUPS)
    assert quantity(question, "write_units") == count.write_units
    assert quantity(question, "write_units", Purpose.ROLLUP) == 50 * rolled_up.write_units
    assert quantity(question, "read_units") == count.read_units
    assert quantity(question, "read_units", Purpose.ROLLUP) == 50 * rolled_up.read_units


def test_messages_that_come_within_a_second_share_an_invocation() -> None:
    """26.28 million messages in 730 hours are ten a second."""
    question = Question(organizations=1, events=26_280_000, batch=1, door=Door.QUEUE, invoices=0)
    assert question.batches_together == 10
    assert quantity(question, "lambda_requests") == 2_628_000
    assert quantity(question, "queue_requests") == 3 * 26_280_000
    assert quantity(question, "api_requests") == 0
    # The first of each second and a twentieth of the others: each second has one invocation.
    assert quantity(question, "traces") == 2_628_000


def test_the_bus_asks_for_its_events_besides_the_queue() -> None:
    by_queue, by_bus = (
        Question(organizations=1, events=1_000_000, batch=500, door=door, invoices=0) for door in (Door.QUEUE, Door.BUS)
    )
    # 500 events are two chunks of 64 KB.
    assert quantity(by_bus, "bus_events") == 2 * 2000
    assert quantity(by_bus, "queue_requests") == quantity(by_queue, "queue_requests") == 5 * 2000


def test_many_organizations_are_billed_by_messages_of_25() -> None:
    alone, many = (Question(organizations=count, events=0, alarms=False) for count in (25, 1000))
    assert quantity(alone, "queue_requests", Purpose.BILLING) == 0
    assert quantity(alone, "lambda_requests", Purpose.BILLING) == 1
    assert quantity(many, "queue_requests", Purpose.BILLING) == 3 * 40
    per_invoice = read_counts()["bill an organization"].write_units
    assert quantity(many, "write_units", Purpose.BILLING) == 1000 * per_invoice


def test_less_memory_takes_longer_for_the_same_work() -> None:
    work = measured("ingest 500 by HTTP")
    whole = work.duration_ms(WHOLE_PROCESSOR_MB)
    assert work.duration_ms(WHOLE_PROCESSOR_MB // 4) > 3 * (whole - work.wait_ms)
    assert work.duration_ms(3 * WHOLE_PROCESSOR_MB) == whole


QUESTIONS = st.builds(
    Question,
    organizations=st.integers(1, 10**6),
    events=st.integers(0, 10**10),
    batch=st.integers(1, 1000),
    door=st.sampled_from(Door),
    organizations_a_batch=st.integers(1, 500),
    invoices=st.integers(0, 4),
    views=st.integers(0, 10**6),
    reads=st.integers(0, 10**6),
)


@settings(max_examples=60)
@given(QUESTIONS)
def test_nothing_is_negative_and_no_organization_has_more_quarter_hours_than_a_month(question: Question) -> None:
    assert all(amount.quantity >= 0 for amount in list_amounts(question))
    assert question.pairs <= question.organizations * 2920
    assert question.pairs <= question.events


def test_own_prices_take_the_place_of_the_lists(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text('{"write_units": 0.70, "read_units": "0.14"}')
    prices = read_prices(file)
    assert prices["write_units"].of(Fraction(2_000_000)) == Fraction("1.4")
    assert prices["read_units"].dollars == Fraction("0.14")
    assert prices["traces"] == PRICES["traces"]
    file.write_text('{"write_unit": 1}')
    with pytest.raises(ValueError, match="no such price: write_unit"):
        read_prices(file)


def test_the_command_prints_sums_and_formulas(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--organizations", "3", "--events", "1,000,000", "--alarms", "off", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["asked"]["events"] == 1_000_000
    [requests] = [line for line in document["lines"] if line["service"] == "API Gateway"]
    assert (requests["quantity"], requests["price"], requests["dollars"]) == ("2,000", "$3.5 / 1,000,000", "0.0070")
    assert main(["cost", "--organizations", "3", "--events", "1,000,000", "--alarms", "off"]) == 0
    text = capsys.readouterr().out
    assert f"a month{document['month']['all']:>{106 - len('a month')}}" in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("refused", [["--batch", "10001"], ["--batch", "5000", "--door", "queue"]])
def test_a_batch_that_does_not_fit_is_refused(refused: list[str]) -> None:
    with pytest.raises(SystemExit, match="does not fit"):
        main(["cost", "--events", "1", *refused])
    with pytest.raises(SystemExit):
        main(["cost", "--batch", "0"])


def test_a_message_of_the_queue_holds_a_megabyte_and_an_event_of_the_bus_a_quarter() -> None:
    assert fits(Question(organizations=1, events=1, batch=4000, door=Door.QUEUE))
    assert not fits(Question(organizations=1, events=1, batch=4000, door=Door.BUS))
    assert fits(Question(organizations=1, events=1, batch=1000, door=Door.BUS))


def test_dollars_are_rounded_at_the_fourth_digit() -> None:
    assert [dollars(Fraction(text)) for text in ("0.00004", "0.00006", "1234.5")] == ["0.0000", "0.0001", "1,234.5000"]
