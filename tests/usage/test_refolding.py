"""Usage that is folded again: damaged counters are right afterwards, whatever they say they have seen."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.shared.clock import Clock
from chalicelib.shared.errors import InvalidInput, NotFound
from chalicelib.shared.retention import RETENTION
from chalicelib.shared.time import format_instant, format_quarter_hour, parse_instant, quarter_hour_of
from chalicelib.usage import counters_store, store
from chalicelib.usage.counters import definitions_number
from chalicelib.usage.ranges import Range
from chalicelib.usage.refolding_service import MAX_DAYS, Marked, mark_range
from tests.client import ApiClient
from tests.invoices import driving
from tests.usage.build import event, meter
from tests.usage.damaged import contents, damage, find, overwrite, sort_keys
from tests.usage.stored import add_meter, add_organization, marks, roll, send, total

DAY = ("2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z")
LATER = "2026-01-15T13:00:00Z"
QUARTER_HOUR, LOCAL_DAY = "q#2026-01-15T12:00", "d#2026-01-15"
Damage = Callable[[], None]


@pytest.fixture
def used(tables: None) -> dict[str, Any]:
    """Give what is stored after two quarter-hours of a day were rolled up: a sum and a level."""
    add_organization()
    add_meter(meter("sum", dimensions={"model": "model"}))
    add_meter(meter("time_weighted", key="storage", value="gb", event_type="disk"))
    send(event("e1", tokens=5, model="a"), event("e2", tokens=7, model="b"), event("e1", tokens=5, model="a"))
    send(event("e3", "2026-01-15T11:00:00Z", tokens=100), event("s1", "2026-01-15T09:00:00Z", type="disk", gb=2))
    roll(LATER)
    assert total("tokens", *DAY, now=LATER) == "112"
    return contents()


def refold(start: str = DAY[0], end: str = DAY[1], *, now: str = LATER, organization: str = "acme") -> Marked:
    """Mark a range."""
    whole = Range(quarter_hour_of(parse_instant(start)), quarter_hour_of(parse_instant(end)))
    return mark_range(organization, whole, parse_instant(now), has_time=lambda: True)


DAMAGES: dict[str, Damage] = {
    "a quarter-hour": lambda: damage(QUARTER_HOUR),
    "a quarter-hour and its day": lambda: damage(QUARTER_HOUR, LOCAL_DAY),
    "a day": lambda: damage(LOCAL_DAY),
    "levels": lambda: damage("l#2026-01-15", "m#2026-01"),
    "the levels of a month": lambda: damage("m#2026-01"),
    "everything": lambda: damage(*sort_keys()),
    "bytes that are none": lambda: overwrite(QUARTER_HOUR, blob=b"no counters"),
    "a day that cannot be read": lambda: overwrite(LOCAL_DAY, blob=b""),
    "pages that are not there": lambda: overwrite(LOCAL_DAY, blob=None, fold_id="gone", pages=2),
    "meters that never were": lambda: overwrite(QUARTER_HOUR, definitions=definitions_number(10**6)),
    "fewer segments and bytes that are none": lambda: overwrite(QUARTER_HOUR, segments=0, blob=b"no counters"),
    "segments that never were": lambda: overwrite(QUARTER_HOUR, segments=9),
    "a day of segments that never were": lambda: overwrite(LOCAL_DAY, segments=9, definitions=10**12),
    "expired too early": lambda: overwrite(QUARTER_HOUR, kept_until_s=find(QUARTER_HOUR).kept_until_s + 1),
}


@pytest.mark.parametrize("name", list(DAMAGES))
def test_damaged_counters_are_right_after_they_were_folded_again(used: dict[str, Any], name: str) -> None:
    DAMAGES[name]()
    assert refold() == Marked(3)
    report = roll(LATER)
    assert (report.rolled_up, report.left) == (3, 0)
    assert contents() == used
    assert total("tokens", *DAY, now=LATER) == "112"


def test_damaged_counters_are_wrong_until_they_are_marked_and_right_from_then_on(used: dict[str, Any]) -> None:
    damage(QUARTER_HOUR, LOCAL_DAY)
    assert total("tokens", *DAY, now=LATER) == "0"
    roll(LATER)
    assert total("tokens", *DAY, now=LATER) == "0"
    refold()
    assert total("tokens", *DAY, now=LATER) == "112"


def test_right_counters_stay_as_they_are(used: dict[str, Any]) -> None:
    before = [item.serialize() for item in map(find, sort_keys())]
    refold()
    assert roll(LATER).left == 0
    assert [item.serialize() for item in map(find, sort_keys())] == before


def test_damaged_pages_are_replaced_and_deleted(used: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters_store, "PAGE_BYTES", 20)
    send(event("e4", tokens=1))
    roll(LATER)
    right = contents()
    pages = sort_keys(prefix="q#2026-01-15T12:00#")
    assert len(pages) > 2
    find(pages[1]).delete()
    refold()
    assert roll(LATER).left == 0
    assert contents() == right
    assert not set(pages) & set(sort_keys())
    assert total("tokens", *DAY, now=LATER) == "113"


def test_only_what_the_range_holds_is_marked(used: dict[str, Any]) -> None:
    assert refold("2026-01-15T11:00:00Z", "2026-01-15T12:00:00Z") == Marked(1)
    assert [format_quarter_hour(at) for at in marks()] == ["2026-01-15T11:00"]
    assert refold("2026-01-15T11:15:00Z", "2026-01-15T12:15:00Z") == Marked(1)
    assert [format_quarter_hour(at) for at in marks()] == ["2026-01-15T11:00", "2026-01-15T12:00"]
    assert refold("2026-01-16T00:00:00Z", "2026-01-20T00:00:00Z") == Marked(0)


def test_a_quarter_hour_of_very_many_segments_is_marked_once(used: dict[str, Any]) -> None:
    for number in range(120):
        send(event(f"n{number}", tokens=1))
    send(event("after", "2026-01-15T12:15:00Z", tokens=1))
    assert refold() == Marked(4)


def test_a_mark_that_stands_gets_another_token(used: dict[str, Any]) -> None:
    """So a rollup that has read the partition before does not take it away."""
    send(event("e9", tokens=1))
    [before] = store.list_marks("acme")
    refold()
    assert not store.delete_mark(before)
    assert len(marks()) == 3


def test_a_long_range_goes_on_where_it_stopped(used: dict[str, Any]) -> None:
    first = parse_instant("2025-12-16T10:00:00Z")
    days = refold(format_instant(first), "2026-02-01T00:00:00Z")
    assert days == Marked(3, quarter_hour_of(parse_instant("2026-01-16T00:00:00Z")))
    assert first + timedelta(days=MAX_DAYS) == parse_instant("2026-01-16T10:00:00Z")
    assert refold("2026-01-16T00:00:00Z", "2026-02-01T00:00:00Z") == Marked(0)


def test_it_stops_when_the_time_is_up_but_never_before_a_day_is_done(used: dict[str, Any]) -> None:
    start, end = (quarter_hour_of(parse_instant(at)) for at in ("2026-01-14T00:00:00Z", DAY[1]))
    whole = Range(start, end)
    done = mark_range("acme", whole, parse_instant(LATER), has_time=lambda: False)
    assert done == Marked(0, start + 96)
    done = mark_range("acme", Range(start + 96, end), parse_instant(LATER), has_time=lambda: False)
    assert done == Marked(3)


def test_what_has_lost_segments_or_soon_will_is_left_alone(used: dict[str, Any]) -> None:
    kept_until = int(find(QUARTER_HOUR).kept_until_s)
    a_day_before = parse_instant("1970-01-01T00:00:00Z") + timedelta(seconds=kept_until - 24 * 3600)
    assert a_day_before == parse_instant("2026-01-15T12:00:00Z") + RETENTION - timedelta(days=1)
    assert refold(now=format_instant(a_day_before - timedelta(seconds=1))) == Marked(3)
    roll(LATER)
    assert refold(now=format_instant(a_day_before)) == Marked(0)
    assert marks() == []


def test_it_is_invoked_with_local_days(client: ApiClient) -> None:
    add_organization("nyc", "America/New_York")
    add_meter(meter("sum"))
    for name, at in {"e1": "2026-01-15T04:59:59Z", "e2": "2026-01-15T05:00:00Z", "e3": "2026-01-16T05:00:00Z"}.items():
        send(event(name, at, tokens=1), organization="nyc")
    roll("2026-01-16T13:00:00Z")
    question = {"organization": "nyc", "from": "2026-01-15", "to": "2026-01-16"}
    assert client.invoke("refold_usage", question) == {"marked": 1, "next_from": None}
    assert [format_quarter_hour(at) for at in marks("nyc")] == ["2026-01-15T05:00"]
    everything = {"organization": "nyc", "from": "2025-12-01", "to": "2026-02-01T00:00:00Z"}
    assert client.invoke("refold_usage", everything) == {"marked": 0, "next_from": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"to": "2026-01-15"}, "/to must lie after from, which is 2026-01-15T00:00:00Z"),
        ({"from": "yesterday"}, "/from"),
        ({"to": None}, "/to"),
        ({"meter": "tokens"}, "/meter"),
        ({"organization": "ACME"}, "/organization"),
    ],
)
def test_a_payload_with_faults_is_refused_with_all_of_them(client: ApiClient, changed: Any, said: str) -> None:
    add_organization()
    with pytest.raises(InvalidInput, match=said):
        client.invoke("refold_usage", {"organization": "acme", "from": "2026-01-15", "to": "2026-01-16", **changed})


def test_usage_of_nobody_is_not_found(client: ApiClient) -> None:
    with pytest.raises(NotFound):
        client.invoke("refold_usage", {"organization": "nobody", "from": "2026-01-15", "to": "2026-01-16"})


def test_what_was_billed_from_damaged_counters_is_made_good_as_late_usage(client: ApiClient, clock: Clock) -> None:
    driving.set_clock("2026-01-01")
    driving.add_organization(client)
    driving.add_meter(client)
    driving.add_plan(client)
    driving.subscribe(client)
    driving.set_clock("2026-01-11")
    driving.send(client, "e1", "2026-01-10T10:00:00Z", 1000)
    driving.send(client, "e2", "2026-01-10T11:00:00Z", 500)
    driving.run(client, "rollup_usage")
    damage("q#2026-01-10T10:00", "d#2026-01-10", change=_ten_times_less)
    driving.run(client, "run_billing", "2026-02-02T01:00:00Z")
    assert driving.invoice(client, "1p0.0")["total"] == "1.50"

    question = {"organization": "acme", "from": "2026-01-01", "to": "2026-02-01"}
    assert client.invoke("refold_usage", question) == {"marked": 2, "next_from": None}
    assert driving.run(client, "rollup_usage")["rollup"]["left"] == 0
    [late] = [line for line in driving.invoice(client, "1p1.0")["lines"] if line["kind"] == "late_usage"]
    # 1,500 tokens at a cent, less what was billed of them.
    assert (late["amount"], late["origin"]["invoice"]) == ("13.50", "inv_acme.1p0.0")
    assert driving.invoice(client, "1p0.0")["total"] == "1.50"
    driving.run(client, "run_billing", "2026-03-02T01:00:00Z")
    assert driving.invoice(client, "1p1.0")["total"] == "13.50"


def _ten_times_less(states: Any) -> Any:
    combinations, values = states
    return [combinations, [str(int(value) // 10) for value in values]]
