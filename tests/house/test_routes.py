"""The surface of HTTP as a whole: every route with its role, and what API Gateway would refuse."""

import difflib
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import app
from chalicelib.platform import openapi
from chalicelib.platform.http import RouteSpec, registered_routes

LISTING = Path(__file__).with_name("routes.txt")
TABLE = Path(app.__file__).parent / "chalicelib/wiring/route_table.py"
HEADER = "# Every route: method, path, roles, scope, content types of the body. To accept a change: make routes\n"


def specs() -> list[RouteSpec]:
    return sorted(registered_routes(), key=lambda spec: (spec.path, spec.method))


def line_of(spec: RouteSpec) -> str:
    roles = "+".join(sorted(role.value for role in spec.roles)) or "nobody in particular"
    return " | ".join([f"{spec.method:6} {spec.path}", roles, spec.scope, ", ".join(spec.content_types) or "no body"])


def listing() -> str:
    return HEADER + "".join(f"{line_of(spec)}\n" for spec in specs())


TABLE_HEADER = '''"""Every route with the module that declares it; written by ``make routes`` from their decorators."""

# ruff: noqa: E501 - a route is a line

# Module, method, path, name, content types.
ROUTES: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
'''


def row_of(spec: RouteSpec) -> str:
    """Write what is registered of a route before its module is imported."""
    module = spec.view.__module__.removeprefix("chalicelib.")
    types = "".join(f"{json.dumps(one)}, " for one in spec.content_types)
    types = f"({types.removesuffix(' ') if len(spec.content_types) == 1 else types.removesuffix(', ')})"
    return f"    ({json.dumps([module, spec.method, spec.path, spec.name])[1:-1]}, {types}),\n"


def table() -> str:
    return TABLE_HEADER + "".join(map(row_of, specs())) + ")\n"


def difference(written: Path, declared: str) -> list[str]:
    return list(
        difflib.unified_diff(written.read_text().splitlines(), declared.splitlines(), "listed", "declared", lineterm="")
    )


def test_the_routes_are_the_listed_ones() -> None:
    assert difference(LISTING, listing()) == []


def test_the_routes_are_registered_as_their_modules_declare_them() -> None:
    assert difference(TABLE, table()) == []


def served() -> set[tuple[str, str]]:
    """List what Chalice really serves."""
    return {(method, path) for path, methods in app.app.routes.items() for method in methods}


def test_chalice_serves_exactly_the_declared_routes() -> None:
    assert served() == {(spec.method, spec.path) for spec in specs()}


def variables_by_position(paths: list[str]) -> dict[str, set[str]]:
    """Collect the names of the variable at each position: API Gateway allows one per position."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        parts = path.split("/")
        for place, part in enumerate(parts):
            if part.startswith("{"):
                found["/".join(parts[:place])].add(part)
    return found


def clashes(paths: list[str]) -> list[str]:
    return [f"{prefix}: {sorted(names)}" for prefix, names in variables_by_position(paths).items() if len(names) > 1]


def test_sibling_routes_use_one_variable_name() -> None:
    assert clashes([spec.path for spec in specs()]) == []
    assert clashes(["/v1/a/{org}/b", "/v1/a/{id}"]) != []


def unfit(path: str) -> bool:
    """Tell whether API Gateway would refuse a path, or serve it in two forms."""
    return not re.fullmatch(r"/|(/([A-Za-z0-9._-]+|\{[a-z_]+\}))+", path)


def test_paths_are_what_api_gateway_can_serve() -> None:
    assert [spec.path for spec in specs() if unfit(spec.path)] == []
    assert all(unfit(path) for path in ("/v1/a/", "/v1/{name+}", "/v1/a{b}", "v1", "/v1//a"))
    assert not any(unfit(path) for path in ("/", "/openapi.json", "/v1/api-keys/{id}"))


def segments_of(paths: list[str]) -> int:
    """Count the resources that API Gateway makes: one for each distinct prefix."""
    return len({"/".join(path.split("/")[: place + 1]) for path in paths for place in range(1, len(path.split("/")))})


def test_there_is_room_under_the_gateways_limit_of_resources() -> None:
    assert segments_of([spec.path for spec in specs()]) <= 300
    assert segments_of(["/v1/a", "/v1/a/{b}", "/v1/c"]) == 4


def test_only_documents_and_problems_need_no_credential() -> None:
    public = {spec.path for spec in specs() if spec.scope == "public"}
    assert public <= {"/openapi.json", "/problems/{code}", "/health", "/console", "/console/assets/{name}"}


def test_routes_of_an_organization_are_bound_to_it() -> None:
    wrong = [spec.path for spec in specs() if "{org}" in spec.path and spec.scope != "organization"]
    assert wrong == []


def test_whoever_may_only_read_changes_nothing() -> None:
    # Authorizing asks with a body, and changes nothing: its tests say so.
    asking = {"/v1/organizations/{org}/authorize"}
    writing = [spec for spec in specs() if spec.method != "GET" and spec.path not in asking]
    assert [spec.path for spec in writing if {role.value for role in spec.roles} & {"read"}] == []


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(openapi.document(registered_routes())))
    return found


def undocumented(declared: set[tuple[str, str]], paths: dict[str, Any]) -> set[tuple[str, str]]:
    shown = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    return declared ^ shown


def test_every_route_is_in_the_openapi_document() -> None:
    paths = document()["paths"]
    assert undocumented({(spec.method, spec.path) for spec in specs()}, paths) == set()
    assert undocumented({("GET", "/a")}, {"/a": {"post": {}}}) == {("GET", "/a"), ("POST", "/a")}


def test_the_document_names_the_content_types_of_every_body() -> None:
    paths = document()["paths"]
    for spec in specs():
        shown = paths[spec.path][spec.method.lower()].get("requestBody", {}).get("content", {})
        assert sorted(shown) == sorted(spec.content_types), f"{spec.method} {spec.path}"


if __name__ == "__main__":
    LISTING.write_text(listing())
    TABLE.write_text(table())
