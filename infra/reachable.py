"""Which modules of a package its own code can import, found by reading it and not by running it.

Every import counts, also one inside a function or of a name that may be no module, and so does every text that is the
dotted name of a module, since lazy imports are written that way. What stands under ``TYPE_CHECKING`` never runs, but a
module with a ``__getattr__`` imports later what it says there. So what is found is too much rather than too little;
only a name that is put together at run time is not seen, and has to be a root.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping

__all__ = ["modules_of", "reachable_modules"]

_INIT = "__init__"


def modules_of(paths: Iterable[str]) -> dict[str, str]:
    """Name the module of each path that holds one, in Python or in machine code: dotted name to path."""
    found = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        stem, _, ending = name.partition(".")
        if ending == "py" or (ending.endswith("so") and "." in name):
            parts = [*folder.split("/"), stem] if folder else [stem]
            found[".".join(parts[:-1] if stem == _INIT else parts)] = path
    return found


def reachable_modules(files: Mapping[str, bytes], roots: Iterable[str]) -> set[str]:
    """Follow every import from the roots; modules that are not in ``files`` are the run time's and left out."""
    modules = modules_of(files)
    waiting = [each for root in roots for each in _with_packages(root) if each in modules]
    found = set(waiting)
    while waiting:
        module = waiting.pop()
        path = modules[module]
        if path.endswith(".py"):
            new = set(_named(files[path], _package_of(module, path))) & modules.keys() - found
            found |= new
            waiting += new
    return found


def _package_of(module: str, path: str) -> str:
    return module if path.rpartition("/")[2] == f"{_INIT}.py" else module.rpartition(".")[0]


def _named(source: bytes, package: str) -> Iterator[str]:
    """List what a file may import, with the packages above it."""
    tree = ast.parse(source)
    lazy = any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in tree.body)
    for node in _run(tree, with_types=lazy):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield from _with_packages(alias.name)
            case ast.ImportFrom():
                base = _base(node, package)
                for alias in node.names:
                    yield from _with_packages(f"{base}.{alias.name}" if base else alias.name)
            case ast.Constant(value=str(text)) if "." in text and len(text) < 200:
                yield from _with_packages(text)


def _run(node: ast.AST, *, with_types: bool) -> Iterator[ast.AST]:
    """Walk what runs: all but the bodies of ``if TYPE_CHECKING``."""
    yield node
    below: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if not with_types and isinstance(node, ast.If) and ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING":
        below = node.orelse
    for child in below:
        yield from _run(child, with_types=with_types)


def _base(node: ast.ImportFrom, package: str) -> str:
    above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])


def _with_packages(module: str) -> Iterator[str]:
    """Give a module and the packages it is in, the outermost first: importing it imports them."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])
