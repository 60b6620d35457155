"""The project's own files, read once for the tests of its structure."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOMAINS = ("catalog", "usage", "credits", "invoices", "console")
PRODUCT = ("app.py", "chalicelib/", "local/", "infra/", "bench/")

type_of_function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Source:
    """A Python file: its path from the top, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def name(self) -> str:
        return self.module.rpartition(".")[2]


def sample(text: str, path: str = "chalicelib/usage/sample.py") -> Source:
    """Make a source from a text: what a test shows to itself to prove that it can fail."""
    return Source(path, text, ast.parse(text, path))


@cache
def files() -> tuple[str, ...]:
    """List the files that are committed or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = sorted(set(listed.stdout.split("\0")) - {""})
    return tuple(name for name in names if (ROOT / name).is_file())


@cache
def text_of(path: str) -> str | None:
    """Read a file; ``None`` when it is not text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


@cache
def sources() -> tuple[Source, ...]:
    """Parse every Python file."""
    return tuple(sample(text_of(path) or "", path) for path in files() if path.endswith(".py"))


def product() -> list[Source]:
    """List the files that are not tests."""
    return [source for source in sources() if source.path.startswith(PRODUCT)]


def deployed() -> list[Source]:
    """List the files that reach Lambda."""
    return [source for source in sources() if source.path.startswith(("app.py", "chalicelib/"))]


@cache
def nodes(source: Source) -> tuple[ast.AST, ...]:
    """List every node of a file's syntax tree, walked once for all tests."""
    return tuple(ast.walk(source.tree))


def functions(source: Source) -> Iterator[type_of_function]:
    """Walk over every function and method, nested ones too."""
    for node in nodes(source):
        if isinstance(node, type_of_function):
            yield node


def classes(source: Source) -> Iterator[ast.ClassDef]:
    """Walk over every class, nested ones too."""
    for node in nodes(source):
        if isinstance(node, ast.ClassDef):
            yield node


@cache
def calls(source: Source) -> tuple[tuple[ast.Call, str], ...]:
    """List every call with the dotted name of what is called."""
    return tuple((node, dotted(node.func)) for node in nodes(source) if isinstance(node, ast.Call))


def dotted(node: ast.expr) -> str:
    """Write an attribute chain as text; what is not a name becomes ``?``."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return "?"


def at(source: Source, node: ast.stmt | ast.expr | ast.excepthandler) -> str:
    """Name a place as an editor understands it."""
    return f"{source.path}:{node.lineno}"
