"""What is listed of a quarter-hour is what a look at every event by itself would list."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.shared.time import format_instant, instant_of, microseconds, parse_instant
from chalicelib.usage.event_listing import ListedEvent, Lister, Wanted, list_events
from chalicelib.usage.events import Event, EventState
from chalicelib.usage.matching import dimensions_of, is_for
from chalicelib.usage.segments import Segment
from tests.usage import build

START = microseconds(parse_instant(build.NOON))
METER = build.meter(
    filters={"kind": ["in", ""]}, dimensions={"model": "model"}, count_from="2026-01-15T12:00:00.000002Z"
)
CATALOG = build.catalog(METER, build.meter("count", key="all"))
LISTER = Lister("acme", CATALOG)
ALL = Wanted(start=START, end=START + 900 * 10**6)

DATA = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["a", "b", ""]),
        "kind": st.sampled_from(["in", "out", ""]),
        "tokens": st.sampled_from([1, 2, "x"]),
    },
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    time = format_instant(instant_of(START + draw(st.integers(0, 5))))
    name, source, kind = (draw(st.sampled_from(names)) for names in (["e1", "e2", "e3"], ["s", "t"], ["llm", "other"]))
    return build.event(name, time, source=source, type=kind, **draw(DATA))


@st.composite
def partitions(draw: st.DrawFn) -> list[Segment]:
    requests = draw(st.lists(st.lists(events(), min_size=1, max_size=5), min_size=1, max_size=4))
    made = [build.segment(*request, sort_id=f"{at}") for at, request in enumerate(requests)]
    received = [event for request in requests for event in request]
    for at, event in enumerate(draw(st.lists(st.sampled_from(received), max_size=3))):
        if draw(st.booleans()):
            made.append(build.void(event, f"v{at}"))
        else:
            made.append(build.amend(event, f"v{at}", **draw(DATA)))
    return made


WANTED = st.builds(
    Wanted,
    start=st.integers(START, START + 3),
    end=st.integers(START + 3, START + 10),
    type=st.sampled_from([None, None, "llm", "other"]),
    source=st.sampled_from([None, None, "s"]),
    id=st.sampled_from([None, None, "e1"]),
    meter=st.sampled_from([None, METER]),
)
MODELS = st.sampled_from([None, frozenset("a"), frozenset(["b", ""]), frozenset([""])])


def listed(segments: list[Segment], wanted: Wanted, **more: Any) -> list[ListedEvent]:
    return list(list_events(segments, wanted, LISTER, **more))


def is_wanted(event: Event, wanted: Wanted) -> bool:
    named = ((wanted.type, event.type), (wanted.source, event.source), (wanted.id, event.id))
    if not wanted.start <= microseconds(event.time) < wanted.end:
        return False
    if any(asked not in (None, own) for asked, own in named):
        return False
    if wanted.meter is None:
        return True
    values = dimensions_of(wanted.meter, event)
    return is_for(wanted.meter, event) and all(values[name] in them for name, them in wanted.dimensions.items())


@given(partitions(), WANTED, MODELS)
def test_filters_keep_exactly_what_they_say(
    segments: list[Segment], wanted: Wanted, models: frozenset[str] | None
) -> None:
    if wanted.meter is not None and models is not None:
        wanted = replace(wanted, dimensions={"model": models})
    assert listed(segments, wanted) == [one for one in listed(segments, ALL) if is_wanted(one.event, wanted)]


@given(partitions())
def test_every_event_is_listed_once_newest_first(segments: list[Segment]) -> None:
    found = listed(segments, ALL)
    assert len(found) == sum(one.rows for one in segments if one.kind == "events")
    order = [(microseconds(one.event.time), one.position.sort_id, one.position.row) for one in found]
    assert order == sorted(order, reverse=True)
    assert len(set(order)) == len(order)


@given(partitions())
def test_each_identity_is_first_once(segments: list[Segment]) -> None:
    later = (EventState.DUPLICATE, EventState.CONFLICT)
    found = listed(segments, ALL)
    first = [one.event.identity for one in found if one.state not in later]
    assert sorted(first) == sorted({one.event.identity for one in found})


@given(partitions(), WANTED, st.integers(0, 20))
def test_a_list_goes_on_after_any_of_its_events(segments: list[Segment], wanted: Wanted, place: int) -> None:
    found = listed(segments, wanted)
    for below in [one.position for one in found[place : place + 1]]:
        assert found[: place + 1] + listed(segments, wanted, below=below) == found
