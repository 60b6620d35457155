"""The units that engines tell are those of the rules, call by call, but for the differences that are listed."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from bench.store import read_units
from tests.conformance.capacity import find, told, told_of_indexes, writes_of, written
from tests.conformance.engines import DYNAMODB_LOCAL, EMBEDDED, MOTO, PRESENT, Engine, Send, open_engines
from tests.conformance.living import live
from tests.conformance.priced import PRICED, WRITES, Priced, cost_by_rules

COUNTING = [name for name in PRESENT if name != MOTO]
_INDEXES = {"ReturnConsumedCapacity": "INDEXES"}


@pytest.fixture(scope="module")
def engines() -> Iterator[dict[str, Engine]]:
    with open_engines() as opened:
        yield {engine.name: engine for engine in opened}


def measured(engine: Engine, case: Priced) -> dict[str, Any]:
    """Make the call on fresh tables and give the engine's answer with all that it tells of units."""
    engine.empty()
    for request in case.before:
        engine.send("PutItem", request)
    answer: dict[str, Any] = engine.send(case.operation, {**case.request, **_INDEXES})
    return answer


@pytest.mark.parametrize("name", COUNTING)
@pytest.mark.parametrize("case", PRICED, ids=lambda each: each.what)
def test_an_engine_tells_the_units_of_the_rules_or_those_that_are_listed(
    engines: dict[str, Engine], name: str, case: Priced
) -> None:
    units = told(measured(engines[name], case))
    engines[name].empty()
    by_rules = cost_by_rules(engines[name].send, case)
    if name == EMBEDDED and case.operation == "BatchGetItem":
        assert units is None
    else:
        assert units == case.told_otherwise.get(name, by_rules.total)
        assert case.told_otherwise.get(name) != by_rules.total, "the difference has gone"


@pytest.mark.parametrize("name", COUNTING)
@pytest.mark.parametrize("case", WRITES, ids=lambda each: each.what)
def test_each_index_that_a_write_changes_is_told(engines: dict[str, Engine], name: str, case: Priced) -> None:
    indexes = told_of_indexes(measured(engines[name], case))
    engines[name].empty()
    assert indexes == dict(cost_by_rules(engines[name].send, case).indexes)


class Audit:
    """Stands between the app and an engine, and compares the units of each call with the rules'."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.compared: Counter[str] = Counter()

    def through(self, send: Send) -> Send:
        """Let calls pass, each with its units asked for."""

        def audited(operation: str, request: dict[str, Any]) -> Any:
            before = [find(send, table, key) for table, key, _ in writes_of(operation, request)]
            answer = send(operation, {**request, **_INDEXES})
            by_rules = self._by_rules(send, operation, request, answer, before)
            if by_rules is not None:
                assert told(answer) == by_rules, f"{operation} {request}"
                self.compared[operation] += 1
            return answer

        return audited

    def _by_rules(self, send: Send, operation: str, request: Any, answer: Any, before: list[Any]) -> Fraction | None:
        """Give the units by the rules, ``None`` for what the engine is listed to tell otherwise."""
        if before:
            if operation == "TransactWriteItems" and self.name == DYNAMODB_LOCAL:
                return None
            after = [find(send, table, key) for table, key, _ in writes_of(operation, request)]
            targets = zip(writes_of(operation, request), before, after, strict=True)
            costs = [written(table, old, new, in_transaction=both) for (table, _, both), old, new in targets]
            return sum((cost.total for cost in costs), Fraction(0))
        if self.name == EMBEDDED or "ProjectionExpression" in request or "FilterExpression" in request:
            return None
        units = Fraction(str(read_units(operation, request, answer)))
        return units - _for_nothing(operation, request, answer)


def _for_nothing(operation: str, request: Any, answer: Any) -> Fraction:
    """Count the units of what is not there, which the rules count and DynamoDB Local does not."""
    if operation == "BatchGetItem":
        asked = sum(len(each["Keys"]) for each in request["RequestItems"].values())
        return Fraction(asked - sum(map(len, answer["Responses"].values())))
    if operation == "Query" and not answer["Items"]:
        return Fraction(1 if request.get("ConsistentRead") else Fraction(1, 2))
    return Fraction(0)


@pytest.mark.parametrize("name", COUNTING)
def test_whatever_the_app_calls_costs_what_the_rules_say(engines: dict[str, Engine], name: str) -> None:
    """Reads are counted as the bench counts them."""
    audit = Audit(name)
    live(engines[name], 1, steps=14, through=audit.through)
    writes = {"PutItem", "TransactWriteItems", "BatchWriteItem"}
    reads = {"GetItem", "Query", "BatchGetItem"}
    wanted = writes if name == EMBEDDED else reads | writes - {"TransactWriteItems"}
    assert wanted <= set(audit.compared)
