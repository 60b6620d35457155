"""Plays a script of calls on an engine, and gives what was answered to each step.

Three of the listed differences meet the scripts, all of moto. It forgets tokens: a transaction that is sent again after
it was applied is not sent to it, and has the answer that the others give. It ends a walk over pages with its last item,
where the others may end with an empty page: that one is left out. And in parts of items it writes numbers with
exponents: there they are written as everywhere else.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from chalicelib.shared.numbers import show_decimal
from tests.conformance.engines import MOTO, Engine, answered
from tests.conformance.storage_scripts import Step

Arguments = dict[str, Any]


def play(engine: Engine, steps: Sequence[Step]) -> list[Any]:
    """Play a script on empty tables."""
    engine.empty()
    applied: set[str] = set()
    told: list[Any] = []
    for step in steps:
        token = step.arguments.get("ClientRequestToken", "")
        if engine.name == MOTO and token in applied:
            told.append({})
            continue
        answer = _play_step(engine, step)
        told.append(_without_exponents(answer) if engine.name == MOTO and _is_of_parts(step) else answer)
        if token and told[-1] == {}:
            applied.add(token)
    return told


def _play_step(engine: Engine, step: Step) -> Any:
    if step.walks:
        pages = _without_empty_end(list(_pages(engine, step)))
        return _in_own_order([item for page in pages for item in page["Items"]]) if _is_of_index(step) else pages
    answer = answered(engine.send, step.operation, step.arguments)
    if step.operation == "BatchGetItem":
        answer["Responses"] = {table: _in_own_order(items) for table, items in answer["Responses"].items() if items}
    return answer


def _is_of_index(step: Step) -> bool:
    return "IndexName" in step.arguments


def _is_of_parts(step: Step) -> bool:
    return "ProjectionExpression" in step.arguments


def _without_exponents(answer: Any) -> Any:
    if isinstance(answer, list):
        return [_without_exponents(each) for each in answer]
    if not isinstance(answer, dict):
        return answer
    return {
        name: show_decimal(Decimal(value)) if name == "N" else _without_exponents(value)
        for name, value in answer.items()
    }


def _pages(engine: Engine, step: Step) -> Iterator[Arguments]:
    begin: Arguments = {}
    while True:
        answer = engine.send(step.operation, {**step.arguments, **begin})
        yield {name: answer[name] for name in ("Items", "Count", "ScannedCount")}
        if not answer.get("LastEvaluatedKey"):
            return
        begin = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _without_empty_end(pages: list[Arguments]) -> list[Arguments]:
    return pages[:-1] if len(pages) > 1 and pages[-1]["ScannedCount"] == 0 else pages


def _in_own_order(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Sort what comes in no order: items of a batch, and of an index where their keys are equal."""
    return sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))
