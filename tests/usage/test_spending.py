"""What usage costs, as a source of prices tells: what it is asked, and where its answers are shown."""

import csv
import io
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.shared.numbers import show_decimal
from chalicelib.usage import spending
from chalicelib.usage.ranges import Range
from chalicelib.usage.reader import CountersReader
from chalicelib.usage.spending import MeterSpend, SpendQuestion, use_spend_source
from tests.client import ApiClient
from tests.usage import sent, subscribed

USAGE = "/v1/organizations/acme/usage"
DAYS = {"from_": "2026-01-13", "to": "2026-01-16", "spend": "true"}


class Prices:
    """Says for money what identifies the question: 1 for the total, 2 for a window, 3 and the quantity for a group."""

    def __init__(self) -> None:
        self.asked: list[Sequence[SpendQuestion]] = []
        self.unpriced: set[str] = set()

    def spend(
        self, organization: str, reader: CountersReader, questions: Sequence[SpendQuestion]
    ) -> Sequence[MeterSpend | None]:
        assert organization == reader.organization.id == "acme"
        self.asked.append(questions)
        return [None if one.meter in self.unpriced else self._answer(one) for one in questions]

    def _answer(self, question: SpendQuestion) -> MeterSpend:
        return MeterSpend(
            total="1.00",
            windows={window: f"2.0{place}" for place, window in enumerate(question.windows)},
            groups={
                window: {group: f"3.{show_decimal(quantity)}" for group, quantity in groups.items()}
                for window, groups in question.groups.items()
            },
        )


@pytest.fixture
def prices(_own_source: None) -> Prices:
    source = Prices()
    use_spend_source(source)
    return source


@pytest.fixture
def _own_source(client: ApiClient) -> Iterator[None]:
    """Let a test name its source, and give the app its own one back."""
    named = spending._source.named
    yield
    spending._source.named = named


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    sent.add_organization(client)
    for key, aggregation in [("tokens", "sum"), ("largest", "max"), ("free", "count")]:
        sent.add_meter(client, key, aggregation, dimensions={"model": "model"})
    events = [
        sent.event("a", "2026-01-14T10:00:00Z", tokens=10, model="large"),
        sent.event("b", "2026-01-14T11:00:00Z", tokens=5, model="small"),
        sent.event("c", "2026-01-15T10:00:00Z", tokens=7, model="tiny"),
    ]
    sent.accepted(client.post("/v1/events", events))
    subscribed.subscribe("acme", "2026-01-01T00:00:00Z", meters=["tokens", "largest"])
    return client


def asked(api: ApiClient, **query: Any) -> dict[str, dict[str, Any]]:
    answer = api.get(USAGE, **{**DAYS, **query})
    assert answer.status_code == 200, answer.body
    return {one["meter"]: one for one in answer.json_body["data"]}


def spends(meter: dict[str, Any]) -> list[Any]:
    return [one["spend"] for one in meter["windows"]]


def test_the_source_is_asked_once_for_the_windows_of_all_billable_meters(api: ApiClient, prices: Prices) -> None:
    found = asked(api)
    ((largest, tokens),) = prices.asked
    assert (largest.meter, tokens.meter, tokens.groups, tokens.filtered_out) == ("largest", "tokens", {}, None)
    assert [window.end - window.start for window in tokens.windows] == [96, 96, 96]
    for key in ("tokens", "largest"):
        assert (found[key]["spend"], spends(found[key])) == ("1.00", ["2.00", "2.01", "2.02"])
    assert (found["free"]["spend"], spends(found["free"])) == (None, [None, None, None])


def test_meters_say_whether_a_charge_prices_them(api: ApiClient) -> None:
    assert {key: one["billable"] for key, one in asked(api).items()} == {"tokens": True, "largest": True, "free": False}


def test_a_meter_that_nothing_prices_in_the_range_has_no_spend(api: ApiClient, prices: Prices) -> None:
    prices.unpriced = {"tokens"}
    found = asked(api)
    assert (found["tokens"]["spend"], spends(found["tokens"])) == (None, [None, None, None])
    assert found["largest"]["spend"] == "1.00"


def test_groups_and_their_rest_are_asked_for_with_their_quantities(api: ApiClient, prices: Prices) -> None:
    found = asked(api, group_by="model", top="1")
    ((largest, tokens),) = prices.asked
    first, second = (quantities for _, quantities in sorted(tokens.groups.items()))
    assert (first, second) == ({("large",): Decimal(10), None: Decimal(5)}, {None: Decimal(7)})
    assert (found["tokens"]["spend"], spends(found["tokens"])) == ("1.00", ["3.10", "3.5", "3.7"])
    # The greatest of groups is not the greatest of all: they have no shares.
    assert (largest.groups, found["largest"]["spend"]) == ({}, "1.00")
    assert set(spends(found["largest"])) == {None}


def test_what_a_filter_took_out_is_told_because_it_costs_its_share(api: ApiClient, prices: Prices) -> None:
    found = asked(api, **{"filter[model]": ["large", "tiny"]})
    ((tokens,),) = prices.asked
    assert [dict(groups) for _, groups in sorted(tokens.groups.items())] == [{(): Decimal(10)}, {(): Decimal(7)}]
    assert tokens.filtered_out is not None
    assert [left for _, left in sorted(tokens.filtered_out.items())] == [Decimal(5), Decimal(0)]
    assert (found["tokens"]["spend"], spends(found["tokens"])) == ("1.00", [None, "3.10", "3.7"])
    assert (found["largest"]["spend"], set(spends(found["largest"]))) == (None, {None})


def test_a_filter_and_groups_are_asked_for_together(api: ApiClient, prices: Prices) -> None:
    asked(api, group_by="model", meter="tokens", **{"filter[model]": ["small"]})
    ((tokens,),) = prices.asked
    (window,) = tokens.groups
    assert isinstance(window, Range)
    assert (tokens.groups[window], tokens.filtered_out) == ({("small",): Decimal(5)}, {window: Decimal(10)})


def test_nothing_is_asked_when_nobody_wants_to_know(api: ApiClient, prices: Prices) -> None:
    assert "spend" not in asked(api, spend="false")["tokens"]
    asked(api, meter="free")
    assert prices.asked == []


def test_without_a_source_spend_is_null(api: ApiClient, _own_source: None) -> None:
    use_spend_source(None)
    assert asked(api)["tokens"]["spend"] is None


def test_spend_in_csv_is_a_number_with_its_minor_digits(api: ApiClient, prices: Prices) -> None:
    answer = api.get(USAGE, headers={"Accept": "text/csv"}, **DAYS)
    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    assert [row["spend"] for row in rows if row["meter"] == "tokens"] == ["2.00", "2.01", "2.02"]
    assert {row["spend"] for row in rows if row["meter"] == "free"} == {""}
