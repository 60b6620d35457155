"""What ingest and search say about one event is what the fold says about columns of them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.catalog.meters import Aggregation
from chalicelib.shared.numbers import JsonNumber
from chalicelib.usage.fold import fold
from chalicelib.usage.matching import dimensions_of, matches, meters_by_type, scalar_at
from tests.usage import build

SCALARS: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, "", "7", "x", JsonNumber("7"), JsonNumber("1e40"), [], {}, {"b": "7"}]
)
EVENTS = st.dictionaries(st.sampled_from(["a", "b", "a.b"]), SCALARS, max_size=3)
METERS = st.builds(
    build.meter,
    st.sampled_from([one.value for one in Aggregation]),
    value=st.sampled_from(["a", "a.b", "b"]),
    filters=st.sampled_from([{}, {"b": ["", "x"]}, {"a": ["true", "7"]}]),
    dimensions=st.sampled_from([{}, {"d": "a.b"}, {"d": "b"}]),
    event_type=st.sampled_from(["llm", "llm", "other"]),
    count_from=st.sampled_from([None, build.NOON, "2026-01-15T12:00:00.000001Z"]),
    archived_at=st.sampled_from([None, build.NOON, "2026-01-15T12:00:00.000001Z"]),
)


@given(EVENTS, METERS)
def test_one_event_and_the_fold_agree(data: dict[str, Any], meter: Any) -> None:
    event = build.event(**data)
    counters = fold([build.segment(event)], build.catalog(meter))
    found = matches(event, [meter])
    assert counters.health.unmatched == (not found)
    assert counters.health.unusable == sum(not one.usable for one in found)
    if counters.meters.get(meter.key):
        assert list(counters.meters[meter.key]) == [tuple(dimensions_of(meter, event).values())]
    else:
        assert not any(one.usable for one in found)


def test_a_value_is_found_by_its_whole_path() -> None:
    data = {"a": {"b": JsonNumber("1.50")}, "a.b": "other", "c": True}
    assert scalar_at(data, ("a", "b")) == "1.50"
    assert scalar_at(data, ("a.b",)) == "other"
    assert scalar_at(data, ("c",)) == "true"
    assert scalar_at(data, ("a",)) is None
    assert scalar_at(data, ("c", "d")) is None


def test_meters_are_listed_by_key() -> None:
    meters = [build.meter(key="z"), build.meter(key="a"), build.meter(key="m", event_type="other")]
    by_type = meters_by_type(build.catalog(*meters))
    assert {kind: [one.key for one in listed] for kind, listed in by_type.items()} == {
        "llm": ["a", "z"],
        "other": ["m"],
    }
