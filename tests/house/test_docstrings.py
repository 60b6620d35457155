"""Every public thing says what it does; every file of a domain says what it holds."""

import ast

from tests.house.sources import Source, at, product, sample, type_of_function


def silent_modules(of: list[Source]) -> list[str]:
    return [source.path for source in of if not ast.get_docstring(source.tree)]


def test_every_file_says_what_it_holds() -> None:
    assert silent_modules(product()) == []
    assert silent_modules([sample("x = 1")]) != []


def public(body: list[ast.stmt]) -> list[type_of_function | ast.ClassDef]:
    return [
        node
        for node in body
        if isinstance(node, type_of_function | ast.ClassDef) and not node.name.startswith("_")
    ]


def is_overload_or_override(node: type_of_function | ast.ClassDef) -> bool:
    names = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return bool(names & {"overload", "override", "setter"})


def silent(of: list[Source]) -> list[str]:
    """Find public functions and classes without a docstring, and public methods of public classes."""
    found = []
    for source in of:
        for node in public(source.tree.body):
            inside = public(node.body) if isinstance(node, ast.ClassDef) else []
            for thing in [node, *inside]:
                if not ast.get_docstring(thing) and not is_overload_or_override(thing):
                    found.append(f"{at(source, thing)} {thing.name}")
    return found


def test_every_public_thing_says_what_it_does() -> None:
    assert silent(product()) == []
    assert silent([sample("def f(): ...")]) != []
    assert silent([sample("class A:\n    'why'\n    def f(self): ...")]) != []
    assert silent([sample("class A:\n    'why'\n    def _f(self): ...")]) == []


def untidy(of: list[Source]) -> list[str]:
    """Find docstrings whose first line is no sentence."""
    found = []
    for source in of:
        for node in public(source.tree.body):
            first = (ast.get_docstring(node) or "").partition("\n")[0]
            if first and not first.endswith((".", ":", "?", "!")):
                found.append(f"{at(source, node)} {node.name}: {first}")
    return found


def test_docstrings_begin_with_a_sentence() -> None:
    assert untidy(product()) == []
    assert untidy([sample("def f():\n    'Returns x'")]) != []
