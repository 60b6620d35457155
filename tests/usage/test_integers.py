"""Whole numbers come back as they were, in about as few bytes as there is to tell."""

import random

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.usage.integers import MOST_PLANES, add_integers, read_integers
from chalicelib.usage.planes import Planes, deflate, inflate, read_plane

NEAR = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.lists(NEAR, min_size=1, max_size=50), min_size=1, max_size=3))
def test_any_numbers_come_back_wherever_they_begin(columns: list[list[int]]) -> None:
    planes = Planes()
    added = [add_integers(numbers, planes) for numbers in columns]
    for numbers, where in zip(columns, added, strict=True):
        assert where is not None
        assert read_integers(where, bytes(planes.packed), count=len(numbers)) == numbers


def test_numbers_that_lie_too_far_apart_are_refused_and_add_nothing() -> None:
    planes, reach = Planes(), 2 ** (8 * MOST_PLANES)
    assert add_integers([5, 5 + reach], planes) is None
    assert not planes.packed
    where = add_integers([5, 4 + reach], planes)
    assert where is not None
    assert read_integers(where, bytes(planes.packed), count=2) == [5, 4 + reach]


def test_equal_numbers_need_no_plane() -> None:
    planes = Planes()
    assert add_integers([7] * 9, planes) == [0, 7, []]
    assert read_integers([0, 7, []], b"", count=9) == [7] * 9


def test_random_numbers_take_little_more_than_there_is_to_tell() -> None:
    chance = random.Random(1)
    for most, bits in ((4096, 12), (512, 9), (65_536, 16)):
        planes = Planes()
        add_integers([chance.randrange(most) for _ in range(500)], planes)
        assert len(planes.packed) * 8 <= 500 * bits * 1.04 + 8 * 20


SHORT = st.integers(1, 40).flatmap(
    lambda count: st.lists(
        st.one_of(
            st.binary(min_size=count, max_size=count),
            st.lists(st.integers(0, 1), min_size=count, max_size=count).map(bytes),
            st.integers(0, 255).map(lambda one: bytes([one]) * count),
        ),
        min_size=1,
        max_size=5,
    )
)


@given(SHORT)
def test_planes_are_read_one_by_one(each: list[bytes]) -> None:
    planes, places = Planes(), []
    for plane in each:
        places.append((len(planes.packed), planes.add(plane)))
    packed, count = bytes(planes.packed), len(each[0])
    assert [read_plane(packed, start, length, count=count) for start, length in places] == each


@given(st.binary(min_size=1, max_size=600), st.binary(max_size=5))
def test_deflated_bytes_tell_where_they_end(plane: bytes, after: bytes) -> None:
    assert inflate(deflate(plane) + after) == (plane, after)


def test_zeros_and_ones_take_a_bit_each_and_less_where_they_are_alike() -> None:
    chance = random.Random(2)
    assert Planes().add(bytes(chance.randrange(2) for _ in range(800))) == 100
    assert -12 <= Planes().add(bytes(800)) < 0
