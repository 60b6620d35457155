"""Random lives of the whole app have the same answers on every engine, request by request."""

from collections.abc import Iterator

import pytest

from tests.conformance.engines import Engine, open_engines
from tests.conformance.living import live
from tests.conformance.script_counts import LIVES, blocks

_STEPS = 18


@pytest.fixture
def engines() -> Iterator[list[Engine]]:
    with open_engines() as opened:
        yield opened


@pytest.mark.parametrize("seeds", blocks(LIVES, 4), ids=str)
def test_a_random_life_is_answered_alike(engines: list[Engine], seeds: range) -> None:
    for seed in seeds:
        told = {engine.name: live(engine, seed, steps=_STEPS) for engine in engines}
        *others, reference = told
        for name in others:
            for place, (one, other) in enumerate(zip(told[name], told[reference], strict=False)):
                assert one == other, f"seed {seed}, request {place}: {name}"
            assert len(told[name]) == len(told[reference])


def test_a_life_is_the_same_each_time(engines: list[Engine]) -> None:
    first = live(engines[-1], 1, steps=3)
    assert live(engines[-1], 1, steps=3) == first
    assert live(engines[-1], 2, steps=3) != first
