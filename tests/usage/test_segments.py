"""Packing keeps every character of every event, in few bytes."""

import json
import random
import uuid
import zlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.shared.numbers import JsonNumber
from chalicelib.shared.strict_json import canonical, dump
from chalicelib.shared.time import instant_of, microseconds, parse_instant, quarter_hour_start
from chalicelib.usage.event_ids import pack_ids, unpack_ids
from chalicelib.usage.events import Event
from chalicelib.usage.segments import MAX_PACKED_BYTES, Packed, Segment, SegmentKind, Shape, pack, split
from tests.cpu_time import least_cpu_s
from tests.usage.build import NOON, as_read, event, number, segment

START = microseconds(parse_instant(NOON))
ODD_NAMES = [
    "",
    "data",
    "extensions",
    "a.b",
    '"',
    "\\",
    "[]",
    "{}",
    "null",
    "1",
    ",",
    "#",
    "/",
    "é",
    "😀",
    "\x00",
    "\n",
]

TEXT = st.one_of(st.sampled_from(ODD_NAMES), st.text(st.characters(exclude_categories=["Cs"]), max_size=6))
NUMBERS = st.one_of(
    st.sampled_from(
        ["0", "-0", "1", "1.0", "1.00", "1e5", "1E+5", "1e-07", "0.30000000000000004", "9" * 40, "1E+1000000"]
    ),
    st.integers(-5, 5).map(str),
).map(JsonNumber)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXT)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=4)
UUIDS = st.uuids().map(str)
IDS = st.one_of(
    UUIDS,
    UUIDS.map(str.upper),
    UUIDS.map(lambda text: text.replace("-", "")),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255),
)
EVENTS = st.builds(
    Event,
    organization=st.just("acme"),
    source=TEXT,
    id=IDS,
    type=TEXT,
    time=st.integers(0, 900_000_000 - 1).map(lambda offset: instant_of(START + offset)),
    data=OBJECTS,
    extensions=OBJECTS,
)


@given(st.lists(EVENTS, min_size=1, max_size=6))
def test_any_events_are_unpacked_as_they_were(events: list[Event]) -> None:
    packed = segment(*events)
    assert [packed.event(row, "acme") for row in range(packed.rows)] == events
    assert packed.identities == [one.identity for one in events]


@given(
    st.lists(
        st.builds(event, UUIDS, model=SCALARS, usage=st.fixed_dictionaries({"tokens": NUMBERS})),
        min_size=1,
        max_size=12,
    )
)
def test_events_of_one_shape_are_unpacked_as_they_were(events: list[Event]) -> None:
    packed = segment(*events)
    assert len(packed.shapes) == 1
    assert [packed.event(row, "acme") for row in range(packed.rows)] == events


@given(st.lists(EVENTS, min_size=1, max_size=4), st.lists(EVENTS, min_size=1, max_size=4))
def test_fingerprints_are_equal_exactly_when_type_and_data_are(ones: list[Event], others: list[Event]) -> None:
    packed, apart = segment(*ones), segment(*others)
    for place, one in enumerate(ones):
        for at, other in enumerate(others):
            same = one.type == other.type and canonical(one.data) == canonical(other.data)
            assert (packed.fingerprint(place) == apart.fingerprint(at)) == same


WHOLE = st.one_of(st.integers(-3, 300), st.integers(-(10**18), 10**18), st.sampled_from([10**18, 10**40]))


@given(st.lists(WHOLE, min_size=17, max_size=40), st.integers(1, 3))
def test_columns_of_whole_numbers_are_unpacked_as_they_were(numbers: list[int], step: int) -> None:
    base = parse_instant(NOON)
    events = [
        replace(event(f"e{at}", n=number(str(one)), m=number(str(-at))), time=base + timedelta(milliseconds=at * step))
        for at, one in enumerate(numbers)
    ]
    packed = segment(*events)
    assert [packed.event(row, "acme") for row in range(packed.rows)] == events
    assert packed.shapes[0].scalars(("n",)) == [str(one) for one in numbers]


@pytest.mark.parametrize("literal", ["1.0", "-0", "1e3", "9" * 5000, "0.5"])
def test_one_literal_that_is_no_usual_whole_number_keeps_a_column_as_text(literal: str) -> None:
    events = [event(f"e{at}", n=number(str(at))) for at in range(40)] + [event("odd", n=number(literal))]
    packed = segment(*events)
    assert packed.shapes[0].scalars(("n",)) == [*map(str, range(40)), literal]


def test_segments_of_before_whole_numbers_had_planes_are_read() -> None:
    rows = 40
    times, numbers = ",".join(["250000"] * rows), ",".join(map(str, range(rows)))
    of_data = {"h": [["llm", [["data", "n"]]]], "H": "", "d": [[["n", numbers]]]}
    document = {"s": ["tests"], "S": "", "t": times, **of_data}
    columns = zlib.compress(json.dumps(document).encode())
    ids = b"1" + zlib.compress(json.dumps([f"e{at}" for at in range(rows)]).encode())
    old = Segment("0", SegmentKind.EVENTS, event().quarter_hour, 0, Packed(ids, columns, rows))
    assert [one.text for one in (old.event(row, "acme").data["n"] for row in range(rows))] == [*map(str, range(rows))]
    assert [at - START for at in old.micros] == [250_000 * (row + 1) for row in range(rows)]


def text_of(value: Any) -> str | None:
    if isinstance(value, JsonNumber):
        return value.text
    if isinstance(value, bool):
        return dump(value)
    return value if isinstance(value, str) else None


@given(
    st.lists(
        st.fixed_dictionaries({}, optional={"a": SCALARS, "b": st.fixed_dictionaries({"c": SCALARS})}),
        min_size=1,
        max_size=8,
    )
)
def test_scalars_are_the_text_of_each_rows_value(documents: list[dict[str, Any]]) -> None:
    packed = segment(*(replace(event(f"e{at}"), data=one) for at, one in enumerate(documents)))
    for shape in packed.shapes:
        for path, found in (
            (("a",), [one.get("a") for one in documents]),
            (("b", "c"), [one.get("b", {}).get("c") for one in documents]),
        ):
            scalars = shape.scalars(path)
            assert scalars is None or scalars == [text_of(found[row]) for row in shape.rows]
            assert scalars is not None or all(found[row] is None for row in shape.rows)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_kept_wherever_they_stand(name: str) -> None:
    odd = event(name or "e", source=name, type=name)
    odd = replace(odd, data={name: {name: [{name: name}]}}, extensions={name: name})
    packed = segment(odd, event("plain", model="a"))
    assert packed.event(0, "acme") == odd
    assert packed.event(1, "acme") == event("plain", model="a")


@pytest.mark.parametrize("empty", [{}, [], "", None, {"a": {}}, {"": {"": {}}}, [[]], [{}], {"a": [], "b": {}}])
def test_empty_values_stay_apart_from_missing_ones(empty: Any) -> None:
    rows = [replace(event("e1"), data={"x": empty}), replace(event("e2"), data={}), event("e3", x=1)]
    packed = segment(*rows)
    assert [packed.event(row, "acme") for row in range(3)] == rows
    assert len({packed.fingerprint(row) for row in range(3)}) == 3


def test_a_scalar_and_the_text_that_looks_like_it_have_other_fingerprints() -> None:
    values = [
        number("1"),
        "1",
        number("1.0"),
        True,
        "true",
        None,
        "null",
        [],
        "[]",
        {},
        "{}",
        '"1"',
        ["1"],
        [number("1")],
    ]
    packed = segment(*(event(f"e{at}", value=value) for at, value in enumerate(values)))
    assert len({packed.fingerprint(row) for row in range(packed.rows)}) == len(values)


def test_the_order_of_keys_does_not_change_a_fingerprint() -> None:
    one = event("e1", a=1, b={"c": [{"d": 1, "e": 2}], "f": 3})
    other = event("e1", b={"f": 3, "c": [{"e": 2, "d": 1}]}, a=1)
    packed = segment(one, other)
    assert packed.fingerprint(0) == packed.fingerprint(1)
    assert list(packed.event(1, "acme").data) == ["b", "a"]


UPPER = "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"


NEAR_UUIDS = [
    UPPER,
    UPPER.lower(),
    UPPER[:8] + UPPER[8:].lower(),
    UPPER[:-1].lower() + "A",
    UPPER.replace("-", ""),
    f"{{{UPPER.lower()}}}",
    UPPER.lower() + "0",
    UPPER.lower().replace("6", "٦"),
]


@pytest.mark.parametrize("name", NEAR_UUIDS)
def test_only_canonical_uuids_are_packed_as_bytes_and_all_come_back(name: str) -> None:
    packed = segment(event(name))
    assert packed.ids == [name]
    assert (packed.packed.ids[:1] == b"0") == (name == UPPER.lower())


@given(st.lists(UUIDS, min_size=17, max_size=60))
def test_many_uuids_come_back_as_they_were(names: list[str]) -> None:
    blob = pack_ids(names)
    assert blob[:1] == b"2"
    assert unpack_ids(blob, len(names)) == names


def test_what_uuids_have_in_common_takes_next_to_nothing() -> None:
    """122 of the 128 bits of a random one are random, 74 of one of version 7; those of a minute begin alike."""
    rng = random.Random(5)
    ones = [uuid.UUID(int=rng.getrandbits(128), version=4) for _ in range(500)]
    at_ms = sorted(1_700_000_000_000 + rng.randrange(60_000) for _ in range(500))
    low = [7 << 76 | rng.getrandbits(12) << 64 | 2 << 62 | rng.getrandbits(62) for _ in at_ms]
    timed = [uuid.UUID(int=ms << 80 | rest) for ms, rest in zip(at_ms, low, strict=True)]
    assert len(pack_ids([str(one) for one in ones])) <= 500 * 122 / 8 + 100
    assert len(pack_ids([str(one) for one in timed])) <= 500 * (74 + 16) / 8 + 100


def test_uuids_of_before_they_were_planes_are_read() -> None:
    names = [str(uuid.UUID(int=at << 64 | at)) for at in range(40)]
    assert unpack_ids(b"0" + b"".join(uuid.UUID(name).bytes for name in names), 40) == names


def test_one_id_that_is_no_uuid_changes_none_of_the_others() -> None:
    names = [UPPER.lower(), UPPER, UPPER.lower(), "x"]
    assert segment(*(event(name) for name in names)).ids == names


@pytest.mark.parametrize("kinds", [1, 2, 90, 91, 92, 200])
def test_any_number_of_sources_types_and_values_is_kept(kinds: int) -> None:
    events = [
        event(f"e{row}", source=f"s{row % kinds}", type=f"t{row % kinds}", model=f"m{row % kinds}", same="x")
        for row in range(2 * kinds)
    ]
    one_type = [replace(one, type="llm") for one in events]
    for rows in (events, one_type):
        packed = segment(*rows)
        assert [packed.event(row, "acme") for row in range(packed.rows)] == rows


def test_times_are_kept_to_the_microsecond_in_any_order() -> None:
    base = quarter_hour_start(event().quarter_hour)
    offsets = [899_999_999, 0, 1, 450_000_000, 1]
    events = [replace(event(f"e{at}"), time=base + timedelta(microseconds=off)) for at, off in enumerate(offsets)]
    assert segment(*events).micros == [microseconds(one.time) for one in events]


def trace(count: int, rng: random.Random) -> list[Event]:
    """Make events of about 240 bytes as JSON, as a language model's gateway sends them."""
    models = ["llama-70b", "llama-8b", "mixtral", "qwen-72b"]
    return [
        Event(
            organization="acme",
            source="gateway/eu-1",
            id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            type="llm.request",
            time=parse_instant(NOON) + timedelta(milliseconds=rng.randrange(900_000)),
            data=as_read(
                {
                    "model": rng.choice(models),
                    "usage": {"input_tokens": rng.randrange(8000), "output_tokens": rng.randrange(900)},
                    "project": f"p{rng.randrange(20)}",
                }
            ),
        )
        for _ in range(count)
    ]


def as_sent(one: Event) -> str:
    return dump(
        {"id": one.id, "source": one.source, "subject": "acme", "type": one.type, "time": NOON, "data": dict(one.data)}
    )


@pytest.mark.parametrize(("count", "limit"), [(500, 12_000), (100, 2_700)])
def test_events_with_random_ids_are_packed_small(count: int, limit: int) -> None:
    events = trace(count, random.Random(7))
    assert 200 <= sum(len(as_sent(one)) for one in events) / count <= 280
    assert pack(events).size <= limit


def test_one_segment_suffices_up_to_the_limit() -> None:
    events = trace(2000, random.Random(1))
    assert [len(chosen) for chosen, _ in split(events)] == [2000]


def test_what_does_not_fit_is_split_and_nothing_is_lost_or_reordered() -> None:
    rng = random.Random(2)
    events = [event(f"e{at}", note=rng.randbytes(40_000).hex()) for at in range(12)]
    pieces = split(events)
    assert len(pieces) > 1
    assert [one for chosen, _ in pieces for one in chosen] == events
    assert all(packed.size <= MAX_PACKED_BYTES and packed.rows == len(chosen) for chosen, packed in pieces)


def test_an_event_at_the_limit_of_an_event_fits_alone() -> None:
    [(_, packed)] = split([event("e1", note=random.Random(3).randbytes(50_000).hex())])
    assert isinstance(packed, Packed)
    assert packed.size <= MAX_PACKED_BYTES


def test_comparing_and_rebuilding_every_row_takes_no_time_per_row_squared() -> None:
    packed = segment(*trace(5000, random.Random(4)))

    def go_through() -> None:
        assert len({packed.fingerprint(row) for row in range(packed.rows)}) > 4900
        assert len([packed.event(row, "acme") for row in range(packed.rows)]) == 5000

    assert least_cpu_s(go_through) < 2


def test_a_layout_that_is_not_known_is_refused_and_never_taken_for_another() -> None:
    with pytest.raises(ValueError, match="later release"):
        unpack_ids(b"3" + bytes(32), 2)
    shape = Shape("call", range(2), {("data", "n"): ["x", [1, 2]]}, b"")
    with pytest.raises(ValueError, match="later release"):
        shape.scalars(("n",))
    with pytest.raises(ValueError, match="later release"):
        shape.document(0)
