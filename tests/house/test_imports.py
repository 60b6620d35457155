"""Who may import whom: shared ← platform ← domains ← app.py, and inside a domain core ← storage ← services ← edge."""

import ast
import sys
from collections.abc import Iterator

from tests.house.sources import DOMAINS, Source, calls, deployed, nodes, sample, sources

# A domain may use itself and these. Never the other way.
MAY_USE = {
    "catalog": {"catalog"},
    "usage": {"usage", "catalog"},
    "credits": {"credits", "usage", "catalog"},
    "invoices": {"invoices", "credits", "usage", "catalog"},
    # It shows what the public API says, to a browser that asks it: it needs nobody.
    "console": {"console"},
}
STORAGE = {"tables", "store"}
EDGE = {"api", "jobs", "models"}
# Whatever a domain does not declare here, and does not name as storage or edge, is core, and core is pure.
SERVICES = {
    "catalog": {"service"},
    "usage": {
        *("ingest", "corrections", "expiry", "rollup", "counting"),
        *(
            "reader",
            "query",
            "search",
            "health",
            "period_usage",
            "closed_periods",
            "billed_events",
            "spending",
            "visibility",
        ),
    },
    "credits": {"service"},
    "invoices": {
        *("reader", "finalization", "commands", "voiding", "subscribing", "billing_run", "explaining"),
        *("spending", "attribution", "opening", "crediting", "claiming"),
    },
    "console": set(),
}
LAYERS = ("core", "storage", "service", "edge")
IMPURE = {"os", "random", "secrets", "time", "uuid", "socket", "subprocess", "threading", "logging", "tempfile", "io"}
IMPURE_SHARED = {"chalicelib.shared.clock", "chalicelib.shared.ids"}


def is_package(module: str) -> bool:
    return any(source.module.startswith(f"{module}.") for source in sources())


def is_module(module: str) -> bool:
    return any(source.module == module for source in sources())


def imports(source: Source) -> Iterator[tuple[str, int]]:
    """List the modules that a file imports, also inside functions and for types alone."""
    package = source.module if source.path.endswith("__init__.py") else source.module.rpartition(".")[0]
    for node in nodes(source):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parent, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield (whole if is_module(whole) else base), node.lineno


def layer(module: str) -> str:
    """Tell the layer of a domain's module by its name."""
    _, domain, *rest = module.split(".")
    name = rest[0] if rest else "__init__"
    if name in STORAGE or name.endswith(("_tables", "_store")):
        return "storage"
    if name in EDGE or name.startswith("api_") or name.endswith(("_api", "_jobs", "_models")):
        return "edge"
    if name in SERVICES[domain] or name.endswith("_service"):
        return "service"
    return "core"


def domain_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "chalicelib" and len(parts) > 1 and parts[1] in DOMAINS else None


def fault_of(module: str, imported: str) -> str | None:
    """Say why a module may not import another, or ``None`` when it may."""
    top = imported.split(".", maxsplit=1)[0]
    if top in {"local", "bench", "infra", "tests", "app"}:
        return "what is deployed imports nothing that is not"
    if module == "app":
        return None
    if domain_of(module) is not None:
        return fault_in_domain(module, imported)
    package = module.split(".")[1] if "." in module else ""
    if package == "shared":
        allowed = top in sys.stdlib_module_names or imported.startswith("chalicelib.shared.") or top == "iso4217"
        return None if allowed else "shared knows the standard library and itself"
    if package == "platform" and top == "chalicelib":
        allowed = imported.startswith(("chalicelib.shared.", "chalicelib.platform"))
        return None if allowed else "the platform knows no domain"
    return None


def is_storage(imported: str) -> bool:
    return domain_of(imported) is not None and layer(imported) == "storage"


def fault_in_domain(module: str, imported: str) -> str | None:
    mine, theirs = domain_of(module), domain_of(imported)
    own = layer(module)
    if theirs is None:
        return fault_outside(own, imported)
    assert mine is not None
    if theirs not in MAY_USE[mine]:
        return f"{mine} does not use {theirs}"
    if imported == f"chalicelib.{theirs}":
        return "import a module, not a whole domain"
    if mine != theirs and layer(imported) in {"storage", "edge"}:
        return "another domain's storage and edge are its own"
    if LAYERS.index(layer(imported)) > LAYERS.index(own):
        return f"{own} imports {layer(imported)}"
    return None


def fault_outside(own: str, imported: str) -> str | None:
    """Judge an import from outside the domains: only core and services are restricted."""
    top = imported.split(".", maxsplit=1)[0]
    if own == "core":
        if imported in IMPURE_SHARED or top in IMPURE:
            return "core takes time, ids and chance as arguments, and does no I/O"
        pure = top in sys.stdlib_module_names or imported.startswith("chalicelib.shared.")
        return None if pure else "core knows the standard library, shared and core"
    if own == "service":
        return "services know no framework" if top in {"chalice", "pynamodb", "boto3"} else None
    if own == "storage":
        return "only the outermost edge reads the clock" if imported == "chalicelib.shared.clock" else None
    return None


def faults(of: list[Source]) -> list[str]:
    found = []
    for source in of:
        for imported, line in imports(source):
            fault = fault_of(source.module, imported)
            if fault is not None:
                found.append(f"{source.path}:{line}: {imported}: {fault}")
    return found


def test_imports_keep_their_direction() -> None:
    assert faults(deployed()) == []


def test_every_forbidden_direction_is_seen() -> None:
    refused = {
        "chalicelib/shared/a.py": ["import boto3", "from chalicelib.platform import tables"],
        "chalicelib/platform/a.py": ["from chalicelib.catalog import meters", "import chalicelib.usage.store"],
        "chalicelib/catalog/a.py": ["import os", "import random", "from chalicelib.shared.clock import clock"],
        "chalicelib/usage/a.py": [
            "import boto3",
            "import pynamodb.models",
            "from chalicelib.platform import tables",
            "from chalicelib.shared import ids",
            "from . import store",
            "def f():\n    import time",
        ],
        "chalicelib/usage/store.py": ["import chalicelib.usage.query", "from chalicelib.usage.api import routes"],
        "chalicelib/usage/query.py": [
            "from chalicelib.catalog.store import x",
            "import chalicelib.catalog.tables",
            "import chalicelib.usage.api",
            "import chalicelib.invoices.rating",
            "import chalice",
            "import chalicelib.catalog",
        ],
        "chalicelib/catalog/api.py": ["import chalicelib.usage.events", "import local.server", "import app"],
        "app.py": ["import bench", "from local import server"],
    }
    for path, lines in refused.items():
        for line in lines:
            assert faults([sample(line, path)]) != [], f"{path}: {line}"


def test_allowed_directions_are_not_refused() -> None:
    allowed = {
        "chalicelib/shared/a.py": ["import json", "from chalicelib.shared.time import QuarterHour"],
        "chalicelib/usage/fold.py": ["from decimal import Decimal", "from chalicelib.catalog.meters import Meter"],
        "chalicelib/usage/store.py": ["import pynamodb", "from chalicelib.platform.tables import BaseModel"],
        "chalicelib/usage/query.py": ["import chalicelib.usage.store", "import chalicelib.catalog.service"],
        "chalicelib/usage/api.py": ["import chalicelib.usage.query", "from chalicelib.shared.clock import clock"],
        "app.py": ["import chalice", "from chalicelib.usage import api"],
    }
    for path, lines in allowed.items():
        for line in lines:
            assert faults([sample(line, path)]) == [], f"{path}: {line}"


def hidden_imports(of: list[Source]) -> list[str]:
    """Find imports by name at run time, which no rule above could see."""
    return [
        f"{source.path}:{call.lineno}"
        for source in of
        for call, name in calls(source)
        if name in {"__import__", "import_module", "importlib.import_module", "exec", "eval"}
    ]


def test_nothing_is_imported_by_a_name_at_run_time() -> None:
    assert hidden_imports(deployed()) == []
    assert hidden_imports([sample("importlib.import_module('boto3')")]) != []


def other_storage(of: list[Source]) -> list[str]:
    return [f"{source.path}:{line}" for source in of for imported, line in imports(source) if is_storage(imported)]


def test_the_local_server_stays_out_of_the_domains_storage() -> None:
    assert other_storage([source for source in sources() if source.path.startswith("local/")]) == []
    assert other_storage([sample("import chalicelib.usage.store", "local/a.py")]) != []


def statements(body: list[ast.stmt]) -> int:
    """Count statements without the docstring."""
    return len(body) - (1 if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) else 0)


def working_functions(source: Source) -> list[str]:
    return [
        node.name
        for node in nodes(source)
        if isinstance(node, ast.FunctionDef) and (statements(node.body) > 1 or not is_plain(node.body[-1]))
    ]


def is_plain(node: ast.stmt) -> bool:
    return isinstance(node, ast.Return | ast.Expr | ast.Pass)


def test_app_is_wiring_only() -> None:
    assert [name for source in deployed() if source.path == "app.py" for name in working_functions(source)] == []
    assert working_functions(sample("def f(event):\n    'why'\n    return jobs.rollup(event)")) == []
    assert working_functions(sample("def f(event):\n    x = 1\n    return x")) == ["f"]
