"""Sizes that keep a file readable in one go: functions, files, parameters."""

import ast
from statistics import median

from tests.house.sources import (
    Source,
    at,
    deployed,
    files,
    functions,
    product,
    sample,
    sources,
    text_of,
    type_of_function,
)

LONGEST_FUNCTION = 60
LONGEST_FILE = 400
LONGEST_TEST_FILE = 600
FREE = {"one", "other", "first", "start", "end", "before", "after"}
CODE = (".py", ".js", ".css", ".sh")


def length(node: type_of_function) -> int:
    """Count lines from ``def`` to the end; decorators say what a function is for, not how long it is."""
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def percentile_95(values: list[int]) -> int:
    ordered = sorted(values)
    return ordered[-(-95 * len(ordered) // 100) - 1]


def long_functions(of: list[Source]) -> list[str]:
    return [
        f"{at(source, node)} {node.name} has {length(node)} lines"
        for source in of
        for node in functions(source)
        if length(node) > LONGEST_FUNCTION
    ]


def test_no_function_is_longer_than_sixty_lines() -> None:
    assert long_functions(list(sources())) == []
    assert long_functions([sample("def f():\n" + "    x = 1\n" * 60)]) != []


def test_most_functions_are_short() -> None:
    lengths = [length(node) for source in product() for node in functions(source)]
    assert median(lengths) <= 10
    assert percentile_95(lengths) <= 35
    assert percentile_95([*[1] * 95, 40, 40, 40, 40, 40]) == 1
    assert percentile_95([*[1] * 94, 40, 40, 40, 40, 40, 40]) == 40


def long_files(of: dict[str, int]) -> list[str]:
    return [
        f"{name} has {lines} lines"
        for name, lines in of.items()
        if lines > (LONGEST_TEST_FILE if name.startswith("tests/") else LONGEST_FILE)
    ]


def code_files() -> dict[str, int]:
    return {name: len((text_of(name) or "").splitlines()) for name in files() if name.endswith(CODE)}


def test_no_file_is_too_long() -> None:
    assert long_files(code_files()) == []
    assert long_files({"chalicelib/a.py": 400, "tests/a.py": 600}) == []
    assert long_files({"chalicelib/a.py": 401, "tests/a.py": 601}) != []


def test_most_files_are_short() -> None:
    assert median(len(source.text.splitlines()) for source in product()) <= 150


def positional(node: type_of_function) -> list[ast.arg]:
    """List the parameters that may be given by position, without ``self`` and ``cls``."""
    arguments = [*node.args.posonlyargs, *node.args.args]
    return arguments[1:] if arguments and arguments[0].arg in {"self", "cls"} else arguments


def crowded(of: list[Source]) -> list[str]:
    return [
        f"{at(source, node)} {node.name} has {len(positional(node))} positional parameters"
        for source in of
        for node in functions(source)
        if len(positional(node)) > 4 and not source.path.startswith("tests/")
    ]


def test_no_function_has_more_than_four_positional_parameters() -> None:
    assert crowded(list(sources())) == []
    assert crowded([sample("def f(a, b, c, d, e): ...")]) != []
    assert crowded([sample("def f(self, a, b, c, d, *, e): ...")]) == []


def confusable(node: type_of_function) -> bool:
    """Tell whether two positional parameters have one type.

    ``one, other`` says that their order does not matter; nobody confuses ``first, end``, ``start, end`` or
    ``before, after``.
    ``Any`` is no type, and a library decides about what is marked as an override.
    """
    if any(ast.unparse(decorator).endswith("override") for decorator in node.decorator_list):
        return False
    ordered = [argument.annotation for argument in positional(node) if argument.arg not in FREE]
    written = [ast.unparse(annotation) for annotation in ordered if annotation is not None]
    return any(written.count(annotation) > 1 for annotation in set(written) - {"Any"})


def confusing(of: list[Source]) -> list[str]:
    """Find public functions whose callers could swap two arguments unnoticed."""
    return [
        f"{at(source, node)} {node.name}"
        for source in of
        for node in functions(source)
        if not node.name.startswith("_") and confusable(node)
    ]


def test_parameters_of_one_type_are_keyword_only() -> None:
    assert confusing(deployed()) == []
    assert confusing([sample("def f(paid: int, due: int): ...")]) != []
    assert confusing([sample("def f(*, paid: int, due: int): ...")]) == []
    assert confusing([sample("def merge(one: int, other: int): ...")]) == []
    assert confusing([sample("def f(start: int, end: int): ...")]) == []
