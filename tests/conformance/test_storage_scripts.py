"""Random scripts of calls to DynamoDB have the same answers on every engine, but for the listed differences."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.conformance.engines import MOTO, Engine, open_engines
from tests.conformance.playing import play
from tests.conformance.script_counts import CALLS, blocks
from tests.conformance.storage_scripts import Script, Step

_STEPS = 24


@pytest.fixture
def engines() -> Iterator[list[Engine]]:
    with open_engines() as opened:
        yield opened


def assert_alike(engines: Sequence[Engine], steps: Sequence[Step], seed: int) -> list[Any]:
    """Play a script on every engine, and give the answers; each is compared with those of the last engine."""
    told = {engine.name: play(engine, steps) for engine in engines}
    *others, reference = told
    for name in others:
        for place, step in enumerate(steps):
            assert told[name][place] == told[reference][place], f"seed {seed}, step {place}: {name}: {step}"
    return told[reference]


@pytest.mark.parametrize("seeds", blocks(CALLS), ids=str)
def test_a_random_script_of_calls_is_answered_alike(engines: list[Engine], seeds: range) -> None:
    for seed in seeds:
        assert_alike(engines, Script(seed).steps(_STEPS), seed)


def test_scripts_come_across_whatever_they_are_for(engines: list[Engine]) -> None:
    """Conditions that hold and that fail, items that come back with them, transactions of both ends, several pages."""
    seen: Counter[str] = Counter()
    for seed in range(12):
        steps = Script(seed).steps(_STEPS)
        for step, answer in zip(steps, play(engines[-1], steps), strict=True):
            refused = isinstance(answer, dict) and "refused" in answer
            seen[f"{step.operation} {'refused' if refused else 'done'}"] += 1
            seen["with the item that was there"] += "'Item': {" in str(answer) and refused
            seen["pages"] += step.walks and len(answer) > 1 and "Limit" in step.arguments
            seen["an index with items"] += "IndexName" in step.arguments and bool(answer)
    kinds = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")
    wanted = {f"{kind} {end}" for kind in kinds for end in ("done", "refused")}
    wanted |= {"with the item that was there", "pages", "an index with items"}
    assert {name for name in wanted if not seen[name]} == set()


def test_a_difference_that_is_not_listed_is_found(engines: list[Engine]) -> None:
    """Take one write away from an engine: its answers are no longer those of the others."""
    lossy = engines[0].send
    first = Engine(MOTO, lambda operation, arguments: _without_deletes(lossy, operation, arguments), engines[0].empty)
    steps = [step for seed in range(3) for step in Script(seed).steps(_STEPS)]
    with pytest.raises(AssertionError, match="moto"):
        assert_alike([first, *engines[1:]], steps, 0)


def _without_deletes(send: Any, operation: str, arguments: dict[str, Any]) -> Any:
    return {} if operation == "DeleteItem" else send(operation, arguments)
