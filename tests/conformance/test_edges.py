"""What every engine answers alike, and every difference that was found: it is still there, and in the documents."""

from collections.abc import Iterator

import pytest

from tests.conformance.alike import ALIKE
from tests.conformance.asking import Ask
from tests.conformance.differences import DIFFERENCES, Difference
from tests.conformance.engines import PRESENT, Engine, open_engines


@pytest.fixture(scope="module")
def engines() -> Iterator[dict[str, Engine]]:
    with open_engines() as opened:
        yield {engine.name: engine for engine in opened}


def ask(engine: Engine, question: Ask) -> str:
    engine.empty()
    return question(engine.send)


@pytest.mark.parametrize("name", PRESENT)
@pytest.mark.parametrize(("question", "answer"), [pytest.param(*each[1:], id=each[0]) for each in ALIKE])
def test_a_rule_of_dynamodb_holds(engines: dict[str, Engine], name: str, question: Ask, answer: str) -> None:
    assert ask(engines[name], question) == answer


@pytest.mark.parametrize("name", PRESENT)
@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda each: each.what)
def test_a_listed_difference_is_still_there(engines: dict[str, Engine], name: str, difference: Difference) -> None:
    assert ask(engines[name], difference.ask) == difference.by_engine[name]
