"""Which events an invoice bills, and where an event is billed, as a source of billing tells."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest

from chalicelib.shared.time import parse_instant, quarter_hour_of
from chalicelib.usage import billed_events, store
from chalicelib.usage.billed import BilledOn, CountedEvent, LineScope
from chalicelib.usage.billed_events import use_billing_source
from chalicelib.usage.ranges import Range
from tests.client import ApiClient
from tests.usage import sent

EVENTS = "/v1/organizations/acme/events"
HOUR = Range(
    quarter_hour_of(parse_instant("2026-01-02T10:00:00Z")), quarter_hour_of(parse_instant("2026-01-02T11:00:00Z"))
)
LARGE = LineScope(meter="tokens", ranges=[HOUR], filters={"model": frozenset({"large"})})
CALLS = LineScope(meter="requests", ranges=[HOUR])


class Billing:
    """Knows one invoice of acme: a line of tokens of the large model, one of requests, and one without usage."""

    def __init__(self) -> None:
        self.lines: dict[str, Sequence[LineScope]] = {"large": [LARGE], "calls": [CALLS], "fee": []}
        self.asked: list[list[CountedEvent]] = []

    def find_lines(
        self, organization: str, *, invoice: str, line: str | None, now: datetime
    ) -> Sequence[LineScope] | None:
        assert now == parse_instant("2026-01-15T12:00:00Z")
        if (organization, invoice) != ("acme", "inv_1"):
            return None
        return [one for scopes in self.lines.values() for one in scopes] if line is None else self.lines.get(line)

    def billed_on(self, organization: str, events: Sequence[CountedEvent], now: datetime) -> Sequence[BilledOn | None]:
        assert (organization, now) == ("acme", parse_instant("2026-01-15T12:00:00Z"))
        self.asked.append(list(events))
        named = [
            next((line for line, scopes in self.lines.items() if any(scope.takes(one) for scope in scopes)), None)
            for one in events
        ]
        return [None if line is None else BilledOn("inv_1", line) for line in named]


@pytest.fixture
def billing(_own_source: None) -> Billing:
    source = Billing()
    use_billing_source(source)
    return source


@pytest.fixture
def _own_source(client: ApiClient) -> Iterator[None]:
    """Let a test name its source, and give the app its own one back."""
    named = billed_events._source.named
    yield
    billed_events._source.named = named


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    """Give a client of two organizations with events at and around the bounds of an hour of 2 January."""
    sent.add_organization(client)
    sent.add_organization(client, "globex")
    sent.add_meter(client, dimensions={"model": "model"})
    sent.add_meter(client, "requests", "count")
    events = [
        sent.event("before", "2026-01-02T09:59:59.999999Z", tokens=1, model="large"),
        sent.event("large", "2026-01-02T10:00:00Z", tokens=1, model="large"),
        sent.event("small", "2026-01-02T10:30:00Z", tokens=1, model="small"),
        sent.event("useless", "2026-01-02T10:31:00Z", tokens="many", model="large"),
        sent.event("voided", "2026-01-02T10:32:00Z", tokens=1, model="large"),
        sent.event("unmatched", "2026-01-02T10:33:00Z", type="other"),
        sent.event("last", "2026-01-02T10:59:59.999999Z", tokens=1, model="large"),
        sent.event("after", "2026-01-02T11:00:00Z", tokens=1, model="large"),
    ]
    sent.accepted(client.post("/v1/events", events))
    sent.accepted(client.post("/v1/events", sent.event("large", "2026-01-02T10:00:00Z", tokens=1, model="large")))
    named = {"organization": "acme", "source": "gateway", "id": "voided", "time": "2026-01-02T10:32:00Z"}
    assert client.post("/v1/events/void", {**named, "reason": "a test"}).status_code == 202
    return client


def ids(api: ApiClient, **query: Any) -> list[tuple[str, str]]:
    return [(row["id"], row["state"]) for row in sent.listed(api, **query)]


def test_a_line_lists_the_events_that_count_for_it_at_its_bounds_too(api: ApiClient, billing: Billing) -> None:
    assert ids(api, invoice="inv_1", line="large") == [("last", "counted"), ("large", "counted")]
    assert [name for name, _ in ids(api, invoice="inv_1", line="calls")] == ["last", "useless", "small", "large"]


def test_an_invoice_lists_the_events_of_all_its_lines(api: ApiClient, billing: Billing) -> None:
    billing.lines["calls"] = []
    assert [name for name, _ in ids(api, invoice="inv_1")] == ["last", "large"]
    billing.lines["calls"] = [CALLS]
    assert [name for name, _ in ids(api, invoice="inv_1")] == ["last", "useless", "small", "large"]
    assert [name for name, _ in ids(api, invoice="inv_1", **{"meter": "tokens", "filter[model]": "small"})] == ["small"]
    assert [name for name, _ in ids(api, invoice="inv_1", from_="2026-01-02T10:45:00Z")] == ["last"]


def test_a_line_without_usage_lists_nothing(api: ApiClient, billing: Billing) -> None:
    assert ids(api, invoice="inv_1", line="fee") == []


def test_pages_of_a_line_go_on_where_the_last_one_ended(api: ApiClient, billing: Billing) -> None:
    first = api.get(EVENTS, invoice="inv_1", line="calls", limit=3).json_body
    second = api.get(EVENTS, invoice="inv_1", line="calls", limit=3, cursor=first["next_cursor"]).json_body
    assert [row["id"] for page in (first, second) for row in page["data"]] == ["last", "useless", "small", "large"]
    assert second["next_cursor"] is None


def test_a_late_event_is_on_the_line_that_was_read_after_it_came(api: ApiClient, billing: Billing) -> None:
    received = [one.sort_id for one in store.read_partition("acme", HOUR.start)]
    sent.accepted(api.post("/v1/events", sent.event("late", "2026-01-02T10:01:00Z", tokens=1, model="large")))
    late = store.read_partition("acme", HOUR.start)[-1].sort_id
    assert late > max(received)
    billing.lines = {
        "large": [LineScope(meter="tokens", ranges=[HOUR], received_until=late)],
        "late": [LineScope(meter="tokens", ranges=[HOUR], received_from=late)],
    }
    assert [name for name, _ in ids(api, invoice="inv_1", line="large")] == ["last", "small", "large"]
    assert [name for name, _ in ids(api, invoice="inv_1", line="late")] == ["late"]


def test_every_event_says_where_it_is_billed_and_what_does_not_count_is_nowhere(
    api: ApiClient, billing: Billing
) -> None:
    rows = sent.listed(api, from_="2026-01-02T09:45:00Z", to="2026-01-02T11:15:00Z")
    assert [(row["id"], row["state"], row["billed_on"]) for row in rows] == [
        ("after", "counted", None),
        ("last", "counted", {"invoice": "inv_1", "line": "large"}),
        ("unmatched", "unmatched", None),
        ("voided", "voided", None),
        ("useless", "counted", {"invoice": "inv_1", "line": "calls"}),
        ("small", "counted", {"invoice": "inv_1", "line": "calls"}),
        ("large", "duplicate", None),
        ("large", "counted", {"invoice": "inv_1", "line": "large"}),
        ("before", "counted", None),
    ]
    (asked,) = billing.asked
    assert [sorted(one.meters) for one in asked] == [
        ["requests", "tokens"],
        ["requests", "tokens"],
        ["requests"],
        ["requests", "tokens"],
        ["requests", "tokens"],
        ["requests", "tokens"],
    ]
    assert asked[0].meters["tokens"] == {"model": "large"}


def test_an_unknown_invoice_or_line_or_one_of_another_organization_is_not_found(
    api: ApiClient, billing: Billing
) -> None:
    missing: tuple[int, str, list[str]] = (404, "not-found", [])
    assert sent.problem(api.get(EVENTS, invoice="inv_2")) == missing
    assert sent.problem(api.get(EVENTS, invoice="inv_1", line="other")) == missing
    theirs = api.as_holder_of(api.make_key("read", "globex"))
    for path in ("/v1/organizations/globex/events", "/v1/organizations/nobody/events"):
        assert sent.problem(theirs.get(path, invoice="inv_1")) == missing
    assert sent.problem(api.get(EVENTS, line="large")) == (422, "invalid-input", ["/query/line"])
    assert sent.problem(api.get(EVENTS, invoice="")) == (422, "invalid-input", ["/query/invoice"])


def test_without_a_source_nothing_is_billed_and_there_is_no_invoice(api: ApiClient, _own_source: None) -> None:
    use_billing_source(None)
    assert {row["billed_on"] for row in sent.listed(api, from_="2026-01-02")} == {None}
    assert sent.problem(api.get(EVENTS, invoice="inv_1")) == (404, "not-found", [])


def test_a_scope_takes_an_event_up_to_its_bounds() -> None:
    one = CountedEvent(
        time=HOUR.start_at, quarter_hour=HOUR.start, sort_id="5", meters={"tokens": {"model": "large"}, "requests": {}}
    )

    def takes(**changes: Any) -> bool:
        return LineScope(**{"meter": "tokens", "ranges": [HOUR], **changes}).takes(one)

    assert takes()
    assert not takes(meter="other")
    assert not takes(ranges=[])
    assert not takes(ranges=[Range(HOUR.start + 1, HOUR.end), Range(HOUR.start - 9, HOUR.start)])
    assert takes(ranges=[Range(HOUR.start + 1, HOUR.end), Range(HOUR.start - 9, HOUR.start + 1)])
    assert takes(filters={"model": frozenset({"large", "small"})})
    assert not takes(filters={"model": frozenset({"large"}), "kind": frozenset({"input"})})
    assert takes(filters={"kind": frozenset({""})})
    assert [takes(received_from=bound) for bound in "456"] == [True, True, False]
    assert [takes(received_until=bound) for bound in "456"] == [False, False, True]
