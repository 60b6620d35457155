"""The tables of ``docs/engines.md``: what differs, what calls cost, which tests are left out.

``python -m tests.conformance.tables`` writes them into the page again; a test makes sure that they are in it.
"""

import re
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from tests.conformance.capacity import Cost
from tests.conformance.differences import DIFFERENCES
from tests.conformance.engines import DYNAMODB_LOCAL, EMBEDDED, Engine, open_engines
from tests.conformance.priced import PRICED, Priced, cost_by_rules
from tests.conformance.selection import LEFT_OUT

PAGE = Path(__file__).parents[2] / "docs" / "engines.md"
_WORDS = {
    "TransactionCanceledException": "cancelled:",
    "IdempotentParameterMismatchException": "mismatch",
    "ConditionalCheckFailedException": "condition failed",
    "ValidationException": "refused",
}


def differences() -> str:
    """Draw the table of differences."""
    head = ("what is asked", "moto", "embedded", "DynamoDB Local", "AWS", "could the app notice")
    rows = ((each.what, *map(_shown, (*each.answers, each.aws)), each.matters) for each in DIFFERENCES)
    return _table(head, rows)


def _shown(answer: str) -> str:
    for word, short in _WORDS.items():
        answer = answer.replace(word, short)
    # A long number is told by its length.
    return re.sub(r"(\d)\1{30,}", lambda run: f"{run[1]}…{run[1]}", answer)


def costs(engine: Engine) -> str:
    """Draw the table of what calls cost, by the rules and as engines tell it."""
    head = ("call", "by the rules", "embedded", "DynamoDB Local")
    return _table(head, (_priced(engine, case) for case in PRICED))


def _priced(engine: Engine, case: Priced) -> tuple[str, ...]:
    engine.empty()
    cost = cost_by_rules(engine.send, case)
    told = [_told(case, name, cost) for name in (EMBEDDED, DYNAMODB_LOCAL)]
    indexes = f" ({', '.join(f'{name} {_units(units)}' for name, units in cost.indexes)})" if cost.indexes else ""
    return (case.what, f"{_units(cost.total)}{indexes}", *told)


def _told(case: Priced, name: str, cost: Cost) -> str:
    if name == EMBEDDED and case.operation == "BatchGetItem":
        return "**tells none**"
    other = case.told_otherwise.get(name)
    return _units(cost.total) if other is None else f"**{_units(other)}**"


def _units(units: Fraction) -> str:
    return str(units.numerator) if units.denominator == 1 else f"{units.numerator / units.denominator:g}"


def left_out() -> str:
    """Draw the table of tests that do not run on DynamoDB Local."""
    return _table(("test", "why not"), ((f"`{name}`", why) for name, why in LEFT_OUT.items()))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def all_tables() -> dict[str, str]:
    """Draw every table, by the name that the page gives its place."""
    with open_engines() as engines:
        (embedded,) = (engine for engine in engines if engine.name == EMBEDDED)
        return {"differences": differences(), "costs": costs(embedded), "left out": left_out()}


def written(page: str, tables: dict[str, str]) -> str:
    """Give a page with its tables in their places: between ``<!-- name -->`` and ``<!-- end -->``."""
    for name, table in tables.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        found = place.search(page)
        assert found is not None, f"the page has no place for {name}"
        page = "".join((page[: found.start()], found[1], table, "\n", found[2], page[found.end() :]))
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(), all_tables()))
